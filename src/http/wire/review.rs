//! Reviews. What a reviewer gets is blind until the first pass is over: no judge's answer, no other reviewer's
//! answer, no system's name, and not why the question was opened, which would tell how the judges voted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FileInfo;
use super::rubric::{LevelBody, level_bodies};
use super::verdict::value;
use crate::domain::{
    About, Author, Criterion, CriterionId, FoundError, Id, Lease, Preference, Review, ReviewAnswer, Said, Severity,
    StoredFile, SystemName, Timestamp,
};
use crate::refusal::Refusal;
use crate::review::answer::{self, Answer};
use crate::review::blind;
use crate::review::open::Question;

/// A question in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewBody {
    pub id: Uuid,
    /// `criterion`: is it met? `preference`: which of two is better? `discovery`: what is wrong? `draft`: which criteria
    /// of a drafted rubric are to hold?
    pub kind: &'static str,
    /// `open`, `claimed`, `submitted`, `agreed`, `conflict`, `resolved` or `withdrawn`.
    pub state: &'static str,
    /// Null for a preference and for a draft.
    pub grading_id: Option<Uuid>,
    pub task_id: Option<String>,
    /// Of the kind `criterion`.
    pub criterion_id: Option<String>,
    /// Of the kind `draft`: decide at `POST /v1/rubrics/{id}/decide`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rubric_id: Option<Uuid>,
    /// Of the kind `preference`, when you are not blind any more: the submissions that `a` and `b` are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compared: Option<ComparedBody>,
    /// Points at stake.
    pub stake: f64,
    /// The order of the queue: the stake times the probability that a human changes the verdict, learned from earlier
    /// ones. Null while you are blind: it would tell why the question was opened.
    pub priority: Option<f64>,
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
    /// Why nobody need answer it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub withdrawn: Option<WithdrawnBody>,
    pub created_at: Timestamp,
}

/// A question with what is needed to answer it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewDetail {
    #[serde(flatten)]
    pub review: ReviewBody,
    /// What was asked for.
    pub task: Option<String>,
    pub criterion: Option<ReviewCriterion>,
    /// The final message that came with the deliverable.
    pub text: Option<String>,
    /// The deliverable: `GET /v1/reviews/{id}/files/{n}`, from 0.
    pub files: Vec<FileInfo>,
    /// Of the kind `preference`: the two, in an order that is yours alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<SideBody>,
}

/// One of two submissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SideBody {
    /// `first` or `second`.
    pub side: &'static str,
    pub text: Option<String>,
    /// `GET /v1/reviews/{id}/files/{n}` with `n` from `files_from` on.
    pub files: Vec<FileInfo>,
    pub files_from: usize,
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

/// Two submissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedBody {
    pub a: Uuid,
    pub b: Uuid,
    /// The judges' comparison of the two.
    pub comparison_id: Option<Uuid>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewAnswerBody {
    pub reviewer: String,
    #[serde(flatten)]
    pub said: SaidBody,
    pub reason: String,
    /// Whether it was given without a look at what judges said.
    pub blind: bool,
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ResolutionBody {
    #[serde(flatten)]
    pub said: SaidBody,
    pub reason: String,
    /// The adjudicator, or the last reviewer of those who agreed.
    pub by: String,
    pub at: Timestamp,
}

/// What was answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewSaidBody)]
pub struct SaidBody {
    /// A verdict, or `a`, `b`, `tie`, `both_bad`; null for a list of errors.
    pub value: Option<String>,
    /// Of the kind `discovery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub errors: Option<Vec<ErrorBody>>,
}

/// Something that is wrong with a deliverable.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorBody {
    #[schema(example = "The totals of March and April are exchanged.")]
    pub what: String,
    /// `acceptable_but_subpar`, `bad` or `catastrophic` (it would do harm if it was used).
    #[schema(value_type = String, example = "bad")]
    pub severity: Severity,
    /// Where it stands.
    #[serde(default)]
    pub place: Option<String>,
    /// Who found it; from an adjudicator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found_by: Vec<String>,
    /// The criterion by which the panel noticed it, too; none: the panel missed it. From an adjudicator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub caught_by: Option<CriterionId>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawnBody {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// A question to people. `criterion`: grading and criterion; `discovery`: a grading; `preference`: two submissions, or a
/// comparison of two.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    #[schema(example = "criterion")]
    pub kind: String,
    pub grading_id: Option<Uuid>,
    #[schema(value_type = Option<String>)]
    pub criterion_id: Option<CriterionId>,
    pub a: Option<Uuid>,
    pub b: Option<Uuid>,
    pub comparison_id: Option<Uuid>,
    /// Different people that must answer, 1 to 5; 1 without it.
    pub reviewers: Option<u32>,
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

/// Nobody need answer it any more.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// Why; never empty.
    pub reason: String,
}

