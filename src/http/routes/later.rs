//! What the contract promises and this version does not have yet: 501 with the way round, never a made-up result.
//! A call that is built moves out of here into a file of its own.

use actix_web::HttpResponse;

use crate::http::auth::Submitter;
use crate::http::problem::{Problem, ProblemDocument};

type Answer = Result<HttpResponse, Problem>;

fn later(detail: &str) -> Answer {
    Err(Problem::not_implemented(detail))
}

/// Everything, as a file. Not part of this version.
#[utoipa::path(get, path = "/v1/export", tag = "later", responses((status = 501, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn export(_caller: Submitter) -> Answer {
    later("exports are not part of this version; every list of the API is complete, page by page")
}
