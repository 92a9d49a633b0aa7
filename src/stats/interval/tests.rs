//! Promises of the intervals: what few data may and may not say.

use proptest::prelude::*;

use super::*;
use crate::stats::NotEstimable;

#[test]
fn no_trial_leaves_everything_open() {
    for interval in [wilson(0.0, 0.0, 0.95), clopper_pearson(0, 0, 0.95)] {
        let interval = interval.unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }
}

#[test]
fn impossible_counts_and_levels_are_refused() {
    assert_eq!(wilson(3.0, 2.0, 0.95).unwrap_err().code(), "out_of_range");
    assert_eq!(clopper_pearson(1, 2, 1.5).unwrap_err().code(), "out_of_range");
    assert_eq!(student_t_quantile(0.975, 0.0).unwrap_err().code(), "out_of_range");
    assert_eq!(normal_quantile(f64::NAN).unwrap_err().code(), "out_of_range");
}

#[test]
fn the_t_quantile_stays_accurate_at_any_number_of_degrees_of_freedom() {
    // 30-digit reference: t(.975) at 1e5, and the normal limit.
    assert!((student_t_quantile(0.975, 1e5).unwrap() - 1.959_987_707_534_609_3).abs() < 1e-12);
    assert!((student_t_quantile(0.975, 1e9).unwrap() - 1.959_963_984_540_054).abs() < 1e-8);
    // No step where the formula changes.
    let (below, above) = (student_t_quantile(0.975, 9_999.9).unwrap(), student_t_quantile(0.975, 10_000.1).unwrap());
    assert!((below - above).abs() < 1e-7 && below > above, "{below} {above}");
}

#[test]
fn one_cluster_gives_a_mean_and_no_interval() {
    let got = clustered_mean(&[1.0, 2.0], &[7, 7], 0.95).unwrap();
    assert_eq!((got.value, got.interval), (1.5, Err(NotEstimable::TooFewClusters { found: 1, needed: 2 })));
    assert_eq!(clustered_mean(&[], &[], 0.95).unwrap_err(), NotEstimable::NoData);
    assert_eq!(clustered_mean(&[1.0, f64::NAN], &[0, 1], 0.95).unwrap_err().code(), "out_of_range");
}

#[test]
fn values_without_spread_have_no_interval_rather_than_plus_minus_zero() {
    assert_eq!(clustered_mean(&[0.3; 6], &[0, 0, 1, 1, 2, 2], 0.95).unwrap().interval, Err(NotEstimable::NoSpread));
}

#[test]
fn asking_the_same_task_again_makes_nothing_surer() {
    let (values, clusters) = ([0.1, 0.9, 0.4, 0.6, 0.2], [0, 1, 2, 3, 4]);
    let twice: Vec<f64> = values.iter().flat_map(|v| [*v; 2]).collect();
    let tasks: Vec<usize> = clusters.iter().flat_map(|c| [*c; 2]).collect();
    let width = |v: &[f64], c: &[usize]| clustered_mean(v, c, 0.95).unwrap().interval.unwrap().half_width();
    assert!((width(&values, &clusters) - width(&twice, &tasks)).abs() < 1e-12);
}

#[test]
fn the_bootstrap_is_seeded_and_the_same_on_any_number_of_threads() {
    let values = [0.1, 0.9, 0.4, 0.6, 0.2, 0.8];
    let mean = |picked: &[usize]| Some(picked.iter().map(|i| values[*i]).sum::<f64>() / picked.len() as f64);
    let on = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bootstrap_percentile(6, 200, seed, 0.9, mean)).unwrap()
    };
    assert_eq!(on(1, 5), on(4, 5));
    assert_ne!(on(1, 5), on(1, 6));
}

#[test]
fn a_statistic_that_mostly_does_not_exist_gets_no_bootstrap_interval() {
    let never = |_: &[usize]| None;
    let got = bootstrap_percentile(5, 100, 1, 0.95, never);
    assert_eq!(got, Err(NotEstimable::ResamplesFellApart { kept: 0, rounds: 100 }));
    assert_eq!(
        bootstrap_clustered(&[3; 9], 100, 1, 0.95, never),
        Err(NotEstimable::TooFewClusters { found: 1, needed: 2 })
    );
}

proptest! {
    #[test]
    fn clopper_pearson_and_wilson_hold_the_share(n in 1_u64..400, k in 0_u64..400) {
        let k = k.min(n);
        let share = k as f64 / n as f64;
        for interval in [wilson(k as f64, n as f64, 0.95).unwrap(), clopper_pearson(k, n, 0.95).unwrap()] {
            prop_assert!(0.0 <= interval.low && interval.low <= share && share <= interval.high && interval.high <= 1.0);
        }
    }
}
