//! Whatever is wrong with a request: a clear 4xx, and nothing half-stored.

use serde_json::json;

use super::{Bench, Told, app, form, get, post, raw, rubric, send};
use crate::domain::{Grading, ProjectId, RubricVersion, Submission, Task};

/// How many records there are of every kind that a request can leave behind.
async fn kept(bench: &Bench) -> u64 {
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    project.count::<Grading>().await.unwrap()
        + project.count::<RubricVersion>().await.unwrap()
        + project.count::<Submission>().await.unwrap()
        + project.count::<Task>().await.unwrap()
        + project.count::<crate::domain::Battle>().await.unwrap()
        + project.count::<crate::store::IdempotentAnswer>().await.unwrap()
}

fn pointer(told: &Told) -> String {
    told.json()["errors"][0]["pointer"].as_str().unwrap_or_else(|| panic!("{}", told.text)).to_owned()
}

#[actix_web::test]
async fn rubrics_that_are_none_are_refused_with_their_place() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let told = send(&app, raw("/v1/rubrics", "application/json", "{\"criteria\": [")).await;
    told.problem(400, "malformed_body");
    let told = send(&app, raw("/v1/rubrics", "application/yaml", "a: [1\nb: {")).await;
    told.problem(400, "malformed_body");
    let twice = "criteria:\n- {id: a, requirement: x, points: 1}\n- {id: a, requirement: y, points: 1}\n";
    let told = send(&app, raw("/v1/rubrics", "application/yaml", twice)).await;
    assert!(told.problem(422, "invalid").contains("`a`"));
    assert_eq!(pointer(&told), "/criteria/1/id");
    for points in ["0", ".nan", ".inf"] {
        let text = format!("criteria:\n- {{id: a, requirement: x, points: {points}}}\n");
        let told = send(&app, raw("/v1/rubrics", "application/yaml", text)).await;
        told.problem(422, "invalid");
        assert_eq!(pointer(&told), "/criteria/0/points", "{points}");
    }
    let told = send(&app, raw("/v1/rubrics?format=nonsense", "application/json", "{}")).await;
    told.problem(400, "invalid_query");
    let told = send(&app, raw("/v1/rubrics?format=healthbench", "application/json", "{}")).await;
    told.problem(422, "invalid");
    let told = send(&app, raw("/v1/rubrics", "image/png", "x")).await;
    told.problem(415, "unsupported_media_type");
    let told = send(&app, raw("/v1/rubrics", "text/plain", b"title: \xff\xfe".to_vec())).await;
    told.problem(400, "invalid_encoding");
    let many: Vec<_> = (0..10_000).map(|i| json!({"id": format!("c{i}"), "requirement": "x", "points": 1})).collect();
    let told = send(&app, post("/v1/rubrics", &json!({"criteria": many}))).await;
    assert!(told.problem(422, "invalid").contains("10000 criteria"));
    assert_eq!(kept(&bench).await, 0);
}

#[actix_web::test]
async fn json_that_is_none_or_not_ours_is_refused_with_its_field() {
    let bench = Bench::new().await;
    let app = app!(bench);
    send(&app, raw("/v1/tasks", "application/json", "{\"prompt\": ")).await.problem(400, "malformed_json");
    send(&app, raw("/v1/tasks", "application/json", "{\"prompt\": \"x\"} y")).await.problem(400, "malformed_json");
    send(&app, raw("/v1/tasks", "application/json", b"{\"prompt\": \"\xff\"}".to_vec()))
        .await
        .problem(400, "invalid_encoding");
    send(&app, raw("/v1/tasks", "text/plain", "{\"prompt\": \"x\"}")).await.problem(415, "unsupported_media_type");
    let told = send(&app, post("/v1/tasks", &json!({"prompt": "x", "promt": "y"}))).await;
    assert!(told.problem(422, "invalid").contains("promt"));
    let told = send(&app, post("/v1/tasks", &json!({"prompt": "  "}))).await;
    told.problem(422, "invalid");
    assert_eq!(pointer(&told), "/prompt");
    let told = send(&app, post("/v1/tasks", &json!({"prompt": "x", "rubric_id": "7"}))).await;
    told.problem(422, "invalid");
    assert_eq!(pointer(&told), "/rubric_id");
    let told = send(&app, post("/v1/submissions", &json!({"system": "a\u{202e}b", "text": "x"}))).await;
    told.problem(422, "invalid");
    assert_eq!(pointer(&told), "/system");
    let told = send(&app, post("/v1/submissions", &json!({"system": "a"}))).await;
    assert!(told.problem(422, "invalid").contains("empty"));
    let large = json!({"prompt": "x".repeat(3 << 20)});
    send(&app, post("/v1/tasks", &large)).await.problem(413, "too_large");
    assert_eq!(kept(&bench).await, 0);
}

