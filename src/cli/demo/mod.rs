//! `empanel demo`: the whole of it on bundled work, without a key, a network or a configuration. What is graded once is
//! kept; a second run grades nothing twice.

pub mod bundle;
pub mod panel;
mod record;
mod report;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::place::Place;
use super::{Failure, log};
use crate::app::{Choices, build};
use crate::domain::{
    Comparison, Grading, GradingId, PanelName, ProjectId, RubricVersion, Status, Subject, Submission, Task,
};
use crate::grading::accept::{Intake, NewSubmission, Terms};
use crate::grading::work::work;
use crate::judge::CancellationToken;
use crate::ranking::by_criterion::Criteria;
use crate::ranking::compare;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Address and port to serve the pages on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// Keep what an earlier run graded (this is what happens anyway; `--fresh` is the opposite)
    #[arg(long, conflicts_with = "fresh")]
    keep: bool,
    /// Grade everything again; what was graded before stays beside it
    #[arg(long)]
    fresh: bool,
    /// Print the results and end, without serving the pages
    #[arg(long)]
    no_serve: bool,
}

pub(super) async fn demo(args: Args) -> Result<(), Failure> {
    log("warn");
    let mut config = args.place.config()?;
    if let Some(bind) = args.bind {
        config.server.bind = bind;
    }
    let judges = panel::judges(bundle::recorded()).map_err(Failure::mistake)?;
    let scripted = panel::panel(&judges).map_err(Failure::mistake)?;
    let panel = scripted.name.clone();
    let choices = Choices { judges, panels: vec![scripted], ..Choices::system().map_err(Failure::mistake)? };
    let services = build(&config, choices).await.map_err(Failure::mistake)?;
    let project = services.store.project(&ProjectId::parse("default").map_err(Failure::mistake)?);

    let accepted = accept(&services, &project, &panel, args.fresh).await.map_err(Failure::Mistake)?;
    run(&services, &project, &accepted).await.map_err(Failure::mistake)?;
    report::report(&project, &accepted, &panel).await.map_err(Failure::mistake)?;
    if args.no_serve {
        return services.store.clone().close().await.map_err(Failure::mistake);
    }
    super::serve::run(services, &config, |address| {
        println!("\nThe pages: http://{address}/   the API: http://{address}/docs   (Ctrl+C ends)");
        println!("listening on http://{address}");
    })
    .await
}

/// What the demo is about, new or from an earlier run.
pub(super) struct Accepted {
    pub tasks: Vec<Task>,
    pub gradings: Vec<GradingId>,
    pub comparisons: Vec<crate::domain::ComparisonId>,
    /// Gradings and comparisons that were there already.
    pub known: usize,
}

/// Imports the bundle and queues what has not been graded yet.
async fn accept(
    services: &Services,
    project: &ProjectStore,
    panel: &PanelName,
    fresh: bool,
) -> Result<Accepted, String> {
    let mut accepted = Accepted { tasks: vec![], gradings: vec![], comparisons: vec![], known: 0 };
    for bundled in bundle::tasks()? {
        let place = |error: Refusal| format!("bundled task {}: {error}", bundled.slug);
        let mut intake = Intake::new(services, project);
        let (rubric, _) = intake.rubric(bundled.rubric.clone(), None).await.map_err(place)?;
        intake.commit().await.map_err(place)?;
        let mut new_task = bundled.task.clone();
        new_task.rubric_id = Some(rubric.id);
        let mut intake = Intake::new(services, project);
        let (task, _) = intake.task(new_task).await.map_err(place)?;
        intake.commit().await.map_err(place)?;
        let mut submissions = Vec::new();
        for new in &bundled.submissions {
            let (submission, grading, known) =
                graded(services, project, new, &task, &rubric, panel, fresh).await.map_err(place)?;
            accepted.known += usize::from(known);
            accepted.gradings.push(grading);
            submissions.push(submission);
        }
        let known: Vec<Comparison> =
            project.all::<Comparison>(Query::link("task", &task.id)).await.map_err(|e| place(e.into()))?;
        for (i, a) in submissions.iter().enumerate() {
            for b in &submissions[i + 1..] {
                let same = |one: &&Comparison| one.a == a.id && one.b == b.id && one.panel.name == *panel;
                if let Some(one) = known.iter().find(same).filter(|_| !fresh) {
                    accepted.known += 1;
                    accepted.comparisons.push(one.id);
                    continue;
                }
                let pair = compare::accept(services, project, &task.id, (a.id, b.id), Some(panel), Criteria::No)
                    .await
                    .map_err(place)?;
                let mut intake = Intake::new(services, project);
                intake.insert(&pair);
                intake.commit().await.map_err(place)?;
                accepted.comparisons.push(pair.id);
            }
        }
        accepted.tasks.push(task);
    }
    Ok(accepted)
}

