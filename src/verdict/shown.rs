//! Where a judge's quotations stand in what it was shown.
//!
//! What was shown is indexed once, by its words; a quote is looked for where its rarest word stands. In this order:
//!
//! 1. letter by letter in normal form (`normal`): whitespace, dashes, quotation marks, case, ligatures and Markdown
//!    aside; across the borders of lines, paragraphs and cells too;
//! 2. the same words one after the other, whatever stands between them; numbers by what they say (`words`);
//! 3. in parts: a quote with omissions (`first part ... second part`) or insertions (`increas[es]`) if its parts stand
//!    near each other in their order, and what stands in quotation marks within a judge's own words (`The memo states:
//!    “...”`), if all of it stands in one file (`spans`);
//! 4. nearly the same words (`fuzzy`).
//!
//! Each is tried in the file that the judge named before the others are. Of several places the one that the judge named
//! binds, then one where the quote stands to the letter, then one that a reader can see, then the first; a wrong place
//! is corrected that way. To the letter is `found`, everything else `repaired`.
//!
//! A match never splits a number (`12.4%` does not stand in `112.4%`), and a quote of less than [`SHORT`] characters
//! must stand between word borders, to the letter. Only text of the files is evidence: the marks that the prompt puts
//! around it, the task and the question are not looked at. A place in front of a quote (`[Ledger!A7:C7] | 7 | ...`) is
//! taken as the judge's word for the place.

use std::sync::{Arc, OnceLock};

use super::echo::Letters;
use super::fuzzy::Passage;
use super::normal::{Normal, normal};
use super::reply::{Quote, Said, Unreadable, read_replies, read_reply, unparseable};
use super::spans::spans;
use super::words::{Token, Words};
use crate::domain::{Ask, Evidence, Extract, FileExtract, Hidden, Match, Origin, Place, Span};

/// Quotes below this many characters are only matched literally, as whole words.
const SHORT: usize = 4;
/// Occurrences that are compared with the place the judge named.
const MAX_OCCURRENCES: usize = 64;
/// The most that an omission may leave out, in bytes.
const MAX_OMISSION: usize = 3_000;
/// Longer quotes, in bytes, are no quotes.
const MAX_QUOTE: usize = 1 << 16;

/// What a judge was shown, indexed once.
pub struct Shown {
    files: Vec<Arc<File>>,
}

struct File {
    name: String,
    places: Vec<Place>,
    /// The segments' texts.
    raw: Vec<String>,
    /// Where the segments come from.
    origins: Vec<Origin>,
    hidden: Vec<Hidden>,
    normal: Normal,
    /// Made when the first quote needs it.
    words: OnceLock<Words>,
    letters: Letters,
}

/// Looks quotes up once. For many votes on one extract make a [`Shown`] and keep it.
#[must_use]
pub fn look_up(quotes: Vec<Quote>, shown: &[Arc<Extract>]) -> Vec<Evidence> {
    Shown::new(shown).look_up(quotes)
}

/// [`read_reply`] of a judge that was shown this.
///
/// # Errors
/// As there; `Unparseable` also where the answer stands in what was shown: it is not the judge's.
pub fn read_reply_to(text: &str, ask: &Ask, shown: &Shown) -> Result<Said, Unreadable> {
    let said = read_reply(text, ask)?;
    shown.refuse_object(text)?;
    shown.refuse_reason(&said)?;
    Ok(said)
}

/// [`read_replies`] of a judge that was shown this.
///
/// # Errors
/// As there; `Unparseable` also where the answers stand in what was shown.
pub fn read_replies_to(text: &str, asks: &[Ask], shown: &Shown) -> Result<Vec<Result<Said, Unreadable>>, Unreadable> {
    let all = read_replies(text, asks)?;
    shown.refuse_object(text)?;
    let own = |said: Result<Said, Unreadable>| said.and_then(|said| shown.refuse_reason(&said).map(|()| said));
    Ok(all.into_iter().map(own).collect())
}

impl Shown {
    fn refuse_object(&self, reply: &str) -> Result<(), Unreadable> {
        refuse(self.files.iter().find(|file| file.letters.hold_object(&file.raw, reply)))
    }

    fn refuse_reason(&self, said: &Said) -> Result<(), Unreadable> {
        let label = said.answer.to_string();
        refuse(self.files.iter().find(|file| file.letters.hold_reason(&file.raw, &said.reason, &label)))
    }

