//! Gradings as a client sees them: watched, many at once, in one request, and by judges without a network.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use empanel::judge::fake::{Action, FakeOpenAi, Gate};
use serde_json::{Value, json};

use crate::main_job::{JUDGES, scripted};
use crate::support::{Answer, DEADLINE, Home, NO_REVIEWS, Service, asker, judge, panel, statements, verdicts};

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
    client.get(&format!("{at}/seen")).await.is_problem(409, "not_judged", &[&grading, "running"]);
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
    let panel = panel(&["anna"], &format!("repeats = 2\ncache = \"off\"\n{NO_REVIEWS}"));
    let home = Home::new(&format!("{}{panel}", judge("anna", &server, "max_concurrency = 5")));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_similarity_earns_its_share_and_the_published_formula_is_over_scores() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let close = json!({"type": "text_similarity", "name": "close", "input": "{{ sample.output_text }}", "reference": "abcdefgh",
        "evaluation_metric": "fuzzy_match", "pass_threshold": 0.9});
    let exact = json!({"type": "string_check", "name": "exact", "input": "{{ sample.output_text }}", "reference": "abcd", "operation": "like"});
    let multi = json!({"type": "multi", "name": "m", "graders": {"close": close, "exact": exact}, "calculate_output": "0.75 * close + 0.25 * exact"});
    let rubric =
        client.send("/v1/rubrics?format=openai_graders", "application/json", multi.to_string(), None).await.is(201);
    let submission = client.text("atlas", "abcdexyz").await;
    let id = client.grade(&submission, rubric["id"].as_str().unwrap()).await;
    let graded = client.settled(&format!("/v1/gradings/{id}")).await;
    // Five of eight letters each way: 1 - 6/16.
    assert_eq!(graded["score"]["value"], 0.75 * 0.625 + 0.25, "{graded}");
    assert_eq!(
        (&graded["criteria"][0]["level"], &graded["criteria"][0]["source"]),
        (&json!("62.5 %"), &json!("check"))
    );
    assert_eq!(graded["cost"]["calls"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_judge_was_sent_can_be_looked_at_for_good_by_who_may_see_the_grading() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, "vision = true"), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    // Wider than judges are sent pictures: it is scaled.
    let mut chart = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(5_000, 40).write_to(&mut chart, image::ImageFormat::Png).unwrap();
    let files = [("chart.png", chart.get_ref().as_slice()), ("note.txt", b"See the chart.".as_slice())];
    let work = client.upload("/v1/submissions", "submission", &json!({"system": "s"}), &files).await.is(201);
    let rubric = client.rubric(&statements(1)).await;
    let grading = client.grade(work["id"].as_str().unwrap(), &rubric).await;
    client.settled(&format!("/v1/gradings/{grading}")).await;
    let other = client.grade(&client.text("s", "Words alone.").await, &rubric).await;
    client.settled(&format!("/v1/gradings/{other}")).await;

    service.kill9();
    let service = Service::start(&home).await;
    let client = service.client();
    let seen = client.get(&format!("/v1/gradings/{grading}/seen")).await.is(200);
    let view = &seen["views"][0];
    assert_eq!((&view["judges"], view["files"].as_array().unwrap().len()), (&json!(["anna"]), 2), "{seen}");
    let picture = &view["pictures"][0];
    assert_eq!((&picture["file"], &picture["where"]), (&json!("chart.png"), &json!("whole file")), "{seen}");
    assert!(picture["width"].as_u64().unwrap() < 5_000, "{seen}");
    let sha256 = picture["sha256"].as_str().unwrap();

    let sent = server.calls()[0].json().to_string();
    let (_, sent) = sent.split_once("data:image/png;base64,").unwrap();
    let at = format!("/v1/gradings/{grading}/seen/{sha256}");
    let got = client.get(&at).await;
    assert_eq!(
        (got.status, got.header("content-type"), got.header("x-content-type-options")),
        (200, "image/png", "nosniff")
    );
    assert_eq!(STANDARD.encode(&got.body), sent.split_once('"').unwrap().0, "byte for byte");
    let page = client.get(&format!("/gradings/{grading}")).await;
    let link = format!("/gradings/{grading}/seen/{sha256}");
    assert!(page.text().contains(&format!("href=\"{link}\"")), "{}", page.text());
    assert_eq!(client.get(&link).await.body, got.body);

    let none = client.get(&format!("/v1/gradings/{other}/seen")).await.is(200);
    assert_eq!(none["views"][0]["pictures"], json!([]));
    // It is kept, and still nobody's but that grading's.
    client.get(&format!("/v1/gradings/{other}/seen/{sha256}")).await.is_problem(404, "not_found", &[&other]);
    client.get(&format!("/v1/gradings/{grading}/seen/no-hash")).await.is_problem(404, "not_found", &[&grading]);
}
