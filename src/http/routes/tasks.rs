//! Tasks: what was asked.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use utoipa::ToSchema;

use super::files;
use crate::domain::Task;
use crate::http::auth::{Caller, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::task::{TaskBody, TaskRequest};
use crate::services::Services;
use crate::store::{Query, part};

/// A task with its reference files.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it stands in the document only")]
pub struct TaskForm {
    task: TaskRequest,
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<String>,
}

/// Bring a task in. The same task again is 200; another one under its id is 409 `task_exists`.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks",
    request_body(content((TaskRequest = "application/json"), (TaskForm = "multipart/form-data"))),
    responses((status = 201, body = TaskBody), (status = 200, description = "It was there already", body = TaskBody)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let form = incoming.form::<TaskRequest>("task").await?;
    let new = form.content.content.with(form.content.files);
    let answer = once(&services, &caller, &form.identity, async |intake| {
        let (task, is_new) = intake.task(new.clone()).await?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Answer::json(status, &TaskBody::from(&task))?.at(format!("/v1/tasks/{}", in_path(task.id.as_str()))))
    })
    .await?;
    Ok(answer.respond())
}

/// Tasks in the order of their ids.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(Paging), responses((status = 200, body = List<TaskBody>)))]
pub async fn list(caller: Submitter, paging: web::Query<Paging>) -> Result<HttpResponse, Problem> {
    let list = page(&caller.project, Query::default(), &paging, |_: &Task| true, |task| TaskBody::from(&task)).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One task.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", responses((status = 200, body = TaskBody)))]
pub async fn get(caller: Submitter, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(TaskBody::from(&find(&caller, &id).await?)))
}

/// The bytes of a reference file, `n` from 0.
#[utoipa::path(get, path = "/v1/tasks/{id}/files/{n}", tag = "tasks",
    responses((status = 200, content_type = "*/*", body = Vec<u8>)))]
pub async fn file(
    caller: Submitter,
    services: web::Data<Services>,
    path: web::Path<(String, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    files::file(&services, &find(&caller, &id).await?.references, n).await
}

pub(super) async fn find(caller: &Caller, id: &str) -> Result<Task, Problem> {
    // A text that can be no key names nothing.
    if crate::domain::TaskId::parse(id).is_err() {
        return Err(Problem::not_found("task", id.chars().take(80).collect::<String>()));
    }
    let kept = caller.project.get::<Task>(&part(id)).await?;
    Ok(kept.ok_or_else(|| Problem::not_found("task", id))?.record)
}

/// A client's id as one segment of an address.
fn in_path(id: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                // Writing into a String cannot fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}