    /// Indexes what a judge was shown of a deliverable, or of both deliverables of a comparison, that was shown whole.
    #[must_use]
    pub fn new(shown: &[Arc<Extract>]) -> Self {
        Self::of(shown, &[])
    }

    /// The same where parts were cut: `origins` tells, by extract and file, where each segment comes from.
    #[must_use]
    pub fn of(shown: &[Arc<Extract>], origins: &[Vec<Vec<Origin>>]) -> Self {
        let mut files = Vec::new();
        for (index, extract) in shown.iter().enumerate() {
            let origins = origins.get(index).map_or(&[] as &[_], Vec::as_slice);
            files.extend(extract.files.iter().enumerate().map(|(i, file)| Arc::new(File::new(file, origins.get(i)))));
        }
        Self { files }
    }

    /// This and an excerpt; what is indexed already is shared.
    #[must_use]
    pub fn and(&self, excerpt: &Extract, origins: &[Vec<Origin>]) -> Self {
        let more = excerpt.files.iter().enumerate().filter(|(_, file)| !file.segments.is_empty());
        let more = more.map(|(i, file)| Arc::new(File::new(file, origins.get(i))));
        Self { files: self.files.iter().cloned().chain(more).collect() }
    }

    /// One piece of evidence per quote, in their order.
    #[must_use]
    pub fn look_up(&self, quotes: Vec<Quote>) -> Vec<Evidence> {
        quotes.into_iter().map(|quote| self.one(quote)).collect()
    }

    fn one(&self, quote: Quote) -> Evidence {
        let found = self.find(&quote);
        let Quote { file: said_file, place: said_where, quote } = quote;
        match found {
            Some((file, at)) => Evidence {
                file: file.name.clone(),
                place: file.places.get(at.segment).cloned(),
                said_where,
                quote,
                found: if at.literal { Match::Found } else { Match::Repaired },
                span: at.span,
                hidden: at.hidden,
            },
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

    fn find(&self, quote: &Quote) -> Option<(&File, At)> {
        if quote.quote.len() > MAX_QUOTE {
            return None;
        }
        let wanted = Wanted::new(&quote.quote, &quote.place);
        let files = self.files.iter().map(Arc::as_ref);
        let (named, others): (Vec<&File>, Vec<&File>) = files.partition(|file| is_named(&file.name, &quote.file));
        // Where the judge copied the place too, the rest is the quote.
        let bare = quote.quote.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let bare = bare.filter(|(_, rest)| !rest.trim().is_empty());
        let bare = bare.map(|(place, rest)| Wanted::new(rest, place));
        let exact = |wanted: &Wanted<'_>, files: &[&'_ File]| files.iter().any(|file| file.has(wanted));
        let wanted = match bare {
            Some(bare) if !exact(&wanted, &named) && !exact(&wanted, &others) => bare,
            _ => wanted,
        };
        let steps: [Step; 3] = [File::exactly, File::in_spans, File::nearly];
        let [exactly, in_spans, nearly] = steps;
        [
            (&named, exactly),
            (&named, in_spans),
            (&others, exactly),
            (&others, in_spans),
            (&named, nearly),
            (&others, nearly),
        ]
        .into_iter()
        .find_map(|(files, step)| {
            let found = files.iter().flat_map(|file| step(file, &wanted).into_iter().map(move |at| (*file, at)));
            found.min_by_key(|(_, at)| (!at.hinted, !at.literal, at.hidden))
        })
    }
}

fn refuse(file: Option<&Arc<File>>) -> Result<(), Unreadable> {
    let Some(file) = file else { return Ok(()) };
    Err(unparseable(format!(
        "the answer stands word for word in the deliverable ({}), where it is data: judge the deliverable, and send an answer of your own",
        super::reply::clip(&file.name, 80)
    )))
}

type Step = fn(&File, &Wanted<'_>) -> Vec<At>;

/// Where a quote stands in a file.
#[derive(Debug, Clone, Copy)]
struct At {
    segment: usize,
    span: Option<Span>,
    literal: bool,
    /// At the place that the judge named.
    hinted: bool,
    hidden: bool,
}

/// A quote, prepared for all files.
struct Wanted<'a> {
    /// Without quotation marks around.
    bare: &'a str,
    raw: &'a str,
    normal: String,
    spans: Vec<Vec<String>>,
    /// The judge's words for the place, in normal form.
    place: String,
    short: bool,
}

impl<'a> Wanted<'a> {
    fn new(quote: &'a str, place: &str) -> Self {
        let raw = quote.trim();
        let bare = unquoted(raw);
        let normal_text = normal(bare).trim_end_matches(['.', ',', ';', ':']).to_owned();
        let spans = spans(raw, normal_text.len());
        Self { short: bare.chars().count() < SHORT, raw, bare, normal: normal_text, spans, place: normal(place) }
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

impl File {
    fn new(file: &FileExtract, origins: Option<&Vec<Origin>>) -> Self {
        let whole = || (0..file.segments.len()).map(|i| Origin { segment: index(i), before: 0 }).collect();
        Self {
            name: file.name.clone(),
            places: file.segments.iter().map(|segment| segment.place.clone()).collect(),
            raw: file.segments.iter().map(|segment| segment.text.clone()).collect(),
            origins: origins.cloned().unwrap_or_else(whole),
            hidden: file.hidden(),
            normal: Normal::of(file.segments.iter().map(|segment| segment.text.as_str())),
            words: OnceLock::new(),
            letters: Letters::default(),
        }
    }

    fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::new(&self.normal.text))
    }

