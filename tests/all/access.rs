//! Who may do what, over every route of the OpenAPI document, so that none is forgotten: without a key 401, with too low a
//! role 403, with another project's key nothing of ours exists.

use std::collections::{BTreeMap, BTreeSet};

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Home, Service, judge, key, panel, statements};

/// What stands in everything of ours that another project might be shown.
const MARKER: &str = "zorilla";

/// Routes that reviewers and admins alone may use; without a line here a route is everybody's with a key.
const REVIEWER: &[&str] = &[
    "POST /v1/gradings/{id}/aggregate",
    "POST /v1/gradings/{id}/overrides",
    "POST /v1/gradings/{id}/overrides/preview",
    "POST /v1/reviews",
    "POST /v1/rubrics/{id}/decide",
    "GET /v1/reviews",
    "GET /v1/reviews/progress",
    "GET /v1/reviews/{id}",
    "GET /v1/reviews/{id}/files/{n}",
    "POST /v1/reviews/{id}/claim",
    "POST /v1/reviews/{id}/decline",
    "POST /v1/reviews/{id}/release",
    "POST /v1/reviews/{id}/resolve",
    "POST /v1/reviews/{id}/submit",
];
const ADMIN: &[&str] = &[
    "GET /v1/audit",
    "GET /v1/audit/verify",
    "GET /v1/export",
    "GET /v1/reviews/report",
    "POST /v1/reviews/{id}/withdraw",
    "POST /v1/webhooks",
    "GET /v1/webhooks",
    "GET /v1/webhooks/{id}",
    "DELETE /v1/webhooks/{id}",
    "POST /v1/webhooks/{id}/enable",
    "POST /v1/webhooks/{id}/disable",
    "POST /v1/webhooks/{id}/rotate",
    "POST /v1/webhooks/{id}/redeliver",
    "GET /v1/webhooks/{id}/deliveries",
    "POST /v1/keys",
    "GET /v1/keys",
    "GET /v1/keys/{id}",
    "DELETE /v1/keys/{id}",
    "POST /v1/keys/{id}/rotate",
];
/// Open to everybody: they tell nothing of any project.
const OPEN: &[&str] = &["GET /docs", "GET /healthz", "GET /metrics", "GET /openapi.json", "GET /readyz"];

/// A route with `method path`.
#[derive(Debug, Clone)]
struct Route {
    method: String,
    path: String,
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is(&self, list: &[&str]) -> bool {
        list.contains(&self.name().as_str())
    }
}

/// Every route that the service says it has.
async fn routes(client: &Client) -> Vec<Route> {
    let document = client.get("/openapi.json").await.is(200);
    let methods = ["get", "post", "put", "patch", "delete"];
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in methods.iter().filter(|method| item.get(**method).is_some()) {
            all.push(Route { method: method.to_uppercase(), path: path.clone() });
        }
    }
    assert!(all.len() > 60, "{} routes", all.len());
    let known: BTreeSet<String> = all.iter().map(Route::name).collect();
    for listed in [REVIEWER, ADMIN, OPEN].concat() {
        assert!(known.contains(listed), "{listed} is in a list here and not a route");
    }
    all
}

/// A project with one of everything.
struct World {
    _home: Home,
    _judge: FakeOpenAi,
    service: Service,
    ids: BTreeMap<&'static str, String>,
    keys: BTreeMap<&'static str, String>,
}

