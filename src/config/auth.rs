//! `[auth]`: who comes in, for how long, and how much a key may ask for.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::domain::ProjectId;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSection {
    /// The variable that holds an admin's key: it is kept as a hash when the service starts, and the one before it is
    /// revoked. Keys that could be guessed are refused.
    pub admin_key_env: Option<String>,
    /// The same from a file.
    pub admin_key_file: Option<PathBuf>,
    /// The project of that key.
    pub admin_project: ProjectId,
    /// Seconds for which a browser stays logged in that does not come back.
    pub session_idle_s: u64,
    /// Seconds for which it stays logged in at most.
    pub session_max_s: u64,
    /// Requests a minute of a key that has no limit of its own, at each replica; 0 = any number.
    pub requests_per_minute: u32,
    /// Gradings, comparisons and drafts a day (UTC) of such a key; 0 = any number.
    pub work_per_day: u32,
    /// Whether an address that sends wrong keys is answered later and later. Behind a proxy all have the proxy's.
    pub slow_wrong_keys: bool,
}

impl Default for AuthSection {
    fn default() -> Self {
        Self {
            admin_key_env: None,
            admin_key_file: None,
            admin_project: ProjectId::parse("default").expect("it is a name"),
            session_idle_s: 8 * 3_600,
            session_max_s: 7 * 86_400,
            requests_per_minute: 0,
            work_per_day: 0,
            slow_wrong_keys: true,
        }
    }
}

impl AuthSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.admin_key_env.is_some() && self.admin_key_file.is_some() {
            return Err(ConfigError::wrong("[auth] admin_key_env", "and admin_key_file are both given; keep one"));
        }
        for (name, seconds) in [("session_idle_s", self.session_idle_s), ("session_max_s", self.session_max_s)] {
            if !(60..=90 * 86_400).contains(&seconds) {
                let message = format!("{seconds} is not from 60 to 7776000, 90 days");
                return Err(ConfigError::wrong(format!("[auth] {name}"), message));
            }
        }
        Ok(())
    }
}
