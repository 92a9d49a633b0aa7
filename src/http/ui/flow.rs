//! The pages over a whole service with the offline panel: what a person does, click by click.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::test::{self, TestRequest};
use actix_web::{App, web};
use scraper::{Html, Selector};

use crate::app::{Choices, build};
use crate::config::Config;
use crate::domain::{About, Criterion, CriterionId, FileName, ProjectId, Review, Rubric, RubricParts, SystemName};
use crate::grading::accept::{Intake, NewSubmission, Terms, Upload};
use crate::grading::testing::criterion;
use crate::grading::work::run_now;
use crate::http::auth::LOCAL_PROJECT;
use crate::http::{self, Door, Role, create_key};
use crate::services::Services;

pub(super) async fn services() -> Arc<Services> {
    let text = "[store]\nurl = \"memory:\"\n[files]\nurl = \"memory:\"\n[reading]\nisolation = \"thread\"\n\
        [server]\npage_patience_ms = 60000\n";
    let config = Config::parse(text, "test", std::iter::empty()).unwrap();
    let mut services = Arc::into_inner(build(&config, Choices::system().unwrap()).await.unwrap()).unwrap();
    // What is asked of people is what a test asks, and not what a draw adds.
    services.panels.values_mut().for_each(|panel| panel.review.random_share = 0.0);
    Arc::new(services)
}

/// A judged grading; its id.
pub(super) async fn graded(services: &Services) -> String {
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let mut intake = Intake::new(services, &project);
    let hostile = "<script>alert(1)</script> The memo states revenue of 42 million.";
    let criteria = vec![
        Criterion { requirement: hostile.to_owned(), ..criterion("revenue", 5.0) },
        Criterion { requirement: "Nobody ever wrote about zeppelins here.".to_owned(), ..criterion("other", 2.0) },
    ];
    let rubric = Rubric::new(RubricParts { title: Some("Memo <b>".to_owned()), criteria, sections: vec![] }).unwrap();
    let (rubric, _) = intake.rubric(rubric, None).await.unwrap();
    let file = Upload {
        name: FileName::parse("secret-system.txt").unwrap(),
        bytes: "Revenue was 42 million.\n<img src=x onerror=alert(1)>\n".into(),
    };
    let new = NewSubmission {
        task_id: None,
        system: SystemName::parse("secret-system").unwrap(),
        text: None,
        files: vec![file],
        cost_usd: None,
        duration_s: None,
        tokens: None,
        trace: None,
        metadata: None,
    };
    let submission = intake.submission(new).await.unwrap();
    let grading = intake.grading(&submission, &rubric, Terms::default()).unwrap();
    intake.commit().await.unwrap();
    run_now(services, &project, grading.id).await.unwrap();
    grading.id.to_string()
}

/// A question about the second criterion, opened by hand; its id.
async fn opened(services: &Services, grading: &str) -> String {
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let about =
        About::Criterion { grading_id: grading.parse().unwrap(), criterion_id: CriterionId::parse("other").unwrap() };
    let review = Review { priority: 2.0, ..Review::new(services.ids.next(), about, "by_hand", services.now()) };
    project.commit(project.batch().insert(&review)).await.unwrap();
    review.id.to_string()
}

pub(super) fn request(method: &str, path: &str, form: &str) -> TestRequest {
    let request = if method == "GET" { TestRequest::get() } else { TestRequest::post() };
    request
        .uri(path)
        .peer_addr("127.0.0.1:9".parse().unwrap())
        .insert_header((header::HOST, "localhost"))
        .insert_header((header::ACCEPT, "text/html"))
        .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .set_payload(form.to_owned())
}

/// Status, `Location`, and the page.
pub(super) async fn read<B: MessageBody>(answer: ServiceResponse<B>, path: &str) -> (StatusCode, String, String) {
    let status = answer.status();
    let location = answer.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
    let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY).cloned();
    assert!(policy.is_some_and(|policy| policy.to_str().unwrap().starts_with("default-src 'none'")), "{path}");
    let body = String::from_utf8_lossy(&test::read_body(answer).await).into_owned();
    (status, location.unwrap_or_default(), body)
}

