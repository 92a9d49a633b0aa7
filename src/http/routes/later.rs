//! What the contract promises and this version does not have yet: 501 with the way round, never a made-up result.
//! A call that is built moves out of here into a file of its own.

use actix_web::HttpResponse;

use crate::http::auth::{Admin, Submitter};
use crate::http::problem::{Problem, ProblemDocument};

type Answer = Result<HttpResponse, Problem>;

fn later(detail: &str) -> Answer {
    Err(Problem::not_implemented(detail))
}

/// The log of what was done by whom. Not part of this version.
#[utoipa::path(get, path = "/v1/audit", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn audit(_caller: Admin) -> Answer {
    later(
        "the audit log is not part of this version; decisions with author and reason are at /v1/gradings/{id}/overrides",
    )
}

/// Whether the log is whole. Not part of this version.
#[utoipa::path(get, path = "/v1/audit/verify", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn verify_audit(_caller: Admin) -> Answer {
    later(
        "the audit log is not part of this version; decisions with author and reason are at /v1/gradings/{id}/overrides",
    )
}

/// Everything, as a file. Not part of this version.
#[utoipa::path(get, path = "/v1/export", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn export(_caller: Submitter) -> Answer {
    later("exports are not part of this version; every list of the API is complete, page by page")
}
