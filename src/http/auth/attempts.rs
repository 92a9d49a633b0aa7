//! Wrong keys, counted by the address that sent them: after a few, each next one is answered later and later, and when
//! too many answers wait, no more are looked at. A right key is never kept waiting: behind one address may be an office.
//!
//! Keys are 32 random bytes and cannot be guessed; this keeps those who try from being a load, and shows them in the log.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;

use crate::domain::Timestamp;

/// Wrong keys of an address that are answered at once.
pub(super) const FREE: u32 = 5;
/// For which they are counted.
const WINDOW: Duration = Duration::from_secs(600);
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(4);
/// Answers that wait at the same time.
const WAITING: usize = 256;
/// Addresses that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("some");

pub struct Attempts {
    wrong: Mutex<LruCache<IpAddr, (u32, Timestamp)>>,
    waiting: AtomicUsize,
    /// Answers that waited.
    waited: AtomicUsize,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { wrong: Mutex::new(LruCache::new(REMEMBERED)), waiting: AtomicUsize::new(0), waited: AtomicUsize::new(0) }
    }
}

/// A place among the answers that wait.
pub struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Attempts {
    /// Counts a wrong key; for how long its answer waits.
    pub fn wrong(&self, from: Option<IpAddr>, now: Timestamp) -> Duration {
        let Some(from) = from.map(network) else { return Duration::ZERO };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = wrong
            .get(&from)
            .filter(|(_, since)| *since <= now && now.duration_since(*since).unsigned_abs() < WINDOW)
            .copied()
            .map_or((1, now), |(count, since)| (count.saturating_add(1), since));
        let since = wrong.peek(&from).filter(|_| count > 1).map_or(now, |(_, since)| *since);
        wrong.put(from, (count, since));
        if count == FREE + 1 {
            tracing::warn!(address = %from, wrong = count, "wrong API keys come from one address");
        }
        match count.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(more) => FIRST.saturating_mul(1 << more.min(10)).min(LONGEST),
        }
    }

    /// A place to wait in, unless too many wait.
    pub fn waits(&self) -> Option<Waits<'_>> {
        let place = |waiting: usize| (waiting < WAITING).then_some(waiting + 1);
        let found = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, place).ok();
        found.map(|_| {
            self.waited.fetch_add(1, Ordering::Relaxed);
            Waits(&self.waiting)
        })
    }

    /// How many answers waited until now.
    pub fn waited(&self) -> usize {
        self.waited.load(Ordering::Relaxed)
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_few_mistakes_cost_nothing_and_each_further_one_costs_twice_as_long_up_to_a_bound() {
        let attempts = Attempts::default();
        let from: Option<IpAddr> = Some("192.0.2.7".parse().unwrap());
        let told: Vec<u128> = (0..12).map(|second| attempts.wrong(from, at(second)).as_millis()).collect();
        assert_eq!(told, [0, 0, 0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
        // Others are not kept waiting for it, and ten minutes later it is forgotten.
        assert_eq!(attempts.wrong(Some("192.0.2.8".parse().unwrap()), at(12)), Duration::ZERO);
        assert_eq!(attempts.wrong(from, at(600)), Duration::ZERO);
        // A clock that was set back forgets too.
        assert_eq!(attempts.wrong(from, at(5)), Duration::ZERO);
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_and_ipv4_in_ipv6_is_ipv4() {
        let attempts = Attempts::default();
        let of = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for n in 1..=FREE {
            attempts.wrong(of(&format!("2001:db8::{n:x}")), at(0));
        }
        assert!(attempts.wrong(of("2001:db8:0:0:ffff::1"), at(0)) > Duration::ZERO);
        assert_eq!(attempts.wrong(of("2001:db8:0:1::1"), at(0)), Duration::ZERO);
        for _ in 0..FREE {
            attempts.wrong(of("192.0.2.1"), at(0));
        }
        assert!(attempts.wrong(of("::ffff:192.0.2.1"), at(0)) > Duration::ZERO);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let attempts = Attempts::default();
        let waiting: Vec<_> = (0..WAITING).map(|_| attempts.waits().unwrap()).collect();
        assert!(attempts.waits().is_none());
        drop(waiting);
        assert!(attempts.waits().is_some());
    }
}
