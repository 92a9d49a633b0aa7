//! What a reader writes into. The draft holds the limits of text, cells and images in one place, so that no
//! reader can forget them, and turns everything that was dropped into cuts and lines in the text.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{Cell, CellContent, Cut, FileExtract, Finding, Image, Media, Outcome, Place, Segment, Sheet};

use super::invisible::Marked;
use super::limits::Limits;
use super::members::Budget;

/// Cuts and findings beyond this many are summed up: an account must stay readable.
const MAX_NOTES: usize = 500;

/// A run of text that a limit dropped.
struct Dropped {
    sheet: Option<String>,
    first: Place,
    last: Place,
    pieces: u64,
    characters: u64,
    why: String,
}

pub(super) struct Draft<'l> {
    pub limits: &'l Limits,
    pub pages: Option<u32>,
    pub budget: Budget,
    segments: Vec<Segment>,
    sheets: Vec<Sheet>,
    images: Vec<Image>,
    cuts: Vec<Cut>,
    findings: Vec<Finding>,
    pub members: Vec<FileExtract>,
    /// Names that members have taken.
    pub member_names: HashSet<String>,
    media: Option<Media>,
    /// What stands in the file and judges are not shown: by where, the text.
    asides: Vec<(String, String)>,
    invisible: Marked,
    characters: u64,
    cells: u64,
    /// Bytes of texts and formulas in cells: one text may be referred to by any number of cells.
    held: u64,
    /// Once text is dropped everything after it is too: a text with holes in it would mislead.
    full: bool,
    dropped: Vec<Dropped>,
    dropped_images: HashMap<String, (Place, u64)>,
    more_cuts: u64,
    more_findings: u64,
}

impl<'l> Draft<'l> {
    pub fn new(limits: &'l Limits, budget: Budget) -> Self {
        Self {
            limits,
            pages: None,
            budget,
            segments: Vec::new(),
            sheets: Vec::new(),
            images: Vec::new(),
            cuts: Vec::new(),
            findings: Vec::new(),
            members: Vec::new(),
            member_names: HashSet::new(),
            media: None,
            asides: Vec::new(),
            invisible: Marked::default(),
            characters: 0,
            cells: 0,
            held: 0,
            full: false,
            dropped: Vec::new(),
            dropped_images: HashMap::new(),
            more_cuts: 0,
            more_findings: 0,
        }
    }

