//! Judges of the family of the system that they judge: told, or left out where the panel says so.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Home, NO_REVIEWS, Service, judge, statements};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_of_the_systems_family_is_told_or_left_out_and_too_few_judges_are_refused() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let panel = |name: &str, more: &str| {
        format!(
            "[[panels]]\nname = \"{name}\"\njudges = [\"gpt-5-mini\", \"claude-opus-4\", \"local-7b\"]\n{more}\n{NO_REVIEWS}\n"
        )
    };
    let home = Home::new(&format!(
        "{}{}{}{}{}{}",
        judge("gpt-5-mini", &server, ""),
        judge("claude-opus-4", &server, ""),
        judge("local-7b", &server, ""),
        panel("marks", "own_family = \"mark\""),
        panel("refuses", "own_family = \"refuse\""),
        panel("refuses-all", "own_family = \"refuse\"\nquorum = 3"),
    ));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(1)).await;
    let submission = client.text("gpt-5 + tools", "Totals tie.").await;
    let ask = |panel: &str| json!({"submission_id": submission, "rubric_id": rubric, "panel": panel});

    let graded = async |panel: &str| {
        let asked = client.post("/v1/gradings", &ask(panel)).await.is(202);
        client.settled(&format!("/v1/gradings/{}", asked["id"].as_str().unwrap())).await
    };

    let marked = graded("marks").await;
    let families = json!({"systems": ["openai"], "own": ["gpt-5-mini"], "left_out": [], "unknown": ["local-7b"]});
    assert_eq!((&marked["families"], &marked["progress"]["calls_done"]), (&families, &json!(3)), "{marked}");

    let refused = graded("refuses").await;
    let families = json!({"systems": ["openai"], "own": [], "left_out": ["gpt-5-mini"], "unknown": ["local-7b"]});
    assert_eq!((&refused["families"], &refused["status"]), (&families, &json!("completed")), "{refused}");
    let votes = client.votes(refused["id"].as_str().unwrap()).await;
    assert!(votes.len() == 2 && votes.iter().all(|vote| vote["judge"] != "gpt-5-mini"), "{votes:?}");

    let answer = client.post("/v1/gradings", &ask("refuses-all")).await;
    answer.is_bad_field("/panel", &["gpt-5-mini", "gpt-5 + tools", "openai", "quorum is 3", "own_family"]);
    assert_eq!(client.all("/v1/gradings").await.len(), 2, "nothing of it is kept");

    // A system of another family, or of none that is known, is judged by all.
    for system in ["mistral-large", "atlas-2"] {
        let submission = client.text(system, "Totals tie.").await;
        let asked = json!({"submission_id": submission, "rubric_id": rubric, "panel": "refuses-all"});
        let id = client.post("/v1/gradings", &asked).await.is(202)["id"].as_str().unwrap().to_owned();
        let done = client.settled(&format!("/v1/gradings/{id}")).await;
        assert_eq!(done["progress"]["calls_done"], 3, "{system}: {done}");
        assert_eq!(done["families"]["left_out"], json!([]), "{done}");
    }
}
