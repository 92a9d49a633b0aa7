//! The report card of a judge: what it is worth beside humans who answered blind, beside itself and in comparisons; how often
//! it fails, what it costs. From what is recorded in one project; every figure with interval and n, or why there is none.
//!
//! - Beside humans only settled reviews count that somebody answered blind. An override that comes from no review was made
//!   with the judges' answers in sight: counted, not used. Reviews are of what was selected: of splits all, of the rest a
//!   share, so that an accuracy over them is of harder questions than most; the card says how many of which.
//! - Repeats are reduced to the judge's vote first. Confusion, P, R, F1 and kappa are of yes/no criteria; severity and drift
//!   of all, on the share of a criterion's points. A penalty that is met counts like any other that is met.
//! - Families are told by names of models and systems ([`crate::domain::family`]); who cannot be told is left out.
//! - Lengths are those of final messages, where both submissions of a comparison are text alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Answer, Comparison, Criterion, Grading, JudgeName, JudgeSpec, Match, Order, Preference, Question, Subject,
    Submission, Vote, VoteOutcome, family,
};
use crate::grading::aggregate::{JudgeVote, ballots, judge_votes};
use crate::grading::call::subject_prefix;
use crate::refusal::Refusal;
use crate::stats::accuracy::{
    Bins, Confusion, bias_index, calibration, drift, effective_judges, macro_f1, retest, self_preference, severity,
};
use crate::stats::agreement::{Level, Ratings};
use crate::stats::interval::clustered_mean;
use crate::stats::testing::{firth, logistic, mcnemar, sign_test};
use crate::stats::{Estimate, NotEstimable};
use crate::store::{ProjectStore, Query};

use super::agreement::Figure;
use super::history::{Numbers, Past, blind, judged, points, share};

const LEVEL: f64 = 0.95;
const ROUNDS: usize = 1_000;
const SEED: u64 = 0x5eed;
/// Equal counts of answers in each.
const BINS: usize = 10;
/// Classes of yes/no criteria.
const LABELS: [&str; 2] = ["UNMET", "MET"];

type Figures = BTreeMap<String, Figure>;

#[derive(Debug, Clone)]
pub struct Report {
    pub judge: String,
    pub models: BTreeMap<String, usize>,
    pub gradings: usize,
    pub votes: usize,
    pub humans: Humans,
    pub labels: Vec<String>,
    /// `[human][judge]`.
    pub confusion: Vec<Vec<u64>>,
    pub against_humans: Figures,
    pub curve: Vec<Bin>,
    pub test_retest: Figures,
    pub comparisons: Figures,
    pub tests: BTreeMap<String, Test>,
    pub rates: Figures,
    pub failed_by_cause: Figures,
    pub prevalence: BTreeMap<String, f64>,
    pub human_prevalence: BTreeMap<String, f64>,
    pub cost: Figures,
    pub usd: Option<f64>,
    pub latency_ms_median: Option<u64>,
    pub latency_ms_p95: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Humans {
    pub answers: usize,
    pub by_reason: BTreeMap<String, usize>,
    pub not_blind: usize,
    pub undecided: usize,
    pub note: String,
}

#[derive(Debug, Clone, Copy)]
pub struct Bin {
    pub n: usize,
    pub confidence: f64,
    pub right: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Clone)]
pub struct Test {
    pub p: Option<f64>,
    pub detail: String,
    pub undefined: Option<String>,
}

/// What judge and human said of one criterion.
struct Pair {
    cluster: usize,
    system: usize,
    /// Of yes/no criteria: judge, human.
    met: Option<(usize, usize)>,
    judge: f64,
    human: f64,
    /// Of the judge's answers that agree with its vote.
    confidence: Option<f64>,
    day: f64,
    own_family: Option<bool>,
}

/// # Errors
/// If the store cannot.
pub async fn report(project: &ProjectStore, judge: &JudgeName) -> Result<Report, Refusal> {
    let sits = |grading: &Grading| grading.panel.judges.iter().any(|spec| spec.name == *judge);
    let past = judged(project, Query::default(), sits).await?;
    let duels = duels(project, judge).await?;
    Ok(Card::of(judge, &past).report(judge, &past, &duels))
}

/// What is gathered for the card.
#[derive(Default)]
struct Card<'a> {
    clusters: Numbers,
    pairs: Vec<Pair>,
    humans: Humans,
    systems: Vec<&'a str>,
    /// With their clusters.
    votes: Vec<(usize, &'a Vote)>,
    /// Repeats of one question, as labels.
    repeats: Vec<Vec<Option<&'a str>>>,
}

