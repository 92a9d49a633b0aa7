//! What goes wrong, as the outside sees it: `application/problem+json` (RFC 9457) with a stable `code`.
//! One table gives every kind its code, status and title; one function gives every refusal of a story its kind.
//!
//! How to add a kind: a variant of [`Code`] and its row.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::Refusal;
use crate::store::{Happened, Retry, StoreError};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)+) => {
        /// Every kind of problem that is the door's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            const fn row(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$name => ($status, $code, $title),)+ }
            }
        }
    };
}

codes! {
    MalformedJson = 400 "malformed_json" "The body is not JSON";
    MalformedBody = 400 "malformed_body" "The body cannot be read";
    MalformedMultipart = 400 "malformed_multipart" "The body is not multipart/form-data";
    InvalidEncoding = 400 "invalid_encoding" "The body is not UTF-8";
    InvalidQuery = 400 "invalid_query" "The query string is not valid";
    InvalidHeader = 400 "invalid_header" "A header is not valid";
    InvalidCursor = 400 "invalid_cursor" "The cursor is not one of ours";
    BadRequest = 400 "bad_request" "The request cannot be read";
    Unauthorized = 401 "unauthorized" "An API key is needed";
    Forbidden = 403 "forbidden" "The key's role does not allow this";
    LoginRefused = 403 "login_refused" "The login did not hold";
    OtherSite = 403 "other_site" "The request comes from somewhere else";
    NotFound = 404 "not_found" "There is no such thing";
    MethodNotAllowed = 405 "method_not_allowed" "The address does not take this method";
    RequestTimeout = 408 "request_timeout" "The request took too long to arrive";
    Conflict = 409 "conflict" "It does not fit the present state";
    IdempotencyMismatch = 409 "idempotency_mismatch" "The Idempotency-Key was used with another request";
    TooLarge = 413 "too_large" "It is larger than this service takes";
    UnsupportedMediaType = 415 "unsupported_media_type" "The content type is not taken here";
    NotDrawn = 422 "not_drawn" "The page cannot be drawn";
    Invalid = 422 "invalid" "What was sent is not valid";
    TooMany = 429 "too_many_requests" "More was asked than is allowed in this time";
    Internal = 500 "internal" "Something went wrong in the service";
    NotImplemented = 501 "not_implemented" "Not part of this version";
    Unavailable = 503 "unavailable" "The service cannot do this now";
    InsufficientStorage = 507 "insufficient_storage" "There is no room left to keep this";
}

impl Code {
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
    }
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the body; empty for the whole of it.
    #[schema(example = "/criteria/1/id")]
    pub pointer: String,
    pub detail: String,
}

/// A problem on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// A stable code of a story's own, instead of the kind's.
    pub own_code: Option<&'static str>,
    /// The value, the place and the way out.
    pub detail: String,
    pub errors: Vec<FieldProblem>,
    /// What happened inside, for the log; never sent.
    pub inside: Option<String>,
    pub allow: Option<String>,
    /// When asking again may be of use.
    pub retry_after_s: Option<NonZeroU32>,
}

/// Why a request failed, for the log and never for the outside.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    pub code: &'static str,
    pub error: String,
}

/// `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:empanel:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:empanel:problem:invalid")]
    pub kind: String,
    pub title: String,
    #[schema(example = 422)]
    pub status: u16,
    /// The value, the place and the way out.
    pub detail: String,
    /// Stable, for programs.
    #[schema(example = "invalid")]
    pub code: String,
    /// Where a field is bad: which, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub errors: Option<Vec<FieldProblem>>,
}

