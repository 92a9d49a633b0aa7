//! Leaderboards of the whole program: which comparisons a plan makes, what hangs on one judge, what changed since a
//! snapshot, battles out of scores, and what a lead asks of each system.

use empanel::judge::fake::{Action, Call};
use serde_json::{Value, json};

use crate::main_job::scripted;
use crate::support::{Client, Service, asker, requirement};

/// What a system's deliverable says of itself; the script tells by it who is shown.
fn mark(system: &str) -> String {
    format!("Deliverable of {system}.")
}

async fn submit(client: &Client, task: &str, system: &str, more: &Value) -> String {
    let mut body = json!({"task_id": task, "system": system, "text": mark(system)});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    client.post("/v1/submissions", &body).await.is(201)["id"].as_str().unwrap().to_owned()
}

async fn task(client: &Client, task: &str) {
    let body = json!({"task_id": task, "prompt": format!("Write report {task}."), "sector": "Trade"});
    client.post("/v1/tasks", &body).await.is(201);
}

async fn planned(client: &Client, plan: &Value) -> Value {
    let made = client.post("/v1/comparisons/plan", plan).await.is(202);
    for id in made["ids"].as_array().unwrap() {
        client.settled(&format!("/v1/comparisons/{}", id.as_str().unwrap())).await;
    }
    made
}

/// `x` beats `y` on the reports t0 to t2 for two of the three judges, and on no other; `human` loses to both.
fn three_judges(call: &Call) -> Action {
    let text = call.user_text();
    let x_is_better =
        asker(call) != "cleo" && ["t0", "t1", "t2"].iter().any(|t| text.contains(&format!("report {t}.")));
    let order = if x_is_better { ["x", "y", "human"] } else { ["y", "x", "human"] };
    let mut shown = order.iter().filter_map(|system| text.find(&mark(system)));
    let (better, worse) = (shown.next().unwrap(), shown.next().unwrap());
    Action::answer(if better < worse { "A" } else { "B" })
}

