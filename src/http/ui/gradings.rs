//! All gradings, newest first: what was graded, how it stands, what it scored, what it cost, what waits.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, viewer};
use super::grading::ScoreView;
use super::render::{Page, respond};
use super::words::{self, Mark, Time};
use crate::domain::{Grading, RubricRef, RubricVersion, Status, Subject};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::services::{Progress, Services};
use crate::store::{Cursor, ProjectStore, Query, rubric_key};

const PAGE: usize = 30;

const STATUSES: [Status; 7] = [
    Status::Queued,
    Status::Running,
    Status::Completed,
    Status::AwaitingReview,
    Status::Partial,
    Status::Failed,
    Status::Cancelled,
];

#[derive(Debug, Serialize)]
pub(super) struct GradingsPage {
    /// The status that is shown; empty for all.
    pub status: String,
    pub statuses: Vec<StatusFilter>,
    pub rows: Vec<GradingRow>,
    pub next: Option<String>,
    /// Not the first page.
    pub further: bool,
    /// Something on it is not settled yet.
    pub live: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct StatusFilter {
    pub value: &'static str,
    pub label: String,
}

#[derive(Debug, Serialize)]
pub(super) struct GradingRow {
    pub id: String,
    pub system: String,
    pub task: Option<String>,
    pub rubric: String,
    pub version: u32,
    pub panel: String,
    pub status: Mark,
    pub progress: Option<ProgressView>,
    pub score: Option<ScoreView>,
    pub coverage: Option<String>,
    /// `None` while nothing is settled.
    pub cost: Option<String>,
    pub open_reviews: u32,
    pub created: Time,
}

/// How far the judges are.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ProgressView {
    pub planned: u32,
    pub done: u32,
    pub failed: u32,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        Self { planned: progress.planned, done: progress.done, failed: progress.failed }
    }
}

impl Page for GradingsPage {
    const TEMPLATE: &'static str = "gradings.html";
    const SECTION: &'static str = "gradings";
    fn title(&self) -> String {
        "Gradings".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    status: String,
    #[serde(default)]
    cursor: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/gradings").route(web::get().to(list)).wrap(from_fn(paged)));
}

async fn list(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let mut query = match asked.status.as_str() {
        "" => Query::default(),
        text => match STATUSES.into_iter().find(|status| status.as_str() == text) {
            Some(status) => Query::link("status", status.as_str()),
            None => return Err(Problem::not_found("status", words::clip(text, 40))),
        },
    };
    if !asked.cursor.is_empty() {
        query.after = Some(asked.cursor.parse::<Cursor>()?);
    }
    let found = caller.project.list::<Grading>(query.newest_first().limit(PAGE)).await?;
    let mut titles = HashMap::new();
    let mut rows = Vec::with_capacity(found.items.len());
    for kept in found.items {
        let grading = kept.record;
        let title = title(&caller.project, &mut titles, &grading.rubric).await?;
        rows.push(row(&services, &grading, title));
    }
    let page = GradingsPage {
        live: rows.iter().any(|row| matches!(row.status.kind, "busy") || row.status.label == "queued"),
        status: asked.status.clone(),
        statuses: STATUSES
            .into_iter()
            .map(|status| StatusFilter { value: status.as_str(), label: words::status(status).label })
            .collect(),
        rows,
        next: found.next.map(|cursor| cursor.to_string()),
        further: !asked.cursor.is_empty(),
    };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

/// A rubric's title, or its id where it has none.
pub(super) async fn title(
    project: &ProjectStore,
    known: &mut HashMap<String, String>,
    rubric: &RubricRef,
) -> Result<String, Problem> {
    let key = rubric_key(rubric.id, rubric.version);
    if let Some(title) = known.get(&key) {
        return Ok(title.clone());
    }
    let kept = project.get::<RubricVersion>(&key).await?;
    let title = kept
        .and_then(|kept| kept.record.rubric.title().map(ToOwned::to_owned))
        .unwrap_or_else(|| format!("rubric {}", rubric.fingerprint.short()));
    known.insert(key, title.clone());
    Ok(title)
}

pub(super) fn progress(services: &Services, grading: &Grading) -> Option<ProgressView> {
    if grading.status().is_settled() {
        return None;
    }
    services.running.progress(Subject::Grading(grading.id)).map(ProgressView::from)
}

pub(super) fn row(services: &Services, grading: &Grading, rubric: String) -> GradingRow {
    let result = grading.result();
    GradingRow {
        id: grading.id.to_string(),
        system: grading.system.to_string(),
        task: grading.task_id.as_ref().map(ToString::to_string),
        rubric,
        version: grading.rubric.version,
        panel: grading.panel.name.to_string(),
        status: words::status(grading.status()),
        progress: progress(services, grading),
        score: result.map(ScoreView::of),
        coverage: result.map(|result| words::percent(result.score.coverage)),
        cost: result.map(|result| words::usd(result.cost_usd)),
        open_reviews: result.map_or(0, |result| result.open_reviews),
        created: words::time(grading.created_at),
    }
}
