//! What the door itself remembers between requests.

use std::sync::atomic::{AtomicBool, Ordering};

use metrics_exporter_prometheus::PrometheusHandle;

use super::auth::KeyCache;

/// One per service, shared by its threads.
#[derive(Default)]
pub struct Door {
    pub(super) keys: KeyCache,
    pub(super) metrics: Option<PrometheusHandle>,
    worker: AtomicBool,
}

impl Door {
    /// With what renders `/metrics`; without it that address says that metrics are off.
    #[must_use]
    pub fn new(metrics: Option<PrometheusHandle>) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// Tells whether what takes up queued work is alive; `/readyz` repeats it.
    pub fn worker_is_alive(&self, alive: bool) {
        self.worker.store(alive, Ordering::Relaxed);
    }

    pub(super) fn has_worker(&self) -> bool {
        self.worker.load(Ordering::Relaxed)
    }

    /// To be called after a key was made or revoked.
    pub fn keys_changed(&self) {
        self.keys.forget();
    }
}
