//! `[server]`: where the service listens.

use std::net::SocketAddr;

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 takes a free one, which the first line of output names.
    pub bind: SocketAddr,
    /// Threads that serve requests; 0 = one per core.
    pub workers: usize,
    /// Seconds that a stopping service waits for calls in flight.
    pub drain_s: u64,
    /// Milliseconds that a page of figures over everything (leaderboard, agreement) waits for them before it says that they
    /// are being worked out; a fifth of it where older ones can be shown with their time.
    pub page_patience_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 8787)), workers: 0, drain_s: 20, page_patience_ms: 150 }
    }
}

impl Server {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.workers > 256 {
            return Err(ConfigError::wrong("[server] workers", format!("{} is more than 256", self.workers)));
        }
        Ok(())
    }
}
