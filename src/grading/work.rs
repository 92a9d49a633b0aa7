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
use crate::services::replicas::work_key;
use crate::store::{ProjectStore, StoreError};

use super::run;

/// Works until `stop`; then what runs is stopped where it can go on later, and waited for.
pub async fn work(services: Arc<Services>, stop: Cancel) {
    let mut running: JoinSet<()> = JoinSet::new();
    let _working = services.running.working();
    let mut pulse: JoinSet<()> = JoinSet::new();
    if let Some(every) = services.replicas.every() {
        if let Err(error) = services.replicas.beat(&services.store, services.clock.as_ref()).await {
            tracing::error!(%error, "this replica cannot tell the others that it lives; trying again");
        }
        share_judges(&services);
        pulse.spawn(beat(services.clone(), every));
    }
    while !stop.is_cancelled() {
        let found = take_up(&services, &mut running).await;
        if let Err(error) = &found {
            tracing::error!(%error, "the queue cannot be read; trying again in 5 s");
        }
        services.running.sweep();
        // A failure of the store is tried again later; otherwise new work rings, finished work makes room.
        // Work that another replica accepted rings no bell here.
        let patience = match (found.is_ok(), services.replicas.is_alone()) {
            (true, true) => Duration::from_secs(30),
            (true, false) => Duration::from_secs(1),
            (false, _) => Duration::from_secs(5),
        };
        tokio::select! {
            () = services.bell.notified() => {}
            () = stop.cancelled() => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = tokio::time::sleep(patience) => {}
        }
    }
    services.running.cancel_all();
    while running.join_next().await.is_some() {}
    pulse.shutdown().await;
    if let Err(error) = services.purses.leave().await {
        tracing::warn!(%error, "what is left of budgets could not be given back; it stays set aside in this month");
    }
    if let Err(error) = services.replicas.leave(&services.store).await {
        tracing::warn!(%error, "the others were not told that this replica ends; they wait for the length of a lease");
    }
}

/// Tells the other replicas that this one lives, until it is stopped. One that cannot tell them for the length of a
/// lease stops what it does: others do it by then, and judges are not to be paid twice.
async fn beat(services: Arc<Services>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = services.replicas.beat(&services.store, services.clock.as_ref()).await {
            tracing::warn!(%error, "this replica could not tell the others that it lives");
        }
        share_judges(&services);
        services.purses.set_alone(services.replicas.is_only());
        if services.replicas.is_cut_off() {
            let stopped = services.running.count();
            services.running.cancel_all();
            tracing::error!(stopped, "cut off from the store for the length of a lease: what ran here was stopped");
        }
    }
}

/// What providers allow is shared evenly among the replicas that live.
fn share_judges(services: &Services) {
    let replicas = u32::try_from(services.replicas.count()).unwrap_or(u32::MAX);
    services.judges.values().for_each(|judge| judge.share(replicas));
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
            for (subject, leased) in waiting(&project, status, room, services).await? {
                running.spawn(one(services.clone(), project_id.clone(), leased, subject));
            }
        }
    }
    Ok(())
}

/// Candidates that others may have are looked past, this many for each that there is room for.
const LOOKED_PAST: usize = 8;

/// Reserves up to `room` subjects that nobody has taken up, here or elsewhere, with the records under their leases. Only
/// keys are read, and leases where there are others: this happens whenever work comes or ends, however much is waiting.
async fn waiting(
    project: &ProjectStore,
    status: Status,
    room: usize,
    services: &Services,
) -> Result<Vec<(Subject, ProjectStore)>, Refusal> {
    let replicas = &services.replicas;
    // Among that many keys are enough that were not taken before, if there are as many.
    let here = room + services.running.count();
    let limit = if replicas.is_alone() { here } else { here.saturating_mul(LOOKED_PAST) };
    let gradings = project.linked::<Grading>("status", status.as_str(), limit).await?;
    let comparisons = project.linked::<Comparison>("status", status.as_str(), limit).await?;
    let draftings = project.linked::<Drafting>("status", status.as_str(), limit).await?;
    let gradings = gradings.iter().filter_map(|key| key.parse().ok()).map(Subject::Grading);
    let comparisons = comparisons.iter().filter_map(|key| key.parse().ok()).map(Subject::Comparison);
    let draftings = draftings.iter().filter_map(|key| key.parse().ok()).map(Subject::Drafting);
    // A draft is one call and somebody waits for it.
    let subjects: Vec<Subject> = draftings.chain(gradings).chain(comparisons).collect();
    let room = if status == Status::Queued { room.min(fair(services, subjects.len())) } else { room };
    let mut found = Vec::new();
    for subject in subjects {
        if found.len() == room {
            break;
        }
        if !services.running.take(subject) {
            continue;
        }
        match replicas.take(project, &work_key(subject), services.clock.as_ref()).await {
            Ok(Some(leased)) => found.push((subject, leased)),
            Ok(None) => services.running.untake(subject),
            Err(error) => {
                // Whoever is reserved is run: what was found before is not given back.
                services.running.untake(subject);
                if found.is_empty() {
                    return Err(error.into());
                }
                break;
            }
        }
    }
    Ok(found)
}

