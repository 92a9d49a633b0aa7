//! `[oidc]`: the identity provider by which people log in to the pages.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::domain::ProjectId;

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcSection {
    /// Its address, as its discovery document says it. Left out: people log in with keys.
    pub issuer: Option<String>,
    pub client_id: String,
    /// The variable that holds the client's secret; left out for a public client.
    pub client_secret_env: Option<String>,
    /// The same from a file.
    pub client_secret_file: Option<PathBuf>,
    /// How browsers reach this service: `https://empanel.example.com`. The provider sends them back to
    /// `<url>/login/oidc/back`.
    pub url: String,
    /// Asked for besides `openid`; left out: `email` and `profile`.
    pub scopes: Option<Vec<String>>,
    /// The claim by which people are known; left out: `email`.
    pub name_claim: Option<String>,
    /// The claim that grants look at; left out: `groups`.
    pub claim: Option<String>,
    /// Who may do what; the first that fits counts.
    pub grants: Vec<OidcGrant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcGrant {
    /// What stands in the claim.
    pub value: String,
    /// `submitter`, `reviewer` or `admin`.
    pub role: String,
    pub project: ProjectId,
}

impl OidcSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::wrong(format!("[oidc] {key}"), message));
        let Some(issuer) = &self.issuer else {
            let untouched = Self::default() == *self;
            return if untouched {
                Ok(())
            } else {
                wrong("issuer", "is missing; the rest says nothing without it".to_owned())
            };
        };
        let is_secure = |url: &str| {
            let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
            url.starts_with("https://") || local.iter().any(|own| url.starts_with(own))
        };
        if !is_secure(issuer) {
            return wrong("issuer", format!("{issuer:?} is not https://, and anybody on the way could be it"));
        }
        if !is_secure(&self.url) {
            return wrong(
                "url",
                format!("{:?} is not https://…, the address at which browsers reach this service", self.url),
            );
        }
        if self.client_id.is_empty() {
            return wrong("client_id", "is missing; the provider gives it".to_owned());
        }
        if self.client_secret_env.is_some() && self.client_secret_file.is_some() {
            return wrong("client_secret_env", "and client_secret_file are both given; keep one".to_owned());
        }
        if self.grants.is_empty() {
            return wrong("grants", "has none; nobody could do anything. Add [[oidc.grants]]".to_owned());
        }
        if let Some(grant) = self.grants.iter().find(|g| !["submitter", "reviewer", "admin"].contains(&g.role.as_str()))
        {
            return wrong("grants", format!("there is no role {:?}; use submitter, reviewer or admin", grant.role));
        }
        Ok(())
    }
}
