//! Who may ask what.

use serde_json::json;

use super::{Bench, app, get, post, send};
use crate::domain::ProjectId;
use crate::http::auth::{COOKIE, Role, create_key};

fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).unwrap()
}

#[actix_web::test]
async fn without_keys_this_machine_is_admin_and_no_other_name_is_answered() {
    let bench = Bench::new().await;
    let app = app!(bench);
    assert_eq!(send(&app, get("/v1/gradings").insert_header(("host", "localhost:8787"))).await.status, 200);
    send(&app, get("/v1/gradings").insert_header(("host", "evil.example"))).await.problem(403, "other_site");
    send(&app, get("/v1/gradings").peer_addr("192.0.2.7:1".parse().unwrap())).await.problem(403, "other_site");
    let cross = post("/v1/tasks", &json!({"prompt": "x"})).insert_header(("sec-fetch-site", "cross-site"));
    send(&app, cross).await.problem(403, "other_site");
}

#[actix_web::test]
async fn with_a_key_every_request_shows_one_and_sees_its_project_only() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let (key, one) = create_key(&bench.services, Role::Submitter, &project("one"), "ann").await.unwrap();
    let (_, two) = create_key(&bench.services, Role::Admin, &project("two"), "bob").await.unwrap();
    assert!(!serde_json::to_string(&key).unwrap().contains(&one), "the secret is not kept");
    send(&app, get("/v1/gradings")).await.problem(401, "unauthorized");
    let told = send(&app, get("/v1/gradings").insert_header(("authorization", "Bearer emp_wrong"))).await;
    told.problem(401, "unauthorized");
    assert!(told.headers.contains_key("www-authenticate"));
    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let task = json!({"task_id": "t", "prompt": "x"});
    assert_eq!(send(&app, post("/v1/tasks", &task).insert_header(bearer(&one))).await.status, 201);
    assert_eq!(send(&app, get("/v1/tasks/t").insert_header(bearer(&one))).await.status, 200);
    send(&app, get("/v1/tasks/t").insert_header(bearer(&two))).await.problem(404, "not_found");
    let cookie = format!("{COOKIE}={one}");
    assert_eq!(send(&app, get("/v1/tasks/t").insert_header(("cookie", cookie.clone()))).await.status, 200);
    let forged = post("/v1/tasks", &json!({"prompt": "y"}))
        .insert_header(("cookie", cookie))
        .insert_header(("origin", "https://evil.example"));
    send(&app, forged).await.problem(403, "other_site");
}

#[actix_web::test]
async fn a_role_may_do_what_the_roles_before_it_may_and_no_more() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let mut keys = vec![];
    for role in Role::ALL {
        keys.push(create_key(&bench.services, role, &project("p"), role.as_str()).await.unwrap().1);
    }
    for (uri, allowed) in [("/v1/gradings", 3), ("/v1/reviews", 2), ("/v1/audit", 1)] {
        for (at, key) in keys.iter().enumerate() {
            let status = send(&app, get(uri).insert_header(("authorization", format!("Bearer {key}")))).await.status;
            assert_eq!(status != 403, at >= 3 - allowed, "{uri} as {}: {status}", Role::ALL[at]);
        }
    }
}

#[actix_web::test]
async fn a_revoked_key_is_no_key_and_does_not_open_the_house() {
    let bench = Bench::new().await;
    let (mut key, secret) = create_key(&bench.services, Role::Admin, &project("p"), "ann").await.unwrap();
    key.revoked_at = Some(bench.services.now());
    let system = bench.services.store.system();
    system.commit(system.batch().put(&key)).await.unwrap();
    let app = app!(bench);
    send(&app, get("/v1/gradings").insert_header(("authorization", format!("Bearer {secret}"))))
        .await
        .problem(401, "unauthorized");
    send(&app, get("/v1/gradings")).await.problem(401, "unauthorized");
}

#[actix_web::test]
async fn health_needs_no_key_and_readiness_needs_a_worker() {
    let bench = Bench::new().await;
    let app = app!(bench);
    assert_eq!(send(&app, get("/healthz")).await.status, 200);
    send(&app, get("/readyz")).await.problem(503, "unavailable");
    let _working = bench.services.running.working();
    assert_eq!(send(&app, get("/readyz")).await.status, 200);
    assert_eq!(send(&app, get("/openapi.json")).await.json()["info"]["title"], "empanel");
    let docs = send(&app, get("/docs")).await;
    assert!(docs.text.contains("/v1/gradings") && docs.headers.contains_key("content-security-policy"));
}
