//! Mean score of each player over its tasks, CR1 with t(G-1): for absolute scores rather than battles.
//! Means of players that did different tasks differ by the tasks too: compare on common tasks.

use crate::stats::{Estimate, NotEstimable, interval::clustered_mean};

/// `scores[player]` holds (score, cluster). One answer per player, in order.
#[must_use]
pub fn mean_score(scores: &[Vec<(f64, usize)>], level: f64) -> Vec<Result<Estimate, NotEstimable>> {
    scores
        .iter()
        .map(|own| {
            let (values, clusters): (Vec<f64>, Vec<usize>) = own.iter().copied().unzip();
            clustered_mean(&values, &clusters, level)
        })
        .collect()
}