pub const CONTENT_TYPE: &str = "application/problem+json";

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            own_code: None,
            detail: detail.into(),
            errors: vec![],
            inside: None,
            allow: None,
            retry_after_s: None,
        }
    }

    /// A bad field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Refusal::invalid(pointer, detail).into()
    }

    pub fn not_found(what: &'static str, value: impl ToString) -> Self {
        Refusal::not_found(what, value).into()
    }

    /// More than is allowed in this time.
    pub fn too_many(detail: impl Into<String>, retry_after: Duration) -> Self {
        // Rounded up; a second at least.
        let seconds = u32::try_from(retry_after.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        let retry_after_s = NonZeroU32::new(seconds.max(1));
        Self { retry_after_s, ..Self::new(Code::TooMany, detail) }
    }

    /// A fault of ours: the outside is told to look for the request's id in the log.
    pub fn internal(inside: impl Into<String>) -> Self {
        let detail = "the service failed; its log tells why under the id in the header `x-request-id`";
        Self { inside: Some(inside.into()), ..Self::new(Code::Internal, detail) }
    }

    /// Leaves what happened inside for the one line that is logged of the request.
    pub(super) fn note(&self, response: &mut HttpResponse) {
        if let Some(inside) = &self.inside {
            response.extensions_mut().insert(Inside { code: self.code(), error: inside.clone() });
        }
    }

    #[must_use]
    pub fn code(&self) -> &'static str {
        self.own_code.unwrap_or_else(|| self.code.as_str())
    }

    #[must_use]
    pub fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:empanel:problem:{}", self.code()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code().to_owned(),
            errors: (!self.errors.is_empty()).then(|| self.errors.clone()),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.inside.as_ref().unwrap_or(&self.detail))
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(CONTENT_TYPE);
        let extra: Option<(HeaderName, String)> = match self.code {
            Code::Unauthorized => Some((WWW_AUTHENTICATE, "Bearer realm=\"empanel\"".to_owned())),
            Code::Unavailable => Some((RETRY_AFTER, "5".to_owned())),
            // Somebody has to make room.
            Code::InsufficientStorage => Some((RETRY_AFTER, "30".to_owned())),
            Code::TooMany => Some((RETRY_AFTER, self.retry_after_s.map_or(1, NonZeroU32::get).to_string())),
            Code::MethodNotAllowed => self.allow.clone().map(|allow| (actix_web::http::header::ALLOW, allow)),
            _ => None,
        };
        if let Some((name, value)) = extra
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.insert_header((name, value));
        }
        // A document of strings and a number is always JSON.
        let mut response = response.body(serde_json::to_vec(&self.document()).unwrap_or_default());
        self.note(&mut response);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NotFound { .. } => Self::new(Code::NotFound, detail),
            Refusal::Invalid { problems } => {
                let errors =
                    problems.into_iter().map(|p| FieldProblem { pointer: p.pointer, detail: p.detail }).collect();
                Self { errors, ..Self::new(Code::Invalid, detail) }
            }
            Refusal::Conflict { code, .. } => Self { own_code: Some(code), ..Self::new(Code::Conflict, detail) },
            Refusal::TooLarge { .. } => Self::new(Code::TooLarge, detail),
            Refusal::Unsupported { .. } => Self::new(Code::NotImplemented, detail),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let inside = error.to_string();
        let out = |code, detail: &str| Self { inside: Some(inside.clone()), ..Self::new(code, detail) };
        match (&error, error.retry(), error.happened()) {
            (StoreError::InvalidCursor { .. }, ..) => Self::new(Code::InvalidCursor, inside),
            (StoreError::Closed, ..) => out(Code::Unavailable, "the service is stopping; try again"),
            (StoreError::Full { .. }, _, Happened::No) => {
                out(Code::InsufficientStorage, "the store is full; nothing was kept, try again when there is room")
            }
            (StoreError::Full { .. }, _, Happened::Perhaps) => out(
                Code::InsufficientStorage,
                "the store ran full while keeping this; read before repeating it, or repeat it with the same Idempotency-Key",
            ),
            (_, _, Happened::Perhaps) => out(
                Code::Unavailable,
                "the store failed while keeping this; read before repeating it, or repeat it with the same Idempotency-Key",
            ),
            (_, Retry::AfterReload, _) => {
                Self::new(Code::Conflict, "somebody else changed this at the same time; read it again and try again")
            }
            (_, Retry::Later, _) => out(Code::Unavailable, "the store does not answer; nothing was kept, try again"),
            (_, Retry::Never, _) => Self::internal(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[test]
    fn codes_are_unique_and_are_client_or_server_errors() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[actix_web::test]
    async fn what_happened_inside_stays_inside() {
        let corrupt =
            StoreError::Corrupt { kind: "grading".to_owned(), key: "k".to_owned(), detail: "/data/secret".to_owned() };
        let response = Problem::from(corrupt).error_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().get("content-type").unwrap(), CONTENT_TYPE);
        let body = to_bytes(response.into_body()).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("secret") && text.contains("x-request-id"), "{text}");
    }

    #[test]
    fn a_bad_field_is_named_by_its_pointer_and_a_store_that_is_away_is_no_fault_of_the_request() {
        let problem = Problem::invalid("/points", "is 0");
        let document = problem.document();
        assert_eq!((document.status, document.code.as_str()), (422, "invalid"));
        assert_eq!(document.errors.unwrap()[0].pointer, "/points");
        let away = Problem::from(StoreError::Unavailable { detail: "disk".to_owned() });
        assert_eq!((away.code, away.detail.contains("disk")), (Code::Unavailable, false));
    }
}
