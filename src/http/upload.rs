//! Multipart bodies: one part with JSON, any number of parts `file`; or the fields of a page's form. Every limit holds
//! while the bytes arrive.

use std::collections::BTreeMap;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header::{self, DispositionParam};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::body::{Incoming, Received, from_json, patient, payload_problem, too_large, utf8};
use super::idempotency::{self, Identity};
use super::problem::{Code, Problem};
use crate::domain::FileName;
use crate::grading::accept::Upload;
use crate::services::IntakeLimits;

/// A JSON value with the files that came along.
#[derive(Debug)]
pub struct Form<T> {
    pub content: T,
    pub files: Vec<Upload>,
}

/// Reads a whole form.
///
/// # Errors
/// 400, 408, 413 or 422; nothing is kept.
pub(super) async fn read<T: DeserializeOwned>(
    incoming: Incoming,
    part: &'static str,
) -> Result<Received<Form<T>>, Problem> {
    let limits = incoming.limits()?;
    let Incoming { request, payload } = incoming;
    let key = idempotency::key_of(&request)?;
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    // Boundaries and headers of parts come on top of the files.
    if declared.is_some_and(|length| length > limits.max_upload_bytes.saturating_add(1 << 20)) {
        return Err(too_large("the upload", limits.max_upload_bytes));
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let mut form = Parts { limits, total: 0, json: None, files: vec![] };
    // Not of the body as it was sent: its boundary is another one whenever it is sent again.
    let mut hashes: Vec<Vec<u8>> = vec![];
    while let Some(field) = patient(parts.next()).await? {
        hashes.push(form.take(field.map_err(problem)?, part).await?);
    }
    let Some(json) = form.json else {
        return Err(Problem::new(
            Code::MalformedMultipart,
            format!("the form has no part `{part}`; send the JSON in it"),
        ));
    };
    let content = from_json(&json, "")?;
    let hashes: Vec<&[u8]> = hashes.iter().map(Vec::as_slice).collect();
    let identity = Identity::new(key, &request, &hashes);
    Ok(Received { content: Form { content, files: form.files }, identity })
}

struct Parts {
    limits: IntakeLimits,
    total: u64,
    json: Option<Bytes>,
    files: Vec<Upload>,
}

impl Parts {
    /// Reads one part; the hash of what makes it the same part again.
    async fn take(&mut self, mut field: Field, part: &'static str) -> Result<Vec<u8>, Problem> {
        let name = field.name().unwrap_or_default().to_owned();
        let mut hash = Sha256::new();
        if name == part {
            if self.json.is_some() {
                return Err(Problem::new(
                    Code::MalformedMultipart,
                    format!("the form has two parts `{part}`; send one"),
                ));
            }
            let what = format!("the part `{part}`");
            let json = self.collect(&mut field, &what, self.limits.max_json_bytes as u64).await?;
            hash.update(&json);
            self.json = Some(json);
        } else if name == "file" {
            let file = file_name(&field)?;
            if self.files.len() >= self.limits.max_files {
                let detail = format!("the form has more than {} files; send an archive", self.limits.max_files);
                return Err(Problem::new(Code::TooLarge, detail));
            }
            let what = format!("file {:?}", file.as_str());
            let bytes = self.collect(&mut field, &what, self.limits.max_file_bytes).await?;
            hash.update(b"file\0");
            hash.update(file.as_str().as_bytes());
            hash.update(b"\0");
            hash.update(&bytes);
            self.files.push(Upload { name: file, bytes });
        } else {
            let name: String = name.chars().take(80).collect();
            let detail = format!("the form has a part {name:?}; the parts are `{part}` and `file`");
            return Err(Problem::new(Code::MalformedMultipart, detail));
        }
        Ok(hash.finalize().to_vec())
    }

    async fn collect(&mut self, field: &mut Field, what: &str, limit: u64) -> Result<Bytes, Problem> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = patient(field.next()).await? {
            let chunk = chunk.map_err(problem)?;
            self.total += chunk.len() as u64;
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large(what, limit));
            }
            if self.total > self.limits.max_upload_bytes {
                return Err(too_large("the upload", self.limits.max_upload_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// A page's form as a browser sends it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Line ends are `\n`, as they were typed.
    pub text: BTreeMap<String, String>,
    /// With the field that each was chosen in.
    pub files: Vec<(String, Upload)>,
    /// Why something is not among them.
    pub problem: Option<Problem>,
}

/// Fields of one form; no page of ours has more.
const MAX_FIELDS: usize = 64;

/// Reads a page's form. What is too large is left out and told, and the rest is read on, so that it can be shown again.
/// The fields in `unhashed` do not make it another request.
///
/// # Errors
/// 400, 408 or 413 if there is nothing to show.
pub(super) async fn fields(incoming: Incoming, unhashed: &[&str]) -> Result<Received<Fields>, Problem> {
    let limits = incoming.limits()?;
    let Incoming { request, payload } = incoming;
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limits.max_upload_bytes.saturating_add(1 << 20)) {
        return Err(too_large("the upload", limits.max_upload_bytes));
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let mut form = Parts { limits, total: 0, json: None, files: vec![] };
    let mut fields = Fields::default();
    let mut hashes: Vec<Vec<u8>> = vec![];
    while let Some(field) = patient(parts.next()).await? {
        let field = field.map_err(problem)?;
        let name = field.name().unwrap_or_default().to_owned();
        match form.take_field(field, &name, &mut fields).await {
            Ok(hash) if !unhashed.contains(&name.as_str()) => hashes.push(hash),
            Ok(_) => {}
            Err(problem) => {
                fields.problem.get_or_insert(problem);
                // What follows is read and forgotten where its length is known.
                if declared.is_none() {
                    break;
                }
            }
        }
    }
    let hashes: Vec<&[u8]> = hashes.iter().map(Vec::as_slice).collect();
    let identity = Identity::new(None, &request, &hashes);
    Ok(Received { content: fields, identity })
}

impl Parts {
    /// Reads one field of a page's form; the hash of what makes it the same field again.
    async fn take_field(&mut self, mut field: Field, name: &str, into: &mut Fields) -> Result<Vec<u8>, Problem> {
        let disposition = field.content_disposition();
        let is_file = disposition.is_some_and(|d| d.parameters.iter().any(|p| p.is_filename() || p.is_filename_ext()));
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update(b"\0");
        if is_file {
            // A field in which no file was chosen comes as an empty one without a name.
            let unnamed = disposition.and_then(|d| d.get_filename()).is_some_and(str::is_empty);
            if into.files.len() >= self.limits.max_files && !unnamed {
                let detail = format!("the form has more than {} files; send an archive", self.limits.max_files);
                return Err(Problem::new(Code::TooLarge, detail));
            }
            let file = if unnamed { None } else { Some(file_name(&field)?) };
            let what = format!("file {:?}", file.as_ref().map_or("", FileName::as_str));
            let bytes = self.collect(&mut field, &what, self.limits.max_file_bytes).await?;
            if let Some(file) = file {
                hash.update(file.as_str().as_bytes());
                hash.update(b"\0");
                hash.update(&bytes);
                into.files.push((name.to_owned(), Upload { name: file, bytes }));
            }
        } else {
            if into.text.len() >= MAX_FIELDS || into.text.contains_key(name) {
                let name: String = name.chars().take(80).collect();
                let detail = format!("the form has the field {name:?} twice, or too many fields");
                return Err(Problem::new(Code::MalformedMultipart, detail));
            }
            let what = format!("the field `{}`", name.chars().take(80).collect::<String>());
            let bytes = self.collect(&mut field, &what, self.limits.max_json_bytes as u64).await?;
            let text = utf8(&bytes, &what)?.replace("\r\n", "\n");
            hash.update(text.as_bytes());
            into.text.insert(name.to_owned(), text);
        }
        Ok(hash.finalize().to_vec())
    }
}

/// The name that a part gives its file; a bare name, and one that can be shown.
fn file_name(field: &Field) -> Result<FileName, Problem> {
    let disposition = field.content_disposition();
    let extended = disposition.and_then(|d| d.get_filename_ext()).map(|value| value.value.clone());
    let name = match extended {
        Some(bytes) => String::from_utf8(bytes)
            .map_err(|_| Problem::new(Code::InvalidEncoding, "the name of a file is not UTF-8; rename it"))?,
        None => {
            let plain = disposition.and_then(|d| d.parameters.iter().find_map(DispositionParam::as_filename));
            plain.unwrap_or_default().to_owned()
        }
    };
    FileName::parse(name).map_err(|e| Problem::invalid("/file", e.to_string()))
}

fn problem(error: MultipartError) -> Problem {
    match &error {
        MultipartError::Payload(inner) => payload_problem(inner),
        MultipartError::Incomplete => {
            Problem::new(Code::MalformedMultipart, "the form ends before its last boundary; send it again")
        }
        MultipartError::BoundaryMissing => {
            Problem::new(Code::MalformedMultipart, "the Content-Type names no boundary; let your client set it")
        }
        other => Problem::new(Code::MalformedMultipart, format!("the form cannot be read: {other}")),
    }
}
