//! Equal replicas over one PostgreSQL and one folder of files: killed, stopped, restarted, their database restarted under
//! them. Nothing is lost, nothing is judged twice, and a zombie's late word is not kept.

use std::collections::BTreeMap;
use std::time::Duration;

use empanel::judge::fake::{Action, FakeOpenAi, Gate};
use empanel::store::postgres::server::{Database, Server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, answers, judge, panel, statements, wait_for};

const CRITERIA: usize = 4;
const IN_FLIGHT: usize = 8;

fn home(database: &Database, server: &FakeOpenAi) -> Home {
    let home = Home::new(&format!(
        "{}{}[replicas]\nlease_s = 3\nbeat_s = 1\n",
        judge("anna", server, &format!("max_concurrency = {IN_FLIGHT}")),
        panel(&["anna"], NO_REVIEWS)
    ));
    on(&home, database);
    home
}

/// With its records in this database.
fn on(home: &Home, database: &Database) {
    let sled = format!("sled:{}", home.path("data").display());
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), text.replace(&sled, &database.url())).unwrap();
}

fn signal(service: &Service, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(service.id()).unwrap()).unwrap(), signal).unwrap();
}

async fn post(client: &Client, count: usize) -> Vec<String> {
    let rubric = rubric(client, CRITERIA).await;
    let mut gradings = Vec::new();
    for n in 0..count {
        // No two are alike: an answer that is known already would not be asked for.
        let submission = client.text("system", &format!("Report {n} of some length.")).await;
        gradings.push(client.grade(&submission, &rubric).await);
    }
    gradings
}

/// Of so many statements; known already, it is the same.
async fn rubric(client: &Client, criteria: usize) -> String {
    let told: Value = serde_json::from_str(client.post("/v1/rubrics", &statements(criteria)).await.text()).unwrap();
    told["id"].as_str().unwrap().to_owned()
}

async fn settled(client: &Client, gradings: &[String]) -> BTreeMap<String, Value> {
    let mut done = BTreeMap::new();
    for id in gradings {
        done.insert(id.clone(), client.settled(&format!("/v1/gradings/{id}")).await);
    }
    done
}

