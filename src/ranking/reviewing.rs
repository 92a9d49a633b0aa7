//! How the work of reviewers goes: who did how much and how long it took, how people agree with each other and with the
//! panel, how often they reverse it, what it costs each system's deliverables, and what the panel misses.
//!
//! - Time is from taking a question to answering it; half an hour away from the desk is in it. The median stands beside
//!   the sum for that reason.
//! - Agreement of people is over blind answers to the same question. Questions are selected: of splits all, of the rest a
//!   share. It is the agreement on what was asked, not on everything.
//! - Reversal: the settled answer is not the panel's verdict. Blind answers only.
//! - What the panel misses: errors that people found without the rubric, put together by an adjudicator who says which of
//!   them a criterion caught. How many there are that nobody found is estimated from two searches of one deliverable
//!   ([`crate::stats::capture`]); it is a lower bound, since what one finds easily so does the other.

use std::collections::BTreeMap;

use super::agreement::Figure;
use super::estimates::{self, Wanted};
use super::history::{Past, judged};
use crate::domain::{
    About, Author, CriterionId, Decision, OverrideValue, Review, ReviewState, Severity, SystemName, Timestamp,
};
use crate::grading::aggregate::ballots;
use crate::grading::result::verdicts;
use crate::refusal::Refusal;
use crate::stats::agreement::{self as between, Level, Ratings, Weights};
use crate::stats::{Estimate, NotEstimable, capture, interval};
use crate::store::{ProjectStore, Query};

const LEVEL: f64 = 0.95;

#[derive(Debug, Clone)]
pub struct Reviewing {
    /// Questions by their state.
    pub states: BTreeMap<ReviewState, usize>,
    pub reviewers: Vec<OfReviewer>,
    /// Share of equal pairs of blind answers to one question.
    pub humans_raw: Figure,
    pub humans_alpha: Figure,
    /// Settled by blind answers, beside what the panel said: the share that is the same, and Cohen's κ.
    pub panel_raw: Figure,
    pub panel_kappa: Figure,
    /// By the reason for which questions were opened.
    pub reversals: Vec<Reversal>,
    pub systems: Vec<Burden>,
    pub missed: Missed,
}

#[derive(Debug, Clone)]
pub struct OfReviewer {
    pub reviewer: Author,
    pub answered: usize,
    /// Of these, with the judges' answers in sight.
    pub sighted: usize,
    pub declined: usize,
    pub adjudicated: usize,
    /// Of answers to settled questions that others answered or adjudicated, those that are the outcome.
    pub upheld: usize,
    pub judged_by_others: usize,
    /// Of the answers whose taking was recorded.
    pub median_seconds: Option<f64>,
    pub total_seconds: f64,
}

#[derive(Debug, Clone)]
pub struct Reversal {
    pub reason: String,
    pub settled: usize,
    pub reversed: usize,
    pub share: Figure,
}

/// What reviewing a system's work takes.
#[derive(Debug, Clone)]
pub struct Burden {
    pub system: SystemName,
    pub gradings: usize,
    pub questions: usize,
    pub pending: usize,
    pub answers: usize,
    pub seconds: f64,
    pub reversed: usize,
}

/// Errors that people found without the rubric.
#[derive(Debug, Clone)]
pub struct Missed {
    /// Deliverables that were searched, with an adjudicated list.
    pub searched: usize,
    pub found: usize,
    /// Of these, noticed by the panel.
    pub caught: usize,
    pub caught_share: Figure,
    pub by_severity: Vec<(Severity, usize, usize)>,
    /// Of deliverables that exactly two people searched: all errors, those that nobody found included.
    pub total: Figure,
}

/// # Errors
/// If the store cannot.
pub async fn reviewing(project: &ProjectStore, now: Timestamp) -> Result<Reviewing, Refusal> {
    let reviews = project.all::<Review>(Query::default()).await?;
    let past = judged(project, Query::default(), |_| true).await?;
    let mut states = BTreeMap::new();
    for review in &reviews {
        *states.entry(review.state(now)).or_default() += 1;
    }
    let settled: Vec<Settled> = past.iter().flat_map(settled).collect();
    let (humans_raw, humans_alpha) = humans(&reviews);
    let (panel_raw, panel_kappa) = beside_panel(&settled);
    Ok(Reviewing {
        states,
        reviewers: workload(&reviews),
        humans_raw,
        humans_alpha,
        panel_raw,
        panel_kappa,
        reversals: reversals(&settled),
        systems: burdens(&past, &settled),
        missed: missed(&reviews),
    })
}

/// A blind settled answer beside the panel's.
struct Settled {
    system: SystemName,
    reason: String,
    human: String,
    panel: Option<String>,
}

