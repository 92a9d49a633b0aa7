//! `[server]`: where the service listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 takes a free one, which the first line of output names.
    pub bind: SocketAddr,
    /// Threads that serve requests; 0 = one per core.
    pub workers: usize,
    /// Certificate chain (PEM) for https; with `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Connections at the same time; further ones wait.
    pub max_connections: usize,
    /// Seconds that a stopping service waits for calls and requests in flight, `notice_s` included.
    pub drain_s: u64,
    /// Seconds for which a stopping service still takes requests while `/readyz` answers 503. Without it: 3 where others
    /// may work on the same store, else 0.
    pub notice_s: Option<u64>,
    /// Milliseconds that a page of figures over everything (leaderboard, agreement) waits for them before it says that they
    /// are being worked out; a fifth of it where older ones can be shown with their time.
    pub page_patience_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8787)),
            workers: 0,
            tls_cert: None,
            tls_key: None,
            max_connections: 16_384,
            drain_s: 20,
            notice_s: None,
            page_patience_ms: 150,
        }
    }
}

impl Server {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.workers > 256 {
            return Err(ConfigError::wrong("[server] workers", format!("{} is more than 256", self.workers)));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let message = "tls_cert and tls_key go together; give both, or neither for http";
            return Err(ConfigError::wrong("[server] tls_cert", message));
        }
        if self.max_connections < 16 {
            let message = format!("{} is less than 16", self.max_connections);
            return Err(ConfigError::wrong("[server] max_connections", message));
        }
        if !(1..=3_600).contains(&self.drain_s) {
            return Err(ConfigError::wrong("[server] drain_s", format!("{} is not from 1 to 3600", self.drain_s)));
        }
        if self.notice_s.is_some_and(|notice| notice >= self.drain_s) {
            let message = format!("is not below drain_s, which is {}", self.drain_s);
            return Err(ConfigError::wrong("[server] notice_s", message));
        }
        Ok(())
    }

    /// How long a stopping service still takes requests.
    #[must_use]
    pub fn notice(&self, is_shared: bool) -> Duration {
        const FOR_OTHERS_S: u64 = 3;
        let most = self.drain_s.saturating_sub(1);
        Duration::from_secs(self.notice_s.unwrap_or(if is_shared { FOR_OTHERS_S } else { 0 }).min(most))
    }
}
