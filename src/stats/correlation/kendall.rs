//! Kendall's tau-b: concordant less discordant pairs, corrected for ties on either side (Kendall 1945).
//! O(n log n) by counting inversions in a merge sort (Knight 1966).
//! Interval: Fisher's z with variance 0.437/(n-4) (Fieller, Hartley & Pearson 1957); rough with many ties.

use super::{check, fisher};
use crate::stats::{Estimate, NotEstimable};

/// # Errors
/// Lengths differ, fewer than two pairs, a constant input, a value that is not finite.
pub fn kendall_tau_b(x: &[f64], y: &[f64]) -> Result<Estimate, NotEstimable> {
    check(x, y)?;
    let mut points: Vec<(f64, f64)> = x.iter().zip(y).map(|(a, b)| (a + 0.0, b + 0.0)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let pairs = |n: usize| (n * (n.max(1) - 1) / 2) as f64;
    let tied_x: f64 = points.chunk_by(|a, b| a.0 == b.0).map(|tied| pairs(tied.len())).sum();
    let tied_both: f64 = points.chunk_by(|a, b| a == b).map(|tied| pairs(tied.len())).sum();
    let mut second: Vec<f64> = points.iter().map(|point| point.1).collect();
    let swaps = inversions(&mut second) as f64;
    let tied_y: f64 = second.chunk_by(|a, b| a == b).map(|tied| pairs(tied.len())).sum();
    let all = pairs(points.len());
    let difference = all - tied_x - tied_y + tied_both - 2.0 * swaps;
    let value = (difference / (all - tied_x).sqrt() / (all - tied_y).sqrt()).clamp(-1.0, 1.0);
    let interval = fisher(value, x.len(), 0.437, 4, "fisher z (Fieller)");
    Ok(Estimate { value, interval, n: x.len(), missing: 0, method: "kendall tau-b" })
}

/// Sorts, and counts the pairs that stood in strictly falling order.
fn inversions(values: &mut [f64]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let mut count = inversions(left) + inversions(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if left[i] <= right[j] {
            merged.push(left[i]);
            i += 1;
        } else {
            merged.push(right[j]);
            count += (left.len() - i) as u64;
            j += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    values.copy_from_slice(&merged);
    count
}
