//! `[store]`: where records are kept.

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// `sled:PATH`, or `memory:` for a service that forgets.
    pub url: String,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { url: "sled:./empanel-data".to_owned() }
    }
}
