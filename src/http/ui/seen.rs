//! Pages of figures over everything in a project: as they were found last, with their time when newer work is not in them;
//! and the page that says that they are being found, which asks again by itself.

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::error::viewer;
use super::render::{Page, respond, respond_as_of};
use super::words;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::services::views::Seen;
use crate::store::ProjectStore;

/// Seconds after which the browser asks again.
const AGAIN_S: u8 = 1;

#[derive(Debug, Serialize)]
pub(super) struct WaitingPage {
    pub again_s: u8,
}

impl Page for WaitingPage {
    const TEMPLATE: &'static str = "waiting.html";
    const SECTION: &'static str = "";
    fn title(&self) -> String {
        "Being worked out".to_owned()
    }
}

/// The page that a view is; `name` has everything on which `find` depends.
///
/// # Errors
/// If the store cannot; what `find` refuses.
pub(super) async fn page<P, F>(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    name: &str,
    find: impl FnOnce(ProjectStore) -> F + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    P: Page + Send + Sync + 'static,
    F: Future<Output = Result<P, Refusal>> + Send + 'static,
{
    Ok(match services.views.see(services, &caller.project, name, find).await? {
        Seen::Found(page, as_of) => {
            let as_of = as_of.map(words::to_the_second);
            respond_as_of(StatusCode::OK, Some(&viewer(request, caller)), page.as_ref(), as_of)
        }
        Seen::NotYet => waiting(request, caller),
    })
}

/// Nothing is known yet; the browser asks again.
pub(super) fn waiting(request: &HttpRequest, caller: &Caller) -> HttpResponse {
    let page = WaitingPage { again_s: AGAIN_S };
    let mut answer = respond(StatusCode::ACCEPTED, Some(&viewer(request, caller)), &page);
    let seconds = HeaderValue::from(u16::from(AGAIN_S));
    answer.headers_mut().insert(HeaderName::from_static("refresh"), seconds.clone());
    answer.headers_mut().insert(RETRY_AFTER, seconds);
    answer
}
