//! How often humans changed what a panel said, by the reason for which they were asked: what puts the next question in
//! its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Settled questions about criteria, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odds {
    pub by_reason: BTreeMap<String, Settled>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub settled: u64,
    /// Of these, those where the human's word is not the panel's. A verdict where the panel had none is a change.
    pub flipped: u64,
}

/// Settled questions that the guess for an unknown reason is worth.
const PRIOR: f64 = 2.0;

impl Odds {
    /// Under which those of a project are kept.
    pub const KEY: &str = "all";

    /// The probability that a human changes the verdict, from what happened so far: a Beta-binomial mean. Before there
    /// is any experience: a tenth for what was drawn at random, a half for what a rule selected.
    #[must_use]
    pub fn flip(&self, reason: &str) -> f64 {
        let guess = if reason == "audit" { 0.1 } else { 0.5 };
        let Settled { settled, flipped } = self.by_reason.get(reason).copied().unwrap_or_default();
        (flipped as f64 + PRIOR * guess) / (settled as f64 + PRIOR)
    }

    /// With one more question settled.
    #[must_use]
    pub fn with(mut self, reason: &str, flipped: bool) -> Self {
        let of = self.by_reason.entry(reason.to_owned()).or_default();
        of.settled += 1;
        of.flipped += u64::from(flipped);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experience_replaces_the_guess() {
        let mut odds = Odds::default();
        assert_eq!((odds.flip("split"), odds.flip("audit")), (0.5, 0.1));
        for at in 0..98 {
            odds = odds.with("split", at % 7 == 0);
        }
        // 14 of 98 were changed: (14 + 1) / (98 + 2).
        assert!((odds.flip("split") - 0.15).abs() < 1e-12, "{}", odds.flip("split"));
        assert_eq!(odds.flip("audit"), 0.1, "reasons learn by themselves");
    }
}
