//! Several attempts of a system at one task.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::off_thread;
use crate::domain::{Id, PanelName, RubricId, SystemName};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem};
use crate::http::wire::attempts::AttemptsReport;
use crate::ranking::attempts::{Wanted, attempts as found};

/// Which gradings, and what passes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    rubric_id: Option<Uuid>,
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    #[param(value_type = Option<String>)]
    system: Option<SystemName>,
    /// An attempt passes with at least this score, 0 to 1; 1 without it.
    pass: Option<f64>,
    /// `with` (the default) or `without`.
    overrides: Option<String>,
}

/// How reliable systems are over several attempts at a task: worst-at-k, pass@k, pass^k, each a mean over tasks.
#[utoipa::path(get, path = "/v1/attempts", tag = "statistics", params(Ask), responses((status = 200, body = AttemptsReport)))]
pub async fn attempts(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let Ask { rubric_id, panel, system, pass, overrides } = ask.into_inner();
    let pass = pass.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&pass) {
        return Err(Problem::new(Code::InvalidQuery, format!("pass={pass} is not between 0 and 1")));
    }
    let with_overrides = match overrides.as_deref() {
        None | Some("with") => true,
        Some("without") => false,
        Some(other) => {
            let detail = format!("overrides={other:?} is neither `with` nor `without`");
            return Err(Problem::new(Code::InvalidQuery, detail));
        }
    };
    let rubric_id = rubric_id.map(RubricId::from_uuid);
    let wanted = Wanted { panel, rubric_id, system, pass, with_overrides, ..Wanted::default() };
    let project = caller.0.project;
    let told = off_thread(async move { found(&project, &wanted).await }).await??;
    Ok(HttpResponse::Ok().json(AttemptsReport::new(told, pass)))
}
