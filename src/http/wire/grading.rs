//! Gradings.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregation::AggregationBody;
use super::families::FamiliesBody;
use super::rubric::{LevelBody, level_bodies};
use super::vote::place_of;
use crate::domain::{
    CachePolicy, Criterion, Decision, Evidence, Grading, GradingResult, GradingState, Id, Match, PanelAgreement,
    PanelName, Rubric, RubricRef, RubricVersion, Score, SystemName, Tally, TaskId, Timestamp, Usage, Verdict, Vote,
};
use crate::grading::aggregate::ballots;
use crate::grading::result::verdicts;
use crate::grading::score::{PartScore, all_pass, by_section, by_tag, process};
use crate::services::Progress;

/// A grading of a submission that is there already.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GradingRequest {
    pub submission_id: Uuid,
    /// Without it the task's.
    pub rubric_id: Option<Uuid>,
    /// Without it the panel `default`.
    #[schema(value_type = Option<String>)]
    pub panel: Option<PanelName>,
    /// How often each judge is asked; without it the panel's.
    pub repeats: Option<u32>,
    /// `on`: answers to questions that were put before are taken over; `read_only`: and new ones are not made known;
    /// `off`: every question is asked afresh. Without it the panel's.
    #[schema(value_type = Option<String>)]
    pub cache: Option<CachePolicy>,
    /// What was asked, where it is not the task's.
    pub prompt: Option<String>,
    /// What the calls may cost together; what it does not cover fails with `over_budget`, and can be retried.
    pub budget_usd: Option<f64>,
    /// Grade also with criteria that a model proposed and no human has accepted; false without it.
    #[serde(default)]
    pub allow_drafts: bool,
}

/// How a grading is asked again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// What its calls may cost together, those of before included; without it the budget that it has.
    pub budget_usd: Option<f64>,
}

/// Rubric, submission and grading in one request.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneShotRequest {
    /// An inline rubric: an object in the format `rubric_format`, or a text in it.
    pub rubric: Option<serde_json::Value>,
    /// Or one that is kept.
    pub rubric_id: Option<Uuid>,
    /// `native` if it is not given.
    pub rubric_format: Option<String>,
    pub prompt: Option<String>,
    #[schema(value_type = Option<String>)]
    pub task_id: Option<TaskId>,
    #[schema(value_type = String)]
    pub system: SystemName,
    #[schema(value_type = Option<String>)]
    pub panel: Option<PanelName>,
    pub repeats: Option<u32>,
    /// As of a grading.
    #[schema(value_type = Option<String>)]
    pub cache: Option<CachePolicy>,
    /// The system's final message.
    pub text: Option<String>,
    pub cost_usd: Option<f64>,
    pub duration_s: Option<f64>,
    pub tokens: Option<u64>,
    pub metadata: Option<serde_json::Value>,
    /// What the calls may cost together; what it does not cover fails with `over_budget`, and can be retried.
    pub budget_usd: Option<f64>,
    /// As of a grading.
    #[serde(default)]
    pub allow_drafts: bool,
}