impl<'a> Card<'a> {
    fn of(judge: &JudgeName, past: &'a [Past]) -> Self {
        let mut card = Self::default();
        let mut systems = Numbers::default();
        for one in past {
            let cluster = card.clusters.of(one.cluster());
            let system = systems.of(one.grading.system.to_string());
            if system == card.systems.len() {
                card.systems.push(one.grading.system.as_str());
            }
            let own: Vec<&Vote> = one.votes.iter().filter(|vote| vote.key.judge == *judge).collect();
            card.votes.extend(own.iter().map(|vote| (cluster, *vote)));
            let decisions = one.overrides.iter().filter(|decision| decision.review_id.is_none());
            card.humans.not_blind += decisions.map(|decision| &decision.criterion_id).collect::<BTreeSet<_>>().len();
            let ballots = ballots(&one.votes);
            for criterion in one.rubric.criteria() {
                let Some(repeats) = ballots.get(&criterion.id).and_then(|judges| judges.get(judge)) else { continue };
                card.repeats.extend(asked_again(repeats));
                let vote =
                    judge_votes(criterion, ballots.get(&criterion.id)).into_iter().find(|(who, _)| *who == judge);
                if let Some((_, vote)) = vote {
                    card.pair(one, criterion, &vote, repeats, (cluster, system), judge);
                }
            }
        }
        card
    }

    fn pair(
        &mut self,
        one: &Past,
        criterion: &Criterion,
        vote: &JudgeVote,
        repeats: &[&Vote],
        (cluster, system): (usize, usize),
        judge: &JudgeName,
    ) {
        let Some(review) = one.review_of(&criterion.id) else { return };
        let Some(settled) = &review.resolution else { return };
        if !review.was_blind() {
            self.humans.not_blind += 1;
            return;
        }
        let Some(human) = blind(review).and_then(|value| points(criterion, value)) else {
            self.humans.undecided +=
                usize::from(settled.value.verdict() == Some(&crate::domain::OverrideValue::Inconclusive));
            return;
        };
        let judged = match vote {
            JudgeVote::Met => criterion.points,
            JudgeVote::Unmet => 0.0,
            JudgeVote::Level { points, .. } => *points,
            JudgeVote::CannotAssess | JudgeVote::Failed => return,
        };
        let (judged, human) = (share(criterion, judged), share(criterion, human));
        let said = vote.label().unwrap_or_default();
        let confidences: Vec<f64> = repeats
            .iter()
            .filter_map(|vote| match &vote.outcome {
                VoteOutcome::Answered(opinion) if label(&opinion.answer) == said => opinion.confidence,
                _ => None,
            })
            .collect();
        let spec = one.grading.panel.judges.iter().find(|spec| spec.name == *judge);
        let families = spec.and_then(JudgeSpec::family).zip(family(one.grading.system.as_str()));
        let at = repeats.iter().map(|vote| vote.created_at.as_second()).max().unwrap_or(0);
        let class = |value: f64| usize::from(value > 0.5);
        self.humans.answers += 1;
        *self.humans.by_reason.entry(review.reason.clone()).or_default() += 1;
        self.pairs.push(Pair {
            cluster,
            system,
            met: criterion.levels.is_empty().then(|| (class(judged), class(human))),
            judge: judged,
            human,
            confidence: (!confidences.is_empty()).then(|| confidences.iter().sum::<f64>() / confidences.len() as f64),
            day: at as f64 / 86_400.0,
            own_family: families.map(|(judge, system)| judge == system),
        });
    }

