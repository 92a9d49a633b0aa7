//! Battles in columns of a few bytes each, and the same grouped by task and pair.
//!
//! [`Battles`] keeps them as they came (ratings that run through time need the order); [`Meetings`] holds what
//! the ratings need: per task, each pair that met, and what was said of it. Several battles of one pair on one
//! task share a weight of 1: three judges on one pair are not three battles.

use std::collections::HashMap;

use super::table::{Battle, Outcome, PlayerRating};
use crate::stats::NotEstimable;

/// Battles in the order in which they were fought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Battles {
    pairs: Vec<[u16; 2]>,
    outcomes: Vec<Outcome>,
    /// [`ALONE`]: a task of its own.
    tasks: Vec<u32>,
    /// Empty while no battle names a judge; [`NOBODY`] where it names none.
    judges: Vec<u16>,
    /// `controls` numbers a battle: what the first has more of than the second.
    values: Vec<f32>,
    controls: usize,
}

const ALONE: u32 = u32::MAX;
const NOBODY: u16 = u16::MAX;

impl Battles {
    /// Systems that one set of battles can hold.
    pub const MOST_SYSTEMS: usize = u16::MAX as usize;

    /// `a` was shown first. A battle without a task is a task of its own.
    pub fn push(&mut self, a: u16, b: u16, outcome: Outcome, task: Option<u32>, judge: Option<u16>) {
        self.pairs.push([a, b]);
        self.outcomes.push(outcome);
        self.tasks.push(task.unwrap_or(ALONE));
        match judge {
            None if self.judges.is_empty() => {}
            judge => {
                self.judges.resize(self.pairs.len() - 1, NOBODY);
                self.judges.push(judge.unwrap_or(NOBODY));
            }
        }
    }

    /// What the system shown first has more of than the other (length, lists, ...), for the battle just pushed; every
    /// battle has as many numbers.
    ///
    /// # Errors
    /// If their number is not that of the battles before, or one is not finite.
    pub fn push_controls(&mut self, values: &[f32]) -> Result<(), NotEstimable> {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(NotEstimable::OutOfRange { what: "a control", value: -1.0, must: "a finite number" });
        }
        if self.values.is_empty() {
            self.controls = values.len();
        }
        if values.len() != self.controls || self.values.len() + values.len() != self.pairs.len() * self.controls {
            let (left, right) = (self.values.len() + values.len(), self.pairs.len() * self.controls);
            return Err(NotEstimable::LengthsDiffer { what: "controls and battles", left, right });
        }
        self.values.extend(values);
        Ok(())
    }

    /// Numbers a battle carries beside its outcome.
    #[must_use]
    pub fn controls(&self) -> usize {
        self.controls
    }

    pub(super) fn control_values(&self, at: usize) -> &[f32] {
        &self.values[at * self.controls..(at + 1) * self.controls]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Battles that name no task.
    #[must_use]
    pub fn alone(&self) -> usize {
        self.tasks.iter().filter(|task| **task == ALONE).count()
    }

    /// How many judges are named, and whether every battle names one.
    #[must_use]
    pub fn judges(&self) -> (usize, bool) {
        let named = self.judges.iter().filter(|judge| **judge != NOBODY).max().map_or(0, |most| usize::from(*most) + 1);
        (named, self.judges.len() == self.pairs.len() && !self.judges.contains(&NOBODY))
    }

    /// `(a, b, outcome, task, judge)` of battle `at`.
    #[must_use]
    pub fn get(&self, at: usize) -> (usize, usize, Outcome, Option<u32>, Option<u16>) {
        let [a, b] = self.pairs[at];
        let task = Some(self.tasks[at]).filter(|task| *task != ALONE);
        let judge = self.judges.get(at).copied().filter(|judge| *judge != NOBODY);
        (usize::from(a), usize::from(b), self.outcomes[at], task, judge)
    }

    pub(super) fn in_order(&self) -> impl Iterator<Item = (usize, usize, Outcome)> + '_ {
        let pairs = self.pairs.iter().map(|[a, b]| (usize::from(*a), usize::from(*b)));
        pairs.zip(&self.outcomes).map(|((a, b), outcome)| (a, b, *outcome))
    }
}

/// What was said of one pair on one task: shares of a weight of 1, seen from the system with the lower index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) struct Said {
    pub won: f64,
    pub lost: f64,
    pub tied: f64,
}

impl Said {
    const NOTHING: Self = Self { won: 0.0, lost: 0.0, tied: 0.0 };

