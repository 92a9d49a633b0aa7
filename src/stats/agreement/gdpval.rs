//! GDPval's agreement of two graders over comparisons: A = 1 - mean |H1 - H2| with outcomes in {0, .5, 1}
//! (Patwardhan et al. 2025). Not corrected for chance. Comparisons of one task are not independent: CR1 by
//! task, clipped to 0..=1.

use crate::stats::{Estimate, NotEstimable, interval::clustered_mean};

/// `one[i]`, `other[i]`: what two graders said of comparison i, in 0..=1; `tasks[i]` its task.
///
/// # Errors
/// Lengths differ, no comparison, an outcome outside 0..=1.
pub fn gdpval_agreement(one: &[f64], other: &[f64], tasks: &[usize], level: f64) -> Result<Estimate, NotEstimable> {
    if one.len() != other.len() {
        return Err(NotEstimable::LengthsDiffer { what: "graders", left: one.len(), right: other.len() });
    }
    if let Some(bad) = one.iter().chain(other).find(|outcome| !(0.0..=1.0).contains(*outcome)) {
        let value = if bad.is_finite() { *bad } else { -1.0 };
        return Err(NotEstimable::OutOfRange { what: "an outcome", value, must: "between 0 and 1" });
    }
    let agreement: Vec<f64> = one.iter().zip(other).map(|(a, b)| 1.0 - (a - b).abs()).collect();
    let mut estimate = clustered_mean(&agreement, tasks, level)?;
    estimate.method = "gdpval agreement";
    if let Ok(interval) = &mut estimate.interval {
        (interval.low, interval.high) = (interval.low.max(0.0), interval.high.min(1.0));
    }
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_five_eighths() {
        let got = gdpval_agreement(&[1.0, 0.5, 0.0, 1.0], &[1.0, 1.0, 0.0, 0.0], &[0, 1, 2, 3], 0.95).unwrap();
        assert!((got.value - 0.625).abs() < 1e-12);
        let interval = got.interval.unwrap();
        assert!(interval.low >= 0.0 && interval.high <= 1.0);
    }

    #[test]
    fn full_agreement_is_one_without_plus_minus_zero() {
        let got = gdpval_agreement(&[1.0, 0.0], &[1.0, 0.0], &[0, 1], 0.95).unwrap();
        assert_eq!((got.value, got.interval), (1.0, Err(NotEstimable::NoSpread)));
        assert_eq!(gdpval_agreement(&[2.0], &[1.0], &[0], 0.95).unwrap_err().code(), "out_of_range");
    }
}
