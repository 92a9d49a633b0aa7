//! Changes that belong together: all of them are kept, or none.

use bytes::Bytes;

use super::backend::Revision;
use super::record::{Encoded, Link, encode};
use super::{Record, StoreError};

/// A builder of changes; nothing happens before [`ProjectStore::commit`](super::ProjectStore::commit). A
/// mistake in it (a record that cannot be stored, one key changed twice) is told by the commit.
#[derive(Clone, Default)]
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    pub(super) changes: Vec<Change>,
    error: Option<StoreError>,
}

#[derive(Clone)]
pub(super) struct Change {
    pub kind: &'static str,
    pub key: String,
    pub action: Action,
}

#[derive(Clone)]
pub(super) enum Action {
    Insert(Content),
    Put(Content),
    /// Of a kind that has no links: what was there does not matter.
    Overwrite(Content),
    Update(Content, Revision),
    Delete,
    Require(Revision),
}

#[derive(Clone)]
pub(super) struct Content {
    pub bytes: Bytes,
    pub links: Vec<Link>,
}

impl Batch {
    /// Keeps a new record; a [`StoreError::Conflict`] if there is one with its key.
    pub fn insert<R: Record>(self, record: &R) -> Self {
        self.write(record, Action::Insert)
    }

    /// Keeps a record, whether or not there is one with its key.
    pub fn put<R: Record>(self, record: &R) -> Self {
        self.write(record, if R::LINKED { Action::Put } else { Action::Overwrite })
    }

    /// Replaces a record; a [`StoreError::Conflict`] if it is gone or was written since it was read.
    pub fn update<R: Record>(self, record: &R, expected: Revision) -> Self {
        self.write(record, |content| Action::Update(content, expected))
    }

    /// Removes a record, if it is there.
    pub fn delete<R: Record>(self, key: &str) -> Self {
        self.add(R::KIND, key.to_owned(), Action::Delete)
    }

    /// Changes nothing, but makes the whole batch a [`StoreError::Conflict`] if this record is gone or was
    /// written since it was read.
    pub fn require<R: Record>(self, key: &str, expected: Revision) -> Self {
        self.add(R::KIND, key.to_owned(), Action::Require(expected))
    }

    /// How many new records of a kind it keeps.
    #[must_use]
    pub fn new_ones<R: Record>(&self) -> usize {
        let is_new = |change: &&Change| change.kind == R::KIND && matches!(change.action, Action::Insert(_));
        self.changes.iter().filter(is_new).count()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.error.is_none()
    }

    fn write<R: Record>(mut self, record: &R, action: impl FnOnce(Content) -> Action) -> Self {
        match encode(record) {
            Ok(Encoded { key, bytes, links }) => self.add(R::KIND, key, action(Content { bytes: bytes.into(), links })),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    fn add(mut self, kind: &'static str, key: String, action: Action) -> Self {
        self.changes.push(Change { kind, key, action });
        self
    }

    pub(super) fn checked(self) -> Result<Vec<Change>, StoreError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut seen = std::collections::HashSet::with_capacity(self.changes.len());
        for change in &self.changes {
            if !seen.insert((change.kind, change.key.as_str())) {
                return Err(StoreError::InvalidRecord {
                    kind: change.kind.to_owned(),
                    key: change.key.clone(),
                    problem: "one batch changes it twice; make it one change".to_owned(),
                });
            }
        }
        drop(seen);
        Ok(self.changes)
    }
}
