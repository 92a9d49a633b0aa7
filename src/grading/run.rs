//! The road of one grading: read the files, run the checks, ask the judges, keep their votes, aggregate, score,
//! send doubts to a human. Every step can be the last before a crash: what is kept is found again, what is not
//! is done again, and a call that was answered is never made twice.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::Instrument;

use crate::audit;
use crate::domain::{
    self, About, CallKey, CriterionId, Decision, Extract, Grading, GradingId, GradingState, Inconclusive, JudgeSpec,
    Odds, Review, RubricVersion, Subject, Tally, Verdict, Vote, VoteOutcome,
};
use crate::hooks;
use crate::refusal::Refusal;
use crate::rubric::check;
use crate::services::purse::Purse;
use crate::services::{Progress, Services};
use crate::store::{Kept, ProjectStore, Query, Revision, StoreError};
use crate::telemetry;

use super::aggregate::ballots;
use super::call::{self, Earlier, subject_prefix};
use super::escalate::{Escalation, Findings, discovery, escalate};
use super::fan_out::{Lane, fan_out};
use super::pictures::Album;
use super::plan::Plan;
use super::recorded::Recorded;
use super::remember::{self, recall};
use super::result::{Material, compute, verdicts};
use super::sequential;
use super::weigh;

/// Takes a grading as far as it goes: to its result, or to where it was stopped.
///
/// # Errors
/// If the store or the file store cannot; the grading is then taken up again later.
pub async fn run(services: &Services, project: &ProjectStore, id: GradingId) -> Result<(), Refusal> {
    let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
        return Err(Refusal::not_found("grading", id));
    };
    if !matches!(grading.state, GradingState::Queued | GradingState::Running { .. }) {
        // It ended between being found in the queue and being taken.
        return Ok(());
    }
    let calls = grading.calls_planned;
    let span = tracing::info_span!(
        target: telemetry::TARGET, "grading", empanel.grading.id = %id, empanel.grading.calls_planned = calls
    );
    telemetry::continues(&span, grading.traceparent.as_deref());
    run_from(services, project, grading, revision).instrument(span).await
}

async fn run_from(
    services: &Services,
    project: &ProjectStore,
    grading: Grading,
    revision: Revision,
) -> Result<(), Refusal> {
    let id = grading.id;
    let subject = Subject::Grading(id);
    let fresh = matches!(grading.state, GradingState::Queued) && grading.retried_at.is_none();
    let votes = project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
    let cancel = services.running.begin(subject, progress(&grading, &votes));
    let grading = grading.start(services.now())?;
    project.commit(project.batch().update(&grading, revision)).await?;
    tracing::info!(grading = %id, system = %grading.system, calls = grading.calls_planned, "grading runs");

    let plan = Plan::of(services, project, &grading).await?;
    let rubric = plan.material.rubric.clone();
    let checks = {
        // Checks look at every segment and cell: work for another thread.
        let (rubric, extract) = (rubric.clone(), plan.material.deliverable.clone());
        blocking(move || run_checks(&rubric, &extract)).await?
    };
    let earlier = if fresh { Earlier::None } else { Earlier::Since(grading.retried_at) };
    // Failed votes cost, too, and stay in the books when they are asked again.
    let purse = Purse::new("grading", grading.budget_usd, votes.iter().filter_map(|vote| vote.cost_usd).sum());
    let project_purse = services.purses.of(project, services.now(), &services.replicas).await?;
    let settled = settled(&grading, votes);
    let mut asked = 0;
    for stage in sequential::stages(&grading.panel) {
        let settled = match asked {
            0 => settled.clone(),
            _ => {
                let votes = project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
                let closed = sequential::decided(&rubric.rubric, &grading.panel, &ballots(&votes), asked);
                settled.iter().cloned().chain(plan.keys(stage, &closed)).collect()
            }
        };
        keep_nothing_to_show(services, project, &plan, stage, &settled).await?;
        let lane = |spec| Lane::new(services, &grading.panel, spec, plan.alike(), plan.errands(&settled, spec));
        let lanes = stage.iter().map(lane).collect();
        if !fan_out(services, project, subject, lanes, earlier, &[&purse, &project_purse], &cancel).await? {
            return Ok(());
        }
        asked += stage.len();
    }
    let span = tracing::info_span!(target: telemetry::TARGET, "aggregate");
    async {
        let album = Album::keep(services, plan.views()?).await?;
        finish(services, project, id, &rubric, checks, album).await
    }
    .instrument(span)
    .await
}