    pub(in crate::stats) fn weight(self) -> f64 {
        self.won + self.lost + self.tied
    }

    /// A tie as half a win.
    pub(in crate::stats) fn half(self) -> f64 {
        self.won + self.tied / 2.0
    }

    pub(in crate::stats) fn turned(self) -> Self {
        Self { won: self.lost, lost: self.won, ..self }
    }

    fn add(&mut self, other: Self, times: f64) {
        self.won += times * other.won;
        self.lost += times * other.lost;
        self.tied += times * other.tied;
    }
}

/// One pair on one task; `i < j`; what was said is an index into the meetings' kinds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) struct Row {
    pub i: u16,
    pub j: u16,
    pub kind: u32,
}

impl Row {
    pub(in crate::stats) fn systems(self) -> (usize, usize) {
        (usize::from(self.i), usize::from(self.j))
    }
}

/// Grouped battles: rows in the order of their tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Meetings {
    pub(in crate::stats) systems: usize,
    pub(in crate::stats) rows: Vec<Row>,
    pub(in crate::stats) kinds: Vec<Said>,
    /// Task `t` has the rows `starts[t]..starts[t + 1]`.
    pub(in crate::stats) starts: Vec<u32>,
    /// Rated battles, counted, per system and in all.
    pub(super) fought: Vec<usize>,
    pub(super) battles: usize,
    pub(super) both_bad: Vec<usize>,
    pub(super) dropped_both_bad: usize,
    pub(super) ignored: usize,
    /// Variance of what was said if every verdict were independent, as a share of that of one verdict per unit of
    /// weight: a third where three judges share the weight of 1.
    pub(super) thinned: f64,
}

/// The index of a pair `i < j` in a triangle.
pub(in crate::stats) fn at(i: usize, j: usize) -> usize {
    j * (j - 1) / 2 + i
}

/// Counts of (pair, kind) up to this many are kept in one table.
const TABLE: usize = 1 << 25;

impl Meetings {
    fn empty(systems: usize) -> Self {
        let one = |won, lost, tied| Said { won, lost, tied };
        Self {
            systems,
            rows: Vec::new(),
            kinds: vec![one(1.0, 0.0, 0.0), one(0.0, 1.0, 0.0), one(0.0, 0.0, 1.0)],
            starts: vec![0],
            fought: vec![0; systems],
            battles: 0,
            both_bad: vec![0; systems],
            dropped_both_bad: 0,
            ignored: 0,
            thinned: 1.0,
        }
    }

    /// Whether a battle can be rated; counts what cannot.
    fn takes(&mut self, a: usize, b: usize, outcome: Outcome, weight: f64) -> bool {
        if a == b || a >= self.systems || b >= self.systems || !weight.is_finite() || weight == 0.0 {
            self.ignored += 1;
            return false;
        }
        if outcome == Outcome::BothBad {
            self.dropped_both_bad += 1;
            self.both_bad[a] += 1;
            self.both_bad[b] += 1;
            return false;
        }
        self.battles += 1;
        self.fought[a] += 1;
        self.fought[b] += 1;
        true
    }

    /// Groups battles by task and pair; those of one task and pair share a weight of 1. Tasks without a rated
    /// battle are none. Costs two passes, and eight bytes a battle.
    #[must_use]
    pub fn group(systems: usize, battles: &Battles) -> Self {
        let mut all = Self::empty(systems);
        let named = battles.tasks.iter().filter(|task| **task != ALONE).max().map_or(0, |most| *most as usize + 1);
        let mut next = vec![0_u32; named + 1];
        let mut lone = 0_u32;
        for at in 0..battles.len() {
            let [a, b] = battles.pairs[at].map(usize::from);
            if all.takes(a, b, battles.outcomes[at], 1.0) {
                match battles.tasks[at] {
                    ALONE => lone += 1,
                    task => next[task as usize + 1] += 1,
                }
            }
        }
        (0..named).for_each(|task| next[task + 1] += next[task]);
        let starts = next.clone();
        let mut rows = vec![Row { i: 0, j: 0, kind: 0 }; (starts[named] + lone) as usize];
        let mut end = starts[named];
        for at in 0..battles.len() {
            let ([a, b], outcome) = (battles.pairs[at], battles.outcomes[at]);
            if a == b || usize::from(a.max(b)) >= systems || outcome == Outcome::BothBad {
                continue;
            }
            let kind = match outcome {
                Outcome::Tie | Outcome::BothBad => 2,
                Outcome::A => u32::from(a > b),
                Outcome::B => u32::from(a < b),
            };
            let place = match battles.tasks[at] {
                ALONE => &mut end,
                task => &mut next[task as usize],
            };
            rows[*place as usize] = Row { i: a.min(b), j: a.max(b), kind };
            *place += 1;
        }
        all.share(rows, &starts);
        all
    }

