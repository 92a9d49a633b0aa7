//! What humans would say of a system: the judges' figures corrected by blind reviews, and always beside them what judges
//! alone and humans alone say. Share of criteria passed, mean score, and the difference of two systems.
//!
//! - A review counts by the probability with which it was selected; one without it (opened by hand) and an override that
//!   comes from no review change their own verdict and are refused here, counted in `refused`.
//! - Selected items that nobody has answered yet: those answered stand for them, within the same system and reason of
//!   selection. That is right if reviewers do not choose what they answer; `waiting` says how many there are. Where of some
//!   reason none is answered, there is no correction.
//! - Items that no rule selects and no audit could have drawn (`random_share = 0`) are stood for by nothing: no correction.
//! - Deterministic checks are exact. They are part of the score, not of the share passed.
//! - The score is that of points before gates and clamping; rubrics with sections, formulas or gates are refused for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Criterion, Decision, Grading, PanelName, RubricId, Source, SystemName, Verdict};
use crate::grading::aggregate::ballots;
use crate::grading::result::verdicts;
use crate::refusal::Refusal;
use crate::stats::correction::{
    AuditedUnit, Isotonic, Judged, Part, Plan, Probe, ThreeWays, audited, audited_difference, transfer_audit,
};
use crate::stats::{Estimate, NotEstimable};
use crate::store::{ProjectStore, Query};

use super::agreement::Figure;
use super::history::{Numbers, Past, blind, judged, points};

const LEVEL: f64 = 0.95;
/// Of the planned interval, where none is asked for.
pub const HALF_WIDTH: f64 = 0.05;

#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub rubric_id: Option<RubricId>,
    pub panel: Option<PanelName>,
    /// Without it, every system.
    pub system: Option<SystemName>,
    /// Another one that it is compared with.
    pub against: Option<SystemName>,
    pub half_width: Option<f64>,
}

#[derive(Debug, Clone)]
pub struct Estimates {
    pub systems: Vec<OfSystem>,
    pub difference: Option<Difference>,
    /// Whether a correction that was learned on all of them may be used on each; or why that cannot be said.
    pub transfer: Result<Vec<Carried>, String>,
}

#[derive(Debug, Clone)]
pub struct OfSystem {
    pub system: SystemName,
    pub gradings: usize,
    pub pass_rate: Sides,
    pub mean_score: Sides,
    pub counts: Counts,
    pub plan: Planned,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Criteria of gradings that judges decided on.
    pub items: usize,
    /// With a human's answer that stands for others.
    pub reviewed: usize,
    /// Selected, and not answered yet.
    pub waiting: usize,
    /// Human decisions without a recorded probability of selection, or not made blind.
    pub refused: usize,
}

/// Side by side, as is due.
#[derive(Debug, Clone)]
pub struct Sides {
    pub judge_only: Figure,
    pub human_only: Figure,
    pub corrected: Figure,
}

/// How many more reviews.
#[derive(Debug, Clone)]
pub struct Planned {
    pub half_width: f64,
    /// Until the interval of the share passed is that narrow, if they are drawn at random; or why that cannot be said.
    pub more: Result<usize, String>,
}

#[derive(Debug, Clone)]
pub struct Difference {
    pub one: SystemName,
    pub other: SystemName,
    pub pass_rate: Sides,
    pub mean_score: Sides,
    /// Reviews of each system until their shares passed are told apart.
    pub more_to_separate: Result<usize, String>,
}

#[derive(Debug, Clone)]
pub struct Carried {
    pub system: SystemName,
    /// Mean of human less corrected judge.
    pub left: Figure,
    pub p: Result<f64, String>,
    /// A correction learned elsewhere must not be used on it.
    pub flagged: bool,
}

impl From<ThreeWays> for Sides {
    fn from(found: ThreeWays) -> Self {
        Self {
            judge_only: found.judge_only.into(),
            human_only: found.human_only.into(),
            corrected: found.corrected.into(),
        }
    }
}

