//! What came in, read within limits and refused whole: a handler gets a value or a problem, never half a body.
//!
//! Reading starts when a handler asks for it, so that a caller without a key uploads nothing. Limits hold while
//! the bytes arrive, and a body that stops arriving is given up.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::{PathError, PayloadError, QueryPayloadError};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::idempotency::{self, Identity};
use super::pace::{self, paced};
use super::problem::{Code, FieldProblem, Problem};
use super::upload::{self, Form};
use crate::services::{IntakeLimits, Services};

/// Between two pieces of a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body that nobody has read yet.
pub struct Incoming {
    pub(super) request: HttpRequest,
    pub(super) payload: Payload,
}

/// What came in, and how the same request is known again.
pub struct Received<T> {
    pub content: T,
    pub identity: Identity,
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: paced(payload.take()) }))
    }
}

impl Incoming {
    /// # Errors
    /// If the service is not joined: a mistake in a test.
    pub(super) fn limits(&self) -> Result<IntakeLimits, Problem> {
        let services = self.request.app_data::<web::Data<Services>>();
        services.map(|services| services.intake).ok_or_else(|| Problem::internal("the service is not joined"))
    }

    /// Without parameters, lower case.
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        let value = self.request.headers().get(CONTENT_TYPE)?.to_str().unwrap_or("?");
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// One JSON value; unknown fields are refused by its type.
    ///
    /// # Errors
    /// 400, 408, 413, 415 or 422.
    pub async fn json<T: DeserializeOwned>(self) -> Result<Received<T>, Problem> {
        let limits = self.limits()?;
        self.only_json()?;
        let (bytes, identity) = self.bytes(limits.max_json_bytes as u64, "the JSON body").await?;
        Ok(Received { content: from_json(&bytes, "")?, identity })
    }

    /// JSON, or multipart with the JSON in the part `part` and files in parts `file`.
    ///
    /// # Errors
    /// 400, 408, 413, 415 or 422.
    pub async fn form<T: DeserializeOwned>(self, part: &'static str) -> Result<Received<Form<T>>, Problem> {
        match self.media_type().as_deref() {
            Some("multipart/form-data") => upload::read(self, part).await,
            _ => {
                let Received { content, identity } = self.json().await?;
                Ok(Received { content: Form { content, files: vec![] }, identity })
            }
        }
    }

    /// Text of one of these types (or of none).
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub async fn text(self, types: &[&str], limit: u64) -> Result<Received<String>, Problem> {
        if let Some(media_type) = self.media_type()
            && !types.contains(&media_type.as_str())
        {
            return Err(wrong_type(&media_type, &types.join(", ")));
        }
        let (bytes, identity) = self.bytes(limit, "the body").await?;
        Ok(Received { content: utf8(&bytes, "the body")?.to_owned(), identity })
    }

    fn only_json(&self) -> Result<(), Problem> {
        match self.media_type() {
            Some(t) if t == "application/json" || (t.starts_with("application/") && t.ends_with("+json")) => Ok(()),
            Some(other) => Err(wrong_type(&other, "application/json")),
            None => Err(Problem::new(
                Code::UnsupportedMediaType,
                "the request has no Content-Type; send `Content-Type: application/json`",
            )),
        }
    }

    async fn bytes(mut self, limit: u64, what: &str) -> Result<(Bytes, Identity), Problem> {
        let key = idempotency::key_of(&self.request)?;
        let declared = self.request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if let Some(declared) = declared
            && declared > limit
        {
            return Err(too_large(what, limit));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = next(&mut self.payload).await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_large(what, limit));
            }
            body.extend_from_slice(&chunk);
        }
        let identity = Identity::new(key, &self.request, &[&Sha256::digest(&body)]);
        Ok((body.freeze(), identity))
    }
}

/// The next piece of a body.
async fn next(
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
) -> Result<Option<Bytes>, Problem> {
    patient(payload.next()).await?.transpose().map_err(|e| payload_problem(&e))
}

/// Gives up on a body that stops arriving.
pub(super) async fn patient<T>(piece: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(PATIENCE, piece).await.map_err(|_| {
        Problem::new(
            Code::RequestTimeout,
            format!("nothing of the body arrived for {} s; send it again", PATIENCE.as_secs()),
        )
    })
}

pub(super) fn payload_problem(error: &PayloadError) -> Problem {
    match error {
        error if pace::is_too_slow(error) => {
            Problem::new(Code::RequestTimeout, "the body arrives too slowly; send it again over a better line")
        }
        PayloadError::Overflow => Problem::new(Code::TooLarge, "the body is too large"),
        PayloadError::UnknownLength => Problem::new(Code::TooLarge, "the length of the body is not known"),
        PayloadError::Incomplete(_) => {
            Problem::new(Code::MalformedBody, "the body ended before its announced length; send it again")
        }
        other => Problem::new(Code::MalformedBody, format!("the body cannot be read: {other}")),
    }
}

pub(super) fn too_large(what: &str, limit: u64) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!("{what} is larger than {limit} bytes; split it, or raise the limit in [limits] of empanel.toml"),
    )
}

pub(super) fn wrong_type(given: &str, taken: &str) -> Problem {
    let given: String = given.chars().take(80).collect();
    Problem::new(Code::UnsupportedMediaType, format!("the content type {given:?} is not taken here; send {taken}"))
}

pub(super) fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|e| {
        Problem::new(
            Code::InvalidEncoding,
            format!("{what} is not UTF-8: byte {} is none of a character; convert it", e.valid_up_to()),
        )
    })
}

/// A value out of JSON; `at` is the place of the JSON in what was sent.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8], at: &str) -> Result<T, Problem> {
    let text = utf8(bytes, if at.is_empty() { "the body" } else { at })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        json_problem(error.into_inner(), pointer)
    })?;
    reader.end().map_err(|error| json_problem(error, String::new()))?;
    Ok(value)
}

fn json_problem(error: serde_json::Error, pointer: String) -> Problem {
    let detail = error.to_string();
    if error.is_data() {
        let said = if pointer.is_empty() { detail.clone() } else { format!("{pointer}: {detail}") };
        Problem { errors: vec![FieldProblem { pointer, detail }], ..Problem::new(Code::Invalid, said) }
    } else {
        Problem::new(Code::MalformedJson, format!("the JSON cannot be read: {detail}"))
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer += &format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer += "/";
                pointer += &key.replace('~', "~0").replace('/', "~1");
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Errors out of actix's own extractors are problem documents too.
pub(super) fn configure_errors(config: &mut web::ServiceConfig) {
    config.app_data(web::QueryConfig::default().error_handler(|error, _| {
        let why = match &error {
            QueryPayloadError::Deserialize(why) => why.to_string(),
            other => other.to_string(),
        };
        Problem::new(Code::InvalidQuery, format!("the query string cannot be read: {why}")).into()
    }));
    config.app_data(web::PathConfig::default().error_handler(|error, request| {
        let why = match &error {
            PathError::Deserialize(why) => why.to_string(),
            other => other.to_string(),
        };
        // An id that is no id names nothing.
        let path: String = request.path().chars().take(200).collect();
        Problem::new(Code::NotFound, format!("there is nothing at {path:?}: {why}")).into()
    }));
}
