//! What a grading would cost, before anybody is asked.

use actix_web::{HttpResponse, web};

use super::gradings::{GradingForm, OneShot};
use crate::domain::{Id, JudgeName, RubricId, RubricVersion, Submission, SubmissionId};
use crate::grading::accept::{Intake, Terms, rubric_for};
use crate::grading::quote::{Quote, quote, quote_of};
use crate::http::auth::{Caller, Submitter};
use crate::http::body::Incoming;
use crate::http::problem::Problem;
use crate::http::upload::Form;
use crate::http::wire::grading::{GradingRequest, OneShotRequest};
use crate::http::wire::quote::QuoteBody;
use crate::services::Services;

/// What a grading would cost: the same body as `POST /v1/gradings`, no call, no record kept.
#[utoipa::path(post, path = "/v1/quotes", tag = "gradings",
    request_body(content((GradingRequest = "application/json"), (GradingForm = "multipart/form-data"))),
    responses((status = 200, body = QuoteBody)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let quotes = if incoming.media_type().as_deref() == Some("multipart/form-data") {
        let Form { content, files } = incoming.form::<OneShotRequest>("grading").await?.content;
        one_shot(&services, &caller, OneShot::of(content, files).await?).await?.1
    } else {
        of_submission(&services, &caller, incoming.json().await?.content).await?
    };
    Ok(HttpResponse::Ok().json(QuoteBody::new(&quotes)))
}

async fn of_submission(services: &Services, caller: &Caller, request: GradingRequest) -> Result<Quotes, Problem> {
    let GradingRequest { submission_id, rubric_id, panel, repeats, cache, prompt, budget_usd, allow_drafts } = request;
    let id = SubmissionId::from_uuid(submission_id);
    let Some(submission) = caller.project.get::<Submission>(&id.to_string()).await? else {
        let detail = format!("there is no submission `{id}`; post it to /v1/submissions first");
        return Err(Problem::invalid("/submission_id", detail));
    };
    let rubric = rubric_for(&caller.project, &submission.record, rubric_id.map(RubricId::from_uuid)).await?;
    let terms = Terms { panel, repeats, prompt, cache, budget_usd, allow_drafts };
    // Made and not committed.
    let grading = Intake::new(services, &caller.project).grading(&submission.record, &rubric, terms)?;
    Ok(quote(services, &caller.project, &grading).await?)
}

/// By judge.
pub(in crate::http) type Quotes = Vec<(JudgeName, Quote)>;

/// What posting it would cost, and by which rubric it would be graded. Only the bytes of its files are kept, under their
/// hash, as if they had been sent once before.
///
/// # Errors
/// As posting it has.
pub(in crate::http) async fn one_shot(
    services: &Services,
    caller: &Caller,
    asked: OneShot,
) -> Result<(RubricVersion, Quotes), Problem> {
    let (submission, rubric, grading) = {
        // Made and not committed.
        let mut intake = Intake::new(services, &caller.project);
        asked.made(&mut intake, caller).await?
    };
    let quotes = quote_of(services, &caller.project, &grading, submission, rubric.clone()).await?;
    Ok((rubric, quotes))
}
