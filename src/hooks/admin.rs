//! What an admin can do with webhooks and with what was sent to them.

use serde_json::json;

use crate::audit::{self, Act};
use crate::domain::{
    Action, Author, Delivery, DeliveryId, EventType, HookSecret, Timestamp, Webhook, WebhookId, WebhookState,
};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, ProjectStore, Query, Revision, StoreError};

use super::{ring, send};

/// A webhook that somebody wants.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub url: String,
    /// Words of events; `None` is everything.
    pub events: Option<Vec<String>>,
    pub description: Option<String>,
    /// `whsec_…`; minted when absent.
    pub secret: Option<String>,
}

/// Which deliveries are to be sent again.
#[derive(Debug, Clone)]
pub enum Again {
    These(Vec<DeliveryId>),
    /// Everything that was given up.
    Dead,
}

const MAX_DESCRIPTION_CHARS: usize = 500;
/// Deliveries that one request can name.
const MAX_NAMED: usize = 1_000;
/// Deliveries that are changed in one batch.
const PAGE: usize = 500;
/// The longest time for which an old secret goes on signing.
const MAX_OVERLAP_S: u64 = 30 * 24 * 3_600;

/// A webhook as it is to be kept.
///
/// # Errors
/// If its address may not be called, an event or the secret is none, or the project has as many as it may.
pub async fn new(services: &Services, project: &ProjectStore, wanted: &NewWebhook) -> Result<Webhook, Refusal> {
    let url =
        send::address(&services.hooks, &wanted.url).map_err(|error| Refusal::invalid("/url", error.to_string()))?;
    let events = wanted.events.as_deref().map(events).transpose()?;
    let description = wanted.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS) {
        let detail = format!("is longer than {MAX_DESCRIPTION_CHARS} characters");
        return Err(Refusal::invalid("/description", detail));
    }
    let secret = secret(services, wanted.secret.as_deref())?;
    let most = services.hooks.most;
    if all(project).await?.len() >= most {
        let detail = format!(
            "this project has {most} webhooks, as many as it may; delete one, or raise [webhooks] max_per_project"
        );
        return Err(Refusal::Conflict { code: "too_many_webhooks", detail });
    }
    Ok(Webhook {
        id: services.ids.next(),
        url: url.to_string(),
        events,
        description: description.map(str::to_owned),
        secret,
        earlier: vec![],
        state: WebhookState::Enabled,
        created_at: services.now(),
    })
}

fn events(words: &[String]) -> Result<Vec<EventType>, Refusal> {
    let known = || EventType::ALL.map(EventType::as_str).join(", ");
    if words.is_empty() {
        return Err(Refusal::invalid(
            "/events",
            format!("is empty; leave it out for all, or name some of {}", known()),
        ));
    }
    let mut events = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let Some(event) = EventType::parse(word) else {
            let word: String = word.chars().take(80).collect();
            return Err(Refusal::invalid(format!("/events/{at}"), format!("{word:?} is none of {}", known())));
        };
        events.push(event);
    }
    events.sort();
    events.dedup();
    Ok(events)
}

/// The given one, or a fresh one.
fn secret(services: &Services, given: Option<&str>) -> Result<HookSecret, Refusal> {
    match given {
        Some(text) => HookSecret::parse(text).map_err(|error| Refusal::invalid("/secret", error.to_string())),
        None => {
            // 32 bytes, as hex.
            let bytes = hex::decode(services.ids.secret()).unwrap_or_default();
            HookSecret::of(bytes).map_err(|error| Refusal::invalid("/secret", error.to_string()))
        }
    }
}

/// The project's webhooks, the oldest first.
///
/// # Errors
/// If the store cannot.
pub async fn all(project: &ProjectStore) -> Result<Vec<Webhook>, StoreError> {
    let mut found = project.all::<Webhook>(Query::default()).await?;
    found.retain(|webhook| !webhook.is_deleted());
    Ok(found)
}

/// # Errors
/// If there is none.
pub async fn get(project: &ProjectStore, id: WebhookId) -> Result<Kept<Webhook>, Refusal> {
    let kept = project.get::<Webhook>(&id.to_string()).await?.filter(|kept| !kept.record.is_deleted());
    kept.ok_or_else(|| Refusal::not_found("webhook", id))
}

/// Sends events again: also what was pending when it was disabled.
///
/// # Errors
/// If there is no such webhook.
pub async fn enable(
    services: &Services,
    project: &ProjectStore,
    id: WebhookId,
    by: &Author,
) -> Result<Webhook, Refusal> {
    let changed = change(services, project, id, act(by, id, "enabled"), |webhook| match webhook.state {
        WebhookState::Enabled => webhook,
        _ => Webhook { state: WebhookState::Enabled, ..webhook },
    });
    let changed = changed.await?;
    ring(services);
    Ok(changed)
}

/// Keeps no more events for it and sends nothing; what is pending waits.
///
/// # Errors
/// If there is no such webhook.
pub async fn disable(
    services: &Services,
    project: &ProjectStore,
    id: WebhookId,
    by: &Author,
) -> Result<Webhook, Refusal> {
    let at = services.now();
    change(services, project, id, act(by, id, "disabled"), |webhook| match webhook.state {
        WebhookState::Enabled => {
            Webhook { state: WebhookState::Disabled { at, why: "by request".to_owned() }, ..webhook }
        }
        _ => webhook,
    })
    .await
}

