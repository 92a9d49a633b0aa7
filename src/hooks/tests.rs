//! The promises of the room, kept against a receiver that answers by script and a clock that stands until it is moved.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::admin::{self, Again, NewWebhook};
use super::*;
use crate::app::{Choices, build};
use crate::config::{Config, Isolation};
use crate::domain::{
    Delivery, DeliveryState, DueDelivery, EventType, FixedClock, GradingId, Id, ProjectId, Subject, Timestamp, Webhook,
};
use crate::judge::CancellationToken;
use crate::judge::fake::{Action, Call, FakeOpenAi, Gate};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::services::hooks::STANDARD_RETRIES;
use crate::store::{ProjectStore, Query, StoreError};

/// Sends what is due; when the next one is.
async fn send_due(services: &Arc<Services>) -> Result<Option<Timestamp>, StoreError> {
    Postman::new(services.clone()).unwrap().send_due().await
}

struct Bench {
    services: Arc<Services>,
    clock: Arc<FixedClock>,
    project: ProjectStore,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.store.url = "memory:".to_owned();
        config.files.url = "memory:".to_owned();
        config.reading.isolation = Isolation::Thread;
        config.webhooks.allow_private = true;
        configure(&mut config);
        let clock = Arc::new(FixedClock::at("2026-01-02T03:04:05.678Z"));
        let choices = Choices { clock: clock.clone(), seed: [3; 32], ..Choices::system().unwrap() };
        let services = build(&config, choices).await.unwrap();
        let project = services.store.project(&ProjectId::parse("p").unwrap());
        Self { services, clock, project }
    }

    async fn hook(&self, url: &str) -> Webhook {
        self.hook_for(url, None).await
    }

    async fn hook_for(&self, url: &str, events: Option<&[&str]>) -> Webhook {
        let events = events.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        let wanted = NewWebhook { url: url.to_owned(), events, description: None, secret: None };
        let webhook = admin::new(&self.services, &self.project, &wanted).await.unwrap();
        self.project.commit(self.project.batch().insert(&webhook)).await.unwrap();
        webhook
    }

    async fn tell(&self, events: &[Event]) {
        let batch = announce(&self.services, &self.project, self.project.batch(), events).await.unwrap();
        self.project.commit(batch).await.unwrap();
        ring(&self.services);
    }

    async fn deliveries(&self) -> Vec<Delivery> {
        self.project.all::<Delivery>(Query::default()).await.unwrap()
    }

    /// Sends what is due and moves the clock to what is due next, so often.
    async fn rounds(&self, most: usize) {
        for _ in 0..most {
            let Some(next) = send_due(&self.services).await.unwrap() else { return };
            self.clock.advance(Duration::try_from(next.duration_since(self.services.now())).unwrap());
            self.clock.advance(Duration::from_millis(1));
        }
    }
}

fn happened(grading: u128, number: u32) -> Event {
    let subject = Subject::Grading(GradingId::from_uuid(uuid::Uuid::from_u128(grading)));
    Event { event: EventType::GradingCompleted, subject, data: json!({"grading": grading.to_string(), "n": number}) }
}

fn status(code: u16) -> Action {
    Action::json(code, &json!({"said": code}))
}

fn header<'a>(call: &'a Call, name: &str) -> &'a str {
    call.headers.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
}

/// What the independent library signs.
fn theirs(secret: &str, call: &Call) -> String {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let seconds = header(call, "webhook-timestamp").parse().unwrap();
    webhook.sign(header(call, "webhook-id"), seconds, &call.body).unwrap()
}

fn numbers(server: &FakeOpenAi) -> Vec<(String, u64)> {
    let of = |call: &Call| {
        let data = &call.json()["data"];
        (data["grading"].as_str().unwrap().to_owned(), data["n"].as_u64().unwrap())
    };
    server.calls().iter().map(of).collect()
}

fn lead() -> crate::domain::Author {
    crate::domain::Author::parse("lead").unwrap()
}

