//! Comparisons and imported battles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::families::FamiliesBody;
use super::grading::{CostBody, ProgressBody, RubricRefBody};
use super::vote::{SaidBody, VoteBody, order_word};
use crate::domain::{
    ComparedBy, Comparison, ComparisonState, Id, JudgePreference, PanelName, Preference, RubricId, SystemName, TaskId,
    Timestamp, Vote, VoteOutcome,
};
use crate::ranking::by_criterion::{Criteria, CriterionOutcome, OverBothOrders};
use crate::refusal::Refusal;
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
    /// Ask also which is better on each criterion of a rubric, and why.
    #[serde(default)]
    pub criteria: bool,
    /// Whose criteria; the task's without it. Only with `criteria`.
    pub rubric_id: Option<Uuid>,
}

/// Whether criteria are asked about, and whose.
///
/// # Errors
/// If a rubric is named and its criteria are not wanted.
pub fn criteria(wanted: bool, rubric_id: Option<Uuid>) -> Result<Criteria, Refusal> {
    match (wanted, rubric_id) {
        (true, Some(id)) => Ok(Criteria::Of(RubricId::from_uuid(id))),
        (true, None) => Ok(Criteria::OfTheTask),
        (false, None) => Ok(Criteria::No),
        (false, Some(_)) => Err(Refusal::invalid(
            "/rubric_id",
            "is only used with `criteria`; send `\"criteria\": true`, or leave it out",
        )),
    }
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
    /// Ask also which is better on each criterion of a rubric, and why.
    #[serde(default)]
    pub criteria: bool,
    /// Whose criteria, for all tasks; each task's own without it. Only with `criteria`.
    pub rubric_id: Option<Uuid>,
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
    /// Judges of the family of one of the two systems.
    pub families: FamiliesBody,
    /// Whose criteria were asked about, where that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rubric: Option<RubricRefBody>,
    /// What the judges say on each of its criteria, where one comparison was asked for. It counts nothing in ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub criteria: Option<Vec<ComparedCriterionBody>>,
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

/// What the judges say on one criterion.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedCriterionBody {
    pub id: String,
    pub requirement: String,
    /// False: it is about something bad, and the one with less of it is better.
    pub wanted: bool,
    pub counts: CriterionCountsBody,
    /// In the panel's order.
    pub judges: Vec<JudgeOnCriterionBody>,
}

/// How many judges say what, each over both orders. They add up to the panel.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CriterionCountsBody {
    pub a: u32,
    pub b: u32,
    pub tie: u32,
    pub both_bad: u32,
    /// In at least one order it could not tell.
    pub cannot_assess: u32,
    /// It changed with the order, and says nothing.
    pub order_inconsistent: u32,
    /// An order has no answer: none has come yet, the call failed, or the reply does not say it once and clearly.
    pub no_answer: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeOnCriterionBody {
    pub judge: String,
    /// `a`, `b`, `tie`, `both_bad`, `cannot_assess`, `order_inconsistent` or `no_answer`.
    pub outcome: &'static str,
    pub said: Vec<SaidInOrderBody>,
}

/// What one reply says on one criterion.
#[derive(Debug, Serialize, ToSchema)]
pub struct SaidInOrderBody {
    /// `a_first` or `b_first`. The answer is in the comparison's own terms either way.
    pub order: &'static str,
    pub repeat: u32,
    #[serde(flatten)]
    pub said: SaidBody,
}

impl From<CriterionOutcome> for ComparedCriterionBody {
    fn from(of: CriterionOutcome) -> Self {
        let mut counts = CriterionCountsBody::default();
        let mut judges = Vec::with_capacity(of.judges.len());
        for one in of.judges {
            let (count, outcome) = match one.outcome {
                OverBothOrders::Prefers(Preference::A) => (&mut counts.a, "a"),
                OverBothOrders::Prefers(Preference::B) => (&mut counts.b, "b"),
                OverBothOrders::Prefers(Preference::Tie) => (&mut counts.tie, "tie"),
                OverBothOrders::Prefers(Preference::BothBad) => (&mut counts.both_bad, "both_bad"),
                OverBothOrders::CannotAssess => (&mut counts.cannot_assess, "cannot_assess"),
                OverBothOrders::OrderInconsistent => (&mut counts.order_inconsistent, "order_inconsistent"),
                OverBothOrders::NoAnswer => (&mut counts.no_answer, "no_answer"),
            };
            *count += 1;
            let said = one.said.iter().map(|(order, repeat, said)| SaidInOrderBody {
                order: order_word(*order),
                repeat: *repeat,
                said: said.into(),
            });
            judges.push(JudgeOnCriterionBody { judge: one.judge.to_string(), outcome, said: said.collect() });
        }
        let ComparedBy { id, requirement, wanted } = of.criterion;
        Self { id: id.to_string(), requirement, wanted, counts, judges }
    }
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
            families: FamiliesBody::of(&comparison.panel, &[&comparison.system_a, &comparison.system_b]),
            rubric: comparison.rubric.as_ref().map(RubricRefBody::from),
            criteria: None,
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
