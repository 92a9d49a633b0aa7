//! Several attempts of a system at one task: how good is the worst of k, how often does one of k pass, how often do all?
//! An attempt is a submission of the system for the task, with its newest grading; figures are per task and then a mean
//! over tasks, which are the clusters of its interval. A task with fewer than k attempts says nothing about k.

use std::collections::BTreeMap;

use crate::domain::{Grading, PanelName, RubricId, SystemName};
use crate::refusal::Refusal;
use crate::stats::attempts::{pass_at_k, pass_hat_k, worst_of_k};
use crate::stats::interval::clustered_mean;
use crate::stats::{Estimate, NotEstimable};
use crate::store::ProjectStore;

use super::agreement::Figure;
use super::material::{Material, Needs};

/// The most attempts at a task that are told apart by their number.
pub const MAX_K: usize = 32;

/// Which gradings, and what passes.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub panel: Option<PanelName>,
    pub rubric_id: Option<RubricId>,
    pub system: Option<SystemName>,
    /// An attempt passes with at least this score, 0 to 1.
    pub pass: f64,
    pub with_overrides: bool,
    pub level: f64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { panel: None, rubric_id: None, system: None, pass: 1.0, with_overrides: true, level: 0.95 }
    }
}

#[derive(Debug, Clone)]
pub struct Attempts {
    pub systems: Vec<SystemAttempts>,
    /// What a reader must know, in words.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct SystemAttempts {
    pub system: SystemName,
    pub tasks: usize,
    pub attempts: usize,
    /// Attempts without a score, which are none here.
    pub without_score: usize,
    /// Mean score of a task's attempts, over tasks.
    pub mean: Figure,
    /// The mean of the unclipped scores, clipped to 0..1: HealthBench's figure. `None` with overrides left out, because the
    /// unclipped score without them is not kept.
    pub mean_of_raw: Option<f64>,
    pub by_k: Vec<ByK>,
}

/// What k attempts come to.
#[derive(Debug, Clone)]
pub struct ByK {
    pub k: usize,
    /// Tasks with at least k attempts.
    pub tasks: usize,
    /// The lowest score of k attempts.
    pub worst: Figure,
    /// At least one of k passes: pass@k.
    pub any_passes: Figure,
    /// All of k pass: pass^k.
    pub all_pass: Figure,
}

/// One attempt: value and unclipped value.
type Scored = (f64, Option<f64>);

#[derive(Default)]
struct OfSystem {
    /// By task.
    scores: BTreeMap<String, Vec<Scored>>,
    without: usize,
}

/// # Errors
/// If the store cannot.
pub async fn attempts(project: &ProjectStore, wanted: &Wanted) -> Result<Attempts, Refusal> {
    let needs = Needs { gradings: true, ..Needs::default() };
    let material = Material::read(project, needs).await?;
    let asked = |panel: &PanelName, rubric: RubricId| {
        wanted.panel.as_ref().is_none_or(|wanted| wanted == panel) && wanted.rubric_id.is_none_or(|id| id == rubric)
    };
    let of_system = |grading: &&Grading| wanted.system.as_ref().is_none_or(|system| *system == grading.system);
    let gradings = material.gradings.iter().filter(|one| asked(&one.panel.name, one.rubric.id)).filter(of_system);
    let gradings: Vec<&Grading> = gradings.collect();
    let unsettled = material.unsettled.iter().filter(|(panel, rubric)| asked(panel, *rubric)).count();
    let mut notes = Vec::new();
    let mut panels: Vec<&str> = gradings.iter().map(|one| one.panel.name.as_str()).collect();
    panels.sort_unstable();
    panels.dedup();
    if panels.len() > 1 {
        let names = panels.join("`, `");
        let detail =
            format!("gradings of several panels are here (`{names}`), and an attempt has one; choose with panel=");
        return Err(Refusal::invalid("/panel", detail));
    }
    if unsettled > 0 {
        notes.push(format!("{unsettled} gradings are still running and not counted"));
    }
    let mut alone = 0usize;
    let mut systems: BTreeMap<SystemName, OfSystem> = BTreeMap::new();
    for grading in gradings {
        let Some(result) = grading.result() else { continue };
        let of = systems.entry(grading.system.clone()).or_default();
        let Some(value) = material.score(grading, wanted.with_overrides) else {
            of.without += 1;
            continue;
        };
        // What was graded by another rubric is no attempt at the same.
        let task = match &grading.task_id {
            Some(task) => format!("{task}/{}", grading.rubric.id),
            None => {
                alone += 1;
                grading.submission_id.to_string()
            }
        };
        of.scores.entry(task).or_default().push((value, result.score.raw.filter(|_| wanted.with_overrides)));
    }
    if alone > 0 {
        notes.push(format!("{alone} submissions name no task: each is taken for the one attempt at a task of its own"));
    }
    let systems = systems.into_iter().map(|(system, of)| tell(system, &of, wanted)).collect();
    Ok(Attempts { systems, notes })
}

fn tell(system: SystemName, of: &OfSystem, wanted: &Wanted) -> SystemAttempts {
    let tasks: Vec<&Vec<Scored>> = of.scores.values().collect();
    let most = tasks.iter().map(|attempts| attempts.len()).max().unwrap_or(0).min(MAX_K);
    let mean = |per_task: Vec<Result<Estimate, NotEstimable>>| -> Figure {
        let values: Vec<f64> = per_task.into_iter().filter_map(|found| Some(found.ok()?.value)).collect();
        let clusters: Vec<usize> = (0..values.len()).collect();
        clustered_mean(&values, &clusters, wanted.level).into()
    };
    let values = |attempts: &[Scored]| attempts.iter().map(|(value, _)| *value).collect::<Vec<f64>>();
    let passed = |attempts: &[Scored]| attempts.iter().filter(|(value, _)| *value >= wanted.pass).count();
    let by_k = |k: usize| {
        let enough: Vec<&&Vec<Scored>> = tasks.iter().filter(|attempts| attempts.len() >= k).collect();
        ByK {
            k,
            tasks: enough.len(),
            worst: mean(enough.iter().map(|a| worst_of_k(&values(a), k)).collect()),
            any_passes: mean(enough.iter().map(|a| pass_at_k(a.len(), passed(a), k)).collect()),
            all_pass: mean(enough.iter().map(|a| pass_hat_k(a.len(), passed(a), k)).collect()),
        }
    };
    let raws: Option<Vec<f64>> = tasks.iter().flat_map(|attempts| attempts.iter().map(|(_, raw)| *raw)).collect();
    let of_raw = raws.filter(|raws| !raws.is_empty());
    SystemAttempts {
        system,
        tasks: tasks.len(),
        attempts: tasks.iter().map(|attempts| attempts.len()).sum(),
        without_score: of.without,
        mean: mean(tasks.iter().map(|a| worst_of_k(&values(a), 1)).collect()),
        mean_of_raw: of_raw.map(|raws| (raws.iter().sum::<f64>() / raws.len() as f64).clamp(0.0, 1.0)),
        by_k: (1..=most).map(by_k).collect(),
    }
}
