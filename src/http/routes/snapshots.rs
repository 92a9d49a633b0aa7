//! Leaderboards that are kept with their date.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::{Ask, off_thread, wanted};
use crate::domain::{Id, Snapshot, SnapshotId};
use crate::http::auth::Submitter;
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::change::{SnapshotBody, SnapshotRequest};
use crate::ranking::leaderboard::leaderboard;
use crate::ranking::snapshot;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::Query;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Keep the leaderboard of this query as it is now; `?against=` its id tells later what changed.
#[utoipa::path(post, path = "/v1/leaderboard/snapshots", tag = "statistics", params(Ask), request_body = SnapshotRequest,
    responses((status = 201, body = SnapshotBody)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    ask: web::Query<Ask>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<SnapshotRequest>().await?;
    let wanted = wanted(ask.into_inner())?;
    let project = caller.project.clone();
    let (found, wanted) = off_thread(async move {
        let found = leaderboard(&project, &wanted).await?;
        Ok::<_, Refusal>((found, wanted))
    })
    .await??;
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let kept = snapshot::of(&services, &found, &wanted, request.content.label.clone())?;
        intake.insert(&kept);
        let answer = Answer::json(StatusCode::CREATED, &SnapshotBody::whole(&kept))?;
        Ok(answer.at(format!("/v1/leaderboard/snapshots/{}", kept.id)))
    })
    .await?;
    Ok(answer.respond())
}

/// Kept leaderboards, the newest first, without their rows.
#[utoipa::path(get, path = "/v1/leaderboard/snapshots", tag = "statistics", params(Filter), responses((status = 200, body = List<SnapshotBody>)))]
pub async fn list(caller: Submitter, filter: web::Query<Filter>) -> Result<HttpResponse, Problem> {
    let Filter { limit, cursor } = filter.into_inner();
    let tell = |one: Snapshot| SnapshotBody::head(&one);
    let query = Query::default().newest_first();
    let list = page(&caller.project, query, &Paging::new(limit, cursor), |_: &Snapshot| true, tell).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One kept leaderboard.
#[utoipa::path(get, path = "/v1/leaderboard/snapshots/{id}", tag = "statistics", responses((status = 200, body = SnapshotBody)))]
pub async fn get(caller: Submitter, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let id = SnapshotId::from_uuid(*id);
    let Some(kept) = caller.project.get::<Snapshot>(&id.to_string()).await? else {
        return Err(Refusal::not_found("snapshot", id).into());
    };
    Ok(HttpResponse::Ok().json(SnapshotBody::whole(&kept.record)))
}
