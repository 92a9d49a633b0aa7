//! One question until it has a vote: an answer that is known is taken over, else the budgets set aside what it will
//! cost, the judge is asked, its evidence looked up, and the vote kept. A question whose answer asks for what was cut is
//! put a second time ([`cuts`]).

use tracing::Instrument;

use crate::domain::{
    AskedAgain, Attempt, CallKey, Cause, Evidence, Fingerprint, Opinion, Prompt, Vote, VoteFingerprint, VoteOutcome,
};
use crate::judge::{Asked, CancellationToken as Cancel, History, Judge};
use crate::prompt::{Question, Round};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::services::purse::{Empty, Purse, Reserved};
use crate::store::{ProjectStore, Query, call_key};
use crate::telemetry;
use crate::verdict::{self, Said, Shown};

use super::call::{Call, Earlier, Errand, fingerprint, put, unasked};
use super::cuts;
use super::journal::{StoreJournal, history, whole};
use super::known;

/// What all questions of a subject are asked with.
pub(super) struct Asking<'a> {
    pub services: &'a Services,
    pub project: &'a ProjectStore,
    pub earlier: Earlier,
    pub purses: &'a [&'a Purse],
    pub cancel: &'a Cancel,
}

impl Asking<'_> {
    /// The votes that come of it; they are kept. None that was stopped before it was settled.
    ///
    /// # Errors
    /// If the store cannot keep what came.
    pub async fn run(&self, errand: Errand) -> Result<Vec<Vote>, Refusal> {
        if self.cancel.is_cancelled() {
            return Ok(vec![]);
        }
        let judge = errand.calls().first().map(|call| call.key.judge.as_str().to_owned());
        let span = tracing::info_span!(
            target: telemetry::TARGET, "ask", empanel.judge = judge, empanel.questions = errand.calls().len()
        );
        let asked = async {
            match errand {
                Errand::One(call) => Ok(self.one(*call).await?.into_iter().collect()),
                Errand::Several(bundle) => self.several(bundle).await,
            }
        };
        asked.instrument(span).await
    }

    async fn one(&self, call: Call) -> Result<Option<Vote>, Refusal> {
        let Self { services, project, cancel, .. } = *self;
        let Some(judge) = call.judge.clone() else {
            let vote = not_configured(services, &call);
            project.commit(project.batch().put(&vote)).await?;
            return Ok(Some(vote));
        };
        let past = match self.earlier {
            Earlier::None => History::default(),
            // Read call by call: the replies of a large grading need not fit into memory together.
            Earlier::Since(since) => history(attempts(services, project, &call.key).await?, since),
        };
        if past.attempts.is_empty()
            && let Some(vote) = known::find(services, project, &call).await?
        {
            project.commit(project.batch().put(&vote)).await?;
            return Ok(Some(vote));
        }
        // What earlier rounds cost is spent already, and stands in the vote's books once more.
        let before = match self.earlier {
            Earlier::Since(_) if self.purses.iter().any(|purse| purse.is_limited()) => {
                project.get::<Vote>(&call_key(&call.key)).await?
            }
            Earlier::Since(_) | Earlier::None => None,
        };
        let before = before.and_then(|kept| kept.record.cost_usd).unwrap_or(0.0);
        let reserved = match self.reserve(cost(&judge, &call.prompt, call.by_batch)).await {
            None => return Ok(None),
            Some(Ok(reserved)) => reserved,
            Some(Err(empty)) => {
                let outcome = VoteOutcome::Failed { cause: Cause::OverBudget, detail: empty.to_string() };
                let vote = unasked(services, &call, outcome);
                project.commit(project.batch().put(&vote)).await?;
                return Ok(Some(vote));
            }
        };
        let Settled { asked, opinion, prompt } = settle(services, project, &call, &judge, past, cancel).await?;
        let outcome = match opinion {
            // A stop is no outcome: the call is asked at the next run.
            Err((Cause::Cancelled, _)) => {
                spend(reserved, Some((asked.cost_usd.unwrap_or(0.0) - before).max(0.0)));
                return Ok(None);
            }
            Err((cause, detail)) => VoteOutcome::Failed { cause, detail },
            Ok(opinion) => VoteOutcome::Answered(opinion),
        };
        spend(reserved, asked.cost_usd.map(|cost| (cost - before).max(0.0)));
        let vote = Vote {
            id: services.ids.next(),
            outcome,
            model: asked.model,
            usage: asked.usage,
            cost_usd: asked.cost_usd,
            latency_ms: asked.latency_ms,
            attempts: asked.attempts,
            from: None,
            shared: None,
            fingerprint: VoteFingerprint { prompt, ..fingerprint(&call) },
            key: call.key.clone(),
            created_at: services.now(),
        };
        project.commit(known::keep(project.batch().put(&vote), &call, &vote)).await?;
        Ok(Some(vote))
    }

    /// Sets aside what a question will cost in every budget that it is part of. `None`: it was stopped.
    pub async fn reserve(&self, amount: f64) -> Option<Result<Vec<Reserved<'_>>, Empty>> {
        let reserve = async {
            let mut reserved = Vec::with_capacity(self.purses.len());
            for purse in self.purses {
                reserved.push(purse.reserve(amount).await?);
            }
            Ok(reserved)
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            reserved = reserve => Some(reserved),
        }
    }
}

