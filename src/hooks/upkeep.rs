//! What nobody needs any more: deliveries that ended longer ago than `[webhooks] keep_days`, and everything of a
//! webhook that was deleted.

use std::time::Duration;

use super::PENDING;
use crate::domain::{Delivery, DueDelivery, Timestamp, Webhook, WebhookState};
use crate::services::Services;
use crate::store::{ProjectStore, Query, Record, StoreError};

/// Deliveries that are forgotten in one batch.
const PAGE: usize = 200;
/// How long a deleted webhook is remembered: somebody may be about to keep a delivery for it.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// The most that are counted of one webhook.
const MOST_COUNTED: usize = 100_000;

/// Forgets what is old or deleted, and counts what is pending.
///
/// # Errors
/// If the store cannot; what is left is forgotten the next time.
pub async fn upkeep(services: &Services) -> Result<(), StoreError> {
    let now = services.now();
    let oldest = now.checked_sub(services.hooks.keep).unwrap_or(Timestamp::MIN);
    let mut pending = 0;
    for project_id in services.store.projects().await? {
        let project = services.store.project(&project_id);
        for webhook in project.all::<Webhook>(Query::default()).await? {
            match webhook.state {
                WebhookState::Deleted { at } => clear(&project, &webhook, at, now).await?,
                WebhookState::Enabled | WebhookState::Disabled { .. } => {
                    prune(&project, &webhook, oldest).await?;
                    let state = format!("{}:pending", webhook.id);
                    pending += project.linked::<Delivery>("state", &state, MOST_COUNTED).await?.len();
                }
            }
        }
    }
    metrics::gauge!(PENDING).set(u32::try_from(pending).unwrap_or(u32::MAX));
    Ok(())
}

/// Removes what ended before `oldest`. Deliveries are in the order of their making, so it ends at the first that was
/// made after that.
async fn prune(project: &ProjectStore, webhook: &Webhook, oldest: Timestamp) -> Result<(), StoreError> {
    let mut cursor = None;
    loop {
        let query = Query::prefix(format!("{}/", webhook.id)).limit(PAGE).after(cursor);
        let page = project.list::<Delivery>(query).await?;
        let younger = page.items.iter().any(|kept| kept.record.created_at > oldest);
        let old = page.items.iter().filter(|kept| kept.record.ended_at().is_some_and(|at| at < oldest));
        let old: Vec<String> = old.map(|kept| kept.record.key()).collect();
        if !old.is_empty() {
            let batch = old.iter().fold(project.batch(), |batch, key| batch.delete::<Delivery>(key));
            project.commit(batch).await?;
            tracing::info!(webhook = %webhook.id, deliveries = old.len(), "old deliveries forgotten");
        }
        cursor = page.next;
        if younger || cursor.is_none() {
            return Ok(());
        }
    }
}

/// Removes everything of a deleted webhook, and some time later what is known of itself.
async fn clear(project: &ProjectStore, webhook: &Webhook, at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let prefix = format!("{}/", webhook.id);
    loop {
        let deliveries = project.list::<Delivery>(Query::prefix(prefix.clone()).limit(PAGE)).await?;
        let due = project.list::<DueDelivery>(Query::prefix(prefix.clone()).limit(PAGE)).await?;
        if deliveries.items.is_empty() && due.items.is_empty() {
            break;
        }
        let batch = deliveries.items.iter().fold(project.batch(), |b, one| b.delete::<Delivery>(&one.record.key()));
        let batch = due.items.iter().fold(batch, |batch, one| batch.delete::<DueDelivery>(&one.record.key()));
        project.commit(batch).await?;
    }
    if at.checked_add(REMEMBERED).is_ok_and(|until| until < now) {
        project.commit(project.batch().delete::<Webhook>(&webhook.key())).await?;
    }
    Ok(())
}
