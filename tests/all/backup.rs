//! Backups of services that go on grading, and what grows out of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use empanel::domain::{Grading, ProjectId, Vote};
use empanel::judge::fake::{Action, FakeOpenAi};
use empanel::store::postgres::server::{Database, Server};
use empanel::store::{Query, Store, StoreOptions};
use serde_json::{Value, json};

use crate::support::{
    Client, Home, NO_REVIEWS, Service, answers, judge, panel, repository, run, statements, verdicts, wait_for,
};

const CRITERIA: usize = 4;
const GRADINGS: usize = 40;

fn report(n: usize) -> String {
    format!("Report {n} of some length.\n")
}

/// Posts deliverables and asks for their gradings, as fast as it goes.
async fn post(client: Client) {
    let rubric = client.rubric(&statements(CRITERIA)).await;
    for n in 0..GRADINGS {
        let text = report(n);
        let files = [("report.txt", text.as_bytes())];
        let submission = json!({"system": format!("s{n}")});
        let submission = client.upload("/v1/submissions", "submission", &submission, &files).await.is(201);
        client.grade(submission["id"].as_str().unwrap(), &rubric).await;
    }
}

async fn judged() -> (FakeOpenAi, String) {
    let server = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::from_millis(20), 0).await;
    let judges = format!("{}{}", judge("anna", &server, "max_concurrency = 4"), panel(&["anna"], NO_REVIEWS));
    (server, judges)
}