#[actix_web::test]
async fn what_is_not_there_is_named() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let unknown = "0197f3a0-0000-7000-8000-000000000000";
    let told = send(&app, post("/v1/gradings", &json!({"submission_id": unknown}))).await;
    assert!(told.problem(422, "invalid").contains(unknown));
    assert_eq!(pointer(&told), "/submission_id");
    let submission =
        send(&app, post("/v1/submissions", &json!({"system": "a", "text": "42"}))).await.json()["id"].clone();
    let told = send(&app, post("/v1/gradings", &json!({"submission_id": submission, "rubric_id": unknown}))).await;
    told.problem(422, "invalid");
    assert_eq!(pointer(&told), "/rubric_id");
    let told = send(&app, post("/v1/gradings", &json!({"submission_id": submission}))).await;
    assert_eq!((told.problem(422, "invalid").contains("rubric"), pointer(&told).as_str()), (true, "/rubric_id"));
    let rubric = send(&app, post("/v1/rubrics", &rubric())).await.json()["id"].clone();
    let before = kept(&bench).await;
    let told =
        send(&app, post("/v1/gradings", &json!({"submission_id": submission, "rubric_id": rubric, "panel": "nobody"})))
            .await;
    assert!(told.problem(422, "invalid").contains("`default`"));
    assert_eq!(pointer(&told), "/panel");
    assert_eq!(kept(&bench).await, before);
    for uri in [
        format!("/v1/gradings/{unknown}"),
        format!("/v1/gradings/{unknown}/events"),
        format!("/v1/gradings/{unknown}/votes"),
        format!("/v1/submissions/{unknown}"),
        format!("/v1/rubrics/{unknown}"),
        format!("/v1/comparisons/{unknown}"),
        format!("/v1/reviews/{unknown}"),
        "/v1/tasks/none".to_owned(),
        "/v1/gradings/not-an-id".to_owned(),
        "/v1/nowhere".to_owned(),
        "/nowhere".to_owned(),
    ] {
        send(&app, get(&uri)).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_query_or_method_that_is_not_known_is_refused() {
    let bench = Bench::new().await;
    let app = app!(bench);
    for uri in [
        "/v1/gradings?staus=queued",
        "/v1/gradings?status=done",
        "/v1/gradings?limit=0",
        "/v1/gradings?limit=1001",
        "/v1/gradings?limit=x",
        "/v1/leaderboard?by=color",
        "/v1/leaderboard?format=pdf",
        "/v1/leaderboard?anchor_rating=NaN",
        "/v1/reviews?state=lost",
    ] {
        send(&app, get(uri)).await.problem(400, "invalid_query");
    }
    send(&app, get("/v1/gradings?cursor=x")).await.problem(400, "invalid_cursor");
    send(&app, get("/v1/reviews?cursor=x")).await.problem(400, "invalid_cursor");
    send(&app, get("/v1/leaderboard?method=magic")).await.problem(422, "invalid");
    let told = send(&app, get("/v1/quotes")).await;
    told.problem(405, "method_not_allowed");
    assert_eq!(told.headers.get("allow").unwrap(), "POST");
    send(&app, post("/v1/gradings?wait=500", &json!({}))).await.problem(400, "invalid_query");
}

#[actix_web::test]
async fn forms_with_bad_parts_leave_nothing_behind() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let uri = "/v1/submissions";
    let good: (&str, Option<&str>, &[u8]) = ("submission", None, br#"{"system":"a"}"#);
    for name in ["../etc/passwd", "a/b.txt", "a\u{7}.txt", "", ".."] {
        let told = send(&app, form(uri, &[good, ("file", Some(name), b"x")])).await;
        assert!((400..500).contains(&told.status), "{name:?}: {}", told.text);
        assert_eq!(told.headers.get("content-type").unwrap(), "application/problem+json", "{name:?}");
    }
    let told = send(&app, form(uri, &[good, ("file", Some("../etc/passwd"), b"x")])).await;
    assert!(told.problem(422, "invalid").contains("bare name"));
    let told = send(&app, form(uri, &[good, ("file", Some("a.txt"), &[b'x'; 1_001])])).await;
    assert!(told.problem(413, "too_large").contains("a.txt"));
    let part: &[u8] = &[b'x'; 900];
    let told =
        send(&app, form(uri, &[good, ("file", Some("a"), part), ("file", Some("b"), part), ("file", Some("c"), part)]))
            .await;
    assert!(told.problem(413, "too_large").contains("upload"));
    let small: &[u8] = b"x";
    let four = ["a", "b", "c", "d"].map(|name| ("file", Some(name), small));
    send(&app, form(uri, &[good, four[0], four[1], four[2], four[3]])).await.problem(413, "too_large");
    send(&app, form(uri, &[good, four[0], four[0]])).await.problem(422, "invalid");
    send(&app, form(uri, &[four[0]])).await.problem(400, "malformed_multipart");
    send(&app, form(uri, &[good, good, four[0]])).await.problem(400, "malformed_multipart");
    send(&app, form(uri, &[good, ("attachment", Some("a"), small)])).await.problem(400, "malformed_multipart");
    let told = send(&app, form(uri, &[("submission", None, br#"{"sytem":"a"}"#), four[0]])).await;
    assert!(told.problem(422, "invalid").contains("sytem"));
    let cut = "--BOUND\r\ncontent-disposition: form-data; name=\"submission\"\r\n\r\n{\"system\"";
    send(&app, raw(uri, "multipart/form-data; boundary=BOUND", cut)).await.problem(400, "malformed_multipart");
    send(&app, raw(uri, "multipart/form-data", cut)).await.problem(400, "malformed_multipart");
    assert_eq!(kept(&bench).await, 0);
}

#[actix_web::test]
async fn an_archive_and_a_file_that_nobody_can_read_are_taken() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let parts: [(&str, Option<&str>, &[u8]); 3] = [
        ("submission", None, br#"{"system":"a"}"#),
        ("file", Some("work.zip"), b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("file", Some("broken.pdf"), b"%PDF-1.7 nothing"),
    ];
    let told = send(&app, form("/v1/submissions", &parts)).await;
    assert_eq!(told.status, 201, "{}", told.text);
    let id = told.json()["id"].as_str().unwrap().to_owned();
    let manifest = send(&app, get(&format!("/v1/submissions/{id}/manifest"))).await.json();
    let broken =
        manifest["files"].as_array().unwrap().iter().find(|file| file["name"] == "broken.pdf").unwrap().clone();
    assert_eq!(broken["outcome"], "unreadable", "{broken}");
    assert!(broken["reason"].is_string());
    let file = send(&app, get(&format!("/v1/submissions/{id}/files/1"))).await;
    assert_eq!(file.text, "%PDF-1.7 nothing");
    assert!(file.headers.get("content-disposition").unwrap().to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.headers.get("x-content-type-options").unwrap(), "nosniff");
    assert!(file.headers.get("content-security-policy").unwrap().to_str().unwrap().contains("sandbox"));
    send(&app, get(&format!("/v1/submissions/{id}/files/2"))).await.problem(404, "not_found");
    send(&app, get(&format!("/v1/submissions/{id}/pages/1.png"))).await.problem(422, "not_drawn");
}

#[actix_web::test]
async fn a_rubric_is_a_text_whatever_a_client_calls_it_and_a_picture_is_none() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let text = "[{\"weight\": 1, \"requirement\": \"Has a title.\"}]";
    // What curl says of a body when it is not told otherwise.
    let unnamed = raw("/v1/rubrics?format=weighted", "application/x-www-form-urlencoded", text);
    assert_eq!(send(&app, unnamed).await.status, 201);
    send(&app, raw("/v1/rubrics", "image/png", "x")).await.problem(415, "unsupported_media_type");
}
