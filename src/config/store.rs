//! `[store]`: where records are kept.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// `sled:PATH`, `postgres://USER@HOST/DATABASE`, or `memory:` for a service that forgets.
    pub url: String,
    /// PostgreSQL: the environment variable that holds the password.
    pub password_env: Option<String>,
    /// PostgreSQL: a file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Refused: a password does not belong in this file.
    password: Option<toml::Value>,
    /// PostgreSQL: connections of this process, at most.
    pub max_connections: u32,
    /// PostgreSQL: seconds for making a connection, and for waiting until one is free.
    pub connect_timeout_s: u64,
    /// PostgreSQL: seconds for one statement.
    pub statement_timeout_s: u64,
    /// PostgreSQL: seconds for which something is tried again when the database is away or others are in the way.
    pub patience_s: u64,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: "sled:./empanel-data".to_owned(),
            password_env: None,
            password_file: None,
            password: None,
            max_connections: 16,
            connect_timeout_s: 5,
            statement_timeout_s: 30,
            patience_s: 10,
        }
    }
}

/// Without what may be a password.
impl std::fmt::Debug for StoreSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSection")
            .field("password_env", &self.password_env)
            .field("password_file", &self.password_file)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl StoreSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: &str| Err(ConfigError::wrong(format!("[store] {key}"), message));
        if self.password.is_some() {
            return wrong(
                "password",
                "a password does not belong in this file; name its variable: password_env = \"EMPANEL_DB_PASSWORD\"",
            );
        }
        if self.password_env.is_some() && self.password_file.is_some() {
            return wrong("password_file", "password_env says already where the password is; keep one of them");
        }
        if !(2..=1_000).contains(&self.max_connections) {
            return wrong("max_connections", "is from 2 to 1000");
        }
        for (key, seconds) in [
            ("connect_timeout_s", self.connect_timeout_s),
            ("statement_timeout_s", self.statement_timeout_s),
            ("patience_s", self.patience_s),
        ] {
            if !(1..=3_600).contains(&seconds) {
                return wrong(key, "is from 1 to 3600 seconds");
            }
        }
        Ok(())
    }
}
