//! Rubrics that a model proposes, and what humans decide about them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::rubrics::told_of;
use super::waiting::{self, Wait};
use crate::domain::{Drafting, DraftingId, Id, RubricId, SubmissionId};
use crate::drafting::{self, Wish, decide};
use crate::http::Door;
use crate::http::auth::{Reviewer, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::draft::{DecisionsRequest, DraftBody, DraftRequest};
use crate::http::wire::rubric::RubricAccepted;
use crate::http::wire::{Accepted, List};
use crate::services::Services;
use crate::store::Query;

/// Have a model propose the criteria of a task. Every one is a draft until a human accepts it, on the page
/// `/rubrics/{id}` or by `POST /v1/rubrics/{id}/decide`; nothing is graded with drafts unless the grading says
/// `allow_drafts`.
#[utoipa::path(post, path = "/v1/rubrics/draft", tag = "rubrics", request_body = DraftRequest,
    responses((status = 202, description = "Accepted; ask for it under `Location`", body = Accepted)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<DraftRequest>().await?;
    let DraftRequest { task_id, prompt, title, gold_submission_id, panel, judge, criteria } = request.content;
    let gold = gold_submission_id.map(SubmissionId::from_uuid);
    let wish = Wish { task_id, prompt, title, gold, panel, judge, at_most: criteria };
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let drafting = drafting::accept(&services, &caller.project, wish.clone()).await?;
        intake.insert(&drafting);
        let body = Accepted { id: drafting.id.uuid(), status: drafting.status().as_str().to_owned() };
        Ok(Answer::json(StatusCode::ACCEPTED, &body)?.at(format!("/v1/rubrics/drafts/{}", drafting.id)))
    })
    .await?;
    services.bell.notify_one();
    Ok(answer.respond())
}

/// What models were asked to propose, the newest first.
#[utoipa::path(get, path = "/v1/rubrics/drafts", tag = "rubrics", params(Paging), responses((status = 200, body = List<DraftBody>)))]
pub async fn list(caller: Submitter, paging: web::Query<Paging>) -> Result<HttpResponse, Problem> {
    let query = Query::default().newest_first();
    let list = page(&caller.project, query, &paging, |_: &Drafting| true, |one| DraftBody::from(&one)).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// How far a proposal is.
#[utoipa::path(get, path = "/v1/rubrics/drafts/{id}", tag = "rubrics", params(Wait), responses((status = 200, body = DraftBody)))]
pub async fn get(
    caller: Submitter,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
    wait: web::Query<Wait>,
) -> Result<HttpResponse, Problem> {
    let id = DraftingId::from_uuid(*id);
    let drafting = waiting::drafting(&services, &door, &caller.project, id, wait.seconds()?).await?;
    Ok(HttpResponse::Ok().json(DraftBody::from(&drafting)))
}

/// Accept drafts of a rubric, as they are or worded anew, or reject them: the next version of the rubric.
#[utoipa::path(post, path = "/v1/rubrics/{id}/decide", tag = "rubrics", request_body = DecisionsRequest,
    responses((status = 201, body = RubricAccepted)))]
pub async fn decide(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<DecisionsRequest>().await?;
    let DecisionsRequest { version, decisions } = request.content;
    let choices = decisions.into_iter().map(|(id, choice)| (id, choice.into())).collect();
    let id = RubricId::from_uuid(*id);
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let kept = decide::decide(&services, &caller.project, intake, (id, version), &choices, &caller.author).await?;
        let (at, told) = (format!("/v1/rubrics/{}", kept.id), told_of(kept).await?);
        Ok(Answer::json(StatusCode::CREATED, &told)?.at(at))
    })
    .await?;
    Ok(answer.respond())
}
