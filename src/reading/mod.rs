//! A submission's files to its extract: off the asynchronous threads, under limits. What the room `document` does
//! with bytes, this room does for the stories: it decides where a reader runs.
//!
//! - `pool`, `worker`, `wire`: readers in processes of their own, what they are, and how they are spoken to. A parser
//!   that crashes, hangs or eats memory costs its file, which says so, and nothing else. Through a waiting worker a file
//!   takes about a millisecond more than in this process.
//! - `cache`: what was read once.
//! - `pages`: pages as pictures. `office`: LibreOffice, where it is there. `pictures`: pictures in a useful size.
//! - `tally`: what became of the files, counted.
//! - `seen`: what of all that a judge with certain senses is shown.

mod cache;
mod office;
mod pages;
mod pictures;
mod pool;
mod seen;
mod tally;
mod turns;
mod wire;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::document::{self, Limits};
use crate::domain::{Extract, FileExtract, Senses, StoredFile};

pub use cache::Cache;
pub use office::{Office, OfficeLimits, OfficeProgram};
use pages::Drawer;
pub use pages::{Drawn, Pages, Sheaf, has_pages};
use pool::Pool;
pub use pool::WorkerLimits;
pub use seen::{Begin, first_pages};
pub use tally::{End, Tally, describe_metrics};
use turns::Turns;
use wire::{Reply, Request};
pub use worker::serve as serve_worker;

/// Reads files for the stories.
#[derive(Debug)]
pub struct Reading {
    limits: Limits,
    readers: Readers,
    cache: Option<Arc<Cache>>,
    turns: Turns,
    pages: Pages,
    tally: Tally,
}

/// Where readers run.
#[derive(Debug, Clone)]
enum Readers {
    /// In this process, on threads that may block.
    Here,
    /// In processes of their own.
    Workers(Arc<Pool>),
}

/// A stored file with its bytes.
#[derive(Debug, Clone)]
pub struct Source {
    pub file: StoredFile,
    pub bytes: Bytes,
}

impl Reading {
    /// Readers run in this process, on threads that may block: for tests and for machines without processes to spare.
    /// A parser that overflows its stack or eats all memory takes this process with it.
    #[must_use]
    pub fn in_process(limits: Limits) -> Self {
        Self::new(limits, Readers::Here)
    }

    /// Readers run in processes of their own: `program` is this program, started again as `empanel reader`.
    #[must_use]
    pub fn isolated(limits: Limits, program: PathBuf, workers: WorkerLimits) -> Self {
        Self::new(limits, Readers::Workers(Arc::new(Pool::new(program, workers))))
    }

    fn new(limits: Limits, readers: Readers) -> Self {
        let office = Office::new(OfficeProgram::Auto, OfficeLimits::default());
        let pages = Pages::new(office, readers.drawer(), limits.clone());
        Self { limits, readers, cache: None, turns: Turns::default(), pages, tally: Tally::default() }
    }

    /// Office files are drawn by this LibreOffice, or by none.
    #[must_use]
    pub fn with_office(self, office: Office) -> Self {
        Self { pages: Pages::new(office, self.readers.drawer(), self.limits.clone()), ..self }
    }

    /// What was read is kept here, and not read again.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { cache: Some(Arc::new(cache)), ..self }
    }

    /// What became of the files so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// A file and, if it is an archive, its members. Total: what cannot be read says why. The same file is read once,
    /// also for two who ask at once.
    pub async fn read(&self, source: Source) -> Vec<FileExtract> {
        let Some(cache) = &self.cache else { return self.read_now(source).await.0 };
        let key = cache::key(&source, &self.limits);
        let turn = self.turns.of(&key);
        let _alone = turn.lock().await;
        let (looked, wanted) = (Arc::clone(cache), key.clone());
        if let Ok(Some(extracts)) = tokio::task::spawn_blocking(move || looked.get(&wanted)).await {
            self.tally.add(End::Kept);
            return extracts;
        }
        let (extracts, keep) = self.read_now(source).await;
        if !keep {
            return extracts;
        }
        let keeper = Arc::clone(cache);
        let kept = tokio::task::spawn_blocking(move || {
            keeper.put(&key, &extracts);
            extracts
        });
        kept.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// The extracts, and whether the same file would always be read like this.
    async fn read_now(&self, source: Source) -> (Vec<FileExtract>, bool) {
        let file = source.file.clone();
        let read = |extracts| {
            self.tally.add(End::Read);
            (extracts, true)
        };
        // On a machine with more memory or time it may be read: that it was not is not kept.
        let unread = |end: End, reason: String| {
            self.tally.add(end);
            tracing::warn!(file = %file.name, bytes = file.bytes, reason, "a file could not be read");
            (vec![document::unread(file.name.as_str(), &file.media_type, file.bytes, &file.sha256, reason)], false)
        };
        match &self.readers {
            Readers::Here => {
                let limits = self.limits.clone();
                let work = move || {
                    let (file, bytes) = (&source.file, &source.bytes);
                    let media_type = Some(file.media_type.as_str());
                    document::read(&document::Input { name: file.name.as_str(), media_type, bytes }, &limits)
                };
                match tokio::task::spawn_blocking(work).await {
                    Ok(extracts) => read(extracts),
                    Err(error) => {
                        unread(End::Died, format!("the thread of its reader ended early: {error}; grade it again"))
                    }
                }
            }
            Readers::Workers(pool) => {
                let request = Request::Read {
                    name: source.file.name.as_str().to_owned(),
                    media_type: source.file.media_type.clone(),
                    bytes: source.bytes.to_vec(),
                    limits: self.limits.clone(),
                };
                match pool.ask(&request).await {
                    Ok(Reply::Read(extracts)) => read(extracts),
                    Ok(Reply::Drawn { .. } | Reply::Failed(_)) => {
                        unread(End::Unusable, "a worker answered another question; grade it again".to_owned())
                    }
                    Err(fate) => unread(fate.end(), fate.reason(pool.limits())),
                }
            }
        }
    }

    /// Pages of a file as pictures, from 1, the end not included; an empty range only counts them. Kept, so that
    /// nothing is drawn twice.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub async fn draw(&self, file: &Sheaf, wanted: std::ops::Range<u32>, max_px: u32) -> Result<Drawn, String> {
        self.pages.draw(file, wanted, max_px).await
    }

    /// The extract as a judge with these senses is shown it; the same `Arc` if it is shown all that was read.
    /// `sheaves` are the files whose pages can be drawn; `begin` says which pages are shown where not all are.
    pub async fn seen_by(
        &self,
        senses: &Senses,
        extract: &Arc<Extract>,
        sheaves: &[Sheaf],
        begin: Begin<'_>,
    ) -> Arc<Extract> {
        seen::seen(self, senses, extract, sheaves, begin).await
    }
}

impl Readers {
    fn drawer(&self) -> Drawer {
        match self {
            Self::Here => Drawer::Here(document::render_pdf),
            Self::Workers(pool) => Drawer::Worker(Arc::clone(pool)),
        }
    }
}
