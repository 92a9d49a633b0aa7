//! Which comparisons to make. Four plans:
//!
//! - **all pairs** of systems on every task: fair to all, and the dearest;
//! - **against** one system, such as `human`: GDPval's wins or ties;
//! - **anchors**: everybody against a few systems of middling strength, against which both the strong and the weak still
//!   win and lose;
//! - **active**: those whose outcome would narrow the intervals most. The information of what is known is summed as the
//!   Bradley-Terry model has it (`p(1-p)` per battle of a pair, with a weak prior), and pairs are chosen one after the
//!   other by how much each takes off the summed variances of all ratings (A-optimal; the covariance is updated by
//!   Sherman and Morrison's formula after each). Pairs that never met, and groups that nothing joins, come first by
//!   themselves: nothing is less known.
//!
//! A pair that the same panel compared already on the same submissions is not planned again, whatever came of it; where
//! criteria are asked about, a pair that was compared without those of that version is. Plans are spread over tasks, because
//! battles of one task go together and more of them add little.
//!
//! Two plans at once, in one process or in several on one store, do not make the same pair twice: a plan begins by looking
//! whose turn it is ([`Planned::take_turn`]) and can be kept only if nobody has taken the turn since; else it is planned again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::board::{Board, Fought, Method};
use super::by_criterion::{self, Criteria};
use super::leaderboard::{Sources, Wanted, battles, boards};
use super::material::{Material, Needs};
use crate::domain::{Comparison, Panel, RubricRef, Submission, SubmissionId, SystemName, TaskId};
use crate::grading::accept::Intake;
use crate::refusal::Refusal;
use crate::stats::rating::Outcome;
use crate::store::{Kept, PlanTurn, ProjectStore, Query, Record};

/// The most comparisons of one request.
pub const MAX_COMPARISONS: usize = 10_000;
/// The most systems that an active plan weighs against each other.
pub const MAX_ACTIVE_SYSTEMS: usize = 200;
/// Battles that the prior is worth between a system and the mean of all: weak, and enough to be finite.
const PRIOR: f64 = 0.05;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    AllPairs,
    Against(SystemName),
    /// So many systems of middling strength.
    Anchors(usize),
    /// So many comparisons.
    Active(usize),
}

#[derive(Debug, Clone)]
pub struct Ask {
    pub plan: Plan,
    /// `None`: all.
    pub tasks: Option<Vec<TaskId>>,
    /// `None`: all.
    pub systems: Option<Vec<SystemName>>,
    /// Whether judges are asked about criteria besides; of each task its own rubric, or one for all.
    pub criteria: Criteria,
}

/// Two submissions of a task, in the order of their systems' names.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub task: TaskId,
    pub a: SubmissionId,
    pub b: SubmissionId,
    pub system_a: SystemName,
    pub system_b: SystemName,
    pub rubric: Option<RubricRef>,
}

/// Whether a plan wants two systems compared.
type Wants<'a> = Box<dyn Fn(&SystemName, &SystemName) -> bool + Send + Sync + 'a>;

#[derive(Debug, Clone, Default)]
pub struct Planned {
    pub pairs: Vec<Pair>,
    /// Pairs of the plan that the panel compared already.
    pub known: usize,
    /// The anchors that were chosen.
    pub anchors: Vec<String>,
    /// Whose turn it was before anything was read.
    turn: Option<Kept<PlanTurn>>,
}

impl Planned {
    /// Keeps what the intake holds only if nobody else planned since this plan began.
    pub fn take_turn(&self, intake: &mut Intake<'_>) {
        match &self.turn {
            None => intake.insert(&PlanTurn { number: 1 }),
            Some(Kept { record, revision }) => intake.update(&PlanTurn { number: record.number + 1 }, *revision),
        }
    }
}

