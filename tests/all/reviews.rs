//! Questions for people, as the people meet them: blind, once each, with decisions that hold.

use std::io::Write;

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, asker, judge, key, panel, run, statements};

/// anna says MET, ben UNMET; both say why in words that stand nowhere else.
async fn at_odds() -> FakeOpenAi {
    FakeOpenAi::start(|call| {
        let (answer, reason) = if asker(call) == "anna" { ("MET", "quagga") } else { ("UNMET", "okapi") };
        Action::text(&json!({"evidence": [], "reason": format!("The {reason} says so."), "answer": answer}).to_string())
    })
    .await
}

fn bench(server: &FakeOpenAi, policy: &str) -> String {
    format!("{}{}{}", judge("anna", server, ""), judge("ben", server, ""), panel(&["anna", "ben"], policy))
}

/// One service with a key per person.
struct Office {
    _home: Home,
    _service: Service,
    people: Vec<Client>,
    admin: Client,
}

async fn office(config: &str, people: &[&str]) -> Office {
    let home = Home::new(config);
    let mut keys = Vec::new();
    for name in people {
        keys.push(key(&home, "reviewer", "p", name).await);
    }
    let admin = key(&home, "admin", "p", "lead").await;
    let service = Service::start(&home).await;
    let people = keys.iter().map(|key| service.client().with_key(key)).collect();
    let admin = service.client().with_key(&admin);
    Office { _home: home, _service: service, people, admin }
}

impl Office {
    /// A judged grading of some text with so many criteria.
    async fn graded(&self, system: &str, text: &str, criteria: usize) -> Value {
        let rubric = self.admin.post("/v1/rubrics", &statements(criteria)).await;
        let rubric = serde_json::from_str::<Value>(rubric.text()).unwrap()["id"].as_str().unwrap().to_owned();
        let grading = self.admin.grade(&self.admin.text(system, text).await, &rubric).await;
        self.admin.settled(&format!("/v1/gradings/{grading}")).await
    }
}

async fn claimed(who: &Client, at: &str) -> Value {
    who.post(&format!("{at}/claim"), &json!({})).await.is(200)["lease_token"].clone()
}

async fn answer(who: &Client, at: &str, value: &str) -> Value {
    let given = json!({"lease_token": claimed(who, at).await, "value": value, "reason": "Looked."});
    who.post(&format!("{at}/submit"), &given).await.is(200)
}

fn first_review(grading: &Value) -> String {
    format!("/v1/reviews/{}", grading["review"]["review_ids"][0].as_str().unwrap())
}

/// Every byte of an answer, head and body, in lower case.
async fn received(who: &Client, method: &str, path: &str) -> String {
    let answer = who.request(method, path).header("content-type", "application/json").body("{}").send().await.unwrap();
    let mut text: String = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    text.push_str(&String::from_utf8_lossy(&answer.bytes().await.unwrap()));
    text.to_lowercase()
}

