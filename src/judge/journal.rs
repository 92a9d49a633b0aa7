//! The journal: what was asked and what came back, durable. An intent is durable *before* its request leaves and
//! a reply is durable *before* anybody parses it, so that no paid call is lost, and after a crash only calls that
//! were in flight are asked again. The judge room only calls it; the store keeps it.

use async_trait::async_trait;

use crate::domain::{Attempt, AttemptReply, CallKey};

/// The journal could not make something durable. Nothing more may be sent then.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot keep attempt {number} of {key}: {reason}; no request is sent without it")]
pub struct JournalError {
    pub key: String,
    pub number: u32,
    pub reason: String,
}

impl JournalError {
    #[must_use]
    pub fn new(key: &CallKey, number: u32, reason: impl std::fmt::Display) -> Self {
        Self { key: key.to_string(), number, reason: reason.to_string() }
    }
}

#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns once it is durable that attempt `number` of `key` is about to be sent.
    async fn intent(&self, key: &CallKey, number: u32) -> Result<(), JournalError>;
    /// Returns once the outcome of the attempt is durable.
    async fn reply(&self, key: &CallKey, number: u32, reply: &AttemptReply) -> Result<(), JournalError>;
}

/// Keeps nothing: for calls that belong to no grading, such as checking that a judge answers at all.
pub struct Unkept;

#[async_trait]
impl Journal for Unkept {
    async fn intent(&self, _: &CallKey, _: u32) -> Result<(), JournalError> {
        Ok(())
    }
    async fn reply(&self, _: &CallKey, _: u32, _: &AttemptReply) -> Result<(), JournalError> {
        Ok(())
    }
}

/// What earlier lives of the process already received for a call.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Oldest first. Replies in it are read and parsed before anything is sent.
    pub attempts: Vec<Attempt>,
    /// Attempts up to this number led to an earlier, failed vote that is being asked again: they count in the
    /// books, but are not read as answers and use up no budget.
    pub settled: u32,
}

impl From<Vec<Attempt>> for History {
    fn from(attempts: Vec<Attempt>) -> Self {
        Self { attempts, settled: 0 }
    }
}