fn settled(past: &Past) -> Vec<Settled> {
    let Some(result) = past.grading.result() else { return vec![] };
    let ballots = ballots(&past.votes);
    let said = verdicts(&past.grading, &past.rubric, &ballots, &result.checks, result.weighing.as_deref());
    let panel: BTreeMap<&CriterionId, &Decision> = said.iter().map(|one| (&one.criterion_id, &one.decision)).collect();
    let beside = |review: &Review| {
        let (_, criterion) = review.criterion()?;
        let human = review.resolution.as_ref().filter(|_| review.was_blind())?.value.verdict()?;
        Some(Settled {
            system: past.grading.system.clone(),
            reason: review.reason.clone(),
            human: label(human)?,
            panel: panel.get(criterion).and_then(|decision| match decision {
                Decision::Met => Some("met".to_owned()),
                Decision::Unmet => Some("unmet".to_owned()),
                Decision::Level { name, .. } => Some(format!("level {name}")),
                Decision::Inconclusive(_) => None,
            }),
        })
    };
    past.reviews.iter().filter_map(beside).collect()
}

/// A real verdict.
fn label(value: &OverrideValue) -> Option<String> {
    match value {
        OverrideValue::Met => Some("met".to_owned()),
        OverrideValue::Unmet => Some("unmet".to_owned()),
        OverrideValue::Level(name) => Some(format!("level {name}")),
        OverrideValue::Inconclusive | OverrideValue::Withdrawn => None,
    }
}

