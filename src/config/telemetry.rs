//! `[telemetry]`: where traces go. Without it, and without the standard variables of OpenTelemetry, nothing is traced.

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySection {
    /// The collector: `http://collector:4318`; spans are posted to `/v1/traces` below it (OTLP over HTTP, protobuf).
    /// Without it: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (as it is) or `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp_endpoint: Option<String>,
    /// What the service is called in traces; without it `OTEL_SERVICE_NAME`, or `empanel`.
    pub service_name: Option<String>,
    /// The share of traces that begin here and are sent, 0 to 1.
    pub sample_ratio: f64,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self { otlp_endpoint: None, service_name: None, sample_ratio: 1.0 }
    }
}

impl TelemetrySection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::wrong(format!("[telemetry] {key}"), message));
        if let Some(endpoint) = &self.otlp_endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            return wrong("otlp_endpoint", format!("{endpoint:?} is no address; write http://collector:4318"));
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return wrong("sample_ratio", format!("{} is not from 0 to 1", self.sample_ratio));
        }
        Ok(())
    }

    /// Where spans are posted; `None` where nobody asked for traces. `variable` reads the environment.
    #[must_use]
    pub fn url(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let own = self.otlp_endpoint.clone().map(below);
        let of_traces = || variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        own.or_else(of_traces).or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_where_the_file_says_then_where_the_standard_variables_say_and_else_nowhere() {
        let of = |endpoint: Option<&str>, environment: &[(&str, &str)]| {
            let section = TelemetrySection { otlp_endpoint: endpoint.map(str::to_owned), ..Default::default() };
            let find = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            section.url(find)
        };
        let both =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4318"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/x")];
        assert_eq!(of(None, &[]), None);
        assert_eq!(of(Some("http://a:4318/"), &both).as_deref(), Some("http://a:4318/v1/traces"));
        assert_eq!(of(None, &both).as_deref(), Some("http://c/x"));
        assert_eq!(of(None, &both[..1]).as_deref(), Some("http://b:4318/v1/traces"));
        assert_eq!(of(Some("http://a"), &[("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(of(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
    }
}
