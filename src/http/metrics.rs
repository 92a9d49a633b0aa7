//! What `/metrics` counts. Names follow Prometheus: a prefix, a unit, `_total` for what only grows. No label is a
//! project, a system or anything else that users write: labels stay few, and the page needs no key.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::services::Services;

const REQUESTS: &str = "empanel_http_requests_total";
const SECONDS: &str = "empanel_http_request_seconds";
const RUNNING: &str = "empanel_running";

/// Upper bounds, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 120.0];

/// Counts from now on, in the whole process. The same however often it is asked for; `None` if somebody else took
/// the metrics first.
pub fn recorder() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?;
            let installed = builder.install_recorder();
            if let Err(error) = &installed {
                tracing::warn!(%error, "metrics are off");
            }
            describe();
            installed.ok()
        })
        .clone()
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(SECONDS, "Seconds until an answer began, by method and route.");
    describe_gauge!(RUNNING, "Gradings and comparisons that run now.");
    crate::services::describe_metrics();
    crate::reading::describe_metrics();
    crate::hooks::describe_metrics();
}

/// One answer. `route` is the pattern, never the address.
pub fn answered(method: &str, route: &str, status: u16, took: Duration) {
    // A method is the client's text: only known ones are labels.
    let method = match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    };
    counter!(REQUESTS, "method" => method.clone(), "route" => route.to_owned(), "status" => status.to_string())
        .increment(1);
    histogram!(SECONDS, "method" => method, "route" => route.to_owned()).record(took.as_secs_f64());
}

/// What is looked at when it is asked for.
pub fn look(services: &Services) {
    gauge!(RUNNING).set(u32::try_from(services.running.count()).unwrap_or(u32::MAX));
}
