//! The real program on a real PostgreSQL: a service that is killed, one whose database goes away, and a conversion that is
//! killed in the middle.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use empanel::domain::ProjectId;
use empanel::judge::fake::{Action, FakeOpenAi, Gate};
use empanel::store::postgres::server::{Database, Server};
use empanel::store::{Link, Query, Record, Store, StoreOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::{
    Client, DEADLINE, Home, NO_REVIEWS, Service, answers, judge, panel, program, run, statements, wait_for,
};

const CRITERIA: u64 = 40;

/// A home whose records are in the database.
fn home_on(database: &Database, judges_and_panels: &str) -> Home {
    let home = Home::new(judges_and_panels);
    let sled = format!("sled:{}", home.path("data").display());
    let text = std::fs::read_to_string(home.config()).unwrap();
    assert!(text.contains(&sled), "{text}");
    std::fs::write(home.config(), text.replace(&sled, &database.url())).unwrap();
    home
}

async fn is_ready(client: &Client) -> bool {
    client.request("GET", "/readyz").timeout(DEADLINE).send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_on_postgres_is_killed_amid_a_grading_and_has_all_of_it_when_it_is_back() {
    let database = Server::shared().database();
    let gate = Gate::closed();
    let held = gate.clone();
    let answer = move |number: u64| {
        let answer = Action::answer(if number.is_multiple_of(3) { "MET" } else { "UNMET" });
        // From the twentieth call on they are kept back until the service is gone.
        if number > 20 { Action::Held(held.clone(), Box::new(answer)) } else { answer }
    };
    let server = FakeOpenAi::start_with(move |call| answer(call.number), Duration::ZERO, 0).await;
    let home = home_on(
        &database,
        &format!("{}{}", judge("anna", &server, "max_concurrency = 4"), panel(&["anna"], NO_REVIEWS)),
    );
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA as usize)).await;
    let submission = client.text("system", "A report of some length.").await;
    let grading = client.grade(&submission, &rubric).await;
    let before = wait_for("votes, and calls in flight", async || {
        let votes = client.votes(&grading).await;
        (votes.len() >= 16 && server.count() >= 24).then_some(votes)
    })
    .await;
    assert_eq!(database.ask("SELECT status FROM empanel_gradings"), "running");
    service.kill9();
    gate.open();

    let service = Service::start(&home).await;
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    let votes = client.votes(&grading).await;
    assert_eq!(votes.len() as u64, CRITERIA);
    let after = answers(&votes);
    for (question, answer) in answers(&before) {
        assert_eq!(after[&question], answer, "{question:?} was told before the kill");
    }
    // A person with psql sees the same.
    assert_eq!(
        database.ask("SELECT status, system FROM empanel_gradings WHERE project = 'default'"),
        "completed|system"
    );
    assert_eq!(
        database.ask("SELECT judge, count(*) FROM empanel_votes WHERE answer IN ('met', 'unmet') GROUP BY 1"),
        format!("anna|{CRITERIA}")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_database_goes_away_says_so_and_works_again_when_it_is_back() {
    let server = Server::own();
    let database = server.database();
    let judges = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::ZERO, 0).await;
    let home = home_on(&database, &format!("{}{}", judge("anna", &judges, ""), panel(&["anna"], NO_REVIEWS)));
    let text = std::fs::read_to_string(home.config()).unwrap();
    let impatient = text.replace("[store]", "[store]\npatience_s = 1\nconnect_timeout_s = 1");
    std::fs::write(home.config(), impatient).unwrap();
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let submission = client.text("system", "A report.").await;
    assert!(is_ready(&client).await);

    let stopped = server.clone();
    tokio::task::spawn_blocking(move || stopped.crash()).await.unwrap();
    assert!(!is_ready(&client).await);
    let body = serde_json::json!({ "submission_id": submission, "rubric_id": rubric });
    let answer = client.post("/v1/gradings", &body).await;
    assert!(answer.text().contains("unavailable"), "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
    answer.is(503);

    tokio::task::spawn_blocking(move || server.restart()).await.unwrap();
    wait_for("the service to be ready again", async || is_ready(&client).await.then_some(())).await;
    let grading = client.grade(&submission, &rubric).await;
    assert_eq!(client.settled(&format!("/v1/gradings/{grading}")).await["status"], "completed");
    assert_eq!(database.ask("SELECT count(*) FROM empanel_gradings"), "1", "what was refused is not there");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u64,
    text: String,
}

impl Record for Page {
    const KIND: &'static str = "page";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        format!("{:06}", self.number)
    }
    fn links(&self) -> Vec<Link> {
        vec![("last_digit", (self.number % 10).to_string())]
    }
}

const PAGES: u64 = 12_000;

async fn pages(url: &str) -> Vec<Page> {
    let store = Store::open(url, StoreOptions::default()).await.unwrap();
    let pages = store.project(&ProjectId::parse("p").unwrap()).all::<Page>(Query::default()).await.unwrap();
    store.close().await.unwrap();
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_that_is_killed_goes_on_and_is_told_as_done_when_both_sides_are_the_same() {
    let database = Server::shared().database();
    let home = Home::new("");
    let sled = format!("sled:{}", home.path("records").display());
    let store = Store::open(&sled, StoreOptions::default()).await.unwrap();
    let p = store.project(&ProjectId::parse("p").unwrap());
    for first in (0..PAGES).step_by(1_000) {
        let page = |number| Page { number, text: format!("{number} ").repeat(100) };
        p.commit((first..first + 1_000).fold(p.batch(), |batch, number| batch.insert(&page(number)))).await.unwrap();
    }
    drop(p);
    store.close().await.unwrap();

    let url = database.url();
    let convert = ["store", "convert", "--from", &sled, "--to", &url];
    let mut command = program(&home);
    command.args(convert);
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let progress = lines.find(|line| line.starts_with("copied "));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(progress.is_some(), "it ended before it was killed");
    })
    .await
    .unwrap();

    // Until it has ended nobody takes it for a store.
    run(&home, &["audit", "verify", "--store", &url]).await.complains(&["store convert --from"]);
    let said = run(&home, &convert).await.exits_with(0);
    assert!(said.stderr.contains("goes on after"), "{}", said.stderr);
    let row = |said: &str| said.lines().find(|line| line.contains("page")).unwrap_or_default().to_owned();
    assert!(row(&said.stdout).contains("12000") && row(&said.stdout).contains("same"), "{}", said.stdout);
    assert!(said.stdout.contains("files are not part of the store"), "{}", said.stdout);
    assert!(!said.stdout.contains("postgres@"), "who connects is nobody's business: {}", said.stdout);

    let back = format!("sled:{}", home.path("back").display());
    run(&home, &["store", "convert", "--from", &url, "--to", &back]).await.exits_with(0);
    assert_eq!(pages(&back).await, pages(&sled).await);
    assert_eq!(pages(&url).await.len() as u64, PAGES);
    run(&home, &convert).await.complains(&["is not empty"]);
    run(&home, &["store", "convert", "--from", "memory:", "--to", &url]).await.complains(&["gone with the process"]);
    let help = run(&home, &["store", "convert", "--help"]).await.exits_with(0);
    let words = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("files are not part of the store"), "{words}");
}

/// No message of the program holds the password, wherever it came from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_of_the_program_holds_the_databases_password() {
    let home = Home::new("");
    let url = "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable";
    let said = run(&home, &["serve", "--store", url]).await.complains(&["127.0.0.1:1/db"]);
    assert!(!said.stderr.contains("hunter2") && !said.stdout.contains("hunter2"), "{} {}", said.stdout, said.stderr);
    std::fs::write(home.config(), format!("[store]\nurl = {}\n", Value::from(url))).unwrap();
    let config = home.config().display().to_string();
    let said = run(&home, &["config", "check", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("127.0.0.1:1/db") && !said.stdout.contains("hunter2"), "{}", said.stdout);
}
