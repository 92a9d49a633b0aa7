//! The road of one grading: read the files, run the checks, ask the judges, keep their votes, aggregate, score,
//! send doubts to a human. Every step can be the last before a crash: what is kept is found again, what is not
//! is done again, and a call that was answered is never made twice.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{
    self, CallKey, Decision, Extract, Grading, GradingId, GradingState, Inconclusive, JudgeSpec, Override, Review,
    RubricVersion, Subject, Tally, Verdict, View, Vote, VoteOutcome,
};
use crate::hooks;
use crate::refusal::Refusal;
use crate::rubric::check;
use crate::services::purse::Purse;
use crate::services::{Progress, Services};
use crate::store::{Kept, ProjectStore, Query, StoreError};

use super::aggregate::ballots;
use super::call::{self, Earlier, subject_prefix};
use super::escalate::escalate;
use super::fan_out::{Lane, fan_out};
use super::plan::Plan;
use super::result::{Material, compute, verdicts};
use super::sequential;
use super::weigh;

/// Takes a grading as far as it goes: to its result, or to where it was stopped.
///
/// # Errors
/// If the store or the file store cannot; the grading is then taken up again later.
pub async fn run(services: &Services, project: &ProjectStore, id: GradingId) -> Result<(), Refusal> {
    let subject = Subject::Grading(id);
    let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
        return Err(Refusal::not_found("grading", id));
    };
    if !matches!(grading.state, GradingState::Queued | GradingState::Running { .. }) {
        // It ended between being found in the queue and being taken.
        return Ok(());
    }
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
    let project_purse = services.purses.of(project, services.now()).await?;
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
    finish(services, project, id, &rubric, checks, plan.views()?).await?;
    Ok(())
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
    views: Vec<View>,
) -> Result<(), Refusal> {
    let votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?;
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
        let overrides = project.all::<Override>(Query::prefix(format!("{id}/"))).await?;
        let mut reviews = project.all::<Review>(Query::link("grading", id)).await?;
        let ballots = ballots(&votes);
        let panel_says = verdicts(&grading, &rubric.rubric, &ballots, &checks, weighing.as_deref());
        let mut batch = project.batch();
        let mut told = Vec::new();
        for question in escalate(id, &rubric.rubric, &grading.panel, &panel_says, &ballots) {
            if reviews.iter().any(|review| review.criterion_id == question.criterion_id) {
                continue;
            }
            let review = Review {
                id: services.ids.next(),
                grading_id: id,
                task_id: grading.task_id.clone(),
                criterion_id: question.criterion_id,
                reason: question.reason.as_str().to_owned(),
                selection_probability: Some(question.probability),
                priority: question.priority,
                reviewers: grading.panel.review.reviewers,
                lease: None,
                answers: vec![],
                resolution: None,
                declined: vec![],
                created_at: services.now(),
            };
            batch = batch.insert(&review);
            told.push(hooks::events::review_required(&review));
            reviews.push(review);
        }
        let result = compute(Material {
            grading: &grading,
            rubric: &rubric.rubric,
            votes: &votes,
            checks: checks.clone(),
            overrides: &overrides,
            reviews: &reviews,
            views: views.clone(),
            weighing: weighing.clone(),
        });
        let (score, calls) = (result.score.value, result.calls);
        let judged = grading.judged(services.now(), result)?;
        // That it has ended comes first, then what it asks of humans.
        told.splice(..0, hooks::events::grading_ended(&judged));
        let batch = hooks::announce(services, project, batch.update(&judged, revision), &told).await?;
        match project.commit(batch).await {
            Ok(()) => {
                hooks::ring(services);
                let status = judged.status().as_str();
                tracing::info!(grading = %id, status, score, calls = calls.made, failed = calls.failed, "grading judged");
                return Ok(());
            }
            // Somebody cancelled at this moment: look again.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
