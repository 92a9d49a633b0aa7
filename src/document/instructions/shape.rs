//! Files that say nothing: an opening that promises an answer and is all there is, and the same passages or lines over and
//! over. Lenient judges are known to take both for work.
//!
//! Openers: Zhao et al. 2025, "One Token to Fool LLM-as-a-Judge".

use std::collections::HashMap;

use super::fold::{letters, words};
use crate::domain::{FileExtract, Outcome, Place};

pub(super) const OPENER: &str = "answer_opener";
pub(super) const PADDING: &str = "padding";

const OPENERS: [&str; 24] = [
    "thought process",
    "lets solve this problem step by step",
    "let us solve this problem step by step",
    "lets think step by step",
    "let me think step by step",
    "solution",
    "the solution",
    "here is the solution",
    "final answer",
    "the answer is",
    "answer",
    "step by step",
    "reasoning",
    "lets begin",
    "lösung",
    "antwort",
    "lösungsweg",
    "solution détaillée",
    "respuesta",
    "solución",
    "解",
    "解答",
    "かいせつ",
    "答案",
];

/// Longer texts say something.
const OPENER_CHARS: usize = 200;
/// Letters of a passage; shorter ones are repeated for good reasons.
const PASSAGE: usize = 40;
/// Letters of repetitions from which on they are told.
const PADDED: usize = 3_000;
/// Passages that may make up a padding.
const FEW: usize = 10;
/// As often a passage may stand in a file: heads and feet of pages, forms.
const USUAL: usize = 3;

/// What the text as a whole is, if it is nothing but that: the code and the words.
pub(super) fn look(file: &FileExtract) -> Option<(&'static str, String)> {
    if !is_prose(file) {
        return None;
    }
    opener(file).map(|text| (OPENER, text)).or_else(|| padding(file).map(|text| (PADDING, text)))
}

fn is_prose(file: &FileExtract) -> bool {
    let kinds =
        ["text/plain", "text/markdown", "text/html", "application/pdf", "application/rtf", "text/rtf", "message/"];
    let office = ["wordprocessingml", "presentationml", "opendocument.text", "opendocument.presentation"];
    let kind = file.media_type.as_str();
    kinds.iter().any(|known| kind.starts_with(known)) || office.iter().any(|known| kind.contains(known))
}

fn opener(file: &FileExtract) -> Option<String> {
    let told = file.outcome != Outcome::Read || !file.images.is_empty() || file.segments.is_empty();
    let chars: usize = file.segments.iter().map(|segment| segment.text.len()).sum();
    if told || chars > OPENER_CHARS {
        return None;
    }
    let mut left = words(file.segments.iter().map(|segment| segment.text.as_str()));
    let openers: Vec<String> = OPENERS.iter().map(|opener| letters(&words([*opener]))).collect();
    while !left.is_empty() {
        let fits =
            (1..=left.len()).rev().find(|n| left.get(..*n).is_some_and(|head| openers.contains(&letters(head))))?;
        left.drain(..fits);
    }
    Some(file.segments.iter().map(|segment| segment.text.trim()).collect::<Vec<_>>().join(" / "))
}

fn padding(file: &FileExtract) -> Option<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let (mut all, mut drawn, mut signs) = (0, 0, 0);
    for segment in &file.segments {
        if matches!(segment.place, Place::Cells { .. } | Place::Row(_) | Place::TableRow { .. } | Place::Pointer(_)) {
            continue;
        }
        for line in segment.text.split('\n') {
            let ink = line.chars().filter(|c| !c.is_whitespace()).count();
            signs += ink;
            if ink >= 10 && !line.contains(char::is_alphanumeric) {
                drawn += ink;
                continue;
            }
            let letters: String = line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            all += letters.len();
            if letters.len() >= PASSAGE {
                *counts.entry(letters).or_default() += 1;
            }
        }
    }
    let often = counts.iter().filter(|(_, count)| **count > USUAL);
    let mut often: Vec<usize> = often.map(|(passage, count)| passage.len() * (count - 1)).collect();
    often.sort_unstable_by(|a, b| b.cmp(a));
    // Many passages that come back are the clauses of licences and forms.
    often.truncate(FEW);
    let (repeated, passages) = (often.iter().sum::<usize>(), often.len());
    if repeated >= PADDED && repeated * 2 > all {
        return Some(format!("{repeated} of {all} letters repeat the same {passages} passages"));
    }
    (drawn >= PADDED && drawn * 5 > signs * 3).then(|| format!("{drawn} of {signs} signs are lines that are drawn"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read_message;

    fn code(text: &str) -> Option<&'static str> {
        look(&read_message(text)).map(|(code, _)| code)
    }

    #[test]
    fn an_opening_that_is_all_there_is_is_told() {
        for text in
            [":", "Thought process:", "Let's solve this problem step by step.", "Solution", "解", "**Final answer:**"]
        {
            assert_eq!(code(text), Some(OPENER), "{text}");
        }
        for text in ["Solution\n\nThe total is 4,512.", "Done.", "12", "The memo is attached.", "Answer: 42"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_of_repetitions_is_told_and_a_foot_on_every_page_is_not() {
        let passage = "This report is comprehensive, rigorous and of the highest professional quality.\n";
        assert_eq!(code(&passage.repeat(60)), Some(PADDING));
        assert_eq!(code(&format!("{}\n", "=".repeat(80)).repeat(60)), Some(PADDING));
        let pages: String = (0..60)
            .map(|n| format!("Page {n} says that account number {n} moved by {} dollars in the month.\nLarkfield Outdoor Co., confidential, for internal use only\n", n * 7))
            .collect();
        assert_eq!(code(&pages), None);
        assert_eq!(code(&passage.repeat(3)), None);
    }
}
