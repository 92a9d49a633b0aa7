//! Verdicts become a score, by the published formulas that JUDGING's golden vectors pin down.
//!
//! `raw = Σ awarded / Σ positive points` over the criteria that have a verdict; `value = clamp(raw, 0, 1)`
//! after gates. Inconclusive criteria leave numerator and denominator, and `coverage` says so. A rubric of
//! penalties only starts from 1 and loses `Σ awarded / Σ |points|`. A rubric with sections is a tree: each
//! node is `Σ w·s / Σ w` over its children that have a score. Bounds show what the inconclusive could still
//! change.

use crate::domain::{
    Criterion, CriterionId, Decision, Gate, GateEffect, Rubric, Score, ScoreInterval, Section, Verdict,
};
use crate::stats::interval::bootstrap_percentile;

/// The score of a whole rubric from its verdicts (in any order; a criterion without one is inconclusive).
#[must_use]
pub fn score(rubric: &Rubric, verdicts: &[Verdict], min_coverage: f64) -> Score {
    let decisions: Vec<Option<f64>> =
        rubric.criteria().iter().map(|criterion| earned(criterion, decision(verdicts, &criterion.id))).collect();
    let total = total(rubric, &decisions);
    let gates = closed_gates(rubric, &decisions);
    let ungated = total.raw.map(clamp);
    let below = total.coverage + 1e-12 < min_coverage;
    let value = if below { None } else { ungated.map(|ungated| gate(ungated, &gates)) };
    let undefined = match (total.raw, below) {
        (None, _) => Some("no criterion that carries points has a verdict".to_owned()),
        (Some(_), true) => Some(format!(
            "coverage {:.3} is below the panel's minimum {min_coverage}: too many criteria are inconclusive",
            total.coverage
        )),
        _ => None,
    };
    Score {
        value,
        raw: total.raw,
        ungated,
        awarded: total.awarded,
        positive: total.positive,
        coverage: total.coverage,
        gates,
        if_all_met: bound(rubric, &decisions, best),
        if_none_met: bound(rubric, &decisions, worst),
        undefined,
    }
}

fn decision<'a>(verdicts: &'a [Verdict], id: &CriterionId) -> Option<&'a Decision> {
    verdicts.iter().find(|verdict| &verdict.criterion_id == id).map(|verdict| &verdict.decision)
}

/// Points that a decision earns; `None` without one.
fn earned(criterion: &Criterion, decision: Option<&Decision>) -> Option<f64> {
    match decision? {
        Decision::Met => Some(criterion.points),
        Decision::Unmet => Some(0.0),
        Decision::Level { points, .. } => Some(*points),
        Decision::Inconclusive(_) => None,
    }
}

fn clamp(raw: f64) -> f64 {
    raw.clamp(0.0, 1.0)
}

fn gate(ungated: f64, gates: &[GateEffect]) -> f64 {
    gates.iter().fold(ungated, |value, gate| value.min(gate.cap))
}

struct Total {
    awarded: f64,
    positive: f64,
    coverage: f64,
    raw: Option<f64>,
}

fn total(rubric: &Rubric, decisions: &[Option<f64>]) -> Total {
    let pairs = || rubric.criteria().iter().zip(decisions);
    // Zero in front: the sum of no numbers is -0.0, and would be told as that.
    let awarded = 0.0 + pairs().filter_map(|(_, earned)| *earned).sum::<f64>();
    let positive = 0.0 + pairs().filter(|(_, earned)| earned.is_some()).map(|(c, _)| c.points.max(0.0)).sum::<f64>();
    let all_positive = rubric.max_points();
    // Without positive points the share is taken of the penalties.
    let weight = |c: &Criterion| if all_positive > 0.0 { c.points.max(0.0) } else { c.points.abs() };
    let decided = 0.0 + pairs().filter(|(_, earned)| earned.is_some()).map(|(c, _)| weight(c)).sum::<f64>();
    let coverage = decided / rubric.criteria().iter().map(weight).sum::<f64>();
    let raw = if !rubric.sections().is_empty() {
        tree(rubric, decisions, rubric.sections())
    } else {
        ratio(pairs().filter_map(|(criterion, earned)| earned.map(|earned| (criterion.points, earned))))
    };
    Total { awarded, positive, coverage, raw }
}

