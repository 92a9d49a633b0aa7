//! Rubrics that a model proposes: asked for like any paid call, decided on by a human, never graded with before.

use empanel::judge::fake::{Action, Call, FakeOpenAi, Gate};
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, judge, panel, run, wait_for};

const TASK: &str = "Write the variance memo for March. Its totals must tie to the ledger extract.";

/// Three criteria; the second rests on words that nobody was shown.
fn proposal() -> Value {
    json!({"criteria": [
        {"quotes": [{"file": "task", "where": "line 1", "quote": "totals must tie to the ledger extract"}], "why": "It is asked for.",
         "requirement": "The totals tie to the ledger extract.", "points": 5, "must_pass": true},
        {"quotes": [{"file": "task", "where": "", "quote": "in the style of the board"}], "why": "Boards read it.",
         "requirement": "The memo is clear and appropriate.", "points": 2, "must_pass": false},
        {"quotes": [], "why": "", "requirement": "A figure is made up.", "points": -3, "must_pass": false}]})
}

fn is_drafting(call: &Call) -> bool {
    call.user_text().contains("Which criteria does work on this task have to be judged by?")
}

fn script(call: &Call) -> Action {
    if is_drafting(call) { Action::text(&proposal().to_string()) } else { Action::answer("MET") }
}

fn panels(server: &FakeOpenAi) -> String {
    format!("{}{}", judge("anna", server, ""), panel(&["anna"], NO_REVIEWS))
}

