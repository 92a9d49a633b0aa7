//! Who may ask what.

use std::time::Duration;

use actix_web::test::TestRequest;
use serde_json::json;

use super::{Bench, app, get, post, raw, rubric, send};
use crate::domain::{AuditEntry, Author, Grading, ProjectId};
use crate::http::auth::keys::{self, NewKey};
use crate::http::auth::session::{self, CSRF_HEADER};
use crate::http::auth::{Access, COOKIE, Role, create_key};
use crate::judge::Secret;
use crate::store::{ApiKey, KeyLimits, Query, Session, SessionOf};

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
    // A key is no session.
    let cookie = ("cookie", format!("{COOKIE}={one}"));
    send(&app, get("/v1/tasks/t").insert_header(cookie)).await.problem(401, "unauthorized");
}

/// What is not there and what may not be asked for: the head of the page still says who is logged in.
#[actix_web::test]
async fn who_is_logged_in_stays_so_on_a_page_of_what_went_wrong() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let (_, secret) = create_key(&bench.services, Role::Submitter, &project("one"), "ann of accounts").await.unwrap();
    let page = |path: &str| get(path).insert_header(("accept", "text/html"));
    let nothing = "/gradings/01890a5d-ac96-774b-bcce-b302099a8059";
    for (path, status) in [(nothing, 404), ("/reviews", 403), ("/nowhere", 404)] {
        let told = send(&app, page(path).insert_header(("authorization", format!("Bearer {secret}")))).await;
        assert_eq!(told.status, status, "{path}: {}", told.text);
        assert!(told.text.contains("ann of accounts"), "{path}: {}", told.text);
    }
    let told = send(&app, page("/nowhere")).await;
    assert!(told.status == 404 && !told.text.contains("ann of accounts"), "{}", told.text);
}

#[actix_web::test]
async fn a_browser_logs_in_for_a_while_and_what_it_changes_comes_from_a_form_of_ours() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let (key, secret) = create_key(&bench.services, Role::Submitter, &project("one"), "ann").await.unwrap();
    let login = |key: &str| {
        let form = format!("key={key}&next=%2F");
        raw("/login", "application/x-www-form-urlencoded", form).insert_header(("accept", "text/html"))
    };
    assert_eq!(send(&app, login("emp_wrong")).await.status, 401);
    let told = send(&app, login(&secret)).await;
    assert_eq!(told.status, 303);
    let set = told.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Max-Age=604800"), "{set}");
    assert!(!set.contains(&secret), "the key itself stays out of the browser");
    let pair = set.split(';').next().unwrap().to_owned();
    let session = pair.split_once('=').unwrap().1.to_owned();
    let kept = bench.services.store.system().all::<Session>(Query::default()).await.unwrap();
    assert!(kept.len() == 1 && !serde_json::to_string(&kept).unwrap().contains(&session), "only its hash is kept");
    let with = |request: TestRequest| request.insert_header(("cookie", pair.clone()));
    assert_eq!(send(&app, with(get("/v1/tasks"))).await.status, 200);

    let task = json!({"prompt": "y"});
    send(&app, with(post("/v1/tasks", &task))).await.problem(403, "other_site");
    let shown = session::form_secret(&session);
    let ours = with(post("/v1/tasks", &task)).insert_header((CSRF_HEADER, shown.clone()));
    assert_eq!(send(&app, ours).await.status, 201);
    let forged = with(post("/v1/tasks", &task)).insert_header((CSRF_HEADER, session::form_secret("ses_other")));
    send(&app, forged).await.problem(403, "other_site");
    let elsewhere = with(post("/v1/tasks", &task))
        .insert_header((CSRF_HEADER, shown.clone()))
        .insert_header(("origin", "https://evil.example"));
    send(&app, elsewhere).await.problem(403, "other_site");
    // The same for a page's form, and whoever logs out is out.
    let logout = |form: &str| with(raw("/logout", "application/x-www-form-urlencoded", form.to_owned()));
    let keep = |form: &str| with(raw("/leaderboard/keep", "application/x-www-form-urlencoded", form.to_owned()));
    assert_eq!(send(&app, keep("label=x")).await.status, 403);
    assert_ne!(send(&app, keep(&format!("form_secret={shown}&label=x"))).await.status, 403);
    assert_eq!(send(&app, logout(&format!("form_secret={shown}"))).await.status, 303);
    send(&app, with(get("/v1/tasks"))).await.problem(401, "unauthorized");

    // A session is worth what its key is.
    let who = Author::parse("ann").unwrap();
    let of = SessionOf::Key { id: key.id };
    let again = session::open(&bench.services, &Access::default(), of, &who).await.unwrap();
    let cookie = ("cookie", format!("{COOKIE}={again}"));
    assert_eq!(send(&app, get("/v1/tasks").insert_header(cookie.clone())).await.status, 200);
    keys::revoke(&bench.services, &project("one"), key.id, &who).await.unwrap();
    bench.door.keys_changed();
    send(&app, get("/v1/tasks").insert_header(cookie)).await.problem(401, "unauthorized");
    let log = bench.services.store.system().all::<AuditEntry>(Query::default()).await.unwrap();
    let told = |what: &str| log.iter().any(|entry| entry.facts.contains(what));
    assert!(told("key.created") && told("session.opened") && told("key.revoked"), "{log:?}");
    assert!(!log.iter().any(|entry| entry.facts.contains(&secret) || entry.facts.contains(&session)));
}

