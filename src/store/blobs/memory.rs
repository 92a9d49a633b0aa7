//! Files that are gone with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;

use super::{Answer, Copy, Listed, Place, Turn};

#[derive(Default)]
pub(in crate::store) struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<Copy, Bytes>,
    stores: BTreeSet<String>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place for Memory {
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>> {
        ready(Ok(self.lock().files.get(&copy).cloned())).boxed()
    }

    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()> {
        self.lock().files.insert(copy, bytes);
        ready(Ok(())).boxed()
    }

    fn has(&self, copy: Copy) -> Answer<'_, bool> {
        ready(Ok(self.lock().files.contains_key(&copy))).boxed()
    }

    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>> {
        let state = self.lock();
        let copies = state.files.range(Copy::first(&sha256)..).map(|(copy, _)| copy);
        let turns = copies.take_while(|copy| copy.sha256 == sha256).map(|copy| copy.turn).collect();
        ready(Ok(turns)).boxed()
    }

    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>> {
        let state = self.lock();
        let inside = state.files.iter().filter(|(copy, _)| copy.sha256.starts_with(&shard));
        let listed =
            inside.map(|(copy, bytes)| Listed { copy: copy.clone(), bytes: bytes.len() as u64, kept_at: None });
        ready(Ok(listed.collect())).boxed()
    }

    fn remove(&self, copy: Copy) -> Answer<'_, ()> {
        self.lock().files.remove(&copy);
        ready(Ok(())).boxed()
    }

    fn claim(&self, store: String) -> Answer<'_, Vec<String>> {
        let mut state = self.lock();
        state.stores.insert(store);
        ready(Ok(state.stores.iter().cloned().collect())).boxed()
    }
}
