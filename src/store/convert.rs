//! From one store to another: every key with its value, in batches, and then a second look at both.
//!
//! Each batch is committed together with a marker in the target that says how far it has come, so that a conversion
//! that was killed goes on where it was. As long as the marker is there the target is no store for a service. It goes
//! when both sides were read from end to end and hold the same. Records get new revisions: nobody keeps one for longer
//! than it takes to decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::backend::{Backend, Expect, RawBatch, RawValue, Revision, Scan};
use super::typed::{open_backend, without_password};
use super::{StoreError, StoreOptions};

/// Keys of one batch, at most.
const KEYS: usize = 256;
/// Where the marker is. No record has this key: kinds are words of ours, and this one is not used elsewhere.
pub(super) const MARKER: &str = "/r/store_conversion/marker";

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An earlier run had copied so many keys, up to this one.
    GoesOn { copied: u64, after: String },
    /// So many keys are in the target.
    Copied { copied: u64 },
    /// Everything is copied; so many keys of both sides were compared.
    Compared { keys: u64 },
}

/// What a store holds of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holding {
    pub records: u64,
    pub links: u64,
    /// BLAKE3 of all keys and values, in the order of the keys.
    pub hash: String,
}

/// What both sides hold, kind by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub from: BTreeMap<String, Holding>,
    pub to: BTreeMap<String, Holding>,
}

impl Comparison {
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.from == self.to
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{url} is gone with the process: there is nothing to convert from it and nothing to keep in it")]
    Memory { url: String },
    #[error("{url} is both where it comes from and where it goes to")]
    Same { url: String },
    #[error("there is no store at {path}")]
    NoSource { path: String },
    #[error("{url} is not empty (it has `{key}`); a conversion needs an empty target")]
    NotEmpty { url: String, key: String },
    #[error(
        "{url} is the target of an unfinished conversion from {other}; go on with that one, or take an empty target"
    )]
    OfAnother { url: String, other: String },
    #[error("{url} is itself the target of an unfinished conversion; finish that one first")]
    Unfinished { url: String },
    #[error("another conversion is writing to {url} at this moment")]
    Twice { url: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    from: String,
    copied: u64,
    after: String,
}

/// The source that an unfinished conversion into this store has, if it is the target of one.
pub(super) async fn unfinished(backend: &dyn Backend) -> Result<Option<String>, StoreError> {
    Ok(marker(backend).await?.map(|(marker, _)| marker.from))
}

async fn marker(backend: &dyn Backend) -> Result<Option<(Marker, Revision)>, StoreError> {
    let Some(raw) = backend.get_many(vec![MARKER.to_owned()]).await?.pop().flatten() else { return Ok(None) };
    let marker = serde_json::from_slice(&raw.bytes).map_err(|error| StoreError::Corrupt {
        kind: "store_conversion".to_owned(),
        key: MARKER.to_owned(),
        detail: error.to_string(),
    })?;
    Ok(Some((marker, raw.revision)))
}

