//! What would the ratings be if humans had judged every battle? Bradley-Terry with prediction-powered correction
//! (PPI++, Angelopoulos, Duchi & Zrnic 2023, for its estimating equation): judges' verdicts on all pairs, humans' on
//! some. Each pair with a human answer stands for N/n of all, and takes away what the judges said there, so weights
//! are signed: won = lambda (1 - N/n) f + (N/n) y, in all lambda + (1 - lambda) N/n, never negative.
//!
//! lambda (0 = humans only, 1 = full correction) is the one of eleven with the smallest variance over the group. The
//! interval is the task-clustered sandwich of that equation. **Valid only if the pairs shown to humans were drawn at
//! random**; with fewer than 30 of them there is no correction.

use std::collections::BTreeMap;

use super::{
    bradley_terry::{BtOptions, bradley_terry_of},
    columns::{Battles, Meetings, Said},
    table::{Outcome, RatingTable, Scale},
};
use crate::stats::{NotEstimable, SMALL_SAMPLE};

#[derive(Debug, Clone, PartialEq)]
pub struct HumanCorrected {
    pub table: RatingTable,
    /// Judges alone and humans alone, for the eye.
    pub judges_only: RatingTable,
    pub humans_only: RatingTable,
    pub lambda: f64,
    /// Pairs on tasks that judges saw, and those of them that a human saw too.
    pub pairs: usize,
    pub answered: usize,
}

/// A pair on a task: task, and the two systems in order.
type Key = (u64, usize, usize);

/// Shares of judges and of humans on one pair of one task.
type Both = [(f64, f64, f64); 2];

/// `is_human[judge]`; battles without a judge are the judges'.
///
/// # Errors
/// Fewer than 30 pairs that humans and judges saw, or no pair left that joins the systems.
pub fn human_corrected(
    systems: usize,
    battles: &Battles,
    is_human: &[bool],
    scale: Scale,
    options: BtOptions,
) -> Result<HumanCorrected, NotEstimable> {
    let mut said: BTreeMap<Key, Both> = BTreeMap::new();
    for at in 0..battles.len() {
        let (a, b, outcome, task, judge) = battles.get(at);
        if a == b || a.max(b) >= systems || outcome == Outcome::BothBad {
            continue;
        }
        let human = judge.and_then(|judge| is_human.get(usize::from(judge))).copied().unwrap_or(false);
        let task = task.map_or(u64::from(u32::MAX) + 1 + at as u64, u64::from);
        let own = &mut said.entry((task, a.min(b), a.max(b))).or_default()[usize::from(human)];
        match outcome {
            Outcome::Tie | Outcome::BothBad => own.2 += 1.0,
            Outcome::A if a < b => own.0 += 1.0,
            Outcome::B if a > b => own.0 += 1.0,
            Outcome::A | Outcome::B => own.1 += 1.0,
        }
    }
    let count = |own: (f64, f64, f64)| own.0 + own.1 + own.2;
    let shares = |own: (f64, f64, f64)| {
        let all = count(own);
        Said { won: own.0 / all, lost: own.1 / all, tied: own.2 / all }
    };
    // A pair that only humans saw teaches nothing about the judges.
    let both: Vec<(Key, Said, Option<Said>)> = said
        .iter()
        .filter(|(_, [judges, _])| count(*judges) > 0.0)
        .map(|(key, [judges, humans])| (*key, shares(*judges), (count(*humans) > 0.0).then(|| shares(*humans))))
        .collect();
    let (pairs, answered) = (both.len(), both.iter().filter(|own| own.2.is_some()).count());
    if answered < SMALL_SAMPLE {
        return Err(NotEstimable::TooFewLabels { found: answered, needed: SMALL_SAMPLE });
    }
    let stands_for = pairs as f64 / answered as f64;
    let rate = |judges: f64, humans: Option<f64>| {
        let tasks = both.chunk_by(|a, b| a.0.0 == b.0.0).map(|task| {
            task.iter()
                .filter_map(|((_, i, j), judge, human)| {
                    let mut own = weighed(*judge, judges);
                    if let (Some(human), Some(weight)) = (human, humans) {
                        own = added(own, added(weighed(*human, weight), weighed(*judge, -judges * weight)));
                    }
                    (own.weight() > 0.0).then_some((*i, *j, own))
                })
                .collect()
        });
        bradley_terry_of(&Meetings::of_rows(systems, tasks), scale, options)
    };
    let spread = |table: &RatingTable| -> Option<f64> {
        let group = table.groups.first()?;
        let rated = table.rated.first()?.as_ref()?.spread.as_ref().ok()?;
        Some((0..group.len()).map(|i| rated.covariance.at(i, i)).sum())
    };
    let (lambda, table) = (0..=10)
        .filter_map(|step| {
            let lambda = f64::from(step) / 10.0;
            let table = rate(lambda, Some(stands_for));
            Some((lambda, spread(&table)?, table))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(lambda, _, table)| (lambda, table))
        .ok_or(NotEstimable::Separated)?;
    Ok(HumanCorrected {
        table,
        judges_only: rate(1.0, None),
        humans_only: rate(0.0, Some(1.0)),
        lambda,
        pairs,
        answered,
    })
}

fn weighed(said: Said, weight: f64) -> Said {
    Said { won: weight * said.won, lost: weight * said.lost, tied: weight * said.tied }
}

fn added(a: Said, b: Said) -> Said {
    Said { won: a.won + b.won, lost: a.lost + b.lost, tied: a.tied + b.tied }
}
