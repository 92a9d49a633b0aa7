//! The door: what clients and browsers can ask, who may ask it, and how what goes wrong is told.
//!
//! ```text
//! request ─▶ limits ▸ log ▸ auth (in a handler's signature) ▸ wire (parsed, unknown fields refused) ▸ a story ▸ wire
//! ```
//!
//! - [`auth`]: keys, roles, other sites. [`problem`]: errors. [`idempotency`]: the same request twice.
//! - [`body`], [`upload`]: what came in, within limits. [`wire`]: the shapes of `CONTRACT.md`.
//! - [`routes`]: one file per family of addresses, and the list of them. [`openapi`]: the document of them all.
//! - [`export`]: everything of one kind as a file that streams. [`ui`]: the pages.
//!
//! How to add a call: a handler with `#[utoipa::path]` in its family's file under `routes/`, its line in the
//! family's `routes()` and in the list of `routes/mod.rs`, then `EMPANEL_UPDATE_SNAPSHOTS=1 cargo test http::openapi`
//! and a look at the diff of `fixtures/http/openapi.json`.

pub mod auth;
mod body;
mod door;
pub mod export;
mod harden;
mod idempotency;
mod listing;
mod log;
mod matter;
mod metrics;
mod openapi;
mod pace;
pub mod problem;
mod routes;
mod serve;
#[cfg(test)]
mod tests;
mod tls;
pub mod ui;
mod upload;
pub mod wire;

use std::sync::Arc;

use actix_web::web;

use crate::services::Services;

pub use auth::{Access, Admin, COOKIE, Caller, Reviewer, Role, Submitter, create_key};
pub use door::Door;
pub use openapi::document as openapi_document;
pub use problem::{Code, Problem};
pub use serve::{ServeError, ServeOptions, serve};

/// Joins the door to an application: data, error documents, routes and pages.
pub fn configure(services: web::Data<Services>, door: Arc<Door>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(services).app_data(web::Data::from(door));
        body::configure_errors(config);
        routes::configure(config);
        ui::configure(config);
        config.default_service(web::route().to(routes::nowhere));
    }
}