fn progress(grading: &Grading, votes: &[Vote]) -> Progress {
    let kept: Vec<&Vote> = votes.iter().filter(|vote| !asked_again(grading, vote)).collect();
    let failed = kept.iter().filter(|vote| matches!(vote.outcome, VoteOutcome::Failed { .. })).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Progress { planned: grading.calls_planned, done: count(kept.len()), failed: count(failed) }
}

/// A vote that had failed when somebody asked for a retry.
fn asked_again(grading: &Grading, vote: &Vote) -> bool {
    let failed = matches!(vote.outcome, VoteOutcome::Failed { .. });
    failed && grading.retried_at.is_some_and(|retried| vote.created_at <= retried)
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Refusal::Store(StoreError::Unavailable { detail: format!("a worker thread ended early: {e}") }))
}

/// Deterministic criteria: exact, free, never sent to a judge.
fn run_checks(rubric: &RubricVersion, extract: &Extract) -> Vec<Verdict> {
    rubric
        .rubric
        .criteria()
        .iter()
        .filter_map(|criterion| {
            let found = check::run(criterion.check.as_ref()?, extract);
            let (decision, note) = match found.decision {
                check::CheckDecision::Holds => (Decision::Met, None),
                check::CheckDecision::Fails => (Decision::Unmet, None),
                check::CheckDecision::Partly { share } => {
                    let points = share * criterion.points;
                    (Decision::Level { name: format!("{:.1} %", share * 100.0), points }, None)
                }
                check::CheckDecision::NothingToCheck { why } => {
                    (Decision::Inconclusive(Inconclusive::NothingToCheck), Some(why))
                }
            };
            Some(Verdict {
                criterion_id: criterion.id.clone(),
                decision,
                source: domain::Source::Check,
                tally: Tally::default(),
                evidence: found.place.iter().map(check::Looked::evidence).collect(),
                note: note.or(found.place.map(|looked| looked.detail)),
            })
        })
        .collect()
}

/// Calls that are not owed any more.
fn settled(grading: &Grading, votes: Vec<Vote>) -> HashSet<CallKey> {
    votes.into_iter().filter(|vote| !asked_again(grading, vote)).map(|vote| vote.key).collect()
}

/// Questions about what no judge can be shown are answered without asking.
async fn keep_nothing_to_show(
    services: &Services,
    project: &ProjectStore,
    plan: &Plan<'_>,
    judges: &[JudgeSpec],
    settled: &HashSet<CallKey>,
) -> Result<(), Refusal> {
    let mut votes = Vec::new();
    for spec in judges {
        for unshown in plan.unshown(settled, spec) {
            let (call, reason) = unshown?;
            votes.push(call::nothing_to_show(services, &call, reason.to_owned()));
        }
    }
    if votes.is_empty() {
        return Ok(());
    }
    project.commit(votes.iter().fold(project.batch(), |batch, vote| batch.put(vote))).await?;
    votes.into_iter().for_each(|vote| services.running.settled(vote.key.subject, &Arc::new(vote)));
    Ok(())
}

