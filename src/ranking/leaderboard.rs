//! Which system is better, by how much, how sure. Two kinds of material, never mixed: battles (judged side by
//! side here, or imported; the board says how many of each) for `bradley_terry` and `win_rate`, and scores of
//! gradings for `score`. Tasks are the clusters of every interval.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

pub use super::board::{Board, Fought, Method, Row, RowInterval, Rules};
use super::board::{battle_board, best_first};
use crate::domain::{
    Battle, Comparison, ComparisonState, Grading, JudgeName, PanelName, Preference, RubricId, Status, SystemName, Task,
    TaskId,
};
use crate::refusal::Refusal;
use crate::stats::rating::{self, Outcome};
use crate::store::{ProjectStore, Query};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    Sector,
    Occupation,
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub rules: Rules,
    pub by: Option<Slice>,
    pub with_overrides: bool,
    pub judge: Option<JudgeName>,
    pub panel: Option<PanelName>,
    pub rubric_id: Option<RubricId>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { rules: Rules::default(), by: None, with_overrides: true, judge: None, panel: None, rubric_id: None }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Leaderboard {
    pub method: &'static str,
    pub overrides: &'static str,
    /// One board, or one per sector or occupation.
    pub boards: Vec<Board>,
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
    let boards = match wanted.rules.method {
        Method::Score => {
            let graded = graded(project, wanted).await?;
            let mut slices: BTreeMap<Option<String>, Vec<&Graded>> = BTreeMap::new();
            for one in &graded.scores {
                slices.entry(slice_of(one.task.as_ref())).or_default().push(one);
            }
            slices.into_iter().map(|(slice, scores)| score_board(slice, &scores, &graded.notes, wanted)).collect()
        }
        _ => {
            let (fought, inconclusive) = battles(project, wanted).await?;
            let mut slices: BTreeMap<Option<String>, Vec<Fought>> = BTreeMap::new();
            for battle in fought {
                slices.entry(slice_of(battle.task.as_ref())).or_default().push(battle);
            }
            let mut boards = Vec::new();
            for (slice, fought) in slices {
                boards.push(battle_board(slice, &fought, inconclusive, &wanted.rules)?);
            }
            boards
        }
    };
    let overrides = if wanted.with_overrides { "with" } else { "without" };
    Ok(Leaderboard { method: wanted.rules.method.as_str(), overrides, boards })
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
                judge: None,
            }),
            None => inconclusive += 1,
        }
    }
    if wanted.panel.is_none() {
        for battle in project.all::<Battle>(Query::default()).await? {
            if wanted.judge.as_ref().is_some_and(|judge| battle.judge.as_deref() != Some(judge.as_str())) {
                continue;
            }
            let Battle { model_a, model_b, winner, task_id, judge, .. } = battle;
            let outcome = in_stats(winner);
            fought.push(Fought { a: model_a, b: model_b, outcome, task: task_id, imported: true, judge });
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
    let means = rating::mean_score(&by_system, wanted.rules.level);
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
            n: own.len(),
            ..Row::default()
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
    Board { slice, rows, tasks: clusters.len(), notes, ..Board::default() }
}
