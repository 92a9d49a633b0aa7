//! A panel that weighs its judges by what human decisions show of them.

use empanel::judge::fake::{Action, Call, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Home, NO_REVIEWS, Service, asker, judge, number, panel, statements, verdicts};

const JUDGES: [&str; 5] = ["anna", "bert", "cleo", "dora", "emil"];
const STATEMENTS: usize = 60;

/// Every other statement is true.
fn truth(n: usize) -> bool {
    n.is_multiple_of(2)
}

/// Anna knows; Bert errs here and there; the other three are wrong together on every third statement, and outvote both.
fn script(call: &Call) -> Action {
    let n = number(call);
    let wrong = match asker(call).as_str() {
        "anna" => false,
        "bert" => n % 7 == 1 && !n.is_multiple_of(3),
        _ => n.is_multiple_of(3),
    };
    Action::answer(if truth(n) != wrong { "MET" } else { "UNMET" })
}

fn wrong(grading: &Value) -> usize {
    let verdicts = verdicts(grading);
    let is_wrong = |n: &usize| verdicts[&format!("c{n}")] != if truth(*n) { "met" } else { "unmet" };
    (0..STATEMENTS).filter(is_wrong).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judges_count_the_same_until_human_decisions_show_who_is_to_be_believed() {
    let server = FakeOpenAi::start(script).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "")).collect();
    let weighted = format!("aggregation = \"weighted\"\n{NO_REVIEWS}");
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, &weighted)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(STATEMENTS)).await;
    let first = client.grade(&client.text("atlas", "The first memo.").await, &rubric).await;
    let graded = client.settled(&format!("/v1/gradings/{first}")).await;
    assert_eq!(
        (&graded["aggregation"]["used"], wrong(&graded)),
        (&json!("majority"), STATEMENTS / 3),
        "{}",
        graded["aggregation"]
    );
    assert!(graded["aggregation"]["why"].as_str().unwrap().contains("no earlier votes"), "{}", graded["aggregation"]);

    let second = client.grade(&client.text("borealis", "The second memo.").await, &rubric).await;
    let path = format!("/v1/gradings/{second}");
    let graded = client.settled(&path).await;
    assert_eq!(
        (&graded["aggregation"]["used"], wrong(&graded)),
        (&json!("majority"), STATEMENTS / 3),
        "no human has decided"
    );
    let calls = server.count();

    for n in 0..45 {
        let value = if truth(n) { "met" } else { "unmet" };
        let decision = json!({"criterion_id": format!("c{n}"), "value": value, "reason": "I looked."});
        client.post(&format!("/v1/gradings/{first}/overrides"), &decision).await.is(201);
    }
    assert_eq!(wrong(&client.get(&path).await.is(200)), STATEMENTS / 3, "what was decided stands until somebody asks");
    let learned = client.post(&format!("{path}/aggregate"), &json!({})).await.is(200);
    assert_eq!((&learned["used"], &learned["human_answers"]), (&json!("weighted"), &json!(45)), "{learned}");
    let weight = |name: &str| {
        let judges = learned["judges"].as_array().unwrap();
        judges.iter().find(|one| one["judge"] == name).unwrap()["if_met"].as_f64().unwrap()
    };
    assert!(weight("anna") > weight("bert") && weight("bert") > weight("cleo"), "{learned}");
    assert_eq!(server.count(), calls, "nobody is asked for it");
    let graded = client.get(&path).await.is(200);
    assert_eq!((&graded["aggregation"], wrong(&graded)), (&learned, 0), "it is kept with the grading");
    client.post(&format!("/v1/gradings/{rubric}/aggregate"), &json!({})).await.is_problem(
        404,
        "not_found",
        &["grading"],
    );
}
