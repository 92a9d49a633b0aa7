//! From strengths and their spread to ratings, intervals and rank ranges on the scale.

use super::{
    fit::Pair,
    graph,
    standing::Rated,
    table::{Bounds, Rating, Scale},
};
use crate::stats::{
    NotEstimable,
    interval::{percentile_interval, student_t_quantile},
    linear::Matrix,
};

/// Where the scale is tied, and the confidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Index in the group; `None`: the mean of the group.
    pub anchor: Option<usize>,
    pub anchor_rating: f64,
    pub level: f64,
}

/// One rating per player of a group, in order, and the group with all that can be asked of it.
pub(super) fn report(
    strengths: &[f64],
    order: Order,
    spread: Result<Spread, NotEstimable>,
    frame: Frame,
) -> (Vec<Result<Rating, NotEstimable>>, Rated) {
    let Frame { anchor, anchor_rating, level } = frame;
    let shift = anchor.map_or(0.0, |anchor| strengths[anchor]);
    let rated = Rated::new(strengths.to_vec(), order, spread, level);
    let ratings = rated
        .ranks()
        .into_iter()
        .enumerate()
        .map(|(i, (rank_low, rank_high))| {
            let interval = rated.spread.as_ref().map_err(Clone::clone).and_then(|spread| {
                bounds(i, strengths, &rated.order, spread, anchor, level).map(|bounds| Bounds {
                    low: bounds.low.map(|low| anchor_rating + Scale::POINTS * low),
                    high: bounds.high.map(|high| anchor_rating + Scale::POINTS * high),
                    ..bounds
                })
            });
            let value = anchor_rating + Scale::POINTS * (strengths[i] - shift);
            Ok(Rating { value, interval, rank_low, rank_high, regularised: rated.order.blocks > 1 })
        })
        .collect();
    (ratings, rated)
}

/// How sure the strengths are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    pub covariance: Matrix,
    /// What the model says of itself, battles taken for independent.
    pub model: Matrix,
    /// The share of it that no variance falls below.
    pub share: f64,
    pub df: f64,
    /// Strengths of each resample, and how many resamples were asked for.
    pub draws: Option<(Vec<Vec<f64>>, usize)>,
}

impl Spread {
    /// Variance of b_i - b_j, or of b_i against the mean of the group.
    pub(super) fn variance(&self, i: usize, against: Option<usize>) -> f64 {
        self.of(&self.covariance, i, against).max(self.floor(i, against)).max(0.0)
    }

    /// The least that this variance may be.
    pub(super) fn floor(&self, i: usize, against: Option<usize>) -> f64 {
        (self.share * self.of(&self.model, i, against)).max(0.0)
    }

    fn of(&self, matrix: &Matrix, i: usize, against: Option<usize>) -> f64 {
        against.map_or_else(|| matrix.at(i, i), |j| matrix.contrast(i, j))
    }
}

pub(super) fn beats(size: usize, pairs: &[Pair]) -> Vec<Vec<usize>> {
    let mut beats = vec![Vec::new(); size];
    for pair in pairs {
        if pair.wins_i > 0.0 {
            beats[pair.i].push(pair.j);
        }
        if pair.wins_j > 0.0 {
            beats[pair.j].push(pair.i);
        }
    }
    beats
}

/// Who stands above whom by chains of wins that nothing answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    block: Vec<usize>,
    pub blocks: usize,
    /// The block that the scale is tied to, and what it reaches and is reached by.
    reference: usize,
    over_reference: Vec<bool>,
    under_reference: Vec<bool>,
    reaches: Vec<Vec<bool>>,
}

impl Order {
    pub(super) fn new(size: usize, pairs: &[Pair], anchor: Option<usize>) -> Self {
        let beats = beats(size, pairs);
        let (block, blocks) = graph::blocks(&beats);
        if blocks == 1 {
            let none = Vec::new();
            return Self {
                block,
                blocks,
                reference: 0,
                over_reference: none.clone(),
                under_reference: none,
                reaches: Vec::new(),
            };
        }
        let root = anchor.unwrap_or_else(|| {
            let members = |player: usize| block.iter().filter(|b| **b == block[player]).count();
            (0..size).max_by_key(|player| (members(*player), std::cmp::Reverse(*player))).unwrap_or(0)
        });
        let reaches: Vec<Vec<bool>> = (0..size).map(|player| graph::reach(&beats, player)).collect();
        let over_reference = (0..size).map(|player| reaches[player][root]).collect();
        let under_reference = reaches[root].clone();
        Self { reference: block[root], block, blocks, over_reference, under_reference, reaches }
    }

    /// Can the data bound b_i - b_j from below, from above?
    pub(super) fn bounded(&self, i: usize, j: usize) -> (bool, bool) {
        if self.blocks == 1 || self.block[i] == self.block[j] {
            return (true, true);
        }
        (self.reaches[i][j], self.reaches[j][i])
    }

    /// The same for b_i against the scale.
    fn bounded_on_scale(&self, i: usize) -> (bool, bool) {
        if self.blocks == 1 || self.block[i] == self.reference {
            return (true, true);
        }
        (self.over_reference[i], self.under_reference[i])
    }
}

/// The interval of one strength against the anchor (else the mean), in log strength from the anchor.
fn bounds(
    i: usize,
    strengths: &[f64],
    order: &Order,
    spread: &Spread,
    anchor: Option<usize>,
    level: f64,
) -> Result<Bounds, NotEstimable> {
    let value = strengths[i] - anchor.map_or(0.0, |anchor| strengths[anchor]);
    if anchor == Some(i) {
        return Ok(Bounds { low: Some(0.0), high: Some(0.0), level, method: "fixed: the anchor" });
    }
    let se = spread.variance(i, anchor).sqrt();
    match order.bounded_on_scale(i) {
        (false, false) => Err(NotEstimable::Unbounded),
        (true, true) => {
            let reach = student_t_quantile(0.5 + level / 2.0, spread.df)? * se;
            let (mut low, mut high, mut method) = (value - reach, value + reach, "cluster sandwich CR1, t(G-1)");
            if let Some((draws, rounds)) = &spread.draws {
                method = "bootstrap over tasks, percentile";
                let own = draws.iter().map(|draw| draw[i] - anchor.map_or(0.0, |anchor| draw[anchor])).collect();
                let drawn = percentile_interval(own, *rounds, level, method)?;
                let least = student_t_quantile(0.5 + level / 2.0, spread.df)? * spread.floor(i, anchor).sqrt();
                (low, high) = (drawn.low.min(value - least), drawn.high.max(value + least));
            }
            Ok(Bounds { low: Some(low), high: Some(high), level, method })
        }
        (over, _) => {
            let reach = student_t_quantile(level, spread.df)? * se;
            let (low, high) = if over { (Some(value - reach), None) } else { (None, Some(value + reach)) };
            Ok(Bounds { low, high, level, method: "one-sided, held finite by the prior, t(G-1)" })
        }
    }
}