/// # Errors
/// If a task or system is unknown, the plan asks for too much, or anchors are wanted and nothing is rated yet.
pub async fn plan(project: &ProjectStore, panel: &Panel, ask: &Ask) -> Result<Planned, Refusal> {
    // First of all: what is read from here on is at least as new.
    let turn = project.get::<PlanTurn>(&PlanTurn { number: 0 }.key()).await?;
    let submissions = project.all::<Submission>(Query::default()).await?;
    let newest = newest(&submissions, ask)?;
    let comparisons = project.all::<Comparison>(Query::default()).await?;
    let fingerprint = panel.fingerprint();
    // A task without a rubric is refused only if a pair of it is planned.
    let mut rubrics: HashMap<&TaskId, Result<Option<RubricRef>, Refusal>> = HashMap::new();
    for task in newest.keys() {
        rubrics.insert(task, by_criterion::rubric(project, task, ask.criteria).await);
    }
    let as_wanted = |one: &Comparison| match rubrics.get(&one.task_id) {
        Some(Ok(Some(wanted))) => one.rubric.as_ref().is_some_and(|own| own.fingerprint == wanted.fingerprint),
        Some(Ok(None)) => true,
        Some(Err(_)) | None => false,
    };
    let known: HashSet<(SubmissionId, SubmissionId)> = comparisons
        .iter()
        .filter(|one| one.panel.name == panel.name && one.panel.fingerprint() == fingerprint && as_wanted(one))
        .map(|one| (one.a.min(one.b), one.a.max(one.b)))
        .collect();
    let mut planned = Planned { turn, ..Planned::default() };
    let wants: Wants<'_> = match &ask.plan {
        Plan::AllPairs | Plan::Active(_) => Box::new(|_, _| true),
        Plan::Against(system) => {
            if !newest.values().any(|own| own.contains_key(system)) {
                let known: BTreeSet<&str> = submissions.iter().map(|one| one.system.as_str()).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                let detail = format!("`{system}` has no submission of these tasks; there are: {known}");
                return Err(Refusal::invalid("/system", detail));
            }
            Box::new(move |a, b| a == system || b == system)
        }
        Plan::Anchors(n) => {
            let there: BTreeSet<&SystemName> = newest.values().flat_map(|own| own.keys().copied()).collect();
            planned.anchors = anchors(&rated(project).await?, &there, *n)?;
            let chosen = planned.anchors.clone();
            Box::new(move |a, b| chosen.iter().any(|one| one == a.as_str() || one == b.as_str()))
        }
    };
    let (pairs, already) = candidates(&newest, &known, &*wants);
    drop(wants);
    planned.known = already;
    planned.pairs = match ask.plan {
        Plan::Active(n) => {
            let material = Material::read(project, Needs { battles: true, ..Needs::default() }).await?;
            let wanted = Wanted::default();
            let board = boards(&material, &wanted)?.boards.into_iter().next().unwrap_or_default();
            active(&pairs, &board, &battles(&material, &wanted).compared, n)?
        }
        _ => pairs,
    };
    if planned.pairs.len() > MAX_COMPARISONS {
        let detail = format!(
            "it asks for {} comparisons and one request makes at most {MAX_COMPARISONS}; name fewer tasks or systems, or take anchors or an active plan",
            planned.pairs.len()
        );
        return Err(Refusal::invalid("/plan", detail));
    }
    let tasks: BTreeSet<TaskId> = planned.pairs.iter().map(|pair| pair.task.clone()).collect();
    let mut of_tasks: HashMap<TaskId, Option<RubricRef>> = HashMap::new();
    for task in tasks {
        let rubric = rubrics.remove(&task).transpose()?.flatten();
        of_tasks.insert(task, rubric);
    }
    for pair in &mut planned.pairs {
        pair.rubric = of_tasks.get(&pair.task).cloned().flatten();
    }
    Ok(planned)
}

type Newest<'a> = BTreeMap<&'a TaskId, BTreeMap<&'a SystemName, &'a Submission>>;

