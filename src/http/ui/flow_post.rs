//! A work is posted from the page, with the script and without, and judges are looked at where they differ.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::test::{self, TestRequest};
use actix_web::{App, web};
use scraper::{Html, Selector};
use serde_json::Value;

use super::flow::{graded, read, request, select, services};
use crate::domain::{Grading, JudgeName, ProjectId, Question, Subject, Vote, VoteOutcome};
use crate::grading::call::subject_prefix;
use crate::grading::work::run_now;
use crate::http::auth::LOCAL_PROJECT;
use crate::http::{self, Door, Role, create_key};
use crate::ranking::agreement::{Filter, agreement, differing};
use crate::services::Services;
use crate::store::Query;

const RUBRIC: &str = "title: Memo\ncriteria:\n  - id: revenue\n    requirement: The memo states revenue of 42 million.\n    \
                      points: 5\n  - id: other\n    requirement: The memo is well written.\n    points: 2\n";

/// A form as a browser sends it: texts, then files by field and name.
fn form(path: &str, texts: &[(&str, &str)], files: &[(&str, &str, &str)]) -> TestRequest {
    let mut body = String::new();
    for (name, text) in texts {
        let text = text.replace('\n', "\r\n");
        body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    }
    for (field, name, bytes) in files {
        body += &format!(
            "--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{bytes}\r\n"
        );
    }
    body += "--b--\r\n";
    request("POST", path, "")
        .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
        .insert_header((header::CONTENT_LENGTH, body.len()))
        .set_payload(body)
}

macro_rules! app {
    ($services:expr) => {
        test::init_service(
            App::new().configure(http::configure(web::Data::from($services.clone()), Arc::new(Door::default()))),
        )
        .await
    };
}

macro_rules! ask {
    ($app:expr, $method:expr, $path:expr, $form:expr) => {{
        let path: &str = $path;
        read(test::call_service($app, request($method, path, $form).to_request()).await, path).await
    }};
}

macro_rules! send {
    ($app:expr, $path:expr, $texts:expr, $files:expr) => {{
        let answer = test::call_service($app, form($path, $texts, $files).to_request()).await;
        read(answer, $path).await
    }};
}

fn value(html: &str, selector: &str) -> String {
    let document = Html::parse_document(html);
    let found = document.select(&Selector::parse(selector).unwrap()).next().unwrap();
    found.value().attr("value").unwrap_or_default().to_owned()
}

