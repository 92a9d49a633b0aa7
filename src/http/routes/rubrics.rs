//! Rubrics in, and out again.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::{Extract, Id, Rubric, RubricId, RubricVersion, Submission, SubmissionId};
use crate::grading::accept::latest_rubric;
use crate::grading::plan::read_files;
use crate::http::auth::Submitter;
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::{Code, FieldProblem, Problem};
use crate::http::wire::List;
use crate::http::wire::rubric::{
    self as wire, LintFinding, RubricAccepted, RubricBody, RubricDiff, RubricLinted, RubricSummary,
};
use crate::rubric::{self, Format, FormatError, ImportError};
use crate::services::Services;
use crate::store::{Query, rubric_key};

/// As which a rubric's text may come.
const TYPES: [&str; 12] = [
    "application/json",
    "application/jsonl",
    "application/x-ndjson",
    "text/csv",
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
    "text/plain",
    "text/markdown",
    "application/octet-stream",
    // What `curl --data-binary @rubric.yaml` says when it is not told otherwise.
    "application/x-www-form-urlencoded",
];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Import {
    /// `native` (JSON or YAML, the default), `gdpval`, `weighted`, `healthbench`, `paperbench`, `archipelago`,
    /// `finance_agent`, `apex`, `ace`, `profbench`, `prometheus`, `openai_graders`, `promptfoo`.
    format: Option<String>,
    /// Makes it a new version of this rubric.
    rubric_id: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LintQuery {
    /// As for `POST /v1/rubrics`.
    format: Option<String>,
    /// A task whose prompt is compared with the criteria.
    task_id: Option<String>,
    /// A deliverable that is known to be right; without it the newest that `human` submitted for the task, if any.
    gold_submission_id: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Version {
    /// Without it the newest.
    version: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Written {
    /// Without it the newest.
    version: Option<u32>,
    /// As for `POST /v1/rubrics`; `native` without it.
    format: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Versions {
    /// Without it the one before `to`.
    from: Option<u32>,
    /// Without it the newest.
    to: Option<u32>,
}

/// Bring a rubric in, as its users have it. The same content is the same rubric: 200 and nothing new is kept.
#[utoipa::path(post, path = "/v1/rubrics", tag = "rubrics",
    request_body(content((String = "application/json"), (String = "application/yaml"), (String = "text/plain"))),
    responses((status = 201, body = RubricAccepted), (status = 200, description = "It was there already", body = RubricAccepted)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    query: web::Query<Import>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let format = format_of(query.format.as_deref())?;
    let limit = services.intake.max_json_bytes as u64;
    let text = incoming.text(&TYPES, limit).await?;
    let (rubric, lint) = read(text.content, format, Beside::default()).await?;
    let of = query.rubric_id.map(RubricId::from_uuid);
    let answer = once(&services, &caller, &text.identity, async |intake| {
        let (kept, is_new) = intake.rubric(rubric.clone(), of).await?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Answer::json(status, &RubricAccepted::of(&kept, lint.clone()))?.at(format!("/v1/rubrics/{}", kept.id)))
    })
    .await?;
    Ok(answer.respond())
}

/// Look at a rubric without keeping it; beside a task's prompt and a deliverable that is known to be right, where they are
/// named.
#[utoipa::path(post, path = "/v1/rubrics/lint", tag = "rubrics", params(LintQuery),
    request_body(content((String = "application/json"), (String = "application/yaml"), (String = "text/plain"))),
    responses((status = 200, body = RubricLinted)))]
pub async fn lint(
    caller: Submitter,
    services: web::Data<Services>,
    query: web::Query<LintQuery>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let format = format_of(query.format.as_deref())?;
    let text = incoming.text(&TYPES, services.intake.max_json_bytes as u64).await?;
    let prompt = match &query.task_id {
        None => None,
        Some(id) => Some(super::tasks::find(&caller, id).await?.prompt),
    };
    let gold = gold(&services, &caller, &query).await?;
    let gold_id = gold.as_ref().map(|(id, _)| id.uuid());
    let (rubric, lint) = read(text.content, format, Beside { prompt, gold: gold.map(|(_, read)| read) }).await?;
    Ok(HttpResponse::Ok().json(RubricLinted::of(&rubric, lint, gold_id)))
}

/// What was read of the deliverable that is known to be right.
async fn gold(
    services: &Services,
    caller: &Submitter,
    query: &LintQuery,
) -> Result<Option<(SubmissionId, Extract)>, Problem> {
    let submission = match (query.gold_submission_id, &query.task_id) {
        (Some(id), _) => Some(super::submissions::find(caller, id).await?),
        (None, Some(task)) => {
            let of_task = Query::link("task", task).newest_first();
            let all = caller.project.all::<Submission>(of_task).await?;
            all.into_iter().find(|one| one.system.as_str() == HUMAN)
        }
        (None, None) => None,
    };
    let Some(Submission { id, files, text, .. }) = submission else { return Ok(None) };
    Ok(Some((id, read_files(services, &files, text).await?)))
}

/// As which people's own work is submitted.
const HUMAN: &str = "human";

/// What a rubric is looked at beside.
#[derive(Debug, Default)]
struct Beside {
    prompt: Option<String>,
    gold: Option<Extract>,
}

/// Every version of every rubric, the newest rubrics first.
#[utoipa::path(get, path = "/v1/rubrics", tag = "rubrics", params(Paging), responses((status = 200, body = List<RubricSummary>)))]
pub async fn list(caller: Submitter, paging: web::Query<Paging>) -> Result<HttpResponse, Problem> {
    let query = Query::default().newest_first();
    let list = page(&caller.project, query, &paging, |_: &RubricVersion| true, RubricSummary::from).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One version of a rubric.
#[utoipa::path(get, path = "/v1/rubrics/{id}", tag = "rubrics", responses((status = 200, body = RubricBody)))]
pub async fn get(caller: Submitter, id: web::Path<Uuid>, query: web::Query<Version>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(RubricBody::from(version_of(&caller, *id, query.version).await?)))
}

/// One version of a rubric in the words of a format: brought in again, it is the same rubric.
#[utoipa::path(get, path = "/v1/rubrics/{id}/export", tag = "rubrics", params(Written),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn export(
    caller: Submitter,
    id: web::Path<Uuid>,
    query: web::Query<Written>,
) -> Result<HttpResponse, Problem> {
    let format = format_of(query.format.as_deref())?;
    let kept = version_of(&caller, *id, query.version).await?;
    let written = web::block(move || rubric::export(&kept.rubric, format)).await;
    let written = written.map_err(|e| Problem::internal(e.to_string()))?;
    let text = written.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}

