//! Nearly the same words: a judge dropped an article, a reader misread a letter.
//!
//! Words are compared, not letters. Of a quote's words at least [`THRESHOLD`] must stand in the text in their
//! order, at least [`MIN_TELLING`] of them words that tell something (`the`, `of`, `is` tell nothing), and two kinds
//! may never differ: **numbers** (`12.4%` is not `12.5%`) and **negations** (`did not rise` is not `did rise`),
//! neither by missing nor by being added within the passage.

use std::collections::HashMap;

use super::words::{Token, Words};

/// Share of a quote's words that must be matched in order; as many text words may be skipped in between as
/// quote words may miss.
const THRESHOLD: f64 = 0.8;
/// Quotes with fewer words are matched literally or not at all.
const MIN_WORDS: usize = 5;
/// Matched words that are not all too common.
const MIN_TELLING: usize = 3;
/// A quote's words beyond this many are not compared.
const MAX_WORDS: usize = 400;
/// Words that stand in the text more often than this do not propose places.
const MAX_HITS: usize = 64;
const NEGATIONS: [&str; 12] =
    ["not", "no", "never", "none", "without", "cannot", "nor", "neither", "except", "unless", "fails", "failed"];
const COMMON: [&str; 48] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "for", "from", "had", "has", "have", "he",
    "if", "in", "into", "is", "it", "its", "of", "on", "or", "our", "she", "so", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "was", "we", "were", "which", "will", "with", "would",
    "you",
];

/// A number or a negation.
fn is_fixed(word: &str) -> bool {
    word.contains(|c: char| c.is_numeric()) || NEGATIONS.contains(&word) || word.ends_with("n't")
}

/// A text to look in: its words, and the text that they are words of.
pub struct Passage<'a> {
    pub text: &'a str,
    pub words: &'a Words,
}

/// A quote's word: its number, whether it may not differ, whether it tells something.
type Wanted = (Option<u32>, bool, bool);

