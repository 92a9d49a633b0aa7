//! What operators see: logs on stderr, and traces where a collector is configured.
//!
//! `EMPANEL_LOG=debug` says how much (`empanel::judge=trace,warn`), `EMPANEL_LOG_FORMAT=json` makes each line an object.

#[cfg(feature = "otel")]
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::{Failure, show};
use crate::config::Config;
use crate::telemetry::Settings;

/// How long the last spans may take to be sent.
#[cfg(feature = "otel")]
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// Logs alone.
pub(super) fn log(default: &str) {
    // A second call in one process (tests) keeps the first logger.
    let _ = tracing_subscriber::registry().with(lines(default)).try_init();
}

/// The lines of the log. Spans of traces are not among them.
fn lines<S>(default: &str) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let filter = EnvFilter::try_from_env("EMPANEL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let lines = fmt::layer().with_writer(std::io::stderr);
    match std::env::var("EMPANEL_LOG_FORMAT").as_deref() {
        Ok("json") => lines.json().with_filter(filter).boxed(),
        _ => lines.with_ansi(show::colours_on_stderr()).with_filter(filter).boxed(),
    }
}

/// Traces that are sent until [`Self::end`].
pub(super) struct Traces {
    #[cfg(feature = "otel")]
    running: Option<crate::telemetry::Tracing>,
}

impl Traces {
    /// Sends what is left.
    pub async fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(running) = self.running {
            // It blocks while tasks of this runtime send.
            let _ = tokio::task::spawn_blocking(move || running.end(SEND_WITHIN)).await;
        }
    }
}

/// Logs, and traces where the configuration or the environment says where to.
///
/// # Errors
/// If traces are to go where they cannot.
pub(super) fn log_and_trace(default: &str, config: &Config) -> Result<Traces, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let section = &config.telemetry;
    let name = section.service_name.clone().or_else(|| variable("OTEL_SERVICE_NAME"));
    let settings = section.url(variable).map(|url| Settings {
        url,
        service: name.unwrap_or_else(|| "empanel".to_owned()),
        instance: config.replicas.name.clone().unwrap_or_else(|| format!("process {}", std::process::id())),
        ratio: section.sample_ratio,
    });
    start(default, settings)
}

#[cfg(feature = "otel")]
fn start(default: &str, settings: Option<Settings>) -> Result<Traces, Failure> {
    let Some(settings) = settings else {
        log(default);
        return Ok(Traces { running: None });
    };
    let running = crate::telemetry::Tracing::start(&settings)
        .map_err(|error| Failure::mistake(format!("[telemetry] {}: {error}", settings.url)))?;
    let _ = tracing_subscriber::registry().with(running.layer()).with(lines(default)).try_init();
    Ok(Traces { running: Some(running) })
}

#[cfg(not(feature = "otel"))]
fn start(default: &str, settings: Option<Settings>) -> Result<Traces, Failure> {
    log(default);
    if let Some(Settings { url, .. }) = settings {
        let way_out = "build it with `--features otel`";
        tracing::warn!(url, way_out, "traces are configured, and this build has no part that sends them");
    }
    Ok(Traces {})
}
