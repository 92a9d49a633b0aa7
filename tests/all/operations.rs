//! What operators stand on: metrics that the dashboard and the rules really find, files to deploy with that say only what
//! the program understands, and a stop that drops nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use empanel::config::Config;
use empanel::judge::fake::{Action, FakeOpenAi};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, judge, number, panel, repository, run, statements, wait_for};

fn text_of(path: &str) -> String {
    let path = repository(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Series by name, with the names of their labels.
type Series = BTreeMap<String, BTreeSet<String>>;

fn series_of(exposition: &str) -> Series {
    let line = Regex::new(r"^([a-z_]+)(?:\{(.*)\})? \S+$").unwrap();
    let label = Regex::new(r#"([a-z_]+)="(?:[^"\\]|\\.)*""#).unwrap();
    let mut all = Series::new();
    for one in exposition.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let found = line.captures(one).unwrap_or_else(|| panic!("no series: {one}"));
        let labels = found.get(2).map_or("", |labels| labels.as_str());
        let labels = label.captures_iter(labels).map(|label| label[1].to_owned());
        all.entry(found[1].to_owned()).or_default().extend(labels);
    }
    all
}

/// A service that has done a bit of everything, and what it exposes.
async fn exposed() -> String {
    let server = FakeOpenAi::start(|call| match number(call) {
        0 => Action::refusal(),
        _ => Action::answer("MET"),
    })
    .await;
    let home = Home::new(&format!(
        "{}{}[budget]\nproject_month_usd = 10.0\n",
        judge("anna", &server, ""),
        panel(&["anna"], NO_REVIEWS)
    ));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let new = json!({"system": "system", "text": "A report."});
    let file: &[u8] = b"words";
    let kept = client.upload("/v1/submissions", "submission", &new, &[("a.txt", file)]).await.is(201);
    let grading = client.grade(kept["id"].as_str().unwrap(), &rubric).await;
    client.settled(&format!("/v1/gradings/{grading}")).await;
    wait_for("what is looked at from time to time", async || {
        let metrics = client.get("/metrics").await;
        let seen = ["empanel_queue_depth{", "empanel_webhook_pending ", "empanel_budget_month_spent_ratio "];
        seen.iter().all(|name| metrics.text().contains(name)).then(|| metrics.text().to_owned())
    })
    .await
}

/// The metrics that an expression names, and the labels that it asks of each or of all.
fn is_exposed(place: &str, expression: &str, series: &Series) {
    // What Prometheus adds by itself.
    let added = ["job", "instance", "le"];
    let selector = Regex::new(r"\b(empanel_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*""#).unwrap();
    let mut all: BTreeSet<&str> = added.into();
    let mut named = 0;
    for found in selector.captures_iter(expression) {
        named += 1;
        let labels = series.get(&found[1]).unwrap_or_else(|| panic!("{place}: nobody exposes {}", &found[1]));
        all.extend(labels.iter().map(String::as_str));
        for asked in matcher.captures_iter(found.get(2).map_or("", |labels| labels.as_str())) {
            let known = labels.contains(&asked[1]) || added.contains(&&asked[1]);
            assert!(known, "{place}: {} has no label {}", &found[1], &asked[1]);
        }
    }
    assert!(named > 0 || expression.contains("up{"), "{place}: {expression} names nothing of ours");
    for group in Regex::new(r"by \(([^)]*)\)").unwrap().captures_iter(expression) {
        for label in group[1].split(',').map(str::trim) {
            assert!(all.contains(label), "{place}: nothing in {expression} has a label {label}");
        }
    }
}

fn rules() -> Value {
    serde_saphyr::from_str(&text_of("deploy/prometheus/alerts.yml")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboard_rules_and_manual_speak_of_what_a_service_exposes_and_of_all_of_it() {
    let exposition = exposed().await;
    let series = series_of(&exposition);

    let dashboard: Value = serde_json::from_str(&text_of("deploy/grafana/empanel.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36 && dashboard["uid"] == "empanel");
    let panels: Vec<&Value> =
        dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect();
    let mut ids = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another one's");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert!(panel["gridPos"]["x"].as_u64().unwrap() + panel["gridPos"]["w"].as_u64().unwrap() <= 24, "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            is_exposed(title, target["expr"].as_str().unwrap(), &series);
        }
    }

    let mut alerts = 0;
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        is_exposed(name, rule["expr"].as_str().unwrap(), &series);
        for key in ["summary", "description"] {
            assert!(rule["annotations"][key].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {key}");
        }
        assert!(["page", "warn"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        alerts += 1;
    }
    assert!(alerts >= 9);

    // The manual has a row for each metric, and each row is of one that there is.
    let manual = text_of("docs/operations.md");
    let rows: BTreeSet<String> = Regex::new(r"(?m)^\| `(empanel_[a-z_]+)`")
        .unwrap()
        .captures_iter(&manual)
        .map(|row| row[1].to_owned())
        .collect();
    let ends = ["_bucket", "_sum", "_count"];
    let families: BTreeSet<String> = series
        .keys()
        .map(|name| {
            let base = ends.iter().find_map(|end| name.strip_suffix(end));
            base.filter(|base| exposition.contains(&format!("# TYPE {base} histogram"))).unwrap_or(name).to_owned()
        })
        .collect();
    assert_eq!(rows, families, "docs/operations.md against /metrics");
    for family in &families {
        assert!(exposition.contains(&format!("# HELP {family} ")), "{family} does not say what it is");
    }
    let shown: String = panels.iter().map(|panel| panel["targets"].to_string()).collect();
    for family in &families {
        assert!(shown.contains(family.as_str()), "{family} is in no panel");
    }
}

#[test]
fn the_rules_do_what_their_tests_say() {
    // Where Prometheus' own tool is, it tries them.
    let at = repository("deploy/prometheus");
    match Command::new("promtool").args(["test", "rules", "alerts_test.yml"]).current_dir(&at).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("skipped: promtool cannot be run ({error}); Debian has it in `prometheus`"),
    }
    // Every alert has a test in which it rings.
    let tests: Value = serde_saphyr::from_str(&text_of("deploy/prometheus/alerts_test.yml")).unwrap();
    let rung: BTreeSet<&str> = tests["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|test| !test["exp_alerts"].as_array().unwrap().is_empty())
        .map(|test| test["alertname"].as_str().unwrap())
        .collect();
    let rules = rules();
    let named: BTreeSet<&str> =
        rules["groups"][0]["rules"].as_array().unwrap().iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert_eq!(rung, named);
}

/// That the configuration takes these variables beside the file that is deployed with them.
fn is_understood(place: &str, environment: &BTreeMap<String, String>) {
    /// Not settings.
    const OTHERS: [&str; 2] = ["EMPANEL_LOG", "EMPANEL_LOG_FORMAT"];
    for name in environment.keys().filter(|name| name.starts_with("EMPANEL_")) {
        assert!(name.contains("__") || OTHERS.contains(&name.as_str()), "{place}: {name} is no setting");
    }
    // Where files cannot be in an object store, what is said about one cannot be tried.
    let has_bucket = Config::parse("[files]\nendpoint = \"https://s3.example.org\"\n", "", std::iter::empty()).is_ok();
    let tried = |name: &String| has_bucket || !name.starts_with("EMPANEL_FILES__") || name == "EMPANEL_FILES__URL";
    let file = text_of("deploy/empanel.toml");
    let config = Config::parse(&file, place, environment.clone().into_iter().filter(|(name, _)| tried(name)))
        .unwrap_or_else(|e| panic!("{place}: {e}"));
    assert!(config.server.drain_s <= 25, "{place}: it is to have ended within 30 s");
    // A variable that is named is one that is given.
    for name in environment.iter().filter(|(name, _)| name.ends_with("_ENV")).map(|(_, value)| value) {
        assert!(environment.contains_key(name), "{place}: {name} is named and not given");
    }
}

#[test]
fn what_is_deployed_says_only_what_the_program_understands() {
    let compose: Value = serde_saphyr::from_str(&text_of("deploy/compose.yaml")).unwrap();
    let service = &compose["services"]["empanel"];
    let environment: BTreeMap<String, String> = service["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    is_understood("compose.yaml", &environment);
    assert_eq!(service["deploy"]["replicas"], 3);
    assert_eq!(service["command"], json!(["serve", "--config", "/etc/empanel/empanel.toml"]));
    // What is mounted is there, and files of secrets are secrets of the service.
    for config in compose["configs"].as_object().unwrap().values() {
        if let Some(file) = config["file"].as_str() {
            assert!(repository("deploy").join(file).is_file(), "{file}");
        }
    }
    for (name, path) in environment.iter().filter(|(name, _)| name.ends_with("_FILE")) {
        let secret = path.strip_prefix("/run/secrets/").unwrap_or_else(|| panic!("{name}: {path}"));
        assert!(service["secrets"].as_array().unwrap().contains(&json!(secret)), "{secret}");
        assert!(compose["secrets"][secret].is_object(), "{secret}");
    }

    let mut kinds = BTreeSet::new();
    for document in text_of("deploy/kubernetes.yaml").split("\n---\n") {
        let document: Value = serde_saphyr::from_str(document).unwrap();
        let kind = document["kind"].as_str().unwrap().to_owned();
        if kind == "ConfigMap" {
            Config::parse(document["data"]["empanel.toml"].as_str().unwrap(), "kubernetes.yaml", std::iter::empty())
                .unwrap();
        }
        if kind == "Deployment" {
            let pod = &document["spec"]["template"]["spec"];
            let container = &pod["containers"][0];
            let given = container["env"].as_array().unwrap().iter().map(|one| {
                let value = one["value"].as_str().unwrap_or("given-elsewhere");
                (one["name"].as_str().unwrap().to_owned(), value.to_owned())
            });
            let environment: BTreeMap<String, String> = given.collect();
            is_understood("kubernetes.yaml", &environment);
            let drain: u64 = environment["EMPANEL_SERVER__DRAIN_S"].parse().unwrap();
            assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > drain + 8);
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
            assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
        }
        kinds.insert(kind);
    }
    let wanted = ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), wanted);

    let image = text_of("Dockerfile");
    let settings = Regex::new(r"(EMPANEL_[A-Z_]+)=(\S+)").unwrap();
    let environment: BTreeMap<String, String> =
        settings.captures_iter(&image).map(|one| (one[1].to_owned(), one[2].to_owned())).collect();
    assert!(environment.len() >= 3);
    is_understood("Dockerfile", &environment);
    assert!(image.contains(r#"CMD ["empanel", "health"]"#));
}

#[test]
fn the_image_builds_dependencies_from_the_targets_that_the_manifest_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Cargo.toml", "Cargo.lock", "deploy/stubs.sh"] {
        let to = folder.path().join(repository(name).file_name().unwrap());
        std::fs::copy(repository(name), to).unwrap();
    }
    let sh = |what: &str| {
        let done = Command::new("sh").args(["stubs.sh", what]).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    sh("make");
    // Cargo refuses a manifest that names a target whose file is not there.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(folder.path());
    let metadata = cargo.output().unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let targets = metadata["packages"][0]["targets"].as_array().unwrap();
    for target in targets {
        let path = target["src_path"].as_str().unwrap();
        assert!(std::path::Path::new(path).is_file(), "{path}");
    }
    assert!(targets.len() >= 10);
    sh("remove");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(text_of("Dockerfile").contains("sh stubs.sh make"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_whether_a_service_lives() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let address = service.url.trim_start_matches("http://").to_owned();
    for more in [&[][..], &["--ready"]] {
        let mut arguments = vec!["health", "--address", &address];
        arguments.extend(more);
        run(&home, &arguments).await.exits_with(0);
    }
    service.kill9();
    run(&home, &["health", "--address", &address]).await.complains(&["does not answer"]);
}

async fn posted(client: &Client, path: &str, body: &Value) -> Option<u16> {
    let request = client.request("POST", path).header("content-type", "application/json").body(body.to_string());
    request.timeout(Duration::from_secs(5)).send().await.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_announced_ends_streams_politely_and_waits_for_nobody_for_ever() {
    let server = FakeOpenAi::start(|_| Action::Hang).await;
    let home = Home::new(&format!(
        "{}{}",
        judge("anna", &server, "max_concurrency = 4"),
        panel(&["anna"], &format!("cache = \"off\"\n{NO_REVIEWS}"))
    ));
    let config = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), config.replace("[server]\n", "[server]\ndrain_s = 6\nnotice_s = 3\n")).unwrap();
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(10)).await;
    let submission = client.text("system", "A report.").await;
    let grading = client.grade(&submission, &rubric).await;
    wait_for("calls in flight", async || (server.count() == 4).then_some(())).await;
    let stream = client.request("GET", &format!("/v1/gradings/{grading}/events")).send().await.unwrap();
    let waiting = {
        let (client, path) = (client.clone(), format!("/v1/gradings/{grading}?wait=60"));
        tokio::spawn(async move { client.get(&path).await.is(200) })
    };

    let began = Instant::now();
    service.sigterm();
    // It says so before it refuses anybody, and whoever has not heard of it is still served.
    wait_for("the notice", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    assert_eq!(client.get("/healthz").await.status, 200);
    let asked = json!({"submission_id": submission, "rubric_id": rubric});
    assert_eq!(posted(&client, "/v1/gradings", &asked).await, Some(202));
    assert!(began.elapsed() < Duration::from_secs(3), "within the notice");

    let said = stream.text().await.unwrap();
    assert!(said.contains("event: progress") && said.contains("retry: 1000"), "{said}");
    assert_eq!(waiting.await.unwrap()["status"], "running");
    assert_eq!(service.ended().await, 0, "a judge that never answers does not make a stop a failure");
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(15), "{took:?}");
    assert_eq!(server.count(), 4, "nothing was asked after the signal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_holds_up_no_stop() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    // It is kept alive by the client's pool.
    assert_eq!(client.get("/healthz").await.status, 200);
    let began = Instant::now();
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(client.request("GET", "/healthz").send().await.map(|answer| answer.status().as_u16()).ok(), None);
}
