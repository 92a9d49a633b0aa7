//! A walk over a store of one process as of one moment, while it goes on writing.
//!
//! The walk reads page after page; what is written meanwhile is noted by its keys. These are read again, and what was
//! written meanwhile once more, until only a few are left; for those the commits wait a moment. Everything that was told
//! is then, in its order, the state at that moment.
//!
//! Memory: the keys that are written during a walk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tracing::Instrument;

use super::StoreError;
use super::backend::{Backend, IMAGE_KEYS, Image, ImagePart, RawBatch, RawValue, Revision, Scan, Stamp};

/// So few keys are read while commits wait.
const FEW: usize = 256;
/// Rounds after which the rest is read while commits wait, however many are left.
const ROUNDS: usize = 12;

/// Keys that were written since a walk began.
type Tap = Mutex<BTreeSet<String>>;

pub(super) struct Tapped {
    inner: Arc<dyn Backend>,
    /// Every commit holds it for reading while it is under way.
    gate: Arc<RwLock<()>>,
    taps: Arc<Mutex<Vec<Weak<Tap>>>>,
}

impl Tapped {
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner, gate: Arc::default(), taps: Arc::default() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for Tapped {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            let open = self.gate.clone().read_owned().await;
            let (inner, taps) = (self.inner.clone(), self.taps.clone());
            // A task of its own: a caller that goes away meanwhile takes neither the note nor the gate with it.
            let task = async move {
                let live: Vec<Arc<Tap>> = lock(&taps).iter().filter_map(Weak::upgrade).collect();
                let keys: Vec<String> =
                    if live.is_empty() { vec![] } else { batch.writes.iter().map(|(key, _)| key.clone()).collect() };
                let done = inner.apply(batch).await;
                for tap in live {
                    lock(&tap).extend(keys.iter().cloned());
                }
                drop(open);
                done
            };
            // It is a part of what its caller does.
            tokio::spawn(task.in_current_span())
                .await
                .unwrap_or_else(|error| Err(StoreError::Uncertain { detail: error.to_string() }))
        }
        .boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        self.inner.get_many(keys)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        self.inner.scan(scan)
    }

    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.count(prefix)
    }

    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        self.inner.stamp()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.ready()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.probe()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn image(&self) -> BoxFuture<'_, Result<Box<dyn Image + '_>, StoreError>> {
        async move {
            let inner = self.inner.image().await?;
            let changed = Arc::new(Tap::default());
            // What is under way ends first: from here on everything is noted.
            let shut = self.gate.write().await;
            let mut taps = lock(&self.taps);
            taps.retain(|tap| tap.strong_count() > 0);
            taps.push(Arc::downgrade(&changed));
            drop((taps, shut));
            let walk: Box<dyn Image + '_> =
                Box::new(Tapping { inner, whole: self, changed, round: 0, state: State::Walks });
            Ok(walk)
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}

enum State {
    Walks,
    /// Reads again what was written meanwhile.
    Follows(Vec<String>),
    /// The same, while commits wait.
    Ends(Vec<String>, OwnedRwLockWriteGuard<()>),
}

struct Tapping<'a> {
    inner: Box<dyn Image + 'a>,
    whole: &'a Tapped,
    changed: Arc<Tap>,
    round: usize,
    state: State,
}

impl Tapping<'_> {
    async fn read(&mut self, keys: &mut Vec<String>) -> Result<ImagePart, StoreError> {
        let some = keys.split_off(keys.len().saturating_sub(IMAGE_KEYS));
        let values = self.whole.inner.get_many(some.clone()).await?;
        Ok(ImagePart::Changes(some.into_iter().zip(values).collect()))
    }

    fn noted(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.changed)).into_iter().collect()
    }
}

impl Image for Tapping<'_> {
    fn next(&mut self) -> BoxFuture<'_, Result<ImagePart, StoreError>> {
        async move {
            loop {
                match std::mem::replace(&mut self.state, State::Walks) {
                    State::Walks => match self.inner.next().await? {
                        ImagePart::End => self.state = State::Follows(self.noted()),
                        walked => return Ok(walked),
                    },
                    State::Follows(mut keys) if !keys.is_empty() => {
                        let walked = self.read(&mut keys).await?;
                        self.state = State::Follows(keys);
                        return Ok(walked);
                    }
                    State::Follows(_) => {
                        self.round += 1;
                        let few = lock(&self.changed).len() <= FEW;
                        self.state = if few || self.round >= ROUNDS {
                            let shut = self.whole.gate.clone().write_owned().await;
                            State::Ends(self.noted(), shut)
                        } else {
                            State::Follows(self.noted())
                        };
                    }
                    State::Ends(mut keys, shut) if !keys.is_empty() => {
                        let walked = self.read(&mut keys).await?;
                        self.state = State::Ends(keys, shut);
                        return Ok(walked);
                    }
                    State::Ends(keys, shut) => {
                        drop(shut);
                        self.state = State::Follows(keys);
                        return Ok(ImagePart::End);
                    }
                }
            }
        }
        .boxed()
    }
}
