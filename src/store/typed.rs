//! The store as the stories see it: typed records in projects, over whichever backend was opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::backend::{Backend, Expect, RawBatch, RawValue, Revision, Scan, Stamp};
use super::batch::{Action, Batch, Change};
use super::decoded::Decoded;
use super::memory::MemoryBackend;
use super::postgres::{PostgresBackend, PostgresOptions};
use super::query::{Cursor, MAX_PAGE, Page, Query};
use super::record::{Kept, Record, decode, links_of};
use super::records::LinksDone;
use super::sled::SledBackend;
use super::tap::Tapped;
use super::uploads::{Sweeps, Upload};
use super::{StoreError, keys};
use crate::domain::{ProjectId, Review};

/// How often a `put` or `delete` starts over when others write the same record.
const PUT_ATTEMPTS: usize = 32;

/// What can be set about a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Memory that the embedded store may use for its cache, in bytes.
    pub cache_bytes: u64,
    pub postgres: PostgresOptions,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, postgres: PostgresOptions::default() }
    }
}

/// A store; clones are the same store.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    decoded: Arc<Decoded>,
}

impl Store {
    /// Opens `memory:` (gone with the process), `sled:<folder>` (made if it is not there) or
    /// `postgres://user@host/database` (its tables are made if they are not there).
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`]; sled: [`StoreError::Locked`] if another process has it, [`StoreError::Io`];
    /// PostgreSQL: [`StoreError::Unavailable`], [`StoreError::NewerRecord`] if a newer build has used it;
    /// [`StoreError::Unfinished`].
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let backend = open_backend(url, options).await?;
        if let Some(from) = super::convert::unfinished(backend.as_ref()).await? {
            backend.close().await?;
            return Err(StoreError::Unfinished { url: without_password(url), from });
        }
        let backend = super::watched::watched(backend, url);
        Ok(Self::over(if backend.is_shared() { backend } else { Arc::new(Tapped::new(backend)) }))
    }

    /// A store over a backend of one's own. A backup of it is of one moment if the backend's
    /// [`image`](Backend::image) is.
    #[must_use]
    pub fn over(backend: Arc<dyn Backend>) -> Self {
        Self { backend, decoded: Arc::default() }
    }

    /// The records of one project. It need not exist: a project is there as soon as it has a record.
    #[must_use]
    pub fn project(&self, id: &ProjectId) -> ProjectStore {
        self.scoped(id.as_str())
    }

    /// The records that belong to no project, such as API keys. No project id reaches here: none is empty.
    #[must_use]
    pub fn system(&self) -> ProjectStore {
        self.scoped("")
    }

    fn scoped(&self, scope: &str) -> ProjectStore {
        let (backend, decoded) = (self.backend.clone(), self.decoded.clone());
        ProjectStore { backend, decoded, scope: scope.into(), fence: None, upload: None }
    }

    /// The projects that have a record, in the order of their ids.
    pub async fn projects(&self) -> Result<Vec<ProjectId>, StoreError> {
        let mut projects = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let scan = Scan { prefix: String::new(), after: after.take(), limit: 1, backwards: false };
            let Some((key, _)) = self.backend.scan(scan).await?.pop() else { break };
            let project = key.split('/').next().unwrap_or_default();
            // Past everything of this project: `0` is the character after `/`.
            after = Some(format!("{project}0"));
            if project.is_empty() {
                continue;
            }
            let id = ProjectId::parse(project).map_err(|error| StoreError::Corrupt {
                kind: "project".to_owned(),
                key: key.clone(),
                detail: error.to_string(),
            })?;
            projects.push(id);
        }
        // `a-b/…` comes before `a/…` among the keys.
        projects.sort();
        Ok(projects)
    }

    /// Brings what older builds wrote under the links that this one looks for; quick where that was done.
    ///
    /// # Errors
    /// As reads and commits.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.prepare_kind::<Review>().await
    }

    async fn prepare_kind<R: Record>(&self) -> Result<(), StoreError> {
        let system = self.system();
        let done = system.get::<LinksDone>(R::KIND).await?;
        if done.is_some_and(|kept| kept.record.links >= R::LINKS) {
            return Ok(());
        }
        let projects = self.projects().await?;
        if projects.is_empty() {
            return Ok(());
        }
        for id in &projects {
            let written = self.project(id).relink::<R>().await?;
            if written > 0 {
                tracing::info!(project = %id, kind = R::KIND, records = written, "indexed again for this build");
            }
        }
        system.commit(system.batch().put(&LinksDone { kind: R::KIND.to_owned(), links: R::LINKS })).await
    }

    /// Finishes what was accepted and gives the store back; every clone answers [`StoreError::Closed`] then.
    pub async fn close(self) -> Result<(), StoreError> {
        self.backend.close().await
    }

    /// The seam itself, for what walks over all of it.
    pub(super) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// What has been committed so far; see [`Backend::stamp`].
    pub async fn stamp(&self) -> Result<Stamp, StoreError> {
        self.backend.stamp().await
    }

    /// Whether other processes may work on the same records at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    /// Says what the store's metrics mean, once a recorder is there.
    pub fn describe_metrics(&self) {
        super::watched::describe_metrics(self.backend.name());
    }

    /// Whether reads and commits would be served now.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.backend.ready().await
    }
}

/// Opens the backend that a URL names; see [`Store::open`].
pub(super) async fn open_backend(url: &str, options: StoreOptions) -> Result<Arc<dyn Backend>, StoreError> {
    let invalid = |problem: &str| StoreError::InvalidUrl { url: without_password(url), problem: problem.to_owned() };
    let ways = "use `sled:<folder>`, `postgres://user@host/database` or `memory:`";
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(MemoryBackend::default())),
        Some(("sled", folder)) => {
            let folder = folder_of(folder).ok_or_else(|| invalid("it names no folder; write `sled:./data`"))?;
            Ok(Arc::new(SledBackend::open(folder, options.cache_bytes).await?))
        }
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
            Ok(Arc::new(PostgresBackend::open(url, options.postgres).await?))
        }
        _ => Err(invalid(ways)),
    }
}