    fn report(mut self, judge: &JudgeName, past: &[Past], duels: &[Duel]) -> Report {
        self.humans.note =
            "of reviewed questions, on which judges differ more often than on others (see by_reason)".into();
        let mut models: BTreeMap<String, usize> = BTreeMap::new();
        for (_, vote) in &self.votes {
            if let Some(model) = &vote.model {
                *models.entry(model.clone()).or_default() += 1;
            }
        }
        let yes_no: Vec<(usize, usize, usize)> =
            self.pairs.iter().filter_map(|pair| pair.met.map(|(judge, human)| (judge, human, pair.cluster))).collect();
        let column = |of: fn(&(usize, usize, usize)) -> usize| yes_no.iter().map(of).collect::<Vec<usize>>();
        let (said, truth, tasks) = (column(|p| p.0), column(|p| p.1), column(|p| p.2));
        let mut against = Figures::new();
        let mut tests = BTreeMap::new();
        let confusion = Confusion::new(&said, &truth, 2);
        self.classes(&confusion, (&said, &truth, &tasks), &mut against);
        self.scales(&mut against, &mut tests);
        let curve = self.confidence(&mut against);
        against.insert("effective_judges".to_owned(), effective(past, &mut self.clusters));
        let mut comparisons = Figures::new();
        position(duels, &mut comparisons, &mut tests);
        comparisons.insert("length".to_owned(), length(duels).into());
        let mut latency: Vec<u64> =
            self.votes.iter().filter(|(_, vote)| vote.attempts > 0).map(|(_, vote)| vote.latency_ms).collect();
        latency.sort_unstable();
        let usd = self.votes.iter().map(|(_, vote)| if vote.attempts == 0 { Some(0.0) } else { vote.cost_usd }).sum();
        Report {
            judge: judge.to_string(),
            models,
            gradings: past.len(),
            votes: self.votes.len(),
            labels: LABELS.map(str::to_owned).to_vec(),
            confusion: confusion.as_ref().map_or_else(|_| vec![vec![0; 2]; 2], |own| own.counts().to_vec()),
            against_humans: against,
            curve,
            test_retest: ["same", "alpha", "ac1"].map(str::to_owned).into_iter().zip(retested(&self.repeats)).collect(),
            comparisons,
            tests,
            rates: self.rates(),
            failed_by_cause: self.causes(),
            prevalence: shares(self.votes.iter().filter_map(|(_, vote)| match &vote.outcome {
                VoteOutcome::Answered(opinion) => Some(label(&opinion.answer)),
                VoteOutcome::Failed { .. } => None,
            })),
            human_prevalence: shares(truth.iter().map(|class| LABELS[*class])),
            cost: self.costs(),
            usd,
            latency_ms_median: quantile(&latency, 0.5),
            latency_ms_p95: quantile(&latency, 0.95),
            humans: self.humans,
        }
    }

    /// Figures of yes/no criteria.
    fn classes(
        &self,
        confusion: &Result<Confusion, NotEstimable>,
        (said, truth, tasks): (&[usize], &[usize], &[usize]),
        into: &mut Figures,
    ) {
        let mut put = |name: &str, figure: Result<Estimate, NotEstimable>| into.insert(name.to_owned(), figure.into());
        let of = |figure: fn(&Confusion) -> Result<Estimate, NotEstimable>| {
            figure(confusion.as_ref().map_err(Clone::clone)?)
        };
        put("accuracy", of(|own| own.accuracy(LEVEL)));
        put("cohen_kappa", of(Confusion::kappa));
        put("macro_f1", macro_f1(said, truth, 2, tasks, ROUNDS, SEED, LEVEL));
        for (class, name) in ["unmet", "met"].into_iter().enumerate() {
            let own = confusion.as_ref().map_err(Clone::clone).and_then(|own| own.class(class, LEVEL));
            match own {
                Ok(own) => {
                    put(&format!("precision_{name}"), own.precision);
                    put(&format!("recall_{name}"), own.recall);
                    put(&format!("f1_{name}"), own.f1);
                }
                Err(why) => ["precision", "recall", "f1"].iter().for_each(|figure| {
                    put(&format!("{figure}_{name}"), Err(why.clone()));
                }),
            }
        }
    }