fn main(html: &str) -> String {
    select(html, "main")[0].split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn gradings(services: &Services) -> Vec<Grading> {
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    project.all::<Grading>(Query::default()).await.unwrap()
}

#[actix_web::test]
async fn a_file_and_a_rubric_posted_from_the_page_end_as_a_grading_and_twice_is_once() {
    let services = services().await;
    let app = app!(services);
    let (status, _, page) = ask!(&app, "GET", "/post", "");
    assert_eq!(status, StatusCode::OK);
    let key = value(&page, "[name=key]");
    let texts = [("key", key.as_str()), ("system", "atlas"), ("rubric", RUBRIC), ("rubric_format", "native")];
    let texts = [&texts[..], &[("text", ""), ("rubric_id", ""), ("task_id", ""), ("panel", "offline")]].concat();
    let files = [("file", "memo.txt", "Revenue was 42 million."), ("rubric_file", "", "")];
    let (status, to, _) = send!(&app, "/post", &texts, &files);
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(to.starts_with("/gradings/"), "{to}");
    let (_, again, _) = send!(&app, "/post", &texts, &files);
    assert_eq!(again, to, "a form that is sent twice starts one grading");
    let all = gradings(&services).await;
    assert_eq!(all.len(), 1);
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    run_now(&services, &project, all[0].id).await.unwrap();
    let (_, _, html) = ask!(&app, "GET", &to, "");
    assert!(html.contains("memo.txt") && html.contains("atlas"), "{html}");

    // The same form, changed after it was used: nothing is started unasked, and the page has a key of its own.
    let changed = [("key", key.as_str()), ("system", "other"), ("rubric", RUBRIC)];
    let (status, _, refused) = send!(&app, "/post", &changed, &files);
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(select(&refused, "[role=alert]")[0].contains("already started a grading"));
    assert_ne!(value(&refused, "[name=key]"), key);
    assert_eq!(gradings(&services).await.len(), 1);
}

#[actix_web::test]
async fn a_refusal_says_what_is_wrong_where_and_keeps_what_was_entered() {
    let services = services().await;
    let app = app!(services);
    let texts = [
        ("key", "k"),
        ("system", "atlas <b>"),
        ("prompt", "Write\na memo."),
        ("rubric_format", "native"),
        ("repeats", "2"),
        ("budget_usd", "lots"),
    ];
    let broken = "criteria:\n  - id: a\n    points: many\n";
    let files = [("file", "memo.txt", "x"), ("rubric_file", "rubric.yaml", broken)];
    let (status, _, html) = send!(&app, "/post", &texts, &files);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(select(&html, "[role=alert]")[0].contains("\"lots\" is no amount"), "{html}");
    assert_eq!(value(&html, "#system"), "atlas <b>");
    assert_eq!(value(&html, "#repeats"), "2");
    assert_eq!(value(&html, "[name=key]"), "k", "nothing was started with it");
    assert_eq!(select(&html, "#prompt"), ["Write\na memo."]);
    assert_eq!(select(&html, "#rubric"), [broken.trim()], "what was in the file is kept as text");
    assert!(main(&html).contains("Choose the files again") && main(&html).contains("memo.txt"));

    let texts = [("key", "k"), ("system", "atlas"), ("rubric", broken)];
    let (status, _, html) = send!(&app, "/post", &texts, &files[..1]);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = &select(&html, "[role=alert]")[0];
    assert!(told.contains("/criteria/0/points") && told.contains("line 3"), "{told}");
    assert!(gradings(&services).await.is_empty());

    let (status, _, html) = send!(&app, "/post", &[("key", "k")], &[]);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(select(&html, "[role=alert] li").len(), 3, "work, rubric, system");
    let (status, _, html) = send!(&app, "/post", &[("key", "k"), ("system", "a")], &[("file", "a/../b", "x")]);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(value(&html, "#system"), "a");
}

#[actix_web::test]
async fn a_quote_is_told_before_anything_runs_and_nothing_is_kept_but_what_was_typed() {
    let services = services().await;
    let app = app!(services);
    let texts = [("key", "k"), ("system", "atlas"), ("rubric", RUBRIC)];
    let files = [("file", "memo.txt", "Revenue was 42 million.")];
    let (status, _, html) = send!(&app, "/post/quote", &texts, &files);
    assert_eq!(status, StatusCode::OK);
    let text = main(&html);
    assert!(text.contains("Calls6") && text.contains("$0") && text.contains("Timeunknown"), "{text}");
    assert!(text.contains("Memo: 2 criteria, 7 points"), "{text}");
    assert_eq!(select(&html, "#rubric"), [RUBRIC.trim()]);
    assert!(gradings(&services).await.is_empty());
    let (_, _, rubrics) = ask!(&app, "GET", "/rubrics", "");
    assert!(rubrics.contains("No rubric yet"));
    let (status, _, html) = send!(&app, "/post/quote", &[("key", "k")], &[]);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(select(&html, "#refused [role=alert]").len(), 1);

    // The same by the API: the body of a posting.
    let one_shot = serde_json::json!({"system": "atlas", "rubric": RUBRIC}).to_string();
    let quoted = form("/v1/quotes", &[("grading", &one_shot)], &files).to_request();
    let quoted: Value = test::read_body_json(test::call_service(&app, quoted).await).await;
    assert_eq!((quoted["calls"].as_u64(), quoted["usd"].as_f64()), (Some(6), Some(0.0)), "{quoted}");
    assert!(gradings(&services).await.is_empty());
}

#[actix_web::test]
async fn the_rubric_is_looked_at_as_the_script_asks() {
    let services = services().await;
    let app = app!(services);
    let lint = |text: &'static str| {
        request("POST", "/v1/rubrics/lint?format=native", text)
            .insert_header((header::CONTENT_TYPE, "text/plain"))
            .to_request()
    };
    let said: Value = test::read_body_json(test::call_service(&app, lint(RUBRIC)).await).await;
    assert_eq!((said["criteria"].as_u64(), said["max_points"].as_f64()), (Some(2), Some(7.0)));
    for finding in said["lint"].as_array().unwrap() {
        assert!(["level", "code", "message"].iter().all(|field| finding[field].is_string()), "{finding}");
    }
    let answer = test::call_service(&app, lint("criteria:\n  - id: a\n    points: x\n")).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let said: Value = test::read_body_json(answer).await;
    assert!(said["errors"].as_array().unwrap().iter().any(|e| e["pointer"] == "/criteria/0/points"), "{said}");
}