/// `Σ awarded / Σ positive`, or `1 + Σ awarded / Σ |points|` where only penalties are decided. `None` without
/// anything decided.
fn ratio(decided: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut awarded, mut positive, mut magnitude) = (0.0, 0.0, 0.0);
    for (points, earned) in decided {
        awarded += earned;
        positive += points.max(0.0);
        magnitude += points.abs();
    }
    if positive > 0.0 {
        Some(awarded / positive)
    } else if magnitude > 0.0 {
        Some(1.0 + awarded / magnitude)
    } else {
        None
    }
}

/// A node of the tree: its sections by their weights; its own criteria together as one child whose weight is
/// the sum of their points. A node without a conclusive child has no score and leaves its parent's sum.
fn tree(rubric: &Rubric, decisions: &[Option<f64>], sections: &[Section]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for section in sections {
        if let Some(score) = node(rubric, decisions, section) {
            sum += section.weight * score;
            weights += section.weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

fn node(rubric: &Rubric, decisions: &[Option<f64>], section: &Section) -> Option<f64> {
    let own: Vec<(f64, f64)> = rubric
        .criteria()
        .iter()
        .zip(decisions)
        .filter(|(criterion, _)| section.criteria.contains(&criterion.id))
        .filter_map(|(criterion, earned)| earned.map(|earned| (criterion.points, earned)))
        .collect();
    let weight: f64 = own.iter().map(|(points, _)| points.abs()).sum();
    let own = ratio(own.into_iter());
    let below: f64 = section
        .sections
        .iter()
        .filter(|child| node(rubric, decisions, child).is_some())
        .map(|child| child.weight)
        .sum();
    match (own, tree(rubric, decisions, &section.sections)) {
        (Some(own), Some(children)) => Some((own * weight + children * below) / (weight + below)),
        (own, children) => own.or(children),
    }
}

/// A gate closes when its criterion is not met (at the lowest level of a scale); a penalty's when it is met.
fn closed_gates(rubric: &Rubric, decisions: &[Option<f64>]) -> Vec<GateEffect> {
    let mut closed = Vec::new();
    for (criterion, earned) in rubric.criteria().iter().zip(decisions) {
        let (Some(gate), Some(earned)) = (criterion.gate, *earned) else { continue };
        let failed = if criterion.is_penalty() {
            earned < 0.0
        } else {
            let lowest = criterion.levels.iter().map(|level| level.points).fold(f64::INFINITY, f64::min);
            earned <= if lowest.is_finite() { lowest } else { 0.0 }
        };
        if failed {
            let cap = match gate {
                Gate::MustPass => 0.0,
                Gate::Cap(cap) => cap,
            };
            closed.push(GateEffect { criterion_id: criterion.id.clone(), cap });
        }
    }
    closed
}

fn best(criterion: &Criterion) -> f64 {
    criterion.levels.iter().map(|level| level.points).reduce(f64::max).unwrap_or(criterion.points.max(0.0))
}

fn worst(criterion: &Criterion) -> f64 {
    criterion.levels.iter().map(|level| level.points).reduce(f64::min).unwrap_or(criterion.points.min(0.0))
}

/// The score if everything inconclusive turned out as `fill` says.
fn bound(rubric: &Rubric, decisions: &[Option<f64>], fill: fn(&Criterion) -> f64) -> f64 {
    let filled: Vec<Option<f64>> =
        rubric.criteria().iter().zip(decisions).map(|(criterion, earned)| earned.or(Some(fill(criterion)))).collect();
    let gates = closed_gates(rubric, &filled);
    gate(clamp(total(rubric, &filled).raw.unwrap_or(0.0)), &gates)
}

/// The score's interval when the criteria are taken as a sample of what could have been asked: percentile
/// bootstrap over criteria, seeded by the caller so that the same grading always shows the same interval.
/// `None` below five decided criteria (resampling fewer says nothing), with sections, or with a closed gate,
/// where the score is no mean over criteria.
#[must_use]
pub fn interval(rubric: &Rubric, verdicts: &[Verdict], score: &Score, seed: u64) -> Option<ScoreInterval> {
    const ROUNDS: usize = 1_000;
    const LEVEL: f64 = 0.95;
    score.value?;
    if !rubric.sections().is_empty() || !score.gates.is_empty() {
        return None;
    }
    let decided: Vec<(f64, f64)> = rubric
        .criteria()
        .iter()
        .filter_map(|c| earned(c, decision(verdicts, &c.id)).map(|earned| (c.points, earned)))
        .collect();
    if decided.len() < 5 {
        return None;
    }
    let of = |drawn: &[usize]| ratio(drawn.iter().map(|i| decided[*i])).map(clamp);
    let found = bootstrap_percentile(decided.len(), ROUNDS, seed, LEVEL, of).ok()?;
    Some(ScoreInterval { low: found.low, high: found.high, level: LEVEL, method: "bootstrap over criteria".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Inconclusive, RubricParts};
    use crate::grading::testing::{criterion, graded_criterion, verdict};

    fn rubric(points: &[f64]) -> Rubric {
        let criteria = points.iter().enumerate().map(|(i, p)| criterion(&format!("c{i}"), *p)).collect();
        Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap()
    }

    fn verdicts(decisions: &[Decision]) -> Vec<Verdict> {
        decisions.iter().enumerate().map(|(i, d)| verdict(&format!("c{i}"), d.clone())).collect()
    }

    const OPEN: Decision = Decision::Inconclusive(Inconclusive::BelowQuorum);
    use Decision::{Met, Unmet};

    #[test]
    fn healthbench_golden_vectors() {
        // +5 met, +3 unmet, -4 met: (5 - 4) / 8; only -4 met: -4 / 8.
        let rubric = rubric(&[5.0, 3.0, -4.0]);
        let one = score(&rubric, &verdicts(&[Met, Unmet, Met]), 0.0);
        assert_eq!((one.raw, one.value), (Some(0.125), Some(0.125)));
        let negative = score(&rubric, &verdicts(&[Unmet, Unmet, Met]), 0.0);
        assert_eq!((negative.raw, negative.value), (Some(-0.5), Some(0.0)));
    }

    #[test]
    fn a_rubric_of_penalties_starts_from_one() {
        let one = score(&rubric(&[-3.0, -2.0]), &verdicts(&[Met, Unmet]), 0.0);
        assert!((one.value.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(one.coverage, 1.0);
    }

    #[test]
    fn finance_agent_golden_vector_a_failed_must_pass_is_zero_beside_the_ungated_score() {
        // Severities seven x1 and two x2, 7 of 11 points passed, a must_pass failed.
        let mut criteria: Vec<Criterion> =
            (0..9).map(|i| criterion(&format!("c{i}"), if i < 7 { 1.0 } else { 2.0 })).collect();
        criteria[0].gate = Some(Gate::MustPass);
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
        let decisions = [Unmet, Met, Met, Met, Met, Met, Unmet, Met, Unmet];
        let one = score(&rubric, &verdicts(&decisions), 0.0);
        assert!((one.ungated.unwrap() - 0.636_363_6).abs() < 1e-7);
        assert_eq!(one.value, Some(0.0));
        assert_eq!(one.gates[0].criterion_id.as_str(), "c0");
    }

    #[test]
    fn what_is_inconclusive_leaves_numerator_and_denominator_and_coverage_says_so() {
        let one = score(&rubric(&[6.0, 2.0, -2.0]), &verdicts(&[Met, OPEN, OPEN]), 0.5);
        assert_eq!(one.value, Some(1.0));
        assert_eq!(one.coverage, 0.75);
        // Best: the other 2 points, no penalty. Worst: 6 - 2 of 8.
        assert_eq!((one.if_all_met, one.if_none_met), (1.0, 0.5));
    }

    #[test]
    fn below_the_minimum_coverage_there_is_no_score_but_bounds() {
        let one = score(&rubric(&[1.0, 9.0]), &verdicts(&[Met, OPEN]), 0.5);
        assert_eq!(one.value, None);
        assert!(one.undefined.unwrap().contains("coverage 0.100"));
        assert_eq!((one.if_all_met, one.if_none_met), (1.0, 0.1));
        let nothing = score(&rubric(&[1.0, 9.0]), &verdicts(&[OPEN, OPEN]), 0.0);
        assert_eq!((nothing.value, nothing.raw), (None, None));
        assert!(nothing.undefined.is_some());
    }

    #[test]
    fn a_cap_limits_and_a_penalty_gate_closes_when_the_penalty_is_met() {
        let mut criteria = vec![criterion("c0", 8.0), criterion("c1", -1.0)];
        criteria[1].gate = Some(Gate::Cap(0.5));
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
        let capped = score(&rubric, &verdicts(&[Met, Met]), 0.0);
        assert_eq!((capped.ungated, capped.value), (Some(0.875), Some(0.5)));
        assert_eq!(score(&rubric, &verdicts(&[Met, Unmet]), 0.0).value, Some(1.0));
    }

    #[test]
    fn sections_weigh_as_a_tree_and_an_undecided_section_leaves_the_sum() {
        let section = |title: &str, weight, ids: &[&str]| Section {
            title: title.to_owned(),
            weight,
            criteria: ids.iter().map(|id| CriterionId::parse(*id).unwrap()).collect(),
            sections: vec![],
        };
        let criteria = vec![criterion("c0", 1.0), criterion("c1", 3.0), criterion("c2", 1.0)];
        let sections = vec![section("numbers", 3.0, &["c0", "c1"]), section("style", 1.0, &["c2"])];
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections }).unwrap();
        // numbers: 1 of 4; style: 1 of 1 -> (3 * .25 + 1 * 1) / 4.
        assert_eq!(score(&rubric, &verdicts(&[Met, Unmet, Met]), 0.0).value, Some(0.4375));
        assert_eq!(score(&rubric, &verdicts(&[Met, Unmet, OPEN]), 0.0).value, Some(0.25));
    }

    #[test]
    fn levels_earn_their_own_points() {
        let criteria =
            vec![graded_criterion("c0", &[("poor", 0.0), ("fair", 2.0), ("good", 4.0)]), criterion("c1", 1.0)];
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
        let fair = Decision::Level { name: "fair".to_owned(), points: 2.0 };
        assert_eq!(score(&rubric, &verdicts(&[fair, Met]), 0.0).value, Some(0.6));
    }

    #[test]
    fn the_interval_holds_the_value_is_repeatable_and_is_not_given_for_too_little() {
        let rubric = rubric(&[1.0; 12]);
        let decided = verdicts(&(0..12).map(|i| if i % 3 == 0 { Unmet } else { Met }).collect::<Vec<_>>());
        let one = score(&rubric, &decided, 0.0);
        let interval_of = |seed| interval(&rubric, &decided, &one, seed).unwrap();
        let (a, b) = (interval_of(7), interval_of(7));
        assert_eq!(a, b);
        assert!(a.low < one.value.unwrap() && one.value.unwrap() < a.high, "{a:?}");
        let few = super::score(&super::tests::rubric(&[1.0; 4]), &decided[..4], 0.0);
        assert_eq!(interval(&super::tests::rubric(&[1.0; 4]), &decided[..4], &few, 7), None);
    }
}
