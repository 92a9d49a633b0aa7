//! Planned calls: a question with everything that it takes to put it, to read its answer and to keep the vote; and
//! several of them that are put in one call.

use std::sync::Arc;

use crate::domain::{
    Answer, CachePolicy, CallKey, Criterion, Fingerprint, JudgeSpec, Opinion, Prompt, Subject, Timestamp, Usage, Vote,
    VoteFingerprint, VoteOutcome,
};
use crate::judge::{Asked, CancellationToken, History, Journal, Judge, Parse};
use crate::prompt;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::StoreError;
use crate::verdict::Shown;

use super::cuts::Cuts;

/// What is sent to a judge.
pub enum Errand {
    One(Box<Call>),
    Several(Bundle),
}

impl Errand {
    /// The questions that it puts.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        match self {
            Self::One(call) => std::slice::from_ref(call),
            Self::Several(bundle) => &bundle.calls,
        }
    }

    /// What is left of it without the questions that have these votes.
    #[must_use]
    pub fn without(self, votes: &[Vote]) -> Option<Self> {
        let open = |call: &Call| votes.iter().all(|vote| vote.key != call.key);
        match self {
            Self::One(call) => open(&call).then_some(Self::One(call)),
            Self::Several(mut bundle) => {
                bundle.retain(open);
                (!bundle.calls.is_empty()).then_some(Self::Several(bundle))
            }
        }
    }

    /// What is sent, and to whom. `None`: the judge is not configured.
    ///
    /// # Errors
    /// If the question cannot be worded.
    pub fn prompt(&self, services: &Services) -> Result<Option<(Arc<Judge>, Prompt)>, Refusal> {
        let Some(judge) = self.calls().first().and_then(|call| call.judge.clone()) else { return Ok(None) };
        let prompt = match self {
            Self::One(call) => call.prompt.clone(),
            Self::Several(bundle) => bundle.worded(services, &bundle.criteria.iter().collect::<Vec<_>>())?.prompt,
        };
        Ok(Some((judge, prompt)))
    }

    /// Whether it pays that it goes ahead of `others` that begin alike.
    #[must_use]
    pub fn pays_to_go_ahead(&self, others: usize) -> bool {
        let pays = |call: &Call| call.judge.as_ref().is_some_and(|judge| judge.pays_to_go_ahead(&call.prompt, others));
        self.calls().first().is_some_and(pays)
    }
}

/// Criteria that are asked in one call. There is at least one, and they are all about the same thing.
pub struct Bundle {
    /// By criterion: the question as it would be put by itself. What is known is known of that, and a second round puts
    /// it so.
    pub calls: Vec<Call>,
    pub criteria: Vec<Criterion>,
    /// What stands in front.
    pub shown: Arc<prompt::Shown>,
}

impl Bundle {
    /// These of its criteria in one question.
    ///
    /// # Errors
    /// If it cannot be worded.
    pub(super) fn worded(&self, services: &Services, criteria: &[&Criterion]) -> Result<prompt::Questions, Refusal> {
        let invalid = |e| Refusal::invalid("/rubric", format!("criteria cannot be asked together: {e}"));
        services.templates.several(&self.shown, criteria).map_err(invalid)
    }

    /// Takes these of its questions out, as a bundle of their own.
    pub(super) fn split_off(&mut self, out: impl Fn(&Call) -> bool) -> Self {
        let shown = Arc::clone(&self.shown);
        let pairs = std::mem::take(&mut self.calls).into_iter().zip(std::mem::take(&mut self.criteria));
        let (taken, left): (Vec<_>, Vec<_>) = pairs.partition(|(call, _)| out(call));
        (self.calls, self.criteria) = left.into_iter().unzip();
        let (calls, criteria) = taken.into_iter().unzip();
        Self { calls, criteria, shown }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Call) -> bool) {
        self.split_off(|call| !keep(call));
    }
}

