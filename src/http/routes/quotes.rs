//! What a grading would cost, before anybody is asked.

use actix_web::{HttpResponse, web};

use crate::domain::{Id, RubricId, Submission, SubmissionId};
use crate::grading::accept::{Intake, Terms, rubric_for};
use crate::grading::quote::quote;
use crate::http::auth::Submitter;
use crate::http::body::Incoming;
use crate::http::problem::Problem;
use crate::http::wire::grading::GradingRequest;
use crate::http::wire::quote::QuoteBody;
use crate::services::Services;

/// What a grading would cost: the same body as `POST /v1/gradings`, no call, nothing kept.
#[utoipa::path(post, path = "/v1/quotes", tag = "gradings", request_body = GradingRequest, responses((status = 200, body = QuoteBody)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let GradingRequest { submission_id, rubric_id, panel, repeats, cache, prompt, budget_usd, allow_drafts } =
        incoming.json::<GradingRequest>().await?.content;
    let id = SubmissionId::from_uuid(submission_id);
    let Some(submission) = caller.project.get::<Submission>(&id.to_string()).await? else {
        let detail = format!("there is no submission `{id}`; post it to /v1/submissions first");
        return Err(Problem::invalid("/submission_id", detail));
    };
    let rubric = rubric_for(&caller.project, &submission.record, rubric_id.map(RubricId::from_uuid)).await?;
    let terms = Terms { panel, repeats, prompt, cache, budget_usd, allow_drafts };
    // Made and not committed.
    let grading = Intake::new(&services, &caller.project).grading(&submission.record, &rubric, terms)?;
    let quotes = quote(&services, &caller.project, &grading).await?;
    Ok(HttpResponse::Ok().json(QuoteBody::new(&quotes)))
}
