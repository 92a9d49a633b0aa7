//! What was decided by whom: an append-only log in which each entry carries the hash of the one before.

use serde::{Deserialize, Serialize};

use super::{Author, Timestamp};

/// What was done. Its name is part of the log and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "override.appended")]
    OverrideAppended,
    #[serde(rename = "score.overridden")]
    ScoreOverridden,
    /// A decision was applied again to the same criterion of the same content.
    #[serde(rename = "decision.remembered")]
    DecisionRemembered,
    #[serde(rename = "review.opened")]
    ReviewOpened,
    #[serde(rename = "review.answered")]
    ReviewAnswered,
    #[serde(rename = "review.declined")]
    ReviewDeclined,
    #[serde(rename = "review.resolved")]
    ReviewResolved,
    #[serde(rename = "review.withdrawn")]
    ReviewWithdrawn,
    /// A reviewer took their own answer back.
    #[serde(rename = "review.taken_back")]
    ReviewTakenBack,
    /// A reviewer was shown what judges and other reviewers said.
    #[serde(rename = "review.revealed")]
    ReviewRevealed,
    #[serde(rename = "rubric.decided")]
    RubricDecided,
    /// Somebody had a panel's weights learned anew, and the grading decided by them.
    #[serde(rename = "weights.learned")]
    WeightsLearned,
    #[serde(rename = "key.created")]
    KeyCreated,
    #[serde(rename = "key.rotated")]
    KeyRotated,
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// Somebody logged in with a browser.
    #[serde(rename = "session.opened")]
    SessionOpened,
    #[serde(rename = "config.changed")]
    ConfigChanged,
    #[serde(rename = "webhook.changed")]
    WebhookChanged,
}

/// What an entry says. Its JSON text is what is hashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFacts {
    /// From 1, without gaps.
    pub seq: u64,
    pub at: Timestamp,
    pub actor: Author,
    pub action: Action,
    /// What it is about: `review/…`, `grading/…/c4`, `key/…`.
    pub subject: String,
    /// What else is to be known; never a secret.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
    /// Hash of the entry before; of the first, 64 zeros.
    pub prev: String,
}

/// An entry as it is kept: the text itself and its hash, so that not even its spelling can change unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    pub seq: u64,
    /// JSON of [`AuditFacts`].
    pub facts: String,
    /// Lower-case hex of the SHA-256 of `facts`.
    pub hash: String,
}

/// The last entry of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    pub seq: u64,
    pub hash: String,
}
