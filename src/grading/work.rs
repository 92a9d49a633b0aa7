//! Takes up what is queued, and what was running when an earlier life of the process ended. The queue is the
//! store itself: nothing that was accepted depends on this process living on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use crate::domain::{Comparison, ComparisonId, Drafting, Grading, GradingId, ProjectId, Status, Subject};
use crate::drafting;
use crate::judge::CancellationToken as Cancel;
use crate::ranking::compare;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::ProjectStore;

use super::run;

/// Works until `stop`; then what runs is stopped where it can go on later, and waited for.
pub async fn work(services: Arc<Services>, stop: Cancel) {
    let mut running: JoinSet<()> = JoinSet::new();
    let _working = services.running.working();
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
            for subject in waiting(&project, status, room, services).await? {
                running.spawn(one(services.clone(), project_id.clone(), subject));
            }
        }
    }
    Ok(())
}

/// Reserves up to `room` subjects that nobody has taken up. Only keys are read: this happens whenever work comes or
/// ends, however much is waiting.
async fn waiting(
    project: &ProjectStore,
    status: Status,
    room: usize,
    services: &Services,
) -> Result<Vec<Subject>, Refusal> {
    // Among that many keys are enough that were not taken before, if there are as many.
    let limit = room + services.running.count();
    let gradings = project.linked::<Grading>("status", status.as_str(), limit).await?;
    let comparisons = project.linked::<Comparison>("status", status.as_str(), limit).await?;
    let draftings = project.linked::<Drafting>("status", status.as_str(), limit).await?;
    let gradings = gradings.iter().filter_map(|key| key.parse().ok()).map(Subject::Grading);
    let comparisons = comparisons.iter().filter_map(|key| key.parse().ok()).map(Subject::Comparison);
    let draftings = draftings.iter().filter_map(|key| key.parse().ok()).map(Subject::Drafting);
    // Whoever is reserved is run: nobody past the room is. A draft is one call and somebody waits for it.
    Ok(draftings
        .chain(gradings)
        .chain(comparisons)
        .filter(|subject| services.running.take(*subject))
        .take(room)
        .collect())
}

async fn one(services: Arc<Services>, project_id: ProjectId, subject: Subject) {
    let project = services.store.project(&project_id);
    let story = async {
        match subject {
            Subject::Grading(id) => run::run(&services, &project, id).await,
            Subject::Comparison(id) => compare::run(&services, &project, id).await,
            Subject::Drafting(id) => drafting::run::run(&services, &project, id).await,
        }
    };
    // A panic in one story is that story's alone: it is told, and what is kept is taken up again.
    let ended = AssertUnwindSafe(story).catch_unwind().await;
    let trouble = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("a panic; this is a defect, please report it".to_owned()),
    };
    if let Some(error) = trouble {
        tracing::error!(project = %project_id, ?subject, error, "stopped early; it is taken up again in 5 s");
        // Not at once: what failed just now will most likely fail again.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    services.running.end(subject);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Choices, build};
    use crate::config::Config;
    use crate::domain::SystemName;
    use crate::grading::accept::{Intake, NewSubmission, Terms};
    use crate::rubric::{Format, import};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn everything_queued_is_taken_up_in_the_end_however_little_room_there_is() {
        let mut config = Config::default();
        config.store.url = "memory:".to_owned();
        config.files.url = "memory:".to_owned();
        config.reading.isolation = crate::config::Isolation::Thread;
        config.grading.max_running = 2;
        let services = build(&config, Choices::system().unwrap()).await.unwrap();
        let project = services.store.project(&ProjectId::parse("p").unwrap());
        let rubric =
            import(r#"{"criteria": [{"requirement": "Names the cause.", "points": 1}]}"#, Format::Native).unwrap();
        let mut gradings = Vec::new();
        for _ in 0..23 {
            let mut intake = Intake::new(&services, &project);
            let submission = intake.submission(NewSubmission {
                task_id: None,
                system: SystemName::parse("s").unwrap(),
                text: Some("The cause is named.".to_owned()),
                files: vec![],
                cost_usd: None,
                duration_s: None,
                tokens: None,
                trace: None,
                metadata: None,
            });
            let submission = submission.await.unwrap();
            let (rubric, _) = intake.rubric(rubric.clone(), None).await.unwrap();
            gradings.push(intake.grading(&submission, &rubric, Terms::default()).unwrap().id);
            intake.commit().await.unwrap();
        }
        let stop = Cancel::new();
        let worker = tokio::spawn(work(services.clone(), stop.clone()));
        for id in gradings {
            loop {
                let grading = project.get::<Grading>(&id.to_string()).await.unwrap().unwrap().record;
                if grading.status().is_settled() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        stop.cancel();
        worker.await.unwrap();
    }
}
