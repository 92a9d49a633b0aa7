//! Logging in: a form takes a key and opens a session, whose secret is in a cookie that no script reads and no other
//! site's request carries.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, see_other};
use super::render::{Page, respond};
use crate::domain::Author;
use crate::http::Door;
use crate::http::auth::{self, Access, COOKIE, session};
use crate::http::problem::{Code, Problem};
use crate::services::Services;
use crate::store::SessionOf;

#[derive(Debug, Serialize)]
pub(super) struct LoginPage {
    /// A path of ours to go to afterwards.
    pub next: String,
    pub error: Option<String>,
    /// There is a key at all; without one nobody needs to log in.
    pub needed: bool,
    /// There is an identity provider to log in by.
    pub elsewhere: bool,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
    const SECTION: &'static str = "";
    fn title(&self) -> String {
        "Log in".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
    #[serde(default)]
    refused: u8,
}

#[derive(Deserialize)]
struct Posted {
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let login = web::resource("/login").route(web::get().to(form)).route(web::post().to(login));
    cfg.service(login.wrap(from_fn(paged)))
        .service(web::resource("/logout").route(web::post().to(logout)).wrap(from_fn(paged)));
}

/// A path on this service, and nothing that a browser could read as another's address.
pub(super) fn own_path(next: &str) -> &str {
    let starts_here = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if starts_here && plain && !next.starts_with("/login") && !next.starts_with("/logout") { next } else { "/" }
}

async fn form(
    services: web::Data<Services>,
    door: web::Data<Door>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let error = (asked.refused == 1).then(|| "The login of this browser has ended.".to_owned());
    let page = LoginPage {
        next: own_path(&asked.next).to_owned(),
        error,
        needed: auth::any_key(&services).await?,
        elsewhere: door.identity.is_some(),
    };
    Ok(respond(StatusCode::OK, None, &page))
}

async fn login(
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
    posted: web::Form<Posted>,
) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request).await?;
    let key = posted.key.trim();
    let next = own_path(&posted.next);
    // Anything else is no key of ours.
    let shaped = !key.is_empty() && key.len() <= 200 && key.bytes().all(|b| b.is_ascii_graphic());
    let known = if shaped { door.keys.find(&services, key).await? } else { None };
    let Some(known) = known else {
        let told = auth::wrong_key(&request).await;
        if told.code != Code::Unauthorized {
            return Err(told);
        }
        let error = Some("This key is not known, has expired or was revoked. Ask an admin for one.".to_owned());
        let page = LoginPage {
            next: next.to_owned(),
            error,
            needed: auth::any_key(&services).await?,
            elsewhere: door.identity.is_some(),
        };
        return Ok(respond(StatusCode::UNAUTHORIZED, None, &page));
    };
    let who = known.label.clone().unwrap_or_else(|| format!("key {}", known.id));
    let who = Author::parse(who).map_err(|e| Problem::internal(format!("API key {}: {e}", known.id)))?;
    let secret = session::open(&services, &door.access, SessionOf::Key { id: known.id }, &who).await?;
    let mut answer = see_other(next);
    keep(&mut answer, session_cookie(&request, &door.access, secret))?;
    Ok(answer)
}

/// The cookie of a session with this secret.
pub(super) fn session_cookie(request: &HttpRequest, access: &Access, secret: String) -> Cookie<'static> {
    let most = i64::try_from(access.session_max.as_secs()).unwrap_or(i64::MAX);
    cookie(request, secret).max_age(Duration::seconds(most)).finish()
}

async fn logout(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request).await?;
    session::close(&services, &request).await?;
    let mut answer = see_other("/login");
    keep(&mut answer, cookie(&request, String::new()).max_age(Duration::ZERO).finish())?;
    Ok(answer)
}

/// Whoever logs in has no valid key yet; where the request comes from matters all the same.
async fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    match auth::caller(request).await {
        Err(problem) if problem.code == Code::OtherSite => Err(problem),
        _ => Ok(()),
    }
}

fn cookie(request: &HttpRequest, value: String) -> actix_web::cookie::CookieBuilder<'static> {
    let secure = request.connection_info().scheme() == "https";
    Cookie::build(COOKIE, value).path("/").http_only(true).same_site(SameSite::Strict).secure(secure)
}

pub(super) fn keep(answer: &mut HttpResponse, cookie: Cookie<'_>) -> Result<(), Problem> {
    answer.add_cookie(&cookie).map_err(|error| Problem::internal(format!("the cookie cannot be set: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_back_to_a_page_of_ours_and_nowhere_else() {
        assert_eq!(own_path("/gradings?status=failed"), "/gradings?status=failed");
        for evil in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "",
            "/login?next=/",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(own_path(evil), "/", "{evil:?}");
        }
    }
}
