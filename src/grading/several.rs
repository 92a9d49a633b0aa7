//! Several criteria in one call. Every criterion gets its own vote: what a call used and cost is divided over its
//! criteria, so that sums over votes are what was paid.
//!
//! A reply must answer every index exactly once. What is wrong with one answer is the matter of that criterion alone:
//! those that were left out, answered twice or off the scale are asked again together, as often as a judge may be
//! re-asked; then they have failed. A reply that was cut off for its length is asked for in two halves. A criterion whose
//! answer asks for what was cut from a long deliverable is put a second time by itself.
//!
//! The votes of a bundle are kept in one batch when all of it is settled. Until then the journal has the replies; the
//! same calls are planned again after a restart and read them without a call.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::{
    CallKey, Cause, Criterion, Fingerprint, Opinion, Question, SharedCall, Usage, Vote, VoteFingerprint, VoteOutcome,
};
use crate::judge::{Asked, CancellationToken as Cancel, Judge};
use crate::prompt::{Excerpt, Questions};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, call_key};
use crate::verdict::{self, Said, Shown, Unreadable};

use super::ask::{self, Asking, Settled, apart, attempts, cost, journal, not_configured, spend};
use super::call::{Bundle, Call, Earlier, fingerprint, put, unasked};
use super::cuts::Cuts;
use super::journal::history;
use super::known;

impl Asking<'_> {
    pub(super) async fn several(&self, mut bundle: Bundle) -> Result<Vec<Vote>, Refusal> {
        let Self { services, project, cancel, .. } = *self;
        let Some(judge) = bundle.calls.first().and_then(|call| call.judge.clone()) else {
            let votes = bundle.calls.iter().map(|call| not_configured(services, call));
            return self.keep(votes.collect()).await;
        };
        let mut votes = self.known(&mut bundle).await?;
        if bundle.calls.is_empty() {
            return Ok(votes);
        }
        let first = first_call(&bundle, self.round());
        let prompt = bundle.worded(services, &bundle.criteria.iter().collect::<Vec<_>>())?.prompt;
        let reserved = match self.reserve(cost(&judge, &prompt, bundle.calls[0].by_batch)).await {
            None => return Ok(votes),
            Some(Ok(reserved)) => reserved,
            Some(Err(empty)) => {
                let over = || VoteOutcome::Failed { cause: Cause::OverBudget, detail: empty.to_string() };
                votes.extend(
                    self.keep(bundle.calls.iter().map(|call| unasked(services, call, over())).collect()).await?,
                );
                return Ok(votes);
            }
        };
        let settled = settle_all(services, project, &mut bundle, &judge, &first, cancel).await?;
        spend(reserved, settled.iter().map(|settled| settled.books.cost_usd).sum());
        if settled.iter().any(|settled| matches!(settled.outcome, Err((Cause::Cancelled, _)))) {
            return Ok(votes);
        }
        let mut batch = project.batch();
        for (call, settled) in bundle.calls.iter().zip(settled) {
            let vote = self.vote(call, &first, settled).await?;
            batch = known::keep(batch.put(&vote), call, &vote);
            votes.push(vote);
        }
        project.commit(batch).await?;
        Ok(votes)
    }

    /// Takes the questions out whose answers are known. A bundle that was begun before a restart stays as it is.
    async fn known(&self, bundle: &mut Bundle) -> Result<Vec<Vote>, Refusal> {
        let Self { services, project, .. } = *self;
        if matches!(self.earlier, Earlier::Since(_))
            && !attempts(services, project, &first_call(bundle, self.round())).await?.is_empty()
        {
            return Ok(vec![]);
        }
        let votes = known::among(services, project, &bundle.calls).await?;
        bundle.retain(|call| votes.iter().all(|vote| vote.key != call.key));
        self.keep(votes).await
    }

    async fn keep(&self, votes: Vec<Vote>) -> Result<Vec<Vote>, Refusal> {
        if !votes.is_empty() {
            self.project.commit(votes.iter().fold(self.project.batch(), |batch, vote| batch.put(vote))).await?;
        }
        Ok(votes)
    }

    /// What is asked again after a retry is another call than what was asked before.
    fn round(&self) -> String {
        match self.earlier {
            Earlier::Since(Some(retried)) => retried.to_string(),
            Earlier::None | Earlier::Since(None) => String::new(),
        }
    }

    async fn vote(&self, call: &Call, first: &CallKey, settled: One) -> Result<Vote, Refusal> {
        let Self { services, project, .. } = *self;
        let One { mut books, outcome, prompt, last, criteria } = settled;
        let before = match self.earlier {
            Earlier::Since(Some(_)) => project.get::<Vote>(&call_key(&call.key)).await?,
            Earlier::Since(None) | Earlier::None => None,
        };
        // What was asked before the retry stays in the books.
        if let Some(before) = before.map(|kept| kept.record) {
            books.usage += before.usage;
            books.cost_usd = books.cost_usd.zip(before.cost_usd).map(|(now, then)| now + then);
            books.attempts += before.attempts;
            books.counted += before.calls();
        }
        let shared = SharedCall { first: first.clone(), last, criteria, counted: books.counted };
        Ok(Vote {
            id: services.ids.next(),
            outcome: match outcome {
                Ok(opinion) => VoteOutcome::Answered(opinion),
                Err((cause, detail)) => VoteOutcome::Failed { cause, detail },
            },
            model: books.model,
            usage: books.usage,
            cost_usd: books.cost_usd,
            latency_ms: books.latency_ms,
            attempts: books.attempts,
            from: None,
            shared: Some(Box::new(shared)),
            fingerprint: VoteFingerprint { prompt, ..fingerprint(call) },
            key: call.key.clone(),
            created_at: services.now(),
        })
    }
}