    /// Lets battles of one pair on one task share a weight, and closes the gaps.
    fn share(&mut self, mut rows: Vec<Row>, starts: &[u32]) {
        let n = self.systems;
        let mut seen: Vec<u32> = if n <= 2_048 { vec![u32::MAX; n * n] } else { Vec::new() };
        let mut known: HashMap<[u32; 3], u32> = HashMap::new();
        let mut kept = 0;
        self.starts = Vec::with_capacity(starts.len());
        self.starts.push(0);
        let (named, lone) = (starts.len() - 1, rows.len() - starts.last().map_or(0, |end| *end as usize));
        for task in 0..named {
            let (from, to) = (starts[task] as usize, starts[task + 1] as usize);
            if from == to {
                continue;
            }
            let own = task as u32;
            let repeats = to - from > 1
                && (seen.is_empty()
                    || rows[from..to].iter().fold(false, |found, row| {
                        let (i, j) = row.systems();
                        std::mem::replace(&mut seen[i * n + j], own) == own || found
                    }));
            if repeats {
                rows[from..to].sort_unstable_by_key(|row| (row.i, row.j, row.kind));
                let mut at = from;
                while at < to {
                    let first = rows[at];
                    let mut counts = [0_u32; 3];
                    while at < to && (rows[at].i, rows[at].j) == (first.i, first.j) {
                        counts[rows[at].kind as usize] += 1;
                        at += 1;
                    }
                    rows[kept] = Row { kind: self.kind_of(counts, &mut known), ..first };
                    kept += 1;
                }
            } else {
                rows.copy_within(from..to, kept);
                kept += to - from;
            }
            self.starts.push(kept as u32);
        }
        let from = rows.len() - lone;
        rows.copy_within(from.., kept);
        self.starts.extend((0..lone).map(|at| (kept + at) as u32 + 1));
        rows.truncate(kept + lone);
        self.thinned = rows.len() as f64 / self.battles.max(1) as f64;
        self.rows = rows;
    }

    fn kind_of(&mut self, counts: [u32; 3], known: &mut HashMap<[u32; 3], u32>) -> u32 {
        let all = f64::from(counts.iter().sum::<u32>());
        if let Some(only) = counts.iter().position(|count| f64::from(*count) == all) {
            return only as u32;
        }
        *known.entry(counts).or_insert_with(|| {
            let [won, lost, tied] = counts.map(|count| f64::from(count) / all);
            self.kinds.push(Said { won, lost, tied });
            self.kinds.len() as u32 - 1
        })
    }

    /// Battles with weights of their own (negative ones correct others): nothing is shared.
    #[must_use]
    pub fn weighted(systems: usize, battles: &[Battle]) -> Self {
        let mut all = Self::empty(systems);
        let mut known: HashMap<(u64, u32), u32> = HashMap::new();
        let mut rows: Vec<(usize, Row)> = Vec::with_capacity(battles.len());
        let (mut sum, mut squares) = (0.0, 0.0);
        for battle in battles {
            let Battle { a, b, outcome, cluster, weight } = *battle;
            if a.max(b) > Battles::MOST_SYSTEMS || !all.takes(a, b, outcome, weight) {
                continue;
            }
            sum += weight;
            squares += weight * weight;
            let plain = match outcome {
                Outcome::Tie | Outcome::BothBad => 2,
                Outcome::A => u32::from(a > b),
                Outcome::B => u32::from(a < b),
            };
            let kind = if weight == 1.0 {
                plain
            } else {
                *known.entry((weight.to_bits(), plain)).or_insert_with(|| {
                    let mut said = Said::NOTHING;
                    said.add(all.kinds[plain as usize], weight);
                    all.kinds.push(said);
                    all.kinds.len() as u32 - 1
                })
            };
            rows.push((cluster, Row { i: a.min(b) as u16, j: a.max(b) as u16, kind }));
        }
        if sum > 0.0 && squares < sum {
            all.thinned = squares / sum;
        }
        rows.sort_by_key(|(cluster, _)| *cluster);
        for same in rows.chunk_by(|a, b| a.0 == b.0) {
            all.rows.extend(same.iter().map(|(_, row)| *row));
            all.starts.push(all.rows.len() as u32);
        }
        all
    }