async fn drafted(client: &Client, wish: &Value) -> Value {
    let answer = client.post("/v1/rubrics/draft", wish).await;
    let id = answer.is(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/v1/rubrics/drafts/{id}"));
    client.settled(&format!("/v1/rubrics/drafts/{id}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_proposes_a_human_decides_and_only_then_it_is_graded_with() {
    let server = FakeOpenAi::start(script).await;
    let home = Home::new(&panels(&server));
    let service = Service::start(&home).await;
    let client = service.client();
    client.post("/v1/tasks", &json!({"task_id": "memo", "prompt": TASK})).await.is(201);

    let draft = drafted(&client, &json!({"task_id": "memo", "criteria": 8})).await;
    assert_eq!((draft["status"].as_str(), draft["cost"]["calls"].as_u64()), (Some("completed"), Some(1)), "{draft}");
    assert!(draft["cost"]["usd"].as_f64().unwrap() > 0.0);
    let id = draft["rubric"]["id"].as_str().unwrap().to_owned();
    let rubric = client.get(&format!("/v1/rubrics/{id}")).await.is(200);
    assert_eq!(rubric["title"], "Draft for memo");
    let found: Vec<(&Value, &Value, &Value)> = (0..2)
        .map(|n| &rubric["criteria"][n])
        .map(|c| (&c["draft"]["by"], &c["draft"]["quotes"][0]["found"], &c["gate"]))
        .collect();
    assert_eq!(
        found,
        [(&json!("anna"), &json!(true), &json!("must_pass")), (&json!("anna"), &json!(false), &Value::Null)]
    );
    assert_eq!(rubric["criteria"][0]["draft"]["quotes"][0]["where"], "line 1");

    let submission = client.text("atlas", "Totals tie.").await;
    let grading = json!({"submission_id": submission, "rubric_id": id});
    client.post("/v1/gradings", &grading).await.is_problem(
        409,
        "rubric_is_draft",
        &["3 criteria", "`d1`, `d2`, `d3`", "allow_drafts", &format!("/rubrics/{id}")],
    );
    let mut sides = Vec::new();
    for system in ["atlas", "borea"] {
        let body = json!({"task_id": "memo", "system": system, "text": "Totals tie."});
        sides.push(client.post("/v1/submissions", &body).await.is(201)["id"].clone());
    }
    let by = json!({"task_id": "memo", "a": sides[0], "b": sides[1], "criteria": true, "rubric_id": id});
    let refused = client.post("/v1/comparisons", &by).await;
    refused.is_problem(409, "rubric_is_draft", &["3 criteria", "compare without `criteria`"]);
    let plan = json!({"plan": "all_pairs", "criteria": true, "rubric_id": id});
    client.post("/v1/comparisons/plan", &plan).await.is_problem(409, "rubric_is_draft", &["`d1`"]);
    assert_eq!(server.count(), 1, "nothing was asked");

    let decide = format!("/v1/rubrics/{id}/decide");
    let decision = |decisions: Value| json!({"version": 1, "decisions": decisions});
    client.post(&decide, &decision(json!({}))).await.is_bad_field("/decisions", &["is empty"]);
    client
        .post(&decide, &decision(json!({"d9": {"decision": "reject"}})))
        .await
        .is_bad_field("/decisions/d9", &["no such"]);
    let all_out = json!({"d1": {"decision": "reject"}, "d2": {"decision": "reject"}, "d3": {"decision": "reject"}});
    client.post(&decide, &decision(all_out)).await.is_bad_field("/decisions", &["at least one"]);
    let first = json!({"d1": {"decision": "accept", "requirement": "The totals tie within $1.", "points": 6},
                       "d2": {"decision": "reject"}});
    let told = client.post(&decide, &decision(first.clone())).await.is(201);
    assert_eq!(
        (told["version"].as_u64(), told["criteria"].as_u64(), told["max_points"].as_f64()),
        (Some(2), Some(2), Some(6.0))
    );
    client.post(&decide, &decision(first)).await.is_problem(409, "rubric_changed", &["version 2 by now"]);
    client.post("/v1/gradings", &grading).await.is_problem(409, "rubric_is_draft", &["1 criteria", "`d3`"]);
    let last = json!({"decisions": {"d3": {"decision": "accept"}}});
    client.post(&decide, &last).await.is(201);
    client.post(&decide, &last).await.is_bad_field("/decisions/d3", &["is no draft"]);

    let id = client.post("/v1/gradings", &grading).await.is(202)["id"].as_str().unwrap().to_owned();
    let graded = client.settled(&format!("/v1/gradings/{id}")).await;
    assert_eq!(graded["criteria"][0]["requirement"], "The totals tie within $1.");
    assert_eq!(graded["score"]["value"], 0.5, "6 of 6 points, less 3 for the figure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drafts_are_graded_with_by_who_says_so() {
    let server = FakeOpenAi::start(script).await;
    let home = Home::new(&panels(&server));
    let service = Service::start(&home).await;
    let client = service.client();
    let draft = drafted(&client, &json!({"prompt": TASK})).await;
    let submission = client.text("atlas", "Totals tie.").await;
    let grading = json!({"submission_id": submission, "rubric_id": draft["rubric"]["id"], "allow_drafts": true});
    let id = client.post("/v1/gradings", &grading).await.is(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(client.settled(&format!("/v1/gradings/{id}")).await["status"], "completed");

    let file = home.write("memo.md", "Totals tie.");
    let text = client.get(&format!("/v1/rubrics/{}/export", draft["rubric"]["id"].as_str().unwrap())).await;
    let rubric = home.write("draft.yaml", text.text());
    let [file, rubric, config] = [&file, &rubric, &home.config()].map(|path| path.display().to_string());
    let grade = ["grade", &file, "--rubric", &rubric, "--config", &config];
    run(&home, &grade).await.complains(&["drafts that no human has accepted"]);
    run(&home, &[&grade[..], &["--allow-drafts"]].concat()).await.exits_with(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_writes_that_is_no_rubric_is_asked_for_again_and_then_a_failure() {
    let server = FakeOpenAi::start(|_| Action::text(r#"{"criteria": [{"requirement": "R", "points": 0}]}"#)).await;
    let home = Home::new(&panels(&server));
    let service = Service::start(&home).await;
    let client = service.client();
    let draft = drafted(&client, &json!({"prompt": TASK})).await;
    assert_eq!((draft["status"].as_str(), draft["cause"].as_str()), (Some("failed"), Some("unparseable")));
    assert!(draft["detail"].as_str().unwrap().contains("`points` is 0"), "{draft}");
    assert_eq!(draft["rubric"], Value::Null);
    assert_eq!(draft["cost"]["calls"].as_u64(), Some(server.count()));
    assert!(server.count() > 1, "it was asked again with what was wrong");
    assert!(client.all("/v1/rubrics").await.is_empty(), "nothing is made up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_write_is_not_asked() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    client.post("/v1/rubrics/draft", &json!({"prompt": TASK})).await.is_bad_field("/panel", &["lexical baseline"]);
    client.post("/v1/rubrics/draft", &json!({})).await.is_bad_field("/prompt", &["say what is to be done"]);
    client.post("/v1/rubrics/draft", &json!({"task_id": "none"})).await.is_bad_field("/task_id", &["no task"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_was_in_flight_when_the_power_went_is_finished_by_the_next_start() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FakeOpenAi::start(move |call| Action::Held(held.clone(), Box::new(script(call)))).await;
    let home = Home::new(&panels(&server));
    let service = Service::start(&home).await;
    let answer = service.client().post("/v1/rubrics/draft", &json!({"prompt": TASK})).await.is(202);
    let path = format!("/v1/rubrics/drafts/{}", answer["id"].as_str().unwrap());
    wait_for("the call to arrive", async || (server.count() > 0).then_some(())).await;
    service.kill9();
    gate.open();
    let service = Service::start(&home).await;
    let client = service.client();
    let draft = client.settled(&path).await;
    assert_eq!(draft["status"], "completed");
    assert_eq!(draft["cost"]["calls"], 2, "the lost call is in the books");
    assert_eq!(client.all("/v1/rubrics").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_drafts_without_a_service_and_says_what_it_cost() {
    let server = FakeOpenAi::start(script).await;
    let home = Home::new(&panels(&server));
    home.write("gold.md", "Net income is $12,400.");
    home.write("ledger.csv", "a,b\n5,7\n");
    let config = home.config().display().to_string();
    let draft =
        ["rubric", "draft", "--prompt", TASK, "--reference", "ledger.csv", "--gold", "gold.md", "--config", &config];
    let said = run(&home, &draft).await.exits_with(0);
    assert!(said.stderr.contains("1 calls, $0.00"), "{}", said.stderr);
    let asked = server.calls().remove(0).user_text();
    for shown in [TASK, "ledger.csv", "Net income is $12,400.", "A deliverable that is known to be right"] {
        assert!(asked.contains(shown), "{shown:?} is not in: {asked}");
    }
    home.write("draft.yaml", &said.stdout);
    let linted = run(&home, &["rubric", "lint", "draft.yaml"]).await.exits_with(0);
    assert!(
        linted.stdout.contains("3 criteria") && linted.stdout.contains("nothing is graded with it"),
        "{}",
        linted.stdout
    );

    let refusing = FakeOpenAi::start(|_| Action::refusal()).await;
    home.configure("", &panels(&refusing));
    let said = run(&home, &draft).await.exits_with(3);
    assert!(said.stdout.is_empty() && said.stderr.contains("nothing was proposed (refused)"), "{}", said.stderr);
}