/// How much of what is queued this replica takes: its part of all that waits and runs here, so that whoever hears of it
/// first leaves the others theirs.
fn fair(services: &Services, queued: usize) -> usize {
    let here = services.running.count();
    (queued + here).div_ceil(services.replicas.count()).saturating_sub(here)
}

async fn one(services: Arc<Services>, project_id: ProjectId, project: ProjectStore, subject: Subject) {
    let story = async {
        match subject {
            Subject::Grading(id) => run::run(&services, &project, id).await,
            Subject::Comparison(id) => compare::run(&services, &project, id).await,
            Subject::Drafting(id) => drafting::run::run(&services, &project, id).await,
        }
    };
    // Somebody who asked another replica to stop it is heard here, too.
    let watched = async {
        if services.replicas.is_alone() {
            return std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if is_over(&project, subject).await {
                services.running.cancel(subject);
            }
        }
    };
    let story = async {
        tokio::select! {
            ended = story => ended,
            () = watched => Ok(()),
        }
    };
    // A panic in one story is that story's alone: it is told, and what is kept is taken up again.
    let ended = AssertUnwindSafe(story).catch_unwind().await;
    let trouble = match ended {
        Ok(Ok(())) => None,
        // What it had done so far is kept, and another replica goes on from there.
        Ok(Err(Refusal::Store(StoreError::Fenced { key }))) => {
            tracing::warn!(project = %project_id, lease = key, "another replica took this over; stopped here");
            None
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("a panic; this is a defect, please report it".to_owned()),
    };
    if let Some(error) = trouble {
        tracing::error!(project = %project_id, subject = work_key(subject), error, "stopped early; it is taken up again in 5 s");
        // Not at once: what failed just now will most likely fail again.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    if let Err(error) = services.replicas.give_back(&project, &work_key(subject)).await {
        tracing::warn!(project = %project_id, subject = work_key(subject), %error, "a lease could not be given back; it ends with this replica");
    }
    services.running.end(subject);
}

/// How often a story looks whether it was stopped from elsewhere.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Whether nothing more is to be done, as far as can be told.
async fn is_over(project: &ProjectStore, subject: Subject) -> bool {
    let status = match subject {
        Subject::Grading(id) => {
            project.get::<Grading>(&id.to_string()).await.ok().flatten().map(|kept| kept.record.status())
        }
        Subject::Comparison(id) => {
            project.get::<Comparison>(&id.to_string()).await.ok().flatten().map(|kept| kept.record.status())
        }
        Subject::Drafting(id) => {
            project.get::<Drafting>(&id.to_string()).await.ok().flatten().map(|kept| kept.record.status())
        }
    };
    status.is_some_and(Status::is_settled)
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
    use crate::services::replicas::Replicas;

    async fn services(lease: bool) -> Services {
        let mut config = Config::default();
        config.store.url = "memory:".to_owned();
        config.files.url = "memory:".to_owned();
        config.reading.isolation = crate::config::Isolation::Thread;
        config.grading.max_running = 2;
        config.replicas.shared = Some(lease);
        Arc::into_inner(build(&config, Choices::system().unwrap()).await.unwrap()).unwrap()
    }

    /// Equal replicas over one store and one file store.
    async fn equals(count: usize) -> Vec<Arc<Services>> {
        let first = services(true).await;
        // As a shared store is: what an aborted caller had begun to keep does not land later.
        let store = crate::store::Store::over(Arc::new(crate::store::MemoryBackend::default()));
        let blobs = first.blobs.clone();
        let mut all = Vec::new();
        for n in 0..count {
            let mut one = services(true).await;
            (one.store, one.blobs) = (store.clone(), blobs.clone());
            // So short that leases expire in the midst of the work, too: takeovers and late writes happen here that
            // would otherwise show once in a year.
            let (lease, beat) = (Duration::from_millis(40), Duration::from_millis(10));
            one.replicas = Replicas::among(one.ids.next(), format!("replica {n}"), lease, beat);
            all.push(Arc::new(one));
        }
        all
    }

    async fn queued(services: &Services, project: &ProjectStore, count: usize) -> Vec<GradingId> {
        let text = r#"{"criteria": [{"requirement": "Names the cause.", "points": 1}, {"requirement": "Is short.", "points": 1}]}"#;
        let rubric = import(text, Format::Native).unwrap();
        let mut gradings = Vec::new();
        for _ in 0..count {
            let mut intake = Intake::new(services, project);
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
        gradings
    }

    async fn settled(project: &ProjectStore, gradings: &[GradingId]) {
        for id in gradings {
            loop {
                let grading = project.get::<Grading>(&id.to_string()).await.unwrap().unwrap().record;
                if grading.status().is_settled() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn everything_queued_is_taken_up_in_the_end_however_little_room_there_is() {
        let services = Arc::new(services(false).await);
        let project = services.store.project(&ProjectId::parse("p").unwrap());
        let gradings = queued(&services, &project, 23).await;
        let stop = Cancel::new();
        let worker = tokio::spawn(work(services.clone(), stop.clone()));
        settled(&project, &gradings).await;
        stop.cancel();
        worker.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn replicas_that_die_and_come_back_late_leave_every_grading_judged_exactly_once() {
        let replicas = equals(3).await;
        let project = replicas[0].store.project(&ProjectId::parse("p").unwrap());
        let gradings = queued(&replicas[0], &project, 40).await;
        let stop = Cancel::new();
        let mut workers: Vec<_> = replicas.iter().map(|one| tokio::spawn(work(one.clone(), stop.clone()))).collect();
        // One is killed in the midst: its leases stay behind.
        tokio::time::sleep(Duration::from_millis(20)).await;
        workers.remove(0).abort();
        settled(&project, &gradings).await;
        stop.cancel();
        for worker in workers {
            worker.await.unwrap();
        }
        for id in &gradings {
            let votes =
                project.all::<crate::domain::Vote>(crate::store::Query::prefix(format!("{id}/"))).await.unwrap();
            let grading = project.get::<Grading>(&id.to_string()).await.unwrap().unwrap().record;
            assert_eq!(votes.len(), grading.panel.judges.len() * 2, "each judge on each criterion, once");
            let result = grading.result().unwrap();
            assert_eq!(result.verdicts.len(), 2);
        }
        // The living gave their leases back and left; what the killed one held was taken over first.
        assert_eq!(project.count::<crate::domain::WorkLease>().await.unwrap(), 0);
        let left = replicas[1].store.system().count::<crate::domain::Replica>().await.unwrap();
        assert!(left <= 1, "{left} replicas are said to live");
    }

    #[tokio::test]
    async fn a_grading_that_is_cancelled_at_another_replica_stops_here() {
        let replicas = equals(2).await;
        let project = replicas[0].store.project(&ProjectId::parse("p").unwrap());
        let id = queued(&replicas[0], &project, 1).await[0];
        let subject = Subject::Grading(id);
        assert!(replicas[0].running.take(subject));
        let leased = replicas[0].replicas.take(&project, &work_key(subject), replicas[0].clock.as_ref()).await.unwrap();
        let stop = replicas[0].running.begin(subject, crate::services::Progress::default());
        crate::grading::change::cancel(&replicas[1], &project, id).await.unwrap();
        let running = tokio::spawn(one(replicas[0].clone(), ProjectId::parse("p").unwrap(), leased.unwrap(), subject));
        running.await.unwrap();
        assert!(project.get::<Grading>(&id.to_string()).await.unwrap().unwrap().record.status().is_settled());
        drop(stop);
    }
}
