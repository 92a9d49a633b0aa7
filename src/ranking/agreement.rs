//! How far judges agree: raw agreement, Cohen's (Conger's) and Fleiss' κ, Krippendorff's α, Gwet's AC1 and ICC(2,1),
//! overall, per pair of judges and per criterion; units are criteria of gradings, ratings are the judges' real votes.
//! Beside every figure that is corrected for chance stands the prevalence, without which it cannot be read.
//!
//! Intervals are by task, because criteria of one task go together; where all units are of one task they are over units and
//! say so in their method. A sequential panel's later judges are asked about what the first ones leave open: their
//! agreement is that of the hard questions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::report::{asked_again, retested};
use crate::domain::{Criterion, Grading, JudgeName, PanelName, RubricId, RubricVersion, Subject, Task, TaskId, Vote};
use crate::grading::aggregate::{JudgeVote, ballots, judge_votes};
use crate::grading::call::subject_prefix;
use crate::refusal::Refusal;
use crate::stats::agreement::{self, ByTask, IccForm, IccUnit, Ratings, Weights};
use crate::stats::{Estimate, NotEstimable};
use crate::store::{ProjectStore, Query, rubric_key};

/// Which gradings are looked at; everything that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub rubric_id: Option<RubricId>,
    pub task_id: Option<TaskId>,
    pub panel: Option<PanelName>,
    pub sector: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Agreement {
    pub gradings: usize,
    pub overall: Figures,
    pub pairs: Vec<Pair>,
    pub criteria: Vec<OfCriterion>,
    /// Of every judge with a vote, by name.
    pub consistency: Vec<Consistency>,
}

/// How far a judge agrees with itself.
#[derive(Debug, Clone, Serialize)]
pub struct Consistency {
    pub judge: String,
    /// How often two repeats of one question have the same answer; answers that were taken over are no repeats.
    pub same: Figure,
}

/// The units on which two judges differ, of those that both judged.
#[derive(Debug, Clone)]
pub struct Differing {
    /// Units with a real vote of both.
    pub both: usize,
    /// The newest grading first, then in the rubric's order.
    pub items: Vec<Differs>,
}

/// A criterion of a grading on which two judges differ.
#[derive(Debug, Clone)]
pub struct Differs {
    pub grading: Arc<Grading>,
    pub rubric: Arc<RubricVersion>,
    /// The criterion's place in the rubric, from 0.
    pub criterion: usize,
    pub said: [String; 2],
}

#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    pub judges: (String, String),
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Clone, Serialize)]
pub struct OfCriterion {
    pub rubric_id: String,
    pub criterion_id: String,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Units with at least one real vote.
    pub units: usize,
    /// Share of each answer among all real votes.
    pub prevalence: BTreeMap<String, f64>,
    pub raw: Figure,
    /// Of two judges Cohen's, of more Conger's.
    pub cohen_kappa: Figure,
    pub fleiss_kappa: Figure,
    pub krippendorff_alpha: Figure,
    pub gwet_ac1: Figure,
    /// ICC(2,1) of the share of its points that each vote gives a criterion.
    pub icc: Figure,
}

/// A figure with its interval, or why there is none.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: Option<f64>,
    pub method: Option<String>,
    pub n: usize,
    pub missing: usize,
    /// What makes the interval less trustworthy than its level says.
    pub caution: Option<String>,
    pub undefined: Option<String>,
}

impl From<Result<Estimate, NotEstimable>> for Figure {
    fn from(found: Result<Estimate, NotEstimable>) -> Self {
        let nothing = Self {
            value: None,
            low: None,
            high: None,
            level: None,
            method: None,
            n: 0,
            missing: 0,
            caution: None,
            undefined: None,
        };
        match found {
            Ok(estimate) => {
                let why = estimate.interval.as_ref().err().map(|why| format!("no interval: {why}"));
                let interval = estimate.interval.ok();
                Self {
                    value: Some(estimate.value),
                    low: interval.as_ref().map(|i| i.low),
                    high: interval.as_ref().map(|i| i.high),
                    level: interval.as_ref().map(|i| i.level),
                    method: interval.as_ref().map(|i| i.method.to_owned()),
                    n: estimate.n,
                    missing: estimate.missing,
                    caution: interval.and_then(|i| i.caution).map(|caution| caution.to_string()),
                    undefined: why,
                }
            }
            Err(why) => Self { undefined: Some(why.to_string()), ..nothing },
        }
    }
}

/// One unit: a criterion of a grading with what each judge really said.
struct Unit {
    rubric: RubricId,
    criterion: String,
    /// What goes together: the task, or the grading where there is none.
    task: String,
    /// Answers that the criterion takes.
    labels: Vec<String>,
    said: BTreeMap<JudgeName, Rating>,
    /// Its place among what was gathered.
    grading: usize,
    /// The criterion's place in the rubric.
    place: usize,
}

