//! Verdicts become a score, by the published formulas that JUDGING's golden vectors pin down.
//!
//! `raw = Σ awarded / Σ positive points` over the criteria that have a verdict; `value = clamp(raw, 0, 1)`
//! after gates. Inconclusive criteria leave numerator and denominator, and `coverage` says so. A rubric of
//! penalties only starts from 1 and loses `Σ awarded / Σ |points|`. A rubric with sections is a tree ([`tree`]).
//! A rubric with a formula is that formula of what its criteria earned; it has a value only if every criterion
//! it names has a verdict. Bounds show what the inconclusive could still change.

mod process;
mod several;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

pub use process::{FailingStep, Process, process};
pub use several::all_pass;
pub use tags::{PartScore, by_section, by_tag};

use std::collections::HashMap;

use crate::domain::{
    Criterion, CriterionId, Decision, Formula, Gate, GateEffect, Rubric, Score, ScoreInterval, Scoring, Verdict,
};
use crate::stats::interval::bootstrap_percentile;

/// The score of a whole rubric from its verdicts (in any order; a criterion without one is inconclusive).
#[must_use]
pub fn score(rubric: &Rubric, verdicts: &[Verdict], min_coverage: f64) -> Score {
    let earned = earned_by(rubric, verdicts);
    let total = Total::of(rubric, &earned);
    let gates = closed_gates(rubric, &earned);
    let ungated = total.raw.as_ref().ok().copied().map(clamp);
    let below = total.coverage + 1e-12 < min_coverage;
    let value = if below { None } else { ungated.map(|ungated| gate(ungated, &gates)) };
    let undefined = match (&total.raw, below) {
        (Err(why), _) => Some(why.clone()),
        (Ok(_), true) => Some(format!(
            "coverage {:.3} is below the panel's minimum {min_coverage}: too many criteria are inconclusive",
            total.coverage
        )),
        _ => None,
    };
    let (if_none_met, if_all_met) = bounds(rubric, &earned);
    Score {
        value,
        raw: total.raw.ok(),
        ungated,
        awarded: total.awarded,
        positive: total.positive,
        coverage: total.coverage,
        gates,
        if_all_met,
        if_none_met,
        undefined,
    }
}

/// Points that each criterion earned, in the rubric's order; `None` without a verdict.
fn earned_by(rubric: &Rubric, verdicts: &[Verdict]) -> Vec<Option<f64>> {
    let mut decisions: HashMap<&CriterionId, &Decision> = HashMap::with_capacity(verdicts.len());
    for verdict in verdicts {
        decisions.entry(&verdict.criterion_id).or_insert(&verdict.decision);
    }
    rubric.criteria().iter().map(|c| earned(c, decisions.get(&c.id).copied())).collect()
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
    /// Or why there is none.
    raw: Result<f64, String>,
}

impl Total {
    fn of(rubric: &Rubric, earned: &[Option<f64>]) -> Self {
        let Sums { awarded, positive, coverage } = Sums::of(rubric.criteria().iter().zip(earned));
        Self { awarded, positive, coverage, raw: raw(rubric, earned) }
    }
}

/// The score before clamp and gates, or why there is none.
fn raw(rubric: &Rubric, earned: &[Option<f64>]) -> Result<f64, String> {
    let undecided = || "no criterion that carries points has a verdict".to_owned();
    match rubric.scoring() {
        Scoring::Formula(formula) => {
            let by_name = by_name(rubric, earned);
            formula.value(|name| by_name.get(name).copied().flatten()).map_err(|error| not_computed(formula, &error))
        }
        Scoring::Points if !rubric.sections().is_empty() => tree::score(rubric, earned).ok_or_else(undecided),
        Scoring::Points => {
            let decided = rubric.criteria().iter().zip(earned).filter_map(|(c, earned)| Some((c.points, (*earned)?)));
            ratio(decided).ok_or_else(undecided)
        }
    }
}

fn by_name<'a, T: Copy>(rubric: &'a Rubric, values: &[T]) -> HashMap<&'a str, T> {
    rubric.criteria().iter().map(|c| c.id.as_str()).zip(values.iter().copied()).collect()
}

fn not_computed(formula: &Formula, error: &crate::domain::NotComputed) -> String {
    format!("the formula `{}` has no value: {error}", formula.as_str())
}

