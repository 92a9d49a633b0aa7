//! Battles out of rubric scores: two systems' gradings of one task, with the same rubric version by the same panel.
//! A difference of at most the noise band is a tie, because a score moves that much without any difference in the work.
//! They are another kind of evidence than a judge who saw both deliverables side by side, and are only ever shown when
//! they were asked for, counted apart.

use std::collections::BTreeMap;

use super::board::Fought;
use crate::domain::{Grading, SubmissionId, TaskId};
use crate::stats::rating::Outcome;

/// Without another: five points of a hundred.
pub const BAND: f64 = 0.05;

/// The outcome of two scores (0 to 1). Both bounds of the band belong to the tie.
#[must_use]
pub fn outcome(a: f64, b: f64, band: f64) -> Outcome {
    // What only rounding tells apart from the bound is the bound.
    if (a - b).abs() <= band + 1e-9 {
        Outcome::Tie
    } else if a > b {
        Outcome::A
    } else {
        Outcome::B
    }
}

/// Every pair of systems that were graded on the same task by the same panel with the same rubric version.
/// Gradings without a task or a score give none. `longer`: how much longer the first submission is than the second.
#[must_use]
pub fn derive<'a>(
    scored: impl Iterator<Item = (&'a Grading, f64)>,
    band: f64,
    longer: impl Fn(SubmissionId, SubmissionId) -> Option<f32>,
) -> Vec<Fought> {
    let mut alike: BTreeMap<_, Vec<(&Grading, &TaskId, f64)>> = BTreeMap::new();
    for (grading, score) in scored {
        let Some(task) = &grading.task_id else { continue };
        let key = (task, grading.rubric.id, grading.rubric.version, grading.panel.name.clone());
        alike.entry(key).or_default().push((grading, task, score));
    }
    let mut fought = Vec::new();
    for group in alike.into_values() {
        for (i, (a, task, score_a)) in group.iter().enumerate() {
            for (b, _, score_b) in &group[i + 1..] {
                if a.system == b.system {
                    continue;
                }
                fought.push(Fought {
                    a: a.system.clone(),
                    b: b.system.clone(),
                    outcome: outcome(*score_a, *score_b, band),
                    task: Some((*task).clone()),
                    imported: false,
                    judge: None,
                    longer: longer(a.submission_id, b.submission_id),
                });
            }
        }
    }
    fought
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_inside_the_band_is_a_tie_and_its_bounds_belong_to_it() {
        assert_eq!(outcome(0.80, 0.75, 0.05), Outcome::Tie);
        assert_eq!(outcome(0.70, 0.75, 0.05), Outcome::Tie);
        assert_eq!(outcome(0.81, 0.75, 0.05), Outcome::A);
        assert_eq!(outcome(0.69, 0.75, 0.05), Outcome::B);
        assert_eq!(outcome(0.5, 0.5, 0.0), Outcome::Tie);
        assert_eq!(outcome(0.500_001, 0.5, 0.0), Outcome::A);
    }

    #[test]
    fn only_gradings_of_one_task_rubric_version_and_panel_meet() {
        use crate::ranking::testing::{graded, in_panel, with_rubric};
        let all = [
            graded("a", "t1", 0.9),
            graded("b", "t1", 0.5),
            graded("a", "t1", 0.7),
            graded("b", "t2", 0.1),
            in_panel(graded("c", "t1", 0.1), "other"),
            with_rubric(graded("d", "t1", 0.1), 2),
        ];
        let fought = derive(all.iter().map(|one| (one, one.result().unwrap().score.value.unwrap())), BAND, |_, _| None);
        let told: Vec<(&str, &str, Outcome)> =
            fought.iter().map(|one| (one.a.as_str(), one.b.as_str(), one.outcome)).collect();
        assert_eq!(
            told,
            [("a", "b", Outcome::A), ("b", "a", Outcome::B)],
            "not across tasks, panels, versions, or itself"
        );
    }
}
