//! What can go wrong with the store. Each error answers the caller's two questions: may I retry, and did it
//! happen?

use super::Revision;

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call fails again.
    Never,
    /// Read the record again, decide again, then commit again.
    AfterReload,
    /// The store may come back; a commit that is repeated must be one that may happen twice or that
    /// begins with an `insert`.
    Later,
}

/// Whether the commit took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    No,
    /// Not known: read before deciding.
    Perhaps,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer was first: reload and retry.
    #[error("{kind} `{key}` was changed by somebody else; read it again and decide again")]
    Conflict { kind: String, key: String },
    /// The lease that every write of this caller stands under is somebody else's by now: nothing was written, and
    /// nothing that this caller writes will be.
    #[error("the lease on `{key}` was taken over by another replica; what was done since is theirs to do")]
    Fenced { key: String },
    /// Unused files were swept since those of this commit were put: put them again, and commit again.
    #[error("unused files were swept while these were kept; send them again")]
    Swept,
    #[error("{kind} `{key}` cannot be read: {detail}; restore it from a backup, nothing was guessed")]
    Corrupt { kind: String, key: String, detail: String },
    #[error("{kind} `{key}` has format {found}, this build knows up to {known}; run the newer build that wrote it")]
    NewerRecord { kind: String, key: String, found: u32, known: u32 },
    #[error("{kind} `{key}` has format {found}, which cannot be brought to format {known}: {detail}")]
    NotUpgradable { kind: String, key: String, found: u32, known: u32, detail: String },
    /// Nothing was written.
    #[error("the store does not answer: {detail}")]
    Unavailable { detail: String },
    /// There is no room for what is to be kept.
    #[error("there is no room left in the store: {detail}")]
    Full { detail: String, happened: Happened },
    /// The write was begun and its end is not known.
    #[error("the store failed while writing: {detail}; whether it is kept shows after the next start")]
    Uncertain { detail: String },
    #[error("the store is closed")]
    Closed,
    #[error("`{url}` is not a store: {problem}")]
    InvalidUrl { url: String, problem: String },
    /// Half of another store is in it.
    #[error("{url} is the target of a {}", unfinished(from))]
    Unfinished { url: String, from: String },
    #[error(
        "{path} is in use by another process; stop the other empanel, or give this one a folder of its own (`sled:<folder>`)"
    )]
    Locked { path: String },
    #[error("{path}: {detail}")]
    Io { path: String, detail: String },
    #[error("{kind} `{key}` cannot be stored: {problem}")]
    InvalidRecord { kind: String, key: String, problem: String },
    #[error("the cursor {cursor:?} is not one of ours; start again from the first page")]
    InvalidCursor { cursor: String },
    #[error("file {sha256} is not in the store")]
    NoSuchFile { sha256: String },
    #[error("file {sha256} is damaged: {detail}; upload it again")]
    CorruptFile { sha256: String, detail: String },
}

/// How what was begun is ended.
fn unfinished(from: &str) -> String {
    match from.strip_prefix(super::backup::FROM_BACKUP) {
        // What tells this backup from others stands behind the file.
        Some(file) => format!(
            "restore that has not ended; run `empanel store restore {}` again",
            file.rsplit_once(" (").map_or(file, |(file, _)| file)
        ),
        None => format!("conversion that has not ended; run `empanel store convert --from {from} --to …` again"),
    }
}

impl StoreError {
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Conflict { .. } | Self::Swept => Retry::AfterReload,
            Self::Unavailable { .. }
            | Self::Full { .. }
            | Self::Uncertain { .. }
            | Self::Locked { .. }
            | Self::Io { .. } => Retry::Later,
            Self::Fenced { .. }
            | Self::Corrupt { .. }
            | Self::NewerRecord { .. }
            | Self::NotUpgradable { .. }
            | Self::Closed
            | Self::InvalidUrl { .. }
            | Self::Unfinished { .. }
            | Self::InvalidRecord { .. }
            | Self::InvalidCursor { .. }
            | Self::NoSuchFile { .. }
            | Self::CorruptFile { .. } => Retry::Never,
        }
    }

    #[must_use]
    pub fn happened(&self) -> Happened {
        match self {
            Self::Uncertain { .. } => Happened::Perhaps,
            Self::Full { happened, .. } => *happened,
            _ => Happened::No,
        }
    }

    /// What [`Self::kind`] may be.
    pub const KINDS: [&str; 5] = ["unavailable", "full", "uncertain", "corrupt", "closed"];

    /// For operators: what is wrong with the store. `None` where it is well and only the request could not be met.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { .. } | Self::Locked { .. } | Self::Io { .. } => Some("unavailable"),
            Self::Full { .. } => Some("full"),
            Self::Uncertain { .. } => Some("uncertain"),
            Self::Corrupt { .. } | Self::CorruptFile { .. } | Self::NotUpgradable { .. } => Some("corrupt"),
            Self::Closed => Some("closed"),
            Self::Conflict { .. }
            | Self::Fenced { .. }
            | Self::NewerRecord { .. }
            | Self::InvalidUrl { .. }
            | Self::Unfinished { .. }
            | Self::InvalidRecord { .. }
            | Self::InvalidCursor { .. }
            | Self::NoSuchFile { .. }
            | Self::Swept => None,
        }
    }

    pub(super) fn full(detail: impl Into<String>, happened: Happened) -> Self {
        Self::Full { detail: detail.into(), happened }
    }

    pub(super) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        let (path, detail) = (path.display().to_string(), error.to_string());
        if is_full(error) { Self::full(format!("{path}: {detail}"), Happened::No) } else { Self::Io { path, detail } }
    }
}

/// Whether there was no room: the disk is full, or what this user may have of it.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
