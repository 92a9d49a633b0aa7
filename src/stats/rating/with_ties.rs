//! What the models with a tie parameter share: the fit of strengths and parameter together by Newton's method on a
//! concave log likelihood (or Newman's iteration), and the cluster sandwich over both.

use super::{
    bradley_terry::halves,
    columns::{Meetings, Said, Total, at},
    covariance::{meat, sandwich},
    newman,
    report::{Frame, Order, Spread, report},
    standing::Rated,
    table::{Note, Outcome, Rating, RatingTable, Scale, blank},
    ties::Ties,
};
use crate::stats::{NotEstimable, linear::Matrix};

const ITERATIONS: usize = 200;

/// How the maximum is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Solver {
    Newton,
    Newman,
}

/// The table, and per group the tie parameter on its own scale.
pub(super) fn rate_with_ties(
    (ties, solver, method): (Ties, Solver, &'static str),
    meetings: &Meetings,
    scale: Scale,
    level: f64,
) -> (RatingTable, Vec<Result<f64, NotEstimable>>) {
    let totals = meetings.totals(None);
    let mut table = blank(meetings, &totals, method);
    let mut parameter = Vec::with_capacity(table.groups.len());
    for index in 0..table.groups.len() {
        let members = table.groups[index].clone();
        if members.len() < 2 {
            parameter.push(Err(NotEstimable::NoBattles));
            continue;
        }
        let anchor = scale.anchor.and_then(|anchor| members.binary_search(&anchor).ok());
        if scale.anchor.is_some() && anchor.is_none() {
            table.notes.push(Note::AnchorElsewhere { group: index });
        }
        let frame = Frame { anchor, anchor_rating: scale.anchor_rating, level };
        let found = if members.len() == meetings.systems {
            rate((ties, solver), meetings, &totals, frame)
        } else {
            let own = meetings.only(&members);
            rate((ties, solver), &own, &own.totals(None), frame)
        };
        match found {
            Ok((value, ratings, rated)) => {
                parameter.push(Ok(value));
                table.rated[index] = Some(rated);
                for (player, rating) in members.iter().zip(ratings) {
                    table.players[*player].rating = rating;
                }
            }
            Err(reason) => {
                members.iter().for_each(|player| table.players[*player].rating = Err(reason.clone()));
                parameter.push(Err(reason));
            }
        }
    }
    (table, parameter)
}

/// What each outcome of a pair adds, per unit of weight.
fn outcomes(said: Said) -> [(Outcome, f64); 3] {
    [(Outcome::A, said.won), (Outcome::B, said.lost), (Outcome::Tie, said.tied)]
}

fn log_likelihood(ties: Ties, totals: &[Total], now: &[f64]) -> f64 {
    let tie = now[now.len() - 1];
    let of = |total: &Total| -> f64 {
        let d = now[total.i] - now[total.j];
        outcomes(total.said).into_iter().filter(|o| o.1 != 0.0).map(|(o, w)| w * ties.point(o, d, tie).ln).sum()
    };
    totals.iter().map(of).sum()
}

/// Gradient, and negative Hessian over (strengths, tie parameter) with 11'/n on the strengths.
fn slope(ties: Ties, size: usize, totals: &[Total], now: &[f64]) -> (Vec<f64>, Matrix) {
    let mut matrix = Matrix::zero(size + 1);
    let mut gradient = vec![0.0; size + 1];
    for Total { i, j, said } in totals {
        let (mut pull, mut curve) = ([0.0; 2], [0.0; 3]);
        for (outcome, weight) in outcomes(*said).into_iter().filter(|own| own.1 != 0.0) {
            let point = ties.point(outcome, now[*i] - now[*j], now[size]);
            pull.iter_mut().zip(point.pull).for_each(|(sum, own)| *sum += weight * own);
            curve.iter_mut().zip(point.curve).for_each(|(sum, own)| *sum += weight * own);
        }
        gradient[*i] += pull[0];
        gradient[*j] -= pull[0];
        gradient[size] += pull[1];
        let [own, mixed, tie] = curve;
        for (row, column, value) in [
            (*i, *i, own),
            (*j, *j, own),
            (*i, *j, -own),
            (*j, *i, -own),
            (*i, size, mixed),
            (size, *i, mixed),
            (*j, size, -mixed),
            (size, *j, -mixed),
            (size, size, tie),
        ] {
            matrix.add(row, column, value);
        }
    }
    let even = 1.0 / size as f64;
    (0..size).for_each(|i| (0..size).for_each(|j| matrix.add(i, j, even)));
    (gradient, matrix)
}

/// Strengths (mean zero) followed by the tie parameter.
fn fit(ties: Ties, size: usize, totals: &[Total]) -> Option<Vec<f64>> {
    let mut now = vec![0.0; size + 1];
    now[size] = ties.start();
    let mut best = log_likelihood(ties, totals, &now);
    for _ in 0..ITERATIONS {
        let (mut step, information) = slope(ties, size, totals, &now);
        information.cholesky()?.solve(&mut step);
        let length = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
        let mut scale = 1.0;
        loop {
            let next: Vec<f64> = now.iter().zip(&step).map(|(b, s)| b + scale * s).collect();
            let reached = log_likelihood(ties, totals, &next);
            if reached >= best - 1e-9 * (1.0 + best.abs()) || scale < 1e-6 {
                (now, best) = (next, reached);
                break;
            }
            scale /= 2.0;
        }
        if length < 1e-10 {
            return Some(now);
        }
    }
    None
}

type Found = (f64, Vec<Result<Rating, NotEstimable>>, Rated);

fn rate(
    (ties, solver): (Ties, Solver),
    meetings: &Meetings,
    totals: &[Total],
    frame: Frame,
) -> Result<Found, NotEstimable> {
    let size = meetings.systems;
    let tied: f64 = totals.iter().map(|total| total.said.tied).sum();
    let all: f64 = totals.iter().map(|total| total.said.weight()).sum();
    if tied <= 0.0 || tied >= all * (1.0 - 1e-12) {
        return Err(NotEstimable::NoTieRate);
    }
    let order = Order::new(size, &halves(totals), frame.anchor);
    if order.blocks > 1 {
        return Err(NotEstimable::Separated);
    }
    let failed = NotEstimable::NotConverged { iterations: ITERATIONS };
    let now = match solver {
        Solver::Newton => fit(ties, size, totals),
        Solver::Newman => newman::iterate(size, totals),
    }
    .ok_or(failed.clone())?;
    let clusters = meetings.tasks();
    let spread = if clusters < 2 {
        Err(NotEstimable::TooFewClusters { found: clusters, needed: 2 })
    } else {
        NotEstimable::check_level(frame.level)
            .and_then(|()| slope(ties, size, totals, &now).1.cholesky().ok_or(failed))
            .map(|factor| spread(ties, meetings, &now, &factor.inverse()))
    };
    let (ratings, rated) = report(&now[..size], order, spread, frame);
    Ok((now[size].exp(), ratings, rated))
}

fn spread(ties: Ties, meetings: &Meetings, now: &[f64], model: &Matrix) -> Spread {
    let (size, clusters) = (meetings.systems, meetings.tasks());
    let pulls = |i: usize, j: usize| {
        let of = |outcome| ties.point(outcome, now[i] - now[j], now[size]).pull;
        [of(Outcome::A), of(Outcome::B), of(Outcome::Tie)]
    };
    let mut known = Vec::new();
    if meetings.is_tabular() && meetings.rows.len() > size * size {
        (0..size).for_each(|j| known.extend((0..j).map(|i| pulls(i, j))));
    }
    let middle = meat(meetings, 1, |row| {
        let ((i, j), said) = (row.systems(), meetings.said(row));
        let [won, lost, tied] = known.get(at(i, j)).copied().unwrap_or_else(|| pulls(i, j));
        [0, 1].map(|k| said.won * won[k] + said.lost * lost[k] + said.tied * tied[k])
    });
    let whole = sandwich(model, &middle, clusters);
    let even = 1.0 / size as f64;
    let (mut covariance, mut own) = (Matrix::zero(size), Matrix::zero(size));
    for i in 0..size {
        for j in 0..size {
            covariance.add(i, j, whole.at(i, j));
            own.add(i, j, model.at(i, j) - even);
        }
    }
    Spread { covariance, model: own, share: meetings.thinned, df: clusters as f64 - 1.0, draws: None }
}
