//! A grading from its request to a human's decision.

use serde_json::{Value, json};

use super::{Bench, app, form, get, post, raw, rubric, send};
use crate::domain::{About, CriterionId, Grading, Override, ProjectId, Review, Submission};

fn one_shot(key: &str, text: &str) -> actix_web::test::TestRequest {
    let request = json!({"rubric": rubric(), "prompt": "Write a memo.", "system": "sys", "text": text}).to_string();
    let parts: [(&str, Option<&str>, &[u8]); 2] =
        [("grading", None, request.as_bytes()), ("file", Some("memo.md"), b"# Memo\n\nTotal: 42.")];
    form("/v1/gradings?wait=20", &parts).insert_header(("idempotency-key", key))
}

#[actix_web::test]
async fn a_one_shot_grading_is_judged_reviewed_and_overruled() {
    let bench = Bench::new().await;
    bench.start_working();
    let app = app!(bench);
    let told = send(&app, one_shot("k1", "done")).await;
    assert_eq!(told.status, 202, "{}", told.text);
    let grading = told.json();
    let id = grading["id"].as_str().unwrap();
    assert_eq!(told.headers.get("location").unwrap().to_str().unwrap(), format!("/v1/gradings/{id}"));
    // Judges without a reply say nothing; the check has spoken.
    assert_eq!(grading["status"], "failed");
    assert_eq!(grading["progress"], json!({"calls_planned": 2, "calls_done": 2, "calls_failed": 2}));
    assert_eq!(
        (&grading["criteria"][0]["verdict"], &grading["criteria"][0]["source"]),
        (&json!("met"), &json!("check"))
    );
    assert_eq!(grading["criteria"][1]["verdict"], "inconclusive");
    assert_eq!(grading["criteria"][1]["votes"]["failed"], 2);
    assert_eq!(grading["agreement"]["krippendorff_alpha"]["value"], Value::Null);
    assert!(grading["agreement"]["krippendorff_alpha"]["undefined"].is_string());

    let votes = send(&app, get(&format!("/v1/gradings/{id}/votes"))).await.json();
    assert_eq!(votes["items"].as_array().unwrap().len(), 2);
    let vote = &votes["items"][0];
    assert_eq!(
        (&vote["answer"], &vote["cause"], &vote["grading_id"]),
        (&Value::Null, &json!("not_recorded"), &grading["id"])
    );

    let events = send(&app, get(&format!("/v1/gradings/{id}/events"))).await;
    assert_eq!(events.headers.get("content-type").unwrap(), "text/event-stream");
    let names: Vec<&str> = events.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["progress", "completed"]);

    let decision = json!({"criterion_id": "clear", "value": "met", "reason": "It reads well."});
    let uri = format!("/v1/gradings/{id}/overrides");
    let first = send(&app, post(&uri, &decision).insert_header(("idempotency-key", "o1"))).await;
    assert_eq!((first.status, &first.json()["score"]), (201, &json!(1.0)), "{}", first.text);
    let again = send(&app, post(&uri, &decision).insert_header(("idempotency-key", "o1"))).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    assert_eq!(project.count::<Override>().await.unwrap(), 1);
    assert_eq!(send(&app, get(&uri)).await.json()["items"][0]["author"], "local");
    send(&app, post(&uri, &json!({"criterion_id": "clear", "value": "met", "reason": " "})))
        .await
        .problem(422, "invalid");
    send(&app, post(&uri, &json!({"criterion_id": "none", "value": "met", "reason": "x"})))
        .await
        .problem(422, "invalid");
    let after = send(&app, get(&format!("/v1/gradings/{id}"))).await.json();
    assert_eq!((&after["score"]["value"], &after["criteria"][1]["source"]), (&json!(1.0), &json!("override")));
}

