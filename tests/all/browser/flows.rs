//! Everything can be done by keyboard alone: what has the keyboard is named by its role and its accessible name, as a
//! screen reader says them, and nothing is clicked.

use empanel::domain::{Clock, SystemClock};
use empanel::identity::fake::{CLIENT_ID, CLIENT_SECRET, FakeProvider, Flaw};
use serde_json::json;

use super::axe::violations;
use super::driver::Browser;
use super::world::{Words, World};
use crate::support::{Home, Service};

/// What opens and closes: as Chromium says the role of a `summary`.
const DISCLOSURE: &str = "DisclosureTriangle";

async fn opened(name: &str) -> (World, Browser) {
    let world = World::new(Words::Plain).await;
    let browser = Browser::open(&world.service.url, name).await;
    (world, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_with_a_key_goes_to_where_they_wanted_and_logs_out() {
    let (world, browser) = opened("login").await;
    browser.go("/gradings?status=failed").await;
    assert_eq!(browser.at().await, "/login?next=%2Fgradings%3Fstatus%3Dfailed");
    browser.tab_to("textbox", "API key").await;
    browser.write("emp_wrong").await;
    browser.press("Enter").await;
    browser.wait("the refusal", "document.querySelector('[role=alert]')").await;
    browser.screenshot("refused").await;
    browser.forgive("401").await;
    browser.tab_to("textbox", "API key").await;
    browser.write(world.key("lead")).await;
    browser.press("Enter").await;
    browser.wait_at("/gradings?status=failed").await;
    browser.screenshot("in").await;
    browser.tab_to("button", "Log out").await;
    browser.press("Enter").await;
    browser.wait_at("/login").await;
    browser.go("/gradings").await;
    assert!(browser.at().await.starts_with("/login"), "nobody is logged in any more");
    browser.done().await;
}

/// The provider is another site: the browser comes back from it with the one cookie that is meant for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_by_an_identity_provider_or_is_told_why_not() {
    const SERVICE: &str = "http://localhost";
    let ann = |groups: &[&str]| json!({"email": "ann@example.com", "email_verified": true, "groups": groups});
    let provider = FakeProvider::start(ann(&["strangers"]), SystemClock.now().as_second());
    let home = Home::new("");
    let secret = home.write("secret", CLIENT_SECRET);
    home.configure(
        "",
        &format!(
            "[oidc]\nissuer = {:?}\nclient_id = {CLIENT_ID:?}\nclient_secret_file = {secret:?}\nurl = {SERVICE:?}\n\
             [[oidc.grants]]\nvalue = \"graders\"\nrole = \"reviewer\"\nproject = \"default\"\n",
            provider.issuer()
        ),
    );
    let service = Service::start(&home).await;
    let browser = Browser::open_under(SERVICE, &service.url, "login-elsewhere").await;
    browser.go("/reviews?state=done").await;
    assert_eq!(browser.at().await, "/login?next=%2Freviews%3Fstate%3Ddone");
    assert_eq!(violations(&browser).await, []);
    browser.tab_to("link", "Log in with your account").await;
    browser.press("Enter").await;
    browser.wait("the refusal", "document.body.innerText.includes('may do nothing here')").await;
    browser.screenshot("refused").await;
    browser.forgive("403").await;

    provider.be(ann(&["graders"]), Flaw::None);
    browser.go("/reviews?state=done").await;
    browser.tab_to("link", "Log in with your account").await;
    browser.press("Enter").await;
    browser.wait_at("/reviews?state=done").await;
    browser.screenshot("in").await;
    assert!(browser.text("header").await.contains("ann@example.com"), "{}", browser.text("header").await);
    browser.tab_to("button", "Log out").await;
    browser.press("Enter").await;
    browser.wait_at("/login").await;
    browser.go("/reviews").await;
    assert!(browser.at().await.starts_with("/login"), "nobody is logged in any more");
    browser.done().await;
}

async fn of(name: &str, who: &str) -> (World, Browser) {
    let (world, browser) = opened(name).await;
    browser.log_in(world.key(who)).await;
    (world, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_and_evidence_of_a_small_grading_come_when_its_matrix_stands_and_are_printed() {
    let (world, browser) = of("ahead", "lead").await;
    browser.go(&format!("/gradings/{}", world.gradings[0])).await;
    browser.wait("a matrix without what stands behind it", "document.querySelector('.matrix[data-ahead]')").await;
    let all = "document.querySelectorAll('.matrix .more > td > details').length";
    let here = "document.querySelectorAll('.matrix .more .detail').length";
    browser.wait("all reasons", &format!("{all} > 8 && {here} === {all}")).await;
    browser.wait("nothing opened by that", "!document.querySelector('.matrix .more > td > details[open]')").await;
    let printed = "(dispatchEvent(new Event('beforeprint')), \
         [...document.querySelectorAll('.matrix .more .detail')].every((one) => one.checkVisibility()))";
    browser.wait("all of it on paper", printed).await;
    browser.screenshot("printed").await;
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_opens_a_grading_reads_a_criterion_and_overrules_it() {
    let (world, browser) = of("overrule", "lead").await;
    browser.screenshot("1-home").await;
    browser.tab_to("link", "Gradings").await;
    browser.press("Enter").await;
    browser.wait_at("/gradings").await;
    browser.screenshot("2-gradings").await;
    browser.tab_to("link", "atlas-2").await;
    browser.press("Enter").await;
    browser
        .wait(
            "a grading",
            "location.pathname.startsWith('/gradings/') && document.querySelector('h1').innerText.startsWith('atlas-2')",
        )
        .await;
    let grading = browser.at().await;
    let id = grading.trim_start_matches("/gradings/").split(['?', '#']).next().unwrap().to_owned();
    browser.screenshot("3-grading").await;

    browser.tab_to(DISCLOSURE, "Criterion spare").await;
    browser.press("Enter").await;
    browser.wait("the reasons", "document.querySelector('details[open] .votes')").await;
    browser.screenshot("4-criterion").await;
    browser.tab_to(DISCLOSURE, "Overrule").await;
    browser.press("Enter").await;
    browser.tab_to("radio", "").await;
    browser.choose("unmet").await;
    browser.tab_to("textbox", "Reason").await;
    browser.write("The goal has no date, and no number.").await;
    browser.screenshot("5-decision").await;
    browser.tab_to("button", "Overrule").await;
    browser.press("Enter").await;
    browser.wait("the decision", "[...document.querySelectorAll('.overrides .said, .overrides p')].some((p) => p.innerText.includes('no date'))").await;
    browser.screenshot("6-overruled").await;
    let after = world.client("lead").get(&format!("/v1/gradings/{id}")).await.is(200);
    let spare = after["criteria"].as_array().unwrap().iter().find(|one| one["id"] == "spare").unwrap().clone();
    assert_eq!((&spare["verdict"], &spare["source"]), (&json!("unmet"), &json!("override")), "{spare}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_looks_at_the_leaderboard_in_another_way_and_keeps_it() {
    let (world, browser) = of("leaderboard", "lead").await;
    browser.tab_to("link", "Leaderboard").await;
    browser.press("Enter").await;
    browser.wait_at("/leaderboard").await;
    browser.screenshot("1-ratings").await;
    browser.tab_to("combobox", "Method").await;
    // The only method that begins so.
    browser.write("mean").await;
    browser.press("Enter").await;
    browser.wait("the mean score", "location.search.includes('method=score')").await;
    browser.screenshot("2-mean-score").await;
    browser.tab_to("textbox", "Keep it as it is now").await;
    browser.write("after the meeting").await;
    browser.tab_to("button", "Keep").await;
    browser.press("Enter").await;
    browser
        .wait(
            "what is kept",
            "[...document.querySelectorAll('#against option')].some((o) => o.text.includes('after the meeting'))",
        )
        .await;
    browser.screenshot("3-kept").await;
    let kept = world.client("lead").all("/v1/leaderboard/snapshots").await;
    assert!(kept.iter().any(|one| one["label"] == "after the meeting"), "{kept:?}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_takes_a_question_answers_it_and_goes_on_with_the_next() {
    let (world, browser) = of("review", "sue").await;
    browser.tab_to("link", "Reviews").await;
    browser.press("Enter").await;
    browser.wait_at("/reviews").await;
    browser.screenshot("1-queue").await;
    browser.tab_to("link", "Statement spare").await;
    browser.press("Enter").await;
    // The same criterion of another system may come first.
    browser.wait("a question", "/^\\/reviews\\/./.test(location.pathname)").await;
    let review = browser.at().await;
    browser.wait("the deliverable", "document.querySelector('[data-viewer]')?.dataset.at").await;
    browser.screenshot("2-question").await;
    browser.press("?").await;
    browser.wait("the keys", "document.querySelector('dialog[open]')").await;
    browser.screenshot("3-keys").await;
    browser.press("Escape").await;
    browser.press("t").await;
    browser.wait("the form", "document.querySelector('input[name=token]')").await;
    browser.screenshot("4-taken").await;
    browser.press("n").await;
    assert_eq!(browser.focus().await.name.split(' ').next(), Some("unmet"));
    browser.press("r").await;
    // Letters are letters where somebody types.
    browser.write("Not every goal is covered: just two.").await;
    browser.screenshot("5-answer").await;
    browser.press("Ctrl+Enter").await;
    let gone = format!("!location.pathname.includes({}) && document.querySelector('h1')", json!(review));
    browser.wait("another question", &gone).await;
    browser.screenshot("6-next").await;
    let kept = world.client("sue").get(&format!("/v1{review}")).await.is(200);
    assert_eq!((&kept["state"], &kept["answers"][0]["value"]), (&json!("submitted"), &json!("unmet")), "{kept}");
    assert_eq!(kept["answers"][0]["reason"], "Not every goal is covered: just two.", "{kept}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_decides_where_reviewers_differ() {
    let (world, browser) = of("adjudicate", "ann").await;
    let at = format!("/reviews/{}", world.reviews["differ"]);
    browser.go(&at).await;
    browser.screenshot("1-conflict").await;
    browser.tab_to("radio", "").await;
    browser.choose("met").await;
    browser.tab_to("textbox", "Reason").await;
    browser.write("Rob is right: page 2.").await;
    browser.tab_to("button", "Settle it").await;
    browser.press("Enter").await;
    let gone = format!("!location.pathname.includes({}) && document.querySelector('h1')", json!(at));
    browser.wait("another page", &gone).await;
    browser.screenshot("2-settled").await;
    let kept = world.client("ann").get(&format!("/v1{at}")).await.is(200);
    assert_eq!((&kept["state"], &kept["resolution"]["value"]), (&json!("resolved"), &json!("met")), "{kept}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_says_which_of_two_is_better() {
    let (world, browser) = of("preference", "rob").await;
    let at = format!("/reviews/{}", world.reviews["preference"]);
    browser.go(&at).await;
    browser.screenshot("1-question").await;
    browser.tab_to("button", "Take it").await;
    browser.press("Enter").await;
    browser.wait("the form", "document.querySelector('input[name=token]')").await;
    browser.tab_to("radio", "").await;
    browser.press("Space").await;
    browser.tab_to("textbox", "Reason").await;
    browser.write("It is complete.").await;
    browser.screenshot("2-answer").await;
    browser.tab_to("button", "Submit").await;
    browser.press("Enter").await;
    let gone = format!("!location.pathname.includes({}) && document.querySelector('h1')", json!(at));
    browser.wait("another page", &gone).await;
    browser.screenshot("3-answered").await;
    let kept = world.client("lead").get(&format!("/v1{at}")).await.is(200);
    assert_eq!(kept["state"], "submitted", "{kept}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_decides_about_what_a_model_proposed() {
    let (world, browser) = of("drafts", "rob").await;
    browser.tab_to("link", "Rubrics").await;
    browser.press("Enter").await;
    browser.wait_at("/rubrics").await;
    browser.tab_to("link", "Draft for").await;
    browser.press("Enter").await;
    browser.wait_at(&format!("/rubrics/{}", world.drafts)).await;
    browser.screenshot("1-drafts").await;
    browser.tab_to("textbox", "Requirement").await;
    browser.press("End").await;
    browser.write(" By its name.").await;
    // What is chosen in a group of radio buttons is what Tab reaches of it.
    browser.tab_to("radio", "leave open").await;
    browser.choose("accept").await;
    browser.tab_to("radio", "leave open").await;
    browser.choose("reject").await;
    browser.screenshot("2-decided").await;
    browser.tab_to("button", "Keep these decisions").await;
    browser.press("Enter").await;
    browser.wait("the next version", "document.querySelector('#h-decided')").await;
    browser.screenshot("3-kept").await;
    let kept = world.client("rob").get(&format!("/v1/rubrics/{}", world.drafts)).await.is(200);
    assert_eq!((&kept["version"], kept["criteria"].as_array().map(Vec::len)), (&json!(2), Some(2)), "{kept}");
    assert!(kept["criteria"][0]["requirement"].as_str().unwrap().ends_with("By its name."), "{kept}");
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_is_opened_in_the_deliverable_and_left_again() {
    let (world, browser) = of("quote", "lead").await;
    browser.go(&format!("/gradings/{}?open=1", world.gradings[0])).await;
    browser.tab_to("link", "in the deliverable").await;
    browser.press("Enter").await;
    browser.wait("the place", "document.querySelector('#drawer:not([hidden]) #mark')").await;
    browser.screenshot("1-quote").await;
    assert!(
        browser.text("#drawer .pane-quote").await.contains("stands at"),
        "{}",
        browser.text("#drawer .pane-quote").await
    );
    assert_eq!(browser.focus().await.name, "Close");
    browser.press("Escape").await;
    browser.wait("the grading", "document.querySelector('#drawer[hidden]')").await;
    assert_eq!(browser.focus().await.name, "in the deliverable", "the keyboard is where it was");

    // The whole desk, on a page of its own, two files side by side.
    browser.go(&format!("/gradings/{}/work?file=0", world.gradings[0])).await;
    browser.tab_to("link", "Show").await;
    browser.press("Enter").await;
    browser.wait("two panes", "document.querySelectorAll('.pane').length === 2").await;
    browser.screenshot("2-side-by-side").await;
    browser.tab_to("link", "Alone").await;
    browser.press("Enter").await;
    browser.wait("one pane", "document.querySelectorAll('.pane').length === 1").await;
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_quotes_what_is_selected_undoes_a_change_and_takes_an_answer_back() {
    let (world, browser) = of("undo", "sue").await;
    browser.go("/reviews").await;
    browser.tab_to("button", "next question").await;
    browser.press("Enter").await;
    browser.wait("the form", "document.querySelector('input[name=token]')").await;
    browser.wait("the deliverable", "document.querySelector('.pane-body')").await;
    let review = browser.at().await.split('?').next().unwrap().to_owned();
    browser.press("y").await;
    // What the caret of a keyboard user selects.
    browser
        .script(
            "const at = [...document.querySelectorAll('.pane-body .long, .pane-body td')].find((one) => one.textContent.trim().length > 8); \
             getSelection().selectAllChildren(at); document.activeElement.blur();",
        )
        .await;
    browser.press("e").await;
    let quoted = browser.script("return document.querySelector('textarea[name=reason]').value").await;
    let quoted = quoted.as_str().unwrap().to_owned();
    assert!(quoted.starts_with('“') && quoted.contains("” ("), "{quoted}");
    browser.screenshot("1-quoted").await;
    browser.press("Escape").await;
    browser.press("u").await;
    browser.wait("nothing quoted", "document.querySelector('textarea[name=reason]').value === ''").await;
    browser.press("r").await;
    browser.write("Half of it is there.").await;
    // A draft is there again after a reload.
    browser.go(&review).await;
    browser.wait("the draft", "document.querySelector('textarea[name=reason]').value === 'Half of it is there.'").await;
    assert_eq!(browser.script("return document.querySelector('input[value=met]').checked").await, json!(true));
    browser.press("Ctrl+Enter").await;
    browser.wait("what was answered", "document.querySelector('.notice')").await;
    browser.screenshot("2-answered").await;
    browser.press("u").await;
    let back = format!("location.pathname === {} && document.querySelector('input[name=token]')", json!(review));
    browser.wait("the question again", &back).await;
    browser.screenshot("3-taken-back").await;
    let kept = world.client("sue").get(&format!("/v1{review}")).await.is(200);
    assert_eq!((&kept["state"], kept["answers"].as_array().map(Vec::len)), (&json!("claimed"), Some(0)), "{kept}");
    // Whoever will not answer says why, and is not asked again.
    browser.tab_to(DISCLOSURE, "Decline").await;
    browser.press("Enter").await;
    browser.tab_to("textbox", "Why you will not answer").await;
    browser.write("My own work.").await;
    browser.tab_to("button", "Decline").await;
    browser.press("Enter").await;
    browser.wait("another page", &format!("location.pathname !== {}", json!(review))).await;
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_work_is_posted_with_a_rubric_that_is_looked_at_while_it_is_written() {
    let (world, browser) = of("post", "lead").await;
    browser.tab_to("link", "Post").await;
    browser.press("Enter").await;
    browser.wait_at("/post").await;
    // What a file dialog hands over; the dialog itself is the browser's.
    let form = [("system", "typed-by-hand"), ("text", "The cause is a pump that failed in May.")];
    for (name, text) in form {
        let focus = format!("document.querySelector('form [name={name}]').focus()");
        browser.script(&focus).await;
        browser.write(text).await;
    }
    browser.script("document.querySelector('form textarea[name=rubric]').focus()").await;
    browser.write("{\"criteria\": [{\"requirement\": \"Names the cause.\"").await;
    browser.wait("what is wrong", "document.querySelector('#lint').innerText.includes('cannot be read')").await;
    browser.screenshot("1-wrong").await;
    // The service says what is no rubric with a 400, and the browser notes every one.
    browser.forgive("400").await;
    browser.write(", \"points\": 2}]}").await;
    browser.wait("what it is", "document.querySelector('#lint-head').innerText.includes('1 criterion')").await;
    browser.screenshot("2-right").await;
    browser.tab_to("button", "Quote").await;
    browser.press("Enter").await;
    browser.wait("the quote", "document.querySelector('#quote dl')").await;
    browser.screenshot("3-quote").await;
    browser.tab_to("button", "Start").await;
    browser.press("Enter").await;
    browser.wait("the grading", "location.pathname.startsWith('/gradings/')").await;
    browser.screenshot("4-started").await;
    let id = browser.at().await.trim_start_matches("/gradings/").split(['?', '#']).next().unwrap().to_owned();
    let kept = world.client("lead").get(&format!("/v1/gradings/{id}?wait=30")).await.is(200);
    assert_eq!(kept["system"], "typed-by-hand", "{kept}");
    browser.done().await;
}