/// The submission and its grading: those of an earlier run where they are the same.
async fn graded(
    services: &Services,
    project: &ProjectStore,
    new: &NewSubmission,
    task: &Task,
    rubric: &RubricVersion,
    panel: &PanelName,
    fresh: bool,
) -> Result<(Submission, GradingId, bool), Refusal> {
    let earlier = project.all::<Submission>(Query::link("task", &task.id)).await?;
    let submission = match earlier.into_iter().find(|one| one.system == new.system) {
        Some(known) => known,
        None => {
            let mut intake = Intake::new(services, project);
            let submission = intake.submission(new.clone()).await?;
            intake.commit().await?;
            submission
        }
    };
    let fingerprint = services.panels.get(panel).map(crate::domain::Panel::fingerprint);
    let known = project.all::<Grading>(Query::link("submission", submission.id)).await?.into_iter().find(|grading| {
        grading.rubric.fingerprint == rubric.fingerprint
            && Some(grading.panel.fingerprint()) == fingerprint
            && grading.status() != Status::Cancelled
    });
    if let Some(known) = known.filter(|_| !fresh) {
        return Ok((submission, known.id, true));
    }
    let mut intake = Intake::new(services, project);
    let terms = Terms { panel: Some(panel.clone()), ..Terms::default() };
    let grading = intake.grading(&submission, rubric, terms)?;
    intake.commit().await?;
    Ok((submission, grading.id, false))
}

/// Works off what is queued, with a progress bar.
async fn run(services: &Arc<Services>, project: &ProjectStore, accepted: &Accepted) -> Result<(), Refusal> {
    let gradings = project.all::<Grading>(Query::default()).await?;
    let comparisons = project.all::<Comparison>(Query::default()).await?;
    let open: Vec<(Subject, u32)> = gradings
        .iter()
        .filter(|one| accepted.gradings.contains(&one.id) && !one.status().is_settled())
        .map(|one| (Subject::Grading(one.id), one.calls_planned))
        .chain(
            comparisons
                .iter()
                .filter(|one| accepted.comparisons.contains(&one.id) && !one.status().is_settled())
                .map(|one| (Subject::Comparison(one.id), one.calls_planned)),
        )
        .collect();
    let subjects = accepted.gradings.len() + accepted.comparisons.len();
    if open.is_empty() {
        eprintln!("{subjects} gradings and comparisons were made by an earlier run; nothing is asked twice");
        return Ok(());
    }
    eprintln!("{subjects} gradings and comparisons, {} of them new", open.len());
    let bar = ProgressBar::new(open.iter().map(|(_, calls)| u64::from(*calls)).sum());
    let style = ProgressStyle::with_template("{spinner} asking the panel {wide_bar} {pos}/{len} calls · {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let stop = CancellationToken::new();
    // Watched before they start: an end is not missed.
    let watched: Vec<_> = open.iter().map(|(subject, calls)| (*calls, services.running.watch(*subject))).collect();
    let worker = tokio::spawn(work(services.clone(), stop.clone()));
    for (calls, mut events) in watched {
        let mut counted = 0u32;
        loop {
            match tokio::time::timeout(Duration::from_secs(2), events.recv()).await {
                Ok(Ok(crate::services::Event::Progress(progress))) => {
                    bar.inc(u64::from(progress.done.saturating_sub(counted)));
                    counted = counted.max(progress.done);
                }
                Ok(Ok(crate::services::Event::Vote(_)) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_))) => {}
                Ok(Ok(crate::services::Event::Ended) | Err(tokio::sync::broadcast::error::RecvError::Closed)) => break,
                // Nothing for a while: the bar shows that time passes.
                Err(_) => bar.tick(),
            }
        }
        bar.inc(u64::from(calls.saturating_sub(counted)));
    }
    bar.finish_and_clear();
    stop.cancel();
    if let Err(error) = worker.await {
        tracing::error!(%error, "the worker ended early");
    }
    Ok(())
}
