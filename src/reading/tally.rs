//! What became of the files that were to be read, for operators and for those who measure.

use std::sync::atomic::{AtomicU64, Ordering};

const FILES: &str = "empanel_files_total";

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A reader gave its account, be it that the file is unreadable.
    Read,
    /// It had been read before.
    Kept,
    /// Stopped at the limit of time.
    TooSlow,
    /// Stopped at the limit of memory.
    OutOfMemory,
    /// Its reader's process or thread ended early.
    Died,
    /// No reader could be started or understood.
    Unusable,
}

impl End {
    const ALL: [Self; 6] = [Self::Read, Self::Kept, Self::TooSlow, Self::OutOfMemory, Self::Died, Self::Unusable];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Kept => "kept",
            Self::TooSlow => "too_slow",
            Self::OutOfMemory => "out_of_memory",
            Self::Died => "died",
            Self::Unusable => "unusable",
        }
    }
}

/// Counts since the start of this process.
#[derive(Debug, Default)]
pub struct Tally([AtomicU64; End::ALL.len()]);

impl Tally {
    pub(super) fn add(&self, end: End) {
        self.0[end as usize].fetch_add(1, Ordering::Relaxed);
        metrics::counter!(FILES, "end" => end.as_str()).increment(1);
    }

    #[must_use]
    pub fn of(&self, end: End) -> u64 {
        self.0[end as usize].load(Ordering::Relaxed)
    }

    /// Files for which a reader was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        End::ALL.into_iter().filter(|end| *end != End::Kept).map(|end| self.of(end)).sum()
    }
}

/// Says what the counter means, once a recorder is there.
pub fn describe_metrics() {
    for end in End::ALL {
        metrics::counter!(FILES, "end" => end.as_str()).increment(0);
    }
    metrics::describe_counter!(FILES, "Files of submissions, by what became of reading them.");
}
