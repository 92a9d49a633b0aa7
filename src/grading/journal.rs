//! The journal of calls: an intent is durable before the request leaves, a reply before anybody parses it. After a
//! crash the replies are read again without a call, and only what was in flight may be asked twice.

use std::sync::Arc;

use crate::domain::{Attempt, AttemptReply, CallKey, Clock, Timestamp};
use crate::judge::{History, Journal, JournalError};
use crate::store::ProjectStore;

/// Keeps attempts in the store.
pub struct StoreJournal {
    pub project: ProjectStore,
    pub clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl Journal for StoreJournal {
    async fn intent(&self, key: &CallKey, number: u32) -> Result<(), JournalError> {
        self.keep(key, number, AttemptReply::InFlight).await
    }

    async fn reply(&self, key: &CallKey, number: u32, reply: &AttemptReply) -> Result<(), JournalError> {
        self.keep(key, number, reply.clone()).await
    }
}

impl StoreJournal {
    async fn keep(&self, key: &CallKey, number: u32, reply: AttemptReply) -> Result<(), JournalError> {
        let attempt = Attempt { key: key.clone(), number, started_at: self.clock.now(), reply };
        let batch = self.project.batch().put(&attempt);
        self.project.commit(batch).await.map_err(|error| JournalError::new(key, number, error))
    }
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
    use crate::domain::{CriterionId, GradingId, Id, JudgeName, Question, Subject};

    #[test]
    fn a_retry_leaves_what_was_settled_in_the_books_and_goes_on_after_it() {
        let attempt = |number, at: &str| Attempt {
            key: CallKey {
                subject: Subject::Grading(GradingId::from_uuid(uuid::Uuid::nil())),
                judge: JudgeName::parse("j").unwrap(),
                repeat: 0,
                question: Question::Criterion(CriterionId::parse("c").unwrap()),
            },
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
