//! Logging in by the identity provider: to it, and back with a session.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, see_other};
use super::login::{self, own_path};
use super::render::{Page, respond};
use crate::domain::Author;
use crate::http::Door;
use crate::http::auth::session;
use crate::http::problem::{Code, Problem};
use crate::identity::{Begun, IdentityError, LOGIN_WITHIN, Person};
use crate::services::Services;
use crate::store::SessionOf;

/// What a browser keeps while it is elsewhere. Not `Strict`: it comes back from another site.
const COOKIE: &str = "empanel_login";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/login/oidc").route(web::get().to(begin)).wrap(from_fn(paged)))
        .service(web::resource("/login/oidc/back").route(web::get().to(back)).wrap(from_fn(paged)));
}

/// A page that leads on by itself. A redirect would not do: the browser comes from another site, and takes no `Strict`
/// cookie along on the way through.
#[derive(Debug, Serialize)]
pub(super) struct LoggedIn {
    pub name: String,
    /// A path of ours.
    pub next: String,
}

impl Page for LoggedIn {
    const TEMPLATE: &'static str = "logged_in.html";
    const SECTION: &'static str = "";
    fn title(&self) -> String {
        "Logged in".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

async fn begin(
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let Some(provider) = &door.identity else { return Err(none()) };
    let (url, begun) = provider.begin(services.now()).await.map_err(problem)?;
    let Begun { state, nonce, verifier } = begun;
    // Neither has a `~`: they are base64 of the alphabet for URLs; a path may have one, and is the last.
    let kept = format!("{state}~{nonce}~{verifier}~{}", own_path(&asked.next));
    let mut answer = see_other(&url);
    login::keep(&mut answer, cookie(&request, kept, LOGIN_WITHIN.as_secs()))?;
    Ok(answer)
}

#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
    error_description: Option<String>,
}

async fn back(
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
    said: web::Query<Back>,
) -> Result<HttpResponse, Problem> {
    let Some(provider) = &door.identity else { return Err(none()) };
    let kept = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let parts: Vec<&str> = kept.splitn(4, '~').collect();
    let [state, nonce, verifier, next] = parts[..] else { return Err(problem(IdentityError::NotBegun)) };
    let Back { state: shown, code, error, error_description } = said.into_inner();
    if let Some(error) = error {
        let why: String = error_description.unwrap_or(error).chars().take(300).collect();
        return Err(problem(IdentityError::Refused { why }));
    }
    let begun = Begun { state: state.to_owned(), nonce: nonce.to_owned(), verifier: verifier.to_owned() };
    let person = provider.finish(&begun, &shown, &code, services.now()).await.map_err(problem)?;
    let Person { name, role, project } = person;
    let who = Author::parse(name.clone()).map_err(|e| problem(IdentityError::Unproven { why: e.to_string() }))?;
    let of = SessionOf::Person { name: name.clone(), role, project };
    let secret = session::open(&services, &door.access, of, &who).await?;
    let page = LoggedIn { name, next: own_path(next).to_owned() };
    let mut answer = respond(StatusCode::OK, None, &page);
    login::keep(&mut answer, login::session_cookie(&request, &door.access, secret))?;
    // A code and a verifier are worth something once.
    login::keep(&mut answer, cookie(&request, String::new(), 0))?;
    Ok(answer)
}

fn cookie(request: &HttpRequest, value: String, seconds: u64) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/login/oidc")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(request.connection_info().scheme() == "https")
        .max_age(Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
        .finish()
}

fn none() -> Problem {
    Problem::new(Code::NotFound, "no identity provider is configured ([oidc]); log in with a key")
}

fn problem(error: IdentityError) -> Problem {
    let detail = error.to_string();
    match error {
        IdentityError::Provider { .. } => {
            tracing::error!(error = detail, "the identity provider cannot be used");
            Problem {
                inside: Some(detail),
                ..Problem::new(
                    Code::Unavailable,
                    "the identity provider does not answer as one; try again, or log in with a key",
                )
            }
        }
        IdentityError::NoGrant { .. } => Problem::new(Code::LoginRefused, detail),
        IdentityError::NotBegun | IdentityError::Refused { .. } | IdentityError::Unproven { .. } => {
            tracing::warn!(why = detail, "a login by the identity provider did not hold");
            Problem::new(Code::LoginRefused, detail)
        }
    }
}
