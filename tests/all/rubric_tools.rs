//! Rubrics and data sets by the command line and over HTTP: formats, versions and their difference, and imports.

use serde_json::{Value, json};

use crate::support::{Home, Said, Service, bytes_of, repository, run};

/// A command that went well and said this.
#[track_caller]
fn says(said: Said, words: &[&str]) {
    let said = said.exits_with(0);
    for word in words {
        assert!(said.stdout.contains(word), "{word:?} is not in: {}", said.stdout);
    }
}

/// A file in a folder below.
fn put(home: &Home, name: &str, bytes: impl AsRef<[u8]>) {
    let path = home.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

const MEMO: &str = "title: Memo\ncriteria:\n- {id: a, requirement: The total is stated, points: 1}\n- {id: b, requirement: It is signed, points: 2}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubrics_are_compared_and_written_in_other_formats() {
    let home = Home::new("");
    home.write("old.yaml", MEMO);
    home.write("new.yaml", MEMO.replace("total", "total of 12").replace("points: 2", "points: 3"));
    says(run(&home, &["rubric", "diff", "old.yaml", "new.yaml"]).await, &["requirement", "points", "judged again: a"]);
    says(run(&home, &["rubric", "diff", "old.yaml", "old.yaml"]).await, &["no difference"]);
    says(
        run(&home, &["rubric", "export", "old.yaml", "--to", "weighted"]).await,
        &["\"weight\": 2", "\"title\": \"Memo\""],
    );
    run(&home, &["rubric", "export", "old.yaml", "--to", "healthbench"]).await.complains(&["without a loss", "native"]);
    run(&home, &["rubric", "export", "old.yaml", "--to", "docx"]).await.complains(&["docx", "paperbench"]);
    let graders = json!({"type": "python", "name": "p", "source": "def grade(s, i): return 1"}).to_string();
    home.write("graders.json", &graders);
    run(&home, &["rubric", "lint", "graders.json", "--format", "openai_graders"])
        .await
        .complains(&["python", "line 1"]);
    home.write("gold.txt", "The sum is 11.");
    home.write("checked.yaml", "criteria:\n- {id: a, requirement: Total, points: 1, check: {contains: total}}\n");
    run(&home, &["rubric", "lint", "checked.yaml", "--gold", "gold.txt"]).await.complains(&["checked.yaml"]);
    says(run(&home, &["rubric", "lint", "checked.yaml"]).await, &["1 criteria"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_of_a_rubric_are_compared_over_http() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let first = client.send("/v1/rubrics", "application/yaml", MEMO, None).await;
    let id = first.is(201)["id"].as_str().unwrap().to_owned();
    client.get(&format!("/v1/rubrics/{id}/diff")).await.is_problem(400, "invalid_query", &["first version"]);
    let second = MEMO.replace("points: 2", "points: 3").replace("The total", "The sum");
    assert_eq!(client.send("/v1/rubrics", "application/yaml", second, None).await.is(201)["version"], 2);
    let found = client.get(&format!("/v1/rubrics/{id}/diff")).await.is(200);
    assert_eq!((&found["from"], &found["to"], &found["judged_again"]), (&json!(1), &json!(2), &json!(["a"])));
    assert_eq!(found["changed"][1], json!({"id": "b", "fields": [{"field": "points", "from": 2.0, "to": 3.0}]}));
    client.get(&format!("/v1/rubrics/{id}/diff?from=1&to=7")).await.is_problem(404, "not_found", &["version 7"]);
    let written = client.get(&format!("/v1/rubrics/{id}/export?version=1&format=weighted")).await.text().to_owned();
    let again = client.send("/v1/rubrics?format=weighted", "application/json", written, None).await.is(200);
    assert_eq!((&again["id"], &again["version"]), (&json!(id), &json!(1)));
    let refused = client.get(&format!("/v1/rubrics/{id}/export?format=ace")).await;
    refused.is_problem(422, "invalid", &["without a loss"]);
    // A tree, a table and graders come in as they are.
    for (format, kind, case) in [
        ("paperbench", "application/json", "paperbench-tree/input.json"),
        ("ace", "text/csv", "ace-task/input.csv"),
        ("openai_graders", "application/json", "openai_graders-multi/input.json"),
        ("promptfoo", "application/yaml", "promptfoo-asserts/input.yaml"),
    ] {
        let text = std::fs::read_to_string(repository("fixtures/rubric/ok").join(case)).unwrap();
        let kept = client.send(&format!("/v1/rubrics?format={format}"), kind, text, None).await.is(201);
        let got = client.get(&format!("/v1/rubrics/{}", kept["id"].as_str().unwrap())).await.is(200);
        assert_eq!(got["criteria"].as_array().unwrap().len() as u64, kept["criteria"].as_u64().unwrap(), "{format}");
    }
}

/// A data set as GDPval publishes it, with two rows.
fn gdpval(home: &Home) {
    let rubric = json!([{"score": 2, "criterion": "The total is 12.", "rubric_item_id": "r1"}]);
    let rows = [
        json!({"task_id": "t-1", "sector": "Finance", "occupation": "Accountant", "prompt": "Add up.",
            "reference_files": ["reference_files/ab/ledger.csv"], "deliverable_files": ["deliverable_files/cd/sum.txt"],
            "rubric_json": rubric.to_string(), "rubric_pretty": "[+2] The total is 12."}),
        json!({"task_id": "t-2", "prompt": "Write.", "reference_files": [], "deliverable_text": "Done.",
            "rubric_pretty": "[+1] It is short.\n[-1] It rambles."}),
    ];
    put(home, "set/data/train.jsonl", rows.map(|row| row.to_string()).join("\n"));
    put(home, "set/reference_files/ab/ledger.csv", "a,b\n5,7\n");
    put(home, "set/deliverable_files/cd/sum.txt", "12");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gdpval_comes_in_with_tasks_rubrics_references_and_gold_and_only_once() {
    let home = Home::new("");
    gdpval(&home);
    let config = home.config().display().to_string();
    let import = ["import", "gdpval", "set", "--config", &config];
    says(run(&home, &import).await, &["2 rubrics, 2 tasks, 2 submissions; there already: 0"]);
    says(run(&home, &import).await, &["0 rubrics, 0 tasks, 0 submissions; there already: 6"]);
    home.write(
        "more.jsonl",
        json!({"task_id": "t-1", "system": "atlas", "text": "13", "files": ["set/reference_files/ab/ledger.csv"]})
            .to_string(),
    );
    says(run(&home, &["import", "submissions", "more.jsonl", "--config", &config]).await, &["1 submissions"]);
    home.write("bad.jsonl", json!({"task_id": "t-9", "system": "atlas", "text": "13"}).to_string());
    run(&home, &["import", "submissions", "bad.jsonl", "--config", &config]).await.complains(&["t-9", "line 1"]);
    let service = Service::start(&home).await;
    let client = service.client();
    let task = client.get("/v1/tasks/t-1").await.is(200);
    assert_eq!((&task["occupation"], &task["references"][0]["name"]), (&json!("Accountant"), &json!("ledger.csv")));
    let rubric = client.get(&format!("/v1/rubrics/{}", task["rubric_id"].as_str().unwrap())).await.is(200);
    assert_eq!(rubric["criteria"][0]["id"], "r1");
    let kept = client.get("/v1/submissions").await.is(200);
    let systems: Vec<&Value> = kept["items"].as_array().unwrap().iter().map(|s| &s["system"]).collect();
    assert_eq!(systems.iter().filter(|s| ***s == "human").count(), 2);
    assert_eq!(systems.len(), 3);
}

/// The same table as pyarrow writes it, with zstd and with snappy (`fixtures/rubric/gdpval/make.py`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parquet_table_says_what_its_json_lines_say() {
    let mut told = Vec::new();
    for table in ["train.jsonl", "snappy.parquet", "zstd.parquet"] {
        let home = Home::new("");
        gdpval(&home);
        if table != "train.jsonl" {
            std::fs::remove_file(home.path("set/data/train.jsonl")).unwrap();
            put(&home, &format!("set/data/{table}"), bytes_of(&format!("fixtures/rubric/gdpval/{table}")));
        }
        let config = home.config().display().to_string();
        says(
            run(&home, &["import", "gdpval", "set", "--config", &config]).await,
            &["2 rubrics, 2 tasks, 2 submissions"],
        );
        let service = Service::start(&home).await;
        let client = service.client();
        let (mut tasks, rubrics) = (client.all("/v1/tasks").await, client.all("/v1/rubrics").await);
        tasks.sort_by_key(|task| task["id"].to_string());
        let task = |task: &Value| {
            [&task["id"], &task["prompt"], &task["occupation"], &task["references"]].map(Value::to_string)
        };
        let mut rubrics: Vec<String> = rubrics.iter().map(|rubric| rubric["fingerprint"].to_string()).collect();
        rubrics.sort();
        told.push((tasks.iter().map(task).collect::<Vec<_>>(), rubrics));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_set_with_a_fault_leaves_nothing_behind() {
    let home = Home::new("");
    gdpval(&home);
    let table = std::fs::read_to_string(home.path("set/data/train.jsonl")).unwrap();
    let config = home.config().display().to_string();
    let import = ["import", "gdpval", "set", "--config", &config];
    std::fs::remove_file(home.path("set/deliverable_files/cd/sum.txt")).unwrap();
    run(&home, &import).await.complains(&["sum.txt", "--without-files"]);
    put(&home, "set/data/train.jsonl", table.replace("reference_files/ab", "../secrets"));
    run(&home, &import).await.complains(&["row 1", "leads out"]);
    put(&home, "set/data/train.jsonl", table.replace("[+1] It is short.", "[+x] It is short."));
    run(&home, &import).await.complains(&["row 2", "task t-2", "[+x]"]);
    put(&home, "set/data/train.jsonl", table.replace("\"prompt\":\"Write.\"", "\"prompt\":"));
    run(&home, &import).await.complains(&["line 2", "JSON"]);
    put(&home, "set/data/train.jsonl", table);
    let parquet = home.path("set/data/train.parquet");
    std::fs::write(&parquet, b"PAR1").unwrap();
    run(&home, &["import", "gdpval", "set/data/train.parquet", "--config", &config]).await.complains(&["parquet"]);
    run(&home, &["import", "gdpval", "nowhere", "--config", &config]).await.complains(&["nowhere"]);
    let service = Service::start(&home).await;
    assert_eq!(service.client().get("/v1/tasks").await.is(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_rubrics_comes_in_with_its_tasks() {
    let home = Home::new("");
    let config = home.config().display().to_string();
    home.write(
        "ace.csv",
        "Criterion ID,Task ID,Prompt,Hurdle Tag,Description\n1,7,Which laptop?,Hurdle,Names one\n2,8,Which game?,Not,Names two\n3,7,Which laptop?,Not,Gives a price\n",
    );
    says(
        run(&home, &["import", "rubrics", "ace.csv", "--format", "ace", "--config", &config]).await,
        &["2 rubrics, 2 tasks"],
    );
    home.write("ace.csv", "Criterion ID,Task ID,Hurdle Tag,Description\n1,7,Maybe,Names one\n2,8,Not,\n");
    run(&home, &["import", "rubrics", "ace.csv", "--format", "ace", "--config", &config])
        .await
        .complains(&["Maybe", "line 2", "line 3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_tells_the_score_of_every_tag_and_section() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let check = |id: &str, points: f64, tags: &[&str], text: &str| json!({"id": id, "requirement": format!("It says {text}."), "points": points, "tags": tags, "check": {"contains": text}});
    let criteria =
        [check("a", 2.0, &["x"], "total"), check("b", 1.0, &["x", "y"], "loss"), check("c", 1.0, &["y"], "12")];
    let sections = json!([{"title": "Sum", "weight": 3, "criteria": ["a", "b"]}, {"title": "Rest", "weight": 1, "criteria": ["c"]}]);
    let rubric = client.rubric(&json!({"title": "Parts", "criteria": criteria, "sections": sections})).await;
    let submission = client.text("atlas", "The total is 12.").await;
    let grading = client.grade(&submission, &rubric).await;
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    // (3 * 2/3 + 1) / 4.
    assert_eq!(done["score"]["value"], json!(0.75), "{done}");
    let parts = |kind: &str| -> Vec<(String, f64)> {
        let parts = done["parts"][kind].as_array().unwrap().iter();
        parts.map(|p| (p["name"].as_str().unwrap().to_owned(), p["value"].as_f64().unwrap())).collect()
    };
    assert_eq!(parts("tags"), [("x".to_owned(), 2.0 / 3.0), ("y".to_owned(), 0.5)]);
    assert_eq!(parts("sections"), [("Sum".to_owned(), 2.0 / 3.0), ("Rest".to_owned(), 1.0)]);
    assert_eq!(done["parts"]["all_pass"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rubric_is_held_against_the_work_of_the_human_who_did_the_task() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    client.post("/v1/tasks", &json!({"task_id": "memo", "prompt": "Write the memo."})).await.is(201);
    let hand_in = |system: &str, text: &str| json!({"task_id": "memo", "system": system, "text": text});
    let gold = client.post("/v1/submissions", &hand_in("human", "Net income is $12,400.")).await.is(201);
    let other = client.post("/v1/submissions", &hand_in("atlas", "Net income is $99,000.")).await.is(201);
    let rubric = json!({"criteria": [{"id": "net", "requirement": "Says that net income is $12,400.", "points": 2}]});
    let codes = async |query: &str| {
        let linted = client.post(&format!("/v1/rubrics/lint?{query}"), &rubric).await.is(200);
        let codes = linted["lint"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned());
        (codes.collect::<Vec<_>>(), linted["gold_submission_id"].clone())
    };
    assert_eq!(codes("").await, (vec![], serde_json::Value::Null));
    assert_eq!(codes("task_id=memo").await, (vec![], gold["id"].clone()), "the human's is taken");
    let named = format!("gold_submission_id={}", other["id"].as_str().unwrap());
    assert_eq!(codes(&named).await, (vec!["gold_lacks_figure".to_owned()], other["id"].clone()));
}
