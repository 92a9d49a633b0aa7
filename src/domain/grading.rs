//! One panel applied to one submission with one rubric version: its life, as states.

use serde::{Deserialize, Serialize};

use super::{
    Author, Cause, ComparisonId, CriterionId, GradingId, JudgeName, Manifest, Panel, Place, Preference, ReviewId,
    RubricRef, Score, SubmissionId, SystemName, TaskId, Timestamp, Usage, Verdict, Weighing,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grading {
    pub id: GradingId,
    pub submission_id: SubmissionId,
    pub task_id: Option<TaskId>,
    pub system: SystemName,
    pub rubric: RubricRef,
    /// As it was when the grading was accepted.
    pub panel: Panel,
    /// A prompt given with a one-shot grading; otherwise the task's.
    pub prompt: Option<String>,
    /// What its calls may cost together, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    pub state: GradingState,
    pub calls_planned: u32,
    /// Votes that had failed by then are asked again; replies from before are history.
    pub retried_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// The trace of the request that asked for it (W3C Trace Context), where that was traced: whoever works on it goes on
    /// with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The life of a grading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradingState {
    Queued,
    Running {
        started_at: Timestamp,
    },
    /// The panel has spoken. Reviews and overrides may still change the result.
    Judged {
        at: Timestamp,
        result: Box<GradingResult>,
    },
    Cancelled {
        at: Timestamp,
    },
}

/// A transition that a life-cycle does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} that is {from} cannot {to}")]
pub struct InvalidTransition {
    pub what: &'static str,
    pub from: String,
    pub to: &'static str,
}

/// The status a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Queued,
    Running,
    Completed,
    /// Some votes failed; `retry` asks them again.
    Partial,
    /// No vote succeeded.
    Failed,
    Cancelled,
    /// The panel has spoken, a human has not.
    AwaitingReview,
}

impl Status {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::AwaitingReview => "awaiting_review",
        }
    }

    /// Whether no judge will say more unless somebody asks for it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Everything that is computed from votes and overrides; it can be computed again from them at any time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradingResult {
    /// What holds now: the panel's verdicts, with a human's in place where there is one.
    pub verdicts: Vec<Verdict>,
    /// What the deterministic checks found, whoever overruled them since.
    pub checks: Vec<Verdict>,
    pub score: Score,
    /// The score as it would be without any override.
    pub score_without_overrides: Option<f64>,
    /// Interval of the score, where one can be given.
    pub interval: Option<ScoreInterval>,
    pub agreement: PanelAgreement,
    pub calls: CallCounts,
    pub usage: Usage,
    /// `None` as soon as one call's price is unknown.
    pub cost_usd: Option<f64>,
    pub review_reasons: Vec<String>,
    pub review_ids: Vec<ReviewId>,
    /// Reviews of this grading that no human has settled.
    pub open_reviews: u32,
    /// What the judges were shown; judges that take the same input share a view.
    pub views: Vec<View>,
    /// What the panel had learned of its judges, where it weighs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighing: Option<Box<Weighing>>,
    /// The score that a human set in place of the computed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_score: Option<SetScore>,
}

/// A human's score, and what it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetScore {
    /// What the verdicts give, human ones included.
    pub computed: Option<f64>,
    pub reason: String,
    pub by: Author,
    pub at: Timestamp,
}

/// What some judges of a panel were shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub judges: Vec<JudgeName>,
    pub manifest: Manifest,
    /// What questions showed of the parts that `manifest` names as cut; empty where nothing was cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<Excerpted>,
    /// The pictures that were sent, in their order, where they are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<SeenPicture>,
}

/// A picture as judges were sent it: a page, a picture of a document, or a file that is one. What draws and scales it may
/// change; these bytes are what was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPicture {
    /// The file that it belongs to, as the judges know it.
    pub file: String,
    pub place: Place,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    /// Of its bytes, which are kept under it; lower-case hex.
    pub sha256: String,
}

/// What the question about one criterion showed beyond what all questions share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Excerpted {
    pub criterion_id: CriterionId,
    /// Characters that the excerpt could have at most.
    pub limit: u64,
    /// Of the cut parts, what it showed.
    pub shown: Vec<Region>,
    /// Of the cut parts that may matter to the criterion, what is shown neither here nor to all questions.
    pub missing: Vec<Region>,
}

/// A part of a file, in the words of its cut: `rows 41-180 of 'Ledger', 140 rows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    pub file: String,
    pub what: String,
    pub characters: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreInterval {
    pub low: f64,
    pub high: f64,
    pub level: f64,
    pub method: String,
}

