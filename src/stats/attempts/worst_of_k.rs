//! Worst-at-k (HealthBench, Arora et al. 2025): the mean, over all k-subsets of the attempts, of the lowest
//! score in the subset. Falls with k; how fast is the unreliability of the system on this task.

use crate::stats::{Estimate, NotEstimable};

/// # Errors
/// k = 0, fewer scores than k, a score that is not finite.
pub fn worst_of_k(scores: &[f64], k: usize) -> Result<Estimate, NotEstimable> {
    if k == 0 {
        return Err(NotEstimable::OutOfRange { what: "k", value: 0.0, must: "1 or more" });
    }
    if scores.len() < k {
        return Err(NotEstimable::TooFewUnits { found: scores.len(), needed: k });
    }
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(NotEstimable::OutOfRange { what: "a score", value: -1.0, must: "a finite number" });
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    // The i-th lowest is the minimum of C(n-1-i, k-1) of the C(n, k) subsets.
    let mut share = k as f64 / n as f64;
    let mut value = 0.0;
    for (i, score) in sorted[..=n - k].iter().enumerate() {
        value += share * score;
        let above = n - 1 - i;
        if above > 0 {
            share *= (above - (k - 1)) as f64 / above as f64;
        }
    }
    Ok(Estimate { value, interval: Err(NotEstimable::NoInterval), n, missing: 0, method: "worst-at-k" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_scores_have_their_worst_of_k() {
        for (k, expected) in [(1, 0.5), (2, 0.316_666_7), (3, 0.25), (4, 0.2)] {
            let value = worst_of_k(&[0.2, 0.5, 0.9, 0.4], k).unwrap().value;
            assert!((value - expected).abs() < 1e-7, "{k}: {value}");
        }
        assert_eq!(worst_of_k(&[0.2], 2).unwrap_err(), NotEstimable::TooFewUnits { found: 1, needed: 2 });
    }

    proptest! {
        #[test]
        fn it_is_the_mean_minimum_over_all_subsets(scores in prop::collection::vec(-1.0_f64..1.0, 1..9), k in 1_usize..9) {
            prop_assume!(k <= scores.len());
            let (mut sum, mut subsets) = (0.0, 0.0);
            for mask in 0..1_u32 << scores.len() {
                if mask.count_ones() as usize == k {
                    let within = scores.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, s)| *s);
                    sum += within.fold(f64::INFINITY, f64::min);
                    subsets += 1.0;
                }
            }
            prop_assert!((worst_of_k(&scores, k).unwrap().value - sum / subsets).abs() < 1e-9);
        }
    }
}
