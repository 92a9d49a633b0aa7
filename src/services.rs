//! What the stories stand on: one value that `app` builds once and every story borrows. It holds seams, not
//! choices: which store, which judges and which clock are decided in `app` and in tests.

pub mod gauges;
pub mod hooks;
pub mod purse;
pub mod replicas;
pub mod upkeep;
pub mod views;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::domain::{Clock, IdSource, JudgeName, Panel, PanelName, Subject, Timestamp};
use crate::judge::{CancellationToken as Cancel, Judge};
use crate::prompt::Templates;
use crate::reading::Reading;
use crate::store::{Blobs, Store};
use hooks::Hooks;
use purse::Purses;
use replicas::Replicas;
use views::Views;

pub struct Services {
    pub store: Store,
    pub blobs: Blobs,
    pub judges: BTreeMap<JudgeName, Arc<Judge>>,
    pub panels: BTreeMap<PanelName, Panel>,
    /// The panel of a grading that names none; `None` when panels are configured and none is called `default`.
    pub default_panel: Option<PanelName>,
    pub templates: Templates,
    pub reading: Reading,
    /// Whether pictures that judges were sent are kept.
    pub keep_pictures: bool,
    pub intake: IntakeLimits,
    pub clock: Arc<dyn Clock>,
    pub ids: IdSource,
    /// How long a claimed review belongs to its reviewer.
    pub lease: Duration,
    /// Gradings and comparisons at the same time.
    pub max_running: usize,
    /// What a grading may cost that names no budget itself.
    pub grading_usd: Option<f64>,
    /// What the gradings and comparisons of a project may cost together.
    pub purses: Purses,
    /// How events are told to those who asked for it.
    pub hooks: Hooks,
    /// Figures over everything, as they were found last.
    pub views: Views,
    /// This process among its equals, and who works on what.
    pub replicas: Replicas,
    pub running: Running,
    /// Rung when there is new work.
    pub bell: Notify,
    /// Held while a rubric's identity is decided, so that the same content posted twice at once is one rubric.
    pub rubric_identity: Arc<tokio::sync::Mutex<()>>,
}

impl Services {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What one request may bring.
#[derive(Debug, Clone, Copy)]
pub struct IntakeLimits {
    pub max_file_bytes: u64,
    pub max_files: usize,
    pub max_upload_bytes: u64,
    pub max_json_bytes: usize,
    pub max_battles: usize,
}

/// What is told to those who watch a grading or a comparison.
#[derive(Debug, Clone)]
pub enum Event {
    Progress(Progress),
    /// A vote was kept.
    Vote(Arc<crate::domain::Vote>),
    /// It has ended, one way or another: read it.
    Ended,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub planned: u32,
    pub done: u32,
    pub failed: u32,
}

/// What runs in this process: who watches it, how far it is, how to stop it.
#[derive(Default)]
pub struct Running {
    subjects: Mutex<HashMap<Subject, Entry>>,
    workers: AtomicUsize,
}

/// While it lives, queued work is taken up.
pub struct Working<'a>(&'a AtomicUsize);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Entry {
    events: broadcast::Sender<Event>,
    progress: Progress,
    cancel: Cancel,
    started: bool,
}

/// Events that a slow watcher may be behind before it misses some; it is told so and reads the state again.
const EVENTS_KEPT: usize = 256;

impl Running {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Subject, Entry>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that queued work is taken up, until the answer is dropped.
    pub fn working(&self) -> Working<'_> {
        self.workers.fetch_add(1, Ordering::Relaxed);
        Working(&self.workers)
    }

    /// Whether anybody takes up queued work.
    pub fn is_worked(&self) -> bool {
        self.workers.load(Ordering::Relaxed) > 0
    }

    /// Reserves a subject for whoever asks first; false when it is taken already.
    pub fn take(&self, subject: Subject) -> bool {
        let mut all = self.lock();
        let entry = all.entry(subject).or_insert_with(Entry::new);
        !std::mem::replace(&mut entry.started, true)
    }

    /// Gives a reserved subject back that was not begun.
    pub fn untake(&self, subject: Subject) {
        if let Some(entry) = self.lock().get_mut(&subject) {
            entry.started = false;
        }
    }

    /// What runs here.
    pub fn subjects(&self) -> Vec<Subject> {
        self.lock().iter().filter(|(_, entry)| entry.started).map(|(subject, _)| *subject).collect()
    }

    /// Notes how far a taken subject is, and answers with what stops it.
    pub fn begin(&self, subject: Subject, progress: Progress) -> Cancel {
        let mut all = self.lock();
        let entry = all.entry(subject).or_insert_with(Entry::new);
        entry.started = true;
        entry.progress = progress;
        let _ = entry.events.send(Event::Progress(progress));
        entry.cancel.clone()
    }

    pub fn is_running(&self, subject: Subject) -> bool {
        self.lock().get(&subject).is_some_and(|entry| entry.started)
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.lock().values().filter(|entry| entry.started).count()
    }

    pub fn progress(&self, subject: Subject) -> Option<Progress> {
        self.lock().get(&subject).filter(|entry| entry.started).map(|entry| entry.progress)
    }

    /// One more call is settled.
    pub fn settled(&self, subject: Subject, vote: &Arc<crate::domain::Vote>) {
        count(vote);
        let mut all = self.lock();
        let Some(entry) = all.get_mut(&subject) else { return };
        entry.progress.done += 1;
        if matches!(vote.outcome, crate::domain::VoteOutcome::Failed { .. }) {
            entry.progress.failed += 1;
        }
        if entry.events.receiver_count() > 0 {
            // Nobody listening any more is no error.
            let _ = entry.events.send(Event::Vote(vote.clone()));
            let _ = entry.events.send(Event::Progress(entry.progress));
        }
    }

    /// Follows a subject from now on, whether it has started or not.
    pub fn watch(&self, subject: Subject) -> broadcast::Receiver<Event> {
        self.lock().entry(subject).or_insert_with(Entry::new).events.subscribe()
    }

    pub fn cancel(&self, subject: Subject) {
        if let Some(entry) = self.lock().get(&subject) {
            entry.cancel.cancel();
        }
    }

    /// Stops everything, for the end of the service: what is unsettled goes on at the next start.
    pub fn cancel_all(&self) {
        for entry in self.lock().values() {
            entry.cancel.cancel();
        }
    }

    /// Tells the watchers that it ended and forgets it.
    pub fn end(&self, subject: Subject) {
        if let Some(entry) = self.lock().remove(&subject) {
            let _ = entry.events.send(Event::Ended);
        }
    }

    /// Forgets watched subjects that never started and that nobody watches any more.
    pub fn sweep(&self) {
        self.lock().retain(|_, entry| entry.started || entry.events.receiver_count() > 0);
    }
}

