//! Leaderboards.

use serde::Serialize;
use utoipa::ToSchema;

use crate::ranking::leaderboard::{Board, Leaderboard, Row};

#[derive(Debug, Serialize, ToSchema)]
pub struct LeaderboardBody {
    /// `bradley_terry`, `win_rate` or `score`.
    pub method: &'static str,
    /// `with` or `without` human decisions.
    pub overrides: &'static str,
    /// One board, or one per sector or occupation.
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
    pub both_bad: usize,
    pub inconclusive: usize,
    /// What a reader must know.
    pub notes: Vec<String>,
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

impl From<&Leaderboard> for LeaderboardBody {
    fn from(leaderboard: &Leaderboard) -> Self {
        let Leaderboard { method, overrides, boards } = leaderboard;
        Self { method, overrides, boards: boards.iter().map(BoardBody::from).collect() }
    }
}

impl From<&Board> for BoardBody {
    fn from(board: &Board) -> Self {
        let Board { slice, rows, tasks, battles, judged, imported, both_bad, inconclusive, notes, .. } = board;
        Self {
            slice: slice.clone(),
            rows: rows.iter().map(RowBody::from).collect(),
            tasks: *tasks,
            battles: *battles,
            judged: *judged,
            imported: *imported,
            both_bad: *both_bad,
            inconclusive: *inconclusive,
            notes: notes.clone(),
        }
    }
}

impl From<&Row> for RowBody {
    fn from(row: &Row) -> Self {
        let Row { system, rating, interval, undefined, rank, n, wins, ties, losses, group, regularised, .. } = row;
        Self {
            system: system.clone(),
            rating: *rating,
            interval: interval.as_ref().map(|i| RowIntervalBody {
                low: i.low,
                high: i.high,
                level: i.level,
                method: i.method.clone(),
            }),
            undefined: undefined.clone(),
            rank: rank.map(|(best, worst)| RankBody { best, worst }),
            n: *n,
            wins: *wins,
            ties: *ties,
            losses: *losses,
            group: *group,
            regularised: *regularised,
        }
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
    ])?;
    for board in &leaderboard.boards {
        for row in &board.rows {
            let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
            let interval = row.interval.as_ref();
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
            ])?;
        }
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A name that a spreadsheet would run as a formula is shown as text.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() }
}