/// `./path`, `path`, `//path`: what follows the scheme.
pub(super) fn folder_of(rest: &str) -> Option<PathBuf> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    if rest.is_empty() { None } else { Some(Path::new(rest).to_path_buf()) }
}

/// A URL as it may stand in a message: neither who, nor a password, nor parameters, which may hold one.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, place)| format!("…@{place}"));
    };
    let (who, place) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("…@", place));
    let (place, more) = place.split_once('?').map_or((place, ""), |(place, _)| (place, "?…"));
    format!("{scheme}://{who}{place}{more}")
}

/// The records of one project; clones are the same.
#[derive(Clone)]
pub struct ProjectStore {
    backend: Arc<dyn Backend>,
    decoded: Arc<Decoded>,
    scope: Arc<str>,
    fence: Option<Fence>,
    upload: Option<Upload>,
}

/// A record's place in an index: the value under which it is found, escaped as in keys, then its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub value: String,
    pub key: String,
}

impl Place {
    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.value.bytes().chain([b'/']).chain(self.key.bytes())
    }
}

/// As the store orders them.
impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Which places of an index are walked over.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a> {
    pub index: &'static str,
    /// What values start with.
    pub start: &'a str,
    /// Past this place, in the direction of the walk.
    pub after: Option<&'a Place>,
    pub backwards: bool,
}

/// A record that must not have changed for anything to be written.
#[derive(Clone)]
struct Fence {
    key: Arc<str>,
    raw: Arc<str>,
    revision: Revision,
}

impl ProjectStore {
    /// Which project's records these are.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The same records; everything that is written through the answer requires that this record of the project is
    /// still as it was at `revision`. Whoever has lost it writes nothing more ([`StoreError::Fenced`]), however late
    /// they notice.
    #[must_use]
    pub fn fenced<R: Record>(&self, record: &R, revision: Revision) -> Self {
        let key = record.key();
        let raw = keys::record(&self.scope, R::KIND, &key).into();
        Self { fence: Some(Fence { key: key.into(), raw, revision }), ..self.clone() }
    }

    /// The same records without a fence.
    #[must_use]
    pub fn unfenced(&self) -> Self {
        Self { fence: None, ..self.clone() }
    }

