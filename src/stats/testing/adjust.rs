//! P values adjusted for being many. Bonferroni and Holm bound the chance of any false alarm (Holm 1979,
//! never worse than Bonferroni); Benjamini-Hochberg 1995 the expected share of false alarms.

use crate::stats::NotEstimable;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjust {
    Bonferroni,
    Holm,
    BenjaminiHochberg,
}

/// Adjusted p values in the order given.
///
/// # Errors
/// A p value outside 0..=1.
pub fn adjust_p(p: &[f64], method: Adjust) -> Result<Vec<f64>, NotEstimable> {
    if let Some(bad) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        let value = if bad.is_finite() { *bad } else { -1.0 };
        return Err(NotEstimable::OutOfRange { what: "a p value", value, must: "between 0 and 1" });
    }
    let n = p.len() as f64;
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    match method {
        Adjust::Bonferroni => return Ok(p.iter().map(|p| (p * n).min(1.0)).collect()),
        Adjust::Holm => {
            let mut most = 0.0_f64;
            for (rank, at) in order.into_iter().enumerate() {
                most = most.max((p[at] * (n - rank as f64)).min(1.0));
                adjusted[at] = most;
            }
        }
        Adjust::BenjaminiHochberg => {
            let mut least = 1.0_f64;
            for (rank, at) in order.into_iter().enumerate().rev() {
                // The quotient first: at the last rank it is exactly 1.
                least = least.min(p[at] * (n / (rank as f64 + 1.0)));
                adjusted[at] = least;
            }
        }
    }
    Ok(adjusted)
}
