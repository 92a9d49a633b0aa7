//! Judges that fail in every way at once: each failed vote says its true cause, no verdict turns into another one,
//! and a retry asks only what failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use empanel::judge::fake::{Action, Call, FakeOpenAi, Gate};

use crate::support::{
    Home, NO_REVIEWS, Service, answers, asker, judge, number, panel, requirement, statements, verdicts, wait_for,
};

const JUDGES: [&str; 3] = ["steady", "calm", "shaky"];
const CRITERIA: usize = 48;
/// Ways to behave; it shares no factor with the three patterns of opinions, so all of them meet.
const WAYS: usize = 16;

/// What `steady` and `calm` agree on in two of three cases; in the third `shaky` decides.
fn opinion(judge: &str, number: usize) -> &'static str {
    match (judge, number % 3) {
        ("steady", _) | ("calm", 0) => "MET",
        ("calm", 1) => "UNMET",
        ("shaky", 2) => "UNMET",
        _ => "MET",
    }
}

/// The cause that a failed vote of `shaky` must have; `None` where it is answered in the end.
fn cause(number: usize) -> Option<&'static str> {
    match number % WAYS {
        4 => Some("unparseable"),
        5 => Some("truncated"),
        6 => Some("refused"),
        7 | 8 => Some("rate_limited"),
        9 | 10 | 14 => Some("provider_error"),
        11 => Some("outside_scale"),
        12 => Some("context_overflow"),
        13 => Some("content_filter"),
        _ => None,
    }
}

