//! Brings a backup into an empty store.
//!
//! The backup is read from end to end before anything is written. Files are put first, then entries in batches, each
//! committed with a marker that says how far it is; in the end everything in the store is read and compared with what was
//! written, and the marker goes. As long as it is there no service starts on the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::backend::{Backend, Expect, IMAGE_KEYS, RawBatch, Revision, Scan};
use super::super::convert::MARKER;
use super::super::typed::{open_backend, without_password};
use super::super::{Blobs, ConvertError, StoreError, StoreOptions, Turn};
use super::format::{Frame, Reader};
use super::take::on_a_thread;
use super::{BackupError, BackupStep, EXAMPLES, FROM_BACKUP, Summary, named};

/// Entries of one batch, at most, and their bytes, about.
const ENTRIES: usize = 256;
const BYTES: usize = 4 << 20;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What is in the backup.
    pub backup: Summary,
    /// Records and links in the store.
    pub records: u64,
    pub links: u64,
    /// Files that a record names and that are not in their place, and some of them.
    pub missing: u64,
    pub examples: Vec<String>,
}

/// What there is of one kind: how many, and all hashes of key and value, each bit of the sum without carrying.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    records: u64,
    links: u64,
    hash: [u8; 32],
}

type Sums = BTreeMap<String, Sum>;

