//! How long a rubric of five thousand criteria takes from its text to a score: `cargo bench --bench rubrics`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

use std::time::{Duration, Instant};

use empanel::domain::{Decision, Source, Tally, Verdict};
use empanel::grading::score::score;
use empanel::rubric::{Format, import, lint};

#[path = "../tests/all/paper_tree.rs"]
mod paper_tree;

const ROUNDS: usize = 30;

fn main() {
    let text = paper_tree::tree(8, 5_000).to_string();
    let mut best: Option<[Duration; 3]> = None;
    let mut criteria = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let rubric = import(&text, Format::Paperbench).unwrap();
        let imported = started.elapsed();
        let findings = lint(&rubric);
        let linted = started.elapsed();
        let verdict = |criterion: &empanel::domain::Criterion| Verdict {
            criterion_id: criterion.id.clone(),
            decision: if criterion.id.as_str().len().is_multiple_of(2) { Decision::Met } else { Decision::Unmet },
            source: Source::Panel,
            tally: Tally::default(),
            evidence: vec![],
            note: None,
        };
        let verdicts: Vec<Verdict> = rubric.criteria().iter().map(verdict).collect();
        let made = started.elapsed();
        let scored = score(&rubric, &verdicts, 1.0);
        let all = started.elapsed();
        assert!(scored.value.is_some() && findings.is_empty());
        criteria = rubric.criteria().len();
        let parts = [imported, linted - imported, all - made];
        if best.is_none_or(|best| parts.iter().sum::<Duration>() < best.iter().sum::<Duration>()) {
            best = Some(parts);
        }
    }
    let Some(best) = best else { return };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let [import, lint, score] = best.map(ms);
    println!(
        "{criteria} criteria, {} kB, best of {ROUNDS}: import {import:.1} ms, lint {lint:.1} ms, score {score:.1} ms, together {:.1} ms",
        text.len() / 1_000,
        import + lint + score
    );
}
