//! What becomes of every hostile file of `tests/hostile`: read by a worker process as in the service, with the memory and
//! the time that it took.
//!
//! `cargo bench --bench hostile -- [--only WORDS] [--markdown]`. It fails
//! if a file did not come to what its line says.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

#[path = "../../tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod hostile;

use std::path::Path;
use std::process::ExitCode;

use hostile::watched::Watched;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let (mut only, mut markdown) = (String::new(), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => only = arguments.next().expect("--only WORDS"),
            "--markdown" => markdown = true,
            // cargo says so to every bench.
            "--bench" => {}
            other => panic!("{other}: there are --only WORDS and --markdown"),
        }
    }
    let watched = Watched::new(Path::new(env!("CARGO_BIN_EXE_empanel")));
    let (mut all, mut most, mut longest) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (kind, cases) in hostile::KINDS {
        if markdown {
            println!("\n### {kind}\n\n| file | KiB | what became of it | MiB | ms |\n|---|--:|---|--:|--:|");
        }
        for case in cases.iter().filter(|case| case.name.contains(&only)) {
            let outcome = watched.read(case).await;
            let words: String = outcome.words().chars().take(150).collect();
            let (kib, ms) = (outcome.bytes.div_ceil(1_024), outcome.time.as_millis());
            let peak = outcome.peak.map_or_else(|| "–".to_owned(), |peak| peak.to_string());
            if markdown {
                println!("| {} | {kib} | {} | {peak} | {ms} |", case.name, words.replace('|', "\\|"));
            } else {
                println!("{:45} {kib:>8} KiB {peak:>5} MiB {ms:>6} ms  {words}", case.name);
            }
            (all, most, longest) = (all + 1, most.max(outcome.peak.unwrap_or(0)), longest.max(ms));
            wrong.extend(outcome.wrong(case).map(|why| format!("{}: {why}", case.name)));
        }
    }
    println!(
        "\n{all} files; the most memory was {most} MiB, the longest time {longest} ms; {} came to something else",
        wrong.len()
    );
    wrong.iter().for_each(|why| println!("  {why}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
