//! Plans of comparisons by several at once: replicas of the service on one store.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Bench, app, post, send};
use crate::domain::{Comparison, ProjectId, SubmissionId};
use crate::grading::accept::Intake;
use crate::ranking::by_criterion::Criteria;
use crate::ranking::plans::{self, Ask, Plan};
use crate::refusal::Refusal;
use crate::store::{PlanTurn, Query, StoreError};

const SYSTEMS: usize = 4;
const TASKS: usize = 2;
const PAIRS: usize = TASKS * SYSTEMS * (SYSTEMS - 1) / 2;

/// Two services on one store, with submissions to compare in it.
async fn replicas() -> [Bench; 2] {
    let one = Bench::new().await;
    let other = Bench::over(one.services.store.clone(), 8).await;
    let app = app!(one);
    for task in 0..TASKS {
        let task = format!("t{task}");
        assert_eq!(send(&app, post("/v1/tasks", &json!({"task_id": task, "prompt": "Write."}))).await.status, 201);
        for system in 0..SYSTEMS {
            let body = json!({"task_id": task, "system": format!("s{system}"), "text": format!("By s{system}.")});
            assert_eq!(send(&app, post("/v1/submissions", &body)).await.status, 201);
        }
    }
    [one, other]
}

async fn pairs(bench: &Bench) -> Vec<(SubmissionId, SubmissionId)> {
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    let all = project.all::<Comparison>(Query::default()).await.unwrap();
    all.iter().map(|one| (one.a.min(one.b), one.a.max(one.b))).collect()
}

#[actix_web::test]
async fn plans_of_two_replicas_at_once_make_every_pair_once() {
    let [one, other] = replicas().await;
    let (first, second) = (app!(one), app!(other));
    let plan = json!({"plan": "all_pairs"});
    let asked = (0..6).map(|n| {
        let (first, second, plan) = (&first, &second, &plan);
        async move {
            let request = post("/v1/comparisons/plan", plan);
            if n % 2 == 0 { send(first, request).await } else { send(second, request).await }
        }
    });
    let told: Vec<Value> = join_all(asked)
        .await
        .iter()
        .map(|told| {
            assert_eq!(told.status, 202, "{}", told.text);
            told.json()
        })
        .collect();
    let made: Vec<u64> = told.iter().map(|body| body["comparisons"].as_u64().unwrap()).collect();
    assert_eq!(made.iter().sum::<u64>() as usize, PAIRS, "{made:?}");
    let pairs = pairs(&one).await;
    assert_eq!((pairs.len(), pairs.iter().collect::<BTreeSet<_>>().len()), (PAIRS, PAIRS));
    let named: usize = told.iter().map(|body| body["ids"].as_array().unwrap().len()).sum();
    assert_eq!(named, PAIRS, "nobody is told of comparisons that were not kept");
}

/// Both have planned before either keeps what it planned: the case that no lock of a process sees.
#[actix_web::test]
async fn what_was_planned_on_what_is_no_longer_so_is_not_kept() {
    let [one, other] = replicas().await;
    let panel = one.services.panels.values().next().unwrap().clone();
    let ask = Ask { plan: Plan::AllPairs, tasks: None, systems: None, criteria: Criteria::No };
    let mut kept = Vec::new();
    let mut intakes = Vec::new();
    for bench in [&one, &other] {
        let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
        let planned = plans::plan(&project, &panel, &ask).await.unwrap();
        assert_eq!(planned.pairs.len(), PAIRS, "neither knows of the other");
        intakes.push((project, planned));
    }
    for ((project, planned), bench) in intakes.iter().zip([&one, &other]) {
        let mut intake = Intake::new(&bench.services, project);
        planned.take_turn(&mut intake);
        for pair in planned.pairs.clone() {
            let plans::Pair { task, a, b, system_a, system_b, rubric } = pair;
            let sides = ((a, system_a), (b, system_b));
            let comparison =
                crate::ranking::compare::queued(&bench.services, task, sides.0, sides.1, panel.clone(), rubric);
            intake.insert(&comparison.unwrap());
        }
        kept.push(intake.commit().await);
    }
    assert!(kept[0].is_ok());
    assert!(matches!(kept[1], Err(Refusal::Store(StoreError::Conflict { .. }))), "{:?}", kept[1]);
    assert_eq!(pairs(&one).await.len(), PAIRS, "nothing of the second is kept");
    let (project, _) = &intakes[1];
    let again = plans::plan(project, &panel, &ask).await.unwrap();
    assert_eq!((again.pairs.len(), again.known), (0, PAIRS));
    assert_eq!(project.all::<PlanTurn>(Query::default()).await.unwrap(), [PlanTurn { number: 1 }]);
}

#[actix_web::test]
async fn a_repeated_plan_with_the_same_key_gets_the_first_answer_and_an_empty_one_takes_no_turn() {
    let [one, other] = replicas().await;
    let (first, second) = (app!(one), app!(other));
    let plan = json!({"plan": "all_pairs"});
    let keyed = || post("/v1/comparisons/plan", &plan).insert_header(("idempotency-key", "plan-1"));
    let told = send(&first, keyed()).await;
    let again = send(&second, keyed()).await;
    assert_eq!((again.status, &again.text), (202, &told.text));
    assert_eq!(again.headers.get("idempotent-replay").unwrap(), "true");
    let nothing = send(&second, post("/v1/comparisons/plan", &plan)).await.json();
    assert_eq!((&nothing["comparisons"], &nothing["already_compared"]), (&json!(0), &json!(PAIRS)));
    let project = one.services.store.project(&ProjectId::parse("default").unwrap());
    assert_eq!(project.all::<PlanTurn>(Query::default()).await.unwrap(), [PlanTurn { number: 1 }]);
}
