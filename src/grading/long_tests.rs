//! Deliverables that are too long to be shown whole, from the file to the vote, with a judge that answers from what
//! it is shown and from nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::accept::{Intake, NewSubmission, Terms, Upload};
use super::work::run_now;
use crate::app::{Choices, build};
use crate::config::Config;
use crate::domain::{
    Aggregation, Answer, Attempt, FileName, Grading, GradingId, GradingResult, JudgeName, JudgeSpec, Match, Opinion,
    Panel, PanelName, Place, Price, ProjectId, ReviewPolicy, SystemName, Vote, VoteOutcome,
};
use crate::judge::JudgeConfig;
use crate::judge::fake::{Action, Call, FakeOpenAi};
use crate::rubric::{Format, import};
use crate::services::Services;
use crate::store::{ProjectStore, Query};

const ROW: &str = "| INV-12963 | Kestrel Freight | 98765.43 |";

/// 5,000 rows; the decisive one is row 4,321.
fn ledger() -> String {
    let row = |n: u32| match n {
        1 => "invoice,vendor,amount\n".to_owned(),
        4_321 => "INV-12963,Kestrel Freight,98765.43\n".to_owned(),
        n => format!("INV-{},Ordinary Goods,{n}\n", n * 3),
    };
    (1..=5_000).map(row).collect()
}

fn reply(answer: &str, place: &str, quote: &str, reason: &str) -> Action {
    let evidence =
        if quote.is_empty() { json!([]) } else { json!([{"file": "ledger.csv", "where": place, "quote": quote}]) };
    Action::text(&json!({"evidence": evidence, "reason": reason, "answer": answer}).to_string())
}

/// Sees the decisive row or does not; `otherwise` is what it says without it.
fn reader(otherwise: Action) -> impl Fn(&Call) -> Action + Send + Sync + 'static {
    move |call| {
        if call.user_text().contains(ROW) {
            reply("MET", "row 4321", ROW, "it stands there")
        } else {
            otherwise.clone()
        }
    }
}

struct Bench {
    services: Arc<Services>,
    project: ProjectStore,
    grading: GradingId,
    server: FakeOpenAi,
}

