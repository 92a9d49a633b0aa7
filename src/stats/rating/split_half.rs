//! Would another half of the tasks say the same? Tasks are dealt into two halves at random, both are rated, and for
//! each system the two ratings are compared: they agree where they are no further apart than the half widths of their
//! two intervals, added as independent errors add (in squares). Honest 95 % intervals agree for 95 of 100 systems or more.

use super::{
    bradley_terry::{BtOptions, bradley_terry_of},
    columns::Meetings,
    table::{RatingTable, Scale},
};
use crate::stats::{
    NotEstimable,
    interval::{below, round_rng, student_t_quantile},
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitHalf {
    /// Systems compared, over all splits.
    pub compared: usize,
    pub agree: usize,
    /// Mean absolute difference of the two ratings.
    pub apart: f64,
}

impl SplitHalf {
    #[must_use]
    pub fn share(&self) -> f64 {
        self.agree as f64 / self.compared as f64
    }
}

/// `splits` deals, each by its own stream of `seed`.
///
/// # Errors
/// Fewer than four tasks, a level outside 0..1, or no split with two halves of the same systems.
pub fn split_half(meetings: &Meetings, level: f64, splits: usize, seed: u64) -> Result<SplitHalf, NotEstimable> {
    NotEstimable::check_level(level)?;
    let tasks = meetings.tasks();
    if tasks < 4 {
        return Err(NotEstimable::TooFewClusters { found: tasks, needed: 4 });
    }
    let mut sum = SplitHalf { compared: 0, agree: 0, apart: 0.0 };
    for split in 0..splits {
        let mut rng = round_rng(seed, split);
        let mut first = vec![false; tasks];
        let mut order: Vec<usize> = (0..tasks).collect();
        (1..tasks).rev().for_each(|at| order.swap(at, below(&mut rng, at + 1)));
        order[..tasks / 2].iter().for_each(|task| first[*task] = true);
        let rate = |half: bool| {
            let own = meetings.tasks_where(|task| first[task] == half);
            bradley_terry_of(&own, Scale::default(), BtOptions { level, ..BtOptions::default() })
        };
        let (a, b) = (rate(true), rate(false));
        let one_group =
            |table: &RatingTable| table.groups.first().is_some_and(|group| group.len() == meetings.systems());
        if !one_group(&a) || !one_group(&b) {
            continue;
        }
        let of = |table: &RatingTable, system: usize| {
            let rated = table.rated.first()?.as_ref()?;
            let spread = rated.spread.as_ref().ok()?;
            (rated.order.blocks == 1).then(|| (rated.strengths[system], spread.variance(system, None), spread.df))
        };
        for system in 0..meetings.systems() {
            let (Some((one, v, df)), Some((other, w, also))) = (of(&a, system), of(&b, system)) else { continue };
            let half = |variance: f64, df: f64| Ok(student_t_quantile(0.5 + level / 2.0, df)? * variance.sqrt());
            let reach = f64::hypot(half(v, df)?, half(w, also)?);
            sum.compared += 1;
            sum.agree += usize::from((one - other).abs() <= reach);
            sum.apart += Scale::POINTS * (one - other).abs();
        }
    }
    if sum.compared == 0 {
        return Err(NotEstimable::NotConnected);
    }
    sum.apart /= sum.compared as f64;
    Ok(sum)
}
