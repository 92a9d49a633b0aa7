//! The embedded store: one folder, one process, no server. sled keeps the tree; this module adds what sled
//! 0.34 does not give by itself.
//!
//! - **Durable commits.** sled's `flush` on Linux is `sync_file_range`, which survives the process but not a
//!   power loss. One writer thread takes whatever waits, applies it as one batch, flushes, and syncs the data
//!   file; only then is anybody answered (`writer.rs`). The cost of a sync is shared by all who wait.
//! - **No read of what is not durable yet.** Values carry the revision of their commit; a reader that meets
//!   one that is newer than the last sync waits for it.
//! - **Big values in parts** (`layout.rs`): sled would put them into files of its own that it never syncs.
//! - **No sled call on an async thread**: sled blocks, and its async flush hangs when several wait for it.
//! - **Recovery in place.** After a failed write sled itself refuses everything for good; the writer opens the database
//!   anew when the disk is well (`writer.rs`).
//!
//! Limits: sled is beta, and unmaintained at this version. Nothing of it shows through [`Backend`].

mod disk;
mod layout;
#[cfg(test)]
mod tests;
mod writer;

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::disk::Disk;
use self::writer::{Durable, Folder, Job, Life, Writer};
use super::backend::{Backend, RawBatch, RawValue, Revision, Scan, Stamp};
use super::{StoreError, keys};

/// Commits that may wait for the writer before their senders wait too.
const QUEUE: usize = 4_096;
/// Reads in sled at the same time.
const READERS: usize = 8;
/// How long a lock may be held by somebody who is just leaving.
const LOCK_PATIENCE: Duration = Duration::from_millis(1_000);

pub struct SledBackend {
    path: PathBuf,
    handles: Arc<Handles>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    durable: watch::Receiver<Durable>,
}

/// Who has a handle on the database. sled gives the folder back when the last one is dropped.
struct Handles {
    /// `None` when it is closed, or about to be opened anew.
    db: Mutex<Option<sled::Db>>,
    readers: Arc<Semaphore>,
}

impl Handles {
    /// Whether no reader has one.
    fn are_back(&self) -> bool {
        self.readers.available_permits() == READERS
    }
}

/// A folder that sled has, or had.
struct Place {
    path: PathBuf,
    cache_bytes: u64,
}

impl Folder for Place {
    fn probe(&mut self) -> Result<(), StoreError> {
        disk::probe(&self.path)
    }

    fn open(&mut self) -> Result<Life, StoreError> {
        // What the disk has not taken must not be read from memory as if it had.
        disk::forget_cached(&self.path);
        open_life(&self.path, self.cache_bytes)
    }
}

fn open_life(path: &Path, cache_bytes: u64) -> Result<Life, StoreError> {
    let db = open_locked(path, cache_bytes)?;
    let last = layout::prepare(&db, path)?;
    let mut disk = Disk::open(path)?;
    Ok(Life { db, last, sync: Box::new(move || disk.sync()) })
}