/// A reviewer's blind answer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// From `claim`.
    pub lease_token: Uuid,
    /// `met`, `unmet`, `inconclusive`, or the name of a level. Of the kind `preference`: `first`, `second`, `tie` or
    /// `both_bad`, in the order in which you were shown the two.
    #[schema(example = "unmet")]
    pub value: Option<String>,
    /// Of the kind `discovery`: everything that is wrong; empty if you found nothing.
    pub errors: Option<Vec<ErrorBody>>,
    #[serde(default)]
    pub reason: String,
}

/// An adjudicator's decision.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    /// `met`, `unmet`, `inconclusive`, or the name of a level. Of the kind `preference`: `a`, `b`, `tie` or `both_bad`.
    #[schema(example = "met")]
    pub value: Option<String>,
    /// Of the kind `discovery`: the errors of all reviewers, each once, with who found it and by which criterion the
    /// panel noticed it.
    pub errors: Option<Vec<ErrorBody>>,
    /// Why; never empty.
    pub reason: String,
}

impl OpenRequest {
    /// # Errors
    /// If the kind is none, or lacks what it is about.
    pub fn question(&self) -> Result<Question, Refusal> {
        use crate::domain::{ComparisonId, GradingId, SubmissionId};
        let missing =
            |field: &str| Refusal::invalid(format!("/{field}"), format!("is missing; a `{}` needs it", self.kind));
        let grading = || self.grading_id.map(GradingId::from_uuid).ok_or_else(|| missing("grading_id"));
        match self.kind.as_str() {
            "criterion" => {
                let criterion_id = self.criterion_id.clone().ok_or_else(|| missing("criterion_id"))?;
                Ok(Question::Criterion { grading_id: grading()?, criterion_id })
            }
            "discovery" => Ok(Question::Discovery { grading_id: grading()? }),
            "preference" => match (self.comparison_id, self.a, self.b) {
                (Some(id), None, None) => Ok(Question::Comparison(ComparisonId::from_uuid(id))),
                (None, Some(a), Some(b)) => {
                    Ok(Question::Preference { a: SubmissionId::from_uuid(a), b: SubmissionId::from_uuid(b) })
                }
                (None, None, _) => Err(missing("a")),
                (None, Some(_), None) => Err(missing("b")),
                (Some(_), ..) => {
                    Err(Refusal::invalid("/comparison_id", "names the two already; leave `a` and `b` out"))
                }
            },
            other => {
                let kind: String = other.chars().take(80).collect();
                Err(Refusal::invalid("/kind", format!("{kind:?} is none of criterion, discovery, preference")))
            }
        }
    }
}

impl SubmitRequest {
    /// What was answered to this question by this person.
    ///
    /// # Errors
    /// If it is no answer to a question of its kind.
    pub fn answer(self, review: &Review, person: &Author) -> Result<Answer, Refusal> {
        let prefers = |word: &str| match word {
            "first" => Some(Preference::A),
            "second" => Some(Preference::B),
            "tie" => Some(Preference::Tie),
            "both_bad" => Some(Preference::BothBad),
            _ => None,
        };
        let turned = |word: &str| prefers(word).map(|said| answer::turned(review, person, said));
        let value = said(review, self.value.as_deref(), self.errors, "first, second, tie, both_bad", turned)?;
        Ok(Answer { value, reason: self.reason })
    }
}

impl ResolveRequest {
    /// # Errors
    /// If it is no answer to a question of its kind.
    pub fn answer(self, review: &Review) -> Result<Answer, Refusal> {
        let prefers = |word: &str| match word {
            "a" => Some(Preference::A),
            "b" => Some(Preference::B),
            "tie" => Some(Preference::Tie),
            "both_bad" => Some(Preference::BothBad),
            _ => None,
        };
        let value = said(review, self.value.as_deref(), self.errors, "a, b, tie, both_bad", prefers)?;
        Ok(Answer { value, reason: self.reason })
    }
}

/// An answer by the kind of its question.
fn said(
    review: &Review,
    word: Option<&str>,
    errors: Option<Vec<ErrorBody>>,
    preferences: &str,
    prefers: impl Fn(&str) -> Option<Preference>,
) -> Result<Said, Refusal> {
    let needed = |pointer: &str| {
        Refusal::invalid(
            pointer,
            format!("is missing; it is the answer to a question of kind `{}`", review.about.kind()),
        )
    };
    match &review.about {
        About::Criterion { .. } => Ok(Said::Verdict(value(word.ok_or_else(|| needed("/value"))?))),
        About::Preference { .. } => {
            let word = word.ok_or_else(|| needed("/value"))?;
            let short: String = word.chars().take(80).collect();
            let none = || Refusal::invalid("/value", format!("{short:?} is none of {preferences}"));
            Ok(Said::Preference(prefers(word).ok_or_else(none)?))
        }
        About::Discovery { .. } => {
            let found = errors.ok_or_else(|| needed("/errors"))?.into_iter().enumerate().map(|(at, one)| one.found(at));
            Ok(Said::Errors(answer::tidied(found.collect::<Result<_, _>>()?)))
        }
        About::Draft { .. } => Ok(Said::Decided),
    }
}

