//! From a page's context to its answer. Templates are compiled once, strict (a name that is not there is an
//! error, not an empty place) and escaped; every answer carries the headers that keep what users wrote from
//! ever running.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::{assets, words};

/// A context type and the template it fills. `templates_with_samples` in the tests renders each.
pub trait Page: Serialize {
    const TEMPLATE: &'static str;
    /// The entry of the navigation that this page belongs to; empty for none.
    const SECTION: &'static str;
    fn title(&self) -> String;
}

/// Who looks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Viewer {
    pub name: String,
    pub role: &'static str,
    /// Reviewer or above.
    pub reviews: bool,
    /// Logged in, and can log out.
    pub keyed: bool,
    /// What a form of theirs shows; empty where nobody logs in.
    pub form_secret: String,
}

/// What every template gets.
#[derive(Serialize)]
struct Whole<'a, P> {
    title: String,
    section: &'static str,
    viewer: Option<&'a Viewer>,
    /// When what is told was found, if newer work is not in it.
    as_of: Option<words::Time>,
    p: &'a P,
}

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// Every template by its name.
        pub(super) const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("templates/", $name)))),+];
    };
}

templates![
    "agreement.html",
    "base.html",
    "criterion.html",
    "differ.html",
    "error.html",
    "fragment.html",
    "grading.html",
    "gradings.html",
    "home.html",
    "judge.html",
    "judges.html",
    "leaderboard.html",
    "logged_in.html",
    "login.html",
    "parts/acts.html",
    "parts/around.html",
    "parts/beside.html",
    "parts/criterion.html",
    "parts/form.html",
    "parts/form_secret.html",
    "parts/gradings.html",
    "parts/keys.html",
    "parts/macros.html",
    "parts/manifest.html",
    "parts/pane.html",
    "post.html",
    "question.html",
    "review.html",
    "reviews.html",
    "rubric.html",
    "rubrics.html",
    "waiting.html",
    "work.html",
];

static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(environment);

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("url", url_part);
    environment.add_filter("here", here);
    environment.add_filter("many", many);
    environment.add_filter("ticks", ticks);
    environment.add_function("asset", |name: &str| {
        let none = || minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("no asset {name:?}"));
        assets::path(name).ok_or_else(none)
    });
    for (name, built_in) in TEMPLATES {
        environment.add_template_owned(*name, source("templates", name, built_in).into_owned())?;
    }
    Ok(environment)
}

/// Where the author of a page keeps templates and assets that are read again for every page (debug builds only):
/// `EMPANEL_UI_DIR=src/http/ui cargo run -- serve`, then edit and reload.
fn live() -> Option<&'static std::path::Path> {
    static LIVE: LazyLock<Option<std::path::PathBuf>> =
        LazyLock::new(|| std::env::var_os("EMPANEL_UI_DIR").filter(|_| cfg!(debug_assertions)).map(Into::into));
    LIVE.as_deref()
}

/// A template or an asset: as it was built in, or as its author has it now.
pub(super) fn source(kind: &str, name: &str, built_in: &'static str) -> Cow<'static, str> {
    let read = live().and_then(|folder| std::fs::read_to_string(folder.join(kind).join(name)).ok());
    read.map_or(Cow::Borrowed(built_in), Cow::Owned)
}

/// One part of a path or query: everything but letters, digits, `-`, `_` and `.` is percent-encoded.
pub(super) fn url_part(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// An address that was put together before: as it is if it is one of ours, else one that leads nowhere.
fn here(address: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/?&=%#:,+".contains(c);
    let ours = address.starts_with('/') && !address.starts_with("//") && address.chars().all(plain);
    if ours { address } else { "#" }.to_owned()
}

/// A number with what it counts: `1 point`, `2.5 points`.
fn many(count: String, one: &str) -> String {
    words::several(&count, one)
}

/// A text with names in backticks, in parts; a backtick without its other one stays as it is.
fn ticks(text: &str) -> Vec<minijinja::Value> {
    let pieces: Vec<&str> = text.split('`').collect();
    let closed = pieces.len() % 2 == 1;
    if !closed {
        return vec![minijinja::context! { code => false, text => text }];
    }
    let part = |(at, piece): (usize, &&str)| minijinja::context! { code => at % 2 == 1, text => *piece };
    pieces.iter().enumerate().map(part).collect()
}

/// The page as HTML.
///
/// # Errors
/// If the template is wrong or names what the context does not have: our mistake.
pub fn html<P: Page>(viewer: Option<&Viewer>, page: &P) -> Result<String, minijinja::Error> {
    html_as_of(viewer, page, None)
}

fn html_as_of<P: Page>(
    viewer: Option<&Viewer>,
    page: &P,
    as_of: Option<words::Time>,
) -> Result<String, minijinja::Error> {
    let live = live().map(|_| environment()).transpose()?;
    let built_in = || {
        let wrong = |error| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("{error:#}"));
        ENVIRONMENT.as_ref().map_err(wrong)
    };
    let environment = live.as_ref().map_or_else(built_in, Ok)?;
    environment.get_template(P::TEMPLATE)?.render(Serde(Whole {
        title: page.title(),
        section: P::SECTION,
        viewer,
        as_of,
        p: page,
    }))
}

/// The page as an answer.
pub fn respond<P: Page>(status: StatusCode, viewer: Option<&Viewer>, page: &P) -> HttpResponse {
    respond_as_of(status, viewer, page, None)
}

/// The page as an answer; `as_of`: when what it tells was found, if newer work is not in it.
pub fn respond_as_of<P: Page>(
    status: StatusCode,
    viewer: Option<&Viewer>,
    page: &P,
    as_of: Option<words::Time>,
) -> HttpResponse {
    match html_as_of(viewer, page, as_of) {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            tracing::error!(template = P::TEMPLATE, error = format!("{error:#}"), "a page could not be rendered");
            HttpResponse::InternalServerError()
                .content_type("text/plain; charset=utf-8")
                .body("This page could not be rendered. Nothing was changed; the service's log says why.\n")
        }
    }
}

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Puts on what every page must have, unless the handler chose stricter.
pub fn secure(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would make browsers send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_template_marks_text_as_safe_but_the_plot_that_escapes_its_own() {
        let safe: Vec<&str> =
            TEMPLATES.iter().flat_map(|(_, source)| source.lines()).filter(|line| line.contains("safe")).collect();
        let plots = ["p.svg|safe", "p.matrix|safe", "p.pareto|safe", "p.radar|safe"];
        assert_eq!(safe.len(), plots.len(), "{safe:?}");
        assert!(safe.iter().zip(plots).all(|(line, plot)| line.contains(plot)), "{safe:?}");
    }

    #[test]
    fn no_template_has_an_inline_script_style_or_handler() {
        for (name, source) in TEMPLATES {
            let lower = source.to_lowercase();
            for banned in
                ["style=", "<style", "onclick", "onload", "onerror", "javascript:", "<script>", "http://", "https://"]
            {
                assert!(!lower.contains(banned), "{name} contains {banned}");
            }
        }
    }

    #[test]
    fn a_part_of_an_address_cannot_leave_its_place() {
        assert_eq!(url_part("a/b?c&d=\"é"), "a%2Fb%3Fc%26d%3D%22%C3%A9");
        assert_eq!(url_part("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(here("/gradings/1/work?file=0&view=text"), "/gradings/1/work?file=0&view=text");
        for bad in ["javascript:alert(1)", "//evil.example/x", "/a\"b", "/a b", "/\\evil", "", "https://evil.example"] {
            assert_eq!(here(bad), "#", "{bad}");
        }
    }
}
