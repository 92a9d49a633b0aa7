//! The main job over HTTP, end to end: real deliverables in, a panel's verdicts out, a human overrules, the
//! leaderboard follows.

use std::collections::BTreeMap;

use empanel::cli::demo::bundle::{Planted, planted};
use empanel::judge::fake::{Action, Call, FakeOpenAi};
use empanel::rubric::{Format, import};
use serde_json::{Value, json};

use crate::support::{Client, Home, Service, asker, bytes_of, judge, panel, requirement, verdicts};

pub const TASK: &str = "care-plan";
pub const JUDGES: [&str; 3] = ["anna", "ben", "cleo"];
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
pub fn as_planted() -> impl Fn(&Call) -> Action + Send + Sync + 'static {
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
            // A comparison: `anna` and `ben` prefer the human whatever the order, `cleo` what it is shown first.
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

pub async fn scripted(script: impl Fn(&Call) -> Action + Send + Sync + 'static) -> (FakeOpenAi, Home) {
    let server = FakeOpenAi::start(script).await;
    let judges: String = JUDGES.iter().map(|name| judge(name, &server, "")).collect();
    let review = "review = { reviewers = 1, split = true, inconclusive = false, unverified_evidence = false, random_share = 0.0 }";
    let home = Home::new(&format!("{judges}{}", panel(&JUDGES, review)));
    (server, home)
}

/// The task with its references and rubric, and the deliverables of both systems; the submissions' ids.
pub async fn bring_in(client: &Client) -> (String, Vec<String>) {
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
        let vote = votes.iter().find(|vote| vote["criterion_id"] == id && vote["judge"] == "anna").unwrap();
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
    // No judge's name could stand in a hexadecimal id by chance.
    for secret in ["human", "atlas", "anna", "ben", "cleo", "MET", "split", "\"met\""] {
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
        agreement["pairs"].as_array().unwrap().iter().find(|pair| pair["judges"] == json!(["anna", "cleo"])).unwrap();
    assert_eq!(perfect["raw"]["value"], 1.0, "{perfect}");
    assert_eq!(client.get("/v1/agreement?panel=default").await.is(200)["gradings"], 2);

    let by_sector = client.get("/v1/leaderboard?method=score&by=sector").await.is(200);
    assert_eq!(by_sector["boards"][0]["slice"], "Health care", "{by_sector}");
    let of_one_judge = client.get("/v1/leaderboard?method=score&judge=ben").await.is(200);
    assert!(of_one_judge["judges"].as_str().unwrap().contains("`ben`"), "{of_one_judge}");

    let judges = client.get("/v1/judges").await.is(200);
    let names: Vec<&str> =
        judges["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(JUDGES.iter().all(|name| names.contains(name)), "{judges}");
    assert_eq!(judges["default_panel"], "default");
}
