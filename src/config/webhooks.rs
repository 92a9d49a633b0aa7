//! `[webhooks]`: how events are sent to those who asked for them, and where they may not go.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use crate::guard::Network;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksSection {
    /// Whether loopback, private, link-local and carriers' addresses may be called.
    pub allow_private: bool,
    /// Networks that may be called whatever they are, in CIDR notation.
    pub allow: Vec<String>,
    /// Whether `http://` may be used outside the networks that the two above allow.
    pub allow_http: bool,
    /// Seconds of one request.
    pub timeout_s: u64,
    /// Requests at the same time.
    pub max_concurrency: usize,
    /// Of them, to one webhook.
    pub max_concurrency_each: usize,
    /// Seconds after each failed attempt until the next; then it is given up.
    pub retries_s: Vec<u64>,
    /// Seconds for which an old secret goes on signing after a rotation.
    pub rotation_overlap_s: u64,
    /// Days for which it is kept what became of a delivery.
    pub keep_days: u64,
    /// Webhooks of one project.
    pub max_per_project: usize,
}

const DAY: u64 = 24 * 3_600;

impl Default for WebhooksSection {
    fn default() -> Self {
        Self {
            allow_private: false,
            allow: vec![],
            allow_http: false,
            timeout_s: 15,
            max_concurrency: 32,
            max_concurrency_each: 8,
            retries_s: vec![5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, DAY],
            rotation_overlap_s: DAY,
            keep_days: 30,
            max_per_project: 50,
        }
    }
}

impl WebhooksSection {
    /// The networks of `allow`; [`check`](Self::check) has told what is none.
    pub fn allowed(&self) -> Vec<Network> {
        self.allow.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The schedule of attempts.
    pub fn retries(&self) -> Vec<Duration> {
        self.retries_s.iter().copied().map(Duration::from_secs).collect()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::wrong(format!("[webhooks] {key}"), message));
        for text in &self.allow {
            if let Err(error) = text.parse::<Network>() {
                return wrong("allow", error.to_string());
            }
        }
        for (key, value, most) in [
            ("timeout_s", self.timeout_s, 300),
            ("max_concurrency", self.max_concurrency as u64, 4_096),
            ("max_concurrency_each", self.max_concurrency_each as u64, 4_096),
            ("keep_days", self.keep_days, 36_500),
            ("max_per_project", self.max_per_project as u64, 1_000),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(key, format!("{value} is not between 1 and {most}"));
            }
        }
        if self.rotation_overlap_s > 30 * DAY {
            return wrong("rotation_overlap_s", format!("{} is more than 30 days", self.rotation_overlap_s));
        }
        if self.retries_s.len() > 100 || self.retries_s.iter().any(|seconds| *seconds > 30 * DAY) {
            return wrong("retries_s", "holds at most 100 waits of at most 30 days".to_owned());
        }
        Ok(())
    }
}
