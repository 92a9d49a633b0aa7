//! How many errors there are, when two people looked for them independently: capture and recapture.
//!
//! The first found `first`, the second `second`, `both` of them the same. Chapman's (1951) estimate of the total is
//! `(first + 1)(second + 1)/(both + 1) - 1`, nearly unbiased where Lincoln's and Petersen's is not. The interval is
//! Sadinle's (2009) transformed logit, which keeps its level where counts are small and never goes below what was found.
//!
//! It assumes that the two looked independently and that every error is as easy to find as any other. Errors that are
//! easy to both make the total too small: read it as a lower bound.

use super::interval::normal_quantile;
use super::{Estimate, Interval, NotEstimable};

/// # Errors
/// If neither found anything, more are shared than one of them found, or the level is none.
pub fn chapman(first: u64, second: u64, both: u64, level: f64) -> Result<Estimate, NotEstimable> {
    if first == 0 && second == 0 {
        return Err(NotEstimable::NoData);
    }
    if both > first.min(second) {
        let must = "at most what each of the two found";
        return Err(NotEstimable::OutOfRange { what: "a number of shared finds", value: both as f64, must });
    }
    let (n, k, m) = (first as f64, second as f64, both as f64);
    let value = (n + 1.0) * (k + 1.0) / (m + 1.0) - 1.0;
    let (one, other, shared) = (n - m + 0.5, k - m + 0.5, m + 0.5);
    let spread = (1.0 / shared + 1.0 / one + 1.0 / other + shared / (one * other)).sqrt();
    let reach = (normal_quantile(0.5 + level / 2.0)? * spread).exp();
    let seen = n + k - m - 0.5;
    let odd = one * other / shared;
    let interval = Interval::new(seen + odd / reach, seen + odd * reach, level, "transformed logit (Sadinle)");
    let n = usize::try_from(first + second - both).unwrap_or(usize::MAX);
    Ok(Estimate { value, interval: Ok(interval), n, missing: 0, method: "capture and recapture (Chapman)" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_marked_turtles_of_which_five_come_back_among_fifteen() {
        // The textbook's pond: 28 by Chapman, between 22 and 65.
        let found = chapman(10, 15, 5, 0.95).unwrap();
        assert!((found.value - (11.0 * 16.0 / 6.0 - 1.0)).abs() < 1e-12 && (found.value - 28.33).abs() < 0.01);
        let interval = found.interval.unwrap();
        assert_eq!((interval.low.round(), interval.high.round()), (22.0, 65.0));
        assert_eq!(found.n, 20);
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        assert_eq!(chapman(0, 0, 0, 0.95), Err(NotEstimable::NoData));
        assert!(matches!(chapman(2, 5, 3, 0.95), Err(NotEstimable::OutOfRange { .. })));
        assert!(chapman(2, 5, 2, 1.0).is_err());
    }

    proptest! {
        #[test]
        fn the_total_is_never_below_what_was_found(first in 0u64..200, second in 0u64..200, share in 0.0f64..=1.0) {
            prop_assume!(first + second > 0);
            let both = (first.min(second) as f64 * share) as u64;
            let found = chapman(first, second, both, 0.95).unwrap();
            let seen = (first + second - both) as f64;
            let interval = found.interval.unwrap();
            prop_assert!(found.value >= seen - 1e-9, "{} < {seen}", found.value);
            prop_assert!(interval.low >= seen - 0.5 && interval.low <= interval.high);
        }
    }

    #[test]
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::{Rng, SeedableRng};
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut held = 0;
        let rounds = 4_000;
        for _ in 0..rounds {
            let (mut first, mut second, mut both) = (0, 0, 0);
            for _ in 0..40 {
                let mut finds = |p: f64| (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 <= p;
                let (a, b) = (finds(0.6), finds(0.5));
                first += u64::from(a);
                second += u64::from(b);
                both += u64::from(a && b);
            }
            held += u32::from(chapman(first, second, both, 0.95).unwrap().interval.unwrap().contains(40.0));
        }
        let share = f64::from(held) / f64::from(rounds);
        assert!((0.94..=0.985).contains(&share), "{share}");
    }
}