/// One panel applied to one submission with one rubric version.
#[derive(Debug, Serialize, ToSchema)]
pub struct GradingBody {
    pub id: Uuid,
    /// `queued`, `running`, `completed`, `partial`, `failed`, `cancelled` or `awaiting_review`.
    #[schema(example = "completed")]
    pub status: &'static str,
    pub submission_id: Uuid,
    pub task_id: Option<String>,
    pub system: String,
    pub rubric: RubricRefBody,
    pub panel: String,
    pub progress: ProgressBody,
    /// Null until the panel has spoken.
    pub score: Option<ScoreBody>,
    /// The score of the rubric's parts. Null until the panel has spoken.
    pub parts: Option<PartsBody>,
    pub criteria: Vec<CriterionVerdict>,
    /// Null until the panel has spoken.
    pub agreement: Option<AgreementBody>,
    /// Where the panel weighs its judges: by what it decided, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub aggregation: Option<AggregationBody>,
    /// Judges of the system's own family.
    pub families: FamiliesBody,
    pub review: ReviewNeed,
    pub cost: CostBody,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// A grading in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct GradingSummary {
    pub id: Uuid,
    pub status: &'static str,
    pub submission_id: Uuid,
    pub task_id: Option<String>,
    pub system: String,
    pub rubric: RubricRefBody,
    pub panel: String,
    pub score: Option<ScoreBody>,
    pub review: ReviewNeed,
    /// Null until the panel has spoken.
    pub cost: Option<CostBody>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RubricRefBody {
    pub id: Uuid,
    pub version: u32,
    pub fingerprint: String,
}

/// Calls to judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgressBody {
    pub calls_planned: u32,
    /// With an answer or without.
    pub calls_done: u32,
    pub calls_failed: u32,
    /// Questions that a sequential panel left out, because their criteria were decided without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub calls_spared: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ScoreBody {
    /// 0 to 1; null where coverage is below the panel's minimum.
    pub value: Option<f64>,
    /// Unclamped and ungated.
    pub raw: Option<f64>,
    pub awarded: f64,
    /// Positive points that have a verdict.
    pub positive: f64,
    /// Share of all positive points that has a verdict.
    pub coverage: f64,
    pub ungated: Option<f64>,
    /// Gates that closed.
    pub gates: Vec<GateBody>,
    pub interval: Option<IntervalBody>,
    /// If everything inconclusive turned out best, and worst.
    pub if_all_met: f64,
    pub if_none_met: f64,
    /// As it would be without any override.
    pub without_overrides: Option<f64>,
    /// The human's decision that `value` is, in place of the computed score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub set: Option<SetScoreBody>,
    /// Why there is no value.
    pub undefined: Option<String>,
}

/// A score that a human set.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetScoreBody {
    /// What the verdicts give, human ones included.
    pub computed: Option<f64>,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// The score of the rubric's parts, each like a rubric of its own, without gates and not clamped.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartsBody {
    /// By tag; a criterion counts in each of its tags.
    pub tags: Vec<PartBody>,
    /// By section, parents before their children; empty if the rubric is a list.
    pub sections: Vec<PartBody>,
    /// Whether every criterion came out best; null while one that could change the answer has no verdict.
    pub all_pass: Option<bool>,
    /// How the work was done, of a rubric that asks about the steps; null otherwise.
    pub process: Option<ProcessBody>,
}

