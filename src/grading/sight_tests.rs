//! A panel of a judge that sees and one that does not, from the file to the vote.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::accept::{Intake, NewSubmission, Terms, Upload};
use super::pictures::{self, Album};
use super::work::run_now;
use crate::app::{Choices, build};
use crate::config::Config;
use crate::domain::{
    Answer, FileName, Fingerprint, Grading, GradingResult, Image, JudgeName, JudgeSpec, Odds, PanelName, Part, Place,
    Prefix, ProjectId, Representation, SeenPages, Settled, SystemName, View, Vote, VoteOutcome,
};
use crate::judge::JudgeConfig;
use crate::judge::fake::{Action, FakeOpenAi};
use crate::rubric::{Format, import};
use crate::services::Services;
use crate::store::{Query, StoreError, Sweep, sweep};

/// Three pages without a word: a scan, to a reader of text.
const SCAN: &[u8] = b"%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R 4 0 R 5 0 R] /Count 3 /MediaBox [0 0 200 100] >> endobj
3 0 obj << /Type /Page /Parent 2 0 R >> endobj
4 0 obj << /Type /Page /Parent 2 0 R >> endobj
5 0 obj << /Type /Page /Parent 2 0 R >> endobj
trailer << /Size 6 /Root 1 0 R >>
%%EOF
";

struct Graded {
    services: Arc<Services>,
    result: GradingResult,
    votes: Vec<Vote>,
    /// What was sent, in the order of arrival.
    bodies: Vec<Value>,
}

async fn grade(files: Vec<(&str, Vec<u8>)>, pages: u32) -> Graded {
    grade_keeping(true, files, pages).await
}

async fn grade_keeping(keep_pictures: bool, files: Vec<(&str, Vec<u8>)>, pages: u32) -> Graded {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let mut config = Config::default();
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    config.files.keep_pictures = keep_pictures;
    config.reading.isolation = crate::config::Isolation::Thread;
    config.reading.libreoffice = "off".to_owned();
    let judge = |name: &str, vision: bool| {
        let images = vision.then(|| serde_json::from_value(json!({"pages": pages, "max_px": 300})).unwrap());
        let spec = JudgeSpec {
            name: JudgeName::parse(name).unwrap(),
            provider: "openai".to_owned(),
            model: "fake".to_owned(),
            settings: json!({}),
            vision,
            images,
            audio: false,
            video: false,
            max_input_chars: 20_000,
            price: None,
        };
        JudgeConfig { base_url: Some(server.base_url()), ..JudgeConfig::new(spec) }
    };
    let judges = vec![judge("sees", true), judge("reads", false)];
    let mut choices = Choices::system().unwrap();
    let name = PanelName::parse("two").unwrap();
    let specs = judges.iter().map(|judge| judge.spec.clone()).collect();
    choices.panels.push(crate::app::panel_of(name.clone(), specs));
    choices.judges = judges;
    let services = build(&config, choices).await.unwrap();
    let project = services.store.project(&ProjectId::parse("p").unwrap());
    let rubric = json!({"criteria": [{"requirement": "Has a chart.", "points": 1}]}).to_string();
    let rubric = import(&rubric, Format::Native).unwrap();
    let mut intake = Intake::new(&services, &project);
    let upload = |(name, bytes): (&str, Vec<u8>)| Upload { name: FileName::parse(name).unwrap(), bytes: bytes.into() };
    let submission = intake.submission(NewSubmission {
        task_id: None,
        system: SystemName::parse("s").unwrap(),
        text: None,
        files: files.into_iter().map(upload).collect(),
        cost_usd: None,
        duration_s: None,
        tokens: None,
        trace: None,
        metadata: None,
    });
    let submission = submission.await.unwrap();
    let (rubric, _) = intake.rubric(rubric, None).await.unwrap();
    let terms = Terms { panel: Some(name), ..Terms::default() };
    let grading = intake.grading(&submission, &rubric, terms).unwrap().id;
    intake.commit().await.unwrap();
    run_now(&services, &project, grading).await.unwrap();
    let votes = project.all::<Vote>(Query::prefix(String::new())).await.unwrap();
    let record = project.get::<Grading>(&grading.to_string()).await.unwrap().unwrap().record;
    let bodies = server.calls().iter().map(|call| call.json()).collect();
    Graded { result: record.result().unwrap().clone(), votes, bodies, services }
}

