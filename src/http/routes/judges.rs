//! The judges and panels of this service.

use actix_web::{HttpResponse, web};

use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::wire::judge::{JudgeBody, Judges, PanelBody};
use crate::services::Services;

/// Judges and panels as they are configured, without anything secret.
#[utoipa::path(get, path = "/v1/judges", tag = "judges", responses((status = 200, body = Judges)))]
pub async fn list(_caller: Submitter, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Judges {
        items: services.judges.values().map(|judge| JudgeBody::from(judge.spec())).collect(),
        panels: services.panels.values().map(PanelBody::from).collect(),
        default_panel: services.default_panel.as_ref().map(ToString::to_string),
    }))
}
