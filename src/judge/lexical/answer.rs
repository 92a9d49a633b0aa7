//! From the terms of a question to an answer in the form of every judge's reply.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Settings;
use super::terms::{Index, Term, each_term};
use crate::domain::{Ask, ComparedBy, Extract, Level, Prompt};

const MAX_QUOTES: usize = 3;
const MAX_QUOTE_BYTES: usize = 240;
const NOTICE: &str = "Lexical baseline, not a reading";

/// What was found of a question's terms in one deliverable.
struct Found {
    /// Weighted share, 0 to 1.
    share: f64,
    terms: usize,
    hits: usize,
    missing: Vec<String>,
    /// Segments with the most of the terms, best first.
    best: Vec<u32>,
}

pub(super) fn answer(prompt: &Prompt, indexes: &[Index], settings: &Settings) -> Value {
    let deliverables = prompt.prefix.deliverables.as_slice();
    let Ask::Several { items } = &prompt.ask else { return one(&prompt.ask, deliverables, indexes, settings) };
    let numbered = items.iter().enumerate().map(|(place, ask)| {
        let mut answer = one(ask, deliverables, indexes, settings);
        answer["index"] = json!(place + 1);
        answer
    });
    json!({"answers": numbered.collect::<Vec<_>>()})
}

fn one(ask: &Ask, deliverables: &[Arc<Extract>], indexes: &[Index], settings: &Settings) -> Value {
    match (ask, deliverables, indexes) {
        (Ask::Pairwise { task }, [first, second], [a, b]) => pairwise("task", task, [first, second], [a, b], settings),
        (Ask::PairwiseBy { task, criteria }, [first, second], [a, b]) => {
            let on = |one: &ComparedBy| on_criterion(one, [first, second], [a, b], settings);
            let mut answer = pairwise("task", task, [first, second], [a, b], settings);
            answer["criteria"] = criteria.iter().map(on).collect();
            answer
        }
        (Ask::Criterion { requirement }, [extract], [index]) => criterion(requirement, &[], extract, index, settings),
        (Ask::Levels { requirement, levels }, [extract], [index]) => {
            criterion(requirement, levels, extract, index, settings)
        }
        _ => reply(vec![], "the question and the number of deliverables do not fit together", "CANNOT_ASSESS"),
    }
}

fn reply(evidence: Vec<Value>, reason: &str, answer: &str) -> Value {
    json!({"evidence": evidence, "reason": format!("{NOTICE}: {reason}."), "answer": answer})
}

fn criterion(requirement: &str, levels: &[Level], extract: &Extract, index: &Index, settings: &Settings) -> Value {
    let terms = terms(requirement, settings);
    if terms.is_empty() {
        return reply(vec![], "the requirement has no word or number to look for", "CANNOT_ASSESS");
    }
    if index.places.is_empty() {
        return reply(vec![], "the deliverable shows no text", "CANNOT_ASSESS");
    }
    let found = look_up(&terms, index, settings);
    let mut reason = format!(
        "{} of {} terms of the requirement stand in the deliverable (share {:.2}, threshold {:.2})",
        found.hits, found.terms, found.share, settings.min_overlap
    );
    if !found.missing.is_empty() {
        reason.push_str("; missing: ");
        reason.push_str(&found.missing.join(", "));
    }
    let enough = found.share >= settings.min_overlap;
    if let (false, Some(missing)) = (enough, &index.missing) {
        reason.push_str(&format!("; but {missing}"));
        return reply(quotes(&found, &terms, extract, index, settings), &reason, "CANNOT_ASSESS");
    }
    let label = if levels.is_empty() { if enough { "MET" } else { "UNMET" } } else { level(levels, found.share) };
    reply(quotes(&found, &terms, extract, index, settings), &reason, label)
}

/// Equal steps: of n levels the k-th is reached with a share of k/n.
fn level(levels: &[Level], share: f64) -> &str {
    let mut sorted: Vec<&Level> = levels.iter().collect();
    sorted.sort_by(|a, b| a.points.total_cmp(&b.points));
    let step = (share * sorted.len() as f64).floor() as usize;
    &sorted[step.min(sorted.len() - 1)].name
}

/// By the words of the requirement. Of something bad the deliverable with less of its words is better, and neither
/// having them is no fault of both.
fn on_criterion(one: &ComparedBy, extracts: [&Extract; 2], indexes: [&Index; 2], settings: &Settings) -> Value {
    let found = pairwise("requirement", &one.requirement, extracts, indexes, settings);
    let answer = match (one.wanted, found["answer"].as_str().unwrap_or("CANNOT_ASSESS")) {
        (false, "A") => "B",
        (false, "B") => "A",
        (false, "BOTH_BAD") => "TIE",
        (_, answer) => answer,
    };
    json!({"id": one.id, "reason": found["reason"], "answer": answer})
}

