//! Human decisions on a grading, appended and never taken back.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use crate::domain::{GradingId, Id};
use crate::http::auth::{Reviewer, Submitter};
use crate::http::body::Incoming;
use crate::http::idempotency::Answer;
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::verdict::{OverrideBody, OverrideRequest, Overruled};
use crate::refusal::Refusal;
use crate::review::overrule;
use crate::services::Services;
use crate::store::StoreError;

/// Decide a criterion yourself; the score is computed again. `withdrawn` lets the panel's verdict stand again.
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
    let (decision, identity) = (request.content.by(caller.author.clone()), request.identity);
    if let Some(answer) = identity.earlier(&caller.project).await? {
        return Ok(answer.respond());
    }
    let told = |one: &crate::domain::Override, grading: &crate::domain::Grading| {
        let score = grading.result().and_then(|result| result.score.value);
        Answer::json(StatusCode::CREATED, &Overruled { decision: OverrideBody::from(one), score })
    };
    // The answer is kept in the batch of the decision.
    let keep = |batch: crate::store::Batch, one: &_, grading: &_| match told(one, grading)
        .ok()
        .and_then(|a| identity.record(&services, &a))
    {
        Some(record) => batch.insert(&record),
        None => batch,
    };
    match overrule::overrule_and_keep(&services, &caller.project, id, decision, keep).await {
        Ok((one, grading)) => Ok(told(&one, &grading)?.respond()),
        // The same request came twice at once, and the other was first.
        Err(Refusal::Store(error @ StoreError::Conflict { .. })) => match identity.earlier(&caller.project).await? {
            Some(answer) => Ok(answer.respond()),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Every decision on a grading, the oldest first.
#[utoipa::path(get, path = "/v1/gradings/{id}/overrides", tag = "gradings", responses((status = 200, body = List<OverrideBody>)))]
pub async fn list(caller: Submitter, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let overrides = overrule::list(&caller.project, GradingId::from_uuid(*id)).await?;
    Ok(HttpResponse::Ok().json(List { items: overrides.iter().map(OverrideBody::from).collect(), next_cursor: None }))
}
