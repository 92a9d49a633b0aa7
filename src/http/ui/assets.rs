//! The style sheet and the scripts. Their addresses carry a hash of their content, so a browser may keep them
//! for ever and still sees a new version at once.
//!
//! How to add one: its file in `assets/`, its line in the list below, and `{{ asset("its-name") }}` in a template.

use std::borrow::Cow;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::render;

macro_rules! assets {
    ($($name:literal: $media_type:literal),+ $(,)?) => {
        /// Name, media type, content.
        pub(super) const ASSETS: &[(&str, &str, &str)] =
            &[$(($name, $media_type, include_str!(concat!("assets/", $name)))),+];
    };
}

assets![
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "post.js": "text/javascript; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "viewer.js": "text/javascript; charset=utf-8",
];

fn content(name: &str) -> Option<(&'static str, Cow<'static, str>)> {
    let (_, media_type, built_in) = ASSETS.iter().find(|(known, ..)| *known == name)?;
    Some((*media_type, render::source("assets", name, built_in)))
}

fn hash(content: &str) -> String {
    blake3::hash(content.as_bytes()).to_hex()[..12].to_owned()
}

/// Where a page finds an asset; `None` if there is none of that name.
pub(super) fn path(name: &str) -> Option<String> {
    content(name).map(|(_, content)| format!("/assets/{name}?v={}", hash(&content)))
}

pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/assets/{name}", web::get().to(serve));
}

async fn serve(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let Some((media_type, content)) = content(&name) else {
        return HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("There is no such asset.\n");
    };
    let hash = hash(&content);
    // Only the address of exactly this content may be kept; a bare or an old one is asked for again.
    let exact = request.query_string() == format!("v={hash}");
    let caching = if exact { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(caching)))
        .insert_header((header::ETAG, format!("\"{hash}\"")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .content_type(media_type);
    match content {
        Cow::Borrowed(built_in) => answer.body(built_in),
        Cow::Owned(read) => answer.body(read),
    }
}
