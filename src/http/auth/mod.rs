//! Who is at the door. A handler says in its signature what its caller must be ([`Submitter`], [`Reviewer`],
//! [`Admin`]); everything about keys, cookies and other sites is decided here.
//!
//! - With a key in the store, every request shows one: `Authorization: Bearer <key>`, or for pages the cookie
//!   [`COOKIE`]. Only the key's SHA-256 is kept.
//! - With no key at all, the service listens on loopback only ([`super::serve`] refuses anything else) and whoever
//!   reaches it is admin of the project `default`. A page of another site could reach it too, through a name that
//!   it makes point here: requests whose `Host` is not this machine are refused.
//! - In either mode a request that changes something and comes from another site's page is refused.

mod keys;
mod site;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};

use super::Door;
use super::problem::{Code, Problem};
use crate::domain::{Author, ComparisonId, Grading, ProjectId, Timestamp};
use crate::review::reveal;
use crate::services::Services;
use crate::store::{ApiKey, ProjectStore};

pub use keys::{any_key, create_key, secret_hash};

/// The cookie in which a browser keeps its key (`HttpOnly`, `SameSite=Strict`).
pub const COOKIE: &str = "empanel_key";

/// The project of a service without keys.
pub const LOCAL_PROJECT: &str = "default";

/// Who acts where there are no keys.
pub const LOCAL_AUTHOR: &str = "local";

/// What a key may do; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Brings work and reads results.
    Submitter,
    /// Answers reviews and overrules.
    Reviewer,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Submitter, Self::Reviewer, Self::Admin];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitter => "submitter",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| format!("there is no role {text:?}; use submitter, reviewer or admin"))
    }
}

/// Who asks, and whose records it is about.
#[derive(Clone)]
pub struct Caller {
    pub project: ProjectStore,
    pub project_id: ProjectId,
    pub role: Role,
    /// The key's label, or its id: who a decision is by.
    pub author: Author,
}

impl Caller {
    /// What a reviewer reads of a grading that people are still asked about is on record before it is told. Keys of
    /// admins are those of programs, which answer no questions.
    ///
    /// # Errors
    /// As the store.
    pub async fn is_shown(&self, services: &Services, grading: &Grading) -> Result<(), Problem> {
        if self.role == Role::Reviewer {
            reveal::of_grading(services, &self.project, grading, &self.author).await?;
        }
        Ok(())
    }

    /// The same of a comparison.
    ///
    /// # Errors
    /// As the store.
    pub async fn is_shown_comparison(&self, services: &Services, id: ComparisonId) -> Result<(), Problem> {
        if self.role == Role::Reviewer {
            reveal::of_comparison(services, &self.project, id, &self.author).await?;
        }
        Ok(())
    }
}

/// Anybody with a key.
pub struct Submitter(pub Caller);
/// A caller who may decide.
pub struct Reviewer(pub Caller);
/// A caller who may do everything in the project.
pub struct Admin(pub Caller);

macro_rules! extractors {
    ($($name:ident needs $role:expr;)+) => {$(
        impl FromRequest for $name {
            type Error = Problem;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { Ok(Self(at_least($role, caller(&request).await?)?)) })
            }
        }

        impl std::ops::Deref for $name {
            type Target = Caller;
            fn deref(&self) -> &Caller {
                &self.0
            }
        }
    )+};
}

extractors! {
    Submitter needs Role::Submitter;
    Reviewer needs Role::Reviewer;
    Admin needs Role::Admin;
}

fn at_least(role: Role, caller: Caller) -> Result<Caller, Problem> {
    if caller.role >= role {
        return Ok(caller);
    }
    let detail =
        format!("this needs the role `{role}`; the key has `{}`. Ask an admin for a key with that role", caller.role);
    Err(Problem::new(Code::Forbidden, detail))
}

