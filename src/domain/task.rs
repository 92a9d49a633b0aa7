//! What was asked, and what was handed in.

use serde::{Deserialize, Serialize};

use super::{FileName, RubricId, SubmissionId, SystemName, TaskId, Timestamp};

/// A file that is kept: its bytes live in the blob store under `sha256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    pub name: FileName,
    pub media_type: String,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// What was asked: GDPval's columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub prompt: String,
    pub sector: Option<String>,
    pub occupation: Option<String>,
    pub rubric_id: Option<RubricId>,
    pub references: Vec<StoredFile>,
    pub created_at: Timestamp,
}

/// One system's deliverable for one task: text and/or files. Never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    pub id: SubmissionId,
    pub task_id: Option<TaskId>,
    pub system: SystemName,
    /// The system's final message, where there is one.
    pub text: Option<String>,
    pub files: Vec<StoredFile>,
    /// What producing it cost, in USD; unknown is `None`, never 0.
    pub cost_usd: Option<f64>,
    pub duration_s: Option<f64>,
    pub tokens: Option<u64>,
    /// The steps the system took, as it gave them.
    pub trace: Option<serde_json::Value>,
    pub metadata: Option<serde_json::Value>,
    pub created_at: Timestamp,
}
