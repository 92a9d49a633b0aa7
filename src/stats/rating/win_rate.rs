//! Win rate: the share of wins, a tie counting half. Simple and honest only when all meet the same
//! opponents; otherwise use Bradley-Terry. And wins-or-ties: the share of battles against one system that were won
//! or tied (GDPval's figure against the human expert), which compares all with the same opponent by construction.
//!
//! Interval: clustered by task (CR1, t(G-1), clipped to 0..1); Wilson where each task has one battle of
//! weight 1, and where nothing varies (all won), with the tasks as trials.
//! Ranks are read from the intervals (Arena): worse than all whose low end lies above one's high end.

use super::{
    columns::{Meetings, Said},
    table::{Battle, Bounds, PlayerRating, Rating, RatingTable, blank},
};
use crate::stats::{
    NotEstimable,
    interval::{student_t_quantile, wilson},
};

/// Ratings in 0..=1.
#[must_use]
pub fn win_rate(players: usize, battles: &[Battle], level: f64) -> RatingTable {
    win_rate_of(&Meetings::weighted(players, battles), level)
}

/// The same of battles that are grouped already.
#[must_use]
pub fn win_rate_of(meetings: &Meetings, level: f64) -> RatingTable {
    let mut table = blank(meetings, &meetings.totals(None), "win rate");
    let shares = shares(meetings, None, Said::half);
    for group in table.groups.clone() {
        for &player in &group {
            if shares[player].tasks > 0 {
                table.players[player].rating = Ok(shares[player].rating(level, group.len()));
            }
        }
        rank(&mut table.players, &group);
    }
    table
}

/// Per system, the share of its battles against `opponent` that it won or tied; the opponent itself has none.
#[must_use]
pub fn wins_or_ties(meetings: &Meetings, opponent: usize, level: f64) -> RatingTable {
    let mut table = blank(meetings, &meetings.totals(None), "wins or ties");
    let shares = shares(meetings, Some(opponent), |said| said.won + said.tied);
    let met: Vec<usize> =
        (0..meetings.systems).filter(|player| *player != opponent && shares[*player].tasks > 0).collect();
    for (player, record) in table.players.iter_mut().enumerate() {
        let own = &shares[player];
        record.group = usize::from(!met.contains(&player));
        record.battles = own.count;
        (record.wins, record.ties, record.losses) = (own.said.won, own.said.tied, own.said.lost);
        if met.contains(&player) {
            record.rating = Ok(own.rating(level, met.len()));
        } else {
            record.rating = Err(NotEstimable::NotConnected);
        }
    }
    rank(&mut table.players, &met);
    let rest = (0..meetings.systems).filter(|player| !met.contains(player)).collect();
    (table.groups, table.rated) = (vec![met, rest], vec![None, None]);
    table.notes.retain(|note| !matches!(note, super::Note::Disconnected { .. }));
    table
}

/// Sums over the tasks of one system: of weight, of score, and of their products.
#[derive(Debug, Clone, Copy)]
struct Share {
    tasks: usize,
    rows: usize,
    count: usize,
    even: bool,
    weight: f64,
    score: f64,
    squares: [f64; 3],
    said: Said,
}

impl Share {
    fn rating(&self, level: f64, systems: usize) -> Rating {
        let (value, interval) = self.share(level);
        Rating { value, interval, rank_low: 1, rank_high: systems, regularised: false }
    }

    fn share(&self, level: f64) -> (f64, Result<Bounds, NotEstimable>) {
        let (value, found) = (self.score / self.weight, self.tasks);
        let by_wilson = || {
            let trials = found as f64;
            wilson((value * trials).min(trials), trials, level).map(|i| Bounds {
                low: Some(i.low),
                high: Some(i.high),
                level,
                method: "wilson over tasks",
            })
        };
        if self.even && self.rows == found {
            return (value, by_wilson());
        }
        if found < 2 {
            return (value, Err(NotEstimable::TooFewClusters { found, needed: 2 }));
        }
        let [ss, sw, ww] = self.squares;
        let squares = (ss - 2.0 * value * sw + value * value * ww).max(0.0);
        let se = squares.sqrt() / self.weight * (found as f64 / (found as f64 - 1.0)).sqrt();
        // Below what rounding leaves of a sum without any variation.
        if se < 1e-7 / (found as f64).sqrt() {
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
}

/// `against`: only battles with this system.
fn shares(meetings: &Meetings, against: Option<usize>, score: impl Fn(Said) -> f64) -> Vec<Share> {
    let nothing = Said { won: 0.0, lost: 0.0, tied: 0.0 };
    let none =
        Share { tasks: 0, rows: 0, count: 0, even: true, weight: 0.0, score: 0.0, squares: [0.0; 3], said: nothing };
    let mut all = vec![none; meetings.systems];
    let (mut now, mut touched) = (vec![(0.0, 0.0); meetings.systems], Vec::new());
    for task in meetings.by_task() {
        for row in task {
            let ((i, j), said) = (row.systems(), meetings.said(*row));
            for (system, other, said) in [(i, j, said), (j, i, said.turned())] {
                if against.is_some_and(|against| against != other) {
                    continue;
                }
                if now[system] == (0.0, 0.0) {
                    touched.push(system);
                }
                let weight = said.weight();
                now[system].0 += weight;
                now[system].1 += score(said);
                let own = &mut all[system];
                own.rows += 1;
                own.count += 1;
                own.even &= weight == 1.0 && (said.won.fract(), said.tied.fract()) == (0.0, 0.0);
                own.said.won += said.won;
                own.said.lost += said.lost;
                own.said.tied += said.tied;
            }
        }
        for system in touched.drain(..) {
            let (weight, score) = std::mem::take(&mut now[system]);
            let own = &mut all[system];
            own.tasks += 1;
            own.weight += weight;
            own.score += score;
            own.squares.iter_mut().zip([score * score, score * weight, weight * weight]).for_each(|(sum, x)| *sum += x);
        }
    }
    all
}

fn rank(records: &mut [PlayerRating], group: &[usize]) {
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