/// Restores it into a store of its own. What had ended has all its votes; a service on it ends the rest, and every file
/// is there.
async fn grades_on(backup: &Path, judges: &str) -> usize {
    let home = Home::new(judges);
    let config = home.config().display().to_string();
    let said =
        run(&home, &["store", "restore", &backup.display().to_string(), "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("read back and compared"), "{}", said.stdout);
    let url = format!("sled:{}", home.path("data").display());
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let project = store.project(&ProjectId::parse("default").unwrap());
    let mut ended = 0;
    for grading in project.all::<Grading>(Query::default()).await.unwrap() {
        let votes = project.all::<Vote>(Query::prefix(format!("{}/", grading.id))).await.unwrap();
        if grading.status().is_settled() {
            assert_eq!(votes.len(), CRITERIA, "{}", grading.id);
            ended += 1;
        }
    }
    store.close().await.unwrap();
    let service = Service::start(&home).await;
    let client = service.client();
    for grading in client.all("/v1/gradings").await {
        let id = grading["id"].as_str().unwrap();
        let done = client.settled(&format!("/v1/gradings/{id}")).await;
        assert_eq!(done["status"], "completed", "{done}");
        assert_eq!(answers(&client.votes(id).await).len(), CRITERIA);
    }
    for submission in client.all("/v1/submissions").await {
        let id = submission["id"].as_str().unwrap();
        let file = client.get(&format!("/v1/submissions/{id}/files/0")).await;
        assert_eq!(file.status, 200, "{submission}");
        let n = submission["system"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(file.body, report(n));
    }
    client.get("/v1/audit/verify").await.is(200);
    ended
}

fn on(home: &Home, database: &Database) {
    let sled = format!("sled:{}", home.path("data").display());
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), text.replace(&sled, &database.url())).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_database_that_a_service_writes_to_is_whole_and_grades_on() {
    let database = Server::shared().database();
    let (server, judges) = judged().await;
    let home = Home::new(&judges);
    on(&home, &database);
    let service = Service::start(&home).await;
    let posting = tokio::spawn(post(service.client()));
    let config = home.config().display().to_string();
    let mut ended = Vec::new();
    for part in [1, 3] {
        let calls = (GRADINGS * CRITERIA * part / 4) as u64;
        wait_for("votes", async || (server.count() >= calls).then_some(())).await;
        let to = home.path(&format!("{part}.backup"));
        run(&home, &["store", "backup", &to.display().to_string(), "--config", &config]).await.exits_with(0);
        ended.push(grades_on(&to, &judges).await);
    }
    assert!(ended[0] < GRADINGS, "the service had nothing left to do when the first backup was taken");
    assert!(ended[1] > 0);
    posting.await.unwrap();
    let again =
        run(&home, &["store", "backup", &home.path("1.backup").display().to_string(), "--config", &config]).await;
    again.complains(&["there already"]);
}

/// The backups in a folder, from the oldest on.
fn backups(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "backup"));
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_on_the_embedded_store_takes_backups_by_itself_while_it_grades() {
    let (server, judges) = judged().await;
    let home = Home::new(&format!("{judges}[backup]\nfolder = \"backups\"\nevery_h = 0.0003\nkeep = 2\n"));
    let service = Service::start(&home).await;
    let posting = tokio::spawn(post(service.client()));
    let quarter = (GRADINGS * CRITERIA / 4) as u64;
    wait_for("votes", async || (server.count() >= quarter).then_some(())).await;
    let old = backups(&home.path("backups"));
    let taken =
        wait_for("a backup", async || backups(&home.path("backups")).into_iter().find(|path| !old.contains(path)))
            .await;
    // Kept from being forgotten.
    let kept = home.path("kept.backup");
    std::fs::copy(&taken, &kept).unwrap();
    grades_on(&kept, &judges).await;
    posting.await.unwrap();
    assert!(backups(&home.path("backups")).len() <= 3);
    // The store is the service's alone: a command is told so, and of the way.
    let config = home.config().display().to_string();
    let said = run(&home, &["store", "backup", &home.path("x").display().to_string(), "--config", &config]).await;
    said.complains(&["in use by another process"]);
}

/// The store of format 1, as a build of then wrote it. The file is never written anew.
fn frozen() -> String {
    repository("fixtures/backup/v1.backup").display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_an_earlier_version_is_restored_and_graded_on() {
    let home = Home::new("");
    let config = home.config().display().to_string();
    run(&home, &["store", "restore", &frozen(), "--config", &config]).await.exits_with(0);
    let service = Service::start(&home).await;
    let client = service.client();
    let gradings = client.all("/v1/gradings").await;
    assert_eq!(gradings.len(), 2);
    for grading in &gradings {
        let id = grading["id"].as_str().unwrap();
        let one = client.get(&format!("/v1/gradings/{id}")).await.is(200);
        assert!(!verdicts(&one).is_empty());
        assert_eq!(client.votes(id).await.len(), 9, "three judges on three criteria");
    }
    let submission = client.all("/v1/submissions").await.remove(0);
    let rubric = gradings[0]["rubric"]["id"].as_str().unwrap();
    let again = client.grade(submission["id"].as_str().unwrap(), rubric).await;
    let done = client.settled(&format!("/v1/gradings/{again}")).await;
    assert!(!matches!(done["status"].as_str(), Some("failed" | "cancelled")), "{done}");
    assert_eq!(client.votes(&again).await.len(), 9);
    assert_eq!(client.get("/v1/audit/verify").await.is(200)["broken"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes the frozen store of a format: once, when the format is new"]
async fn freeze() {
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = json!({"title": "Quarterly memo", "criteria": [
        {"id": "total", "requirement": "States that the total is 1,204 units.", "points": 5},
        {"id": "cause", "requirement": "Names the late shipment as the cause.", "points": 3},
        {"id": "guess", "requirement": "Promises a forecast for next year.", "points": -2},
    ]});
    let rubric = client.rubric(&rubric).await;
    let task = json!({"task_id": "memo/1", "prompt": "Write the memo.", "sector": "Retail", "rubric_id": rubric});
    client.upload("/v1/tasks", "task", &task, &[("ledger.csv", b"unit,total\nall,1204\n")]).await.is(201);
    let mut submissions = Vec::new();
    for (system, text) in [
        ("north", "The total is 1,204 units. The late shipment is the cause."),
        ("south", "The total is 900 units. We promise a forecast for next year."),
    ] {
        let submission = json!({"task_id": "memo/1", "system": system, "cost_usd": 0.25});
        let files = [("memo.txt", text.as_bytes())];
        let submission = client.upload("/v1/submissions", "submission", &submission, &files).await.is(201);
        submissions.push(submission["id"].as_str().unwrap().to_owned());
    }
    for submission in &submissions {
        let grading = client.grade(submission, &rubric).await;
        client.settled(&format!("/v1/gradings/{grading}")).await;
        let decided = json!({"criterion_id": "total", "value": "met", "reason": "Read it."});
        client.post(&format!("/v1/gradings/{grading}/overrides"), &decided).await.is(201);
    }
    let both = json!({"task_id": "memo/1", "a": submissions[0], "b": submissions[1]});
    let comparison = client.post("/v1/comparisons", &both).await.is(202);
    client.settled(&format!("/v1/comparisons/{}", comparison["id"].as_str().unwrap())).await;
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    let config = home.config().display().to_string();
    run(&home, &["store", "backup", &frozen(), "--config", &config]).await.exits_with(0);
}
