//! Large records as they were decoded lately: a grading of thousands of criteria is megabytes of JSON, and most reads of it
//! find it as it was. What is remembered belongs to one revision, and a revision is never used twice: nobody is given what
//! the store does not hold now.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::backend::{RawValue, Revision};
use super::record::Record;

/// Smaller ones are decoded faster than they are looked up and copied twice.
const LARGE: usize = 32 << 10;
/// JSON of all that is remembered; decoded it is about twice that.
const ROOM: usize = 32 << 20;

pub(super) struct Decoded {
    kept: Mutex<Kept>,
}

struct Kept {
    by_key: LruCache<String, One>,
    bytes: usize,
}

struct One {
    revision: Revision,
    bytes: usize,
    record: Arc<dyn Any + Send + Sync>,
}

impl Default for Decoded {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { by_key: LruCache::unbounded(), bytes: 0 }) }
    }
}

impl Decoded {
    /// Whether a record is one of those that are remembered.
    pub fn takes(raw: &RawValue) -> bool {
        (LARGE..=ROOM).contains(&raw.bytes.len())
    }

    /// The record under this key of the backend, if it was decoded in this revision.
    pub fn get<R: Record>(&self, key: &str, raw: &RawValue) -> Option<R> {
        let found = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.by_key.get(key).filter(|one| one.revision == raw.revision)?.record.clone()
        };
        found.downcast_ref::<R>().cloned()
    }

    pub fn put<R: Record>(&self, key: String, raw: &RawValue, record: &R) {
        let one = One { revision: raw.revision, bytes: raw.bytes.len(), record: Arc::new(record.clone()) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += one.bytes;
        if let Some(old) = kept.by_key.put(key, one) {
            kept.bytes -= old.bytes;
        }
        while kept.bytes > ROOM
            && let Some((_, old)) = kept.by_key.pop_lru()
        {
            kept.bytes -= old.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::Note;

    fn raw(revision: u64, bytes: usize) -> RawValue {
        RawValue { revision: Revision(revision), bytes: vec![0; bytes].into() }
    }

    fn note(number: u64) -> Note {
        Note { id: "n".to_owned(), tag: None, number, text: String::new() }
    }

    #[test]
    fn a_record_is_given_in_its_revision_alone() {
        let decoded = Decoded::default();
        assert!(!Decoded::takes(&raw(1, 100)) && Decoded::takes(&raw(1, LARGE)) && !Decoded::takes(&raw(1, ROOM + 1)));
        decoded.put("k".to_owned(), &raw(1, LARGE), &note(1));
        assert_eq!(decoded.get::<Note>("k", &raw(1, LARGE)), Some(note(1)));
        assert_eq!(decoded.get::<Note>("k", &raw(2, LARGE)), None);
        assert_eq!(decoded.get::<Note>("j", &raw(1, LARGE)), None);
        assert_eq!(decoded.get::<crate::domain::Task>("k", &raw(1, LARGE)), None, "another type is no answer");
        decoded.put("k".to_owned(), &raw(2, LARGE), &note(2));
        assert_eq!(decoded.get::<Note>("k", &raw(1, LARGE)), None);
        assert_eq!(decoded.get::<Note>("k", &raw(2, LARGE)), Some(note(2)));
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let decoded = Decoded::default();
        let third = raw(1, ROOM / 3);
        for key in ["a", "b", "c"] {
            decoded.put(key.to_owned(), &third, &note(1));
        }
        assert!(decoded.get::<Note>("a", &third).is_some());
        decoded.put("d".to_owned(), &third, &note(1));
        let held = ["a", "b", "c", "d"].map(|key| decoded.get::<Note>(key, &third).is_some());
        assert_eq!(held, [true, false, true, true]);
        assert!(decoded.kept.lock().unwrap().bytes <= ROOM);
    }
}