impl World {
    async fn new() -> Self {
        let judge_server = FakeOpenAi::start(|_| Action::answer("MET")).await;
        let policy = "review = { random_share = 1.0 }";
        // Every route is asked with a wrong key, and from one address.
        let quick = "[auth]\nslow_wrong_keys = false\n";
        let home = Home::new(&format!("{quick}{}{}", judge("anna", &judge_server, ""), panel(&["anna"], policy)));
        let mut keys = BTreeMap::new();
        for (who, project) in [("submitter", "p"), ("reviewer", "p"), ("admin", "p"), ("stranger", "q")] {
            let role = if who == "stranger" { "admin" } else { who };
            keys.insert(who, key(&home, role, project, who).await);
        }
        let service = Service::start(&home).await;
        let client = service.client().with_key(&keys["admin"]);
        let id = |told: &Value| told["id"].as_str().unwrap().to_owned();
        let task = json!({"task_id": "t", "prompt": format!("Write about the {MARKER}.")});
        let file = [("notes.txt", b"Notes, as they were taken.".as_slice())];
        client.upload("/v1/tasks", "task", &task, &file).await.is(201);
        let rubric = client.rubric(&statements(2)).await;
        let mut works = Vec::new();
        for system in [MARKER, "genet"] {
            let work = json!({"task_id": "t", "system": system, "text": format!("On the {MARKER}.")});
            works.push(id(&client.upload("/v1/submissions", "submission", &work, &file).await.is(201)));
        }
        let grading = client.grade(&works[0], &rubric).await;
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        let review = done["review"]["review_ids"][0].as_str().unwrap().to_owned();
        let compare = json!({"task_id": "t", "a": works[0], "b": works[1]});
        let comparison = id(&client.post("/v1/comparisons", &compare).await.is(202));
        let draft = id(&client.post("/v1/rubrics/draft", &json!({"prompt": MARKER})).await.is(202));
        for at in [format!("/v1/comparisons/{comparison}"), format!("/v1/rubrics/drafts/{draft}")] {
            client.settled(&at).await;
        }
        let snapshot = id(&client.post("/v1/leaderboard/snapshots", &json!({"label": MARKER})).await.is(201));
        let hook = id(&client.post("/v1/webhooks", &json!({"url": "https://example.com/hook"})).await.is(201));
        let asked = json!({"role": "submitter", "label": MARKER});
        let key = id(&client.post("/v1/keys", &asked).await.is(201));
        let ids = [
            ("/v1/gradings", grading),
            ("/v1/comparisons", comparison),
            ("/v1/reviews", review),
            ("/v1/rubrics/drafts", draft),
            ("/v1/rubrics", rubric),
            ("/v1/submissions", works[0].clone()),
            ("/v1/tasks", "t".to_owned()),
            ("/v1/leaderboard/snapshots", snapshot),
            ("/v1/webhooks", hook),
            ("/v1/keys", key),
        ];
        Self { _home: home, _judge: judge_server, service, ids: ids.into(), keys }
    }

    fn client(&self, who: &str) -> Client {
        match self.keys.get(who) {
            Some(key) => self.service.client().with_key(key),
            None => self.service.client(),
        }
    }

    /// The address of what is ours.
    fn address(&self, route: &Route) -> String {
        let (kind, id) = self
            .ids
            .iter()
            .filter(|(kind, _)| route.path.starts_with(&format!("{kind}/{{id}}")))
            .max_by_key(|(kind, _)| kind.len())
            .map_or(("", ""), |(kind, id)| (*kind, id.as_str()));
        let path = route
            .path
            .replace("{n}", "0")
            .replace("{p}", "1")
            .replace("{name}", "anna")
            .replace("{sha256}", &"0".repeat(64));
        let path = if kind.is_empty() { path } else { path.replace("{id}", id) };
        let path = if path.ends_with("/diff") { path + "?from=1&to=1" } else { path };
        assert!(!path.contains('{'), "{} has a part that this test does not know: {path}", route.name());
        path
    }

