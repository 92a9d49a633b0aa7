//! What a judge takes from outside: time, chance and the network client. Tests bring their own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::domain::Clock;

/// Time that only runs forward, and waiting.
#[async_trait]
pub trait Timer: Send + Sync {
    /// Since some fixed moment.
    fn elapsed(&self) -> Duration;
    async fn sleep(&self, duration: Duration);
}

/// The operating system's time, and tokio's sleep.
pub struct SystemTimer(Instant);

impl Default for SystemTimer {
    fn default() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Timer for SystemTimer {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Chance, for the jitter of pauses.
pub struct Jitter(Mutex<ChaCha12Rng>);

impl Jitter {
    #[must_use]
    pub fn seeded(seed: [u8; 32]) -> Self {
        Self(Mutex::new(ChaCha12Rng::from_seed(seed)))
    }

    /// Uniform in [0, 1).
    pub fn draw(&self) -> f64 {
        let mut random = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // 53 bits: what a double can hold.
        (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Made once by the application and shared by all judges.
#[derive(Clone)]
pub struct Seams {
    /// For `Retry-After` as a date.
    pub clock: Arc<dyn Clock>,
    pub timer: Arc<dyn Timer>,
    pub jitter: Arc<Jitter>,
    /// One pool of connections for all judges: see [`client`](super::client).
    pub http: reqwest::Client,
}
