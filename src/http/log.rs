//! One line per request: an id, which the answer carries as `x-request-id`, the status and the milliseconds.
//! Addresses are logged without their query, bodies and keys never.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use tracing::Instrument;
use uuid::Uuid;

use super::metrics;
use crate::domain::Id;
use crate::services::Services;

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
    let mut response = next.call(request).instrument(span.clone()).await?;
    let took = began.elapsed();
    let status = response.status().as_u16();
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    metrics::answered(&method, &route, status, took);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    span.in_scope(|| {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if status >= 500 {
            tracing::error!(method, path, status, ms, "answered");
        } else if matches!(path.as_str(), "/healthz" | "/readyz" | "/metrics") {
            tracing::trace!(method, path, status, ms, "answered");
        } else {
            tracing::info!(method, path, status, ms, "answered");
        }
    });
    Ok(response)
}
