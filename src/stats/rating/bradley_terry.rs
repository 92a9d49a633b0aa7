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

use std::collections::HashMap;

use rayon::prelude::*;

use super::{
    covariance::{Row, cluster_sandwich, decided_share, in_order},
    fit::{self, PRIOR, Pair},
    graph,
    report::{Frame, Order, Spread, beats, report},
    table::{Battle, Ledger, Note, Outcome, Rating, RatingTable, Scale, dense},
};
use crate::stats::{
    NotEstimable,
    interval::{below, round_rng},
    linear::Matrix,
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
    let (clusters, all_clusters) = dense(ledger.rated.iter().map(|battle| battle.cluster));
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); groups.len()];
    if let Some(first) = rows.first_mut().filter(|_| played == 1) {
        first.reserve_exact(ledger.rated.len());
    }
    for (battle, cluster) in ledger.rated.iter().zip(clusters) {
        let ((group, a), b) = (place[battle.a], place[battle.b].1);
        let score = match battle.outcome {
            Outcome::A => 1.0,
            Outcome::B => 0.0,
            Outcome::Tie | Outcome::BothBad => 0.5,
        };
        let (i, j, score) = if a < b { (a, b, score) } else { (b, a, 1.0 - score) };
        rows[group].push(Row { i, j, score, weight: battle.weight, cluster });
    }
    for (index, (members, rows)) in groups.iter().zip(rows).enumerate() {
        if members.len() < 2 {
            continue;
        }
        let anchor = scale.anchor.and_then(|anchor| members.iter().position(|member| *member == anchor));
        if scale.anchor.is_some() && anchor.is_none() {
            notes.push(Note::AnchorElsewhere { group: index });
        }
        let group = Group::new(members.len(), rows, (played == 1).then_some(all_clusters));
        let ratings = group.rate(index, anchor, scale.anchor_rating, options, &mut notes);
        for (player, rating) in members.iter().zip(ratings) {
            ledger.records[*player].rating = rating;
        }
    }
    RatingTable {
        clusters: all_clusters,
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
    /// Clusters are `0..clusters`.
    rows: Vec<Row>,
    clusters: usize,
    pairs: Vec<Pair>,
}

impl Group {
    /// `clusters`: their number if they are `0..clusters` already.
    fn new(size: usize, mut rows: Vec<Row>, clusters: Option<usize>) -> Self {
        let clusters = clusters.unwrap_or_else(|| {
            let (ids, clusters) = dense(rows.iter().map(|row| row.cluster));
            rows.iter_mut().zip(ids).for_each(|(row, id)| row.cluster = id);
            clusters
        });
        let pairs = count(size, &rows);
        Self { size, rows, clusters, pairs }
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
        report(&strengths, &order, &spread, Frame { anchor, anchor_rating, level: options.level })
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
        let at: HashMap<(usize, usize), usize> =
            self.pairs.iter().enumerate().map(|(at, pair)| ((pair.i, pair.j), at)).collect();
        // Per task: which pair, and its wins.
        let by_cluster: Vec<Vec<(usize, f64, f64)>> = in_order(&self.rows, self.clusters)
            .chunk_by(|a, b| a.cluster == b.cluster)
            .map(|rows| {
                count(self.size, rows).iter().map(|pair| (at[&(pair.i, pair.j)], pair.wins_i, pair.wins_j)).collect()
            })
            .collect();
        let drawn: Vec<Option<(Vec<f64>, bool)>> = (0..rounds)
            .into_par_iter()
            .map(|round| {
                let mut rng = round_rng(seed, round);
                let mut pairs: Vec<Pair> =
                    self.pairs.iter().map(|pair| Pair { wins_i: 0.0, wins_j: 0.0, ..*pair }).collect();
                for _ in 0..by_cluster.len() {
                    for (at, wins_i, wins_j) in &by_cluster[below(&mut rng, by_cluster.len())] {
                        pairs[*at].wins_i += wins_i;
                        pairs[*at].wins_j += wins_j;
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

/// Pair counts of rows, in order of the pairs. One bucket a pair where that fits in memory.
fn count(size: usize, rows: &[Row]) -> Vec<Pair> {
    let add = |pair: &mut Pair, row: &Row| {
        pair.wins_i += row.weight * row.score;
        pair.wins_j += row.weight * (1.0 - row.score);
    };
    let empty = |i, j| Pair { i, j, wins_i: 0.0, wins_j: 0.0 };
    if rows.len() >= size * size {
        let mut pairs: Vec<Pair> = (0..size * size).map(|at| empty(at / size, at % size)).collect();
        rows.iter().for_each(|row| add(&mut pairs[row.i * size + row.j], row));
        pairs.retain(|pair| pair.wins_i + pair.wins_j > 0.0);
        return pairs;
    }
    let mut order: Vec<&Row> = rows.iter().collect();
    order.sort_by_key(|row| (row.i, row.j));
    order
        .chunk_by(|a, b| (a.i, a.j) == (b.i, b.j))
        .map(|same| {
            let mut pair = empty(same[0].i, same[0].j);
            same.iter().for_each(|row| add(&mut pair, row));
            pair
        })
        .collect()
}

/// Covariance of the draws.
fn scatter(draws: &[Vec<f64>], size: usize) -> Matrix {
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
