//! Time is a parameter. Nothing outside this file asks the operating system what time it is
//! (`clippy.toml` bans it), so a test decides when a lease expires.

use std::sync::Mutex;

pub use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that may ask")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands until it is moved.
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// # Panics
    /// If `text` is not RFC 3339: a test's own mistake.
    #[must_use]
    pub fn at(text: &str) -> Self {
        Self(Mutex::new(text.parse().expect("an RFC 3339 time")))
    }

    pub fn advance(&self, by: std::time::Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(*now);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