    /// Figures of judge less human.
    fn scales(&self, into: &mut Figures, tests: &mut BTreeMap<String, Test>) {
        let column = |of: fn(&Pair) -> f64| self.pairs.iter().map(of).collect::<Vec<f64>>();
        let (said, truth, days) = (column(|p| p.judge), column(|p| p.human), column(|p| p.day));
        let clusters: Vec<usize> = self.pairs.iter().map(|pair| pair.cluster).collect();
        let systems: Vec<usize> = self.pairs.iter().map(|pair| pair.system).collect();
        let mut put = |name: &str, figure: Result<Estimate, NotEstimable>| into.insert(name.to_owned(), figure.into());
        put("severity", severity(&said, &truth, &clusters, LEVEL));
        put("drift_per_day", drift(&said, &truth, &days, &clusters, LEVEL));
        let told: Vec<(&Pair, bool)> = self.pairs.iter().filter_map(|pair| Some((pair, pair.own_family?))).collect();
        let of = |f: fn(&Pair) -> f64| told.iter().map(|(pair, _)| f(pair)).collect::<Vec<f64>>();
        let own: Vec<bool> = told.iter().map(|(_, own)| *own).collect();
        let tasks: Vec<usize> = told.iter().map(|(pair, _)| pair.cluster).collect();
        put("self_preference", self_preference(&of(|p| p.judge), &of(|p| p.human), &own, &tasks, LEVEL));
        let bias = bias_index(&said, &truth, &systems, self.systems.len(), &clusters, LEVEL);
        let range = bias.as_ref().map_err(Clone::clone).map(|bias| Estimate {
            value: bias.index,
            interval: Err(NotEstimable::NoInterval),
            n: said.len(),
            missing: 0,
            method: "largest severity over systems less the smallest",
        });
        put("severity_range", range);
        let (p, detail) = match &bias {
            Ok(bias) => (
                bias.p.clone(),
                format!("kindest to {}, most severe to {}", self.systems[bias.between.0], self.systems[bias.between.1]),
            ),
            Err(why) => (Err(why.clone()), String::new()),
        };
        tests.insert("equally_severe".to_owned(), Test::new(p, detail));
    }

    fn confidence(&self, into: &mut Figures) -> Vec<Bin> {
        let told: Vec<(&Pair, f64)> = self.pairs.iter().filter_map(|pair| Some((pair, pair.confidence?))).collect();
        let confidence: Vec<f64> = told.iter().map(|(_, own)| *own).collect();
        let right: Vec<bool> = told.iter().map(|(pair, _)| (pair.judge - pair.human).abs() < 1e-9).collect();
        let clusters: Vec<usize> = told.iter().map(|(pair, _)| pair.cluster).collect();
        let found = calibration(&confidence, &right, &clusters, Bins::EqualCount(BINS), LEVEL);
        let of = |f: fn(&crate::stats::accuracy::Calibration) -> &Estimate| -> Figure {
            found.as_ref().map(|found| f(found).clone()).map_err(Clone::clone).into()
        };
        into.insert("brier".to_owned(), of(|found| &found.brier));
        into.insert("ece".to_owned(), of(|found| &found.ece));
        into.insert("overconfidence".to_owned(), of(|found| &found.overconfidence));
        let bins = found.map(|found| found.curve).unwrap_or_default();
        bins.iter()
            .map(|bin| Bin {
                n: bin.n,
                confidence: bin.confidence,
                right: bin.right,
                low: bin.interval.low,
                high: bin.interval.high,
            })
            .collect()
    }

    /// Share of the votes for which it is so, by task.
    fn rate(&self, of: impl Fn(&Vote) -> Option<bool>) -> Figure {
        let (values, clusters): (Vec<f64>, Vec<usize>) =
            self.votes.iter().filter_map(|(cluster, vote)| Some((f64::from(u8::from(of(vote)?)), *cluster))).unzip();
        let found = clustered_mean(&values, &clusters, LEVEL);
        Figure::from(found.map(|own| Estimate { method: "share of votes", ..own }))
    }

    fn rates(&self) -> Figures {
        let answered = |vote: &Vote, f: fn(&crate::domain::Opinion) -> Option<bool>| match &vote.outcome {
            VoteOutcome::Answered(opinion) => f(opinion),
            VoteOutcome::Failed { .. } => None,
        };
        [
            ("failed", self.rate(|vote| Some(matches!(vote.outcome, VoteOutcome::Failed { .. })))),
            ("cannot_assess", self.rate(|vote| answered(vote, |own| Some(own.answer == Answer::CannotAssess)))),
            (
                "evidence_not_found",
                self.rate(|vote| {
                    answered(vote, |own| {
                        let quotes = &own.evidence;
                        (!quotes.is_empty()).then(|| quotes.iter().all(|quote| quote.found == Match::NotFound))
                    })
                }),
            ),
        ]
        .map(|(name, figure)| (name.to_owned(), figure))
        .into()
    }

    fn causes(&self) -> Figures {
        let cause = |vote: &Vote| match &vote.outcome {
            VoteOutcome::Failed { cause, .. } => Some(*cause),
            VoteOutcome::Answered(_) => None,
        };
        let causes: BTreeSet<_> = self.votes.iter().filter_map(|(_, vote)| cause(vote)).collect();
        causes
            .into_iter()
            .map(|own| (own.as_str().to_owned(), self.rate(|vote| Some(cause(vote) == Some(own)))))
            .collect()
    }

