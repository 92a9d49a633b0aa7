//! What humans would say: the judges' figures corrected by blind reviews.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::off_thread;
use crate::domain::{Id, PanelName, RubricId, SystemName};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::wire::estimates::EstimatesBody;
use crate::ranking::estimates::{self as ranking, Wanted};

/// Which gradings; everything that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    rubric_id: Option<Uuid>,
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    /// Without it, every system.
    #[param(value_type = Option<String>)]
    system: Option<SystemName>,
    /// Another system, from which `system` is to be told apart.
    #[param(value_type = Option<String>)]
    against: Option<SystemName>,
    /// Of the interval that more reviews are planned for; 0.05 if it is not given.
    half_width: Option<f64>,
}

/// Share of criteria passed and mean score of systems, and the difference of two: by judges alone, by humans alone and
/// corrected, side by side; and how many more reviews it takes.
#[utoipa::path(get, path = "/v1/estimates", tag = "statistics", params(Ask), responses((status = 200, body = EstimatesBody)))]
pub async fn estimates(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let Ask { rubric_id, panel, system, against, half_width } = ask.into_inner();
    let wanted = Wanted { rubric_id: rubric_id.map(RubricId::from_uuid), panel, system, against, half_width };
    let project = caller.0.project;
    let found = off_thread(async move { ranking::estimates(&project, &wanted).await }).await??;
    Ok(HttpResponse::Ok().json(EstimatesBody::from(found)))
}
