//! Should judges be told apart? Judge-aware Bradley-Terry ([`super::joint()`]; arXiv 2601.21817) helps where judges differ
//! in quality, lean to a place, or one of them is adversarial, and costs a little where they are equal. So it is
//! chosen by what it predicts: five-fold cross-validation over tasks, held-out log likelihood against the pooled
//! model's, and taken only if it is better by more than one standard error (over tasks).

use super::{
    columns::{Battles, Meetings},
    fit::PRIOR,
    joint::{Seen, Shape, alike, seen},
};
use crate::stats::NotEstimable;

const FOLDS: usize = 5;

/// Cross-validation goes through no more battles than this.
pub const MOST_CROSS_VALIDATED: usize = 3_000_000;

/// What cross-validation says of the judge-aware model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossValidated {
    /// Held-out log likelihood gained per task.
    pub gain: f64,
    /// Its standard error over tasks.
    pub se: f64,
    pub tasks: usize,
}

impl CrossValidated {
    #[must_use]
    pub fn prefers_judges(&self) -> bool {
        self.gain > self.se
    }
}

/// # Errors
/// A battle without a judge, one judge, fewer tasks than two a fold, more battles than [`MOST_CROSS_VALIDATED`], or a
/// fold that cannot be fitted.
pub fn cross_validated(meetings: &Meetings, battles: &Battles) -> Result<CrossValidated, NotEstimable> {
    let (judges, all_named) = battles.judges();
    if judges < 2 || !all_named {
        return Err(NotEstimable::TooFewRaters { found: judges.min(1), needed: 2 });
    }
    if battles.len() > MOST_CROSS_VALIDATED {
        let value = battles.len() as f64;
        return Err(NotEstimable::OutOfRange { what: "the number of battles", value, must: "3,000,000 or fewer" });
    }
    let all = seen(meetings.systems(), battles);
    let tasks: Vec<&[Seen]> = all.chunk_by(|a, b| a.task == b.task).collect();
    if tasks.len() < 2 * FOLDS {
        return Err(NotEstimable::TooFewClusters { found: tasks.len(), needed: 2 * FOLDS });
    }
    let failed = NotEstimable::NotConverged { iterations: 60 };
    // A fold may leave a system unbeaten: both models have the same prior.
    let pooled = Shape { systems: meetings.systems(), controls: 0, judges: 0, ridge: 0.0, prior: PRIOR };
    let aware = Shape { judges, ..pooled };
    let mut gains = Vec::with_capacity(tasks.len());
    for fold in 0..FOLDS {
        let learnt = tasks.iter().enumerate().filter(|(at, _)| at % FOLDS != fold).flat_map(|(_, task)| task.iter());
        let learnt = alike(learnt.copied());
        let one = pooled.fit(&learnt, battles).ok_or(failed.clone())?;
        let other = aware.fit(&learnt, battles).ok_or(failed.clone())?;
        gains.extend(
            tasks.iter().enumerate().filter(|(at, _)| at % FOLDS == fold).map(|(_, task)| {
                aware.log_likelihood(task, battles, &other) - pooled.log_likelihood(task, battles, &one)
            }),
        );
    }
    let n = gains.len() as f64;
    let gain = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|own| (own - gain).powi(2)).sum::<f64>() / (n - 1.0);
    Ok(CrossValidated { gain, se: (variance / n).sqrt(), tasks: gains.len() })
}
