//! Davidson (1970): ties as an outcome of their own, P(tie) = nu sqrt(p_i p_j) / D,
//! D = p_i + p_j + nu sqrt(p_i p_j). Use it when the share of ties itself is of interest or differs much
//! between pairs; the order is mostly that of Bradley-Terry with half wins. [`super::newman`] finds
//! the same maximum by iteration; here it is Newton's method on a concave log likelihood.
//!
//! Interval: cluster sandwich by task, t(G-1), over strengths and ln nu together. Exists iff the win graph
//! (ties both ways) is strongly connected and there are ties and decisions; otherwise every rating of the
//! group says why not: Bradley-Terry has a regularised form, this has not.

use super::{
    columns::Meetings,
    table::{Battle, RatingTable, Scale},
    ties::Ties,
    with_ties::{Solver, rate_with_ties},
};
use crate::stats::NotEstimable;

#[derive(Debug, Clone, PartialEq)]
pub struct DavidsonTable {
    pub table: RatingTable,
    /// Per group of the table: the tie parameter, 0 = no ties, 2 = equals tie half of the time: P = nu/(2+nu).
    pub nu: Vec<Result<f64, NotEstimable>>,
}

/// Rates like [`super::bradley_terry()`], with ties modelled.
#[must_use]
pub fn davidson(players: usize, battles: &[Battle], scale: Scale, level: f64) -> DavidsonTable {
    davidson_of(&Meetings::weighted(players, battles), scale, level)
}

/// The same of battles that are grouped already.
#[must_use]
pub fn davidson_of(meetings: &Meetings, scale: Scale, level: f64) -> DavidsonTable {
    let how = (Ties::Davidson, Solver::Newton, "davidson, clustered by task");
    let (table, nu) = rate_with_ties(how, meetings, scale, level);
    DavidsonTable { table, nu }
}
