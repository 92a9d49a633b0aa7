//! What a judge said, or why it said nothing. A failed call is not a vote, and never an answer.

use serde::{Deserialize, Serialize};

use super::{
    ComparisonId, CriterionId, DraftingId, Excerpted, Fingerprint, GradingId, JudgeName, Place, Timestamp, VoteId,
};

/// What a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Grading(GradingId),
    Comparison(ComparisonId),
    /// A rubric is proposed.
    Drafting(DraftingId),
}

/// Which deliverable of a comparison was shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The comparison's `a` was shown as A.
    AFirst,
    /// The comparison's `b` was shown as A; the vote's answer is already turned back.
    BFirst,
}

/// What a call asks about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    Criterion(CriterionId),
    Order(Order),
    /// Several criteria in one call, by what tells it from other such calls. Only attempts carry it: every criterion has
    /// its own vote.
    Criteria(Fingerprint),
    /// Which criteria does the task need? Only attempts carry it.
    Rubric,
}

/// The identity of one planned call: a vote exists at most once per key, whatever is retried or restarted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallKey {
    pub subject: Subject,
    pub judge: JudgeName,
    pub repeat: u32,
    pub question: Question,
}

impl std::fmt::Display for CallKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.subject {
            Subject::Grading(id) => write!(f, "{id}")?,
            Subject::Comparison(id) => write!(f, "{id}")?,
            Subject::Drafting(id) => write!(f, "{id}")?,
        }
        write!(f, "/{}/{}", self.judge, self.repeat)?;
        match &self.question {
            Question::Criterion(id) => write!(f, "/{id}"),
            Question::Order(order) => write!(f, "/{order:?}"),
            Question::Criteria(ids) => write!(f, "/criteria {}", ids.short()),
            Question::Rubric => write!(f, "/rubric"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub id: VoteId,
    pub key: CallKey,
    pub outcome: VoteOutcome,
    /// The model id as the provider returned it.
    pub model: Option<String>,
    /// Over all attempts: every paid token counts.
    pub usage: Usage,
    /// `None` = the judge has no known price.
    pub cost_usd: Option<f64>,
    /// Of the attempt that settled it.
    pub latency_ms: u64,
    /// Calls made for it, 0 when it was decided without asking.
    pub attempts: u32,
    /// The call that was answered, where the same question had been put to the same judge before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<CallKey>>,
    /// Where it was asked together with other criteria in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Box<SharedCall>>,
    pub fingerprint: VoteFingerprint,
    pub created_at: Timestamp,
}

impl Vote {
    /// Calls that count for this vote, so that the sum over votes is the number of calls that were made.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.shared.as_ref().map_or(self.attempts, |shared| shared.counted)
    }
}

/// A call that asked several criteria. What it used and cost is divided over their votes, so that sums are right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedCall {
    /// In which the criterion was asked first.
    pub first: CallKey,
    /// In which its answer came, or was last asked for.
    pub last: CallKey,
    /// Criteria of that call.
    pub criteria: u32,
    /// Calls that are counted for this vote: all of a call's attempts are counted for its first criterion.
    pub counted: u32,
}

/// Where the answer to a question is kept that was put before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAnswer {
    /// Of everything that makes it the same question.
    pub question: Fingerprint,
    pub vote: CallKey,
    /// Which vote: the call may have been asked again since.
    pub id: VoteId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteOutcome {
    Answered(Opinion),
    Failed { cause: Cause, detail: String },
}

/// An answer with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    pub answer: Answer,
    pub reason: String,
    /// 0 to 1, where the judge gave one.
    pub confidence: Option<f64>,
    pub evidence: Vec<Evidence>,
    /// Where a part of the deliverable that matters to the question was cut: what that did to the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Box<UnderCuts>>,
    /// Of a comparison that asked for it: what was said on each criterion. It counts nothing; the answer does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_criterion: Option<Box<ByCriterion>>,
}

/// What a judge said on the criteria of a comparison beside its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByCriterion {
    /// Every criterion that was asked, in the order in which it was.
    pub criteria: Vec<OnCriterion>,
    /// Entries that are about none of them.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub unknown: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_nothing(count: &u32) -> bool {
    *count == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCriterion {
    pub criterion_id: CriterionId,
    pub said: SaidOnCriterion,
}

/// What a reply says on one criterion of a comparison, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidOnCriterion {
    /// In the comparison's own terms whatever the order shown. `Prefers` or `CannotAssess`.
    Answered { answer: Answer, reason: String },
    /// The reply leaves it out.
    Missing,
    /// The reply has it twice, or one of its fields twice.
    Repeated,
    /// What stands there as an answer is none.
    OutsideScale { found: String },
}

impl ByCriterion {
    /// The same with every answer turned.
    #[must_use]
    pub fn turned(mut self, turn: impl Fn(Answer) -> Answer) -> Self {
        for one in &mut self.criteria {
            if let SaidOnCriterion::Answered { answer, .. } = &mut one.said {
                *answer = turn(std::mem::replace(answer, Answer::CannotAssess));
            }
        }
        self
    }
}

