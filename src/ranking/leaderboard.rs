//! Which system is better, by how much, how sure. Two kinds of material, never mixed: battles (judged side by
//! side here, or imported; the board says how many of each) for `bradley_terry` and `win_rate`, and scores of
//! gradings for `score`. Tasks are the clusters of every interval.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::domain::{
    Battle, Comparison, ComparisonState, Grading, JudgeName, PanelName, Preference, RubricId, Status, SystemName, Task,
    TaskId,
};
use crate::refusal::Refusal;
use crate::stats::rating::{self, BtInterval, BtOptions, Note, Outcome, RatingTable, Scale};
use crate::store::{ProjectStore, Query};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    BradleyTerry,
    WinRate,
    Score,
}

impl Method {
    /// # Errors
    /// Tells what this version has from what nobody has.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "bradley_terry" => Ok(Self::BradleyTerry),
            "win_rate" => Ok(Self::WinRate),
            "score" => Ok(Self::Score),
            "davidson" | "elo" | "newman" => Err(Refusal::Unsupported {
                detail: format!("method `{text}` is not part of this version; use bradley_terry, win_rate or score"),
            }),
            _ => Err(Refusal::invalid(
                "/method",
                format!("method {text:?} is not known; use bradley_terry, win_rate or score"),
            )),
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BradleyTerry => "bradley_terry",
            Self::WinRate => "win_rate",
            Self::Score => "score",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    Sector,
    Occupation,
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub method: Method,
    pub by: Option<Slice>,
    pub anchor: Option<SystemName>,
    pub anchor_rating: f64,
    pub with_overrides: bool,
    pub judge: Option<JudgeName>,
    pub panel: Option<PanelName>,
    pub rubric_id: Option<RubricId>,
    pub level: f64,
    pub rounds: usize,
    pub seed: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            method: Method::BradleyTerry,
            by: None,
            anchor: None,
            anchor_rating: 1000.0,
            with_overrides: true,
            judge: None,
            panel: None,
            rubric_id: None,
            level: 0.95,
            rounds: 1_000,
            seed: 0,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Leaderboard {
    pub method: &'static str,
    pub overrides: &'static str,
    /// One board, or one per sector or occupation.
    pub boards: Vec<Board>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Board {
    /// The sector or occupation; `null` for all.
    pub slice: Option<String>,
    /// Best first; systems that cannot be compared stand in different groups.
    pub rows: Vec<Row>,
    pub tasks: usize,
    pub battles: usize,
    pub judged: usize,
    pub imported: usize,
    pub both_bad: usize,
    pub inconclusive: usize,
    /// What a reader must know, in words.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub system: String,
    /// Elo scale for `bradley_terry`, 0..1 for the others; `null` with the reason in `undefined`.
    pub rating: Option<f64>,
    pub interval: Option<RowInterval>,
    pub undefined: Option<String>,
    /// Best and worst rank that the data leave open, inside its group.
    pub rank: Option<(usize, usize)>,
    /// Battles or graded tasks.
    pub n: usize,
    pub wins: Option<f64>,
    pub ties: Option<f64>,
    pub losses: Option<f64>,
    /// Systems of different groups were never compared, directly or through others.
    pub group: usize,
    /// Held finite by a prior: the data alone set no bound on one side.
    pub regularised: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct RowInterval {
    /// `null` = the data set no bound on this side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: f64,
    pub method: String,
}

/// One battle with what it may be sorted by.
#[derive(Debug, Clone, PartialEq)]
pub struct Fought {
    pub a: SystemName,
    pub b: SystemName,
    pub outcome: Outcome,
    /// `None`: not known; then it stands alone.
    pub task: Option<TaskId>,
    pub imported: bool,
}

/// # Errors
/// If the store cannot, or the anchor is no system of the board.
pub async fn leaderboard(project: &ProjectStore, wanted: &Wanted) -> Result<Leaderboard, Refusal> {
    let tasks: HashMap<TaskId, Task> =
        project.all::<Task>(Query::default()).await?.into_iter().map(|task| (task.id.clone(), task)).collect();
    let slice_of = |task: Option<&TaskId>| -> Option<String> {
        let task = tasks.get(task?)?;
        match wanted.by? {
            Slice::Sector => task.sector.clone(),
            Slice::Occupation => task.occupation.clone(),
        }
    };
    let boards = match wanted.method {
        Method::Score => {
            let graded = graded(project, wanted).await?;
            let mut slices: BTreeMap<Option<String>, Vec<&Graded>> = BTreeMap::new();
            for one in &graded.scores {
                slices.entry(slice_of(one.task.as_ref())).or_default().push(one);
            }
            slices.into_iter().map(|(slice, scores)| score_board(slice, &scores, &graded.notes, wanted)).collect()
        }
        Method::BradleyTerry | Method::WinRate => {
            let (fought, inconclusive) = battles(project, wanted).await?;
            let mut slices: BTreeMap<Option<String>, Vec<Fought>> = BTreeMap::new();
            for battle in fought {
                slices.entry(slice_of(battle.task.as_ref())).or_default().push(battle);
            }
            let mut boards = Vec::new();
            for (slice, fought) in slices {
                boards.push(battle_board(slice, &fought, inconclusive, wanted)?);
            }
            boards
        }
    };
    let overrides = if wanted.with_overrides { "with" } else { "without" };
    Ok(Leaderboard { method: wanted.method.as_str(), overrides, boards })
}

async fn battles(project: &ProjectStore, wanted: &Wanted) -> Result<(Vec<Fought>, usize), Refusal> {
    let mut fought = Vec::new();
    let mut inconclusive = 0;
    for comparison in project.all::<Comparison>(Query::default()).await? {
        let ComparisonState::Judged { result, .. } = &comparison.state else { continue };
        if wanted.panel.as_ref().is_some_and(|panel| *panel != comparison.panel.name) {
            continue;
        }
        let outcome = match &wanted.judge {
            None => result.outcome,
            Some(judge) => result.judges.iter().find(|one| one.judge == *judge).and_then(|one| one.outcome),
        };
        match outcome {
            Some(outcome) => fought.push(Fought {
                a: comparison.system_a,
                b: comparison.system_b,
                outcome: in_stats(outcome),
                task: Some(comparison.task_id),
                imported: false,
            }),
            None => inconclusive += 1,
        }
    }
    if wanted.panel.is_none() {
        for battle in project.all::<Battle>(Query::default()).await? {
            if wanted.judge.as_ref().is_some_and(|judge| battle.judge.as_deref() != Some(judge.as_str())) {
                continue;
            }
            let Battle { model_a, model_b, winner, task_id, .. } = battle;
            fought.push(Fought { a: model_a, b: model_b, outcome: in_stats(winner), task: task_id, imported: true });
        }
    }
    Ok((fought, inconclusive))
}

fn in_stats(preference: Preference) -> Outcome {
    match preference {
        Preference::A => Outcome::A,
        Preference::B => Outcome::B,
        Preference::Tie => Outcome::Tie,
        Preference::BothBad => Outcome::BothBad,
    }
}

/// Rates battles. Also for files, without a store.
///
/// # Errors
/// If the anchor is no system of the board.
pub fn battle_board(
    slice: Option<String>,
    fought: &[Fought],
    inconclusive: usize,
    wanted: &Wanted,
) -> Result<Board, Refusal> {
    let mut systems: Vec<&SystemName> = fought.iter().flat_map(|battle| [&battle.a, &battle.b]).collect();
    systems.sort();
    systems.dedup();
    let index: HashMap<&SystemName, usize> = systems.iter().enumerate().map(|(i, system)| (*system, i)).collect();
    let mut clusters: HashMap<&TaskId, usize> = HashMap::new();
    let mut alone = 0usize;
    let mut rated = Vec::with_capacity(fought.len());
    // Several battles of the same pair on the same task share one weight: a pair that was judged often is
    // not more pairs.
    let mut meetings: HashMap<(usize, usize, &TaskId), f64> = HashMap::new();
    for battle in fought {
        if let Some(task) = &battle.task {
            let (a, b) = (index[&battle.a], index[&battle.b]);
            *meetings.entry((a.min(b), a.max(b), task)).or_default() += 1.0;
        }
    }
    for battle in fought {
        let (a, b) = (index[&battle.a], index[&battle.b]);
        let (cluster, weight) = match &battle.task {
            Some(task) => {
                let next = clusters.len();
                (*clusters.entry(task).or_insert(next), 1.0 / meetings[&(a.min(b), a.max(b), task)])
            }
            None => {
                alone += 1;
                (usize::MAX - alone, 1.0)
            }
        };
        rated.push(rating::Battle { a, b, outcome: battle.outcome, cluster, weight });
    }
    let anchor = match &wanted.anchor {
        None => None,
        Some(name) => Some(*index.get(name).ok_or_else(|| {
            let known = systems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Refusal::invalid("/anchor", format!("system `{name}` has no battle; there are: {known}"))
        })?),
    };
    let table = match wanted.method {
        Method::WinRate => rating::win_rate(systems.len(), &rated, wanted.level),
        _ => {
            let interval = BtInterval::TaskBootstrap { rounds: wanted.rounds, seed: wanted.seed };
            let scale = Scale { anchor, anchor_rating: wanted.anchor_rating };
            rating::bradley_terry(systems.len(), &rated, scale, BtOptions { interval, level: wanted.level })
        }
    };
    let mut notes: Vec<String> = table.notes.iter().map(|note| in_words(note, &table, &systems)).collect();
    if alone > 0 {
        notes.push(format!("{alone} battles name no task and count as a task each: intervals may be too narrow"));
    }
    let (judged, imported) =
        (fought.iter().filter(|b| !b.imported).count(), fought.iter().filter(|b| b.imported).count());
    if judged > 0 && imported > 0 {
        notes.push(format!("{judged} battles were judged here and {imported} imported; choose with panel= or judge="));
    }
    if inconclusive > 0 && slice.is_none() {
        notes.push(format!("{inconclusive} comparisons are inconclusive and not counted"));
    }
    Ok(Board {
        slice,
        rows: rows(&table, &systems),
        tasks: table.clusters,
        battles: table.battles,
        judged,
        imported,
        both_bad: table.dropped_both_bad,
        inconclusive,
        notes,
    })
}

fn rows(table: &RatingTable, systems: &[&SystemName]) -> Vec<Row> {
    let mut rows: Vec<Row> = table
        .players
        .iter()
        .map(|player| {
            let rating = player.rating.as_ref().ok();
            let interval = rating.map(|rating| &rating.interval);
            Row {
                system: systems[player.player].to_string(),
                rating: rating.map(|rating| rating.value),
                interval: interval.and_then(|interval| interval.as_ref().ok()).map(|bounds| RowInterval {
                    low: bounds.low,
                    high: bounds.high,
                    level: bounds.level,
                    method: bounds.method.to_owned(),
                }),
                undefined: match (&player.rating, interval) {
                    (Err(why), _) | (_, Some(Err(why))) => Some(why.to_string()),
                    _ => None,
                },
                rank: rating.map(|rating| (rating.rank_low, rating.rank_high)),
                n: player.battles,
                wins: Some(player.wins),
                ties: Some(player.ties),
                losses: Some(player.losses),
                group: player.group,
                regularised: rating.is_some_and(|rating| rating.regularised),
            }
        })
        .collect();
    best_first(&mut rows);
    rows
}

fn best_first(rows: &mut [Row]) {
    let value = |row: &Row| row.rating.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| a.group.cmp(&b.group).then(value(b).total_cmp(&value(a))).then(a.system.cmp(&b.system)));
}

/// The room of statistics knows players and groups by number; a reader knows systems by name.
fn in_words(note: &Note, table: &RatingTable, systems: &[&SystemName]) -> String {
    let played = table.groups.iter().filter(|group| group.len() > 1).count();
    let group = |index: usize| {
        let names = table.groups.get(index).into_iter().flatten().map(|player| systems[*player].as_str());
        let names: Vec<&str> = names.collect();
        if played > 1 { format!("among {}: ", names.join(", ")) } else { String::new() }
    };
    match note {
        Note::Unbeaten { player } => {
            format!("`{}` is unbeaten: how much better it is has no upper bound", systems[*player])
        }
        Note::Winless { player } => {
            format!("`{}` has not won: how much worse it is has no lower bound", systems[*player])
        }
        Note::BothBadExcluded { battles } => {
            format!(
                "{} judged both bad: that says nothing about who is better and is left out",
                count(*battles, "battle")
            )
        }
        Note::FewClusters { group: index, clusters } => {
            format!("{}the ratings rest on {} only: their intervals are rough", group(*index), count(*clusters, "task"))
        }
        Note::ResamplesRegularised { group: index, rounds } => {
            format!(
                "{}{} of the bootstrap had no finite estimate and were held finite by a prior",
                group(*index),
                count(*rounds, "round")
            )
        }
        Note::Disconnected { groups } => {
            format!(
                "the systems fall into {groups} groups that never met: ratings of different groups cannot be compared"
            )
        }
        other => other.to_string(),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// One system's score on one task.
struct Graded {
    system: SystemName,
    task: Option<TaskId>,
    submission: crate::domain::SubmissionId,
    score: f64,
}

struct AllGraded {
    scores: Vec<Graded>,
    notes: Vec<String>,
}

async fn graded(project: &ProjectStore, wanted: &Wanted) -> Result<AllGraded, Refusal> {
    if wanted.judge.is_some() {
        return Err(Refusal::Unsupported {
            detail: "a score board of one judge is not part of this version; leave `judge` out or use bradley_terry"
                .to_owned(),
        });
    }
    let mut panels = std::collections::BTreeSet::new();
    let (mut without, mut unsettled) = (0usize, 0usize);
    // The newest grading of a submission by a panel and a rubric stands for it.
    let mut newest: BTreeMap<(crate::domain::SubmissionId, PanelName, RubricId), Grading> = BTreeMap::new();
    for grading in project.all::<Grading>(Query::default()).await? {
        if wanted.panel.as_ref().is_some_and(|panel| *panel != grading.panel.name)
            || wanted.rubric_id.is_some_and(|id| id != grading.rubric.id)
        {
            continue;
        }
        if !matches!(grading.status(), Status::Completed | Status::AwaitingReview | Status::Partial) {
            unsettled += usize::from(!grading.status().is_settled());
            continue;
        }
        let key = (grading.submission_id, grading.panel.name.clone(), grading.rubric.id);
        match newest.get(&key) {
            Some(known) if known.id > grading.id => {}
            _ => {
                newest.insert(key, grading);
            }
        }
    }
    let mut scores = Vec::new();
    for grading in newest.into_values() {
        let Some(result) = grading.result() else { continue };
        panels.insert(grading.panel.name.to_string());
        let value = if wanted.with_overrides { result.score.value } else { result.score_without_overrides };
        match value {
            Some(score) => scores.push(Graded {
                system: grading.system.clone(),
                task: grading.task_id.clone(),
                submission: grading.submission_id,
                score,
            }),
            None => without += 1,
        }
    }
    let mut notes = Vec::new();
    if panels.len() > 1 {
        let names = panels.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!("gradings of several panels ({names}) are averaged; choose one with panel="));
    }
    if without > 0 {
        notes.push(format!("{without} gradings have no score (coverage below the minimum) and are not counted"));
    }
    if unsettled > 0 {
        notes.push(format!("{unsettled} gradings are still running and not counted"));
    }
    Ok(AllGraded { scores, notes })
}

/// The ranks that the intervals leave open: a system stands behind those whose interval lies wholly above its own.
/// Intervals of single systems are a rough guide to a difference, and err on the side of "not told apart".
fn rank_by_intervals(rows: &mut [Row]) {
    let bounds: Vec<Option<(f64, f64)>> =
        rows.iter().map(|row| row.interval.as_ref().and_then(|i| Some((i.low?, i.high?)))).collect();
    let all = bounds.iter().flatten().count();
    for (row, own) in rows.iter_mut().zip(&bounds) {
        row.rank = own.map(|(low, high)| {
            let above = bounds.iter().flatten().filter(|other| other.0 > high).count();
            let below = bounds.iter().flatten().filter(|other| other.1 < low).count();
            (1 + above, all - below)
        });
    }
}

fn score_board(slice: Option<String>, scores: &[&Graded], notes: &[String], wanted: &Wanted) -> Board {
    let mut systems: Vec<&SystemName> = scores.iter().map(|one| &one.system).collect();
    systems.sort();
    systems.dedup();
    let mut clusters: HashMap<String, usize> = HashMap::new();
    let mut by_system: Vec<Vec<(f64, usize)>> = vec![Vec::new(); systems.len()];
    for one in scores {
        // A submission without a task is a cluster of its own.
        let task = one.task.as_ref().map_or_else(|| one.submission.to_string(), ToString::to_string);
        let next = clusters.len();
        let cluster = *clusters.entry(task).or_insert(next);
        if let Ok(at) = systems.binary_search(&&one.system) {
            by_system[at].push((one.score, cluster));
        }
    }
    let means = rating::mean_score(&by_system, wanted.level);
    let mut rows: Vec<Row> = systems
        .iter()
        .zip(&means)
        .zip(&by_system)
        .map(|((system, mean), own)| Row {
            system: system.to_string(),
            rating: mean.as_ref().ok().map(|mean| mean.value),
            interval: mean.as_ref().ok().and_then(|mean| mean.interval.as_ref().ok()).map(|interval| RowInterval {
                // A mean of shares of points cannot leave 0..1.
                low: Some(interval.low.max(0.0)),
                high: Some(interval.high.min(1.0)),
                level: interval.level,
                method: interval.method.to_owned(),
            }),
            undefined: match mean {
                Err(why) => Some(why.to_string()),
                Ok(mean) => mean.interval.as_ref().err().map(ToString::to_string),
            },
            rank: None,
            n: own.len(),
            wins: None,
            ties: None,
            losses: None,
            group: 0,
            regularised: false,
        })
        .collect();
    best_first(&mut rows);
    rank_by_intervals(&mut rows);
    let mut notes = notes.to_vec();
    let uneven = by_system.iter().any(|own| own.len() != by_system[0].len());
    if uneven {
        notes.push(
            "systems were graded on different numbers of tasks: part of a difference may be the tasks'".to_owned(),
        );
    }
    Board {
        slice,
        rows,
        tasks: clusters.len(),
        battles: 0,
        judged: 0,
        imported: 0,
        both_bad: 0,
        inconclusive: 0,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fought(a: &str, b: &str, outcome: Outcome, task: &str) -> Fought {
        let system = |name| SystemName::parse(name).unwrap();
        Fought { a: system(a), b: system(b), outcome, task: Some(TaskId::parse(task).unwrap()), imported: true }
    }

    fn board(fought: &[Fought]) -> Board {
        battle_board(None, fought, 0, &Wanted::default()).unwrap()
    }

    #[test]
    fn an_unbeaten_system_is_not_rated_three_and_a_half_thousand() {
        let battles: Vec<Fought> = (0..12)
            .flat_map(|t| {
                [
                    fought("best", "x", Outcome::A, &t.to_string()),
                    fought("x", "y", if t % 2 == 0 { Outcome::A } else { Outcome::B }, &t.to_string()),
                ]
            })
            .collect();
        let board = board(&battles);
        let best = &board.rows[0];
        assert_eq!(best.system, "best");
        assert!(best.regularised && best.rating.unwrap() < 2_000.0, "{best:?}");
        assert_eq!(best.interval.as_ref().unwrap().high, None);
        assert!(board.notes.iter().any(|note| note.contains("`best` is unbeaten")), "{:?}", board.notes);
    }

    #[test]
    fn three_judges_on_one_pair_of_one_task_are_one_battle() {
        let once: Vec<Fought> =
            (0..8).map(|t| fought("a", "b", if t < 5 { Outcome::A } else { Outcome::B }, &t.to_string())).collect();
        let thrice: Vec<Fought> = once.iter().flat_map(|battle| std::iter::repeat_n(battle.clone(), 3)).collect();
        let (one, three) = (board(&once), board(&thrice));
        let width = |board: &Board| {
            let interval = board.rows[0].interval.clone().unwrap();
            interval.high.unwrap() - interval.low.unwrap()
        };
        assert!((one.rows[0].rating.unwrap() - three.rows[0].rating.unwrap()).abs() < 1e-6);
        assert!(width(&three) > width(&one) * 0.95, "{} against {}", width(&three), width(&one));
    }

    #[test]
    fn groups_that_never_met_are_not_ranked_against_each_other() {
        let mut battles: Vec<Fought> = Vec::new();
        for task in 0..6 {
            let outcome = if task % 2 == 0 { Outcome::A } else { Outcome::B };
            battles.push(fought("a", "b", outcome, &task.to_string()));
            battles.push(fought("x", "y", outcome, &task.to_string()));
        }
        let board = board(&battles);
        let group = |system: &str| board.rows.iter().find(|row| row.system == system).unwrap().group;
        assert_eq!(group("a"), group("b"));
        assert_ne!(group("a"), group("x"));
    }

    #[test]
    fn both_bad_is_counted_and_is_no_evidence_of_equality() {
        let battles = [fought("a", "b", Outcome::BothBad, "1"), fought("a", "b", Outcome::BothBad, "2")];
        let board = board(&battles);
        assert_eq!(board.both_bad, 2);
        assert!(board.rows.iter().all(|row| row.rating.is_none() && row.undefined.is_some()), "{:?}", board.rows);
    }
}