/// The newest submission of each system for each task.
fn newest<'a>(submissions: &'a [Submission], ask: &Ask) -> Result<Newest<'a>, Refusal> {
    let mut newest: Newest<'a> = BTreeMap::new();
    for submission in submissions {
        let Some(task) = &submission.task_id else { continue };
        let wanted = ask.tasks.as_ref().is_none_or(|tasks| tasks.contains(task))
            && ask.systems.as_ref().is_none_or(|systems| systems.contains(&submission.system));
        if !wanted {
            continue;
        }
        let own = newest.entry(task).or_default().entry(&submission.system).or_insert(submission);
        if submission.id > own.id {
            *own = submission;
        }
    }
    for (index, task) in ask.tasks.iter().flatten().enumerate() {
        if !newest.contains_key(task) {
            return Err(Refusal::invalid(
                format!("/task_ids/{index}"),
                format!("task `{task}` has no submission of these systems"),
            ));
        }
    }
    for (index, system) in ask.systems.iter().flatten().enumerate() {
        if !newest.values().any(|own| own.contains_key(system)) {
            return Err(Refusal::invalid(
                format!("/systems/{index}"),
                format!("`{system}` has no submission of these tasks"),
            ));
        }
    }
    Ok(newest)
}

/// Pairs that are wanted and not known, spread over the tasks: first one of each task, and not the same systems.
fn candidates(
    newest: &Newest<'_>,
    known: &HashSet<(SubmissionId, SubmissionId)>,
    wants: &dyn Fn(&SystemName, &SystemName) -> bool,
) -> (Vec<Pair>, usize) {
    let mut ordered: Vec<(usize, usize, Pair)> = Vec::new();
    let mut already = 0;
    for (at, (task, own)) in newest.iter().enumerate() {
        let own: Vec<(&&SystemName, &&Submission)> = own.iter().collect();
        let mut of_task = Vec::new();
        for (i, (system_a, a)) in own.iter().enumerate() {
            for (system_b, b) in &own[i + 1..] {
                if !wants(system_a, system_b) {
                    continue;
                }
                if known.contains(&(a.id.min(b.id), a.id.max(b.id))) {
                    already += 1;
                    continue;
                }
                let (system_a, system_b) = ((**system_a).clone(), (**system_b).clone());
                of_task.push(Pair { task: (*task).clone(), a: a.id, b: b.id, system_a, system_b, rubric: None });
            }
        }
        let count = of_task.len();
        ordered.extend(of_task.into_iter().enumerate().map(|(i, pair)| ((i + at) % count, at, pair)));
    }
    ordered.sort_by_key(|(round, at, _)| (*round, *at));
    (ordered.into_iter().map(|(_, _, pair)| pair).collect(), already)
}

/// The strengths that are known: from battles, or from mean scores while nothing was compared.
async fn rated(project: &ProjectStore) -> Result<Board, Refusal> {
    let material = Material::read(project, Needs { battles: true, gradings: true, ..Needs::default() }).await?;
    let by_battles = boards(&material, &Wanted::default())?.boards.into_iter().next().unwrap_or_default();
    if by_battles.rows.iter().any(|row| row.rating.is_some()) {
        return Ok(by_battles);
    }
    let mut wanted = Wanted { sources: Sources::default(), ..Wanted::default() };
    wanted.rules.method = Method::Score;
    Ok(boards(&material, &wanted)?.boards.into_iter().next().unwrap_or_default())
}

/// The systems nearest to the median strength, the nearest first.
fn anchors(board: &Board, there: &BTreeSet<&SystemName>, n: usize) -> Result<Vec<String>, Refusal> {
    let mut rated: Vec<(f64, &str)> = board
        .rows
        .iter()
        .filter(|row| row.group == 0 && there.iter().any(|system| system.as_str() == row.system))
        .filter_map(|row| Some((row.rating?, row.system.as_str())))
        .collect();
    if n == 0 || n > rated.len() {
        let detail = format!(
            "{n} anchors are wanted and {} systems with submissions are rated; take 1 to that many, or rate some first (gradings, or the plan against a system)",
            rated.len()
        );
        return Err(Refusal::invalid("/anchors", detail));
    }
    rated.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let middle = rated.len() / 2;
    let median =
        if rated.len() % 2 == 1 { rated[middle].0 } else { f64::midpoint(rated[middle - 1].0, rated[middle].0) };
    rated.sort_by(|a, b| (a.0 - median).abs().total_cmp(&(b.0 - median).abs()).then(a.1.cmp(b.1)));
    Ok(rated.into_iter().take(n).map(|(_, system)| system.to_owned()).collect())
}

