//! Reviews. What a reviewer gets is blind until the first pass is over: no judge's answer, no other reviewer's
//! answer, no system's name, and not why the question was opened, which would tell how the judges voted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FileInfo;
use super::rubric::{LevelBody, level_bodies};
use super::verdict::word;
use crate::domain::{Author, Criterion, Id, Lease, Review, ReviewState, Submission, Timestamp};

/// A question in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewBody {
    pub id: Uuid,
    /// `open`, `claimed`, `submitted`, `agreed`, `conflict` or `resolved`.
    pub state: &'static str,
    pub grading_id: Uuid,
    pub task_id: Option<String>,
    pub criterion_id: String,
    /// Points at stake.
    pub priority: f64,
    /// Different reviewers that must answer.
    pub reviewers: u32,
    /// How many have.
    pub answered: usize,
    pub lease: Option<LeaseBody>,
    /// Null while you are blind: it would tell how the judges voted.
    pub reason: Option<String>,
    /// With which it was selected; null while you are blind, and for a question opened by hand.
    pub selection_probability: Option<f64>,
    /// Empty while you are blind.
    pub answers: Vec<ReviewAnswerBody>,
    pub resolution: Option<ResolutionBody>,
    pub created_at: Timestamp,
}

/// A question with what is needed to answer it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewDetail {
    #[serde(flatten)]
    pub review: ReviewBody,
    /// What was asked of the system.
    pub task: Option<String>,
    pub criterion: Option<ReviewCriterion>,
    /// The system's final message.
    pub text: Option<String>,
    /// The deliverable: `GET /v1/reviews/{id}/files/{n}`, from 0.
    pub files: Vec<FileInfo>,
}

/// A question that is now yours.
#[derive(Debug, Serialize, ToSchema)]
pub struct Claimed {
    /// What `submit` and `release` must carry.
    pub lease_token: Uuid,
    #[serde(flatten)]
    pub review: ReviewDetail,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewCriterion {
    pub id: String,
    pub requirement: String,
    pub points: f64,
    pub levels: Option<Vec<LevelBody>>,
}

/// Who holds it, until when.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseBody {
    pub reviewer: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewAnswerBody {
    pub reviewer: String,
    pub value: String,
    pub reason: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ResolutionBody {
    pub value: String,
    pub reason: String,
    /// The adjudicator, or the last reviewer of those who agreed.
    pub by: String,
    pub at: Timestamp,
}

/// Gives a claimed review back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// From `claim`.
    pub lease_token: Uuid,
}

/// A reviewer will not answer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineRequest {
    pub reason: String,
    /// You have a stake in the outcome.
    #[serde(default)]
    pub conflict_of_interest: bool,
}

/// A reviewer's blind answer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// From `claim`.
    pub lease_token: Uuid,
    /// `met`, `unmet`, `inconclusive`, or the name of a level.
    #[schema(example = "unmet")]
    pub value: String,
    #[serde(default)]
    pub reason: String,
}

/// An adjudicator's decision.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    /// `met`, `unmet`, `inconclusive`, or the name of a level.
    #[schema(example = "met")]
    pub value: String,
    /// Why; never empty.
    pub reason: String,
}

impl ReviewBody {
    /// As `reader` may see it. The token is not in it.
    #[must_use]
    pub fn new(review: &Review, reader: &Author, now: Timestamp) -> Self {
        let state = review.state(now);
        let seen = !is_blind(review, reader, now);
        Self {
            id: review.id.uuid(),
            state: state.as_str(),
            grading_id: review.grading_id.uuid(),
            task_id: review.task_id.as_ref().map(ToString::to_string),
            criterion_id: review.criterion_id.to_string(),
            priority: review.priority,
            reviewers: review.reviewers,
            answered: review.answers.len(),
            lease: review.live_lease(now).map(LeaseBody::from),
            reason: seen.then(|| review.reason.clone()),
            selection_probability: review.selection_probability.filter(|_| seen),
            answers: if seen { review.answers.iter().map(ReviewAnswerBody::from).collect() } else { vec![] },
            resolution: review.resolution.as_ref().map(|r| ResolutionBody {
                value: word(&r.value).to_owned(),
                reason: r.reason.clone(),
                by: r.by.to_string(),
                at: r.at,
            }),
            created_at: review.created_at,
        }
    }
}

/// Whether this reader may still be asked, and so must not know what others said.
#[must_use]
pub fn is_blind(review: &Review, reader: &Author, now: Timestamp) -> bool {
    let over = matches!(review.state(now), ReviewState::Agreed | ReviewState::Conflict | ReviewState::Resolved);
    !over && !review.answers.iter().any(|answer| answer.reviewer == *reader)
}

impl From<&Lease> for LeaseBody {
    fn from(lease: &Lease) -> Self {
        Self { reviewer: lease.reviewer.to_string(), expires_at: lease.expires_at }
    }
}

impl From<&crate::domain::ReviewAnswer> for ReviewAnswerBody {
    fn from(answer: &crate::domain::ReviewAnswer) -> Self {
        Self {
            reviewer: answer.reviewer.to_string(),
            value: word(&answer.value).to_owned(),
            reason: answer.reason.clone(),
            created_at: answer.created_at,
        }
    }
}

impl From<&Criterion> for ReviewCriterion {
    fn from(criterion: &Criterion) -> Self {
        Self {
            id: criterion.id.to_string(),
            requirement: criterion.requirement.clone(),
            points: criterion.points,
            levels: level_bodies(&criterion.levels),
        }
    }
}

/// The deliverable without its maker.
#[must_use]
pub fn files_of(submission: Option<&Submission>) -> Vec<FileInfo> {
    submission.map(|submission| submission.files.iter().map(FileInfo::from).collect()).unwrap_or_default()
}
