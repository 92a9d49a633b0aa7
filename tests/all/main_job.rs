//! The main job over HTTP, end to end: real deliverables in, a panel's verdicts out, a human overrules, the
//! leaderboard follows.

use std::collections::BTreeMap;
use std::time::Duration;

use empanel::cli::demo::bundle::{Planted, planted};
use empanel::judge::fake::{Action, Call, FakeOpenAi, Gate};
use empanel::rubric::{Format, import};
use serde_json::{Value, json};

use crate::support::{
    Answer, Client, DEADLINE, Home, NO_REVIEWS, Service, asker, bytes_of, judge, panel, requirement, statements,
    verdicts,
};

const TASK: &str = "care-plan";
const JUDGES: [&str; 3] = ["ada", "ben", "cleo"];
const SYSTEMS: [&str; 2] = ["human", "atlas-small"];
/// On this criterion `ben` sees every deliverable otherwise than the two others.
const DISPUTED: &str = "hearing";

fn message(system: &str) -> String {
    let text =
        String::from_utf8(bytes_of(&format!("fixtures/tasks/{TASK}/submissions/{system}/submission.yaml"))).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("text: ")).unwrap();
    line.to_owned()
}

/// Answers what was planted in the deliverable that it is shown, with the planted quote.
fn as_planted() -> impl Fn(&Call) -> Action + Send + Sync + 'static {
    let rubric = String::from_utf8(bytes_of(&format!("rubrics/{TASK}.yaml"))).unwrap();
    let rubric = import(&rubric, Format::Native).unwrap();
    let ids: BTreeMap<String, String> =
        rubric.criteria().iter().map(|c| (c.requirement.trim().to_owned(), c.id.to_string())).collect();
    let truth: BTreeMap<(String, String), Planted> = planted(TASK)
        .unwrap()
        .into_iter()
        .map(|one| ((one.system.to_string(), one.criterion.to_string()), one))
        .collect();
    let messages: BTreeMap<&str, String> = SYSTEMS.iter().map(|system| (*system, message(system))).collect();
    move |call| {
        let text = call.user_text();
        let shown = |system: &str| text.find(messages[system].as_str());
        let asked = requirement(call);
        if asked.is_empty() {
            // A comparison: `ada` and `ben` prefer the human whatever the order, `cleo` what it is shown first.
            let human_first = shown("human") < shown("atlas-small");
            let answer = if asker(call) == "cleo" || human_first { "A" } else { "B" };
            return Action::answer(answer);
        }
        let system = SYSTEMS.into_iter().find(|system| shown(system).is_some()).unwrap();
        let id = &ids[&asked];
        let one = &truth[&(system.to_owned(), id.clone())];
        let answer = match one.verdict.as_str() {
            "met" => "MET",
            "unmet" => "UNMET",
            "inconclusive" => "CANNOT_ASSESS",
            level => level,
        };
        let answer = match (answer, asker(call) == "ben" && id == DISPUTED) {
            ("MET", true) => "UNMET",
            ("UNMET", true) => "MET",
            (answer, _) => answer,
        };
        let evidence: Vec<Value> = one
            .quote
            .iter()
            .map(|quote| json!({"file": "care_plan.docx", "where": "somewhere in it", "quote": quote}))
            .collect();
        Action::text(&json!({"evidence": evidence, "reason": one.why, "answer": answer}).to_string())
    }
}

async fn scripted(script: impl Fn(&Call) -> Action + Send + Sync + 'static) -> (FakeOpenAi, Home) {
    let server = FakeOpenAi::start(script).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "")).collect();
    let review = "review = { reviewers = 1, split = true, inconclusive = false, unverified_evidence = false, random_share = 0.0 }";
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, review)));
    (server, home)
}