/// What criteria add up to, whatever the rubric makes of it.
struct Sums {
    awarded: f64,
    /// Positive points that have a verdict.
    positive: f64,
    /// Share of the positive points (of the penalties, where there are no others) that has a verdict.
    coverage: f64,
}

impl Sums {
    fn of<'a>(pairs: impl Iterator<Item = (&'a Criterion, &'a Option<f64>)>) -> Self {
        let (mut awarded, mut positive, mut decided_penalties) = (0.0, 0.0, 0.0);
        let (mut all_positive, mut all_penalties) = (0.0, 0.0);
        for (criterion, earned) in pairs {
            let (merit, penalty) = (criterion.points.max(0.0), -criterion.points.min(0.0));
            all_positive += merit;
            all_penalties += penalty;
            if let Some(earned) = earned {
                awarded += earned;
                positive += merit;
                decided_penalties += penalty;
            }
        }
        // Without positive points the share is taken of the penalties.
        let coverage = if all_positive > 0.0 {
            positive / all_positive
        } else {
            decided_penalties / all_penalties.max(f64::MIN_POSITIVE)
        };
        Self { awarded, positive, coverage }
    }
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

/// A gate closes when its criterion is not met; a penalty's when it is met. On a scale it closes at the lowest
/// level, and at every level that earns nothing or costs points (ACE's hurdles).
fn closed_gates(rubric: &Rubric, earned: &[Option<f64>]) -> Vec<GateEffect> {
    let mut closed = Vec::new();
    for (criterion, earned) in rubric.criteria().iter().zip(earned) {
        let (Some(gate), Some(earned)) = (criterion.gate, *earned) else { continue };
        let failed = if criterion.is_penalty() {
            earned < 0.0
        } else {
            let lowest = criterion.levels.iter().map(|level| level.points).fold(f64::INFINITY, f64::min);
            earned <= if lowest.is_finite() { lowest.max(0.0) } else { 0.0 }
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

/// The score if everything inconclusive turned out worst, and best.
fn bounds(rubric: &Rubric, earned: &[Option<f64>]) -> (f64, f64) {
    let filled = |fill: fn(&Criterion) -> f64| -> Vec<Option<f64>> {
        rubric.criteria().iter().zip(earned).map(|(c, earned)| earned.or_else(|| Some(fill(c)))).collect()
    };
    let (low, high) = (filled(worst), filled(best));
    let (least, most) = match rubric.scoring() {
        // A formula may fall where a criterion rises, so both ends are asked for together.
        Scoring::Formula(formula) => {
            let ends: Vec<(f64, f64)> =
                low.iter().zip(&high).map(|(a, b)| (a.unwrap_or_default(), b.unwrap_or_default())).collect();
            let by_name = by_name(rubric, &ends);
            formula.bounds(|name| by_name.get(name).copied()).unwrap_or((0.0, 1.0))
        }
        Scoring::Points => (raw(rubric, &low).unwrap_or(0.0), raw(rubric, &high).unwrap_or(0.0)),
    };
    (gate(clamp(least), &closed_gates(rubric, &low)), gate(clamp(most), &closed_gates(rubric, &high)))
}

/// The score's interval when the criteria are taken as a sample of what could have been asked: percentile
/// bootstrap over criteria, seeded by the caller so that the same grading always shows the same interval.
/// `None` below five decided criteria (resampling fewer says nothing), with sections, a formula, or a closed
/// gate, where the score is no mean over criteria.
#[must_use]
pub fn interval(rubric: &Rubric, verdicts: &[Verdict], score: &Score, seed: u64) -> Option<ScoreInterval> {
    const ROUNDS: usize = 1_000;
    const LEVEL: f64 = 0.95;
    score.value?;
    if !rubric.sections().is_empty() || !rubric.scoring().is_points() || !score.gates.is_empty() {
        return None;
    }
    let earned = earned_by(rubric, verdicts);
    let decided: Vec<(f64, f64)> =
        rubric.criteria().iter().zip(earned).filter_map(|(c, earned)| Some((c.points, earned?))).collect();
    if decided.len() < 5 {
        return None;
    }
    let of = |drawn: &[usize]| ratio(drawn.iter().map(|i| decided[*i])).map(clamp);
    let found = bootstrap_percentile(decided.len(), ROUNDS, seed, LEVEL, of).ok()?;
    Some(ScoreInterval { low: found.low, high: found.high, level: LEVEL, method: "bootstrap over criteria".to_owned() })
}
