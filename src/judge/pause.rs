//! How long to wait: after a failure (full jitter, or what the provider asks for), and for a place in the minute.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::config::Backoff;
use super::seams::{Jitter, Timer};

/// The pause after the `failures`-th failure (from 1), or `None` if the provider asks for more patience than there
/// is.
pub(super) fn after_failure(
    backoff: &Backoff,
    failures: u32,
    asked: Option<Duration>,
    jitter: &Jitter,
) -> Option<Duration> {
    if let Some(asked) = asked {
        // A little later than asked, so that all who were sent away do not come back in one instant.
        return (asked <= backoff.patience).then(|| asked + backoff.base.mul_f64(jitter.draw()));
    }
    let exponential = backoff.base.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    Some(exponential.min(backoff.cap).mul_f64(jitter.draw()))
}

/// `retry-after-ms`, else `retry-after`: seconds (also with a fraction) or an HTTP date.
pub(super) fn retry_after(headers: &reqwest::header::HeaderMap, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let seconds = |text: &str, unit: f64| {
        let number: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(number.max(0.0) * unit).ok()
    };
    if let Some(wait) = header("retry-after-ms").and_then(|text| seconds(text, 1e-3)) {
        return Some(wait);
    }
    let text = header("retry-after")?;
    seconds(text, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(text).ok()?;
        let date = Timestamp::try_from(date).ok()?;
        // A date in the past means now.
        Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
    })
}

/// How long nothing is left of what a provider allows, by the headers that OpenAI (and servers like it) and Anthropic
/// send with every answer: a `remaining` of 0, and when that is over.
pub(super) fn used_up_for(headers: &reqwest::header::HeaderMap, now: Timestamp) -> Option<Duration> {
    let header = |name: String| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let of = |remaining: String, reset: String| {
        let none_left = header(remaining)?.parse::<f64>().ok()? < 1.0;
        none_left.then(|| until(header(reset)?, now)).flatten()
    };
    let kinds = ["requests", "tokens", "input-tokens", "output-tokens"].into_iter();
    let waits = kinds.flat_map(|kind| {
        let openai = of(format!("x-ratelimit-remaining-{kind}"), format!("x-ratelimit-reset-{kind}"));
        let anthropic =
            of(format!("anthropic-ratelimit-{kind}-remaining"), format!("anthropic-ratelimit-{kind}-reset"));
        [openai, anthropic]
    });
    waits.flatten().max()
}

/// `6m0s`, `250ms`, `1.5` (seconds), or a time.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Duration::try_from(time.duration_since(now)).unwrap_or_default());
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(digits)?;
        let letters = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(letters)?;
        let unit = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "" | "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = behind;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

/// Places per minute, handed out in order; up to a second's worth at once. This is the generic cell rate
/// algorithm: one number, the time at which the next place is due.
pub(super) struct Rate {
    interval: Duration,
    /// Replicas that share the places.
    shared_by: AtomicU32,
    due: Mutex<Duration>,
}

impl Rate {
    pub(super) fn per_minute(places: u32) -> Self {
        Self {
            interval: Duration::from_mins(1) / places.max(1),
            shared_by: AtomicU32::new(1),
            due: Mutex::new(Duration::ZERO),
        }
    }

    /// So many replicas share the places: each takes its part of them.
    pub(super) fn share(&self, replicas: u32) {
        self.shared_by.store(replicas.max(1), Ordering::Relaxed);
    }