/// The panel has spoken: the result and the questions for humans are kept together.
async fn finish(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    rubric: &RubricVersion,
    checks: Vec<Verdict>,
    mut album: Album,
) -> Result<(), Refusal> {
    let weighing = match project.get::<Grading>(&id.to_string()).await? {
        Some(kept) => weigh::learn(project, &kept.record, services.now()).await?,
        None => None,
    };
    loop {
        let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
            return Err(Refusal::not_found("grading", id));
        };
        if !matches!(grading.state, GradingState::Running { .. }) {
            // Cancelled meanwhile: the votes are kept, the decision to stop stands.
            return Ok(());
        }
        let mut recorded = Recorded::of(project, id).await?;
        let ballots = ballots(&recorded.votes);
        let panel_says = verdicts(&grading, &rubric.rubric, &ballots, &checks, weighing.as_deref());
        let known = (panel_says.as_slice(), recorded.overrides.as_slice());
        let recalled = recall(services, project, &grading, &rubric.rubric, known).await?;
        let is_recalled = |criterion: &CriterionId| recalled.iter().any(|one| one.criterion_id == *criterion);
        let is_asked = |criterion: &CriterionId| recorded.reviews.iter().any(|review| review.is_about(criterion));
        let views = album.views();
        let findings = Findings::of(&views);
        let mut questions = escalate(id, &rubric.rubric, &grading.panel, &panel_says, &ballots, findings);
        questions.retain(|question| !is_recalled(&question.criterion_id) && !is_asked(&question.criterion_id));
        let opened = open(services, project, &grading, questions, &recorded.reviews).await?;
        let batch = opened.iter().fold(project.batch(), |batch, review| batch.insert(review));
        let batch = recalled.iter().fold(batch, |batch, one| batch.insert(one));
        let acts = recalled.iter().map(remember::act).collect::<Vec<_>>();
        let batch = audit::append(project, batch, services.now(), acts).await?;
        drop(ballots);
        let asked = opened.iter().map(hooks::events::review_required).collect::<Vec<_>>();
        recorded.reviews.extend(opened);
        recorded.overrides.extend(recalled);
        let result = compute(Material {
            grading: &grading,
            rubric: &rubric.rubric,
            recorded: &recorded,
            checks: checks.clone(),
            views,
            weighing: weighing.clone(),
        });
        let (score, calls) = (result.score.value, result.calls);
        let judged = grading.judged(services.now(), result)?;
        // That it has ended comes first, then what it asks of humans.
        let told: Vec<_> = hooks::events::grading_ended(&judged).into_iter().chain(asked).collect();
        let batch = hooks::announce(services, project, batch.update(&judged, revision), &told).await?;
        match album.under(project).commit(batch).await {
            Ok(()) => {
                hooks::ring(services);
                let status = judged.status().as_str();
                tracing::info!(grading = %id, status, score, calls = calls.made, failed = calls.failed, "grading judged");
                return Ok(());
            }
            // Somebody cancelled at this moment, or something was decided elsewhere: look again.
            Err(StoreError::Conflict { .. }) => {}
            Err(StoreError::Swept) => album.put(services).await?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The questions for humans, with their place in the queue.
async fn open(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    questions: Vec<Escalation>,
    asked: &[Review],
) -> Result<Vec<Review>, Refusal> {
    let odds = project.get::<Odds>(Odds::KEY).await?.map(|kept| kept.record).unwrap_or_default();
    let new = |about: About, reason: &str| Review {
        task_id: grading.task_id.clone(),
        reviewers: grading.panel.review.reviewers,
        ..Review::new(services.ids.next(), about, reason, services.now())
    };
    let mut opened: Vec<Review> = questions
        .into_iter()
        .map(|question| {
            let Escalation { criterion_id, reason, probability, stake } = question;
            Review {
                selection_probability: Some(probability),
                priority: stake * odds.flip(reason.as_str()),
                stake: Some(stake),
                ..new(About::Criterion { grading_id: grading.id, criterion_id }, reason.as_str())
            }
        })
        .collect();
    let searched = asked.iter().any(|review| matches!(review.about, About::Discovery { .. }));
    if !searched && let Some(share) = discovery(grading.id, &grading.panel) {
        opened.push(Review {
            selection_probability: Some(share),
            reviewers: grading.panel.review.discovery_reviewers,
            ..new(About::Discovery { grading_id: grading.id }, "audit")
        });
    }
    Ok(opened)
}
