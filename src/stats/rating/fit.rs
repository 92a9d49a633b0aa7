//! The Bradley-Terry fit itself: Newton's method on pair counts, log strengths with mean zero.
//!
//! Maximises sum_{i<j} w_ij ln s(b_i - b_j) + w_ji ln s(b_j - b_i) - ridge/2 |b|², s the logistic function.
//! The Hessian is a weighted graph Laplacian; adding 11'/n makes it invertible and keeps the mean at zero.

use crate::stats::linear::{Cholesky, Matrix};

/// The prior that holds a rating finite where maximum likelihood does not: standard normal log strengths
/// (one standard deviation is 174 rating points).
pub(in crate::stats) const PRIOR: f64 = 1.0;

const ITERATIONS: usize = 100;

/// Up to this many players the step is solved by Cholesky, beyond by conjugate gradients.
const DENSE: usize = 400;

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

/// Negative Hessian, made invertible (ridge, or 11'/n when there is none); `weights` are w p (1 - p) per pair.
fn information(players: usize, pairs: &[Pair], weights: &[f64], ridge: f64) -> Matrix {
    let mut matrix = Matrix::zero(players);
    for (pair, weight) in pairs.iter().zip(weights) {
        matrix.add(pair.i, pair.i, *weight);
        matrix.add(pair.j, pair.j, *weight);
        matrix.add(pair.i, pair.j, -weight);
        matrix.add(pair.j, pair.i, -weight);
    }
    if ridge > 0.0 {
        (0..players).for_each(|i| matrix.add(i, i, ridge));
    } else {
        let even = 1.0 / players as f64;
        matrix.cells.iter_mut().for_each(|cell| *cell += even);
    }
    matrix
}

/// Gradient, and w p (1 - p) per pair.
fn slope(now: &[f64], pairs: &[Pair], ridge: f64) -> (Vec<f64>, Vec<f64>) {
    let mut gradient: Vec<f64> = now.iter().map(|b| -ridge * b).collect();
    let weights = pairs
        .iter()
        .map(|pair| {
            let (p, games) = (win_chance(now[pair.i] - now[pair.j]), pair.wins_i + pair.wins_j);
            let pull = pair.wins_i - games * p;
            gradient[pair.i] += pull;
            gradient[pair.j] -= pull;
            games * p * (1.0 - p)
        })
        .collect();
    (gradient, weights)
}

/// Conjugate gradients on the Laplacian, scaled by its diagonal: for more players than [`DENSE`].
fn solve_sparse(pairs: &[Pair], weights: &[f64], ridge: f64, right: &mut Vec<f64>) -> Option<()> {
    let n = right.len();
    let mut diagonal = vec![ridge; n];
    for (pair, weight) in pairs.iter().zip(weights) {
        diagonal[pair.i] += weight;
        diagonal[pair.j] += weight;
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let centre = |x: &mut [f64]| {
        let mean = x.iter().sum::<f64>() / n as f64;
        x.iter_mut().for_each(|x| *x -= mean);
    };
    let scaled = |r: &[f64]| -> Vec<f64> { r.iter().zip(&diagonal).map(|(r, d)| r / d).collect() };
    let mut solution = vec![0.0; n];
    let mut rest = right.clone();
    let mut goal = scaled(&rest);
    let mut way = goal.clone();
    let (mut size, first) = (dot(&rest, &goal), dot(&rest, &goal));
    for _ in 0..10 * n {
        if size <= 1e-16 * first || size == 0.0 {
            centre(&mut solution);
            *right = solution;
            return Some(());
        }
        let mut moved: Vec<f64> = way.iter().map(|w| ridge * w).collect();
        for (pair, weight) in pairs.iter().zip(weights) {
            let flow = weight * (way[pair.i] - way[pair.j]);
            moved[pair.i] += flow;
            moved[pair.j] -= flow;
        }
        let length = size / dot(&way, &moved);
        if !length.is_finite() {
            return None;
        }
        solution.iter_mut().zip(&way).for_each(|(s, w)| *s += length * w);
        rest.iter_mut().zip(&moved).for_each(|(r, m)| *r -= length * m);
        centre(&mut rest);
        goal = scaled(&rest);
        let next = dot(&rest, &goal);
        way.iter_mut().zip(&goal).for_each(|(w, g)| *w = g + next / size * *w);
        size = next;
    }
    None
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
    for _ in 0..ITERATIONS {
        let (mut step, weights) = slope(&now, pairs, ridge);
        if players <= DENSE {
            information(players, pairs, &weights, ridge).cholesky()?.solve(&mut step);
        } else {
            solve_sparse(pairs, &weights, ridge, &mut step)?;
        }
        let size = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
        let moved = |scale: f64| {
            let mut next: Vec<f64> = now.iter().zip(&step).map(|(b, s)| b + scale * s).collect();
            let mean = next.iter().sum::<f64>() / players as f64;
            next.iter_mut().for_each(|b| *b -= mean);
            next
        };
        let mut next = moved(1.0);
        // Short steps cannot overshoot (the third derivative is bounded by the second); long ones are checked.
        if size > 0.5 {
            let best = log_likelihood(&now, pairs, ridge);
            let mut scale = 1.0;
            while log_likelihood(&next, pairs, ridge) < best && scale > 1e-6 {
                scale /= 2.0;
                next = moved(scale);
            }
        }
        now = next;
        // Convergence is quadratic: what is left after this step is of the order of its square.
        if size < 1e-7 {
            return Some(now);
        }
    }
    None
}

/// Fits of data that differ little from data that were fitted: steps with the curvature of those, which is factored
/// once; by Newton's method where that does not settle.
pub(in crate::stats) struct Near<'a> {
    start: &'a [f64],
    ridge: f64,
    curvature: Option<Cholesky>,
}

impl<'a> Near<'a> {
    /// `None` if the curvature at `start` is not positive.
    pub(in crate::stats) fn new(start: &'a [f64], pairs: &[Pair], ridge: f64) -> Option<Self> {
        let players = start.len();
        let curvature = if players <= DENSE {
            Some(information(players, pairs, &slope(start, pairs, ridge).1, ridge).cholesky()?)
        } else {
            None
        };
        Some(Self { start, ridge, curvature })
    }

    pub(in crate::stats) fn strengths(&self, pairs: &[Pair], ridge: f64) -> Option<Vec<f64>> {
        let newton = || strengths(self.start.len(), pairs, ridge, Some(self.start));
        let Some(curvature) = self.curvature.as_ref().filter(|_| ridge == self.ridge) else { return newton() };
        let mut now = self.start.to_vec();
        let mut before = f64::INFINITY;
        for _ in 0..30 {
            let (mut step, _) = slope(&now, pairs, ridge);
            curvature.solve(&mut step);
            let size = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
            if size > 0.7 * before {
                return newton();
            }
            now.iter_mut().zip(&step).for_each(|(b, s)| *b += s);
            // What is left is less than 7/3 of this step.
            if size < 1e-7 {
                return Some(now);
            }
            before = size;
        }
        newton()
    }
}

/// Inverse information: the model's own covariance of the strengths (pseudo-inverse without ridge).
pub(in crate::stats) fn model_covariance(strengths: &[f64], pairs: &[Pair], ridge: f64) -> Option<Matrix> {
    let weights = slope(strengths, pairs, ridge).1;
    let mut inverse = information(strengths.len(), pairs, &weights, ridge).cholesky()?.inverse();
    if ridge == 0.0 {
        let even = 1.0 / strengths.len() as f64;
        inverse.cells.iter_mut().for_each(|cell| *cell -= even);
    }
    Some(inverse)
}
