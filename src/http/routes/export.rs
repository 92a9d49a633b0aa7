//! Everything of one kind, as a file.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use crate::http::auth::Admin;
use crate::http::export::{self, BEHIND, Format, What};
use crate::http::problem::{Code, Problem};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Needed: `votes`, `gradings`, `battles` (imported, and comparisons that came to an outcome), `overrides` or `submissions`.
    what: Option<String>,
    /// `jsonl` (the default), `csv` or `parquet`.
    format: Option<String>,
}

/// Everything of one kind, as a file that streams. A line of `jsonl` is what the API tells of the thing (a vote without
/// its `raw_reply`, a grading with its verdicts); tables have a column for each field, lists as JSON. A transfer that
/// breaks off is no whole file.
#[utoipa::path(get, path = "/v1/export", tag = "statistics", params(Wanted),
    responses((status = 200, content((String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")))))]
pub async fn export(caller: Admin, wanted: web::Query<Wanted>) -> Result<HttpResponse, Problem> {
    let no_query = |why| Problem::new(Code::InvalidQuery, why);
    // Not asked for in the shape: who may not ask is told so first.
    let what = wanted.what.as_deref().ok_or_else(|| no_query(format!("what= is missing; {}", What::known())))?;
    let what: What = what.parse().map_err(no_query)?;
    let format = wanted.format.as_deref().map_or(Ok(Format::Jsonl), str::parse).map_err(no_query)?;
    let (sender, receiver) = mpsc::channel(BEHIND);
    let project = caller.0.project;
    actix_web::rt::spawn(async move {
        if let Err(problem) = export::write(&project, what, format, sender).await {
            tracing::warn!(what = what.as_str(), %problem, "an export ended early");
        }
    });
    let name = format!("attachment; filename=\"{}.{}\"", what.as_str(), format.as_str());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(ReceiverStream::new(receiver)))
}
