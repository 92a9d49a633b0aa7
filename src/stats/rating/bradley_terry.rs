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

use rayon::prelude::*;

use super::{
    columns::{Meetings, Total},
    covariance::{cluster_sandwich, decided_share},
    fit::{self, PRIOR, Pair},
    graph,
    report::{Frame, Order, Spread, beats, report},
    standing::Rated,
    table::{Battle, Note, Rating, RatingTable, Scale, blank},
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
    bradley_terry_of(&Meetings::weighted(players, battles), scale, options)
}

/// The same of battles that are grouped already.
#[must_use]
pub fn bradley_terry_of(meetings: &Meetings, scale: Scale, options: BtOptions) -> RatingTable {
    let totals = meetings.totals(None);
    let method = match options.interval {
        BtInterval::ClusterSandwich => "bradley-terry, ties half, clustered by task",
        BtInterval::TaskBootstrap { .. } => "bradley-terry, ties half, bootstrap by task",
    };
    let mut table = blank(meetings, &totals, method);
    for index in 0..table.groups.len() {
        let members = table.groups[index].clone();
        if members.len() < 2 {
            continue;
        }
        let anchor = scale.anchor.and_then(|anchor| members.binary_search(&anchor).ok());
        if scale.anchor.is_some() && anchor.is_none() {
            table.notes.push(Note::AnchorElsewhere { group: index });
        }
        let frame = Frame { anchor, anchor_rating: scale.anchor_rating, level: options.level };
        let found = if members.len() == meetings.systems {
            Group { meetings, totals: &totals }.rate(index, frame, options, &mut table.notes)
        } else {
            let own = meetings.only(&members);
            let totals = own.totals(None);
            Group { meetings: &own, totals: &totals }.rate(index, frame, options, &mut table.notes)
        };
        match found {
            Ok((ratings, rated)) => {
                for (player, rating) in members.iter().zip(ratings) {
                    table.players[*player].rating = rating;
                }
                table.rated[index] = Some(rated);
            }
            Err(why) => members.iter().for_each(|player| table.players[*player].rating = Err(why.clone())),
        }
    }
    table
}

/// Log strengths alone (mean zero, one per system), where the estimate exists: for where no interval is shown.
///
/// # Errors
/// Systems that nothing joins (`NotConnected`), an estimate that does not exist (`Separated`).
pub fn bradley_terry_strengths(meetings: &Meetings) -> Result<Vec<f64>, NotEstimable> {
    let pairs = halves(&meetings.totals(None));
    if graph::groups(meetings.systems, pairs.iter().map(|pair| (pair.i, pair.j))).len() != 1 {
        return Err(NotEstimable::NotConnected);
    }
    if graph::blocks(&beats(meetings.systems, &pairs)).1 != 1 {
        return Err(NotEstimable::Separated);
    }
    fit::strengths(meetings.systems, &pairs, 0.0, None).ok_or(NotEstimable::NotConverged { iterations: 100 })
}

/// Ties as half a win to each side.
pub(super) fn halves(totals: &[Total]) -> Vec<Pair> {
    totals
        .iter()
        .map(|Total { i, j, said }| Pair { i: *i, j: *j, wins_i: said.half(), wins_j: said.turned().half() })
        .collect()
}

/// One connected group, all of whose systems have battles.
struct Group<'a> {
    meetings: &'a Meetings,
    totals: &'a [Total],
}

impl Group<'_> {
    fn rate(
        &self,
        index: usize,
        frame: Frame,
        options: BtOptions,
        notes: &mut Vec<Note>,
    ) -> Result<(Vec<Result<Rating, NotEstimable>>, Rated), NotEstimable> {
        let size = self.meetings.systems;
        let pairs = halves(self.totals);
        let order = Order::new(size, &pairs, frame.anchor);
        let ridge = if order.blocks == 1 { 0.0 } else { PRIOR };
        if order.blocks > 1 {
            notes.push(Note::Regularised { group: index, blocks: order.blocks });
        }
        let Some(strengths) = fit::strengths(size, &pairs, ridge, None) else {
            notes.push(Note::NotConverged { group: index });
            return Err(NotEstimable::NotConverged { iterations: 100 });
        };
        let clusters = self.meetings.tasks();
        if clusters < COMFORTABLE_CLUSTERS {
            notes.push(Note::FewClusters { group: index, clusters });
        }
        let spread = self.spread(index, &strengths, &pairs, ridge, options, notes);
        Ok(report(&strengths, order, spread, frame))
    }

    fn spread(
        &self,
        index: usize,
        strengths: &[f64],
        pairs: &[Pair],
        ridge: f64,
        options: BtOptions,
        notes: &mut Vec<Note>,
    ) -> Result<Spread, NotEstimable> {
        NotEstimable::check_level(options.level)?;
        let clusters = self.meetings.tasks();
        if clusters < 2 {
            return Err(NotEstimable::TooFewClusters { found: clusters, needed: 2 });
        }
        let failed = NotEstimable::NotConverged { iterations: 100 };
        let model = fit::model_covariance(strengths, pairs, ridge).ok_or(failed.clone())?;
        let share = if ridge > 0.0 { 1.0 } else { decided_share(self.totals) * self.meetings.thinned };
        let df = clusters as f64 - 1.0;
        match options.interval {
            BtInterval::ClusterSandwich => {
                let covariance = cluster_sandwich(strengths, self.meetings, &model);
                Ok(Spread { covariance, model, share, df, draws: None })
            }
            BtInterval::TaskBootstrap { rounds, seed } => {
                let near = fit::Near::new(strengths, pairs, ridge).ok_or(failed)?;
                let (draws, regularised) = self.resample(&near, rounds, seed);
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
                let covariance = scatter(&draws, self.meetings.systems);
                Ok(Spread { covariance, model, share, df, draws: Some((draws, rounds)) })
            }
        }
    }

    /// Strengths of each resample of tasks that holds the group together, and how many needed the prior.
    fn resample(&self, near: &fit::Near, rounds: usize, seed: u64) -> (Vec<Vec<f64>>, usize) {
        let (size, clusters) = (self.meetings.systems, self.meetings.tasks());
        let drawn: Vec<Option<(Vec<f64>, bool)>> = (0..rounds)
            .into_par_iter()
            .map(|round| {
                let mut rng = round_rng(seed, round);
                let mut times = vec![0_u32; clusters];
                (0..clusters).for_each(|_| times[below(&mut rng, clusters)] += 1);
                let pairs = halves(&self.meetings.totals(Some(&times)));
                if graph::groups(size, pairs.iter().map(|pair| (pair.i, pair.j))).len() > 1 {
                    return None;
                }
                let exists = graph::blocks(&beats(size, &pairs)).1 == 1;
                let ridge = if exists { 0.0 } else { PRIOR };
                near.strengths(&pairs, ridge).map(|strengths| (strengths, !exists))
            })
            .collect();
        let regularised = drawn.iter().flatten().filter(|(_, held)| *held).count();
        (drawn.into_iter().flatten().map(|(strengths, _)| strengths).collect(), regularised)
    }
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
