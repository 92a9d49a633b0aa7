//! What is recorded of judged gradings, one grading after the other: its rubric, votes, reviews and human decisions.
//! Shared by the figures that set judges beside humans.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{
    Criterion, CriterionId, Grading, Level, Override, OverrideValue, Review, Rubric, RubricVersion, Subject, Vote,
};
use crate::grading::call::subject_prefix;
use crate::refusal::Refusal;
use crate::store::{ProjectStore, Query, rubric_key};

pub(super) struct Past {
    pub(super) grading: Grading,
    pub(super) rubric: Arc<Rubric>,
    pub(super) votes: Vec<Vote>,
    pub(super) reviews: Vec<Review>,
    pub(super) overrides: Vec<Override>,
}

/// All judged gradings that `wanted` takes, the oldest first.
pub(super) async fn judged(
    project: &ProjectStore,
    query: Query,
    wanted: impl Fn(&Grading) -> bool,
) -> Result<Vec<Past>, Refusal> {
    let mut rubrics: BTreeMap<String, Arc<Rubric>> = BTreeMap::new();
    let mut found = Vec::new();
    for grading in project.all::<Grading>(query).await? {
        if grading.result().is_none() || !wanted(&grading) {
            continue;
        }
        let key = rubric_key(grading.rubric.id, grading.rubric.version);
        if !rubrics.contains_key(&key)
            && let Some(kept) = project.get::<RubricVersion>(&key).await?
        {
            rubrics.insert(key.clone(), Arc::new(kept.record.rubric));
        }
        let Some(rubric) = rubrics.get(&key).cloned() else { continue };
        let id = grading.id;
        found.push(Past {
            votes: project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?,
            reviews: project.all::<Review>(Query::link("grading", id)).await?,
            overrides: project.all::<Override>(Query::prefix(format!("{id}/"))).await?,
            grading,
            rubric,
        });
    }
    Ok(found)
}

impl Past {
    pub(super) fn review_of(&self, criterion: &CriterionId) -> Option<&Review> {
        self.reviews.iter().filter(|review| review.criterion_id == *criterion).max_by_key(|review| review.id)
    }

    /// What goes together: the task, or the submission where there is none.
    pub(super) fn cluster(&self) -> String {
        let none = || format!("submission {}", self.grading.submission_id);
        self.grading.task_id.as_ref().map_or_else(none, |task| format!("task {task}"))
    }
}

/// The human's word of a settled review that somebody answered blind; `None` if it cannot be said.
pub(super) fn blind(review: &Review) -> Option<&OverrideValue> {
    let settled = review.resolution.as_ref().filter(|_| !review.answers.is_empty())?;
    matches!(settled.value, OverrideValue::Met | OverrideValue::Unmet | OverrideValue::Level(_))
        .then_some(&settled.value)
}

/// Points that a human's word gives.
pub(super) fn points(criterion: &Criterion, value: &OverrideValue) -> Option<f64> {
    match value {
        OverrideValue::Met => Some(criterion.points),
        OverrideValue::Unmet => Some(0.0),
        OverrideValue::Level(name) => criterion.levels.iter().find(|level| level.name == *name).map(|l| l.points),
        OverrideValue::Inconclusive | OverrideValue::Withdrawn => None,
    }
}

/// Where points stand between the least and the most that a criterion gives: 0 to 1, met is 1.
pub(super) fn share(criterion: &Criterion, points: f64) -> f64 {
    let of = |level: &Level| level.points;
    let most = criterion.levels.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let least = criterion.levels.iter().map(of).fold(f64::INFINITY, f64::min);
    if criterion.levels.is_empty() {
        f64::from(u8::from(points != 0.0))
    } else if most > least {
        (points - least) / (most - least)
    } else {
        0.0
    }
}

/// Numbers for names, in the order of their coming.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<String, usize>);

impl Numbers {
    pub(super) fn of(&mut self, name: impl Into<String>) -> usize {
        let next = self.0.len();
        *self.0.entry(name.into()).or_insert(next)
    }
}
