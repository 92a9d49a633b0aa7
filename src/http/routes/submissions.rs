//! Submissions: what a system made.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::files;
use crate::domain::{Id, Submission, SubmissionId};
use crate::grading::plan::read_files;
use crate::http::auth::{Caller, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::{Code, Problem};
use crate::http::wire::List;
use crate::http::wire::submission::{ManifestBody, SubmissionBody, SubmissionRequest};
use crate::http::wire::text::{FileTextBody, TextBody};
use crate::services::Services;
use crate::store::Query;

/// A submission with its files.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it stands in the document only")]
pub struct SubmissionForm {
    submission: SubmissionRequest,
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    task_id: Option<String>,
    system: Option<String>,
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Bring a deliverable in.
#[utoipa::path(post, path = "/v1/submissions", tag = "submissions",
    request_body(content((SubmissionRequest = "application/json"), (SubmissionForm = "multipart/form-data"))),
    responses((status = 201, body = SubmissionBody)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let form = incoming.form::<SubmissionRequest>("submission").await?;
    let new = form.content.content.with(form.content.files);
    let answer = once(&services, &caller, &form.identity, async |intake| {
        let kept = intake.submission(new.clone()).await?;
        Ok(Answer::json(StatusCode::CREATED, &SubmissionBody::from(&kept))?.at(format!("/v1/submissions/{}", kept.id)))
    })
    .await?;
    Ok(answer.respond())
}

/// Submissions, the newest first.
#[utoipa::path(get, path = "/v1/submissions", tag = "submissions", params(Filter), responses((status = 200, body = List<SubmissionBody>)))]
pub async fn list(caller: Submitter, filter: web::Query<Filter>) -> Result<HttpResponse, Problem> {
    let Filter { task_id, system, limit, cursor } = filter.into_inner();
    let query = match (&task_id, &system) {
        (Some(task), _) => Query::link("task", task),
        (None, Some(system)) => Query::link("system", system),
        (None, None) => Query::default(),
    };
    let keep = |one: &Submission| system.as_deref().is_none_or(|system| one.system.as_str() == system);
    let tell = |one: Submission| SubmissionBody::from(&one);
    let list = page(&caller.project, query.newest_first(), &Paging::new(limit, cursor), keep, tell).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One submission.
#[utoipa::path(get, path = "/v1/submissions/{id}", tag = "submissions", responses((status = 200, body = SubmissionBody)))]
pub async fn get(caller: Submitter, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(SubmissionBody::from(&find(&caller, *id).await?)))
}

/// The bytes of a file, `n` from 0.
#[utoipa::path(get, path = "/v1/submissions/{id}/files/{n}", tag = "submissions",
    responses((status = 200, content_type = "*/*", body = Vec<u8>)))]
pub async fn file(
    caller: Submitter,
    services: web::Data<Services>,
    path: web::Path<(Uuid, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    files::file(&services, &find(&caller, id).await?.files, n).await
}

/// What can be shown of each file: how it is read, how much of it, what is cut. A judge with a small window may be
/// shown less; that stands with its grading.
#[utoipa::path(get, path = "/v1/submissions/{id}/manifest", tag = "submissions", responses((status = 200, body = ManifestBody)))]
pub async fn manifest(
    caller: Submitter,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let submission = find(&caller, *id).await?;
    let extract = read_files(&services, &submission.files, submission.text).await?;
    Ok(HttpResponse::Ok().json(ManifestBody::from(extract.manifest())))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// Only the file of this name, as evidence and manifest name it; without it all of them.
    file: Option<String>,
}

/// The text view of each file, piece by piece: what evidence stands in, and which of it nobody sees who opens the file.
#[utoipa::path(get, path = "/v1/submissions/{id}/text", tag = "submissions", params(("id" = Uuid, Path), Part), responses((status = 200, body = TextBody)))]
pub async fn text(
    caller: Submitter,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    part: web::Query<Part>,
) -> Result<HttpResponse, Problem> {
    let submission = find(&caller, *id).await?;
    let extract = read_files(&services, &submission.files, submission.text).await?;
    let wanted = |name: &str| part.file.as_deref().is_none_or(|file| file == name);
    let names: Vec<String> = extract.files.iter().map(|file| format!("`{}`", file.name)).collect();
    let files: Vec<_> = extract.files.into_iter().filter(|file| wanted(&file.name)).map(FileTextBody::from).collect();
    if let (true, Some(file)) = (files.is_empty(), &part.file) {
        let detail = format!("there is no file `{file}`; there are: {}", names.join(", "));
        return Err(Problem::new(Code::NotFound, detail));
    }
    Ok(HttpResponse::Ok().json(TextBody { files }))
}

pub(super) async fn find(caller: &Caller, id: Uuid) -> Result<Submission, Problem> {
    let id = SubmissionId::from_uuid(id);
    let kept = caller.project.get::<Submission>(&id.to_string()).await?;
    Ok(kept.ok_or_else(|| Problem::not_found("submission", id))?.record)
}
