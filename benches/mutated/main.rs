//! Ten thousand damaged files against the readers, each read by a worker process as in the service: whether any of them
//! ends its worker, or takes more time or memory than it may.
//!
//! `cargo bench --bench mutated -- [--inputs 10000] [--first 0] [FOLDER…]`; folders of files to damage, or else the files
//! that the project brings. What it printed last is in `docs/readers.md`. It fails if a worker died or was stopped; the
//! input is then in `target/mutated`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

#[path = "../../tests/all/mutate.rs"]
mod mutate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use empanel::document::{self, Limits};
use empanel::domain::{FileName, Outcome, StoredFile};
use empanel::reading::{End, Reading, Source, WorkerLimits};
use mutate::{Mutant, Original, mutant};
use tokio::sync::Semaphore;

/// For one file, in a release build.
const TIME: Duration = Duration::from_secs(10);
const MEMORY: u64 = 1 << 30;

/// What became of the mutants of one kind.
#[derive(Default)]
struct Kind {
    read: u32,
    partial: u32,
    unreadable: u32,
    broke_a_parser: u32,
    seconds: Vec<f64>,
}

fn main() -> ExitCode {
    let mut inputs = 10_000;
    let mut first = 0;
    let mut folders = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--inputs" => inputs = arguments.next().and_then(|n| n.parse().ok()).expect("--inputs N"),
            "--first" => first = arguments.next().and_then(|n| n.parse().ok()).expect("--first N"),
            // cargo says so to every bench.
            "--bench" => {}
            folder => folders.push(PathBuf::from(folder)),
        }
    }
    if folders.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        folders = vec![root.join("fixtures/documents"), root.join("fixtures/tasks")];
    }
    let originals: Vec<Original> = folders.iter().flat_map(|folder| files(folder)).collect();
    assert!(!originals.is_empty(), "no files in {folders:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(originals, first..first + inputs))
}

fn files(folder: &Path) -> Vec<Original> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push(Original { name, bytes: std::fs::read(&path).unwrap() });
        }
    }
    found
}

async fn run(originals: Vec<Original>, numbers: std::ops::Range<u64>) -> ExitCode {
    let limits = WorkerLimits { time: TIME, memory: MEMORY, ..WorkerLimits::default() };
    let at_once = limits.workers;
    let reading = Arc::new(Reading::isolated(Limits::default(), env!("CARGO_BIN_EXE_empanel").into(), limits));
    let (originals, places) = (Arc::new(originals), Arc::new(Semaphore::new(at_once)));
    println!(
        "{} damaged copies of {} files; {at_once} workers, {} s and {} MiB for a file",
        numbers.end - numbers.start,
        originals.len(),
        TIME.as_secs(),
        MEMORY >> 20,
    );
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    let mut bad = Vec::new();
    let mut put = |done: Option<Result<Done, _>>| {
        let Some(done) = done.transpose().unwrap() else { return };
        let kind = kinds.entry(done.kind).or_default();
        kind.seconds.push(done.seconds);
        match done.outcome {
            Outcome::Read => kind.read += 1,
            Outcome::Partial => kind.partial += 1,
            Outcome::Unreadable { reason } => {
                kind.unreadable += 1;
                kind.broke_a_parser += u32::from(reason.contains("breaks the"));
                bad.extend(done.stopped.then(|| format!("{}: {reason}", done.number)));
            }
        }
    };
    for number in numbers {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        put(tasks.try_join_next());
        let (reading, originals) = (Arc::clone(&reading), Arc::clone(&originals));
        tasks.spawn(async move {
            let done = one(&reading, &originals, number).await;
            drop(place);
            done
        });
    }
    while let Some(done) = tasks.join_next().await {
        put(Some(done));
    }
    table(&mut kinds);
    let tally = reading.tally();
    println!(
        "\n{} read in {:.0} s: {} workers died, {} were too slow, {} needed too much memory",
        tally.asked(),
        start.elapsed().as_secs_f64(),
        tally.of(End::Died),
        tally.of(End::TooSlow),
        tally.of(End::OutOfMemory),
    );
    for bad in &bad {
        println!("  {bad}");
    }
    if bad.is_empty() && tally.of(End::Unusable) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Done {
    number: u64,
    kind: String,
    outcome: Outcome,
    /// Its reader did not end by itself.
    stopped: bool,
    seconds: f64,
}

async fn one(reading: &Reading, originals: &[Original], number: u64) -> Done {
    let Mutant { name, bytes } = mutant(originals, number);
    let kind = name.rsplit('.').next().unwrap_or("").to_owned();
    let file = StoredFile {
        name: FileName::parse(&name).unwrap(),
        media_type: document::media_type(&name, &bytes),
        bytes: bytes.len() as u64,
        sha256: String::new(),
    };
    let start = Instant::now();
    let mut extracts = reading.read(Source { file, bytes: bytes.clone().into() }).await;
    let seconds = start.elapsed().as_secs_f64();
    let extract = extracts.swap_remove(0);
    // Where a reader answered, it says under which settings.
    let stopped = extract.settings.is_none();
    if stopped {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mutated");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{number}-{name}")), &bytes).unwrap();
    }
    Done { number, kind, outcome: extract.outcome, stopped, seconds }
}

fn table(kinds: &mut BTreeMap<String, Kind>) {
    println!(
        "\n| kind | inputs | read | partial | unreadable | of those, a parser gave up | ms, median | ms, 99 % | ms, most |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (name, kind) in kinds {
        kind.seconds.sort_by(f64::total_cmp);
        let at = |share: f64| kind.seconds[((kind.seconds.len() - 1) as f64 * share) as usize] * 1e3;
        println!(
            "| {name} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.1} |",
            kind.seconds.len(),
            kind.read,
            kind.partial,
            kind.unreadable,
            kind.broke_a_parser,
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
}