fn workload(reviews: &[Review]) -> Vec<OfReviewer> {
    let mut people: BTreeMap<Author, (OfReviewer, Vec<f64>)> = BTreeMap::new();
    let none = |person: &Author| OfReviewer {
        reviewer: person.clone(),
        answered: 0,
        sighted: 0,
        declined: 0,
        adjudicated: 0,
        upheld: 0,
        judged_by_others: 0,
        median_seconds: None,
        total_seconds: 0.0,
    };
    let mut of = |person: &Author, change: &dyn Fn(&mut OfReviewer, &mut Vec<f64>)| {
        let (own, times) = people.entry(person.clone()).or_insert_with(|| (none(person), vec![]));
        change(own, times);
    };
    for review in reviews {
        for answer in &review.answers {
            of(&answer.reviewer, &|own, times| {
                own.answered += 1;
                own.sighted += usize::from(answer.sighted);
                times.extend(answer.claimed_at.map(|at| seconds(at, answer.created_at)));
                let alone = review.answers.len() == 1;
                if let Some(end) = review.resolution.as_ref().filter(|end| !alone || end.by != answer.reviewer)
                    && answer.value.verdict().is_some()
                {
                    own.judged_by_others += 1;
                    own.upheld += usize::from(end.value == answer.value);
                }
            });
        }
        for one in &review.declined {
            of(&one.reviewer, &|own, _| own.declined += 1);
        }
        if let Some(end) = review.resolution.as_ref().filter(|end| !review.has_answered(&end.by)) {
            of(&end.by, &|own, _| own.adjudicated += 1);
        }
    }
    let told = |(own, mut times): (OfReviewer, Vec<f64>)| {
        times.sort_by(f64::total_cmp);
        OfReviewer { median_seconds: median(&times), total_seconds: times.iter().sum(), ..own }
    };
    people.into_values().map(told).collect()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

/// Agreement of blind answers to the same question.
fn humans(reviews: &[Review]) -> (Figure, Figure) {
    let mut labels: Vec<String> = vec!["met".to_owned(), "unmet".to_owned()];
    let mut people: Vec<&Author> = reviews.iter().flat_map(|one| &one.answers).map(|one| &one.reviewer).collect();
    people.sort();
    people.dedup();
    let mut units = Vec::new();
    for review in reviews {
        let mut row = vec![None; people.len()];
        for answer in review.answers.iter().filter(|answer| !answer.sighted) {
            let (Some(said), Ok(column)) =
                (answer.value.verdict().and_then(label), people.binary_search(&&answer.reviewer))
            else {
                continue;
            };
            row[column] = Some(number(&mut labels, said));
        }
        if row.iter().flatten().count() > 1 {
            units.push(row);
        }
    }
    let ratings = match Ratings::new(units, labels.len()) {
        Ok(ratings) => ratings,
        Err(why) => return (none(&why), none(&why)),
    };
    (between::raw(&ratings).into(), between::krippendorff_alpha(&ratings, Level::Nominal).into())
}

fn number(labels: &mut Vec<String>, label: String) -> usize {
    labels.iter().position(|known| *known == label).unwrap_or_else(|| {
        labels.push(label);
        labels.len() - 1
    })
}

fn none(why: &impl ToString) -> Figure {
    Figure { undefined: Some(why.to_string()), ..Figure::from(Err(NotEstimable::NoData)) }
}

fn beside_panel(settled: &[Settled]) -> (Figure, Figure) {
    let mut labels: Vec<String> = vec!["met".to_owned(), "unmet".to_owned()];
    let both = |one: &Settled| Some((one.human.clone(), one.panel.clone()?));
    let units: Vec<Vec<Option<usize>>> = settled
        .iter()
        .filter_map(both)
        .map(|(human, panel)| vec![Some(number(&mut labels, human)), Some(number(&mut labels, panel))])
        .collect();
    let ratings = match Ratings::new(units, labels.len()) {
        Ok(ratings) => ratings,
        Err(why) => return (none(&why), none(&why)),
    };
    (between::raw(&ratings).into(), between::cohen_kappa(&ratings, Weights::Identity).into())
}

fn reversals(settled: &[Settled]) -> Vec<Reversal> {
    let mut by_reason: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in settled {
        // Where the panel had no verdict there is nothing to reverse.
        let Some(panel) = &one.panel else { continue };
        let (all, reversed) = by_reason.entry(&one.reason).or_default();
        *all += 1;
        *reversed += usize::from(*panel != one.human);
    }
    let told = |(reason, (settled, reversed)): (&str, (usize, usize))| Reversal {
        reason: reason.to_owned(),
        settled,
        reversed,
        share: share(reversed, settled),
    };
    by_reason.into_iter().map(told).collect()
}

/// A share with Wilson's interval.
fn share(of: usize, all: usize) -> Figure {
    if all == 0 {
        return Figure::from(Err(NotEstimable::NoData));
    }
    let interval = interval::wilson(of as f64, all as f64, LEVEL);
    Figure::from(Ok(Estimate { value: of as f64 / all as f64, interval, n: all, missing: 0, method: "share" }))
}

fn burdens(past: &[Past], settled: &[Settled]) -> Vec<Burden> {
    let mut systems: BTreeMap<&SystemName, Burden> = BTreeMap::new();
    for one in past {
        let own = systems.entry(&one.grading.system).or_insert_with(|| Burden {
            system: one.grading.system.clone(),
            gradings: 0,
            questions: 0,
            pending: 0,
            answers: 0,
            seconds: 0.0,
            reversed: 0,
        });
        own.gradings += 1;
        own.questions += one.reviews.len();
        own.pending += one.reviews.iter().filter(|review| review.is_pending()).count();
        for answer in one.reviews.iter().flat_map(|review| &review.answers) {
            own.answers += 1;
            own.seconds += answer.claimed_at.map_or(0.0, |at| seconds(at, answer.created_at));
        }
    }
    for one in settled.iter().filter(|one| one.panel.as_ref().is_some_and(|panel| *panel != one.human)) {
        if let Some(own) = systems.get_mut(&one.system) {
            own.reversed += 1;
        }
    }
    systems.into_values().collect()
}

fn missed(reviews: &[Review]) -> Missed {
    let mut by_severity: BTreeMap<Severity, (usize, usize)> = BTreeMap::new();
    let (mut searched, mut found, mut caught) = (0, 0, 0);
    // Two independent searches of each deliverable; all of them pooled.
    let (mut first, mut second, mut both, mut pairs) = (0u64, 0u64, 0u64, 0usize);
    for review in reviews.iter().filter(|review| matches!(review.about, About::Discovery { .. })) {
        let Some(errors) = review.resolution.as_ref().and_then(|end| end.value.errors()) else { continue };
        searched += 1;
        found += errors.len();
        for error in errors {
            let (all, seen) = by_severity.entry(error.severity).or_default();
            *all += 1;
            *seen += usize::from(error.caught_by.is_some());
            caught += usize::from(error.caught_by.is_some());
        }
        let [one, other] = review.answers.as_slice() else { continue };
        let by = |person: &Author| errors.iter().filter(|error| error.found_by.contains(person)).count() as u64;
        let by_both = errors
            .iter()
            .filter(|e| e.found_by.contains(&one.reviewer) && e.found_by.contains(&other.reviewer))
            .count();
        pairs += 1;
        first += by(&one.reviewer);
        second += by(&other.reviewer);
        both += by_both as u64;
    }
    let total = match pairs {
        0 => none(&"no deliverable was searched by exactly two people"),
        _ => capture::chapman(first, second, both, LEVEL).into(),
    };
    Missed {
        searched,
        found,
        caught,
        caught_share: share(caught, found),
        by_severity: by_severity.into_iter().map(|(severity, (all, seen))| (severity, all, seen)).collect(),
        total,
    }
}

/// How many more reviews until neighbours on the board are told apart; without their names, which reviewers do not see.
#[derive(Debug, Clone)]
pub struct Separation {
    /// Pairs of systems that follow each other by what judges say.
    pub pairs: usize,
    /// Of these, told apart already.
    pub apart: usize,
    /// The fewest more reviews of each of the two until another pair is; or why that cannot be said.
    pub more: Result<usize, String>,
}

/// # Errors
/// If the store cannot.
pub async fn separation(project: &ProjectStore) -> Result<Separation, Refusal> {
    let found = estimates::neighbours(project, &Wanted::default()).await?;
    let (mut apart, mut fewest, mut why) = (0, None::<usize>, None);
    for pair in &found {
        match pair {
            Ok(0) => apart += 1,
            Ok(more) => fewest = Some(fewest.map_or(*more, |least| least.min(*more))),
            Err(reason) => why = Some(reason.clone()),
        }
    }
    let more = fewest.ok_or_else(|| match (found.len(), why) {
        (0, _) => "there are no two systems to tell apart".to_owned(),
        (_, Some(why)) => why,
        (_, None) => "all neighbours are told apart".to_owned(),
    });
    Ok(Separation { pairs: found.len(), apart, more })
}