    /// Tasks with at least one rated battle.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rated battles.
    #[must_use]
    pub fn battles(&self) -> usize {
        self.battles
    }

    #[must_use]
    pub fn systems(&self) -> usize {
        self.systems
    }

    pub(in crate::stats) fn by_task(&self) -> impl Iterator<Item = &[Row]> + '_ {
        self.starts.windows(2).map(|ends| &self.rows[ends[0] as usize..ends[1] as usize])
    }

    pub(in crate::stats) fn said(&self, row: Row) -> Said {
        self.kinds[row.kind as usize]
    }

    /// Only these tasks.
    #[must_use]
    pub fn tasks_where(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut own = Self { kinds: self.kinds.clone(), thinned: self.thinned, ..Self::empty(self.systems) };
        for (_, task) in self.by_task().enumerate().filter(|(at, _)| keep(*at)) {
            own.rows.extend(task);
            own.starts.push(own.rows.len() as u32);
            for row in task {
                let (i, j) = row.systems();
                own.fought[i] += 1;
                own.fought[j] += 1;
            }
            own.battles += task.len();
        }
        own
    }

    /// Rows of any weights, one list per task.
    pub(super) fn of_rows(systems: usize, tasks: impl Iterator<Item = Vec<(usize, usize, Said)>>) -> Self {
        let mut own = Self::empty(systems);
        let mut known: HashMap<[u64; 3], u32> = HashMap::new();
        for task in tasks.filter(|task| !task.is_empty()) {
            for (i, j, said) in task {
                let kind = *known.entry([said.won, said.lost, said.tied].map(f64::to_bits)).or_insert_with(|| {
                    own.kinds.push(said);
                    own.kinds.len() as u32 - 1
                });
                own.rows.push(Row { i: i as u16, j: j as u16, kind });
                own.battles += 1;
                own.fought[i] += 1;
                own.fought[j] += 1;
            }
            own.starts.push(own.rows.len() as u32);
        }
        own
    }

    /// Only these systems (ascending), under new indices; tasks without them are none.
    pub(super) fn only(&self, members: &[usize]) -> Self {
        let mut local = vec![u16::MAX; self.systems];
        members.iter().enumerate().for_each(|(at, system)| local[*system] = at as u16);
        let mut own = Self { kinds: self.kinds.clone(), thinned: self.thinned, ..Self::empty(members.len()) };
        for task in self.by_task() {
            let before = own.rows.len();
            own.rows.extend(task.iter().filter_map(|row| {
                let (i, j) = (local[usize::from(row.i)], local[usize::from(row.j)]);
                (i != u16::MAX && j != u16::MAX).then_some(Row { i, j, kind: row.kind })
            }));
            if own.rows.len() > before {
                own.starts.push(own.rows.len() as u32);
            }
        }
        own.fought = members.iter().map(|system| self.fought[*system]).collect();
        own
    }

    /// Whether (pair, kind) counts fit into one table.
    pub(in crate::stats) fn is_tabular(&self) -> bool {
        self.systems * self.systems.saturating_sub(1) / 2 * self.kinds.len() <= TABLE
    }

    /// What was said of each pair in all, `times` being how often each task counts (every one once without).
    pub(in crate::stats) fn totals(&self, times: Option<&[u32]>) -> Vec<Total> {
        if !self.is_tabular() {
            return self.totals_by_map(times);
        }
        let (n, kinds) = (self.systems, self.kinds.len());
        let mut counts = vec![0_u32; n * n.saturating_sub(1) / 2 * kinds];
        let place = |row: &Row| {
            let (i, j) = row.systems();
            at(i, j) * kinds + row.kind as usize
        };
        match times {
            None => self.rows.iter().for_each(|row| counts[place(row)] += 1),
            Some(times) => {
                for (task, times) in self.by_task().zip(times).filter(|(_, times)| **times > 0) {
                    task.iter().for_each(|row| counts[place(row)] += times);
                }
            }
        }
        let mut totals = Vec::with_capacity(n * n.saturating_sub(1) / 2);
        let mut cells = counts.chunks(kinds);
        for j in 0..n {
            for i in 0..j {
                let Some(cell) = cells.next() else { break };
                if cell.iter().all(|count| *count == 0) {
                    continue;
                }
                let mut said = Said::NOTHING;
                cell.iter().zip(&self.kinds).for_each(|(count, kind)| said.add(*kind, f64::from(*count)));
                totals.push(Total { i, j, said });
            }
        }
        totals
    }

    fn totals_by_map(&self, times: Option<&[u32]>) -> Vec<Total> {
        let mut sums: HashMap<(u16, u16), Said> = HashMap::new();
        for (at, task) in self.by_task().enumerate() {
            let times = times.map_or(1.0, |times| f64::from(times[at]));
            if times > 0.0 {
                for row in task {
                    sums.entry((row.i, row.j)).or_insert(Said::NOTHING).add(self.said(*row), times);
                }
            }
        }
        let mut totals: Vec<Total> =
            sums.into_iter().map(|((i, j), said)| Total { i: usize::from(i), j: usize::from(j), said }).collect();
        totals.sort_unstable_by_key(|total| (total.j, total.i));
        totals
    }

    /// Each system's record, not yet rated.
    pub(super) fn records(&self, totals: &[Total]) -> Vec<PlayerRating> {
        let mut records: Vec<PlayerRating> = (0..self.systems)
            .map(|player| PlayerRating {
                player,
                rating: Err(NotEstimable::NoBattles),
                battles: self.fought[player],
                wins: 0.0,
                ties: 0.0,
                losses: 0.0,
                both_bad: self.both_bad[player],
                group: 0,
            })
            .collect();
        for Total { i, j, said } in totals {
            for (system, said) in [(*i, *said), (*j, said.turned())] {
                records[system].wins += said.won;
                records[system].losses += said.lost;
                records[system].ties += said.tied;
            }
        }
        records
    }
}