/// What is known of a system.
#[derive(Default)]
struct Known {
    gradings: usize,
    items: Vec<Item>,
    /// Or why a score has no sum.
    no_sum: Option<String>,
    /// Per grading: cluster, score of points, what checks give of it.
    scores: Vec<(usize, Option<f64>, f64)>,
    waiting: usize,
    refused: usize,
}

/// One criterion of one grading.
struct Item {
    grading: usize,
    cluster: usize,
    judge: Option<f64>,
    /// Share of the real votes that are for it.
    votes: Option<f64>,
    human: Option<f64>,
    probability: Option<f64>,
    /// Of its stratum; none for what nobody selected.
    reason: Option<String>,
    /// Whether it is a question of yes or no; then met is a pass, or its contrary for a penalty.
    pass: Option<Pass>,
    weight: f64,
}

struct Pass {
    judge: Option<f64>,
    human: Option<f64>,
}

/// # Errors
/// If the store cannot, or there is nothing of a system that is named.
pub async fn estimates(project: &ProjectStore, wanted: &Wanted) -> Result<Estimates, Refusal> {
    let half_width = wanted.half_width.unwrap_or(HALF_WIDTH);
    if !(half_width > 0.0 && half_width < 1.0) {
        return Err(Refusal::invalid("/half_width", format!("{half_width} is not between 0 and 1")));
    }
    let known = gather(project, wanted).await?;
    let named = |name: &SystemName| match known.get(name) {
        Some(found) => Ok(found),
        None => Err(Refusal::not_found("judged grading of system", name)),
    };
    let difference = match (&wanted.system, &wanted.against) {
        (None, Some(_)) => return Err(Refusal::invalid("/system", "is missing; name the system to compare")),
        (Some(one), Some(other)) => Some(differ(one, named(one)?, other, named(other)?)),
        (Some(one), None) => named(one).map(|_| None)?,
        (None, None) => None,
    };
    let shown = |name: &SystemName| {
        wanted.system.as_ref().is_none_or(|own| own == name) || wanted.against.as_ref() == Some(name)
    };
    let systems = known.iter().filter(|(name, _)| shown(name)).map(|(name, own)| of_system(name, own, half_width));
    Ok(Estimates { systems: systems.collect(), difference, transfer: transfer(&known) })
}

/// How many more reviews, drawn at random from each system, until their shares passed are told apart; or why not.
///
/// # Errors
/// If the store cannot, or there is nothing of one of the systems.
pub async fn more_to_separate(
    project: &ProjectStore,
    one: &SystemName,
    other: &SystemName,
    among: &Wanted,
) -> Result<Result<usize, String>, Refusal> {
    let wanted = Wanted { system: Some(one.clone()), against: Some(other.clone()), ..among.clone() };
    let known = gather(project, &wanted).await?;
    let named = |name: &SystemName| known.get(name).ok_or_else(|| Refusal::not_found("judged grading of system", name));
    Ok(differ(one, named(one)?, other, named(other)?).more_to_separate)
}

/// How many more reviews tell systems apart that follow each other by what judges say, the best first.
///
/// # Errors
/// If the store cannot.
pub async fn neighbours(project: &ProjectStore, among: &Wanted) -> Result<Vec<Result<usize, String>>, Refusal> {
    let known = gather(project, among).await?;
    let passed = |name: &SystemName, own: &Known| of_system(name, own, HALF_WIDTH).pass_rate.judge_only.value;
    let mut systems: Vec<_> = known.iter().filter_map(|(name, own)| Some((passed(name, own)?, name, own))).collect();
    systems.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let pairs = systems.windows(2).map(|pair| differ(pair[0].1, pair[0].2, pair[1].1, pair[1].2).more_to_separate);
    Ok(pairs.collect())
}

