//! The pages: what people see of gradings, reviews and leaderboards, rendered here and readable without
//! script. One file per page holds its context type (strings as a person reads them), its handlers and its
//! routes; its template stands in `templates/` under the same name.
//!
//! How to add a page: a file with a type that implements [`render::Page`], its template with a line in
//! `render.rs`, its `configure` in the list below, and a sample of its type in `samples.rs`, which the tests
//! render strictly and with hostile text in every field. `EMPANEL_UI_DIR=src/http/ui cargo run -- serve` reads
//! templates and assets anew for every page.
//!
//! What is always true: everything users or judges wrote is escaped by the template engine; an address is
//! built from a fixed beginning and percent-encoded parts; no page has inline script or style, and the
//! Content-Security-Policy forbids them; a form is only accepted from our own pages (`http::auth`).

mod agreement;
mod around;
mod assets;
mod error;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod flow_post;
mod form;
mod grading;
mod gradings;
mod home;
mod judges;
mod leaderboard;
mod login;
mod matrix;
mod oidc;
mod pareto;
mod plot;
mod post;
mod question;
mod radar;
pub mod render;
mod review;
mod reviews;
mod rubrics;
#[cfg(test)]
mod samples;
mod seen;
mod viewer;
mod words;
mod work;

use actix_web::web;

pub use error::{error_page, wants_page};
pub use matrix::matrix_svg;
pub use pareto::pareto_svg;
pub use plot::leaderboard_svg;
pub use radar::radar_svg;

/// Adds the pages to a service.
pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.configure(assets::configure)
        .configure(home::configure)
        .configure(gradings::configure)
        .configure(post::configure)
        .configure(grading::configure)
        .configure(work::configure)
        .configure(judges::configure)
        .configure(leaderboard::configure)
        .configure(reviews::configure)
        .configure(review::configure)
        .configure(rubrics::configure)
        .configure(agreement::configure)
        .configure(login::configure)
        .configure(oidc::configure);
}