/// Forgets it and everything that was or was to be sent to it.
///
/// # Errors
/// If there is no such webhook.
pub async fn delete(services: &Services, project: &ProjectStore, id: WebhookId, by: &Author) -> Result<(), Refusal> {
    let at = services.now();
    let act = act(by, id, "deleted");
    change(services, project, id, act, |webhook| Webhook { state: WebhookState::Deleted { at }, ..webhook }).await?;
    Ok(())
}

/// The webhook with a new secret, to be kept if it is still at this revision.
///
/// # Errors
/// If there is no such webhook, or the secret or the time is none.
pub async fn rotated(
    services: &Services,
    project: &ProjectStore,
    id: WebhookId,
    given: Option<&str>,
    overlap_s: Option<u64>,
) -> Result<(Webhook, Revision), Refusal> {
    let overlap = match overlap_s {
        Some(seconds) if seconds > MAX_OVERLAP_S => {
            let detail = format!("{seconds} is more than {MAX_OVERLAP_S} (30 days)");
            return Err(Refusal::invalid("/overlap_s", detail));
        }
        Some(seconds) => std::time::Duration::from_secs(seconds),
        None => services.hooks.overlap,
    };
    let secret = secret(services, given)?;
    let Kept { record, revision } = get(project, id).await?;
    if record.secret == secret {
        return Err(Refusal::invalid("/secret", "is the one that signs already; leave it out and get a new one"));
    }
    let now = services.now();
    let until = now.checked_add(overlap).unwrap_or(Timestamp::MAX);
    Ok((record.rotated(secret, now, until), revision))
}

/// What the log says of a change; never a secret.
#[must_use]
pub fn act(by: &Author, id: WebhookId, what: &str) -> Act {
    Act::new(by, Action::WebhookChanged, format!("webhook/{id}")).with(json!({ "what": what }))
}

async fn change(
    services: &Services,
    project: &ProjectStore,
    id: WebhookId,
    act: Act,
    transition: impl Fn(Webhook) -> Webhook,
) -> Result<Webhook, Refusal> {
    loop {
        let Kept { record, revision } = get(project, id).await?;
        let changed = transition(record);
        let batch = project.batch().update(&changed, revision);
        let batch = audit::append(project, batch, services.now(), [act.clone()]).await?;
        match project.commit(batch).await {
            Ok(()) => return Ok(changed),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Has deliveries sent again from the beginning of the schedule; how many. Those that are pending are on their way
/// already and not counted.
///
/// # Errors
/// If there is no such webhook, or one of the named deliveries is none of its own.
pub async fn redeliver(
    services: &Services,
    project: &ProjectStore,
    id: WebhookId,
    which: &Again,
) -> Result<usize, Refusal> {
    get(project, id).await?;
    let count = match which {
        Again::These(ids) => these(services, project, id, ids).await?,
        Again::Dead => {
            let mut count = 0;
            // What is sent again is not dead any more: the first page is always the next one.
            loop {
                let query = Query::link("state", format!("{id}:dead")).limit(PAGE);
                let dead = project.list::<Delivery>(query).await?.items;
                if dead.is_empty() {
                    break;
                }
                match requeue(services, project, dead).await {
                    Ok(some) => count += some,
                    Err(Refusal::Store(StoreError::Conflict { .. })) => {}
                    Err(error) => return Err(error),
                }
            }
            count
        }
    };
    ring(services);
    Ok(count)
}

async fn these(
    services: &Services,
    project: &ProjectStore,
    webhook: WebhookId,
    ids: &[DeliveryId],
) -> Result<usize, Refusal> {
    if ids.is_empty() || ids.len() > MAX_NAMED {
        let detail = format!("has {} ids; name 1 to {MAX_NAMED}", ids.len());
        return Err(Refusal::invalid("/delivery_ids", detail));
    }
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    loop {
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            let kept = project.get::<Delivery>(&format!("{webhook}/{id}")).await?;
            found.push(kept.ok_or_else(|| Refusal::not_found("delivery of this webhook", id))?);
        }
        match requeue(services, project, found).await {
            Err(Refusal::Store(StoreError::Conflict { .. })) => {}
            done => return done,
        }
    }
}

async fn requeue(services: &Services, project: &ProjectStore, found: Vec<Kept<Delivery>>) -> Result<usize, Refusal> {
    let now = services.now();
    let (mut batch, mut count) = (project.batch(), 0);
    for Kept { record, revision } in found {
        let Ok(again) = record.again(now) else { continue };
        batch = batch.update(&again, revision);
        if let Some(due) = again.due() {
            batch = batch.put(&due);
        }
        count += 1;
    }
    project.commit(batch).await?;
    Ok(count)
}

/// The listing of what was and is to be sent to a webhook, in the order of their making; in one state (`pending`, `delivered` or
/// `dead`) or in all.
#[must_use]
pub fn deliveries(id: WebhookId, state: Option<&str>) -> Query {
    match state {
        Some(state) => Query::link("state", format!("{id}:{state}")),
        None => Query::prefix(format!("{id}/")),
    }
}