struct Rating {
    label: String,
    /// The share of the criterion's points that it gives, 0 to 1.
    share: f64,
}

/// What is looked at.
#[derive(Default)]
struct Gathered {
    /// Each with its rubric.
    gradings: Vec<(Arc<Grading>, Arc<RubricVersion>)>,
    units: Vec<Unit>,
    /// Repeats of one question, by judge.
    repeats: BTreeMap<JudgeName, Vec<Vec<Option<String>>>>,
}

/// # Errors
/// If the store cannot.
pub async fn agreement(project: &ProjectStore, filter: &Filter) -> Result<Agreement, Refusal> {
    let Gathered { gradings, units, repeats } = gather(project, filter).await?;
    Ok(Agreement { consistency: consistency(&repeats), ..of_units(gradings.len(), &units) })
}

/// On what two judges differ, counted as their agreement is.
///
/// # Errors
/// If the store cannot.
pub async fn differing(
    project: &ProjectStore,
    filter: &Filter,
    one: &JudgeName,
    other: &JudgeName,
) -> Result<Differing, Refusal> {
    let Gathered { gradings, units, .. } = gather(project, filter).await?;
    let of_both = units.iter().filter_map(|unit| Some((unit, unit.said.get(one)?, unit.said.get(other)?)));
    let of_both: Vec<_> = of_both.collect();
    let differ = of_both.iter().filter(|(_, one, other)| one.label != other.label);
    let mut items: Vec<Differs> = differ
        .map(|(unit, one, other)| {
            let (grading, rubric) = gradings[unit.grading].clone();
            Differs { grading, rubric, criterion: unit.place, said: [one.label.clone(), other.label.clone()] }
        })
        .collect();
    items.sort_by_key(|item| (std::cmp::Reverse((item.grading.created_at, item.grading.id)), item.criterion));
    Ok(Differing { both: of_both.len(), items })
}

async fn gather(project: &ProjectStore, filter: &Filter) -> Result<Gathered, Refusal> {
    let mut rubrics: BTreeMap<String, Arc<RubricVersion>> = BTreeMap::new();
    let mut found = Gathered::default();
    for grading in chosen(project, filter).await? {
        let key = rubric_key(grading.rubric.id, grading.rubric.version);
        if !rubrics.contains_key(&key)
            && let Some(kept) = project.get::<RubricVersion>(&key).await?
        {
            rubrics.insert(key.clone(), Arc::new(kept.record));
        }
        let Some(rubric) = rubrics.get(&key) else { continue };
        let votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(grading.id)))).await?;
        let ballots = ballots(&votes);
        for (place, criterion) in rubric.rubric.criteria().iter().enumerate() {
            let judges = ballots.get(&criterion.id);
            for (judge, repeats) in judges.into_iter().flatten() {
                let own = found.repeats.entry((*judge).clone()).or_default();
                own.extend(
                    asked_again(repeats).map(|said| said.into_iter().map(|one| one.map(str::to_owned)).collect()),
                );
            }
            let said: BTreeMap<JudgeName, Rating> = judge_votes(criterion, judges)
                .into_iter()
                .filter_map(|(judge, vote)| Some((judge.clone(), rating(criterion, &vote)?)))
                .collect();
            if !said.is_empty() {
                let task = grading.task_id.as_ref().map_or_else(|| grading.id.to_string(), ToString::to_string);
                let labels = match criterion.levels.as_slice() {
                    [] => ["MET", "UNMET"].map(str::to_owned).to_vec(),
                    levels => levels.iter().map(|level| level.name.clone()).collect(),
                };
                let (grading, criterion) = (found.gradings.len(), criterion.id.to_string());
                found.units.push(Unit { rubric: rubric.id, criterion, task, labels, said, grading, place });
            }
        }
        found.gradings.push((Arc::new(grading), rubric.clone()));
    }
    Ok(found)
}

fn consistency(repeats: &BTreeMap<JudgeName, Vec<Vec<Option<String>>>>) -> Vec<Consistency> {
    let of = |(judge, repeats): (&JudgeName, &Vec<Vec<Option<String>>>)| {
        let said: Vec<Vec<Option<&str>>> =
            repeats.iter().map(|said| said.iter().map(Option::as_deref).collect()).collect();
        Consistency { judge: judge.to_string(), same: retested(&said)[0].clone() }
    };
    repeats.iter().map(of).collect()
}