/// `of` says whose words they are.
fn pairwise(of: &str, text: &str, extracts: [&Extract; 2], indexes: [&Index; 2], settings: &Settings) -> Value {
    let terms = terms(text, settings);
    if terms.is_empty() {
        return reply(vec![], &format!("the {of} has no word or number to look for"), "CANNOT_ASSESS");
    }
    let [a, b] = indexes.map(|index| look_up(&terms, index, settings));
    let mut reason = format!("{:.2} of the {of}'s weighted terms stand in A, {:.2} in B", a.share, b.share);
    let worse_is_incomplete = |worse: usize| indexes[worse].missing.as_ref();
    let near = (a.share - b.share).abs() <= settings.tie_margin;
    let half = settings.min_overlap / 2.0;
    let (label, in_doubt) = if near && a.share.max(b.share) < half {
        ("BOTH_BAD", worse_is_incomplete(0).or(worse_is_incomplete(1)))
    } else if near {
        ("TIE", worse_is_incomplete(0).or(worse_is_incomplete(1)))
    } else if a.share > b.share {
        ("A", worse_is_incomplete(1))
    } else {
        ("B", worse_is_incomplete(0))
    };
    let label = if let Some(missing) = in_doubt {
        reason.push_str(&format!("; but {missing}"));
        "CANNOT_ASSESS"
    } else {
        label
    };
    let evidence = [(&a, 0), (&b, 1)].into_iter();
    let evidence = evidence.flat_map(|(found, i)| quotes(found, &terms, extracts[i], indexes[i], settings)).collect();
    reply(evidence, &reason, label)
}

fn terms(text: &str, settings: &Settings) -> BTreeSet<Term> {
    let mut terms = BTreeSet::new();
    each_term(text, settings.stemming, |term, _, _| {
        terms.insert(term);
    });
    terms
}

fn weight(term: &Term, settings: &Settings) -> f64 {
    match term {
        Term::Word(_) => 1.0,
        Term::Number(_) => settings.number_weight,
    }
}

fn look_up(terms: &BTreeSet<Term>, index: &Index, settings: &Settings) -> Found {
    let all: f64 = terms.iter().map(|term| weight(term, settings)).sum();
    let mut by_segment: BTreeMap<u32, f64> = BTreeMap::new();
    for term in terms {
        for segment in index.segments(term) {
            *by_segment.entry(*segment).or_default() += weight(term, settings);
        }
    }
    let mut ranked: Vec<(u32, f64)> = by_segment.into_iter().collect();
    // The earlier of two equal segments comes first: the sort is stable.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let range = match (settings.window, ranked.first()) {
        (0, _) | (_, None) => 0..u32::MAX,
        // Around the best segment: a window that slides over everything finds hardly more and costs more.
        (window, Some((best, _))) => best.saturating_sub(window / 2)..best.saturating_add(window / 2 + 1),
    };
    ranked.retain(|(segment, _)| range.contains(segment));
    let stands = |term: &&Term| index.segments(term).iter().any(|segment| range.contains(segment));
    let (hit, missing): (Vec<&Term>, Vec<&Term>) = terms.iter().partition(stands);
    let found: f64 = hit.iter().map(|term| weight(term, settings)).sum();
    Found {
        share: if all > 0.0 { found / all } else { 0.0 },
        terms: terms.len(),
        hits: hit.len(),
        missing: missing.iter().take(8).map(|term| format!("\"{term}\"")).collect(),
        best: ranked.iter().take(MAX_QUOTES).map(|(segment, _)| *segment).collect(),
    }
}

fn quotes(found: &Found, terms: &BTreeSet<Term>, extract: &Extract, index: &Index, settings: &Settings) -> Vec<Value> {
    let quote = |segment: &u32| {
        let (file, segment) = index.places[*segment as usize];
        let file = &extract.files[file as usize];
        let segment = &file.segments[segment as usize];
        let quote = excerpt(&segment.text, terms, settings);
        json!({"file": file.name, "where": segment.place.to_string(), "quote": quote})
    };
    found.best.iter().map(quote).collect()
}

/// The segment's own words: all of them, or a piece that begins a little before the first term.
fn excerpt<'a>(text: &'a str, terms: &BTreeSet<Term>, settings: &Settings) -> &'a str {
    let text = text.trim();
    if text.len() <= MAX_QUOTE_BYTES {
        return text;
    }
    let mut first = None;
    each_term(text, settings.stemming, |term, start, _| {
        if first.is_none() && terms.contains(&term) {
            first = Some(start);
        }
    });
    let start = text.floor_char_boundary(first.unwrap_or(0).saturating_sub(40));
    let end = text.floor_char_boundary((start + MAX_QUOTE_BYTES).min(text.len()));
    text[start..end].trim()
}
