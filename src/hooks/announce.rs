//! The outbox: what happened is kept, and in the same batch a delivery of it for every webhook that wants to know.
//! Whatever ends when, there is never one without the other.

use serde_json::json;

use super::Event;
use crate::domain::{Delivery, DeliveryState, Webhook};
use crate::services::Services;
use crate::store::{Batch, ProjectStore, Query, StoreError};

/// Adds to `batch` a delivery of each event for every enabled webhook of the project that wants it; nothing where there
/// is none. Call it after reading the grading or comparison that the same batch changes by its revision: so the order
/// of deliveries is the order of what happened. [`ring`] after the commit.
///
/// # Errors
/// If the store cannot.
pub async fn announce(
    services: &Services,
    project: &ProjectStore,
    mut batch: Batch,
    events: &[Event],
) -> Result<Batch, StoreError> {
    if events.is_empty() {
        return Ok(batch);
    }
    let webhooks = project.all::<Webhook>(Query::link("state", "enabled")).await?;
    if webhooks.is_empty() {
        return Ok(batch);
    }
    let now = services.now();
    for Event { event, subject, data } in events {
        let body = json!({"type": event.as_str(), "timestamp": now, "data": data}).to_string();
        for webhook in webhooks.iter().filter(|webhook| webhook.wants(*event)) {
            let delivery = Delivery {
                id: services.ids.next(),
                webhook_id: webhook.id,
                event: *event,
                subject: *subject,
                body: body.clone(),
                created_at: now,
                state: DeliveryState::Pending { next_attempt_at: now },
                tries: 0,
                attempts: vec![],
            };
            batch = batch.insert(&delivery);
            if let Some(due) = delivery.due() {
                batch = batch.insert(&due);
            }
        }
    }
    Ok(batch)
}

/// Tells the worker that there may be something to send. Forgetting it costs time, never an event.
pub fn ring(services: &Services) {
    services.hooks.bell.notify_one();
}
