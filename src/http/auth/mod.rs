//! Who is at the door. A handler says in its signature what its caller must be ([`Submitter`], [`Reviewer`],
//! [`Admin`]); everything about keys, cookies and other sites is decided here.
//!
//! - With a key in the store, every request shows one: `Authorization: Bearer <key>`, or for pages the cookie
//!   [`COOKIE`] of a session that was opened with one ([`session`]). Only hashes of both are kept.
//! - Keys end, are given other secrets and are taken back ([`keys`]); each may ask so much and no more ([`rates`], and
//!   [`Caller::asks_for_work`]). Who sends wrong ones waits ([`attempts`]).
//! - With no key at all, the service listens on loopback only ([`super::serve`] refuses anything else) and whoever
//!   reaches it is admin of the project `default`. A page of another site could reach it too, through a name that
//!   it makes point here: requests whose `Host` is not this machine are refused.
//! - In either mode a request that changes something and comes from another site's page is refused.

mod access;
mod attempts;
pub mod keys;
mod rates;
pub mod session;
mod site;
pub mod strength;

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::Door;
use super::problem::{Code, Problem};
use crate::domain::{Author, ComparisonId, Grading, KeyId, ProjectId, Timestamp};
use crate::review::reveal;
use crate::services::Services;
use crate::store::{ApiKey, ProjectStore, SessionOf};

pub use access::Access;
pub use attempts::Attempts;
pub use keys::{any_key, create_key, secret_hash};
pub use rates::Rates;
pub(super) use site::refuse_other_sites;

/// The cookie in which a browser keeps the secret of its session (`HttpOnly`, `SameSite=Strict`).
pub const COOKIE: &str = "empanel_session";

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
    /// `None` without keys, and for people whom the identity provider vouched for.
    pub key: Option<OfKey>,
}

/// What a caller's key may ask for.
#[derive(Debug, Clone, Copy)]
pub struct OfKey {
    pub id: KeyId,
    pub work_per_day: Option<NonZeroU32>,
}

