//! Logging in by an identity provider: who it vouches for gets what is granted to them, and nobody else anything.

use std::sync::Arc;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::{Bench, app, get, post, send};
use crate::domain::{AuditEntry, Clock, ProjectId, SystemClock};
use crate::http::Door;
use crate::http::auth::session::{self, CSRF_HEADER};
use crate::http::auth::{Access, COOKIE};
use crate::identity::fake::{CLIENT_ID, CLIENT_SECRET, FakeProvider, Flaw};
use crate::identity::{Grant, Provider, Settings};
use crate::store::Query;

fn settings(provider: &FakeProvider) -> Settings {
    let grant = |value: &str, role: &str| Grant {
        value: value.to_owned(),
        role: role.to_owned(),
        project: ProjectId::parse("p").unwrap(),
    };
    Settings {
        issuer: provider.issuer(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.to_owned().into()),
        redirect: "http://localhost/login/oidc/back".to_owned(),
        scopes: vec!["email".to_owned()],
        name_claim: "email".to_owned(),
        claim: "groups".to_owned(),
        grants: vec![grant("leads", "admin"), grant("graders", "reviewer")],
    }
}

fn ann(groups: &Value) -> Value {
    json!({"email": "ann@example.com", "email_verified": true, "groups": groups})
}

async fn world(claims: Value) -> (FakeProvider, Bench) {
    let provider = FakeProvider::start(claims, SystemClock.now().as_second());
    let mut bench = Bench::new().await;
    let identity = Provider::new(settings(&provider)).unwrap();
    bench.door = Arc::new(Door::new(None, Access::default(), Some(identity)));
    (provider, bench)
}

fn page(uri: &str) -> TestRequest {
    get(uri).insert_header(("accept", "text/html"))
}

/// As a browser reads it.
fn read(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#96;", "`").replace("&#x60;", "`")
}

/// The path and query of an address.
fn here(address: &str) -> String {
    address.strip_prefix("http://localhost").unwrap_or_else(|| panic!("{address} is not ours")).to_owned()
}

macro_rules! logged_in {
    ($app:expr, $provider:expr) => {{
        let begun = send(&$app, page("/login/oidc?next=%2Freviews")).await;
        assert_eq!(begun.status, 303, "{}", begun.text);
        let kept = begun.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
        assert!(
            kept.contains("HttpOnly") && kept.contains("SameSite=Lax") && kept.contains("Path=/login/oidc"),
            "{kept}"
        );
        let to = begun.headers.get("location").unwrap().to_str().unwrap().to_owned();
        let back = here(&$provider.log_in(&to).await);
        let cookie = kept.split(';').next().unwrap().to_owned();
        (cookie, back)
    }};
}

#[actix_web::test]
async fn who_the_provider_vouches_for_gets_the_first_grant_that_fits() {
    let (provider, bench) = world(ann(&json!(["staff", "graders"]))).await;
    let app = app!(bench);
    // With a provider the service is not open, though it has no key.
    send(&app, get("/v1/tasks")).await.problem(401, "unauthorized");
    assert!(send(&app, page("/login")).await.text.contains("/login/oidc?next="));

    let (cookie, back) = logged_in!(app, provider);
    let told = send(&app, page(&back).insert_header(("cookie", cookie.clone()))).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert!(read(&told.text).contains("url=/reviews") && told.text.contains("ann@example.com"), "{}", told.text);
    let set = told.headers.get_all("set-cookie").map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    let session = set.iter().find(|one| one.starts_with(COOKIE)).unwrap();
    assert!(session.contains("SameSite=Strict") && session.contains("HttpOnly"), "{session}");
    let pair = session.split(';').next().unwrap().to_owned();
    let secret = pair.split_once('=').unwrap().1.to_owned();
    let with = |request: TestRequest| request.insert_header(("cookie", pair.clone()));
    assert_eq!(send(&app, with(get("/v1/reviews"))).await.status, 200);
    send(&app, with(get("/v1/audit"))).await.problem(403, "forbidden");
    let task = json!({"prompt": "x"});
    send(&app, with(post("/v1/tasks", &task))).await.problem(403, "other_site");
    let ours = with(post("/v1/tasks", &task)).insert_header((CSRF_HEADER, session::form_secret(&secret)));
    assert_eq!(send(&app, ours).await.status, 201);
    let log = bench.services.store.system().all::<AuditEntry>(Query::default()).await.unwrap();
    assert!(log.iter().any(|entry| entry.facts.contains("person/ann@example.com")), "{log:?}");
    // The same way back a second time leads nowhere: the code is spent.
    let again = send(&app, page(&back).insert_header(("cookie", cookie))).await;
    assert_eq!(again.status, 403, "{}", again.text);

    provider.be(ann(&json!("leads")), Flaw::None);
    let (cookie, back) = logged_in!(app, provider);
    let told = send(&app, page(&back).insert_header(("cookie", cookie))).await;
    let admin = told.headers.get_all("set-cookie").find(|one| one.to_str().unwrap().starts_with(COOKIE)).unwrap();
    let pair = admin.to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(send(&app, get("/v1/audit").insert_header(("cookie", pair))).await.status, 200);
}

