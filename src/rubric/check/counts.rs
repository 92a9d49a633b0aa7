//! `row_count`, `page_count`, `word_count`: inclusive bounds.

use super::scope::{Scope, gap, is_image, may_hold_pages, may_hold_sheets};
use super::{CheckOutcome, Looked};
use crate::domain::{Outcome, Place};

/// Inclusive bounds.
#[derive(Clone, Copy)]
pub struct Range {
    pub min: Option<u64>,
    pub max: Option<u64>,
}

impl Range {
    fn holds(self, n: u64) -> bool {
        self.min.is_none_or(|min| n >= min) && self.max.is_none_or(|max| n <= max)
    }
    fn describe(self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => "any number".to_owned(),
        }
    }
    /// Whether `n` or anything above it can no longer hold.
    fn passed(self, n: u64) -> bool {
        self.max.is_some_and(|max| n > max)
    }
    /// Whether `n` and everything above it holds.
    fn settled(self, n: u64) -> bool {
        self.holds(n) && self.max.is_none()
    }
}

/// One sheet (named, or any) has so many rows in its used range, the header included.
pub fn rows(scope: &Scope<'_>, sheet: Option<&str>, range: Range) -> CheckOutcome {
    let wanted = |name: &str| sheet.is_none_or(|s| s.trim().to_lowercase() == name.trim().to_lowercase());
    let mut miss = None;
    let mut undecided = None;
    for file in &scope.files {
        for found in file.sheets.iter().filter(|s| wanted(&s.name)) {
            let looked = Looked {
                file: file.name.clone(),
                place: Place::Cells { sheet: found.name.clone(), range: format!("A1:A{}", found.rows.max(1)) },
                quote: String::new(),
                detail: format!("`{}` has {} rows, wanted {}", found.name, found.rows, range.describe()),
            };
            let rows = u64::from(found.rows);
            if range.holds(rows) {
                return CheckOutcome::holds(looked);
            }
            if file.outcome == Outcome::Partial && !range.passed(rows) {
                undecided.get_or_insert(format!("`{}` {}", file.name, gap(file).unwrap_or_default()));
            }
            miss.get_or_insert(looked);
        }
    }
    if let Some(why) = undecided {
        return CheckOutcome::nothing(why);
    }
    let looked = miss.unwrap_or_else(|| match sheet {
        Some(sheet) => scope.looked(format!("no sheet is named `{sheet}`")),
        None => scope.looked("there are no sheets"),
    });
    scope.without_hit(|f| may_hold_sheets(f) && f.sheets.is_empty(), looked)
}

/// The pages and slides of all files together.
pub fn pages(scope: &Scope<'_>, range: Range) -> CheckOutcome {
    let paged: Vec<_> = scope.files.iter().filter(|f| may_hold_pages(f)).collect();
    let known: u64 = paged.iter().filter_map(|f| f.pages).map(u64::from).sum();
    let looked = |detail: String| {
        let file = paged.first().map_or(String::new(), |f| f.name.clone());
        Looked {
            file,
            place: Place::Whole,
            quote: String::new(),
            detail: format!("{detail}, wanted {}", range.describe()),
        }
    };
    if let Some(file) = paged.iter().find(|f| f.pages.is_none())
        && !range.passed(known)
        && !range.settled(known)
    {
        let why = gap(file).unwrap_or_else(|| "does not say how many pages it has".to_owned());
        return CheckOutcome::nothing(format!("`{}` {why}", file.name));
    }
    if paged.is_empty() {
        return scope.without_hit(|_| false, scope.looked("no file has pages"));
    }
    let looked = looked(format!("{known} pages in {} files", paged.len()));
    if range.holds(known) { CheckOutcome::holds(looked) } else { CheckOutcome::fails(looked) }
}

/// The words of all files together: runs without whitespace that hold a letter or a digit.
pub fn words(scope: &Scope<'_>, range: Range) -> CheckOutcome {
    let count = |text: &str| text.split_whitespace().filter(|w| w.contains(char::is_alphanumeric)).count() as u64;
    let known: u64 = scope.files.iter().flat_map(|f| &f.segments).map(|s| count(&s.text)).sum();
    let decided = range.passed(known) || range.settled(known);
    let readable = |f: &&&crate::domain::FileExtract| !is_image(f);
    if !decided && let Some((file, why)) = scope.files.iter().filter(readable).find_map(|f| gap(f).map(|why| (f, why)))
    {
        return CheckOutcome::nothing(format!("`{}` {why}", file.name));
    }
    let pictures = scope.files.iter().find(|f| f.segments.is_empty() && !f.images.is_empty());
    if !decided && let Some(file) = pictures.filter(|f| !is_image(f) || known == 0) {
        return CheckOutcome::nothing(format!("`{}` holds only images, whose words cannot be counted", file.name));
    }
    if scope.files.is_empty() {
        return scope.without_hit(|_| false, scope.looked(""));
    }
    let looked = scope.looked(format!("{known} words, wanted {}", range.describe()));
    if range.holds(known) { CheckOutcome::holds(looked) } else { CheckOutcome::fails(looked) }
}
