//! What a panel's calls go through in a bad night, at full size: `cargo bench --bench endurance --features fake`, or with
//! `-- faults` or `-- kills` one of the two. What it printed last is in `docs/benchmarks.md`. It fails if a promise is broken.
//!
//! - `faults`: 6,000 questions, and one answer in twenty is a fault of some kind. Every vote is there or failed with the
//!   true cause, no verdict is another one than in a calm night unless it is inconclusive, every call is in the books.
//! - `kills`: a grading of 3,000 questions whose service is killed 50 times. No vote is lost, no more calls are made twice
//!   than were in flight at the kills, and the result is that of a calm night.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code, reason = "a program that prints and may stop")]

#[path = "../../tests/all/support.rs"]
mod support;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use empanel::judge::fake::{Action, Call, FakeOpenAi};
use support::{Home, NO_REVIEWS, Service, answers, asker, judge, number, panel, statements, verdicts, wait_for};

const JUDGES: [&str; 3] = ["anna", "ben", "cleo"];
const SEED: u64 = 20_261_121;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|one| one == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if wanted("faults") {
        runtime.block_on(faults());
    }
    if wanted("kills") {
        runtime.block_on(kills());
    }
}

fn dice(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (SEED, what).hash(&mut hasher);
    hasher.finish()
}

fn opinion(judge: &str, number: usize) -> &'static str {
    if dice((judge, number)) % 10 < 7 { "MET" } else { "UNMET" }
}

/// Which report the call is about.
fn report(call: &Call) -> usize {
    let text = call.user_text();
    let (_, rest) = text.split_once("Report number ").unwrap();
    rest.split('.').next().unwrap().parse().unwrap()
}

/// The faults that pass, and those that last, with the causes of votes that end with them.
fn fault(kind: u64) -> (Action, &'static str) {
    let error = |status, code| Action::error(status, code, "scripted");
    match kind % 12 {
        0 => (error(429, "rate_limit_exceeded").with_header("retry-after", "0"), "rate_limited"),
        1 => (error(429, "rate_limit_exceeded"), "rate_limited"),
        2 => (error(500, "server_error"), "provider_error"),
        3 => (error(502, "bad_gateway"), "provider_error"),
        4 => (error(529, "overloaded"), "provider_error"),
        5 => (Action::Reset, "provider_error"),
        6 => (Action::ResetHalfway, "provider_error"),
        7 => (Action::text("I rather think that it is met."), "unparseable"),
        8 => (Action::answer("MOSTLY_MET"), "outside_scale"),
        9 => (Action::truncated(), "truncated"),
        10 => (Action::refusal(), "refused"),
        _ => (error(400, "content_filter"), "content_filter"),
    }
}

/// Judge, report, criterion.
type Question = (String, usize, usize);

async fn faults() {
    const REPORTS: usize = 20;
    const CRITERIA: usize = 100;
    let stormy = Arc::new(AtomicBool::new(false));
    // The last answer that each question got: the right one, or the cause of a fault.
    let last: Arc<Mutex<HashMap<Question, (u64, &'static str)>>> = Arc::default();
    let injected = Arc::new(Mutex::new(BTreeMap::<&str, u64>::new()));
    let (weather, books, count) = (stormy.clone(), last.clone(), injected.clone());
    let script = move |call: &Call| {
        let question = (asker(call), report(call), number(call));
        let right = opinion(&question.0, question.2);
        let mut books = books.lock().unwrap();
        let entry = books.entry(question.clone()).or_insert((0, right));
        entry.0 += 1;
        let roll = dice((&question, entry.0));
        let (action, says) = match weather.load(Ordering::SeqCst) && roll % 20 == 0 {
            true => {
                let (action, cause) = fault(roll / 20);
                *count.lock().unwrap().entry(cause).or_default() += 1;
                (action, cause)
            }
            false => (Action::answer(right), right),
        };
        entry.1 = says;
        action
    };
    let server = FakeOpenAi::start_with(script, Duration::from_millis(20), 0).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "max_concurrency = 64")).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, &format!("cache = \"off\"\n{NO_REVIEWS}"))));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let mut submissions = Vec::new();
    for n in 0..REPORTS {
        submissions.push(client.text("system", &format!("Report number {n}. All is well.")).await);
    }
    let mut nights = Vec::new();
    for storm in [false, true] {
        stormy.store(storm, Ordering::SeqCst);
        last.lock().unwrap().clear();
        let (before, start) = (server.count(), Instant::now());
        let mut gradings = Vec::new();
        for submission in &submissions {
            gradings.push(client.grade(submission, &rubric).await);
        }
        let mut settled = Vec::new();
        for grading in &gradings {
            settled.push((grading.clone(), client.settled(&format!("/v1/gradings/{grading}")).await));
        }
        nights.push((settled, server.count() - before, start.elapsed()));
    }
    let (calm, storm) = (&nights[0], &nights[1]);
    let (mut votes_in_all, mut failed, mut attempts, mut inconclusive) = (0, 0, 0, 0);
    let books = last.lock().unwrap().clone();
    for (n, (grading, told)) in storm.0.iter().enumerate() {
        let votes = client.votes(grading).await;
        assert_eq!(votes.len(), CRITERIA * JUDGES.len(), "every vote is there");
        attempts += votes.iter().map(|vote| vote["attempts"].as_u64().unwrap()).sum::<u64>();
        for ((criterion, judge), said) in answers(&votes) {
            let number: usize = criterion.trim_start_matches('c').parse().unwrap();
            let (_, right) = books[&(judge.clone(), n, number)];
            assert_eq!(said, right, "{judge} on {criterion} of report {n}: what was said last");
            votes_in_all += 1;
            failed += u64::from(said != opinion(&judge, number));
        }
        for (criterion, verdict) in verdicts(told) {
            let before = &verdicts(&calm.0[n].1)[&criterion];
            assert!(
                verdict == *before || verdict == "inconclusive",
                "{criterion} of report {n}: {before}, then {verdict}"
            );
            inconclusive += u64::from(verdict != *before);
        }
    }
    assert_eq!(attempts, storm.1, "every call is in the books of a vote");
    assert_eq!(calm.1, votes_in_all, "a calm night asks each question once");
    let faults = injected.lock().unwrap().clone();
    println!(
        "faults: {votes_in_all} questions, {} calls, {} faults ({faults:?})",
        storm.1,
        faults.values().sum::<u64>()
    );
    println!(
        "  {failed} votes failed, each with the cause of its last answer; {inconclusive} of {} verdicts became inconclusive, none another one",
        REPORTS * CRITERIA
    );
    println!("  calm {:.1} s, storm {:.1} s", calm.2.as_secs_f64(), storm.2.as_secs_f64());
}

