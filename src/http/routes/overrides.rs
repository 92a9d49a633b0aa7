//! Human decisions on a grading, appended and never taken back.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use crate::domain::{Grading, GradingId, Id, Override, ScoreOverride};
use crate::http::auth::{Reviewer, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, Identity, appended};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::verdict::{Effect, OverrideBody, OverrideRequest, Overruled, Wanted};
use crate::review::overrule;
use crate::services::Services;

/// Decide a criterion yourself, or the whole score; the score is computed again. On a criterion, `withdrawn` lets the
/// panel's verdict stand again; `"score": null` the computed score.
#[utoipa::path(post, path = "/v1/gradings/{id}/overrides", tag = "gradings", request_body = OverrideRequest,
    responses((status = 201, body = Overruled)))]
pub async fn create(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = GradingId::from_uuid(*id);
    let request = incoming.json::<OverrideRequest>().await?;
    let (wanted, identity) = (request.content.by(caller.author.clone())?, request.identity);
    let (services, project) = (&**services, &caller.project);
    let score = |grading: &Grading| grading.result().and_then(|result| result.score.value);
    let answer =
        |decision, grading: &Grading| Answer::json(StatusCode::CREATED, &Overruled { decision, score: score(grading) });
    match wanted {
        Wanted::Verdict(decision) => {
            let told = |(one, grading): &(Override, Grading)| answer(OverrideBody::from(one), grading);
            let make = async |identity: &Identity| {
                let keep = |batch, one: &Override, grading: &Grading| {
                    identity.beside(services, batch, answer(OverrideBody::from(one), grading))
                };
                overrule::overrule_and_keep(services, project, id, decision, keep).await
            };
            appended(project, &identity, make, told).await
        }
        Wanted::Score(scored) => {
            let told = |(one, grading): &(ScoreOverride, Grading)| answer(OverrideBody::from(one), grading);
            let make = async |identity: &Identity| {
                let keep = |batch, one: &ScoreOverride, grading: &Grading| {
                    identity.beside(services, batch, answer(OverrideBody::from(one), grading))
                };
                overrule::set_score(services, project, id, scored, keep).await
            };
            appended(project, &identity, make, told).await
        }
    }
}

/// What a decision would do, before it is made. Nothing is kept; the reason may still be missing.
#[utoipa::path(post, path = "/v1/gradings/{id}/overrides/preview", tag = "gradings", request_body = OverrideRequest,
    responses((status = 200, body = Effect)))]
pub async fn preview(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = GradingId::from_uuid(*id);
    let wanted = incoming.json::<OverrideRequest>().await?.content.by(caller.author.clone())?;
    let (before, after) = match &wanted {
        Wanted::Verdict(decision) => overrule::preview(&services, &caller.project, id, decision).await?,
        Wanted::Score(scored) => overrule::preview_score(&services, &caller.project, id, scored).await?,
    };
    Ok(HttpResponse::Ok().json(Effect::of(&before, &after)))
}

/// Every decision on a grading, the oldest first.
#[utoipa::path(get, path = "/v1/gradings/{id}/overrides", tag = "gradings", responses((status = 200, body = List<OverrideBody>)))]
pub async fn list(caller: Submitter, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let (verdicts, scores) = overrule::list(&caller.project, GradingId::from_uuid(*id)).await?;
    let mut items: Vec<OverrideBody> =
        verdicts.iter().map(OverrideBody::from).chain(scores.iter().map(OverrideBody::from)).collect();
    items.sort_by_key(|one| one.id);
    Ok(HttpResponse::Ok().json(List { items, next_cursor: None }))
}
