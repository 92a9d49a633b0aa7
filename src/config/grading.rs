//! `[grading]`: how much runs at once.

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradingSection {
    /// Gradings and comparisons that run at the same time. Each holds its deliverable's text in memory; the
    /// calls in flight are bounded by the judges.
    pub max_running: usize,
    /// Seconds for which a claimed review belongs to its reviewer.
    pub lease_s: u64,
}

impl Default for GradingSection {
    fn default() -> Self {
        Self { max_running: 64, lease_s: 1_800 }
    }
}

impl GradingSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_running == 0 {
            return Err(ConfigError::wrong("[grading] max_running", "0 would never grade anything; use at least 1"));
        }
        if self.lease_s == 0 || self.lease_s > 7 * 24 * 3_600 {
            return Err(ConfigError::wrong("[grading] lease_s", "must be between 1 second and 7 days"));
        }
        Ok(())
    }
}
