//! What a lead asks of each system beside its place: what a task costs, and one that can be used as it is; how long it
//! takes; how often it fails in a way that matters; where it is strong. Everything carries how many submissions it
//! rests on and how many are unknown; what was not recorded is not zero.
//!
//! **Accepted.** A submission can be used as it is if its newest score reaches `accept_at`, or, with
//! [`Accept::VersusHuman`], if it won or tied against `human`'s (GDPval's wins or ties; both_bad is no acceptance).
//! **Cost of a task with review** (GDPval, 2025): `M` the model, `R` a reviewer's look, `H` a human doing it. Try once,
//! then a human: `M + R + (1-w)H`; try up to n times: `(M+R)(1-(1-w)^n)/w + (1-w)^n H`; without end: `(M+R)/w`.
//! **Critical error.** A gate of the rubric closed (`must_pass`, `cap`); of gradings whose rubric has a gate.
//! **Fabrication.** A criterion with the tag `fabrication` (or `hallucination`, `fabricated`, `made_up`, also behind a
//! prefix as in `axis:fabrication`) went against the submission: a penalty that was met, a requirement that was not.
//! **Failure modes** are what humans recorded with their decisions; nothing is read into what judges wrote.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::board::Method;
use super::leaderboard::{Wanted, battles, boards, of_wanted};
use super::material::{Material, Needs};
use crate::domain::{Criterion, Decision, Grading, Override, Severity, Submission, SystemName, Verdict};
use crate::refusal::Refusal;
use crate::stats::interval::{clustered_mean, wilson};
use crate::stats::rating::Outcome;
use crate::stats::{Estimate, NotEstimable};
use crate::store::{ProjectStore, Query};

/// What a human costs; GDPval's published means without others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HumanCosts {
    pub task_usd: f64,
    pub review_usd: f64,
    pub task_minutes: f64,
    pub review_minutes: f64,
}

