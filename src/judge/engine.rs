//! Asking one question until it is settled.
//!
//! The order of things is the point: *intent durable → request → reply durable → reply read and parsed*. Whoever
//! stops the process between two of these steps loses no paid reply, and pays twice only for what was in flight.
//!
//! Two kinds of failure have two budgets. A call that failed in passing (transport, 408, 409, 429, 5xx) is repeated
//! after a pause, `max_attempts` failures in all; to be turned away (429) while the judge answers others is to wait
//! for one's turn and counts a tenth. A reply that came but cannot be parsed is asked for again at once,
//! with the parse error, `max_reasks` times. What failed for good (a refusal, a cut-off reply, a full context) is not
//! repeated. Every call is counted and every token that was reported is in the books, whatever became of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing::field::Empty;

use super::PROVIDERS;
use super::batch::Mail;
use super::config::{JudgeConfig, JudgeError};
use super::count;
use super::estimate::{Estimate, Experience, Keeps};
use super::flow::{Down, Flow, Sign};
use super::journal::{History, Journal, JournalError};
use super::models;
use super::pause::{self, Rate};
use super::provider::{Lost, Provider, RawReply, Retry};
use super::seams::Seams;
use crate::domain::{AttemptReply, CallKey, Cause, Fingerprint, JudgeSpec, Price, Prompt, Usage};
use crate::telemetry;

mod hedged;
mod posted;

use hedged::{Hedges, Letter, Sent};

/// A provider adapts what it sends at most this often: from JSON schema to JSON object to plain text.
const MAX_ADAPTATIONS: u32 = 2;

/// A call that is turned away while others get through has this many times as many turns: enough for sixty calls a
/// minute, and an end for a question that is turned away every time.
const MAX_WAITS_PER_ATTEMPT: u32 = 10;

/// One model behind one provider, with its limits.
pub struct Judge {
    config: JudgeConfig,
    provider: Arc<dyn Provider>,
    seams: Seams,
    /// Calls in flight.
    flow: Flow,
    /// Calls in flight and those whose intent or reply is being made durable, so that the network need not wait for
    /// the disk. No more than these can be lost, and asked again, when the process is killed.
    runway: Semaphore,
    rate: Option<Rate>,
    /// Of tokens, as far as they are known before the call.
    tokens: Option<Rate>,
    experience: Experience,
    hedges: Hedges,
    /// For calls that go by the provider's batch interface, where it has one.
    mail: Option<Arc<Mail>>,
    price_from_table: bool,
    /// The day on which the provider switches the model off.
    expires: Option<String>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("spec", &self.config.spec).finish_non_exhaustive()
    }
}

/// What became of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<T> {
    pub outcome: Result<T, (Cause, String)>,
    /// The model id as the provider returned it last.
    pub model: Option<String>,
    /// Over all attempts, those of earlier lives of the process included.
    pub usage: Usage,
    /// `None` if the price is not known, or a usable reply did not say what it used.
    pub cost_usd: Option<f64>,
    /// Of the attempt that settled it.
    pub latency_ms: u64,
    /// Calls made, in all lives of the process.
    pub attempts: u32,
    /// The number of the attempt that settled it, 0 if there was none.
    pub settled_by: u32,
}

/// Turns a reply's text into an answer, or says why it is none.
pub type Parse<'a, T> = &'a (dyn Fn(&str) -> Result<T, (Cause, String)> + Sync);