/// What a real vote says.
fn rating(criterion: &Criterion, vote: &JudgeVote) -> Option<Rating> {
    let label = vote.label()?.to_owned();
    let most = criterion.levels.iter().map(|level| level.points).fold(f64::NEG_INFINITY, f64::max);
    let least = criterion.levels.iter().map(|level| level.points).fold(f64::INFINITY, f64::min);
    let share = match vote {
        JudgeVote::Met => 1.0,
        JudgeVote::Level { points, .. } if most > least => (points - least) / (most - least),
        JudgeVote::Unmet | JudgeVote::Level { .. } => 0.0,
        JudgeVote::CannotAssess | JudgeVote::Failed => return None,
    };
    Some(Rating { label, share })
}

async fn chosen(project: &ProjectStore, filter: &Filter) -> Result<Vec<Grading>, Refusal> {
    let query = match (&filter.task_id, filter.rubric_id) {
        (Some(task), _) => Query::link("task", task),
        (None, Some(rubric)) => Query::link("rubric", rubric),
        (None, None) => Query::default(),
    };
    let in_sector: Option<BTreeSet<TaskId>> = match &filter.sector {
        None => None,
        Some(sector) => {
            let tasks = project.all::<Task>(Query::default()).await?;
            Some(tasks.into_iter().filter(|task| task.sector.as_ref() == Some(sector)).map(|task| task.id).collect())
        }
    };
    let mut gradings = project.all::<Grading>(query).await?;
    gradings.retain(|grading| {
        grading.result().is_some()
            && filter.rubric_id.is_none_or(|id| id == grading.rubric.id)
            && filter.panel.as_ref().is_none_or(|panel| *panel == grading.panel.name)
            && in_sector.as_ref().is_none_or(|tasks| grading.task_id.as_ref().is_some_and(|task| tasks.contains(task)))
    });
    Ok(gradings)
}

