//! The style sheet and the script. Their addresses carry a hash of their content, so a browser may keep them
//! for ever and still sees a new version at once.

use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

const CSS: &str = include_str!("assets/app.css");
const JS: &str = include_str!("assets/app.js");

fn path(name: &str, content: &str) -> String {
    format!("/assets/{name}?v={}", &blake3::hash(content.as_bytes()).to_hex()[..12])
}

static CSS_PATH: LazyLock<String> = LazyLock::new(|| path("app.css", CSS));
static JS_PATH: LazyLock<String> = LazyLock::new(|| path("app.js", JS));

#[must_use]
pub fn css_path() -> &'static str {
    &CSS_PATH
}

#[must_use]
pub fn js_path() -> &'static str {
    &JS_PATH
}

pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/assets/app.css", web::get().to(css)).route("/assets/app.js", web::get().to(js));
}

async fn css(request: HttpRequest) -> HttpResponse {
    serve(&request, css_path(), CSS, "text/css; charset=utf-8")
}

async fn js(request: HttpRequest) -> HttpResponse {
    serve(&request, js_path(), JS, "text/javascript; charset=utf-8")
}

fn serve(request: &HttpRequest, current: &str, content: &'static str, media_type: &'static str) -> HttpResponse {
    let hash = current.rsplit('=').next().unwrap_or_default();
    // Only the address of exactly this content may be kept; a bare or an old one is asked for again.
    let exact = request.query_string() == format!("v={hash}");
    let caching = if exact { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(caching)))
        .insert_header((header::ETAG, format!("\"{hash}\"")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .content_type(media_type);
    answer.body(content)
}