impl Passage<'_> {
    /// Where the passage nearest to `quote` (a normal text) starts and ends, if it is near enough.
    pub fn find(&self, quote: &str, tokens: &[Token]) -> Option<(usize, usize)> {
        let wanted: Vec<Wanted> = tokens
            .iter()
            .take(MAX_WORDS)
            .map(|token| {
                let word = quote.get(token.start..token.end).unwrap_or_default();
                (token.id, is_fixed(word), !COMMON.contains(&word))
            })
            .collect();
        // A number or negation that the text does not have at all.
        if wanted.len() < MIN_WORDS || wanted.iter().any(|(id, fixed, _)| *fixed && id.is_none()) {
            return None;
        }
        let known = wanted.iter().filter(|(id, ..)| id.is_some()).count();
        if (known as f64) < THRESHOLD * wanted.len() as f64 {
            return None;
        }
        let places = self.places(&wanted);
        let found = places.into_iter().filter_map(|from| self.align(&wanted, from));
        found.max_by_key(|(matched, ..)| *matched).map(|(_, start, end)| (start, end))
    }

    /// Whether the text's word at this position may not differ.
    fn fixed(&self, position: usize) -> bool {
        let span = self.words.spans.get(position);
        span.and_then(|(start, end)| self.text.get(*start..*end)).is_some_and(is_fixed)
    }

    /// Positions at which the quote may start, the most voted for first: each rare word of the quote votes for
    /// where it would put the quote's start. Places with too few votes to be near enough are not proposed.
    fn places(&self, quote: &[Wanted]) -> Vec<usize> {
        let slack = quote.len() / 5 + 1;
        let mut votes: HashMap<usize, u32> = HashMap::new();
        let mut silent = 0;
        for (index, (id, ..)) in quote.iter().enumerate() {
            let Some(hits) = id.map(|id| self.words.hits(id)) else { continue };
            if hits.len() > MAX_HITS {
                silent += 1;
                continue;
            }
            for hit in hits {
                let from = (*hit as usize).saturating_sub(index);
                *votes.entry(from / slack).or_default() += 1;
            }
        }
        let needed = (THRESHOLD * quote.len() as f64) as usize;
        let needed = u32::try_from(needed.saturating_sub(silent)).unwrap_or(u32::MAX);
        let at = |bucket: Option<usize>| bucket.and_then(|b| votes.get(&b)).copied().unwrap_or(0);
        let enough = |bucket: usize| {
            at(Some(bucket)) + at(bucket.checked_sub(1)) + at(Some(bucket + 1)) + at(bucket.checked_sub(2)) >= needed
        };
        let mut ranked: Vec<(u32, usize)> =
            votes.iter().map(|(bucket, votes)| (*votes, *bucket)).filter(|(_, bucket)| enough(*bucket)).collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().take(4).map(|(_, bucket)| (bucket * slack).saturating_sub(slack)).collect()
    }

    /// Aligns the quote with the words from `from` on (longest common subsequence) and tells how many words
    /// match and where the passage starts and ends; `None` if that is too few or a fixed word differs.
    fn align(&self, quote: &[Wanted], from: usize) -> Option<(usize, usize, usize)> {
        let slack = quote.len() / 5 + 1;
        let words = &self.words.words;
        let window = words.get(from..(from + quote.len() + 4 * slack).min(words.len()))?;
        let width = window.len() + 1;
        let mut table = vec![0_u16; (quote.len() + 1) * width];
        let at = |row: usize, column: usize| row * width + column;
        for (i, (id, ..)) in quote.iter().enumerate().rev() {
            for (j, word) in window.iter().enumerate().rev() {
                let best = if *id == Some(*word) {
                    table.get(at(i + 1, j + 1)).copied().unwrap_or(0) + 1
                } else {
                    let skip_quote = table.get(at(i + 1, j)).copied().unwrap_or(0);
                    let skip_text = table.get(at(i, j + 1)).copied().unwrap_or(0);
                    skip_quote.max(skip_text)
                };
                if let Some(cell) = table.get_mut(at(i, j)) {
                    *cell = best;
                }
            }
        }
        let (mut i, mut j) = (0, 0);
        let (mut first, mut last, mut matched, mut telling) = (None, 0, 0, 0);
        // Text words that are skipped inside of the passage, counted when the next match proves it goes on.
        let (mut skipped, mut pending, mut fixed_pending, mut fixed_skipped) = (0, 0, false, false);
        while let (Some((id, fixed, tells)), Some(word)) = (quote.get(i), window.get(j)) {
            if *id == Some(*word) {
                first.get_or_insert(j);
                last = j;
                matched += 1;
                telling += usize::from(*tells);
                skipped += pending;
                fixed_skipped |= fixed_pending;
                (pending, fixed_pending) = (0, false);
                (i, j) = (i + 1, j + 1);
            } else if table.get(at(i + 1, j)) >= table.get(at(i, j + 1)) {
                if *fixed {
                    return None;
                }
                i += 1;
            } else {
                if first.is_some() {
                    pending += 1;
                    fixed_pending |= self.fixed(from + j);
                }
                j += 1;
            }
        }
        if quote.get(i..).is_some_and(|rest| rest.iter().any(|(_, fixed, _)| *fixed)) {
            return None;
        }
        let first = first?;
        let enough = matched as f64 >= THRESHOLD * quote.len() as f64 && telling >= MIN_TELLING;
        let tight = skipped as f64 <= (1.0 - THRESHOLD) * quote.len() as f64 + 1.0;
        // A number or negation right in front of the passage or behind it belongs to it only if a word of the
        // quote was replaced there; such a quote has lost its first or last word.
        let lost_first = quote.first().is_some_and(|(id, ..)| *id != window.get(first).copied());
        let edge = |j: Option<usize>| j.is_some_and(|j| j < window.len() && self.fixed(from + j));
        let edges_ok = !(lost_first && edge(first.checked_sub(1)));
        let lost_last = quote.last().is_some_and(|(id, ..)| *id != window.get(last).copied());
        let edges_ok = edges_ok && !(lost_last && edge(Some(last + 1)));
        let start = self.words.spans.get(from + first)?.0;
        let end = self.words.spans.get(from + last)?.1;
        (enough && tight && !fixed_skipped && edges_ok).then_some((matched, start, end))
    }
}
