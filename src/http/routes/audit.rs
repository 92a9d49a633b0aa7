//! The log of what was decided by whom.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::audit::{self, Verified};
use crate::domain::{AuditEntry, AuditHead};
use crate::http::auth::Admin;
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::audit::{EntryBody, VerifiedBody};
use crate::refusal::Refusal;
use crate::store::Query;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Noted {
    /// Number of an entry whose hash was noted elsewhere.
    seq: Option<u64>,
    /// That hash.
    hash: Option<String>,
}

/// The log of the project, the oldest first: decisions, reveals, overrides, with who and when. Entries are chained by
/// their hashes.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(Paging), responses((status = 200, body = List<EntryBody>)))]
pub async fn list(caller: Admin, paging: web::Query<Paging>) -> Result<HttpResponse, Problem> {
    let all = |_: &AuditEntry| true;
    let told = page(&caller.project, Query::default(), &paging, all, |entry| EntryBody::from(&entry)).await?;
    Ok(HttpResponse::Ok().json(told))
}

/// Whether the log is as it was written: no entry edited, removed, moved or added. With `seq` and `hash` of an entry that
/// was noted elsewhere, also whether it is still that log.
#[utoipa::path(get, path = "/v1/audit/verify", tag = "audit", params(Noted), responses((status = 200, body = VerifiedBody)))]
pub async fn verify(caller: Admin, noted: web::Query<Noted>) -> Result<HttpResponse, Problem> {
    let noted = match noted.into_inner() {
        Noted { seq: None, hash: None } => None,
        Noted { seq: Some(seq), hash: Some(hash) } => Some(AuditHead { seq, hash }),
        Noted { seq: None, .. } => {
            return Err(Refusal::invalid("/seq", "is missing; a hash belongs to an entry").into());
        }
        Noted { hash: None, .. } => return Err(Refusal::invalid("/hash", "is missing; name the entry's hash").into()),
    };
    let found: Verified = audit::verify(&caller.project, noted.as_ref()).await?;
    Ok(HttpResponse::Ok().json(VerifiedBody::from(&found)))
}
