//! Who is told what happens, and what became of telling them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::{Delivery, DeliveryId, Id, WebhookId};
use crate::hooks::admin::{self, Again, NewWebhook};
use crate::http::auth::Admin;
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::{Code, Problem};
use crate::http::wire::List;
use crate::http::wire::webhook::{
    CreatedWebhook, DeliveryBody, RedeliverRequest, Redelivered, RotateRequest, WebhookBody, WebhookRequest,
};
use crate::services::Services;
use crate::store::Query;

/// Be told when something happens: deliveries are signed as Standard Webhooks says, and tried again for three days. The
/// secret is shown in this answer only.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", request_body = WebhookRequest,
    responses((status = 201, body = CreatedWebhook)))]
pub async fn create(caller: Admin, services: web::Data<Services>, incoming: Incoming) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<WebhookRequest>().await?;
    let WebhookRequest { url, events, description, secret } = request.content;
    let wanted = NewWebhook { url, events, description, secret };
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let webhook = admin::new(&services, &caller.project, &wanted).await?;
        intake.insert(&webhook);
        intake.log([admin::act(&caller.author, webhook.id, "created")]).await?;
        let answer = Answer::json(StatusCode::CREATED, &CreatedWebhook::from(&webhook))?;
        Ok(answer.at(format!("/v1/webhooks/{}", webhook.id)))
    })
    .await?;
    Ok(answer.respond())
}

/// Who is told, the oldest first.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks", params(Paging), responses((status = 200, body = List<WebhookBody>)))]
pub async fn list(caller: Admin, paging: web::Query<Paging>) -> Result<HttpResponse, Problem> {
    let tell = |webhook| WebhookBody::from(&webhook);
    let there = |webhook: &crate::domain::Webhook| !webhook.is_deleted();
    Ok(HttpResponse::Ok().json(page(&caller.project, Query::default(), &paging, there, tell).await?))
}

/// One webhook, without its secret.
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "webhooks", responses((status = 200, body = WebhookBody)))]
pub async fn get(caller: Admin, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let webhook = admin::get(&caller.project, WebhookId::from_uuid(*id)).await?.record;
    Ok(HttpResponse::Ok().json(WebhookBody::from(&webhook)))
}

/// Tell it nothing any more, and forget what was and was to be sent to it.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks", responses((status = 204)))]
pub async fn delete(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    admin::delete(&services, &caller.project, WebhookId::from_uuid(*id), &caller.author).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Send events again, also what was pending when it was disabled (by hand, or by its receiver's `410 Gone`).
#[utoipa::path(post, path = "/v1/webhooks/{id}/enable", tag = "webhooks", responses((status = 200, body = WebhookBody)))]
pub async fn enable(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let webhook = admin::enable(&services, &caller.project, WebhookId::from_uuid(*id), &caller.author).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(&webhook)))
}

/// Send nothing: what is pending waits, and what happens from now on is not told.
#[utoipa::path(post, path = "/v1/webhooks/{id}/disable", tag = "webhooks", responses((status = 200, body = WebhookBody)))]
pub async fn disable(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let webhook = admin::disable(&services, &caller.project, WebhookId::from_uuid(*id), &caller.author).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(&webhook)))
}

/// A new secret, shown in this answer only. The one until now signs beside it for a while: deliveries then carry a
/// signature of each.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", tag = "webhooks", request_body = RotateRequest,
    responses((status = 200, body = CreatedWebhook)))]
pub async fn rotate(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<RotateRequest>().await?;
    let RotateRequest { secret, overlap_s } = request.content;
    let id = WebhookId::from_uuid(*id);
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let (webhook, revision) = admin::rotated(&services, &caller.project, id, secret.as_deref(), overlap_s).await?;
        intake.update(&webhook, revision);
        intake.log([admin::act(&caller.author, id, "secret rotated")]).await?;
        Answer::json(StatusCode::OK, &CreatedWebhook::from(&webhook))
    })
    .await?;
    Ok(answer.respond())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `pending`, `delivered` or `dead`; all without it.
    state: Option<String>,
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was and is to be sent to a webhook, the newest first, with every attempt.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks", params(Filter),
    responses((status = 200, body = List<DeliveryBody>)))]
pub async fn deliveries(
    caller: Admin,
    id: web::Path<Uuid>,
    filter: web::Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let Filter { state, limit, cursor } = filter.into_inner();
    let state = state.as_deref().map(|word| {
        let known = ["pending", "delivered", "dead"];
        known.into_iter().find(|state| *state == word).ok_or_else(|| {
            let word: String = word.chars().take(80).collect();
            Problem::new(Code::InvalidQuery, format!("state {word:?} is none of {}", known.join(", ")))
        })
    });
    let state = state.transpose()?;
    let webhook = admin::get(&caller.project, WebhookId::from_uuid(*id)).await?.record;
    let query = admin::deliveries(webhook.id, state).newest_first();
    let paging = Paging::new(limit, cursor);
    let list = page(&caller.project, query, &paging, |_: &Delivery| true, DeliveryBody::from).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Send deliveries again from the beginning of the schedule, with the same `webhook-id`.
#[utoipa::path(post, path = "/v1/webhooks/{id}/redeliver", tag = "webhooks", request_body = RedeliverRequest,
    responses((status = 202, body = Redelivered)))]
pub async fn redeliver(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let which = match incoming.json::<RedeliverRequest>().await?.content {
        RedeliverRequest { delivery_ids: Some(ids), state: None } => {
            Again::These(ids.into_iter().map(DeliveryId::from_uuid).collect())
        }
        RedeliverRequest { delivery_ids: None, state: Some(state) } if state == "dead" => Again::Dead,
        RedeliverRequest { state: Some(state), .. } if state != "dead" => {
            let state: String = state.chars().take(80).collect();
            return Err(Problem::invalid("/state", format!("{state:?} is not `dead`; name others by `delivery_ids`")));
        }
        _ => return Err(Problem::invalid("", "give `delivery_ids`, or `state`: `dead`, and not both")),
    };
    let deliveries = admin::redeliver(&services, &caller.project, WebhookId::from_uuid(*id), &which).await?;
    Ok(HttpResponse::Accepted().json(Redelivered { deliveries }))
}
