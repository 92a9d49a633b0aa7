//! The journal of calls: an intent is durable before the request leaves, a reply before anybody parses it. After a
//! crash the replies are read again without a call, and only what was in flight may be asked twice.

use std::sync::Arc;

use crate::domain::{Attempt, AttemptReply, CallKey, Clock, Timestamp};
use crate::judge::{Journal, JournalError};
use crate::store::ProjectStore;

/// Keeps attempts in the store.
pub struct StoreJournal {
    pub project: ProjectStore,
    pub clock: Arc<dyn Clock>,
    /// Attempts of earlier rounds (before a `retry`): numbers go on after them.
    pub offset: u32,
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
        let started_at = self.clock.now();
        let attempt = Attempt { key: key.clone(), number: number + self.offset, started_at, reply };
        let batch = self.project.batch().put(&attempt);
        self.project.commit(batch).await.map_err(|error| JournalError::new(key, number, error))
    }
}

/// The attempts of the present round, oldest first, numbered from 1, and how many came before them.
#[must_use]
pub fn this_round(mut attempts: Vec<Attempt>, since: Option<Timestamp>) -> (Vec<Attempt>, u32) {
    attempts.sort_by_key(|attempt| attempt.number);
    let earlier = attempts.iter().take_while(|a| since.is_some_and(|since| a.started_at <= since)).count();
    let offset = earlier.checked_sub(1).map_or(0, |last| attempts[last].number);
    let mut round = attempts.split_off(earlier);
    for attempt in &mut round {
        attempt.number -= offset;
    }
    (round, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CriterionId, GradingId, Id, JudgeName, Question, Subject};

    #[test]
    fn a_retry_starts_a_round_of_its_own_and_numbers_go_on() {
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
        let (round, offset) = this_round(all(), Some("2026-01-01T00:00:05Z".parse().unwrap()));
        assert_eq!((round.len(), round[0].number, offset), (1, 1, 2));
        let (round, offset) = this_round(all(), None);
        assert_eq!((round.len(), round[0].number, offset), (3, 1, 0));
    }
}
