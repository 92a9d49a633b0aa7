//! `[files]`: where the bytes of deliverables are kept.

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// `file:PATH`, or `memory:`.
    pub url: String,
}

impl Default for Files {
    fn default() -> Self {
        Self { url: "file:./empanel-data/files".to_owned() }
    }
}