impl Graded {
    fn answer(&self, judge: &str) -> (&Answer, &str) {
        let vote = self.votes.iter().find(|vote| vote.key.judge.as_str() == judge).unwrap();
        let VoteOutcome::Answered(opinion) = &vote.outcome else { panic!("{:?}", vote.outcome) };
        (&opinion.answer, &opinion.reason)
    }

    fn view(&self, judge: &str) -> &crate::domain::SeenFile {
        let view = self.result.views.iter().find(|view| view.judges.iter().any(|name| name.as_str() == judge));
        &view.unwrap().manifest.files[0]
    }
}

/// The parts of the user's message that are pictures, each with the text in front of it.
fn pictures(body: &Value) -> Vec<(String, String)> {
    let Some(parts) = body["messages"][1]["content"].as_array() else { return vec![] };
    parts
        .windows(2)
        .filter(|pair| pair[1]["type"] == "image_url")
        .map(|pair| {
            let url = pair[1]["image_url"]["url"].as_str().unwrap().chars().take(22).collect();
            (pair[0]["text"].as_str().unwrap().lines().last().unwrap().to_owned(), url)
        })
        .collect()
}

#[tokio::test]
async fn a_judge_that_sees_is_sent_the_pages_of_a_scan_and_told_which_are_left_out() {
    let graded = grade(vec![("scan.pdf", SCAN.to_vec())], 2).await;
    assert_eq!(graded.bodies.len(), 1, "there is not a word for the other one");
    assert_eq!(graded.answer("reads").0, &Answer::CannotAssess);
    let png = "data:image/png;base64,".to_owned();
    assert_eq!(
        pictures(&graded.bodies[0]),
        [("[page 1 of scan.pdf]".to_owned(), png.clone()), ("[page 2 of scan.pdf]".to_owned(), png)]
    );
    let text = graded.bodies[0].to_string();
    assert!(text.contains("NOT SHOWN: page 3 as a picture (this judge is shown 2 pages"), "{text}");
    let shown = SeenPages::Rendered { renderer: "hayro/0.9".to_owned(), pages: 2, of: 3 };
    assert_eq!(graded.view("sees").page_view, Some(shown));
    assert_eq!(graded.view("sees").representation, Representation::Images);
    assert_eq!(graded.view("reads").page_view, None);
}

/// The bytes of the pictures of a request.
fn sent(body: &Value) -> Vec<Vec<u8>> {
    let parts = body["messages"][1]["content"].as_array().unwrap();
    let urls = parts.iter().filter_map(|part| part["image_url"]["url"].as_str());
    urls.map(|url| STANDARD.decode(url.split_once(";base64,").unwrap().1).unwrap()).collect()
}

#[tokio::test]
async fn pictures_are_kept_byte_for_byte_as_they_were_sent_and_no_sweep_takes_them() {
    let mut picture = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(900, 30).write_to(&mut picture, image::ImageFormat::Png).unwrap();
    let files = || vec![("scan.pdf", SCAN.to_vec()), ("chart.png", picture.get_ref().clone())];
    let graded = grade(files(), 2).await;
    let Graded { services, result, .. } = &graded;
    let seeing = result.views.iter().find(|view| view.judges[0].as_str() == "sees").unwrap();
    let told: Vec<String> = seeing.pictures.iter().map(|one| format!("{} of {}", one.place, one.file)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&"page 2 of scan.pdf".to_owned()), "{told:?}");
    let everything = Sweep { grace: std::time::Duration::ZERO, dry_run: false };
    sweep(&services.store, &services.blobs, services.now(), everything).await.unwrap();
    let sent = sent(&graded.bodies[0]);
    assert_eq!(sent.len(), 3);
    for (picture, sent) in seeing.pictures.iter().zip(sent) {
        assert_eq!(services.blobs.get(&picture.sha256).await.unwrap(), sent, "{}", picture.place);
        assert_eq!(picture.bytes, sent.len() as u64);
        let decoded = image::load_from_memory(&sent).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (picture.width, picture.height));
    }
    assert!(result.views.iter().filter(|view| view.judges[0].as_str() == "reads").all(|view| view.pictures.is_empty()));
    let forgetful = grade_keeping(false, files(), 2).await;
    assert!(forgetful.result.views.iter().all(|view| view.pictures.is_empty()), "unless nobody wants them");
}

