//! The same request with the same `Idempotency-Key` is one request, whenever and however often it comes.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Answer, Client, Home, NO_REVIEWS, Service, form, judge, panel, statements};

async fn home() -> (FakeOpenAi, Home) {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    (server, home)
}

/// Every kind of request that creates something: address, type, body, and how many of it there are afterwards.
struct Creation {
    path: String,
    media_type: &'static str,
    body: String,
    other: String,
}

async fn creations(client: &Client) -> Vec<Creation> {
    let rubric = client.rubric(&statements(2)).await;
    client.post("/v1/tasks", &json!({"task_id": "t", "prompt": "Do it."})).await.is(201);
    let mut submissions = Vec::new();
    for system in ["one", "two"] {
        let new = json!({"task_id": "t", "system": system, "text": "Done."});
        submissions.push(client.post("/v1/submissions", &new).await.is(201)["id"].as_str().unwrap().to_owned());
    }
    let graded = client.grade(&submissions[0], &rubric).await;
    client.settled(&format!("/v1/gradings/{graded}")).await;
    let (a, b) = (&submissions[0], &submissions[1]);
    let of = |path: &str, body: serde_json::Value, other: serde_json::Value| Creation {
        path: path.to_owned(),
        media_type: "application/json",
        body: body.to_string(),
        other: other.to_string(),
    };
    let battles = |winner: &str| format!("model_a,model_b,winner\nx,y,{winner}\n");
    vec![
        of("/v1/rubrics", statements(3), statements(4)),
        of("/v1/tasks", json!({"prompt": "Do this."}), json!({"prompt": "Do that."})),
        of("/v1/submissions", json!({"system": "s", "text": "x"}), json!({"system": "s", "text": "y"})),
        of(
            "/v1/gradings",
            json!({"submission_id": a, "rubric_id": rubric}),
            json!({"submission_id": b, "rubric_id": rubric}),
        ),
        of("/v1/comparisons", json!({"task_id": "t", "a": a, "b": b}), json!({"task_id": "t", "a": b, "b": a})),
        of(
            &format!("/v1/gradings/{graded}/overrides"),
            json!({"criterion_id": "c0", "value": "unmet", "reason": "Looked."}),
            json!({"criterion_id": "c1", "value": "unmet", "reason": "Looked."}),
        ),
        Creation {
            path: "/v1/comparisons/import".to_owned(),
            media_type: "text/csv",
            body: battles("model_a"),
            other: battles("tie"),
        },
    ]
}

fn same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(again.header("idempotent-replay"), "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_is_given_again_also_after_a_crash_and_another_body_is_a_conflict() {
    let (_server, home) = home().await;
    let service = Service::start(&home).await;
    let client = service.client();
    let creations = creations(&client).await;
    let mut first = Vec::new();
    for (n, creation) in creations.iter().enumerate() {
        let key = format!("key-{n}");
        let answer = client.send(&creation.path, creation.media_type, creation.body.clone(), Some(&key)).await;
        assert!((200..300).contains(&answer.status), "{}: {}", creation.path, answer.text());
        same(&answer, &client.send(&creation.path, creation.media_type, creation.body.clone(), Some(&key)).await);
        first.push(answer);
    }
    for grading in client.all("/v1/gradings").await {
        client.settled(&format!("/v1/gradings/{}", grading["id"].as_str().unwrap())).await;
    }
    for comparison in client.all("/v1/comparisons").await {
        client.settled(&format!("/v1/comparisons/{}", comparison["id"].as_str().unwrap())).await;
    }
    let before = client.everything().await;
    service.kill9();

    let service = Service::start(&home).await;
    let client = service.client();
    for (n, (creation, answer)) in creations.iter().zip(&first).enumerate() {
        let key = format!("key-{n}");
        same(answer, &client.send(&creation.path, creation.media_type, creation.body.clone(), Some(&key)).await);
        let other = client.send(&creation.path, creation.media_type, creation.other.clone(), Some(&key)).await;
        other.is_problem(409, "idempotency_mismatch", &[&key, "fresh key"]);
    }
    assert_eq!(client.everything().await, before);
    let long = "k".repeat(256);
    let refused = client.send("/v1/tasks", "application/json", json!({"prompt": "x"}).to_string(), Some(&long)).await;
    refused.is_problem(400, "invalid_header", &["255"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_many_times_at_once_is_one() {
    let (_server, home) = home().await;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(1)).await;
    let submission = client.text("s", "x").await;
    let body = json!({"submission_id": submission, "rubric_id": rubric}).to_string();
    let requests = (0..16).map(|_| {
        let (client, body) = (client.clone(), body.clone());
        tokio::spawn(async move {
            client.send("/v1/gradings", "application/json", body, Some("once")).await.is(202)["id"].clone()
        })
    });
    let mut ids = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        ids.push(request.await.unwrap());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(client.all("/v1/gradings").await.len(), 1);
    // One key for two requests at once: one of them is told.
    let other = |prompt: &'static str| {
        let client = client.clone();
        let body = json!({"prompt": prompt}).to_string();
        tokio::spawn(async move { client.send("/v1/tasks", "application/json", body, Some("two")).await.status })
    };
    let (one, two) = (other("One."), other("Two."));
    let mut statuses = [one.await.unwrap(), two.await.unwrap()];
    statuses.sort_unstable();
    assert_eq!((statuses, client.all("/v1/tasks").await.len()), ([201, 409], 1));
    // Without a key, the same rubric at once is one all the same.
    let rubrics = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/rubrics", &statements(7)).await })
    });
    let mut made = 0;
    for rubric in rubrics.collect::<Vec<_>>() {
        made += usize::from(rubric.await.unwrap().status == 201);
    }
    assert_eq!((made, client.all("/v1/rubrics").await.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_known_again_by_its_parts_and_not_by_its_boundary() {
    let (_server, home) = home().await;
    let service = Service::start(&home).await;
    let client = service.client();
    let post = async |boundary: &str, bytes: &[u8]| {
        let content = json!({"system": "s"}).to_string();
        let (media_type, body) = form(boundary, "submission", &content, &[("a.txt", bytes)]);
        client.send("/v1/submissions", &media_type, body, Some("form")).await
    };
    let first = post("one-boundary", b"bytes").await;
    first.is(201);
    same(&first, &post("another-boundary", b"bytes").await);
    post("one-boundary", b"other bytes").await.is_problem(409, "idempotency_mismatch", &["form"]);
    assert_eq!(client.all("/v1/submissions").await.len(), 1);
}
