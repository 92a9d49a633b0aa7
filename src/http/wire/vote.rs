//! Votes: what one judge said, and what it rests on.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    Answer, Attempt, AttemptReply, Evidence, Id, Match, OnCriterion, Order, Question, SaidOnCriterion, Subject,
    Timestamp, UnderCuts, Usage, Vote, VoteFingerprint, VoteOutcome,
};

/// What one judge said on one criterion (or, of a comparison, in one order). A failed vote has `answer: null` and a
/// `cause`.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoteBody {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub grading_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comparison_id: Option<Uuid>,
    /// Of a grading's vote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub criterion_id: Option<String>,
    /// Of a comparison's vote: `a_first` or `b_first`. The answer is in the comparison's own terms either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub order: Option<&'static str>,
    pub judge: String,
    pub repeat: u32,
    /// `MET`, `UNMET`, `CANNOT_ASSESS`; of a comparison `A`, `B`, `TIE`, `BOTH_BAD`; null if it failed or if the
    /// answer is a level.
    pub answer: Option<String>,
    pub level: Option<String>,
    /// Why there is no answer.
    pub cause: Option<&'static str>,
    /// The judge's reason, or what happened.
    pub reason: String,
    pub confidence: Option<f64>,
    pub evidence: Vec<VoteEvidence>,
    /// Where a part of the deliverable that matters to the question was cut: what that did to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cut: Option<UnderCutsBody>,
    /// Of a comparison that asked for it: what was said on each criterion besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub criteria: Option<Vec<OnCriterionBody>>,
    /// Entries of the reply about criteria that were not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unknown_criteria: Option<u32>,
    /// As the provider returned it.
    pub model: Option<String>,
    pub usage: UsageBody,
    /// Null if the price is not known.
    pub cost_usd: Option<f64>,
    pub latency_ms: u64,
    pub attempts: u32,
    /// How many criteria were asked in the same call, where it was more than this one's: usage and cost are this
    /// criterion's share.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub asked_together: Option<u32>,
    /// Whether the answer is that of an earlier call with the same question to the same judge.
    pub cached: bool,
    /// What the provider sent, untouched; null if nothing came back.
    pub raw_reply: Option<String>,
    pub fingerprint: FingerprintBody,
    pub created_at: Timestamp,
}

/// A quotation, looked up in what the judge was shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoteEvidence {
    pub file: String,
    #[serde(rename = "where")]
    pub place: String,
    pub quote: String,
    /// `found`, `repaired` or `not_found`.
    #[serde(rename = "match")]
    pub found: &'static str,
    /// The stretch of the file's text that was matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub span: Option<SpanBody>,
    /// It stands only in text that a person who opens the file does not see.
    pub hidden: bool,
}

/// A stretch of a file's text as it was read: segments counted from 0, both ends in characters of their segments.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanBody {
    pub segment: u32,
    pub start: u32,
    pub end_segment: u32,
    /// Behind the last character.
    pub end: u32,
}

/// How cuts bear on an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnderCutsBody {
    /// Which region could not be shown, or why the question was put again.
    pub note: String,
    /// What the judge answered, where it was taken as CANNOT_ASSESS because it rests on not having seen what was cut.
    pub said: Option<String>,
    /// What the judge answered before it was asked again with more of what was cut.
    pub first_answer: Option<String>,
}