impl Judge {
    /// # Errors
    /// If the provider does not exist, or the configuration lacks or contradicts what the provider needs.
    pub fn new(mut config: JudgeConfig, seams: &Seams) -> Result<Self, JudgeError> {
        let Some((_, make)) = PROVIDERS.iter().find(|(name, _)| *name == config.spec.provider) else {
            let known: Vec<&str> = PROVIDERS.iter().map(|(name, _)| *name).collect();
            return Err(JudgeError::UnknownProvider {
                judge: config.spec.name.to_string(),
                provider: config.spec.provider,
                known: known.join(", "),
            });
        };
        let own_host = config.base_url.is_none() && config.spec.settings.get("base_url").is_none();
        let known = models::find(&config.spec.provider, &config.spec.model).filter(|_| own_host);
        let from_table = config.spec.price.is_none();
        let free = (config.spec.provider == "lexical").then(Price::default);
        config.spec.price = config.spec.price.or(known.as_ref().map(|known| known.price)).or(free);
        let provider = make(&mut config, seams)?;
        let most = config.max_concurrency.clamp(1, Semaphore::MAX_PERMITS / 4);
        let mail = provider.batches().map(|batches| Mail::new(batches, seams.timer.clone(), config.batch_times));
        Ok(Self {
            price_from_table: from_table && known.is_some(),
            expires: known.and_then(|known| known.expires),
            mail,
            provider,
            seams: seams.clone(),
            flow: Flow::new(most, config.backoff),
            runway: Semaphore::new(most + most / 2 + 8),
            rate: config.rpm.map(Rate::per_minute),
            tokens: config.tpm.map(Rate::per_minute),
            experience: Experience::default(),
            hedges: Hedges::new(config.hedge_after),
            config,
        })
    }

    /// So many replicas share what the provider allows: calls in flight, and requests and tokens a minute.
    pub fn share(&self, replicas: u32) {
        self.flow.share(replicas);
        for rate in [&self.rate, &self.tokens].into_iter().flatten() {
            rate.share(replicas);
        }
    }

    #[must_use]
    pub fn spec(&self) -> &JudgeSpec {
        &self.config.spec
    }

    /// Whether the price is not configured but from the table of known models.
    #[must_use]
    pub fn is_price_from_table(&self) -> bool {
        self.price_from_table
    }

    /// `2026-12-11`: the day on which the provider switches the model off, where that is announced.
    #[must_use]
    pub fn expires(&self) -> Option<&str> {
        self.expires.as_deref()
    }

    /// Calls in flight at most.
    #[must_use]
    pub fn max_concurrency(&self) -> usize {
        self.config.max_concurrency
    }

    /// What this question will use. `sent_before`: its beginning was sent before, or will have been.
    #[must_use]
    pub fn estimate(&self, prompt: &Prompt, sent_before: bool) -> Estimate {
        self.experience.estimate(prompt, Keeps::of(&self.config.spec.provider), sent_before)
    }

    /// Whether this beginning was sent in this life of the process.
    #[must_use]
    pub fn has_sent(&self, prefix: &Fingerprint) -> bool {
        self.experience.has_sent(prefix)
    }

    /// Whether it pays to let this question go ahead of `others` that begin alike, so that the provider has their
    /// beginning in its cache when they come: those that would leave at once save more than two cents. It costs the
    /// time of one answer.
    #[must_use]
    pub fn pays_to_go_ahead(&self, prompt: &Prompt, others: usize) -> bool {
        const WORTH_WAITING_USD: f64 = 0.02;
        let Some(price) = self.config.spec.price else { return false };
        let Some(cached) = price.cached_input.filter(|cached| *cached < price.input) else { return false };
        if self.has_sent(&prompt.prefix.fingerprint) {
            return false;
        }
        let at_once = others.min(self.config.max_concurrency) as f64;
        let tokens = self.estimate(prompt, true).usage.cached_input_tokens as f64;
        tokens * at_once * (price.input - cached) / 1e6 > WORTH_WAITING_USD
    }

    /// Times a reply that cannot be read is asked for again.
    #[must_use]
    pub fn max_reasks(&self) -> u32 {
        self.config.max_reasks
    }

    /// What a call by the provider's batch interface costs, as a share of one that is sent at once. 1 where there is no
    /// such interface.
    #[must_use]
    pub fn batch_share(&self) -> f64 {
        const HALF: f64 = 0.5;
        match (&self.mail, self.config.spec.price) {
            (Some(_), Some(price)) => price.batch.unwrap_or(HALF),
            _ => 1.0,
        }
    }

    /// Calls that may leave in a minute, where that is limited.
    #[must_use]
    pub fn calls_per_minute(&self) -> Option<u32> {
        self.config.rpm
    }