/// The covariance of log strengths, as the model has it.
struct Covariance {
    size: usize,
    cells: Vec<f64>,
}

impl Covariance {
    fn prior(size: usize) -> Self {
        let mut cells = vec![0.0; size * size];
        (0..size).for_each(|i| cells[i * size + i] = 1.0 / PRIOR);
        Self { size, cells }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.cells[i * self.size + j]
    }

    /// Of the difference of two.
    fn variance(&self, i: usize, j: usize) -> f64 {
        self.at(i, i) + self.at(j, j) - 2.0 * self.at(i, j)
    }

    /// What a battle with this information would take off the sum of all variances.
    fn gain(&self, i: usize, j: usize, information: f64) -> f64 {
        let moved: f64 = (0..self.size).map(|k| (self.at(k, i) - self.at(k, j)).powi(2)).sum();
        information * moved / (1.0 + information * self.variance(i, j))
    }

    fn learn(&mut self, i: usize, j: usize, information: f64) {
        let shrink = information / (1.0 + information * self.variance(i, j));
        let moved: Vec<f64> = (0..self.size).map(|k| self.at(k, i) - self.at(k, j)).collect();
        for (k, by) in moved.iter().enumerate().filter(|(_, by)| **by != 0.0) {
            let line = &mut self.cells[k * self.size..(k + 1) * self.size];
            line.iter_mut().zip(&moved).for_each(|(cell, other)| *cell -= shrink * by * other);
        }
    }
}