/// Copies everything from one store to another and compares them; `tell` hears how far it is. If the comparison finds
/// a difference the target stays unfinished.
///
/// # Errors
/// [`ConvertError`]; after [`StoreError`]s that may pass, the same call goes on where it was.
pub async fn convert(
    from: &str,
    to: &str,
    options: &StoreOptions,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<Comparison, ConvertError> {
    for url in [from, to] {
        if url.starts_with("memory:") {
            return Err(ConvertError::Memory { url: url.to_owned() });
        }
    }
    let (from_name, to_name) = (without_password(from), without_password(to));
    if from_name == to_name {
        return Err(ConvertError::Same { url: from_name });
    }
    if let Some(path) = from.strip_prefix("sled:").map(|path| path.strip_prefix("//").unwrap_or(path))
        && !std::path::Path::new(path).join("db").exists()
    {
        return Err(ConvertError::NoSource { path: path.to_owned() });
    }
    let source = open_backend(from, options.clone()).await?;
    let target = open_backend(to, options.clone()).await?;
    let done = run(&source, &target, &from_name, &to_name, tell).await;
    source.close().await?;
    target.close().await?;
    done
}

async fn run(
    source: &Arc<dyn Backend>,
    target: &Arc<dyn Backend>,
    from: &str,
    to: &str,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<Comparison, ConvertError> {
    if unfinished(source.as_ref()).await?.is_some() {
        return Err(ConvertError::Unfinished { url: from.to_owned() });
    }
    let revision = copy(source, target, from, to, tell).await?;
    let mut compared = 0;
    let mut counted = |keys: u64| {
        compared += keys;
        tell(Step::Compared { keys: compared });
    };
    let comparison =
        Comparison { from: holdings(source, &mut counted).await?, to: holdings(target, &mut counted).await? };
    if comparison.is_same() {
        let end = RawBatch {
            expects: vec![(MARKER.to_owned(), Expect::Unchanged(revision))],
            writes: vec![(MARKER.to_owned(), None)],
        };
        target.apply(end).await.map_err(|error| twice(error, to))?;
    }
    Ok(comparison)
}

fn twice(error: StoreError, to: &str) -> ConvertError {
    match error {
        StoreError::Conflict { .. } => ConvertError::Twice { url: to.to_owned() },
        error => ConvertError::Store(error),
    }
}

/// Copies what is not copied yet; the marker's revision.
async fn copy(
    source: &Arc<dyn Backend>,
    target: &Arc<dyn Backend>,
    from: &str,
    to: &str,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<Revision, ConvertError> {
    let (mut done, mut expect) = match marker(target.as_ref()).await? {
        Some((marker, _)) if marker.from != from => {
            return Err(ConvertError::OfAnother { url: to.to_owned(), other: marker.from });
        }
        Some((marker, revision)) => {
            tell(Step::GoesOn { copied: marker.copied, after: marker.after.clone() });
            (marker, Expect::Unchanged(revision))
        }
        None => {
            let first = Scan { prefix: String::new(), after: None, limit: 1, backwards: false };
            if let Some((key, _)) = target.scan(first).await?.pop() {
                return Err(ConvertError::NotEmpty { url: to.to_owned(), key });
            }
            (Marker { from: from.to_owned(), copied: 0, after: String::new() }, Expect::Absent)
        }
    };
    loop {
        let page = page(source, &done.after).await?;
        // A store without a record has a conversion too: its marker is written, and goes at the end.
        if let (true, Expect::Unchanged(revision)) = (page.is_empty(), expect) {
            return Ok(revision);
        }
        done.copied += page.len() as u64;
        if let Some((last, _)) = page.last() {
            done.after.clone_from(last);
        }
        let text = serde_json::to_vec(&done).map_err(|error| StoreError::InvalidRecord {
            kind: "store_conversion".to_owned(),
            key: MARKER.to_owned(),
            problem: error.to_string(),
        })?;
        let mut writes: Vec<(String, Option<Bytes>)> =
            page.into_iter().map(|(key, value)| (key, Some(value.bytes))).collect();
        writes.push((MARKER.to_owned(), Some(text.into())));
        let batch = RawBatch { expects: vec![(MARKER.to_owned(), expect)], writes };
        expect = Expect::Unchanged(target.apply(batch).await.map_err(|error| twice(error, to))?);
        tell(Step::Copied { copied: done.copied });
    }
}

/// The next keys past one; all there are from the first on, if it is empty.
async fn page(backend: &Arc<dyn Backend>, after: &str) -> Result<Vec<(String, RawValue)>, StoreError> {
    let after = (!after.is_empty()).then(|| after.to_owned());
    backend.scan(Scan { prefix: String::new(), after, limit: KEYS, backwards: false }).await
}

async fn holdings(
    backend: &Arc<dyn Backend>,
    counted: &mut (dyn FnMut(u64) + Send),
) -> Result<BTreeMap<String, Holding>, StoreError> {
    let mut found: BTreeMap<String, (Holding, blake3::Hasher)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = page(backend, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        counted(page.len() as u64);
        for (key, value) in page.into_iter().filter(|(key, _)| key != MARKER) {
            let mut parts = key.split('/').skip(1);
            let (section, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let (holding, hasher) = found.entry(kind.to_owned()).or_default();
            if section == "l" {
                holding.links += 1;
            } else {
                holding.records += 1;
            }
            for part in [key.as_bytes(), &value.bytes] {
                hasher.update(&(part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
    }
    let hashed = |(kind, (holding, hasher)): (String, (Holding, blake3::Hasher))| {
        (kind, Holding { hash: hasher.finalize().to_hex().to_string(), ..holding })
    };
    Ok(found.into_iter().map(hashed).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::super::contract::Home;
    use super::super::dying::Dying;
    use super::super::{MemoryBackend, Store};
    use super::*;

    /// Keys before and behind the marker's, in several projects, with all kinds of values.
    async fn filled(backend: &Arc<dyn Backend>, keys: usize) {
        for n in 0..keys {
            let project = ["", "a", "a-b", "ü", "~"][n % 5];
            let value = match n % 7 {
                0 => Bytes::from(vec![b'z'; 30_000]),
                1 => Bytes::from_static(b"{\"kind\":\"note\",\"version\":1,\"record\":{\"x\":\"a\\u0000\"}}"),
                2 => Bytes::from_static(b"\xff\xfe\x00"),
                _ => Bytes::from(format!("{{\"n\":{n}}}")),
            };
            let writes = vec![
                (format!("{project}/r/note/{n:05}"), Some(value)),
                (format!("{project}/l/note/tag/t/{n:05}"), Some(Bytes::new())),
            ];
            backend.apply(RawBatch { expects: vec![], writes }).await.unwrap();
        }
    }

    fn memory() -> Arc<dyn Backend> {
        Arc::new(MemoryBackend::default())
    }

    #[tokio::test]
    async fn a_conversion_that_was_stopped_goes_on_where_it_was_and_copies_everything_once() {
        let source = memory();
        filled(&source, 1_000).await;
        let inner = memory();
        let (mut steps, mut runs) = (Vec::new(), 0);
        let comparison = loop {
            let left = AtomicUsize::new(3);
            let target: Arc<dyn Backend> = Arc::new(Dying { inner: inner.clone(), left });
            runs += 1;
            match run(&source, &target, "sled:a", "sled:b", &mut |step| steps.push(step)).await {
                Ok(comparison) => break comparison,
                Err(error) => assert!(error.to_string().contains("it died"), "{error}"),
            }
            // Until it has ended it is no store, and no source.
            assert_eq!(unfinished(inner.as_ref()).await.unwrap().as_deref(), Some("sled:a"));
            let refused = run(&inner, &memory(), "sled:b", "sled:c", &mut |_| ()).await;
            assert!(matches!(refused, Err(ConvertError::Unfinished { .. })), "{refused:?}");
            let refused = run(&memory(), &inner, "sled:z", "sled:b", &mut |_| ()).await;
            assert!(matches!(refused, Err(ConvertError::OfAnother { .. })), "{refused:?}");
        };
        assert!(comparison.is_same() && runs > 1, "{runs}");
        let note = &comparison.to["note"];
        assert_eq!((note.records, note.links), (1_000, 1_000));
        let copied: Vec<u64> =
            steps.iter().filter_map(|s| if let Step::Copied { copied } = s { Some(*copied) } else { None }).collect();
        assert!(copied.windows(2).all(|pair| pair[0] < pair[1]) && copied.last() == Some(&2_000), "{copied:?}");
        assert!(steps.iter().any(|step| matches!(step, Step::GoesOn { copied: 768, .. })), "{steps:?}");
        assert_eq!(unfinished(inner.as_ref()).await.unwrap(), None);
        assert_eq!(inner.count(String::new()).await.unwrap(), 2_000);
    }

    #[tokio::test]
    async fn a_difference_is_found_and_leaves_the_target_unfinished() {
        let (source, target) = (memory(), memory());
        filled(&source, 10).await;
        // Somebody writes to the target behind the marker's back.
        copy(&source, &target, "a", "b", &mut |_| ()).await.unwrap();
        let writes = vec![("a/r/note/00001".to_owned(), Some(Bytes::from_static(b"other")))];
        target.apply(RawBatch { expects: vec![], writes }).await.unwrap();
        let comparison = run(&source, &target, "a", "b", &mut |_| ()).await.unwrap();
        assert!(!comparison.is_same());
        assert_eq!(comparison.from["note"].records, comparison.to["note"].records);
        assert!(unfinished(target.as_ref()).await.unwrap().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn from_sled_to_postgres_and_back_every_key_and_value_is_the_same() {
        let (first, database, last) = (Home::sled(), Home::postgres(), Home::sled());
        let options = StoreOptions::default();
        let backend = open_backend(&first.url(), options.clone()).await.unwrap();
        filled(&backend, 600).await;
        backend.close().await.unwrap();
        drop(backend);
        let there = convert(&first.url(), &database.url(), &options, &mut |_| ()).await.unwrap();
        let back = convert(&database.url(), &last.url(), &options, &mut |_| ()).await.unwrap();
        assert!(there.is_same() && back.is_same());
        assert_eq!(there.from, back.to);
        let refused = convert(&first.url(), &database.url(), &options, &mut |_| ()).await;
        assert!(matches!(refused, Err(ConvertError::NotEmpty { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_converted_is_refused_with_the_reason() {
        let home = Home::sled();
        let options = StoreOptions::default();
        let store = home.open().await;
        let refused = async |from: &str, to: &str| {
            convert(from, to, &StoreOptions::default(), &mut |_| ()).await.unwrap_err().to_string()
        };
        assert!(refused("memory:", &home.url()).await.contains("gone with the process"));
        assert!(refused(&home.url(), "memory:").await.contains("gone with the process"));
        assert!(refused(&home.url(), &home.url()).await.contains("both"));
        assert!(refused("sled:/nowhere/at/all", &home.url()).await.contains("no store at /nowhere/at/all"));
        let other = Home::sled();
        assert!(refused(&home.url(), &other.url()).await.contains("in use by another process"));
        store.close().await.unwrap();
        // An empty store is one too.
        let comparison = convert(&home.url(), &other.url(), &options, &mut |_| ()).await.unwrap();
        assert!(comparison.is_same() && comparison.from.is_empty());
        other.open().await.ready().await.unwrap();
    }

    #[tokio::test]
    async fn a_service_does_not_start_on_half_a_store() {
        let (source, home) = (memory(), Home::sled());
        filled(&source, 300).await;
        let target = open_backend(&home.url(), StoreOptions::default()).await.unwrap();
        let dying: Arc<dyn Backend> = Arc::new(Dying { inner: target.clone(), left: AtomicUsize::new(1) });
        run(&source, &dying, "sled:a", "sled:b", &mut |_| ()).await.unwrap_err();
        target.close().await.unwrap();
        drop((dying, target));
        let error = Store::open(&home.url(), StoreOptions::default()).await.err().unwrap();
        assert!(error.to_string().contains("empanel store convert --from sled:a"), "{error}");
    }
}
