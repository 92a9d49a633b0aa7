//! The service is killed while it grades, again and again, wherever the calls happen to be. What was told once is
//! never asked again, what was in flight is asked again, and the result is that of a run without any trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use empanel::judge::fake::{Action, Call, FakeOpenAi, Gate};
use serde_json::json;

use crate::support::{
    Client, Home, NO_REVIEWS, Service, answers, asker, judge, number, panel, requirement, statements, verdicts,
    wait_for,
};

const JUDGES: [&str; 3] = ["anna", "ben", "cleo"];
const CRITERIA: usize = 100;
const PLANNED: u64 = (CRITERIA * JUDGES.len()) as u64;
const CONCURRENCY: u64 = 8;
/// Calls whose reply may not be durable yet: those that are out, and those that came home and wait for the disk, as
/// many as the judge's runway takes (half as many again as are out, and eight).
const UNSETTLED: u64 = (CONCURRENCY + CONCURRENCY / 2 + 8) * JUDGES.len() as u64;
/// Who asked, and about what.
type Asked = (String, String);

/// What the scripted judges have seen, and from which call on they keep their answers back.
#[derive(Clone, Default)]
struct Script {
    times: Arc<Mutex<BTreeMap<Asked, u64>>>,
    brake: Arc<Mutex<Option<Brake>>>,
}

struct Brake {
    after: u64,
    gate: Gate,
    answered: BTreeSet<Asked>,
    held: BTreeSet<Asked>,
}

impl Script {
    /// Holds every call after so many; what comes back lets them go.
    fn brake_after(&self, calls: u64) -> Gate {
        let gate = Gate::closed();
        let (answered, held) = (BTreeSet::new(), BTreeSet::new());
        *self.brake.lock().unwrap() = Some(Brake { after: calls, gate: gate.clone(), answered, held });
        gate
    }

    fn release(&self) {
        if let Some(brake) = self.brake.lock().unwrap().take() {
            brake.gate.open();
        }
    }

    /// What was answered and what is held since the brake was set.
    fn answered_and_held(&self) -> (BTreeSet<Asked>, BTreeSet<Asked>) {
        let brake = self.brake.lock().unwrap();
        brake.as_ref().map(|brake| (brake.answered.clone(), brake.held.clone())).unwrap_or_default()
    }

    /// Lets go of what the killed service had asked, and waits until all of it has arrived.
    async fn settle(&self, server: &FakeOpenAi) {
        self.release();
        wait_for("the connections of the killed service to end", async || (server.connections() == 0).then_some(()))
            .await;
    }

    fn times(&self) -> BTreeMap<Asked, u64> {
        self.times.lock().unwrap().clone()
    }

    fn answer(&self, call: &Call) -> Action {
        let judge = asker(call);
        let answer = Action::answer(opinion(&judge, number(call)));
        let asked = (judge, requirement(call));
        *self.times.lock().unwrap().entry(asked.clone()).or_default() += 1;
        match &mut *self.brake.lock().unwrap() {
            Some(brake) if call.number > brake.after => {
                brake.held.insert(asked);
                Action::Held(brake.gate.clone(), Box::new(answer))
            }
            Some(brake) => {
                brake.answered.insert(asked);
                answer
            }
            None => answer,
        }
    }
}

fn opinion(judge: &str, number: usize) -> &'static str {
    match (judge, number % 7) {
        ("anna", 0..=3) | ("ben", 0..=2) | ("cleo", 2..=5) => "MET",
        ("cleo", 6) => "CANNOT_ASSESS",
        _ => "UNMET",
    }
}

async fn home(script: &Script, names: &[&str]) -> (FakeOpenAi, Home) {
    let answers = script.clone();
    let server = FakeOpenAi::start_with(move |call| answers.answer(call), Duration::from_millis(10), 0).await;
    let limits = format!("max_concurrency = {CONCURRENCY}");
    let judges: String = names.iter().map(|name| judge(name, &server, &limits)).collect();
    let home = Home::new(&format!("{judges}{}", panel(names, &format!("cache = \"off\"\n{NO_REVIEWS}"))));
    (server, home)
}

