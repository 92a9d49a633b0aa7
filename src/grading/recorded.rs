//! What is recorded of a grading besides itself: everything that its result is computed from.

use crate::domain::{GradingId, Override, Review, ScoreOverride, Subject, Vote};
use crate::refusal::Refusal;
use crate::store::{ProjectStore, Query};

use super::call::subject_prefix;

#[derive(Debug, Clone, Default)]
pub struct Recorded {
    pub votes: Vec<Vote>,
    /// The oldest first.
    pub overrides: Vec<Override>,
    /// The oldest first.
    pub scores: Vec<ScoreOverride>,
    pub reviews: Vec<Review>,
}

impl Recorded {
    /// # Errors
    /// If the store cannot.
    pub async fn of(project: &ProjectStore, id: GradingId) -> Result<Self, Refusal> {
        Ok(Self {
            votes: project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?,
            overrides: project.all::<Override>(Query::prefix(format!("{id}/"))).await?,
            scores: project.all::<ScoreOverride>(Query::prefix(format!("{id}/"))).await?,
            reviews: project.all::<Review>(Query::link("grading", id)).await?,
        })
    }
}