/// An office file whose properties name its maker; its text does not.
fn package() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let parts = [
        ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
        (
            "word/document.xml",
            "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r><w:t>A memo about revenue.</w:t></w:r></w:p></w:body></w:document>",
        ),
        ("docProps/core.xml", "<core><creator>Zorilla-9 harness</creator></core>"),
    ];
    for (name, text) in parts {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_that_a_blind_reviewer_receives_tells_who_made_it_or_what_anybody_said() {
    let server = at_odds().await;
    let office = office(&bench(&server, "review = { reviewers = 2 }"), &["rob", "sue"]).await;
    let [rob, sue] = [&office.people[0], &office.people[1]];
    let rubric = office.admin.rubric(&statements(1)).await;
    let asked = json!({"rubric_id": rubric, "system": "Zorilla-9", "prompt": "Write a memo."});
    let docx = package();
    let files: [(&str, &[u8]); 3] =
        [("zorilla-9_out.txt", b"Revenue is 42."), ("memo.docx", &docx), ("plain.txt", b"More.")];
    let grading = office.admin.upload("/v1/gradings", "grading", &asked, &files).await.is(202);
    let grading = office.admin.settled(&format!("/v1/gradings/{}", grading["id"].as_str().unwrap())).await;
    let at = first_review(&grading);
    let page = at.replace("/v1", "");
    // Somebody else has answered already.
    let token = claimed(sue, &at).await;
    let given = json!({"lease_token": token, "value": "unmet", "reason": "The gerenuk is missing."});
    sue.post(&format!("{at}/submit"), &given).await.is(200);

    let secrets = ["zorilla", "quagga", "okapi", "gerenuk", "split", "disagree", "\"met\"", "\"unmet\"", "anna", "ben"];
    let mut looked_at = 0;
    let mut look = async |method: &str, path: String| {
        let text = received(rob, method, &path).await;
        for secret in secrets {
            let allowed = secret.starts_with('"') && path.starts_with("/reviews");
            assert!(allowed || !text.contains(secret), "{secret} in {method} {path}: {text}");
        }
        looked_at += text.len();
        text
    };
    for path in ["/v1/reviews", "/v1/reviews?state=submitted", "/v1/reviews/progress", "/reviews", "/"] {
        look("GET", path.to_owned()).await;
    }
    look("GET", at.clone()).await;
    look("GET", page.clone()).await;
    look("POST", format!("{at}/claim")).await;
    // What is shown to who holds it.
    assert!(look("GET", page.clone()).await.contains("statement 0."));
    for n in 0..3 {
        look("GET", format!("{page}/work?file={n}")).await;
        look("GET", format!("{page}/work/{n}/original")).await;
        look("GET", format!("{page}/work/{n}/page/1.png")).await;
        look("GET", format!("{page}/work?file={n}&view=text&criterion=1&judge=lexical&quote=0")).await;
        look("GET", format!("{at}/files/{n}")).await;
    }
    assert!(
        look("GET", format!("{page}/work?file=1")).await.contains("a memo about revenue"),
        "it can be read as text"
    );
    assert!(looked_at > 20_000, "the pages were there: {looked_at} bytes");
    let refused = rob.get(&format!("{at}/files/1")).await;
    refused.is_problem(409, "not_blind", &["properties", "as text"]);
    assert_eq!(rob.get(&format!("{at}/files/0")).await.text(), "Revenue is 42.");
    assert!(rob.get(&format!("{at}/files/0")).await.header("content-disposition").contains("file%201.txt"));

    // The question about the same after the answer: everything, and that it was shown is on record.
    let told = rob.get(&at).await.is(200);
    let token = office.admin.get("/v1/audit").await.is(200);
    assert!(
        !token.to_string().contains("review.revealed\\\",\\\"subject\\\":\\\"grading") || told["answers"] == json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_looked_at_the_judges_answers_is_not_blind_and_is_left_out_of_agreement() {
    let server = at_odds().await;
    let office = office(&bench(&server, ""), &["rob", "sue"]).await;
    let [rob, sue] = [&office.people[0], &office.people[1]];
    let grading = office.graded("atlas", "Revenue is 42.", 2).await;
    let ids: Vec<String> = grading["review"]["review_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| format!("/v1/reviews/{}", id.as_str().unwrap()))
        .collect();
    rob.get(&format!("/v1/gradings/{}/votes", grading["id"].as_str().unwrap())).await.is(200);
    let sighted = answer(rob, &ids[0], "met").await;
    assert_eq!((&sighted["state"], &sighted["answers"][0]["blind"]), (&json!("agreed"), &json!(false)), "{sighted}");
    let blind = answer(sue, &ids[1], "met").await;
    assert_eq!(blind["answers"][0]["blind"], json!(true), "{blind}");

    let report = office.admin.get("/v1/reviews/report").await.is(200);
    let people: Vec<(&str, u64, u64)> = report["reviewers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["reviewer"].as_str().unwrap(), one["answered"].as_u64().unwrap(), one["sighted"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(people, [("rob", 1, 1), ("sue", 1, 0)]);
    assert_eq!(report["states"]["agreed"], 2);
    // Reversals are of blind answers; a split has no verdict of the panel to reverse.
    assert_eq!(report["reversals"], json!([]), "{report}");
    assert_eq!(report["systems"][0]["questions"], 2);
    assert!(report["humans"]["raw"]["value"].is_null() && report["humans"]["raw"]["undefined"].is_string());
    rob.get("/v1/reviews/report").await.is_problem(403, "forbidden", &["admin"]);

    let log = office.admin.all("/v1/audit").await;
    let acts: Vec<String> = log
        .iter()
        .map(|one| format!("{} {}", one["entry"]["actor"].as_str().unwrap(), one["entry"]["action"].as_str().unwrap()))
        .collect();
    assert_eq!(acts.iter().filter(|act| *act == "rob review.revealed").count(), 2, "votes, then the answer: {acts:?}");
    assert!(acts.contains(&"sue review.answered".to_owned()) && acts.contains(&"sue review.resolved".to_owned()));
    let whole = office.admin.get("/v1/audit/verify").await.is(200);
    assert_eq!((&whole["state"], whole["entries"].as_u64()), (&json!("whole"), Some(log.len() as u64)));
    let noted = format!("/v1/audit/verify?seq={}&hash={}", log.len(), whole["head"].as_str().unwrap());
    assert_eq!(office.admin.get(&noted).await.is(200)["state"], "whole");
    let other = format!("/v1/audit/verify?seq=1&hash={}", whole["head"].as_str().unwrap());
    assert_eq!(office.admin.get(&other).await.is(200)["broken_at"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_effect_of_a_decision_is_told_before_it_is_made_and_it_is_undone_by_another() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let office = office(&bench(&server, NO_REVIEWS), &["rob"]).await;
    let rob = &office.people[0];
    let grading = office.graded("atlas", "Revenue is 42.", 3).await;
    let at = format!("/v1/gradings/{}", grading["id"].as_str().unwrap());
    let preview = format!("{at}/overrides/preview");
    // Statements 0 to 2 have 1, 2 and 3 points.
    let effect = rob.post(&preview, &json!({"criterion_id": "c1", "value": "unmet"})).await.is(200);
    assert_eq!(effect["before"]["score"], 1.0);
    assert!((effect["after"]["score"].as_f64().unwrap() - 4.0 / 6.0).abs() < 1e-12, "{effect}");
    assert_eq!(effect["after"]["verdicts"], json!([{"criterion_id": "c1", "verdict": "unmet"}]));
    assert_eq!(effect["before"]["verdicts"], json!([{"criterion_id": "c1", "verdict": "met"}]));
    assert_eq!(rob.all(&format!("{at}/overrides")).await, Vec::<Value>::new(), "nothing is kept");

    let whole = json!({"score": 0.2, "reason": "Unusable as it stands."});
    assert_eq!(rob.post(&preview, &whole).await.is(200)["after"]["score"], 0.2);
    rob.post(&format!("{at}/overrides"), &json!({"score": 1.2, "reason": "x"}))
        .await
        .is_bad_field("/score", &["between 0 and 1"]);
    rob.post(&format!("{at}/overrides"), &json!({"score": null, "reason": "x"}))
        .await
        .is_bad_field("/score", &["nothing to take back"]);
    rob.post(&format!("{at}/overrides"), &json!({"score": 0.2})).await.is_bad_field("/reason", &["empty"]);
    rob.post(&format!("{at}/overrides"), &json!({"score": 0.2, "criterion_id": "c1", "value": "met", "reason": "x"}))
        .await
        .is_bad_field("/score", &["stands alone"]);
    let set = rob.post(&format!("{at}/overrides"), &whole).await.is(201);
    assert_eq!((&set["score"], &set["set_score"], &set["criterion_id"]), (&json!(0.2), &json!(0.2), &Value::Null));
    let after = rob.get(&at).await.is(200);
    assert_eq!((&after["score"]["value"], &after["score"]["without_overrides"]), (&json!(0.2), &json!(1.0)), "{after}");
    assert_eq!((&after["score"]["set"]["computed"], &after["score"]["set"]["by"]), (&json!(1.0), &json!("rob")));
    assert!(after["score"]["interval"].is_null(), "resampled criteria say nothing of it");
    let board = office.admin.get("/v1/leaderboard?method=score").await.is(200);
    assert_eq!(board["boards"][0]["rows"][0]["rating"], 0.2, "{board}");
    assert_eq!(
        office.admin.get("/v1/leaderboard?method=score&overrides=without").await.is(200)["boards"][0]["rows"][0]["rating"],
        1.0
    );

    rob.post(&format!("{at}/overrides"), &json!({"score": null, "reason": "A mistake."})).await.is(201);
    assert_eq!(rob.get(&at).await.is(200)["score"]["value"], 1.0);
    assert_eq!(rob.all(&format!("{at}/overrides")).await.len(), 2, "nothing is erased");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_remembered_for_the_same_criterion_of_the_same_content() {
    let server = at_odds().await;
    let office = office(&bench(&server, "cache = \"off\""), &["rob"]).await;
    let rob = &office.people[0];
    let first = office.graded("atlas", "Revenue is 42.", 2).await;
    assert_eq!(first["review"]["review_ids"].as_array().unwrap().len(), 2);
    answer(rob, &first_review(&first), "unmet").await;

    let again = office.graded("boreas", "Revenue is 42.", 2).await;
    let asked = again["review"]["review_ids"].as_array().unwrap();
    assert_eq!(asked.len(), 1, "nobody is asked a second time: {again}");
    let decided = office.admin.all(&format!("/v1/gradings/{}/overrides", again["id"].as_str().unwrap())).await;
    assert_eq!((decided.len(), &decided[0]["value"], &decided[0]["author"]), (1, &json!("unmet"), &json!("rob")));
    assert_eq!(decided[0]["remembered"]["grading_id"], first["id"], "it says where it was decided");
    let sources: Vec<&str> =
        again["criteria"].as_array().unwrap().iter().map(|one| one["source"].as_str().unwrap()).collect();
    assert!(sources.contains(&"override") && sources.contains(&"panel"), "{sources:?}");

    let other = office.graded("atlas", "Revenue is 43.", 2).await;
    assert_eq!(other["review"]["review_ids"].as_array().unwrap().len(), 2, "other content is asked about");
    // Taken back, it is forgotten.
    let criterion = decided[0]["criterion_id"].as_str().unwrap();
    let back = json!({"criterion_id": criterion, "value": "withdrawn", "reason": "I was wrong."});
    rob.post(&format!("/v1/gradings/{}/overrides", again["id"].as_str().unwrap()), &back).await.is(201);
    let third = office.graded("corvus", "Revenue is 42.", 2).await;
    assert_eq!(third["review"]["review_ids"].as_array().unwrap().len(), 2);
    // Remembered decisions are nobody's answers.
    let report = office.admin.get("/v1/reviews/report").await.is(200);
    assert_eq!(report["reviewers"][0]["answered"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_look_without_the_rubric_tell_what_the_panel_misses() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let policy = "review = { random_share = 0.0, discovery_share = 1.0 }";
    let office = office(&bench(&server, policy), &["rob", "sue", "ann"]).await;
    let [rob, sue, ann] = [&office.people[0], &office.people[1], &office.people[2]];
    let grading = office.graded("atlas", "Revenue is 42.", 1).await;
    let at = first_review(&grading);
    let claimed_by = async |who: &Client| who.post(&format!("{at}/claim"), &json!({})).await.is(200);
    let question = claimed_by(rob).await;
    assert_eq!(
        (&question["kind"], &question["criterion"], &question["text"]),
        (&json!("discovery"), &Value::Null, &json!("Revenue is 42."))
    );
    let error = |what: &str| json!({"what": what, "severity": "bad", "place": "line 1"});
    let submit = async |who: &Client, token: &Value, errors: Value| {
        who.post(&format!("{at}/submit"), &json!({"lease_token": token, "errors": errors})).await
    };
    submit(rob, &question["lease_token"], json!([error(" ")])).await.is_bad_field("/errors/0/what", &["empty"]);
    let verdict = json!({"lease_token": question["lease_token"], "value": "met"});
    rob.post(&format!("{at}/submit"), &verdict).await.is_bad_field("/errors", &["discovery"]);
    submit(rob, &question["lease_token"], json!([error("No source."), error("Wrong year.")])).await.is(200);
    let second = claimed_by(sue).await;
    let answered =
        submit(sue, &second["lease_token"], json!([error("The year is wrong."), error("No unit.")])).await.is(200);
    assert_eq!(answered["state"], "conflict", "lists are put together by somebody else");
    let merged = json!({"reason": "Three errors.", "errors": [
        {"what": "No source.", "severity": "bad", "found_by": ["rob"]},
        {"what": "Wrong year.", "severity": "catastrophic", "found_by": ["rob", "sue"], "caught_by": "c0"},
        {"what": "No unit.", "severity": "acceptable_but_subpar", "found_by": ["sue"]}]});
    let wrong = |field: &str, value: Value| {
        let mut wrong = merged.clone();
        wrong["errors"][0][field] = value;
        wrong
    };
    let (resolve, nobody) = (format!("{at}/resolve"), wrong("found_by", json!(["max"])));
    ann.post(&resolve, &nobody).await.is_bad_field("/errors/0/found_by", &["max"]);
    ann.post(&resolve, &wrong("caught_by", json!("c9"))).await.is_bad_field("/errors/0/caught_by", &["c9"]);
    rob.post(&format!("{at}/resolve"), &merged).await.is_problem(409, "invalid_state", &["rob"]);
    ann.post(&format!("{at}/resolve"), &merged).await.is(200);
    let missed = office.admin.get("/v1/reviews/report").await.is(200)["missed"].clone();
    assert_eq!((&missed["searched"], &missed["found"], &missed["caught"]), (&json!(1), &json!(3), &json!(1)));
    // Chapman: 3 * 3 / 2 - 1.
    assert_eq!(missed["total"]["value"], 3.5, "{missed}");
    assert!(missed["caught_share"]["low"].as_f64().unwrap() < 1.0 / 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preference_is_asked_for_in_an_order_of_ones_own_and_is_a_battle_of_its_own() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let names: Vec<String> = (0..8).map(|n| format!("person{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let office = office(&bench(&server, NO_REVIEWS), &names).await;
    office.admin.post("/v1/tasks", &json!({"task_id": "t", "prompt": "Write a memo."})).await.is(201);
    let of = async |system: &str, text: &str| {
        let body = json!({"task_id": "t", "system": system, "text": text});
        office.admin.post("/v1/submissions", &body).await.is(201)["id"].as_str().unwrap().to_owned()
    };
    let (a, b) = (of("zorilla", "The good memo.").await, of("genet", "The bad memo.").await);
    let opened = json!({"kind": "preference", "a": a, "b": b, "reviewers": 5});
    office.people[0]
        .post("/v1/reviews", &json!({"kind": "preference", "a": a, "b": a}))
        .await
        .is_bad_field("/b", &["two"]);
    let review = office.people[0].post("/v1/reviews", &opened).await.is(201);
    let at = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
    for who in &office.people[..5] {
        let question = who.post(&format!("{at}/claim"), &json!({})).await.is(200);
        assert!(!question.to_string().contains("zorilla") && question.get("compared").is_none(), "{question}");
        assert_eq!(question["task"], "Write a memo.");
        let good = if question["sides"][0]["text"] == "The good memo." { "first" } else { "second" };
        let body = json!({"lease_token": question["lease_token"], "value": good});
        who.post(&format!("{at}/submit"), &body).await.is(200);
    }
    // Whatever the coin of each was, they meant the same.
    for who in &office.people {
        // `a` and `b` are the same two for everybody who is told whose they are, and for who decides between reviewers.
        assert_eq!(who.get(&at).await.is(200)["sides"][0]["text"], "The good memo.");
    }
    let settled = office.people[0].get(&at).await.is(200);
    assert_eq!((&settled["state"], &settled["resolution"]["value"]), (&json!("agreed"), &json!("a")), "{settled}");
    assert_eq!(settled["compared"]["a"], json!(a));
    let board = office.admin.get("/v1/leaderboard?method=win_rate").await.is(200);
    assert_eq!(
        (&board["boards"][0]["rows"][0]["system"], &board["boards"][0]["rows"][0]["rating"]),
        (&json!("zorilla"), &json!(1.0)),
        "{board}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_of_a_panel_say_what_goes_to_people() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let policy = "review = { random_share = 0.0, must_pass = true, stake = 0.4 }";
    let office = office(&bench(&server, policy), &["rob"]).await;
    let rubric = json!({"title": "r", "criteria": [
        {"id": "gate", "requirement": "A.", "points": 1, "gate": "must_pass"},
        {"id": "large", "requirement": "B.", "points": 5},
        {"id": "small", "requirement": "C.", "points": 2}]});
    let rubric = office.admin.rubric(&rubric).await;
    let grading = office.admin.grade(&office.admin.text("atlas", "x").await, &rubric).await;
    let done = office.admin.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["review"]["reasons"], json!(["must_pass:gate", "stake:large"]));
    // The queue is in the order of the points at stake; why something was opened is not told.
    let queue = office.people[0].all("/v1/reviews?state=open").await;
    let told: Vec<(&str, f64)> =
        queue.iter().map(|one| (one["criterion_id"].as_str().unwrap(), one["stake"].as_f64().unwrap())).collect();
    assert_eq!(told, [("large", 5.0), ("gate", 2.0)]);
    assert!(queue.iter().all(|one| one["priority"].is_null() && one["reason"].is_null()));
    let first = office.people[0].get("/v1/reviews?state=open&limit=1").await.is(200);
    let next = format!("/v1/reviews?state=open&limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(office.people[0].get(&next).await.is(200)["items"][0]["criterion_id"], "gate");

    let at = format!("/v1/reviews/{}", queue[0]["id"].as_str().unwrap());
    office.people[0].post(&format!("{at}/withdraw"), &json!({"reason": "Not needed."})).await.is_problem(
        403,
        "forbidden",
        &[],
    );
    office.admin.post(&format!("{at}/withdraw"), &json!({"reason": " "})).await.is_bad_field("/reason", &["empty"]);
    let gone = office.admin.post(&format!("{at}/withdraw"), &json!({"reason": "Not needed."})).await.is(200);
    assert_eq!((&gone["state"], &gone["withdrawn"]["by"]), (&json!("withdrawn"), &json!("lead")));
    office.people[0].post(&format!("{at}/claim"), &json!({})).await.is_problem(409, "invalid_state", &["withdrawn"]);
    let after = office.admin.get(&format!("/v1/gradings/{grading}")).await.is(200);
    assert_eq!(after["status"], "awaiting_review", "the other question still waits");
    answer(&office.people[0], &format!("/v1/reviews/{}", queue[1]["id"].as_str().unwrap()), "met").await;
    assert_eq!(office.admin.get(&format!("/v1/gradings/{grading}")).await.is(200)["status"], "completed");

    let by_hand = json!({"kind": "criterion", "grading_id": grading, "criterion_id": "small"});
    let opened = office.people[0].post("/v1/reviews", &by_hand).await.is(201);
    assert_eq!(opened["selection_probability"], Value::Null);
    office.people[0].post("/v1/reviews", &by_hand).await.is_problem(
        409,
        "already_asked",
        &[opened["id"].as_str().unwrap()],
    );
    assert_eq!(office.admin.get(&format!("/v1/gradings/{grading}")).await.is(200)["status"], "awaiting_review");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_take_the_same_question_at_once_and_a_kill_leave_each_answer_exactly_once() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let policy = "review = { reviewers = 3, random_share = 1.0 }";
    let home = Home::new(&bench(&server, policy));
    let mut keys = Vec::new();
    for n in 0..8 {
        keys.push(key(&home, "reviewer", "p", &format!("person{n}")).await);
    }
    let admin = key(&home, "admin", "p", "lead").await;
    let service = Service::start(&home).await;
    let lead = service.client().with_key(&admin);
    let rubric = lead.rubric(&statements(12)).await;
    let grading = lead.grade(&lead.text("atlas", "x").await, &rubric).await;
    let ids =
        lead.settled(&format!("/v1/gradings/{grading}")).await["review"]["review_ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 12);
    let work = |client: Client, ids: Vec<Value>| async move {
        let mut acknowledged = Vec::new();
        for id in ids {
            let at = format!("/v1/reviews/{}", id.as_str().unwrap());
            for _ in 0..200 {
                let Ok(claim) = client.request("POST", &format!("{at}/claim")).send().await else {
                    return acknowledged;
                };
                if claim.status() == 200 {
                    let Ok(body) = claim.json::<Value>().await else { return acknowledged };
                    let given = json!({"lease_token": body["lease_token"], "value": "met", "reason": "Looked."});
                    let sent = client.request("POST", &format!("{at}/submit")).json(&given).send().await;
                    match sent {
                        Ok(answer) if answer.status() == 200 => acknowledged.push((at.clone(), given)),
                        Ok(answer) => panic!("{}", answer.text().await.unwrap()),
                        Err(_) => return acknowledged,
                    }
                    break;
                }
                let problem = claim.text().await.unwrap_or_default();
                if !problem.contains("from claimed")
                    && !problem.contains("is claimed")
                    && !problem.contains("`claimed`")
                {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        acknowledged
    };
    let started: Vec<_> =
        keys.iter().map(|key| tokio::spawn(work(service.client().with_key(key), ids.clone()))).collect();
    // Killed when about half of the 36 answers are in.
    crate::support::wait_for("answers", async || {
        let all = lead.all("/v1/reviews").await;
        (all.iter().map(|one| one["answered"].as_u64().unwrap()).sum::<u64>() >= 12).then_some(())
    })
    .await;
    service.kill9();
    let mut acknowledged = Vec::new();
    for (person, task) in started.into_iter().enumerate() {
        acknowledged.extend(task.await.unwrap().into_iter().map(|(at, given)| (person, at, given)));
    }
    assert!(acknowledged.len() >= 6, "{}", acknowledged.len());

    let service = Service::start(&home).await;
    let lead = service.client().with_key(&admin);
    for (person, at, given) in &acknowledged {
        // The same again changes nothing.
        let client = service.client().with_key(&keys[*person]);
        let again = client.post(&format!("{at}/submit"), given).await.is(200);
        let own = format!("person{person}");
        let mine = again["answers"].as_array().unwrap().iter().filter(|one| one["reviewer"] == json!(own)).count();
        assert_eq!(mine, 1, "{again}");
    }
    for review in lead.all("/v1/reviews").await {
        assert!(review["answered"].as_u64().unwrap() <= 3, "{review}");
    }
    assert_eq!(lead.get("/v1/audit/verify").await.is(200)["state"], "whole");
    let log = lead.all("/v1/audit").await;
    let answered = log.iter().filter(|one| one["entry"]["action"] == "review.answered").count() as u64;
    let kept: u64 = lead.all("/v1/reviews").await.iter().map(|one| one["answered"].as_u64().unwrap()).sum();
    assert_eq!(answered, kept, "the log tells of each answer once");
    drop(service);
    let config = home.config().display().to_string();
    let said = run(&home, &["audit", "verify", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("project p:") && said.stdout.contains("whole; head "), "{}", said.stdout);
    assert!(said.stdout.contains("keys and configuration: "), "{}", said.stdout);
    run(&home, &["audit", "verify", "--store", "sled:nowhere"]).await.complains(&["no store at nowhere", "--store"]);
    assert!(!home.path("nowhere").exists(), "looking makes nothing");
}