fn count(sums: &mut Sums, key: &str, value: &[u8], comes: bool) {
    let mut parts = key.split('/').skip(1);
    let (section, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let sum = sums.entry(kind.to_owned()).or_default();
    let number = if section == "l" { &mut sum.links } else { &mut sum.records };
    *number = if comes { number.saturating_add(1) } else { number.saturating_sub(1) };
    let mut hasher = blake3::Hasher::new();
    for part in [key.as_bytes(), value] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    sum.hash.iter_mut().zip(hasher.finalize().as_bytes()).for_each(|(sum, one)| *sum ^= one);
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    from: String,
    /// Frames with entries that are in the store.
    copied: u64,
    /// For whoever reads it as the marker of a conversion.
    after: String,
    sums: Sums,
}

/// Restores the backup into the store at `to`, and its files into `blobs`; without `blobs` files are left out and nothing
/// is looked for.
///
/// # Errors
/// [`BackupError`]; after [`StoreError`]s that may pass, the same call goes on where it was.
pub async fn restore(
    from: &Path,
    to: &str,
    options: &StoreOptions,
    blobs: Option<&Blobs>,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<Restored, BackupError> {
    if to.starts_with("memory:") {
        return Err(ConvertError::Memory { url: to.to_owned() }.into());
    }
    // Before the target is even opened.
    let found = verify(from, tell).await?;
    let target = open_backend(to, options.clone()).await?;
    let done = into(from, found, &target, without_password(to), blobs, tell).await;
    target.close().await?;
    done
}

/// The same, over a backend of one's own.
#[cfg(test)]
pub(super) async fn restoring(
    from: &Path,
    target: &Arc<dyn Backend>,
    to: &str,
    blobs: Option<&Blobs>,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<Restored, BackupError> {
    let found = verify(from, tell).await?;
    into(from, found, target, to.to_owned(), blobs, tell).await
}

async fn into(
    from: &Path,
    (backup, id): (Summary, String),
    target: &Arc<dyn Backend>,
    to: String,
    blobs: Option<&Blobs>,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<Restored, BackupError> {
    let name = format!("{FROM_BACKUP}{} ({id})", from.display());
    Restoring { target, name, id, to }.run(from, backup, blobs, tell).await
}

/// Reads everything once; what is in it, and what tells it from other backups.
async fn verify(from: &Path, tell: &mut (dyn FnMut(BackupStep) + Send)) -> Result<(Summary, String), BackupError> {
    let path = from.to_owned();
    let (summary, id, bytes) = on_a_thread(move || {
        let mut reader = Reader::open(&path)?;
        let damaged = |detail: &str| BackupError::Damaged { path: path.clone(), detail: detail.to_owned() };
        if !matches!(reader.next()?, Some(Frame::Header(_))) {
            return Err(damaged("it does not say what it is"));
        }
        let (mut found, mut changes, mut summary) = (Summary::default(), false, None);
        while let Some(frame) = reader.next()? {
            match frame {
                Frame::Entry { .. } if !changes => found.entries += 1,
                Frame::Entry { .. } | Frame::Gone { .. } => found.changes += 1,
                Frame::Changes => changes = true,
                Frame::File { bytes, .. } => {
                    found.files += 1;
                    found.file_bytes += bytes.len() as u64;
                }
                Frame::End(told) => summary = Some(told),
                Frame::Header(_) => return Err(damaged("it begins twice")),
            }
        }
        let summary = summary.ok_or_else(|| damaged("it has no end"))?;
        let counts = |s: &Summary| (s.entries, s.changes, s.files, s.file_bytes);
        if counts(&found) != counts(&summary) {
            return Err(damaged("there is not as much in it as it says"));
        }
        Ok((summary, reader.id(), reader.at()))
    })
    .await?;
    tell(BackupStep::Read { bytes });
    Ok((summary, id))
}

struct Restoring<'a> {
    target: &'a Arc<dyn Backend>,
    /// As the marker says it.
    name: String,
    id: String,
    to: String,
}

impl Restoring<'_> {
    async fn run(
        &self,
        from: &Path,
        backup: Summary,
        blobs: Option<&Blobs>,
        tell: &mut (dyn FnMut(BackupStep) + Send),
    ) -> Result<Restored, BackupError> {
        let (mut marker, mut revision) = self.begin(tell).await?;
        if let Some(blobs) = blobs.filter(|_| backup.files > 0) {
            self.files(from, blobs, tell).await?;
        }
        let mut reader = Some(open(from).await?);
        let (mut skip, mut changes) = (marker.copied, false);
        while let Some(frames) = group(&mut reader, &mut skip, &mut changes).await? {
            revision = self.write(frames, changes, &mut marker, revision).await?;
            tell(BackupStep::Entries { entries: marker.copied });
        }
        let restored = self.compare(&marker.sums, backup, blobs, tell).await?;
        let end = RawBatch {
            expects: vec![(MARKER.to_owned(), Expect::Unchanged(revision))],
            writes: vec![(MARKER.to_owned(), None)],
        };
        self.target.apply(end).await.map_err(|error| self.twice(error))?;
        Ok(restored)
    }

    fn twice(&self, error: StoreError) -> BackupError {
        match error {
            StoreError::Conflict { .. } => ConvertError::Twice { url: self.to.clone() }.into(),
            error => error.into(),
        }
    }

    /// Takes the store, if it is empty, or if an earlier run of the same restore has it.
    async fn begin(&self, tell: &mut (dyn FnMut(BackupStep) + Send)) -> Result<(Marker, Revision), BackupError> {
        if let Some(raw) = self.target.get_many(vec![MARKER.to_owned()]).await?.pop().flatten() {
            let other = super::super::convert::unfinished(self.target.as_ref()).await?.unwrap_or_default();
            let marker: Option<Marker> = serde_json::from_slice(&raw.bytes).ok();
            return match marker.filter(|marker| marker.from.ends_with(&format!("({})", self.id))) {
                Some(marker) => {
                    tell(BackupStep::GoesOn { entries: marker.copied });
                    Ok((marker, raw.revision))
                }
                None => Err(ConvertError::OfAnother { url: self.to.clone(), other }.into()),
            };
        }
        let first = Scan { prefix: String::new(), after: None, limit: 1, backwards: false };
        if let Some((key, _)) = self.target.scan(first).await?.pop() {
            return Err(ConvertError::NotEmpty { url: self.to.clone(), key }.into());
        }
        let marker = Marker { from: self.name.clone(), copied: 0, after: String::new(), sums: Sums::new() };
        let batch = RawBatch {
            expects: vec![(MARKER.to_owned(), Expect::Absent)],
            writes: vec![(MARKER.to_owned(), Some(json(&marker)?))],
        };
        let revision = self.target.apply(batch).await.map_err(|error| self.twice(error))?;
        Ok((marker, revision))
    }

    async fn files(
        &self,
        from: &Path,
        blobs: &Blobs,
        tell: &mut (dyn FnMut(BackupStep) + Send),
    ) -> Result<(), BackupError> {
        let (mut reader, mut files) = (Some(open(from).await?), 0);
        while let Some(frame) = next(&mut reader).await? {
            let Frame::File { sha256, bytes } = frame else { continue };
            let kept = blobs.put(Turn::FIRST, bytes).await?;
            if kept != sha256 {
                let detail = format!("the file {sha256} has the hash {kept}");
                return Err(BackupError::Damaged { path: from.to_owned(), detail });
            }
            files += 1;
            tell(BackupStep::Files { files });
        }
        Ok(())
    }

    async fn write(
        &self,
        frames: Vec<(String, Option<Bytes>)>,
        changes: bool,
        marker: &mut Marker,
        revision: Revision,
    ) -> Result<Revision, BackupError> {
        if changes {
            // What they take the place of counts no more.
            let keys: Vec<String> = frames.iter().map(|(key, _)| key.clone()).collect();
            for (key, old) in keys.iter().zip(self.target.get_many(keys.clone()).await?) {
                if let Some(old) = old {
                    count(&mut marker.sums, key, &old.bytes, false);
                }
            }
        }
        for (key, value) in &frames {
            if let Some(value) = value {
                count(&mut marker.sums, key, value, true);
            }
        }
        marker.copied += frames.len() as u64;
        let mut writes = frames;
        writes.push((MARKER.to_owned(), Some(json(marker)?)));
        let batch = RawBatch { expects: vec![(MARKER.to_owned(), Expect::Unchanged(revision))], writes };
        self.target.apply(batch).await.map_err(|error| self.twice(error))
    }

    /// Reads everything in the store: it is what was written, and its files are there.
    async fn compare(
        &self,
        expected: &Sums,
        backup: Summary,
        blobs: Option<&Blobs>,
        tell: &mut (dyn FnMut(BackupStep) + Send),
    ) -> Result<Restored, BackupError> {
        let (mut found, mut missing, mut read) = (Sums::new(), BTreeSet::new(), 0);
        let (mut seen, mut after) = (BTreeSet::new(), None);
        loop {
            let scan = Scan { prefix: String::new(), after: after.take(), limit: IMAGE_KEYS, backwards: false };
            let page = self.target.scan(scan).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in page.iter().filter(|(key, _)| key != MARKER) {
                count(&mut found, key, &value.bytes, true);
                read += 1;
                let Some(blobs) = blobs else { continue };
                for name in named(&value.bytes) {
                    if seen.len() > 65_536 {
                        seen.clear();
                    }
                    if seen.insert(name.clone()) && !blobs.exists(&name).await? {
                        missing.insert(name);
                    }
                }
            }
            tell(BackupStep::Compared { entries: read });
        }
        let none = Sum::default();
        for kind in expected.keys().chain(found.keys()) {
            let (wanted, is) = (expected.get(kind).unwrap_or(&none), found.get(kind).unwrap_or(&none));
            if wanted != is {
                let detail = format!(
                    "{} records and {} links were written, {} and {} are there, or they are others",
                    wanted.records, wanted.links, is.records, is.links
                );
                return Err(BackupError::Differs { kind: kind.clone(), detail });
            }
        }
        Ok(Restored {
            backup,
            records: found.values().map(|sum| sum.records).sum(),
            links: found.values().map(|sum| sum.links).sum(),
            missing: missing.len() as u64,
            examples: missing.into_iter().take(EXAMPLES).collect(),
        })
    }
}

fn json(marker: &Marker) -> Result<Bytes, StoreError> {
    let text = serde_json::to_vec(marker).map_err(|error| StoreError::InvalidRecord {
        kind: "store_conversion".to_owned(),
        key: MARKER.to_owned(),
        problem: error.to_string(),
    })?;
    Ok(text.into())
}

async fn open(from: &Path) -> Result<Reader, BackupError> {
    let path = from.to_owned();
    on_a_thread(move || Reader::open(&path)).await
}

/// Reads on a thread of its own; the reader is there unless one of them failed.
async fn next(reader: &mut Option<Reader>) -> Result<Option<Frame>, BackupError> {
    let Some(mut taken) = reader.take() else { return Ok(None) };
    let (frame, taken) = on_a_thread(move || Ok((taken.next()?, taken))).await?;
    *reader = Some(taken);
    Ok(frame)
}

/// The next entries that belong into one batch, past the first `skip`; none twice, and not from both sides of where the
/// changes begin.
async fn group(
    reader: &mut Option<Reader>,
    skip: &mut u64,
    changes: &mut bool,
) -> Result<Option<Vec<(String, Option<Bytes>)>>, BackupError> {
    let Some(mut taken) = reader.take() else { return Ok(None) };
    let (mut left, mut late) = (*skip, *changes);
    let read = on_a_thread(move || {
        let (mut group, mut keys, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        while let Some(frame) = taken.peek()? {
            match frame {
                Frame::Changes if !group.is_empty() => break,
                Frame::Changes => late = true,
                Frame::Entry { .. } | Frame::Gone { .. } if left > 0 => left -= 1,
                Frame::Entry { key, value } => {
                    if !keys.insert(key.clone()) {
                        break;
                    }
                    bytes += key.len() + value.len();
                    group.push((key.clone(), Some(value.clone())));
                }
                Frame::Gone { key } => {
                    if !keys.insert(key.clone()) {
                        break;
                    }
                    group.push((key.clone(), None));
                }
                Frame::Header(_) | Frame::File { .. } | Frame::End(_) => {}
            }
            taken.next()?;
            if group.len() >= ENTRIES || bytes >= BYTES {
                break;
            }
        }
        Ok((group, left, late, taken))
    });
    let (group, left, late, taken) = read.await?;
    (*skip, *changes) = (left, late);
    *reader = Some(taken);
    Ok((!group.is_empty()).then_some(group))
}
