//! Sums of audited items, such as the points of a grading's criteria: what judges say, what humans say, and the judges
//! corrected by the humans, side by side; and the same for the difference of two systems. Inverse probability weights as in
//! [`super::ipw_ppi`], for units that hold several items of different worth.
//!
//! - corrected: mean over units of `fixed + sum w (f + (y - f)/p)`; an item that judges could not decide takes their mean as
//!   `f`: any `f` will do, the human answers correct it;
//! - human only: `fixed + items per unit * sum(w y / p) / sum(1/p)` over the audited items (Hájek);
//! - judge only: mean of what the judges' units came to.
//!
//! Intervals: CR1 by cluster (task), t(clusters with answers - 1); none below [`super::LEAST_LABELS`] human answers.

use super::influence::{Influence, add, by_t, clusters, mean, variance};
use crate::stats::{Estimate, NotEstimable};

/// One item of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// What one point of it is worth in its unit.
    pub weight: f64,
    pub judge: Option<f64>,
    /// In (0, 1]: how likely a human's answer to it was; `None` if nobody knows.
    pub probability: Option<f64>,
    pub human: Option<f64>,
}

/// What is averaged: an item by itself, or a grading with its criteria.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditedUnit {
    /// Its task.
    pub cluster: usize,
    /// What the judges made of it.
    pub judged: Option<f64>,
    /// What needs no judge.
    pub fixed: f64,
    pub parts: Vec<Part>,
}

type Figure = Result<Estimate, NotEstimable>;

/// Side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreeWays {
    pub judge_only: Figure,
    pub human_only: Figure,
    pub corrected: Figure,
}

/// A value with what each cluster adds to its error.
struct Linear {
    value: f64,
    influence: Influence,
    clusters: usize,
    labels: Option<usize>,
    n: usize,
    missing: usize,
}

/// Mean over the units.
#[must_use]
pub fn audited(units: &[AuditedUnit], level: f64) -> ThreeWays {
    let of = |part: Result<Linear, NotEstimable>, method| estimate(part?, method, level);
    ThreeWays {
        judge_only: of(judge_only(units), "judge mean, uncorrected"),
        human_only: of(human_only(units), "human mean, weighted by the odds of being asked"),
        corrected: of(corrected(units), "ipw-ppi mean, by task"),
    }
}

/// `one - other`. Clusters of one number are one task, and what both share of it cancels.
#[must_use]
pub fn audited_difference(one: &[AuditedUnit], other: &[AuditedUnit], level: f64) -> ThreeWays {
    let of = |way: fn(&[AuditedUnit]) -> Result<Linear, NotEstimable>, method| {
        let (one, other) = (way(one)?, way(other)?);
        let mut influence = one.influence;
        other.influence.into_iter().for_each(|(cluster, own)| *influence.entry(cluster).or_default() -= own);
        let labels = one.labels.zip(other.labels).map(|(one, other)| one.min(other));
        let less = Linear {
            value: one.value - other.value,
            influence,
            clusters: one.clusters.min(other.clusters),
            labels,
            n: one.n + other.n,
            missing: one.missing + other.missing,
        };
        estimate(less, method, level)
    };
    ThreeWays {
        judge_only: of(judge_only, "judge difference, uncorrected"),
        human_only: of(human_only, "human difference, weighted by the odds of being asked"),
        corrected: of(corrected, "ipw-ppi difference, by task"),
    }
}

fn estimate(own: Linear, method: &'static str, level: f64) -> Figure {
    NotEstimable::check_level(level)?;
    if !own.value.is_finite() {
        return Err(NotEstimable::OutOfRange { what: "a value", value: -1.0, must: "a finite number" });
    }
    let interval =
        variance(&own.influence).and_then(|variance| by_t(own.value, variance, own.clusters, own.labels, level));
    Ok(Estimate { value: own.value, interval, n: own.n, missing: own.missing, method })
}

fn judge_only(units: &[AuditedUnit]) -> Result<Linear, NotEstimable> {
    let judged: Vec<(usize, f64)> = units.iter().filter_map(|unit| Some((unit.cluster, unit.judged?))).collect();
    if judged.is_empty() {
        return Err(NotEstimable::NoData);
    }
    let mut influence = Influence::new();
    add(&mut influence, &judged, 1.0 / judged.len() as f64);
    let missing = units.len() - judged.len();
    let clusters = clusters(judged.iter());
    Ok(Linear { value: mean(&judged), influence, clusters, labels: None, n: judged.len(), missing })
}