#[actix_web::test]
async fn the_same_key_is_one_grading_and_another_body_is_refused() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let body = json!({"system": "sys", "text": "42"});
    let keyed = |body: &Value| post("/v1/submissions", body).insert_header(("idempotency-key", "k"));
    let (first, second) = futures_util::future::join(send(&app, keyed(&body)), send(&app, keyed(&body))).await;
    assert_eq!((first.status, &first.text), (201, &second.text));
    let third = send(&app, keyed(&body)).await;
    assert_eq!(
        (third.status, &third.text, third.headers.get("location")),
        (201, &first.text, first.headers.get("location"))
    );
    send(&app, keyed(&json!({"system": "sys", "text": "43"}))).await.problem(409, "idempotency_mismatch");
    let elsewhere = post("/v1/tasks", &json!({"prompt": "x"})).insert_header(("idempotency-key", "k"));
    send(&app, elsewhere).await.problem(409, "idempotency_mismatch");
    let long = post("/v1/submissions", &body).insert_header(("idempotency-key", "k".repeat(300)));
    send(&app, long).await.problem(400, "invalid_header");
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    assert_eq!(project.count::<Submission>().await.unwrap(), 1);
}

#[actix_web::test]
async fn the_same_form_with_another_boundary_is_the_same_request() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let form = |boundary: &str| {
        let part = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"submission\"\r\n\r\n{{\"system\":\"a\",\"text\":\"x\"}}\r\n--{boundary}--\r\n"
        );
        raw("/v1/submissions", &format!("multipart/form-data; boundary={boundary}"), part)
            .insert_header(("idempotency-key", "f"))
    };
    let (first, second) = (send(&app, form("AAA")).await, send(&app, form("BBB")).await);
    assert_eq!((first.status, second.status, &first.text), (201, 201, &second.text));
}

#[actix_web::test]
async fn without_a_worker_a_grading_waits_and_can_be_cancelled_and_retried() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let rubric = send(&app, post("/v1/rubrics", &rubric())).await;
    assert_eq!(rubric.status, 201, "{}", rubric.text);
    let kept = rubric.json();
    assert_eq!((&kept["criteria"], &kept["max_points"]), (&json!(2), &json!(8.0)));
    let again = send(&app, post("/v1/rubrics", &super::rubric())).await;
    assert_eq!((again.status, &again.json()["id"]), (200, &kept["id"]));
    let submission = send(&app, post("/v1/submissions", &json!({"system": "sys", "text": "42"}))).await.json();
    let ask = json!({"submission_id": submission["id"], "rubric_id": kept["id"]});
    let told = send(&app, post("/v1/gradings?wait=1", &ask)).await;
    assert_eq!((told.status, &told.json()["status"]), (202, &json!("queued")));
    let uri = told.headers.get("location").unwrap().to_str().unwrap().to_owned();
    let grading = send(&app, get(&uri)).await.json();
    assert_eq!((&grading["score"], &grading["criteria"][0]["verdict"]), (&Value::Null, &json!("inconclusive")));
    assert_eq!(grading["progress"]["calls_planned"], 2);
    let overrides = json!({"criterion_id": "clear", "value": "met", "reason": "x"});
    send(&app, post(&format!("{uri}/overrides"), &overrides)).await.problem(409, "not_judged");
    let told = send(&app, post(&format!("{uri}/retry"), &json!({}))).await;
    told.problem(409, "invalid_state");
    assert_eq!(send(&app, post(&format!("{uri}/cancel"), &json!({}))).await.json()["status"], "cancelled");
    let told = send(&app, post(&format!("{uri}/retry"), &json!({}))).await;
    assert_eq!((told.status, &told.json()["status"]), (202, &json!("queued")));
    send(
        &app,
        post("/v1/gradings", &json!({"submission_id": submission["id"], "rubric_id": kept["id"], "budget_usd": 1.0})),
    )
    .await
    .problem(422, "invalid");
    let list = send(&app, get("/v1/gradings?status=queued&system=sys")).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    assert_eq!(project.count::<Grading>().await.unwrap(), 1);
}

