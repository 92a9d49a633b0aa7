//! pass@k: the chance that at least one of k attempts passes, 1 - C(n-c, k)/C(n, k) (Chen et al. 2021), and
//! pass^k: that all k pass, C(c, k)/C(n, k) (tau-bench, Yao et al. 2024). Unbiased from n >= k attempts of
//! which c passed. Attempts that failed for reasons of the harness are not attempts: leave them out of n.

use crate::stats::{Estimate, NotEstimable};

/// # Errors
/// k = 0, more passes than attempts, fewer attempts than k.
pub fn pass_at_k(attempts: usize, passed: usize, k: usize) -> Result<Estimate, NotEstimable> {
    check(attempts, passed, k)?;
    Ok(estimate(1.0 - all_of(attempts, attempts - passed, k), attempts, "pass@k"))
}

/// # Errors
/// As [`pass_at_k`].
pub fn pass_hat_k(attempts: usize, passed: usize, k: usize) -> Result<Estimate, NotEstimable> {
    check(attempts, passed, k)?;
    Ok(estimate(all_of(attempts, passed, k), attempts, "pass^k"))
}

/// C(chosen, k)/C(n, k), as a product that neither overflows nor cancels.
fn all_of(n: usize, chosen: usize, k: usize) -> f64 {
    if chosen < k { 0.0 } else { (0..k).map(|i| (chosen - i) as f64 / (n - i) as f64).product() }
}

fn check(attempts: usize, passed: usize, k: usize) -> Result<(), NotEstimable> {
    if k == 0 {
        return Err(NotEstimable::OutOfRange { what: "k", value: 0.0, must: "1 or more" });
    }
    if passed > attempts {
        return Err(NotEstimable::OutOfRange { what: "passes", value: passed as f64, must: "at most the attempts" });
    }
    if attempts < k {
        return Err(NotEstimable::TooFewUnits { found: attempts, needed: k });
    }
    Ok(())
}

fn estimate(value: f64, n: usize, method: &'static str) -> Estimate {
    Estimate { value, interval: Err(NotEstimable::NoInterval), n, missing: 0, method }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_eight_have_the_published_values() {
        let at = |k| pass_at_k(8, 5, k).unwrap().value;
        let hat = |k| pass_hat_k(8, 5, k).unwrap().value;
        for (k, expected_at, expected_hat) in
            [(1, 0.625, 0.625), (2, 0.892_857_1, 0.357_142_9), (4, 1.0, 0.071_428_6), (8, 1.0, 0.0)]
        {
            assert!((at(k) - expected_at).abs() < 1e-7 && (hat(k) - expected_hat).abs() < 1e-7, "{k}");
        }
    }

    #[test]
    fn more_than_was_tried_cannot_be_told() {
        assert_eq!(pass_at_k(3, 2, 4).unwrap_err(), NotEstimable::TooFewUnits { found: 3, needed: 4 });
        assert_eq!(pass_at_k(3, 4, 1).unwrap_err().code(), "out_of_range");
        assert_eq!(pass_hat_k(3, 2, 0).unwrap_err().code(), "out_of_range");
    }
}
