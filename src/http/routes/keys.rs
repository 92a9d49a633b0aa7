//! API keys of the caller's project.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use crate::domain::{Id, KeyId};
use crate::http::Door;
use crate::http::auth::keys::{self, NewKey};
use crate::http::auth::{Admin, Caller, Role};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, Identity};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::key::{CreatedKey, KeyBody, KeyRequest, RotateKeyRequest};
use crate::services::Services;
use crate::store::{ApiKey, KeyLimits, Query, StoreError};

/// Make a key for this project. Its secret is shown in this answer only.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = KeyRequest, responses((status = 201, body = CreatedKey)))]
pub async fn create(
    caller: Admin,
    services: web::Data<Services>,
    door: web::Data<Door>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<KeyRequest>().await?;
    let KeyRequest { role, label, expires_at, requests_per_minute, work_per_day } = request.content;
    let role = role.parse::<Role>().map_err(|why| Problem::invalid("/role", why))?;
    let limits = KeyLimits { requests_per_minute, work_per_day };
    let new = NewKey { role, project: &caller.project_id, label: &label, expires_at, limits };
    if let Some(answer) = request.identity.earlier(&caller.project).await? {
        return Ok(answer.respond());
    }
    let made = keys::create(&services, &new, &caller.author).await?;
    shown_once(&services, &door, &caller, &request.identity, made, StatusCode::CREATED).await
}

/// Keys of this project, the oldest first; also those that are none any more.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(Paging), responses((status = 200, body = List<KeyBody>)))]
pub async fn list(
    caller: Admin,
    services: web::Data<Services>,
    paging: web::Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let of_project = Query::link("project", &caller.project_id);
    let found = page(&services.store.system(), of_project, &paging, |_: &ApiKey| true, |key| key).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for key in &found.items {
        items.push(told(&services, key).await?);
    }
    Ok(HttpResponse::Ok().json(List { items, next_cursor: found.next_cursor }))
}

/// One key, without its secret.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys", responses((status = 200, body = KeyBody)))]
pub async fn get(caller: Admin, services: web::Data<Services>, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let key = keys::get(&services, &caller.project_id, KeyId::from_uuid(*id)).await?.record;
    Ok(HttpResponse::Ok().json(told(&services, &key).await?))
}

/// Take a key back: here it is none from now on, at other replicas within a second. Browsers that logged in with it are
/// logged out.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", responses((status = 204)))]
pub async fn revoke(
    caller: Admin,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    keys::revoke(&services, &caller.project_id, KeyId::from_uuid(*id), &caller.author).await?;
    door.keys_changed();
    Ok(HttpResponse::NoContent().finish())
}

/// A new secret for the same role, label and limits, shown in this answer only. The old one works on for a while, so that
/// whoever uses it has time to change.
#[utoipa::path(post, path = "/v1/keys/{id}/rotate", tag = "keys", request_body = RotateKeyRequest,
    responses((status = 201, body = CreatedKey)))]
pub async fn rotate(
    caller: Admin,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<RotateKeyRequest>().await?;
    if let Some(answer) = request.identity.earlier(&caller.project).await? {
        return Ok(answer.respond());
    }
    let overlap = request.content.overlap_s.map_or(keys::OVERLAP, Duration::from_secs);
    let id = KeyId::from_uuid(*id);
    let made = keys::rotate(&services, &caller.project_id, id, overlap, &caller.author).await?;
    shown_once(&services, &door, &caller, &request.identity, made, StatusCode::CREATED).await
}

async fn told(services: &Services, key: &ApiKey) -> Result<KeyBody, StoreError> {
    let used = keys::used(services, key.id).await?;
    let now = services.now();
    Ok(KeyBody::of(key, used.as_ref(), now, &keys::day(now)))
}

/// The answer with the secret. What is kept under an `Idempotency-Key` is the same without it: a secret is nowhere at
/// rest.
async fn shown_once(
    services: &Services,
    door: &Door,
    caller: &Caller,
    identity: &Identity,
    (key, secret): (ApiKey, String),
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    door.keys_changed();
    let at = format!("/v1/keys/{}", key.id);
    let kept = Answer::json(status, &CreatedKey { key: told(services, &key).await?, secret: None })?.at(at.clone());
    if let Some(record) = identity.record(services, &kept) {
        match caller.project.commit(caller.project.batch().insert(&record)).await {
            // The same request at the same time: each made a key, and each is told of its own.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let shown = CreatedKey { key: told(services, &key).await?, secret: Some(secret) };
    Ok(Answer::json(status, &shown)?.at(at).respond())
}
