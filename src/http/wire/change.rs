//! Leaderboards that were kept, and what changed since.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Id, Snapshot, SnapshotAsked, SnapshotBoard, SnapshotRow, Timestamp};
use crate::ranking::snapshot::Change;

/// One system against its place on an earlier leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeBody {
    pub system: String,
    pub before: Option<f64>,
    pub now: Option<f64>,
    /// On a common scale.
    pub difference: Option<f64>,
    /// Differences up to this are noise.
    pub band: Option<f64>,
    /// `better`, `worse`, `within_noise`, `not_comparable`, `new` or `gone`.
    pub verdict: &'static str,
}

impl From<&Change> for ChangeBody {
    fn from(change: &Change) -> Self {
        let Change { system, before, now, difference, band, verdict } = change;
        Self {
            system: system.clone(),
            before: *before,
            now: *now,
            difference: *difference,
            band: *band,
            verdict: verdict.as_str(),
        }
    }
}

/// Keep the leaderboard that the query asks for.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRequest {
    /// What it is kept for, up to 200 characters.
    pub label: Option<String>,
}

/// A leaderboard as it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotBody {
    pub id: Uuid,
    pub label: Option<String>,
    pub created_at: Timestamp,
    pub asked: AskedBody,
    /// Where one snapshot was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub boards: Option<Vec<SnapshotBoardBody>>,
}

/// How it was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskedBody {
    pub method: String,
    pub overrides: String,
    pub source: Option<String>,
    pub by: Option<String>,
    pub anchor: Option<String>,
    pub anchor_rating: Option<f64>,
    pub judges: Option<String>,
    pub panel: Option<String>,
    pub rubric_id: Option<String>,
    pub judge_aware: Option<String>,
    pub control: Option<String>,
    pub reference: Option<String>,
    pub humans: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotBoardBody {
    pub slice: Option<String>,
    pub tasks: u64,
    pub battles: u64,
    pub rows: Vec<SnapshotRowBody>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotRowBody {
    pub system: String,
    pub rating: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: Option<f64>,
    pub undefined: Option<String>,
    pub rank_best: Option<u64>,
    pub rank_worst: Option<u64>,
    pub n: u64,
    pub group: u64,
    pub regularised: bool,
}

impl SnapshotBody {
    #[must_use]
    pub fn head(snapshot: &Snapshot) -> Self {
        let SnapshotAsked {
            method,
            overrides,
            source,
            by,
            anchor,
            anchor_rating,
            judges,
            panel,
            rubric_id,
            judge_aware,
            control,
            reference,
            humans,
        } = snapshot.asked.clone();
        Self {
            id: snapshot.id.uuid(),
            label: snapshot.label.clone(),
            created_at: snapshot.created_at,
            asked: AskedBody {
                method,
                overrides,
                source,
                by,
                anchor,
                anchor_rating,
                judges,
                panel,
                rubric_id,
                judge_aware,
                control,
                reference,
                humans,
            },
            boards: None,
        }
    }

    #[must_use]
    pub fn whole(snapshot: &Snapshot) -> Self {
        let board = |board: &SnapshotBoard| SnapshotBoardBody {
            slice: board.slice.clone(),
            tasks: board.tasks,
            battles: board.battles,
            rows: board.rows.iter().map(row).collect(),
            notes: board.notes.clone(),
        };
        Self { boards: Some(snapshot.boards.iter().map(board).collect()), ..Self::head(snapshot) }
    }
}

fn row(row: &SnapshotRow) -> SnapshotRowBody {
    let SnapshotRow { system, rating, low, high, level, undefined, rank, n, group, regularised } = row.clone();
    SnapshotRowBody {
        system,
        rating,
        low,
        high,
        level,
        undefined,
        rank_best: rank.map(|rank| rank.0),
        rank_worst: rank.map(|rank| rank.1),
        n,
        group,
        regularised,
    }
}
