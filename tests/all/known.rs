//! What was asked before is not paid for again, and says so.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, judge, panel, requirement, statements};

async fn home(server: &FakeOpenAi, more: &str) -> Home {
    Home::new(&format!("{}{}", judge("anna", server, ""), panel(&["anna"], &format!("{more}{NO_REVIEWS}"))))
}

/// A grading that is over; its id.
async fn graded(client: &Client, submission: &str, rubric: &str) -> String {
    let id = client.grade(submission, rubric).await;
    client.settled(&format!("/v1/gradings/{id}")).await;
    id
}

fn from_before(votes: &[Value]) -> usize {
    votes.iter().filter(|vote| vote["cached"] == true).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_the_rubric_only_the_changed_criteria_are_paid_for() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = home(&server, "").await;
    let service = Service::start(&home).await;
    let client = service.client();
    let submission = client.text("system", "A report.").await;
    let mut rubric = statements(4);
    let first = graded(&client, &submission, &client.rubric(&rubric).await).await;
    assert_eq!(server.count(), 4);

    rubric["criteria"][1]["requirement"] = json!("It says something else.");
    rubric["criteria"][2]["points"] = json!(7);
    rubric["criteria"][3]["id"] = json!("renamed");
    let changed = client.rubric(&rubric).await;
    let second = graded(&client, &submission, &changed).await;
    assert_eq!(server.count(), 5, "points and names are not part of what a judge is asked");
    assert!(requirement(&server.calls().pop().unwrap()).contains("something else"));
    let votes = client.votes(&second).await;
    assert_eq!((votes.len(), from_before(&votes)), (4, 3));
    let grading = client.get(&format!("/v1/gradings/{second}")).await.is(200);
    assert_eq!((&grading["score"]["value"], &grading["cost"]["calls"]), (&json!(1.0), &json!(1)), "{grading}");

    // A taken over answer has all that the first one has, and costs nothing.
    let before = client.votes(&first).await;
    for vote in votes.iter().filter(|vote| vote["cached"] == true) {
        let origin = before.iter().find(|b| b["fingerprint"]["prompt"] == vote["fingerprint"]["prompt"]).unwrap();
        for same in ["answer", "reason", "evidence", "model", "raw_reply"] {
            assert_eq!(vote[same], origin[same], "{same}");
        }
        assert!(origin["raw_reply"].is_string() && origin["cached"] == false);
        assert_eq!((&vote["cost_usd"], &vote["attempts"]), (&json!(0.0), &json!(0)));
    }
    // Another deliverable, another question.
    let other = client.text("system", "Another report.").await;
    graded(&client, &other, &changed).await;
    assert_eq!(server.count(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_or_a_grading_may_ask_afresh() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = home(&server, "cache = \"off\"\n").await;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(2)).await;
    let submission = client.text("system", "A report.").await;
    let mut asked = Vec::new();
    for cache in [None, Some("read_only"), Some("on"), Some("on"), Some("off"), Some("read_only")] {
        let mut body = json!({"submission_id": submission, "rubric_id": rubric});
        if let Some(cache) = cache {
            body["cache"] = json!(cache);
        }
        client.post("/v1/gradings?wait=60", &body).await.is(202);
        asked.push(server.count());
    }
    assert_eq!(asked, [2, 4, 6, 6, 8, 8], "off makes nothing known, read_only neither, on does");
    let unknown = json!({"submission_id": submission, "rubric_id": rubric, "cache": "sometimes"});
    client.post("/v1/gradings", &unknown).await.is_problem(422, "invalid", &["sometimes", "read_only"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_never_taken_over_and_every_repeat_is_asked() {
    let server =
        FakeOpenAi::start(|call| if call.number == 1 { Action::refusal() } else { Action::answer("MET") }).await;
    let home = home(&server, "repeats = 3\n").await;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(1)).await;
    let submission = client.text("system", "A report.").await;
    let first = graded(&client, &submission, &rubric).await;
    assert_eq!((server.count(), from_before(&client.votes(&first).await)), (3, 0));
    let second = graded(&client, &submission, &rubric).await;
    assert_eq!((server.count(), from_before(&client.votes(&second).await)), (4, 2));
}