/// Agreement of the judges inside one grading; units are its criteria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanelAgreement {
    /// Mean share of agreeing pairs of judges; `None` when no criterion has two real votes.
    pub raw: Option<f64>,
    pub alpha: Option<AlphaInterval>,
    /// Why `alpha` is missing.
    pub undefined: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlphaInterval {
    pub value: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub n: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    pub planned: u32,
    /// Settled, with an answer or without.
    pub done: u32,
    pub failed: u32,
    /// Requests that left, retries included.
    pub made: u32,
    /// Not asked, because a sequential panel had decided without them; not part of `planned`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub spared: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Grading {
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.state {
            GradingState::Queued => Status::Queued,
            GradingState::Running { .. } => Status::Running,
            GradingState::Cancelled { .. } => Status::Cancelled,
            GradingState::Judged { result, .. } => {
                let calls = result.calls;
                if calls.failed > 0 && calls.failed == calls.planned {
                    Status::Failed
                } else if calls.failed > 0 {
                    Status::Partial
                } else if result.open_reviews > 0 {
                    Status::AwaitingReview
                } else {
                    Status::Completed
                }
            }
        }
    }

    #[must_use]
    pub fn result(&self) -> Option<&GradingResult> {
        match &self.state {
            GradingState::Judged { result, .. } => Some(result),
            _ => None,
        }
    }

    fn refuse(&self, to: &'static str) -> InvalidTransition {
        InvalidTransition { what: "grading", from: self.status().as_str().to_owned(), to }
    }

    /// # Errors
    /// Unless it is queued (or was running when the service stopped).
    pub fn start(mut self, now: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state {
            GradingState::Queued => self.state = GradingState::Running { started_at: now },
            GradingState::Running { .. } => {}
            _ => return Err(self.refuse("start")),
        }
        Ok(self)
    }

    /// # Errors
    /// Unless it is running.
    pub fn judged(mut self, now: Timestamp, result: GradingResult) -> Result<Self, InvalidTransition> {
        match self.state {
            GradingState::Running { .. } => self.state = GradingState::Judged { at: now, result: Box::new(result) },
            _ => return Err(self.refuse("finish")),
        }
        Ok(self)
    }

    /// A human decided, or more votes came in: the result is computed again, the time of judging stays.
    ///
    /// # Errors
    /// Unless it was judged.
    pub fn recomputed(mut self, result: GradingResult) -> Result<Self, InvalidTransition> {
        match &mut self.state {
            GradingState::Judged { result: old, .. } => **old = result,
            _ => return Err(self.refuse("be recomputed")),
        }
        Ok(self)
    }

    /// # Errors
    /// If it has ended already.
    pub fn cancel(mut self, now: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state {
            GradingState::Queued | GradingState::Running { .. } => self.state = GradingState::Cancelled { at: now },
            _ => return Err(self.refuse("be cancelled")),
        }
        Ok(self)
    }

    /// Ask again what failed or was never asked.
    ///
    /// # Errors
    /// Unless it is partial, failed or cancelled.
    pub fn retry(mut self, now: Timestamp) -> Result<Self, InvalidTransition> {
        match self.status() {
            Status::Partial | Status::Failed | Status::Cancelled => {
                self.state = GradingState::Queued;
                self.retried_at = Some(now);
            }
            _ => return Err(self.refuse("be retried")),
        }
        Ok(self)
    }
}

/// Two submissions of one task judged side by side, in both orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub id: ComparisonId,
    pub task_id: TaskId,
    pub a: SubmissionId,
    pub b: SubmissionId,
    pub system_a: SystemName,
    pub system_b: SystemName,
    pub panel: Panel,
    /// Whose criteria the judges are asked about besides, where that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric: Option<RubricRef>,
    pub state: ComparisonState,
    pub calls_planned: u32,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonState {
    Queued,
    Running { started_at: Timestamp },
    Judged { at: Timestamp, result: ComparisonResult },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonResult {
    /// `None` = inconclusive.
    pub outcome: Option<Preference>,
    /// Why it is inconclusive, or a remark on the outcome (`order_inconsistent`).
    pub note: Option<String>,
    /// Each judge's own outcome over both orders.
    pub judges: Vec<JudgePreference>,
    pub calls: CallCounts,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
}

/// What one judge prefers once both orders are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgePreference {
    pub judge: JudgeName,
    pub outcome: Option<Preference>,
    /// The answer flipped with the order; the outcome is then a tie.
    pub order_inconsistent: bool,
    pub failed: Option<Cause>,
}

impl Comparison {
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.state {
            ComparisonState::Queued => Status::Queued,
            ComparisonState::Running { .. } => Status::Running,
            ComparisonState::Judged { result, .. } if result.calls.failed == 0 => Status::Completed,
            ComparisonState::Judged { result, .. } if result.calls.failed == result.calls.planned => Status::Failed,
            ComparisonState::Judged { .. } => Status::Partial,
        }
    }
}

/// One battle as it was brought in from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Battle {
    pub id: super::BattleId,
    pub model_a: SystemName,
    pub model_b: SystemName,
    pub winner: Preference,
    pub task_id: Option<TaskId>,
    pub judge: Option<String>,
    /// The question to a human that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_id: Option<ReviewId>,
    pub created_at: Timestamp,
}
