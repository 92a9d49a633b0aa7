//! `[reading]`: how files are read and their pages drawn.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingSection {
    /// Where readers run: `process` (workers of their own) or `thread` (in the service).
    pub isolation: Isolation,
    /// Worker processes at the same time; 0 = one per core.
    pub workers: usize,
    /// Seconds that a worker may take for one file.
    pub timeout_s: u64,
    /// Mebibytes of address space of one worker.
    pub memory_mb: u64,
    /// The folder of what was read once; without it, beside the files if those are in a folder. `""`: nothing is kept.
    pub cache: Option<PathBuf>,
    /// Mebibytes of that folder at most.
    pub cache_mb: u64,
    /// Draws the pages of Office files: `auto` (where it is found), `off`, or the path of `soffice`.
    pub libreoffice: String,
    /// Seconds that LibreOffice may take for one file.
    pub libreoffice_timeout_s: u64,
    /// Bytes of address space of each of its processes.
    pub libreoffice_memory_bytes: u64,
    /// Files that it converts at the same time.
    pub libreoffice_at_once: usize,
}

impl Default for ReadingSection {
    fn default() -> Self {
        Self {
            isolation: Isolation::Process,
            workers: 0,
            timeout_s: 60,
            memory_mb: 2_048,
            cache: None,
            cache_mb: 1_024,
            libreoffice: "auto".to_owned(),
            libreoffice_timeout_s: 60,
            libreoffice_memory_bytes: 3 << 30,
            libreoffice_at_once: 2,
        }
    }
}

/// Where readers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    Process,
    Thread,
}

/// The setting `libreoffice`, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LibreOffice {
    Auto,
    Off,
    At(PathBuf),
}

impl ReadingSection {
    #[must_use]
    pub fn libreoffice(&self) -> LibreOffice {
        match self.libreoffice.as_str() {
            "auto" => LibreOffice::Auto,
            "off" => LibreOffice::Off,
            path => LibreOffice::At(path.into()),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::wrong(format!("[reading] {key}"), message));
        if !(1..=3_600).contains(&self.timeout_s) {
            return wrong("timeout_s", format!("{} is not between 1 and 3600", self.timeout_s));
        }
        if self.memory_mb < 256 {
            return wrong("memory_mb", format!("{} is less than a reader needs; use at least 256", self.memory_mb));
        }
        if let LibreOffice::At(path) = self.libreoffice()
            && !path.is_absolute()
        {
            return wrong(
                "libreoffice",
                format!("{:?} is none of \"auto\", \"off\" and an absolute path", self.libreoffice),
            );
        }
        if !(1..=3_600).contains(&self.libreoffice_timeout_s) {
            return wrong("libreoffice_timeout_s", format!("{} is not between 1 and 3600", self.libreoffice_timeout_s));
        }
        if self.libreoffice_memory_bytes < 512 << 20 {
            return wrong(
                "libreoffice_memory_bytes",
                format!(
                    "{} is less than LibreOffice starts with; use at least 536870912",
                    self.libreoffice_memory_bytes
                ),
            );
        }
        if !(1..=64).contains(&self.libreoffice_at_once) {
            return wrong("libreoffice_at_once", format!("{} is not between 1 and 64", self.libreoffice_at_once));
        }
        Ok(())
    }
}