/// The task with its references and rubric, and the deliverables of both systems; the submissions' ids.
async fn bring_in(client: &Client) -> (String, Vec<String>) {
    let rubric =
        client.send("/v1/rubrics", "application/yaml", bytes_of(&format!("rubrics/{TASK}.yaml")), None).await.is(201);
    let folder = format!("fixtures/tasks/{TASK}");
    let references = [
        ("patient_chart.pdf", bytes_of(&format!("{folder}/references/patient_chart.pdf"))),
        ("protocol_hf07.docx", bytes_of(&format!("{folder}/references/protocol_hf07.docx"))),
    ];
    let references: Vec<(&str, &[u8])> = references.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let task = json!({"task_id": TASK, "prompt": "Write the nursing care plan.", "sector": "Health care",
        "occupation": "Registered Nurses", "rubric_id": rubric["id"]});
    let kept = client.upload("/v1/tasks", "task", &task, &references).await.is(201);
    assert_eq!(kept["references"].as_array().unwrap().len(), 2, "{kept}");
    assert_eq!(
        client.upload("/v1/tasks", "task", &task, &references).await.is(200)["id"],
        TASK,
        "the same task again is the same"
    );
    let mut ids = Vec::new();
    for system in SYSTEMS {
        let names =
            if system == "human" { vec!["care_plan.docx"] } else { vec!["care_plan.docx", "handover_sheet.xlsx"] };
        let files: Vec<(&str, Vec<u8>)> =
            names.into_iter().map(|name| (name, bytes_of(&format!("{folder}/submissions/{system}/{name}")))).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let content =
            json!({"task_id": TASK, "system": system, "text": message(system), "cost_usd": 1.5, "tokens": 10});
        let kept = client.upload("/v1/submissions", "submission", &content, &files).await.is(201);
        for ((name, bytes), info) in files.iter().zip(kept["files"].as_array().unwrap()) {
            assert_eq!((info["name"].as_str(), info["bytes"].as_u64()), (Some(*name), Some(bytes.len() as u64)));
        }
        let id = kept["id"].as_str().unwrap().to_owned();
        let file = client.get(&format!("/v1/submissions/{id}/files/0")).await;
        assert_eq!((file.status, file.body.as_ref()), (200, files[0].1), "the bytes come back as they came in");
        ids.push(id);
    }
    // Each file is listed with what can be shown of it, also the one that was broken on the way.
    let manifest = client.get(&format!("/v1/submissions/{}/manifest", ids[1])).await.is(200);
    let seen: Vec<(&str, &str)> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["name"].as_str().unwrap().contains('.'))
        .map(|file| (file["name"].as_str().unwrap(), file["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("care_plan.docx", "read"), ("handover_sheet.xlsx", "unreadable")], "{manifest}");
    (rubric["id"].as_str().unwrap().to_owned(), ids)
}

/// The score of each system on the board of mean scores.
async fn mean_scores(client: &Client, overrides: &str) -> BTreeMap<String, f64> {
    let board = client.get(&format!("/v1/leaderboard?method=score&overrides={overrides}")).await.is(200);
    let rows = board["boards"][0]["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["system"].as_str().unwrap().to_owned(), row["rating"].as_f64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliverables_become_verdicts_that_a_human_can_overrule() {
    let (server, home) = scripted(as_planted()).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let (rubric, submissions) = bring_in(&client).await;

    let mut gradings = Vec::new();
    for submission in &submissions {
        // The rubric is the task's.
        let accepted = client.post("/v1/gradings", &json!({"submission_id": submission})).await;
        let body = accepted.is(202);
        assert_eq!(accepted.header("location"), format!("/v1/gradings/{}", body["id"].as_str().unwrap()));
        gradings.push(body["id"].as_str().unwrap().to_owned());
    }
    let truth = planted(TASK).unwrap();
    for (system, grading) in SYSTEMS.iter().zip(&gradings) {
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        assert_eq!((done["system"].as_str(), done["rubric"]["id"].as_str()), (Some(*system), Some(rubric.as_str())));
        assert_eq!(done["status"], "awaiting_review", "{done}");
        for criterion in done["criteria"].as_array().unwrap() {
            let planted = truth
                .iter()
                .find(|one| one.system.as_str() == *system && criterion["id"] == one.criterion.as_str())
                .unwrap();
            let verdict = criterion["level"].as_str().or(criterion["verdict"].as_str()).unwrap();
            assert_eq!(verdict, planted.verdict, "{system}: {criterion}");
            let by_check = criterion["source"] == "check";
            assert_eq!(
                by_check,
                criterion["votes"]["met"] == 0
                    && criterion["votes"]["unmet"] == 0
                    && criterion["votes"]["levels"] == 0
                    && criterion["votes"]["cannot_assess"] == 0
            );
        }
        assert_eq!(done["review"]["reasons"], json!([format!("split:{DISPUTED}")]), "{done}");
        assert!(done["agreement"]["raw"].as_f64().unwrap() < 1.0, "{done}");
        assert!(done["cost"]["usd"].as_f64().unwrap() > 0.0, "{done}");
    }
    let checks = 4;
    let asked = 20 - checks;
    assert_eq!(server.count(), (asked * JUDGES.len() * SYSTEMS.len()) as u64, "no judge is paid for a check");

    every_vote_says_what_it_rests_on(&client, &gradings[0]).await;
    a_human_overrules(&client, &gradings[0]).await;
    the_queue_is_blind_until_it_is_answered(&client, &gradings).await;
    statistics_follow(&client, &rubric).await;
}

async fn every_vote_says_what_it_rests_on(client: &Client, grading: &str) {
    let votes = client.votes(grading).await;
    assert_eq!(votes.len(), 16 * JUDGES.len());
    for vote in &votes {
        assert_eq!(vote["grading_id"], grading);
        assert_eq!(vote["model"], "fake-1-2026-11-01", "the model as it was returned: {vote}");
        assert_eq!(
            (vote["usage"]["input_tokens"].as_u64(), vote["usage"]["cached_input_tokens"].as_u64()),
            (Some(1000), Some(800))
        );
        // 200 fresh at 1, 800 cached at .5, 50 out at 10, per million.
        assert!((vote["cost_usd"].as_f64().unwrap() - 0.0011).abs() < 1e-12, "{vote}");
        let raw: Value = serde_json::from_str(vote["raw_reply"].as_str().unwrap()).unwrap();
        assert_eq!(raw["object"], "chat.completion", "the reply is kept as it came");
        for part in ["rubric", "template", "prompt", "judge", "reader", "files"] {
            assert!(vote["fingerprint"][part].as_str().is_some_and(|text| text.len() >= 32), "{part}: {vote}");
        }
        for evidence in vote["evidence"].as_array().unwrap() {
            assert_ne!(evidence["match"], "not_found", "{vote}");
            assert_eq!(evidence["file"], "care_plan.docx", "{vote}");
        }
    }
    // The judge said "somewhere in it"; the place is where the words were found.
    let truth = planted(TASK).unwrap();
    for id in ["code-status", "oxygen-target", "dry-weight"] {
        let planted = truth.iter().find(|one| one.system.as_str() == "human" && one.criterion.as_str() == id).unwrap();
        let vote = votes.iter().find(|vote| vote["criterion_id"] == id && vote["judge"] == "ada").unwrap();
        let evidence = &vote["evidence"][0];
        let place = format!("{} {}", evidence["file"].as_str().unwrap(), evidence["where"].as_str().unwrap());
        assert_eq!(Some(place), planted.place, "{vote}");
    }
}

async fn a_human_overrules(client: &Client, grading: &str) {
    let at = format!("/v1/gradings/{grading}");
    let before = client.get(&at).await.is(200)["score"]["value"].as_f64().unwrap();
    let overrides = format!("{at}/overrides");
    let decision = json!({"criterion_id": "ibuprofen", "value": "unmet", "reason": "It is only mentioned in passing."});
    let decided = client.post(&overrides, &decision).await.is(201);
    let after = client.get(&at).await.is(200);
    let value = after["score"]["value"].as_f64().unwrap();
    assert!(value < before, "{value} is not less than {before}");
    assert_eq!(decided["score"].as_f64(), Some(value));
    assert_eq!(after["score"]["without_overrides"].as_f64(), Some(before));
    let criterion = after["criteria"].as_array().unwrap().iter().find(|c| c["id"] == "ibuprofen").unwrap();
    assert_eq!((criterion["verdict"].as_str(), criterion["source"].as_str()), (Some("unmet"), Some("override")));
    assert_eq!(criterion["votes"]["met"], 3, "what the panel said stays");
    assert_eq!(mean_scores(client, "with").await["human"], value);
    assert_eq!(mean_scores(client, "without").await["human"], before);

    client
        .post(&overrides, &json!({"criterion_id": "nothing", "value": "met", "reason": "x"}))
        .await
        .is_bad_field("/criterion_id", &["nothing"]);
    client
        .post(&overrides, &json!({"criterion_id": "ibuprofen", "value": "good", "reason": "x"}))
        .await
        .is_bad_field("/value", &["good"]);
    client
        .post(&overrides, &json!({"criterion_id": "ibuprofen", "value": "met", "reason": " "}))
        .await
        .is_bad_field("/reason", &[]);
    let back = json!({"criterion_id": "ibuprofen", "value": "withdrawn", "reason": "The page before covers it."});
    client.post(&overrides, &back).await.is(201);
    assert_eq!(client.get(&at).await.is(200)["score"]["value"].as_f64(), Some(before));
    let history = client.get(&overrides).await.is(200);
    let values: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["unmet", "withdrawn"], "nothing is erased");
}

async fn the_queue_is_blind_until_it_is_answered(client: &Client, gradings: &[String]) {
    let queue = client.all("/v1/reviews?state=open").await;
    assert_eq!(queue.len(), 2, "one disputed criterion per grading");
    for review in &queue {
        assert_eq!(review["criterion_id"], DISPUTED);
        assert!(review["reason"].is_null() && review["selection_probability"].is_null(), "{review}");
    }
    let id = queue[0]["id"].as_str().unwrap();
    let at = format!("/v1/reviews/{id}");
    let claimed = client.post(&format!("{at}/claim"), &json!({})).await.is(200);
    let token = claimed["lease_token"].as_str().unwrap();
    // What reviewers are given is enough to answer, and tells neither who made it nor what judges said.
    assert_eq!(claimed["criterion"]["id"], DISPUTED);
    assert!(claimed["files"][0]["name"] == "care_plan.docx" && claimed["task"].is_string(), "{claimed}");
    let mut shown = claimed.clone();
    shown["text"] = Value::Null;
    let shown = shown.to_string();
    for secret in ["human", "atlas", "ada", "ben", "cleo", "MET", "split", "\"met\""] {
        assert!(!shown.contains(secret), "{secret:?} is in {shown}");
    }
    let file = client.get(&format!("{at}/files/0")).await;
    assert_eq!(file.status, 200);

    client.post(&format!("{at}/claim"), &json!({})).await.is_problem(409, "invalid_state", &["claimed"]);
    let wrong = json!({"lease_token": "0198c0de-0000-7000-8000-000000000000", "value": "met"});
    client.post(&format!("{at}/submit"), &wrong).await.is_problem(409, "invalid_state", &["lease"]);
    let answered = client
        .post(&format!("{at}/submit"), &json!({"lease_token": token, "value": "unmet", "reason": "No hearing aid."}))
        .await
        .is(200);
    assert_eq!(answered["state"], "agreed", "{answered}");
    assert_eq!((answered["reason"].as_str(), answered["selection_probability"].as_f64()), (Some("split"), Some(1.0)));
    let grading = client.get(&format!("/v1/gradings/{}", answered["grading_id"].as_str().unwrap())).await.is(200);
    assert_eq!(verdicts(&grading)[DISPUTED], "unmet");
    assert_eq!(grading["status"], "completed", "nothing is left to ask: {grading}");

    let id = queue[1]["id"].as_str().unwrap();
    let at = format!("/v1/reviews/{id}");
    let resolved =
        client.post(&format!("{at}/resolve"), &json!({"value": "met", "reason": "Page 4 has it."})).await.is(200);
    assert_eq!(resolved["state"], "resolved");
    client.post(&format!("{at}/resolve"), &json!({"value": "unmet", "reason": "No."})).await.is_problem(
        409,
        "invalid_state",
        &["resolved"],
    );
    assert!(client.all("/v1/reviews?state=open,claimed,submitted,conflict").await.is_empty());
    for grading in gradings {
        let overrides = client.get(&format!("/v1/gradings/{grading}/overrides")).await.is(200);
        assert!(overrides["items"].as_array().unwrap().last().unwrap()["review_id"].is_string());
    }
}

async fn statistics_follow(client: &Client, rubric: &str) {
    let agreement = client.get(&format!("/v1/agreement?rubric_id={rubric}")).await.is(200);
    assert_eq!((agreement["gradings"].as_u64(), agreement["pairs"].as_array().unwrap().len()), (Some(2), 3));
    let overall = &agreement["overall"];
    for figure in ["raw", "fleiss_kappa", "krippendorff_alpha"] {
        let value = overall[figure]["value"].as_f64().unwrap();
        assert!((0.5..1.0).contains(&value), "{figure}: {overall}");
        assert!(
            overall[figure]["low"].as_f64().unwrap() <= value && value <= overall[figure]["high"].as_f64().unwrap(),
            "{overall}"
        );
    }
    let perfect =
        agreement["pairs"].as_array().unwrap().iter().find(|pair| pair["judges"] == json!(["ada", "cleo"])).unwrap();
    assert_eq!(perfect["raw"]["value"], 1.0, "{perfect}");
    assert_eq!(client.get("/v1/agreement?panel=default").await.is(200)["gradings"], 2);

    let by_sector = client.get("/v1/leaderboard?method=score&by=sector").await.is(200);
    assert_eq!(by_sector["boards"][0]["slice"], "Health care", "{by_sector}");
    let of_one_judge = client.get("/v1/leaderboard?method=score&judge=ben").await;
    of_one_judge.is_problem(501, "not_implemented", &["`judge`"]);

    let judges = client.get("/v1/judges").await.is(200);
    let names: Vec<&str> =
        judges["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(JUDGES.iter().all(|name| names.contains(name)), "{judges}");
    assert_eq!(judges["default_panel"], "default");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_can_be_watched_from_its_first_call_to_its_end() {
    let gate = Gate::closed();
    let held = gate.clone();
    let (_server, home) = scripted(move |call| {
        let answer = if asker(call) == "ben" { "UNMET" } else { "MET" };
        Action::Held(held.clone(), Box::new(Action::answer(answer)))
    })
    .await;
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(4)).await;
    let submission = client.text("system", "A report.").await;
    let grading = client.grade(&submission, &rubric).await;
    let at = format!("/v1/gradings/{grading}");

    let running = client.get(&at).await.is(200);
    assert!(matches!(running["status"].as_str(), Some("queued" | "running")), "{running}");
    assert!(
        running["score"].is_null() && verdicts(&running).values().all(|verdict| verdict == "inconclusive"),
        "{running}"
    );
    let early = json!({"criterion_id": "c0", "value": "met", "reason": "x"});
    client.post(&format!("{at}/overrides"), &early).await.is_problem(409, "not_judged", &[&grading]);
    let held_back = client.get(&format!("{at}?wait=1")).await.is(200);
    assert!(held_back["completed_at"].is_null(), "waiting ends also where the work does not");

    let mut stream = client.request("GET", &format!("{at}/events")).timeout(DEADLINE).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut opened = false;
    while let Some(piece) = stream.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&piece).unwrap());
        // The stream is followed before the first answer comes.
        if !opened && text.contains("event: progress") {
            gate.open();
            opened = true;
        }
    }
    let events: Vec<(&str, Value)> = text
        .split("\n\n")
        .filter(|event| event.starts_with("event: "))
        .map(|event| {
            let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            (name, serde_json::from_str(data).unwrap())
        })
        .collect();
    let count = |name: &str| events.iter().filter(|(event, _)| *event == name).count();
    assert_eq!((events[0].0, count("vote"), count("completed")), ("progress", 4 * JUDGES.len(), 1), "{text}");
    let (last, body) = events.last().unwrap();
    assert_eq!((*last, &body["id"], &body["progress"]["calls_done"]), ("completed", &json!(grading), &json!(12)));
    let done: Vec<u64> = events
        .iter()
        .filter(|(event, _)| *event == "progress")
        .map(|(_, data)| data["calls_done"].as_u64().unwrap())
        .collect();
    assert!(done.is_sorted() && done.contains(&12), "{done:?}");

    // Who comes late is told the end at once; who waits for what is done does not wait.
    let late = Answer::of(client.request("GET", &format!("{at}/events"))).await;
    assert!(late.text().contains("event: completed"), "{}", late.text());
    let asked = json!({"submission_id": submission, "rubric_id": rubric});
    let waited = client.post("/v1/gradings?wait=60", &asked).await.is(202);
    assert_eq!(waited["progress"]["calls_done"], 12, "{waited}");
    client.post("/v1/gradings?wait=1000", &asked).await.is_problem(400, "invalid_query", &["1000", "120"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_gradings_at_once_ask_each_question_as_often_as_wanted_within_the_judges_limit() {
    let server = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::from_millis(5), 0).await;
    let panel = panel(&["ada"], &format!("repeats = 2\n{NO_REVIEWS}"));
    let home = Home::new(&format!("{}{panel}", judge("ada", &server, "max_concurrency = 5")));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(4)).await;
    let submission = client.text("system", "A report.").await;
    let asked = (0..20).map(|_| {
        let (client, submission, rubric) = (client.clone(), submission.clone(), rubric.clone());
        tokio::spawn(async move { client.grade(&submission, &rubric).await })
    });
    for grading in asked.collect::<Vec<_>>() {
        let done = client.settled(&format!("/v1/gradings/{}", grading.await.unwrap())).await;
        assert_eq!((done["status"].as_str(), done["cost"]["calls"].as_u64()), (Some("completed"), Some(8)), "{done}");
        let votes = client.votes(done["id"].as_str().unwrap()).await;
        let repeats: Vec<u64> = votes.iter().map(|vote| vote["repeat"].as_u64().unwrap()).collect();
        assert_eq!((votes.len(), repeats.iter().sum::<u64>()), (8, 4), "{repeats:?}");
    }
    assert_eq!(server.count(), 20 * 8);
    assert!(server.most_in_flight() <= 5, "{} calls at once", server.most_in_flight());

    // Page by page the lists are what they are at once.
    let whole = client.all("/v1/gradings").await;
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("/v1/gradings?limit=7{cursor}")).await.is(200);
        pages.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, whole);
    assert_eq!(client.all("/v1/gradings?status=completed&system=system").await, whole);
    assert!(client.all("/v1/gradings?status=failed").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_in_one_request_brings_rubric_and_files_with_it() {
    let (_server, home) = scripted(|_| Action::answer("MET")).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let one_shot = json!({"rubric": statements(2), "prompt": "Write a report.", "system": "s"});
    let done = client
        .upload("/v1/gradings?wait=60", "grading", &one_shot, &[("report.md", b"# Report\n\nDone.")])
        .await
        .is(202);
    assert_eq!((done["status"].as_str(), done["score"]["value"].as_f64()), (Some("completed"), Some(1.0)), "{done}");
    let submission = client.get(&format!("/v1/submissions/{}", done["submission_id"].as_str().unwrap())).await.is(200);
    assert_eq!(submission["files"][0]["name"], "report.md");
    let kept = client.get(&format!("/v1/rubrics/{}", done["rubric"]["id"].as_str().unwrap())).await.is(200);
    assert_eq!(kept["criteria"].as_array().unwrap().len(), 2);
    let both = json!({"rubric": statements(2), "rubric_id": done["rubric"]["id"], "system": "s", "text": "x"});
    client.upload("/v1/gradings", "grading", &both, &[]).await.is_bad_field("/rubric_id", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubrics_come_in_as_their_users_have_them_and_the_same_content_is_the_same_rubric() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let gdpval = String::from_utf8(bytes_of("fixtures/rubric/ok/gdpval-array/input.json")).unwrap();
    let cases = [
        (
            "/v1/rubrics",
            "application/yaml",
            String::from_utf8(bytes_of("fixtures/rubric/ok/native-full/input.yaml")).unwrap(),
        ),
        ("/v1/rubrics?format=gdpval", "application/json", gdpval.clone()),
        (
            "/v1/rubrics?format=weighted",
            "application/json",
            r#"[{"weight": 3, "requirement": "States the answer"}, {"weight": -2, "requirement": "Invents a source"}]"#
                .to_owned(),
        ),
        (
            "/v1/rubrics?format=weighted",
            "application/json",
            r#"[{"weight": 4, "criteria": "Names the court"}]"#.to_owned(),
        ),
    ];
    for (path, media_type, text) in &cases {
        let first = client.send(path, media_type, text.clone(), None).await;
        let body = first.is(201);
        assert_eq!(first.header("location"), format!("/v1/rubrics/{}", body["id"].as_str().unwrap()));
        assert_eq!((body["version"].as_u64(), body["lint"].is_array()), (Some(1), true), "{body}");
        let again = client.send(path, media_type, text.clone(), None).await.is(200);
        assert_eq!(
            (&again["id"], &again["fingerprint"], &again["version"]),
            (&body["id"], &body["fingerprint"], &body["version"])
        );
        let lint = path.replace("/v1/rubrics", "/v1/rubrics/lint");
        assert_eq!(
            client.send(&lint, media_type, text.clone(), None).await.is(200)["fingerprint"],
            body["fingerprint"]
        );
    }
    assert_eq!(client.all("/v1/rubrics").await.len(), cases.len(), "looking at a rubric keeps none");
    // GDPval's files hold the list as text inside JSON: it is the same rubric.
    let text = serde_json::to_string(&gdpval).unwrap();
    client.send("/v1/rubrics?format=gdpval", "application/json", text, None).await.is(200);
    // The same title with other content is a new version.
    let one = client
        .post("/v1/rubrics", &json!({"title": "T", "criteria": [{"id": "a", "requirement": "One.", "points": 1}]}))
        .await
        .is(201);
    let two = client
        .post("/v1/rubrics", &json!({"title": "T", "criteria": [{"id": "a", "requirement": "Two.", "points": 1}]}))
        .await
        .is(201);
    assert_eq!((&two["id"], two["version"].as_u64()), (&one["id"], Some(2)));
    assert_ne!(two["fingerprint"], one["fingerprint"]);
    let old = client.get(&format!("/v1/rubrics/{}?version=1", one["id"].as_str().unwrap())).await.is(200);
    assert_eq!(old["criteria"][0]["requirement"], "One.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systems_are_compared_in_both_orders_and_battles_from_elsewhere_count() {
    let (server, home) = scripted(as_planted()).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let (_, submissions) = bring_in(&client).await;
    let asked = json!({"task_id": TASK, "a": submissions[0], "b": submissions[1]});
    let accepted = client.post("/v1/comparisons", &asked).await;
    let id = accepted.is(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(accepted.header("location"), format!("/v1/comparisons/{id}"));
    let done = client.settled(&format!("/v1/comparisons/{id}")).await;
    assert_eq!((done["status"].as_str(), done["outcome"].as_str()), (Some("completed"), Some("a")), "{done}");
    assert_eq!(server.count(), 2 * JUDGES.len() as u64);
    let votes = done["votes"].as_array().unwrap();
    for judge in JUDGES {
        let orders: Vec<&str> =
            votes.iter().filter(|vote| vote["judge"] == judge).map(|vote| vote["order"].as_str().unwrap()).collect();
        assert_eq!(orders.len(), 2, "{judge}: {orders:?}");
        assert_ne!(orders[0], orders[1], "{judge} is asked in both orders");
    }
    let cleo = done["judges"].as_array().unwrap().iter().find(|one| one["judge"] == "cleo").unwrap();
    assert_eq!((cleo["outcome"].as_str(), cleo["order_inconsistent"].as_bool()), (Some("tie"), Some(true)), "{done}");

    let jsonl = "{\"model_a\":\"human\",\"model_b\":\"atlas-small\",\"winner\":\"model_a\",\"task_id\":\"x1\"}\n{\"model_a\":\"human\",\"model_b\":\"third\",\"winner\":\"tie\",\"task_id\":\"x2\"}\n";
    assert_eq!(client.send("/v1/comparisons/import", "application/jsonl", jsonl, None).await.is(201)["imported"], 2);
    let csv = "model_a,model_b,winner,task_id\nthird,atlas-small,model_a,x3\natlas-small,human,both_bad,x4\natlas-small,human,model_a,x5\n";
    assert_eq!(client.send("/v1/comparisons/import", "text/csv", csv, None).await.is(201)["imported"], 3);
    let bad = "model_a,model_b,winner\nhuman,third,tie\nhuman,third,draw\n";
    client.send("/v1/comparisons/import", "text/csv", bad, None).await.is_problem(422, "invalid", &["row 2", "draw"]);

    let board = client.get("/v1/leaderboard").await.is(200);
    assert_eq!(board["method"], "bradley_terry");
    let board = &board["boards"][0];
    assert_eq!(
        (board["judged"].as_u64(), board["imported"].as_u64(), board["both_bad"].as_u64()),
        (Some(1), Some(5), Some(1)),
        "a bad file left nothing: {board}"
    );
    assert_eq!(board["rows"].as_array().unwrap().len(), 3);
    let rates = client.get("/v1/leaderboard?method=win_rate").await.is(200);
    let rating = |row: &Value| (row["system"].as_str().unwrap().to_owned(), row["rating"].as_f64().unwrap());
    let rates: Vec<(String, f64)> = rates["boards"][0]["rows"].as_array().unwrap().iter().map(rating).collect();
    // A tie is half a win: third 1.5 of 2, human 2.5 of 4, atlas-small 1 of 4.
    assert_eq!(rates, [("third".to_owned(), 0.75), ("human".to_owned(), 0.625), ("atlas-small".to_owned(), 0.25)]);
    let anchored = client.get("/v1/leaderboard?anchor=third&anchor_rating=1500").await.is(200);
    let third =
        anchored["boards"][0]["rows"].as_array().unwrap().iter().find(|row| row["system"] == "third").unwrap().clone();
    assert!((third["rating"].as_f64().unwrap() - 1500.0).abs() < 1e-6, "{third}");

    let csv = client.get("/v1/leaderboard?format=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.text().lines().count(), 4, "a head and three systems: {}", csv.text());
    let svg = client.get("/v1/leaderboard?format=svg").await;
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    assert!(svg.text().trim_start().starts_with("<svg") && svg.text().contains("third"), "{}", svg.text());
    client.get("/v1/leaderboard?method=davidson").await.is_problem(501, "not_implemented", &["davidson"]);
    client.get("/v1/leaderboard?method=magic").await.is_problem(422, "invalid", &["magic", "bradley_terry"]);
    client.get("/v1/leaderboard?format=xls").await.is_problem(400, "invalid_query", &["xls", "csv"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_tells_of_itself_and_says_what_it_does_not_do() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    assert_eq!(client.get("/healthz").await.is(200)["status"], "ok");
    assert_eq!(client.get("/readyz").await.is(200)["status"], "ready");
    let metrics = client.get("/metrics").await;
    assert!(
        metrics.header("content-type").starts_with("text/plain")
            && metrics.text().contains("empanel_http_requests_total")
    );
    let document = client.get("/openapi.json").await.is(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/v1/rubrics",
        "/v1/tasks",
        "/v1/submissions",
        "/v1/gradings",
        "/v1/gradings/{id}/events",
        "/v1/comparisons/import",
        "/v1/reviews/{id}/claim",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is not in the document");
    }
    assert_eq!(client.get("/docs").await.status, 200);

    let id = "0198c0de-0000-7000-8000-000000000000";
    for (method, path) in [
        ("POST", "/v1/quotes".to_owned()),
        ("GET", "/v1/judges/ada/report".to_owned()),
        ("POST", "/v1/webhooks".to_owned()),
        ("GET", "/v1/audit".to_owned()),
        ("GET", "/v1/audit/verify".to_owned()),
        ("GET", "/v1/export?what=votes".to_owned()),
        ("POST", format!("/v1/reviews/{id}/decline")),
        ("GET", format!("/v1/submissions/{id}/pages/1.png")),
    ] {
        Answer::of(client.request(method, &path)).await.is_problem(
            501,
            "not_implemented",
            &["not part of this version"],
        );
    }
    let healthbench = client.send("/v1/rubrics?format=healthbench", "application/json", "[]", None).await;
    healthbench.is_problem(501, "not_implemented", &["healthbench"]);
    client.get("/v1/nothing").await.is_problem(404, "not_found", &["/v1/nothing"]);
    let wrong = Answer::of(client.request("DELETE", "/v1/tasks")).await;
    wrong.is_problem(405, "method_not_allowed", &["GET"]);
    assert!(wrong.header("allow").contains("POST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_and_lexical_judges_grade_without_a_network() {
    let home = Home::new("");
    home.write("replies.jsonl", "");
    let recorded = "[[judges]]\nname = \"tape\"\nprovider = \"recorded\"\nreplies = \"replies.jsonl\"\n";
    home.configure("", &format!("{recorded}{}", panel(&["tape", "lexical-strict", "lexical-lenient"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric =
        json!({"criteria": [{"id": "total", "requirement": "The total revenue is 4,512 dollars.", "points": 2}]});
    let rubric = client.rubric(&rubric).await;
    let grading = client.grade(&client.text("s", "Revenue in total: 4,512 dollars.").await, &rubric).await;
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!((done["status"].as_str(), done["score"]["value"].as_f64()), (Some("partial"), Some(1.0)), "{done}");
    let votes = client.votes(&grading).await;
    let tape = votes.iter().find(|vote| vote["judge"] == "tape").unwrap().clone();
    assert_eq!(
        (tape["cause"].as_str(), tape["answer"].is_null()),
        (Some("not_recorded"), true),
        "nothing is made up: {tape}"
    );
    let lexical = votes.iter().find(|vote| vote["judge"] == "lexical-strict").unwrap();
    assert!(
        lexical["reason"].as_str().unwrap().contains("not a reading") || lexical["model"] == "lexical/1",
        "it says what it is: {lexical}"
    );

    // What is recorded for exactly this prompt is replayed.
    let prompt = tape["fingerprint"]["prompt"].as_str().unwrap();
    let reply = json!({"evidence": [{"file": "message", "where": "", "quote": "4,512"}], "reason": "recorded", "answer": "UNMET"}).to_string();
    home.write("replies.jsonl", json!({"prompt": prompt, "reply": reply}).to_string());
    drop(service);
    let service = Service::start(&home).await;
    let client = service.client();
    client.post(&format!("/v1/gradings/{grading}/retry"), &json!({})).await.is(202);
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    let tape = client.votes(&grading).await.into_iter().find(|vote| vote["judge"] == "tape").unwrap();
    assert_eq!((tape["answer"].as_str(), tape["reason"].as_str()), (Some("UNMET"), Some("recorded")), "{tape}");
}
