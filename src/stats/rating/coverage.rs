//! Do the intervals hold what they promise? Simulated leagues with a task-by-system interaction, the seeds
//! fixed: 30 tasks, 6 systems, 3 judges a pair, as in "Ratings: cluster or be wrong" of the statistics notes.

use rand_chacha::rand_core::Rng;

use super::*;
use crate::stats::interval::{normal_quantile, round_rng};

const TRUTH: [f64; 6] = [-0.6, -0.3, 0.0, 0.1, 0.3, 0.5];
const TASKS: usize = 30;
const ROUNDS: usize = 150;

/// `judges_are_clusters`: the mistake of taking each verdict as an independent task.
fn coverage(options: BtOptions, judges_are_clusters: bool) -> f64 {
    let (mut held, mut all) = (0, 0);
    for round in 0..ROUNDS {
        let mut rng = round_rng(2_026, round);
        let mut uniform = || ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let mut battles = Vec::new();
        for task in 0..TASKS {
            let form: Vec<f64> = TRUTH.iter().map(|b| b + 0.8 * normal_quantile(uniform()).unwrap()).collect();
            for a in 0..6 {
                for b in a + 1..6 {
                    for _ in 0..3 {
                        let chance = 1.0 / (1.0 + (form[b] - form[a]).exp());
                        let outcome = if uniform() < chance { Outcome::A } else { Outcome::B };
                        let cluster = if judges_are_clusters { battles.len() } else { task };
                        battles.push(Battle { a, b, outcome, cluster, weight: 1.0 });
                    }
                }
            }
        }
        let table = bradley_terry(6, &battles, Scale { anchor: Some(0), anchor_rating: 0.0 }, options);
        for (i, truth) in TRUTH.iter().enumerate().skip(1) {
            // The interaction shrinks the log odds that are estimated by about sqrt(1 + 2 (0.8)²/2.89).
            let target = (truth - TRUTH[0]) / (1.0_f64 + 2.0 * 0.64 / 2.89).sqrt() * Scale::POINTS;
            let bounds = table.players[i].rating.as_ref().unwrap().interval.as_ref().unwrap();
            held += usize::from(bounds.low.unwrap() <= target && target <= bounds.high.unwrap());
            all += 1;
        }
    }
    held as f64 / all as f64
}

#[test]
fn clustered_intervals_cover_where_independent_ones_do_not() {
    let clustered = coverage(BtOptions::default(), false);
    let naive = coverage(BtOptions::default(), true);
    eprintln!("coverage of nominal 95 % intervals: by task {clustered:.3}, each verdict alone {naive:.3}");
    assert!((0.92..=0.985).contains(&clustered), "{clustered}");
    assert!(naive < 0.85, "{naive}");
}

#[test]
fn bootstrap_intervals_cover_nearly_as_well() {
    let interval = BtInterval::TaskBootstrap { rounds: 100, seed: 5 };
    let covered = coverage(BtOptions { interval, level: 0.95 }, false);
    eprintln!("coverage of the bootstrap over tasks: {covered:.3}");
    assert!((0.88..=0.98).contains(&covered), "{covered}");
}
