//! How often, and for how long, something is tried again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::time::Instant;

use super::super::StoreError;
use super::fault::Fault;

const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(250);

/// Spreads those who wait for the same thing; seeded with a number that the database gives to nobody else.
#[derive(Clone)]
pub(super) struct Jitter(Arc<Mutex<ChaCha12Rng>>);

impl Jitter {
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed))))
    }

    /// Between half of it and all of it.
    fn of(&self, whole: Duration) -> Duration {
        let random = self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u32();
        whole / 2 + whole.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

/// One piece of work that is tried until its time is over.
pub(super) struct Retries {
    jitter: Jitter,
    until: Instant,
    attempt: u32,
}

impl Retries {
    pub fn new(jitter: Jitter, until: Instant) -> Self {
        Self { jitter, until, attempt: 0 }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The fault, if trying again is of no use or the time is over.
    pub async fn pause(&mut self, fault: Fault, place: &str) -> Result<(), StoreError> {
        let may_pass = matches!(fault, Fault::Again(_) | Fault::Lost(_));
        if !may_pass || Instant::now() >= self.until {
            return Err(fault.told(place));
        }
        let longest = FIRST.saturating_mul(1 << self.attempt.min(10)).min(LONGEST);
        self.attempt += 1;
        tokio::time::sleep(self.jitter.of(longest)).await;
        Ok(())
    }
}
