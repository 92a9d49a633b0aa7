//! What every opened place of files is watched for: how long it takes, how it fails, and whether it still takes files. A
//! place that refused the last file is not ready until it takes one: a file of its own, which is removed at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;

use super::super::watched::record;
use super::{Answer, Copy, Listed, Place, Turn, hashed};

/// What is measured; the rest is housekeeping.
pub(in crate::store) const OPERATIONS: [&str; 2] = ["keep_file", "read_file"];

pub(super) struct Watched {
    inner: Arc<dyn Place>,
    /// `file`, `s3` or `memory`.
    name: &'static str,
    /// The last file that was to be kept was not.
    in_doubt: AtomicBool,
}

/// The same place, watched. The URL says which one it is.
pub(super) fn watched(inner: Arc<dyn Place>, url: &str) -> Arc<dyn Place> {
    let name = match url.split(':').next() {
        Some("file") => "file",
        Some("s3") => "s3",
        _ => "memory",
    };
    Arc::new(Watched { inner, name, in_doubt: AtomicBool::new(false) })
}

impl Place for Watched {
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>> {
        async move {
            let began = Instant::now();
            let done = self.inner.read(copy).await;
            record(self.name, "read_file", began, &done);
            done
        }
        .boxed()
    }

    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()> {
        async move {
            let began = Instant::now();
            let done = self.inner.keep(copy, bytes).await;
            record(self.name, "keep_file", began, &done);
            self.in_doubt.store(done.is_err(), Ordering::Relaxed);
            done
        }
        .boxed()
    }

    fn has(&self, copy: Copy) -> Answer<'_, bool> {
        self.inner.has(copy)
    }

    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>> {
        self.inner.turns(sha256)
    }

    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>> {
        self.inner.list(shard)
    }

    fn remove(&self, copy: Copy) -> Answer<'_, ()> {
        self.inner.remove(copy)
    }

    fn claim(&self, store: String) -> Answer<'_, Vec<String>> {
        self.inner.claim(store)
    }

    fn ready(&self) -> Answer<'_, ()> {
        async move {
            if !self.in_doubt.load(Ordering::Relaxed) {
                return Ok(());
            }
            // Under its right name, and of a turn that nobody is given: no other file is touched.
            let (sha256, bytes) = hashed(Bytes::from_static(b"empanel asks whether files are taken here")).await?;
            let probe = Copy { sha256, turn: Turn(u64::MAX) };
            self.keep(probe.clone(), bytes).await?;
            self.inner.remove(probe).await
        }
        .boxed()
    }

    fn name(&self) -> &'static str {
        self.name
    }
}
