//! Do the intervals hold what they promise, and is the chosen aggregation as good as can be had? Simulated data with a known
//! truth, seeded; the same figures on any machine and any number of threads.
//!
//! `cargo bench --bench coverage -- [--runs 2000] [intervals] [aggregation] [llmbar] [ratings]`, all of them by default. What it
//! printed last is in `docs/statistics.md` (ratings: `docs/ratings.md`). It fails if an interval covers less than 93 % or more than 97 % at 50 units and
//! more, if the aggregation falls half a point below the majority, or if an interval at 20 units does not say that it is small.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

mod aggregation;
mod chance;
mod intervals;
mod llmbar;
mod ratings;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut runs = 2_000;
    let mut parts: Vec<String> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().and_then(|n| n.parse().ok()).expect("--runs N"),
            // cargo says so to every bench.
            "--bench" => {}
            part => parts.push(part.to_owned()),
        }
    }
    let asked = |part: &str| parts.is_empty() || parts.iter().any(|own| own == part);
    let mut wrong = Vec::new();
    if asked("intervals") {
        intervals::run(runs, &mut wrong);
    }
    if asked("aggregation") {
        aggregation::run(runs.min(400), &mut wrong);
    }
    if asked("llmbar") {
        llmbar::run(&mut wrong);
    }
    if asked("ratings") {
        ratings::run(runs.min(1_000), &mut wrong);
    }
    if wrong.is_empty() {
        println!("\nall as promised");
        return ExitCode::SUCCESS;
    }
    println!("\nnot as promised:\n{}", wrong.join("\n"));
    ExitCode::FAILURE
}