#[actix_web::test]
async fn a_browser_that_does_not_come_back_is_logged_out() {
    let bench = Bench::with(Access { session_idle: Duration::ZERO, ..Access::default() }).await;
    let app = app!(bench);
    let (key, _) = create_key(&bench.services, Role::Admin, &project("one"), "ann").await.unwrap();
    let of = SessionOf::Key { id: key.id };
    let who = Author::parse("ann").unwrap();
    let secret = session::open(&bench.services, &Access::default(), of.clone(), &who).await.unwrap();
    let request = get("/v1/tasks").insert_header(("cookie", format!("{COOKIE}={secret}")));
    let why = send(&app, request).await.problem(401, "unauthorized");
    assert!(why.contains("has ended"), "{why}");
    // The next login clears it away.
    let ended = Access { session_idle: Duration::ZERO, ..Access::default() };
    session::open(&bench.services, &ended, of, &who).await.unwrap();
    assert_eq!(bench.services.store.system().count::<Session>().await.unwrap(), 1);
}

#[actix_web::test]
async fn an_admin_makes_lists_rotates_and_revokes_keys_of_their_project_alone() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let (_, admin) = create_key(&bench.services, Role::Admin, &project("p"), "ann").await.unwrap();
    let (_, stranger) = create_key(&bench.services, Role::Admin, &project("q"), "max").await.unwrap();
    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let asked = json!({"role": "reviewer", "label": "rob", "expires_at": "2099-01-01T00:00:00Z", "work_per_day": 3});
    let create = || post("/v1/keys", &asked).insert_header(bearer(&admin)).insert_header(("idempotency-key", "k"));
    let made = send(&app, create()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, secret) =
        (made.json()["id"].as_str().unwrap().to_owned(), made.json()["secret"].as_str().unwrap().to_owned());
    assert!(secret.starts_with(made.json()["prefix"].as_str().unwrap()) && secret.len() > 60);
    // Asked again, it is the same key, and its secret is not told again: it is not kept.
    let again = send(&app, create()).await;
    assert_eq!((again.json()["id"].as_str(), &again.json()["secret"]), (Some(id.as_str()), &json!(null)));

    assert_eq!(send(&app, get("/v1/reviews").insert_header(bearer(&secret))).await.status, 200);
    let told = send(&app, get("/v1/keys").insert_header(bearer(&admin))).await;
    let list = told.json()["items"].as_array().unwrap().clone();
    assert_eq!((list.len(), list[1]["label"].as_str(), list[1]["state"].as_str()), (2, Some("rob"), Some("live")));
    assert!(list.iter().all(|key| key["last_used_at"].is_string()) && !told.text.contains(&secret), "{}", told.text);
    assert_eq!(
        send(&app, get("/v1/keys").insert_header(bearer(&stranger))).await.json()["items"].as_array().unwrap().len(),
        1
    );
    for request in [
        get(&format!("/v1/keys/{id}")),
        TestRequest::delete().uri(&format!("/v1/keys/{id}")),
        post(&format!("/v1/keys/{id}/rotate"), &json!({})),
    ] {
        send(&app, request.insert_header(bearer(&stranger))).await.problem(404, "not_found");
    }

    let rotate = |body: serde_json::Value| post(&format!("/v1/keys/{id}/rotate"), &body).insert_header(bearer(&admin));
    send(&app, rotate(json!({"overlap_s": 9_999_999}))).await.problem(422, "invalid");
    let rotated = send(&app, rotate(json!({}))).await.json();
    let new = rotated["secret"].as_str().unwrap();
    for key in [secret.as_str(), new] {
        assert_eq!(send(&app, get("/v1/reviews").insert_header(bearer(key))).await.status, 200, "both open");
    }
    assert_eq!(rotated["work_per_day"], 3);
    let old = send(&app, get(&format!("/v1/keys/{id}")).insert_header(bearer(&admin))).await.json();
    assert_eq!(old["replaced_by"], rotated["id"]);
    assert_eq!(
        send(&app, TestRequest::delete().uri(&format!("/v1/keys/{id}")).insert_header(bearer(&admin))).await.status,
        204
    );
    send(&app, get("/v1/reviews").insert_header(bearer(&secret))).await.problem(401, "unauthorized");
    assert_eq!(send(&app, get("/v1/reviews").insert_header(bearer(new))).await.status, 200);
    // A stolen one ends at once.
    let id = rotated["id"].as_str().unwrap();
    let request = post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap_s": 0})).insert_header(bearer(&admin));
    assert_eq!(send(&app, request).await.status, 201);
    send(&app, get("/v1/reviews").insert_header(bearer(new))).await.problem(401, "unauthorized");

    for (body, field) in [
        (json!({"role": "king", "label": "x"}), "/role"),
        (json!({"role": "admin", "label": " "}), "/label"),
        (json!({"role": "admin", "label": "x", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"role": "admin", "label": "x", "requests_per_minute": 0}), "/requests_per_minute"),
    ] {
        let told = send(&app, post("/v1/keys", &body).insert_header(bearer(&admin))).await;
        told.problem(422, "invalid");
        assert_eq!(told.json()["errors"][0]["pointer"], field);
    }
}

