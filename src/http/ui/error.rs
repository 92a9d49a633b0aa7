//! What goes wrong, as a page. Handlers answer with the door's own [`Problem`]s; [`paged`] stands around every
//! page, turns a problem into a page for people, a missing key into the way to the login, and puts on the
//! headers that every answer needs.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use futures_util::StreamExt;
use serde::Serialize;

use super::render::{self, Page, Viewer, url_part};
use crate::http::auth::session::{self, FormShown};
use crate::http::auth::{self, COOKIE, Caller, Role};
use crate::http::problem::Problem;

#[derive(Debug, Serialize)]
pub(super) struct ErrorPage {
    pub status: u16,
    pub heading: String,
    pub detail: String,
    pub errors: Vec<String>,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
    const SECTION: &'static str = "";
    fn title(&self) -> String {
        self.heading.clone()
    }
}

/// The page of a problem, for whoever asked, where that is known.
#[must_use]
pub fn error_page(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let page = ErrorPage {
        status: problem.status_code().as_u16(),
        heading: problem.code.title().to_owned(),
        detail: problem.detail.clone(),
        errors: problem
            .errors
            .iter()
            .filter(|e| !problem.detail.contains(&e.detail))
            .map(|e| e.detail.clone())
            .collect(),
    };
    let mut answer = render::respond(problem.status_code(), known(request).as_ref(), &page);
    render::secure(answer.headers_mut());
    problem.note(&mut answer);
    answer
}

/// A problem beside the form that was refused: its field by name, not by pointer.
pub(super) fn beside_form(problem: &Problem) -> String {
    match problem.errors.as_slice() {
        [one] if !one.pointer.is_empty() => {
            let field = one.pointer.rsplit('/').next().unwrap_or_default();
            let name = if field == "value" { "verdict" } else { field };
            format!("{}: {}", name.replace('_', " "), one.detail)
        }
        _ => problem.detail.clone(),
    }
}

/// Whether the request comes from somebody who reads pages, not from a program.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

/// Who looks, for the head of the page.
pub(super) fn viewer(request: &HttpRequest, caller: &Caller) -> Viewer {
    Viewer {
        name: caller.author.to_string(),
        role: caller.role.as_str(),
        reviews: caller.role >= Role::Reviewer,
        keyed: request.cookie(COOKIE).is_some(),
        form_secret: session::form_secret_of(request).unwrap_or_default(),
    }
}

/// Who looks, for the head of the page, where it is known.
fn known(request: &HttpRequest) -> Option<Viewer> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.map(|caller| viewer(request, &caller))
}

/// An answer that sends the browser on after a form, so that reloading does not send it again.
pub(super) fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

/// Stands around every page.
pub(super) async fn paged(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let answer = match next.call(with_its_form(request).await).await {
        Ok(answer) => answer.map_into_boxed_body(),
        Err(error) => return Err(error),
    };
    let (request, answer) = answer.into_parts();
    let mut answer = match answer.error() {
        None => answer,
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) if problem.status_code() == StatusCode::UNAUTHORIZED => to_login(&request),
            Some(problem) => error_page(&request, problem),
            // An extractor's own: the query or the form cannot be read.
            None => {
                // It may have come before anybody was looked up.
                let _ = auth::caller(&request).await;
                let page = ErrorPage {
                    status: answer.status().as_u16(),
                    heading: "The request cannot be read".to_owned(),
                    detail: error.to_string(),
                    errors: vec![],
                };
                render::respond(answer.status(), known(&request).as_ref(), &page)
            }
        },
    };
    render::secure(answer.headers_mut());
    Ok(ServiceResponse::new(request, answer))
}

/// Of a form's body so many bytes are looked at: what it shows stands first.
const FORM_HEAD: usize = 4 << 10;

/// A form that a browser sends: whether it shows what only our pages know is noted, and its body is given on whole.
async fn with_its_form(mut request: ServiceRequest) -> ServiceRequest {
    let Some(secret) = session::form_secret_of(request.request()).filter(|_| !request.method().is_safe()) else {
        return request;
    };
    let mut payload = request.take_payload();
    let (mut head, mut pieces) = (Vec::new(), Vec::new());
    while head.len() < FORM_HEAD {
        match payload.next().await {
            Some(Ok(piece)) => {
                head.extend_from_slice(&piece[..piece.len().min(FORM_HEAD)]);
                pieces.push(Ok(piece));
            }
            Some(Err(error)) => {
                pieces.push(Err(error));
                break;
            }
            None => break,
        }
    }
    // Whoever can write these 64 digits knows them, wherever they stand.
    if memchr::memmem::find(&head, secret.as_bytes()).is_some() {
        request.extensions_mut().insert(FormShown);
    }
    let whole = futures_util::stream::iter(pieces).chain(payload);
    request.set_payload(Payload::Stream { payload: Box::pin(whole) });
    request
}

fn to_login(request: &HttpRequest) -> HttpResponse {
    // Only a page that was read is gone back to; a form would have to be filled again.
    let back = if request.method().is_safe() { request.uri().to_string() } else { "/".to_owned() };
    let refused = if request.cookie(COOKIE).is_some() { "&refused=1" } else { "" };
    see_other(&format!("/login?next={}{refused}", url_part(&back)))
}
