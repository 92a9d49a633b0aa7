//! The one thread that writes. It takes whatever waits, checks each batch against the state that the batches
//! before it will leave, applies all that hold as one sled batch, makes it durable once, and then answers
//! everybody.
//!
//! If applying, flushing or syncing fails, nobody in the group hears of success, and the writer refuses all
//! further work: what sled holds in memory is then not what is on disk, and only a restart tells which.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot, watch};

use super::super::backend::{RawBatch, Revision};
use super::super::{StoreError, keys};
use super::layout::{self, Head};

/// The most commits, and about the most bytes, of one group.
const GROUP: usize = 1_024;
const GROUP_BYTES: usize = 8 << 20;

pub(super) struct Job {
    pub batch: RawBatch,
    pub answer: oneshot::Sender<Result<Revision, StoreError>>,
}

/// Up to where everything is on disk, or why nothing more will be.
#[derive(Debug, Clone)]
pub(super) struct Durable {
    revision: u64,
    failure: Option<String>,
}

impl Durable {
    pub fn upto(revision: u64) -> Self {
        Self { revision, failure: None }
    }
    pub fn revision(&self) -> u64 {
        self.revision
    }
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// Puts what sled has written on the disk; a parameter, so that a test decides when a disk fails.
pub(super) type Sync = Box<dyn FnMut() -> std::io::Result<()> + Send>;

pub(super) struct Writer {
    db: sled::Db,
    sync: Sync,
    last: u64,
    durable: watch::Sender<Durable>,
}

type Answers = Vec<(oneshot::Sender<Result<Revision, StoreError>>, Result<Revision, StoreError>)>;

impl Writer {
    /// `last` is the last revision in the database.
    pub fn new(db: sled::Db, sync: Sync, last: u64, durable: watch::Sender<Durable>) -> Self {
        Self { db, sync, last, durable }
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
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        let failure = self.durable.borrow().failure.clone();
        if let Some(detail) = failure {
            for job in group {
                let _ = job.answer.send(Err(StoreError::Unavailable { detail: detail.clone() }));
            }
            return;
        }
        let (plan, answers) = self.plan(group);
        let written = if plan.last > self.last { self.make_durable(plan) } else { Ok(()) };
        if let Err(detail) = &written {
            let detail = format!("a write failed ({detail}); restart the service");
            self.durable.send_modify(|durable| durable.failure = Some(detail));
        }
        for (answer, result) in answers {
            // Whoever has gone away does not hear it; a conflict may rest on a commit that failed.
            let result = match &written {
                Ok(()) => result,
                Err(detail) => Err(StoreError::Uncertain { detail: detail.clone() }),
            };
            let _ = answer.send(result);
        }
    }

    fn make_durable(&mut self, mut plan: Plan) -> Result<(), String> {
        layout::put_last(&mut plan.batch, plan.last);
        self.db.apply_batch(plan.batch).map_err(|error| error.to_string())?;
        self.db.flush().map_err(|error| error.to_string())?;
        (self.sync)().map_err(|error| error.to_string())?;
        self.last = plan.last;
        self.durable.send_modify(|durable| durable.revision = plan.last);
        Ok(())
    }

    /// What the group will write, and what each of its members will hear once it is written.
    fn plan(&self, group: Vec<Job>) -> (Plan, Answers) {
        let mut plan = Plan { batch: sled::Batch::default(), last: self.last, heads: HashMap::new() };
        let answers = group.into_iter().map(|job| (job.answer, plan.add(&self.db, job.batch))).collect();
        (plan, answers)
    }
}

struct Plan {
    batch: sled::Batch,
    last: u64,
    /// The keys as they will be after the commits planned so far.
    heads: HashMap<String, Option<Head>>,
}

impl Plan {
    fn add(&mut self, db: &sled::Db, batch: RawBatch) -> Result<Revision, StoreError> {
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
