//! Stopping a grading, and asking again what failed.

use super::accept::budget;
use crate::domain::{Grading, GradingId, Subject};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, ProjectStore, StoreError};
use crate::telemetry;

/// # Errors
/// If there is no such grading, or it has ended.
pub async fn cancel(services: &Services, project: &ProjectStore, id: GradingId) -> Result<Grading, Refusal> {
    let now = services.now();
    let cancelled = change(project, id, |grading| Ok(grading.cancel(now)?)).await?;
    services.running.cancel(Subject::Grading(id));
    Ok(cancelled)
}

/// Queues it again; only what failed, or was never asked, is asked. With a budget, within that one from now on.
///
/// # Errors
/// If there is no such grading, nothing in it failed, or the budget cannot be kept.
pub async fn retry(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    budget_usd: Option<f64>,
) -> Result<Grading, Refusal> {
    let now = services.now();
    let queued = change(project, id, |grading| {
        let budget_usd = budget(budget_usd, &grading.panel)?.or(grading.budget_usd);
        let traceparent = telemetry::here().or_else(|| grading.traceparent.clone());
        Ok(Grading { budget_usd, traceparent, ..grading.retry(now)? })
    });
    let queued = queued.await?;
    services.bell.notify_one();
    Ok(queued)
}

/// Applies a transition to the newest revision, again if somebody else was first.
async fn change(
    project: &ProjectStore,
    id: GradingId,
    transition: impl Fn(Grading) -> Result<Grading, Refusal>,
) -> Result<Grading, Refusal> {
    loop {
        let Some(Kept { record, revision }) = project.get::<Grading>(&id.to_string()).await? else {
            return Err(Refusal::not_found("grading", id));
        };
        let changed = transition(record)?;
        match project.commit(project.batch().update(&changed, revision)).await {
            Ok(()) => return Ok(changed),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
