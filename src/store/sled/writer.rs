//! The one thread that writes. It takes whatever waits, checks each batch against the state that the batches
//! before it will leave, applies all that hold as one sled batch, makes it durable once, and then answers
//! everybody.
//!
//! If applying, flushing or syncing fails, nobody in the group hears of success, and the writer refuses all
//! further work: what sled holds in memory is then not what is on disk. It waits until the folder takes writes
//! again, opens the database anew, which tells what is on the disk, and goes on (`recover`).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};

use super::super::backend::{RawBatch, Revision};
use super::super::error::is_full;
use super::super::{Happened, StoreError, keys};
use super::layout::{self, Head};
use super::{Handles, lock};

/// The most commits, and about the most bytes, of one group.
const GROUP: usize = 1_024;
const GROUP_BYTES: usize = 8 << 20;

pub(super) struct Job {
    pub batch: RawBatch,
    pub answer: oneshot::Sender<Result<Revision, StoreError>>,
}

/// Up to where everything is on disk, or why nothing is taken now.
#[derive(Debug, Clone)]
pub(super) struct Durable {
    /// How often the database was opened anew: what was read in one life says nothing in the next.
    life: u64,
    revision: u64,
    failure: Option<StoreError>,
}

impl Durable {
    pub fn upto(revision: u64) -> Self {
        Self { life: 0, revision, failure: None }
    }
    pub fn life(&self) -> u64 {
        self.life
    }
    pub fn revision(&self) -> u64 {
        self.revision
    }
    pub fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }
}

/// Puts what sled has written on the disk; a parameter, so that a test decides when a disk fails.
pub(super) type Sync = Box<dyn FnMut() -> std::io::Result<()> + Send>;

/// An open database.
pub(super) struct Life {
    pub db: sled::Db,
    /// The last revision in it.
    pub last: u64,
    pub sync: Sync,
}

/// Where the database is; a parameter, so that a test decides when a disk is well again.
pub(super) trait Folder: Send {
    /// Whether it takes a write, and keeps it.
    fn probe(&mut self) -> Result<(), StoreError>;
    fn open(&mut self) -> Result<Life, StoreError>;
}

pub(super) struct Writer {
    /// `None` while it is opened anew.
    life: Option<Life>,
    folder: Box<dyn Folder>,
    handles: Arc<Handles>,
    /// The highest revision that was ever meant to be written, kept or not: none is used twice.
    top: u64,
    durable: watch::Sender<Durable>,
}

/// Between two looks at whether the disk is well again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Between two looks at whether somebody waits to be refused.
const TICK: Duration = Duration::from_millis(10);

type Answers = Vec<(oneshot::Sender<Result<Revision, StoreError>>, Result<Revision, StoreError>)>;

impl Writer {
    pub fn new(life: Life, folder: Box<dyn Folder>, handles: Arc<Handles>, durable: watch::Sender<Durable>) -> Self {
        Self { top: life.last, life: Some(life), folder, handles, durable }
    }