#[tokio::test]
async fn pictures_that_a_sweep_took_before_anything_named_them_are_put_again() {
    let graded = grade(vec![("scan.pdf", SCAN.to_vec())], 2).await;
    let services = &graded.services;
    let view = graded.result.views.iter().find(|view| view.judges[0].as_str() == "sees").unwrap().clone();
    let other = Image {
        place: Place::Page(1),
        media_type: "image/png".to_owned(),
        width: 1,
        height: 1,
        bytes: b"another picture".as_slice().into(),
    };
    let prefix = Prefix {
        parts: vec![Part::Image { name: "a.pdf".to_owned(), image: other }],
        deliverables: vec![],
        fingerprint: Fingerprint::of_bytes(b""),
    };
    let view = View { pictures: vec![], ..view };
    let mut album = Album::keep(services, vec![(view, pictures::sent(&prefix))]).await.unwrap();
    let sha256 = album.views()[0].pictures[0].sha256.clone();
    let everything = Sweep { grace: std::time::Duration::ZERO, dry_run: false };
    sweep(&services.store, &services.blobs, services.now(), everything).await.unwrap();
    assert!(services.blobs.get(&sha256).await.is_err(), "nothing named it");
    let project = services.store.project(&ProjectId::parse("p").unwrap());
    let naming = |album: &Album| {
        let sha256 = album.views()[0].pictures[0].sha256.clone();
        project.batch().put(&Odds { by_reason: [(sha256, Settled::default())].into() })
    };
    let refused = album.under(&project).commit(naming(&album)).await;
    assert!(matches!(refused, Err(StoreError::Swept)), "{refused:?}");
    album.put(services).await.unwrap();
    album.under(&project).commit(naming(&album)).await.unwrap();
    assert_eq!(services.blobs.get(&sha256).await.unwrap(), b"another picture".as_slice());
}

#[tokio::test]
async fn a_judge_that_cannot_be_shown_the_only_file_is_not_asked_and_the_other_one_is() {
    let mut picture = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(900, 30).write_to(&mut picture, image::ImageFormat::Png).unwrap();
    let graded = grade(vec![("chart.png", picture.into_inner())], 2).await;
    assert_eq!(graded.bodies.len(), 1, "one call");
    assert_eq!(pictures(&graded.bodies[0]).len(), 1);
    assert_eq!(graded.answer("sees").0, &Answer::Met);
    let (answer, reason) = graded.answer("reads");
    assert_eq!(answer, &Answer::CannotAssess);
    assert!(reason.contains("chart.png: a picture; this judge does not take pictures"), "{reason}");
    assert_eq!((graded.result.calls.planned, graded.result.calls.done, graded.result.calls.made), (2, 2, 1));
}

#[tokio::test]
async fn office_files_without_libreoffice_are_shown_as_text_and_the_manifest_says_why() {
    let graded = grade(vec![("memo.rtf", br"{\rtf1\ansi Net income is 12,400.\par}".to_vec())], 2).await;
    assert_eq!(graded.bodies.len(), 2);
    let Some(SeenPages::Missing { reason }) = &graded.view("sees").page_view else { panic!("no reason") };
    assert!(reason.contains("shown as text only"), "{reason}");
    let sent: Arc<str> = graded.bodies.iter().map(Value::to_string).collect::<String>().into();
    assert_eq!(sent.matches("Its pages are not shown as pictures").count(), 1, "only who sees is told");
}

#[tokio::test]
async fn a_recording_alone_is_no_question_for_judges_that_do_not_hear() {
    let wav = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x08\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80";
    let graded = grade(vec![("call.wav", wav.to_vec())], 2).await;
    assert_eq!(graded.bodies.len(), 0);
    for judge in ["sees", "reads"] {
        let (answer, reason) = graded.answer(judge);
        assert_eq!(answer, &Answer::CannotAssess);
        assert!(reason.contains("call.wav: it is audio; this judge does not take audio"), "{reason}");
    }
}