    fn costs(&self) -> Figures {
        let asked: Vec<&(usize, &Vote)> = self.votes.iter().filter(|(_, vote)| vote.attempts > 0).collect();
        let of = |value: fn(&Vote) -> Option<f64>| -> Figure {
            let (values, clusters): (Vec<f64>, Vec<usize>) =
                asked.iter().filter_map(|(cluster, vote)| Some((value(vote)?, *cluster))).unzip();
            let missing = asked.len() - values.len();
            clustered_mean(&values, &clusters, LEVEL).map(|own| Estimate { missing, ..own }).into()
        };
        [("usd_per_vote", of(|vote| vote.cost_usd)), ("latency_ms", of(|vote| Some(vote.latency_ms as f64)))]
            .map(|(name, figure)| (name.to_owned(), figure))
            .into()
    }
}

impl Test {
    fn new(p: Result<f64, NotEstimable>, detail: String) -> Self {
        match p {
            Ok(p) => Self { p: Some(p), detail, undefined: None },
            Err(why) => Self { p: None, detail, undefined: Some(why.to_string()) },
        }
    }
}

fn nothing() -> Figure {
    Figure::from(Err(NotEstimable::NoData))
}

/// What a judge said to one question each time that it was asked; `None` where it was asked once.
pub(super) fn asked_again<'a>(repeats: &[&'a Vote]) -> Option<Vec<Option<&'a str>>> {
    // An answer that was taken over was not asked again.
    let asked = repeats.iter().filter(|vote| vote.from.is_none());
    let said: Vec<Option<&str>> = asked
        .map(|vote| match &vote.outcome {
            VoteOutcome::Answered(opinion) => Some(label(&opinion.answer)),
            VoteOutcome::Failed { .. } => None,
        })
        .collect();
    (said.len() > 1).then_some(said)
}

/// How often repeats are the same, and Krippendorff's α and Gwet's AC1 of them.
pub(super) fn retested(repeats: &[Vec<Option<&str>>]) -> [Figure; 3] {
    let width = repeats.iter().map(Vec::len).max().unwrap_or(0);
    let labels: BTreeSet<&str> = repeats.iter().flatten().flatten().copied().collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    let row = |said: &Vec<Option<&str>>| {
        let place = |at: usize| said.get(at).copied().flatten().and_then(|own| labels.binary_search(&own).ok());
        (0..width).map(place).collect()
    };
    match Ratings::new(repeats.iter().map(row).collect(), labels.len().max(2)) {
        Ok(ratings) if !repeats.is_empty() => {
            let found = retest(&ratings, Level::Nominal);
            [found.same, found.alpha, found.ac1].map(Figure::from)
        }
        _ => [(); 3].map(|()| Figure { undefined: Some("no question was asked twice".to_owned()), ..nothing() }),
    }
}

fn label(answer: &Answer) -> &str {
    match answer {
        Answer::Met => "MET",
        Answer::Unmet => "UNMET",
        Answer::CannotAssess => "CANNOT_ASSESS",
        Answer::Level(name) => name,
        Answer::Prefers(_) => "PREFERS",
    }
}

fn shares<'a>(said: impl Iterator<Item = &'a str>) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    said.for_each(|own| *counts.entry(own).or_default() += 1);
    let all: usize = counts.values().sum();
    counts.into_iter().map(|(own, count)| (own.to_owned(), count as f64 / all as f64)).collect()
}

/// The value that this share of the sorted ones does not exceed.
fn quantile(sorted: &[u64], share: f64) -> Option<u64> {
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied()
}

