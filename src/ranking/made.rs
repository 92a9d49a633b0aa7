//! A project made for tests: tasks that two systems did, three lenient judges, reviews as the policy selects them, answered
//! by a human who knows the truth.

use std::sync::Arc;

use crate::domain::{
    About, Author, Clock, Criterion, Draw, Fingerprint, FixedClock, Grading, GradingState, IdSource, Override,
    OverrideValue, Panel, ProjectId, Resolution, Review, ReviewAnswer, ReviewPolicy, Rubric, RubricParts,
    RubricVersion, Said, Subject, SystemName, TaskId, Vote,
};
use crate::grading::aggregate::ballots;
use crate::grading::escalate::{Findings, escalate};
use crate::grading::recorded::Recorded;
use crate::grading::result::{Material, compute, verdicts};
use crate::grading::testing::{answered, criterion, panel, votes};
use crate::store::{ProjectStore, Store, StoreOptions};

pub struct World {
    pub tasks: usize,
    /// Share of criteria met, in percent, of the two systems.
    pub systems: [(&'static str, u64); 2],
    /// How often a judge sees what is missing, in percent.
    pub strict: [u64; 3],
    pub random_share: f64,
    /// Of the reviews, in percent, how many are answered.
    pub answered: u64,
    pub aggregation: crate::domain::Aggregation,
    /// Whether every split goes to people; else all is drawn.
    pub split: bool,
    pub draw: Draw,
}

impl Default for World {
    fn default() -> Self {
        Self {
            tasks: 60,
            systems: [("gpt-app", 70), ("claude-app", 45)],
            strict: [80, 70, 40],
            random_share: 0.3,
            answered: 100,
            aggregation: crate::domain::Aggregation::Majority,
            split: true,
            draw: Draw::Uniform,
        }
    }
}

/// An even enough draw below 100 that belongs to these numbers.
fn draw(numbers: &[usize]) -> u64 {
    let bytes: Vec<u8> = numbers.iter().flat_map(|own| own.to_le_bytes()).collect();
    u64::from_str_radix(&Fingerprint::of_bytes(&bytes).as_str()[..12], 16).unwrap_or(0) % 100
}

pub struct Made {
    pub project: ProjectStore,
    pub gradings: Vec<Grading>,
    /// Share of criteria that each system truly meets.
    pub truth: [f64; 2],
}

pub async fn made(world: &World) -> Made {
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    made_in(store.project(&ProjectId::parse("made").unwrap()), world).await
}

/// The same in a project of the caller's.
pub async fn made_in(project: ProjectStore, world: &World) -> Made {
    let clock = Arc::new(FixedClock::at("2026-01-02T03:04:05Z"));
    let ids = IdSource::new(clock.clone(), [3; 32]);
    let criteria: Vec<Criterion> = (0..4).map(|at| criterion(&format!("c{at}"), 1.0 + at as f64)).collect();
    let parts = RubricParts { title: None, criteria, sections: vec![] };
    let rubric = Rubric::new(parts).unwrap();
    let version = RubricVersion {
        id: ids.next(),
        version: 1,
        fingerprint: rubric.fingerprint(),
        rubric,
        decided: vec![],
        created_at: clock.now(),
    };
    project.commit(project.batch().insert(&version)).await.unwrap();
    let review = ReviewPolicy {
        random_share: world.random_share,
        split: world.split,
        draw: world.draw,
        ..ReviewPolicy::default()
    };
    let panel = Panel { review, aggregation: world.aggregation, ..panel(3, 2) };
    let (mut gradings, mut truth) = (Vec::new(), [0.0; 2]);
    for task in 0..world.tasks {
        for (system, (name, met)) in world.systems.iter().enumerate() {
            let grading = Grading {
                id: ids.next(),
                submission_id: ids.next(),
                task_id: Some(TaskId::parse(format!("t{task}")).unwrap()),
                system: SystemName::parse(*name).unwrap(),
                rubric: version.reference(),
                panel: panel.clone(),
                prompt: None,
                budget_usd: None,
                state: GradingState::Running { started_at: clock.now() },
                calls_planned: 12,
                retried_at: None,
                created_at: clock.now(),
                traceparent: None,
            };
            let is_met = |at: usize| draw(&[task, system, at, 99]) < *met;
            let mut kept: Vec<Vote> = Vec::new();
            for at in 0..4 {
                truth[system] += f64::from(u8::from(is_met(at))) / (4 * world.tasks) as f64;
                let says = |judge: usize| {
                    let seen = is_met(at) || draw(&[task, system, at, judge]) >= world.strict[judge];
                    if seen { "MET" } else { "UNMET" }
                };
                let cells = [("j0", 0, answered(says(0))), ("j1", 0, answered(says(1))), ("j2", 0, answered(says(2)))];
                kept.extend(votes(&format!("c{at}"), &cells).into_iter().map(|mut vote| {
                    vote.id = ids.next();
                    vote.key.subject = Subject::Grading(grading.id);
                    vote.created_at = clock.now();
                    vote
                }));
            }
            let mut batch = kept.iter().fold(project.batch(), |batch, vote| batch.insert(vote));
            let ballots = ballots(&kept);
            let said = verdicts(&grading, &version.rubric, &ballots, &[], None);
            let (mut reviews, mut overrides) = (Vec::new(), Vec::new());
            for question in escalate(grading.id, &version.rubric, &panel, &said, &ballots, Findings::default()) {
                let at: usize = question.criterion_id.as_str()[1..].parse().unwrap();
                let value = if is_met(at) { OverrideValue::Met } else { OverrideValue::Unmet };
                let (by, reason, now) = (Author::parse("ann").unwrap(), "seen".to_owned(), clock.now());
                let done = draw(&[task, system, at, 7]) < world.answered;
                let answer = ReviewAnswer {
                    reviewer: by.clone(),
                    value: Said::Verdict(value.clone()),
                    reason: reason.clone(),
                    created_at: now,
                    token: None,
                    claimed_at: None,
                    sighted: false,
                };
                let about = About::Criterion { grading_id: grading.id, criterion_id: question.criterion_id.clone() };
                let resolution =
                    Resolution { value: answer.value.clone(), reason: reason.clone(), by: by.clone(), at: now };
                let review = Review {
                    task_id: grading.task_id.clone(),
                    selection_probability: Some(question.probability),
                    priority: question.stake,
                    answers: if done { vec![answer] } else { vec![] },
                    resolution: done.then_some(resolution),
                    ..Review::new(ids.next(), about, question.reason.as_str(), now)
                };
                if done {
                    overrides.push(Override {
                        id: ids.next(),
                        grading_id: grading.id,
                        criterion_id: question.criterion_id,
                        value,
                        reason,
                        author: by,
                        review_id: Some(review.id),
                        failure: None,
                        remembered: None,
                        created_at: now,
                    });
                }
                reviews.push(review);
            }
            batch = reviews.iter().fold(batch, |batch, review| batch.insert(review));
            batch = overrides.iter().fold(batch, |batch, one| batch.insert(one));
            let result = compute(Material {
                grading: &grading,
                rubric: &version.rubric,
                recorded: &Recorded { votes: kept, overrides, scores: vec![], reviews },
                checks: vec![],
                views: vec![],
                weighing: None,
            });
            let grading = grading.judged(clock.now(), result).unwrap();
            project.commit(batch.insert(&grading)).await.unwrap();
            gradings.push(grading);
        }
    }
    Made { project, gradings, truth }
}