/// The human's answer with the probability of having it.
fn answer(part: &Part) -> Result<Option<(f64, f64)>, NotEstimable> {
    match (part.human, part.probability) {
        (_, Some(p)) if !(p > 0.0 && p <= 1.0) => {
            let value = if p.is_finite() { p } else { -1.0 };
            Err(NotEstimable::OutOfRange { what: "an audit probability", value, must: "above 0, at most 1" })
        }
        (Some(human), Some(p)) => Ok(Some((human, p))),
        _ => Ok(None),
    }
}

/// All answers with cluster, weight and probability.
fn answers(units: &[AuditedUnit]) -> Result<Vec<(usize, f64, f64, f64)>, NotEstimable> {
    let mut found = Vec::new();
    for unit in units {
        for part in &unit.parts {
            if let Some((human, p)) = answer(part)? {
                found.push((unit.cluster, part.weight, human, p));
            }
        }
    }
    if found.is_empty() { Err(NotEstimable::TooFewLabels { found: 0, needed: 1 }) } else { Ok(found) }
}

fn human_only(units: &[AuditedUnit]) -> Result<Linear, NotEstimable> {
    let answers = answers(units)?;
    let items: usize = units.iter().map(|unit| unit.parts.len()).sum();
    uncovered(units)?;
    let fixed: Vec<(usize, f64)> = units.iter().map(|unit| (unit.cluster, unit.fixed)).collect();
    let per_unit = items as f64 / units.len() as f64;
    let stands_for: f64 = answers.iter().map(|(.., p)| 1.0 / p).sum();
    let ratio = answers.iter().map(|(_, weight, human, p)| weight * human / p).sum::<f64>() / stands_for;
    let mut influence = Influence::new();
    add(&mut influence, &fixed, 1.0 / units.len() as f64);
    for (cluster, weight, human, p) in &answers {
        *influence.entry(*cluster).or_default() += per_unit * (weight * human - ratio) / p / stands_for;
    }
    let heard: Vec<(usize, f64)> = answers.iter().map(|(cluster, _, human, _)| (*cluster, *human)).collect();
    Ok(Linear {
        value: mean(&fixed) + per_unit * ratio,
        influence,
        clusters: clusters(heard.iter()),
        labels: Some(answers.len()),
        n: answers.len(),
        missing: items - answers.len(),
    })
}

fn uncovered(units: &[AuditedUnit]) -> Result<(), NotEstimable> {
    let parts = units.iter().flat_map(|unit| &unit.parts);
    let items = parts.filter(|part| part.probability.is_none() && part.human.is_none()).count();
    if items > 0 { Err(NotEstimable::NoProbability { items }) } else { Ok(()) }
}

