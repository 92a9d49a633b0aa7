//! Bradley-Terry: P(i beats j) = 1/(1 + 10^((R_j - R_i)/400)), a tie as half a win for each.
//!
//! **Exists** iff the win graph is strongly connected (Ford 1957). Otherwise the whole group is fitted under
//! a standard normal prior and flagged; systems above the reference block (the anchor's, else the largest)
//! get a lower bound only, systems below it an upper bound only, the rest none.
//! **Interval**: cluster sandwich by task with t(G-1) (default: covered .95-.96 where the usual Hessian
//! interval covered .49-.71), or the seeded bootstrap over tasks (.90-.92). Either is widened to what the
//! model itself says of the decided share of battles, so that ten ties do not give ±0. One task: none.
//! **Ranks**: from pairwise differences, Bonferroni over the pairs of the group (Mogstad et al. 2024).
//! **Groups** that no comparison joins have their own scale and are never compared.
//! Cost: O(battles) to count, O(systems³) to fit; a bootstrap round fits the pair counts again.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::{
    covariance::{Row, cluster_sandwich, decided_share},
    fit::{self, PRIOR, Pair},
    graph,
    linear::Matrix,
    table::{Battle, Bounds, Ledger, Note, Outcome, Rating, RatingTable, Scale},
};
use crate::stats::{
    NotEstimable,
    interval::{below, percentile_interval, round_rng, student_t_quantile},
};

/// Below this many tasks the table says that its intervals are rough.
const COMFORTABLE_CLUSTERS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BtOptions {
    pub interval: BtInterval,
    /// Confidence in 0..1.
    pub level: f64,
}