#[actix_web::test]
async fn a_key_that_has_ended_or_asks_too_much_is_told_so() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let project = project("p");
    let who = Author::parse("ann").unwrap();
    let (key, secret) = create_key(&bench.services, Role::Admin, &project, "ann").await.unwrap();
    let ended = ApiKey { expires_at: Some(bench.services.now()), ..key };
    let system = bench.services.store.system();
    system.commit(system.batch().put(&ended)).await.unwrap();
    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let why = send(&app, get("/v1/tasks").insert_header(bearer(&secret))).await.problem(401, "unauthorized");
    assert!(why.contains("expired"), "{why}");

    let limits = KeyLimits { requests_per_minute: Some(2), work_per_day: None };
    let new = NewKey { limits, ..NewKey::of(Role::Admin, &project, "quick") };
    let (_, quick) = keys::create(&bench.services, &new, &who).await.unwrap();
    for _ in 0..2 {
        assert_eq!(send(&app, get("/v1/tasks").insert_header(bearer(&quick))).await.status, 200);
    }
    let told = send(&app, get("/v1/tasks").insert_header(bearer(&quick))).await;
    told.problem(429, "too_many_requests");
    let wait: u64 = told.headers.get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait} s");

    let limits = KeyLimits { requests_per_minute: None, work_per_day: Some(2) };
    let new = NewKey { limits, ..NewKey::of(Role::Admin, &project, "busy") };
    let (busy_key, busy) = keys::create(&bench.services, &new, &who).await.unwrap();
    let posted = |uri: &str, body: &serde_json::Value| post(uri, body).insert_header(bearer(&busy));
    let rubric = send(&app, posted("/v1/rubrics", &rubric())).await.json()["id"].clone();
    let work = send(&app, posted("/v1/submissions", &json!({"system": "s", "text": "42"}))).await.json()["id"].clone();
    let grading = json!({"submission_id": work, "rubric_id": rubric});
    let once = || posted("/v1/gradings", &grading).insert_header(("idempotency-key", "once"));
    for _ in 0..3 {
        assert_eq!(send(&app, once()).await.status, 202, "what is repeated is one");
    }
    assert_eq!(send(&app, posted("/v1/gradings", &grading)).await.status, 202);
    let told = send(&app, posted("/v1/gradings", &grading)).await;
    let why = told.problem(429, "too_many_requests");
    assert!(
        why.contains("2 gradings") && why.contains("0 are left") && told.headers.contains_key("retry-after"),
        "{why}"
    );
    assert_eq!(bench.services.store.project(&project).count::<Grading>().await.unwrap(), 2, "nothing of it was kept");
    assert_eq!(keys::used(&bench.services, busy_key.id).await.unwrap().unwrap().work, 2);
}