/// How cuts bear on an opinion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnderCuts {
    /// In words: which region could not be shown, or why the question was put again.
    pub note: String,
    /// What the judge itself answered, where it was taken as CANNOT_ASSESS because it rests on not having seen what
    /// was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Answer>,
    /// The question was put a second time, with more of what was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<AskedAgain>,
}

/// The first round of a question that was put twice. The reply is in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedAgain {
    pub first_answer: Answer,
    /// Of the first round's prompt; the vote carries the second's.
    pub first_prompt: Fingerprint,
    /// What the second round showed.
    pub excerpt: Excerpted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Met,
    Unmet,
    CannotAssess,
    /// The name of a level of the criterion's scale.
    Level(String),
    /// Of a comparison, in the comparison's own terms whatever the order shown.
    Prefers(Preference),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    A,
    B,
    Tie,
    BothBad,
}

impl Preference {
    /// The same preference with the two deliverables exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
            other => other,
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Met => "MET",
            Self::Unmet => "UNMET",
            Self::CannotAssess => "CANNOT_ASSESS",
            Self::Level(name) => name,
            Self::Prefers(Preference::A) => "A",
            Self::Prefers(Preference::B) => "B",
            Self::Prefers(Preference::Tie) => "TIE",
            Self::Prefers(Preference::BothBad) => "BOTH_BAD",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Refused,
    /// The provider ended the reply for its length.
    Truncated,
    Unparseable,
    OutsideScale,
    ContentFilter,
    Timeout,
    RateLimited,
    ProviderError,
    ContextOverflow,
    UnreadableInput,
    /// A recorded judge has no reply for this prompt.
    NotRecorded,
    /// Not asked: the budget does not cover it.
    OverBudget,
    Cancelled,
}

impl Cause {
    pub const ALL: [Self; 13] = [
        Self::Refused,
        Self::Truncated,
        Self::Unparseable,
        Self::OutsideScale,
        Self::ContentFilter,
        Self::Timeout,
        Self::RateLimited,
        Self::ProviderError,
        Self::ContextOverflow,
        Self::UnreadableInput,
        Self::NotRecorded,
        Self::OverBudget,
        Self::Cancelled,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Unparseable => "unparseable",
            Self::OutsideScale => "outside_scale",
            Self::ContentFilter => "content_filter",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::ProviderError => "provider_error",
            Self::ContextOverflow => "context_overflow",
            Self::UnreadableInput => "unreadable_input",
            Self::NotRecorded => "not_recorded",
            Self::OverBudget => "over_budget",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A quotation, looked up in what the judge was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// As found; as the judge gave it when it was not found.
    pub file: String,
    pub place: Option<Place>,
    /// The judge's own words for the place.
    pub said_where: String,
    pub quote: String,
    pub found: Match,
    /// The stretch of the file's text that was matched, for highlighting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// It stands only in text that a person who opens the file does not see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// A stretch of a file's text view as it was read, both ends in characters of their segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index of the segment in which it starts.
    pub segment: u32,
    /// Its first character, from 0.
    pub start: u32,
    /// Index of the segment in which it ends.
    pub end_segment: u32,
    /// Behind its last character.
    pub end: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    Found,
    /// Found after normalising whitespace, hyphens and quotes, or nearly.
    Repaired,
    NotFound,
}

/// Tokens, as the provider billed them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input, cached or not.
    pub input_tokens: u64,
    /// The part of `input_tokens` that came from the provider's cache.
    pub cached_input_tokens: u64,
    /// The part of `input_tokens` that was written to the provider's cache, where that has its own price.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// All output, reasoning included.
    pub output_tokens: u64,
    /// The part of `output_tokens` that was reasoning.
    pub reasoning_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
    }
}

/// What made a vote what it is; equal fingerprints, equal question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteFingerprint {
    pub rubric: Option<Fingerprint>,
    pub template: Fingerprint,
    pub prompt: Fingerprint,
    pub judge: Fingerprint,
    pub reader: Fingerprint,
    pub files: Fingerprint,
}

/// The journal's entry for one attempt of one call: the intent is durable before the request leaves, the
/// reply is durable before anybody parses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub key: CallKey,
    /// From 1.
    pub number: u32,
    pub started_at: Timestamp,
    pub reply: AttemptReply,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptReply {
    /// Sent, or about to be: after a crash it may have been paid for.
    InFlight,
    /// In a batch of ours by this name, with the provider's id once it was handed in.
    InBatch { name: String, id: Option<String> },
    /// What came back, untouched.
    Received { status: u16, body: String, latency_ms: u64 },
    /// What came back, untouched; it is long, and kept as a file.
    Kept { status: u16, sha256: String, bytes: u64, latency_ms: u64 },
    /// It was sent a second time, and the other reply was taken: this one was not waited for and may have been paid for.
    Outrun { latency_ms: u64 },
    /// Nothing came back.
    Lost { cause: Cause, detail: String, latency_ms: u64 },
}