#[actix_web::test]
async fn lists_go_on_where_they_ended() {
    let bench = Bench::new().await;
    let app = app!(bench);
    for n in 0..5 {
        send(&app, post("/v1/submissions", &json!({"system": if n % 2 == 0 { "even" } else { "odd" }, "text": "x"})))
            .await;
    }
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = send(&app, get(&format!("/v1/submissions?limit=2{cursor}"))).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, each once");
    let even = send(&app, get("/v1/submissions?system=even")).await.json();
    assert_eq!(even["items"].as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn a_reviewer_is_blind_until_the_answer_is_in() {
    let bench = Bench::new().await;
    bench.start_working();
    let app = app!(bench);
    let grading = send(&app, one_shot("r", "a secret-system note")).await.json();
    open_review(&bench, grading["id"].as_str().unwrap()).await;
    let reviews = send(&app, get("/v1/reviews?state=open")).await.json();
    let review = &reviews["items"][0];
    assert_eq!(
        (&review["grading_id"], &review["criterion_id"], &review["reason"]),
        (&grading["id"], &json!("clear"), &Value::Null)
    );
    let uri = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
    let detail = send(&app, get(&uri)).await;
    for hidden in ["\"sys\"", "not_recorded", "votes", "\"one\"", "system"] {
        assert!(!detail.text.replace("secret-system", "").contains(hidden), "{hidden} in {}", detail.text);
    }
    assert_eq!(detail.json()["criterion"]["requirement"], "Is clearly written.");
    assert_eq!(
        (&detail.json()["task"], &detail.json()["files"][0]["name"]),
        (&json!("Write a memo."), &json!("memo.md"))
    );
    assert!(send(&app, get(&format!("{uri}/files/0"))).await.text.contains("Total: 42"));
    let claimed = send(&app, post(&format!("{uri}/claim"), &json!({}))).await.json();
    let answer = json!({"lease_token": claimed["lease_token"], "value": "unmet", "reason": "Too terse."});
    send(&app, post(&format!("{uri}/claim"), &json!({}))).await.problem(409, "invalid_state");
    let mut wrong = answer.clone();
    wrong["lease_token"] = json!("0197f3a0-0000-7000-8000-000000000000");
    send(&app, post(&format!("{uri}/submit"), &wrong)).await.problem(409, "invalid_state");
    let done = send(&app, post(&format!("{uri}/submit"), &answer)).await;
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("agreed")), "{}", done.text);
    assert!(done.json()["reason"].is_string() && done.json()["answers"][0]["value"] == "unmet");
    let after = send(&app, get(&format!("/v1/gradings/{}", grading["id"].as_str().unwrap()))).await.json();
    assert_eq!(after["criteria"][1]["verdict"], "unmet");
}

#[actix_web::test]
async fn who_has_a_stake_declines_and_neither_answers_nor_adjudicates() {
    let bench = Bench::new().await;
    bench.start_working();
    let app = app!(bench);
    let grading = send(&app, one_shot("r", "a note")).await.json();
    open_review(&bench, grading["id"].as_str().unwrap()).await;
    let reviews = send(&app, get("/v1/reviews?state=open")).await.json();
    let uri = format!("/v1/reviews/{}", reviews["items"][0]["id"].as_str().unwrap());
    send(&app, post(&format!("{uri}/claim"), &json!({}))).await.json();
    let decline =
        |reason: &str| post(&format!("{uri}/decline"), &json!({"reason": reason, "conflict_of_interest": true}));
    send(&app, decline(" ")).await.problem(422, "invalid");
    let freed = send(&app, decline("It is my own work.")).await.json();
    assert_eq!((&freed["state"], &freed["lease"]), (&json!("open"), &serde_json::Value::Null));
    send(&app, post(&format!("{uri}/claim"), &json!({}))).await.problem(409, "invalid_state");
    send(&app, decline("Twice.")).await.problem(409, "invalid_state");
    send(&app, post(&format!("{uri}/resolve"), &json!({"value": "met", "reason": "Mine."})))
        .await
        .problem(409, "invalid_state");
}

/// A question on the criterion that judges are asked about.
async fn open_review(bench: &Bench, grading: &str) {
    let services = &bench.services;
    let about =
        About::Criterion { grading_id: grading.parse().unwrap(), criterion_id: CriterionId::parse("clear").unwrap() };
    let review = Review {
        selection_probability: Some(1.0),
        priority: 3.0,
        ..Review::new(services.ids.next(), about, "split", services.now())
    };
    let project = services.store.project(&ProjectId::parse("default").unwrap());
    project.commit(project.batch().insert(&review)).await.unwrap();
}
