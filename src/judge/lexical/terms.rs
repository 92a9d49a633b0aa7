//! Words and numbers of a text, and where they stand in a deliverable.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::domain::{Extract, Outcome};

/// A word in its base form, or a number in its plain form (`$12,400.00` is `12400`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Term {
    Word(String),
    Number(String),
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Word(text) | Self::Number(text)) = self;
        f.write_str(text)
    }
}

/// Words that say nothing about a deliverable, those of rubrics included.
const STOP: &str = " a about above after all also an and any are as at be been before being below between both but by \
    can could contain contains containing criterion deliverable did do does document each either every few file files \
    for from had has have having he her here his how identifies identify if in include included includes including \
    indicate indicates into is it its just least list lists may mention mentions might more most must no nor not of \
    off on one only or other our out over own present presents provide provided provides report reports requirement \
    response same shall she should show shows so some specifies specify state stated states submission such than that \
    the their them then there these they this those through to too under until up use used uses using very was were \
    what when where which while who whose why will with within without work would you your ";

static STOP_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.split_ascii_whitespace().collect());

/// Calls `found` with each term and the bytes where it begins and ends.
pub(super) fn each_term(text: &str, stemming: bool, mut found: impl FnMut(Term, usize, usize)) {
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        let mut end = start + first.len_utf8();
        let number = first.is_ascii_digit();
        while let Some(&(at, c)) = chars.peek() {
            let next_is_digit = || text[at + c.len_utf8()..].starts_with(|d: char| d.is_ascii_digit());
            if c.is_alphanumeric() || (number && matches!(c, ',' | '.') && next_is_digit()) {
                end = at + c.len_utf8();
                chars.next();
            } else {
                break;
            }
        }
        let token = &text[start..end];
        if let Some(number) = number.then(|| plain_number(token)).flatten() {
            found(Term::Number(number), start, end);
            continue;
        }
        if token.chars().nth(1).is_none() {
            continue;
        }
        let word = token.to_lowercase();
        if !STOP_WORDS.contains(word.as_str()) {
            found(Term::Word(if stemming { stem(word) } else { word }), start, end);
        }
    }
}

/// `12,400.50` as `12400.5`; `None` for `3rd` or `1.2.3`, which are words.
fn plain_number(token: &str) -> Option<String> {
    let digits: String = token.chars().filter(|c| *c != ',').collect();
    let value: f64 = digits.parse().ok()?;
    value.is_finite().then(|| value.to_string())
}

/// English endings, both sides alike: it need not be a word, only the same for the forms of one.
fn stem(word: String) -> String {
    let mut stem = word;
    let mut cut = |ending: &str, instead: &str, least: usize| {
        if stem.is_ascii() && stem.len() >= ending.len() + least && stem.ends_with(ending) {
            stem.truncate(stem.len() - ending.len());
            stem.push_str(instead);
            return true;
        }
        false
    };
    let _ = cut("ies", "y", 2) || cut("sses", "ss", 1) || cut("ss", "ss", 1) || cut("us", "us", 1) || cut("s", "", 2);
    let _ = cut("ing", "", 3) || cut("ed", "", 3) || cut("ly", "", 3) || cut("ion", "", 4);
    let _ = cut("e", "", 3);
    stem
}

/// Where the terms of one deliverable stand.
pub(super) struct Index {
    /// Term → the segments that have it, ascending, without repeats; numbered through all files.
    postings: HashMap<Term, Vec<u32>>,
    /// The file and the segment in it, by that number.
    pub places: Vec<(u32, u32)>,
    /// What of it could not be shown, in a few words.
    pub missing: Option<String>,
}

impl Index {
    pub(super) fn of(extract: &Extract, stemming: bool) -> Self {
        let mut postings: HashMap<Term, Vec<u32>> = HashMap::new();
        let mut places = Vec::new();
        for (file_number, file) in extract.files.iter().enumerate() {
            for (segment_number, segment) in file.segments.iter().enumerate() {
                let number = u32::try_from(places.len()).unwrap_or(u32::MAX);
                places.push((file_number as u32, segment_number as u32));
                each_term(&segment.text, stemming, |term, _, _| {
                    let segments = postings.entry(term).or_default();
                    if segments.last() != Some(&number) {
                        segments.push(number);
                    }
                });
            }
        }
        let missing = extract.files.iter().find_map(|file| match (&file.outcome, file.cuts.first()) {
            (Outcome::Unreadable { reason }, _) => Some(format!("{} could not be read: {reason}", file.name)),
            (_, Some(cut)) => Some(format!("{} of {} not shown: {}", cut.what, file.name, cut.why)),
            (Outcome::Partial, None) => Some(format!("{} was read in part", file.name)),
            (Outcome::Read, None) => None,
        });
        Self { postings, places, missing }
    }

    pub(super) fn segments(&self, term: &Term) -> &[u32] {
        self.postings.get(term).map_or(&[], Vec::as_slice)
    }

    /// Roughly what it occupies.
    pub(super) fn bytes(&self) -> usize {
        let postings: usize = self.postings.values().map(|segments| 80 + 4 * segments.len()).sum();
        postings + 8 * self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        each_term(text, true, |term, start, end| {
            assert!(!text[start..end].is_empty());
            out.push(term.to_string());
        });
        out
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        assert_eq!(terms("$12,400.00"), terms("12400"));
        assert_eq!(terms("4.5% of 10."), ["4.5", "10"]);
        assert_eq!(
            terms("3rd v1.2.3"),
            ["3rd", "v1"].map(String::from).into_iter().chain(terms("2.3")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn forms_of_a_word_meet_and_empty_words_are_left_out() {
        for pair in
            [["totals", "total"], ["reconciled", "reconciling"], ["summaries", "summary"], ["expenses", "expense"]]
        {
            assert_eq!(terms(pair[0]), terms(pair[1]), "{pair:?}");
        }
        assert!(terms("The deliverable includes a X of the").is_empty());
        assert_eq!(terms("Übersicht für Straße"), ["übersicht", "für", "straße"]);
    }
}