pub(super) fn spend(reserved: Vec<Reserved<'_>>, cost_usd: Option<f64>) {
    reserved.into_iter().for_each(|reserved| reserved.settle(cost_usd));
}

/// What the question will cost, as far as that can be told. US dollars.
pub fn cost(judge: &Judge, prompt: &Prompt, by_batch: bool) -> f64 {
    let usage = judge.estimate(prompt, !by_batch && judge.has_sent(&prompt.prefix.fingerprint)).usage;
    let share = if by_batch { judge.batch_share() } else { 1.0 };
    judge.spec().price.map_or(0.0, |price| price.of(usage) * share)
}

pub(super) fn not_configured(services: &Services, call: &Call) -> Vote {
    let detail = format!("judge `{}` is not configured any more; configure it and retry", call.key.judge);
    unasked(services, call, VoteOutcome::Failed { cause: Cause::ProviderError, detail })
}

/// Everything that was received for a call.
pub async fn attempts(services: &Services, project: &ProjectStore, key: &CallKey) -> Result<Vec<Attempt>, Refusal> {
    let kept = project.all::<Attempt>(Query::prefix(format!("{}/", call_key(key)))).await?;
    let mut attempts = Vec::with_capacity(kept.len());
    for attempt in kept {
        attempts.push(whole(&services.blobs, attempt).await?);
    }
    Ok(attempts)
}

pub fn journal(services: &Services, project: &ProjectStore) -> StoreJournal {
    let Services { store, blobs, clock, .. } = services;
    StoreJournal { project: project.clone(), store: store.clone(), blobs: blobs.clone(), clock: clock.clone() }
}

/// Puts the question, a second time where that shows more, and looks its evidence up. With a cancelled `cancel` nobody is
/// asked: what the journal holds is read again.
pub(super) async fn settle(
    services: &Services,
    project: &ProjectStore,
    call: &Call,
    judge: &Judge,
    past: History,
    cancel: &Cancel,
) -> Result<Settled, Refusal> {
    let journal = journal(services, project);
    let parse =
        |text: &str| verdict::read_reply_to(text, &call.prompt.ask, &call.shown).map_err(|e| (e.cause, e.detail));
    let asked = put(judge, call.by_batch, &call.key, &call.prompt, past, &parse, &journal, cancel).await?;
    let (outcome, first) = apart(asked);
    let prompt = call.prompt.fingerprint.clone();
    let said = match outcome {
        Ok(said) => said,
        Err(error) => return Ok(Settled { asked: first, prompt, opinion: Err(error) }),
    };
    let opinion = opinion(said, call, &call.shown);
    match second_round(services, project, call, &call.key, judge, first.settled_by, &opinion, cancel).await? {
        Some(again) => Ok(again),
        None => Ok(Settled { asked: first, prompt, opinion: Ok(settled(opinion, call)) }),
    }
}

