//! What to list, and a page of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Kept, StoreError};

/// The most records of one page.
pub const MAX_PAGE: usize = 1_000;

/// What to list. `Query::default()` is the first 100 records of a kind in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only keys that start with it.
    pub prefix: Option<String>,
    /// Only records that have this link.
    pub link: Option<(&'static str, String)>,
    /// Continue past this place, in the direction of the listing.
    pub after: Option<Cursor>,
    /// From 1 to [`MAX_PAGE`]; anything else is brought there.
    pub limit: usize,
    /// From the last key to the first. Ids of ours are ordered by time, so for kinds whose key is such an id
    /// this is from the newest to the oldest; for tasks, whose ids are the client's, it is only the order
    /// turned around.
    pub newest_first: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self { prefix: None, link: None, after: None, limit: 100, newest_first: false }
    }
}

impl Query {
    #[must_use]
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: Some(prefix.into()), ..Self::default() }
    }

    #[must_use]
    pub fn link(index: &'static str, value: impl ToString) -> Self {
        Self { link: Some((index, value.to_string())), ..Self::default() }
    }

    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// A page in the order of the primary keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    pub items: Vec<Kept<R>>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A place in a listing. It is opaque text, good after a restart, and good while others write: records that
/// are there all the time are listed exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    key: String,
}

impl Cursor {
    pub(super) fn past(key: String) -> Self {
        Self { key }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "k{}", URL_SAFE_NO_PAD.encode(&self.key))
    }
}

impl std::str::FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let key = text
            .strip_prefix('k')
            .and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|key| super::record::check_key("cursor", key).is_ok());
        match key {
            Some(key) => Ok(Self { key }),
            None => Err(StoreError::InvalidCursor { cursor: text.chars().take(80).collect() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_text_and_garbage_is_refused() {
        let cursor = Cursor::past("task/ü %2F".to_owned());
        assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        for garbage in ["", "k", "x", "k!!", "kAA", "5", &"k".repeat(9_999)] {
            let error = garbage.parse::<Cursor>().unwrap_err();
            assert!(matches!(error, StoreError::InvalidCursor { .. }), "{garbage:?}");
        }
    }
}
