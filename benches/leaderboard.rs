//! How long `GET /v1/leaderboard` takes of the whole program, from the request to the last byte: comparisons are written
//! into a store on disk, the program is started on it, and asked over HTTP.
//!
//! `cargo bench --bench leaderboard --features fake -- [COMPARISONS ...]`: 10,000 and 100,000 without any. The first
//! request of a fresh process stands beside the middle of the later ones. `cargo test --bench leaderboard --features fake`
//! runs the same in a debug build, which is for finding mistakes and not for figures. It promises no time; it fails if a
//! comparison is not counted.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

#[allow(dead_code, reason = "the integration tests use the rest")]
#[path = "main_job/process.rs"]
mod process;
#[allow(dead_code, reason = "the integration tests use the rest")]
#[path = "../tests/all/support.rs"]
mod support;

use std::time::{Duration, Instant};

use empanel::domain::{
    Comparison, ComparisonId, ComparisonState, Id, JudgeName, JudgePreference, Preference, ProjectId, SubmissionId,
    SystemName, TaskId,
};
use empanel::store::{Store, StoreOptions};
use serde_json::Value;
use support::{Home, Service};
use uuid::Uuid;

const SYSTEMS: usize = 20;
/// Requests behind the first.
const REQUESTS: usize = 5;
const WAYS: [(&str, &str); 3] = [
    ("Bradley-Terry, intervals by task", "/v1/leaderboard"),
    ("100 bootstrap rounds beside it", "/v1/leaderboard?bootstrap=100"),
    ("win rate", "/v1/leaderboard?method=win_rate"),
];

#[tokio::main]
async fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000];
    }
    if cfg!(debug_assertions) {
        println!("a debug build: no figures for anybody");
    }
    println!("| comparisons | what | first, ms | then, ms | CPU ms each | peak RSS MB |\n|---|---|---|---|---|---|");
    for comparisons in sizes {
        measure(comparisons).await;
    }
}

async fn measure(comparisons: usize) {
    let home = Home::new("");
    fill(&format!("sled:{}", home.path("data").display()), comparisons).await;
    for (what, path) in WAYS {
        let service = Service::start(&home).await;
        let client = service.client();
        let before = process::cpu(service.id());
        let mut took = Vec::new();
        for _ in 0..=REQUESTS {
            let start = Instant::now();
            let board = client.get(path).await.is(200);
            took.push(start.elapsed());
            let counted =
                board["boards"].as_array().unwrap().iter().map(|one| one["judged"].as_u64().unwrap()).sum::<u64>();
            assert_eq!(counted, comparisons as u64, "{what}");
        }
        let cpu = process::cpu(service.id()) - before;
        let first = took.remove(0);
        took.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {comparisons} | {what} | {:.0} | {:.0} | {:.0} | {:.0} |",
            ms(first),
            ms(took[took.len() / 2]),
            ms(cpu) / (REQUESTS + 1) as f64,
            process::peak_mb(service.id())
        );
    }
}

/// Judged comparisons of three judges: all pairs on one task after the other; who is better wins three of four.
async fn fill(url: &str, comparisons: usize) {
    let store = Store::open(url, StoreOptions::default()).await.unwrap();
    let project = store.project(&ProjectId::parse("default").unwrap());
    let frozen: Value = serde_json::from_str(include_str!("../fixtures/store/comparison/v1.json")).unwrap();
    let like: Comparison = serde_json::from_value(frozen["record"].clone()).unwrap();
    let pairs = (0..).flat_map(|task| (0..SYSTEMS).flat_map(move |a| (a + 1..SYSTEMS).map(move |b| (task, a, b))));
    let all: Vec<(usize, usize, usize)> = pairs.take(comparisons).collect();
    for chunk in all.chunks(1_000) {
        let batch = chunk.iter().fold(project.batch(), |batch, one| batch.insert(&comparison(&like, *one)));
        project.commit(batch).await.unwrap();
    }
    store.close().await.unwrap();
}

fn comparison(like: &Comparison, (task, a, b): (usize, usize, usize)) -> Comparison {
    let mut one = like.clone();
    let number = ((task * SYSTEMS + a) * SYSTEMS + b) as u128;
    one.id = ComparisonId::from_uuid(Uuid::from_u128(number + 1));
    one.task_id = TaskId::parse(format!("t{task}")).unwrap();
    let submission =
        |system: usize| SubmissionId::from_uuid(Uuid::from_u128((task * SYSTEMS + system) as u128 + (1 << 64)));
    (one.a, one.b) = (submission(a), submission(b));
    let system = |system: usize| SystemName::parse(format!("system-{system:02}")).unwrap();
    (one.system_a, one.system_b) = (system(a), system(b));
    let said = |judge: usize| if (task * 7 + a * 3 + b + judge) % 4 == 3 { Preference::B } else { Preference::A };
    let mut spec = one.panel.judges[0].clone();
    one.panel.judges.clear();
    let mut judges = Vec::new();
    for (judge, says) in [0, 0, 1].map(said).into_iter().enumerate() {
        spec.name = JudgeName::parse(format!("judge-{judge}")).unwrap();
        one.panel.judges.push(spec.clone());
        let (judge, outcome) = (spec.name.clone(), Some(says));
        judges.push(JudgePreference { judge, outcome, order_inconsistent: false, failed: None });
    }
    if let ComparisonState::Judged { result, .. } = &mut one.state {
        // Two of three say it.
        result.outcome = judges[0].outcome;
        result.note = None;
        result.judges = judges;
    }
    one
}
