//! Which question a person is given next: what they hold already, then what is asked about the same deliverable (it is
//! read already), then what is at stake first.

use super::queue;
use crate::domain::{About, Author, Review, ReviewId, ReviewState};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::ProjectStore;

/// How many that others took first are passed by before giving up.
const TRIES: usize = 20;

/// The questions that a person can answer now, in the order in which they are given.
///
/// # Errors
/// If the store cannot.
pub async fn answerable(
    services: &Services,
    project: &ProjectStore,
    person: &Author,
    beside: Option<&Review>,
) -> Result<Vec<Review>, Refusal> {
    let now = services.now();
    let open = [ReviewState::Open, ReviewState::Submitted, ReviewState::Claimed];
    let mine = |review: &Review| review.live_lease(now).is_some_and(|lease| lease.reviewer == *person);
    let mut found = queue::list(services, project, &open).await?;
    // Drafts are decided together, on the page of their rubric.
    found.retain(|review| !matches!(review.about, About::Draft { .. }));
    found.retain(|review| (review.live_lease(now).is_none() || mine(review)) && !review.is_done_by(person));
    let of = beside.and_then(|review| review.about.grading_id());
    let same = |review: &Review| of.is_some() && review.about.grading_id() == of;
    // The sort is stable: within each of the three the queue's own order stays.
    found.sort_by_key(|review| {
        if mine(review) {
            0
        } else if same(review) {
            1
        } else {
            2
        }
    });
    Ok(found)
}

/// Takes the next question, resuming what this person holds; `None` when nothing is left for them.
///
/// # Errors
/// If the store cannot.
pub async fn take(
    services: &Services,
    project: &ProjectStore,
    person: &Author,
    after: Option<ReviewId>,
) -> Result<Option<ReviewId>, Refusal> {
    let last = match after {
        Some(id) => Some(queue::get(project, id).await?.record),
        None => None,
    };
    let questions = answerable(services, project, person, last.as_ref()).await?;
    for review in questions.iter().filter(|review| Some(review.id) != after).take(TRIES) {
        if review.live_lease(services.now()).is_some_and(|lease| lease.reviewer == *person) {
            return Ok(Some(review.id));
        }
        match queue::claim(services, project, review.id, person).await {
            Ok(taken) => return Ok(Some(taken.id)),
            // Somebody else was first.
            Err(Refusal::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
