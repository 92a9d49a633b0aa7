//! How fast pages come and how still they stand: `cargo bench --bench pages --features fake`. A service with a rubric of
//! 6,000 criteria, graded once, 500 other gradings, 5,000 imported battles of 20 systems; no keys, no network, the offline
//! judges. Each page is loaded by Chromium so many times, after once to warm up. It prints a table, in `docs/benchmarks.md`
//! as it was printed last: bytes of HTML, time until the service's answer is whole, time until a person sees something
//! (first contentful paint), and how far things move (cumulative layout shift). `EMPANEL_LOADS=5` loads less often.
//!
//! `EMPANEL_VOTES=1000000` fills it with so many votes (gradings of 40 criteria by three judges) instead, tells how long each
//! page takes the first time, and then with something new committed before each load; `EMPANEL_STORE=postgres` keeps them
//! in a PostgreSQL of the bench's own.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code, reason = "a program that prints and may stop")]

#[path = "../../tests/all/browser/driver.rs"]
mod driver;
#[path = "../../tests/all/support.rs"]
mod support;

use std::time::Instant;

use driver::Browser;
use empanel::domain::{Clock, SystemClock};
use empanel::store::postgres::server::{Database, Server};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use support::{Client, Home, Service, statements};

/// As many as a rubric may have.
const CRITERIA: usize = 6_000;
const GRADINGS: usize = 500;
const BATTLES: usize = 5_000;
const SYSTEMS: usize = 20;

fn main() {
    let loads = std::env::var("EMPANEL_LOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var("EMPANEL_VOTES").ok().map(|text| text.parse().unwrap()) {
        Some(votes) => runtime.block_on(many(votes, loads)),
        None => runtime.block_on(run(loads)),
    }
}

/// A deliverable that has some of the words that are asked for.
fn work(n: usize) -> String {
    (0..200)
        .map(|line| format!("Statement {} is treated on line {line} at some length.\n", (line * 7 + n * 13) % 400))
        .collect()
}

async fn graded(client: &Client, system: &str, text: &str, rubric: &str) -> String {
    let submission = client.text(system, text).await;
    let grading = client.grade(&submission, rubric).await;
    client.settled(&format!("/v1/gradings/{grading}")).await;
    grading
}

/// The pages to look at.
async fn filled(client: &Client) -> Vec<(&'static str, String)> {
    let started = Instant::now();
    let large = client.rubric(&statements(CRITERIA)).await;
    let large_grading = graded(client, "system-00", &work(0), &large).await;
    println!("{CRITERIA} criteria graded after {:.0} s", started.elapsed().as_secs_f64());
    let small = client.rubric(&statements(12)).await;
    let one = async |n: usize| graded(client, &format!("system-{:02}", n % SYSTEMS), &work(n), &small).await;
    let gradings: Vec<String> = stream::iter(0..GRADINGS).map(one).buffered(16).collect().await;
    let battle = |n: usize| {
        // The higher of the two wins three times of four.
        let (a, b) = (n % SYSTEMS, (n + 1 + n / SYSTEMS % (SYSTEMS - 1)) % SYSTEMS);
        let winner = if (a > b) != n.is_multiple_of(4) { "model_a" } else { "model_b" };
        format!("system-{a:02},system-{b:02},{winner},t{}\n", n % 250)
    };
    let battles: String = (0..BATTLES).map(battle).collect();
    let battles = format!("model_a,model_b,winner,task_id\n{battles}");
    client.send("/v1/comparisons/import", "text/csv", battles, None).await.is(201);
    let by_hand = json!({"kind": "criterion", "grading_id": gradings[0], "criterion_id": "c1"});
    let review = client.post("/v1/reviews", &by_hand).await;
    let review: Value = serde_json::from_slice(&review.body).unwrap();
    println!("filled after {:.0} s", started.elapsed().as_secs_f64());
    let review = review["id"].as_str().map(str::to_owned);
    let review = match review {
        Some(id) => id,
        // A split has asked already.
        None => client.all("/v1/reviews").await[0]["id"].as_str().unwrap().to_owned(),
    };
    vec![
        ("home", "/".to_owned()),
        ("gradings", "/gradings".to_owned()),
        ("a grading of 12 criteria", format!("/gradings/{}", gradings[0])),
        ("a grading of 6,000 criteria", format!("/gradings/{large_grading}")),
        ("the same, judges differ", format!("/gradings/{large_grading}?show=split")),
        ("one criterion of 6,000", format!("/gradings/{large_grading}/criteria/5999")),
        ("rubrics", "/rubrics".to_owned()),
        ("a rubric of 6,000 criteria", format!("/rubrics/{large}")),
        ("questions for people", "/reviews".to_owned()),
        ("a question", format!("/reviews/{review}")),
        ("leaderboard, Bradley-Terry", "/leaderboard".to_owned()),
        ("leaderboard, mean score", "/leaderboard?method=score".to_owned()),
        ("agreement", "/agreement".to_owned()),
        ("judges", "/judges".to_owned()),
        ("login", "/login".to_owned()),
    ]
}

/// Median and 95th percentile.
fn spread(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    (at(0.5), at(0.95))
}

