//! Questions in the order of the queue: what is at stake first, then the older. They are read as far as somebody looks:
//! how many wait makes no difference to who takes the next one.

use std::collections::{BTreeSet, VecDeque};

use crate::domain::{CriterionId, GradingId, Review, Timestamp};
use crate::store::{Place, ProjectStore, Record, StoreError, Walk, asked_about, queue_place};

/// Questions that wait, in their order.
pub const QUEUE: &str = "queue";
/// Questions that need no answer any more, in the same order.
pub const SETTLED: &str = "settled";
/// Waiting questions of one grading: its id and `:`, then their order.
pub const WAITS_ON: &str = "waits_on";

/// So many are read first, and then more and more at a time.
const FIRST_STEP: usize = 32;
const LAST_STEP: usize = 512;

/// Where a question stands among all that are settled, or all that are not.
#[must_use]
pub fn place(review: &Review) -> Place {
    Place { value: queue_place(review.priority), key: review.key() }
}

/// A walk over questions, of one index or of several in one order.
pub struct Questions<'a> {
    project: &'a ProjectStore,
    sources: Vec<Source>,
}

struct Source {
    index: &'static str,
    /// What its values start with.
    start: String,
    after: Option<Place>,
    backwards: bool,
    step: usize,
    ended: bool,
    ready: VecDeque<Review>,
}

impl<'a> Questions<'a> {
    /// Everything in these indexes ([`QUEUE`], [`SETTLED`]) past this question, whichever of them it is in now.
    #[must_use]
    pub fn of(project: &'a ProjectStore, indexes: &[&'static str], after: Option<&Review>) -> Self {
        let source = |index: &&'static str| Source::new(index, String::new(), after.map(place), false);
        Self { project, sources: indexes.iter().map(source).collect() }
    }

    /// The questions that stand before this one, the nearest first.
    #[must_use]
    pub fn before(project: &'a ProjectStore, review: &Review) -> Self {
        Self { project, sources: vec![Source::new(QUEUE, String::new(), Some(place(review)), true)] }
    }

    /// What waits about one grading, past (or, `backwards`, before) this question if one is named.
    #[must_use]
    pub fn of_grading(project: &'a ProjectStore, grading: GradingId, after: Option<&Review>, backwards: bool) -> Self {
        let start = format!("{grading}:");
        let after = after.map(place).map(|own| Place { value: start.clone() + &own.value, ..own });
        Self { project, sources: vec![Source::new(WAITS_ON, start, after, backwards)] }
    }

    /// The next one.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn next(&mut self) -> Result<Option<Review>, StoreError> {
        for source in &mut self.sources {
            source.fill(self.project).await?;
        }
        let heads = self.sources.iter_mut().filter(|source| !source.ready.is_empty());
        let first = heads.min_by_key(|source| source.ready.front().map(place));
        Ok(first.and_then(|source| source.ready.pop_front()))
    }

    /// The next one that is as wanted.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn find(&mut self, wanted: impl Fn(&Review) -> bool) -> Result<Option<Review>, StoreError> {
        while let Some(review) = self.next().await? {
            if wanted(&review) {
                return Ok(Some(review));
            }
        }
        Ok(None)
    }
}

impl Source {
    fn new(index: &'static str, start: String, after: Option<Place>, backwards: bool) -> Self {
        Self { index, start, after, backwards, step: FIRST_STEP, ended: false, ready: VecDeque::new() }
    }

    async fn fill(&mut self, project: &ProjectStore) -> Result<(), StoreError> {
        while self.ready.is_empty() && !self.ended {
            let (index, start) = (self.index, self.start.as_str());
            let walk = Walk { index, start, after: self.after.as_ref(), backwards: self.backwards };
            let places = project.places::<Review>(&walk, self.step).await?;
            self.ended = places.len() < self.step;
            self.step = (self.step * 4).min(LAST_STEP);
            self.ready = read(project, index, &places).await?.into();
            self.after = places.into_iter().next_back().or(self.after.take());
        }
        Ok(())
    }
}

/// The questions at these places of an index, without those that have moved on from there.
///
/// # Errors
/// If the store cannot.
pub async fn read(project: &ProjectStore, index: &'static str, places: &[Place]) -> Result<Vec<Review>, StoreError> {
    let keys: Vec<String> = places.iter().map(|place| place.key.clone()).collect();
    let found = project.get_many::<Review>(&keys).await?.into_iter().map(|kept| kept.record);
    Ok(found.filter(|review| review.links().iter().any(|(own, _)| *own == index)).collect())
}

/// `count` questions of these indexes after the first `skipped`; those are not read.
///
/// # Errors
/// If the store cannot.
pub async fn some(
    project: &ProjectStore,
    indexes: &[&'static str],
    skipped: usize,
    count: usize,
) -> Result<Vec<Review>, StoreError> {
    let mut places = Vec::new();
    for index in indexes {
        let walk = Walk { index, start: "", after: None, backwards: false };
        places.extend(project.places::<Review>(&walk, skipped + count).await?);
    }
    places.sort();
    let keys: Vec<String> = places.into_iter().skip(skipped).take(count).map(|place| place.key).collect();
    Ok(project.get_many::<Review>(&keys).await?.into_iter().map(|kept| kept.record).collect())
}

/// How many questions are in an index.
///
/// # Errors
/// If the store cannot.
pub async fn count(project: &ProjectStore, index: &'static str) -> Result<usize, StoreError> {
    count_from(project, index, "").await
}

/// How many questions wait for somebody who decides between reviewers.
///
/// # Errors
/// If the store cannot.
pub async fn conflicts(project: &ProjectStore) -> Result<usize, StoreError> {
    count_from(project, "aside", "conflict/").await
}

async fn count_from(project: &ProjectStore, index: &'static str, start: &str) -> Result<usize, StoreError> {
    Ok(usize::try_from(project.count_places::<Review>(index, start).await?).unwrap_or(usize::MAX))
}

/// The questions about some criteria of a grading, the older first; the others are not read.
///
/// # Errors
/// If the store cannot.
pub async fn about_criteria(
    project: &ProjectStore,
    grading: GradingId,
    criteria: impl Iterator<Item = &CriterionId>,
) -> Result<Vec<Review>, StoreError> {
    let wanted: BTreeSet<String> = criteria.map(|id| asked_about(grading, id)).collect();
    let start = format!("{grading}:");
    let walk = Walk { index: "criterion", start: &start, after: None, backwards: false };
    let places = project.places::<Review>(&walk, usize::MAX).await?;
    let mut keys: Vec<String> =
        places.into_iter().filter(|place| wanted.contains(&place.value)).map(|place| place.key).collect();
    keys.sort();
    Ok(project.get_many::<Review>(&keys).await?.into_iter().map(|kept| kept.record).collect())
}

/// The questions that somebody holds at this time, in their order.
///
/// # Errors
/// If the store cannot.
pub async fn held(project: &ProjectStore, now: Timestamp) -> Result<Vec<Review>, StoreError> {
    let walk = Walk { index: "held_by", start: "", after: None, backwards: false };
    let mut found = read(project, "held_by", &project.places::<Review>(&walk, usize::MAX).await?).await?;
    found.retain(|review| review.live_lease(now).is_some());
    found.sort_by_cached_key(place);
    Ok(found)
}
