//! What the door itself remembers between requests.

use metrics_exporter_prometheus::PrometheusHandle;

use super::auth::{Access, Attempts, KeyCache, Rates};
use crate::identity::Provider;
use crate::judge::CancellationToken;

/// One per service, shared by its threads.
#[derive(Default)]
pub struct Door {
    pub(super) keys: KeyCache,
    pub(super) access: Access,
    pub(super) attempts: Attempts,
    pub(super) rates: Rates,
    /// By which people log in to the pages.
    pub(super) identity: Option<Provider>,
    /// What renders `/metrics`; `None` where another part of the process took the metrics for itself.
    pub(super) metrics: Option<PrometheusHandle>,
    /// The service is about to stop: nobody should begin anything here any more.
    pub(super) leaving: CancellationToken,
    /// The service stops: what waits or streams ends.
    pub(super) stopping: CancellationToken,
}

impl Door {
    #[must_use]
    pub fn new(metrics: Option<PrometheusHandle>, access: Access, identity: Option<Provider>) -> Self {
        Self { metrics, access, identity, ..Self::default() }
    }

    /// To be called after a key was made or revoked in this process.
    pub fn keys_changed(&self) {
        self.keys.forget();
    }
}
