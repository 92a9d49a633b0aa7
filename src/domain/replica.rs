//! Equal processes over one store: who is there, and who works on what.

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
