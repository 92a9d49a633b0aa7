//! What the stories stand on: one value that `app` builds once and every story borrows. It holds seams, not
//! choices: which store, which judges and which clock are decided in `app` and in tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::document;
use crate::domain::{Clock, IdSource, JudgeName, Panel, PanelName, Subject, Timestamp};
use crate::judge::{CancellationToken as Cancel, Judge};
use crate::prompt::Templates;
use crate::store::{Blobs, Store};

pub struct Services {
    pub store: Store,
    pub blobs: Blobs,
    pub judges: BTreeMap<JudgeName, Arc<Judge>>,
    pub panels: BTreeMap<PanelName, Panel>,
    /// The panel of a grading that names none; `None` when panels are configured and none is called `default`.
    pub default_panel: Option<PanelName>,
    pub templates: Templates,
    pub reading: document::Limits,
    pub intake: IntakeLimits,
    pub clock: Arc<dyn Clock>,
    pub ids: IdSource,
    /// How long a claimed review belongs to its reviewer.
    pub lease: Duration,
    /// Gradings and comparisons at the same time.
    pub max_running: usize,
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
pub struct Running(Mutex<HashMap<Subject, Entry>>);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a subject for whoever asks first; false when it is taken already.
    pub fn take(&self, subject: Subject) -> bool {
        let mut all = self.lock();
        let entry = all.entry(subject).or_insert_with(Entry::new);
        !std::mem::replace(&mut entry.started, true)
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
