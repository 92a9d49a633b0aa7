//! Rao & Kupper (1967): a tie is what happens below a threshold of difference, P(i) = p_i / (p_i + theta p_j),
//! theta > 1. The same use, limits and interval as [`super::davidson()`]; it is the cumulative logit of ordinal
//! regression, so a judge that reports a tie because it cannot tell is modelled directly.

use super::{
    columns::Meetings,
    table::{Battle, RatingTable, Scale},
    ties::Ties,
    with_ties::{Solver, rate_with_ties},
};
use crate::stats::NotEstimable;

#[derive(Debug, Clone, PartialEq)]
pub struct RaoKupperTable {
    pub table: RatingTable,
    /// Per group of the table: the threshold, 1 = no ties; equals tie with probability (theta - 1)/(theta + 1).
    pub theta: Vec<Result<f64, NotEstimable>>,
}

/// Rates like [`super::bradley_terry()`], with ties as a threshold.
#[must_use]
pub fn rao_kupper(players: usize, battles: &[Battle], scale: Scale, level: f64) -> RaoKupperTable {
    rao_kupper_of(&Meetings::weighted(players, battles), scale, level)
}

/// The same of battles that are grouped already.
#[must_use]
pub fn rao_kupper_of(meetings: &Meetings, scale: Scale, level: f64) -> RaoKupperTable {
    let how = (Ties::RaoKupper, Solver::Newton, "rao-kupper, clustered by task");
    let (table, theta) = rate_with_ties(how, meetings, scale, level);
    // The parameter that is fitted is ln theta.
    RaoKupperTable { table, theta }
}
