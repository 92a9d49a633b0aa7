//! What judges replied is kept, and can be read again without them.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Home, NO_REVIEWS, Service, judge, number, panel, run, statements};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_is_read_again_without_a_call_and_says_the_same() {
    let server = FakeOpenAi::start(|call| match number(call) {
        0 => Action::refusal(),
        1 => Action::text("no answer at all"),
        _ => Action::answer("MET"),
    })
    .await;
    let of_home = |provider: &str| {
        let judges = judge("anna", &server, "max_reasks = 1").replace("\"openai\"", provider);
        format!("{judges}{}", panel(&["anna"], NO_REVIEWS))
    };
    let home = Home::new(&of_home("\"openai\""));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(5)).await;
    let submission = client.text("system", "A report.").await;
    let first = client.grade(&submission, &rubric).await;
    client.settled(&format!("/v1/gradings/{first}")).await;
    // Its good answers are taken over from the first one.
    let second = client.grade(&submission, &rubric).await;
    client.settled(&format!("/v1/gradings/{second}")).await;
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    let asked = server.count();
    let config = home.config().display().to_string();

    for grading in [&first, &second] {
        let said = run(&home, &["replay", grading, "--format", "json", "--config", &config]).await.exits_with(0).json();
        assert_eq!((&said["same"], &said["other_answer"]), (&json!(5), &json!(0)), "{said}");
        assert_eq!(said["votes"][0]["then"], "refused");
    }
    // Whoever reads them otherwise is told so: another provider's interface finds no answer in them.
    home.configure("", &of_home("\"anthropic\""));
    let said = run(&home, &["replay", &first, "--config", &config]).await.exits_with(1);
    assert!(
        said.stdout.contains("3 with another answer") || said.stdout.contains("5 with another answer"),
        "{}",
        said.stdout
    );
    assert_eq!(server.count(), asked, "nobody was asked");
    run(&home, &["replay", "01890a5d-ac96-774b-bcce-b302099a8059", "--config", &config])
        .await
        .exits_with(2)
        .complains(&["no grading"]);
}