#[tokio::test]
async fn what_happened_arrives_signed_and_the_log_says_so() {
    let server = FakeOpenAi::start(|_| status(200)).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&format!("{}/here?x=1", server.origin())).await;
    bench.tell(&[happened(1, 0)]).await;
    assert_eq!(send_due(&bench.services).await.unwrap(), None);
    let calls = server.calls();
    let call = &calls[0];
    assert_eq!((calls.len(), call.path.as_str(), header(call, "content-type")), (1, "/here?x=1", "application/json"));
    assert_eq!(header(call, "webhook-timestamp"), "1767323045");
    assert_eq!(header(call, "webhook-signature"), theirs(&hook.secret.reveal(), call));
    let body = call.json();
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("grading.completed"), &json!("2026-01-02T03:04:05.678Z")));
    let kept = bench.deliveries().await.remove(0);
    assert_eq!(header(call, "webhook-id"), kept.id.to_string());
    assert_eq!((kept.state.as_str(), kept.attempts.len()), ("delivered", 1));
    assert_eq!(bench.project.count::<DueDelivery>().await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_kept_for_nobody_and_everybody_is_told_only_what_they_want() {
    let server = FakeOpenAi::start(|_| status(204)).await;
    let bench = Bench::new().await;
    bench.tell(&[happened(1, 0)]).await;
    assert_eq!(bench.deliveries().await, []);
    bench.hook_for(&format!("{}/reviews", server.origin()), Some(&["review.required"])).await;
    let off = bench.hook(&format!("{}/off", server.origin())).await;
    admin::disable(&bench.services, &bench.project, off.id, &lead()).await.unwrap();
    let other = bench.services.store.project(&ProjectId::parse("other").unwrap());
    let elsewhere =
        NewWebhook { url: format!("{}/other", server.origin()), events: None, description: None, secret: None };
    let elsewhere = admin::new(&bench.services, &other, &elsewhere).await.unwrap();
    other.commit(other.batch().insert(&elsewhere)).await.unwrap();
    let review = Event { event: EventType::ReviewRequired, ..happened(1, 2) };
    bench.tell(&[happened(1, 1), review]).await;
    send_due(&bench.services).await.unwrap();
    let calls = server.calls();
    assert_eq!((calls.len(), calls[0].path.as_str()), (1, "/reviews"));
}

#[tokio::test]
async fn what_fails_is_tried_again_by_the_schedule_given_up_after_the_last_and_sent_again_by_hand() {
    let server = FakeOpenAi::start(|call| status(if call.number <= 10 { 500 } else { 200 })).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0)]).await;
    let begun = bench.services.now();
    bench.rounds(20).await;
    let dead = bench.deliveries().await.remove(0);
    assert_eq!((dead.state.as_str(), dead.attempts.len(), server.count()), ("dead", 10, 10));
    for (pair, wait) in dead.attempts.windows(2).zip(STANDARD_RETRIES) {
        let waited = pair[1].at.duration_since(pair[0].at).as_secs_f64();
        assert!((wait as f64..=wait as f64 * 1.2 + 0.1).contains(&waited), "{waited} for {wait}");
    }
    let days = dead.ended_at().unwrap().duration_since(begun).as_secs_f64() / 86_400.0;
    assert!((3.1..3.8).contains(&days), "{days}");
    assert_eq!(bench.project.count::<DueDelivery>().await.unwrap(), 0);

    bench.clock.advance(Duration::from_secs(60));
    let again = Again::These(vec![dead.id]);
    assert_eq!(admin::redeliver(&bench.services, &bench.project, hook.id, &again).await.unwrap(), 1);
    assert_eq!(admin::redeliver(&bench.services, &bench.project, hook.id, &again).await.unwrap(), 0, "on its way");
    send_due(&bench.services).await.unwrap();
    assert_eq!(bench.deliveries().await[0].state.as_str(), "delivered");
    let ids: std::collections::HashSet<String> =
        server.calls().iter().map(|call| header(call, "webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "the id is the same at every attempt");
    let times: std::collections::HashSet<String> =
        server.calls().iter().map(|call| header(call, "webhook-timestamp").to_owned()).collect();
    assert_eq!(times.len(), 11, "and the time is that of the attempt");
}

#[tokio::test]
async fn everything_given_up_is_sent_again_at_once_if_it_is_wanted() {
    let server = FakeOpenAi::start(|call| status(if call.number <= 7 { 500 } else { 200 })).await;
    let bench = Bench::with(|config| config.webhooks.retries_s = vec![]).await;
    let hook = bench.hook(&server.origin()).await;
    for grading in 0..7 {
        bench.tell(&[happened(grading, 0)]).await;
    }
    send_due(&bench.services).await.unwrap();
    assert!(bench.deliveries().await.iter().all(|one| one.state.as_str() == "dead"));
    assert_eq!(admin::redeliver(&bench.services, &bench.project, hook.id, &Again::Dead).await.unwrap(), 7);
    send_due(&bench.services).await.unwrap();
    assert!(bench.deliveries().await.iter().all(|one| one.state.as_str() == "delivered"));
    assert_eq!(admin::redeliver(&bench.services, &bench.project, hook.id, &Again::Dead).await.unwrap(), 0);
    let unknown = Again::These(vec![bench.services.ids.next()]);
    let refused = admin::redeliver(&bench.services, &bench.project, hook.id, &unknown).await;
    assert!(matches!(refused, Err(Refusal::NotFound { .. })));
}

#[tokio::test]
async fn of_one_grading_the_next_waits_for_the_one_before_and_others_do_not_wait() {
    // The first two requests about grading 1 fail.
    let failures = std::sync::atomic::AtomicU32::new(2);
    let server = FakeOpenAi::start(move |call| {
        let first = call.json()["data"]["grading"] == "1";
        let left = |left: u32| left.checked_sub(1);
        let fails = first
            && failures
                .fetch_update(std::sync::atomic::Ordering::SeqCst, std::sync::atomic::Ordering::SeqCst, left)
                .is_ok();
        status(if fails { 503 } else { 200 })
    })
    .await;
    let bench = Bench::new().await;
    bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0), happened(1, 1), happened(1, 2)]).await;
    bench.tell(&[happened(2, 0), happened(2, 1)]).await;
    send_due(&bench.services).await.unwrap();
    bench.tell(&[happened(1, 3)]).await;
    assert!(send_due(&bench.services).await.unwrap().is_some());
    let of = |grading: &str| -> Vec<u64> {
        numbers(&server).into_iter().filter(|(of, _)| of == grading).map(|(_, n)| n).collect()
    };
    assert_eq!((of("1"), of("2")), (vec![0], vec![0, 1]));
    bench.rounds(10).await;
    assert_eq!(of("1"), [0, 0, 0, 1, 2, 3]);
    assert_eq!(bench.project.count::<DueDelivery>().await.unwrap(), 0);
}