/// Reads a page or sends a form.
macro_rules! ask {
    ($app:expr, $method:expr, $path:expr, $form:expr) => {{
        let path: &str = $path;
        let answer = test::call_service($app, request($method, path, $form).to_request()).await;
        read(answer, path).await
    }};
}

pub(super) fn select(html: &str, selector: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let selector = Selector::parse(selector).unwrap();
    let found = document.select(&selector);
    found.map(|element| element.text().collect::<String>().trim().to_owned()).collect()
}

macro_rules! app {
    ($services:expr) => {
        test::init_service(
            App::new().configure(http::configure(web::Data::from($services.clone()), Arc::new(Door::default()))),
        )
        .await
    };
}

#[actix_web::test]
async fn a_person_reads_a_grading_overrules_it_and_takes_it_back() {
    let services = services().await;
    let id = graded(&services).await;
    let app = app!(services);
    let (status, _, list) = ask!(&app, "GET", "/", "");
    assert_eq!(status, StatusCode::OK);
    assert!(list.contains(&format!("/gradings/{id}")) && list.contains("Memo &lt;b&gt;"));

    let page = format!("/gradings/{id}");
    let (_, _, html) = ask!(&app, "GET", &page, "");
    assert_eq!(select(&html, ".matrix tbody").len(), 2);
    assert!(!html.contains("<script>alert"));

    let overrides = format!("{page}/overrides");
    let (status, _, refused) = ask!(&app, "POST", &overrides, "criterion_id=other&value=met&reason=");
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        select(&refused, "[role=alert]")[0].starts_with("reason: is empty"),
        "{:?}",
        select(&refused, "[role=alert]")
    );
    let (status, to, _) = ask!(&app, "POST", &overrides, "criterion_id=other&value=met&reason=I+saw+it");
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, format!("{page}?from=0&open=2#c2").as_str()));
    let (_, _, html) = ask!(&app, "GET", &page, "");
    assert!(select(&html, "#c2 .verdict")[0].contains("human"));
    ask!(&app, "POST", &overrides, "criterion_id=other&value=withdrawn&reason=I+was+wrong");
    let (_, _, html) = ask!(&app, "GET", &page, "");
    assert!(select(&html, "#c2 .verdict")[0].contains("panel"));

    let (status, _, html) = ask!(&app, "POST", &format!("{page}/cancel"), "");
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(select(&html, "[role=alert]").len(), 1);
}

#[actix_web::test]
async fn home_tells_what_waits_and_a_reviewers_home_tells_nobodys_name() {
    let services = services().await;
    let id = graded(&services).await;
    let asked = opened(&services, &id).await;
    let app = app!(services);
    let (_, _, home) = ask!(&app, "GET", "/", "");
    assert!(home.contains(&format!("/gradings/{id}")) && home.contains("secret-system"));
    assert!(home.contains(&format!("/reviews/{asked}")) || home.contains("Next question"));
    let text = select(&home, "main")[0].split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Nothing runs.") && text.contains("Store ✓answers"), "{text}");
    // The offline judges cost nothing, and that is known.
    assert!(text.contains("$0 on 1 gradings"), "{text}");

    let project = ProjectId::parse(LOCAL_PROJECT).unwrap();
    let (_, secret) = create_key(&services, Role::Reviewer, &project, "rob").await.unwrap();
    let mine = request("GET", "/", "").insert_header((header::AUTHORIZATION, format!("Bearer {secret}")));
    let answer = test::call_service(&app, mine.to_request()).await;
    let home = String::from_utf8(test::read_body(answer).await.to_vec()).unwrap();
    assert!(home.contains("Next question") && home.contains("Health"), "{home}");
    assert!(!home.contains("secret-system") && !home.contains(&id), "{home}");
}