    /// Takes the next `places` and says how long to wait for the first of them.
    pub(super) fn take(&self, places: u32, timer: &dyn Timer) -> Duration {
        let now = timer.elapsed();
        let mut due = self.due.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let start = (*due).max(now);
        let interval = self.interval.saturating_mul(self.shared_by.load(Ordering::Relaxed));
        *due = start + interval.saturating_mul(places);
        let burst = Duration::from_secs(1).saturating_sub(interval);
        start.saturating_sub(now).saturating_sub(burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::fake::StillTimer;
    use reqwest::header::{HeaderMap, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (reqwest::header::HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let read = |pairs: &[_]| retry_after(&headers(pairs), now);
        assert_eq!(read(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(read(&[("retry-after", "0.25")]), Some(Duration::from_millis(250)));
        assert_eq!(read(&[("retry-after", "7"), ("retry-after-ms", "40")]), Some(Duration::from_millis(40)));
        assert_eq!(read(&[("retry-after", "Fri, 20 Nov 2026 08:00:30 GMT")]), Some(Duration::from_secs(30)));
        assert_eq!(read(&[("retry-after", "Fri, 20 Nov 2026 07:00:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(read(&[("retry-after", "-3")]), Some(Duration::ZERO));
        for nonsense in ["soon", "", "1e400", "NaN"] {
            assert!(read(&[("retry-after", nonsense)]).is_none_or(|d| d == Duration::ZERO), "{nonsense}");
        }
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn replicas_take_their_part_of_the_places_of_a_minute() {
        let hand = StillTimer::default();
        let rate = Rate::per_minute(30);
        rate.share(4);
        assert_eq!(rate.take(1, &hand), Duration::ZERO);
        assert_eq!(rate.take(1, &hand), Duration::from_secs(8), "30 a minute by four: one in eight seconds");
        rate.share(1);
        assert_eq!(rate.take(1, &hand), Duration::from_secs(16));
        assert_eq!(rate.take(1, &hand), Duration::from_secs(18));
    }

    #[test]
    fn what_is_used_up_is_told_by_the_headers_of_both_providers() {
        let now: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let read = |pairs: &[_]| used_up_for(&headers(pairs), now);
        let openai = |remaining, reset| {
            read(&[("x-ratelimit-remaining-requests", remaining), ("x-ratelimit-reset-requests", reset)])
        };
        assert_eq!(openai("0", "6m0s"), Some(Duration::from_mins(6)));
        assert_eq!(openai("0", "1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(openai("0", "20ms"), Some(Duration::from_millis(20)));
        assert_eq!(openai("0", "2"), Some(Duration::from_secs(2)));
        assert_eq!(openai("7", "6m0s"), None);
        for nonsense in ["", "soon", "6x", "1e400s", "..s", "-3s"] {
            assert_eq!(openai("0", nonsense), None, "{nonsense}");
        }
        let both = [
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-20T08:00:12Z"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-20T07:00:00Z"),
        ];
        assert_eq!(read(&both), Some(Duration::from_secs(12)), "the later one; what is past is now");
    }

    #[test]
    fn pauses_grow_are_capped_and_spread_over_their_whole_range() {
        let jitter = Jitter::seeded([1; 32]);
        let backoff = Backoff::default();
        for failures in 1..40 {
            let limit = (backoff.base.as_secs_f64() * 2f64.powi(failures - 1)).min(8.0);
            let drawn: Vec<f64> = (0..200)
                .map(|_| after_failure(&backoff, failures as u32, None, &jitter).unwrap().as_secs_f64())
                .collect();
            assert!(drawn.iter().all(|d| *d <= limit), "{failures}");
            assert!(drawn.iter().any(|d| *d < limit * 0.2) && drawn.iter().any(|d| *d > limit * 0.8), "{failures}");
        }
    }

    #[test]
    fn a_provider_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let (jitter, backoff) = (Jitter::seeded([1; 32]), Backoff::default());
        let pause = after_failure(&backoff, 1, Some(Duration::from_secs(20)), &jitter).unwrap();
        assert!(pause >= Duration::from_secs(20) && pause < Duration::from_secs(21));
        assert_eq!(after_failure(&backoff, 1, Some(Duration::from_hours(1)), &jitter), None);
    }

    #[test]
    fn places_in_the_minute_are_spaced() {
        let timer = StillTimer::default();
        let rate = Rate::per_minute(30);
        let waits: Vec<u64> = (0..4).map(|_| rate.take(1, &timer).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 6]);
        // A hundred and twenty a minute: two at once, then one each half second.
        let rate = Rate::per_minute(120);
        let waits: Vec<u128> = (0..4).map(|_| rate.take(1, &timer).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000]);
    }
}
