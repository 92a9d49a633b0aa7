//! What `/metrics` counts. Names follow Prometheus: a prefix, a unit, `_total` for what only grows. No label is a
//! project, a system or anything else that users write: labels stay few, and the page needs no key.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::services::Services;

const REQUESTS: &str = "empanel_http_requests_total";
const SECONDS: &str = "empanel_http_request_seconds";
const RUNNING: &str = "empanel_running";
const BUILD: &str = "empanel_build_info";
const STARTED: &str = "empanel_start_time_seconds";

/// Upper bounds, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 120.0];

/// A read of the embedded store takes microseconds.
const STORE_BUCKETS: [f64; 12] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Counts from now on, in the whole process. The same however often it is asked for; `None` if somebody else took
/// the metrics first.
pub fn recorder() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let store = Matcher::Prefix("empanel_store_".to_owned());
            let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?;
            let builder = builder.set_buckets_for_metric(store, &STORE_BUCKETS).ok()?;
            let installed = builder.install_recorder();
            if let Err(error) = &installed {
                tracing::warn!(%error, "metrics are off");
            }
            installed.ok()
        })
        .clone()
}

/// Says what is counted, and makes what can begin at 0 do so.
pub fn describe(services: &Services) {
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(SECONDS, "Seconds until an answer began, by method and route.");
    describe_gauge!(RUNNING, "Gradings and comparisons that run now.");
    describe_gauge!(BUILD, "1; its labels say which build runs.");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    describe_gauge!(STARTED, metrics::Unit::Seconds, "When the service started, as Unix time.");
    gauge!(STARTED).set(services.now().as_second() as f64);
    let judges = || services.judges.keys();
    crate::judge::describe_metrics(judges());
    crate::services::describe_metrics(judges());
    services.store.describe_metrics();
    services.blobs.describe_metrics();
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
