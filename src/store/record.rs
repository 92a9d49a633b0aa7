//! What can be kept: a value with a kind, a key, links, and a format version that old records are brought
//! up from.
//!
//! A record is stored in an envelope of JSON:
//! `{"kind":"grading","version":1,"links":[["status","queued"]],"record":{…}}`. The links stand in it, so
//! that they can be taken back when the record changes, whatever build wrote them.
//!
//! How to change a record's format: raise `VERSION`, bring the old JSON up in `upgrade`, add
//! `fixtures/store/<kind>/v<new>.json`, and leave the old files as they are.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue as RawJson;

use super::backend::{RawValue, Revision};
use super::{StoreError, keys};

/// A look-up other than by key: the name of the index, and the value under which the record is found.
pub type Link = (&'static str, String);

pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The collection's name: lower case and `_`.
    const KIND: &'static str;
    /// The format of the record's JSON, from 1.
    const VERSION: u32;

    /// Whether records of this kind can have links, or ever could. One that cannot is put without a look at what it
    /// replaces.
    const LINKED: bool = true;

    /// Which links its records have, from 1: raise it with [`links`](Self::links), and name the kind in
    /// [`Store::prepare`](super::Store::prepare), so that what older builds wrote is found under the new ones too.
    const LINKS: u32 = 1;

    /// The primary key: ordered text, not empty, at most 2,000 bytes. Join several parts with `/` and
    /// escape each with [`keys::part`](super::part).
    fn key(&self) -> String;

    /// Under what else it is found.
    fn links(&self) -> Vec<Link> {
        Vec::new()
    }

    /// Brings the JSON of an older format to the current one.
    ///
    /// # Errors
    /// What is in the way. The default knows no older format.
    fn upgrade(version: u32, _json: serde_json::Value) -> Result<serde_json::Value, String> {
        Err(format!("format {version} of {} is not known to this build", Self::KIND))
    }
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<R> {
    pub record: R,
    /// For [`Batch::update`](super::Batch::update).
    pub revision: Revision,
}

#[derive(Serialize)]
struct EnvelopeOut<'a, R> {
    kind: &'static str,
    version: u32,
    #[serde(skip_serializing_if = "<[Link]>::is_empty")]
    links: &'a [Link],
    record: &'a R,
}

#[derive(Deserialize)]
struct EnvelopeIn<'a> {
    kind: String,
    version: u32,
    #[serde(default)]
    links: Vec<(String, String)>,
    #[serde(borrow)]
    record: &'a RawJson,
}

/// The links of a stored envelope, whatever its version.
pub(super) fn links_of(kind: &str, key: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, StoreError> {
    Ok(open(kind, key, bytes)?.links)
}

fn open<'a>(kind: &str, key: &str, bytes: &'a [u8]) -> Result<EnvelopeIn<'a>, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { kind: kind.to_owned(), key: key.to_owned(), detail };
    let envelope: EnvelopeIn<'_> = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
    if envelope.kind != kind {
        return Err(corrupt(format!("it is a `{}`", envelope.kind)));
    }
    Ok(envelope)
}

/// A record's key and envelope.
pub(super) fn encode<R: Record>(record: &R) -> Result<Encoded, StoreError> {
    let key = record.key();
    check_key(R::KIND, &key)?;
    let links = record.links();
    if !R::LINKED && !links.is_empty() {
        let problem = "it has links, and its kind says that it has none".to_owned();
        return Err(StoreError::InvalidRecord { kind: R::KIND.to_owned(), key, problem });
    }
    let envelope = EnvelopeOut { kind: R::KIND, version: R::VERSION, links: &links, record };
    let bytes = serde_json::to_vec(&envelope).map_err(|error| StoreError::InvalidRecord {
        kind: R::KIND.to_owned(),
        key: key.clone(),
        problem: error.to_string(),
    })?;
    if bytes.len() > MAX_RECORD_BYTES {
        let problem = format!("it has {} bytes, {MAX_RECORD_BYTES} are possible; keep it as a file", bytes.len());
        return Err(StoreError::InvalidRecord { kind: R::KIND.to_owned(), key, problem });
    }
    Ok(Encoded { key, bytes, links })
}

/// The largest record.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

pub(super) struct Encoded {
    pub key: String,
    pub bytes: Vec<u8>,
    pub links: Vec<Link>,
}

pub(super) fn check_key(kind: &str, key: &str) -> Result<(), StoreError> {
    let problem = if key.is_empty() {
        "its key is empty".to_owned()
    } else if key.len() > keys::MAX_KEY_BYTES {
        format!("its key has {} bytes, {} are possible; shorten the names in it", key.len(), keys::MAX_KEY_BYTES)
    } else if key.contains('\0') {
        "its key has a zero byte".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::InvalidRecord { kind: kind.to_owned(), key: key.chars().take(80).collect(), problem })
}

pub(super) fn decode<R: Record>(key: &str, raw: &RawValue) -> Result<Kept<R>, StoreError> {
    let envelope = open(R::KIND, key, &raw.bytes)?;
    let (kind, key) = (R::KIND.to_owned(), key.to_owned());
    let record = match envelope.version {
        found if found > R::VERSION => return Err(StoreError::NewerRecord { kind, key, found, known: R::VERSION }),
        found if found == R::VERSION => serde_json::from_str(envelope.record.get()),
        found => {
            let json = serde_json::from_str(envelope.record.get());
            let json = json.map_err(|e| e.to_string()).and_then(|json| R::upgrade(found, json));
            match json {
                Ok(json) => serde_json::from_value(json),
                Err(detail) => {
                    return Err(StoreError::NotUpgradable { kind, key, found, known: R::VERSION, detail });
                }
            }
        }
    };
    match record {
        Ok(record) => Ok(Kept { record, revision: raw.revision }),
        Err(error) => Err(StoreError::Corrupt { kind, key, detail: error.to_string() }),
    }
}
