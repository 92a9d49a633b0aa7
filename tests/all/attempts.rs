//! Several attempts of a system at one task.

use serde_json::{Value, json};

use crate::support::{Client, Home, Service};

async fn attempt(client: &Client, task: &str, text: &str, rubric: &str) {
    let new = json!({"task_id": task, "system": "atlas", "text": text});
    let submission = client.post("/v1/submissions", &new).await.is(201);
    let id = client.grade(submission["id"].as_str().unwrap(), rubric).await;
    assert_eq!(client.settled(&format!("/v1/gradings/{id}")).await["status"], "completed");
}

fn near(figure: &Value, value: f64) {
    assert!((figure["value"].as_f64().unwrap() - value).abs() < 1e-9, "{figure} is not {value}");
}

/// Checks decide, so that scores are known: .2, .5, .9 and .4 for the words of HealthBench's example.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worst_of_k_and_what_passes_are_means_over_tasks_with_their_n() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let criteria: Vec<Value> = [("two", 2), ("three", 3), ("four", 4), ("fault", -1)]
        .iter()
        .map(|(word, points)| json!({"id": word, "requirement": format!("Says {word}."), "points": points, "check": {"contains": {"text": word}}}))
        .chain([json!({"id": "one", "requirement": "Says one.", "points": 1, "check": {"contains": {"text": "one"}}})])
        .collect();
    let rubric = client.rubric(&json!({"title": "words", "criteria": criteria})).await;
    for task in ["a", "b"] {
        client.post("/v1/tasks", &json!({"task_id": task, "prompt": "Say words."})).await.is(201);
    }
    for text in ["two", "two three", "two three four", "four"] {
        attempt(&client, "a", text, &rubric).await;
    }
    attempt(&client, "b", "one two three four", &rubric).await;
    attempt(&client, "b", "fault", &rubric).await;

    let told = client.get("/v1/attempts?pass=0.5").await.is(200);
    let atlas = &told["systems"][0];
    assert_eq!((&atlas["tasks"], &atlas["attempts"], &atlas["without_score"]), (&json!(2), &json!(6), &json!(0)));
    near(&atlas["mean"], (0.5 + 0.5) / 2.0);
    // -.1 stays -.1 until all are averaged.
    assert!((atlas["mean_of_raw"].as_f64().unwrap() - (2.0 + 1.0 - 0.1) / 6.0).abs() < 1e-9, "{atlas}");
    let by_k = atlas["by_k"].as_array().unwrap();
    assert_eq!(by_k.iter().map(|one| one["tasks"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 2, 1, 1]);
    near(&by_k[1]["worst_at_k"], (0.316_666_666_666_666_7 + 0.0) / 2.0);
    near(&by_k[1]["pass_at_k"], ((1.0 - 1.0 / 6.0) + 1.0) / 2.0);
    near(&by_k[1]["pass_hat_k"], (1.0 / 6.0) / 2.0);
    near(&by_k[3]["worst_at_k"], 0.2);
    assert!(by_k[3]["worst_at_k"]["undefined"].as_str().unwrap().contains("no interval"), "one task has none");
    client.get("/v1/attempts?pass=2").await.is_problem(400, "invalid_query", &["between 0 and 1"]);
    client.get("/v1/attempts?overrides=no").await.is_problem(400, "invalid_query", &["neither"]);
    assert_eq!(client.get("/v1/attempts?system=other").await.is(200)["systems"], json!([]));
}