async fn kills() {
    const CRITERIA: usize = 1_000;
    const KILLS: u64 = 50;
    const CONCURRENCY: u64 = 4;
    const PLANNED: u64 = (CRITERIA * JUDGES.len()) as u64;
    // As many as are out, and those that wait for the disk: half as many again, and eight.
    const UNSETTLED: u64 = (CONCURRENCY + CONCURRENCY / 2 + 8) * JUDGES.len() as u64;
    let script = |call: &Call| Action::answer(opinion(&asker(call), number(call)));
    let server = FakeOpenAi::start_with(script, Duration::from_millis(30), 0).await;
    let more = format!("max_concurrency = {CONCURRENCY}");
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, &more)).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, &format!("cache = \"off\"\n{NO_REVIEWS}"))));
    let mut service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let submission = client.text("system", "Report number 0. All is well.").await;
    let grading = client.grade(&submission, &rubric).await;
    let at = format!("/v1/gradings/{grading}");
    let (mut done_before, mut killed) = (0, 0);
    for kill in 0..KILLS {
        // Some calls further, and then a moment that nobody chose.
        let point = server.count() + 8 + dice(("calls", kill)) % 40;
        wait_for("calls", async || (server.count() >= point).then_some(())).await;
        tokio::time::sleep(Duration::from_micros(dice(("moment", kill)) % 30_000)).await;
        let told = service.client().get(&at).await.is(200);
        let done = told["progress"]["calls_done"].as_u64().unwrap();
        assert!(done >= done_before, "a vote that was told is gone: {done} after {done_before}");
        assert!(told["completed_at"].is_null(), "it was done before kill {kill}");
        done_before = done;
        service.kill9();
        killed += 1;
        service = Service::start(&home).await;
    }
    let client = service.client();
    let told = client.settled(&at).await;
    let calls = server.count();
    let votes = client.votes(&grading).await;
    assert_eq!(votes.len() as u64, PLANNED, "a vote for each question and judge");
    assert_eq!(told["progress"]["calls_failed"], 0);
    assert!(calls <= PLANNED + killed * UNSETTLED, "{calls} calls, more than {PLANNED} and {killed} × {UNSETTLED}");
    let again = client.grade(&submission, &rubric).await;
    let calm = client.settled(&format!("/v1/gradings/{again}")).await;
    assert_eq!(verdicts(&told), verdicts(&calm));
    assert_eq!((&told["score"], &told["agreement"]), (&calm["score"], &calm["agreement"]));
    println!(
        "kills: {PLANNED} questions, killed {killed} times: no vote lost, {} of {calls} calls were made twice, {:.1} a kill (at most {UNSETTLED} are unsettled), same result",
        calls - PLANNED,
        (calls - PLANNED) as f64 / killed.max(1) as f64,
    );
}
