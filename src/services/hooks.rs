//! How events are told to those who asked for it: limits, times, and which addresses may be told.

use std::time::Duration;

use tokio::sync::Notify;

use crate::guard::Guard;

/// What `[webhooks]` says, and the bell of the worker.
pub struct Hooks {
    /// Of one request, from the name's resolution to the last byte of the answer.
    pub timeout: Duration,
    /// Requests at the same time.
    pub at_once: usize,
    /// Of them, to one webhook.
    pub at_once_each: usize,
    /// How long after each failed attempt the next one comes; after as many and one more it is given up.
    pub retries: Vec<Duration>,
    /// How long an old secret goes on signing after a rotation that does not say.
    pub overlap: Duration,
    /// How long it is kept what became of a delivery.
    pub keep: Duration,
    /// Webhooks of one project.
    pub most: usize,
    pub guard: Guard,
    /// Whether `http://` may be used beyond one's own network.
    pub allow_http: bool,
    /// Rung when there may be something to send.
    pub bell: Notify,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            at_once: 32,
            at_once_each: 8,
            retries: STANDARD_RETRIES.map(Duration::from_secs).to_vec(),
            overlap: Duration::from_secs(24 * 3_600),
            keep: Duration::from_secs(30 * 24 * 3_600),
            most: 50,
            guard: Guard::default(),
            allow_http: false,
            bell: Notify::new(),
        }
    }
}

/// Seconds between attempts as Standard Webhooks (1.0.0, *Deliverability and reliability*) has them: 5 s, 5 min, 30 min,
/// 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; a little more than three days in all.
pub const STANDARD_RETRIES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
