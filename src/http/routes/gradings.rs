//! Gradings: asked for, read, stopped, asked again.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::rubrics::{import_problem, parse_format};
use super::waiting::{self, Wait, tell};
use crate::domain::{Grading, GradingId, Id, Rubric, RubricId, RubricVersion, Submission, SubmissionId};
use crate::grading::accept::{Intake, NewSubmission, Terms, Upload, rubric_for};
use crate::grading::change;
use crate::http::Door;
use crate::http::auth::{Caller, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, Identity, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::grading::{GradingBody, GradingRequest, GradingSummary, OneShotRequest, RetryRequest};
use crate::http::wire::{Accepted, List};
use crate::rubric;
use crate::services::Services;
use crate::store::Query;

/// A grading in one request, with its files.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it stands in the document only")]
pub struct GradingForm {
    grading: OneShotRequest,
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `queued`, `running`, `completed`, `partial`, `failed`, `cancelled` or `awaiting_review`.
    #[param(value_type = Option<String>)]
    status: Option<crate::domain::Status>,
    system: Option<String>,
    task_id: Option<String>,
    submission_id: Option<Uuid>,
    rubric_id: Option<Uuid>,
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Have a submission graded. With `wait` the answer is held, and is the whole grading if it is done in time.
#[utoipa::path(post, path = "/v1/gradings", tag = "gradings", params(Wait),
    request_body(content((GradingRequest = "application/json"), (GradingForm = "multipart/form-data"))),
    responses(
        (status = 202, description = "Accepted; ask for it under `Location`. Done within `wait` seconds: the whole grading", body = Accepted)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    door: web::Data<Door>,
    wait: web::Query<Wait>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let wait = wait.seconds()?;
    let answer = if incoming.media_type().as_deref() == Some("multipart/form-data") {
        let form = incoming.form::<OneShotRequest>("grading").await?;
        one_shot(&services, &caller, form.content.content, form.content.files, &form.identity).await?
    } else {
        let request = incoming.json::<GradingRequest>().await?;
        of_submission(&services, &caller, request.content, &request.identity).await?
    };
    services.bell.notify_one();
    respond(&services, &door, &caller, &answer, wait).await
}

/// Gradings, the newest first.
#[utoipa::path(get, path = "/v1/gradings", tag = "gradings", params(Filter), responses((status = 200, body = List<GradingSummary>)))]
pub async fn list(caller: Submitter, filter: web::Query<Filter>) -> Result<HttpResponse, Problem> {
    let Filter { status, system, task_id, submission_id, rubric_id, limit, cursor } = filter.into_inner();
    // By the narrowest of what is given; the rest is looked at one by one.
    let query = match (submission_id, &task_id, rubric_id, &system, status) {
        (Some(id), ..) => Query::link("submission", id),
        (_, Some(task), ..) => Query::link("task", task),
        (_, _, Some(id), ..) => Query::link("rubric", id),
        (_, _, _, Some(system), _) => Query::link("system", system),
        (_, _, _, _, Some(status)) => Query::link("status", status.as_str()),
        _ => Query::default(),
    };
    let keep = |one: &Grading| {
        status.is_none_or(|status| one.status() == status)
            && system.as_deref().is_none_or(|system| one.system.as_str() == system)
            && task_id.as_deref().is_none_or(|task| one.task_id.as_ref().is_some_and(|id| id.as_str() == task))
            && rubric_id.is_none_or(|id| one.rubric.id.uuid() == id)
    };
    let tell = |one: Grading| GradingSummary::from(&one);
    let list = page(&caller.project, query.newest_first(), &Paging::new(limit, cursor), keep, tell).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One grading. While it runs, `progress` and the votes so far are told and every verdict is `inconclusive`.
#[utoipa::path(get, path = "/v1/gradings/{id}", tag = "gradings", params(Wait), responses((status = 200, body = GradingBody)))]
pub async fn get(
    caller: Submitter,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
    wait: web::Query<Wait>,
) -> Result<HttpResponse, Problem> {
    let grading =
        waiting::grading(&services, &door, &caller.project, GradingId::from_uuid(*id), wait.seconds()?).await?;
    caller.is_shown(&services, &grading).await?;
    Ok(HttpResponse::Ok().json(tell(&services, &caller.project, &grading).await?))
}

/// Stop a grading. Votes that are there stay; `retry` goes on with the rest.
#[utoipa::path(post, path = "/v1/gradings/{id}/cancel", tag = "gradings", responses((status = 200, body = GradingBody)))]
pub async fn cancel(
    caller: Submitter,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let grading = change::cancel(&services, &caller.project, GradingId::from_uuid(*id)).await?;
    Ok(HttpResponse::Ok().json(tell(&services, &caller.project, &grading).await?))
}

/// Ask again only what failed or was never asked; with a body, with another budget.
#[utoipa::path(post, path = "/v1/gradings/{id}/retry", tag = "gradings", request_body = Option<RetryRequest>, responses((status = 202, body = Accepted)))]
pub async fn retry(
    caller: Submitter,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let RetryRequest { budget_usd } = match incoming.media_type() {
        Some(_) => incoming.json::<RetryRequest>().await?.content,
        None => RetryRequest::default(),
    };
    let grading = change::retry(&services, &caller.project, GradingId::from_uuid(*id), budget_usd).await?;
    Ok(accepted(&grading)?.respond())
}

fn accepted(grading: &Grading) -> Result<Answer, Problem> {
    let body = Accepted { id: grading.id.uuid(), status: grading.status().as_str().to_owned() };
    Ok(Answer::json(StatusCode::ACCEPTED, &body)?.at(format!("/v1/gradings/{}", grading.id)))
}

async fn of_submission(
    services: &Services,
    caller: &Caller,
    request: GradingRequest,
    identity: &Identity,
) -> Result<Answer, Problem> {
    let GradingRequest { submission_id, rubric_id, panel, repeats, cache, prompt, budget_usd, allow_drafts } = request;
    let id = SubmissionId::from_uuid(submission_id);
    let terms = Terms { panel, repeats, prompt, cache, budget_usd, allow_drafts };
    once(services, caller, identity, async |intake| {
        let Some(submission) = caller.project.get::<Submission>(&id.to_string()).await? else {
            return Err(Problem::invalid(
                "/submission_id",
                format!("there is no submission `{id}`; post it to /v1/submissions first"),
            ));
        };
        let rubric = rubric_for(&caller.project, &submission.record, rubric_id.map(RubricId::from_uuid)).await?;
        accepted(&intake.grading(&submission.record, &rubric, terms.clone())?)
    })
    .await
}

/// Has what came in one request graded.
///
/// # Errors
/// As [`create`].
pub(in crate::http) async fn one_shot(
    services: &Services,
    caller: &Caller,
    request: OneShotRequest,
    files: Vec<Upload>,
    identity: &Identity,
) -> Result<Answer, Problem> {
    let asked = OneShot::of(request, files).await?;
    once(services, caller, identity, async |intake| accepted(&asked.made(intake, caller).await?.2)).await
}

/// Submission, rubric and grading that are asked for in one request.
pub(in crate::http) struct OneShot {
    /// The rubric that stands in the request.
    inline: Option<Rubric>,
    rubric_id: Option<Uuid>,
    new: NewSubmission,
    terms: Terms,
}

impl OneShot {
    /// # Errors
    /// If its rubric cannot be read.
    pub(in crate::http) async fn of(request: OneShotRequest, files: Vec<Upload>) -> Result<Self, Problem> {
        let inline = inline_rubric(&request).await?;
        let OneShotRequest {
            rubric_id,
            prompt,
            task_id,
            system,
            panel,
            repeats,
            cache,
            budget_usd,
            allow_drafts,
            text,
            cost_usd,
            duration_s,
            tokens,
            metadata,
            ..
        } = request;
        let new = NewSubmission { task_id, system, text, files, cost_usd, duration_s, tokens, trace: None, metadata };
        let terms = Terms { panel, repeats, prompt, cache, budget_usd, allow_drafts };
        Ok(Self { inline, rubric_id, new, terms })
    }

    /// Its records, in the intake.
    ///
    /// # Errors
    /// If it is refused.
    pub(in crate::http) async fn made(
        &self,
        intake: &mut Intake<'_>,
        caller: &Caller,
    ) -> Result<(Submission, RubricVersion, Grading), Problem> {
        let submission = intake.submission(self.new.clone()).await?;
        let rubric = match &self.inline {
            Some(rubric) => intake.rubric(rubric.clone(), None).await?.0,
            None => rubric_for(&caller.project, &submission, self.rubric_id.map(RubricId::from_uuid)).await?,
        };
        let grading = intake.grading(&submission, &rubric, self.terms.clone())?;
        Ok((submission, rubric, grading))
    }
}

/// The rubric that stands in the request: as JSON, or as text in its format.
async fn inline_rubric(request: &OneShotRequest) -> Result<Option<Rubric>, Problem> {
    let Some(given) = request.rubric.clone() else {
        return match &request.rubric_format {
            Some(_) => Err(Problem::invalid("/rubric_format", "is given without `rubric`; send both or neither")),
            None => Ok(None),
        };
    };
    if request.rubric_id.is_some() {
        return Err(Problem::invalid("/rubric_id", "is given beside `rubric`; send one of them"));
    }
    let format = parse_format(request.rubric_format.as_deref())
        .map_err(|error| Problem::invalid("/rubric_format", error.to_string()))?;
    let read = move || match given {
        serde_json::Value::String(text) => rubric::import(&text, format),
        value => rubric::import_value(value, format),
    };
    let read = web::block(read).await.map_err(|e| Problem::internal(e.to_string()))?;
    read.map(Some).map_err(|error| {
        // The request itself could be parsed: what is wrong is one of its fields.
        Problem { code: crate::http::Code::Invalid, ..import_problem(error, "/rubric") }
    })
}

async fn respond(
    services: &Services,
    door: &Door,
    caller: &Caller,
    answer: &Answer,
    wait: Duration,
) -> Result<HttpResponse, Problem> {
    let id =
        answer.location.as_deref().and_then(|at| at.rsplit('/').next()).and_then(|id| id.parse::<GradingId>().ok());
    let (false, Some(id), Some(location)) = (wait.is_zero(), id, &answer.location) else { return Ok(answer.respond()) };
    let grading = waiting::grading(services, door, &caller.project, id, wait).await?;
    if !grading.status().is_settled() {
        let body = Accepted { id: grading.id.uuid(), status: grading.status().as_str().to_owned() };
        return Ok(HttpResponse::Accepted().insert_header((LOCATION, location.as_str())).json(body));
    }
    let body = tell(services, &caller.project, &grading).await?;
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location.as_str())).json(body))
}