#[actix_web::test]
async fn a_reviewer_takes_a_question_blind_answers_it_and_then_sees_whose_it_was() {
    let services = services().await;
    let id = graded(&services).await;
    let asked = opened(&services, &id).await;
    let app = app!(services);
    let (_, _, queue) = ask!(&app, "GET", "/reviews", "");
    let review = format!("/reviews/{asked}");
    assert!(queue.contains(&review) && queue.contains("zeppelins") && !queue.contains("secret-system"));

    let (_, _, html) = ask!(&app, "GET", &review, "");
    assert!(!html.contains("secret-system") && !html.contains("lexical"));
    let (_, _, text) = ask!(&app, "GET", &format!("{review}/work?file=0"), "");
    assert!(
        text.contains("Revenue was 42 million.") && !text.contains("secret-system") && !text.contains("<img src=x")
    );
    let (status, ..) = ask!(&app, "GET", &format!("{review}/work?file=1"), "");
    assert_eq!(status, StatusCode::NOT_FOUND);

    let (status, ..) = ask!(&app, "POST", &format!("{review}/claim"), "");
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, html) = ask!(&app, "GET", &review, "");
    let document = Html::parse_document(&html);
    let token =
        document.select(&Selector::parse("input[name=token]").unwrap()).next().unwrap().value().attr("value").unwrap();
    let (status, _, refused) =
        ask!(&app, "POST", &format!("{review}/submit"), &format!("token={token}&value=&reason=kept"));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(select(&refused, "textarea"), ["kept"]);
    let (status, ..) =
        ask!(&app, "POST", &format!("{review}/submit"), &format!("token={token}&value=unmet&reason=line+1"));
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, html) = ask!(&app, "GET", &review, "");
    assert!(html.contains("secret-system") && html.contains("line 1"));
}

#[actix_web::test]
async fn the_deliverable_is_looked_at_beside_another_and_a_quote_opens_where_it_stands() {
    let services = services().await;
    let id = graded(&services).await;
    let app = app!(services);
    let work = format!("/gradings/{id}/work");
    let (status, _, html) = ask!(&app, "GET", &work, "");
    assert_eq!(status, StatusCode::OK);
    let shown = select(&html, ".pane-body .long").join(" ");
    assert!(shown.contains("Revenue was 42 million.") && shown.contains("<img src=x onerror=alert(1)>"), "{shown}");
    assert!(!html.contains("<img src=x"), "what a deliverable says is text");
    let (_, _, two) = ask!(&app, "GET", &format!("{work}?file=0&file2=0&view2=text"), "");
    assert_eq!(select(&two, ".pane").len(), 2);

    let (_, _, page) = ask!(&app, "GET", &format!("/gradings/{id}?open=1"), "");
    let document = Html::parse_document(&page);
    let quote = document.select(&Selector::parse("#c1 a[data-quote]").unwrap()).next().expect("a quote leads on");
    let (_, _, html) = ask!(&app, "GET", quote.value().attr("href").unwrap(), "");
    assert_eq!(select(&html, "mark#mark").len(), 1, "{html}");
    assert!(select(&html, ".pane-quote")[0].contains("stands at line 1"), "{:?}", select(&html, ".pane-quote"));

    for (path, expected) in [
        ("?file=7", StatusCode::NOT_FOUND),
        ("?criterion=9&quote=0", StatusCode::NOT_FOUND),
        ("?criterion=1&judge=nobody&quote=0", StatusCode::NOT_FOUND),
        ("/0/page/1.png", StatusCode::UNPROCESSABLE_ENTITY),
        ("/0/page/x", StatusCode::NOT_FOUND),
        ("/0/image/0", StatusCode::NOT_FOUND),
        ("/0/original", StatusCode::OK),
    ] {
        assert_eq!(ask!(&app, "GET", &format!("{work}{path}"), "").0, expected, "{path}");
    }
}

