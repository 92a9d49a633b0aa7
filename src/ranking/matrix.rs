//! Who beat whom: for every pair of systems of a board how often the one won, with ties as half. Battles of one pair on
//! one task share one weight, as in the ratings; both_bad decides nothing and is counted apart.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::board::{Board, Fought};
use crate::domain::TaskId;
use crate::stats::rating::Outcome;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Matrix {
    /// In the order of the board.
    pub systems: Vec<String>,
    /// Pairs that met, the higher on the board first.
    pub pairs: Vec<PairResult>,
}

/// How one system fared against another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairResult {
    /// Indices into `systems`.
    pub pair: (usize, usize),
    /// Sums of weights.
    pub wins: f64,
    pub ties: f64,
    pub losses: f64,
    /// Battles, counted.
    pub both_bad: usize,
    /// Battles without a task are a task each.
    pub tasks: usize,
}

impl PairResult {
    /// The first one's wins, ties as half, of all that were decided; `None` where nothing was.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let all = self.wins + self.ties + self.losses;
        (all > 0.0).then(|| (self.wins + self.ties / 2.0) / all)
    }
}

impl Matrix {
    /// Of the systems at these places, the first one's share against the second.
    #[must_use]
    pub fn share(&self, row: usize, column: usize) -> Option<f64> {
        let find = |pair| self.pairs.iter().find(|one| one.pair == pair).and_then(PairResult::share);
        if row < column { find((row, column)) } else { find((column, row)).map(|share| 1.0 - share) }
    }
}

#[must_use]
pub fn matrix(board: &Board, fought: &[Fought]) -> Matrix {
    let systems: Vec<String> = board.rows.iter().map(|row| row.system.clone()).collect();
    let place: HashMap<&str, usize> = systems.iter().enumerate().map(|(i, system)| (system.as_str(), i)).collect();
    let pair_of = |battle: &Fought| {
        let (a, b) = (*place.get(battle.a.as_str())?, *place.get(battle.b.as_str())?);
        (a != b).then_some(((a.min(b), a.max(b)), a > b))
    };
    let mut meetings: HashMap<((usize, usize), &TaskId), f64> = HashMap::new();
    for battle in fought {
        if let (Some((pair, _)), Some(task)) = (pair_of(battle), &battle.task) {
            *meetings.entry((pair, task)).or_default() += 1.0;
        }
    }
    let mut pairs: HashMap<(usize, usize), (PairResult, BTreeSet<&TaskId>)> = HashMap::new();
    for battle in fought {
        let Some((pair, turned)) = pair_of(battle) else { continue };
        let empty = PairResult { pair, wins: 0.0, ties: 0.0, losses: 0.0, both_bad: 0, tasks: 0 };
        let (result, tasks) = pairs.entry(pair).or_insert_with(|| (empty, BTreeSet::new()));
        let weight = match &battle.task {
            Some(task) => {
                tasks.insert(task);
                1.0 / meetings[&(pair, task)]
            }
            None => {
                result.tasks += 1;
                1.0
            }
        };
        match (battle.outcome, turned) {
            (Outcome::A, false) | (Outcome::B, true) => result.wins += weight,
            (Outcome::B, false) | (Outcome::A, true) => result.losses += weight,
            (Outcome::Tie, _) => result.ties += weight,
            (Outcome::BothBad, _) => result.both_bad += 1,
        }
    }
    let mut pairs: Vec<PairResult> =
        pairs.into_values().map(|(result, tasks)| PairResult { tasks: result.tasks + tasks.len(), ..result }).collect();
    pairs.sort_by_key(|one| one.pair);
    Matrix { systems, pairs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SystemName;
    use crate::ranking::board::{Rules, battle_board};

    fn fought(a: &str, b: &str, outcome: Outcome, task: Option<&str>) -> Fought {
        let system = |name| SystemName::parse(name).unwrap();
        let task = task.map(|task| TaskId::parse(task).unwrap());
        Fought { a: system(a), b: system(b), outcome, task, imported: true, judge: None, longer: None }
    }

    #[test]
    fn battles_of_one_pair_on_one_task_count_once_whichever_stands_first() {
        let battles = [
            fought("x", "y", Outcome::A, Some("1")),
            fought("y", "x", Outcome::B, Some("1")),
            fought("y", "x", Outcome::Tie, Some("2")),
            fought("x", "y", Outcome::BothBad, Some("3")),
            fought("y", "x", Outcome::A, None),
            fought("y", "z", Outcome::A, None),
        ];
        let board = battle_board(None, &battles, 0, &Rules::default()).unwrap();
        let found = matrix(&board, &battles);
        let place = |name: &str| found.systems.iter().position(|system| system == name).unwrap();
        let (x, y, z) = (place("x"), place("y"), place("z"));
        let share = found.share(x, y).unwrap();
        // One win, one tie, one loss: half.
        assert!((share - 0.5).abs() < 1e-12, "{share}");
        assert_eq!(found.share(y, x).map(|s| (s * 1e9).round()), Some(0.5e9));
        assert_eq!(found.share(y, z), Some(1.0));
        assert_eq!(found.share(x, z), None, "they never met");
        let pair = found.pairs.iter().find(|one| one.pair == (x.min(y), x.max(y))).unwrap();
        assert_eq!((pair.both_bad, pair.tasks), (1, 4));
    }
}