async fn gather(project: &ProjectStore, wanted: &Wanted) -> Result<BTreeMap<SystemName, Known>, Refusal> {
    let query = wanted.rubric_id.map_or_else(Query::default, |id| Query::link("rubric", id));
    let is_wanted = |grading: &Grading| {
        wanted.panel.as_ref().is_none_or(|panel| *panel == grading.panel.name)
            && wanted.rubric_id.is_none_or(|id| id == grading.rubric.id)
    };
    let mut clusters = Numbers::default();
    let mut known: BTreeMap<SystemName, Known> = BTreeMap::new();
    for past in judged(project, query, is_wanted).await? {
        let cluster = clusters.of(past.cluster());
        known.entry(past.grading.system.clone()).or_default().add(&past, cluster);
    }
    known.values_mut().for_each(Known::settle);
    Ok(known)
}

impl Known {
    fn add(&mut self, past: &Past, cluster: usize) {
        let (grading, rubric) = (&past.grading, &past.rubric);
        let Some(result) = grading.result() else { return };
        let ballots = ballots(&past.votes);
        let said = verdicts(grading, rubric, &ballots, &result.checks, result.weighing.as_deref());
        let positive: f64 = rubric.criteria().iter().map(|c| c.points.max(0.0)).sum();
        let gated = rubric.criteria().iter().find(|c| c.gate.is_some());
        let why = match gated {
            _ if !rubric.scoring().is_points() => Some("the score is a formula, not a sum of points".to_owned()),
            _ if !rubric.sections().is_empty() => {
                Some("the score is a tree of sections, not a sum of points".to_owned())
            }
            Some(gate) => Some(format!("the score is not a sum of points: criterion `{}` is a gate", gate.id)),
            None if positive <= 0.0 => Some("the rubric has no positive points".to_owned()),
            None => None,
        };
        self.no_sum = self.no_sum.take().or(why);
        let (mut fixed, at) = (0.0, self.scores.len());
        let (mut awarded, mut decided) = (0.0, 0.0);
        for (criterion, verdict) in rubric.criteria().iter().zip(&said) {
            let judge = earned(criterion, verdict);
            if let Some(earned) = judge {
                awarded += earned;
                decided += criterion.points.max(0.0);
            }
            if verdict.source == Source::Check {
                fixed += judge.unwrap_or(0.0) / positive.max(f64::MIN_POSITIVE);
                continue;
            }
            self.items.push(self.item(past, criterion, verdict, judge, (at, cluster), positive));
        }
        let decisions = past.overrides.iter().filter(|decision| decision.review_id.is_none());
        self.refused += decisions.map(|decision| &decision.criterion_id).collect::<BTreeSet<_>>().len();
        self.scores.push((cluster, (decided > 0.0).then(|| awarded / decided), fixed));
        self.gradings += 1;
    }

    fn item(
        &self,
        past: &Past,
        criterion: &Criterion,
        verdict: &Verdict,
        judge: Option<f64>,
        (grading, cluster): (usize, usize),
        positive: f64,
    ) -> Item {
        let share = past.grading.panel.review.random_share;
        let review = past.review_of(&criterion.id);
        let (reason, probability, human) = match review {
            None => (None, (share > 0.0).then_some(share), None),
            Some(review) => {
                let human = blind(review).and_then(|value| points(criterion, value));
                (Some(review.reason.clone()), review.selection_probability, human)
            }
        };
        let pass = criterion.levels.is_empty().then(|| {
            let passed = |earned: f64| f64::from(u8::from((earned != 0.0) != criterion.is_penalty()));
            Pass { judge: judge.map(passed), human: human.map(passed) }
        });
        let tally = verdict.tally;
        let votes = (tally.met + tally.unmet > 0).then(|| {
            let share = f64::from(tally.met) / f64::from(tally.met + tally.unmet);
            if criterion.is_penalty() { 1.0 - share } else { share }
        });
        let weight = 1.0 / positive.max(f64::MIN_POSITIVE);
        Item { grading, cluster, judge, votes, human, probability, reason, pass, weight }
    }

