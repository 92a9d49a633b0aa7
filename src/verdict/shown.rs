//! Where a judge's quotations stand in what it was shown.
//!
//! A quote is looked for literally in the file that the judge named, then normalised (whitespace, dashes,
//! quotation marks, case, Markdown), both also across the borders of segments; then in the same way in the
//! other files; then for nearly the same words. Literal is `found`, everything else `repaired`. A quote with
//! omissions (`first part ... second part`) or insertions (`increas[es]`) is repaired if its parts stand near
//! each other in one file in their order. Real judges often wrap what they quote in words of their own (`The
//! memo states: “...”`): then everything in quotation marks must stand in one file (`spans.rs`).
//!
//! A match never splits a number (`12.4%` does not stand in `112.4%`), and a quote of less than
//! [`SHORT`] characters must stand between word borders, literally.

use std::sync::{Arc, OnceLock};

use super::fuzzy::Words;
use super::normal::{append, normal};
use super::reply::Quote;
use super::spans::spans;
use crate::domain::{Evidence, Extract, Match, Place};

/// Quotes below this many characters are only matched literally, as whole words.
const SHORT: usize = 4;
/// Occurrences that are compared with the place the judge named.
const MAX_OCCURRENCES: usize = 64;

/// The most that an omission may leave out, in bytes.
const MAX_OMISSION: usize = 3_000;

/// What a judge was shown, indexed once.
pub struct Shown {
    files: Vec<File>,
}

struct File {
    name: String,
    places: Vec<Place>,
    /// The segments' texts, a line break between them.
    raw: Text,
    normal: Text,
    /// Made when the first quote needs it.
    words: OnceLock<Words>,
}

/// A text and where its segments start.
#[derive(Default)]
struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    fn open(&mut self, separator: char) {
        if !self.text.is_empty() && !self.text.ends_with(separator) {
            self.text.push(separator);
        }
        self.starts.push(self.text.len());
    }

    fn segment(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }
}

/// Looks quotes up once. For many votes on one extract make a [`Shown`] and keep it.
#[must_use]
pub fn look_up(quotes: Vec<Quote>, shown: &[Arc<Extract>]) -> Vec<Evidence> {
    Shown::new(shown).look_up(quotes)
}

impl Shown {
    /// Indexes what a judge was shown: references, deliverable, or both deliverables of a comparison.
    #[must_use]
    pub fn new(shown: &[Arc<Extract>]) -> Self {
        let mut files = Vec::new();
        for file in shown.iter().flat_map(|extract| &extract.files) {
            let (mut raw, mut normal) = (Text::default(), Text::default());
            for segment in &file.segments {
                raw.open('\n');
                raw.text.push_str(&segment.text);
                normal.open(' ');
                append(&segment.text, &mut normal.text);
            }
            let places = file.segments.iter().map(|s| s.place.clone()).collect();
            files.push(File { name: file.name.clone(), places, raw, normal, words: OnceLock::new() });
        }
        Self { files }
    }

    /// One piece of evidence per quote, in their order.
    #[must_use]
    pub fn look_up(&self, quotes: Vec<Quote>) -> Vec<Evidence> {
        quotes.into_iter().map(|quote| self.one(quote)).collect()
    }

    fn one(&self, quote: Quote) -> Evidence {
        let wanted = Wanted::new(&quote);
        let (named, others): (Vec<&File>, Vec<&File>) = self.files.iter().partition(|f| is_named(&f.name, &quote.file));
        let steps: [(&[&File], &[Step]); 3] =
            [(&named, &[literal, normalised]), (&others, &[literal, normalised]), (&named, &[nearly])];
        let found = steps
            .iter()
            .chain(&[(others.as_slice(), [nearly as Step].as_slice())])
            .flat_map(|(files, steps)| steps.iter().flat_map(|step| files.iter().map(move |file| (file, step))))
            .find_map(|(file, step)| step(file, &wanted).map(|(segment, found)| (file, segment, found)));
        let Quote { file: said_file, place: said_where, quote } = quote;
        match found {
            Some((file, segment, found)) => {
                let place = file.places.get(segment).cloned();
                Evidence { file: file.name.clone(), place, said_where, quote, found, span: None, hidden: false }
            }
            None => Evidence {
                file: said_file,
                place: None,
                said_where,
                quote,
                found: Match::NotFound,
                span: None,
                hidden: false,
            },
        }
    }
}

/// A quote, prepared for all files.
struct Wanted<'a> {
    raw: &'a str,
    normal: String,
    spans: Vec<Vec<String>>,
    /// The judge's words for the place.
    place: String,
    short: bool,
}

impl<'a> Wanted<'a> {
    fn new(quote: &'a Quote) -> Self {
        let raw = quote.quote.trim();
        let bare = unquoted(raw);
        let normal_text = normal(bare).trim_end_matches(['.', ',', ';', ':']).to_owned();
        let spans = spans(raw, normal_text.len());
        Self { short: bare.chars().count() < SHORT, raw, normal: normal_text, spans, place: normal(&quote.place) }
    }
}

