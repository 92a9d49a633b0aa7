//! The report card of a judge.

use actix_web::{HttpResponse, web};

use super::leaderboard::off_thread;
use crate::domain::JudgeName;
use crate::http::auth::Submitter;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::wire::judge_report::JudgeReportBody;
use crate::ranking::report;
use crate::services::Services;

/// What a judge is worth: against blind human answers, against itself, in comparisons; how often it fails; what it costs.
/// Every figure with interval and n, or null with the reason.
#[utoipa::path(get, path = "/v1/judges/{name}/report", tag = "judges", params(("name" = String, Path)),
    responses((status = 200, body = JudgeReportBody), (status = 404, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn report(
    caller: Submitter,
    services: web::Data<Services>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::from(crate::refusal::Refusal::not_found("judge", name.as_str()));
    let judge = JudgeName::parse(name.as_str()).map_err(|_| missing())?;
    let project = caller.0.project;
    let of = judge.clone();
    let found = off_thread(async move { report::report(&project, &of).await }).await??;
    // One that is configured and has said nothing has a card, too: an empty one.
    if found.votes == 0 && !services.judges.contains_key(&judge) {
        return Err(missing());
    }
    Ok(HttpResponse::Ok().json(JudgeReportBody::from(found)))
}