/// The effective number of judges of the newest panel that this judge sits on, on yes/no criteria with a human's answer.
fn effective(past: &[Past], clusters: &mut Numbers) -> Figure {
    let Some(panel) = past.last().map(|one| &one.grading.panel) else { return nothing() };
    let names: Vec<&JudgeName> = panel.judges.iter().map(|spec| &spec.name).collect();
    let (mut judges, mut human, mut tasks) = (vec![Vec::new(); names.len()], Vec::new(), Vec::new());
    for one in past.iter().filter(|one| one.grading.panel.name == panel.name) {
        let ballots = ballots(&one.votes);
        for criterion in one.rubric.criteria().iter().filter(|criterion| criterion.levels.is_empty()) {
            let answer = one.review_of(&criterion.id).and_then(blind).and_then(|value| points(criterion, value));
            let Some(answer) = answer else { continue };
            let votes: BTreeMap<&JudgeName, JudgeVote> =
                judge_votes(criterion, ballots.get(&criterion.id)).into_iter().collect();
            for (name, own) in names.iter().zip(&mut judges) {
                own.push(match votes.get(name) {
                    Some(JudgeVote::Met) => Some(1.0),
                    Some(JudgeVote::Unmet) => Some(0.0),
                    _ => None,
                });
            }
            human.push(usize::from(share(criterion, answer) > 0.5));
            tasks.push(clusters.of(one.cluster()));
        }
    }
    effective_judges(&judges, &human, &tasks, ROUNDS, SEED, LEVEL).map(|found| found.effective).into()
}

/// One comparison by this judge: what it preferred in each order, and the lengths of what it saw.
struct Duel {
    cluster: usize,
    a_first: Option<Preference>,
    b_first: Option<Preference>,
    lengths: Option<(usize, usize)>,
}

async fn duels(project: &ProjectStore, judge: &JudgeName) -> Result<Vec<Duel>, Refusal> {
    let mut clusters = Numbers::default();
    let mut found = Vec::new();
    for comparison in project.all::<Comparison>(Query::default()).await? {
        if !comparison.panel.judges.iter().any(|spec| spec.name == *judge) {
            continue;
        }
        let votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Comparison(comparison.id)))).await?;
        let said = |order: Order| {
            let own: Vec<Preference> = votes
                .iter()
                .filter(|vote| vote.key.judge == *judge && vote.key.question == Question::Order(order))
                .filter_map(|vote| match &vote.outcome {
                    VoteOutcome::Answered(opinion) => match opinion.answer {
                        Answer::Prefers(preference) => Some(preference),
                        _ => None,
                    },
                    VoteOutcome::Failed { .. } => None,
                })
                .collect();
            own.iter().copied().find(|one| own.iter().filter(|other| *other == one).count() * 2 > own.len())
        };
        let mut lengths = Vec::new();
        for id in [comparison.a, comparison.b] {
            let kept = project.get::<Submission>(&id.to_string()).await?.map(|kept| kept.record);
            let text = kept.filter(|own| own.files.is_empty()).and_then(|own| own.text);
            lengths.push(text.map(|text| text.chars().count()).filter(|length| *length > 0));
        }
        found.push(Duel {
            cluster: clusters.of(comparison.task_id.to_string()),
            a_first: said(Order::AFirst),
            b_first: said(Order::BFirst),
            lengths: lengths[0].zip(lengths[1]),
        });
    }
    Ok(found)
}

/// Among pairs whose outcome turns with the order: does the first place win?
fn position(duels: &[Duel], into: &mut Figures, tests: &mut BTreeMap<String, Test>) {
    let turned = |a_first, b_first| {
        duels.iter().filter(|duel| duel.a_first == Some(a_first) && duel.b_first == Some(b_first)).count() as u64
    };
    let (first, second) = (turned(Preference::A, Preference::B), turned(Preference::B, Preference::A));
    let both = duels.iter().filter(|duel| duel.a_first.is_some() && duel.b_first.is_some()).count();
    let found = sign_test(first, second, LEVEL).map(|found| found.rate).map_err(|why| match why {
        NotEstimable::NoData => NotEstimable::NoDiscordantPair,
        other => other,
    });
    let p = found.as_ref().map(|_| mcnemar(first, second).exact_p).map_err(Clone::clone);
    let detail = format!("{both} pairs judged in both orders: {first} for the first place, {second} for the second");
    tests.insert("position".to_owned(), Test::new(p, detail));
    into.insert("first_place".to_owned(), found.into());
}

