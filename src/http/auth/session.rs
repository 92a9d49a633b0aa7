//! Browsers that somebody logged in with. A cookie holds a secret that no script reads and no other site's request
//! carries; the store holds its hash, who it is, and when it was seen last. A form of ours shows a second secret, made
//! from the first: a page that cannot read ours cannot send one.

use std::time::Duration;

use actix_web::HttpRequest;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::problem::{Code, Problem};
use super::keys::{operator, secret_hash};
use super::{Access, COOKIE};
use crate::audit::{self, Act};
use crate::domain::{Action, Author, Timestamp};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Kept, Query, Session, SessionOf, StoreError};

/// Where a program or a script of ours shows the form's secret.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// How exactly it is kept when a browser was seen last.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// That a form of ours was sent: left in a request by what reads it.
#[derive(Debug, Clone, Copy)]
pub struct FormShown;

/// Opens a session; its secret, for the cookie. Those that have ended are removed on this occasion.
///
/// # Errors
/// As the store.
pub async fn open(services: &Services, access: &Access, of: SessionOf, who: &Author) -> Result<String, Refusal> {
    let system = services.store.system();
    let now = services.now();
    let secret = format!("ses_{}", services.ids.secret());
    let session = Session { secret_hash: secret_hash(&secret), of, created_at: now, seen_at: now };
    let about = match &session.of {
        SessionOf::Key { id } => format!("key/{id}"),
        SessionOf::Person { name, .. } => format!("person/{name}"),
    };
    let detail = match &session.of {
        SessionOf::Key { .. } => json!({ "by": who }),
        SessionOf::Person { role, project, .. } => json!({ "by": who, "role": role, "project": project }),
    };
    let act = Act::new(&operator()?, Action::SessionOpened, about).with(detail);
    let ended: Vec<Session> =
        system.all::<Session>(Query::default()).await?.into_iter().filter(|one| !is_live(one, access, now)).collect();
    loop {
        let batch =
            ended.iter().fold(system.batch().insert(&session), |batch, one| batch.delete::<Session>(&one.secret_hash));
        let batch = audit::append(&system, batch, now, [act.clone()]).await?;
        match system.commit(batch).await {
            Ok(()) => return Ok(secret),
            Err(error) if audit::is_overtaken(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The session with this secret, if it has not ended.
///
/// # Errors
/// As the store.
pub(super) async fn find(services: &Services, access: &Access, secret: &str) -> Result<Option<Session>, StoreError> {
    let system = services.store.system();
    let Some(Kept { record, revision }) = system.get::<Session>(&secret_hash(secret)).await? else { return Ok(None) };
    let now = services.now();
    if !is_live(&record, access, now) {
        return Ok(None);
    }
    if now.duration_since(record.seen_at).unsigned_abs() >= SEEN_EVERY {
        let seen = Session { seen_at: now, ..record.clone() };
        match system.commit(system.batch().update(&seen, revision)).await {
            // Another request of the same browser has, or it was just logged out, which the next request finds.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(%error, "that a browser was seen could not be kept"),
        }
    }
    Ok(Some(record))
}

fn is_live(session: &Session, access: &Access, now: Timestamp) -> bool {
    let within = |since: Timestamp, most: Duration| now.duration_since(since).unsigned_abs() < most;
    within(session.seen_at, access.session_idle) && within(session.created_at, access.session_max)
}

/// Ends the session of a request's browser.
///
/// # Errors
/// As the store.
pub async fn close(services: &Services, request: &HttpRequest) -> Result<(), Refusal> {
    let Some(secret) = secret_of(request) else { return Ok(()) };
    let system = services.store.system();
    if let Some(kept) = system.get::<Session>(&secret_hash(&secret)).await? {
        system.commit(system.batch().delete::<Session>(&kept.record.secret_hash)).await?;
    }
    Ok(())
}

/// What the request's cookie holds.
pub(super) fn secret_of(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|cookie| cookie.value().to_owned())
}

/// What a form of this session shows.
#[must_use]
pub fn form_secret(session_secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"empanel form\0");
    hash.update(session_secret.as_bytes());
    hex::encode(hash.finalize())
}

/// The form's secret of a request's browser; `None` without a cookie.
#[must_use]
pub fn form_secret_of(request: &HttpRequest) -> Option<String> {
    secret_of(request).map(|secret| form_secret(&secret))
}

/// A request that changes something and comes with a cookie also shows what only our pages know.
///
/// # Errors
/// 403.
pub(super) fn refuse_without_form(request: &HttpRequest, session_secret: &str) -> Result<(), Problem> {
    use actix_web::HttpMessage;
    if request.method().is_safe() || request.extensions().get::<FormShown>().is_some() {
        return Ok(());
    }
    let wanted = form_secret(session_secret);
    let shown = request.headers().get(CSRF_HEADER).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    if bool::from(shown.ct_eq(wanted.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(
        Code::OtherSite,
        "the form is not one of this login's pages: reload the page and send it again; a program sends its key as \
         `Authorization: Bearer <key>`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_nobody_came_for_long_and_in_any_case_after_its_time() {
        let access = Access {
            session_idle: Duration::from_secs(100),
            session_max: Duration::from_secs(1_000),
            ..Access::default()
        };
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let of = SessionOf::Person {
            name: "ann".to_owned(),
            role: "reviewer".to_owned(),
            project: crate::domain::ProjectId::parse("p").unwrap(),
        };
        let seen =
            |second| Session { secret_hash: "h".to_owned(), of: of.clone(), created_at: at(0), seen_at: at(second) };
        assert!(is_live(&seen(0), &access, at(99)) && !is_live(&seen(0), &access, at(100)));
        assert!(is_live(&seen(950), &access, at(999)) && !is_live(&seen(950), &access, at(1_000)));
    }

    #[test]
    fn what_a_form_shows_tells_nothing_of_the_cookie_and_is_another_for_another() {
        let (one, two) = (form_secret("ses_1"), form_secret("ses_2"));
        assert!(one.len() == 64 && one != two && !one.contains("ses") && one != secret_hash("ses_1"));
    }
}