impl Default for BtOptions {
    fn default() -> Self {
        Self { interval: BtInterval::ClusterSandwich, level: 0.95 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtInterval {
    /// CR1 by task, t(G-1).
    ClusterSandwich,
    /// Percentiles over resampled tasks.
    TaskBootstrap { rounds: usize, seed: u64 },
}

/// Rates `players` (indices `0..players`). Never fails: what cannot be rated says why, player by player.
#[must_use]
pub fn bradley_terry(players: usize, battles: &[Battle], scale: Scale, options: BtOptions) -> RatingTable {
    let mut ledger = Ledger::new(players, battles);
    let mut notes = ledger.notes();
    let groups = graph::groups(players, ledger.rated.iter().map(|battle| (battle.a, battle.b)));
    let played = groups.iter().filter(|group| group.len() > 1).count();
    if played > 1 {
        notes.push(Note::Disconnected { groups: played });
    }
    let mut place = vec![(0, 0); players];
    for (group, members) in groups.iter().enumerate() {
        for (local, player) in members.iter().enumerate() {
            place[*player] = (group, local);
            ledger.records[*player].group = group;
        }
    }
    let mut rows: Vec<Vec<(usize, Battle)>> = vec![Vec::new(); groups.len()];
    for battle in &ledger.rated {
        let group = place[battle.a].0;
        rows[group].push((battle.cluster, Battle { a: place[battle.a].1, b: place[battle.b].1, ..*battle }));
    }
    for (index, (members, battles)) in groups.iter().zip(rows).enumerate() {
        if members.len() < 2 {
            continue;
        }
        let anchor = scale.anchor.and_then(|anchor| members.iter().position(|member| *member == anchor));
        if scale.anchor.is_some() && anchor.is_none() {
            notes.push(Note::AnchorElsewhere { group: index });
        }
        let group = Group::new(members.len(), battles);
        let ratings = group.rate(index, anchor, scale.anchor_rating, options, &mut notes);
        for (player, rating) in members.iter().zip(ratings) {
            ledger.records[*player].rating = rating;
        }
    }
    RatingTable {
        clusters: ledger.clusters(),
        battles: ledger.rated.len(),
        dropped_both_bad: ledger.both_bad,
        groups,
        notes,
        method: match options.interval {
            BtInterval::ClusterSandwich => "bradley-terry, ties half, clustered by task",
            BtInterval::TaskBootstrap { .. } => "bradley-terry, ties half, bootstrap by task",
        },
        players: ledger.records,
    }
}

/// One connected group with players `0..size`.
struct Group {
    size: usize,
    /// Sorted by cluster.
    rows: Vec<Row>,
    clusters: usize,
    pairs: Vec<Pair>,
}

/// How sure the strengths are: a covariance, its floor, the degrees of freedom, and the draws if there are any.
struct Spread {
    covariance: Matrix,
    floor: Matrix,
    df: f64,
    draws: Option<(Vec<Vec<f64>>, usize)>,
}

impl Spread {
    /// Variance of b_i - b_j, or of b_i against the mean of the group.
    fn variance(&self, i: usize, against: Option<usize>) -> f64 {
        let of = |matrix: &Matrix| against.map_or_else(|| matrix.at(i, i), |j| matrix.contrast(i, j));
        of(&self.covariance).max(of(&self.floor)).max(0.0)
    }
}

impl Group {
    fn new(size: usize, battles: Vec<(usize, Battle)>) -> Self {
        let mut ids: Vec<usize> = battles.iter().map(|(cluster, _)| *cluster).collect();
        ids.sort_unstable();
        ids.dedup();
        let local: HashMap<usize, usize> = ids.iter().enumerate().map(|(local, id)| (*id, local)).collect();
        let mut rows: Vec<Row> = battles
            .into_iter()
            .map(|(cluster, battle)| {
                let score = match battle.outcome {
                    Outcome::A => 1.0,
                    Outcome::B => 0.0,
                    Outcome::Tie | Outcome::BothBad => 0.5,
                };
                let (i, j, score) =
                    if battle.a < battle.b { (battle.a, battle.b, score) } else { (battle.b, battle.a, 1.0 - score) };
                Row { i, j, score, weight: battle.weight, cluster: local[&cluster] }
            })
            .collect();
        rows.sort_by_key(|row| row.cluster);
        let pairs = count(&rows);
        Self { size, rows, clusters: ids.len(), pairs }
    }

    fn rate(
        &self,
        index: usize,
        anchor: Option<usize>,
        anchor_rating: f64,
        options: BtOptions,
        notes: &mut Vec<Note>,
    ) -> Vec<Result<Rating, NotEstimable>> {
        let order = Order::new(self.size, &self.pairs, anchor);
        let ridge = if order.blocks == 1 { 0.0 } else { PRIOR };
        if order.blocks > 1 {
            notes.push(Note::Regularised { group: index, blocks: order.blocks });
        }
        let Some(strengths) = fit::strengths(self.size, &self.pairs, ridge, None) else {
            notes.push(Note::NotConverged { group: index });
            return vec![Err(NotEstimable::NotConverged { iterations: 100 }); self.size];
        };
        if self.clusters < COMFORTABLE_CLUSTERS {
            notes.push(Note::FewClusters { group: index, clusters: self.clusters });
        }
        let spread = self.spread(index, &strengths, ridge, options, notes);
        let shift = anchor.map_or(0.0, |anchor| strengths[anchor]);
        let points = |b: f64| anchor_rating + Scale::POINTS * (b - shift);
        let ranks = match &spread {
            Ok(spread) => order.ranks(&strengths, spread, options.level),
            Err(_) => vec![(1, self.size); self.size],
        };
        (0..self.size)
            .map(|i| {
                let interval = spread.as_ref().map_err(Clone::clone).and_then(|spread| {
                    bounds(i, &strengths, &order, spread, anchor, options.level).map(|bounds| Bounds {
                        low: bounds.low.map(|low| anchor_rating + Scale::POINTS * low),
                        high: bounds.high.map(|high| anchor_rating + Scale::POINTS * high),
                        ..bounds
                    })
                });
                let (rank_low, rank_high) = ranks[i];
                Ok(Rating { value: points(strengths[i]), interval, rank_low, rank_high, regularised: ridge > 0.0 })
            })
            .collect()
    }

    fn spread(
        &self,
        index: usize,
        strengths: &[f64],
        ridge: f64,
        options: BtOptions,
        notes: &mut Vec<Note>,
    ) -> Result<Spread, NotEstimable> {
        NotEstimable::check_level(options.level)?;
        if self.clusters < 2 {
            return Err(NotEstimable::TooFewClusters { found: self.clusters, needed: 2 });
        }
        let model = fit::model_covariance(strengths, &self.pairs, ridge)
            .ok_or(NotEstimable::NotConverged { iterations: 100 })?;
        let share = if ridge > 0.0 { 1.0 } else { decided_share(&self.rows) };
        let mut floor = model.clone();
        floor.cells.iter_mut().for_each(|cell| *cell *= share);
        #[allow(clippy::cast_precision_loss)]
        let df = self.clusters as f64 - 1.0;
        match options.interval {
            BtInterval::ClusterSandwich => {
                let covariance = cluster_sandwich(strengths, &self.rows, self.clusters, &model);
                Ok(Spread { covariance, floor, df, draws: None })
            }
            BtInterval::TaskBootstrap { rounds, seed } => {
                let (draws, regularised) = self.resample(strengths, rounds, seed);
                let dropped = rounds - draws.len();
                if dropped > 0 {
                    notes.push(Note::ResamplesDropped { group: index, dropped, rounds });
                }
                if regularised > 0 {
                    notes.push(Note::ResamplesRegularised { group: index, rounds: regularised });
                }
                if draws.len() < 2 || draws.len() * 2 < rounds {
                    return Err(NotEstimable::ResamplesFellApart { kept: draws.len(), rounds });
                }
                Ok(Spread { covariance: scatter(&draws, self.size), floor, df, draws: Some((draws, rounds)) })
            }
        }
    }

    /// Strengths of each resample of tasks that holds the group together, and how many needed the prior.
    fn resample(&self, start: &[f64], rounds: usize, seed: u64) -> (Vec<Vec<f64>>, usize) {
        let by_cluster: Vec<Vec<Pair>> = self.rows.chunk_by(|a, b| a.cluster == b.cluster).map(count).collect();
        let at: HashMap<(usize, usize), usize> =
            self.pairs.iter().enumerate().map(|(at, pair)| ((pair.i, pair.j), at)).collect();
        let drawn: Vec<Option<(Vec<f64>, bool)>> = (0..rounds)
            .into_par_iter()
            .map(|round| {
                let mut rng = round_rng(seed, round);
                let mut pairs: Vec<Pair> =
                    self.pairs.iter().map(|pair| Pair { wins_i: 0.0, wins_j: 0.0, ..*pair }).collect();
                for _ in 0..by_cluster.len() {
                    for pair in &by_cluster[below(&mut rng, by_cluster.len())] {
                        let sum = &mut pairs[at[&(pair.i, pair.j)]];
                        sum.wins_i += pair.wins_i;
                        sum.wins_j += pair.wins_j;
                    }
                }
                pairs.retain(|pair| pair.wins_i + pair.wins_j > 0.0);
                if graph::groups(self.size, pairs.iter().map(|pair| (pair.i, pair.j))).len() > 1 {
                    return None;
                }
                let exists = graph::blocks(&beats(self.size, &pairs)).1 == 1;
                let ridge = if exists { 0.0 } else { PRIOR };
                fit::strengths(self.size, &pairs, ridge, Some(start)).map(|strengths| (strengths, !exists))
            })
            .collect();
        let regularised = drawn.iter().flatten().filter(|(_, held)| *held).count();
        (drawn.into_iter().flatten().map(|(strengths, _)| strengths).collect(), regularised)
    }
}

/// Pair counts of rows.
fn count(rows: &[Row]) -> Vec<Pair> {
    let mut counts: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    for row in rows {
        let entry = counts.entry((row.i, row.j)).or_default();
        entry.0 += row.weight * row.score;
        entry.1 += row.weight * (1.0 - row.score);
    }
    counts.into_iter().map(|((i, j), (wins_i, wins_j))| Pair { i, j, wins_i, wins_j }).collect()
}

fn beats(size: usize, pairs: &[Pair]) -> Vec<Vec<usize>> {
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

/// Covariance of the draws.
fn scatter(draws: &[Vec<f64>], size: usize) -> Matrix {
    #[allow(clippy::cast_precision_loss)]
    let n = draws.len() as f64;
    let mean: Vec<f64> = (0..size).map(|i| draws.iter().map(|draw| draw[i]).sum::<f64>() / n).collect();
    let mut matrix = Matrix::zero(size);
    for draw in draws {
        for i in 0..size {
            for j in 0..size {
                matrix.add(i, j, (draw[i] - mean[i]) * (draw[j] - mean[j]) / (n - 1.0));
            }
        }
    }
    matrix
}

/// Who stands above whom by chains of wins that nothing answers.
struct Order {
    block: Vec<usize>,
    blocks: usize,
    /// The block that the scale is tied to, and what it reaches and is reached by.
    reference: usize,
    over_reference: Vec<bool>,
    under_reference: Vec<bool>,
    reaches: Vec<Vec<bool>>,
}

impl Order {
    fn new(size: usize, pairs: &[Pair], anchor: Option<usize>) -> Self {
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
    fn bounded(&self, i: usize, j: usize) -> (bool, bool) {
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

    /// Best and worst rank that pairwise differences leave open, Bonferroni over the pairs.
    fn ranks(&self, strengths: &[f64], spread: &Spread, level: f64) -> Vec<(usize, usize)> {
        let n = strengths.len();
        #[allow(clippy::cast_precision_loss)]
        let tests = (n * (n - 1) / 2) as f64;
        let Ok(t) = student_t_quantile(1.0 - (1.0 - level) / 2.0 / tests, spread.df) else {
            return vec![(1, n); n];
        };
        let surely_above = |i: usize, j: usize| {
            let gap = strengths[i] - strengths[j];
            i != j && self.bounded(i, j).0 && gap > 0.0 && gap > t * spread.variance(i, Some(j)).sqrt()
        };
        (0..n)
            .map(|i| {
                let above = (0..n).filter(|j| surely_above(*j, i)).count();
                let below = (0..n).filter(|j| surely_above(i, *j)).count();
                (1 + above, n - below)
            })
            .collect()
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
                let floor = anchor.map_or_else(|| spread.floor.at(i, i), |a| spread.floor.contrast(i, a));
                let least = student_t_quantile(0.5 + level / 2.0, spread.df)? * floor.max(0.0).sqrt();
                (low, high) = (drawn.low.min(value - least), drawn.high.max(value + least));
            }
            Ok(Bounds { low: Some(low), high: Some(high), level, method })
        }
        (over, _) => {
            let reach = student_t_quantile(level, spread.df)? * se;
            let (low, high) = if over { (Some(value - reach), None) } else { (None, Some(value + reach)) };
            Ok(Bounds { low, high, level, method: "one-sided, prior and cluster sandwich" })
        }
    }
}