impl SledBackend {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it; [`StoreError::Io`]; [`StoreError::Corrupt`] if it
    /// is not a store of this format.
    pub async fn open(path: PathBuf, cache_bytes: u64) -> Result<Self, StoreError> {
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(path, cache_bytes)).await;
        opened.unwrap_or_else(|error| Err(StoreError::Unavailable { detail: error.to_string() }))
    }

    fn open_blocking(path: PathBuf, cache_bytes: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&path).map_err(|error| StoreError::io(&path, &error))?;
        let life = open_life(&path, cache_bytes)?;
        let place = Box::new(Place { path: path.clone(), cache_bytes });
        Self::start(path, life, place)
    }

    fn start(path: PathBuf, life: Life, folder: Box<dyn Folder>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (tell, durable) = watch::channel(Durable::upto(life.last));
        let db = Mutex::new(Some(life.db.clone()));
        let handles = Arc::new(Handles { db, readers: Arc::new(Semaphore::new(READERS)) });
        let mut writer = Writer::new(life, folder, handles.clone(), tell);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| StoreError::Unavailable { detail: format!("no thread for the writer: {error}") })?;
        Ok(Self { path, handles, jobs: Mutex::new(Some(jobs)), writer: Mutex::new(Some(thread)), durable })
    }

    /// Runs a read away from the async threads, then waits until what it saw is durable.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sled::Db) -> Result<(T, u64), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let life = self.durable.borrow().life();
        if lock(&self.handles.db).is_none() {
            return Err(self.why_not());
        }
        let permit = self.handles.readers.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let db = lock(&self.handles.db).clone().ok_or_else(|| self.why_not())?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&db);
            // The handle goes before the permit: `close` counts permits to know that no handle is left.
            drop(db);
            drop(permit);
            result
        });
        let (value, newest) =
            task.await.map_err(|error| StoreError::Unavailable { detail: format!("a read failed: {error}") })??;
        self.wait_until_durable(life, newest).await?;
        Ok(value)
    }

    /// Why there is no database.
    fn why_not(&self) -> StoreError {
        let failure = self.durable.borrow().failure().cloned();
        failure.filter(|_| lock(&self.jobs).is_some()).unwrap_or(StoreError::Closed)
    }

    async fn wait_until_durable(&self, life: u64, revision: u64) -> Result<(), StoreError> {
        let mut durable = self.durable.clone();
        let stopped = || StoreError::Unavailable { detail: "the writer has stopped; restart the service".to_owned() };
        let is_known = |d: &Durable| d.life() != life || d.revision() >= revision || d.failure().is_some();
        let now = durable.wait_for(is_known).await.map_err(|_| stopped())?;
        match now.failure() {
            _ if now.life() == life && now.revision() >= revision => Ok(()),
            Some(failure) => Err(failure.clone()),
            // What was read may have been what the disk did not keep.
            None => {
                Err(StoreError::Unavailable { detail: "the store was opened anew meanwhile; read again".to_owned() })
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only whole values are taken out and put in under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens sled, waiting a moment for a process that is just ending.
fn open_locked(path: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    let started = Instant::now();
    loop {
        // The writer flushes; sled's own timer would only add work.
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .segment_size(layout::SEGMENT)
            .flush_every_ms(None);
        match config.open() {
            Ok(db) => return Ok(db),
            Err(error) if error.to_string().contains("could not acquire lock") => {
                if started.elapsed() > LOCK_PATIENCE {
                    return Err(StoreError::Locked { path: path.display().to_string() });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(sled_error(path, &error)),
        }
    }
}

fn sled_error(path: &Path, error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => StoreError::io(path, error),
        error => StoreError::Io { path: path.display().to_string(), detail: error.to_string() },
    }
}

impl Backend for SledBackend {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            let jobs = lock(&self.jobs).clone().ok_or(StoreError::Closed)?;
            let (answer, answered) = oneshot::channel();
            let stopped = "the writer has stopped; restart the service";
            jobs.send(Job { batch, answer })
                .await
                .map_err(|_| StoreError::Unavailable { detail: stopped.to_owned() })?;
            drop(jobs);
            answered.await.unwrap_or_else(|_| Err(StoreError::Uncertain { detail: stopped.to_owned() }))
        }
        .boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        let path = self.path.clone();
        let read = self.read(move |db| {
            let values: Result<Vec<_>, _> = keys.iter().map(|key| layout::get(db, key, &path)).collect();
            let values = values?;
            let newest = values.iter().flatten().map(|value| value.revision.0).max();
            Ok((values, newest.unwrap_or(0)))
        });
        read.boxed()
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        let path = self.path.clone();
        let read = self.read(move |db| {
            let mut found = Vec::new();
            for key_value in walk(db, &scan) {
                if found.len() >= scan.limit {
                    break;
                }
                let (key, head) = key_value.map_err(|error| sled_error(&path, &error))?;
                let key = layout::text(&key, &path)?;
                // `None`: a big value that was removed while its parts were read.
                if let Some(value) = layout::resolve(db, &key, head, &path)? {
                    found.push((key, value));
                }
            }
            let newest = found.iter().map(|(_, value)| value.revision.0).max();
            Ok((found, newest.unwrap_or(0)))
        });
        read.boxed()
    }

    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        let path = self.path.clone();
        let read = self.read(move |db| {
            let mut count = 0;
            for key_value in walk(db, &Scan { prefix, after: None, limit: usize::MAX, backwards: false }) {
                key_value.map_err(|error| sled_error(&path, &error))?;
                count += 1;
            }
            Ok((count, 0))
        });
        read.boxed()
    }

    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        async move {
            lock(&self.jobs).as_ref().ok_or(StoreError::Closed)?;
            // Nobody reads what is not durable, and what is durable has the number of the last commit.
            Ok(Stamp(self.durable.borrow().revision().to_string()))
        }
        .boxed()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.apply(RawBatch::default()).map(|done| done.map(drop)).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let jobs = lock(&self.jobs).clone().ok_or(StoreError::Closed)?;
            if let Some(failure) = self.durable.borrow().failure() {
                return Err(failure.clone());
            }
            if jobs.is_closed() {
                return Err(StoreError::Unavailable {
                    detail: "the writer has stopped; restart the service".to_owned(),
                });
            }
            drop(jobs);
            let path = self.path.clone();
            self.read(move |db| layout::get(db, layout::PROBE, &path).map(|_| ((), 0))).await
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            drop(lock(&self.jobs).take());
            let writer = lock(&self.writer).take();
            if let Ok(all) = self.handles.readers.acquire_many(READERS as u32).await {
                self.handles.readers.close();
                drop(all);
            }
            let db = lock(&self.handles.db).take();
            let ended = tokio::task::spawn_blocking(move || {
                let joined = writer.map_or(Ok(()), JoinHandle::join);
                drop(db);
                joined
            });
            let failed = |detail: &str| StoreError::Unavailable { detail: detail.to_owned() };
            match ended.await {
                Ok(Ok(())) => match self.durable.borrow().failure() {
                    Some(failure) => Err(failure.clone()),
                    None => Ok(()),
                },
                Ok(Err(_)) | Err(_) => Err(failed("the writer had stopped before the store was closed")),
            }
        }
        .boxed()
    }
}