/// Every grading is complete and has each vote once.
async fn nothing_is_missing(client: &Client, gradings: &[String]) {
    for (id, grading) in settled(client, gradings).await {
        assert_eq!(grading["status"], "completed", "{grading}");
        let votes = client.votes(&id).await;
        assert_eq!(answers(&votes).len(), CRITERIA, "{votes:?}");
        assert_eq!(grading["criteria"].as_array().unwrap().len(), CRITERIA);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_and_one_that_is_stopped_lose_nothing_and_pay_nearly_nothing_twice() {
    let database = Server::shared().database();
    let server = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::from_millis(100), 0).await;
    let home = home(&database, &server);
    let (first, second, third) =
        (Service::start(&home).await, Service::start(&home).await, Service::start(&home).await);
    let gradings = post(&first.client(), 60).await;
    let planned = (gradings.len() * CRITERIA) as u64;
    wait_for("work at all three", async || (server.count() > planned / 8).then_some(())).await;

    first.kill9();
    wait_for("more of it", async || (server.count() > planned / 4).then_some(())).await;
    signal(&second, Signal::STOP);
    // The third alone does the rest, what the others held included.
    let client = third.client();
    nothing_is_missing(&client, &gradings).await;
    let asked = server.count();
    signal(&second, Signal::CONT);
    // The zombie finds out that it is not the one any more, and is a replica like any other again.
    let more = post(&second.client(), 6).await;
    nothing_is_missing(&second.client(), &more).await;
    nothing_is_missing(&client, &gradings).await;
    let twice = asked - planned;
    assert!(twice <= 2 * IN_FLIGHT as u64, "{twice} calls were paid twice, more than were in flight at two faults");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_replica_follows_cancels_and_answers_for_what_another_does() {
    let database = Server::shared().database();
    let server = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::from_millis(400), 0).await;
    let home = home(&database, &server);
    let (first, second) = (Service::start(&home).await, Service::start(&home).await);
    let (one, two) = (first.client(), second.client());
    let gradings = post(&one, 6).await;
    // Whoever works on it: the stream of each tells its end.
    for (n, id) in gradings.iter().take(4).enumerate() {
        let client = if n % 2 == 0 { &one } else { &two };
        let stream = client.request("GET", &format!("/v1/gradings/{id}/events")).send().await.unwrap();
        let text = stream.text().await.unwrap();
        assert!(text.contains("event: completed"), "{text}");
    }
    let slow = post(&one, 12).await;
    let last = slow.last().unwrap();
    for client in [&one, &two] {
        let _ = client.post(&format!("/v1/gradings/{last}/cancel"), &json!({})).await;
    }
    let ended = one.settled(&format!("/v1/gradings/{last}")).await;
    assert!(["cancelled", "completed"].contains(&ended["status"].as_str().unwrap()), "{ended}");
    // A restart one after the other: whoever is asked answers.
    first.sigterm();
    nothing_is_missing(&two, &slow[..11]).await;
    assert_eq!(first.ended().await, 0);
    let first = Service::start(&home).await;
    second.sigterm();
    let after = post(&first.client(), 3).await;
    nothing_is_missing(&first.client(), &after).await;
    assert_eq!(second.ended().await, 0);
}

/// The sum of a metric over its labels, at one replica.
async fn metric(client: &Client, name: &str) -> usize {
    let metrics = client.get("/metrics").await.text().to_owned();
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_spreads_over_the_replicas() {
    let database = Server::shared().database();
    // Nobody ends anything before both have had their chance, however slow the machine is.
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FakeOpenAi::start(move |_| Action::Held(held.clone(), Box::new(Action::answer("MET")))).await;
    let home = home(&database, &server);
    let (first, second) = (Service::start(&home).await, Service::start(&home).await);
    // One that knows of no other takes all there is.
    for client in [first.client(), second.client()] {
        wait_for("each other", async || (metric(&client, "empanel_replicas").await == 2).then_some(())).await;
    }
    let gradings = post(&first.client(), 80).await;
    for client in [first.client(), second.client()] {
        wait_for("an eighth of the work", async || (metric(&client, "empanel_running").await >= 10).then_some(()))
            .await;
    }
    gate.open();
    nothing_is_missing(&second.client(), &gradings).await;
    let mut done = Vec::new();
    for client in [first.client(), second.client()] {
        done.push(metric(&client, "empanel_judge_calls_total").await);
    }
    assert_eq!(done.iter().sum::<usize>(), 80 * CRITERIA, "each call was made once: {done:?}");
    // Whoever hears of work first takes half of what waits, the other half of the rest; then it is who is quicker.
    assert!(done.iter().all(|calls| *calls >= 10 * CRITERIA), "each did what it had taken: {done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_rubric_posted_to_two_replicas_at_once_is_one_rubric() {
    let database = Server::shared().database();
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = home(&database, &server);
    let (first, second) = (Service::start(&home).await, Service::start(&home).await);
    let (one, two) = (first.client(), second.client());
    for criteria in 1..=12 {
        let (a, b, c, d) = tokio::join!(
            rubric(&one, criteria),
            rubric(&two, criteria),
            rubric(&one, criteria),
            rubric(&two, criteria)
        );
        assert!(a == b && b == c && c == d, "{criteria} criteria: {a}, {b}, {c}, {d}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_keep_to_one_budget_of_the_month() {
    let database = Server::shared().database();
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = Home::new(&format!(
        "[budget]\nproject_month_usd = 0.05\n{}{}[replicas]\nlease_s = 3\nbeat_s = 1\n",
        judge("anna", &server, "max_concurrency = 8"),
        panel(&["anna"], NO_REVIEWS)
    ));
    on(&home, &database);
    let (first, second) = (Service::start(&home).await, Service::start(&home).await);
    let (client, other) = (first.client(), second.client());
    let (gradings, more) = tokio::join!(post(&client, 25), post(&other, 25));
    let (mut paid, mut refused) = (0.0, 0);
    for id in gradings.iter().chain(&more) {
        client.settled(&format!("/v1/gradings/{id}")).await;
        for vote in client.votes(id).await {
            paid += vote["cost_usd"].as_f64().unwrap_or(0.0);
            refused += usize::from(vote["cause"] == "over_budget");
        }
    }
    assert!(refused > 0 && paid > 0.0, "{paid} USD, {refused} not asked");
    assert!(paid <= 0.05 + 1e-9, "{paid} USD were spent of 0.05");
    assert!(paid > 0.03, "only {paid} USD of 0.05 were spent");
}
