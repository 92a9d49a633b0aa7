//! Brings deliveries to their receivers.
//!
//! The queue is the store. Every pending delivery has an entry among what is due, by webhook and time, or stands behind
//! another one of its line, whose end makes its entry again: what belongs together is changed in one batch, so a
//! process that ends anywhere leaves nothing behind that is not found again, and at worst sends once more what it had
//! just sent.
//!
//! A *line* is what one webhook is told of one grading or comparison. At any time one task at most works on a line, from
//! its oldest pending delivery on: that is the order that is promised. Lines do not wait for each other; a webhook has a
//! bounded number of requests, so that one that hangs does not take the places of others.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken as Stop;

use super::send::{Sender, Sent};
use super::upkeep::upkeep;
use super::{ATTEMPTS, DEAD, schedule};
use crate::domain::{
    AttemptOutcome, Delivery, DeliveryAttempt, DueDelivery, ProjectId, Subject, Timestamp, Webhook, WebhookId,
    WebhookState,
};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, Kept, ProjectStore, Query, Record, StoreError, delivery_line};

/// How often it is looked whether old deliveries can be forgotten, and how many are pending.
const UPKEEP: Duration = Duration::from_secs(30);
/// Enabled webhooks of a project; more cannot be configured to be possible.
const MOST_WEBHOOKS: usize = 1_000;
/// Deliveries of a line that are looked at together.
const LINE_PAGE: usize = 100;

/// Sends what is due until `stop`; then the requests under way come home.
pub async fn work(services: Arc<Services>, stop: Stop) {
    let mut postman = match Postman::with(services.clone(), stop.clone()) {
        Ok(postman) => postman,
        Err(error) => {
            tracing::error!(error, "webhooks cannot be called: nothing is delivered; what is announced is kept");
            return;
        }
    };
    let mut next_upkeep = Timestamp::MIN;
    while !stop.is_cancelled() {
        // Lines are in order because one process brings them: where there are several, one of them does.
        if !is_ours(&services).await {
            while postman.is_busy() {
                postman.one_ends().await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(OTHERS) => {}
            }
            continue;
        }
        if services.now() >= next_upkeep {
            if let Err(error) = upkeep(&services).await {
                tracing::error!(%error, "old deliveries cannot be looked at");
            }
            next_upkeep = services.now().checked_add(UPKEEP).unwrap_or(Timestamp::MAX);
        }
        let patience = match postman.take_up().await {
            Ok(next) => next.map_or(UPKEEP, |at| until(at, services.now()).min(UPKEEP)),
            Err(error) => {
                tracing::error!(%error, "deliveries cannot be read; trying again in 5 s");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = services.hooks.bell.notified() => {}
            () = stop.cancelled() => {}
            () = postman.one_ends(), if postman.is_busy() => {}
            () = tokio::time::sleep(if services.replicas.is_alone() { patience } else { patience.min(OTHERS) }) => {}
        }
    }
    while postman.is_busy() {
        postman.one_ends().await;
    }
}

/// What a replica holds that brings the deliveries of all projects.
const BRINGS: &str = "webhooks";
/// How often it is looked whether this replica is the one, and whether others announced something.
const OTHERS: Duration = Duration::from_secs(2);

/// Whether this replica is the one that brings deliveries.
async fn is_ours(services: &Services) -> bool {
    let taken = services.replicas.take(&services.store.system(), BRINGS, services.clock.as_ref()).await;
    match taken {
        Ok(taken) => taken.is_some(),
        Err(error) => {
            tracing::error!(%error, "it cannot be told which replica brings deliveries");
            false
        }
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    // A millisecond more: entries are in order by milliseconds.
    Duration::try_from(at.duration_since(now)).unwrap_or_default() + Duration::from_millis(1)
}

/// What one webhook is told of one subject.
type Line = (ProjectId, WebhookId, Subject);

/// Who brings deliveries: [`work`]'s hands, for whoever moves the clock itself.
pub struct Postman {
    services: Arc<Services>,
    sender: Arc<Sender>,
    stop: Stop,
    running: JoinSet<Line>,
    lines: HashSet<Line>,
    each: BTreeMap<WebhookId, usize>,
    /// Who is looked at first, so that it is not always the same.
    turn: usize,
}

impl Postman {
    /// # Errors
    /// If TLS cannot be set up on this machine.
    pub fn new(services: Arc<Services>) -> Result<Self, String> {
        Self::with(services, Stop::new())
    }

    /// Sends everything that is due now, and what becomes due while the clock stands; when the next one is due. Not
    /// beside [`work`].
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn send_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let next = self.take_up().await?;
            if !self.is_busy() {
                return Ok(next);
            }
            self.one_ends().await;
        }
    }

    fn with(services: Arc<Services>, stop: Stop) -> Result<Self, String> {
        let sender = Arc::new(Sender::new(&services.hooks)?);
        let (running, lines, each) = (JoinSet::new(), HashSet::new(), BTreeMap::new());
        Ok(Self { services, sender, stop, running, lines, each, turn: 0 })
    }

    fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// Waits until a line is done with, and takes note of all others that are.
    async fn one_ends(&mut self) {
        let mut ended = self.running.join_next().await;
        while let Some(one) = ended {
            match one {
                Ok(line) => {
                    if let Some(count) = self.each.get_mut(&line.1) {
                        *count = count.saturating_sub(1);
                    }
                    self.lines.remove(&line);
                }
                // Panics are caught inside, and nothing is aborted.
                Err(error) => tracing::error!(%error, "a line of deliveries ended in an unknown way"),
            }
            ended = self.running.try_join_next();
        }
    }

    /// Starts what is due and has room; when the next one is due.
    async fn take_up(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let (now, mut next) = (self.services.now(), None::<Timestamp>);
        for project_id in self.services.store.projects().await? {
            let project = self.services.store.project(&project_id);
            let mut webhooks = project.linked::<Webhook>("state", "enabled", MOST_WEBHOOKS).await?;
            if webhooks.is_empty() {
                continue;
            }
            self.turn = self.turn.wrapping_add(1);
            let turn = self.turn % webhooks.len();
            webhooks.rotate_left(turn);
            for id in webhooks.iter().filter_map(|key| key.parse().ok()) {
                let due = self.take_up_of(&project_id, &project, id, now).await?;
                next = [next, due].into_iter().flatten().min();
            }
        }
        Ok(next)
    }

    async fn take_up_of(
        &mut self,
        project_id: &ProjectId,
        project: &ProjectStore,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let hooks = &self.services.hooks;
        let (at_once, at_once_each) = (hooks.at_once, hooks.at_once_each);
        let under_way = self.each.get(&id).copied().unwrap_or_default();
        let room = |postman: &Self| {
            let of_it = postman.each.get(&id).copied().unwrap_or_default();
            at_once.saturating_sub(postman.running.len()).min(at_once_each.saturating_sub(of_it))
        };
        // Those under way have their entries still.
        let mut query = Query::prefix(format!("{id}/")).limit(under_way + room(self) + 1);
        while room(self) > 0 {
            let page = project.list::<DueDelivery>(query.clone()).await?;
            for Kept { record: due, .. } in page.items {
                if due.at > now {
                    return Ok(Some(due.at));
                }
                let line = (project_id.clone(), id, due.subject);
                if room(self) == 0 || !self.lines.insert(line.clone()) {
                    continue;
                }
                *self.each.entry(id).or_default() += 1;
                let task = LineTask {
                    services: self.services.clone(),
                    sender: self.sender.clone(),
                    stop: self.stop.clone(),
                    project: project.clone(),
                    line,
                };
                self.running.spawn(task.run(due));
            }
            match page.next {
                Some(cursor) => query = query.limit(256).after(Some(cursor)),
                None => break,
            }
        }
        Ok(None)
    }
}