    /// Adds a piece of text; blank ones are left out, control characters removed, invisible ones marked.
    pub fn push(&mut self, place: Place, text: impl Into<String>) {
        let mut text: String = text.into();
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            text = text.replace("\r\n", "\n").replace('\r', "\n");
            text.retain(|c| !c.is_control() || c == '\n' || c == '\t');
        }
        if let Some(marked) = self.invisible.mark(&place, &text) {
            text = marked;
        }
        text.truncate(text.trim_end().len());
        if text.trim_start().is_empty() {
            return;
        }
        let count = text.chars().count() as u64;
        if self.full {
            let why = self.dropped.last().map_or_else(String::new, |d| d.why.clone());
            return self.drop_text(place, count, why);
        }
        if self.segments.len() >= self.limits.max_segments {
            self.full = true;
            return self.drop_text(
                place,
                count,
                format!("over the limit of {} pieces of text", self.limits.max_segments),
            );
        }
        let room = self.limits.max_text_chars.saturating_sub(self.characters);
        if count > room {
            self.full = true;
            // A single long piece (a minified file) is shown as far as it goes.
            let keep = usize::try_from(room).unwrap_or(usize::MAX);
            let at = text.char_indices().nth(keep).map_or(text.len(), |(at, _)| at);
            text.truncate(at);
            let kept = text.chars().count() as u64;
            let why = format!("over the limit of {} characters", self.limits.max_text_chars);
            self.drop_text(place.clone(), count - kept, why);
            if kept == 0 {
                return;
            }
            self.characters += kept;
            self.segments.push(Segment { place, text });
            return;
        }
        self.characters += count;
        self.segments.push(Segment { place, text });
    }

    /// Records text that is not shown, joined with what was dropped just before it.
    pub fn drop_text(&mut self, place: Place, characters: u64, why: String) {
        let sheet = match &place {
            Place::Cells { sheet, .. } => Some(sheet.clone()),
            _ => None,
        };
        match self.dropped.last_mut() {
            Some(run) if run.sheet == sheet && run.why == why => {
                run.last = place;
                run.pieces += 1;
                run.characters += characters;
            }
            _ => self.dropped.push(Dropped { sheet, first: place.clone(), last: place, pieces: 1, characters, why }),
        }
    }

    /// Whether further text would be dropped: readers of long files may stop then, if they account for the rest.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Takes cells out of the budget of the file; `false` if there is none left for them.
    pub fn take_cells(&mut self, count: usize) -> bool {
        let wanted = self.cells + count as u64;
        if wanted > self.limits.max_cells {
            return false;
        }
        self.cells = wanted;
        true
    }

    /// Takes a cell's text and formula out of the budget of the file; `false` if there is none left.
    pub fn hold(&mut self, cell: &Cell) -> bool {
        let text = match &cell.content {
            CellContent::Text(text) | CellContent::DateTime(text) | CellContent::Error(text) => text.len(),
            CellContent::Number(_) | CellContent::Bool(_) | CellContent::NotCalculated => 0,
        };
        self.held += (text + cell.formula.as_ref().map_or(0, String::len)) as u64;
        self.held <= self.limits.max_text_chars.saturating_mul(8)
    }

    pub fn sheet(&mut self, sheet: Sheet) {
        self.sheets.push(sheet);
    }

    /// Something that is missing, said in the text too.
    pub fn cut(&mut self, place: Place, what: impl Into<String>, why: impl Into<String>, characters: Option<u64>) {
        let (what, why) = (what.into(), why.into());
        if self.cuts.len() >= MAX_NOTES {
            self.more_cuts += 1;
            return;
        }
        self.segments.push(Segment { place, text: format!("[cut: {what}; {why}]") });
        self.cuts.push(Cut { what, why, characters });
    }

    /// A cut whose line in the text has words of its own.
    pub fn cut_saying(&mut self, place: Place, line: &str, cut: Cut) {
        if self.cuts.len() >= MAX_NOTES {
            self.more_cuts += 1;
            return;
        }
        self.segments.push(Segment { place, text: line.to_owned() });
        self.cuts.push(cut);
    }

    pub fn finding(&mut self, code: &str, place: Place, detail: impl Into<String>) {
        if self.findings.len() >= MAX_NOTES {
            self.more_findings += 1;
            return;
        }
        self.findings.push(Finding { code: code.to_owned(), place, detail: detail.into() });
    }

    pub fn has_finding(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// Something that judges are not shown: it is looked at for what is said to them, and dropped.
    pub fn aside(&mut self, what: &str, text: String) {
        if !text.trim().is_empty() {
            self.asides.push((what.to_owned(), text));
        }
    }

    /// The file itself, for judges that hear or see moving pictures.
    pub fn media(&mut self, media_type: &str, bytes: &[u8]) {
        self.media = Some(Media { media_type: media_type.to_owned(), bytes: Arc::from(bytes) });
    }

    /// Takes an image in, or accounts for why not.
    pub fn image(&mut self, place: Place, bytes: &[u8]) {
        if self.images.len() >= self.limits.max_images {
            return self.lose_image(place, format!("over the limit of {} images", self.limits.max_images));
        }
        match super::images::ready(bytes, self.limits) {
            Ok(ready) => {
                if let Some((code, detail)) = ready.note {
                    self.finding(code, place.clone(), detail);
                }
                let (media_type, bytes) = (ready.media_type.to_owned(), Arc::from(ready.bytes));
                self.images.push(Image { place, media_type, width: ready.width, height: ready.height, bytes });
            }
            Err(why) => self.lose_image(place, why),
        }
    }

    /// An image that a reader met and could not get at.
    pub fn lose_image(&mut self, place: Place, why: String) {
        // Reasons quote the file in places; their number must stay bounded.
        let why = if self.dropped_images.len() < 20 { why } else { "for other reasons".to_owned() };
        self.dropped_images.entry(why).or_insert((place, 0)).1 += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.images.is_empty()
    }

    /// How many pieces of text there are.
    pub fn text_len(&self) -> usize {
        self.segments.len()
    }

    /// The text after the first `pieces` pieces.
    pub fn text_since(&self, pieces: usize) -> String {
        let since = self.segments.iter().skip(pieces).map(|s| s.text.as_str());
        since.collect::<Vec<_>>().join("\n")
    }

    /// Nothing at all has been said of the file yet.
    pub fn is_silent(&self) -> bool {
        self.is_empty() && self.members.is_empty() && self.findings.is_empty() && self.cuts.is_empty()
    }

    /// The finished extract of a file that could be read.
    pub fn finish(mut self, identity: super::Identity, reader: &str) -> Vec<FileExtract> {
        for run in std::mem::take(&mut self.dropped) {
            let what = describe(&run);
            self.segments.push(Segment { place: run.first, text: format!("[cut: {what}]") });
            self.cuts.push(Cut { what, why: run.why, characters: Some(run.characters) });
        }
        let mut lost: Vec<_> = std::mem::take(&mut self.dropped_images).into_iter().collect();
        lost.sort_by(|a, b| a.0.cmp(&b.0));
        for (why, (place, count)) in lost {
            let what =
                if count == 1 { format!("1 image ({place})") } else { format!("{count} images (first: {place})") };
            self.segments.push(Segment { place, text: format!("[cut: {what}; {why}]") });
            self.cuts.push(Cut { what, why, characters: None });
        }
        if self.more_cuts > 0 {
            let what = format!("{} more pieces", self.more_cuts);
            self.segments.push(Segment { place: Place::Whole, text: format!("[cut: {what}]") });
            self.cuts.push(Cut { what, why: "for the reasons named before".to_owned(), characters: None });
        }
        if self.more_findings > 0 {
            let detail = format!("{} more findings are not listed", self.more_findings);
            self.findings.push(Finding { code: "more_findings".to_owned(), place: Place::Whole, detail });
        }
        if let Some((place, detail)) = std::mem::take(&mut self.invisible).account() {
            self.findings.push(Finding { code: "invisible_characters".to_owned(), place, detail });
        }
        if self.is_empty() && self.members.is_empty() && self.media.is_none() {
            let detail = "the file could be read and holds nothing that could be shown".to_owned();
            self.findings.push(Finding { code: "no_content".to_owned(), place: Place::Whole, detail });
        }
        let outcome = if self.cuts.is_empty() { Outcome::Read } else { Outcome::Partial };
        let mut file = FileExtract {
            name: identity.name,
            media_type: identity.media_type,
            bytes: identity.bytes,
            sha256: identity.sha256,
            reader: reader.to_owned(),
            settings: Some(self.limits.fingerprint()),
            outcome,
            segments: self.segments,
            sheets: self.sheets,
            images: self.images,
            media: self.media,
            page_view: None,
            pages: self.pages,
            cuts: self.cuts,
            findings: self.findings,
        };
        super::instructions::look(&mut file, &self.asides);
        let mut files = vec![file];
        files.append(&mut self.members);
        files
    }
}

