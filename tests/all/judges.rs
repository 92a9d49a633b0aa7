//! Judges are tried before they are paid for.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Home, judge, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_tells_the_judges_that_work_from_those_that_do_not_and_why() {
    let server = FakeOpenAi::start(|call| {
        let body = call.json();
        let sees = body["messages"].to_string().contains("image_url");
        match body["model"].as_str().unwrap() {
            "good" => Action::answer("MET"),
            // Knows no schema.
            "plain" if body["response_format"]["type"] == "json_schema" => {
                Action::error(400, "unsupported", "response_format json_schema is not supported")
            }
            "plain" => Action::answer("MET"),
            "blind" if sees => Action::error(400, "invalid", "this model does not support images"),
            "blind" => Action::answer("MET"),
            "keyless" => Action::error(401, "invalid_api_key", "Incorrect API key provided."),
            _ => Action::answer("UNMET"),
        }
    })
    .await;
    let names = ["good", "plain", "blind", "keyless", "wrong"];
    let judges: String =
        names.iter().map(|name| judge(name, &server, if *name == "blind" { "vision = true" } else { "" })).collect();
    let home = Home::new(&judges);
    let config = home.config().display().to_string();
    let said = run(&home, &["judges", "check", "--config", &config, "--format", "json"]).await.exits_with(3).json();
    let of = |name: &str| said.as_array().unwrap().iter().find(|one| one["judge"] == name).unwrap();
    assert_eq!(said.as_array().unwrap().len(), 5, "the configured ones, not the built-in ones: {said}");
    assert_eq!((&of("good")["text"]["passed"], &of("good")["picture"]), (&json!(true), &json!(null)));
    assert_eq!(of("good")["answered_as"], "fake-1-2026-11-01");
    // 200 fresh at 1, 800 cached at .5, 50 out at 10 dollars per million.
    assert!((of("good")["usd"].as_f64().unwrap() - 0.0011).abs() < 1e-9, "{}", of("good"));
    assert_eq!((&of("good")["reply_form"], &of("plain")["reply_form"]), (&json!("schema"), &json!("json")));
    assert_eq!((&of("blind")["text"]["passed"], &of("blind")["picture"]["passed"]), (&json!(true), &json!(false)));
    assert!(of("keyless")["text"]["said"].as_str().unwrap().contains("Incorrect API key"), "{}", of("keyless"));
    assert_eq!((&of("wrong")["text"]["passed"], &of("wrong")["text"]["said"]), (&json!(false), &json!("UNMET")));

    let said = run(&home, &["judges", "check", "good", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("fake-1-2026-11-01") && !said.stdout.contains("keyless"), "{}", said.stdout);
    run(&home, &["judges", "check", "nobody", "--config", &config])
        .await
        .exits_with(2)
        .complains(&["`nobody`", "`good`"]);
    let none = Home::new("");
    let config = none.config().display().to_string();
    let said = run(&none, &["judges", "check", "--config", &config]).await.exits_with(0);
    assert!(
        said.stdout.contains("lexical-balanced"),
        "without a judge of one's own, the built-in ones: {}",
        said.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_of_ones_own_are_checked_and_used() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = Home::new(&format!("[prompts]\nfolder = \"prompts\"\n{}", judge("anna", &server, "")));
    std::fs::create_dir(home.path("prompts")).unwrap();
    let config = home.config().display().to_string();
    home.write("prompts/notes.txt", "no template");
    home.write("prompts/criterion.j2", "Is it so? {{ requirement }}\nSay MET, UNMET or CANNOT_ASSESS as \"answer\".");
    let said = run(&home, &["prompts", "check", "--show", "--config", &config]).await.exits_with(0);
    assert!(
        said.stdout.contains("Is it so? The totals {{ tie }}") && said.stdout.contains("BOTH_BAD"),
        "{}",
        said.stdout
    );
    run(&home, &["judges", "check", "--config", &config]).await.exits_with(0);
    assert!(server.calls()[0].user_text().contains("Is it so? The memo states"));
    home.write("prompts/criterion.j2", "Is it so?");
    for verb in [["prompts", "check"], ["judges", "check"]] {
        run(&home, &[verb[0], verb[1], "--config", &config]).await.complains(&[
            "prompts",
            "`criterion`",
            "requirement",
        ]);
    }
    run(&home, &["serve", "--config", &config]).await.complains(&["`criterion`"]);
}
