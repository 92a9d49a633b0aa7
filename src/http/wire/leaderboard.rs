//! Leaderboards.

use super::harmless;
use serde::Serialize;
use utoipa::ToSchema;

use super::change::ChangeBody;
use crate::ranking::board::{Detail, Versus, VersusVerdict};
use crate::ranking::leaderboard::{Board, Leaderboard, Row, RowInterval};
use crate::ranking::matrix::Matrix;
use crate::ranking::sensitivity::{Sensitivity, Variant, VariantRow};
use crate::ranking::snapshot::Changes;

#[derive(Debug, Serialize, ToSchema)]
pub struct LeaderboardBody {
    /// `bradley_terry`, `win_rate`, `score` ...
    pub method: &'static str,
    /// `with` or `without` human decisions.
    pub overrides: &'static str,
    /// Where its battles come from: `judged`, `imported`, `derived`, with commas; null for scores.
    pub source: Option<String>,
    /// Whose answers count, in words; null: everybody's.
    pub judges: Option<String>,
    /// One board, or one per sector, occupation or tag.
    pub boards: Vec<BoardBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BoardBody {
    /// The sector or occupation; null for all, or for tasks without one.
    pub slice: Option<String>,
    /// Best first.
    pub rows: Vec<RowBody>,
    pub tasks: usize,
    pub battles: usize,
    /// Battles judged here.
    pub judged: usize,
    pub imported: usize,
    /// From two rubric scores each; only where they were asked for.
    pub derived: usize,
    pub both_bad: usize,
    pub inconclusive: usize,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Who beat whom; none for scores.
    pub pairs: Vec<PairBody>,
    /// Against an earlier leaderboard; where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changes: Option<ChangesBody>,
    /// What stands behind it; with `detail=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<DetailBody>,
}

/// What stands behind a board.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailBody {
    /// How it was rated, in words.
    pub method: String,
    /// Every pair of one group, the upper one first; empty beyond 40 systems. Intervals hold for each pair alone: of
    /// twenty at 95 %, one misses.
    pub differences: Vec<BetweenBody>,
    /// Davidson's nu or Rao and Kupper's theta.
    pub tie: Option<f64>,
    /// How judges differ, where that was modelled.
    pub judges: Vec<JudgeEffectBody>,
    pub controls: Vec<ControlBody>,
    /// Of online Elo: 95 % of ratings over shuffled orders of the same battles.
    pub orders: Vec<OrderBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BetweenBody {
    pub upper: String,
    pub versus: VersusBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeEffectBody {
    pub judge: String,
    pub battles: usize,
    /// 1 = as much as a typical judge; 0 = noise; below 0 = the wrong way round.
    pub discrimination: f64,
    pub discrimination_interval: Option<RowIntervalBody>,
    /// Log odds for the work shown first, between equals.
    pub first_place: f64,
    pub first_place_interval: Option<RowIntervalBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ControlBody {
    /// `length`.
    pub control: String,
    /// Log odds for a work that has all of it, against one that has none.
    pub effect: f64,
    pub interval: Option<RowIntervalBody>,
    /// Precision of the normal prior around 0.
    pub ridge: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OrderBody {
    pub system: String,
    pub low: f64,
    pub high: f64,
}

/// How one system fared against another.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairBody {
    /// The higher on the board.
    pub a: String,
    pub b: String,
    /// Sums of weights: battles of one pair on one task share a weight of 1.
    pub a_wins: f64,
    pub ties: f64,
    pub b_wins: f64,
    pub both_bad: usize,
    pub tasks: usize,
    /// `a`'s wins, ties as half; null where nothing was decided.
    pub a_share: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesBody {
    pub rows: Vec<ChangeBody>,
    pub notes: Vec<String>,
}

/// How much hangs on a choice.
#[derive(Debug, Serialize, ToSchema)]
pub struct SensitivityBody {
    pub method: &'static str,
    /// The leaderboard that the others vary.
    pub base: BoardBody,
    pub variants: Vec<VariantBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VariantBody {
    /// `judge`, `family`, `overrides`, `source`, `sector`, `occupation`, `tag`, `human_corrected` or `style`.
    pub kind: &'static str,
    /// In words.
    pub what: String,
    /// Why there is none.
    pub undefined: Option<String>,
    pub tasks: usize,
    pub battles: usize,
    /// Of one system, on the base's scale.
    pub largest_move: Option<f64>,
    /// Neighbours of the base that stand the other way round here.
    pub turned: Vec<(String, String)>,
    pub leader_stays: Option<bool>,
    pub rows: Vec<VariantRowBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VariantRowBody {
    pub system: String,
    /// On the base's scale.
    pub rating: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub moved: Option<f64>,
    /// It left the base's interval.
    pub outside: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowBody {
    pub system: String,
    /// Elo scale for `bradley_terry`, 0 to 1 for the others; null with the reason in `undefined`.
    pub rating: Option<f64>,
    pub interval: Option<RowIntervalBody>,
    /// Why rating or interval is missing.
    pub undefined: Option<String>,
    /// Ranks that the data leave open, inside its group.
    pub rank: Option<RankBody>,
    /// Battles or graded tasks.
    pub n: usize,
    pub wins: Option<f64>,
    pub ties: Option<f64>,
    pub losses: Option<f64>,
    /// Systems of different groups were never compared, directly or through others.
    pub group: usize,
    /// Held finite by a prior: the data alone set no bound on one side.
    pub regularised: bool,
    /// Against the system that stands next below in its group.
    pub versus_next: Option<VersusBody>,
    /// The bootstrap by task, where there is one beside `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub bootstrap: Option<RowIntervalBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VersusBody {
    pub system: String,
    /// Of the ratings.
    pub difference: Option<f64>,
    pub interval: Option<RowIntervalBody>,
    /// `better`, `worse`, `tied`, `not_comparable` or `no_signal`.
    #[schema(value_type = String)]
    pub verdict: VersusVerdict,
    /// Direct comparisons that would tell, if the difference is what it seems.
    pub more_comparisons: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowIntervalBody {
    /// Null: the data set no bound on this side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: f64,
    pub method: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RankBody {
    pub best: usize,
    pub worst: usize,
}

impl LeaderboardBody {
    /// `detail`: with what stands behind each board.
    #[must_use]
    pub fn of(leaderboard: &Leaderboard, detail: bool) -> Self {
        let Leaderboard { method, overrides, source, judges, boards, matrices, changes } = leaderboard;
        let boards = boards.iter().enumerate().map(|(at, board)| {
            let changes = changes.get(at).map(ChangesBody::from);
            let pairs = matrices.get(at).map(pairs).unwrap_or_default();
            let detail = detail.then(|| DetailBody::from(&board.detail));
            BoardBody { pairs, changes, detail, ..BoardBody::from(board) }
        });
        Self { method, overrides, source: source.clone(), judges: judges.clone(), boards: boards.collect() }
    }
}

fn pairs(matrix: &Matrix) -> Vec<PairBody> {
    let of = |one: &crate::ranking::matrix::PairResult| PairBody {
        a: matrix.systems[one.pair.0].clone(),
        b: matrix.systems[one.pair.1].clone(),
        a_wins: one.wins,
        ties: one.ties,
        b_wins: one.losses,
        both_bad: one.both_bad,
        tasks: one.tasks,
        a_share: one.share(),
    };
    matrix.pairs.iter().map(of).collect()
}

impl From<&Changes> for ChangesBody {
    fn from(changes: &Changes) -> Self {
        let Changes { slice: _, rows, notes } = changes;
        Self { rows: rows.iter().map(ChangeBody::from).collect(), notes: notes.clone() }
    }
}

impl From<&Board> for BoardBody {
    fn from(board: &Board) -> Self {
        Self {
            slice: board.slice.clone(),
            rows: board.rows.iter().map(RowBody::from).collect(),
            tasks: board.tasks,
            battles: board.battles,
            judged: board.judged,
            imported: board.imported,
            derived: board.derived,
            both_bad: board.both_bad,
            inconclusive: board.inconclusive,
            notes: board.notes.clone(),
            pairs: vec![],
            changes: None,
            detail: None,
        }
    }
}

impl From<&RowInterval> for RowIntervalBody {
    fn from(one: &RowInterval) -> Self {
        let RowInterval { low, high, level, method } = one;
        Self { low: *low, high: *high, level: *level, method: method.clone() }
    }
}

impl From<&Versus> for VersusBody {
    fn from(one: &Versus) -> Self {
        let Versus { system, difference, interval, verdict, more_comparisons } = one;
        Self {
            system: system.clone(),
            difference: *difference,
            interval: interval.as_ref().map(Into::into),
            verdict: *verdict,
            more_comparisons: *more_comparisons,
        }
    }
}

impl From<&Detail> for DetailBody {
    fn from(found: &Detail) -> Self {
        let Detail { method, differences, tie, judges, controls, orders } = found;
        let between =
            differences.iter().map(|one| BetweenBody { upper: one.upper.clone(), versus: (&one.versus).into() });
        let judge = judges.iter().map(|one| JudgeEffectBody {
            judge: one.judge.clone(),
            battles: one.battles,
            discrimination: one.discrimination,
            discrimination_interval: one.discrimination_interval.as_ref().map(Into::into),
            first_place: one.first_place,
            first_place_interval: one.first_place_interval.as_ref().map(Into::into),
        });
        let control = controls.iter().map(|one| ControlBody {
            control: one.control.clone(),
            effect: one.effect,
            interval: one.interval.as_ref().map(Into::into),
            ridge: one.ridge,
        });
        let order = orders.iter().map(|one| OrderBody { system: one.system.clone(), low: one.low, high: one.high });
        Self {
            method: method.clone(),
            differences: between.collect(),
            tie: *tie,
            judges: judge.collect(),
            controls: control.collect(),
            orders: order.collect(),
        }
    }
}

impl From<&Row> for RowBody {
    fn from(row: &Row) -> Self {
        Self {
            system: row.system.clone(),
            rating: row.rating,
            interval: row.interval.as_ref().map(Into::into),
            undefined: row.undefined.clone(),
            rank: row.rank.map(|(best, worst)| RankBody { best, worst }),
            n: row.n,
            wins: row.wins,
            ties: row.ties,
            losses: row.losses,
            group: row.group,
            regularised: row.regularised,
            versus_next: row.versus_next.as_ref().map(Into::into),
            bootstrap: row.bootstrap.as_ref().map(Into::into),
        }
    }
}

impl From<&Sensitivity> for SensitivityBody {
    fn from(found: &Sensitivity) -> Self {
        let Sensitivity { method, base, variants } = found;
        Self { method, base: base.into(), variants: variants.iter().map(VariantBody::from).collect() }
    }
}

impl From<&Variant> for VariantBody {
    fn from(one: &Variant) -> Self {
        let Variant { kind, what, undefined, rows, tasks, battles, largest_move, turned, leader_stays } = one.clone();
        let row = |VariantRow { system, rating, low, high, moved, outside }| VariantRowBody {
            system,
            rating,
            low,
            high,
            moved,
            outside,
        };
        let rows = rows.into_iter().map(row).collect();
        Self { kind, what, undefined, tasks, battles, largest_move, turned, leader_stays, rows }
    }
}

/// The same as CSV: one line per system and slice; unknown is empty.
///
/// # Errors
/// If it cannot be written: never, into memory.
pub fn csv(leaderboard: &Leaderboard) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(vec![]);
    out.write_record([
        "slice",
        "system",
        "rating",
        "low",
        "high",
        "level",
        "interval_method",
        "rank_best",
        "rank_worst",
        "n",
        "wins",
        "ties",
        "losses",
        "group",
        "regularised",
        "undefined",
        "next",
        "next_verdict",
        "next_difference",
        "next_low",
        "next_high",
        "next_more_comparisons",
        "bootstrap_low",
        "bootstrap_high",
    ])?;
    for board in &leaderboard.boards {
        for row in &board.rows {
            let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
            let interval = row.interval.as_ref();
            let next = row.versus_next.as_ref();
            let apart = next.and_then(|next| next.interval.as_ref());
            let drawn = row.bootstrap.as_ref();
            let rank = |pick: fn((usize, usize)) -> usize| row.rank.map(|r| pick(r).to_string()).unwrap_or_default();
            out.write_record([
                harmless(board.slice.as_deref().unwrap_or_default()),
                harmless(&row.system),
                number(row.rating),
                number(interval.and_then(|i| i.low)),
                number(interval.and_then(|i| i.high)),
                number(interval.map(|i| i.level)),
                interval.map(|i| i.method.clone()).unwrap_or_default(),
                rank(|r| r.0),
                rank(|r| r.1),
                row.n.to_string(),
                number(row.wins),
                number(row.ties),
                number(row.losses),
                row.group.to_string(),
                row.regularised.to_string(),
                row.undefined.clone().unwrap_or_default(),
                harmless(next.map(|next| next.system.as_str()).unwrap_or_default()),
                next.map(|next| next.verdict.as_str()).unwrap_or_default().to_owned(),
                number(next.and_then(|next| next.difference)),
                number(apart.and_then(|i| i.low)),
                number(apart.and_then(|i| i.high)),
                number(next.and_then(|next| next.more_comparisons)),
                number(drawn.and_then(|i| i.low)),
                number(drawn.and_then(|i| i.high)),
            ])?;
        }
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