/// What was said of a pair `i < j` in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) struct Total {
    pub i: usize,
    pub j: usize,
    pub said: Said,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(rows: &[(u16, u16, Outcome, Option<u32>)]) -> Battles {
        let mut battles = Battles::default();
        rows.iter().for_each(|(a, b, outcome, task)| battles.push(*a, *b, *outcome, *task, None));
        battles
    }

    #[test]
    fn battles_of_one_pair_on_one_task_share_one_weight_whoever_stands_first() {
        let battles = some(&[
            (0, 1, Outcome::A, Some(7)),
            (2, 1, Outcome::Tie, Some(7)),
            (1, 0, Outcome::A, Some(7)),
            (0, 1, Outcome::A, Some(7)),
            (0, 1, Outcome::B, None),
        ]);
        let meetings = Meetings::group(3, &battles);
        assert_eq!((meetings.tasks(), meetings.battles(), meetings.rows.len()), (2, 5, 3));
        let totals = meetings.totals(None);
        assert_eq!((totals[0].i, totals[0].j), (0, 1));
        let said = totals[0].said;
        assert!((said.won - 2.0 / 3.0).abs() < 1e-15 && (said.lost - 4.0 / 3.0).abs() < 1e-15, "{said:?}");
        assert_eq!(totals[1].said, Said { won: 0.0, lost: 0.0, tied: 1.0 });
    }

    #[test]
    fn both_bad_and_senseless_battles_are_counted_and_enter_nothing() {
        let battles = some(&[(0, 1, Outcome::BothBad, Some(0)), (1, 1, Outcome::A, Some(1)), (0, 9, Outcome::A, None)]);
        let meetings = Meetings::group(2, &battles);
        assert_eq!((meetings.tasks(), meetings.battles(), meetings.dropped_both_bad, meetings.ignored), (0, 0, 1, 2));
        assert!(meetings.totals(None).is_empty());
    }

    #[test]
    fn grouped_and_weighted_battles_are_the_same_and_so_are_both_ways_of_counting() {
        let mut battles = Battles::default();
        let mut plain = Vec::new();
        for k in 0..200_u32 {
            let (a, b) = ((k % 5) as u16, ((k / 5 + k % 5 + 1) % 5) as u16);
            if a == b {
                continue;
            }
            let outcome = [Outcome::A, Outcome::B, Outcome::Tie][(k * 7 % 11 % 3) as usize];
            battles.push(a, b, outcome, Some(k), None);
            plain.push(Battle { a: a.into(), b: b.into(), outcome, cluster: k as usize, weight: 1.0 });
        }
        let (grouped, weighted) = (Meetings::group(5, &battles), Meetings::weighted(5, &plain));
        assert_eq!(grouped, weighted);
        assert_eq!(grouped.totals(None), grouped.totals_by_map(None));
        let times: Vec<u32> = (0..grouped.tasks() as u32).map(|task| task % 3).collect();
        assert_eq!(grouped.totals(Some(&times)), grouped.totals_by_map(Some(&times)));
    }
}
