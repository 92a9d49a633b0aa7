//! `contains`, `regex`, `exact`: over the text view. Runs of whitespace count as one space, because readers
//! lay text out anew; nothing else is forgiven.

use regex::RegexBuilder;

use super::scope::{Scope, gap, is_image};
use super::{CheckOutcome, Looked};
use crate::domain::{FileExtract, Place, Segment};

/// The largest compiled pattern, in bytes; the engine itself takes linear time.
const PATTERN_BYTES: usize = 1 << 20;

pub fn compile(pattern: &str) -> Result<regex::Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(4 << 20)
        .nest_limit(100)
        .build()
}

pub fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// A file's text with the offsets at which its segments start.
struct Whole {
    text: String,
    starts: Vec<usize>,
}

impl Whole {
    fn new(file: &FileExtract, separator: char, piece: impl Fn(&Segment) -> String) -> Self {
        let mut whole = Self { text: String::new(), starts: Vec::with_capacity(file.segments.len()) };
        for segment in &file.segments {
            if !whole.text.is_empty() {
                whole.text.push(separator);
            }
            whole.starts.push(whole.text.len());
            whole.text.push_str(&piece(segment));
        }
        whole
    }

    fn place(&self, file: &FileExtract, at: usize) -> Place {
        let index = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        file.segments.get(index).map_or(Place::Whole, |s| s.place.clone())
    }
}

/// When no text matched: undecided if a file that matters was not read, or holds only images, whose text no
/// check can read.
pub fn without_text(scope: &Scope<'_>, looked: Looked, matters: impl Fn(&FileExtract) -> bool) -> CheckOutcome {
    let pictures = |f: &&&FileExtract| f.is_readable() && f.segments.is_empty() && !f.images.is_empty();
    let all_images = !scope.files.is_empty() && scope.files.iter().all(|f| is_image(f));
    if let Some(file) = scope.files.iter().filter(|f| all_images || matters(f)).find(pictures) {
        return CheckOutcome::nothing(format!("`{}` holds only images, whose text a check cannot read", file.name));
    }
    scope.without_hit(|f| all_images || matters(f), looked)
}

pub fn contains(scope: &Scope<'_>, wanted: &str, case_sensitive: bool) -> CheckOutcome {
    let fold = |text: &str| if case_sensitive { squeeze(text) } else { squeeze(text).to_lowercase() };
    let needle = fold(wanted);
    for file in &scope.files {
        let whole = Whole::new(file, ' ', |s| fold(&s.text));
        if let Some(at) = whole.text.find(&needle) {
            let quote = squeeze(wanted);
            let detail = format!("the text contains {quote:?}");
            return CheckOutcome::holds(Looked {
                file: file.name.clone(),
                place: whole.place(file, at),
                quote,
                detail,
            });
        }
        let cells = file.sheets.iter().flat_map(|s| s.cells.iter().map(move |c| (s, c)));
        for (sheet, cell) in cells {
            let content = cell.content.to_string();
            if fold(&content).contains(&needle) {
                let place =
                    Place::Cells { sheet: sheet.name.clone(), range: crate::domain::a1::cell(cell.row, cell.column) };
                let detail = format!("the cell contains {wanted:?}");
                return CheckOutcome::holds(Looked { file: file.name.clone(), place, quote: content, detail });
            }
        }
    }
    without_text(scope, scope.looked(format!("no text contains {wanted:?}")), |f| !is_image(f))
}

pub fn regex(scope: &Scope<'_>, pattern: &str) -> CheckOutcome {
    let Ok(regex) = compile(pattern) else {
        return CheckOutcome::nothing("the pattern cannot be compiled");
    };
    for file in &scope.files {
        let whole = Whole::new(file, '\n', |s| s.text.clone());
        if let Some(found) = regex.find(&whole.text) {
            let quote: String = found.as_str().chars().take(300).collect();
            let detail = format!("matches `{pattern}`");
            let place = whole.place(file, found.start());
            return CheckOutcome::holds(Looked { file: file.name.clone(), place, quote, detail });
        }
    }
    without_text(scope, scope.looked(format!("no text matches `{pattern}`")), |f| !is_image(f))
}

/// The whole text of a file is this text.
pub fn exact(scope: &Scope<'_>, wanted: &str) -> CheckOutcome {
    let wanted = squeeze(wanted);
    let mut miss = None;
    for file in &scope.files {
        let text = squeeze(&Whole::new(file, '\n', |s| s.text.clone()).text);
        let quote: String = text.chars().take(300).collect();
        let looked = |detail: &str| Looked {
            file: file.name.clone(),
            place: Place::Whole,
            quote,
            detail: format!("{detail} {wanted:?}"),
        };
        if text == wanted && gap(file).is_none() {
            return CheckOutcome::holds(looked("the whole text is"));
        }
        miss.get_or_insert(looked("the whole text is not"));
    }
    let looked = miss.unwrap_or_else(|| scope.looked(""));
    without_text(scope, looked, |f| !is_image(f))
}
