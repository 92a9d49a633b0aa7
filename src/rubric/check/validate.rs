//! What a check's arguments must be, whatever the format they came in.

use super::{json, scope, text};
use crate::domain::a1;
use crate::domain::{CellValue, Check};

/// # Errors
/// The field and what is wrong with it.
pub fn validate(check: &Check) -> Result<(), (&'static str, String)> {
    let (file, own) = match check {
        Check::FileExists { glob } => (None, glob_ok(glob).map_err(|m| ("glob", m))),
        Check::MediaType { file, media_type } => {
            let ok = media_type.split_once('/').is_some_and(|(a, b)| !a.trim().is_empty() && !b.trim().is_empty());
            let own = if ok {
                Ok(())
            } else {
                Err(("media_type", format!("`{media_type}` is not a media type; write `application/pdf` or `image/*`")))
            };
            (file.as_ref(), own)
        }
        Check::SheetExists { sheet, file } => (file.as_ref(), filled("sheet", sheet)),
        Check::CellEquals { sheet, cell, value, tolerance, file } => {
            let own = filled("sheet", sheet).and_then(|()| tolerable(*tolerance)).and_then(|()| {
                match (a1::parse(cell), value) {
                    (None, _) => Err(("cell", format!("`{cell}` is not a cell in A1 notation; write `B7`"))),
                    (_, CellValue::Number(n)) if !n.is_finite() => Err(("value", format!("{n} is not finite"))),
                    _ => Ok(()),
                }
            });
            (file.as_ref(), own)
        }
        Check::RowCount { min, max, file, .. }
        | Check::PageCount { min, max, file }
        | Check::WordCount { min, max, file } => (file.as_ref(), bounds(*min, *max)),
        Check::Contains { text, file, .. } => (file.as_ref(), filled("text", text)),
        Check::Exact { text, file } => (file.as_ref(), filled("text", text)),
        Check::Regex { pattern, file } => {
            let own = filled("pattern", pattern).and_then(|()| {
                text::compile(pattern).map(|_| ()).map_err(|error| {
                    let error = error.to_string();
                    let reason = error.lines().rfind(|l| !l.trim().is_empty()).unwrap_or_default();
                    ("pattern", format!("not a regular expression that can be used: {}", reason.trim()))
                })
            });
            (file.as_ref(), own)
        }
        Check::Numeric { value, tolerance, file } => {
            let own = if value.is_finite() {
                tolerable(*tolerance)
            } else {
                Err(("value", format!("{value} is not finite")))
            };
            (file.as_ref(), own)
        }
        Check::JsonPath { path, file, .. } => (file.as_ref(), json::pointer(path).map(|_| ()).map_err(|m| ("path", m))),
        Check::CsvColumn { column, file } => (file.as_ref(), filled("column", column)),
        Check::TextSimilarity { text, threshold, file, .. } => {
            let own = filled("text", text).and_then(|()| match threshold {
                Some(share) if !(0.0..=1.0).contains(share) => {
                    Err(("threshold", format!("{share} is not a share; write a number from 0 to 1")))
                }
                _ => Ok(()),
            });
            (file.as_ref(), own)
        }
        Check::Not(inner) => (None, validate(inner)),
        Check::AllOf(checks) | Check::AnyOf(checks) => {
            let own = match checks.as_slice() {
                [] => Err(("all_of", "holds no checks; write at least one".to_owned())),
                some => some.iter().try_for_each(|check| validate(check).and_then(|()| decides(check))),
            };
            (None, own)
        }
    };
    own?;
    file.map_or(Ok(()), |pattern| glob_ok(pattern).map_err(|m| ("file", m)))
}

/// In a group every check holds or fails.
fn decides(check: &Check) -> Result<(), (&'static str, String)> {
    match check {
        Check::TextSimilarity { threshold: None, .. } => {
            Err(("threshold", "is missing: in a group a similarity holds or fails; say from which share".to_owned()))
        }
        Check::Not(inner) => decides(inner),
        _ => Ok(()),
    }
}

fn glob_ok(pattern: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        return Err("is empty; write a name or a pattern such as `*.xlsx`".to_owned());
    }
    scope::glob(pattern).map(|_| ()).map_err(|error| format!("`{pattern}` is not a file pattern: {}", error.kind()))
}

fn filled(field: &'static str, text: &str) -> Result<(), (&'static str, String)> {
    if text.trim().is_empty() { Err((field, format!("`{field}` is empty"))) } else { Ok(()) }
}

fn tolerable(tolerance: f64) -> Result<(), (&'static str, String)> {
    if tolerance.is_finite() && tolerance >= 0.0 {
        return Ok(());
    }
    Err(("tolerance", format!("{tolerance} is not a tolerance; write 0 or more")))
}

fn bounds(min: Option<u64>, max: Option<u64>) -> Result<(), (&'static str, String)> {
    match (min, max) {
        (None, None) => Err(("min", "has neither `min` nor `max`; write at least one".to_owned())),
        (Some(min), Some(max)) if min > max => Err(("min", format!("`min` {min} is above `max` {max}"))),
        _ => Ok(()),
    }
}
