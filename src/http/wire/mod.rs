//! The shapes of requests and answers: what `CONTRACT.md` says, as types. They are not the domain's: a record may
//! change without the outside noticing, and the outside is never told a record's inside.
//!
//! Requests refuse unknown fields by name. Ids that are no ids, names that are no names and numbers that are no
//! numbers are refused here, with the field's pointer.

pub mod aggregation;
pub mod agreement;
pub mod attempts;
pub mod audit;
pub mod change;
pub mod comparison;
pub mod draft;
pub mod estimates;
pub mod families;
pub mod grading;
pub mod judge;
pub mod judge_report;
pub mod key;
pub mod leaderboard;
pub mod quote;
pub mod review;
pub mod reviewing;
pub mod rubric;
pub mod seen;
pub mod submission;
pub mod systems;
pub mod task;
pub mod text;
pub mod verdict;
pub mod vote;
pub mod webhook;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::StoredFile;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// Send it back as `cursor`; null on the last page.
    pub next_cursor: Option<String>,
}

/// What was accepted; ask for it under the `Location`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    pub id: Uuid,
    #[schema(example = "queued")]
    pub status: String,
}

/// A file as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileInfo {
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl From<&StoredFile> for FileInfo {
    fn from(file: &StoredFile) -> Self {
        let StoredFile { name, media_type, bytes, sha256 } = file;
        Self { name: name.to_string(), media_type: media_type.clone(), bytes: *bytes, sha256: sha256.clone() }
    }
}

/// Text for a cell of a CSV file: what a spreadsheet would run as a formula is shown as text.
#[must_use]
pub fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
