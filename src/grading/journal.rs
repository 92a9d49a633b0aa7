//! The journal of calls: an intent is durable before the request leaves, a reply before anybody parses it. After a
//! crash the replies are read again without a call, and only what was in flight may be asked twice.

//!
//! A reply that is long is kept as a file, and its attempt names it: records stay small enough to be walked over. Where no
//! file can be kept at this moment it stands in the record: a paid reply is not lost for that.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Attempt, AttemptReply, CallKey, Clock, Timestamp};
use crate::judge::{History, Journal, JournalError};
use crate::store::{Blobs, ProjectStore, Store, StoreError};

/// Bytes of a reply up to which it stands in its record.
const LONG: usize = 16 << 10;
/// How often a file is put again because unused ones were swept meanwhile: that happens about once a day.
const PUT_AGAIN: usize = 4;

/// Keeps attempts in the store.
pub struct StoreJournal {
    pub project: ProjectStore,
    pub store: Store,
    pub blobs: Blobs,
    pub clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl Journal for StoreJournal {
    async fn intent(&self, key: &CallKey, number: u32) -> Result<(), JournalError> {
        self.keep(key, number, AttemptReply::InFlight).await
    }

    async fn reply(&self, key: &CallKey, number: u32, reply: &AttemptReply) -> Result<(), JournalError> {
        if let AttemptReply::Received { status, body, latency_ms } = reply
            && body.len() > LONG
        {
            match self.keep_long(key, number, *status, body, *latency_ms).await {
                Ok(()) => return Ok(()),
                Err(error @ StoreError::Fenced { .. }) => return Err(JournalError::new(key, number, error)),
                Err(error) => tracing::warn!(%error, call = %key, "a long reply is kept in its record, not as a file"),
            }
        }
        self.keep(key, number, reply.clone()).await
    }
}

impl StoreJournal {
    async fn keep(&self, key: &CallKey, number: u32, reply: AttemptReply) -> Result<(), JournalError> {
        let batch = self.project.batch().put(&self.attempt(key, number, reply));
        self.project.commit(batch).await.map_err(|error| JournalError::new(key, number, error))
    }

    fn attempt(&self, key: &CallKey, number: u32, reply: AttemptReply) -> Attempt {
        Attempt { key: key.clone(), number, started_at: self.clock.now(), reply }
    }