/// The criteria about the steps beside the others.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcessBody {
    pub score: PartBody,
    /// Of the criteria about the deliverable.
    pub outcome: PartBody,
    /// The first step in the evidence of a criterion that was failed; null where none was, or no evidence names a step.
    pub first_failing_step: Option<FailingStepBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FailingStepBody {
    /// From 1.
    pub step: u32,
    pub criterion_id: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PartBody {
    /// The tag, or the titles of the sections on the way, joined by ` / `.
    pub name: String,
    /// Null if none of its criteria has a verdict.
    pub value: Option<f64>,
    pub awarded: f64,
    pub positive: f64,
    pub coverage: f64,
    /// Their number.
    pub criteria: usize,
}

impl PartsBody {
    fn new(rubric: &Rubric, verdicts: &[Verdict]) -> Self {
        let body = |part: PartScore| PartBody {
            name: part.name,
            value: part.value,
            awarded: part.awarded,
            positive: part.positive,
            coverage: part.coverage,
            criteria: part.criteria,
        };
        Self {
            tags: by_tag(rubric, verdicts).into_iter().map(body).collect(),
            sections: by_section(rubric, verdicts).into_iter().map(body).collect(),
            all_pass: all_pass(rubric, verdicts),
            process: process(rubric, verdicts).map(|found| ProcessBody {
                score: body(found.process),
                outcome: body(found.outcome),
                first_failing_step: found.first_failing.map(|failing| FailingStepBody {
                    step: failing.step,
                    criterion_id: failing.criterion_id.to_string(),
                }),
            }),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GateBody {
    pub criterion_id: String,
    /// The score is at most this.
    pub cap: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct IntervalBody {
    pub low: f64,
    pub high: f64,
    pub level: f64,
    pub method: String,
}

/// A criterion with its verdict.
#[derive(Debug, Serialize, ToSchema)]
pub struct CriterionVerdict {
    pub id: String,
    pub requirement: String,
    pub points: f64,
    /// `met`, `unmet`, `level` or `inconclusive`.
    pub verdict: &'static str,
    /// The level reached, of a graded criterion.
    pub level: Option<String>,
    /// Points that the level earns.
    pub level_points: Option<f64>,
    /// The scale, of a graded criterion.
    pub levels: Option<Vec<LevelBody>>,
    /// Why it is inconclusive.
    pub why: Option<&'static str>,
    /// `panel`, `check` or `override`.
    pub source: &'static str,
    pub votes: TallyBody,
    pub evidence: Vec<EvidenceBody>,
}

/// Judges by their vote.
#[derive(Debug, Serialize, ToSchema)]
pub struct TallyBody {
    pub met: u32,
    pub unmet: u32,
    /// Votes for a level.
    pub levels: u32,
    pub cannot_assess: u32,
    pub failed: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceBody {
    pub file: String,
    #[serde(rename = "where")]
    pub place: String,
    pub quote: String,
    /// Whether the quote stands in what the judge was shown.
    pub found: bool,
    /// It stands only in text that a person who opens the file does not see.
    pub hidden: bool,
}

/// Agreement of the judges inside this grading.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementBody {
    /// Share of agreeing pairs of judges.
    pub raw: Option<f64>,
    pub krippendorff_alpha: AlphaBody,
    /// Why something is missing.
    pub undefined: Option<String>,
}

/// Krippendorff's α, or `{"value": null, "undefined": why}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlphaBody {
    pub value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Criteria with at least two votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub n: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub undefined: Option<String>,
}

/// Whether a human is needed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewNeed {
    /// A human has not yet answered everything.
    pub required: bool,
    /// Why reviews were opened, with the criterion.
    #[schema(example = json!(["split:c4"]))]
    pub reasons: Vec<String>,
    pub review_ids: Vec<Uuid>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CostBody {
    /// Null as soon as the price of one call is not known.
    pub usd: Option<f64>,
    /// Requests that were sent, retries included.
    pub calls: u32,
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
}

/// What a full grading is told from.
pub struct Told<'a> {
    pub grading: &'a Grading,
    pub rubric: &'a RubricVersion,
    /// Looked at only while there is no result.
    pub votes: &'a [Vote],
    /// Of what runs in this process.
    pub progress: Option<Progress>,
}

impl GradingBody {
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        let Told { grading, rubric, votes, progress } = told;
        let result = grading.result();
        let verdicts = match result {
            Some(result) => result.verdicts.clone(),
            None => so_far(grading, rubric, votes),
        };
        let criteria =
            rubric.rubric.criteria().iter().zip(&verdicts).map(|(c, v)| CriterionVerdict::new(c, v)).collect();
        let summary = GradingSummary::from(*grading);
        Self {
            id: summary.id,
            status: summary.status,
            submission_id: summary.submission_id,
            task_id: summary.task_id,
            system: summary.system,
            rubric: summary.rubric,
            panel: summary.panel,
            progress: progress_of(grading, votes, *progress),
            score: summary.score,
            parts: result.map(|_| PartsBody::new(&rubric.rubric, &verdicts)),
            criteria,
            agreement: result.map(|result| AgreementBody::from(&result.agreement)),
            aggregation: result.and_then(|result| result.weighing.as_deref()).map(AggregationBody::from),
            families: FamiliesBody::of(&grading.panel, &[&grading.system]),
            review: summary.review,
            cost: summary.cost.unwrap_or_else(|| cost_so_far(votes)),
            created_at: summary.created_at,
            completed_at: summary.completed_at,
        }
    }
}

/// While the panel is at it nothing is decided; how the votes stand can be seen.
fn so_far(grading: &Grading, rubric: &RubricVersion, votes: &[Vote]) -> Vec<Verdict> {
    let mut verdicts = verdicts(grading, &rubric.rubric, &ballots(votes), &[], None);
    for verdict in &mut verdicts {
        verdict.decision = Decision::Inconclusive(crate::domain::Inconclusive::Pending);
        verdict.evidence.clear();
    }
    verdicts
}

/// How far it is: as the process knows it, or else counted from what is kept.
#[must_use]
pub fn progress_of(grading: &Grading, votes: &[Vote], running: Option<Progress>) -> ProgressBody {
    if let Some(result) = grading.result() {
        let calls = result.calls;
        return ProgressBody {
            calls_planned: calls.planned,
            calls_done: calls.done,
            calls_failed: calls.failed,
            calls_spared: (calls.spared > 0).then_some(calls.spared),
        };
    }
    let counted = || {
        let failed =
            votes.iter().filter(|vote| matches!(vote.outcome, crate::domain::VoteOutcome::Failed { .. })).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Progress { planned: grading.calls_planned, done: count(votes.len()), failed: count(failed) }
    };
    // A grading that has not begun is known to the process with nothing planned.
    running.filter(|progress| progress.planned > 0).unwrap_or_else(counted).into()
}

impl From<Progress> for ProgressBody {
    fn from(progress: Progress) -> Self {
        let Progress { planned, done, failed } = progress;
        Self { calls_planned: planned, calls_done: done, calls_failed: failed, calls_spared: None }
    }
}

fn cost_so_far(votes: &[Vote]) -> CostBody {
    let mut usage = Usage::default();
    for vote in votes {
        usage += vote.usage;
    }
    let usd = votes.iter().map(|vote| if vote.attempts == 0 { Some(0.0) } else { vote.cost_usd }).sum();
    CostBody::new(usd, votes.iter().map(Vote::calls).sum(), usage)
}

impl CostBody {
    #[must_use]
    pub fn new(usd: Option<f64>, calls: u32, usage: Usage) -> Self {
        let Usage { input_tokens, cached_input_tokens, output_tokens, .. } = usage;
        Self { usd, calls, input_tokens, cached_input_tokens, output_tokens }
    }
}

impl From<&Grading> for GradingSummary {
    fn from(grading: &Grading) -> Self {
        let result = grading.result();
        let completed_at = match &grading.state {
            GradingState::Judged { at, .. } | GradingState::Cancelled { at } => Some(*at),
            GradingState::Queued | GradingState::Running { .. } => None,
        };
        Self {
            id: grading.id.uuid(),
            status: grading.status().as_str(),
            submission_id: grading.submission_id.uuid(),
            task_id: grading.task_id.as_ref().map(ToString::to_string),
            system: grading.system.to_string(),
            rubric: (&grading.rubric).into(),
            panel: grading.panel.name.to_string(),
            score: result.map(ScoreBody::new),
            review: ReviewNeed {
                required: result.is_some_and(|result| result.open_reviews > 0),
                reasons: result.map(|result| result.review_reasons.clone()).unwrap_or_default(),
                review_ids: result.map(|r| r.review_ids.iter().map(Id::uuid).collect()).unwrap_or_default(),
            },
            cost: result.map(|result| CostBody::new(result.cost_usd, result.calls.made, result.usage)),
            created_at: grading.created_at,
            completed_at,
        }
    }
}

impl From<&RubricRef> for RubricRefBody {
    fn from(rubric: &RubricRef) -> Self {
        Self { id: rubric.id.uuid(), version: rubric.version, fingerprint: rubric.fingerprint.to_string() }
    }
}

impl ScoreBody {
    fn new(result: &GradingResult) -> Self {
        let interval = result.interval.as_ref();
        let Score { value, raw, ungated, awarded, positive, coverage, gates, if_all_met, if_none_met, undefined } =
            &result.score;
        Self {
            value: *value,
            raw: *raw,
            awarded: *awarded,
            positive: *positive,
            coverage: *coverage,
            ungated: *ungated,
            gates: gates.iter().map(|g| GateBody { criterion_id: g.criterion_id.to_string(), cap: g.cap }).collect(),
            interval: interval.map(|i| IntervalBody {
                low: i.low,
                high: i.high,
                level: i.level,
                method: i.method.clone(),
            }),
            if_all_met: *if_all_met,
            if_none_met: *if_none_met,
            without_overrides: result.score_without_overrides,
            set: result.set_score.as_ref().map(|set| SetScoreBody {
                computed: set.computed,
                by: set.by.to_string(),
                reason: set.reason.clone(),
                at: set.at,
            }),
            undefined: undefined.clone(),
        }
    }
}

impl CriterionVerdict {
    fn new(criterion: &Criterion, verdict: &Verdict) -> Self {
        let (level, level_points) = match &verdict.decision {
            Decision::Level { name, points } => (Some(name.clone()), Some(*points)),
            _ => (None, None),
        };
        Self {
            id: criterion.id.to_string(),
            requirement: criterion.requirement.clone(),
            points: criterion.points,
            verdict: verdict.decision.as_str(),
            level,
            level_points,
            levels: level_bodies(&criterion.levels),
            why: match verdict.decision {
                Decision::Inconclusive(why) => Some(why.as_str()),
                _ => None,
            },
            source: verdict.source.as_str(),
            votes: verdict.tally.into(),
            evidence: verdict.evidence.iter().map(EvidenceBody::from).collect(),
        }
    }
}

impl From<Tally> for TallyBody {
    fn from(tally: Tally) -> Self {
        let Tally { met, unmet, levels, cannot_assess, failed } = tally;
        Self { met, unmet, levels, cannot_assess, failed }
    }
}

impl From<&Evidence> for EvidenceBody {
    fn from(evidence: &Evidence) -> Self {
        Self {
            file: evidence.file.clone(),
            place: place_of(evidence),
            quote: evidence.quote.clone(),
            found: evidence.found != Match::NotFound,
            hidden: evidence.hidden,
        }
    }
}

impl From<&PanelAgreement> for AgreementBody {
    fn from(agreement: &PanelAgreement) -> Self {
        let PanelAgreement { raw, alpha, undefined } = agreement;
        let krippendorff_alpha = match alpha {
            Some(alpha) => AlphaBody {
                value: Some(alpha.value),
                low: alpha.low,
                high: alpha.high,
                n: Some(alpha.n),
                undefined: None,
            },
            None => {
                let why = undefined.clone().unwrap_or_else(|| "it cannot be computed from these votes".to_owned());
                AlphaBody { value: None, low: None, high: None, n: None, undefined: Some(why) }
            }
        };
        Self { raw: *raw, krippendorff_alpha, undefined: undefined.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AlphaInterval;

    #[test]
    fn an_alpha_that_is_undefined_is_null_with_its_reason() {
        let undefined = PanelAgreement { raw: Some(1.0), alpha: None, undefined: Some("all votes equal".to_owned()) };
        let body = serde_json::to_value(AgreementBody::from(&undefined)).unwrap();
        assert_eq!(body["krippendorff_alpha"], serde_json::json!({"value": null, "undefined": "all votes equal"}));
        let alpha = Some(AlphaInterval { value: 0.71, low: Some(0.42), high: Some(0.9), n: 10 });
        let body =
            serde_json::to_value(AgreementBody::from(&PanelAgreement { raw: Some(0.9), alpha, undefined: None }))
                .unwrap();
        assert_eq!(body["krippendorff_alpha"], serde_json::json!({"value": 0.71, "low": 0.42, "high": 0.9, "n": 10}));
        assert_eq!(body["undefined"], serde_json::Value::Null);
    }
}