async fn run(loads: usize) {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let pages = filled(&client).await;
    let browser = Browser::open(&service.url, "bench").await;
    println!("| page | HTML: bytes | service: ms, median | p95 | first paint: ms, median | p95 | shift |");
    println!("|---|---|---|---|---|---|---|");
    for (name, path) in &pages {
        let (mut server, mut paint) = (Vec::new(), Vec::new());
        let (mut bytes, mut shift) = (0, 0.0_f64);
        for load in 0..=loads {
            let asked = Instant::now();
            let answer = client.request("GET", path).header("accept", "text/html").send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            bytes = answer.bytes().await.unwrap().len();
            let took = asked.elapsed().as_secs_f64() * 1e3;
            browser.go(path).await;
            browser.wait("the first paint", "performance.getEntriesByName('first-contentful-paint').length").await;
            let seen =
                "return [performance.getEntriesByName('first-contentful-paint')[0].startTime, window.__seen.shift];";
            let seen = browser.script(seen).await;
            // The first load warms up.
            if load > 0 {
                server.push(took);
                paint.push(seen[0].as_f64().unwrap());
            }
            shift = shift.max(seen[1].as_f64().unwrap());
        }
        let ((server, server95), (paint, paint95)) = (spread(server), spread(paint));
        println!("| {name} | {bytes} | {server:.0} | {server95:.0} | {paint:.0} | {paint95:.0} | {shift:.3} |");
    }
    browser.done().await;
}

const OF_MANY: usize = 40;
const JUDGES: usize = 3;

/// As a service is configured that nobody tells how patient its pages are.
fn usual(home: &Home, database: Option<&Database>) {
    let text = std::fs::read_to_string(home.config()).unwrap().replace("page_patience_ms = 60000\n", "");
    let sled = format!("sled:{}", home.path("data").display());
    let text = database.map_or(text.clone(), |database| text.replace(&sled, &database.url()));
    std::fs::write(home.config(), text).unwrap();
}

/// The pages over very many votes: until the service's answer is whole.
async fn many(votes: usize, loads: usize) {
    let postgres = std::env::var("EMPANEL_STORE").is_ok_and(|store| store == "postgres");
    let database = postgres.then(|| Server::own().database());
    let home = Home::new("");
    usual(&home, database.as_ref());
    let service = Service::start(&home).await;
    let client = service.client();
    let started = Instant::now();
    let rubric = client.rubric(&statements(OF_MANY)).await;
    let gradings = votes.div_ceil(OF_MANY * JUDGES);
    let task = |n: usize| json!({"task_id": format!("t{n}"), "prompt": "Write a report.", "rubric_id": rubric});
    for n in 0..250 {
        client.post("/v1/tasks", &task(n)).await.is(201);
    }
    let one = async |n: usize| {
        let asked = json!({"task_id": format!("t{}", n / SYSTEMS % 250), "system": format!("system-{:02}", n % SYSTEMS), "text": work(n)});
        let submission = client.post("/v1/submissions", &asked).await.is(201)["id"].as_str().unwrap().to_owned();
        client.grade(&submission, &rubric).await
    };
    let ids: Vec<String> = stream::iter(0..gradings).map(one).buffered(16).collect().await;
    for id in &ids {
        client.settled(&format!("/v1/gradings/{id}")).await;
    }
    println!("{} of {OF_MANY} criteria by {JUDGES} judges in {:.0} s", ids.len(), started.elapsed().as_secs_f64());
    let reviews = client.get("/v1/reviews?state=open&limit=1").await;
    let review: Value = serde_json::from_slice(&reviews.body).unwrap();
    let review = review["items"][0]["id"].as_str().map(str::to_owned);
    let mut pages = vec![
        ("leaderboard", "/leaderboard?method=score".to_owned()),
        ("agreement", "/agreement".to_owned()),
        ("judges", "/judges".to_owned()),
        ("a judge", "/judges/lexical-strict".to_owned()),
        ("questions for people", "/reviews".to_owned()),
        ("home", "/".to_owned()),
        ("gradings", "/gradings".to_owned()),
    ];
    pages.extend(review.map(|id| ("a question", format!("/reviews/{id}"))));
    println!("| page | the first time: s | service: ms, median | p95 | as of: s ago at most |");
    println!("|---|---|---|---|---|");
    for (name, path) in &pages {
        let (mut times, mut oldest) = (Vec::new(), 0.0_f64);
        let first = Instant::now();
        let mut first_took = None;
        for load in 0..=loads {
            // Something new every time.
            let work = json!({"system": "other", "text": format!("{name} {load}")});
            client.post("/v1/submissions", &work).await.is(201);
            loop {
                let asked = Instant::now();
                let answer = client.request("GET", path).header("accept", "text/html").send().await.unwrap();
                let status = answer.status();
                let text = answer.text().await.unwrap();
                times.push(asked.elapsed().as_secs_f64() * 1e3);
                assert!(status == 200 || status == 202, "{path}: {status}");
                if let Some((_, rest)) = text.split_once("As of <time datetime=\"") {
                    let at: jiff::Timestamp = rest.split('"').next().unwrap().parse().unwrap();
                    let now = SystemClock.now();
                    oldest = oldest.max(now.duration_since(at).as_secs_f64());
                }
                if status == 200 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            first_took.get_or_insert(first.elapsed().as_secs_f64());
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let (median, p95) = spread(times);
        println!("| {name} | {:.1} | {median:.0} | {p95:.0} | {oldest:.1} |", first_took.unwrap());
    }
}
