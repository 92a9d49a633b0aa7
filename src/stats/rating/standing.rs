//! A rated group with all that can be asked of it: differences with their own intervals, who is surely above whom,
//! and how many more comparisons would tell two systems apart.
//!
//! A difference is judged by its own variance (from the covariance of both), never by the overlap of two intervals.
//! "Surely above" holds for all pairs of the group at once: Holm's step-down over the pairwise t statistics (as
//! Mogstad, Romano, Shaikh & Wilhelm 2024 build rank ranges). Single intervals are not widened; the verdicts are.

use super::{
    report::{Order, Spread},
    table::{Bounds, Scale},
};
use crate::stats::{
    NotEstimable,
    interval::{percentile_interval, student_t_quantile},
};

/// What may be said of one system against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Better,
    Worse,
    /// Surely no further apart than the band of equality.
    Tied,
    /// No chain of comparisons joins them.
    NotComparable,
    /// The data do not tell.
    NoSignal,
}

/// One system's rating less another's.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub value: f64,
    pub interval: Result<Bounds, NotEstimable>,
    pub standing: Standing,
    /// Direct comparisons that would tell them apart if the difference is what it seems; `None` where they are told
    /// apart, or where nothing can be said of it.
    pub more_comparisons: Option<f64>,
}

/// A group that was rated on one scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Rated {
    pub(super) strengths: Vec<f64>,
    pub(super) order: Order,
    pub(super) spread: Result<Spread, NotEstimable>,
    pub(super) level: f64,
    /// `above[i * n + j]`: i is surely above j, all pairs considered.
    above: Vec<bool>,
}

impl Rated {
    pub(super) fn new(strengths: Vec<f64>, order: Order, spread: Result<Spread, NotEstimable>, level: f64) -> Self {
        let above = match &spread {
            Ok(spread) => holm(&strengths, &order, spread, level),
            Err(_) => vec![false; strengths.len() * strengths.len()],
        };
        Self { strengths, order, spread, level, above }
    }

    /// Best and worst rank that the data leave open, for each system.
    pub(super) fn ranks(&self) -> Vec<(usize, usize)> {
        let n = self.strengths.len();
        let mut ranks = vec![(1, n); n];
        for (i, line) in self.above.chunks(n.max(1)).enumerate() {
            for (j, above) in line.iter().enumerate().filter(|(_, above)| **above) {
                let _ = above;
                ranks[i].1 -= 1;
                ranks[j].0 += 1;
            }
        }
        ranks
    }

    /// `band`: rating points within which two systems count as equal.
    pub(super) fn difference(&self, i: usize, j: usize, band: f64) -> Difference {
        let n = self.strengths.len();
        let value = Scale::POINTS * (self.strengths[i] - self.strengths[j]);
        let interval = self.spread.as_ref().map_err(Clone::clone).and_then(|spread| self.bounds(i, j, spread));
        let standing = if self.above[i * n + j] {
            Standing::Better
        } else if self.above[j * n + i] {
            Standing::Worse
        } else {
            match &interval {
                Ok(Bounds { low: Some(low), high: Some(high), .. }) if *low >= -band && *high <= band => Standing::Tied,
                _ => Standing::NoSignal,
            }
        };
        let open = matches!(standing, Standing::NoSignal);
        let more_comparisons = self.spread.as_ref().ok().filter(|_| open).and_then(|spread| self.more(i, j, spread));
        Difference { value, interval, standing, more_comparisons }
    }

    fn bounds(&self, i: usize, j: usize, spread: &Spread) -> Result<Bounds, NotEstimable> {
        let (value, level) = (self.strengths[i] - self.strengths[j], self.level);
        let se = spread.variance(i, Some(j)).sqrt();
        let (below, above) = self.order.bounded(i, j);
        let both = below && above;
        if !below && !above {
            return Err(NotEstimable::Unbounded);
        }
        let reach = student_t_quantile(if both { 0.5 + level / 2.0 } else { level }, spread.df)? * se;
        let (mut low, mut high, mut method) = (value - reach, value + reach, "cluster sandwich CR1, t(G-1)");
        if !both {
            method = "one-sided, held finite by the prior, t(G-1)";
        } else if let Some((draws, rounds)) = &spread.draws {
            method = "bootstrap over tasks, percentile";
            let drawn = percentile_interval(draws.iter().map(|b| b[i] - b[j]).collect(), *rounds, level, method)?;
            let least = student_t_quantile(0.5 + level / 2.0, spread.df)? * spread.floor(i, Some(j)).sqrt();
            (low, high) = (drawn.low.min(value - least), drawn.high.max(value + least));
        }
        let points = |bound: f64, is: bool| is.then_some(Scale::POINTS * bound);
        Ok(Bounds { low: points(low, below), high: points(high, above), level, method })
    }

    /// A comparison of the two adds at most p(1-p) to the precision of their difference, less by as much as the
    /// battles so far were worth less than independent ones.
    fn more(&self, i: usize, j: usize, spread: &Spread) -> Option<f64> {
        let gap = self.strengths[i] - self.strengths[j];
        if self.order.blocks > 1 || gap.abs() < 1e-9 {
            return None;
        }
        // As the first of Holm's steps: sure for all pairs at once.
        let pairs = (self.strengths.len() * (self.strengths.len() - 1) / 2) as f64;
        let t = student_t_quantile(1.0 - (1.0 - self.level) / 2.0 / pairs, spread.df).ok()?;
        let (now, model) = (spread.variance(i, Some(j)), spread.model.contrast(i, j));
        let wanted = (gap / t).powi(2);
        let worth = (now / model).max(1.0);
        let chance = super::fit::win_chance(gap);
        let more = (1.0 / wanted - 1.0 / now) * worth / (chance * (1.0 - chance));
        (more.is_finite() && more > 0.0).then(|| more.ceil())
    }
}

/// Who is surely above whom: the largest t statistics first, each against the quantile for the pairs that are left.
fn holm(strengths: &[f64], order: &Order, spread: &Spread, level: f64) -> Vec<bool> {
    let n = strengths.len();
    let mut above = vec![false; n * n];
    let mut tests: Vec<(f64, u32, u32)> = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for i in 0..n {
        for j in 0..i {
            let (up, down) = if strengths[i] > strengths[j] { (i, j) } else { (j, i) };
            let gap = strengths[up] - strengths[down];
            let se = spread.variance(up, Some(down)).sqrt();
            let told = gap > 0.0 && order.bounded(up, down).0;
            tests.push((if told { gap / se } else { 0.0 }, up as u32, down as u32));
        }
    }
    tests.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut limit = f64::INFINITY;
    for (rank, (t, up, down)) in tests.iter().enumerate() {
        if *t < limit {
            let left = (tests.len() - rank) as f64;
            let Ok(quantile) = student_t_quantile(1.0 - (1.0 - level) / 2.0 / left, spread.df) else { break };
            limit = quantile;
        }
        // A gap without any spread is no proof; t is not a number then.
        if t.is_nan() || *t <= limit {
            break;
        }
        above[*up as usize * n + *down as usize] = true;
    }
    above
}
