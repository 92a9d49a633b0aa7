//! Equal processes over one store: who is there, and who works on what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ReplicaId, Timestamp};

/// A process that serves and works. Its clock is never compared with another's: whoever wants to know whether it lives
/// looks whether `beat` moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    pub id: ReplicaId,
    /// For operators: host and process.
    pub name: String,
    /// One more every few seconds.
    pub beat: u64,
    /// By its own clock.
    pub started_at: Timestamp,
}

/// Who works on a grading, a comparison, a draft, or on what only one may do. A lease has no time in it: it is as good as
/// the life of its replica, and who takes it over from a dead one changes its revision, which fences what the other still
/// writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkLease {
    /// What is worked on: `grading/<id>`.
    pub of: String,
    pub replica: ReplicaId,
    /// How often it was taken over from a replica that was taken for dead.
    pub takeovers: u32,
    pub taken_at: Timestamp,
}

/// What a project may still spend in a month, where several replicas spend it: each sets some aside for itself, and the
/// sum is never more than the budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthBudget {
    /// `2026-11`.
    pub month: String,
    /// By those who are gone, US dollars.
    pub spent_usd: f64,
    /// By replica, of what it has spent and what it may spend; US dollars.
    pub set_aside_usd: BTreeMap<ReplicaId, f64>,
}

impl MonthBudget {
    /// What is spent or set aside, US dollars.
    #[must_use]
    pub fn taken(&self) -> f64 {
        self.spent_usd + self.set_aside_usd.values().sum::<f64>()
    }
}