#[tokio::test]
async fn what_stands_behind_a_dead_delivery_is_sent_and_what_is_sent_again_by_hand_does_not_hold_it_up_for_ever() {
    let server = FakeOpenAi::start(|call| status(if call.json()["data"]["n"] == 0 { 400 } else { 200 })).await;
    let bench = Bench::with(|config| config.webhooks.retries_s = vec![60]).await;
    let hook = bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0), happened(1, 1)]).await;
    bench.rounds(5).await;
    let states: Vec<_> = bench.deliveries().await.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["dead", "delivered"]);
    admin::redeliver(&bench.services, &bench.project, hook.id, &Again::Dead).await.unwrap();
    bench.tell(&[happened(1, 2)]).await;
    bench.rounds(5).await;
    assert_eq!(numbers(&server).iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 0, 1, 0, 0, 2]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_called_again_until_somebody_enables_it() {
    let server = FakeOpenAi::start(|call| status(if call.number == 1 { 410 } else { 200 })).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0), happened(1, 1)]).await;
    assert_eq!(send_due(&bench.services).await.unwrap(), None);
    let kept = admin::get(&bench.project, hook.id).await.unwrap().record;
    assert!(!kept.is_enabled() && format!("{:?}", kept.state).contains("410"));
    bench.tell(&[happened(1, 2)]).await;
    bench.rounds(5).await;
    assert_eq!((server.count(), bench.deliveries().await.len()), (1, 2), "nothing is added and nothing sent");
    admin::enable(&bench.services, &bench.project, hook.id, &lead()).await.unwrap();
    bench.rounds(5).await;
    assert_eq!(numbers(&server).iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 0, 1], "what was pending is sent");
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it_and_a_redirect_is_a_failure_that_is_not_followed() {
    let server = FakeOpenAi::sequence(vec![
        status(429).with_header("retry-after", "600"),
        status(307).with_header("location", "/elsewhere"),
        status(200),
    ])
    .await;
    let bench = Bench::new().await;
    bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0)]).await;
    let next = send_due(&bench.services).await.unwrap().unwrap();
    let waits = next.duration_since(bench.services.now()).as_secs_f64();
    assert!((600.0..=720.1).contains(&waits), "{waits}");
    bench.rounds(5).await;
    let paths: Vec<String> = server.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/", "/", "/"]);
    let kept = serde_json::to_value(bench.deliveries().await.remove(0)).unwrap();
    let said: Vec<&Value> = (0..3).map(|n| &kept["attempts"][n]["outcome"]["answered"]["status"]).collect();
    assert_eq!(said, [429, 307, 200]);
}

