//! Battles, comparisons, leaderboards, agreement.

use serde_json::{Value, json};

use super::{Bench, app, get, post, raw, send};
use crate::domain::{Battle, ProjectId};

#[actix_web::test]
async fn battles_are_taken_whole_or_not_at_all() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let uri = "/v1/comparisons/import";
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    let told = send(&app, raw(uri, "text/csv", "model_a,model_b,winner\nx,y,model_a\nx,y,draw\n")).await;
    assert!(told.problem(422, "invalid").contains("row 2"));
    send(&app, raw(uri, "application/json", "[]")).await.problem(415, "unsupported_media_type");
    let many = format!("model_a,model_b,winner\n{}", "x,y,tie\n".repeat(101));
    send(&app, raw(uri, "text/csv", many)).await.problem(413, "too_large");
    assert_eq!(project.count::<Battle>().await.unwrap(), 0);
    let csv = "model_a,model_b,winner,task_id\nx,y,model_a,1\nx,y,model_b,2\nx,y,model_a,3\n";
    let keyed = || raw(uri, "text/csv", csv).insert_header(("idempotency-key", "b"));
    assert_eq!(send(&app, keyed()).await.json(), json!({"imported": 3}));
    assert_eq!(send(&app, keyed()).await.status, 201);
    assert_eq!(project.count::<Battle>().await.unwrap(), 3);

    let board = send(&app, get("/v1/leaderboard?anchor=y&anchor_rating=1200")).await.json();
    let rows = board["boards"][0]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["system"], &rows[1]["rating"]), (2, &json!("x"), &json!(1200.0)));
    let csv = send(&app, get("/v1/leaderboard?format=csv&method=win_rate")).await;
    assert!(csv.headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/csv"));
    assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);
    let svg = send(&app, get("/v1/leaderboard?format=svg")).await;
    assert_eq!(svg.headers.get("content-type").unwrap(), "image/svg+xml");
    assert!(svg.text.contains("<svg"));
    send(&app, get("/v1/leaderboard?anchor=nobody")).await.problem(422, "invalid");
}

#[actix_web::test]
async fn a_comparison_is_accepted_for_two_submissions_of_one_task() {
    let bench = Bench::new().await;
    bench.start_working();
    let app = app!(bench);
    assert_eq!(send(&app, post("/v1/tasks", &json!({"task_id": "a/b ü", "prompt": "Compare."}))).await.status, 201);
    let mut ids: Vec<Value> = vec![];
    for system in ["x", "y"] {
        let body = json!({"task_id": "a/b ü", "system": system, "text": format!("by {system}")});
        ids.push(send(&app, post("/v1/submissions", &body)).await.json()["id"].clone());
    }
    assert_eq!(send(&app, get("/v1/tasks/a%2Fb%20%C3%BC")).await.json()["id"], "a/b ü");
    send(&app, post("/v1/comparisons", &json!({"task_id": "a/b ü", "a": ids[0], "b": ids[0]})))
        .await
        .problem(422, "invalid");
    let told = send(&app, post("/v1/comparisons", &json!({"task_id": "a/b ü", "a": ids[0], "b": ids[1]}))).await;
    assert_eq!(told.status, 202, "{}", told.text);
    let uri = told.headers.get("location").unwrap().to_str().unwrap().to_owned();
    let done = send(&app, get(&format!("{uri}?wait=20"))).await.json();
    assert_eq!((&done["status"], &done["outcome"]), (&json!("failed"), &Value::Null), "{done}");
    assert_eq!(done["votes"].as_array().unwrap().len(), 4);
    assert!(done["votes"][0]["order"].is_string() && done["votes"][0]["cause"] == "not_recorded");
    assert_eq!(send(&app, get("/v1/comparisons")).await.json()["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn what_cannot_be_computed_is_null_with_its_reason() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let found = send(&app, get("/v1/agreement")).await.json();
    assert_eq!((&found["gradings"], &found["overall"]["krippendorff_alpha"]["value"]), (&json!(0), &Value::Null));
    assert!(found["overall"]["krippendorff_alpha"]["undefined"].is_string());
    let judges = send(&app, get("/v1/judges")).await.json();
    assert_eq!((&judges["items"][0]["provider"], &judges["default_panel"]), (&json!("recorded"), &json!("default")));
    let card = send(&app, get("/v1/judges/one/report")).await.json();
    assert_eq!((&card["judge"], &card["votes"]), (&json!("one"), &json!(0)));
    assert_eq!(card["against_humans"]["cohen_kappa"]["value"], Value::Null);
    assert!(card["against_humans"]["cohen_kappa"]["undefined"].is_string(), "{card}");
    send(&app, get("/v1/judges/nobody/report")).await.problem(404, "not_found");
    let found = send(&app, get("/v1/estimates")).await.json();
    assert_eq!((&found["systems"], &found["difference"]), (&json!([]), &Value::Null));
    send(&app, get("/v1/estimates?system=nobody")).await.problem(404, "not_found");
    send(&app, get("/v1/estimates?half_width=0")).await.problem(422, "invalid");
    send(&app, post("/v1/quotes", &json!({}))).await.problem(422, "invalid");
    send(&app, post("/v1/webhooks", &json!({}))).await.problem(422, "invalid");
    send(&app, get("/v1/export?what=keys")).await.problem(400, "invalid_query");
    send(&app, get("/v1/export?what=votes&format=xml")).await.problem(400, "invalid_query");
}
