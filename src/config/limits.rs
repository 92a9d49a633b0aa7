//! `[limits]`: what one request may bring.

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Bytes of one uploaded file.
    pub max_file_bytes: u64,
    /// Files of one submission.
    pub max_files: usize,
    /// Bytes of all files of one request together.
    pub max_upload_bytes: u64,
    /// Bytes of a JSON body.
    pub max_json_bytes: usize,
    /// Rows of one import of battles.
    pub max_battles: usize,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            max_file_bytes: 50 << 20,
            max_files: 50,
            max_upload_bytes: 200 << 20,
            max_json_bytes: 8 << 20,
            max_battles: 1_000_000,
        }
    }
}
