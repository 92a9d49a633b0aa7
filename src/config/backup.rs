//! `[backup]`: backups that the service takes by itself.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSection {
    /// Where they are put, a file each; without it there are none.
    pub folder: Option<PathBuf>,
    /// Hours between two of them.
    pub every_h: f64,
    /// So many are kept; older ones are removed.
    pub keep: usize,
    /// With the uploaded files; without, where those are backed up elsewhere.
    pub files: bool,
}

impl Default for BackupSection {
    fn default() -> Self {
        Self { folder: None, every_h: 24.0, keep: 7, files: true }
    }
}

impl BackupSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: &str| Err(ConfigError::wrong(format!("[backup] {key}"), message));
        if !(0.000_1..=8_760.0).contains(&self.every_h) {
            return wrong("every_h", "is from 0.0001 hours to a year");
        }
        if self.keep == 0 {
            return wrong("keep", "is at least 1");
        }
        Ok(())
    }
}