    /// Works until every sender is gone and the queue is empty.
    pub fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut size = first.batch.size();
            let mut group = vec![first];
            while group.len() < GROUP && size < GROUP_BYTES {
                let Ok(job) = queue.try_recv() else { break };
                size += job.batch.size();
                group.push(job);
            }
            // If it panics, whoever waits for an answer is told that it is uncertain, by the end of their channel.
            let committed = catch_unwind(AssertUnwindSafe(|| self.commit(group)));
            let is_well = committed.unwrap_or_else(|_| {
                self.fail(StoreError::Unavailable { detail: "the writer stopped in the midst of a write".to_owned() });
                false
            });
            if !is_well && !self.recover(&mut queue) {
                return;
            }
        }
    }

    fn fail(&self, failure: StoreError) {
        self.durable.send_modify(|durable| durable.failure = Some(failure));
    }

    /// False if the disk failed.
    fn commit(&mut self, group: Vec<Job>) -> bool {
        let Some(life) = &mut self.life else { return false };
        let mut plan = Plan { batch: sled::Batch::default(), last: self.top, heads: HashMap::new(), is_probed: false };
        // What the group will write, and what each of its members will hear once it is written.
        let answers: Answers = group.into_iter().map(|job| (job.answer, plan.add(&life.db, job.batch))).collect();
        let written = if plan.last > self.top || plan.is_probed {
            self.top = plan.last;
            life.make_durable(plan.batch, plan.last)
        } else {
            Ok(())
        };
        match &written {
            Ok(()) => self.durable.send_modify(|durable| durable.revision = self.top),
            Err(error) => {
                tracing::error!(%error, "the store failed while writing; it takes no writes until the disk is well again");
                self.fail(refused(error));
            }
        }
        for (answer, result) in answers {
            // Whoever has gone away does not hear it; a conflict may rest on a commit that failed.
            let _ = answer.send(match &written {
                Ok(()) => result,
                Err(error) => Err(uncertain(error)),
            });
        }
        written.is_ok()
    }

    /// Refuses everything until the folder takes writes again, then opens the database anew: only what is on the disk
    /// counts. Meanwhile what was durable can still be read. False if the store was closed.
    fn recover(&mut self, queue: &mut mpsc::Receiver<Job>) -> bool {
        let mut pause = FIRST_PAUSE;
        let mut told = None;
        loop {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                if !self.refuse(queue) {
                    return false;
                }
                std::thread::sleep(TICK);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            let reopened = match self.folder.probe() {
                Ok(()) => {
                    if !self.give_up_database(queue) {
                        return false;
                    }
                    // sled may panic on what it finds.
                    let opened = catch_unwind(AssertUnwindSafe(|| self.open()));
                    opened.unwrap_or_else(|_| {
                        Err(StoreError::Unavailable { detail: "the database could not be read".to_owned() })
                    })
                }
                Err(error) => Err(error),
            };
            match reopened {
                Ok(()) => {
                    tracing::info!("the store takes writes again");
                    return true;
                }
                Err(error) => {
                    // Once, and again when it is something else.
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(%error, "the store still takes no writes; it goes on trying");
                        told = Some(error.clone());
                    }
                    let failure = match error {
                        StoreError::Full { detail, .. } => StoreError::full(detail, Happened::No),
                        error => StoreError::Unavailable { detail: error.to_string() },
                    };
                    self.fail(failure);
                }
            }
        }
    }

    /// Tells whoever waits why nothing is taken; false if nobody will come any more.
    fn refuse(&self, queue: &mut mpsc::Receiver<Job>) -> bool {
        loop {
            match queue.try_recv() {
                Ok(job) => {
                    let failure = self.durable.borrow().failure.clone();
                    let _ = job.answer.send(Err(failure.unwrap_or(StoreError::Closed)));
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Lets go of the database here and in every reader; false if the store was closed meanwhile.
    fn give_up_database(&mut self, queue: &mut mpsc::Receiver<Job>) -> bool {
        let (life, shared) = (self.life.take(), lock(&self.handles.db).take());
        // sled syncs when it is dropped, and panics if that fails: what was durable is.
        let _ = catch_unwind(AssertUnwindSafe(|| drop((life, shared))));
        while !self.handles.are_back() {
            if !self.refuse(queue) {
                return false;
            }
            std::thread::sleep(TICK);
        }
        true
    }

    fn open(&mut self) -> Result<(), StoreError> {
        let mut life = self.folder.open()?;
        self.top = self.top.max(life.last);
        // That a write was kept says more than that the folder seems well; and no revision is used twice, also by a
        // process that opens this one after a crash.
        let kept = life.make_durable(sled::Batch::default(), self.top);
        kept.map_err(|error| refused(&error))?;
        *lock(&self.handles.db) = Some(life.db.clone());
        self.life = Some(life);
        let top = self.top;
        self.durable.send_modify(|durable| {
            *durable = Durable { life: durable.life + 1, revision: top, failure: None };
        });
        Ok(())
    }
}

impl Life {
    fn make_durable(&mut self, mut batch: sled::Batch, last: u64) -> Result<(), std::io::Error> {
        layout::put_last(&mut batch, last);
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        (self.sync)()
    }
}

/// For the group whose write failed.
fn uncertain(error: &std::io::Error) -> StoreError {
    match is_full(error) {
        true => StoreError::full(error.to_string(), Happened::Perhaps),
        false => StoreError::Uncertain { detail: error.to_string() },
    }
}

/// For whoever comes after it.
fn refused(error: &std::io::Error) -> StoreError {
    let detail = format!("a write failed ({error}); the store goes on when the disk is well again");
    if is_full(error) { StoreError::full(detail, Happened::No) } else { StoreError::Unavailable { detail } }
}

struct Plan {
    batch: sled::Batch,
    last: u64,
    /// The keys as they will be after the commits planned so far.
    heads: HashMap<String, Option<Head>>,
    /// Somebody wants to know whether a write is kept.
    is_probed: bool,
}

impl Plan {
    fn add(&mut self, db: &sled::Db, batch: RawBatch) -> Result<Revision, StoreError> {
        if batch.expects.is_empty() && batch.writes.is_empty() {
            self.is_probed = true;
            return Ok(Revision(self.last));
        }
        for (key, expect) in &batch.expects {
            if !expect.holds(self.head(db, key)?.map(|head| Revision(head.revision))) {
                return Err(keys::conflict(key));
            }
        }
        // Everything that can fail is behind before the first change is planned.
        let mut replaced = Vec::with_capacity(batch.writes.len());
        for (key, _) in &batch.writes {
            replaced.push(self.head(db, key)?);
        }
        let revision = self.last + 1;
        for (nth, ((key, value), old)) in (0u32..).zip(batch.writes.into_iter().zip(replaced)) {
            if let Some(old) = old {
                layout::remove_parts(&mut self.batch, old);
            }
            let head = match value {
                Some(value) => Some(layout::put(&mut self.batch, &key, &value, revision, nth)),
                None => {
                    self.batch.remove(key.as_str());
                    None
                }
            };
            self.heads.insert(key, head);
        }
        self.last = revision;
        Ok(Revision(revision))
    }

    fn head(&mut self, db: &sled::Db, key: &str) -> Result<Option<Head>, StoreError> {
        if let Some(head) = self.heads.get(key) {
            return Ok(*head);
        }
        let unreadable = |error: sled::Error| StoreError::Unavailable { detail: error.to_string() };
        let head = match db.get(key).map_err(unreadable)? {
            Some(value) => Some(layout::head(key, &value)?),
            None => None,
        };
        self.heads.insert(key.to_owned(), head);
        Ok(head)
    }
}
