//! Every address of the API, in one list: what is here is served, stands in the OpenAPI document, and answers other
//! methods with 405.

mod aggregation;
mod agreement;
mod attempts;
mod audit;
mod comparisons;
mod docs;
mod drafts;
mod estimates;
mod events;
mod export;
mod files;
pub(super) mod gradings;
mod health;
mod import;
mod judge_report;
mod judges;
mod keys;
pub(super) mod leaderboard;
mod overrides;
pub(in crate::http) mod pages;
pub(super) mod quotes;
mod reviewing;
mod reviews;
pub(super) mod rubrics;
pub(super) mod seen;
mod snapshots;
mod submissions;
mod systems;
mod tasks;
mod votes;
mod waiting;
mod webhooks;

use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi;

use super::problem::{Code, Problem};
use super::{auth, ui};

macro_rules! resources {
    ($($path:literal => $($method:ident $module:ident :: $handler:ident),+;)+) => {
        /// Joins every address to its handlers.
        pub(super) fn configure(config: &mut web::ServiceConfig) {
            $(config.service(
                web::resource($path)
                    $(.route(web::$method().to($module::$handler)))+
                    .default_service(web::route().to(async || -> Result<HttpResponse, Problem> {
                        Err(wrong_method($path, &[$(stringify!($method)),+]))
                    })),
            );)+
        }

        /// The same, for the document.
        #[derive(OpenApi)]
        #[openapi(paths($($($module::$handler),+),+))]
        pub(super) struct Paths;

        /// Method and address of every call.
        #[cfg(test)]
        pub(super) const LIST: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),+];
    };
}

resources! {
    "/v1/rubrics" => get rubrics::list, post rubrics::create;
    "/v1/rubrics/lint" => post rubrics::lint;
    "/v1/rubrics/draft" => post drafts::create;
    "/v1/rubrics/drafts" => get drafts::list;
    "/v1/rubrics/drafts/{id}" => get drafts::get;
    "/v1/rubrics/{id}/decide" => post drafts::decide;
    "/v1/rubrics/{id}" => get rubrics::get;
    "/v1/rubrics/{id}/diff" => get rubrics::diff;
    "/v1/rubrics/{id}/export" => get rubrics::export;
    "/v1/tasks" => get tasks::list, post tasks::create;
    "/v1/tasks/{id}" => get tasks::get;
    "/v1/tasks/{id}/files/{n}" => get tasks::file;
    "/v1/submissions" => get submissions::list, post submissions::create;
    "/v1/submissions/{id}" => get submissions::get;
    "/v1/submissions/{id}/files/{n}" => get submissions::file;
    "/v1/submissions/{id}/manifest" => get submissions::manifest;
    "/v1/submissions/{id}/text" => get submissions::text;
    "/v1/submissions/{id}/pages/{p}.png" => get pages::page;
    "/v1/gradings" => get gradings::list, post gradings::create;
    "/v1/gradings/{id}" => get gradings::get;
    "/v1/gradings/{id}/events" => get events::events;
    "/v1/gradings/{id}/votes" => get votes::list;
    "/v1/gradings/{id}/seen" => get seen::all;
    "/v1/gradings/{id}/seen/{sha256}" => get seen::one;
    "/v1/gradings/{id}/cancel" => post gradings::cancel;
    "/v1/gradings/{id}/retry" => post gradings::retry;
    "/v1/gradings/{id}/aggregate" => post aggregation::again;
    "/v1/gradings/{id}/overrides" => get overrides::list, post overrides::create;
    "/v1/gradings/{id}/overrides/preview" => post overrides::preview;
    "/v1/quotes" => post quotes::create;
    "/v1/comparisons" => get comparisons::list, post comparisons::create;
    "/v1/comparisons/import" => post import::import;
    "/v1/comparisons/plan" => post comparisons::plan;
    "/v1/comparisons/{id}" => get comparisons::get;
    "/v1/leaderboard" => get leaderboard::leaderboard;
    "/v1/attempts" => get attempts::attempts;
    "/v1/leaderboard/sensitivity" => get leaderboard::sensitivity;
    "/v1/leaderboard/snapshots" => get snapshots::list, post snapshots::create;
    "/v1/leaderboard/snapshots/{id}" => get snapshots::get;
    "/v1/systems" => get systems::systems;
    "/v1/agreement" => get agreement::agreement;
    "/v1/estimates" => get estimates::estimates;
    "/v1/judges" => get judges::list;
    "/v1/judges/{name}/report" => get judge_report::report;
    "/v1/reviews" => get reviews::list, post reviews::create;
    "/v1/reviews/report" => get reviewing::report;
    "/v1/reviews/progress" => get reviewing::progress;
    "/v1/reviews/{id}" => get reviews::get;
    "/v1/reviews/{id}/files/{n}" => get reviews::file;
    "/v1/reviews/{id}/claim" => post reviews::claim;
    "/v1/reviews/{id}/release" => post reviews::release;
    "/v1/reviews/{id}/submit" => post reviews::submit;
    "/v1/reviews/{id}/resolve" => post reviews::resolve;
    "/v1/reviews/{id}/decline" => post reviews::decline;
    "/v1/reviews/{id}/withdraw" => post reviews::withdraw;
    "/v1/webhooks" => get webhooks::list, post webhooks::create;
    "/v1/webhooks/{id}" => get webhooks::get, delete webhooks::delete;
    "/v1/webhooks/{id}/enable" => post webhooks::enable;
    "/v1/webhooks/{id}/disable" => post webhooks::disable;
    "/v1/webhooks/{id}/rotate" => post webhooks::rotate;
    "/v1/webhooks/{id}/deliveries" => get webhooks::deliveries;
    "/v1/webhooks/{id}/redeliver" => post webhooks::redeliver;
    "/v1/keys" => get keys::list, post keys::create;
    "/v1/keys/{id}" => get keys::get, delete keys::revoke;
    "/v1/keys/{id}/rotate" => post keys::rotate;
    "/v1/audit" => get audit::list;
    "/v1/audit/verify" => get audit::verify;
    "/v1/export" => get export::export;
    "/healthz" => get health::healthz;
    "/readyz" => get health::readyz;
    "/metrics" => get health::metrics;
    "/openapi.json" => get docs::openapi;
    "/docs" => get docs::docs;
}

fn wrong_method(path: &str, methods: &[&str]) -> Problem {
    let allow = methods.iter().map(|method| method.to_uppercase()).collect::<Vec<_>>().join(", ");
    let detail = format!("{path} takes {allow}; see /docs");
    Problem { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail) }
}

/// What no address matches: a page for people, a problem document for programs.
pub(super) async fn nowhere(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path: String = request.path().chars().take(200).collect();
    let problem = Problem::new(Code::NotFound, format!("there is nothing at {path:?}; see /docs"));
    if !ui::wants_page(request.headers()) {
        return Err(problem);
    }
    // For the head of the page alone: whoever it is may see that there is nothing.
    let _ = auth::caller(&request).await;
    Ok(ui::error_page(&request, &problem))
}
