//! What the contract promises and this version does not have yet: 501 with the way round, never a made-up result.
//! A call that is built moves out of here into a file of its own.

use actix_web::{HttpResponse, web};

use crate::http::auth::{Admin, Submitter};
use crate::http::problem::{Problem, ProblemDocument};

type Answer = Result<HttpResponse, Problem>;

fn later(detail: &str) -> Answer {
    Err(Problem::not_implemented(detail))
}

/// Be called when something happens. Not part of this version.
#[utoipa::path(post, path = "/v1/webhooks", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn create_webhook(_caller: Admin) -> Answer {
    later("webhooks are not part of this version; follow /v1/gradings/{id}/events or ask with ?wait=")
}

/// What was sent to a webhook. Not part of this version.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "later", params(("id" = String, Path)),
    responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn webhook_deliveries(_caller: Admin, _id: web::Path<String>) -> Answer {
    later("webhooks are not part of this version; follow /v1/gradings/{id}/events or ask with ?wait=")
}

/// Send again what did not arrive. Not part of this version.
#[utoipa::path(post, path = "/v1/webhooks/{id}/redeliver", tag = "later", params(("id" = String, Path)),
    responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn redeliver_webhook(_caller: Admin, _id: web::Path<String>) -> Answer {
    later("webhooks are not part of this version; follow /v1/gradings/{id}/events or ask with ?wait=")
}

/// Everything, as a file. Not part of this version.
#[utoipa::path(get, path = "/v1/export", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn export(_caller: Submitter) -> Answer {
    later("exports are not part of this version; every list of the API is complete, page by page")
}