#[actix_web::test]
async fn an_admins_key_of_the_configuration_is_kept_as_a_hash_and_the_one_before_it_ends() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let project = project("default");
    let one = "9b1c64f02e7d4a85b3c9d0e1f2a47586";
    let two = "5f0c1e7d9ab24c3886d1f7e0c45a9b32";
    let configured = |secret: &str| {
        let (services, project, secret) = (bench.services.clone(), project.clone(), Secret::from(secret.to_owned()));
        async move { keys::configured(&services, &secret, &project).await }
    };
    let status = async |secret: &str| {
        send(&app, get("/v1/audit").insert_header(("authorization", format!("Bearer {secret}")))).await.status
    };
    let weak = configured("changeme-changeme-changeme-1").await.unwrap_err().to_string();
    assert!(weak.contains("changeme") && weak.contains("openssl rand -hex 32"), "{weak}");
    for _ in 0..2 {
        configured(one).await.unwrap();
    }
    assert_eq!((status(one).await, status(two).await), (200, 401));
    let kept = bench.services.store.system().all::<ApiKey>(Query::default()).await.unwrap();
    assert!(kept.len() == 1 && !serde_json::to_string(&kept).unwrap().contains("9b1c64f0"), "{kept:?}");
    configured(two).await.unwrap();
    bench.door.keys_changed();
    assert_eq!((status(one).await, status(two).await), (401, 200));
}

#[actix_web::test]
async fn whoever_sends_wrong_keys_waits_longer_and_longer_and_nobody_else_does() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let (_, right) = create_key(&bench.services, Role::Admin, &project("p"), "ann").await.unwrap();
    let ask = |key: &str| {
        let from = "192.0.2.7:4711".parse().unwrap();
        get("/v1/tasks").peer_addr(from).insert_header(("authorization", format!("Bearer {key}")))
    };
    let waited = || bench.door.attempts.waited();
    for n in 0..7_usize {
        assert_eq!(waited(), n.saturating_sub(5), "after {n} wrong keys");
        send(&app, ask(&format!("emp_{n}"))).await.problem(401, "unauthorized");
    }
    assert_eq!(waited(), 2);
    assert_eq!(send(&app, ask(&right)).await.status, 200);
    assert_eq!(waited(), 2, "a right key does not wait");
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
    let document = send(&app, get("/openapi.json")).await;
    assert_eq!(document.json()["info"]["title"], "empanel");
    let header = |name: &str| document.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
    assert!(header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let docs = send(&app, get("/docs")).await;
    assert!(docs.text.contains("Idempotency-Key") && docs.headers.contains_key("content-security-policy"));
}