    /// Answers without a probability are taken out and counted; answered ones stand for those that wait.
    fn settle(&mut self) {
        let mut strata: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for item in &mut self.items {
            let Some(reason) = &item.reason else { continue };
            if item.probability.is_none() {
                self.refused += usize::from(item.human.is_some());
                item.human = None;
                if let Some(pass) = &mut item.pass {
                    pass.human = None;
                }
                continue;
            }
            let (selected, answered) = strata.entry(reason.clone()).or_default();
            *selected += 1;
            *answered += usize::from(item.human.is_some());
            self.waiting += usize::from(item.human.is_none());
        }
        for item in &mut self.items {
            let Some((selected, answered)) = item.reason.as_ref().and_then(|reason| strata.get(reason)) else {
                continue;
            };
            item.probability = item.probability.map(|p| p * *answered as f64 / *selected as f64).filter(|p| *p > 0.0);
        }
    }

    fn passes(&self) -> Vec<AuditedUnit> {
        let unit = |item: &Item| {
            let pass = item.pass.as_ref()?;
            let part = Part { weight: 1.0, judge: pass.judge, probability: item.probability, human: pass.human };
            Some(AuditedUnit { cluster: item.cluster, judged: pass.judge, fixed: 0.0, parts: vec![part] })
        };
        self.items.iter().filter_map(unit).collect()
    }

    fn sums(&self) -> Vec<AuditedUnit> {
        let mut units: Vec<AuditedUnit> = self
            .scores
            .iter()
            .map(|(cluster, judged, fixed)| AuditedUnit {
                cluster: *cluster,
                judged: *judged,
                fixed: *fixed,
                parts: vec![],
            })
            .collect();
        for item in &self.items {
            let Item { judge, probability, human, weight, .. } = *item;
            units[item.grading].parts.push(Part { weight, judge, probability, human });
        }
        units
    }

    fn plan(&self) -> Result<Plan, NotEstimable> {
        let judged = self.items.iter().filter_map(|item| {
            let pass = item.pass.as_ref()?;
            Some(Judged { judge: pass.judge?, human: pass.human, cluster: item.cluster })
        });
        Plan::new(&judged.collect::<Vec<_>>())
    }
}

fn earned(criterion: &Criterion, verdict: &Verdict) -> Option<f64> {
    match &verdict.decision {
        Decision::Met => Some(criterion.points),
        Decision::Unmet => Some(0.0),
        Decision::Level { points, .. } => Some(*points),
        Decision::Inconclusive(_) => None,
    }
}

/// The same reason for all three.
fn refused(why: &str) -> Sides {
    let none = || Figure { undefined: Some(why.to_owned()), ..Figure::from(Err(NotEstimable::NoData)) };
    Sides { judge_only: none(), human_only: none(), corrected: none() }
}

fn of_system(name: &SystemName, own: &Known, half_width: f64) -> OfSystem {
    let mean_score = match &own.no_sum {
        Some(why) => refused(why),
        None => audited(&own.sums(), LEVEL).into(),
    };
    let more = own.plan().and_then(|plan| plan.more_reviews(half_width, LEVEL)).map_err(|why| why.to_string());
    OfSystem {
        system: name.clone(),
        gradings: own.gradings,
        pass_rate: audited(&own.passes(), LEVEL).into(),
        mean_score,
        counts: Counts {
            items: own.items.len(),
            reviewed: own.items.iter().filter(|item| item.human.is_some()).count(),
            waiting: own.waiting,
            refused: own.refused,
        },
        plan: Planned { half_width, more },
    }
}

fn differ(one_name: &SystemName, one: &Known, other_name: &SystemName, other: &Known) -> Difference {
    let passed = audited_difference(&one.passes(), &other.passes(), LEVEL);
    let mean_score = match one.no_sum.as_ref().or(other.no_sum.as_ref()) {
        Some(why) => refused(why),
        None => audited_difference(&one.sums(), &other.sums(), LEVEL).into(),
    };
    let more_to_separate = separate(one, other, passed.corrected.as_ref()).map_err(|why| why.to_string());
    let (one, other) = (one_name.clone(), other_name.clone());
    Difference { one, other, pass_rate: passed.into(), mean_score, more_to_separate }
}