impl From<&UnderCuts> for UnderCutsBody {
    fn from(cut: &UnderCuts) -> Self {
        Self {
            note: cut.note.clone(),
            said: cut.said.as_ref().map(ToString::to_string),
            first_answer: cut.again.as_ref().map(|again| again.first_answer.to_string()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OnCriterionBody {
    pub criterion_id: String,
    #[serde(flatten)]
    pub said: SaidBody,
}

/// What a reply says on one criterion of a comparison, or why it says nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct SaidBody {
    /// `A`, `B`, `TIE`, `BOTH_BAD` or `CANNOT_ASSESS`; null where there is none.
    pub answer: Option<String>,
    /// The judge's.
    pub reason: String,
    /// Why there is no answer: `missing`, `repeated` or `outside_scale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<&'static str>,
    /// What stands where the answer should.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub found: Option<String>,
}

impl From<&SaidOnCriterion> for SaidBody {
    fn from(said: &SaidOnCriterion) -> Self {
        let nothing = |problem, found| Self { answer: None, reason: String::new(), problem: Some(problem), found };
        match said {
            SaidOnCriterion::Answered { answer, reason } => {
                Self { answer: Some(answer.to_string()), reason: reason.clone(), problem: None, found: None }
            }
            SaidOnCriterion::Missing => nothing("missing", None),
            SaidOnCriterion::Repeated => nothing("repeated", None),
            SaidOnCriterion::OutsideScale { found } => nothing("outside_scale", Some(found.clone())),
        }
    }
}

/// The order's word.
#[must_use]
pub fn order_word(order: Order) -> &'static str {
    match order {
        Order::AFirst => "a_first",
        Order::BFirst => "b_first",
    }
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct UsageBody {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
}

/// What made a vote what it is; equal fingerprints, equal question.
#[derive(Debug, Serialize, ToSchema)]
pub struct FingerprintBody {
    pub rubric: Option<String>,
    pub template: String,
    pub prompt: String,
    pub judge: String,
    pub reader: String,
    pub files: String,
}

impl VoteBody {
    /// A vote with the reply that settled it.
    #[must_use]
    pub fn new(vote: &Vote, raw_reply: Option<String>) -> Self {
        let (grading_id, comparison_id) = match vote.key.subject {
            Subject::Grading(id) => (Some(id.uuid()), None),
            Subject::Comparison(id) => (None, Some(id.uuid())),
            // Has no votes.
            Subject::Drafting(_) => (None, None),
        };
        let (criterion_id, order) = match &vote.key.question {
            Question::Criterion(id) => (Some(id.to_string()), None),
            Question::Order(order) => (None, Some(order_word(*order))),
            // No vote has it.
            Question::Criteria(_) | Question::Rubric => (None, None),
        };
        let (answer, level, cause, reason, confidence, evidence) = match &vote.outcome {
            VoteOutcome::Answered(opinion) => {
                let (answer, level) = match &opinion.answer {
                    Answer::Level(name) => (None, Some(name.clone())),
                    other => (Some(other.to_string()), None),
                };
                let evidence = opinion.evidence.iter().map(VoteEvidence::from).collect();
                (answer, level, None, opinion.reason.clone(), opinion.confidence, evidence)
            }
            VoteOutcome::Failed { cause, detail } => (None, None, Some(cause.as_str()), detail.clone(), None, vec![]),
        };
        let cut = match &vote.outcome {
            VoteOutcome::Answered(opinion) => opinion.cut.as_deref().map(UnderCutsBody::from),
            VoteOutcome::Failed { .. } => None,
        };
        let by_criterion = match &vote.outcome {
            VoteOutcome::Answered(opinion) => opinion.by_criterion.as_deref(),
            VoteOutcome::Failed { .. } => None,
        };
        let on = |one: &OnCriterion| OnCriterionBody {
            criterion_id: one.criterion_id.to_string(),
            said: (&one.said).into(),
        };
        Self {
            cut,
            criteria: by_criterion.map(|by| by.criteria.iter().map(on).collect()),
            unknown_criteria: by_criterion.map(|by| by.unknown),
            id: vote.id.uuid(),
            grading_id,
            comparison_id,
            criterion_id,
            order,
            judge: vote.key.judge.to_string(),
            repeat: vote.key.repeat,
            answer,
            level,
            cause,
            reason,
            confidence,
            evidence,
            model: vote.model.clone(),
            usage: vote.usage.into(),
            cost_usd: vote.cost_usd,
            latency_ms: vote.latency_ms,
            attempts: vote.attempts,
            asked_together: vote.shared.as_ref().map(|shared| shared.criteria),
            cached: vote.from.is_some(),
            raw_reply,
            fingerprint: (&vote.fingerprint).into(),
            created_at: vote.created_at,
        }
    }
}

/// What came back at an attempt, read from its file where it is long ([`crate::grading::journal::whole`]).
#[must_use]
pub fn raw_reply(attempt: Attempt) -> Option<String> {
    match attempt.reply {
        AttemptReply::Received { body, .. } => Some(body),
        AttemptReply::InFlight
        | AttemptReply::InBatch { .. }
        | AttemptReply::Outrun { .. }
        | AttemptReply::Kept { .. }
        | AttemptReply::Lost { .. } => None,
    }
}

/// A quotation's place: where it was found, or else where the judge said it is.
#[must_use]
pub fn place_of(evidence: &Evidence) -> String {
    evidence.place.as_ref().map_or_else(|| evidence.said_where.clone(), ToString::to_string)
}

impl From<&Evidence> for VoteEvidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            file: evidence.file.clone(),
            place: place_of(evidence),
            quote: evidence.quote.clone(),
            found: match evidence.found {
                Match::Found => "found",
                Match::Repaired => "repaired",
                Match::NotFound => "not_found",
            },
            span: evidence.span.map(|span| SpanBody {
                segment: span.segment,
                start: span.start,
                end_segment: span.end_segment,
                end: span.end,
            }),
            hidden: evidence.hidden,
        }
    }
}

impl From<Usage> for UsageBody {
    fn from(usage: Usage) -> Self {
        let Usage { input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, .. } = usage;
        Self { input_tokens, cached_input_tokens, output_tokens, reasoning_tokens }
    }
}

impl From<&VoteFingerprint> for FingerprintBody {
    fn from(f: &VoteFingerprint) -> Self {
        Self {
            rubric: f.rubric.as_ref().map(ToString::to_string),
            template: f.template.to_string(),
            prompt: f.prompt.to_string(),
            judge: f.judge.to_string(),
            reader: f.reader.to_string(),
            files: f.files.to_string(),
        }
    }
}
