//! The service is killed while it grades, again and again, wherever the calls happen to be. What was told once is
//! never asked again, what was in flight is asked again, and the result is that of a run without any trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use empanel::judge::fake::{Action, Call, FakeOpenAi};

use crate::support::{
    Home, NO_REVIEWS, Service, answers, asker, judge, number, panel, requirement, statements, verdicts, wait_for,
};

const JUDGES: [&str; 3] = ["ada", "ben", "cleo"];
const CRITERIA: usize = 100;
const CONCURRENCY: u64 = 8;
/// Calls of one judge whose reply may be on its way to the disk, or whose intent is kept before the network is free
/// (`judge::engine`, the runway).
const UNSETTLED: u64 = CONCURRENCY + CONCURRENCY / 2 + 8;

/// Calls per question: who asked, and about what.
type Seen = Arc<Mutex<BTreeMap<(String, String), u64>>>;

fn opinion(judge: &str, number: usize) -> &'static str {
    match (judge, number % 7) {
        ("ada", 0..=3) | ("ben", 0..=2) | ("cleo", 2..=5) => "MET",
        ("cleo", 6) => "CANNOT_ASSESS",
        _ => "UNMET",
    }
}

fn script(seen: &Seen) -> impl Fn(&Call) -> Action + Send + Sync + 'static {
    let seen = seen.clone();
    move |call| {
        let judge = asker(call);
        *seen.lock().unwrap().entry((judge.clone(), requirement(call))).or_default() += 1;
        Action::answer(opinion(&judge, number(call)))
    }
}

async fn home(seen: &Seen) -> (FakeOpenAi, Home) {
    let server = FakeOpenAi::start_with(script(seen), Duration::from_millis(20), 0).await;
    let limits = format!("max_concurrency = {CONCURRENCY}");
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, &limits)).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, NO_REVIEWS)));
    (server, home)
}

fn times(seen: &Seen) -> BTreeMap<(String, String), u64> {
    seen.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let seen = Seen::default();
    let (server, home) = home(&seen).await;
    let planned = (CRITERIA * JUDGES.len()) as u64;

    let mut service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let submission = client.text("system", "A report of some length.").await;
    let grading = client.grade(&submission, &rubric).await;

    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    let mut at_last_kill = BTreeMap::new();
    // At the very first call, in the middle, near the end.
    let points = [1, 60, 140, 280];
    for point in points {
        wait_for("calls", async || (server.count() >= point).then_some(())).await;
        let votes = service.client().votes(&grading).await;
        service.kill9();
        // What was told before this kill was not asked after the one before, if it had been told then.
        let now = times(&seen);
        for question in &told {
            assert_eq!(now[question], at_last_kill[question], "{question:?} had a vote and was asked again");
        }
        told = votes
            .iter()
            .map(|vote| {
                let criterion = vote["criterion_id"].as_str().unwrap().trim_start_matches('c');
                (vote["judge"].as_str().unwrap().to_owned(), format!("Statement {criterion}."))
            })
            .collect();
        at_last_kill = now;
        service = Service::start(&home).await;
    }
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    let votes = client.votes(&grading).await;
    let calls = server.count();

    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["progress"]["calls_planned"], planned);
    assert_eq!(
        (done["progress"]["calls_done"].as_u64(), done["progress"]["calls_failed"].as_u64()),
        (Some(planned), Some(0))
    );
    assert_eq!(votes.len() as u64, planned, "a vote per question and judge");
    for question in &told {
        assert_eq!(times(&seen)[question], at_last_kill[question], "{question:?} had a vote and was asked again");
    }
    let most = planned + points.len() as u64 * JUDGES.len() as u64 * UNSETTLED;
    assert!((planned..=most).contains(&calls), "{calls} calls for {planned} questions");
    assert!(times(&seen).values().all(|asked| *asked <= 1 + points.len() as u64));
    // Every call that left is in the books, those whose reply was lost included.
    let booked: u64 = votes.iter().map(|vote| vote["attempts"].as_u64().unwrap()).sum();
    assert!(booked >= planned, "{booked} attempts in the books");
    for vote in &votes {
        assert!(vote["raw_reply"].as_str().is_some_and(|raw| raw.contains("chat.completion")), "{vote}");
    }

    let again = client.grade(&submission, &rubric).await;
    let undisturbed = client.settled(&format!("/v1/gradings/{again}")).await;
    assert_eq!(server.count(), calls + planned, "an undisturbed run asks each question once");
    assert_eq!(answers(&votes), answers(&client.votes(&again).await));
    assert_eq!(verdicts(&done), verdicts(&undisturbed));
    assert_eq!(done["score"], undisturbed["score"]);
    assert_eq!(done["agreement"], undisturbed["agreement"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_asked_to_stop_lets_calls_come_home_and_asks_nothing_twice() {
    let seen = Seen::default();
    let (server, home) = home(&seen).await;
    let planned = (CRITERIA * JUDGES.len()) as u64;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;

    wait_for("calls", async || (server.count() >= 50).then_some(())).await;
    assert_eq!(service.sigterm().await, 0, "a stop that was asked for is no failure");
    assert!(server.count() < planned, "it stopped in the middle");

    let service = Service::start(&home).await;
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(server.count(), planned, "nothing was asked twice");
    assert!(times(&seen).values().all(|asked| *asked == 1));
    assert!(client.votes(&grading).await.iter().all(|vote| vote["attempts"] == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_and_never_begun_is_graded_after_a_restart() {
    let seen = Seen::default();
    let (server, home) = home(&seen).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(2)).await;
    let submission = client.text("system", "A report.").await;
    let mut gradings = Vec::new();
    for _ in 0..5 {
        gradings.push(client.grade(&submission, &rubric).await);
    }
    service.kill9();

    let service = Service::start(&home).await;
    let client = service.client();
    for grading in &gradings {
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        assert_eq!(done["progress"]["calls_done"], 2 * JUDGES.len(), "{done}");
    }
    assert_eq!(client.all("/v1/gradings").await.len(), gradings.len());
    assert!(server.count() >= (gradings.len() * 2 * JUDGES.len()) as u64);
}
