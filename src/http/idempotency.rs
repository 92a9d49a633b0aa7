//! `Idempotency-Key`: the same request twice is one request. The first answer is kept in the same batch as what
//! it tells of, so there is never one without the other, whenever the process ends; two that come at once race for
//! the same record, and the loser gets the winner's answer.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::auth::Caller;
use super::problem::{Code, Problem};
use crate::grading::accept::Intake;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, IdempotentAnswer, ProjectStore, StoreError, idempotency_key};
use crate::telemetry;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 255;
/// Times a request starts over when others keep the same records.
const ATTEMPTS: usize = 16;

pub const HEADER: &str = "idempotency-key";

/// How the same request is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub key: Option<String>,
    /// Of method, path, query (except `wait`) and body.
    pub request_hash: String,
}

impl Identity {
    pub(super) fn new(key: Option<String>, request: &HttpRequest, body: &[&[u8]]) -> Self {
        let query = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("wait="));
        let query = query.collect::<Vec<_>>().join("&");
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(request.method().as_str().as_bytes());
        add(request.path().as_bytes());
        add(query.as_bytes());
        for part in body {
            add(part);
        }
        Self { key, request_hash: hex::encode(hash.finalize()) }
    }

    /// The record that keeps an answer, where the client gave a key.
    #[must_use]
    pub fn record(&self, services: &Services, answer: &Answer) -> Option<IdempotentAnswer> {
        Some(IdempotentAnswer {
            key: self.key.clone()?,
            request_hash: self.request_hash.clone(),
            status: answer.status.as_u16(),
            body: answer.body.clone(),
            location: answer.location.clone(),
            created_at: services.now(),
        })
    }

    /// The answer that this request got before.
    ///
    /// # Errors
    /// 409 if the key was used with another request.
    pub async fn earlier(&self, project: &ProjectStore) -> Result<Option<Answer>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(kept) = project.get::<IdempotentAnswer>(&idempotency_key(key)).await? else { return Ok(None) };
        let IdempotentAnswer { request_hash, status, body, location, .. } = kept.record;
        if request_hash != self.request_hash {
            let detail =
                format!("the Idempotency-Key {key:?} was used with another request; use a fresh key for a new request");
            return Err(Problem::new(Code::IdempotencyMismatch, detail));
        }
        let status =
            StatusCode::from_u16(status).map_err(|e| Problem::internal(format!("kept answer {key:?}: {e}")))?;
        Ok(Some(Answer { status, body, location, replayed: true }))
    }
}

impl Identity {
    /// Adds the kept answer to the batch of what it tells of.
    pub fn beside(&self, services: &Services, batch: Batch, answer: Result<Answer, Problem>) -> Batch {
        match answer.ok().and_then(|answer| self.record(services, &answer)) {
            Some(record) => batch.insert(&record),
            None => batch,
        }
    }
}

/// A request that appends one record, together with its kept answer. If the same request came twice at once, the second
/// gets the answer of the first.
///
/// # Errors
/// As `make`, and 409 if the key was used with another request.
pub(super) async fn appended<T>(
    project: &ProjectStore,
    identity: &Identity,
    make: impl AsyncFnOnce(&Identity) -> Result<T, Refusal>,
    tell: impl Fn(&T) -> Result<Answer, Problem>,
) -> Result<HttpResponse, Problem> {
    if let Some(answer) = identity.earlier(project).await? {
        return Ok(answer.respond());
    }
    match make(identity).await {
        Ok(made) => Ok(tell(&made)?.respond()),
        Err(Refusal::Store(error @ StoreError::Conflict { .. })) => match identity.earlier(project).await? {
            Some(answer) => Ok(answer.respond()),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// The client's key.
///
/// # Errors
/// 400 if it is empty, too long or not printable.
pub(super) fn key_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        let detail = format!(
            "the Idempotency-Key has {} bytes or is no plain text; send 1 to {MAX_KEY_BYTES} visible characters",
            value.len()
        );
        return Err(Problem::new(Code::InvalidHeader, detail));
    }
    Ok(Some(key.to_owned()))
}

/// An answer that can be kept and given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
    pub location: Option<String>,
    pub replayed: bool,
}

impl Answer {
    /// # Errors
    /// 500 if the value cannot be JSON: a mistake in our types.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|e| Problem::internal(e.to_string()))?;
        Ok(Self { status, body, location: None, replayed: false })
    }

    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    #[must_use]
    pub fn respond(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/json");
        if let Some(location) = &self.location {
            response.insert_header((LOCATION, location.as_str()));
        }
        if self.replayed {
            response.insert_header(("idempotent-replay", "true"));
        }
        response.body(self.body.clone())
    }
}

/// Makes something once. `make` gathers records in the intake and says what to answer; it may run several times,
/// and what it gathered is kept together with the answer, or not at all.
///
/// # Errors
/// Whatever `make` refuses, and 409 or 503.
pub async fn once(
    services: &Services,
    caller: &Caller,
    identity: &Identity,
    make: impl AsyncFn(&mut Intake<'_>) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let span = tracing::info_span!(target: telemetry::TARGET, "accept");
    keep_once(services, caller, identity, make).instrument(span).await
}

async fn keep_once(
    services: &Services,
    caller: &Caller,
    identity: &Identity,
    make: impl AsyncFn(&mut Intake<'_>) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let (mut attempt, mut counted) = (0, 0);
    loop {
        if let Some(answer) = identity.earlier(&caller.project).await? {
            return Ok(answer);
        }
        let mut intake = Intake::new(services, &caller.project);
        let answer = make(&mut intake).await?;
        if let Some(record) = identity.record(services, &answer) {
            intake.insert(&record);
        }
        // Counted before it is kept: what fails then was asked for all the same.
        let pieces = intake.pieces_of_work();
        if pieces > counted {
            caller.asks_for_work(services, pieces - counted).await?;
            counted = pieces;
        }
        attempt += 1;
        match intake.commit().await {
            Ok(()) => return Ok(answer),
            // Somebody was first: with the same key, or with a record of the same name. Look again.
            Err(Refusal::Store(StoreError::Conflict { .. })) if attempt < ATTEMPTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_same_request_has_the_same_hash_however_long_it_waits() {
        let identity =
            |uri: &str, body: &[u8]| Identity::new(None, &TestRequest::post().uri(uri).to_http_request(), &[body]);
        assert_eq!(identity("/v1/gradings?wait=3", b"x"), identity("/v1/gradings", b"x"));
        assert_ne!(identity("/v1/gradings", b"x"), identity("/v1/gradings", b"y"));
        assert_ne!(identity("/v1/rubrics?format=gdpval", b"x"), identity("/v1/rubrics", b"x"));
    }

    #[test]
    fn a_key_that_is_no_key_is_refused() {
        let key = |value: &str| key_of(&TestRequest::post().insert_header((HEADER, value)).to_http_request());
        assert_eq!(key("a-1").unwrap().as_deref(), Some("a-1"));
        assert!(key("").is_err());
        assert!(key(&"k".repeat(MAX_KEY_BYTES + 1)).is_err());
        assert!(key("ü").is_err());
    }
}
