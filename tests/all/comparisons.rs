//! Two systems side by side: judged in both orders, or fought elsewhere and brought in.

use serde_json::{Value, json};

use crate::main_job::{JUDGES, TASK, as_planted, bring_in, scripted};
use crate::support::Service;

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
    client.get("/v1/leaderboard?method=coin").await.is_problem(422, "invalid", &["coin", "davidson"]);
    client.get("/v1/leaderboard?method=magic").await.is_problem(422, "invalid", &["magic", "bradley_terry"]);
    client.get("/v1/leaderboard?format=xls").await.is_problem(400, "invalid_query", &["xls", "csv"]);
}
