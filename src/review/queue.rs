//! The queue of questions for humans. Who may answer what, and how often, is decided here and kept with the
//! answer in one batch; a browser enforces nothing.

use crate::domain::{Author, Grading, LeaseToken, OverrideValue, Review, ReviewId, ReviewState, Timestamp};
use crate::hooks;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, ProjectStore, Query, Revision, StoreError};

use super::overrule::{Decision, check, recompute, rubric_of, to_append};

/// A reviewer's or an adjudicator's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub value: OverrideValue,
    pub reason: String,
}

/// Reviews in the given states (all when empty), what is at stake first.
///
/// # Errors
/// If the store cannot.
pub async fn list(services: &Services, project: &ProjectStore, states: &[ReviewState]) -> Result<Vec<Review>, Refusal> {
    let pending_only = !states.is_empty() && states.iter().all(|state| state.is_pending());
    let query = if pending_only { Query::link("pending", "yes") } else { Query::default() };
    let now = services.now();
    let mut reviews = project.all::<Review>(query).await?;
    reviews.retain(|review| states.is_empty() || states.contains(&review.state(now)));
    reviews.sort_by(|a, b| b.priority.total_cmp(&a.priority).then(a.id.cmp(&b.id)));
    Ok(reviews)
}

/// # Errors
/// If there is none.
pub async fn get(project: &ProjectStore, id: ReviewId) -> Result<Kept<Review>, Refusal> {
    project.get::<Review>(&id.to_string()).await?.ok_or_else(|| Refusal::not_found("review", id))
}

/// Takes a review for a while. The token is what `submit` must show.
///
/// # Errors
/// If it is held, answered by this reviewer, or settled.
pub async fn claim(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    reviewer: &Author,
) -> Result<Review, Refusal> {
    let now = services.now();
    let until = now.checked_add(services.lease).unwrap_or(Timestamp::MAX);
    let token = services.ids.next();
    update(project, id, |review| Ok(review.claim(reviewer, token, now, until)?)).await
}

/// # Errors
/// If the token does not hold it.
pub async fn release(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    token: LeaseToken,
) -> Result<Review, Refusal> {
    let now = services.now();
    update(project, id, |review| Ok(review.release(token, now)?)).await
}

/// A reviewer will not answer; the question goes to others.
///
/// # Errors
/// If it is settled, or this reviewer has answered or declined it already, or there is no reason.
pub async fn decline(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    reviewer: &Author,
    reason: &str,
    conflict_of_interest: bool,
) -> Result<Review, Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::invalid("/reason", "is empty; who declines says why"));
    }
    let now = services.now();
    update(project, id, |review| Ok(review.decline(reviewer, reason.trim().to_owned(), conflict_of_interest, now)?))
        .await
}

/// A reviewer's blind answer. When it settles the review, the decision is appended to the grading in the same
/// batch.
///
/// # Errors
/// If the token does not hold the review, or the value does not fit the criterion.
pub async fn submit(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    token: LeaseToken,
    answer: &Answer,
) -> Result<Review, Refusal> {
    let now = services.now();
    settle(services, project, id, answer, |review| {
        Ok(review.submit(token, answer.value.clone(), answer.reason.clone(), now)?)
    })
    .await
}

/// An adjudicator decides.
///
/// # Errors
/// If it is settled, the adjudicator answered it, or the value does not fit the criterion.
pub async fn resolve(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    by: &Author,
    answer: &Answer,
) -> Result<Review, Refusal> {
    if answer.reason.trim().is_empty() {
        return Err(Refusal::invalid("/reason", "is empty; an adjudication says why"));
    }
    let now = services.now();
    settle(services, project, id, answer, |review| {
        Ok(review.resolve(by, answer.value.clone(), answer.reason.clone(), now)?)
    })
    .await
}

async fn update(
    project: &ProjectStore,
    id: ReviewId,
    transition: impl Fn(Review) -> Result<Review, Refusal>,
) -> Result<Review, Refusal> {
    loop {
        let Kept { record, revision } = get(project, id).await?;
        let changed = transition(record)?;
        match project.commit(project.batch().update(&changed, revision)).await {
            Ok(()) => return Ok(changed),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn settle(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    answer: &Answer,
    transition: impl Fn(Review) -> Result<Review, Refusal>,
) -> Result<Review, Refusal> {
    if matches!(answer.value, OverrideValue::Withdrawn) {
        return Err(Refusal::invalid("/value", "a review is answered with a verdict, not with `withdrawn`"));
    }
    loop {
        let Kept { record, revision } = get(project, id).await?;
        let Some(grading) = project.get::<Grading>(&record.grading_id.to_string()).await? else {
            return Err(Refusal::not_found("grading", record.grading_id));
        };
        let rubric = rubric_of(project, &grading.record).await?;
        check(&rubric, &record.criterion_id, &answer.value)?;
        let changed = transition(record)?;
        let batch = settled(services, project, &rubric, grading, changed.clone(), revision).await?;
        match project.commit(batch).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(review = %id, state = changed.state(services.now()).as_str(), "review answered");
                return Ok(changed);
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The batch of an answer: the review, and where it is settled the override and the grading that follows.
async fn settled(
    services: &Services,
    project: &ProjectStore,
    rubric: &crate::domain::RubricVersion,
    grading: Kept<Grading>,
    changed: Review,
    revision: Revision,
) -> Result<crate::store::Batch, Refusal> {
    let batch = project.batch().update(&changed, revision);
    let Some(resolution) = &changed.resolution else { return Ok(batch) };
    let decision = Decision {
        criterion_id: changed.criterion_id.clone(),
        value: resolution.value.clone(),
        reason: resolution.reason.clone(),
        author: resolution.by.clone(),
        review_id: Some(changed.id),
        failure: None,
    };
    let appended = to_append(services, changed.grading_id, &decision);
    let batch = batch.insert(&appended);
    let Kept { record, revision } = grading;
    let before = record.status();
    let (batch, after) = recompute(project, rubric, record, revision, batch, Some(&appended), Some(&changed)).await?;
    let mut told: Vec<_> = hooks::events::review_resolved(&changed, services.now()).into_iter().collect();
    told.extend(hooks::events::decided(&appended, before, &after));
    Ok(hooks::announce(services, project, batch, &told).await?)
}