/// The questions that have a vote.
async fn told(client: &Client, grading: &str) -> BTreeSet<Asked> {
    let votes = client.votes(grading).await;
    votes
        .iter()
        .map(|vote| {
            let number = vote["criterion_id"].as_str().unwrap().trim_start_matches('c');
            (vote["judge"].as_str().unwrap().to_owned(), format!("Statement {number}."))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let script = Script::default();
    let (server, home) = home(&script, &JUDGES).await;
    let mut service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let submission = client.text("system", "A report of some length.").await;

    // At the very first call, in full flight, later. The brake keeps a fast machine from being done before the kill.
    let points = [1, 40, 90, 150];
    script.brake_after(points[0] + 12);
    let grading = client.grade(&submission, &rubric).await;
    let mut had_vote: BTreeSet<Asked> = BTreeSet::new();
    let mut asked_before = BTreeMap::new();
    for (n, point) in points.into_iter().enumerate() {
        wait_for("calls", async || (server.count() >= point).then_some(())).await;
        let votes = told(&service.client(), &grading).await;
        service.kill9();
        script.settle(&server).await;
        let asked = script.times();
        for question in &had_vote {
            assert_eq!(asked[question], asked_before[question], "{question:?} had a vote and was asked again");
        }
        assert!((votes.len() as u64) < PLANNED, "it was killed in the middle");
        assert!(votes.is_superset(&had_vote), "a vote that was told is there after a kill");
        (had_vote, asked_before) = (votes, asked);
        let next = points.get(n + 1).copied().unwrap_or_default();
        script.brake_after(next.max(server.count()) + 12);
        service = Service::start(&home).await;
    }

    // At the last kill it is known call by call what was answered and what was in flight.
    let (kept, held) = wait_for("what was answered to be kept, with calls in flight", async || {
        let votes = told(&service.client(), &grading).await;
        let (answered, held) = script.answered_and_held();
        (answered.len() >= 12 && votes.is_superset(&answered) && held.len() as u64 >= CONCURRENCY)
            .then_some((votes, held))
    })
    .await;
    service.kill9();
    let (_, late) = script.answered_and_held();
    script.settle(&server).await;
    let asked = script.times();

    let service = Service::start(&home).await;
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    let votes = client.votes(&grading).await;
    let calls = server.count();
    let asked_again = script.times();
    for question in &kept {
        assert_eq!(asked_again[question], asked[question], "{question:?} had a vote and was asked again");
    }
    for question in held.union(&late) {
        assert_eq!(asked_again[question], asked[question] + 1, "{question:?} was in flight");
    }

    assert_eq!(done["status"], "completed", "{done}");
    let progress = json!({"calls_planned": PLANNED, "calls_done": PLANNED, "calls_failed": 0});
    assert_eq!(done["progress"], progress);
    assert_eq!(votes.len() as u64, PLANNED, "a vote per question and judge");
    let kills = points.len() as u64 + 1;
    let most = PLANNED + kills * UNSETTLED;
    assert!(calls <= most, "{calls} calls for {PLANNED} questions, more than {most}");
    assert!(script.times().values().all(|times| *times <= 1 + kills));
    // Every call that left is in the books, those whose reply was lost included, and every vote has its reply.
    let booked: u64 = votes.iter().map(|vote| vote["attempts"].as_u64().unwrap()).sum();
    assert!(booked >= calls, "{booked} attempts in the books for {calls} calls");
    for vote in &votes {
        assert!(vote["raw_reply"].as_str().is_some_and(|raw| raw.contains("chat.completion")), "{vote}");
    }

    let again = client.grade(&submission, &rubric).await;
    let undisturbed = client.settled(&format!("/v1/gradings/{again}")).await;
    assert_eq!(server.count(), calls + PLANNED, "an undisturbed run asks each question once");
    assert_eq!(answers(&votes), answers(&client.votes(&again).await));
    assert_eq!(verdicts(&done), verdicts(&undisturbed));
    assert_eq!(done["score"], undisturbed["score"]);
    assert_eq!(done["agreement"], undisturbed["agreement"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_asked_to_stop_lets_calls_come_home_and_asks_nothing_twice() {
    let script = Script::default();
    let (server, home) = home(&script, &["anna"]).await;
    let gate = script.brake_after(50);
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(CRITERIA)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;

    wait_for("calls in flight", async || (server.count() == 50 + CONCURRENCY).then_some(())).await;
    service.sigterm();
    service.is_stopping().await;
    gate.open();
    assert_eq!(service.ended().await, 0, "a stop that was asked for is no failure");
    assert_eq!(server.count(), 50 + CONCURRENCY, "nothing is asked while it stops");
    script.release();

    let service = Service::start(&home).await;
    let client = service.client();
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(server.count(), CRITERIA as u64, "nothing was asked twice");
    assert!(script.times().values().all(|times| *times == 1));
    assert!(client.votes(&grading).await.iter().all(|vote| vote["attempts"] == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_judge_for_ever() {
    let script = Script::default();
    let (server, home) = home(&script, &["anna"]).await;
    let config = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), config.replace("[server]\n", "[server]\ndrain_s = 1\n")).unwrap();
    script.brake_after(10);
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(20)).await;
    let grading = client.grade(&client.text("system", "A report.").await, &rubric).await;
    wait_for("calls in flight", async || (server.count() == 10 + CONCURRENCY).then_some(())).await;
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    script.release();

    let service = Service::start(&home).await;
    let done = service.client().settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(server.count(), 20 + CONCURRENCY, "only what was in flight was asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_and_never_begun_is_done_after_a_restart() {
    let server = FakeOpenAi::start(|call| Action::answer(if requirement(call).is_empty() { "A" } else { "MET" })).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "")).collect();
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(2)).await;
    client.post("/v1/tasks", &json!({"task_id": "t", "prompt": "Do it."})).await.is(201);
    let mut submissions = Vec::new();
    for system in ["one", "two"] {
        let new = json!({"task_id": "t", "system": system, "text": format!("Work of {system}.")});
        let kept = client.post("/v1/submissions", &new).await.is(201);
        submissions.push(kept["id"].as_str().unwrap().to_owned());
    }
    let mut gradings = Vec::new();
    for _ in 0..5 {
        gradings.push(client.grade(&submissions[0], &rubric).await);
    }
    let pair = json!({"task_id": "t", "a": submissions[0], "b": submissions[1]});
    let comparison = client.post("/v1/comparisons", &pair).await.is(202)["id"].as_str().unwrap().to_owned();
    service.kill9();

    let service = Service::start(&home).await;
    let client = service.client();
    for grading in &gradings {
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        assert_eq!(done["progress"]["calls_done"], 2 * JUDGES.len(), "{done}");
    }
    let done = client.settled(&format!("/v1/comparisons/{comparison}")).await;
    // Whoever is shown first is preferred: in both orders together nobody is.
    assert_eq!((done["status"].as_str(), done["outcome"].as_str()), (Some("completed"), Some("tie")), "{done}");
    assert_eq!(done["votes"].as_array().unwrap().len(), 2 * JUDGES.len());
    assert_eq!(client.all("/v1/gradings").await.len(), gradings.len());
}