struct LineTask {
    services: Arc<Services>,
    sender: Arc<Sender>,
    stop: Stop,
    project: ProjectStore,
    line: Line,
}

impl LineTask {
    /// Works on the line until nothing of it is due; which line it was.
    async fn run(self, entry: DueDelivery) -> Line {
        let (_, webhook, subject) = &self.line;
        let trouble = match AssertUnwindSafe(self.go_on(&entry)).catch_unwind().await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("a panic; this is a defect, please report it".to_owned()),
        };
        if let Some(error) = trouble {
            tracing::error!(%webhook, subject = crate::services::replicas::work_key(*subject), error, "deliveries stopped early; they go on in 5 s");
            // Not at once: what failed just now will most likely fail again.
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.line
    }

    async fn go_on(&self, entry: &DueDelivery) -> Result<(), Refusal> {
        let (_, id, subject) = &self.line;
        let mut attempted = false;
        while !self.stop.is_cancelled() {
            let Some(webhook) = self.project.get::<Webhook>(&id.to_string()).await? else { return Ok(()) };
            if !webhook.record.is_enabled() {
                return Ok(());
            }
            let query = Query::link("line", delivery_line(*id, subject)).limit(LINE_PAGE);
            let mut pending = self.project.list::<Delivery>(query).await?.items.into_iter();
            let head = pending.next();
            let behind: Vec<Delivery> = pending.map(|kept| kept.record).collect();
            let now = self.services.now();
            match head {
                Some(head) if head.record.next_attempt_at().is_some_and(|at| at <= now) => {
                    attempted = true;
                    if !self.attempt(webhook, head, &behind).await? {
                        return Ok(());
                    }
                }
                // Entries were put in order with the last attempt.
                _ if attempted => return Ok(()),
                head => return self.wait(entry, head.as_ref().map(|kept| &kept.record), &behind).await,
            }
        }
        Ok(())
    }

