//! Online Elo: R += K (s - 1/(1 + 10^((R_j - R_i)/400))) after each battle, in the order given.
//!
//! For a live ticker only: the outcome depends on the order of the battles (the reference vectors hold the
//! same games forwards and backwards with different ratings), so there is no interval and no rank range.
//! [`order_dependence`] shows by how much: the same battles in shuffled orders.
//! Battles judged both bad are left out.

use rayon::prelude::*;

use super::{
    columns::{Battles, Meetings},
    table::{Battle, Outcome, Rating, RatingTable, blank},
};
use crate::stats::{
    NotEstimable,
    interval::{below, percentile_interval, round_rng},
};

/// Ratings after the last battle; `k` > 0 is the step, `initial` where everybody starts (1000 by custom). A battle of
/// weight w moves the ratings by w K.
///
/// # Errors
/// `k` or `initial` is not a number, or `k` is not positive.
pub fn elo_online(players: usize, battles: &[Battle], k: f64, initial: f64) -> Result<RatingTable, NotEstimable> {
    check(k, initial)?;
    let meetings = Meetings::weighted(players, battles);
    let rated = battles
        .iter()
        .filter(|battle| battle.a.max(battle.b) < players && battle.weight.is_finite())
        .map(|battle| (battle.a, battle.b, battle.outcome, battle.weight));
    Ok(table(&meetings, &run(players, rated, k, initial), "online elo", NotEstimable::OrderDependent))
}

/// The same of battles in columns, each of weight 1; `meetings` are theirs.
///
/// # Errors
/// As [`elo_online`].
pub fn elo_of(meetings: &Meetings, battles: &Battles, k: f64, initial: f64) -> Result<RatingTable, NotEstimable> {
    check(k, initial)?;
    let now = run(meetings.systems, battles.in_order().map(|(a, b, outcome)| (a, b, outcome, 1.0)), k, initial);
    Ok(table(meetings, &now, "online elo", NotEstimable::OrderDependent))
}

/// For each system the central 95 % of its ratings over `rounds` shuffled orders of the same battles: what the order
/// alone does. It says nothing about how sure the rating is.
///
/// # Errors
/// As [`elo_online`]; fewer than two rounds.
pub fn order_dependence(
    systems: usize,
    battles: &Battles,
    (k, initial): (f64, f64),
    rounds: usize,
    seed: u64,
) -> Result<Vec<(f64, f64)>, NotEstimable> {
    check(k, initial)?;
    if rounds < 2 {
        return Err(NotEstimable::OutOfRange { what: "shuffled orders", value: rounds as f64, must: "2 or more" });
    }
    let all: Vec<(usize, usize, Outcome)> = battles.in_order().collect();
    let drawn: Vec<Vec<f64>> = (0..rounds)
        .into_par_iter()
        .map(|round| {
            let mut rng = round_rng(seed, round);
            let mut order: Vec<u32> = (0..all.len() as u32).collect();
            (1..order.len()).rev().for_each(|at| order.swap(at, below(&mut rng, at + 1)));
            let shuffled = order.iter().map(|at| all[*at as usize]).map(|(a, b, outcome)| (a, b, outcome, 1.0));
            run(systems, shuffled, k, initial)
        })
        .collect();
    (0..systems)
        .map(|system| {
            let own = drawn.iter().map(|draw| draw[system]).collect();
            percentile_interval(own, rounds, 0.95, "shuffled orders").map(|interval| (interval.low, interval.high))
        })
        .collect()
}

fn check(k: f64, initial: f64) -> Result<(), NotEstimable> {
    if k.is_finite() && k > 0.0 && initial.is_finite() {
        return Ok(());
    }
    let value = if k.is_finite() { k } else { -1.0 };
    Err(NotEstimable::OutOfRange { what: "K", value, must: "more than 0, and the start finite" })
}

fn run(systems: usize, battles: impl Iterator<Item = (usize, usize, Outcome, f64)>, k: f64, initial: f64) -> Vec<f64> {
    let mut now = vec![initial; systems];
    for (a, b, outcome, weight) in battles {
        let score = match outcome {
            Outcome::A => 1.0,
            Outcome::B => 0.0,
            Outcome::Tie => 0.5,
            Outcome::BothBad => continue,
        };
        if a == b || a.max(b) >= systems {
            continue;
        }
        let expected = super::fit::win_chance((now[a] - now[b]) / super::Scale::POINTS);
        let step = k * weight * (score - expected);
        now[a] += step;
        now[b] -= step;
    }
    now
}

/// A table of ratings that have no interval, for `why`.
pub(super) fn table(meetings: &Meetings, now: &[f64], method: &'static str, why: NotEstimable) -> RatingTable {
    let mut table = blank(meetings, &meetings.totals(None), method);
    for group in table.groups.clone() {
        for player in group.iter().copied().filter(|player| meetings.fought[*player] > 0) {
            table.players[player].rating = Ok(Rating {
                value: now[player],
                interval: Err(why.clone()),
                rank_low: 1,
                rank_high: group.len(),
                regularised: false,
            });
        }
    }
    table
}