async fn bench(server: FakeOpenAi, requirement: &str) -> Bench {
    let mut config = Config::default();
    config.reading.isolation = crate::config::Isolation::Thread;
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    let spec = JudgeSpec {
        name: JudgeName::parse("reader").unwrap(),
        provider: "openai".to_owned(),
        model: "fake".to_owned(),
        settings: json!({}),
        vision: false,
        images: None,
        audio: false,
        video: false,
        max_input_chars: 20_000,
        price: Some(Price { input: 1.0, output: 1.0, ..Price::default() }),
    };
    let judge = JudgeConfig { base_url: Some(server.base_url()), ..JudgeConfig::new(spec) };
    let mut choices = Choices::system().unwrap();
    let name = PanelName::parse("one").unwrap();
    choices.panels.push(Panel {
        name: name.clone(),
        judges: vec![judge.spec.clone()],
        repeats: 1,
        quorum: 1,
        aggregation: Aggregation::Majority,
        min_coverage: 0.5,
        cache: crate::domain::CachePolicy::On,
        mode: crate::domain::Mode::PerCriterion,
        sequential: None,
        provider_batch: false,
        own_family: crate::domain::OwnFamily::Mark,
        left_out: vec![],
        review: ReviewPolicy { random_share: 0.0, ..ReviewPolicy::default() },
    });
    choices.judges.push(judge);
    let services = build(&config, choices).await.unwrap();
    let project = services.store.project(&ProjectId::parse("p").unwrap());
    let rubric = json!({"criteria": [{"requirement": requirement, "points": 1}]}).to_string();
    let rubric = import(&rubric, Format::Native).unwrap();
    let mut intake = Intake::new(&services, &project);
    let submission = intake.submission(NewSubmission {
        task_id: None,
        system: SystemName::parse("s").unwrap(),
        text: None,
        files: vec![Upload { name: FileName::parse("ledger.csv").unwrap(), bytes: ledger().into() }],
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
    Bench { services, project, grading, server }
}

impl Bench {
    async fn run(&self) -> (Vote, Opinion, GradingResult) {
        run_now(&self.services, &self.project, self.grading).await.unwrap();
        let vote = self.project.all::<Vote>(Query::prefix(String::new())).await.unwrap().remove(0);
        let VoteOutcome::Answered(opinion) = vote.outcome.clone() else { panic!("{:?}", vote.outcome) };
        let grading = self.project.get::<Grading>(&self.grading.to_string()).await.unwrap().unwrap().record;
        (vote, opinion, grading.result().unwrap().clone())
    }
}

#[tokio::test]
async fn the_row_that_decides_is_shown_wherever_it_stands() {
    let naive = reply("UNMET", "", "", "no such invoice is listed");
    let server = FakeOpenAi::start(reader(naive)).await;
    let bench = bench(server, "The ledger has an invoice of Kestrel Freight for $98,765.43.").await;
    let (vote, opinion, result) = bench.run().await;
    assert_eq!((opinion.answer, vote.attempts, bench.server.count()), (Answer::Met, 1, 1));
    assert_eq!((&opinion.evidence[0].place, opinion.evidence[0].found), (&Some(Place::Row(4_321)), Match::Found));
    let span = opinion.evidence[0].span.unwrap();
    assert_eq!((span.segment, span.start, span.end as usize), (4_320, 2, ROW.len() - 2));
    let view = &result.views[0];
    assert!(view.manifest.files[0].coverage.unwrap() < 0.1, "{:?}", view.manifest.files[0].coverage);
    assert_eq!(view.excerpts.len(), 1);
}

#[tokio::test]
async fn a_judge_that_points_at_what_was_cut_is_asked_again_with_it() {
    let points = reply("CANNOT_ASSESS", "", "", "it depends on row 4321, which was cut");
    let server = FakeOpenAi::start(reader(points)).await;
    let bench = bench(server, "The books are in order.").await;
    let (vote, opinion, result) = bench.run().await;
    assert_eq!((&opinion.answer, vote.attempts, bench.server.count()), (&Answer::Met, 2, 2));
    assert_eq!(opinion.evidence[0].place, Some(Place::Row(4_321)));
    let again = opinion.cut.unwrap().again.unwrap();
    assert_eq!(again.first_answer, Answer::CannotAssess);
    assert_ne!(again.first_prompt, vote.fingerprint.prompt);
    // Both rounds are in the books and in the journal.
    assert_eq!((result.calls.planned, result.calls.done, result.calls.made), (1, 1, 2));
    let attempts = bench.project.all::<Attempt>(Query::prefix(String::new())).await.unwrap();
    assert_eq!(attempts.len(), 2);
    let calls = bench.server.calls();
    assert!(!calls[0].user_text().contains(ROW) && calls[1].user_text().contains(ROW));
    let prefix = |call: &Call| {
        call.user_text().split("# Excerpt for this").next().unwrap().split("# Criterion").next().unwrap().to_owned()
    };
    assert_eq!(prefix(&calls[0]), prefix(&calls[1]), "byte-identical, so that it is cached");
    assert!(vote.cost_usd.unwrap() > 0.0);
}

#[tokio::test]
async fn an_absence_among_rows_that_could_not_be_shown_is_nobodys_fault() {
    let naive = reply("UNMET", "", "", "there is no such payment");
    let server = FakeOpenAi::start(move |_| naive.clone()).await;
    let bench = bench(server, "A refund stands in one of the rows 100 to 4900.").await;
    let (vote, opinion, result) = bench.run().await;
    assert_eq!((&opinion.answer, vote.attempts), (&Answer::CannotAssess, 2));
    assert!(opinion.reason.contains("could not be shown within 20000 characters"), "{}", opinion.reason);
    assert!(opinion.reason.contains("there is no such payment"), "the judge's words are kept");
    assert_eq!(opinion.cut.unwrap().said, Some(Answer::Unmet));
    assert!(!result.verdicts[0].decision.is_conclusive());
    assert!(!result.views[0].excerpts[0].missing.is_empty());
}

#[tokio::test]
async fn a_restart_between_the_rounds_asks_only_what_was_in_flight() {
    let points = reply("CANNOT_ASSESS", "", "", "it depends on row 4321, which was cut");
    let server = FakeOpenAi::start(move |call| match call.number {
        1 => points.clone(),
        2 => Action::Hang,
        _ => reader(Action::answer("UNMET"))(call),
    })
    .await;
    let bench = Arc::new(bench(server, "The books are in order.").await);
    let life = tokio::spawn({
        let bench = bench.clone();
        async move { run_now(&bench.services, &bench.project, bench.grading).await }
    });
    while bench.server.count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    life.abort();
    let _ = life.await;
    bench.services.running.end(crate::domain::Subject::Grading(bench.grading));
    let (vote, opinion, _) = bench.run().await;
    assert_eq!(bench.server.count(), 3, "the first round was read again from the journal");
    assert_eq!((opinion.answer, vote.attempts), (Answer::Met, 3));
    assert!(opinion.cut.unwrap().again.is_some());
}