/// Without one pair of quotation marks around.
fn unquoted(text: &str) -> &str {
    let marks: &[char] = &['"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}'];
    text.strip_prefix(marks).and_then(|t| t.strip_suffix(marks)).unwrap_or(text).trim()
}

/// Whether a file is the one that the judge named: by its name, by its last part, or within more words.
fn is_named(name: &str, said: &str) -> bool {
    let said = said.trim().to_lowercase();
    let name = name.to_lowercase();
    let last = name.rsplit('/').next().unwrap_or(&name);
    !said.is_empty() && (said == name || said == last || said.contains(last) || name.ends_with(&format!("/{said}")))
}

type Step = fn(&File, &Wanted<'_>) -> Option<(usize, Match)>;

fn literal(file: &File, wanted: &Wanted<'_>) -> Option<(usize, Match)> {
    [wanted.raw, unquoted(wanted.raw)]
        .into_iter()
        .filter(|quote| !quote.is_empty())
        .find_map(|quote| file.occurrence(&file.raw, quote, wanted))
        .map(|segment| (segment, Match::Found))
}

fn normalised(file: &File, wanted: &Wanted<'_>) -> Option<(usize, Match)> {
    if wanted.short || wanted.normal.is_empty() {
        return None;
    }
    let whole = file.occurrence(&file.normal, &wanted.normal, wanted);
    whole.or_else(|| file.all_spans(&wanted.spans)).map(|segment| (segment, Match::Repaired))
}

fn nearly(file: &File, wanted: &Wanted<'_>) -> Option<(usize, Match)> {
    if wanted.short {
        return None;
    }
    let words = file.words.get_or_init(|| Words::new(&file.normal.text));
    words.find(&wanted.normal).map(|at| (file.normal.segment(at), Match::Repaired))
}

impl File {
    /// The segment of an occurrence of `quote`: the one at the place the judge named, else the first.
    fn occurrence(&self, text: &Text, quote: &str, wanted: &Wanted<'_>) -> Option<usize> {
        let mut first = None;
        let found = memchr::memmem::find_iter(text.text.as_bytes(), quote)
            .filter(|at| bordered(&text.text, *at, at + quote.len(), wanted.short))
            .take(MAX_OCCURRENCES);
        for at in found {
            let segment = text.segment(at);
            first.get_or_insert(segment);
            if wanted.place.is_empty() {
                break;
            }
            let place = self.places.get(segment).map(|p| normal(&p.to_string()));
            if place.is_some_and(|place| says(&wanted.place, &place)) {
                return Some(segment);
            }
        }
        first
    }

    /// The segment of the first span, if every span stands in this file.
    fn all_spans(&self, spans: &[Vec<String>]) -> Option<usize> {
        let mut found = spans.iter().map(|parts| self.in_parts(parts));
        let first = found.next()??;
        found.all(|at| at.is_some()).then(|| self.normal.segment(first))
    }

    /// Where the first part stands, if all parts follow in their order, each soon behind the one before.
    fn in_parts(&self, parts: &[String]) -> Option<usize> {
        let text = &self.normal.text;
        let find = |part: &str, from: usize, to: usize| {
            let to = to.min(text.len());
            memchr::memmem::find_iter(text.as_bytes().get(from..to)?, part)
                .map(|at| from + at)
                .find(|at| bordered(text, *at, at + part.len(), part.len() < SHORT))
        };
        let (first, rest) = parts.split_first()?;
        let mut from = 0;
        for _ in 0..MAX_OCCURRENCES {
            let start = find(first, from, text.len())?;
            let mut end = start + first.len();
            let follows = rest.iter().all(|part| match find(part, end, end + MAX_OMISSION) {
                Some(at) => {
                    end = at + part.len();
                    true
                }
                None => false,
            });
            if follows {
                return Some(start);
            }
            from = start + 1;
        }
        None
    }
}

/// Whether the judge's words for a place name this place: `page 1` is said by `page 1, bottom`, not by `page 12`.
fn says(said: &str, place: &str) -> bool {
    memchr::memmem::find_iter(said.as_bytes(), place).any(|at| bordered(said, at, at + place.len(), true))
}

/// Whether a match does not split a number, or for `words` a word.
fn bordered(text: &str, start: usize, end: usize, words: bool) -> bool {
    let (Some(before), Some(found), Some(after)) = (text.get(..start), text.get(start..end), text.get(end..)) else {
        return false;
    };
    let mut left = before.chars().rev();
    let mut right = after.chars();
    let (l, r) = (left.next(), right.next());
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let separator = |c: Option<char>| matches!(c, Some('.' | ','));
    let splits_left = digit(found.chars().next()) && (digit(l) || (separator(l) && digit(left.next())));
    let splits_right = digit(found.chars().next_back()) && (digit(r) || (separator(r) && digit(right.next())));
    let cuts_word = words && ((word(found.chars().next()) && word(l)) || (word(found.chars().next_back()) && word(r)));
    !(splits_left || splits_right || cuts_word)
}