/// What became of one criterion of a bundle.
pub(super) struct One {
    pub outcome: Result<Opinion, (Cause, String)>,
    books: Books,
    /// Of the last prompt in which it was asked.
    prompt: Fingerprint,
    last: CallKey,
    /// Of the last call.
    criteria: u32,
}

/// What one criterion's share of its calls comes to.
#[derive(Clone)]
struct Books {
    usage: Usage,
    cost_usd: Option<f64>,
    attempts: u32,
    counted: u32,
    latency_ms: u64,
    model: Option<String>,
}

impl Books {
    /// Adds the share of the criterion at `place` of `of` criteria.
    fn share(&mut self, asked: &Asked<()>, place: usize, of: usize) {
        let part = |tokens: u64| tokens / of as u64 + u64::from((place as u64) < tokens % of as u64);
        let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens } =
            asked.usage;
        self.usage += Usage {
            input_tokens: part(input_tokens),
            cached_input_tokens: part(cached_input_tokens),
            cache_write_tokens: part(cache_write_tokens),
            output_tokens: part(output_tokens),
            reasoning_tokens: part(reasoning_tokens),
        };
        self.cost_usd = self.cost_usd.zip(asked.cost_usd).map(|(sum, cost)| sum + cost / of as f64);
        self.attempts += asked.attempts;
        self.counted += if place == 0 { asked.attempts } else { 0 };
        self.latency_ms = asked.latency_ms;
        self.model = asked.model.clone().or(self.model.take());
    }
}

/// The first call of a bundle. `round` tells one that is asked again after a retry apart.
pub(super) fn first_call(bundle: &Bundle, round: String) -> CallKey {
    let ids: Vec<_> = bundle.criteria.iter().map(|criterion| &criterion.id).collect();
    let of = &bundle.calls[0].key;
    CallKey { question: Question::Criteria(Fingerprint::of(&(ids, round))), ..of.clone() }
}

/// A later call about some of the criteria of an earlier one.
fn follow_up(first: &CallKey, criteria: &[&Criterion], round: u32) -> CallKey {
    let ids: Vec<_> = criteria.iter().map(|criterion| &criterion.id).collect();
    CallKey { question: Question::Criteria(Fingerprint::of(&(&first.question, ids, round))), ..first.clone() }
}

/// Criteria that are asked together.
struct Group {
    at: Vec<usize>,
    key: CallKey,
    /// How often they were asked again.
    round: u32,
}

