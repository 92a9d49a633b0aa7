//! `[replicas]`: equal processes over one store.

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicasSection {
    /// Whether other processes work on the same store. Without it: as the store allows (PostgreSQL: yes; sled and
    /// memory belong to one process: no).
    pub shared: Option<bool>,
    /// What operators see of this process in the log and in the record of replicas.
    pub name: Option<String>,
    /// Seconds after which a replica that shows no life is taken for dead and its work is taken over.
    pub lease_s: u64,
    /// Seconds between two signs of life.
    pub beat_s: u64,
}

impl Default for ReplicasSection {
    fn default() -> Self {
        Self { shared: None, name: None, lease_s: 15, beat_s: 3 }
    }
}

impl ReplicasSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::wrong(format!("[replicas] {key}"), message));
        if !(1..=60).contains(&self.beat_s) {
            return wrong("beat_s", format!("{} is not between 1 and 60 seconds", self.beat_s));
        }
        if self.lease_s < self.beat_s * 3 || self.lease_s > 600 {
            let least = self.beat_s * 3;
            let message = format!("{} is not between {least} (three signs of life) and 600 seconds", self.lease_s);
            return wrong("lease_s", message);
        }
        Ok(())
    }
}
