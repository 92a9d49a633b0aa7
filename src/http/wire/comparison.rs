//! Comparisons and imported battles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::grading::{CostBody, ProgressBody};
use super::vote::VoteBody;
use crate::domain::{
    Comparison, ComparisonState, Id, JudgePreference, PanelName, Preference, SystemName, TaskId, Timestamp, Vote,
    VoteOutcome,
};
use crate::services::Progress;

/// Two submissions of one task.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRequest {
    #[schema(value_type = String)]
    pub task_id: TaskId,
    pub a: Uuid,
    pub b: Uuid,
    #[schema(value_type = Option<String>)]
    pub panel: Option<PanelName>,
}

/// Which comparisons to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// `all_pairs`; `against` one `system`; `anchors`: everybody against `anchors` systems of middling strength;
    /// `active`: the `comparisons` whose outcome would narrow the intervals most.
    #[schema(example = "against")]
    pub plan: String,
    /// Of `against`; `human` without it.
    #[schema(value_type = Option<String>)]
    pub system: Option<SystemName>,
    /// Of `anchors`; 3 without it.
    pub anchors: Option<usize>,
    /// Of `active`; 100 without it.
    pub comparisons: Option<usize>,
    /// All tasks without it.
    #[schema(value_type = Option<Vec<String>>)]
    pub task_ids: Option<Vec<TaskId>>,
    /// All systems without it.
    #[schema(value_type = Option<Vec<String>>)]
    pub systems: Option<Vec<SystemName>>,
    #[schema(value_type = Option<String>)]
    pub panel: Option<PanelName>,
    /// Only so many, in the plan's order, as this covers by the quote.
    pub budget_usd: Option<f64>,
    /// Tell, and make none.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a plan made, or would make.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanBody {
    pub plan: String,
    pub panel: String,
    /// Comparisons that were made; that would be, of a dry run.
    pub comparisons: usize,
    /// Pairs of the plan that this panel compared before.
    pub already_compared: usize,
    /// Left out for the budget.
    pub over_budget: usize,
    /// The chosen systems, of the plan `anchors`.
    pub anchors: Vec<String>,
    /// What they would cost if they ran now. Known answers are not taken off, and cost nothing.
    pub quote: super::quote::CostBody,
    /// Comparisons that the quote looked at; the others are taken to cost as much on average.
    pub quoted_from: usize,
    pub dry_run: bool,
    /// Of what was made; none of a dry run.
    pub ids: Vec<Uuid>,
}

/// Two submissions judged side by side, in both orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonBody {
    pub id: Uuid,
    /// `queued`, `running`, `completed`, `partial` or `failed`.
    pub status: &'static str,
    pub task_id: String,
    pub a: Uuid,
    pub b: Uuid,
    pub system_a: String,
    pub system_b: String,
    pub panel: String,
    pub progress: ProgressBody,
    /// `a`, `b`, `tie`, `both_bad`; null while it is not known or if it is inconclusive.
    pub outcome: Option<&'static str>,
    /// Why it is inconclusive, or a remark on the outcome.
    pub note: Option<String>,
    /// Each judge over both orders; empty until the panel has spoken.
    pub judges: Vec<JudgePreferenceBody>,
    /// Every vote, where one comparison was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub votes: Option<Vec<VoteBody>>,
    /// Null until the panel has spoken.
    pub cost: Option<CostBody>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgePreferenceBody {
    pub judge: String,
    pub outcome: Option<&'static str>,
    /// The answer flipped with the order; the outcome is then a tie.
    pub order_inconsistent: bool,
    /// Why an answer is missing.
    pub cause: Option<&'static str>,
}

/// What was brought in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Battles that were kept: all rows.
    pub imported: usize,
}

/// The outcome's word.
#[must_use]
pub fn word(preference: Preference) -> &'static str {
    match preference {
        Preference::A => "a",
        Preference::B => "b",
        Preference::Tie => "tie",
        Preference::BothBad => "both_bad",
    }
}

impl ComparisonBody {
    #[must_use]
    pub fn new(comparison: &Comparison, votes: &[Vote], running: Option<Progress>) -> Self {
        let result = match &comparison.state {
            ComparisonState::Judged { at, result } => Some((*at, result)),
            ComparisonState::Queued | ComparisonState::Running { .. } => None,
        };
        let counted = || {
            let failed = votes.iter().filter(|vote| matches!(vote.outcome, VoteOutcome::Failed { .. })).count();
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Progress { planned: comparison.calls_planned, done: count(votes.len()), failed: count(failed) }
        };
        let progress = match result {
            Some((_, r)) => Progress { planned: r.calls.planned, done: r.calls.done, failed: r.calls.failed },
            None => running.filter(|progress| progress.planned > 0).unwrap_or_else(counted),
        };
        Self {
            id: comparison.id.uuid(),
            status: comparison.status().as_str(),
            task_id: comparison.task_id.to_string(),
            a: comparison.a.uuid(),
            b: comparison.b.uuid(),
            system_a: comparison.system_a.to_string(),
            system_b: comparison.system_b.to_string(),
            panel: comparison.panel.name.to_string(),
            progress: progress.into(),
            outcome: result.and_then(|(_, result)| result.outcome).map(word),
            note: result.and_then(|(_, result)| result.note.clone()),
            judges: result.map(|(_, r)| r.judges.iter().map(JudgePreferenceBody::from).collect()).unwrap_or_default(),
            votes: None,
            cost: result.map(|(_, result)| CostBody::new(result.cost_usd, result.calls.made, result.usage)),
            created_at: comparison.created_at,
            completed_at: result.map(|(at, _)| at),
        }
    }
}

impl From<&JudgePreference> for JudgePreferenceBody {
    fn from(one: &JudgePreference) -> Self {
        Self {
            judge: one.judge.to_string(),
            outcome: one.outcome.map(word),
            order_inconsistent: one.order_inconsistent,
            cause: one.failed.map(crate::domain::Cause::as_str),
        }
    }
}
