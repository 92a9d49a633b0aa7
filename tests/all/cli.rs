//! The command line: exit codes, formats, and the demo, whose right answers are planted.

use std::collections::BTreeMap;
use std::path::Path;

use empanel::cli::demo::bundle;
use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Client, Home, NO_REVIEWS, Service, judge, panel, program, repository, requirement, run};

const RUBRIC: &str = "title: Total & co <1>\ncriteria:\n  - {id: total, requirement: The total revenue is 4512 dollars., points: 3}\n  \
                      - {id: formula, requirement: '=cmd is a formula.', points: 1}\n  \
                      - {id: word, requirement: It says revenue., points: 1, check: {contains: {text: revenue}}}\n  \
                      - {id: invents, requirement: It cites a source that does not exist., points: -1}\n";

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A home with a report, a rubric, and a panel of one whose replies depend on the requirement.
async fn grading_home(reply: impl Fn(&str) -> Action + Send + Sync + 'static) -> (FakeOpenAi, Home) {
    let server = FakeOpenAi::start(move |call| reply(&requirement(call))).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, "max_attempts = 1"), panel(&["anna"], NO_REVIEWS)));
    home.write("report.md", "# Report\n\nThe total revenue is 4512 dollars.\n");
    home.write("rubric.yaml", RUBRIC);
    (server, home)
}