    async fn keep_long(
        &self,
        key: &CallKey,
        number: u32,
        status: u16,
        body: &str,
        latency_ms: u64,
    ) -> Result<(), StoreError> {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let mut left = PUT_AGAIN;
        loop {
            let upload = self.store.upload().await?;
            let sha256 = self.blobs.put(upload.turn(), bytes.clone()).await?;
            let reply = AttemptReply::Kept { status, sha256, bytes: bytes.len() as u64, latency_ms };
            let batch = self.project.batch().put(&self.attempt(key, number, reply));
            left -= 1;
            match self.project.under(&upload).commit(batch).await {
                Err(StoreError::Swept) if left > 0 => {}
                done => return done,
            }
        }
    }
}

/// The attempt with its reply, wherever that is kept.
///
/// # Errors
/// As [`Blobs::get`]: what cannot be read is no reply that says nothing.
pub async fn whole(blobs: &Blobs, attempt: Attempt) -> Result<Attempt, StoreError> {
    let AttemptReply::Kept { status, ref sha256, latency_ms, .. } = attempt.reply else { return Ok(attempt) };
    let bytes = blobs.get(sha256).await?;
    let body = String::from_utf8(bytes.into()).map_err(|error| StoreError::CorruptFile {
        sha256: sha256.clone(),
        detail: format!("it is a reply and no text: {error}"),
    })?;
    Ok(Attempt { reply: AttemptReply::Received { status, body, latency_ms }, ..attempt })
}

/// A call's past. Attempts up to `since` (the time of a retry) led to a failed vote that is asked again: they stay
/// in the books, but are not read as answers and use up no budget.
#[must_use]
pub fn history(mut attempts: Vec<Attempt>, since: Option<Timestamp>) -> History {
    attempts.sort_by_key(|attempt| attempt.number);
    let earlier = attempts.iter().filter(|attempt| since.is_some_and(|since| attempt.started_at <= since));
    let settled = earlier.map(|attempt| attempt.number).max().unwrap_or(0);
    History { attempts, settled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CriterionId, GradingId, Id, JudgeName, ProjectId, Question, Subject, SystemClock};
    use crate::store::{Query, StoreOptions, Sweep, sweep};

    fn call() -> CallKey {
        CallKey {
            subject: Subject::Grading(GradingId::from_uuid(uuid::Uuid::nil())),
            judge: JudgeName::parse("j").unwrap(),
            repeat: 0,
            question: Question::Criterion(CriterionId::parse("c").unwrap()),
        }
    }

    async fn journal(files: &str) -> StoreJournal {
        let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
        let project = store.project(&ProjectId::parse("p").unwrap());
        StoreJournal { project, store, blobs: Blobs::open(files).await.unwrap(), clock: Arc::new(SystemClock) }
    }

    fn received(bytes: usize) -> AttemptReply {
        AttemptReply::Received { status: 200, body: "ü".repeat(bytes / 2), latency_ms: 7 }
    }

    async fn only(journal: &StoreJournal) -> Attempt {
        journal.project.all::<Attempt>(Query::default()).await.unwrap().pop().unwrap()
    }

    #[tokio::test]
    async fn a_long_reply_is_a_file_that_its_attempt_names_and_is_read_as_it_came() {
        let journal = journal("memory:").await;
        for (bytes, is_file) in [(2, false), (LONG, false), (LONG + 2, true), (3 << 20, true)] {
            journal.intent(&call(), 1).await.unwrap();
            journal.reply(&call(), 1, &received(bytes)).await.unwrap();
            let kept = only(&journal).await;
            assert_eq!(matches!(kept.reply, AttemptReply::Kept { .. }), is_file, "{bytes}");
            // It is nobody's to sweep.
            let all = Sweep { grace: std::time::Duration::ZERO, dry_run: false };
            sweep(&journal.store, &journal.blobs, journal.clock.now(), all).await.unwrap();
            assert_eq!(whole(&journal.blobs, kept).await.unwrap().reply, received(bytes));
        }
        let gone = Blobs::open("memory:").await.unwrap();
        let error = whole(&gone, only(&journal).await).await.unwrap_err();
        assert!(matches!(error, StoreError::NoSuchFile { .. }));
    }

    #[tokio::test]
    async fn a_paid_reply_is_kept_in_its_record_where_no_file_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(&format!("file:{}", folder.path().join("files").display())).await;
        std::fs::remove_dir_all(folder.path().join("files")).unwrap();
        std::fs::write(folder.path().join("files"), "in the way").unwrap();
        journal.reply(&call(), 1, &received(LONG * 2)).await.unwrap();
        assert_eq!(only(&journal).await.reply, received(LONG * 2));
    }

    #[test]
    fn a_retry_leaves_what_was_settled_in_the_books_and_goes_on_after_it() {
        let attempt = |number, at: &str| Attempt {
            key: call(),
            number,
            started_at: at.parse().unwrap(),
            reply: AttemptReply::InFlight,
        };
        let all = || {
            vec![
                attempt(2, "2026-01-01T00:00:02Z"),
                attempt(1, "2026-01-01T00:00:01Z"),
                attempt(3, "2026-01-01T00:00:09Z"),
            ]
        };
        let retried = history(all(), Some("2026-01-01T00:00:05Z".parse().unwrap()));
        let numbers: Vec<u32> = retried.attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!((numbers, retried.settled), (vec![1, 2, 3], 2));
        assert_eq!(history(all(), None).settled, 0);
    }
}
