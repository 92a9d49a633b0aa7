//! Judges and panels as they are configured, without anything secret.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{JudgeSpec, Panel};

#[derive(Debug, Serialize, ToSchema)]
pub struct Judges {
    pub items: Vec<JudgeBody>,
    pub panels: Vec<PanelBody>,
    /// The panel of a grading that names none.
    pub default_panel: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeBody {
    pub name: String,
    pub provider: String,
    /// As asked for; the model that answered is in each vote.
    pub model: String,
    /// What else shapes its answers.
    pub settings: serde_json::Value,
    /// Whether it takes images.
    pub vision: bool,
    pub max_input_chars: u64,
    /// USD per million tokens; null if it is not known.
    pub price: Option<PriceBody>,
    pub fingerprint: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PriceBody {
    pub input: f64,
    pub cached_input: Option<f64>,
    pub output: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PanelBody {
    pub name: String,
    pub judges: Vec<String>,
    pub repeats: u32,
    pub quorum: u32,
    /// `majority`, `weighted`, `unanimous`, `mean` or `median`.
    pub aggregation: &'static str,
    pub min_coverage: f64,
}

impl From<&JudgeSpec> for JudgeBody {
    fn from(spec: &JudgeSpec) -> Self {
        Self {
            name: spec.name.to_string(),
            provider: spec.provider.clone(),
            model: spec.model.clone(),
            settings: without_credentials(spec.settings.clone()),
            vision: spec.vision,
            max_input_chars: spec.max_input_chars,
            price: spec.price.map(|p| PriceBody { input: p.input, cached_input: p.cached_input, output: p.output }),
            fingerprint: spec.fingerprint().to_string(),
        }
    }
}

impl From<&Panel> for PanelBody {
    fn from(panel: &Panel) -> Self {
        Self {
            name: panel.name.to_string(),
            judges: panel.judges.iter().map(|judge| judge.name.to_string()).collect(),
            repeats: panel.repeats,
            quorum: panel.quorum,
            aggregation: panel.aggregation.as_str(),
            min_coverage: panel.min_coverage,
        }
    }
}

/// Settings hold no secrets, but an address may carry a user and a password, or a key in its query.
fn without_credentials(settings: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match settings {
        Value::String(text) => Value::String(match text.split_once("://") {
            Some((scheme, rest)) => {
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
            }
            None => text,
        }),
        Value::Array(items) => Value::Array(items.into_iter().map(without_credentials).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(k, v)| (k, without_credentials(v))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_who_may_use_it() {
        let settings = serde_json::json!({"base_url": "https://user:pw@host:8080/v1?key=s3cret", "effort": "high"});
        let shown = without_credentials(settings);
        assert_eq!(shown, serde_json::json!({"base_url": "https://host:8080/v1", "effort": "high"}));
    }
}
