//! What was worked out about a prefix, kept while its criteria are asked: the JSON form of it, or an index of its
//! words. Bounded by bytes; what was not used for longest goes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Fingerprint, Prefix};

pub(super) struct PrefixCache<T> {
    most_bytes: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    entries: HashMap<Fingerprint, Entry<T>>,
    bytes: usize,
    tick: u64,
}

struct Entry<T> {
    value: Arc<T>,
    bytes: usize,
    used: u64,
}

impl<T> PrefixCache<T> {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, state: Mutex::new(State { entries: HashMap::new(), bytes: 0, tick: 0 }) }
    }

    /// The value for this prefix; `make` works it out together with its size in bytes. Two callers that come at
    /// the same time may both work it out: cheaper than one waiting for the other under a lock.
    pub(super) fn get(&self, prefix: &Prefix, make: impl FnOnce(&Prefix) -> (T, usize)) -> Arc<T> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.tick += 1;
            let tick = state.tick;
            if let Some(entry) = state.entries.get_mut(&prefix.fingerprint) {
                entry.used = tick;
                return Arc::clone(&entry.value);
            }
        }
        let (value, bytes) = make(prefix);
        let value = Arc::new(value);
        if bytes <= self.most_bytes {
            self.put(prefix.fingerprint.clone(), Arc::clone(&value), bytes);
        }
        value
    }

    fn put(&self, key: Fingerprint, value: Arc<T>, bytes: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.bytes + bytes > self.most_bytes {
            let oldest = state.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| state.entries.remove(&key)) else { break };
            state.bytes -= gone.bytes;
        }
        let used = state.tick;
        state.bytes += bytes;
        if let Some(replaced) = state.entries.insert(key, Entry { value, bytes, used }) {
            state.bytes -= replaced.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(name: &str) -> Prefix {
        Prefix { parts: vec![], deliverables: vec![], fingerprint: Fingerprint::of_bytes(name.as_bytes()) }
    }

    #[test]
    fn each_prefix_is_worked_out_once_while_there_is_room_and_the_least_used_goes_first() {
        let cache = PrefixCache::new(10);
        let mut made = Vec::new();
        for name in ["a", "b", "a", "c", "a", "b"] {
            cache.get(&prefix(name), |_| {
                made.push(name);
                (name, 5)
            });
        }
        // `b` had to make room for `c`.
        assert_eq!(made, ["a", "b", "c", "b"]);
        assert_eq!(*cache.get(&prefix("huge"), |_| ("huge", 11)), "huge");
        assert!(cache.state.lock().unwrap().bytes <= 10);
    }
}