/// The words for a dropped run: `rows 41-180 of 'Ledger', 140 rows`.
fn describe(run: &Dropped) -> String {
    let n = run.pieces;
    let count = |one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    match (&run.first, &run.last) {
        (Place::Cells { sheet, range: first }, Place::Cells { range: last, .. }) => {
            let row = |range: &str| -> u64 {
                let cell = range.split(':').next().unwrap_or(range);
                cell.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
            };
            let (from, to) = (row(first), row(last));
            format!("rows {from}-{to} of '{sheet}', {}", count("row"))
        }
        (Place::Row(a), Place::Row(b)) => format!("rows {a}-{b}, {}", count("row")),
        (Place::Line(a), Place::Line(b)) if a == b => format!("the end of line {a}, {} characters", run.characters),
        (Place::Line(a), Place::Line(b)) => format!("lines {a}-{b}, {}", count("line")),
        (Place::Page(a), Place::Page(b)) => format!("pages {a}-{b}, {} characters", run.characters),
        (Place::Slide(a), Place::Slide(b)) => format!("slides {a}-{b}, {} characters", run.characters),
        (Place::Paragraph(a), Place::Paragraph(b)) => format!("paragraphs {a}-{b}, {} characters", run.characters),
        (a, b) if a == b => format!("part of {a}, {} characters", run.characters),
        (a, b) => format!("{a} to {b}, {} characters", run.characters),
    }
}

/// Cells of a row as a Markdown table row.
pub(super) fn markdown_row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let mut row = String::from("|");
    for cell in cells {
        row.push(' ');
        for c in cell.as_ref().trim().chars() {
            match c {
                '\n' | '\r' => row.push_str(" / "),
                '|' => row.push_str("\\|"),
                other => row.push(other),
            }
        }
        row.push_str(" |");
    }
    row
}

pub(super) use crate::domain::a1::column as column_letters;

/// `A1` as 1-based (row, column).
pub(super) fn parse_cell_reference(text: &str) -> Option<(u32, u32)> {
    let text = text.trim_start_matches('$');
    let digits = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (letters, row) = text.split_at(digits);
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    let column = letters.bytes().fold(0u32, |sum, b| sum * 26 + u32::from(b.to_ascii_uppercase() - b'A' + 1));
    let row: u32 = row.trim_start_matches('$').parse().ok()?;
    ((1..=1_048_576).contains(&row) && column <= 16_384).then_some((row, column))
}

/// One cell, for readers that build sheets.
pub(super) fn cell(row: u32, column: u32, content: CellContent, formula: Option<String>) -> Cell {
    Cell { row, column, content, formula, shown: None, calculated: false }
}