    /// For replay: the same reading that [`Judge::ask`] does.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        self.provider.as_ref()
    }

    /// Asks one question until it is settled. `parse` turns a reply's text into an answer, or says why it is none;
    /// that message goes back to the judge. A cancelled question sends nothing more, but a call that is in flight
    /// comes home and is kept.
    ///
    /// # Errors
    /// Only if the journal fails. Everything else is an outcome.
    pub async fn ask<T>(
        &self,
        key: &CallKey,
        prompt: &Prompt,
        history: impl Into<History>,
        parse: Parse<'_, T>,
        journal: &dyn Journal,
        cancel: &CancellationToken,
    ) -> Result<Asked<T>, JournalError> {
        let mut books = Books::default();
        let mut next = match self.replay(history.into(), parse, &mut books) {
            Step::Settled(outcome) => return Ok(self.close(books, outcome)),
            Step::Again(next) => next,
        };
        loop {
            let number = books.last_number + 1;
            let waited = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                runway = self.ready(&mut next, prompt) => Some(runway),
            };
            let Some(_runway) = waited else { return Ok(self.close(books, Err(cancelled()))) };
            journal.intent(key, number).await?;
            books.last_number = number;
            let timer = self.seams.timer.as_ref();
            let entered = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(cancelled()),
                entered = self.flow.enter(timer) => entered.map_err(|down| self.is_down(down)),
            };
            let flight = match entered {
                Ok(flight) => flight,
                Err((cause, detail)) => {
                    let detail_of = format!("not sent: {detail}");
                    let unsent = AttemptReply::Lost { cause: Cause::Cancelled, detail: detail_of, latency_ms: 0 };
                    journal.reply(key, number, &unsent).await?;
                    return Ok(self.close(books, Err((cause, detail))));
                }
            };
            let sent_before = self.experience.sending(&prompt.prefix.fingerprint);
            let letter = Letter { key, prompt, correction: next.correction.as_deref() };
            let out = count::in_flight(&self.spec().name);
            let span = self.span(number);
            let sending = self.send(&letter, number, flight, &mut books, journal).instrument(span.clone());
            let Sent { number, sent, landed } = sending.await?;
            drop(out);
            journal.reply(key, number, &kept(&sent)).await?;
            if let Ok(raw) = &sent {
                self.flow.hold(raw.used_up_for.unwrap_or_default(), timer);
            }
            let before = books.usage;
            let step = self.digest(sent, parse, &mut books);
            count::call(&self.spec().name, books.outcome, books.latency_ms);
            books.tell(&span, before);
            drop(span);
            landed.learn(books.sign, timer);
            if matches!(step, Step::Settled(Ok(_))) && before == Usage::default() {
                self.experience.learn(prompt, sent_before, books.usage, Some(books.latency_ms));
            }
            next = match step {
                Step::Settled(outcome) => return Ok(self.close(books, outcome)),
                Step::Again(next) => next,
            };
        }
    }

    /// One call, in the words of OpenTelemetry's conventions for generative AI. Nothing of what is said is in it.
    fn span(&self, number: u32) -> tracing::Span {
        let spec = self.spec();
        tracing::info_span!(
            target: telemetry::TARGET,
            "chat",
            otel.name = %format_args!("chat {}", spec.model),
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = %spec.provider,
            gen_ai.request.model = %spec.model,
            gen_ai.response.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.type = Empty,
            empanel.judge = %spec.name,
            empanel.attempt = number,
        )
    }

    fn is_down(&self, down: Down) -> (Cause, String) {
        let (model, since) = (&self.config.spec.model, down.since.as_secs());
        let detail = format!("{model} has not answered anybody for {since} s; retry the grading when it is back");
        (Cause::ProviderError, detail)
    }

    /// Waits out the pause, for a place in the minute, and for one on the runway.
    async fn ready(&self, next: &mut Next, prompt: &Prompt) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let pause = std::mem::take(&mut next.pause);
        if !pause.is_zero() {
            self.seams.timer.sleep(pause).await;
        }
        // The semaphore is never closed.
        let runway = self.runway.acquire().await.ok();
        let timer = self.seams.timer.as_ref();
        let calls = self.rate.as_ref().map(|rate| rate.take(1, timer));
        let tokens = self.tokens.as_ref().map(|rate| rate.take(self.tokens_of(prompt), timer));
        let wait = calls.max(tokens).unwrap_or_default();
        if !wait.is_zero() {
            timer.sleep(wait).await;
        }
        runway
    }

    /// Tokens of a call before it is made, with the output that is allowed.
    fn tokens_of(&self, prompt: &Prompt) -> u32 {
        let allowed = self.config.spec.settings.get("max_completion_tokens").and_then(serde_json::Value::as_u64);
        let usage = self.estimate(prompt, true).usage;
        u32::try_from(usage.input_tokens + allowed.unwrap_or(4_096)).unwrap_or(u32::MAX)
    }

    /// Reads what an earlier life received, without a call.
    fn replay<T>(&self, history: History, parse: Parse<'_, T>, books: &mut Books) -> Step<T> {
        let mut step = Step::Again(Next::default());
        for attempt in history.attempts {
            books.last_number = books.last_number.max(attempt.number);
            let sent = match attempt.reply {
                // It may have been paid for; whether it was answered nobody knows.
                // (A reply that is kept as a file is read before it comes here.)
                AttemptReply::InFlight | AttemptReply::InBatch { .. } | AttemptReply::Kept { .. } => {
                    books.attempts += 1;
                    continue;
                }
                AttemptReply::Lost { cause: Cause::Cancelled, .. } => continue,
                AttemptReply::Outrun { .. } => {
                    books.attempts += 1;
                    continue;
                }
                AttemptReply::Lost { cause, detail, latency_ms } => {
                    Err(Lost { cause, detail, latency_ms, retry: Retry::Later(None) })
                }
                AttemptReply::Received { status, body, latency_ms } => {
                    Ok(RawReply { status, body, latency_ms, retry_after: None, used_up_for: None })
                }
            };
            books.attempts += 1;
            if attempt.number <= history.settled {
                if let Ok(raw) = &sent {
                    let used = self.provider.read(raw).map_or_else(|fault| fault.usage, |reply| reply.usage);
                    books.pay(used, self.spec().price);
                }
                continue;
            }
            if let Step::Settled(_) = step {
                continue;
            }
            step = self.digest(sent, parse, books);
        }
        if let Step::Again(next) = &mut step {
            // The pause was before the restart.
            next.pause = Duration::ZERO;
        }
        step
    }

    /// What follows from one attempt.
    fn digest<T>(&self, sent: Result<RawReply, Lost>, parse: Parse<'_, T>, books: &mut Books) -> Step<T> {
        let (cause, detail, retry) = match sent {
            Err(lost) => {
                books.latency_ms = lost.latency_ms;
                (lost.cause, lost.detail, lost.retry)
            }
            Ok(raw) => {
                books.latency_ms = raw.latency_ms;
                match self.provider.read(&raw) {
                    Err(fault) => {
                        books.pay(fault.usage, self.spec().price);
                        (fault.cause, fault.detail, fault.retry)
                    }
                    Ok(reply) => {
                        books.pay(reply.usage, self.spec().price);
                        books.unreported |= reply.usage == Usage::default();
                        books.model = reply.model.or(books.model.take());
                        books.sign = Sign::Up;
                        let span = tracing::info_span!(target: telemetry::TARGET, "parse");
                        let parsed = span.in_scope(|| parse(&reply.text));
                        return self.parsed(parsed, books);
                    }
                }
            }
        };
        books.outcome = cause.as_str();
        books.sign = Sign::of(cause, retry);
        match retry {
            Retry::Never => Step::Settled(Err((cause, detail))),
            Retry::Adapted if books.adaptations < MAX_ADAPTATIONS => {
                books.adaptations += 1;
                Step::Again(Next { pause: Duration::ZERO, correction: books.correction.clone() })
            }
            Retry::Adapted => Step::Settled(Err((cause, detail))),
            Retry::Later(asked) => {
                // To be turned away while others get through is to wait for one's turn, not to fail.
                let answers = self.flow.answers();
                let waits = cause == Cause::RateLimited
                    && books.answers_seen.is_some_and(|seen| answers > seen)
                    && books.waits < self.config.max_attempts.saturating_mul(MAX_WAITS_PER_ATTEMPT);
                books.answers_seen = Some(answers);
                *(if waits { &mut books.waits } else { &mut books.failures }) += 1;
                if books.failures >= self.config.max_attempts {
                    let detail = format!("{detail} (the last of {} failed calls)", books.failures);
                    return Step::Settled(Err((cause, detail)));
                }
                match pause::after_failure(&self.config.backoff, books.failures, asked, &self.seams.jitter) {
                    Some(pause) => Step::Again(Next { pause, correction: books.correction.clone() }),
                    None => {
                        let asked = asked.unwrap_or_default();
                        let detail = format!("{detail} (the provider asks for {asked:?} of pause; retry it later)");
                        Step::Settled(Err((cause, detail)))
                    }
                }
            }
        }
    }

    fn parsed<T>(&self, parsed: Result<T, (Cause, String)>, books: &mut Books) -> Step<T> {
        books.outcome = parsed.as_ref().map_or_else(|(cause, _)| cause.as_str(), |_| count::ANSWERED);
        match parsed {
            Ok(answer) => Step::Settled(Ok(answer)),
            Err((_, detail)) if books.reasks < self.config.max_reasks => {
                books.reasks += 1;
                books.correction = Some(detail);
                Step::Again(Next { pause: Duration::ZERO, correction: books.correction.clone() })
            }
            Err(error) => Step::Settled(Err(error)),
        }
    }

    fn close<T>(&self, books: Books, outcome: Result<T, (Cause, String)>) -> Asked<T> {
        // A call that did not say what it used has an unknown cost, unless everything is free.
        let price = self.config.spec.price.filter(|price| !books.unreported || price.is_free());
        let share = if books.by_batch { self.batch_share() } else { 1.0 };
        let cost_usd = price.map(|_| books.usd * share);
        Asked {
            outcome,
            model: books.model,
            usage: books.usage,
            cost_usd,
            latency_ms: books.latency_ms,
            attempts: books.attempts,
            settled_by: books.last_number,
        }
    }
}

