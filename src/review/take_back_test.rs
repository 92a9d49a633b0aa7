//! What an answer settled is gone when it is taken back, whatever the question was, and nothing else is.

use std::sync::Arc;

use super::answer::{Answer, submit, take_back};
use super::open::{Question, open};
use super::queue;
use crate::app::{Choices, build};
use crate::config::Config;
use crate::domain::{
    Action, AuditEntry, AuditFacts, Author, Battle, Grading, Preference, ProjectId, Review, Said, Submission,
    SystemName, TaskId,
};
use crate::ranking::made::{World, made_in};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

async fn office() -> (Arc<Services>, ProjectStore) {
    let text = "[store]\nurl = \"memory:\"\n[files]\nurl = \"memory:\"\n[reading]\nisolation = \"thread\"\n";
    let config = Config::parse(text, "test", std::iter::empty()).unwrap();
    let services = build(&config, Choices::system().unwrap()).await.unwrap();
    let project = services.store.project(&ProjectId::parse("p").unwrap());
    (services, project)
}

fn person(name: &str) -> Author {
    Author::parse(name).unwrap()
}

async fn asked(services: &Services, project: &ProjectStore, question: Question, reviewers: u32) -> Review {
    open(services, project, question, reviewers, &person("lead"), |batch, _| batch).await.unwrap()
}

async fn answered(services: &Services, project: &ProjectStore, review: &Review, who: &str, value: Said) -> Review {
    let claimed = queue::claim(services, project, review.id, &person(who)).await.unwrap();
    let answer = Answer { value, reason: String::new() };
    submit(services, project, review.id, claimed.lease.unwrap().token, &answer).await.unwrap()
}

async fn battles(project: &ProjectStore) -> Vec<Battle> {
    project.all::<Battle>(Query::default()).await.unwrap()
}

async fn pair(services: &Services, project: &ProjectStore) -> Question {
    let work = |system: &str| Submission {
        id: services.ids.next(),
        task_id: Some(TaskId::parse("t").unwrap()),
        system: SystemName::parse(system).unwrap(),
        text: Some(format!("by {system}")),
        files: vec![],
        cost_usd: None,
        duration_s: None,
        tokens: None,
        trace: None,
        metadata: None,
        created_at: services.now(),
    };
    let (a, b) = (work("one"), work("two"));
    project.commit(project.batch().insert(&a).insert(&b)).await.unwrap();
    Question::Preference { a: a.id, b: b.id }
}

#[tokio::test]
async fn a_preference_that_is_taken_back_is_no_battle_any_more_and_the_next_answer_is_one() {
    let (services, project) = office().await;
    let other = asked(&services, &project, pair(&services, &project).await, 1).await;
    answered(&services, &project, &other, "sue", Said::Preference(Preference::Tie)).await;
    let review = asked(&services, &project, pair(&services, &project).await, 1).await;
    let settled = answered(&services, &project, &review, "rob", Said::Preference(Preference::A)).await;
    assert!(settled.resolution.is_some());
    assert_eq!(battles(&project).await.len(), 2);

    let back = take_back(&services, &project, review.id, &person("rob")).await.unwrap();
    assert!(back.is_pending() && back.taken_back[0].had_settled);
    let left = battles(&project).await;
    assert_eq!(left.iter().map(|one| one.review_id).collect::<Vec<_>>(), [Some(other.id)], "the other one stays");
    let log = project.all::<AuditEntry>(Query::default()).await.unwrap();
    let facts = log.iter().map(|entry| serde_json::from_str::<AuditFacts>(&entry.facts).unwrap());
    let told: Vec<AuditFacts> = facts.filter(|facts| facts.action == Action::ReviewTakenBack).collect();
    assert_eq!(told.len(), 1, "what was said is on record");

    let again = answered(&services, &project, &review, "rob", Said::Preference(Preference::B)).await;
    assert!(again.answers[0].sighted, "who has seen whose they were does not answer blind");
    let now: Vec<_> = battles(&project).await.into_iter().filter(|one| one.review_id == Some(review.id)).collect();
    assert_eq!(now.iter().map(|one| one.winner).collect::<Vec<_>>(), [Preference::B]);
}

#[tokio::test]
async fn what_two_people_settled_is_not_one_persons_to_take_back() {
    let (services, project) = office().await;
    let review = asked(&services, &project, pair(&services, &project).await, 2).await;
    answered(&services, &project, &review, "rob", Said::Preference(Preference::A)).await;
    answered(&services, &project, &review, "sue", Said::Preference(Preference::A)).await;
    let refused = take_back(&services, &project, review.id, &person("rob")).await;
    assert!(matches!(refused, Err(Refusal::Conflict { .. })), "{refused:?}");
    assert_eq!(battles(&project).await.len(), 1);
}

#[tokio::test]
async fn a_search_that_is_taken_back_is_open_again_and_its_grading_waits() {
    let (services, project) = office().await;
    made_in(project.clone(), &World { tasks: 1, random_share: 0.0, ..World::default() }).await;
    let grading = project.all::<Grading>(Query::default()).await.unwrap().remove(0);
    let waits = async || {
        let kept = project.get::<Grading>(&grading.id.to_string()).await.unwrap().unwrap().record;
        kept.result().unwrap().open_reviews
    };
    let before = waits().await;
    let review = asked(&services, &project, Question::Discovery { grading_id: grading.id }, 1).await;
    assert_eq!(waits().await, before + 1);
    // Errors that were found are put together by an adjudicator; that there are none settles it.
    let found = Said::Errors(vec![]);
    let settled = answered(&services, &project, &review, "rob", found).await;
    assert!(settled.resolution.is_some());
    assert_eq!(waits().await, before);
    let back = take_back(&services, &project, review.id, &person("rob")).await.unwrap();
    assert!(back.is_pending());
    assert_eq!(waits().await, before + 1);
}
