//! What humans decided about scores, and decisions that are remembered.

use serde::{Deserialize, Serialize};

use super::{Author, CriterionId, Fingerprint, GradingId, OverrideId, OverrideValue, Timestamp};

/// A human's score in place of the computed one. Appended; the latest binds; nothing that was computed is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreOverride {
    pub id: OverrideId,
    pub grading_id: GradingId,
    /// 0 to 1; `None` takes the earlier ones back: the computed score stands again.
    pub value: Option<f64>,
    pub reason: String,
    pub author: Author,
    pub created_at: Timestamp,
}

/// A human's decision on a criterion of some content, for the next time that both are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Of criterion, task and deliverable.
    pub content: Fingerprint,
    pub value: OverrideValue,
    pub reason: String,
    pub author: Author,
    pub from: Precedent,
    pub created_at: Timestamp,
}

/// A person has been shown what the judges said: of a whole grading, or of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    pub grading_id: GradingId,
    /// `None`: of all of them.
    pub criterion_id: Option<CriterionId>,
    pub person: Author,
    pub at: Timestamp,
}

/// Where a remembered decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedent {
    pub grading_id: GradingId,
    pub override_id: OverrideId,
}