#[actix_web::test]
async fn what_does_not_hold_lets_nobody_in() {
    let (provider, bench) = world(ann(&json!(["graders"]))).await;
    let app = app!(bench);
    let groups = json!(["graders"]);
    for (claims, flaw, says) in [
        (ann(&groups), Flaw::Signature, "does not hold"),
        (ann(&groups), Flaw::Audience, "does not hold"),
        (ann(&groups), Flaw::Issuer, "does not hold"),
        (ann(&groups), Flaw::Expired, "does not hold"),
        (ann(&groups), Flaw::Nonce, "does not hold"),
        (json!({"groups": ["graders"]}), Flaw::None, "no claim `email`"),
        (json!({"email": "x@y.z", "email_verified": false, "groups": ["graders"]}), Flaw::None, "not verified"),
        (ann(&json!(["strangers"])), Flaw::None, "may do nothing here"),
        (ann(&json!(null)), Flaw::None, "may do nothing here"),
    ] {
        provider.be(claims.clone(), flaw);
        let (cookie, back) = logged_in!(app, provider);
        let told = send(&app, page(&back).insert_header(("cookie", cookie))).await;
        assert!(
            told.status == 403 && read(&told.text).contains(says),
            "{flaw:?} {claims}: {} {}",
            told.status,
            told.text
        );
        assert!(told.headers.get_all("set-cookie").all(|one| !one.to_str().unwrap().starts_with(COOKIE)));
    }
    provider.be(ann(&groups), Flaw::None);
    // Somebody else's way back, or one that this browser did not begin.
    let (cookie, back) = logged_in!(app, provider);
    let (other, _) = logged_in!(app, provider);
    assert_eq!(send(&app, page(&back).insert_header(("cookie", other))).await.status, 403);
    assert_eq!(send(&app, page(&back)).await.status, 403);
    let refused = "/login/oidc/back?error=access_denied&error_description=%3Cb%3Eno";
    let told = send(&app, page(refused).insert_header(("cookie", cookie))).await;
    assert!(told.status == 403 && told.text.contains("&lt;b&gt;no"), "{}", told.text);
}

#[actix_web::test]
async fn a_provider_that_does_not_answer_is_said_and_keys_work_on() {
    let (provider, mut bench) = world(ann(&json!([]))).await;
    let gone = Settings { issuer: "http://127.0.0.1:1".to_owned(), ..settings(&provider) };
    bench.door = Arc::new(Door::new(None, Access::default(), Some(Provider::new(gone).unwrap())));
    let app = app!(bench);
    let told = send(&app, page("/login/oidc")).await;
    assert!(told.status == 503 && told.text.contains("identity provider"), "{}", told.text);
    assert!(!told.text.contains("127.0.0.1:1"), "what is inside stays inside: {}", told.text);
    let project = ProjectId::parse("p").unwrap();
    let (_, key) = crate::http::create_key(&bench.services, crate::http::Role::Admin, &project, "ann").await.unwrap();
    bench.door.keys_changed();
    let request = get("/v1/audit").insert_header(("authorization", format!("Bearer {key}")));
    assert_eq!(send(&app, request).await.status, 200);
}
