//! How far judges agree.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::off_thread;
use crate::domain::{Id, PanelName, RubricId, TaskId};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::wire::agreement::AgreementReport;
use crate::ranking::agreement::{self as ranking, Filter};

/// Which gradings; everything that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    rubric_id: Option<Uuid>,
    #[param(value_type = Option<String>)]
    task_id: Option<TaskId>,
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    sector: Option<String>,
}

/// Agreement of judges, overall, per pair and per criterion.
#[utoipa::path(get, path = "/v1/agreement", tag = "statistics", params(Ask), responses((status = 200, body = AgreementReport)))]
pub async fn agreement(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let Ask { rubric_id, task_id, panel, sector } = ask.into_inner();
    let filter = Filter { rubric_id: rubric_id.map(RubricId::from_uuid), task_id, panel, sector };
    let project = caller.0.project;
    let found = off_thread(async move { ranking::agreement(&project, &filter).await }).await??;
    Ok(HttpResponse::Ok().json(AgreementReport::from(found)))
}
