//! A store for tests that takes so many batches and then no more, as one does whose process was stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Backend, RawBatch, RawValue, Revision, Scan, Stamp, StoreError};

/// Takes so many batches and then no more.
pub(super) struct Dying {
    pub(super) inner: Arc<dyn Backend>,
    pub(super) left: AtomicUsize,
}

impl Backend for Dying {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            let error = StoreError::Unavailable { detail: "it died".to_owned() };
            return futures_util::future::ready(Err(error)).boxed();
        }
        self.inner.apply(batch)
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
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