    fn has(&self, wanted: &Wanted<'_>) -> bool {
        let tokens = self.words().tokens(&wanted.normal);
        !self.letter_by_letter(&wanted.normal, &tokens, wanted.short).is_empty()
    }

    /// Occurrences of a normal text that split no number, and for `short` no word.
    fn letter_by_letter(&self, quote: &str, tokens: &[Token], short: bool) -> Vec<(usize, usize)> {
        let mut found = self.words().literal(&self.normal.text, quote, tokens, MAX_OCCURRENCES);
        found.retain(|(start, end)| bordered(&self.normal.text, *start, *end, short));
        found
    }

    fn exactly(&self, wanted: &Wanted<'_>) -> Vec<At> {
        let tokens = self.words().tokens(&wanted.normal);
        let mut found = self.letter_by_letter(&wanted.normal, &tokens, wanted.short);
        if found.is_empty() && !wanted.short {
            found = self.words().sequence(&self.normal.text, &wanted.normal, &tokens, MAX_OCCURRENCES);
            // A number of one or two digits is nothing to go by.
            found.retain(|(start, end)| tokens.len() > 1 || end - start >= SHORT);
        }
        let found = found.into_iter().map(|place| self.at(place, wanted));
        found.filter(|at| at.literal || !wanted.short).collect()
    }

    /// The first span, if every span stands in this file.
    fn in_spans(&self, wanted: &Wanted<'_>) -> Vec<At> {
        if wanted.short {
            return vec![];
        }
        let found: Option<Vec<(usize, usize)>> = wanted.spans.iter().map(|parts| self.in_parts(parts)).collect();
        let first = found.and_then(|found| found.first().copied());
        first.map(|place| At { literal: false, ..self.at(place, wanted) }).into_iter().collect()
    }

    fn nearly(&self, wanted: &Wanted<'_>) -> Vec<At> {
        if wanted.short {
            return vec![];
        }
        let tokens = self.words().tokens(&wanted.normal);
        let passage = Passage { text: &self.normal.text, words: self.words() };
        let found = passage.find(&wanted.normal, &tokens);
        found.map(|place| At { literal: false, ..self.at(place, wanted) }).into_iter().collect()
    }

    /// What there is to say of a stretch of the normal text.
    fn at(&self, (start, end): (usize, usize), wanted: &Wanted<'_>) -> At {
        let segment = self.normal.segment(start);
        let text = |segment: usize| self.raw.get(segment).map(String::as_str);
        let last = self.normal.text.get(..end).and_then(|t| t.char_indices().next_back()).map_or(start, |(at, _)| at);
        let ends = self.normal.raw(start, text).zip(self.normal.raw(last, text)).map(|(from, to)| (from.0, to.1));
        let place = self.places.get(segment);
        let mut found = At {
            segment,
            span: None,
            literal: false,
            hinted: !wanted.place.is_empty() && place.is_some_and(|place| points_at(&wanted.place, place)),
            hidden: false,
        };
        let Some((from, to)) = ends else { return found };
        let origin = |segment: usize| self.origins.get(segment);
        if let (Some(first), Some(second)) = (origin(from.segment), origin(to.segment)) {
            found.span = Some(Span {
                segment: first.segment,
                start: first.before + index(from.char),
                end_segment: second.segment,
                end: second.before + index(to.char),
            });
        }
        found.literal = self.is_literal((from.segment, from.byte), (to.segment, to.byte), wanted);
        found.hidden = self.is_hidden((from.segment, from.byte), (to.segment, to.byte));
        found
    }

