//! One line per request, with the error where one happened: an id, which the answer carries as `x-request-id`, the status and the milliseconds.
//! Addresses are logged without their query, bodies and keys never.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

use super::metrics;
use super::problem::Inside;
use crate::domain::Id;
use crate::services::Services;
use crate::telemetry;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone, Copy)]
struct RequestId(Uuid);

impl Id for RequestId {
    fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
    fn uuid(&self) -> Uuid {
        self.0
    }
}

/// The middleware.
///
/// # Errors
/// As the service behind it.
pub async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let began = Instant::now();
    let id = request.app_data::<web::Data<Services>>().map(|services| services.ids.next::<RequestId>().0);
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let method = request.method().to_string();
    let path: String = request.path().chars().take(300).collect();
    let span = tracing::info_span!("request", id);
    let traced = traced(&request, &method, &id);
    let mut response = next.call(request).instrument(traced.clone()).instrument(span.clone()).await?;
    let took = began.elapsed();
    let status = response.status().as_u16();
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    metrics::answered(&method, &route, status, took);
    traced.record("http.response.status_code", status);
    if status >= 500 {
        traced.record("otel.status_code", "ERROR");
    }
    drop(traced);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    let inside = response.response().extensions().get::<Inside>().cloned();
    span.in_scope(|| {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Some(Inside { code, error }) = inside {
            tracing::error!(method, path, status, ms, code, error, "failed");
        } else if is_probe(&path) {
            tracing::trace!(method, path, status, ms, "answered");
        } else {
            tracing::info!(method, path, status, ms, "answered");
        }
    });
    Ok(response)
}

/// What machines ask every few seconds.
fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// The span that is sent: part of the caller's trace, where they say of which.
fn traced(request: &ServiceRequest, method: &str, id: &str) -> tracing::Span {
    if is_probe(request.path()) {
        return tracing::Span::none();
    }
    // A span has the name that it began with.
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let span = tracing::info_span!(
        target: telemetry::TARGET,
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        empanel.request.id = id,
    );
    let of_caller = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::continues(&span, of_caller);
    span
}