    /// A body that the route would take, naming what is ours where it names anything.
    fn body(&self, route: &Route) -> Value {
        let of = |kind: &str| self.ids[kind].clone();
        let token = "01890a5d-ac96-774b-bcce-b302099a8060";
        match route.name().as_str() {
            "POST /v1/gradings" | "POST /v1/quotes" => {
                json!({"submission_id": of("/v1/submissions"), "rubric_id": of("/v1/rubrics")})
            }
            "POST /v1/comparisons" => json!({"task_id": "t", "a": of("/v1/submissions"), "b": of("/v1/submissions")}),
            "POST /v1/comparisons/plan" => json!({"plan": "all_pairs", "task_ids": ["t"]}),
            "POST /v1/reviews" => {
                json!({"kind": "criterion", "grading_id": of("/v1/gradings"), "criterion_id": "c1"})
            }
            "POST /v1/rubrics/draft" => json!({"task_id": "t"}),
            "POST /v1/submissions" => json!({"task_id": "t", "system": "s", "text": "x"}),
            "POST /v1/gradings/{id}/overrides" | "POST /v1/gradings/{id}/overrides/preview" => {
                json!({"criterion_id": "c1", "value": "met", "reason": "seen"})
            }
            "POST /v1/rubrics/{id}/decide" => json!({"decisions": {}}),
            "POST /v1/keys" => json!({"role": "submitter", "label": "x"}),
            "POST /v1/reviews/{id}/decline" | "POST /v1/reviews/{id}/withdraw" => json!({"reason": "no"}),
            "POST /v1/reviews/{id}/release" => json!({"lease_token": token}),
            "POST /v1/reviews/{id}/submit" => json!({"lease_token": token, "value": "met"}),
            "POST /v1/reviews/{id}/resolve" => json!({"value": "met", "reason": "seen"}),
            "POST /v1/webhooks/{id}/redeliver" => json!({"state": "dead"}),
            _ => json!({}),
        }
    }

    async fn ask(&self, who: &str, route: &Route) -> Answer {
        let request = self.client(who).request(&route.method, &self.address(route));
        Answer::of(if route.method == "POST" { request.json(&self.body(route)) } else { request }).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_a_key_and_for_the_role_that_it_takes() {
    let world = World::new().await;
    for route in routes(&world.client("admin")).await {
        let anybody = world.ask("nobody", &route).await;
        if route.is(OPEN) {
            assert!([200, 503].contains(&anybody.status), "{}: {}", route.name(), anybody.status);
            assert!(!anybody.text().contains(MARKER), "{} tells of a project", route.name());
            continue;
        }
        anybody.is_problem(401, "unauthorized", &[]);
        let too_low: &[&str] = match &route {
            one if one.is(ADMIN) => &["submitter", "reviewer"],
            one if one.is(REVIEWER) => &["submitter"],
            _ => &[],
        };
        for who in ["submitter", "reviewer"] {
            let status = world.ask(who, &route).await.status;
            assert_eq!(status == 403, too_low.contains(&who), "{} for a {who}: {status}", route.name());
            assert_ne!(status, 401, "{} for a {who}", route.name());
        }
        let wrong = world.client("admin").with_key("em_wrong_00000000");
        let request = wrong.request(&route.method, &world.address(&route));
        assert_eq!(Answer::of(request).await.status, 401, "{} with a key that is none", route.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_project_exists_for_the_admin_of_another() {
    let world = World::new().await;
    let admin = world.client("admin");
    let before = admin.everything().await;
    for route in routes(&admin).await.iter().filter(|route| !route.is(OPEN)) {
        let told = world.ask("stranger", route).await;
        let (status, text) = (told.status, told.text());
        assert!(!text.contains(MARKER), "{} tells another project: {text}", route.name());
        // What was named in the request may be named in its refusal; nothing else of ours.
        let named = format!("{} {}", world.address(route), world.body(route));
        for id in world.ids.values().filter(|id| id.len() > 8 && !named.contains(*id)) {
            assert!(!text.contains(id), "{} tells another project of {id}: {text}", route.name());
        }
        if route.path.contains("{id}") {
            assert_eq!(status, 404, "{}: {text}", route.name());
        } else if named.contains(&world.ids["/v1/submissions"]) || named.contains(&world.ids["/v1/gradings"]) {
            assert!((400..500).contains(&status), "{} with what is another project's: {status} {text}", route.name());
        } else {
            assert!(status < 500 || status == 501, "{}: {status} {text}", route.name());
        }
    }
    assert_eq!(admin.everything().await, before, "and nothing of it was changed");
    // The addresses were right: they are there for whom they belong to.
    for route in routes(&admin).await.iter().filter(|route| route.method == "GET" && route.path.contains("{id}")) {
        // A text has no pages that could be drawn, or be sent to a judge.
        let there = world.ask("admin", route).await.status;
        let has_none = [".png", "{sha256}"].iter().any(|end| route.path.ends_with(end));
        assert!(there < 400 || has_none, "{}: {there}", route.name());
    }
}
