//! The queue of questions for humans. Who may answer what, and how often, is decided here and kept with the
//! answer in one batch; a browser enforces nothing.

use serde_json::json;

use super::order::{QUEUE, Questions, SETTLED};
use crate::audit::{self, Act};
use crate::domain::{Action, Author, LeaseToken, Review, ReviewId, ReviewState, Timestamp};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, ProjectStore, StoreError};

/// Up to `limit` reviews in the given states (all when empty) past this one, what is at stake first, and whether there are
/// more.
///
/// # Errors
/// If the store cannot.
pub async fn page(
    services: &Services,
    project: &ProjectStore,
    states: &[ReviewState],
    after: Option<&Review>,
    limit: usize,
) -> Result<(Vec<Review>, bool), Refusal> {
    let now = services.now();
    let any = |pending: bool| states.is_empty() || states.iter().any(|state| state.is_pending() == pending);
    let indexes = [(QUEUE, any(true)), (SETTLED, any(false))];
    let indexes: Vec<&'static str> =
        indexes.into_iter().filter(|(_, wanted)| *wanted).map(|(index, _)| index).collect();
    let mut all = Questions::of(project, &indexes, after);
    let mut found = Vec::new();
    while let Some(review) = all.find(|one| states.is_empty() || states.contains(&one.state(now))).await? {
        if found.len() == limit {
            return Ok((found, true));
        }
        found.push(review);
    }
    Ok((found, false))
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
    update(services, project, id, |review| Ok((review.claim(reviewer, token, now, until)?, None))).await
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
    update(services, project, id, |review| Ok((review.release(token, now)?, None))).await
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
    let reason = given(reason, "who declines says why")?;
    let now = services.now();
    let act = Act::new(reviewer, Action::ReviewDeclined, subject(id))
        .with(json!({ "reason": reason, "conflict_of_interest": conflict_of_interest }));
    update(services, project, id, |review| {
        Ok((review.decline(reviewer, reason.clone(), conflict_of_interest, now)?, Some(act.clone())))
    })
    .await
}

/// Closes a question without an answer.
///
/// # Errors
/// If it is settled, or there is no reason.
pub async fn withdraw(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    by: &Author,
    reason: &str,
) -> Result<Review, Refusal> {
    let reason = given(reason, "who withdraws a question says why")?;
    let now = services.now();
    super::answer::change(services, project, id, |review| Ok(review.withdraw(by, reason.clone(), now)?)).await
}

/// A reason that is one.
pub(super) fn given(reason: &str, why: &str) -> Result<String, Refusal> {
    match reason.trim() {
        "" => Err(Refusal::invalid("/reason", format!("is empty; {why}"))),
        reason => Ok(reason.to_owned()),
    }
}

/// How the log names a review.
pub(super) fn subject(id: ReviewId) -> String {
    format!("review/{id}")
}

/// Applies a change that settles nothing, again if somebody else was first.
async fn update(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    transition: impl Fn(Review) -> Result<(Review, Option<Act>), Refusal>,
) -> Result<Review, Refusal> {
    loop {
        let Kept { record, revision } = get(project, id).await?;
        let (changed, act) = transition(record)?;
        let batch = project.batch().update(&changed, revision);
        let batch = audit::append(project, batch, services.now(), act).await?;
        match project.commit(batch).await {
            Ok(()) => return Ok(changed),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
