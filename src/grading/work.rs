//! Takes up what is queued, and what was running when an earlier life of the process ended. The queue is the
//! store itself: nothing that was accepted depends on this process living on.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::{Comparison, ComparisonId, Grading, GradingId, ProjectId, Status, Subject};
use crate::judge::CancellationToken as Cancel;
use crate::ranking::compare;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

use super::run;

/// Works until `stop`; then what runs is stopped where it can go on later, and waited for.
pub async fn work(services: Arc<Services>, stop: Cancel) {
    let mut running: JoinSet<()> = JoinSet::new();
    while !stop.is_cancelled() {
        let found = take_up(&services, &mut running).await;
        if let Err(error) = &found {
            tracing::error!(%error, "the queue cannot be read; trying again in 5 s");
        }
        services.running.sweep();
        // A failure of the store is tried again later; otherwise new work rings, finished work makes room.
        let patience = if found.is_ok() { Duration::from_secs(30) } else { Duration::from_secs(5) };
        tokio::select! {
            () = services.bell.notified() => {}
            () = stop.cancelled() => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = tokio::time::sleep(patience) => {}
        }
    }
    services.running.cancel_all();
    while running.join_next().await.is_some() {}
}

/// Starts as much queued work as there is room for.
async fn take_up(services: &Arc<Services>, running: &mut JoinSet<()>) -> Result<(), Refusal> {
    for project_id in services.store.projects().await? {
        let project = services.store.project(&project_id);
        // What was running comes first: it is closest to its end.
        for status in [Status::Running, Status::Queued] {
            let room = services.max_running.saturating_sub(running.len());
            if room == 0 {
                return Ok(());
            }
            for subject in waiting(&project, status, services).await?.into_iter().take(room) {
                running.spawn(one(services.clone(), project_id.clone(), subject));
            }
        }
    }
    Ok(())
}

async fn waiting(project: &ProjectStore, status: Status, services: &Services) -> Result<Vec<Subject>, Refusal> {
    // One page holds more than can run at once besides what runs already.
    let query = || Query::link("status", status.as_str()).limit(services.max_running * 2 + 16);
    let gradings =
        project.list::<Grading>(query()).await?.items.into_iter().map(|kept| Subject::Grading(kept.record.id));
    let comparisons =
        project.list::<Comparison>(query()).await?.items.into_iter().map(|kept| Subject::Comparison(kept.record.id));
    Ok(gradings.chain(comparisons).filter(|subject| services.running.take(*subject)).collect())
}

async fn one(services: Arc<Services>, project_id: ProjectId, subject: Subject) {
    let project = services.store.project(&project_id);
    let outcome = match subject {
        Subject::Grading(id) => grading(&services, &project, id).await,
        Subject::Comparison(id) => compare::run(&services, &project, id).await,
    };
    services.running.end(subject);
    if let Err(error) = outcome {
        tracing::error!(project = %project_id, ?subject, %error, "stopped early; it is taken up again");
        // Not at once: what failed just now will most likely fail again.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn grading(services: &Services, project: &ProjectStore, id: GradingId) -> Result<(), Refusal> {
    run::run(services, project, id).await
}

/// Runs one grading here and now, for a command line without a service.
///
/// # Errors
/// As [`run::run`].
pub async fn run_now(services: &Services, project: &ProjectStore, id: GradingId) -> Result<(), Refusal> {
    let subject = Subject::Grading(id);
    services.running.take(subject);
    let outcome = run::run(services, project, id).await;
    services.running.end(subject);
    outcome
}

/// The same for a comparison.
///
/// # Errors
/// As [`compare::run`].
pub async fn compare_now(services: &Services, project: &ProjectStore, id: ComparisonId) -> Result<(), Refusal> {
    let subject = Subject::Comparison(id);
    services.running.take(subject);
    let outcome = compare::run(services, project, id).await;
    services.running.end(subject);
    outcome
}