#[actix_web::test]
async fn an_answer_goes_on_to_the_next_question_and_can_be_taken_back() {
    let services = services().await;
    let (first, second) = (graded(&services).await, graded(&services).await);
    let (asked, other) = (opened(&services, &first).await, opened(&services, &second).await);
    let app = app!(services);
    let (status, to, _) = ask!(&app, "POST", "/reviews/next", "");
    assert_eq!(status, StatusCode::SEE_OTHER);
    let taken = if to.starts_with(&format!("/reviews/{asked}")) { &asked } else { &other };
    let rest = if taken == &asked { &other } else { &asked };
    let (_, again, _) = ask!(&app, "POST", "/reviews/next", "");
    assert_eq!(again, to, "who stopped goes on with what they hold");

    let (_, _, html) = ask!(&app, "GET", &to, "");
    let document = Html::parse_document(&html);
    let token = document.select(&Selector::parse("input[name=token]").unwrap()).next().unwrap();
    let form = format!("token={}&value=met&reason=seen&then=next", token.value().attr("value").unwrap());
    let (_, to, _) = ask!(&app, "POST", &format!("/reviews/{taken}/submit"), &form);
    assert_eq!(to, format!("/reviews/{rest}?after={taken}"));
    let (_, _, html) = ask!(&app, "GET", &to, "");
    assert!(select(&html, ".notice")[0].contains("other") && select(&html, ".notice")[0].contains("met"));
    let grading = if taken == &asked { &first } else { &second };
    let (_, _, page) = ask!(&app, "GET", &format!("/gradings/{grading}"), "");
    assert!(select(&page, "#c2 .verdict")[0].contains("human"));

    let (_, to, _) = ask!(&app, "POST", &format!("/reviews/{taken}/undo"), "");
    assert_eq!(to, format!("/reviews/{taken}"));
    let (_, _, page) = ask!(&app, "GET", &format!("/gradings/{grading}?open=2"), "");
    assert!(select(&page, "#c2 .verdict")[0].contains("panel"), "the panel's verdict stands again");
    assert!(select(&page, "#c2 .timeline")[0].contains("took the answer back"));
    // Asked again, of the same person, who may have seen by now what the judges said.
    let (_, _, html) = ask!(&app, "GET", &to, "");
    let document = Html::parse_document(&html);
    let token = document.select(&Selector::parse("input[name=token]").unwrap()).next().unwrap();
    let form = format!("token={}&value=unmet&reason=looked+again", token.value().attr("value").unwrap());
    ask!(&app, "POST", &format!("/reviews/{taken}/submit"), &form);
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let review = project.get::<Review>(taken).await.unwrap().unwrap().record;
    assert!(review.answers[0].sighted && !review.was_blind());
    assert_eq!(review.taken_back.len(), 1);
    // Declined, a question goes to others.
    let (_, to, _) = ask!(&app, "POST", &format!("/reviews/{rest}/decline"), "reason=my+own+work&conflict=1&then=next");
    assert_eq!(to, format!("/reviews?after={rest}"));
    let (_, _, list) = ask!(&app, "GET", "/reviews", "");
    assert!(!list.contains("for you"), "{list}");
}

#[actix_web::test]
async fn the_effect_of_overruling_is_told_before_and_criteria_are_chosen_by_tag_or_section() {
    let services = services().await;
    let id = graded(&services).await;
    let app = app!(services);
    let preview = format!("/gradings/{id}/overrides/preview");
    let (status, _, html) = ask!(&app, "POST", &preview, "criterion_id=other&value=met&reason=");
    assert_eq!(status, StatusCode::OK);
    let told = &select(&html, "#c2 .effect")[0];
    assert!(told.starts_with("Score from ") && told.contains("verdict from ") && told.ends_with("to met."), "{told}");
    let (_, _, html) = ask!(&app, "GET", &format!("/gradings/{id}"), "");
    assert!(select(&html, "#c2 .verdict")[0].contains("panel"), "nothing was kept");
    let (status, _, html) = ask!(&app, "POST", &preview, "criterion_id=other&value=&reason=");
    assert_eq!((status, select(&html, "#c2 [role=alert]").len()), (StatusCode::UNPROCESSABLE_ENTITY, 1));

    let mut tagged = criterion("tagged", 1.0);
    tagged.tags = vec!["accuracy & style".to_owned()];
    let section = |title: &str, of: &str| crate::domain::Section {
        title: title.to_owned(),
        weight: 1.0,
        criteria: vec![CriterionId::parse(of).unwrap()],
        sections: vec![],
        order: vec![],
        extra: Default::default(),
    };
    let sections = vec![section("First part", "tagged"), section("Second part", "plain")];
    let parts = RubricParts { title: None, criteria: vec![tagged, criterion("plain", 1.0)], sections };
    let groups = super::grading::groups_of(&Rubric::new(parts).unwrap());
    let told: Vec<(&str, usize)> = groups.iter().map(|(label, has)| (label.as_str(), *has)).collect();
    assert_eq!(told, [("First part", 1), ("Second part", 1), ("tag accuracy & style (1)", 1)]);
}