impl ErrorBody {
    fn found(self, at: usize) -> Result<FoundError, Refusal> {
        let Self { what, severity, place, found_by, caught_by } = self;
        let author = |name: String| {
            Author::parse(name).map_err(|error| Refusal::name(&format!("/errors/{at}/found_by"), &error))
        };
        let found_by = found_by.into_iter().map(author).collect::<Result<_, _>>()?;
        Ok(FoundError { what, severity, place, found_by, caught_by })
    }
}

impl From<&FoundError> for ErrorBody {
    fn from(one: &FoundError) -> Self {
        let FoundError { what, severity, place, found_by, caught_by } = one.clone();
        let found_by = found_by.iter().map(ToString::to_string).collect();
        Self { what, severity, place, found_by, caught_by }
    }
}

impl From<&Said> for SaidBody {
    fn from(said: &Said) -> Self {
        let value = match said {
            Said::Verdict(value) => Some(value.as_str().to_owned()),
            Said::Preference(prefers) => Some(preference(*prefers).to_owned()),
            Said::Errors(_) => None,
            Said::Decided => Some("decided".to_owned()),
        };
        Self { value, errors: said.errors().map(|found| found.iter().map(ErrorBody::from).collect()) }
    }
}

fn preference(said: Preference) -> &'static str {
    match said {
        Preference::A => "a",
        Preference::B => "b",
        Preference::Tie => "tie",
        Preference::BothBad => "both_bad",
    }
}

impl ReviewBody {
    /// As `reader` may see it. The token is not in it.
    #[must_use]
    pub fn new(review: &Review, reader: &Author, now: Timestamp) -> Self {
        let seen = !blind::is_blind(review, reader, now);
        let (mut rubric_id, mut compared) = (None, None);
        match &review.about {
            About::Draft { rubric_id: id, .. } => rubric_id = Some(id.uuid()),
            About::Preference { a, b, comparison_id } if seen => {
                let comparison_id = comparison_id.map(|id| id.uuid());
                compared = Some(ComparedBody { a: a.uuid(), b: b.uuid(), comparison_id });
            }
            _ => {}
        }
        Self {
            id: review.id.uuid(),
            kind: review.about.kind(),
            state: review.state(now).as_str(),
            grading_id: review.about.grading_id().map(|id| id.uuid()),
            task_id: review.task_id.as_ref().map(ToString::to_string),
            criterion_id: review.criterion().map(|(_, id)| id.to_string()),
            rubric_id,
            compared,
            stake: review.stake(),
            priority: seen.then_some(review.priority),
            reviewers: review.reviewers,
            answered: review.answers.len(),
            lease: review.live_lease(now).map(LeaseBody::from),
            reason: seen.then(|| review.reason.clone()),
            selection_probability: review.selection_probability.filter(|_| seen),
            answers: if seen { review.answers.iter().map(ReviewAnswerBody::from).collect() } else { vec![] },
            resolution: review.resolution.as_ref().map(|one| ResolutionBody {
                said: SaidBody::from(&one.value),
                reason: one.reason.clone(),
                by: one.by.to_string(),
                at: one.at,
            }),
            withdrawn: review.withdrawn.as_ref().map(|one| WithdrawnBody {
                by: one.by.to_string(),
                reason: one.reason.clone(),
                at: one.at,
            }),
            created_at: review.created_at,
        }
    }
}

impl From<&Lease> for LeaseBody {
    fn from(lease: &Lease) -> Self {
        Self { reviewer: lease.reviewer.to_string(), expires_at: lease.expires_at }
    }
}

impl From<&ReviewAnswer> for ReviewAnswerBody {
    fn from(answer: &ReviewAnswer) -> Self {
        Self {
            reviewer: answer.reviewer.to_string(),
            said: SaidBody::from(&answer.value),
            reason: answer.reason.clone(),
            blind: !answer.sighted,
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

/// The files of a deliverable; with its maker's name, by names that do not tell it.
#[must_use]
pub fn files_of(files: &[StoredFile], blind_to: Option<&SystemName>) -> Vec<FileInfo> {
    let told = |(n, file): (usize, &StoredFile)| {
        let info = FileInfo::from(file);
        match blind_to {
            Some(system) => FileInfo { name: blind::file_name(&info.name, n, system), ..info },
            None => info,
        }
    };
    files.iter().enumerate().map(told).collect()
}