/// Turns every answer of this judge about this criterion.
async fn turned(services: &Services, grading: &str, judge: &str, criterion: &str) {
    use crate::domain::Answer;
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let subject = subject_prefix(Subject::Grading(grading.parse().unwrap()));
    let page = project.list::<Vote>(Query::prefix(subject)).await.unwrap();
    for kept in page.items {
        let mut vote = kept.record;
        let about = matches!(&vote.key.question, Question::Criterion(id) if id.as_str() == criterion);
        if about && vote.key.judge.as_str() == judge {
            let VoteOutcome::Answered(opinion) = &mut vote.outcome else { panic!("{vote:?}") };
            opinion.answer = if opinion.answer == Answer::Met { Answer::Unmet } else { Answer::Met };
            project.commit(project.batch().update(&vote, kept.revision)).await.unwrap();
        }
    }
}

#[actix_web::test]
async fn the_items_on_which_two_judges_differ_are_those_that_their_agreement_counts() {
    let services = services().await;
    let id = graded(&services).await;
    turned(&services, &id, "lexical-strict", "revenue").await;
    let app = app!(services);
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let found = agreement(&project, &Filter::default()).await.unwrap();
    let mut differ = 0;
    for pair in &found.pairs {
        let name = |name: &String| JudgeName::parse(name.as_str()).unwrap();
        let (one, other) = (name(&pair.judges.0), name(&pair.judges.1));
        let items = differing(&project, &Filter::default(), &one, &other).await.unwrap();
        assert_eq!(items.both, pair.figures.raw.n);
        let same = items.both as f64 * pair.figures.raw.value.unwrap();
        assert!((items.both as f64 - same - items.items.len() as f64).abs() < 1e-9, "{pair:?}");
        let (_, _, html) = ask!(&app, "GET", &format!("/agreement/differ?one={other}&other={one}"), "");
        assert_eq!(select(&html, "tbody tr").len(), items.items.len());
        differ += items.items.len();
    }
    assert!(differ > 0);
    let (_, _, html) = ask!(&app, "GET", "/agreement?panel=offline", "");
    let link = "/agreement/differ?one=lexical-lenient&amp;other=lexical-strict&amp;panel=offline";
    assert!(html.contains(link) && html.contains("never asked twice"), "{html}");
    let (_, _, html) = ask!(&app, "GET", &link.replace("&amp;", "&"), "");
    assert!(html.contains(&format!("/gradings/{id}?from=0&amp;open=1#c1")), "{html}");
    let (_, _, none) = ask!(&app, "GET", "/agreement/differ?one=lexical-lenient&other=nobody", "");
    assert!(none.contains("judged nothing together"));
}

#[actix_web::test]
async fn who_may_still_be_asked_about_a_grading_is_not_told_where_its_judges_differ() {
    let services = services().await;
    let id = graded(&services).await;
    turned(&services, &id, "lexical-strict", "revenue").await;
    let project_id = ProjectId::parse(LOCAL_PROJECT).unwrap();
    let project = services.store.project(&project_id);
    let app = app!(services);
    let open = serde_json::json!({"kind": "criterion", "grading_id": id, "criterion_id": "revenue"});
    let open = request("POST", "/v1/reviews", &open.to_string());
    let open = open.insert_header((header::CONTENT_TYPE, "application/json")).to_request();
    assert_eq!(test::call_service(&app, open).await.status(), StatusCode::CREATED);
    let kept = project.get::<Grading>(&id).await.unwrap().unwrap();
    assert!(kept.record.result().unwrap().open_reviews > 0);
    let (_, secret) = create_key(&services, Role::Reviewer, &project_id, "rob").await.unwrap();
    let app = app!(services);
    let path = "/agreement/differ?one=lexical-lenient&other=lexical-strict";
    let mine = request("GET", path, "").insert_header((header::AUTHORIZATION, format!("Bearer {secret}")));
    let answer = test::call_service(&app, mine.to_request()).await;
    let html = String::from_utf8(test::read_body(answer).await.to_vec()).unwrap();
    assert!(html.contains("not shown to you") && !html.contains("secret-system") && !html.contains(&id), "{html}");
}
