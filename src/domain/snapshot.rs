//! A leaderboard as it was at a time. It is kept whole and never computed again: what it was made of changes.

use serde::{Deserialize, Serialize};

use super::{SnapshotId, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub label: Option<String>,
    /// How it was asked for; two snapshots are compared where this is the same.
    pub asked: SnapshotAsked,
    pub boards: Vec<SnapshotBoard>,
    pub created_at: Timestamp,
}

/// What was wanted, in the words of the query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SnapshotAsked {
    pub method: String,
    pub overrides: String,
    /// Where battles came from; `None` for scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_rating: Option<f64>,
    /// Whose answers counted, where it was not everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judges: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric_id: Option<String>,
    /// `auto` or `on`; `None` where judges were pooled without asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_aware: Option<String>,
    /// What was held equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// Whom `wins_or_ties` was against, where it was not `human`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Judges whose battles were taken for humans' answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humans: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotBoard {
    pub slice: Option<String>,
    pub rows: Vec<SnapshotRow>,
    pub tasks: u64,
    pub battles: u64,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRow {
    pub system: String,
    pub rating: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: Option<f64>,
    pub undefined: Option<String>,
    /// Best and worst rank that the data left open.
    pub rank: Option<(u64, u64)>,
    pub n: u64,
    pub group: u64,
    pub regularised: bool,
}
