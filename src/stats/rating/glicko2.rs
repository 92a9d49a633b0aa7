//! Glicko-2 (Glickman 2012): a rating with its own deviation and volatility, moved by one rating period at a
//! time. For a live ticker over many periods; on a fixed set of battles Bradley-Terry uses all of them at once
//! and has honest intervals by task, which this has not (its deviation takes battles for independent).
//! The computation is the `skillratings` crate's.

use skillratings::{
    Outcomes,
    glicko2::{Glicko2Config, Glicko2Rating, glicko2_rating_period},
};

use super::table::Outcome;
use crate::stats::NotEstimable;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glicko2 {
    pub rating: f64,
    /// One standard deviation, in rating points.
    pub deviation: f64,
    pub volatility: f64,
}

impl Default for Glicko2 {
    fn default() -> Self {
        Self { rating: 1500.0, deviation: 350.0, volatility: 0.06 }
    }
}

/// `player` after one period of `games` (the opponent before the period; 1 won, 0.5 tied, 0 lost). `tau` bounds how fast the
/// volatility moves: 0.3 to 1.2.
///
/// # Errors
/// A score other than 0, 0.5, 1; tau or a deviation not positive; a value that is not finite.
pub fn glicko2(player: Glicko2, games: &[(Glicko2, f64)], tau: f64) -> Result<Glicko2, NotEstimable> {
    let bad = |what, value: f64, must| NotEstimable::OutOfRange {
        what,
        value: if value.is_finite() { value } else { -1.0 },
        must,
    };
    let positive = |value: f64| value.is_finite() && value > 0.0;
    if !positive(tau) {
        return Err(bad("tau", tau, "more than 0"));
    }
    for own in std::iter::once(&player).chain(games.iter().map(|game| &game.0)) {
        if !(own.rating.is_finite() && positive(own.deviation) && positive(own.volatility)) {
            return Err(bad("a deviation", own.deviation, "more than 0, with a finite rating"));
        }
    }
    let convert =
        |own: &Glicko2| Glicko2Rating { rating: own.rating, deviation: own.deviation, volatility: own.volatility };
    let mut results = Vec::with_capacity(games.len());
    for (opponent, score) in games {
        let outcome = match *score {
            1.0 => Outcomes::WIN,
            0.5 => Outcomes::DRAW,
            0.0 => Outcomes::LOSS,
            other => return Err(bad("a score", other, "0, 0.5 or 1")),
        };
        results.push((convert(opponent), outcome));
    }
    let config = Glicko2Config { tau, convergence_tolerance: 1e-12 };
    let next = glicko2_rating_period(&convert(&player), &results, &config);
    Ok(Glicko2 { rating: next.rating, deviation: next.deviation, volatility: next.volatility })
}

/// Everybody's rating after the battles in their order, cut into `periods` rating periods of equal length; all start
/// at `start`. No interval: the deviation takes battles for independent, and the order matters.
///
/// # Errors
/// As [`glicko2`]; no period.
pub fn glicko2_of(
    meetings: &super::Meetings,
    battles: &super::Battles,
    periods: usize,
    start: Glicko2,
    tau: f64,
) -> Result<(super::RatingTable, Vec<Glicko2>), NotEstimable> {
    if periods == 0 {
        return Err(NotEstimable::OutOfRange { what: "rating periods", value: 0.0, must: "1 or more" });
    }
    let systems = meetings.systems;
    let fought: Vec<(usize, usize, f64)> = battles
        .in_order()
        .filter(|(a, b, _)| a != b && *a.max(b) < systems)
        .filter_map(|(a, b, outcome)| match outcome {
            Outcome::A => Some((a, b, 1.0)),
            Outcome::B => Some((a, b, 0.0)),
            Outcome::Tie => Some((a, b, 0.5)),
            Outcome::BothBad => None,
        })
        .collect();
    let mut now = vec![start; systems];
    for period in fought.chunks(fought.len().div_ceil(periods).max(1)) {
        let mut games: Vec<Vec<(Glicko2, f64)>> = vec![Vec::new(); systems];
        for (a, b, score) in period {
            games[*a].push((now[*b], *score));
            games[*b].push((now[*a], 1.0 - score));
        }
        now = now.iter().zip(&games).map(|(own, games)| glicko2(*own, games, tau)).collect::<Result<_, _>>()?;
    }
    let ratings: Vec<f64> = now.iter().map(|own| own.rating).collect();
    Ok((super::elo::table(meetings, &ratings, "glicko-2", NotEstimable::OrderDependent), now))
}