/// Asks, at once or by the provider's batch interface.
///
/// # Errors
/// If the journal fails.
#[allow(clippy::too_many_arguments, reason = "what it takes to ask")]
pub(super) async fn put<T>(
    judge: &Judge,
    by_batch: bool,
    key: &CallKey,
    prompt: &Prompt,
    past: History,
    parse: Parse<'_, T>,
    journal: &dyn Journal,
    cancel: &CancellationToken,
) -> Result<Asked<T>, Refusal> {
    let asked = if by_batch {
        judge.ask_by_batch(key, prompt, past, parse, journal, cancel).await
    } else {
        judge.ask(key, prompt, past, parse, journal, cancel).await
    };
    asked.map_err(|error| Refusal::Store(StoreError::Unavailable { detail: error.to_string() }))
}

/// One planned call.
pub struct Call {
    pub key: CallKey,
    /// `None`: the panel names a judge that this process does not have (any more).
    pub judge: Option<Arc<Judge>>,
    /// Of the judge that answers, or was to answer.
    pub judged_by: Fingerprint,
    pub prompt: Prompt,
    /// Where quotes are looked up.
    pub shown: Arc<Shown>,
    /// Where the deliverable could not be shown whole: what the question brings along, and what it could not.
    pub cuts: Option<Arc<Cuts>>,
    /// Turns the judge's words into the question's own terms (a comparison shown in the other order).
    pub turn: fn(Answer) -> Answer,
    pub cache: CachePolicy,
    /// It goes by the provider's batch interface.
    pub by_batch: bool,
    /// It is put together with other criteria.
    pub among_others: bool,
    pub rubric: Option<Fingerprint>,
    pub reader: Fingerprint,
    pub files: Fingerprint,
}

/// Whether earlier calls of the same subject may be in the journal.
#[derive(Debug, Clone, Copy)]
pub enum Earlier {
    /// It starts for the first time.
    None,
    /// It goes on. Attempts up to this time belong to an earlier round and are not read again.
    Since(Option<Timestamp>),
}

/// Leaves an answer as it is.
#[must_use]
pub fn as_said(answer: Answer) -> Answer {
    answer
}

/// A judge of a panel, if this process has it, and the fingerprint that its votes carry.
#[must_use]
pub fn judge(services: &Services, spec: &JudgeSpec) -> (Option<Arc<Judge>>, Fingerprint) {
    let judge = services.judges.get(&spec.name).cloned();
    let fingerprint = judge.as_ref().map_or(spec, |judge| judge.spec()).fingerprint();
    (judge, fingerprint)
}

/// The prefix of the keys of a subject's votes and attempts.
#[must_use]
pub fn subject_prefix(subject: Subject) -> String {
    match subject {
        Subject::Grading(id) => format!("{id}/"),
        Subject::Comparison(id) => format!("{id}/"),
        Subject::Drafting(id) => format!("{id}/"),
    }
}

pub(super) fn fingerprint(call: &Call) -> VoteFingerprint {
    VoteFingerprint {
        rubric: call.rubric.clone(),
        template: call.prompt.template.clone(),
        prompt: call.prompt.fingerprint.clone(),
        judge: call.judged_by.clone(),
        reader: call.reader.clone(),
        files: call.files.clone(),
    }
}

/// A vote that is decided without asking, because there is nothing that a judge could look at. It costs
/// nothing and says so; it is never UNMET.
#[must_use]
pub fn nothing_to_show(services: &Services, call: &Call, reason: String) -> Vote {
    let opinion = Opinion {
        answer: Answer::CannotAssess,
        reason,
        confidence: None,
        evidence: vec![],
        cut: None,
        by_criterion: None,
    };
    unasked(services, call, VoteOutcome::Answered(opinion))
}

/// The record of a vote for which no call was made.
pub(super) fn unasked(services: &Services, call: &Call, outcome: VoteOutcome) -> Vote {
    Vote {
        id: services.ids.next(),
        key: call.key.clone(),
        outcome,
        model: None,
        usage: Usage::default(),
        cost_usd: Some(0.0),
        latency_ms: 0,
        attempts: 0,
        from: None,
        shared: None,
        fingerprint: fingerprint(call),
        created_at: services.now(),
    }
}