fn fault(number: usize, time: u64, good: Action) -> Action {
    let limited = || Action::error(429, "rate_limit_exceeded", "slow down");
    match (number % WAYS, time) {
        (1, 1) => limited().with_header("retry-after", "0"),
        (2, 1) => Action::error(500, "server_error", "try again"),
        (3, 1) => Action::Reset,
        (4, _) => Action::text("I rather think that it is met."),
        (5, _) => Action::truncated(),
        (6, _) => Action::refusal(),
        (7, _) => limited().with_header("retry-after", "0"),
        // More patience than there is: given up at once, to be retried by hand.
        (8, _) => limited().with_header("retry-after", "86400"),
        (9, _) => Action::error(503, "overloaded", "later"),
        (10, _) => Action::ResetHalfway,
        (11, _) => Action::answer("MOSTLY_MET"),
        (12, _) => Action::error(400, "context_length_exceeded", "too long"),
        (13, _) => Action::error(400, "content_filter", "filtered"),
        // More than anybody has to say.
        (14, _) => Action::Flood(9 << 20),
        _ => good,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_become_failed_votes_with_their_cause_and_never_another_verdict() {
    let stormy = Arc::new(AtomicBool::new(false));
    let asked: Arc<Mutex<BTreeMap<(String, String), u64>>> = Arc::default();
    let (weather, books) = (stormy.clone(), asked.clone());
    let server = FakeOpenAi::start(move |call| {
        let (judge, number) = (asker(call), number(call));
        let good = Action::answer(opinion(&judge, number));
        let mut books = books.lock().unwrap();
        let time = books.entry((judge.clone(), requirement(call))).or_default();
        *time += 1;
        if judge == "shaky" && weather.load(Ordering::SeqCst) { fault(number, *time, good) } else { good }
    })
    .await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "max_attempts = 2")).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, &format!("cache = \"off\"\n{NO_REVIEWS}"))));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let submission = client.text("system", "A report.").await;

    let calm = client.grade(&submission, &rubric).await;
    let calm = client.settled(&format!("/v1/gradings/{calm}")).await;
    assert_eq!(calm["status"], "completed", "{calm}");

    stormy.store(true, Ordering::SeqCst);
    asked.lock().unwrap().clear();
    let grading = client.grade(&submission, &rubric).await;
    let at = format!("/v1/gradings/{grading}");
    let storm = client.settled(&at).await;
    assert_eq!(storm["status"], "partial", "{storm}");

    let votes = client.votes(&grading).await;
    assert_eq!(votes.len(), CRITERIA * JUDGES.len(), "every vote is there, failed ones too");
    let said = answers(&votes);
    let mut failed = BTreeSet::new();
    for n in 0..CRITERIA {
        for judge in JUDGES {
            let expected = match cause(n).filter(|_| judge == "shaky") {
                Some(cause) => {
                    failed.insert((judge.to_owned(), format!("Statement {n}.")));
                    cause
                }
                None => opinion(judge, n),
            };
            assert_eq!(said[&(format!("c{n}"), judge.to_owned())], expected, "{judge} on c{n}");
        }
    }
    for vote in votes.iter().filter(|vote| !vote["cause"].is_null()) {
        assert!(vote["answer"].is_null() && vote["level"].is_null(), "{vote}");
        assert!(!vote["reason"].as_str().unwrap().is_empty(), "{vote}");
    }
    assert_eq!(storm["progress"]["calls_failed"], failed.len());
    // The books: one call more where it was repeated, two more where the reply was asked for again.
    for (vote, n) in votes
        .iter()
        .filter(|vote| vote["judge"] == "shaky")
        .map(|vote| (vote, vote["criterion_id"].as_str().unwrap().trim_start_matches('c').parse::<usize>().unwrap()))
    {
        let calls = match n % WAYS {
            4 | 11 => 3,
            1..=3 | 7 | 9 | 10 => 2,
            _ => 1,
        };
        let made = asked.lock().unwrap()[&("shaky".to_owned(), format!("Statement {n}."))];
        assert_eq!(vote["attempts"], made, "{vote}");
        match cause(n) {
            // Turned away while others get through: it waits for its turn, ten times as often, unless told to wait a day.
            Some("rate_limited") => assert!((1..=22).contains(&made), "{vote}"),
            _ => assert_eq!(made, calls, "{vote}"),
        }
    }

    let (before, after) = (verdicts(&calm), verdicts(&storm));
    for (criterion, verdict) in &after {
        assert!(
            verdict == &before[criterion] || verdict == "inconclusive",
            "{criterion}: {} became {verdict}",
            before[criterion]
        );
    }
    assert!(
        after.values().any(|verdict| verdict == "inconclusive"),
        "where the failed judge was needed, nobody decides"
    );
    let kept = after.iter().filter(|(criterion, verdict)| *verdict == &before[*criterion]).count();
    assert!(kept > CRITERIA / 2, "where two judges agree, the third is not needed");
    let score = &storm["score"];
    assert!(score["coverage"].as_f64().unwrap() < 1.0, "{score}");
    assert!(score["if_none_met"].as_f64() < score["if_all_met"].as_f64(), "{score}");

    // A retry in fair weather asks what failed, and nothing else.
    stormy.store(false, Ordering::SeqCst);
    asked.lock().unwrap().clear();
    client.post(&format!("{at}/retry"), &serde_json::json!({})).await.is(202);
    let retried = client.settled(&at).await;
    assert_eq!(retried["status"], "completed", "{retried}");
    assert_eq!(asked.lock().unwrap().keys().cloned().collect::<BTreeSet<_>>(), failed);
    assert_eq!(verdicts(&retried), before);
    assert_eq!(retried["score"], calm["score"]);
    client.post(&format!("{at}/retry"), &serde_json::json!({})).await.is_problem(409, "invalid_state", &["completed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_grading_keeps_its_votes_and_a_retry_asks_the_rest() {
    let gate = Gate::closed();
    let held = gate.clone();
    // The first twelve are answered; the others are in flight for as long as the gate is closed.
    let server = FakeOpenAi::start(move |call: &Call| {
        let answer = Action::answer(opinion(&asker(call), number(call)));
        if call.number <= 12 { answer } else { Action::Held(held.clone(), Box::new(answer)) }
    })
    .await;
    let home =
        Home::new(&format!("{}{}", judge("shaky", &server, "max_concurrency = 4"), panel(&["shaky"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;
    let at = format!("/v1/gradings/{grading}");

    // All four places are taken by calls that wait.
    wait_for("calls in flight", async || (server.count() == 16).then_some(())).await;
    wait_for("votes", async || (client.votes(&grading).await.len() == 12).then_some(())).await;
    let cancelled = client.post(&format!("{at}/cancel"), &serde_json::json!({})).await.is(200);
    assert_eq!(cancelled["status"], "cancelled");
    client.post(&format!("{at}/cancel"), &serde_json::json!({})).await.is_problem(409, "invalid_state", &["cancelled"]);
    gate.open();

    // What was in flight comes home and is kept; nothing else leaves.
    wait_for("votes that came home", async || (client.votes(&grading).await.len() == 16).then_some(())).await;
    assert_eq!(server.count(), 16, "nothing was asked after the cancel");
    let stopped = client.get(&at).await.is(200);
    assert_eq!(stopped["status"], "cancelled", "{stopped}");
    assert!(stopped["score"].is_null(), "half a panel gives no score: {stopped}");

    client.post(&format!("{at}/retry"), &serde_json::json!({})).await.is(202);
    let done = client.settled(&at).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(server.count(), CRITERIA as u64, "each question was asked once");
    let said = answers(&client.votes(&grading).await);
    for ((criterion, judge), answer) in &said {
        assert_eq!(answer, opinion(judge, criterion.trim_start_matches('c').parse().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_never_answers_is_given_up() {
    let server = FakeOpenAi::start(|call| if number(call) == 0 { Action::Hang } else { Action::Stall }).await;
    let limits = "timeout_s = 1\nmax_attempts = 1";
    let home = Home::new(&format!("{}{}", judge("anna", &server, limits), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(2)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;
    assert_eq!(client.settled(&format!("/v1/gradings/{grading}")).await["status"], "failed");
    let said = answers(&client.votes(&grading).await);
    assert!(said.len() == 2 && said.values().all(|cause| cause == "timeout"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_of_which_nobody_answers_gives_no_score() {
    let server = FakeOpenAi::start(|_| Action::refusal()).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "")).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, "")));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "failed", "{done}");
    assert!(done["score"]["value"].is_null() && !done["score"]["undefined"].is_null(), "{done}");
    assert!(verdicts(&done).values().all(|verdict| verdict == "inconclusive"));
    assert!(done["agreement"]["krippendorff_alpha"]["value"].is_null(), "{done}");
    assert_eq!(done["review"]["required"], false, "what a retry can settle takes nobody's time: {done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_is_not_configured_any_more_fails_alone() {
    let gate = Gate::closed();
    let server = FakeOpenAi::start(move |call| match asker(call).as_str() {
        "gone" => Action::Held(gate.clone(), Box::new(Action::answer("MET"))),
        _ => Action::answer("MET"),
    })
    .await;
    let of = |names: &[&str]| {
        let judges: String = names.iter().map(|name| judge(name, &server, "")).collect();
        format!("{judges}{}", panel(names, NO_REVIEWS))
    };
    let home = Home::new(&of(&["steady", "calm", "gone"]));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(5)).await;
    let submission = client.text("system", "A report.").await;
    let grading = client.grade(&submission, &rubric).await;
    wait_for("the votes of the other two", async || (client.votes(&grading).await.len() == 10).then_some(())).await;
    service.kill9();

    home.configure("", &of(&["steady", "calm"]));
    let service = Service::start(&home).await;
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!((&done["status"], &done["progress"]["calls_failed"]), (&"partial".into(), &5.into()), "{done}");
    assert!(verdicts(&done).values().all(|verdict| verdict == "met"), "{done}");
    let lost: BTreeSet<String> = client
        .votes(&grading)
        .await
        .iter()
        .filter(|vote| vote["judge"] == "gone")
        .map(|vote| format!("{} {} {}", vote["answer"], vote["cause"], vote["detail"]))
        .collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost.iter().all(|vote| vote.contains("provider_error") && vote.starts_with("null")), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_does_not_answer_holds_up_nobody_else() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FakeOpenAi::start(move |call| match asker(call).as_str() {
        "stuck" => Action::Held(held.clone(), Box::new(Action::answer("MET"))),
        _ => Action::answer("MET"),
    })
    .await;
    let all = ["stuck", "steady", "calm"];
    let judges: String = all.iter().map(|name| judge(name, &server, "max_concurrency = 2")).collect();
    let home = Home::new(&format!("{judges}{}", panel(&all, NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    // Many more questions than all judges together have places.
    let rubric = client.rubric(&statements(40)).await;
    let submission = client.text("system", "A report.").await;
    let grading = client.grade(&submission, &rubric).await;
    wait_for("all votes of the other two", async || (client.votes(&grading).await.len() == 80).then_some(())).await;
    gate.open();
    assert_eq!(client.settled(&format!("/v1/gradings/{grading}")).await["status"], "completed");
}
