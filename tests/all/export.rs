//! Data out: over HTTP while the service runs, on the command line when it does not, and both say the same.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::Value;

use crate::support::{Answer, Home, NO_REVIEWS, Service, judge, number, panel, run, statements};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_and_the_command_line_give_the_same_files() {
    let server = FakeOpenAi::start(|call| match number(call) {
        0 => Action::refusal(),
        _ => Action::answer("MET"),
    })
    .await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, "max_reasks = 0"), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let submission = client.text("system", "A report.").await;
    let grading = client.grade(&submission, &rubric).await;
    client.settled(&format!("/v1/gradings/{grading}")).await;

    let votes = client.get("/v1/export?what=votes").await.text().to_owned();
    let mut told = client.votes(&grading).await;
    let mut exported = lines(&votes);
    told.iter_mut().for_each(|vote| drop(vote.as_object_mut().unwrap().remove("raw_reply")));
    let by_criterion = |vote: &Value| vote["criterion_id"].as_str().unwrap().to_owned();
    told.sort_by_key(by_criterion);
    exported.sort_by_key(by_criterion);
    assert_eq!(exported, told, "what the API tells of a vote, and nothing else");
    assert_eq!(exported.iter().filter(|vote| vote["answer"].is_null() && vote["cause"] == "refused").count(), 1);
    let table = Answer::of(client.request("GET", "/v1/export?what=gradings&format=csv")).await.text().to_owned();
    service.sigterm();
    assert_eq!(service.ended().await, 0);

    let config = home.config().display().to_string();
    assert_eq!(run(&home, &["export", "votes", "--config", &config]).await.exits_with(0).stdout, votes);
    let file = home.path("gradings.csv").display().to_string();
    let said = run(&home, &["export", "gradings", "-o", &file, "--config", &config]).await.exits_with(0);
    assert!(said.stderr.contains("1 gradings"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), table);
    let parquet = home.path("votes.parquet").display().to_string();
    run(&home, &["export", "votes", "-o", &parquet, "--config", &config]).await.exits_with(0);
    assert!(std::fs::read(&parquet).unwrap().starts_with(b"PAR1"));
    run(&home, &["export", "keys", "--config", &config]).await.exits_with(2).complains(&["votes", "submissions"]);
    run(&home, &["export", "votes", "--store", "sled:nowhere"]).await.exits_with(2).complains(&["nowhere"]);
}
