//! Nearly the same words: a judge dropped an article, a reader misread a letter.
//!
//! Words are compared, not letters. Of a quote's words at least [`THRESHOLD`] must stand in the text in their
//! order, and two kinds may never differ: **numbers** (`12.4%` is not `12.5%`) and **negations** (`did not
//! rise` is not `did rise`), neither by missing nor by being added within the passage.

use std::collections::HashMap;

/// Share of a quote's words that must be matched in order; as many text words may be skipped in between as
/// quote words may miss.
const THRESHOLD: f64 = 0.8;
/// Quotes with fewer words are matched literally or not at all.
const MIN_WORDS: usize = 5;
/// A quote's words beyond this many are not compared.
const MAX_WORDS: usize = 400;
/// Words that stand in the text more often than this do not propose places.
const MAX_HITS: usize = 64;
const NEGATIONS: [&str; 12] =
    ["not", "no", "never", "none", "without", "cannot", "nor", "neither", "except", "unless", "fails", "failed"];

/// A text's words, indexed.
#[derive(Debug, Default)]
pub struct Words {
    /// Word numbers in the order of the text.
    words: Vec<u32>,
    /// Where each word starts, in bytes of the normal text.
    starts: Vec<usize>,
    ids: HashMap<String, u32>,
    /// By word number: must it match exactly?
    fixed: Vec<bool>,
    /// By word number: positions in `words`, at most [`MAX_HITS`] + 1.
    hits: Vec<Vec<u32>>,
}

/// A number or a negation.
fn is_fixed(word: &str) -> bool {
    word.contains(|c: char| c.is_numeric()) || NEGATIONS.contains(&word) || word.ends_with("n't")
}

/// Words of a normal text with their starts: letters and digits, with `.` `,` inside numbers, `'` inside words,
/// a sign in front of a number and `%` behind it.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_word = |c: char| c.is_alphanumeric();
        let start = at + text.get(at..)?.find(is_word)?;
        let mut end = start;
        loop {
            let rest = text.get(end..)?;
            end += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let inner = matches!(bytes.get(end), Some(b'.' | b',' | b'\''));
            let next = text.get(end + 1..).and_then(|t| t.chars().next());
            let digits = bytes.get(end - 1).is_some_and(u8::is_ascii_digit) && next.is_some_and(|c| c.is_ascii_digit());
            let letters = bytes.get(end) == Some(&b'\'') && next.is_some_and(char::is_alphabetic);
            if !(inner && (digits || letters)) {
                break;
            }
            end += 1;
        }
        if bytes.get(end) == Some(&b'%') {
            end += 1;
        }
        let digit_first = bytes.get(start).is_some_and(u8::is_ascii_digit);
        let before = |n: usize| start.checked_sub(n).and_then(|i| bytes.get(i));
        let signed =
            digit_first && before(1) == Some(&b'-') && before(2).is_none_or(|b| matches!(b, b' ' | b'(' | b'$'));
        let start = if signed { start - 1 } else { start };
        at = end;
        text.get(start..end).map(|word| (start, word))
    })
}

impl Words {
    pub fn new(text: &str) -> Self {
        let mut all = Self::default();
        for (start, word) in split(text) {
            let id = match all.ids.get(word) {
                Some(id) => *id,
                None => {
                    let id = u32::try_from(all.fixed.len()).unwrap_or(u32::MAX);
                    all.ids.insert(word.to_owned(), id);
                    all.fixed.push(is_fixed(word));
                    all.hits.push(Vec::new());
                    id
                }
            };
            let position = u32::try_from(all.words.len()).unwrap_or(u32::MAX);
            if let Some(hits) = all.hits.get_mut(id as usize).filter(|hits| hits.len() <= MAX_HITS) {
                hits.push(position);
            }
            all.words.push(id);
            all.starts.push(start);
        }
        all
    }

