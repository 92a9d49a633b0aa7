//! Stopping a grading, and asking again what failed.

use crate::domain::{Grading, GradingId, Subject};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, ProjectStore, StoreError};

/// # Errors
/// If there is no such grading, or it has ended.
pub async fn cancel(services: &Services, project: &ProjectStore, id: GradingId) -> Result<Grading, Refusal> {
    let now = services.now();
    let cancelled = change(project, id, |grading| Ok(grading.cancel(now)?)).await?;
    services.running.cancel(Subject::Grading(id));
    Ok(cancelled)
}

/// Queues it again; only what failed, or was never asked, is asked.
///
/// # Errors
/// If there is no such grading, or nothing in it failed.
pub async fn retry(services: &Services, project: &ProjectStore, id: GradingId) -> Result<Grading, Refusal> {
    let now = services.now();
    let queued = change(project, id, |grading| Ok(grading.retry(now)?)).await?;
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