/// None where they are told apart already.
fn separate(one: &Known, other: &Known, found: Result<&Estimate, &NotEstimable>) -> Result<usize, NotEstimable> {
    let found = found.map_err(Clone::clone)?;
    if found.interval.as_ref().is_ok_and(|interval| !interval.contains(0.0)) {
        return Ok(0);
    }
    one.plan()?.more_to_separate(&other.plan()?, found.value, LEVEL)
}

/// Fits the correction to all systems and looks what it leaves on each.
fn transfer(known: &BTreeMap<SystemName, Known>) -> Result<Vec<Carried>, String> {
    let probes: Vec<(&SystemName, Probe)> = known
        .iter()
        .map(|(name, own)| {
            let mut probe = Probe::default();
            for item in &own.items {
                if let (Some(votes), Some(human)) = (item.votes, item.pass.as_ref().and_then(|pass| pass.human)) {
                    probe.judge.push(votes);
                    probe.human.push(human);
                    probe.clusters.push(item.cluster);
                }
            }
            (name, probe)
        })
        .filter(|(_, probe)| !probe.human.is_empty())
        .collect();
    if probes.len() < 2 {
        let found = probes.len();
        return Err(NotEstimable::TooFewSystems { found, needed: 2 }.to_string());
    }
    let all =
        |of: fn(&Probe) -> &Vec<f64>| probes.iter().flat_map(|(_, p)| of(p).iter().copied()).collect::<Vec<f64>>();
    let correction = Isotonic::fit(&all(|p| &p.judge), &all(|p| &p.human)).map_err(|why| why.to_string())?;
    let (names, probes): (Vec<&SystemName>, Vec<Probe>) = probes.into_iter().unzip();
    let found = transfer_audit(&correction, &probes, LEVEL).map_err(|why| why.to_string())?;
    Ok(names
        .into_iter()
        .zip(found)
        .map(|(name, own)| Carried {
            system: name.clone(),
            left: Ok(own.left).into(),
            p: own.p.map_err(|why| why.to_string()),
            flagged: own.flagged,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Draw, Review};
    use crate::ranking::made::{World, made};

    fn named(name: &str) -> SystemName {
        SystemName::parse(name).unwrap()
    }

    fn holds(figure: &Figure, truth: f64) -> bool {
        figure.low.unwrap() <= truth && truth <= figure.high.unwrap()
    }

    #[tokio::test]
    async fn lenient_judges_are_corrected_by_blind_reviews_and_all_three_stand_side_by_side() {
        let made = made(&World::default()).await;
        let wanted = Wanted { half_width: Some(0.09), ..Wanted::default() };
        let found = estimates(&made.project, &wanted).await.unwrap();
        assert_eq!(found.systems.len(), 2);
        for (own, at) in found.systems.iter().zip([1, 0]) {
            let Sides { judge_only, human_only, corrected } = &own.pass_rate;
            assert!(holds(corrected, made.truth[at]), "{}: {corrected:?}, truth {}", own.system, made.truth[at]);
            assert!(holds(human_only, made.truth[at]), "{human_only:?}");
            assert!(judge_only.value.unwrap() > corrected.value.unwrap(), "{judge_only:?}");
            assert!(own.mean_score.corrected.value.is_some(), "{:?}", own.mean_score);
            assert_eq!((own.counts.items, own.counts.waiting, own.counts.refused), (240, 0, 0));
            assert!(own.counts.reviewed >= 30);
            assert!(own.plan.more.as_ref().is_ok_and(|more| *more < 240), "{:?}", own.plan);
        }
        assert_eq!(found.transfer.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn reviews_that_were_drawn_by_disagreement_correct_as_those_drawn_alike_do() {
        for (draw, alike) in [(Draw::Uniform, true), (Draw::Disagreement, false)] {
            let world = World { split: false, draw, tasks: 120, ..World::default() };
            let made = made(&world).await;
            let reviews = made.project.all::<Review>(Query::default()).await.unwrap();
            let probabilities: BTreeSet<u64> =
                reviews.iter().map(|review| review.selection_probability.unwrap().to_bits()).collect();
            assert_eq!(probabilities.len() == 1, alike, "each review keeps its own probability");
            let found = estimates(&made.project, &Wanted::default()).await.unwrap();
            for (own, at) in found.systems.iter().zip([1, 0]) {
                let Sides { judge_only, corrected, .. } = &own.pass_rate;
                assert!(
                    holds(corrected, made.truth[at]),
                    "{draw:?} {}: {corrected:?}, truth {}",
                    own.system,
                    made.truth[at]
                );
                assert!(!holds(judge_only, made.truth[at]), "{judge_only:?}");
            }
        }
    }

    #[tokio::test]
    async fn two_systems_are_told_apart_or_it_is_said_how_many_more_reviews_that_takes() {
        let apart = made(&World::default()).await;
        let wanted = Wanted { system: Some(named("gpt-app")), against: Some(named("claude-app")), ..Wanted::default() };
        let found = estimates(&apart.project, &wanted).await.unwrap().difference.unwrap();
        assert!(holds(&found.pass_rate.corrected, apart.truth[0] - apart.truth[1]), "{:?}", found.pass_rate);
        assert_eq!(found.more_to_separate, Ok(0));
        let close = World { systems: [("gpt-app", 60), ("claude-app", 55)], ..World::default() };
        let close = made(&close).await;
        let more = more_to_separate(&close.project, &named("gpt-app"), &named("claude-app"), &Wanted::default()).await;
        // Some number, or what can be had at best: never zero.
        assert!(more.unwrap() != Ok(0));
    }

    #[tokio::test]
    async fn what_nobody_could_have_drawn_or_nobody_selected_by_chance_corrects_nothing() {
        let unaudited = made(&World { random_share: 0.0, ..World::default() }).await;
        let found = estimates(&unaudited.project, &Wanted::default()).await.unwrap();
        let own = &found.systems[0].pass_rate;
        assert!(own.judge_only.value.is_some() && own.corrected.value.is_none());
        assert!(own.corrected.undefined.as_ref().unwrap().contains("no recorded audit probability"), "{own:?}");

        // One review loses its probability: it is refused, counted, and corrects nothing.
        let made = made(&World::default()).await;
        let reviews = made.project.all::<Review>(Query::default()).await.unwrap();
        let mut by_hand = reviews.into_iter().find(|review| review.resolution.is_some()).unwrap();
        by_hand.selection_probability = None;
        made.project.commit(made.project.batch().put(&by_hand)).await.unwrap();
        let found = estimates(&made.project, &Wanted::default()).await.unwrap();
        assert_eq!(found.systems.iter().map(|own| own.counts.refused).sum::<usize>(), 1);
    }

    #[tokio::test]
    async fn those_answered_stand_for_those_that_wait() {
        let half = made(&World { answered: 60, tasks: 90, ..World::default() }).await;
        let found = estimates(&half.project, &Wanted::default()).await.unwrap();
        for (own, at) in found.systems.iter().zip([1, 0]) {
            assert!(own.counts.waiting > 10);
            assert!(holds(&own.pass_rate.corrected, half.truth[at]), "{:?} {}", own.pass_rate, half.truth[at]);
        }
        let none = made(&World { answered: 0, ..World::default() }).await;
        let found = estimates(&none.project, &Wanted::default()).await.unwrap();
        assert!(found.systems[0].pass_rate.corrected.undefined.is_some());
    }

    #[tokio::test]
    async fn a_question_without_a_sense_is_refused_by_name() {
        let made = made(&World { tasks: 2, ..World::default() }).await;
        let against = Wanted { against: Some(named("gpt-app")), ..Wanted::default() };
        assert!(estimates(&made.project, &against).await.unwrap_err().to_string().contains("/system"));
        let nobody = Wanted { system: Some(named("nobody")), ..Wanted::default() };
        assert!(estimates(&made.project, &nobody).await.unwrap_err().to_string().contains("nobody"));
        let few = estimates(&made.project, &Wanted::default()).await.unwrap();
        assert!(few.systems[0].plan.more.as_ref().unwrap_err().contains("human answers"));
    }
}