fn of_units(gradings: usize, units: &[Unit]) -> Agreement {
    let judges: Vec<&JudgeName> =
        units.iter().flat_map(|unit| unit.said.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut pairs = Vec::new();
    for (i, one) in judges.iter().enumerate() {
        for other in &judges[i + 1..] {
            let both: Vec<&Unit> =
                units.iter().filter(|u| u.said.contains_key(*one) && u.said.contains_key(*other)).collect();
            pairs.push(Pair { judges: (one.to_string(), other.to_string()), figures: figures(&both, &[one, other]) });
        }
    }
    let mut by_criterion: BTreeMap<(RubricId, &str), Vec<&Unit>> = BTreeMap::new();
    for unit in units {
        by_criterion.entry((unit.rubric, &unit.criterion)).or_default().push(unit);
    }
    let criteria = by_criterion
        .into_iter()
        .map(|((rubric, criterion), units)| OfCriterion {
            rubric_id: rubric.to_string(),
            criterion_id: criterion.to_owned(),
            figures: figures(&units, &judges),
        })
        .collect();
    let overall = figures(&units.iter().collect::<Vec<_>>(), &judges);
    Agreement { gradings, overall, pairs, criteria, consistency: vec![] }
}

fn figures(units: &[&Unit], judges: &[&JudgeName]) -> Figures {
    // All answers that could be given, also those that never were: chance agreement depends on them.
    let labels: Vec<&String> =
        units.iter().flat_map(|unit| &unit.labels).collect::<BTreeSet<_>>().into_iter().collect();
    let of = |unit: &Unit, judge: &&JudgeName| {
        unit.said.get(*judge).and_then(|rating| labels.binary_search(&&rating.label).ok())
    };
    let rows = units.iter().map(|unit| judges.iter().map(|judge| of(unit, judge)).collect()).collect();
    let ratings = match Ratings::new(rows, labels.len().max(2)) {
        Ok(ratings) => ratings,
        Err(why) => {
            let undefined =
                || Figure { undefined: Some(why.to_string()), ..Figure::from(Err(NotEstimable::NoPairableUnit)) };
            return Figures {
                units: units.len(),
                prevalence: BTreeMap::new(),
                raw: undefined(),
                cohen_kappa: undefined(),
                fleiss_kappa: undefined(),
                krippendorff_alpha: undefined(),
                gwet_ac1: undefined(),
                icc: undefined(),
            };
        }
    };
    let tasks: Vec<&String> = units.iter().map(|unit| &unit.task).collect::<BTreeSet<_>>().into_iter().collect();
    let clusters: Vec<usize> = units.iter().map(|unit| tasks.partition_point(|task| **task < unit.task)).collect();
    let each: Vec<usize> = (0..units.len()).collect();
    let clusters = if tasks.len() < 2 { &each } else { &clusters };
    let by = |figure| Figure::from(agreement::by_task(&ratings, figure, clusters, ByTask::Linearised, LEVEL));
    let share = |unit: &&Unit| judges.iter().map(|judge| unit.said.get(*judge).map(|rating| rating.share)).collect();
    let shares: Vec<Vec<Option<f64>>> = units.iter().map(share).collect();
    Figures {
        units: units.len(),
        prevalence: labels.iter().map(|l| (*l).clone()).zip(agreement::prevalence(&ratings)).collect(),
        raw: by(agreement::Figure::Raw(Weights::Identity)),
        cohen_kappa: by(agreement::Figure::Conger(Weights::Identity)),
        fleiss_kappa: by(agreement::Figure::Fleiss(Weights::Identity)),
        krippendorff_alpha: by(agreement::Figure::Alpha(agreement::Level::Nominal)),
        gwet_ac1: by(agreement::Figure::Gwet(Weights::Identity)),
        icc: agreement::icc(&shares, IccForm::TwoWayRandom, IccUnit::Single).into(),
    }
}

/// Of all intervals.
const LEVEL: f64 = 0.95;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    fn unit(criterion: &str, said: &[(&str, &str)]) -> Unit {
        Unit {
            rubric: RubricId::from_uuid(uuid::Uuid::nil()),
            criterion: criterion.to_owned(),
            task: criterion.chars().take(1).collect(),
            labels: ["MET", "UNMET"].map(str::to_owned).to_vec(),
            said: said.iter().map(|(judge, label)| (JudgeName::parse(*judge).unwrap(), of(label))).collect(),
            grading: 0,
            place: 0,
        }
    }

    fn of(label: &str) -> Rating {
        Rating { label: label.to_owned(), share: if label == "MET" { 1.0 } else { 0.0 } }
    }

    #[test]
    fn every_figure_comes_with_an_interval_by_task_and_says_that_there_are_few() {
        // Twelve tasks of three criteria; the judges differ on the first criterion of every other task.
        let units: Vec<Unit> = (0..36)
            .map(|i| {
                let (task, at) = (i / 3, i % 3);
                let one = if (task + at) % 3 == 0 { "UNMET" } else { "MET" };
                let other = if at == 0 && task % 2 == 0 { "MET" } else { one };
                Unit { task: format!("{task:02}"), ..unit(&format!("c{at}"), &[("a", one), ("b", other)]) }
            })
            .collect();
        let found = of_units(12, &units).overall;
        for (name, figure) in [
            ("raw", &found.raw),
            ("cohen", &found.cohen_kappa),
            ("fleiss", &found.fleiss_kappa),
            ("alpha", &found.krippendorff_alpha),
            ("ac1", &found.gwet_ac1),
        ] {
            let (value, low, high) = (figure.value.unwrap(), figure.low.unwrap(), figure.high.unwrap());
            assert!(low < value && value <= high, "{name}: {figure:?}");
            assert!(figure.method.as_ref().unwrap().contains("cluster"), "{name}: {figure:?}");
            assert!(figure.caution.as_ref().unwrap().contains("12 independent units"), "{name}: {figure:?}");
        }
        assert!(found.icc.value.is_some_and(|icc| (0.5..1.0).contains(&icc)), "{:?}", found.icc);
        // One task alone: over its units.
        let one: Vec<Unit> = units.into_iter().map(|unit| Unit { task: "t".to_owned(), ..unit }).collect();
        assert!(of_units(1, &one).overall.gwet_ac1.low.is_some());
    }

    #[test]
    fn judges_who_always_agree_on_one_answer_have_no_alpha_and_the_reason_is_said() {
        let units: Vec<Unit> = (0..5).map(|i| unit(&i.to_string(), &[("a", "MET"), ("b", "MET")])).collect();
        let found = of_units(5, &units);
        assert_eq!(found.overall.raw.value, Some(1.0));
        assert_eq!(found.overall.krippendorff_alpha.value, None);
        assert!(found.overall.krippendorff_alpha.undefined.is_some());
        assert_eq!(found.overall.prevalence["MET"], 1.0);
    }

    #[test]
    fn pairs_are_counted_on_what_both_judged() {
        let units = [
            unit("1", &[("a", "MET"), ("b", "MET"), ("c", "UNMET")]),
            unit("2", &[("a", "UNMET"), ("b", "MET")]),
            unit("3", &[("a", "MET"), ("b", "MET"), ("c", "MET")]),
        ];
        let found = of_units(1, &units);
        let pair = |one: &str, other: &str| {
            found.pairs.iter().find(|p| p.judges == (one.to_owned(), other.to_owned())).unwrap().figures.clone()
        };
        assert_eq!((pair("a", "b").units, pair("a", "b").raw.value), (3, Some(2.0 / 3.0)));
        assert_eq!((pair("a", "c").units, pair("a", "c").raw.value), (2, Some(0.5)));
        assert_eq!(found.criteria.len(), 3);
    }
}
