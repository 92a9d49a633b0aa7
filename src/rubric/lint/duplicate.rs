//! `duplicate_requirement`: two criteria that ask for (nearly) the same count one virtue twice.

use std::collections::{BTreeSet, HashMap};

use super::{Level, Lint};
use crate::domain::Rubric;

/// Share of words (of the union) from which two requirements count as near-duplicates.
const NEAR: f64 = 0.85;
/// Requirements shorter than this many words are only compared literally: `Uses Arial` and `Uses Calibri`
/// share half of their words.
const MIN_WORDS: usize = 6;

/// Compares only requirements that share a rare word, so that thousands of criteria stay fast.
pub fn duplicate_requirement(rubric: &Rubric) -> Vec<Lint> {
    let words: Vec<BTreeSet<String>> = rubric.criteria().iter().map(|c| words(&c.requirement)).collect();
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, set) in words.iter().enumerate() {
        for word in set {
            holders.entry(word).or_default().push(index);
        }
    }
    let mut literal: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for (index, criterion) in rubric.criteria().iter().enumerate() {
        let text = criterion.requirement.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let earlier = literal.get(&text).copied();
        literal.entry(text).or_insert(index);
        let near = || {
            let set = words.get(index).filter(|set| set.len() >= MIN_WORDS)?;
            // Two sets that share 85 % of their union share all but a few of the rarest words of either.
            let mut rare: Vec<&str> = set.iter().map(String::as_str).collect();
            rare.sort_by_key(|word| holders.get(word).map_or(0, Vec::len));
            let probes = set.len() - (NEAR * set.len() as f64).ceil() as usize + 1;
            let mut candidates: Vec<usize> = rare
                .iter()
                .take(probes)
                .filter_map(|word| holders.get(word))
                .flat_map(|indices| indices.iter().copied().take_while(|other| *other < index).take(200))
                .collect();
            candidates.sort_unstable();
            candidates.dedup();
            candidates.into_iter().find(|other| {
                words
                    .get(*other)
                    .is_some_and(|o| o.len() >= MIN_WORDS && similarity(set, o) >= NEAR && same_numbers(set, o))
            })
        };
        let (other, level, how) = match earlier {
            Some(other) => (other, Level::Error, "asks for the same as"),
            None => match near() {
                Some(other) => (other, Level::Warning, "asks for nearly the same as"),
                None => continue,
            },
        };
        let Some(other) = rubric.criteria().get(other) else { continue };
        found.push(Lint {
            level,
            code: "duplicate_requirement",
            criterion_id: Some(criterion.id.clone()),
            message: format!("`{}` {how} `{}`: one virtue is counted twice; merge them", criterion.id, other.id),
        });
    }
    found
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

fn similarity(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let shared = a.intersection(b).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

/// `The total of row 4 ...` and `The total of row 5 ...` are two criteria.
fn same_numbers(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    let numbers = |set: &BTreeSet<String>| -> Vec<String> {
        set.iter().filter(|w| w.contains(|c: char| c.is_ascii_digit())).cloned().collect()
    };
    numbers(a) == numbers(b)
}