impl Entry {
    fn new() -> Self {
        Self {
            events: broadcast::Sender::new(EVENTS_KEPT),
            progress: Progress::default(),
            cancel: Cancel::new(),
            started: false,
        }
    }
}

/// One vote in the metrics. Labels are few and ours: an outcome or a cause, never a name that users give.
fn count(vote: &crate::domain::Vote) {
    use crate::domain::{Answer, Preference, VoteOutcome};
    let outcome = match &vote.outcome {
        VoteOutcome::Failed { cause, .. } => cause.as_str(),
        VoteOutcome::Answered(opinion) => match opinion.answer {
            Answer::Met => "met",
            Answer::Unmet => "unmet",
            Answer::CannotAssess => "cannot_assess",
            Answer::Level(_) => "level",
            Answer::Prefers(Preference::A | Preference::B) => "prefers",
            Answer::Prefers(Preference::Tie) => "tie",
            Answer::Prefers(Preference::BothBad) => "both_bad",
        },
    };
    let failed = matches!(vote.outcome, VoteOutcome::Failed { .. });
    // Of a judge that a panel names: they are configured, and few.
    let judge = vote.key.judge.to_string();
    let is_failed = if failed { "yes" } else { "no" };
    metrics::counter!(VOTES, "judge" => judge.clone(), "outcome" => outcome, "failed" => is_failed).increment(1);
    let usage = vote.usage;
    for (kind, tokens) in
        TOKEN_KINDS.into_iter().zip([usage.input_tokens, usage.cached_input_tokens, usage.output_tokens])
    {
        metrics::counter!(TOKENS, "judge" => judge.clone(), "kind" => kind).increment(tokens);
    }
    match vote.cost_usd {
        // A counter counts whole things; a millionth of a dollar is fine enough for a sum.
        Some(usd) if usd.is_finite() && usd >= 0.0 => {
            metrics::counter!(COST, "judge" => judge).increment((usd * 1e6).round() as u64);
        }
        _ if vote.attempts == 0 => {}
        _ => metrics::counter!(COST_UNKNOWN, "judge" => judge).increment(1),
    }
}

const VOTES: &str = "empanel_votes_total";
const TOKENS: &str = "empanel_judge_tokens_total";
const COST: &str = "empanel_judge_cost_microdollars_total";
const COST_UNKNOWN: &str = "empanel_judge_cost_unknown_votes_total";

const TOKEN_KINDS: [&str; 3] = ["input", "cached_input", "output"];

/// Says what the counters of votes mean, once a recorder is there, and makes those of these judges begin at 0: a rate
/// that begins with the first failure would miss it.
pub fn describe_metrics<'a>(judges: impl IntoIterator<Item = &'a JudgeName>) {
    for judge in judges {
        let judge = judge.to_string();
        for cause in crate::domain::Cause::ALL {
            let cause = cause.as_str();
            metrics::counter!(VOTES, "judge" => judge.clone(), "outcome" => cause, "failed" => "yes").increment(0);
        }
        for kind in TOKEN_KINDS {
            metrics::counter!(TOKENS, "judge" => judge.clone(), "kind" => kind).increment(0);
        }
        metrics::counter!(COST, "judge" => judge.clone()).increment(0);
        metrics::counter!(COST_UNKNOWN, "judge" => judge).increment(0);
    }
    gauges::describe_metrics();
    metrics::describe_counter!(VOTES, "Questions settled, by judge and answer or cause of failure.");
    metrics::describe_counter!(TOKENS, "Tokens billed; cached_input is part of input.");
    metrics::describe_counter!(COST, "Millionths of a US dollar, of calls with a known price.");
    replicas::describe_metrics();
    metrics::describe_counter!(COST_UNKNOWN, "Settled calls whose price is not known.");
}