impl Default for HumanCosts {
    fn default() -> Self {
        Self { task_usd: 361.0, review_usd: 86.0, task_minutes: 404.0, review_minutes: 109.0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accept {
    /// The score is at least this.
    Score(f64),
    VersusHuman,
}

/// Without another: four fifths of the points.
pub const ACCEPT_AT: f64 = 0.8;

#[derive(Debug, Clone)]
pub struct Ask {
    pub wanted: Wanted,
    pub accept: Accept,
    pub costs: HumanCosts,
    /// Tries of a model before a human does the task.
    pub tries: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct Systems {
    pub systems: Vec<System>,
    pub radar: Radar,
    pub pareto: Pareto,
    pub notes: Vec<String>,
}

/// A figure, or why there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figure {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub method: Option<String>,
    /// What it rests on.
    pub n: usize,
    /// What it does not know.
    pub unknown: usize,
    pub undefined: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct System {
    pub system: String,
    pub submissions: usize,
    pub tasks: usize,
    pub score: Figure,
    pub cost_usd: Figure,
    pub tokens: Figure,
    pub duration_s: Figure,
    /// Share of submissions that can be used as they are: GDPval's `w`.
    pub accepted: Figure,
    pub usd: WithReview,
    pub minutes: WithReview,
    pub critical_errors: Figure,
    pub fabrication: Figure,
    pub failures: Failures,
}

/// Of one task, in USD or in minutes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WithReview {
    /// The model's cost of one task that is accepted, without anybody's review: `M / w`.
    pub model_per_accepted: Option<f64>,
    pub try_once: Option<f64>,
    pub try_n: Option<f64>,
    pub try_without_end: Option<f64>,
    /// `H` over the above: above 1 the model spares something.
    pub ratio_once: Option<f64>,
    pub ratio_n: Option<f64>,
    pub ratio_without_end: Option<f64>,
    pub undefined: Option<String>,
}

/// What humans recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Failures {
    /// Recorded failures by severity: `acceptable_but_subpar`, `bad`, `catastrophic`.
    pub by_severity: BTreeMap<&'static str, usize>,
    /// The mode's name, how often, and its worst severity; the most frequent first.
    pub modes: Vec<FailureMode>,
    /// Share of the submissions that a human decided something of in which something catastrophic was recorded.
    pub catastrophic: Figure,
    pub undefined: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureMode {
    pub mode: String,
    pub n: usize,
    pub worst: &'static str,
}

/// Mean score by sector, the leader of each sector at 100.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Radar {
    pub axes: Vec<Axis>,
    pub undefined: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    pub sector: String,
    pub leader: String,
    /// By system: `100 * score / leader's score`.
    pub values: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pareto {
    pub points: Vec<Point>,
    /// Systems without a cost or a score.
    pub left_out: Vec<String>,
    pub undefined: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    pub system: String,
    pub cost_usd: f64,
    pub score: f64,
    /// No other is at least as good and as cheap, and better in one of both.
    pub on_front: bool,
}

/// # Errors
/// If the store cannot.
pub async fn systems(project: &ProjectStore, ask: &Ask) -> Result<Systems, Refusal> {
    let needs = Needs { battles: ask.accept == Accept::VersusHuman, gradings: true, rubrics: true, ..Needs::default() };
    let material = Material::read(project, needs).await?;
    let submissions = project.all::<Submission>(Query::default()).await?;
    let overrides = project.all::<Override>(Query::default()).await?;
    of(&material, &submissions, &overrides, ask)
}

/// # Errors
/// None that a user can bring about.
pub fn of(
    material: &Material,
    submissions: &[Submission],
    overrides: &[Override],
    ask: &Ask,
) -> Result<Systems, Refusal> {
    let level = ask.wanted.rules.level;
    let mut by_system: BTreeMap<&SystemName, Vec<&Submission>> = BTreeMap::new();
    for submission in submissions {
        by_system.entry(&submission.system).or_default().push(submission);
    }
    let mut graded: HashMap<&SystemName, Vec<&Grading>> = HashMap::new();
    for grading in material.gradings.iter().filter(|one| of_wanted(one, &ask.wanted)) {
        graded.entry(&grading.system).or_default().push(grading);
    }
    let mut decided: HashMap<_, Vec<&Override>> = HashMap::new();
    for one in overrides {
        decided.entry(one.grading_id).or_default().push(one);
    }
    let by_human = match ask.accept {
        Accept::VersusHuman => versus_human(material, &ask.wanted),
        Accept::Score(_) => BTreeMap::new(),
    };
    let mut systems = Vec::new();
    for (system, own) in by_system {
        let gradings = graded.remove(system).unwrap_or_default();
        let scores: Vec<(f64, String)> = gradings
            .iter()
            .filter_map(|one| Some((material.score(one, ask.wanted.with_overrides)?, cluster(one))))
            .collect();
        let accepted = match ask.accept {
            Accept::Score(least) => share(
                scores.iter().map(|(score, _)| *score >= least - 1e-9),
                gradings.len() - scores.len(),
                level,
                "no submission has a score",
            ),
            Accept::VersusHuman => {
                let outcomes = by_human.get(system.as_str()).cloned().unwrap_or_default();
                share(outcomes.into_iter(), 0, level, "it was never compared with `human`")
            }
        };
        let mean_of = |pick: fn(&Submission) -> Option<f64>, what: &str| {
            let known: Vec<(f64, String)> = own.iter().filter_map(|one| Some((pick(one)?, task_of(one)))).collect();
            mean(&known, own.len() - known.len(), level, &format!("no submission says its {what}"))
        };
        let cost_usd = mean_of(|one| one.cost_usd, "cost");
        let duration_s = mean_of(|one| one.duration_s, "duration");
        let minutes = duration_s.value.map(|seconds| seconds / 60.0);
        let HumanCosts { task_usd, review_usd, task_minutes, review_minutes } = ask.costs;
        systems.push(System {
            system: system.to_string(),
            submissions: own.len(),
            tasks: own.iter().map(|one| task_of(one)).collect::<BTreeSet<_>>().len(),
            score: mean(&scores, gradings.len() - scores.len(), level, "no submission has a score"),
            usd: with_review(cost_usd.value, review_usd, task_usd, accepted.value, ask.tries, "cost"),
            minutes: with_review(minutes, review_minutes, task_minutes, accepted.value, ask.tries, "duration"),
            tokens: mean_of(|one| one.tokens.map(|tokens| tokens as f64), "tokens"),
            cost_usd,
            duration_s,
            accepted,
            critical_errors: critical_errors(material, &gradings, level),
            fabrication: fabrication(material, &gradings, level),
            failures: failures(&gradings, &decided, level),
        });
    }
    let mut notes = Vec::new();
    if matches!(ask.accept, Accept::Score(_)) {
        notes.push("whether a deliverable can be used as it is, is taken from its score, which is the judges'; `accept=human` takes it from comparisons with a human's".to_owned());
    }
    let radar = radar(material, ask)?;
    let pareto = pareto(&systems);
    Ok(Systems { systems, radar, pareto, notes })
}

fn task_of(submission: &Submission) -> String {
    submission.task_id.as_ref().map_or_else(|| submission.id.to_string(), ToString::to_string)
}

fn cluster(grading: &Grading) -> String {
    grading.task_id.as_ref().map_or_else(|| grading.submission_id.to_string(), ToString::to_string)
}

fn mean(values: &[(f64, String)], unknown: usize, level: f64, nothing: &str) -> Figure {
    if values.is_empty() {
        return Figure { unknown, undefined: Some(nothing.to_owned()), ..Figure::default() };
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    let clusters: Vec<usize> = values
        .iter()
        .map(|(_, task)| {
            let next = places.len();
            *places.entry(task).or_insert(next)
        })
        .collect();
    let values: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
    figure(clustered_mean(&values, &clusters, level), values.len(), unknown)
}

fn figure(found: Result<Estimate, NotEstimable>, n: usize, unknown: usize) -> Figure {
    let (value, interval) = match found {
        Err(why) => return Figure { n, unknown, undefined: Some(why.to_string()), ..Figure::default() },
        Ok(estimate) => (estimate.value, estimate.interval),
    };
    let (bounds, undefined) = match interval {
        Ok(interval) => (Some(interval), None),
        Err(why) => (None, Some(format!("no interval: {why}"))),
    };
    let bounds = bounds.as_ref();
    Figure {
        value: Some(value),
        low: bounds.map(|i| i.low),
        high: bounds.map(|i| i.high),
        method: bounds.map(|i| i.method.to_owned()),
        n,
        unknown,
        undefined,
    }
}

fn share(found: impl Iterator<Item = bool>, unknown: usize, level: f64, nothing: &str) -> Figure {
    let (mut n, mut hits) = (0usize, 0usize);
    for hit in found {
        n += 1;
        hits += usize::from(hit);
    }
    if n == 0 {
        return Figure { unknown, undefined: Some(nothing.to_owned()), ..Figure::default() };
    }
    let value = hits as f64 / n as f64;
    match wilson(hits as f64, n as f64, level) {
        Ok(interval) => Figure {
            value: Some(value),
            low: Some(interval.low),
            high: Some(interval.high),
            method: Some(interval.method.to_owned()),
            n,
            unknown,
            undefined: None,
        },
        Err(why) => Figure { value: Some(value), n, unknown, undefined: Some(why.to_string()), ..Figure::default() },
    }
}

/// Whether each submission that met `human` won or tied.
fn versus_human(material: &Material, wanted: &Wanted) -> BTreeMap<String, Vec<bool>> {
    let mut found: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for battle in battles(material, wanted).compared {
        let (system, good) = match (battle.a.as_str() == "human", battle.b.as_str() == "human") {
            (true, false) => (&battle.b, matches!(battle.outcome, Outcome::B | Outcome::Tie)),
            (false, true) => (&battle.a, matches!(battle.outcome, Outcome::A | Outcome::Tie)),
            _ => continue,
        };
        found.entry(system.to_string()).or_default().push(good);
    }
    found
}

/// The cost of a task: model `m`, review `r`, human `h`, share accepted `w`, up to `n` tries.
#[must_use]
pub fn with_review(m: Option<f64>, r: f64, h: f64, w: Option<f64>, n: u32, what: &str) -> WithReview {
    let (m, w) = match (m, w) {
        (None, _) => {
            return WithReview { undefined: Some(format!("no submission says its {what}")), ..WithReview::default() };
        }
        (_, None) => {
            let undefined = Some("it is not known how many are accepted".to_owned());
            return WithReview { undefined, ..WithReview::default() };
        }
        (Some(m), Some(w)) => (m, w),
    };
    let once = m + r + (1.0 - w) * h;
    let failing = (1.0 - w).powi(i32::try_from(n).unwrap_or(i32::MAX));
    // No try is ever accepted: each of the n is paid for, and the human's work besides.
    let tries = if w > 0.0 { (1.0 - failing) / w } else { f64::from(n) };
    let up_to_n = (m + r) * tries + failing * h;
    let endless = (w > 0.0).then(|| (m + r) / w);
    let ratio = |cost: f64| (cost > 0.0).then(|| h / cost);
    WithReview {
        model_per_accepted: (w > 0.0).then(|| m / w),
        try_once: Some(once),
        try_n: Some(up_to_n),
        try_without_end: endless,
        ratio_once: ratio(once),
        ratio_n: ratio(up_to_n),
        ratio_without_end: endless.and_then(ratio),
        undefined: (w <= 0.0).then(|| "none was accepted: trying again would never end".to_owned()),
    }
}

fn critical_errors(material: &Material, gradings: &[&Grading], level: f64) -> Figure {
    let gated = |grading: &&&Grading| {
        material.rubric(grading).is_some_and(|rubric| rubric.rubric.criteria().iter().any(|c| c.gate.is_some()))
    };
    let with_gates: Vec<&&Grading> = gradings.iter().filter(gated).collect();
    let closed = with_gates.iter().filter_map(|one| Some(!one.result()?.score.gates.is_empty()));
    share(closed, 0, level, "no rubric has a gate (`must_pass` or `cap`), so that nothing is critical")
}

/// `axis:fabrication` is one, `no_fabrication` is none.
fn is_of_fabrication(criterion: &Criterion) -> bool {
    const WORDS: [&str; 6] = ["fabrication", "fabricated", "hallucination", "hallucinated", "made_up", "made-up"];
    criterion.tags.iter().any(|tag| {
        let last = tag.rsplit([':', '/']).next().unwrap_or_default().trim().to_lowercase();
        WORDS.contains(&last.as_str())
    })
}

fn fabrication(material: &Material, gradings: &[&Grading], level: f64) -> Figure {
    let mut unknown = 0;
    let mut asked = false;
    let mut found = Vec::new();
    for grading in gradings {
        let (Some(rubric), Some(result)) = (material.rubric(grading), grading.result()) else { continue };
        let about: Vec<&Criterion> = rubric.rubric.criteria().iter().filter(|c| is_of_fabrication(c)).collect();
        if about.is_empty() {
            continue;
        }
        asked = true;
        let against: Vec<bool> = about
            .iter()
            .filter_map(|c| against(c, result.verdicts.iter().find(|verdict| verdict.criterion_id == c.id)?))
            .collect();
        // One that is found decides; none is only sure when all were decided.
        match (against.contains(&true), against.len() == about.len()) {
            (true, _) => found.push(true),
            (false, true) => found.push(false),
            (false, false) => unknown += 1,
        }
    }
    let nothing = if asked {
        "no criterion about it has a verdict"
    } else {
        "no rubric has a criterion with the tag `fabrication`"
    };
    share(found.into_iter(), unknown, level, nothing)
}

/// Whether a verdict went against the submission; `None` without one, and for what lies between.
fn against(criterion: &Criterion, verdict: &Verdict) -> Option<bool> {
    match &verdict.decision {
        Decision::Met => Some(criterion.is_penalty()),
        Decision::Unmet => Some(!criterion.is_penalty()),
        Decision::Level { points, .. } => Some(if criterion.is_penalty() { *points < 0.0 } else { *points <= 0.0 }),
        Decision::Inconclusive(_) => None,
    }
}

fn failures(
    gradings: &[&Grading],
    decided: &HashMap<crate::domain::GradingId, Vec<&Override>>,
    level: f64,
) -> Failures {
    let mut by_severity: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut modes: BTreeMap<&str, (usize, Severity)> = BTreeMap::new();
    let mut looked_at = Vec::new();
    for grading in gradings {
        let Some(own) = decided.get(&grading.id) else { continue };
        // The latest decision on a criterion binds, also for what was recorded with it.
        let mut latest: BTreeMap<&str, &Override> = BTreeMap::new();
        for one in own {
            match latest.get(one.criterion_id.as_str()) {
                Some(known) if known.id > one.id => {}
                _ => {
                    latest.insert(one.criterion_id.as_str(), one);
                }
            }
        }
        let failures: Vec<_> = latest.values().filter_map(|one| one.failure.as_ref()).collect();
        looked_at.push(failures.iter().any(|failure| failure.severity == Severity::Catastrophic));
        for failure in failures {
            *by_severity.entry(failure.severity.as_str()).or_default() += 1;
            let mode = modes.entry(failure.mode.as_deref().unwrap_or("not named")).or_insert((0, failure.severity));
            mode.0 += 1;
            mode.1 = mode.1.max(failure.severity);
        }
    }
    if by_severity.is_empty() {
        let why = if looked_at.is_empty() {
            "no human has decided anything of its gradings"
        } else {
            "no human recorded a failure with a decision"
        };
        let catastrophic = Figure { undefined: Some(why.to_owned()), ..Figure::default() };
        return Failures { catastrophic, undefined: Some(why.to_owned()), ..Failures::default() };
    }
    let mut modes: Vec<FailureMode> = modes
        .into_iter()
        .map(|(mode, (n, worst))| FailureMode { mode: mode.to_owned(), n, worst: worst.as_str() })
        .collect();
    modes.sort_by(|a, b| b.n.cmp(&a.n).then(a.mode.cmp(&b.mode)));
    let catastrophic = share(looked_at.into_iter(), 0, level, "no human has decided anything of its gradings");
    Failures { by_severity, modes, catastrophic, undefined: None }
}

fn radar(material: &Material, ask: &Ask) -> Result<Radar, Refusal> {
    let mut wanted = ask.wanted.clone();
    wanted.rules.method = Method::Score;
    wanted.rules.anchor = None;
    wanted.by = Some(super::leaderboard::Slice::Sector);
    let mut axes = Vec::new();
    for board in boards(material, &wanted)?.boards {
        let Some(sector) = board.slice.clone() else { continue };
        let scores: Vec<(&str, f64)> =
            board.rows.iter().filter_map(|row| Some((row.system.as_str(), row.rating?))).collect();
        let Some((leader, best)) = scores.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        if best <= 0.0 {
            continue;
        }
        let values = scores.iter().map(|(system, score)| ((*system).to_owned(), (100.0 * score / best).max(0.0)));
        axes.push(Axis { sector, leader: leader.to_owned(), values: values.collect() });
    }
    let undefined = match axes.len() {
        0 => Some("no graded task names a sector".to_owned()),
        1 | 2 => Some("fewer than three sectors have a score: too few for a picture".to_owned()),
        _ => None,
    };
    Ok(Radar { axes, undefined })
}

fn pareto(systems: &[System]) -> Pareto {
    let known: Vec<(&str, f64, f64)> =
        systems.iter().filter_map(|one| Some((one.system.as_str(), one.cost_usd.value?, one.score.value?))).collect();
    let points: Vec<Point> = known
        .iter()
        .map(|(system, cost, score)| {
            let beaten = known.iter().any(|(_, c, s)| c <= cost && s >= score && (c < cost || s > score));
            Point { system: (*system).to_owned(), cost_usd: *cost, score: *score, on_front: !beaten }
        })
        .collect();
    let there: BTreeSet<&str> = known.iter().map(|(system, ..)| *system).collect();
    let left_out = systems.iter().map(|one| one.system.clone()).filter(|name| !there.contains(name.as_str())).collect();
    let undefined = points.is_empty().then(|| "no system has both a score and a cost".to_owned());
    Pareto { points, left_out, undefined }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(w: f64, times: f64, human: f64, review: f64) -> (f64, f64) {
        let found = with_review(Some(human / times), review, human, Some(w), 1, "cost");
        (found.ratio_once.unwrap(), found.ratio_without_end.unwrap())
    }

    /// GDPval's published speed-up and cost ratios: 404 and 109 minutes, 361 and 86 dollars.
    #[test]
    fn the_published_ratios_of_gdpval_come_out() {
        let near = |(once, endless): (f64, f64), wanted: (f64, f64)| {
            assert!(
                (once - wanted.0).abs() < 1.5e-3 && (endless - wanted.1).abs() < 1.5e-3,
                "{once} {endless} {wanted:?}"
            );
        };
        near(ratios(0.39, 90.0, 404.0, 109.0), (1.122, 1.388));
        near(ratios(0.39, 474.0, 361.0, 86.0), (1.176, 1.623));
        near(ratios(0.125, 327.0, 404.0, 109.0), (0.871, 0.458));
        near(ratios(0.125, 5172.0, 361.0, 86.0), (0.898, 0.524));
    }

    #[test]
    fn one_try_is_the_first_of_n_and_many_tries_are_the_limit() {
        let of = |n| with_review(Some(2.0), 86.0, 361.0, Some(0.39), n, "cost");
        assert!((of(1).try_n.unwrap() - of(1).try_once.unwrap()).abs() < 1e-9);
        assert!((of(200).try_n.unwrap() - of(1).try_without_end.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn a_system_that_is_never_accepted_has_no_price_of_an_accepted_task() {
        let found = with_review(Some(2.0), 10.0, 100.0, Some(0.0), 3, "cost");
        assert_eq!((found.model_per_accepted, found.try_without_end), (None, None));
        assert_eq!(found.try_n, Some(136.0), "three tries for nothing, and the human");
        assert!(found.undefined.is_some());
        assert!(with_review(None, 1.0, 1.0, Some(0.5), 1, "cost").undefined.unwrap().contains("cost"));
    }

    #[test]
    fn the_front_is_what_nobody_beats_in_both() {
        let system = |name: &str, cost: Option<f64>, score: f64| System {
            system: name.to_owned(),
            submissions: 1,
            tasks: 1,
            score: Figure { value: Some(score), ..Figure::default() },
            cost_usd: Figure { value: cost, ..Figure::default() },
            tokens: Figure::default(),
            duration_s: Figure::default(),
            accepted: Figure::default(),
            usd: WithReview::default(),
            minutes: WithReview::default(),
            critical_errors: Figure::default(),
            fabrication: Figure::default(),
            failures: Failures::default(),
        };
        let found = pareto(&[
            system("cheap", Some(1.0), 0.5),
            system("dear", Some(5.0), 0.9),
            system("beaten", Some(5.0), 0.6),
            system("unknown", None, 1.0),
        ]);
        let front: Vec<&str> = found.points.iter().filter(|p| p.on_front).map(|p| p.system.as_str()).collect();
        assert_eq!((front, found.left_out), (vec!["cheap", "dear"], vec!["unknown".to_owned()]));
    }

    #[test]
    fn what_nobody_recorded_is_undefined_and_never_zero() {
        use crate::ranking::testing::graded;
        let material = Material { gradings: vec![graded("a", "t", 0.9)], ..Material::default() };
        let submission = Submission {
            id: material.gradings[0].submission_id,
            task_id: material.gradings[0].task_id.clone(),
            system: material.gradings[0].system.clone(),
            text: None,
            files: vec![],
            cost_usd: None,
            duration_s: None,
            tokens: Some(7),
            trace: None,
            metadata: None,
            created_at: crate::domain::Timestamp::UNIX_EPOCH,
        };
        let ask =
            Ask { wanted: Wanted::default(), accept: Accept::Score(ACCEPT_AT), costs: HumanCosts::default(), tries: 1 };
        let found = of(&material, &[submission], &[], &ask).unwrap();
        let one = &found.systems[0];
        assert_eq!((one.tokens.value, one.accepted.value), (Some(7.0), Some(1.0)));
        for figure in [&one.cost_usd, &one.critical_errors, &one.fabrication, &one.failures.catastrophic] {
            assert!(figure.value.is_none() && figure.undefined.is_some(), "{figure:?}");
        }
        assert!(one.usd.try_once.is_none() && one.failures.undefined.is_some());
        assert!(found.pareto.undefined.is_some() && found.radar.undefined.is_some());
    }
}