fn corrected(units: &[AuditedUnit]) -> Result<Linear, NotEstimable> {
    let answers = answers(units)?;
    uncovered(units)?;
    let known: Vec<f64> = units.iter().flat_map(|unit| &unit.parts).filter_map(|part| part.judge).collect();
    let otherwise = if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let mut sums = Vec::with_capacity(units.len());
    let mut items = 0;
    for unit in units {
        let mut sum = unit.fixed;
        for part in &unit.parts {
            items += 1;
            let judge = part.judge.unwrap_or(otherwise);
            sum += part.weight * (judge + answer(part)?.map_or(0.0, |(human, p)| (human - judge) / p));
        }
        sums.push((unit.cluster, sum));
    }
    let mut influence = Influence::new();
    add(&mut influence, &sums, 1.0 / sums.len() as f64);
    let heard: Vec<(usize, f64)> = answers.iter().map(|(cluster, _, human, _)| (*cluster, *human)).collect();
    Ok(Linear {
        value: mean(&sums),
        influence,
        clusters: clusters(heard.iter()),
        labels: Some(answers.len()),
        n: answers.len(),
        missing: items - answers.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::correction::{Audited, ipw_ppi};
    use crate::stats::interval::{below, round_rng};

    /// Items of tasks of four; the judge is lenient; where judges split a human is asked for certain, else one in five.
    fn world(seed: u64, tasks: usize, met: usize) -> (Vec<AuditedUnit>, f64) {
        let mut rng = round_rng(seed, 0);
        let mut truth = 0.0;
        let units: Vec<AuditedUnit> = (0..tasks * 4)
            .map(|at| {
                let human = f64::from(u8::from(below(&mut rng, 100) < met));
                let split = below(&mut rng, 100) < 20;
                let judge = if below(&mut rng, 100) < 85 { human } else { 1.0 };
                let p = if split { 1.0 } else { 0.2 };
                let asked = split || below(&mut rng, 5) == 0;
                truth += human / (tasks * 4) as f64;
                let part =
                    Part { weight: 1.0, judge: Some(judge), probability: Some(p), human: asked.then_some(human) };
                AuditedUnit { cluster: at / 4, judged: Some(judge), fixed: 0.0, parts: vec![part] }
            })
            .collect();
        (units, truth)
    }

    #[test]
    fn of_single_items_it_is_ipw_ppi() {
        let (units, _) = world(1, 100, 50);
        let items: Vec<Audited> = units
            .iter()
            .map(|unit| Audited {
                judge: unit.parts[0].judge.unwrap(),
                probability: unit.parts[0].probability,
                human: unit.parts[0].human,
                cluster: unit.cluster,
            })
            .collect();
        let (own, theirs) = (audited(&units, 0.95).corrected.unwrap(), ipw_ppi(&items, 0.95).unwrap().estimate);
        assert!((own.value - theirs.value).abs() < 1e-12);
        let (own, theirs) = (own.interval.unwrap(), theirs.interval.unwrap());
        assert!((own.low - theirs.low).abs() < 1e-12 && (own.high - theirs.high).abs() < 1e-12);
    }

    #[test]
    fn the_corrected_interval_holds_the_truth_where_the_judges_does_not() {
        let (mut held, mut judge_held, runs) = (0, 0, 200);
        for seed in 0..runs {
            let (units, truth) = world(seed, 150, 50);
            let found = audited(&units, 0.95);
            held += usize::from(found.corrected.unwrap().interval.unwrap().contains(truth));
            judge_held += usize::from(found.judge_only.unwrap().interval.unwrap().contains(truth));
            assert!((found.human_only.unwrap().value - truth).abs() < 0.2);
        }
        // About the realised share, so rather more than 95 %.
        assert!(held >= 185, "{held} of {runs}");
        assert!(judge_held < 60, "{judge_held} of {runs}");
    }

    #[test]
    fn the_worth_of_items_and_what_is_fixed_add_up() {
        let part = |weight: f64, human: f64| Part { weight, judge: None, probability: Some(1.0), human: Some(human) };
        let units: Vec<AuditedUnit> = (0..4)
            .map(|cluster| AuditedUnit {
                cluster,
                judged: None,
                fixed: 0.25,
                parts: vec![part(0.5, 1.0), part(0.25, f64::from(u8::from(cluster > 1)))],
            })
            .collect();
        // 0.25 + 0.5 + 0.25 · 1/2, whichever way.
        let found = audited(&units, 0.95);
        assert!((found.corrected.unwrap().value - 0.875).abs() < 1e-12);
        assert!((found.human_only.unwrap().value - 0.875).abs() < 1e-12);
        assert_eq!(found.judge_only, Err(NotEstimable::NoData));
    }

    #[test]
    fn two_systems_are_compared_task_by_task_and_a_system_with_itself_does_not_differ() {
        let ((one, true_one), (other, true_other)) = (world(5, 200, 70), world(6, 200, 40));
        let found = audited_difference(&one, &other, 0.95).corrected.unwrap();
        assert!(found.interval.clone().unwrap().contains(true_one - true_other), "{found:?}");
        let same = audited_difference(&one, &one, 0.95).corrected.unwrap();
        assert_eq!((same.value, same.interval), (0.0, Err(NotEstimable::NoSpread)));
    }

    #[test]
    fn an_item_that_nobody_could_have_been_asked_about_is_refused_by_name() {
        let (mut units, _) = world(1, 100, 50);
        units[3].parts[0] = Part { probability: None, human: None, ..units[3].parts[0] };
        let found = audited(&units, 0.95);
        assert_eq!(found.corrected, Err(NotEstimable::NoProbability { items: 1 }));
        assert_eq!(found.human_only, Err(NotEstimable::NoProbability { items: 1 }));
        assert!(found.judge_only.is_ok());
        assert_eq!(audited(&[], 0.95).corrected, Err(NotEstimable::TooFewLabels { found: 0, needed: 1 }));
    }
}
