//! Online Elo: R += K (s - 1/(1 + 10^((R_j - R_i)/400))) after each battle, in the order given.
//!
//! For a live ticker only: the outcome depends on the order of the battles (the reference vectors hold the
//! same games forwards and backwards with different ratings), so there is no interval and no rank range.
//! A battle of weight w moves the ratings by w K. Both-bad battles are left out.

use super::{
    graph,
    table::{Battle, Ledger, Note, Outcome, Rating, RatingTable},
};
use crate::stats::NotEstimable;

/// Ratings after the last battle; `k` > 0 is the step, `initial` where everybody starts (1000 by custom).
///
/// # Errors
/// `k` or `initial` is not a number, or `k` is not positive.
pub fn elo_online(players: usize, battles: &[Battle], k: f64, initial: f64) -> Result<RatingTable, NotEstimable> {
    if !(k.is_finite() && k > 0.0 && initial.is_finite()) {
        let value = if k.is_finite() { k } else { -1.0 };
        return Err(NotEstimable::OutOfRange { what: "K", value, must: "more than 0, and the start finite" });
    }
    let mut ledger = Ledger::new(players, battles);
    let mut notes = ledger.notes();
    let mut now = vec![initial; players];
    for battle in ledger.rated.iter() {
        let score = match battle.outcome {
            Outcome::A => 1.0,
            Outcome::B => 0.0,
            Outcome::Tie | Outcome::BothBad => 0.5,
        };
        let expected = 1.0 / (1.0 + 10.0_f64.powf((now[battle.b] - now[battle.a]) / 400.0));
        let step = k * battle.weight * (score - expected);
        now[battle.a] += step;
        now[battle.b] -= step;
    }
    let groups = graph::groups(players, ledger.rated.iter().map(|battle| (battle.a, battle.b)));
    let played = groups.iter().filter(|group| group.len() > 1).count();
    if played > 1 {
        notes.push(Note::Disconnected { groups: played });
    }
    for (index, group) in groups.iter().enumerate() {
        for &player in group {
            let record = &mut ledger.records[player];
            record.group = index;
            if record.battles > 0 {
                record.rating = Ok(Rating {
                    value: now[player],
                    interval: Err(NotEstimable::OrderDependent),
                    rank_low: 1,
                    rank_high: group.len(),
                    regularised: false,
                });
            }
        }
    }
    let clusters = ledger.clusters();
    Ok(RatingTable {
        clusters,
        battles: ledger.rated.len(),
        dropped_both_bad: ledger.both_bad,
        groups,
        notes,
        method: "online elo",
        players: ledger.records,
    })
}
