//! A panel of a judge that sees and one that does not, from the file to the vote.

use std::io::Cursor;
use std::sync::Arc;

use serde_json::{Value, json};

use super::accept::{Intake, NewSubmission, Terms, Upload};
use super::work::run_now;
use crate::app::{Choices, build};
use crate::config::Config;
use crate::domain::{
    Answer, FileName, Grading, GradingResult, JudgeName, JudgeSpec, PanelName, ProjectId, Representation, SeenPages,
    SystemName, Vote, VoteOutcome,
};
use crate::judge::JudgeConfig;
use crate::judge::fake::{Action, FakeOpenAi};
use crate::rubric::{Format, import};
use crate::store::Query;

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
    result: GradingResult,
    votes: Vec<Vote>,
    /// What was sent, in the order of arrival.
    bodies: Vec<Value>,
}

async fn grade(files: Vec<(&str, Vec<u8>)>, pages: u32) -> Graded {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let mut config = Config::default();
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
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
    Graded { result: record.result().unwrap().clone(), votes, bodies }
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
