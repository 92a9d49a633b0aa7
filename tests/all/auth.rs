//! Who may do what: without keys this machine only, with keys what the role allows, inside one project.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Answer, Client, Home, Service, judge, key, panel, run, statements};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_nothing_but_loopback_is_served() {
    let home = Home::new("");
    let config = home.config().display().to_string();
    let said = run(&home, &["serve", "--config", &config, "--bind", "0.0.0.0:0"]).await;
    let said = said.complains(&["0.0.0.0", "keys create", "127.0.0.1"]);
    assert!(!said.stdout.contains("listening"), "{}", said.stdout);

    let service = Service::start(&home).await;
    let client = service.client();
    client.get("/v1/tasks").await.is(200);
    // A name that somebody made to point here (DNS rebinding).
    let rebound = Answer::of(client.request("GET", "/v1/tasks").header("host", "evil.example:8787")).await;
    rebound.is_problem(403, "other_site", &["evil.example"]);
    drop(service);

    key(&home, "admin", "default", "me").await;
    let service = Service::start_with(&home, &["--bind", "0.0.0.0:0"]).await;
    assert!(service.url.starts_with("http://0.0.0.0:"), "{}", service.url);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_cannot_change_anything() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let post = |header: &'static str, value: String| {
        let request = client.request("POST", "/v1/tasks").header("content-type", "application/json");
        Answer::of(request.header(header, value).body(json!({"prompt": "x"}).to_string()))
    };
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        post(header, value.to_owned()).await.is_problem(403, "other_site", &["another site"]);
    }
    assert!(client.all("/v1/tasks").await.is_empty());
    post("origin", service.url.clone()).await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_decide_what_a_key_may_do_and_other_projects_do_not_exist() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home =
        Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], "review = { random_share = 1.0 }")));
    let (submitter, reviewer) = (key(&home, "submitter", "p", "sue").await, key(&home, "reviewer", "p", "rob").await);
    let (admin, stranger) = (key(&home, "admin", "p", "ann").await, key(&home, "admin", "q", "max").await);
    let bad = run(&home, &["keys", "create", "--role", "king", "--config", &home.config().display().to_string()]).await;
    bad.complains(&["king", "reviewer"]);

    let service = Service::start(&home).await;
    let nobody = service.client();
    let with = |key: &str| nobody.with_key(key);
    let (submitter, reviewer, admin, stranger) = (with(&submitter), with(&reviewer), with(&admin), with(&stranger));

    let refused = nobody.get("/v1/tasks").await;
    refused.is_problem(401, "unauthorized", &["Authorization: Bearer"]);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    with("emp_guessed").get("/v1/tasks").await.is_problem(401, "unauthorized", &["not known"]);
    for open in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(nobody.get(open).await.status, 200, "{open}");
    }

    let rubric = submitter.rubric(&statements(2)).await;
    submitter.post("/v1/tasks", &json!({"task_id": "t", "prompt": "Do it."})).await.is(201);
    let submission = submitter.text("s", "x").await;
    let grading = submitter.grade(&submission, &rubric).await;
    let at = format!("/v1/gradings/{grading}");
    submitter.settled(&at).await;
    let decision = json!({"criterion_id": "c0", "value": "unmet", "reason": "Looked."});
    submitter.post(&format!("{at}/overrides"), &decision).await.is_problem(
        403,
        "forbidden",
        &["reviewer", "submitter"],
    );
    submitter.get("/v1/reviews").await.is_problem(403, "forbidden", &["reviewer"]);
    let decided = reviewer.post(&format!("{at}/overrides"), &decision).await.is(201);
    assert_eq!(decided["author"], "rob");
    reviewer.get("/v1/audit").await.is_problem(403, "forbidden", &["admin"]);
    assert_eq!(admin.get("/v1/audit").await.is(200)["items"][0]["entry"]["actor"], "rob");
    let review = reviewer.all("/v1/reviews").await[0]["id"].as_str().unwrap().to_owned();

    let addresses = [
        format!("/v1/rubrics/{rubric}"),
        "/v1/tasks/t".to_owned(),
        format!("/v1/submissions/{submission}"),
        format!("/v1/submissions/{submission}/manifest"),
        at.clone(),
        format!("{at}/votes"),
        format!("{at}/events"),
        format!("{at}/overrides"),
        format!("/v1/reviews/{review}"),
    ];
    for address in &addresses {
        reviewer_sees(&reviewer, address).await;
        stranger.get(address).await.is_problem(404, "not_found", &[]);
    }
    stranger.post(&format!("{at}/cancel"), &json!({})).await.is_problem(404, "not_found", &[&grading]);
    stranger.post(&format!("{at}/overrides"), &decision).await.is_problem(404, "not_found", &[&grading]);
    stranger.post(&format!("/v1/reviews/{review}/claim"), &json!({})).await.is_problem(404, "not_found", &[&review]);
    let theirs = json!({"submission_id": submission, "rubric_id": rubric});
    stranger.post("/v1/gradings", &theirs).await.is_bad_field("/submission_id", &[&submission]);
    let everything = stranger.everything().await;
    assert!(everything.as_object().unwrap().values().all(|list| list == &json!([])), "{everything}");
    assert_eq!(stranger.get("/v1/agreement").await.is(200)["gradings"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reviewers_are_blind_to_each_other_and_a_third_decides_between_them() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let audit = "review = { reviewers = 2, random_share = 1.0 }";
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], audit)));
    let mut keys = Vec::new();
    for name in ["rob", "sue", "ann"] {
        keys.push(key(&home, "reviewer", "p", name).await);
    }
    let service = Service::start(&home).await;
    let [rob, sue, ann] = [&keys[0], &keys[1], &keys[2]].map(|key| service.client().with_key(key));
    let rubric = rob.rubric(&statements(1)).await;
    let grading = rob.grade(&rob.text("s", "x").await, &rubric).await;
    let done = rob.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "awaiting_review", "{done}");
    let at = format!("/v1/reviews/{}", done["review"]["review_ids"][0].as_str().unwrap());

    let answer = async |who: &Client, value: &str| {
        let token = who.post(&format!("{at}/claim"), &json!({})).await.is(200)["lease_token"].clone();
        let answer = json!({"lease_token": token, "value": value, "reason": format!("It is {value}.")});
        who.post(&format!("{at}/submit"), &answer).await.is(200)
    };
    let token = rob.post(&format!("{at}/claim"), &json!({})).await.is(200)["lease_token"].clone();
    sue.post(&format!("{at}/claim"), &json!({})).await.is_problem(409, "invalid_state", &["claimed"]);
    rob.post(&format!("{at}/release"), &json!({"lease_token": token})).await.is(200);
    let first = answer(&rob, "unmet").await;
    assert_eq!((first["state"].as_str(), first["answered"].as_u64()), (Some("submitted"), Some(1)), "{first}");
    rob.post(&format!("{at}/claim"), &json!({})).await.is_problem(409, "invalid_state", &["rob"]);
    let seen = sue.get(&at).await.is(200);
    assert!(!seen.to_string().contains("unmet") && seen["answers"] == json!([]), "{seen}");
    assert_eq!(rob.get(&at).await.is(200)["answers"][0]["value"], "unmet", "who has answered may look");

    assert_eq!(answer(&sue, "met").await["state"], "conflict");
    let decision = json!({"value": "unmet", "reason": "Rob is right."});
    rob.post(&format!("{at}/resolve"), &decision).await.is_problem(409, "invalid_state", &["rob"]);
    let decided = ann.post(&format!("{at}/resolve"), &decision).await.is(200);
    assert_eq!((decided["state"].as_str(), decided["resolution"]["by"].as_str()), (Some("resolved"), Some("ann")));
    let reviewers: Vec<&str> =
        decided["answers"].as_array().unwrap().iter().map(|a| a["reviewer"].as_str().unwrap()).collect();
    assert_eq!(reviewers, ["rob", "sue"], "nobody is averaged away");
    let done = rob.get(&format!("/v1/gradings/{grading}")).await.is(200);
    assert_eq!((done["status"].as_str(), done["score"]["value"].as_f64()), (Some("completed"), Some(0.0)), "{done}");
}

async fn reviewer_sees(client: &Client, address: &str) {
    assert_eq!(client.get(address).await.status, 200, "{address}");
}
