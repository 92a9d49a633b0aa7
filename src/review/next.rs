//! Which question a person is given next: what they hold already, then what is asked about the same deliverable (it is
//! read already), then what is at stake first.

use std::collections::{BTreeSet, VecDeque};

use super::order::{self, QUEUE, Questions, WAITS_ON};
use super::queue;
use crate::domain::{Author, GradingId, Review, ReviewId, ReviewState, Timestamp};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Record, StoreError, Walk};

/// How many that others took first are passed by before giving up.
const TRIES: usize = 20;

/// The questions that a person can answer now, in the order in which they are given, read as far as is looked.
pub struct Line<'a> {
    person: &'a Author,
    now: Timestamp,
    /// The grading whose deliverable the person has before them.
    of: Option<GradingId>,
    held: VecDeque<Review>,
    here: Option<Questions<'a>>,
    rest: Questions<'a>,
}

impl<'a> Line<'a> {
    /// # Errors
    /// If the store cannot.
    pub async fn of(
        services: &Services,
        project: &'a ProjectStore,
        person: &'a Author,
        beside: Option<&Review>,
    ) -> Result<Self, StoreError> {
        let now = services.now();
        let mut held = order::held(project, now).await?;
        held.retain(|review| is_held_by(review, person, now) && review.aside().is_none());
        let of = beside.and_then(|review| review.about.grading_id());
        Ok(Self {
            person,
            now,
            of,
            held: held.into(),
            here: of.map(|id| Questions::of_grading(project, id, None, false)),
            rest: Questions::of(project, &[QUEUE], None),
        })
    }

    /// # Errors
    /// If the store cannot.
    pub async fn next(&mut self) -> Result<Option<Review>, StoreError> {
        if let Some(review) = self.held.pop_front() {
            return Ok(Some(review));
        }
        let (person, now, of) = (self.person, self.now, self.of);
        if let Some(here) = &mut self.here {
            if let Some(review) = here.find(|one| is_free_for(one, person, now)).await? {
                return Ok(Some(review));
            }
            self.here = None;
        }
        let elsewhere = |one: &Review| of.is_none() || one.about.grading_id() != of;
        self.rest.find(|one| elsewhere(one) && is_free_for(one, person, now)).await
    }
}

fn is_held_by(review: &Review, person: &Author, now: Timestamp) -> bool {
    review.live_lease(now).is_some_and(|lease| lease.reviewer == *person)
}

/// Whether a person could take it.
fn is_free_for(review: &Review, person: &Author, now: Timestamp) -> bool {
    review.aside().is_none()
        && matches!(review.state(now), ReviewState::Open | ReviewState::Submitted)
        && !review.is_done_by(person)
}

/// The questions before and after one of them, in the order in which a person is given them.
///
/// # Errors
/// If the store cannot.
pub async fn around(
    services: &Services,
    project: &ProjectStore,
    person: &Author,
    review: &Review,
) -> Result<(Option<ReviewId>, Option<ReviewId>), Refusal> {
    let now = services.now();
    let mut line = Line::of(services, project, person, Some(review)).await?;
    let last_held = line.held.back().map(|one| one.id);
    if is_held_by(review, person, now) {
        let at = line.held.iter().position(|one| one.id == review.id).unwrap_or(0);
        let before = at.checked_sub(1).and_then(|at| line.held.get(at)).map(|one| one.id);
        line.held.drain(..=at.min(line.held.len().saturating_sub(1)));
        return Ok((before, line.next().await?.map(|one| one.id)));
    }
    if !is_free_for(review, person, now) {
        return Ok((None, line.next().await?.map(|one| one.id)));
    }
    let free = |one: &Review| is_free_for(one, person, now);
    // It stands among those of its grading, or, about none, among all.
    let (mut before, mut after) = match review.about.grading_id() {
        Some(id) => (
            Questions::of_grading(project, id, Some(review), true),
            Questions::of_grading(project, id, Some(review), false),
        ),
        None => (Questions::before(project, review), Questions::of(project, &[QUEUE], Some(review))),
    };
    let before = before.find(free).await?.map(|one| one.id).or(last_held);
    let after = match after.find(free).await? {
        Some(after) => Some(after),
        None if line.of.is_some() => {
            line.held.clear();
            line.here = None;
            line.next().await?
        }
        None => None,
    };
    Ok((before, after.map(|one| one.id)))
}

/// How much a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub all: usize,
    /// Of these about the grading that was asked for, without the question that it was asked for.
    pub here: usize,
    /// How many of them they hold.
    pub holding: usize,
}

/// Counts what a person can answer, without reading it.
///
/// # Errors
/// If the store cannot.
pub async fn left(
    services: &Services,
    project: &ProjectStore,
    person: &Author,
    beside: Option<&Review>,
) -> Result<Left, Refusal> {
    let now = services.now();
    let held = order::held(project, now).await?;
    let done: BTreeSet<String> =
        project.linked::<Review>("done_by", &person.to_string(), usize::MAX).await?.into_iter().collect();
    let with_others = |review: &&Review| !is_held_by(review, person, now) && !review.is_done_by(person);
    let taken: BTreeSet<String> = held.iter().filter(with_others).map(Record::key).collect();
    let waiting = order::count(project, QUEUE).await?;
    let aside = order::count(project, "aside").await?;
    let here = match beside.and_then(|review| Some((review, review.about.grading_id()?))) {
        None => 0,
        Some((review, id)) => {
            let walk = Walk { index: WAITS_ON, start: &format!("{id}:"), after: None, backwards: false };
            let places = project.places::<Review>(&walk, usize::MAX).await?;
            let other = |key: &String| *key != review.key() && !done.contains(key) && !taken.contains(key);
            places.iter().filter(|place| other(&place.key)).count()
        }
    };
    Ok(Left {
        all: waiting.saturating_sub(aside + done.len() + taken.len()),
        here,
        holding: held.iter().filter(|review| is_held_by(review, person, now)).count(),
    })
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
    let mut line = Line::of(services, project, person, last.as_ref()).await?;
    let mut tries = 0;
    while let Some(review) = line.next().await? {
        if Some(review.id) == after {
            continue;
        }
        if is_held_by(&review, person, services.now()) {
            return Ok(Some(review.id));
        }
        match queue::claim(services, project, review.id, person).await {
            Ok(taken) => return Ok(Some(taken.id)),
            // Somebody else was first.
            Err(Refusal::Conflict { .. }) if tries < TRIES => tries += 1,
            Err(Refusal::Conflict { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
