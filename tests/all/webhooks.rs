//! Others are told what happens: signed, in order, at least once, whatever ends when. The receiver here is a server of
//! its own, and what it gets is verified by the reference library of Standard Webhooks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use empanel::app::{Choices, build};
use empanel::config::{Config, Isolation};
use empanel::domain::{Delivery, EventType, FixedClock, GradingId, Id, ProjectId, Subject};
use empanel::hooks::admin::{self, NewWebhook};
use empanel::hooks::{Event, Postman, announce};
use empanel::judge::fake::{Action, FakeOpenAi};
use empanel::store::Query;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, Home, NO_REVIEWS, Service, judge, panel, requirement, run, statements, wait_for};

/// One request as the receiver got it.
#[derive(Clone)]
struct Got {
    headers: HeaderMap,
    body: Vec<u8>,
    /// What was answered; `None` where it was hung up on.
    answered: Option<u16>,
}

impl Got {
    fn id(&self) -> String {
        self.header("webhook-id")
    }

    fn header(&self, name: &str) -> String {
        self.headers.get(name).unwrap().to_str().unwrap().to_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// A status to answer with; `None` hangs up; `Hold` says nothing until the receiver stops.
enum Say {
    Status(u16, &'static str),
    HangUp,
    Hold,
}

type Script = dyn Fn(&Got) -> Say + Send + Sync;

/// A server at one address that can be stopped and started again.
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    script: Arc<Script>,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl Receiver {
    async fn start(script: impl Fn(&Got) -> Say + Send + Sync + 'static) -> Self {
        let mut receiver = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            got: Arc::default(),
            script: Arc::new(script),
            serving: None,
        };
        receiver.start_again().await;
        receiver
    }

    async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (got, script) = (self.got.clone(), self.script.clone());
        self.serving = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(answer(stream, got.clone(), script.clone()));
            }
        }));
    }

    /// Nobody listens any more, and what is under way is cut off.
    async fn stop(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        let _ = serving.await;
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// The requests of one connection. `None` at its end.
async fn answer(mut stream: TcpStream, all: Arc<Mutex<Vec<Got>>>, script: Arc<Script>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            read(&mut stream, &mut bytes).await?;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            headers.insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        while bytes.len() < end + length {
            read(&mut stream, &mut bytes).await?;
        }
        let body = bytes[end..end + length].to_vec();
        bytes.drain(..end + length);
        let mut got = Got { headers, body, answered: None };
        let said = script(&got);
        if let Say::Status(status, _) = said {
            got.answered = Some(status);
        }
        all.lock().unwrap().push(got);
        match said {
            Say::Status(status, more) => {
                let reply = format!("HTTP/1.1 {status} Said\r\n{more}content-length: 2\r\n\r\nok");
                stream.write_all(reply.as_bytes()).await.ok()?;
            }
            Say::HangUp => return None,
            Say::Hold => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(bytes).await {
        Ok(some) if some > 0 => Some(()),
        _ => None,
    }
}

const GRADINGS: u128 = 1_000;
const EVENTS: u64 = 5;

/// The same for the same delivery at the same attempt, whatever else happens.
fn dice(id: &str, attempt: usize) -> u8 {
    blake3::hash(format!("seed 7/{id}/{attempt}").as_bytes()).as_bytes()[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_events_reach_a_receiver_that_fails_a_third_and_restarts_each_and_in_order() {
    let attempts: Mutex<BTreeMap<String, usize>> = Mutex::default();
    // 30 in 100, in every way in which a receiver fails.
    let mut receiver = Receiver::start(move |got| {
        let id = got.id();
        let mut attempts = attempts.lock().unwrap();
        let attempt = attempts.entry(id.clone()).or_default();
        *attempt += 1;
        match dice(&id, *attempt) {
            0..=29 => Say::Status(500, ""),
            30..=44 => Say::Status(503, "retry-after: 30\r\n"),
            45..=59 => Say::Status(302, "location: /elsewhere\r\n"),
            60..=76 => Say::HangUp,
            _ => Say::Status(200, ""),
        }
    })
    .await;

    let mut config = Config::default();
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    config.reading.isolation = Isolation::Thread;
    config.webhooks.allow_private = true;
    let clock = Arc::new(FixedClock::at("2026-01-01T00:00:00Z"));
    let choices = Choices { clock: clock.clone(), seed: [7; 32], ..Choices::system().unwrap() };
    let services = build(&config, choices).await.unwrap();
    let project = services.store.project(&ProjectId::parse("p").unwrap());
    let wanted = NewWebhook { url: receiver.url(), events: None, description: None, secret: None };
    let hook = admin::new(&services, &project, &wanted).await.unwrap();
    project.commit(project.batch().insert(&hook)).await.unwrap();

    let tell = async |number: u64| {
        for grading in 0..GRADINGS {
            let subject = Subject::Grading(GradingId::from_uuid(uuid::Uuid::from_u128(grading)));
            let data = json!({"grading": grading.to_string(), "n": number});
            let event = Event { event: EventType::GradingCompleted, subject, data };
            let batch = announce(&services, &project, project.batch(), &[event]).await.unwrap();
            project.commit(batch).await.unwrap();
        }
    };
    let mut rounds = 0;
    let mut postman = Postman::new(services.clone()).unwrap();
    let mut seconds_on = async |seconds: u64| {
        rounds += 1;
        clock.advance(Duration::from_secs(seconds));
        postman.send_due().await.unwrap()
    };
    tell(0).await;
    tell(1).await;
    seconds_on(0).await;
    receiver.stop().await;
    tell(2).await;
    seconds_on(60).await;
    seconds_on(600).await;
    receiver.start_again().await;
    tell(3).await;
    seconds_on(60).await;
    receiver.stop().await;
    seconds_on(30).await;
    receiver.start_again().await;
    tell(4).await;
    let mut next = seconds_on(0).await;
    let begun = services.now();
    while let Some(at) = next {
        let wait = u64::try_from(at.duration_since(services.now()).as_secs()).unwrap_or_default();
        next = seconds_on((wait + 1).max(60)).await;
    }

    let deliveries = project.all::<Delivery>(Query::default()).await.unwrap();
    assert_eq!(deliveries.len() as u64, GRADINGS as u64 * EVENTS);
    let lost: Vec<&Delivery> = deliveries.iter().filter(|one| one.state.as_str() != "delivered").collect();
    assert!(lost.is_empty(), "{} are not there, such as {:?}", lost.len(), lost[0]);
    let refused = |one: &Delivery| format!("{:?}", one.attempts).contains("refused");
    assert!(deliveries.iter().filter(|one| refused(one)).count() > 900, "it was away, and others noticed");

    let got = receiver.got();
    let verifier = Verifier::new(&hook.secret.reveal()).unwrap();
    let mut there: BTreeSet<String> = BTreeSet::new();
    let mut latest: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    for one in &got {
        let seconds = one.header("webhook-timestamp").parse().unwrap();
        let signed = verifier.sign(&one.id(), seconds, &one.body).unwrap();
        assert_eq!(one.header("webhook-signature"), signed);
        let data = one.json()["data"].clone();
        let (grading, n) = (data["grading"].as_str().unwrap().to_owned(), data["n"].as_u64().unwrap());
        let success = one.answered == Some(200);
        // The same again, or the next once the one before was taken.
        match latest.insert(grading.clone(), (n, success)) {
            None => assert_eq!(n, 0, "grading {grading}"),
            Some((before, taken)) => {
                assert!(n == before || (n == before + 1 && taken), "grading {grading}: {n} after {before}");
            }
        }
        if success {
            there.insert(one.id());
        }
    }
    assert_eq!(there, deliveries.iter().map(|one| one.id.to_string()).collect(), "each at least once, none invented");
    let failed = got.iter().filter(|one| one.answered != Some(200)).count() as f64 / got.len() as f64;
    assert!((0.27..0.33).contains(&failed), "{failed} of the requests failed");
    let days = services.now().duration_since(begun).as_secs_f64() / 86_400.0;
    eprintln!("{} requests in {rounds} rounds, over {days:.1} days of the clock", got.len());
}

/// Everything that came, verified with the secret at the time of its arrival.
fn verified(receiver: &Receiver, secret: &str) -> Vec<Got> {
    let verifier = Verifier::new(secret).unwrap();
    let got = receiver.got();
    for one in &got {
        verifier.verify(&one.body, &one.headers).unwrap();
    }
    got
}

async fn kinds(receiver: &Receiver, most: usize) -> Vec<String> {
    wait_for(&format!("{most} events"), async || (receiver.got().len() >= most).then_some(())).await;
    receiver.got().iter().map(Got::kind).collect()
}

async fn hook(client: &Client, receiver: &Receiver) -> (String, String) {
    let made = client.post("/v1/webhooks", &json!({"url": receiver.url()})).await.is(201);
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

const OPEN: &str = "[webhooks]\nallow_private = true\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_its_reviews_and_a_comparison_are_told_signed_and_blind_where_reviewers_are() {
    let script = |call: &empanel::judge::fake::Call| match requirement(call).as_str() {
        "" => Action::answer("A"),
        "Statement 0." => Action::answer("CANNOT_ASSESS"),
        _ => Action::answer("MET"),
    };
    let server = FakeOpenAi::start(script).await;
    let receiver = Receiver::start(|_| Say::Status(204, "")).await;
    let review = "review = { reviewers = 1, split = false, inconclusive = true, unverified_evidence = false, random_share = 0.0 }";
    let home = Home::new(&format!("{}{}{OPEN}", judge("anna", &server, ""), panel(&["anna"], review)));
    let service = Service::start(&home).await;
    let client = service.client();
    let (id, secret) = hook(&client, &receiver).await;

    client.post("/v1/tasks", &json!({"task_id": "t", "prompt": "Do it."})).await.is(201);
    let mut submissions = Vec::new();
    for system in ["secret-system-one", "secret-system-two"] {
        let new = json!({"task_id": "t", "system": system, "text": format!("Work of {system}.")});
        let kept = client.post("/v1/submissions", &new).await.is(201);
        submissions.push(kept["id"].as_str().unwrap().to_owned());
    }
    let rubric = client.rubric(&statements(3)).await;
    let grading = client.grade(&submissions[0], &rubric).await;
    assert_eq!(kinds(&receiver, 2).await, ["grading.completed", "review.required"]);
    let told = receiver.got()[0].json();
    let shown = client.get(&format!("/v1/gradings/{grading}")).await.is(200);
    assert_eq!((&told["data"]["grading_id"], &told["data"]["status"]), (&json!(grading), &json!("awaiting_review")));
    for field in ["submission_id", "system", "panel", "task_id"] {
        assert_eq!(told["data"][field], shown[field], "{field}");
    }
    assert_eq!(told["data"]["score"]["value"], shown["score"]["value"]);

    let asked = receiver.got()[1].json()["data"].clone();
    let review = asked["review_id"].as_str().unwrap();
    assert_eq!((&asked["criterion_id"], &asked["grading_id"]), (&json!("c0"), &json!(grading)));
    let claimed = client.post(&format!("/v1/reviews/{review}/claim"), &json!({})).await.is(200);
    let answer = json!({"lease_token": claimed["lease_token"], "value": "met", "reason": "it stands there"});
    client.post(&format!("/v1/reviews/{review}/submit"), &answer).await.is(200);
    let after = kinds(&receiver, 5).await;
    assert_eq!(after[2..], ["review.resolved", "verdict.overridden", "grading.completed"]);
    assert_eq!(receiver.got()[4].json()["data"]["status"], "completed");
    let overrule = json!({"criterion_id": "c1", "value": "unmet", "reason": "it does not"});
    client.post(&format!("/v1/gradings/{grading}/overrides"), &overrule).await.is(201);
    assert_eq!(kinds(&receiver, 6).await[5], "verdict.overridden");
    let score = client.get(&format!("/v1/gradings/{grading}")).await.is(200)["score"]["value"].clone();
    assert_eq!(receiver.got()[5].json()["data"]["score"]["value"], score);

    let pair = json!({"task_id": "t", "a": submissions[0], "b": submissions[1]});
    let comparison = client.post("/v1/comparisons", &pair).await.is(202)["id"].clone();
    assert_eq!(kinds(&receiver, 7).await[6], "comparison.completed");
    let told = receiver.got()[6].json()["data"].clone();
    assert_eq!((&told["comparison_id"], &told["outcome"]), (&comparison, &json!("tie")));

    for one in verified(&receiver, &secret) {
        let text = String::from_utf8(one.body.clone()).unwrap();
        assert!(!text.contains("it stands there") && !text.contains("Work of"), "{text}");
        assert!(!one.kind().starts_with("review.") || !text.contains("secret-system"), "{text}");
    }
    let log = wait_for("all to be in the log", async || {
        let log = client.all(&format!("/v1/webhooks/{id}/deliveries?state=delivered")).await;
        (log.len() == 7).then_some(log)
    })
    .await;
    assert_eq!((&log[0]["type"], &log[0]["attempts"][0]["status"]), (&json!("comparison.completed"), &json!(204)));
    let metrics = client.get("/metrics").await;
    assert!(metrics.text().contains("empanel_webhook_attempts_total{outcome=\"delivered\"} 7"), "{}", metrics.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_while_it_delivers_goes_on_and_loses_nothing() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let held = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let hold = held.clone();
    let passed: Mutex<BTreeSet<String>> = Mutex::default();
    // While it holds, three get their answer and all others hang.
    let mut receiver = Receiver::start(move |got| {
        let mut passed = passed.lock().unwrap();
        if hold.load(std::sync::atomic::Ordering::SeqCst) && passed.len() >= 3 {
            return Say::Hold;
        }
        passed.insert(got.id());
        Say::Status(200, "")
    })
    .await;
    let soon = "retries_s = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
    let home = Home::new(&format!("{}{}{OPEN}{soon}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let (id, secret) = hook(&client, &receiver).await;
    let rubric = client.rubric(&statements(2)).await;
    let submission = client.text("system", "A report.").await;
    let mut gradings = BTreeSet::new();
    for _ in 0..12 {
        gradings.insert(client.grade(&submission, &rubric).await);
    }
    for grading in &gradings {
        client.settled(&format!("/v1/gradings/{grading}")).await;
    }
    kinds(&receiver, 3 + 8).await;
    service.kill9();

    // Killed again in the middle of the rest, and then with nobody at the other end.
    let before = receiver.got().len();
    let service = Service::start(&home).await;
    kinds(&receiver, before + 8).await;
    service.kill9();
    receiver.stop().await;
    let service = Service::start(&home).await;
    let client = service.client();
    let path = format!("/v1/webhooks/{id}/deliveries");
    wait_for("an attempt that is refused", async || {
        let log = client.all(&format!("{path}?state=pending")).await;
        log.iter().any(|one| one["attempts"].to_string().contains("refused")).then_some(())
    })
    .await;
    service.kill9();
    held.store(false, std::sync::atomic::Ordering::SeqCst);
    receiver.start_again().await;

    let service = Service::start(&home).await;
    let client = service.client();
    let log = wait_for("every delivery", async || {
        let log = client.all(&path).await;
        log.iter().all(|one| one["state"] == "delivered").then_some(log)
    })
    .await;
    let subjects: BTreeSet<String> = log.iter().map(|one| one["subject_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((log.len(), &subjects), (12, &gradings), "one for each, and no other");
    let got = verified(&receiver, &secret);
    let ids: BTreeSet<String> = got.iter().map(Got::id).collect();
    assert_eq!(ids, log.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect());
    let there: BTreeSet<String> = got
        .iter()
        .filter(|one| one.answered == Some(200))
        .map(|one| one.json()["data"]["grading_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(there, gradings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_an_admins_and_their_secrets_are_told_once() {
    let home = Home::new(OPEN);
    let config = home.config().display().to_string();
    let keys = async |role| {
        let made = run(&home, &["keys", "create", "--role", role, "--project", "p", "--config", &config]).await;
        made.exits_with(0).stdout.trim().to_owned()
    };
    let (admin, reviewer) = (keys("admin").await, keys("reviewer").await);
    let service = Service::start(&home).await;
    let client = service.client().with_key(&admin);
    let others = service.client().with_key(&reviewer);
    let body = json!({"url": "http://10.0.0.1/x", "events": ["grading.failed"], "description": "chat"});
    others.post("/v1/webhooks", &body).await.is_problem(403, "forbidden", &["admin"]);
    others.get("/v1/webhooks").await.is_problem(403, "forbidden", &[]);

    let send = async || client.send("/v1/webhooks", "application/json", body.to_string(), Some("once")).await;
    let made = send().await.is(201);
    assert_eq!((&send().await.is(201), &made["enabled"]), (&made, &json!(true)), "the same request is one webhook");
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with("whsec_") && Verifier::new(secret).is_ok());
    let path = format!("/v1/webhooks/{id}");
    let shown = client.get(&path).await;
    assert_eq!(shown.is(200)["events"], json!(["grading.failed"]));
    let listed = client.get("/v1/webhooks").await;
    assert_eq!(listed.is(200)["items"].as_array().unwrap().len(), 1);
    assert!(!shown.text().contains("whsec_") && !listed.text().contains("whsec_"));

    let rotated = client.post(&format!("{path}/rotate"), &json!({"overlap_s": 60})).await.is(200);
    assert_ne!(rotated["secret"], secret);
    assert_eq!(rotated["earlier_secrets_until"].as_array().unwrap().len(), 1);
    let off = client.post(&format!("{path}/disable"), &json!({})).await.is(200);
    assert_eq!((&off["enabled"], &off["disabled"]["why"]), (&json!(false), &json!("by request")));
    assert_eq!(client.post(&format!("{path}/enable"), &json!({})).await.is(200)["enabled"], true);

    for (body, pointer, says) in [
        (json!({"url": "https://169.254.169.254/"}), "/url", "metadata"),
        (json!({"url": "https://0/"}), "/url", "unspecified"),
        (json!({"url": "http://example.org/\n"}), "/url", ""),
        (json!({"url": "nonsense"}), "/url", "https://"),
        (json!({"url": "https://example.com", "events": ["grading.done"]}), "/events/0", "grading.completed"),
        (json!({"url": "https://example.com", "secret": "short"}), "/secret", "whsec_"),
    ] {
        if pointer == "/url" && says.is_empty() {
            // A name that may be of one's own network is looked at when it is called.
            client.post("/v1/webhooks", &body).await.is(201);
            continue;
        }
        client.post("/v1/webhooks", &body).await.is_bad_field(pointer, &[says]);
    }
    let none = "0195f7a0-0000-7000-8000-000000000000";
    client.get(&format!("/v1/webhooks/{none}")).await.is_problem(404, "not_found", &[none]);
    client.get(&format!("{path}/deliveries?state=lost")).await.is_problem(400, "invalid_query", &["dead"]);
    assert_eq!(client.get(&format!("{path}/deliveries")).await.is(200)["items"], json!([]));
    let redeliver = format!("{path}/redeliver");
    client.post(&redeliver, &json!({"delivery_ids": [none]})).await.is_problem(404, "not_found", &[none]);
    client.post(&redeliver, &json!({"state": "pending"})).await.is_bad_field("/state", &["dead"]);
    client.post(&redeliver, &json!({})).await.is_problem(422, "invalid", &["delivery_ids"]);
    assert_eq!(client.post(&redeliver, &json!({"state": "dead"})).await.is(202)["deliveries"], 0);
    let gone = Answer::of(client.request("DELETE", &path)).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    Answer::of(client.request("DELETE", &path)).await.is_problem(404, "not_found", &[]);
    client.get(&path).await.is_problem(404, "not_found", &[]);
}
