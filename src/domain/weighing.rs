//! What a panel of `aggregation = "weighted"` had learned of its judges when it decided: kept with the grading, so that its
//! verdicts can be computed again from the same votes at any time, and change only when somebody asks for it.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, JudgeName, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighing {
    pub rule: WeighingRule,
    /// Criteria of earlier submissions that were looked at, and those of them that a human had decided.
    pub items: u32,
    pub human_answers: u32,
    /// The judges' votes on them.
    pub votes: u32,
    /// Of the rule: equal for gradings that were decided by the same weights.
    pub fingerprint: Fingerprint,
    pub learned_at: Timestamp,
}

/// How judges who disagree are decided between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeighingRule {
    /// Every judge counts the same, and why.
    Majority { why: String },
    /// By the log odds that a criterion is met: `prior` and what each judge's vote adds.
    Weighted {
        prior: f64,
        judges: Vec<JudgeWeight>,
        /// Mean log probability of held-out human answers when judges count the same, and when they are weighed.
        held_out: Option<(f64, f64)>,
    },
}

/// What one judge's vote adds to the log odds. A judge that cannot be believed adds nothing, never the contrary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeWeight {
    pub judge: JudgeName,
    /// 0 or more.
    pub if_met: f64,
    /// 0 or less.
    pub if_unmet: f64,
}
