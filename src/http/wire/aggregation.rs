//! By what a panel that weighs its judges decided.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Timestamp, Weighing, WeighingRule};

#[derive(Debug, Serialize, ToSchema)]
pub struct AggregationBody {
    /// What decided between judges who differ: `weighted`, or `majority` for the reason in `why`.
    pub used: &'static str,
    pub why: String,
    /// Log odds that a criterion is met, before anybody voted; null for a majority.
    pub prior: Option<f64>,
    /// Empty for a majority.
    pub judges: Vec<JudgeWeightBody>,
    /// Mean log probability of held-out human answers, if judges count the same and if they are weighed.
    pub held_out: Option<HeldOutBody>,
    /// Criteria of earlier submissions that it was learned from.
    pub items: u32,
    /// Those of them that a human had decided.
    pub human_answers: u32,
    pub votes: u32,
    /// Equal for gradings that were decided by the same weights.
    pub fingerprint: String,
    pub learned_at: Timestamp,
}

/// What a judge's vote adds to the log odds.
#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeWeightBody {
    pub judge: String,
    /// 0 or more.
    pub if_met: f64,
    /// 0 or less.
    pub if_unmet: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HeldOutBody {
    pub majority: f64,
    pub weighted: f64,
}

impl From<&Weighing> for AggregationBody {
    fn from(weighing: &Weighing) -> Self {
        let Weighing { rule, items, human_answers, votes, fingerprint, learned_at } = weighing;
        let (used, why, prior, judges, held_out) = match rule {
            WeighingRule::Majority { why } => ("majority", why.clone(), None, vec![], None),
            WeighingRule::Weighted { prior, judges, held_out } => {
                let why = format!("{human_answers} human answers; on held-out ones weighing the judges helps");
                let judges = judges
                    .iter()
                    .map(|own| JudgeWeightBody {
                        judge: own.judge.to_string(),
                        if_met: own.if_met,
                        if_unmet: own.if_unmet,
                    })
                    .collect();
                let held_out = held_out.map(|(majority, weighted)| HeldOutBody { majority, weighted });
                ("weighted", why, Some(*prior), judges, held_out)
            }
        };
        Self {
            used,
            why,
            prior,
            judges,
            held_out,
            items: *items,
            human_answers: *human_answers,
            votes: *votes,
            fingerprint: fingerprint.to_string(),
            learned_at: *learned_at,
        }
    }
}