    /// The first is not due: those behind it need not be looked at before it has ended.
    async fn wait(&self, entry: &DueDelivery, head: Option<&Delivery>, behind: &[Delivery]) -> Result<(), Refusal> {
        let own = head.and_then(Delivery::due);
        let mut gone: HashSet<String> = behind.iter().filter_map(Delivery::due).map(|due| due.key()).collect();
        gone.insert(entry.key());
        own.map(|own| gone.remove(&own.key()));
        let batch = gone.iter().fold(self.project.batch(), |batch, key| batch.delete::<DueDelivery>(key));
        Ok(self.project.commit(batch).await?)
    }

    /// Sends the first of the line and keeps what became of it; whether the next one may be sent.
    async fn attempt(
        &self,
        webhook: Kept<Webhook>,
        head: Kept<Delivery>,
        behind: &[Delivery],
    ) -> Result<bool, Refusal> {
        let hooks = &self.services.hooks;
        let at = self.services.now();
        let sent = self.sender.send(hooks, &webhook.record, &head.record, at).await;
        let now = self.services.now();
        let before = head.record.due().map(|due| due.key());
        let Sent { outcome, retry_after, latency_ms } = sent.clone();
        let (delivery_id, failed) = (head.record.id, head.record.tries.saturating_add(1));
        let again = schedule::after_failure(&hooks.retries, delivery_id, failed, now, retry_after);
        let ended = head.record.attempted(DeliveryAttempt { at, latency_ms, outcome }, now, again)?;
        let mut current = Some(webhook);
        loop {
            let mut batch = self.project.batch().update(&ended, head.revision);
            batch = moved(batch, before.as_deref(), ended.due().as_ref(), behind);
            if let (true, Some(kept)) = (sent.is_gone(), &current) {
                let why = "the receiver answered 410 Gone".to_owned();
                let disabled = Webhook { state: WebhookState::Disabled { at: now, why }, ..kept.record.clone() };
                batch = batch.update(&disabled, kept.revision);
            }
            match self.project.commit(batch).await {
                Ok(()) => break,
                // Somebody changed the webhook at this moment: look again whether it is still to be disabled.
                Err(StoreError::Conflict { kind, .. }) if kind == Webhook::KIND => {
                    let kept = self.project.get::<Webhook>(&self.line.1.to_string()).await?;
                    current = kept.filter(|kept| kept.record.is_enabled());
                }
                // It was removed with its webhook.
                Err(StoreError::Conflict { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.tell(&ended, &sent);
        Ok(ended.next_attempt_at().is_none() && !sent.is_gone())
    }

    fn tell(&self, ended: &Delivery, sent: &Sent) {
        let (project, webhook, delivery, event) = (&self.line.0, ended.webhook_id, ended.id, ended.event.as_str());
        let success = sent.outcome.is_success();
        metrics::counter!(ATTEMPTS, "outcome" => if success { "delivered" } else { "failed" }).increment(1);
        let why = match &sent.outcome {
            AttemptOutcome::Answered { status, .. } => format!("status {status}"),
            AttemptOutcome::Failed { reason } => reason.clone(),
        };
        if sent.is_gone() {
            tracing::warn!(%project, %webhook, "the receiver is gone (410): the webhook is disabled");
        }
        match (success, ended.next_attempt_at()) {
            (true, _) => tracing::debug!(%project, %webhook, %delivery, event, "delivered"),
            (false, Some(next)) => {
                tracing::info!(%project, %webhook, %delivery, event, attempt = ended.tries, why, %next, "not delivered");
            }
            (false, None) => {
                metrics::counter!(DEAD).increment(1);
                let attempts = ended.tries;
                tracing::error!(%project, %webhook, %delivery, event, attempts, why, "a delivery is given up; POST /v1/webhooks/{{id}}/redeliver sends it again");
            }
        }
    }
}

/// The entries among what is due after an attempt: of a delivery that waits its new one, and none of those behind it;
/// of one that has ended none, and that of the one behind it.
fn moved(mut batch: Batch, before: Option<&str>, now: Option<&DueDelivery>, behind: &[Delivery]) -> Batch {
    let written = now.cloned().or_else(|| behind.first().and_then(Delivery::due));
    let mut gone: HashSet<String> = before.map(str::to_owned).into_iter().collect();
    if now.is_some() {
        gone.extend(behind.iter().filter_map(Delivery::due).map(|due| due.key()));
    }
    if let Some(due) = &written {
        gone.remove(&due.key());
        batch = batch.put(due);
    }
    gone.iter().fold(batch, |batch, key| batch.delete::<DueDelivery>(key))
}
