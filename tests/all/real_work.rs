//! Real deliverables that models handed in, through the whole of the service: each is kept as it came, read, and graded.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Home, Service, repository};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_deliverable_is_kept_read_and_graded() {
    let folder = repository("../shared/data/deliverables");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let home = Home::new("");
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = json!({"title": "Any deliverable", "criteria": [
        {"id": "any", "requirement": "The deliverable reports results with figures and a conclusion.", "points": 2},
        {"id": "words", "requirement": "It has words.", "points": 1, "check": {"word_count": {"min": 1}}},
    ]});
    let rubric = client.rubric(&rubric).await;
    let mut listed = csv::Reader::from_path(folder.join("manifest.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = listed.deserialize().map(Result::unwrap).collect();
    let mut gradings = Vec::new();
    for row in &rows {
        let path = folder.join(&row["task"]).join(&row["model"]).join(&row["file"]);
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let files = [(row["file"].as_str(), bytes.as_slice())];
        let content = json!({"system": row["model"]});
        let kept = client.upload("/v1/submissions", "submission", &content, &files).await.is(201);
        assert_eq!(kept["files"][0]["sha256"], row["sha256"].as_str(), "{}", path.display());
        let id = kept["id"].as_str().unwrap().to_owned();
        let manifest = client.get(&format!("/v1/submissions/{id}/manifest")).await.is(200);
        assert_ne!(manifest["files"][0]["outcome"], "unreadable", "{}: {manifest}", path.display());
        gradings.push((row, client.grade(&id, &rubric).await));
    }
    assert!(gradings.len() > 50);
    for (row, grading) in gradings {
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        assert_eq!(
            done["progress"],
            json!({"calls_planned": 3, "calls_done": 3, "calls_failed": 0}),
            "{row:?}: {done}"
        );
        let words = &done["criteria"][1]["verdict"];
        // A picture may have words that no check can read.
        let expected = if row["ext"] == "png" { "inconclusive" } else { "met" };
        assert_eq!(words, expected, "{row:?}: {done}");
    }
}