    /// Where the passage nearest to `quote` (a normal text) starts, if it is near enough.
    pub fn find(&self, quote: &str) -> Option<usize> {
        let quote: Vec<(Option<u32>, bool)> =
            split(quote).take(MAX_WORDS).map(|(_, word)| (self.ids.get(word).copied(), is_fixed(word))).collect();
        // A number or negation that the text does not have at all.
        if quote.len() < MIN_WORDS || quote.iter().any(|(id, fixed)| *fixed && id.is_none()) {
            return None;
        }
        let places = self.places(&quote);
        places
            .into_iter()
            .filter_map(|from| self.align(&quote, from))
            .max_by_key(|(matched, _)| *matched)
            .map(|(_, start)| start)
    }

    /// Positions at which the quote may start, the most voted for first: each rare word of the quote votes for
    /// where it would put the quote's start.
    fn places(&self, quote: &[(Option<u32>, bool)]) -> Vec<usize> {
        let slack = quote.len() / 5 + 1;
        let mut votes: HashMap<usize, u32> = HashMap::new();
        for (index, (id, _)) in quote.iter().enumerate() {
            let Some(hits) = id.and_then(|id| self.hits.get(id as usize)).filter(|h| h.len() <= MAX_HITS) else {
                continue;
            };
            for hit in hits {
                let from = (*hit as usize).saturating_sub(index);
                *votes.entry(from / slack).or_default() += 1;
            }
        }
        let mut ranked: Vec<(u32, usize)> = votes.into_iter().map(|(bucket, votes)| (votes, bucket)).collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().take(4).map(|(_, bucket)| (bucket * slack).saturating_sub(slack)).collect()
    }

    /// Aligns the quote with the words from `from` on (longest common subsequence) and tells how many words
    /// match and where the passage starts; `None` if that is too few or a fixed word differs.
    fn align(&self, quote: &[(Option<u32>, bool)], from: usize) -> Option<(usize, usize)> {
        let slack = quote.len() / 5 + 1;
        let window = self.words.get(from..(from + quote.len() + 4 * slack).min(self.words.len()))?;
        let width = window.len() + 1;
        let mut table = vec![0_u16; (quote.len() + 1) * width];
        let at = |row: usize, column: usize| row * width + column;
        for (i, (id, _)) in quote.iter().enumerate().rev() {
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
        let (mut first, mut last, mut matched) = (None, 0, 0);
        // Text words that are skipped inside of the passage, counted when the next match proves it goes on.
        let (mut skipped, mut pending, mut fixed_pending, mut fixed_skipped) = (0, 0, false, false);
        while let (Some((id, fixed)), Some(word)) = (quote.get(i), window.get(j)) {
            if *id == Some(*word) {
                first.get_or_insert(j);
                last = j;
                matched += 1;
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
                    fixed_pending |= self.fixed.get(*word as usize).copied().unwrap_or(false);
                }
                j += 1;
            }
        }
        if quote.get(i..).is_some_and(|rest| rest.iter().any(|(_, fixed)| *fixed)) {
            return None;
        }
        let first = first?;
        let enough = matched as f64 >= THRESHOLD * quote.len() as f64;
        let tight = skipped as f64 <= (1.0 - THRESHOLD) * quote.len() as f64 + 1.0;
        // A number or negation right in front of the passage or behind it belongs to it only if a word of the
        // quote was replaced there; such a quote has lost its first or last word.
        let lost_first = quote.first().is_some_and(|(id, _)| *id != window.get(first).copied());
        let edge = |j: Option<usize>| {
            j.and_then(|j| window.get(j)).is_some_and(|w| self.fixed.get(*w as usize).copied().unwrap_or(false))
        };
        let edges_ok = !(lost_first && edge(first.checked_sub(1)));
        let lost_last = quote.last().is_some_and(|(id, _)| *id != window.get(last).copied());
        let edges_ok = edges_ok && !(lost_last && edge(Some(last + 1)));
        (enough && tight && !fixed_skipped && edges_ok)
            .then(|| (matched, self.starts.get(from + first).copied().unwrap_or(0)))
    }
}
