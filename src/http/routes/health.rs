//! Whether the service lives, can work, and what it has counted. These need no key and tell nothing of anybody's data.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Door;
use crate::http::metrics as counters;
use crate::http::problem::{Code, Problem};
use crate::services::Services;

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `ready`.
    pub status: &'static str,
}

/// The process is up.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = Health)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// The store serves and queued work is taken up; 503 otherwise.
#[utoipa::path(get, path = "/readyz", tag = "service", responses((status = 200, body = Health)))]
pub async fn readyz(services: web::Data<Services>, door: web::Data<Door>) -> Result<HttpResponse, Problem> {
    if door.leaving.is_cancelled() {
        return Err(Problem::new(Code::Unavailable, "the service is stopping"));
    }
    services.store.ready().await?;
    services.blobs.ready().await?;
    if !services.running.is_worked() {
        return Err(Problem::new(
            Code::Unavailable,
            "nothing takes up queued work; the service is starting or stopping",
        ));
    }
    Ok(HttpResponse::Ok().json(Health { status: "ready" }))
}

/// What was counted, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "service", responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn metrics(services: web::Data<Services>, door: web::Data<Door>) -> Result<HttpResponse, Problem> {
    let Some(handle) = &door.metrics else {
        return Err(Problem::new(Code::Unavailable, "metrics are off in this process"));
    };
    counters::look(&services);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render()))
}