    /// The same records; what is committed through the answer may name the files that were put under the upload.
    ///
    /// A commit is [`StoreError::Swept`] if unused files were swept since the upload began: nothing of it is kept, and the
    /// files are to be put under another upload.
    #[must_use]
    pub fn under(&self, upload: &Upload) -> Self {
        Self { upload: Some(*upload), ..self.clone() }
    }

    pub fn batch(&self) -> Batch {
        Batch::default()
    }

    /// Keeps everything in the batch, or nothing. It is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] names the record that was not as expected.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.commit_revision(batch).await.map(drop)
    }

    /// Like [`commit`](Self::commit); the revision that every record written by it has now. `None` if the
    /// batch was empty.
    pub async fn commit_revision(&self, batch: Batch) -> Result<Option<Revision>, StoreError> {
        let changes = batch.checked()?;
        if changes.is_empty() {
            return Ok(None);
        }
        let unconditional = |change: &Change| matches!(change.action, Action::Put(_) | Action::Delete);
        let mut attempt = 0;
        loop {
            let mut raw = self.raw_batch(&changes).await?;
            if let Some(fence) = &self.fence {
                raw.expects.push((fence.raw.to_string(), Expect::Unchanged(fence.revision)));
            }
            if let Some(upload) = &self.upload {
                raw.expects.push(upload.expects());
            }
            match self.backend.apply(raw).await {
                Err(StoreError::Conflict { kind, .. }) if kind == Sweeps::KIND && self.upload.is_some() => {
                    return Err(StoreError::Swept);
                }
                Err(StoreError::Conflict { key, .. })
                    if self.fence.as_ref().is_some_and(|fence| *fence.key == *key) =>
                {
                    return Err(StoreError::Fenced { key });
                }
                // Somebody wrote a record that is to be replaced whatever it is: look again at its links.
                Err(StoreError::Conflict { kind, key })
                    if attempt < PUT_ATTEMPTS
                        && changes.iter().any(|c| unconditional(c) && c.kind == kind && c.key == key) =>
                {
                    attempt += 1;
                }
                done => return done.map(Some),
            }
        }
    }

    /// The changes with the links they bring and take, and the preconditions that keep both right.
    async fn raw_batch(&self, changes: &[Change]) -> Result<RawBatch, StoreError> {
        let replaced: Vec<&Change> = changes
            .iter()
            .filter(|c| matches!(c.action, Action::Put(_) | Action::Update(..) | Action::Delete))
            .collect();
        let old_keys = replaced.iter().map(|c| keys::record(&self.scope, c.kind, &c.key)).collect();
        let mut old = if replaced.is_empty() { Vec::new() } else { self.backend.get_many(old_keys).await? }.into_iter();
        let mut raw = RawBatch::default();
        for change in changes {
            let key = keys::record(&self.scope, change.kind, &change.key);
            let (content, expect, old) = match &change.action {
                Action::Require(revision) => {
                    raw.expects.push((key, Expect::Unchanged(*revision)));
                    continue;
                }
                Action::Overwrite(content) => {
                    raw.writes.push((key, Some(content.bytes.clone())));
                    continue;
                }
                Action::Insert(content) => (Some(content), Expect::Absent, None),
                Action::Update(content, revision) => {
                    (Some(content), Expect::Unchanged(*revision), old.next().flatten())
                }
                Action::Put(_) | Action::Delete => {
                    let old = old.next().flatten();
                    let expect = old.as_ref().map_or(Expect::Absent, |old| Expect::Unchanged(old.revision));
                    let content = if let Action::Put(content) = &change.action { Some(content) } else { None };
                    (content, expect, old)
                }
            };
            let had: Vec<String> = match &old {
                Some(old) => self.old_links(change, old)?,
                None => Vec::new(),
            };
            let has: Vec<String> =
                content.map_or(&[][..], |c| &c.links).iter().map(|(i, v)| self.link(change, i, v)).collect();
            let gone = had.iter().filter(|link| !has.contains(link)).map(|link| (link.clone(), None));
            raw.writes.extend(gone);
            let new = has.iter().filter(|link| !had.contains(link)).map(|link| (link.clone(), Some(Bytes::new())));
            raw.writes.extend(new);
            raw.expects.push((key.clone(), expect));
            raw.writes.push((key, content.map(|content| content.bytes.clone())));
        }
        Ok(raw)
    }

    fn link(&self, change: &Change, index: &str, value: &str) -> String {
        keys::links(&self.scope, change.kind, index, value) + &change.key
    }

    fn old_links(&self, change: &Change, old: &RawValue) -> Result<Vec<String>, StoreError> {
        let links = links_of(change.kind, &change.key, &old.bytes)?;
        Ok(links.iter().map(|(index, value)| self.link(change, index, value)).collect())
    }

    /// The record with this key.
    pub async fn get<R: Record>(&self, key: &str) -> Result<Option<Kept<R>>, StoreError> {
        let raw_key = keys::record(&self.scope, R::KIND, key);
        let raw = self.backend.get_many(vec![raw_key]).await?.pop().flatten();
        raw.map(|raw| self.decode(key, &raw)).transpose()
    }

    fn decode<R: Record>(&self, key: &str, raw: &RawValue) -> Result<Kept<R>, StoreError> {
        if !Decoded::takes(raw) {
            return decode(key, raw);
        }
        let raw_key = keys::record(&self.scope, R::KIND, key);
        if let Some(record) = self.decoded.get(&raw_key, raw) {
            return Ok(Kept { record, revision: raw.revision });
        }
        let kept: Kept<R> = decode(key, raw)?;
        self.decoded.put(raw_key, raw, &kept.record);
        Ok(kept)
    }

    /// The records with these keys, in their order; those that are not there are left out.
    pub async fn get_many<R: Record>(&self, keys: &[String]) -> Result<Vec<Kept<R>>, StoreError> {
        let raw_keys = keys.iter().map(|key| keys::record(&self.scope, R::KIND, key)).collect();
        let found = self.backend.get_many(raw_keys).await?;
        keys.iter().zip(found).filter_map(|(key, raw)| raw.map(|raw| self.decode(key, &raw))).collect()
    }

    /// One page. Cheap however far it is into the listing.
    pub async fn list<R: Record>(&self, query: Query) -> Result<Page<R>, StoreError> {
        let limit = query.limit.clamp(1, MAX_PAGE);
        let records = keys::records(&self.scope, R::KIND);
        let base = match &query.link {
            Some((index, value)) => keys::links(&self.scope, R::KIND, index, value),
            None => records.clone(),
        };
        let prefix = format!("{base}{}", query.prefix.as_deref().unwrap_or_default());
        let mut after = query.after.as_ref().map(|cursor| format!("{base}{}", cursor.key()));
        let mut items: Vec<Kept<R>> = Vec::new();
        let mut last = String::new();
        loop {
            // One more than the page holds tells whether there is a next one.
            let want = limit + 1 - items.len();
            let scan = Scan { prefix: prefix.clone(), after: after.take(), limit: want, backwards: query.newest_first };
            let found = self.backend.scan(scan).await?;
            let exhausted = found.len() < want;
            after = found.last().map(|(key, _)| key.clone());
            for (key, raw) in self.resolve(&query, &base, &records, found).await? {
                if items.len() == limit {
                    return Ok(Page { items, next: Some(Cursor::past(last)) });
                }
                items.push(self.decode(&key, &raw)?);
                last = key;
            }
            if exhausted {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// The records behind scanned keys. A link whose record has moved on since the scan is left out.
    async fn resolve(
        &self,
        query: &Query,
        base: &str,
        records: &str,
        found: Vec<(String, RawValue)>,
    ) -> Result<Vec<(String, RawValue)>, StoreError> {
        let strip = |key: &String| key.strip_prefix(base).unwrap_or(key).to_owned();
        let Some((index, value)) = &query.link else {
            return Ok(found.into_iter().map(|(key, raw)| (strip(&key), raw)).collect());
        };
        let primary: Vec<String> = found.iter().map(|(key, _)| strip(key)).collect();
        let raws = self.backend.get_many(primary.iter().map(|key| format!("{records}{key}")).collect()).await?;
        let kind = records.rsplit('/').nth(1).unwrap_or_default();
        let mut kept = Vec::with_capacity(primary.len());
        for (key, raw) in primary.into_iter().zip(raws) {
            let Some(raw) = raw else { continue };
            if links_of(kind, &key, &raw.bytes)?.iter().any(|(i, v)| i == index && v == value) {
                kept.push((key, raw));
            }
        }
        Ok(kept)
    }

    /// The keys of up to `limit` records that have this link, in their order, without reading the records: one that
    /// moves on at this moment may still be among them.
    pub async fn linked<R: Record>(&self, index: &str, value: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let base = keys::links(&self.scope, R::KIND, index, value);
        let scan = Scan { prefix: base.clone(), after: None, limit, backwards: false };
        let found = self.backend.scan(scan).await?;
        Ok(found.into_iter().map(|(key, _)| key.strip_prefix(&base).unwrap_or(&key).to_owned()).collect())
    }

    /// How many records have this link; only keys are counted.
    pub async fn count_linked<R: Record>(&self, index: &str, value: &str) -> Result<u64, StoreError> {
        self.backend.count(keys::links(&self.scope, R::KIND, index, value)).await
    }

    /// Everything the query asks for, page after page (its `limit` is not looked at). For results that are
    /// known to be bounded: the votes of a grading, not the gradings of a project.
    pub async fn all<R: Record>(&self, query: Query) -> Result<Vec<R>, StoreError> {
        let mut query = query.limit(MAX_PAGE);
        let mut records = Vec::new();
        loop {
            let page = self.list::<R>(query.clone()).await?;
            records.extend(page.items.into_iter().map(|kept| kept.record));
            if page.next.is_none() {
                return Ok(records);
            }
            query.after = page.next;
        }
    }

    /// Places of an index in their order, of values that start with `start`: keys only, no record is read. A record that
    /// moves on at this moment may still be among them.
    pub async fn places<R: Record>(&self, walk: &Walk<'_>, limit: usize) -> Result<Vec<Place>, StoreError> {
        let base = keys::index(&self.scope, R::KIND, walk.index);
        let after = walk.after.map(|place| format!("{base}{}/{}", place.value, place.key));
        let prefix = format!("{base}{}", walk.start);
        let found = self.backend.scan(Scan { prefix, after, limit, backwards: walk.backwards }).await?;
        let place = |key: &str| {
            let (value, key) = key.strip_prefix(&base)?.split_once('/')?;
            Some(Place { value: value.to_owned(), key: key.to_owned() })
        };
        Ok(found.iter().filter_map(|(key, _)| place(key)).collect())
    }

    /// How many places of an index have a value that starts with `start`.
    pub async fn count_places<R: Record>(&self, index: &str, start: &str) -> Result<u64, StoreError> {
        self.backend.count(keys::index(&self.scope, R::KIND, index) + start).await
    }

    /// Writes every record of the kind again that does not have the links that this build gives it; how many there were.
    pub async fn relink<R: Record>(&self) -> Result<usize, StoreError> {
        let prefix = keys::records(&self.scope, R::KIND);
        let (mut after, mut written) = (None, 0);
        loop {
            let scan = Scan { prefix: prefix.clone(), after: after.take(), limit: MAX_PAGE, backwards: false };
            let found = self.backend.scan(scan).await?;
            for (raw_key, raw) in &found {
                let key = raw_key.strip_prefix(&prefix).unwrap_or(raw_key);
                let kept = decode::<R>(key, raw)?;
                let links = kept.record.links();
                let has = links_of(R::KIND, key, &raw.bytes)?;
                if has.iter().map(|(i, v)| (i.as_str(), v)).eq(links.iter().map(|(i, v)| (*i, v))) {
                    continue;
                }
                match self.commit(self.batch().update(&kept.record, kept.revision)).await {
                    // Whoever wrote it in between gave it the links.
                    Ok(()) | Err(StoreError::Conflict { .. }) => written += 1,
                    Err(error) => return Err(error),
                }
            }
            if found.len() < MAX_PAGE {
                return Ok(written);
            }
            after = found.last().map(|(key, _)| key.clone());
        }
    }

    /// How many records of the kind there are.
    pub async fn count<R: Record>(&self) -> Result<u64, StoreError> {
        self.backend.count(keys::records(&self.scope, R::KIND)).await
    }
}