impl Caller {
    /// Counts so many gradings, comparisons or drafts that the caller asks for, before they are begun.
    ///
    /// # Errors
    /// 429 if its key may not ask for them today; as the store.
    pub async fn asks_for_work(&self, services: &Services, pieces: usize) -> Result<(), Problem> {
        let Some(OfKey { id, work_per_day: Some(most) }) = self.key else { return Ok(()) };
        let most = u64::from(most.get());
        let now = services.now();
        let Err(left) = keys::note(services, id, pieces as u64, Some(most)).await? else { return Ok(()) };
        let detail = format!(
            "the API key may ask for {most} gradings, comparisons and drafts a day, {left} are left and {pieces} were \
             asked for; it begins anew at midnight UTC, or ask an admin for more"
        );
        Err(Problem::too_many(detail, until_midnight(now)))
    }

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
/// 401 without a valid key, 403 for a request from another site, 429 for more than the key may ask, 503 if the store
/// cannot say.
pub async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let caller = found(request).await?;
    // Whatever goes wrong from here on is told to somebody who is known.
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

async fn found(request: &HttpRequest) -> Result<Caller, Problem> {
    site::refuse_other_sites(request)?;
    let (services, door) = joined(request)?;
    let shown = shown(request);
    let found = match &shown {
        Shown::Nothing => None,
        Shown::Key(secret) => key(services, door, secret).await?,
        Shown::Session(secret) => session(request, services, door, secret).await?,
    };
    if let Some(caller) = found {
        return Ok(caller);
    }
    // Without keys nothing is checked, so a left-over key is no reason to turn its bearer away.
    if door.identity.is_none() && door.keys.none(services).await? {
        return local(services, request);
    }
    Err(match shown {
        Shown::Nothing => Problem::new(Code::Unauthorized, "no API key was sent; send `Authorization: Bearer <key>`"),
        Shown::Session(_) => Problem::new(Code::Unauthorized, "the login of this browser has ended; log in again"),
        Shown::Key(_) => wrong_key(request).await,
    })
}

fn joined(request: &HttpRequest) -> Result<(&web::Data<Services>, &web::Data<Door>), Problem> {
    match (request.app_data::<web::Data<Services>>(), request.app_data::<web::Data<Door>>()) {
        (Some(services), Some(door)) => Ok((services, door)),
        _ => Err(Problem::internal("the service is not joined")),
    }
}

/// The answer to a key that is none: later and later, the more of them an address sends.
///
/// # Errors
/// None: it is what is to be answered.
pub async fn wrong_key(request: &HttpRequest) -> Problem {
    let (services, door) = match joined(request) {
        Ok(joined) => joined,
        Err(problem) => return problem,
    };
    let told = Problem::new(
        Code::Unauthorized,
        "the API key is not known, has expired or was revoked; ask an admin for another",
    );
    if !door.access.slow_wrong_keys {
        return told;
    }
    let wait = door.attempts.wrong(request.peer_addr().map(|peer| peer.ip()), services.now());
    if !wait.is_zero() {
        let Some(_place) = door.attempts.waits() else {
            return Problem::too_many("too many wrong API keys came at once; try again later", LATER);
        };
        tokio::time::sleep(wait).await;
    }
    told
}

const LATER: Duration = Duration::from_secs(30);

/// Whom a key stands for; `None` if it is none.
async fn key(services: &Services, door: &Door, secret: &str) -> Result<Option<Caller>, Problem> {
    let Some(key) = door.keys.find(services, secret).await? else { return Ok(None) };
    of_key(services, door, &key).await.map(Some)
}

/// Whom a browser's session stands for; `None` if it has ended, or the key that it was opened with is none any more.
async fn session(
    request: &HttpRequest,
    services: &Services,
    door: &Door,
    secret: &str,
) -> Result<Option<Caller>, Problem> {
    let Some(session) = session::find(services, &door.access, secret).await? else { return Ok(None) };
    let caller = match &session.of {
        SessionOf::Key { id } => match door.keys.by_id(services, *id).await? {
            Some(key) => of_key(services, door, &key).await?,
            None => return Ok(None),
        },
        SessionOf::Person { name, role, project } => {
            let wrong = |detail: String| Problem::internal(format!("the session of {name:?}: {detail}"));
            Caller {
                project: services.store.project(project),
                project_id: project.clone(),
                role: role.parse::<Role>().map_err(wrong)?,
                author: Author::parse(name.clone()).map_err(|e| wrong(e.to_string()))?,
                key: None,
            }
        }
    };
    session::refuse_without_form(request, secret)?;
    Ok(Some(caller))
}

/// Whom a live key stands for, if it may ask at all now.
async fn of_key(services: &Services, door: &Door, key: &ApiKey) -> Result<Caller, Problem> {
    let wrong = |detail: String| Problem::internal(format!("API key {}: {detail}", key.id));
    let role = key.role.parse::<Role>().map_err(wrong)?;
    let name = key.label.clone().unwrap_or_else(|| format!("key {}", key.id));
    let author = Author::parse(name).map_err(|e| wrong(e.to_string()))?;
    let per_minute = key.limits.requests_per_minute.unwrap_or(door.access.requests_per_minute);
    if let Some(per_minute) = NonZeroU32::new(per_minute) {
        door.rates.take(key.id, per_minute).map_err(|wait| {
            let detail = format!("the API key may make {per_minute} requests a minute; wait, or ask an admin for more");
            Problem::too_many(detail, wait)
        })?;
    }
    if door.keys.is_to_be_noted(key.id, services.now())
        && let Err(error) = keys::note(services, key.id, 0, None).await
    {
        tracing::warn!(key = %key.id, %error, "that a key was used could not be kept");
    }
    let work_per_day = key.limits.work_per_day.unwrap_or(door.access.work_per_day);
    Ok(Caller {
        project: services.store.project(&key.project),
        project_id: key.project.clone(),
        role,
        author,
        key: Some(OfKey { id: key.id, work_per_day: NonZeroU32::new(work_per_day) }),
    })
}

fn local(services: &Services, request: &HttpRequest) -> Result<Caller, Problem> {
    site::only_this_machine(request)?;
    let wrong = |e: crate::domain::InvalidName| Problem::internal(e.to_string());
    let project_id = ProjectId::parse(LOCAL_PROJECT).map_err(wrong)?;
    let author = Author::parse(LOCAL_AUTHOR).map_err(wrong)?;
    Ok(Caller { project: services.store.project(&project_id), project_id, role: Role::Admin, author, key: None })
}

/// What a request shows of who it comes from.
enum Shown {
    Nothing,
    Key(String),
    Session(String),
}

fn shown(request: &HttpRequest) -> Shown {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    });
    // A header that is there and is no bearer key is not helped out by a cookie.
    match header {
        Some(_) => Shown::Key(bearer.unwrap_or_default()),
        None => session::secret_of(request).map_or(Shown::Nothing, Shown::Session),
    }
}

