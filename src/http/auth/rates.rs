//! How many requests a minute each key may make. Each process counts its own: behind a balancer a key may make as many
//! at every replica.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::KeyId;

/// Keys whose rate is remembered; then all begin anew.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub struct Rates(Mutex<HashMap<KeyId, (NonZeroU32, Arc<DefaultDirectRateLimiter>)>>);

impl Rates {
    /// Counts a request. A minute's worth may come at once; then as many as the rate lets through.
    ///
    /// # Errors
    /// If it is one too many: when the next may come.
    pub fn take(&self, key: KeyId, per_minute: NonZeroU32) -> Result<(), Duration> {
        let limiter = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED && !known.contains_key(&key) {
                known.clear();
            }
            let limiter = || (per_minute, Arc::new(RateLimiter::direct(Quota::per_minute(per_minute))));
            let entry = known.entry(key).or_insert_with(limiter);
            if entry.0 != per_minute {
                *entry = limiter();
            }
            entry.1.clone()
        };
        limiter.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_another_key_is_not_counted_with_it() {
        let rates = Rates::default();
        let key = |n: u128| KeyId::from_uuid(uuid::Uuid::from_u128(n));
        let three = NonZeroU32::new(3).unwrap();
        for _ in 0..3 {
            rates.take(key(1), three).unwrap();
        }
        let wait = rates.take(key(1), three).unwrap_err();
        assert!(wait <= Duration::from_secs(20) && wait > Duration::from_secs(10), "{wait:?}");
        rates.take(key(2), three).unwrap();
        // Another limit is another count.
        rates.take(key(1), NonZeroU32::new(4).unwrap()).unwrap();
    }
}
