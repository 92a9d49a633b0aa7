//! `numeric`: a number stands somewhere in the text or the cells.
//!
//! Numbers in text are read as people write them in English: `1,234.50`, `$1.2`, `-5`, `12.5%` (as 12.5),
//! `1.2e3`, `$3.4M` and `2bn` (scaled). A number in parentheses may be an accountant's negative, so either sign
//! counts. Digits inside a word (`Q3`, `B7`, `v1.2`) are not numbers. `1.234,50` is not understood.

use std::sync::LazyLock;

use regex::Regex;

use super::cells::close;
use super::scope::{Scope, is_image};
use super::{CheckOutcome, Looked};
use crate::domain::{CellContent, Place, a1};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<open>\()?(?P<sign>[-\u{2212}\u{2011}\u{2010}\u{2013}])?[$€£¥]?\s?(?P<sign2>[-\u{2212}])?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<exp>[eE][-+]?\d{1,3})?(?P<scale>k|K|M|mn|MM|B|bn|Bn|BN)?(?P<percent>\s?%)?(?P<close>\))?")
        .expect("the pattern is valid")
});

/// The values that a written number may stand for, and its text.
fn numbers(text: &str) -> impl Iterator<Item = (Vec<f64>, &str)> {
    NUMBER.captures_iter(text).filter_map(move |found| {
        let (whole, digits) = (found.get(0)?, found.name("digits")?);
        let before = text.get(..whole.start())?.chars().next_back();
        let after = text.get(whole.end()..)?.chars().next();
        let signed = found.name("sign").is_some() || found.name("sign2").is_some();
        // `Q3`, `1.2.3`, `0x1F` and `3rd` are not numbers; `2024-01` is 2024 and 1, not -1.
        let starts_at_digits = whole.start() == digits.start();
        if starts_at_digits && before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return None;
        }
        if after.is_some_and(|c| c.is_alphabetic() || c == '_') && found.name("percent").is_none() {
            return None;
        }
        let glued = before.is_some_and(char::is_alphanumeric);
        let exponent = found.name("exp").map_or("", |e| e.as_str());
        let value: f64 = format!("{}{exponent}", digits.as_str().replace(',', "")).parse().ok()?;
        let scale = match found.name("scale").map(|s| s.as_str()) {
            Some("k" | "K") => 1e3,
            Some("M" | "MM" | "mn") => 1e6,
            Some(_) => 1e9,
            None => 1.0,
        };
        let value = value * scale;
        let bracketed = found.name("open").is_some() && found.name("close").is_some();
        let values = match (signed && !glued, bracketed) {
            (true, _) => vec![-value],
            (false, true) => vec![value, -value],
            (false, false) => vec![value],
        };
        values.iter().all(|v| v.is_finite()).then(|| (values, whole.as_str().trim()))
    })
}

/// The numbers that a text names, as values and as written.
pub fn figures(text: &str) -> Vec<(f64, String)> {
    numbers(text).filter_map(|(values, written)| Some((*values.first()?, written.to_owned()))).collect()
}

/// A text that is nothing but one number: `1,234.50`, `$1.2`, `(3)` (negative, as accountants write).
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let mut found = numbers(text);
    let (values, whole) = found.next()?;
    (whole.len() == text.len() && found.next().is_none()).then(|| values.last().copied()).flatten()
}

pub fn numeric(scope: &Scope<'_>, wanted: f64, tolerance: f64) -> CheckOutcome {
    let mut formulas = 0_usize;
    let mut nearest: Option<(f64, Looked)> = None;
    for file in &scope.files {
        let cells = file.sheets.iter().flat_map(|sheet| {
            sheet.cells.iter().map(move |cell| {
                let place = || Place::Cells { sheet: sheet.name.clone(), range: a1::cell(cell.row, cell.column) };
                (&cell.content, place)
            })
        });
        for (content, place) in cells {
            match content {
                CellContent::Number(found) if close(*found, wanted, tolerance) => {
                    let detail = format!("{found}, wanted {wanted} ± {tolerance}");
                    return CheckOutcome::holds(Looked {
                        file: file.name.clone(),
                        place: place(),
                        quote: found.to_string(),
                        detail,
                    });
                }
                CellContent::NotCalculated => formulas += 1,
                _ => {}
            }
        }
        for segment in &file.segments {
            for (values, quote) in numbers(&segment.text) {
                for found in values {
                    let looked = || Looked {
                        file: file.name.clone(),
                        place: segment.place.clone(),
                        quote: quote.to_owned(),
                        detail: format!("{quote}, wanted {wanted} ± {tolerance}"),
                    };
                    if close(found, wanted, tolerance) {
                        return CheckOutcome::holds(looked());
                    }
                    let distance = (found - wanted).abs();
                    if nearest.as_ref().is_none_or(|(best, _)| distance < *best) {
                        nearest = Some((distance, looked()));
                    }
                }
            }
        }
    }
    if formulas > 0 {
        return CheckOutcome::nothing(format!("{formulas} cells hold formulas that the file has no values for"));
    }
    let looked = match nearest {
        Some((_, looked)) => Looked { detail: format!("the nearest is {}", looked.detail), ..looked },
        None => scope.looked(format!("no number is within {wanted} ± {tolerance}")),
    };
    super::text::without_text(scope, looked, |f| !is_image(f))
}