fn half(requirement: &str) -> Action {
    Action::answer(if requirement.contains("total") { "MET" } else { "UNMET" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grade_exits_with_what_came_of_it() {
    let (server, home) = grading_home(half).await;
    let config = text(&home.config());
    let grade = async |more: &[&str]| {
        let mut arguments = vec!["grade", "report.md", "--rubric", "rubric.yaml", "--config", &config];
        arguments.extend(more);
        run(&home, &arguments).await
    };
    let said = grade(&[]).await.exits_with(0);
    assert!(said.stdout.contains("0.800") && said.stdout.contains("total"), "{}", said.stdout);
    grade(&["--min-score", "0.8"]).await.exits_with(0);
    let below = grade(&["--min-score", "0.81"]).await.exits_with(1);
    assert!(below.stderr.contains("0.8") && below.stdout.contains("0.800"), "{}", below.stderr);
    let asked = server.count();

    grade(&["--min-score", "7"]).await.complains(&["7", "between 0 and 1"]);
    grade(&["--panel", "experts"]).await.complains(&["experts", "`default`", "`offline`"]);
    grade(&["--format", "xml"]).await.complains(&["xml", "junit"]);
    grade(&["--repeats", "99"]).await.complains(&["99", "20"]);
    run(&home, &["grade", "--rubric", "rubric.yaml"]).await.complains(&["FILE"]);
    run(&home, &["grade", "gone.md", "--rubric", "rubric.yaml", "--config", &config]).await.complains(&["gone.md"]);
    run(&home, &["grade", "report.md", "--rubric", "gone.yaml", "--config", &config]).await.complains(&["gone.yaml"]);
    home.write("latin.yaml", b"criteria:\n  - requirement: caf\xe9\n");
    run(&home, &["grade", "report.md", "--rubric", "latin.yaml", "--config", &config])
        .await
        .complains(&["latin.yaml", "UTF-8"]);
    home.write(
        "twice.yaml",
        "criteria:\n  - {id: a, requirement: A., points: 1}\n  - {id: a, requirement: B., points: 1}\n",
    );
    run(&home, &["grade", "report.md", "--rubric", "twice.yaml", "--config", &config]).await.complains(&[
        "twice.yaml",
        "`a`",
        "line 3",
    ]);
    run(
        &home,
        &["grade", "report.md", "--rubric", "rubric.yaml", "--rubric-format", "healthbench", "--config", &config],
    )
    .await
    .complains(&["healthbench"]);
    assert_eq!(server.count(), asked, "a mistake costs nothing");
    assert!(!home.path("data").exists() && !home.path("empanel-data").exists(), "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_with_failed_votes_is_partial_and_exits_with_3() {
    let (_server, home) =
        grading_home(|asked| if asked.contains("source") { Action::refusal() } else { half(asked) }).await;
    let config = text(&home.config());
    let said = run(&home, &["grade", "report.md", "--rubric", "rubric.yaml", "--config", &config, "--format", "json"])
        .await
        .exits_with(3);
    assert!(said.stderr.contains("1 of 3"), "{}", said.stderr);
    let body = said.json();
    assert_eq!(
        (body["status"].as_str(), body["progress"]["calls_failed"].as_u64()),
        (Some("partial"), Some(1)),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_format_can_be_read_by_what_reads_it() {
    let (_server, home) = grading_home(half).await;
    let config = text(&home.config());
    let grade = async |format: &str| {
        let arguments = [
            "grade",
            "report.md",
            "--rubric",
            "rubric.yaml",
            "--config",
            &config,
            "--system",
            "a<b>&c",
            "--format",
            format,
        ];
        run(&home, &arguments).await.exits_with(0)
    };
    let body = grade("json").await.json();
    assert_eq!((body["status"].as_str(), body["score"]["value"].as_f64()), (Some("completed"), Some(0.8)), "{body}");
    assert_eq!(body["criteria"][2]["source"], "check");
    let line = grade("jsonl").await.stdout;
    assert_eq!(line.lines().count(), 1);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["criteria"], body["criteria"]);

    let csv = grade("csv").await.stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let verdicts: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["criterion_id"].as_str(), row["verdict"].as_str())).collect();
    assert_eq!(verdicts, [("total", "met"), ("formula", "unmet"), ("word", "met"), ("invents", "unmet")]);
    assert!(!rows[1]["requirement"].starts_with('='), "a spreadsheet must not run it: {csv}");

    let xml = grade("junit").await.stdout;
    let mut reader = quick_xml::Reader::from_str(&xml);
    let (mut cases, mut failures) = (Vec::new(), 0);
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {xml}")) {
            quick_xml::events::Event::Start(element) | quick_xml::events::Event::Empty(element) => {
                match element.name().as_ref() {
                    "testcase" => {
                        let name = element.try_get_attribute("name").unwrap().unwrap();
                        cases.push(name.value.into_owned());
                    }
                    "failure" => failures += 1,
                    _ => {}
                }
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((cases.join(" ").as_str(), failures), ("total formula word invents", 1), "{xml}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_configuration_the_offline_panel_grades_and_says_what_it_is() {
    let home = Home::new("");
    home.write("report.md", "The total revenue is 4512 dollars.");
    home.write("rubric.yaml", RUBRIC);
    let body =
        run(&home, &["grade", "report.md", "--rubric", "rubric.yaml", "--format", "json"]).await.exits_with(0).json();
    assert_eq!((body["panel"].as_str(), body["cost"]["usd"].as_f64()), (Some("offline"), Some(0.0)), "{body}");
}

#[test]
fn who_closes_the_output_early_has_seen_enough() {
    let home = Home::new("");
    let rubric = text(&repository("rubrics/care-plan.yaml"));
    let mut child = program(&home).args(["rubric", "lint", &rubric]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_a_token_is_spent() {
    let home = Home::new("");
    let rubric = text(&repository("rubrics/care-plan.yaml"));
    let said = run(&home, &["rubric", "lint", &rubric]).await.exits_with(0);
    assert!(said.stdout.contains("20 criteria"), "{}", said.stdout);
    home.write("bad.yaml", "criteria:\n  - {id: a, requirement: A., pionts: 1}\n");
    run(&home, &["rubric", "lint", "bad.yaml"]).await.complains(&["bad.yaml", "pionts", "line 2"]);
    run(&home, &["rubric", "lint", "bad.yaml", "--format", "magic"]).await.complains(&["magic", "native"]);

    let config = text(&home.config());
    let said = run(&home, &["config", "check", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("lexical-strict") && said.stdout.contains("offline"), "{}", said.stdout);
    assert!(!home.path("data").exists(), "looking opens no store");
    home.write("wrong.toml", "[grading]\nmax_runing = 2\n");
    run(&home, &["config", "check", "--config", "wrong.toml"]).await.complains(&["wrong.toml", "max_runing", "line 2"]);
    run(&home, &["frobnicate"]).await.complains(&["frobnicate"]);
    assert!(run(&home, &["--help"]).await.exits_with(0).stdout.contains("leaderboard"));
    assert!(run(&home, &["--version"]).await.exits_with(0).stdout.contains(env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statistics_work_on_files_without_a_service() {
    let home = Home::new("");
    let mut battles = "model_a,model_b,winner,task_id\n".to_owned();
    for n in 0..30 {
        let winner = if n % 3 == 0 { "model_b" } else { "model_a" };
        battles += &format!("one,two,{winner},t{n}\ntwo,three,{winner},t{n}\n");
    }
    home.write("battles.csv", &battles);
    let board = run(&home, &["leaderboard", "--battles", "battles.csv", "--format", "json"]).await.exits_with(0).json();
    let rows = board["rows"].as_array().unwrap();
    let order: Vec<&str> = rows.iter().map(|row| row["system"].as_str().unwrap()).collect();
    assert_eq!(order, ["one", "two", "three"], "{board}");
    // Two of three won: odds of 2, which is 400·log10(2) = 120.4 points on Elo's scale.
    let rating = |n: usize| rows[n]["rating"].as_f64().unwrap();
    assert!((rating(0) - rating(1) - 120.4).abs() < 1.0, "{board}");
    let again = run(&home, &["leaderboard", "--battles", "battles.csv", "--format", "json"]).await.json();
    assert_eq!(again, board, "the same file gives the same intervals");
    let pretty = run(&home, &["leaderboard", "--battles", "battles.csv"]).await.exits_with(0);
    assert!(pretty.stdout.contains("one") && pretty.stdout.contains("…"), "{}", pretty.stdout);
    home.write("bad.csv", "model_a,model_b,winner\none,two,draw\n");
    run(&home, &["leaderboard", "--battles", "bad.csv"]).await.complains(&["bad.csv", "row 1", "draw"]);
    run(&home, &["leaderboard", "--battles", "battles.csv", "--method", "score"]).await.complains(&["score"]);
    run(&home, &["leaderboard", "--battles", "none.csv"]).await.complains(&["none.csv"]);

    let mut ratings = "unit,rater,value\n".to_owned();
    for n in 0..20 {
        let value = ["yes", "no"][n % 2];
        let other = if n == 0 { "no" } else { value };
        ratings += &format!("u{n},a,{value}\nu{n},b,{other}\n");
    }
    home.write("ratings.csv", &ratings);
    let said = run(&home, &["agreement", "ratings.csv", "--format", "json"]).await.exits_with(0).json();
    assert_eq!((said["units"].as_u64(), said["raters"].as_u64()), (Some(20), Some(2)), "{said}");
    // One of twenty pairs differs.
    assert!((said["figures"]["raw agreement"]["value"].as_f64().unwrap() - 0.95).abs() < 1e-9, "{said}");
    home.write("equal.csv", "unit,rater,value\nu,a,yes\nu,b,yes\nv,a,yes\nv,b,yes\n");
    let equal = run(&home, &["agreement", "equal.csv", "--format", "json"]).await.exits_with(0).json();
    let alpha = &equal["figures"]["Krippendorff's alpha (nominal)"];
    assert!(alpha["value"].is_null() && alpha["undefined"].is_string(), "not 1.0 by convention: {equal}");
    home.write("empty.csv", "unit,rater,value\n");
    run(&home, &["agreement", "empty.csv"]).await.complains(&["empty.csv", "no rating"]);
}

/// Everything the demo keeps that must not change when it runs again: gradings with their votes, and comparisons.
async fn kept(client: &Client) -> Value {
    let mut all = json!({});
    let mut attempts = 0;
    for grading in client.all("/v1/gradings").await {
        let id = grading["id"].as_str().unwrap().to_owned();
        let votes = client.votes(&id).await;
        attempts += votes.iter().map(|vote| vote["attempts"].as_u64().unwrap()).sum::<u64>();
        all[&id] = json!({"grading": grading, "votes": votes});
    }
    for comparison in client.all("/v1/comparisons").await {
        let id = comparison["id"].as_str().unwrap();
        all[id] = client.get(&format!("/v1/comparisons/{id}")).await.is(200);
    }
    all["attempts"] = attempts.into();
    all
}

/// What more than half of the scripted judges that say something say, where at least two do.
fn majority(answers: &[Option<String>]) -> String {
    let real: Vec<&str> =
        answers.iter().flatten().map(String::as_str).filter(|answer| *answer != "CANNOT_ASSESS").collect();
    let abstained = answers.iter().flatten().count() - real.len();
    let most = real.iter().find(|answer| real.iter().filter(|other| other == answer).count() * 2 > real.len());
    match most {
        Some(answer) if real.len() >= 2 && abstained <= real.len() => match *answer {
            "MET" => "met".to_owned(),
            "UNMET" => "unmet".to_owned(),
            level => level.to_owned(),
        },
        _ => "inconclusive".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_finds_what_was_planted_and_a_second_run_asks_nothing() {
    let home = Home::new("");
    let store = format!("sled:{}", text(&home.path("data")));
    let first = run(&home, &["demo", "--no-serve", "--store", &store]).await.exits_with(0);
    let service = Service::start(&home).await;
    let client = service.client();
    let before = kept(&client).await;
    let mut gradings = Vec::new();
    for grading in client.all("/v1/gradings").await {
        gradings.push(client.get(&format!("/v1/gradings/{}", grading["id"].as_str().unwrap())).await.is(200));
    }
    drop(service);

    let mut compared = (0, 0);
    for task in bundle::tasks().unwrap() {
        let id = task.task.task_id.as_ref().unwrap().as_str().to_owned();
        let script = bundle::script(&task.slug).unwrap();
        for one in bundle::planted(&task.slug).unwrap() {
            let grading =
                gradings.iter().find(|g| g["task_id"] == id.as_str() && g["system"] == one.system.as_str()).unwrap();
            let criterion =
                grading["criteria"].as_array().unwrap().iter().find(|c| c["id"] == one.criterion.as_str()).unwrap();
            let verdict = criterion["level"].as_str().or(criterion["verdict"].as_str()).unwrap();
            if criterion["source"] == "check" {
                compared.0 += 1;
                assert_eq!(verdict, one.verdict, "{id}, {}: {criterion}", one.system);
                continue;
            }
            compared.1 += 1;
            let answers: Vec<Option<String>> = script
                .criteria
                .iter()
                .filter(|vote| vote.system == one.system && vote.criterion == one.criterion)
                .map(|vote| {
                    vote.reply.answer.clone().or_else(|| vote.reply.expect.as_ref().and_then(|e| e.answer.clone()))
                })
                .collect();
            assert_eq!(answers.len(), 3);
            assert_eq!(verdict, majority(&answers), "{id}, {}, {}: {answers:?}", one.system, one.criterion);
        }
    }
    assert!(compared.0 >= 16 * 4 && compared.1 >= 16 * 12, "{compared:?}");
    assert_eq!((gradings.len(), before.as_object().unwrap().len()), (16, 16 + 24 + 1));

    let second = run(&home, &["demo", "--no-serve", "--store", &store]).await.exits_with(0);
    assert_eq!(second.stdout, first.stdout, "the same scores");
    assert!(second.stderr.contains("nothing is asked twice"), "{}", second.stderr);
    // The third time it stays, and serves the pages.
    let service = Service::start_verb(&home, "demo", &["--bind", "127.0.0.1:0", "--store", &store]).await;
    let client = service.client();
    assert_eq!(kept(&client).await, before);
    let page = client.get("/leaderboard").await;
    assert!(page.status == 200 && page.text().contains("atlas-large"), "{}", page.text());
}