/// Log odds of preferring A per doubling of its length over B's.
fn length(duels: &[Duel]) -> Result<Estimate, NotEstimable> {
    let (mut y, mut x, mut clusters) = (Vec::new(), Vec::new(), Vec::new());
    for duel in duels {
        let (Some(said), Some((a, b))) = (duel.a_first.filter(|said| duel.b_first == Some(*said)), duel.lengths) else {
            continue;
        };
        let won = match said {
            Preference::A => true,
            Preference::B => false,
            Preference::Tie | Preference::BothBad => continue,
        };
        y.push(won);
        x.push(vec![1.0, (a as f64 / b as f64).log2()]);
        clusters.push(duel.cluster);
    }
    if y.is_empty() {
        return Err(NotEstimable::NoBattles);
    }
    let outcomes: Vec<f64> = y.iter().map(|won| f64::from(u8::from(*won))).collect();
    let slopes = match logistic(&outcomes, &x, Some(&clusters), &[], LEVEL) {
        Ok(found) => found.coefficients,
        Err(NotEstimable::Separated) => firth(&y, &x, LEVEL)?,
        Err(why) => return Err(why),
    };
    slopes.into_iter().nth(1).ok_or(NotEstimable::NoData)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::made::{World, made};

    fn judge(name: &str) -> JudgeName {
        JudgeName::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_card_says_how_a_judge_does_beside_blind_humans_with_an_interval_to_each_figure() {
        let made = made(&World::default()).await;
        let card = report(&made.project, &judge("j2")).await.unwrap();
        assert_eq!((card.gradings, card.votes), (120, 480));
        assert_eq!(card.humans.answers as u64, card.confusion.iter().flatten().sum::<u64>());
        assert!(card.humans.by_reason["audit"] > 0 && card.humans.by_reason["split"] > 0);
        // It never misses what is there, and often sees what is not: lenient.
        assert_eq!(card.confusion[1][0], 0);
        for name in
            ["accuracy", "cohen_kappa", "macro_f1", "severity", "precision_met", "recall_unmet", "effective_judges"]
        {
            let figure = &card.against_humans[name];
            assert!(figure.value.is_some() && figure.low.is_some() && figure.n > 0, "{name}: {figure:?}");
        }
        assert!(card.against_humans["severity"].low.unwrap() > 0.0);
        assert!(
            card.against_humans["severity"].value
                > report_of(&made.project, "j0").await.against_humans["severity"].value
        );
        // No confidence was given, all answers are of one moment, and nothing was asked twice: said, not made up.
        for name in ["brier", "ece", "drift_per_day"] {
            let figure = &card.against_humans[name];
            assert!(figure.value.is_none() && figure.undefined.is_some(), "{name}: {figure:?}");
        }
        assert!(card.test_retest["same"].undefined.as_ref().unwrap().contains("asked twice"));
        assert!(card.comparisons["first_place"].undefined.is_some() && card.tests["position"].p.is_none());
        assert_eq!(card.usd, None);
        assert_eq!(card.latency_ms_median, Some(1));
    }

    async fn report_of(project: &ProjectStore, name: &str) -> Report {
        report(project, &judge(name)).await.unwrap()
    }

    #[tokio::test]
    async fn a_judge_that_never_spoke_has_an_empty_card() {
        let made = made(&World { tasks: 1, ..World::default() }).await;
        let card = report_of(&made.project, "stranger").await;
        assert_eq!((card.votes, card.humans.answers), (0, 0));
        assert!(card.against_humans.values().all(|figure| figure.value.is_none() && figure.undefined.is_some()));
    }

    #[test]
    fn a_liking_for_the_first_place_and_for_length_shows_in_comparisons() {
        let duel = |at: usize, a_first, b_first, lengths| Duel {
            cluster: at,
            a_first: Some(a_first),
            b_first: Some(b_first),
            lengths: Some(lengths),
        };
        use Preference::{A, B};
        let turned: Vec<Duel> = (0..12).map(|at| duel(at, A, B, (10, 10))).collect();
        let (mut figures, mut tests) = (Figures::new(), BTreeMap::new());
        position(&turned, &mut figures, &mut tests);
        assert_eq!(figures["first_place"].value, Some(1.0));
        // Twelve of twelve: 2 / 2^12.
        assert!((tests["position"].p.unwrap() - 2.0 / 4096.0).abs() < 1e-12);
        let longer: Vec<Duel> = (0..60)
            .map(|at| {
                let (a, b) = (100 + 40 * (at % 7), 100 + 40 * ((at / 7) % 7));
                let wins = if at % 5 == 0 { a < b } else { a > b };
                let said = if wins { A } else { B };
                duel(at, said, said, (a, b))
            })
            .collect();
        let slope = length(&longer).unwrap();
        assert!(slope.interval.clone().unwrap().low > 0.0, "{slope:?}");
        assert!(matches!(length(&turned), Err(NotEstimable::NoBattles)));
    }
}