#[tokio::test]
async fn of_an_answer_the_beginning_is_kept_however_long_or_odd_it_is() {
    let long = status(500).with_body("x\u{7}\n".repeat(100_000));
    let server = FakeOpenAi::sequence(vec![long, Action::Reset, Action::Flood(1 << 30), status(200)]).await;
    let bench = Bench::new().await;
    bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0)]).await;
    bench.rounds(3).await;
    let kept = serde_json::to_value(bench.deliveries().await.remove(0)).unwrap();
    let begins = kept["attempts"][0]["outcome"]["answered"]["begins"].as_str().unwrap();
    assert!(begins.chars().count() == 200 && !begins.contains(char::is_control), "{begins}");
    let reason = kept["attempts"][1]["outcome"]["failed"]["reason"].as_str().unwrap();
    assert!(!reason.contains("127.0.0.1"), "the address may carry a token: {reason}");
    assert_eq!(kept["attempts"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day_and_then_only_the_new_one() {
    let server = FakeOpenAi::start(|_| status(200)).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&server.origin()).await;
    let old = hook.secret.reveal();
    let rotated = admin::rotated(&bench.services, &bench.project, hook.id, None, None).await.unwrap();
    bench.project.commit(bench.project.batch().update(&rotated.0, rotated.1)).await.unwrap();
    let new = rotated.0.secret.reveal();
    assert_ne!(old, new);
    bench.tell(&[happened(1, 0)]).await;
    send_due(&bench.services).await.unwrap();
    bench.clock.advance(Duration::from_secs(86_401));
    bench.tell(&[happened(1, 1)]).await;
    send_due(&bench.services).await.unwrap();
    let calls = server.calls();
    let both = format!("{} {}", theirs(&new, &calls[0]), theirs(&old, &calls[0]));
    assert_eq!(header(&calls[0], "webhook-signature"), both);
    assert_eq!(header(&calls[1], "webhook-signature"), theirs(&new, &calls[1]));
    let same = admin::rotated(&bench.services, &bench.project, hook.id, Some(&new), None).await;
    assert!(matches!(same, Err(Refusal::Invalid { .. })));
}

/// The webhook was made when the configuration was another.
#[tokio::test]
async fn an_address_that_may_not_be_called_is_a_failed_attempt_and_no_request() {
    let server = FakeOpenAi::start(|_| status(200)).await;
    let open = Bench::new().await;
    let port = server.origin().rsplit(':').next().unwrap().to_owned();
    for url in [server.origin(), format!("http://localhost:{port}/"), format!("https://localhost:{port}/")] {
        let hook = open.hook(&url).await;
        let closed = Bench::with(|config| {
            config.webhooks.allow_private = false;
            config.webhooks.allow_http = true;
        });
        let closed = closed.await;
        let wanted = NewWebhook { url: server.origin(), events: None, description: None, secret: None };
        let refused = admin::new(&closed.services, &closed.project, &wanted);
        assert!(matches!(refused.await, Err(Refusal::Invalid { .. })));
        closed.project.commit(closed.project.batch().insert(&hook)).await.unwrap();
        closed.tell(&[happened(1, 0)]).await;
        assert!(send_due(&closed.services).await.unwrap().is_some());
        let kept = closed.deliveries().await.remove(0);
        let outcome = format!("{:?}", kept.attempts[0].outcome);
        assert!(outcome.contains("not sent") && outcome.contains("loopback"), "{url}: {outcome}");
    }
    assert_eq!((server.count(), server.connections()), (0, 0));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_left_in_time() {
    let server = FakeOpenAi::start(|_| Action::Hang).await;
    let bench = Bench::with(|config| config.webhooks.timeout_s = 1).await;
    bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0)]).await;
    send_due(&bench.services).await.unwrap();
    let outcome = format!("{:?}", bench.deliveries().await[0].attempts[0].outcome);
    assert!(outcome.contains("in time"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_takes_no_place_of_others_and_a_stop_lets_requests_come_home() {
    let gate = Gate::closed();
    let held = gate.clone();
    let slow = FakeOpenAi::start(move |_| Action::Held(held.clone(), Box::new(status(200)))).await;
    let fast = FakeOpenAi::start(|_| status(200)).await;
    let bench = Bench::with(|config| config.webhooks.max_concurrency_each = 3).await;
    bench.hook(&slow.origin()).await;
    bench.hook(&fast.origin()).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(work(bench.services.clone(), stop.clone()));
    for grading in 0..50 {
        bench.tell(&[happened(grading, 0)]).await;
    }
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while fast.count() < 50 || slow.count() < 3 {
        assert!(std::time::Instant::now() < until, "{} and {}", fast.count(), slow.count());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stop.cancel();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!worker.is_finished());
    gate.open();
    worker.await.unwrap();
    assert_eq!((slow.count(), slow.most_in_flight()), (3, 3));
    let delivered = bench.deliveries().await.iter().filter(|one| one.state.as_str() == "delivered").count();
    assert_eq!(delivered, 53, "those under way are in the books");
    send_due(&bench.services).await.unwrap();
    assert_eq!((slow.count(), fast.count()), (50, 50), "and the rest goes on");
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_and_what_is_pending_never() {
    let server = FakeOpenAi::start(|call| status(if call.json()["data"]["n"] == 0 { 200 } else { 500 })).await;
    let bench = Bench::with(|config| {
        config.webhooks.keep_days = 7;
        config.webhooks.retries_s = vec![2_000_000; 3];
    })
    .await;
    let hook = bench.hook(&server.origin()).await;
    for grading in 0..300 {
        bench.tell(&[happened(grading, 0)]).await;
    }
    bench.tell(&[happened(300, 1)]).await;
    send_due(&bench.services).await.unwrap();
    bench.clock.advance(Duration::from_secs(7 * 86_400 - 1));
    bench.tell(&[happened(301, 0)]).await;
    upkeep(&bench.services).await.unwrap();
    assert_eq!(bench.deliveries().await.len(), 302);
    bench.clock.advance(Duration::from_secs(2));
    upkeep(&bench.services).await.unwrap();
    let left: Vec<_> = bench.deliveries().await.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(left, ["pending", "pending"]);

    admin::delete(&bench.services, &bench.project, hook.id, &lead()).await.unwrap();
    assert!(matches!(admin::get(&bench.project, hook.id).await, Err(Refusal::NotFound { .. })));
    assert!(matches!(
        admin::enable(&bench.services, &bench.project, hook.id, &lead()).await,
        Err(Refusal::NotFound { .. })
    ));
    bench.tell(&[happened(1, 0)]).await;
    upkeep(&bench.services).await.unwrap();
    assert_eq!((bench.deliveries().await.len(), bench.project.count::<DueDelivery>().await.unwrap()), (0, 0));
    assert_eq!(bench.project.count::<Webhook>().await.unwrap(), 1, "remembered for an hour");
    bench.clock.advance(Duration::from_secs(3_601));
    upkeep(&bench.services).await.unwrap();
    assert_eq!(bench.project.count::<Webhook>().await.unwrap(), 0);
}

#[tokio::test]
async fn an_event_is_kept_with_the_fact_or_not_at_all() {
    let bench = Bench::new().await;
    let hook = bench.hook("http://127.0.0.1:9/").await;
    let batch = announce(&bench.services, &bench.project, bench.project.batch(), &[happened(1, 0)]).await.unwrap();
    // Somebody else was first with the fact.
    let refused = bench.project.commit(batch.insert(&hook)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    assert_eq!((bench.deliveries().await.len(), bench.project.count::<DueDelivery>().await.unwrap()), (0, 0));
}

#[tokio::test]
async fn an_entry_without_its_delivery_is_cleared_away_and_one_that_is_early_waits() {
    let server = FakeOpenAi::start(|_| status(200)).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&server.origin()).await;
    bench.tell(&[happened(1, 0)]).await;
    let kept = bench.deliveries().await.remove(0);
    let stray = DueDelivery { delivery_id: bench.services.ids.next(), ..kept.due().unwrap() };
    let other = DueDelivery { subject: happened(2, 0).subject, ..stray.clone() };
    bench.project.commit(bench.project.batch().put(&stray)).await.unwrap();
    send_due(&bench.services).await.unwrap();
    bench.project.commit(bench.project.batch().put(&other)).await.unwrap();
    send_due(&bench.services).await.unwrap();
    assert_eq!((server.count(), bench.project.count::<DueDelivery>().await.unwrap()), (1, 0));
    let DeliveryState::Delivered { .. } = bench.deliveries().await[0].state else { panic!("it is delivered") };
    assert_eq!(admin::all(&bench.project).await.unwrap(), [hook]);
}

#[tokio::test]
async fn what_a_webhook_is_asked_for_is_checked() {
    let bench = Bench::with(|config| {
        config.webhooks.allow_private = false;
        config.webhooks.max_per_project = 2;
    })
    .await;
    let new = async |wanted: NewWebhook| admin::new(&bench.services, &bench.project, &wanted).await;
    let good = NewWebhook {
        url: "HTTPS://Example.com:443/a b".to_owned(),
        events: Some(vec!["verdict.overridden".to_owned(), "grading.failed".to_owned(), "grading.failed".to_owned()]),
        description: Some("  the lab  ".to_owned()),
        secret: Some("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned()),
    };
    let made = new(good.clone()).await.unwrap();
    assert_eq!((made.url.as_str(), made.description.as_deref()), ("https://example.com/a%20b", Some("the lab")));
    assert_eq!(made.events, Some(vec![EventType::GradingFailed, EventType::VerdictOverridden]));
    assert!(made.wants(EventType::GradingFailed) && !made.wants(EventType::GradingCompleted));
    let minted = new(NewWebhook { secret: None, ..good.clone() }).await.unwrap();
    assert_eq!(minted.secret.bytes().len(), 32);
    for (wanted, pointer) in [
        (NewWebhook { url: "https://10.0.0.1/".to_owned(), ..good.clone() }, "/url"),
        (NewWebhook { events: Some(vec![]), ..good.clone() }, "/events"),
        (NewWebhook { events: Some(vec!["grading.*".to_owned()]), ..good.clone() }, "/events/0"),
        (NewWebhook { secret: Some("whsec_c2hvcnQ=".to_owned()), ..good.clone() }, "/secret"),
        (NewWebhook { description: Some("x".repeat(501)), ..good.clone() }, "/description"),
    ] {
        let Err(Refusal::Invalid { problems }) = new(wanted).await else { panic!("{pointer} is refused") };
        assert_eq!(problems[0].pointer, pointer);
    }
    bench.project.commit(bench.project.batch().insert(&made).insert(&minted)).await.unwrap();
    let Err(Refusal::Conflict { code, .. }) = new(good).await else { panic!("a third is refused") };
    assert_eq!(code, "too_many_webhooks");
}
