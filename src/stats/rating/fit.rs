//! The Bradley-Terry fit itself: Newton's method on pair counts, log strengths with mean zero.
//!
//! Maximises sum_{i<j} w_ij ln s(b_i - b_j) + w_ji ln s(b_j - b_i) - ridge/2 |b|², s the logistic function.
//! The Hessian is a weighted graph Laplacian; adding 11'/n makes it invertible and keeps the mean at zero.

use super::linear::{Cholesky, Matrix};

/// The prior that holds a rating finite where maximum likelihood does not: standard normal log strengths
/// (one standard deviation is 174 rating points).
pub(in crate::stats) const PRIOR: f64 = 1.0;

const ITERATIONS: usize = 100;

/// Wins between two players, ties as half a win to each side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) struct Pair {
    pub i: usize,
    pub j: usize,
    pub wins_i: f64,
    pub wins_j: f64,
}

pub(in crate::stats) fn win_chance(difference: f64) -> f64 {
    if difference >= 0.0 {
        1.0 / (1.0 + (-difference).exp())
    } else {
        let odds = difference.exp();
        odds / (1.0 + odds)
    }
}

/// ln s(d), without overflow.
fn log_chance(difference: f64) -> f64 {
    if difference >= 0.0 { -(-difference).exp().ln_1p() } else { difference - difference.exp().ln_1p() }
}

pub(in crate::stats) fn log_likelihood(strengths: &[f64], pairs: &[Pair], ridge: f64) -> f64 {
    let data: f64 = pairs
        .iter()
        .map(|pair| {
            let d = strengths[pair.i] - strengths[pair.j];
            pair.wins_i * log_chance(d) + pair.wins_j * log_chance(-d)
        })
        .sum();
    data - ridge / 2.0 * strengths.iter().map(|b| b * b).sum::<f64>()
}

/// Negative Hessian, made invertible (ridge, or 11'/n when there is none).
fn information(strengths: &[f64], pairs: &[Pair], ridge: f64) -> Matrix {
    let n = strengths.len();
    let mut matrix = Matrix::zero(n);
    for pair in pairs {
        let p = win_chance(strengths[pair.i] - strengths[pair.j]);
        let weight = (pair.wins_i + pair.wins_j) * p * (1.0 - p);
        matrix.add(pair.i, pair.i, weight);
        matrix.add(pair.j, pair.j, weight);
        matrix.add(pair.i, pair.j, -weight);
        matrix.add(pair.j, pair.i, -weight);
    }
    if ridge > 0.0 {
        (0..n).for_each(|i| matrix.add(i, i, ridge));
    } else {
        #[allow(clippy::cast_precision_loss)]
        let even = 1.0 / n as f64;
        matrix.cells.iter_mut().for_each(|cell| *cell += even);
    }
    matrix
}

/// Strengths with mean zero, or `None` if there is no convergence. The caller has checked that the
/// estimate exists (strongly connected, or ridge > 0).
pub(in crate::stats) fn strengths(
    players: usize,
    pairs: &[Pair],
    ridge: f64,
    start: Option<&[f64]>,
) -> Option<Vec<f64>> {
    let mut now = start.map_or_else(|| vec![0.0; players], <[f64]>::to_vec);
    let mut best = log_likelihood(&now, pairs, ridge);
    for _ in 0..ITERATIONS {
        let mut step: Vec<f64> = now.iter().map(|b| -ridge * b).collect();
        for pair in pairs {
            let p = win_chance(now[pair.i] - now[pair.j]);
            let pull = pair.wins_i - (pair.wins_i + pair.wins_j) * p;
            step[pair.i] += pull;
            step[pair.j] -= pull;
        }
        let factor: Cholesky = information(&now, pairs, ridge).cholesky()?;
        factor.solve(&mut step);
        let size = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
        let mut scale = 1.0;
        let (next, reached) = loop {
            let mut next: Vec<f64> = now.iter().zip(&step).map(|(b, s)| b + scale * s).collect();
            #[allow(clippy::cast_precision_loss)]
            let mean = next.iter().sum::<f64>() / players as f64;
            next.iter_mut().for_each(|b| *b -= mean);
            let reached = log_likelihood(&next, pairs, ridge);
            if reached >= best - 1e-9 * (1.0 + best.abs()) || scale < 1e-6 {
                break (next, reached);
            }
            scale /= 2.0;
        };
        now = next;
        best = reached;
        if size < 1e-11 {
            return Some(now);
        }
    }
    None
}

/// Inverse information: the model's own covariance of the strengths (pseudo-inverse without ridge).
pub(in crate::stats) fn model_covariance(strengths: &[f64], pairs: &[Pair], ridge: f64) -> Option<Matrix> {
    let mut inverse = information(strengths, pairs, ridge).cholesky()?.inverse();
    if ridge == 0.0 {
        #[allow(clippy::cast_precision_loss)]
        let even = 1.0 / strengths.len() as f64;
        inverse.cells.iter_mut().for_each(|cell| *cell -= even);
    }
    Some(inverse)
}
