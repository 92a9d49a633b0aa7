//! How values lie in the tree.
//!
//! ```text
//! \0format              the layout's number
//! \0last                the last revision, 8 bytes
//! \0part{rev}{nth}{no}  a part of a big value: its commit, its place in the commit, the part's number
//! key                   {rev}{0}{bytes}  or  {rev}{1}{nth}{length} for a value in parts
//! ```
//!
//! Numbers are big-endian: revisions 8 bytes, `nth` and `no` 4, lengths 8. Callers' keys never begin with a
//! zero byte. sled packs up to 16 values into one node, and a node that outgrows a quarter of a segment becomes
//! a file of its own; values of at most [`INLINE`] bytes in segments of [`SEGMENT`] bytes keep nodes below that.

use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};

use super::super::StoreError;
use super::super::backend::{RawValue, Revision};
use super::{owned, sled_error};

/// The longest value that is kept in one piece, and the length of a part.
pub(super) const INLINE: usize = 8 << 10;
/// sled's unit of space.
pub(super) const SEGMENT: usize = 1 << 20;
/// The first key that may be a caller's.
pub(super) const FIRST_KEY: &str = "\u{1}";
/// A key that nobody writes, to see whether reads are served.
pub(super) const PROBE: &str = "\u{1}";

const FORMAT_KEY: &str = "\0format";
const FORMAT: &str = "empanel/1";
const LAST_KEY: &str = "\0last";
const PART: &[u8] = b"\0part";
const HEAD: usize = 9;

/// What is known of a value without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub revision: u64,
    pub parts: Option<Parts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    revision: u64,
    nth: u32,
    length: u64,
}

impl Parts {
    /// The keys of the parts.
    pub fn keys(self) -> impl Iterator<Item = Vec<u8>> {
        let count = u32::try_from(self.length.div_ceil(INLINE as u64)).unwrap_or(u32::MAX);
        (0..count).map(move |number| {
            let mut key = PART.to_vec();
            key.put_u64(self.revision);
            key.put_u32(self.nth);
            key.put_u32(number);
            key
        })
    }
}

/// Checks whose folder this is, marks a new one, and returns the last revision.
pub(super) fn prepare(db: &sled::Db, path: &Path) -> Result<u64, StoreError> {
    let sled = |error: sled::Error| sled_error(path, &error);
    let corrupt =
        |detail: String| StoreError::Corrupt { kind: "store".to_owned(), key: path.display().to_string(), detail };
    match db.get(FORMAT_KEY).map_err(sled)? {
        Some(format) if format == FORMAT => {}
        Some(format) => {
            let found = String::from_utf8_lossy(&format).into_owned();
            return Err(corrupt(format!("its layout is {found:?}, this build reads {FORMAT:?}")));
        }
        None if db.is_empty() => {
            db.insert(FORMAT_KEY, FORMAT).map_err(sled)?;
            db.flush().map_err(sled)?;
        }
        None => return Err(corrupt("it is a sled database, but not one of empanel's".to_owned())),
    }
    match db.get(LAST_KEY).map_err(sled)? {
        None => Ok(0),
        Some(last) => match <[u8; 8]>::try_from(&*last) {
            Ok(last) => Ok(u64::from_be_bytes(last)),
            Err(_) => Err(corrupt("the number of its last commit is damaged".to_owned())),
        },
    }
}

pub(super) fn put_last(batch: &mut sled::Batch, revision: u64) {
    batch.insert(LAST_KEY, &revision.to_be_bytes());
}

/// Adds a value to the batch; its head.
pub(super) fn put(batch: &mut sled::Batch, key: &str, value: &Bytes, revision: u64, nth: u32) -> Head {
    let mut head = Vec::with_capacity(HEAD + value.len().min(INLINE));
    head.put_u64(revision);
    if value.len() <= INLINE {
        head.put_u8(0);
        head.extend_from_slice(value);
        batch.insert(key, head);
        return Head { revision, parts: None };
    }
    let parts = Parts { revision, nth, length: value.len() as u64 };
    head.put_u8(1);
    head.put_u32(nth);
    head.put_u64(parts.length);
    batch.insert(key, head);
    for (key, part) in parts.keys().zip(value.chunks(INLINE)) {
        batch.insert(key, part);
    }
    Head { revision, parts: Some(parts) }
}

/// Removes the parts of a value that is replaced or removed.
pub(super) fn remove_parts(batch: &mut sled::Batch, head: Head) {
    for key in head.parts.into_iter().flat_map(Parts::keys) {
        batch.remove(key);
    }
}

pub(super) fn head(key: &str, value: &[u8]) -> Result<Head, StoreError> {
    let damaged = || StoreError::Corrupt {
        kind: "value".to_owned(),
        key: key.to_owned(),
        detail: "its head is damaged".to_owned(),
    };
    let (revision, rest) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
    let revision = u64::from_be_bytes(*revision);
    let parts = match rest.split_first() {
        Some((0, _)) => None,
        Some((1, rest)) => {
            let (nth, length) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
            let length = <[u8; 8]>::try_from(length).map_err(|_| damaged())?;
            Some(Parts { revision, nth: u32::from_be_bytes(*nth), length: u64::from_be_bytes(length) })
        }
        _ => return Err(damaged()),
    };
    Ok(Head { revision, parts })
}

pub(super) fn get(db: &sled::Db, key: &str, path: &Path) -> Result<Option<RawValue>, StoreError> {
    match db.get(key).map_err(|error| sled_error(path, &error))? {
        Some(value) => resolve(db, key, value, path),
        None => Ok(None),
    }
}

/// The whole value behind what stands under the key. A value that is replaced while its parts are read is
/// read again; `None` if it was removed meanwhile.
pub(super) fn resolve(
    db: &sled::Db,
    key: &str,
    mut value: sled::IVec,
    path: &Path,
) -> Result<Option<RawValue>, StoreError> {
    let sled = |error: sled::Error| sled_error(path, &error);
    loop {
        let found = head(key, &value)?;
        let revision = Revision(found.revision);
        let Some(parts) = found.parts else {
            return Ok(Some(RawValue { revision, bytes: owned(value.get(HEAD..).unwrap_or_default()) }));
        };
        let mut bytes = BytesMut::new();
        for part in parts.keys() {
            match db.get(part).map_err(sled)? {
                Some(part) => bytes.extend_from_slice(&part),
                None => break,
            }
        }
        if bytes.len() as u64 == parts.length {
            return Ok(Some(RawValue { revision, bytes: bytes.freeze() }));
        }
        match db.get(key).map_err(sled)? {
            None => return Ok(None),
            Some(now) if now == value => {
                return Err(StoreError::Corrupt {
                    kind: "value".to_owned(),
                    key: key.to_owned(),
                    detail: format!("{} of its {} bytes are there", bytes.len(), parts.length),
                });
            }
            Some(now) => value = now,
        }
    }
}

pub(super) fn text(key: &[u8], path: &Path) -> Result<String, StoreError> {
    String::from_utf8(key.to_vec()).map_err(|_| StoreError::Corrupt {
        kind: "key".to_owned(),
        key: path.display().to_string(),
        detail: format!("a key is not text: {}", String::from_utf8_lossy(key)),
    })
}
