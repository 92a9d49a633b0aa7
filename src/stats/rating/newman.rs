//! Newman's iteration (2023, "Efficient computation of rankings from pairwise comparisons", with ties): each
//! strength is set to what it wins, weighed by its opponents, over what it loses. It reaches Davidson's maximum in
//! tens of sweeps, needs no matrix, and is what several other libraries call `newman`; its tie weight is nu/2.
//! Where it exists, its interval and its limits are [`super::davidson()`]'s.

use super::{
    columns::{Meetings, Total},
    davidson::DavidsonTable,
    table::Scale,
    ties::Ties,
    with_ties::{Solver, rate_with_ties},
};

const SWEEPS: usize = 20_000;

/// Rates as [`super::davidson_of`].
#[must_use]
pub fn newman_of(meetings: &Meetings, scale: Scale, level: f64) -> DavidsonTable {
    let how = (Ties::Davidson, Solver::Newman, "newman's iteration (davidson), clustered by task");
    let (table, nu) = rate_with_ties(how, meetings, scale, level);
    DavidsonTable { table, nu }
}

/// Log strengths with mean zero, and ln nu. The caller has checked that the maximum exists.
pub(super) fn iterate(size: usize, totals: &[Total]) -> Option<Vec<f64>> {
    let mut met: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); size];
    for Total { i, j, said } in totals {
        met[*i].push((*j, said.half(), said.turned().half()));
        met[*j].push((*i, said.turned().half(), said.half()));
    }
    let mut p = vec![1.0_f64; size];
    let mut v = 0.5_f64;
    for _ in 0..SWEEPS {
        let mut moved = 0.0_f64;
        for i in 0..size {
            let (mut won, mut lost) = (0.0, 0.0);
            for &(j, up, down) in &met[i] {
                let root = (p[i] * p[j]).sqrt();
                let whole = p[i] + p[j] + 2.0 * v * root;
                won += up * (p[j] + v * root) / whole;
                lost += down * (1.0 + v * (p[j] / p[i]).sqrt()) / whole;
            }
            let next = won / lost;
            moved = moved.max((next / p[i]).ln().abs());
            p[i] = next;
        }
        let mean = (p.iter().map(|p| p.ln()).sum::<f64>() / size as f64).exp();
        p.iter_mut().for_each(|p| *p /= mean);
        let (mut tied, mut decided) = (0.0, 0.0);
        for Total { i, j, said } in totals {
            let root = (p[*i] * p[*j]).sqrt();
            let whole = p[*i] + p[*j] + 2.0 * v * root;
            tied += said.tied * (p[*i] + p[*j]) / whole;
            decided += (said.won + said.lost) * 2.0 * root / whole;
        }
        let next = tied / decided;
        moved = moved.max((next / v).ln().abs());
        v = next;
        if !moved.is_finite() {
            return None;
        }
        if moved < 1e-12 {
            let mut found: Vec<f64> = p.iter().map(|p| p.ln()).collect();
            found.push((2.0 * v).ln());
            return Some(found);
        }
    }
    None
}
