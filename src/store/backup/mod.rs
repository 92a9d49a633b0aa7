//! Everything there is, records and files, in one file; and back.
//!
//! ```text
//! "empanel-backup 1\n"
//! frames: a letter, a length (8 bytes, big-endian), so many bytes
//!   H  what this is (JSON)                        first
//!   E  an entry: key length (4 bytes), key, value in the order of the keys
//!   C  nothing: from here on entries replace what came before
//!   D  a key that is gone
//!   F  a file: its SHA-256 (32 bytes), its bytes
//!   Z  how much there was (JSON)                  last
//! BLAKE3 of all of it (32 bytes)
//! ```
//!
//! Entries are the store's own, byte for byte: records of every kind and version, and their links. They are of one moment
//! ([`Backend::image`](super::Backend::image)), and files are read after them, so every file that an entry names is in the
//! backup if it was in its place. What was not, or was damaged, is counted and told. Left out is how often files were
//! swept: a restored store counts anew, and its files are those that it was given.
//!
//! Memory: a page of records, or one file, at a time.
//!
//! How to change the format: a new number in the first line, a reader for both, a backup of the old one in
//! `fixtures/backup/` with its lines in `frozen_test.rs`.

mod format;
#[cfg(test)]
mod frozen_test;
mod restore;
mod take;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConvertError, StoreError};
use crate::domain::Timestamp;

pub use restore::{Restored, restore};
pub use take::backup;

/// How the marker of a restore begins; the file follows.
pub(super) const FROM_BACKUP: &str = "backup ";

/// What stands at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    program: String,
    begun_at: Timestamp,
    /// Whether files are in it.
    files: bool,
}

/// What is in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Records and links that the walk came upon.
    pub entries: u64,
    /// Of them, and others, what was written meanwhile and is in it as it was in the end.
    pub changes: u64,
    pub files: u64,
    pub file_bytes: u64,
    /// Files that a record names and that are not in their place.
    pub missing: u64,
    /// Files that are not what they were when they were put; they are not in the backup.
    pub damaged: u64,
    /// Some of the missing and damaged ones.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStep {
    /// The backup was read from end to end.
    Read {
        bytes: u64,
    },
    Entries {
        entries: u64,
    },
    Files {
        files: u64,
    },
    /// An earlier run had restored so many entries.
    GoesOn {
        entries: u64,
    },
    /// What was restored is compared with the backup.
    Compared {
        entries: u64,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Target(#[from] ConvertError),
    #[error("{path}: {detail}")]
    Io { path: PathBuf, detail: String },
    #[error("{path} is there already; name another file, or a folder")]
    Exists { path: PathBuf },
    #[error("{path} is no backup of empanel: {detail}")]
    NoBackup { path: PathBuf, detail: String },
    #[error(
        "{path} has backup format {found}, this build knows up to {known}; restore it with the newer build that wrote it"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{path} is cut off after {bytes} bytes; nothing was restored from it")]
    CutOff { path: PathBuf, bytes: u64 },
    #[error("{path} is damaged: {detail}; nothing was restored from it")]
    Damaged { path: PathBuf, detail: String },
    #[error(
        "what is in the store is not what is in the backup ({kind}: {detail}); somebody else wrote to it. Take an empty one"
    )]
    Differs { kind: String, detail: String },
}

/// Where a file's name is told from other text of 64 digits: a record that keeps a file says so with these words.
const NAMED: &[u8] = b"\"sha256\":\"";

/// The files that an entry names.
fn named(value: &[u8]) -> impl Iterator<Item = String> {
    memchr::memmem::find_iter(value, NAMED).filter_map(|at| {
        let start = at + NAMED.len();
        let digits = value.get(start..start + 64).filter(|_| value.get(start + 64) == Some(&b'"'))?;
        let is_hash = digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| String::from_utf8_lossy(digits).into_owned())
    })
}

/// Examples of missing and damaged files that are kept.
const EXAMPLES: usize = 20;
