//! Several attempts of a system at one task.

use serde::Serialize;
use utoipa::ToSchema;

use super::agreement::FigureBody;
use crate::ranking::attempts::{Attempts, ByK, SystemAttempts};

#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptsReport {
    /// An attempt passes with at least this score.
    pub pass: f64,
    pub systems: Vec<SystemAttemptsBody>,
    /// What a reader must know, in words.
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemAttemptsBody {
    pub system: String,
    pub tasks: usize,
    /// Submissions with a score.
    pub attempts: usize,
    /// Submissions that were graded and have no score; they are no attempts.
    pub without_score: usize,
    /// Mean score of a task's attempts, over tasks.
    pub mean: FigureBody,
    /// The mean of unclipped scores, clipped to 0..1 (HealthBench); null with `overrides=without`.
    pub mean_of_raw: Option<f64>,
    pub by_k: Vec<ByKBody>,
}

/// What k attempts at a task come to, as a mean over the tasks with at least k.
#[derive(Debug, Serialize, ToSchema)]
pub struct ByKBody {
    pub k: usize,
    pub tasks: usize,
    /// The lowest score of k attempts (worst-at-k).
    pub worst_at_k: FigureBody,
    /// At least one of k attempts passes (pass@k).
    pub pass_at_k: FigureBody,
    /// All of k attempts pass (pass^k).
    pub pass_hat_k: FigureBody,
}

impl AttemptsReport {
    #[must_use]
    pub fn new(found: Attempts, pass: f64) -> Self {
        Self { pass, systems: found.systems.into_iter().map(SystemAttemptsBody::from).collect(), notes: found.notes }
    }
}

impl From<SystemAttempts> for SystemAttemptsBody {
    fn from(one: SystemAttempts) -> Self {
        Self {
            system: one.system.to_string(),
            tasks: one.tasks,
            attempts: one.attempts,
            without_score: one.without_score,
            mean: one.mean.into(),
            mean_of_raw: one.mean_of_raw,
            by_k: one.by_k.into_iter().map(ByKBody::from).collect(),
        }
    }
}

impl From<ByK> for ByKBody {
    fn from(one: ByK) -> Self {
        let ByK { k, tasks, worst, any_passes, all_pass } = one;
        Self { k, tasks, worst_at_k: worst.into(), pass_at_k: any_passes.into(), pass_hat_k: all_pass.into() }
    }
}
