//! What the configuration says about who comes in.

use std::time::Duration;

/// `[auth]`, as far as the door needs it.
#[derive(Debug, Clone)]
pub struct Access {
    /// For which a browser stays logged in that does not come back.
    pub session_idle: Duration,
    /// For which it stays logged in at most.
    pub session_max: Duration,
    /// Requests a minute of a key that has no limit of its own; 0 = any number.
    pub requests_per_minute: u32,
    /// Gradings, comparisons and drafts a day of such a key; 0 = any number.
    pub work_per_day: u32,
    /// Whether an address that sends wrong keys is answered later and later. Behind a proxy all have one address.
    pub slow_wrong_keys: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(8 * 3_600),
            session_max: Duration::from_secs(7 * 86_400),
            requests_per_minute: 0,
            work_per_day: 0,
            slow_wrong_keys: true,
        }
    }
}