impl Drop for SledBackend {
    /// Without a `close`: what was accepted is still finished before the folder is given back.
    fn drop(&mut self) {
        drop(lock(&self.jobs).take());
        if let Some(writer) = lock(&self.writer).take() {
            // A panic of the writer was told to everybody who waited for it.
            let _ = writer.join();
        }
    }
}

/// The entries of a scan, from where it starts; never the store's own.
fn walk(db: &sled::Db, scan: &Scan) -> Box<dyn Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>> {
    let first = scan.prefix.as_str().max(layout::FIRST_KEY).to_owned();
    let end = keys::after_prefix(&scan.prefix);
    let mut low = Bound::Included(first.clone());
    let mut high = end.clone().map_or(Bound::Unbounded, Bound::Excluded);
    match &scan.after {
        Some(after) if scan.backwards => {
            if *after <= first {
                return Box::new(std::iter::empty());
            }
            if end.is_none_or(|end| *after < end) {
                high = Bound::Excluded(after.clone());
            }
        }
        Some(after) if *after >= first => {
            if end.is_some_and(|end| *after >= end) {
                return Box::new(std::iter::empty());
            }
            low = Bound::Excluded(after.clone());
        }
        _ => {}
    }
    let entries = db.range::<String, _>((low, high));
    if scan.backwards { Box::new(entries.rev()) } else { Box::new(entries) }
}

fn owned(value: &[u8]) -> Bytes {
    Bytes::copy_from_slice(value)
}
