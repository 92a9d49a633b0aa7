//! `[reading]`: how files are read and their pages drawn.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingSection {
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
            libreoffice: "auto".to_owned(),
            libreoffice_timeout_s: 60,
            libreoffice_memory_bytes: 3 << 30,
            libreoffice_at_once: 2,
        }
    }
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