/// What is known so far about one question.
#[derive(Default)]
struct Books {
    by_batch: bool,
    last_number: u32,
    attempts: u32,
    failures: u32,
    reasks: u32,
    adaptations: u32,
    /// What the last attempt said about the provider.
    sign: Sign,
    /// Times it was turned away while others got through.
    waits: u32,
    /// Answers that the judge had given to others at the last failure.
    answers_seen: Option<u64>,
    /// Why the last reply that came could not be used: also said again when the re-ask itself failed in passing.
    correction: Option<String>,
    usage: Usage,
    /// What that costs, call by call.
    usd: f64,
    /// A usable reply did not say what it used.
    unreported: bool,
    model: Option<String>,
    latency_ms: u64,
    /// Of the last attempt: answered, or the cause why not.
    outcome: &'static str,
}

impl Books {
    /// Tells of the last call; `before` is what those before it used.
    fn tell(&self, span: &tracing::Span, before: Usage) {
        if let Some(model) = &self.model {
            span.record("gen_ai.response.model", model.as_str());
        }
        span.record("gen_ai.usage.input_tokens", self.usage.input_tokens.saturating_sub(before.input_tokens));
        span.record("gen_ai.usage.output_tokens", self.usage.output_tokens.saturating_sub(before.output_tokens));
        if self.outcome != count::ANSWERED {
            span.record("error.type", self.outcome);
            span.record("otel.status_code", "ERROR");
        }
    }

    fn pay(&mut self, usage: Usage, price: Option<Price>) {
        self.usage += usage;
        self.usd += price.map_or(0.0, |price| price.of(usage));
    }
}

/// How the next call differs.
#[derive(Default)]
struct Next {
    pause: Duration,
    correction: Option<String>,
}

enum Step<T> {
    Settled(Result<T, (Cause, String)>),
    Again(Next),
}

fn cancelled() -> (Cause, String) {
    (Cause::Cancelled, "the question was cancelled before it was settled".to_owned())
}

fn kept(sent: &Result<RawReply, Lost>) -> AttemptReply {
    match sent {
        Ok(raw) => AttemptReply::Received { status: raw.status, body: raw.body.clone(), latency_ms: raw.latency_ms },
        Err(lost) => AttemptReply::Lost { cause: lost.cause, detail: lost.detail.clone(), latency_ms: lost.latency_ms },
    }
}
