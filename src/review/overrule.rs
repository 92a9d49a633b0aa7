//! An override: a human's decision on one criterion, appended with its author, reason and time. Score,
//! agreement and leaderboard follow from it at once.

use crate::domain::{
    Author, CriterionId, Failure, Grading, GradingId, Override, OverrideValue, Review, ReviewId, RubricVersion,
    Subject, Vote,
};
use crate::grading::aggregate::fits;
use crate::grading::call::subject_prefix;
use crate::grading::result::{Material, compute};
use crate::hooks;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, Kept, ProjectStore, Query, Record, StoreError, rubric_key};

/// A decision before it is kept.
#[derive(Debug, Clone)]
pub struct Decision {
    pub criterion_id: CriterionId,
    pub value: OverrideValue,
    pub reason: String,
    pub author: Author,
    pub review_id: Option<ReviewId>,
    /// How the deliverable failed, where the author recorded it.
    pub failure: Option<Failure>,
}

/// Appends a decision and computes the grading again.
///
/// # Errors
/// If the grading or criterion is unknown, the value does not fit the criterion, there is no reason, or the
/// panel has not spoken yet.
pub async fn overrule(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    decision: Decision,
) -> Result<(Override, Grading), Refusal> {
    overrule_and_keep(services, project, id, decision, |batch, _, _| batch).await
}

/// The same, with what `keep` adds to the batch of the decision.
///
/// # Errors
/// As [`overrule`], and a conflict if somebody kept one of the added records first.
pub async fn overrule_and_keep(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    decision: Decision,
    keep: impl Fn(Batch, &Override, &Grading) -> Batch,
) -> Result<(Override, Grading), Refusal> {
    if decision.reason.trim().is_empty() {
        return Err(Refusal::invalid("/reason", "is empty; a decision that changes a score says why"));
    }
    loop {
        let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
            return Err(Refusal::not_found("grading", id));
        };
        let rubric = rubric_of(project, &grading).await?;
        check(&rubric, &decision.criterion_id, &decision.value)?;
        if grading.result().is_none() {
            let detail = format!(
                "grading {id} is {}; a verdict can be overruled once the panel has spoken",
                grading.status().as_str()
            );
            return Err(Refusal::Conflict { code: "not_judged", detail });
        }
        let appended = to_append(services, id, &decision);
        let batch = project.batch().insert(&appended);
        let before = grading.status();
        let (batch, recomputed) = recompute(project, &rubric, grading, revision, batch, Some(&appended), None).await?;
        let told = hooks::events::decided(&appended, before, &recomputed);
        let batch = hooks::announce(services, project, keep(batch, &appended, &recomputed), &told).await?;
        match project.commit(batch).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(grading = %id, criterion = %appended.criterion_id, author = %appended.author, "verdict overruled");
                return Ok((appended, recomputed));
            }
            Err(StoreError::Conflict { kind, .. }) if kind == Grading::KIND => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The record of a decision.
pub(super) fn to_append(services: &Services, id: GradingId, decision: &Decision) -> Override {
    Override {
        id: services.ids.next(),
        grading_id: id,
        criterion_id: decision.criterion_id.clone(),
        value: decision.value.clone(),
        reason: decision.reason.clone(),
        author: decision.author.clone(),
        review_id: decision.review_id,
        failure: decision.failure.clone(),
        created_at: services.now(),
    }
}

pub(super) async fn rubric_of(project: &ProjectStore, grading: &Grading) -> Result<RubricVersion, Refusal> {
    let key = rubric_key(grading.rubric.id, grading.rubric.version);
    match project.get::<RubricVersion>(&key).await? {
        Some(kept) => Ok(kept.record),
        None => Err(Refusal::Store(StoreError::Corrupt {
            kind: "rubric".to_owned(),
            key,
            detail: format!("grading {} refers to it, and it is not kept", grading.id),
        })),
    }
}

/// # Errors
/// If the rubric has no such criterion or the criterion does not take the value.
pub(super) fn check(rubric: &RubricVersion, id: &CriterionId, value: &OverrideValue) -> Result<(), Refusal> {
    let Some(criterion) = rubric.rubric.criterion(id) else {
        return Err(Refusal::invalid("/criterion_id", format!("the rubric has no criterion `{id}`")));
    };
    fits(criterion, value).map_err(|why| Refusal::invalid("/value", why))
}

/// Adds to `batch` the grading as it is with one more override and one changed review.
pub(super) async fn recompute(
    project: &ProjectStore,
    rubric: &RubricVersion,
    grading: Grading,
    revision: crate::store::Revision,
    batch: Batch,
    appended: Option<&Override>,
    changed: Option<&Review>,
) -> Result<(Batch, Grading), Refusal> {
    let id = grading.id;
    let Some(result) = grading.result().cloned() else {
        return Ok((batch, grading));
    };
    let votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?;
    let mut overrides = project.all::<Override>(Query::prefix(format!("{id}/"))).await?;
    overrides.extend(appended.cloned());
    let mut reviews = project.all::<Review>(Query::link("grading", id)).await?;
    if let Some(changed) = changed {
        for review in &mut reviews {
            if review.id == changed.id {
                *review = changed.clone();
            }
        }
    }
    let result = compute(Material {
        grading: &grading,
        rubric: &rubric.rubric,
        votes: &votes,
        checks: result.checks,
        overrides: &overrides,
        reviews: &reviews,
        views: result.views,
        weighing: result.weighing,
    });
    let recomputed = grading.recomputed(result)?;
    Ok((batch.update(&recomputed, revision), recomputed))
}

/// All decisions on a grading, oldest first.
///
/// # Errors
/// If there is no such grading.
pub async fn list(project: &ProjectStore, id: GradingId) -> Result<Vec<Override>, Refusal> {
    if project.get::<Grading>(&id.to_string()).await?.is_none() {
        return Err(Refusal::not_found("grading", id));
    }
    Ok(project.all::<Override>(Query::prefix(format!("{id}/"))).await?)
}
