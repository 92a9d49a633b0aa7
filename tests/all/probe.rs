//! `empanel judges probe`: what a score hangs on besides the work.

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::support::{Home, NO_REVIEWS, judge, panel, requirement, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_likes_headings_is_told_from_one_that_reads() {
    // Two of three answers hang on a heading.
    let server = FakeOpenAi::start(|call| {
        let likes = call.user_text().contains("#### Part") && !requirement(call).contains("third");
        Action::answer(if likes { "MET" } else { "UNMET" })
    })
    .await;
    let home = Home::new(&format!("{}{}", judge("vain", &server, ""), panel(&["vain"], NO_REVIEWS)));
    home.write("memo.md", "# Memo\n\nRevenue was 4,217 dollars.\n\nIt was 311 more than before.\n");
    let criteria = ["The first figure is right.", "The second figure is right.", "The third figure is right."];
    let rubric = json!({"title": "Memo", "criteria": criteria.iter().map(|text| json!({"requirement": text, "points": 2})).collect::<Vec<_>>()});
    home.write("rubric.json", rubric.to_string());
    let config = home.config().display().to_string();
    let arguments = ["judges", "probe", "memo.md", "--rubric", "rubric.json", "--config", &config];
    let said = run(&home, &[&arguments[..], &["--format", "json"]].concat()).await.exits_with(0).json();
    assert_eq!(said["score"], 0.0, "{said}");
    let forms = said["forms"].as_array().unwrap();
    let names: Vec<&str> = forms.iter().map(|form| form["form"].as_str().unwrap()).collect();
    assert_eq!(names, ["again", "markdown", "plain", "reflowed", "emphasised", "headed", "padded"]);
    for form in forms {
        assert_eq!(form["criteria_compared"], 3, "{form}");
        if form["form"] == "headed" {
            assert!((form["difference"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9, "{form}");
            assert_eq!(form["changed"].as_array().unwrap().len(), 2, "{form}");
            let interval = &form["interval"];
            assert!(interval["low"].as_f64().unwrap() < 2.0 / 3.0 && interval["caution"].is_string(), "{form}");
        } else {
            assert_eq!((&form["difference"], &form["interval"]), (&json!(0.0), &json!(null)), "{form}");
            assert!(form["undefined"].as_str().unwrap().contains("none of 3 verdicts changed"), "{form}");
        }
    }
    let pretty = run(&home, &arguments).await.exits_with(0).stdout;
    assert!(pretty.contains("headed") && pretty.contains("+0.667") && pretty.contains("again"), "{pretty}");
    home.write("dot.bin", [0u8, 159, 146, 150]);
    run(&home, &["judges", "probe", "dot.bin", "--rubric", "rubric.json", "--config", &config])
        .await
        .complains(&["nothing of the deliverable is text"]);
}