/// What differs between two versions of a rubric, and which criteria are judged again.
#[utoipa::path(get, path = "/v1/rubrics/{id}/diff", tag = "rubrics", params(Versions),
    responses((status = 200, body = RubricDiff)))]
pub async fn diff(
    caller: Submitter,
    id: web::Path<Uuid>,
    query: web::Query<Versions>,
) -> Result<HttpResponse, Problem> {
    let to = version_of(&caller, *id, query.to).await?;
    let from = match query.from {
        Some(from) => from,
        None if to.version > 1 => to.version - 1,
        None => {
            let detail = "from: this is the first version of the rubric, and nothing came before it";
            return Err(Problem::new(Code::InvalidQuery, detail));
        }
    };
    let from = version_of(&caller, *id, Some(from)).await?;
    Ok(HttpResponse::Ok().json(RubricDiff::of(&from, &to)))
}

/// What is told of a version that was made just now.
pub(super) async fn told_of(kept: RubricVersion) -> Result<RubricAccepted, Problem> {
    let told = move || RubricAccepted::of(&kept, wire::lint(&kept.rubric, None, None));
    web::block(told).await.map_err(|e| Problem::internal(e.to_string()))
}

async fn version_of(caller: &Submitter, id: Uuid, version: Option<u32>) -> Result<RubricVersion, Problem> {
    let id = RubricId::from_uuid(id);
    Ok(match version {
        None => latest_rubric(&caller.project, id).await?,
        Some(version) => {
            let kept = caller.project.get::<RubricVersion>(&rubric_key(id, version)).await?;
            kept.ok_or_else(|| Problem::not_found("rubric version", format!("{id} version {version}")))?.record
        }
    })
}

fn format_of(name: Option<&str>) -> Result<Format, Problem> {
    parse_format(name).map_err(|error| Problem::new(Code::InvalidQuery, format!("format: {error}")))
}

/// The format with this name; `native` without one.
///
/// # Errors
/// If it is not known.
pub fn parse_format(name: Option<&str>) -> Result<Format, FormatError> {
    name.map_or(Ok(Format::Native), str::parse)
}

/// A rubric can be megabytes: not on a thread that serves others.
async fn read(text: String, format: Format, beside: Beside) -> Result<(Rubric, Vec<LintFinding>), Problem> {
    let read = move || {
        let rubric = rubric::import(&text, format)?;
        let lint = wire::lint(&rubric, beside.prompt.as_deref(), beside.gold.as_ref());
        Ok::<_, ImportError>((rubric, lint))
    };
    let read = web::block(read).await.map_err(|e| Problem::internal(e.to_string()))?;
    read.map_err(|error| import_problem(error, ""))
}

/// What is wrong with a rubric that stands at `at`.
#[must_use]
pub fn import_problem(error: ImportError, at: &str) -> Problem {
    let detail = error.to_string();
    // Text that could not be parsed has no fields.
    let unparsed = error.problems.iter().all(|problem| problem.pointer.is_none());
    let errors = error.problems.into_iter().map(|problem| FieldProblem {
        pointer: format!("{at}{}", problem.pointer.as_deref().unwrap_or_default()),
        detail: match (problem.line, problem.column) {
            (Some(line), Some(column)) => format!("{} (line {line}, column {column})", problem.message),
            (Some(line), None) => format!("{} (line {line})", problem.message),
            _ => problem.message,
        },
    });
    let code = if unparsed { Code::MalformedBody } else { Code::Invalid };
    Problem { errors: errors.collect(), ..Problem::new(code, detail) }
}