#[actix_web::test]
async fn where_there_are_keys_a_browser_is_sent_to_the_login_and_gets_a_cookie_no_script_reads() {
    let services = services().await;
    let project = ProjectId::parse(LOCAL_PROJECT).unwrap();
    let (_, secret) = create_key(&services, Role::Reviewer, &project, "ann").await.unwrap();
    let app = app!(services);
    let (status, to, _) = ask!(&app, "GET", "/gradings?status=failed", "");
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/login?next=%2Fgradings%3Fstatus%3Dfailed"));
    let (status, _, html) = ask!(&app, "POST", "/login", "key=emp_wrong&next=/");
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(select(&html, "[role=alert]").len(), 1);

    let login = TestRequest::post().uri("/login").set_form([("key", secret.as_str()), ("next", "//evil.example")]);
    let answer = test::call_service(&app, login.to_request()).await;
    assert_eq!(answer.headers().get(header::LOCATION).unwrap(), "/");
    let cookie = answer.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let read = TestRequest::get().uri("/gradings").insert_header((header::COOKIE, pair));
    assert_eq!(test::call_service(&app, read.to_request()).await.status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_reviewer_words_a_draft_anew_rejects_another_and_leaves_a_third_open() {
    let services = services().await;
    let project = services.store.project(&ProjectId::parse(LOCAL_PROJECT).unwrap());
    let draft = |id: &str| Criterion { draft: Some(Default::default()), ..criterion(id, 2.5) };
    let criteria = vec![draft("d1"), draft("d2"), draft("d3"), criterion("c", 1.0)];
    let rubric = Rubric::new(RubricParts { title: Some("Proposed".to_owned()), criteria, sections: vec![] }).unwrap();
    let mut intake = Intake::new(&services, &project);
    let id = intake.new_rubric(rubric).id;
    intake.commit().await.unwrap();
    let app = app!(services);
    let (_, _, list) = ask!(&app, "GET", "/rubrics", "");
    assert!(list.contains("3 drafts wait for a human"), "{list}");
    let page = format!("/rubrics/{id}");
    let (_, _, html) = ask!(&app, "GET", &page, "");
    assert_eq!(select(&html, "fieldset").len(), 3);

    let decide = format!("{page}/decide");
    let form = |points: &str| {
        format!(
            "version=1&choice.d1=accept&requirement.d1=Worded+anew.&points.d1={points}&choice.d2=reject&requirement.d2=x&points.d2=1\
             &choice.d3=&requirement.d3=x&points.d3=1"
        )
    };
    let (status, _, refused) = ask!(&app, "POST", &decide, &form("many"));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(select(&refused, "[role=alert]")[0].contains("\"many\" is no number of points"));
    assert_eq!(select(&refused, "textarea")[0], "Worded anew.", "what was entered is still there");
    let (status, to, _) = ask!(&app, "POST", &decide, &form("-4"));
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, page.as_str()));
    let (_, _, html) = ask!(&app, "GET", &page, "");
    assert_eq!(select(&html, "fieldset").len(), 1, "one is left open");
    assert!(html.contains("Worded anew.") && html.contains("accepted with changes") && html.contains("rejected"));
    let (status, _, late) = ask!(&app, "POST", &decide, &form("-4"));
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(select(&late, "[role=alert]")[0].contains("version 2 by now"));
}