/// The caller of a request.
///
/// # Errors
/// 401 without a valid key, 403 for a request from another site, 503 if the store cannot say.
pub async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    site::refuse_other_sites(request)?;
    let (Some(services), Some(door)) =
        (request.app_data::<web::Data<Services>>(), request.app_data::<web::Data<Door>>())
    else {
        return Err(Problem::new(Code::Internal, "the service is not joined"));
    };
    match shown_key(request) {
        Some(secret) => {
            let known = door.keys.find(services, &secret).await?;
            // Without keys nothing is checked, so a left-over key is no reason to turn its bearer away.
            match known {
                Some(key) => keyed(services, &key),
                None if door.keys.none(services).await? => local(services, request),
                None => Err(Problem::new(
                    Code::Unauthorized,
                    "the API key is not known or was revoked; ask an admin for another",
                )),
            }
        }
        None if door.keys.none(services).await? => local(services, request),
        None => Err(Problem::new(Code::Unauthorized, "no API key was sent; send `Authorization: Bearer <key>`")),
    }
}

fn keyed(services: &Services, key: &ApiKey) -> Result<Caller, Problem> {
    let role = key.role.parse::<Role>().map_err(|detail| Problem::internal(format!("API key {}: {detail}", key.id)))?;
    let name = key.label.clone().unwrap_or_else(|| format!("key {}", key.id));
    let author = Author::parse(name).map_err(|e| Problem::internal(format!("API key {}: {e}", key.id)))?;
    Ok(Caller { project: services.store.project(&key.project), project_id: key.project.clone(), role, author })
}

fn local(services: &Services, request: &HttpRequest) -> Result<Caller, Problem> {
    site::only_this_machine(request)?;
    let wrong = |e: crate::domain::InvalidName| Problem::internal(e.to_string());
    let project_id = ProjectId::parse(LOCAL_PROJECT).map_err(wrong)?;
    let author = Author::parse(LOCAL_AUTHOR).map_err(wrong)?;
    Ok(Caller { project: services.store.project(&project_id), project_id, role: Role::Admin, author })
}

/// The key that a request shows: the header's, or else the cookie's.
fn shown_key(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    });
    // A header that is there and is no bearer key is not helped out by a cookie.
    match header {
        Some(_) => Some(bearer.unwrap_or_default()),
        None => request.cookie(COOKIE).map(|cookie| cookie.value().to_owned()),
    }
}

/// How long a key that was found is believed without asking the store again.
const BELIEVED: Duration = Duration::from_secs(5);
/// Keys that are remembered at most.
const REMEMBERED: usize = 4_096;

/// What is known of the keys, for a few seconds.
#[derive(Default)]
pub struct KeyCache(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By secret hash; only keys that exist.
    keys: HashMap<String, (ApiKey, Timestamp)>,
    /// There is at least one: it stays so, keys are revoked and never removed.
    any: bool,
    none_at: Option<Timestamp>,
}

impl KeyCache {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: called when a key is made.
    pub fn forget(&self) {
        *self.lock() = Known::default();
    }

    async fn none(&self, services: &Services) -> Result<bool, Problem> {
        let now = services.now();
        {
            let known = self.lock();
            if known.any {
                return Ok(false);
            }
            if known.none_at.is_some_and(|at| is_fresh(at, now)) {
                return Ok(true);
            }
        }
        let any = any_key(services).await?;
        let mut known = self.lock();
        known.any = any;
        known.none_at = (!any).then_some(now);
        Ok(!any)
    }

    async fn find(&self, services: &Services, secret: &str) -> Result<Option<ApiKey>, Problem> {
        let (hash, now) = (secret_hash(secret), services.now());
        if let Some((key, at)) = self.lock().keys.get(&hash)
            && is_fresh(*at, now)
        {
            return Ok(Some(key.clone()));
        }
        let found = keys::by_hash(services, &hash).await?;
        let mut known = self.lock();
        match &found {
            Some(key) => {
                if known.keys.len() >= REMEMBERED {
                    known.keys.clear();
                }
                known.keys.insert(hash, (key.clone(), now));
            }
            None => {
                known.keys.remove(&hash);
            }
        }
        Ok(found)
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.duration_since(at).unsigned_abs() < BELIEVED
}
