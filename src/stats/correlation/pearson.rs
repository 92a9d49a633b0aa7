//! Pearson's correlation, and Spearman's: Pearson's of the mid-ranks, hence tie-corrected.
//! Intervals by Fisher's z: variance 1/(n-3), for Spearman (1 + r²/2)/(n-3) (Bonett & Wright 2000).

use super::{check, fisher, mid_ranks};
use crate::stats::{Estimate, NotEstimable};

/// # Errors
/// Lengths differ, fewer than two pairs, a constant input, a value that is not finite.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Estimate, NotEstimable> {
    check(x, y)?;
    let value = correlate(x, y)?;
    let interval = fisher(value, x.len(), 1.0, 3, "fisher z");
    Ok(Estimate { value, interval, n: x.len(), missing: 0, method: "pearson" })
}

/// # Errors
/// As [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Estimate, NotEstimable> {
    check(x, y)?;
    let value = correlate(&mid_ranks(x), &mid_ranks(y))?;
    let interval = fisher(value, x.len(), 1.0 + value * value / 2.0, 3, "fisher z (Bonett-Wright)");
    Ok(Estimate { value, interval, n: x.len(), missing: 0, method: "spearman" })
}

fn correlate(x: &[f64], y: &[f64]) -> Result<f64, NotEstimable> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xy += (a - mx) * (b - my);
        xx += (a - mx) * (a - mx);
        yy += (b - my) * (b - my);
    }
    let value = xy / (xx.sqrt() * yy.sqrt());
    if value.is_finite() { Ok(value.clamp(-1.0, 1.0)) } else { Err(NotEstimable::ConstantInput) }
}
