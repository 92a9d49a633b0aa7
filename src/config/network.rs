//! `[network]`: where judges may be.

use serde::Deserialize;

use super::ConfigError;
use crate::guard::{Guard, Network};

/// What a judge's `base_url` may lead to besides public addresses. An address that stands in `base_url` itself, and
/// `localhost`, need no entry: whoever wrote them knew where they lead. A name does not say that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSection {
    /// Names may lead to loopback, private, link-local and carriers' addresses.
    pub allow_private: bool,
    /// Networks that they may lead to all the same: `10.1.0.0/16`.
    pub allow: Vec<String>,
}

impl NetworkSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.networks().map(|_| ())
    }

    fn networks(&self) -> Result<Vec<Network>, ConfigError> {
        let read = |text: &String| {
            text.parse::<Network>().map_err(|error| ConfigError::wrong("[network] allow", error.to_string()))
        };
        self.allow.iter().map(read).collect()
    }

    /// For what names lead to.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard { allow_private: self.allow_private, allow: self.networks().unwrap_or_default() }
    }
}
