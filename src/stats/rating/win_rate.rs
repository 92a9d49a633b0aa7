//! Win rate: the share of wins, a tie counting half. Simple and honest only when all meet the same
//! opponents; otherwise use Bradley-Terry.
//!
//! Interval: clustered by task (CR1, t(G-1), clipped to 0..1); Wilson where each task has one battle of
//! weight 1, and where nothing varies (all won), with the tasks as trials.
//! Ranks are read from the intervals (Arena): worse than all whose low end lies above one's high end.

use super::{
    graph,
    table::{Battle, Bounds, Ledger, Note, Outcome, Rating, RatingTable},
};
use crate::stats::{
    NotEstimable,
    interval::{student_t_quantile, wilson},
};

/// Ratings in 0..=1.
#[must_use]
pub fn win_rate(players: usize, battles: &[Battle], level: f64) -> RatingTable {
    let mut ledger = Ledger::new(players, battles);
    let mut notes = ledger.notes();
    let groups = graph::groups(players, ledger.rated.iter().map(|battle| (battle.a, battle.b)));
    if groups.iter().filter(|group| group.len() > 1).count() > 1 {
        notes.push(Note::Disconnected { groups: groups.iter().filter(|group| group.len() > 1).count() });
    }
    let mut seen: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); players];
    for battle in ledger.rated.iter() {
        let score = match battle.outcome {
            Outcome::A => 1.0,
            Outcome::B => 0.0,
            Outcome::Tie | Outcome::BothBad => 0.5,
        };
        seen[battle.a].push((battle.cluster, score, battle.weight));
        seen[battle.b].push((battle.cluster, 1.0 - score, battle.weight));
    }
    for (index, group) in groups.iter().enumerate() {
        for &player in group {
            ledger.records[player].group = index;
            if seen[player].is_empty() {
                continue;
            }
            let (value, interval) = share(&mut seen[player], level);
            ledger.records[player].rating =
                Ok(Rating { value, interval, rank_low: 1, rank_high: group.len(), regularised: false });
        }
        rank(&mut ledger.records, group);
    }
    RatingTable {
        clusters: ledger.clusters(),
        battles: ledger.rated.len(),
        dropped_both_bad: ledger.both_bad,
        groups,
        notes,
        method: "win rate",
        players: ledger.records,
    }
}

fn share(own: &mut [(usize, f64, f64)], level: f64) -> (f64, Result<Bounds, NotEstimable>) {
    own.sort_by_key(|entry| entry.0);
    let weight: f64 = own.iter().map(|entry| entry.2).sum();
    let value = own.iter().map(|entry| entry.1 * entry.2).sum::<f64>() / weight;
    let clusters: Vec<&[(usize, f64, f64)]> = own.chunk_by(|a, b| a.0 == b.0).collect();
    let found = clusters.len();
    let by_wilson = || {
        let trials = found as f64;
        wilson((value * trials).min(trials), trials, level).map(|i| Bounds {
            low: Some(i.low),
            high: Some(i.high),
            level,
            method: "wilson over tasks",
        })
    };
    if own.iter().all(|entry| entry.2 == 1.0) && found == own.len() {
        return (value, by_wilson());
    }
    if found < 2 {
        return (value, Err(NotEstimable::TooFewClusters { found, needed: 2 }));
    }
    let squares: f64 =
        clusters.iter().map(|c| c.iter().map(|entry| entry.2 * (entry.1 - value)).sum::<f64>().powi(2)).sum();
    let se = squares.sqrt() / weight * (found as f64 / (found as f64 - 1.0)).sqrt();
    if se < 1e-12 {
        return (value, by_wilson());
    }
    let bounds = NotEstimable::check_level(level)
        .and_then(|()| student_t_quantile(0.5 + level / 2.0, found as f64 - 1.0))
        .map(|t| Bounds {
            low: Some((value - t * se).max(0.0)),
            high: Some((value + t * se).min(1.0)),
            level,
            method: "cluster CR1, t(G-1)",
        });
    (value, bounds)
}

fn rank(records: &mut [super::PlayerRating], group: &[usize]) {
    let ends: Vec<Option<(f64, f64)>> = group
        .iter()
        .map(|player| {
            let bounds = records[*player].rating.as_ref().ok()?.interval.as_ref().ok()?;
            Some((bounds.low?, bounds.high?))
        })
        .collect();
    for (own, &player) in ends.iter().zip(group) {
        let Some((low, high)) = own else { continue };
        let above = ends.iter().flatten().filter(|other| other.0 > *high).count();
        let below = ends.iter().flatten().filter(|other| other.1 < *low).count();
        if let Ok(rating) = &mut records[player].rating {
            rating.rank_low = 1 + above;
            rating.rank_high = group.len() - below;
        }
    }
}
