//! McNemar's test of two paired yes/no answers (does a verdict flip with the order of presentation?) and the
//! sign test (does the first position win more often?). Exact by the binomial; mid-p is less conservative.

use statrs::{
    distribution::{ChiSquared, ContinuousCDF},
    function::{beta::beta_reg, gamma::ln_gamma},
};

use crate::stats::{Estimate, NotEstimable, interval::wilson};

#[derive(Debug, Clone, PartialEq)]
pub struct McNemar {
    /// Pairs that differ, one way and the other.
    pub discordant: (u64, u64),
    pub exact_p: f64,
    pub mid_p: f64,
    /// (b - c)²/(b + c) and its p value, without continuity correction.
    pub chi2: Result<(f64, f64), NotEstimable>,
    /// With continuity correction.
    pub chi2_corrected: Result<(f64, f64), NotEstimable>,
}

/// From the two counts of pairs that differ.
#[must_use]
pub fn mcnemar(one: u64, other: u64) -> McNemar {
    let (exact_p, mid_p) = binomial(one, other);
    let (sum, gap) = ((one + other) as f64, one.abs_diff(other) as f64);
    let chi2 = |gap: f64| {
        if sum == 0.0 {
            return Err(NotEstimable::NoDiscordantPair);
        }
        let value = gap * gap / sum;
        ChiSquared::new(1.0).map(|d| (value, d.sf(value))).map_err(|_| NotEstimable::NoDiscordantPair)
    };
    McNemar { discordant: (one, other), exact_p, mid_p, chi2: chi2(gap), chi2_corrected: chi2((gap - 1.0).max(0.0)) }
}

#[derive(Debug, Clone, PartialEq)]
pub struct SignTest {
    /// Share of `plus`, with Wilson's interval.
    pub rate: Estimate,
    /// Two-sided, exact.
    pub p: f64,
}

/// `plus` against `minus`, ties dropped beforehand.
///
/// # Errors
/// Nothing to compare, a level outside 0..1.
pub fn sign_test(plus: u64, minus: u64, level: f64) -> Result<SignTest, NotEstimable> {
    NotEstimable::check_level(level)?;
    let n = plus + minus;
    if n == 0 {
        return Err(NotEstimable::NoData);
    }
    let interval = wilson(plus as f64, n as f64, level);
    let value = plus as f64 / n as f64;
    let rate = Estimate { value, interval, n: n as usize, missing: 0, method: "sign test" };
    Ok(SignTest { rate, p: binomial(plus, minus).0 })
}

/// Two-sided p of a fair coin: exact, and with half of the observed point left out on either side.
fn binomial(one: u64, other: u64) -> (f64, f64) {
    let (k, n) = (one.min(other) as f64, (one + other) as f64);
    if one == other {
        let point = if n == 0.0 { 1.0 } else { point(k, n) };
        return (1.0, 1.0 - point / 2.0);
    }
    let tail = beta_reg(n - k, k + 1.0, 0.5);
    ((2.0 * tail).min(1.0), 2.0 * tail - point(k, n))
}

fn point(k: f64, n: f64) -> f64 {
    (ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) - n * std::f64::consts::LN_2).exp()
}
