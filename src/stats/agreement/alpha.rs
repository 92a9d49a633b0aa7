//! Krippendorff's alpha = 1 - D_o/D_e: any number of raters, missing votes, four levels of measurement
//! (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability). Only units with two votes count.
//! Ordinal distance is the squared distance of mid-cumulative frequencies, so interval and ordinal
//! need no q × q table: O(votes), also for percent scores. The interval is Gwet's t over units.
//! All votes equal: D_e = 0, alpha does not exist. The ratio level keeps a q × q table.

use super::{
    Ratings, Weights,
    chance::{t_over_units, votes},
    weights::Distance,
};
use crate::stats::{Estimate, NotEstimable};

/// What the categories' numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Nominal,
    Ordinal,
    Interval,
    /// ((c - k)/(c + k))², 0/0 = 0; for numbers with a true zero.
    Ratio,
}

/// # Errors
/// Fewer than two raters, no unit with two votes, all votes equal; ratio level with negative numbers.
pub fn krippendorff_alpha(ratings: &Ratings, level: Level) -> Result<Estimate, NotEstimable> {
    let table = super::chance::Table::new(ratings)?;
    let values = ratings.values();
    let (distance, method) = match level {
        Level::Nominal => (Distance::Nominal, "krippendorff alpha (nominal)"),
        Level::Interval => (Distance::squared(values), "krippendorff alpha (interval)"),
        Level::Ordinal => {
            let mut counts = vec![0.0; table.q];
            for row in table.rows().filter(|row| votes(row) >= 2.0) {
                row.iter().for_each(|(k, c)| counts[*k] += c);
            }
            let mut below = 0.0;
            let middles: Vec<f64> = counts
                .iter()
                .map(|count| {
                    below += count;
                    below - count / 2.0
                })
                .collect();
            (Distance::squared(&middles), "krippendorff alpha (ordinal)")
        }
        Level::Ratio => {
            if values[0] < 0.0 {
                return Err(NotEstimable::OutOfRange { what: "a category", value: values[0], must: "0 or more" });
            }
            let ratio = |k: usize, l: usize| {
                let sum = values[k] + values[l];
                if sum == 0.0 { 0.0 } else { ((values[k] - values[l]) / sum).powi(2) }
            };
            (Distance::table(table.q, ratio), "krippendorff alpha (ratio)")
        }
    };
    alpha(&table, &distance, method)
}

/// Alpha with agreement weights instead of a level; quadratic weights are the interval level.
///
/// # Errors
/// As [`krippendorff_alpha`].
pub fn krippendorff_alpha_weighted(ratings: &Ratings, weights: Weights) -> Result<Estimate, NotEstimable> {
    let table = super::chance::Table::new(ratings)?;
    alpha(&table, &Distance::of(weights, ratings), "krippendorff alpha (weighted)")
}

fn alpha(table: &super::chance::Table, distance: &Distance, method: &'static str) -> Result<Estimate, NotEstimable> {
    let rows: Vec<&[(usize, f64)]> = table.rows().filter(|row| votes(row) >= 2.0).collect();
    let units = rows.len() as f64;
    let mut share = vec![0.0; table.q];
    for (k, c) in rows.iter().copied().flatten() {
        share[*k] += c;
    }
    let total: f64 = share.iter().sum();
    if share.iter().filter(|count| **count > 0.0).count() < 2 {
        return Err(NotEstimable::AllEqual);
    }
    share.iter_mut().for_each(|p| *p /= total);
    let mean_votes = total / units;
    let to_share = distance.to_share(&share);
    let expected: f64 = to_share.iter().zip(&share).map(|(d, p)| d * p).sum();
    if expected <= 0.0 {
        return Err(NotEstimable::AllEqual);
    }
    // Per unit: disagreement weighted as alpha does, sum_pairs d / (r - 1), in units of the mean votes.
    let by_unit: Vec<f64> = rows.iter().map(|row| distance.within(row) / ((votes(row) - 1.0) * mean_votes)).collect();
    let observed = by_unit.iter().sum::<f64>() / units;
    let prime = 1.0 - observed / expected;
    let value = 1.0 - (1.0 - 1.0 / total) * observed / expected;
    let parts: Vec<f64> = rows
        .iter()
        .zip(&by_unit)
        .map(|(row, unit)| {
            let r = votes(row);
            let size = (r - mean_votes) / mean_votes;
            let agreement = r / mean_votes - unit - (1.0 - (1.0 - 1.0 / total) * observed) * size;
            let chance_gap = row.iter().map(|(k, c)| c * to_share[*k]).sum::<f64>() / mean_votes;
            let pe_unit = r / mean_votes - chance_gap - (1.0 - expected) * size;
            (agreement - (1.0 - expected)) / expected - 2.0 * (1.0 - prime) * (pe_unit - (1.0 - expected)) / expected
        })
        .collect();
    let interval = t_over_units(value, prime, &parts);
    Ok(Estimate { value, interval, n: rows.len(), missing: table.missing, method })
}
