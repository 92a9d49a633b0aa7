//! What benchmarks publish beside or above the score of one grading. Attempts at one task (pass@k, pass^k,
//! worst-at-k, HealthBench's mean) are in `ranking::attempts`.

use super::{best, earned_by};
use crate::domain::{Rubric, Verdict};

/// Finance Agent's "all pass": whether every criterion came out best, penalties unmet. `None` as long as one
/// that could change the answer has no verdict.
#[must_use]
pub fn all_pass(rubric: &Rubric, verdicts: &[Verdict]) -> Option<bool> {
    let earned = earned_by(rubric, verdicts);
    let mut open = false;
    for (criterion, earned) in rubric.criteria().iter().zip(earned) {
        match earned {
            Some(earned) if earned < best(criterion) => return Some(false),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(true)
}
