//! `[files]`: where the bytes of deliverables are kept.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// `file:PATH`, `s3://BUCKET/PREFIX`, or `memory:`.
    pub url: String,
    /// S3: the server, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// S3: left out, the environment's, or `us-east-1`.
    pub region: Option<String>,
    /// S3: `https://endpoint/bucket/key`. Left out: yes with an endpoint, no without.
    pub path_style: Option<bool>,
    /// S3: the environment variables, or files, that hold the credentials. All left out: what the environment gives.
    pub access_key_id_env: Option<String>,
    pub access_key_id_file: Option<PathBuf>,
    pub secret_access_key_env: Option<String>,
    pub secret_access_key_file: Option<PathBuf>,
    pub session_token_env: Option<String>,
    /// Refused: credentials do not belong in this file.
    access_key_id: Option<toml::Value>,
    secret_access_key: Option<toml::Value>,
    session_token: Option<toml::Value>,
    /// S3: seconds for making a connection.
    pub connect_timeout_s: u64,
    /// S3: seconds between two pieces of an answer.
    pub read_timeout_s: u64,
    /// S3: seconds for which a request is tried again when the object store is away.
    pub patience_s: u64,
    /// Whether pictures are kept as judges were sent them: pages, pictures of documents, files that are pictures.
    pub keep_pictures: bool,
    /// Hours between two sweeps of files that no record names; 0 = never.
    pub sweep_every_h: u64,
    /// Hours for which such a file is left alone.
    pub sweep_grace_h: u64,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            url: "file:./empanel-data/files".to_owned(),
            endpoint: None,
            region: None,
            path_style: None,
            access_key_id_env: None,
            access_key_id_file: None,
            secret_access_key_env: None,
            secret_access_key_file: None,
            session_token_env: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            connect_timeout_s: 5,
            read_timeout_s: 20,
            patience_s: 10,
            keep_pictures: true,
            sweep_every_h: 24,
            sweep_grace_h: 24,
        }
    }
}

/// Without what may be a secret.
impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files")
            .field("url", &self.url.split('@').next_back())
            .field("region", &self.region)
            .field("access_key_id_env", &self.access_key_id_env)
            .field("secret_access_key_env", &self.secret_access_key_env)
            .finish_non_exhaustive()
    }
}

impl Files {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: &str| Err(ConfigError::wrong(format!("[files] {key}"), message));
        for (key, found) in [
            ("access_key_id", &self.access_key_id),
            ("secret_access_key", &self.secret_access_key),
            ("session_token", &self.session_token),
        ] {
            if found.is_some() {
                return wrong(
                    key,
                    &format!("credentials do not belong in this file; name a variable: {key}_env = \"…\""),
                );
            }
        }
        for (key, env, file) in [
            ("access_key_id", &self.access_key_id_env, &self.access_key_id_file),
            ("secret_access_key", &self.secret_access_key_env, &self.secret_access_key_file),
        ] {
            if env.is_some() && file.is_some() {
                return wrong(key, "its variable and its file are both named; keep one of them");
            }
        }
        let id = self.access_key_id_env.is_some() || self.access_key_id_file.is_some();
        let secret = self.secret_access_key_env.is_some() || self.secret_access_key_file.is_some();
        if id != secret || (self.session_token_env.is_some() && !id) {
            return wrong(
                "access_key_id_env",
                "access_key_id and secret_access_key belong together; name both or neither",
            );
        }
        if let Some(endpoint) = &self.endpoint {
            let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            if host.is_none_or(|host| host.trim_end_matches('/').is_empty() || host.contains(['@', '?', '#'])) {
                return wrong("endpoint", "is https://HOST:PORT (or http://…), without a name or password in it");
            }
        }
        for (key, seconds) in [
            ("connect_timeout_s", self.connect_timeout_s),
            ("read_timeout_s", self.read_timeout_s),
            ("patience_s", self.patience_s),
        ] {
            if !(1..=3_600).contains(&seconds) {
                return wrong(key, "is from 1 to 3600 seconds");
            }
        }
        if self.sweep_grace_h == 0 || self.sweep_grace_h > 24 * 365 {
            return wrong("sweep_grace_h", "is from 1 hour to a year");
        }
        if self.sweep_every_h > 24 * 365 {
            return wrong("sweep_every_h", "is at most a year; 0 = never");
        }
        Ok(())
    }
}
