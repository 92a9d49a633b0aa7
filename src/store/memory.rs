//! The store of tests and of one-shot command lines: ordered, atomic, and gone with the process. It is also
//! the model that the other backends are compared with.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::backend::{Backend, RawBatch, RawValue, Revision, Scan, Stamp};
use super::{StoreError, keys};

#[derive(Default)]
pub struct MemoryBackend {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    values: BTreeMap<String, RawValue>,
    last: u64,
    closed: bool,
}

impl MemoryBackend {
    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        // Every change of the state is a few infallible inserts, so a poisoned one is still whole.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}

impl State {
    fn apply(&mut self, batch: RawBatch) -> Result<Revision, StoreError> {
        for (key, expect) in &batch.expects {
            if !expect.holds(self.values.get(key).map(|value| value.revision)) {
                return Err(keys::conflict(key));
            }
        }
        self.last += 1;
        let revision = Revision(self.last);
        for (key, value) in batch.writes {
            match value {
                Some(bytes) => self.values.insert(key, RawValue { revision, bytes }),
                None => self.values.remove(&key),
            };
        }
        Ok(revision)
    }

    fn scan(&self, scan: &Scan) -> Vec<(String, RawValue)> {
        let inside = |(key, _): &(&String, &RawValue)| key.starts_with(&scan.prefix);
        let owned = |(key, value): (&String, &RawValue)| (key.clone(), value.clone());
        if scan.backwards {
            let end = match (&scan.after, keys::after_prefix(&scan.prefix)) {
                (Some(after), Some(end)) => Bound::Excluded(after.clone().min(end)),
                (Some(after), None) => Bound::Excluded(after.clone()),
                (None, Some(end)) => Bound::Excluded(end),
                (None, None) => Bound::Unbounded,
            };
            if matches!(&end, Bound::Excluded(end) if *end <= scan.prefix) {
                return Vec::new();
            }
            let range = self.values.range((Bound::Included(scan.prefix.clone()), end));
            range.rev().take_while(inside).take(scan.limit).map(owned).collect()
        } else {
            let start = match &scan.after {
                Some(after) if *after >= scan.prefix => Bound::Excluded(after.clone()),
                _ => Bound::Included(scan.prefix.clone()),
            };
            self.values.range((start, Bound::Unbounded)).take_while(inside).take(scan.limit).map(owned).collect()
        }
    }
}

impl Backend for MemoryBackend {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        ready(self.open().and_then(|mut state| state.apply(batch))).boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        let found = self.open().map(|state| keys.iter().map(|key| state.values.get(key).cloned()).collect());
        ready(found).boxed()
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        ready(self.open().map(|state| state.scan(&scan))).boxed()
    }

    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        let scan = Scan { prefix, after: None, limit: usize::MAX, backwards: false };
        ready(self.open().map(|state| state.scan(&scan).len() as u64)).boxed()
    }

    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        ready(self.open().map(|state| Stamp(state.last.to_string()))).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(self.open().map(drop)).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        ready(Ok(())).boxed()
    }
}