/// What was said, and what it cost.
pub(super) fn apart<T>(asked: Asked<T>) -> (Result<T, (Cause, String)>, Asked<()>) {
    let Asked { outcome, model, usage, cost_usd, latency_ms, attempts, settled_by } = asked;
    (outcome, Asked { outcome: Ok(()), model, usage, cost_usd, latency_ms, attempts, settled_by })
}

/// What became of a question.
pub(super) struct Settled {
    pub asked: Asked<()>,
    /// Of the last round's prompt.
    pub prompt: Fingerprint,
    pub opinion: Result<Opinion, (Cause, String)>,
}

/// Puts the question once more, if the first answer asks for what was cut and more of it can be shown. The attempts
/// go on in the journal of `key` behind those up to `settled_by`, which count in the books; what was received of either
/// before a restart is read again. `None`: the first answer is the last.
#[allow(clippy::too_many_arguments, reason = "what it takes to ask")]
pub(super) async fn second_round(
    services: &Services,
    project: &ProjectStore,
    call: &Call,
    key: &CallKey,
    judge: &Judge,
    settled_by: u32,
    opinion_of_first: &Opinion,
    cancel: &Cancel,
) -> Result<Option<Settled>, Refusal> {
    let Some(cuts) = &call.cuts else { return Ok(None) };
    let Some(pointed) = cuts::wants_more(opinion_of_first, cuts) else { return Ok(None) };
    let question = services.templates.question(&cuts.shown, &cuts.criterion, Round::Again { pointed: &pointed });
    // What could be worded once can be worded again; if not, the first answer stands.
    let Ok(Question { prompt, excerpt: Some(excerpt) }) = question else { return Ok(None) };
    if !cuts::shows_more(&cuts.excerpt.account, &excerpt.account) {
        return Ok(None);
    }
    let past = History { settled: settled_by, ..history(attempts(services, project, key).await?, None) };
    let journal = journal(services, project);
    let shown = call.shown.and(&excerpt.extract, &excerpt.origins);
    let parse = |text: &str| verdict::read_reply_to(text, &prompt.ask, &shown).map_err(|e| (e.cause, e.detail));
    let asked = put(judge, call.by_batch, key, &prompt, past, &parse, &journal, cancel).await?;
    let again = AskedAgain {
        first_answer: opinion_of_first.answer.clone(),
        first_prompt: call.prompt.fingerprint.clone(),
        excerpt: excerpt.account.clone(),
    };
    let max_chars = cuts.shown.rest.as_ref().map_or(0, |rest| rest.max_chars);
    let settle = |said| cuts::settle(opinion(said, call, &shown), &excerpt.account, max_chars, Some(again));
    let (outcome, asked) = apart(asked);
    Ok(Some(Settled { asked, prompt: prompt.fingerprint.clone(), opinion: outcome.map(settle) }))
}

pub(super) fn settled(opinion: Opinion, call: &Call) -> Opinion {
    match &call.cuts {
        Some(cuts) => {
            let max_chars = cuts.shown.rest.as_ref().map_or(0, |rest| rest.max_chars);
            cuts::settle(opinion, &cuts.excerpt.account, max_chars, None)
        }
        None => opinion,
    }
}

pub(super) fn opinion(said: Said, call: &Call, shown: &Shown) -> Opinion {
    let evidence: Vec<Evidence> = shown.look_up(said.quotes);
    Opinion {
        answer: (call.turn)(said.answer),
        reason: said.reason,
        confidence: said.confidence,
        evidence,
        cut: None,
        by_criterion: said.by_criterion.map(|one| Box::new(one.turned(call.turn))),
    }
}
