//! What every opened backend is watched for: how long its operations take, how they fail, and whether it still takes
//! writes.
//!
//! A disk that is full or read-only serves reads as if nothing were wrong. So a store is ready only if a write of the last
//! [`FRESH`] was kept; where nobody wrote, a write of nothing (the removal of a key that is not there) finds out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::StoreError;
use super::backend::{Backend, Image, RawBatch, RawValue, Revision, Scan, Stamp};
use crate::telemetry;

const SECONDS: &str = "empanel_store_seconds";
const ERRORS: &str = "empanel_store_errors_total";

/// So long a write that was kept says that the next one will be.
const FRESH: Duration = Duration::from_secs(10);

const OPERATIONS: [&str; 6] = ["commit", "get", "scan", "count", "stamp", "probe"];

struct Watched {
    inner: Arc<dyn Backend>,
    /// `sled`, `postgres` or `memory`.
    name: &'static str,
    /// When a write was last kept; `None` before the first, and after one that was not.
    kept: Mutex<Option<Instant>>,
    /// Held by whoever finds out.
    finding_out: tokio::sync::Mutex<()>,
}

/// The same backend, watched. The URL says which one it is.
pub(super) fn watched(inner: Arc<dyn Backend>, url: &str) -> Arc<dyn Backend> {
    let name = match url.split(':').next() {
        Some("sled") => "sled",
        Some("memory") => "memory",
        _ => "postgres",
    };
    Arc::new(Watched { inner, name, kept: Mutex::new(None), finding_out: tokio::sync::Mutex::new(()) })
}

/// One operation that ended.
pub(super) fn record<T>(backend: &'static str, operation: &'static str, began: Instant, done: &Result<T, StoreError>) {
    metrics::histogram!(SECONDS, "backend" => backend, "operation" => operation).record(began.elapsed().as_secs_f64());
    if let Err(error) = done
        && let Some(kind) = error.kind()
    {
        metrics::counter!(ERRORS, "backend" => backend, "operation" => operation, "error" => kind).increment(1);
    }
}

/// Makes what is counted of failures begin at 0.
pub(super) fn begin(backend: &'static str, operations: &[&'static str]) {
    for operation in operations {
        for kind in StoreError::KINDS {
            metrics::counter!(ERRORS, "backend" => backend, "operation" => *operation, "error" => kind).increment(0);
        }
    }
}

impl Watched {
    async fn measured<T>(
        &self,
        operation: &'static str,
        work: BoxFuture<'_, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let done = work.await;
        record(self.name, operation, began, &done);
        done
    }

    fn is_fresh(&self) -> bool {
        let kept = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.is_some_and(|at| at.elapsed() < FRESH)
    }

    fn wrote<T>(&self, done: &Result<T, StoreError>) {
        let kept = match done {
            Ok(_) => Some(Instant::now()),
            // It was refused for what it is, not for want of a disk: this tells nothing.
            Err(error) if error.kind().is_none() => return,
            Err(_) => None,
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

impl Backend for Watched {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            let span = tracing::info_span!(
                target: telemetry::TARGET, "store.commit",
                otel.kind = "client", db.system.name = self.name, db.operation.batch.size = batch.writes.len()
            );
            let done = self.measured("commit", self.inner.apply(batch)).instrument(span).await;
            self.wrote(&done);
            done
        }
        .boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        self.measured("get", self.inner.get_many(keys)).boxed()
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        self.measured("scan", self.inner.scan(scan)).boxed()
    }

    fn image(&self) -> BoxFuture<'_, Result<Box<dyn Image + '_>, StoreError>> {
        self.inner.image()
    }

    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.measured("count", self.inner.count(prefix)).boxed()
    }

    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        self.measured("stamp", self.inner.stamp()).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.inner.ready().await?;
            let _one = self.finding_out.lock().await;
            if self.is_fresh() {
                return Ok(());
            }
            let done = self.measured("probe", self.inner.probe()).await;
            self.wrote(&done);
            done
        }
        .boxed()
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}

/// Says what the metrics of this backend mean, once a recorder is there, and makes its errors begin at 0.
pub(super) fn describe_metrics(backend: &'static str) {
    begin(backend, &OPERATIONS);
    metrics::describe_histogram!(
        SECONDS,
        metrics::Unit::Seconds,
        "How long an operation of the store took, by backend and operation."
    );
    metrics::describe_counter!(ERRORS, "Operations of the store that failed, by backend, operation and error.");
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::super::MemoryBackend;
    use super::*;

    /// Reads go well whatever happens to writes.
    #[derive(Default)]
    struct Disk {
        memory: MemoryBackend,
        full: AtomicBool,
        writes: AtomicUsize,
    }

    impl Backend for Disk {
        fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
            async move {
                self.probe().await?;
                self.memory.apply(batch).await
            }
            .boxed()
        }
        fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
            self.writes.fetch_add(1, Ordering::SeqCst);
            let full = self.full.load(Ordering::SeqCst);
            let said = StoreError::full("no space left on device", super::super::Happened::No);
            async move { if full { Err(said) } else { Ok(()) } }.boxed()
        }
        fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
            self.memory.stamp()
        }
        fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
            self.memory.get_many(keys)
        }
        fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
            self.memory.scan(scan)
        }
        fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
            self.memory.count(prefix)
        }
        fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
            self.memory.ready()
        }
        fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
            self.memory.close()
        }
    }

    #[tokio::test]
    async fn a_store_that_takes_no_writes_is_not_ready_until_it_does_again() {
        let disk = Arc::new(Disk::default());
        let store = watched(disk.clone(), "memory:");
        store.ready().await.unwrap();
        store.ready().await.unwrap();
        assert_eq!(disk.writes.load(Ordering::SeqCst), 1, "what was found out holds for a while");

        disk.full.store(true, Ordering::SeqCst);
        let note = || RawBatch { expects: vec![], writes: vec![("p/r/note/n".to_owned(), Some("x".into()))] };
        assert!(matches!(store.apply(note()).await, Err(StoreError::Full { .. })));
        assert!(matches!(store.ready().await, Err(StoreError::Full { .. })), "reads go on, writes do not");
        disk.full.store(false, Ordering::SeqCst);
        store.ready().await.unwrap();
        store.apply(note()).await.unwrap();
        assert_eq!(store.count(String::new()).await.unwrap(), 1);
    }
}