/// `n` of the candidates, the most telling first.
///
/// # Errors
/// If there are too many systems.
pub fn active(candidates: &[Pair], board: &Board, fought: &[Fought], n: usize) -> Result<Vec<Pair>, Refusal> {
    let mut systems: BTreeSet<&str> =
        candidates.iter().flat_map(|pair| [pair.system_a.as_str(), pair.system_b.as_str()]).collect();
    systems.extend(fought.iter().flat_map(|battle| [battle.a.as_str(), battle.b.as_str()]));
    if systems.len() > MAX_ACTIVE_SYSTEMS {
        let detail = format!(
            "an active plan weighs up to {MAX_ACTIVE_SYSTEMS} systems, here are {}; take anchors",
            systems.len()
        );
        return Err(Refusal::invalid("/plan", detail));
    }
    let place: HashMap<&str, usize> = systems.iter().enumerate().map(|(i, system)| (*system, i)).collect();
    // Rating points per factor e; who is not rated is taken as middling.
    let strength = |system: &str| {
        let row = board.rows.iter().find(|row| row.system == system);
        row.and_then(|row| row.rating).unwrap_or(1000.0) * std::f64::consts::LN_10 / 400.0
    };
    let strengths: Vec<f64> = systems.iter().map(|system| strength(system)).collect();
    let information = |i: usize, j: usize| {
        let p = 1.0 / (1.0 + (strengths[j] - strengths[i]).exp());
        // However far apart two are thought to be, that may be wrong.
        (p * (1.0 - p)).max(0.01)
    };
    // As in the ratings: a pair on a task is one battle, however often it was judged.
    let mut met: BTreeSet<(usize, usize, Option<&TaskId>, usize)> = BTreeSet::new();
    for (at, battle) in fought.iter().enumerate().filter(|(_, battle)| battle.outcome != Outcome::BothBad) {
        let (i, j) = (place[battle.a.as_str()], place[battle.b.as_str()]);
        if i != j {
            let alone = if battle.task.is_none() { at } else { 0 };
            met.insert((i.min(j), i.max(j), battle.task.as_ref(), alone));
        }
    }
    let mut covariance = Covariance::prior(systems.len());
    let mut counts: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    met.iter().for_each(|(i, j, ..)| *counts.entry((*i, *j)).or_default() += 1.0);
    counts.iter().for_each(|((i, j), count)| covariance.learn(*i, *j, count * information(*i, *j)));

    // Of a pair of systems, tasks in the candidates' order; the last is taken first.
    let mut waiting: BTreeMap<(usize, usize), Vec<&Pair>> = BTreeMap::new();
    for pair in candidates.iter().rev() {
        let (i, j) = (place[pair.system_a.as_str()], place[pair.system_b.as_str()]);
        waiting.entry((i.min(j), i.max(j))).or_default().push(pair);
    }
    let mut chosen = Vec::new();
    while chosen.len() < n {
        let best = waiting
            .iter()
            .filter(|(_, left)| !left.is_empty())
            .map(|((i, j), _)| ((*i, *j), covariance.gain(*i, *j, information(*i, *j))))
            .fold(None, |best: Option<((usize, usize), f64)>, one| match best {
                Some(best) if best.1 >= one.1 => Some(best),
                _ => Some(one),
            });
        let Some(((i, j), _)) = best else { break };
        let Some(pair) = waiting.get_mut(&(i, j)).and_then(Vec::pop) else { break };
        chosen.push(pair.clone());
        covariance.learn(i, j, information(i, j));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Id, Timestamp};
    use crate::ranking::board::{Rules, battle_board};

    fn system(name: &str) -> SystemName {
        SystemName::parse(name).unwrap()
    }

    fn submissions(systems: &[&str], tasks: usize) -> Vec<Submission> {
        let mut all = Vec::new();
        for task in 0..tasks {
            for name in systems {
                all.push(Submission {
                    id: SubmissionId::from_uuid(uuid::Uuid::from_u128(all.len() as u128 + 1)),
                    task_id: Some(TaskId::parse(format!("t{task}")).unwrap()),
                    system: system(name),
                    text: Some("text".to_owned()),
                    files: vec![],
                    cost_usd: None,
                    duration_s: None,
                    tokens: None,
                    trace: None,
                    metadata: None,
                    created_at: Timestamp::UNIX_EPOCH,
                });
            }
        }
        all
    }

    fn everything() -> Ask {
        Ask { plan: Plan::AllPairs, tasks: None, systems: None, criteria: Criteria::No }
    }

    fn fought(a: &str, b: &str, outcome: Outcome, task: &str) -> Fought {
        let task = Some(TaskId::parse(task).unwrap());
        Fought { a: system(a), b: system(b), outcome, task, imported: false, judge: None, longer: None }
    }

    fn names(pairs: &[Pair]) -> Vec<(&str, &str)> {
        pairs.iter().map(|pair| (pair.system_a.as_str(), pair.system_b.as_str())).collect()
    }

    #[test]
    fn all_pairs_come_once_spread_over_tasks_and_known_ones_are_left_out() {
        let all = submissions(&["a", "b", "c"], 2);
        let newest = newest(&all, &everything()).unwrap();
        let (pairs, known) = candidates(&newest, &HashSet::new(), &|_, _| true);
        assert_eq!((pairs.len(), known), (6, 0));
        assert_ne!(pairs[0].task, pairs[1].task, "first one of each task");
        assert_ne!(names(&pairs)[0], names(&pairs)[1], "and not the same systems");
        let first = HashSet::from([(pairs[0].a.min(pairs[0].b), pairs[0].a.max(pairs[0].b))]);
        let (rest, known) = candidates(&newest, &first, &|_, _| true);
        assert_eq!((rest.len(), known), (5, 1));
        assert!(!rest.contains(&pairs[0]));
    }

    #[test]
    fn only_the_newest_submission_of_a_system_is_compared() {
        let mut all = submissions(&["a", "b"], 1);
        let mut again = all[0].clone();
        again.id = SubmissionId::from_uuid(uuid::Uuid::from_u128(99));
        all.push(again);
        let newest = newest(&all, &everything()).unwrap();
        let (pairs, _) = candidates(&newest, &HashSet::new(), &|_, _| true);
        assert_eq!((pairs.len(), pairs[0].a.uuid().as_u128()), (1, 99));
    }

    #[test]
    fn an_active_plan_first_asks_about_what_never_met() {
        let all = submissions(&["a", "b", "c"], 12);
        let newest = newest(&all, &everything()).unwrap();
        let (pairs, _) = candidates(&newest, &HashSet::new(), &|_, _| true);
        let known: Vec<Fought> = (0..10)
            .map(|t| fought("a", "b", if t % 2 == 0 { Outcome::A } else { Outcome::B }, &t.to_string()))
            .collect();
        let board = battle_board(None, &known, 0, &Rules::default()).unwrap();
        let chosen = active(&pairs, &board, &known, 4).unwrap();
        assert!(names(&chosen).iter().all(|(_, b)| *b == "c"), "{:?}", names(&chosen));
        let tasks: BTreeSet<&str> = chosen.iter().map(|pair| pair.task.as_str()).collect();
        assert!(tasks.len() >= 2, "{tasks:?}");
    }

    #[test]
    fn an_active_plan_narrows_more_than_as_many_pairs_in_turn() {
        // Four equals in a chain: a-b and b-c are well known, d is only known by c.
        let mut known = Vec::new();
        for t in 0..12 {
            let outcome = if t % 2 == 0 { Outcome::A } else { Outcome::B };
            known.push(fought("a", "b", outcome, &format!("x{t}")));
            known.push(fought("b", "c", outcome, &format!("y{t}")));
            if t < 2 {
                known.push(fought("c", "d", outcome, &format!("z{t}")));
            }
        }
        let all = submissions(&["a", "b", "c", "d"], 6);
        let newest = newest(&all, &everything()).unwrap();
        let (pairs, _) = candidates(&newest, &HashSet::new(), &|_, _| true);
        let board = battle_board(None, &known, 0, &Rules::default()).unwrap();
        let chosen = active(&pairs, &board, &known, 8).unwrap();
        let total = |extra: &[Pair]| {
            let mut covariance = Covariance::prior(4);
            let at = |name: &str| ["a", "b", "c", "d"].iter().position(|one| *one == name).unwrap();
            let battles = known.iter().map(|one| (one.a.as_str(), one.b.as_str()));
            let extra = extra.iter().map(|one| (one.system_a.as_str(), one.system_b.as_str()));
            battles.chain(extra).for_each(|(a, b)| covariance.learn(at(a), at(b), 0.25));
            let mut sum = 0.0;
            (0..4).for_each(|i| (0..i).for_each(|j| sum += covariance.variance(i, j)));
            sum
        };
        let (by_plan, in_turn) = (total(&chosen), total(&pairs[..8]));
        assert!(by_plan < in_turn * 0.95, "{by_plan} against {in_turn}");
        assert!(names(&chosen)[..2].iter().all(|(_, b)| *b == "d"), "{:?}", names(&chosen));
    }

    #[test]
    fn anchors_are_of_middling_strength() {
        let known: Vec<Fought> = (0..12)
            .flat_map(|t| {
                let task = t.to_string();
                let lucky = if t % 4 == 0 { Outcome::B } else { Outcome::A };
                [fought("top", "mid", lucky, &task), fought("mid", "low", lucky, &task)]
            })
            .collect();
        let board = battle_board(None, &known, 0, &Rules::default()).unwrap();
        let all = [system("low"), system("mid"), system("top")];
        let there = all.iter().collect();
        assert_eq!(anchors(&board, &there, 1).unwrap(), ["mid"]);
        assert!(anchors(&board, &there, 4).is_err());
    }
}