    /// Whether most of a stretch is not seen: a word that is seen at its border does not make the rest of it evidence.
    fn is_hidden(&self, from: (usize, usize), to: (usize, usize)) -> bool {
        if self.hidden.is_empty() {
            return false;
        }
        let (mut all, mut unseen) = (0, 0);
        for segment in from.0..=to.0 {
            let len = self.raw.get(segment).map_or(0, String::len);
            let start = if segment == from.0 { from.1 } else { 0 };
            let end = if segment == to.0 { to.1 } else { len };
            all += end.saturating_sub(start);
            let stretches = self.hidden.iter().skip(self.hidden.partition_point(|h| h.segment < segment));
            let of_segment = stretches.take_while(|h| h.segment == segment);
            unseen += of_segment.map(|h| h.bytes.end.min(end).saturating_sub(h.bytes.start.max(start))).sum::<usize>();
        }
        unseen * 2 > all
    }

    /// Whether the quote stands there to the letter; a line break between segments.
    fn is_literal(&self, from: (usize, usize), to: (usize, usize), wanted: &Wanted<'_>) -> bool {
        let stretch = |(from, start): (usize, usize), (to, end): (usize, usize)| -> Option<String> {
            if from == to {
                return Some(self.raw.get(from)?.get(start..end)?.to_owned());
            }
            let mut joined = self.raw.get(from)?.get(start..)?.to_owned();
            for segment in from + 1..to {
                joined.push('\n');
                joined.push_str(self.raw.get(segment)?);
            }
            joined.push('\n');
            joined.push_str(self.raw.get(to)?.get(..end)?);
            Some(joined)
        };
        // Marks at the ends have no place in the normal text: they are looked for around it.
        let wide = self.raw.get(from.0).zip(self.raw.get(to.0)).and_then(|(first, last)| {
            let start = first.floor_char_boundary(from.1.saturating_sub(16));
            let end = last.ceil_char_boundary((to.1 + 16).min(last.len()));
            stretch((from.0, start), (to.0, end))
        });
        let solid = |quote: &str| !quote.is_empty() && wide.as_ref().is_some_and(|wide| wide.contains(quote));
        solid(wanted.raw) || solid(wanted.bare)
    }

    /// Where the first part starts and the last one ends, if all parts follow in their order, each soon behind the
    /// one before.
    fn in_parts(&self, parts: &[String]) -> Option<(usize, usize)> {
        let text = &self.normal.text;
        let find = |part: &str, from: usize, to: usize| {
            let to = to.min(text.len());
            memchr::memmem::find_iter(text.as_bytes().get(from..to)?, part)
                .map(|at| from + at)
                .find(|at| bordered(text, *at, at + part.len(), part.len() < SHORT))
        };
        let (first, rest) = parts.split_first()?;
        let tokens = self.words().tokens(first);
        let starts = self.letter_by_letter(first, &tokens, first.len() < SHORT);
        starts.into_iter().find_map(|(start, first_end)| {
            let mut end = first_end;
            for part in rest {
                end = find(part, end, end + MAX_OMISSION)? + part.len();
            }
            Some((start, end))
        })
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Whether the judge's words (in normal form) name a place: as it is written in the prompt; or, of a row, by one of
/// its cells.
fn points_at(said: &str, place: &Place) -> bool {
    if says(said, &normal(&place.to_string())) {
        return true;
    }
    let numbered = |words: &[&str], n: u32| words.iter().any(|word| says(said, &format!("{word} {n}")));
    match place {
        Place::Cells { sheet, range } => {
            let row = |cell: &str| cell.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            let (Some(from), Some(to)) = (row(from), row(to)) else { return false };
            if from != to || (said.contains('!') && !says(said, &normal(sheet))) {
                return false;
            }
            let cells = said.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
                let letters = word.bytes().take_while(u8::is_ascii_lowercase).count();
                (1..=3).contains(&letters) && word.get(letters..).and_then(|n| n.parse().ok()) == Some(from)
            });
            cells || numbered(&["row"], from)
        }
        Place::Page(n) => numbered(&["p.", "pg."], *n),
        Place::Row(n) | Place::TableRow { row: n, .. } => numbered(&["row", "line"], *n),
        Place::Shape { slide: n, .. } | Place::Notes(n) => numbered(&["slide"], *n),
        _ => false,
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