/// How long a key that was found is believed without asking the store again: one that another process revokes is none
/// within a second.
const BELIEVED: Duration = Duration::from_millis(800);
/// How exactly it is kept when a key was used last.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Keys that are remembered at most.
const REMEMBERED: usize = 4_096;

/// What is known of the keys, for a few seconds.
#[derive(Default)]
pub struct KeyCache(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By secret hash; only keys that exist.
    keys: HashMap<String, (ApiKey, Timestamp)>,
    /// When it was kept last that a key was used.
    noted: HashMap<KeyId, Timestamp>,
    /// There is at least one: it stays so, keys are revoked and never removed.
    any: bool,
    none_at: Option<Timestamp>,
}

impl KeyCache {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every key: called when one is made or revoked.
    pub fn forget(&self) {
        let mut known = self.lock();
        let noted = std::mem::take(&mut known.noted);
        *known = Known { noted, ..Known::default() };
    }

    /// Whether it should be kept again that a key is used; then it is taken to be.
    fn is_to_be_noted(&self, id: KeyId, now: Timestamp) -> bool {
        let mut known = self.lock();
        if known.noted.get(&id).is_some_and(|at| *at <= now && now.duration_since(*at).unsigned_abs() < NOTED_EVERY) {
            return false;
        }
        if known.noted.len() >= REMEMBERED {
            known.noted.clear();
        }
        known.noted.insert(id, now);
        true
    }

    /// A live key by its id.
    async fn by_id(&self, services: &Services, id: KeyId) -> Result<Option<ApiKey>, Problem> {
        let now = services.now();
        let believed = {
            let known = self.lock();
            known.keys.values().find(|(key, at)| key.id == id && is_fresh(*at, now)).map(|(key, _)| key.clone())
        };
        let found = match believed {
            Some(key) => Some(key),
            None => {
                let found = services.store.system().get::<ApiKey>(&id.to_string()).await?.map(|kept| kept.record);
                if let Some(key) = &found {
                    self.remember(key.clone(), now);
                }
                found
            }
        };
        Ok(found.filter(|key| key.is_live(now)))
    }

    fn remember(&self, key: ApiKey, now: Timestamp) {
        let mut known = self.lock();
        if known.keys.len() >= REMEMBERED {
            known.keys.clear();
        }
        known.keys.insert(key.secret_hash.clone(), (key, now));
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

    /// The live key with this secret.
    pub(in crate::http) async fn find(&self, services: &Services, secret: &str) -> Result<Option<ApiKey>, Problem> {
        let (hash, now) = (secret_hash(secret), services.now());
        let believed = self.lock().keys.get(&hash).filter(|(_, at)| is_fresh(*at, now)).map(|(key, _)| key.clone());
        let found = match believed {
            Some(key) => Some(key),
            None => {
                let found = keys::by_hash(services, &hash).await?;
                match &found {
                    Some(key) => self.remember(key.clone(), now),
                    None => {
                        self.lock().keys.remove(&hash);
                    }
                }
                found
            }
        };
        Ok(found.filter(|key| key.is_live(now)))
    }
}

/// To the next day, UTC.
fn until_midnight(now: Timestamp) -> Duration {
    const DAY: i64 = 86_400;
    Duration::from_secs((DAY - now.as_second().rem_euclid(DAY)).unsigned_abs())
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.duration_since(at).unsigned_abs() < BELIEVED
}
