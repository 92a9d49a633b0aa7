//! What comes in as its users have it, and what the service tells of itself.

use serde_json::json;

use crate::support::{Answer, Home, Service, bytes_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubrics_come_in_as_their_users_have_them_and_the_same_content_is_the_same_rubric() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let gdpval = String::from_utf8(bytes_of("fixtures/rubric/ok/gdpval-array/input.json")).unwrap();
    let cases = [
        (
            "/v1/rubrics",
            "application/yaml",
            String::from_utf8(bytes_of("fixtures/rubric/ok/native-full/input.yaml")).unwrap(),
        ),
        ("/v1/rubrics?format=gdpval", "application/json", gdpval.clone()),
        (
            "/v1/rubrics?format=weighted",
            "application/json",
            r#"[{"weight": 3, "requirement": "States the answer"}, {"weight": -2, "requirement": "Invents a source"}]"#
                .to_owned(),
        ),
        (
            "/v1/rubrics?format=weighted",
            "application/json",
            r#"[{"weight": 4, "criteria": "Names the court"}]"#.to_owned(),
        ),
    ];
    for (path, media_type, text) in &cases {
        let first = client.send(path, media_type, text.clone(), None).await;
        let body = first.is(201);
        assert_eq!(first.header("location"), format!("/v1/rubrics/{}", body["id"].as_str().unwrap()));
        assert_eq!((body["version"].as_u64(), body["lint"].is_array()), (Some(1), true), "{body}");
        let again = client.send(path, media_type, text.clone(), None).await.is(200);
        assert_eq!(
            (&again["id"], &again["fingerprint"], &again["version"]),
            (&body["id"], &body["fingerprint"], &body["version"])
        );
        let lint = path.replace("/v1/rubrics", "/v1/rubrics/lint");
        assert_eq!(
            client.send(&lint, media_type, text.clone(), None).await.is(200)["fingerprint"],
            body["fingerprint"]
        );
    }
    assert_eq!(client.all("/v1/rubrics").await.len(), cases.len(), "looking at a rubric keeps none");
    // GDPval's files hold the list as text inside JSON: it is the same rubric.
    let text = serde_json::to_string(&gdpval).unwrap();
    client.send("/v1/rubrics?format=gdpval", "application/json", text, None).await.is(200);
    // The same title with other content is a new version.
    let one = client
        .post("/v1/rubrics", &json!({"title": "T", "criteria": [{"id": "a", "requirement": "One.", "points": 1}]}))
        .await
        .is(201);
    let two = client
        .post("/v1/rubrics", &json!({"title": "T", "criteria": [{"id": "a", "requirement": "Two.", "points": 1}]}))
        .await
        .is(201);
    assert_eq!((&two["id"], two["version"].as_u64()), (&one["id"], Some(2)));
    assert_ne!(two["fingerprint"], one["fingerprint"]);
    let old = client.get(&format!("/v1/rubrics/{}?version=1", one["id"].as_str().unwrap())).await.is(200);
    assert_eq!(old["criteria"][0]["requirement"], "One.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_tells_of_itself_and_says_what_it_does_not_do() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    assert_eq!(client.get("/healthz").await.is(200)["status"], "ok");
    assert_eq!(client.get("/readyz").await.is(200)["status"], "ready");
    let metrics = client.get("/metrics").await;
    assert!(
        metrics.header("content-type").starts_with("text/plain")
            && metrics.text().contains("empanel_http_requests_total")
    );
    let document = client.get("/openapi.json").await.is(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/v1/rubrics",
        "/v1/tasks",
        "/v1/submissions",
        "/v1/gradings",
        "/v1/gradings/{id}/events",
        "/v1/comparisons/import",
        "/v1/reviews/{id}/claim",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is not in the document");
    }
    assert_eq!(client.get("/docs").await.status, 200);

    let healthbench = client.send("/v1/rubrics?format=healthbench", "application/json", "[]", None).await;
    healthbench.is_problem(422, "invalid", &["healthbench", "no criteria"]);
    client.get("/v1/nothing").await.is_problem(404, "not_found", &["/v1/nothing"]);
    let wrong = Answer::of(client.request("DELETE", "/v1/tasks")).await;
    wrong.is_problem(405, "method_not_allowed", &["GET"]);
    assert!(wrong.header("allow").contains("POST"));
}