fn counts(plan: &Value) -> (u64, u64) {
    (plan["comparisons"].as_u64().unwrap(), plan["already_compared"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_makes_what_is_missing_and_the_board_says_which_judge_it_hangs_on() {
    let (server, home) = scripted(three_judges).await;
    let service = Service::start(&home).await;
    let client = service.client();
    for n in 0..5 {
        let name = format!("t{n}");
        task(&client, &name).await;
        for system in ["x", "y", "human"] {
            submit(&client, &name, system, &json!({})).await;
        }
    }
    let dry = json!({"plan": "against", "dry_run": true});
    let dry = client.post("/v1/comparisons/plan", &dry).await.is(200);
    assert_eq!((counts(&dry), dry["ids"].as_array().unwrap().len()), ((10, 0), 0), "everybody against human: {dry}");
    assert!(client.all("/v1/comparisons").await.is_empty(), "a dry run makes nothing");
    assert_eq!(server.count(), 0, "and asks nobody");

    let of_two = json!({"plan": "all_pairs", "systems": ["x", "y"]});
    assert_eq!(counts(&planned(&client, &of_two).await), (5, 0));
    let told = client.get("/v1/leaderboard/sensitivity").await.is(200);
    assert_eq!(told["base"]["rows"][0]["system"], "x", "{told}");
    let without = |judge: &str| {
        let what = format!("without judge `{judge}`");
        told["variants"].as_array().unwrap().iter().find(|one| one["what"] == what.as_str()).unwrap().clone()
    };
    assert_eq!(without("anna")["leader_stays"], false, "the two that are left differ where x won: {told}");
    assert_eq!(without("anna")["turned"], json!([["x", "y"]]));
    assert_eq!(without("cleo")["leader_stays"], true, "{told}");

    let asked = server.count();
    assert_eq!(counts(&planned(&client, &of_two).await), (0, 5), "the same plan twice makes nothing the second time");
    assert_eq!(server.count(), asked);
    assert_eq!(counts(&planned(&client, &json!({"plan": "against"})).await), (10, 0));
    assert_eq!(counts(&planned(&client, &json!({"plan": "all_pairs"})).await), (0, 15), "all have met by now");

    task(&client, "t5").await;
    for system in ["x", "y", "human"] {
        submit(&client, "t5", system, &json!({})).await;
    }
    let active = planned(&client, &json!({"plan": "active", "comparisons": 2})).await;
    assert_eq!(active["comparisons"], 2, "of three that are possible: {active}");
    let board = client.get("/v1/leaderboard").await.is(200);
    assert_eq!(board["boards"][0]["judged"], 17, "{board}");

    let refused = client.post("/v1/comparisons/plan", &json!({"plan": "all_pairs", "comparisons": 2})).await;
    refused.is_bad_field("/comparisons", &["active"]);
    client.post("/v1/comparisons/plan", &json!({"plan": "some"})).await.is_bad_field("/plan", &["all_pairs"]);
}

/// Battles of `x` and `y`, each on a task of its own.
async fn fight(client: &Client, from: usize, winners: &[&str]) {
    let rows: String = winners.iter().enumerate().map(|(n, w)| format!("x,y,{w},task-{}\n", from + n)).collect();
    let csv = format!("model_a,model_b,winner,task_id\n{rows}");
    client.send("/v1/comparisons/import", "text/csv", csv, None).await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn against_a_snapshot_a_few_battles_are_noise_and_many_are_a_change() {
    let (_server, home) = scripted(three_judges).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let first: Vec<&str> = (0..40).map(|n| if n % 5 < 3 { "model_a" } else { "model_b" }).collect();
    fight(&client, 0, &first).await;
    let kept = client.post("/v1/leaderboard/snapshots", &json!({"label": "spring"})).await;
    let id = kept.is(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(kept.header("location"), format!("/v1/leaderboard/snapshots/{id}"));
    let verdicts = async || {
        let board = client.get(&format!("/v1/leaderboard?against={id}")).await.is(200);
        let rows = board["boards"][0]["changes"]["rows"].as_array().unwrap().clone();
        let of = |system: &str| {
            let row = rows.iter().find(|row| row["system"] == system).unwrap();
            row["verdict"].as_str().unwrap().to_owned()
        };
        (of("x"), of("y"))
    };
    fight(&client, 100, &["model_b", "model_b", "model_a"]).await;
    assert_eq!(verdicts().await, ("within_noise".to_owned(), "within_noise".to_owned()));
    fight(&client, 200, &["model_b"; 300]).await;
    assert_eq!(verdicts().await, ("worse".to_owned(), "better".to_owned()));

    let listed = client.all("/v1/leaderboard/snapshots").await;
    assert_eq!((listed.len(), &listed[0]["label"]), (1, &json!("spring")));
    let whole = client.get(&format!("/v1/leaderboard/snapshots/{id}")).await.is(200);
    assert_eq!(whole["boards"][0]["battles"], 40, "as it was then: {whole}");
    let other = client.get(&format!("/v1/leaderboard?method=win_rate&against={id}")).await;
    other.is_problem(422, "invalid", &["another leaderboard", "win_rate"]);
    let nobody = uuid::Uuid::nil();
    client.get(&format!("/v1/leaderboard?against={nobody}")).await.is_problem(404, "not_found", &["snapshot"]);
}

/// `human` meets the criterion on every report, `gpt-4o` on the first of eight.
fn one_of_eight(call: &Call) -> Action {
    let text = call.user_text();
    assert_eq!(requirement(call), "The report is right.");
    let met = text.contains(&mark("human")) || text.contains("report t0.");
    Action::answer(if met { "MET" } else { "UNMET" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scores_give_battles_where_asked_and_gdpvals_published_ratios() {
    let (_server, home) = scripted(one_of_eight).await;
    let service = Service::start(&home).await;
    let client = service.client();
    let criteria = json!({"criteria": [{"id": "right", "requirement": "The report is right.", "points": 1}]});
    let rubric = client.rubric(&criteria).await;
    // GDPval of gpt-4o: a human costs 5172 times as much and takes 327 times as long.
    let costs = json!({"cost_usd": 361.0 / 5172.0, "duration_s": 404.0 * 60.0 / 327.0});
    for n in 0..8 {
        let name = format!("t{n}");
        task(&client, &name).await;
        for (system, more) in [("human", json!({})), ("gpt-4o", costs.clone())] {
            let submission = submit(&client, &name, system, &more).await;
            let grading = client.grade(&submission, &rubric).await;
            client.settled(&format!("/v1/gradings/{grading}")).await;
        }
    }
    let board = client.get("/v1/leaderboard?source=derived&method=win_rate").await.is(200);
    let board = &board["boards"][0];
    assert_eq!((&board["derived"], &board["judged"], &board["imported"]), (&json!(8), &json!(0), &json!(0)), "{board}");
    let rates: Vec<(&str, f64)> = board["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["system"].as_str().unwrap(), row["rating"].as_f64().unwrap()))
        .collect();
    // Seven lost and one tied of eight.
    assert_eq!(rates, [("human", 0.9375), ("gpt-4o", 0.0625)]);
    let unasked = client.get("/v1/leaderboard").await.is(200);
    let derived = |board: &Value| board["derived"].as_u64() == Some(0);
    assert!(unasked["boards"].as_array().unwrap().iter().all(derived), "never unless asked for: {unasked}");

    let found = client.get("/v1/systems").await.is(200);
    let own = found["systems"].as_array().unwrap().iter().find(|one| one["system"] == "gpt-4o").unwrap();
    assert_eq!(own["accepted"]["value"], 0.125, "{own}");
    let goldens = [
        ("usd", "ratio_once", 0.898),
        ("usd", "ratio_without_end", 0.524),
        ("minutes", "ratio_once", 0.871),
        ("minutes", "ratio_without_end", 0.458),
    ];
    for (of, ratio, published) in goldens {
        let value = own[of][ratio].as_f64().unwrap();
        assert!((value - published).abs() < 0.000_51, "{of} {ratio} is published as {published}: {value}");
    }
    let csv = client.get("/v1/systems?format=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv") && csv.text().contains("gpt-4o"), "{}", csv.text());
    for plot in ["ratings", "matrix", "radar", "pareto"] {
        let svg = client.get(&format!("/v1/leaderboard?method=score&format=svg&plot={plot}")).await;
        assert_eq!((svg.status, svg.header("content-type")), (200, "image/svg+xml"), "{plot}: {}", svg.text());
        assert!(svg.text().trim_start().starts_with("<svg"), "{plot}: {}", svg.text());
    }
    let rows = client.get("/v1/leaderboard?method=score&format=csv").await;
    assert_eq!(rows.text().lines().count(), 3, "a head and two systems: {}", rows.text());
}