/// Puts the questions until each has an answer or has failed. With a cancelled `cancel` nobody is asked: what the journal
/// holds is read again.
pub(super) async fn settle_all(
    services: &Services,
    project: &ProjectStore,
    bundle: &mut Bundle,
    judge: &Judge,
    first: &CallKey,
    cancel: &Cancel,
) -> Result<Vec<One>, Refusal> {
    let books =
        Books { usage: Usage::default(), cost_usd: Some(0.0), attempts: 0, counted: 0, latency_ms: 0, model: None };
    let unasked = |call: &Call| One {
        outcome: Err((Cause::Cancelled, String::new())),
        books: books.clone(),
        prompt: call.prompt.fingerprint.clone(),
        last: first.clone(),
        criteria: 0,
    };
    let mut all: Vec<One> = bundle.calls.iter().map(unasked).collect();
    let by_batch = bundle.calls.iter().any(|call| call.by_batch);
    let everything = Group { at: (0..all.len()).collect(), key: first.clone(), round: 0 };
    let mut open = VecDeque::from([everything]);
    while let Some(group) = open.pop_front() {
        let criteria: Vec<&Criterion> = group.at.iter().map(|at| &bundle.criteria[*at]).collect();
        let Questions { prompt, excerpts } = bundle.worded(services, &criteria)?;
        let past = history(attempts(services, project, &group.key).await?, None);
        let asks: Vec<_> = group.at.iter().map(|at| bundle.calls[*at].prompt.ask.clone()).collect();
        let shown = shown(bundle, &group.at, &excerpts);
        let parse = |text: &str| verdict::read_replies_to(text, &asks, &shown).map_err(|e| (e.cause, e.detail));
        let journal = journal(services, project);
        let asked = put(judge, by_batch, &group.key, &prompt, past, &parse, &journal, cancel).await?;
        let (outcome, asked) = apart(asked);
        for (place, at) in group.at.iter().enumerate() {
            let one = &mut all[*at];
            one.books.share(&asked, place, group.at.len());
            one.prompt = prompt.fingerprint.clone();
            one.last = group.key.clone();
            one.criteria = u32::try_from(group.at.len()).unwrap_or(u32::MAX);
        }
        let again = |at: &[usize], round: u32| {
            let criteria: Vec<&Criterion> = at.iter().map(|at| &bundle.criteria[*at]).collect();
            Group { key: follow_up(&group.key, &criteria, round), at: at.to_vec(), round }
        };
        match outcome {
            Ok(replies) => {
                let bad = take_answers(&mut all, bundle, &group.at, replies, excerpts);
                let criteria: Vec<&Criterion> = bad.iter().map(|at| &bundle.criteria[*at]).collect();
                if !bad.is_empty() && group.round < judge.max_reasks() {
                    let round = group.round + 1;
                    let key = follow_up(&group.key, &criteria, round);
                    open.push_back(Group { at: bad, key, round });
                }
            }
            Err((Cause::Truncated, _)) if group.at.len() > 1 => {
                let (one, other) = group.at.split_at(group.at.len() / 2);
                open.extend([again(one, group.round), again(other, group.round)]);
            }
            Err((cause, detail)) => {
                for at in &group.at {
                    all[*at].outcome = Err((cause, detail.clone()));
                }
            }
        }
    }
    for ((call, criterion), one) in bundle.calls.iter().zip(&bundle.criteria).zip(&mut all) {
        let Ok(opinion) = &one.outcome else { continue };
        // Where an answer asks for what was cut, the criterion is put by itself.
        let key = follow_up(first, &[criterion], u32::MAX);
        match ask::second_round(services, project, call, &key, judge, 0, opinion, cancel).await? {
            Some(Settled { asked, prompt, opinion }) => {
                one.books.share(&asked, 0, 1);
                one.prompt = prompt;
                one.last = key;
                one.criteria = 1;
                one.outcome = opinion;
            }
            None => one.outcome = Ok(ask::settled(opinion.clone(), call)),
        }
    }
    Ok(all)
}

/// Everything that a call about these criteria shows.
fn shown(bundle: &Bundle, group: &[usize], excerpts: &[Excerpt]) -> Arc<Shown> {
    let first = group.first().and_then(|at| bundle.calls.get(*at));
    let shown = first.map_or_else(|| Arc::new(Shown::new(&[])), |call| Arc::clone(&call.shown));
    excerpts.iter().fold(shown, |shown, excerpt| Arc::new(shown.and(&excerpt.extract, &excerpt.origins)))
}

/// Takes the answers that can be read; returns the criteria that have none.
fn take_answers(
    all: &mut [One],
    bundle: &mut Bundle,
    group: &[usize],
    replies: Vec<Result<Said, Unreadable>>,
    excerpts: Vec<Excerpt>,
) -> Vec<usize> {
    let mut bad = Vec::new();
    let mut excerpts = excerpts.into_iter();
    for (at, reply) in group.iter().zip(replies) {
        let excerpt = excerpts.next();
        let call = &mut bundle.calls[*at];
        let shown = match &excerpt {
            Some(excerpt) => Arc::new(call.shown.and(&excerpt.extract, &excerpt.origins)),
            None => call.shown.clone(),
        };
        call.cuts = excerpt.map(|excerpt| {
            Arc::new(Cuts { shown: bundle.shown.clone(), criterion: bundle.criteria[*at].clone(), excerpt })
        });
        all[*at].outcome = match reply {
            Ok(said) => Ok(ask::opinion(said, call, &shown)),
            Err(Unreadable { cause, detail }) => {
                bad.push(*at);
                Err((cause, detail))
            }
        };
    }
    bad
}
