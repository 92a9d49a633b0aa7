//! `sheet_exists`, `cell_equals`, `csv_column`: exact over the cells that were read.

use super::number::parse_number;
use super::scope::{Scope, may_hold_sheets};
use super::{CheckOutcome, Looked};
use crate::domain::{Cell, CellContent, CellValue, FileExtract, Outcome, Place, Sheet, a1};

/// Sheet names as spreadsheets compare them: without regard to case, and to spaces around.
fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn sheets<'a>(scope: &Scope<'a>) -> impl Iterator<Item = (&'a FileExtract, &'a Sheet)> {
    scope.files.clone().into_iter().flat_map(|file| file.sheets.iter().map(move |sheet| (file, sheet)))
}

fn names(scope: &Scope<'_>) -> String {
    let names: Vec<String> = sheets(scope).take(20).map(|(_, sheet)| format!("`{}`", sheet.name)).collect();
    if names.is_empty() { "there are no sheets".to_owned() } else { format!("sheets: {}", names.join(", ")) }
}

pub fn sheet_exists(scope: &Scope<'_>, wanted: &str) -> CheckOutcome {
    match sheets(scope).find(|(_, sheet)| same_name(&sheet.name, wanted)) {
        Some((file, sheet)) => CheckOutcome::holds(Looked {
            file: file.name.clone(),
            place: Place::Cells { sheet: sheet.name.clone(), range: "A1".to_owned() },
            quote: sheet.name.clone(),
            detail: if sheet.hidden { "the sheet is hidden".to_owned() } else { "the sheet is there".to_owned() },
        }),
        None => {
            let detail = format!("no sheet is named `{wanted}`; {}", names(scope));
            scope.without_hit(may_hold_sheets, scope.looked(detail))
        }
    }
}

fn cell_at(sheet: &Sheet, row: u32, column: u32) -> Option<&Cell> {
    sheet.cells.iter().find(|c| c.row == row && c.column == column)
}

pub fn cell_equals(scope: &Scope<'_>, sheet: &str, cell: &str, wanted: &CellValue, tolerance: f64) -> CheckOutcome {
    let Some((row, column)) = a1::parse(cell) else {
        return CheckOutcome::nothing(format!("`{cell}` is not a cell in A1 notation"));
    };
    let cell = cell.trim().replace('$', "").to_ascii_uppercase();
    let mut miss = None;
    let mut undecided = None;
    for (file, found) in sheets(scope).filter(|(_, s)| same_name(&s.name, sheet)) {
        let place = Place::Cells { sheet: found.name.clone(), range: cell.clone() };
        let looked = |quote: String, detail: String| Looked { file: file.name.clone(), place, quote, detail };
        match cell_at(found, row, column).map(|c| &c.content) {
            Some(CellContent::NotCalculated) => {
                undecided.get_or_insert(format!("cell {cell} holds a formula that the file has no value for"));
            }
            None if file.outcome != Outcome::Read => {
                undecided.get_or_insert(format!(
                    "`{}` was not read completely and cell {cell} may be in what is missing",
                    file.name
                ));
            }
            content => {
                let quote = content.map_or(String::new(), ToString::to_string);
                let shown = if content.is_none() { "is blank".to_owned() } else { format!("holds {quote}") };
                let detail = format!("cell {cell} {shown}, wanted {}", describe(wanted, tolerance));
                if equals(content, wanted, tolerance) {
                    return CheckOutcome::holds(looked(quote, detail));
                }
                miss.get_or_insert(looked(quote, detail));
            }
        }
    }
    match (undecided, miss) {
        (Some(why), _) => CheckOutcome::nothing(why),
        (None, Some(looked)) => scope.without_hit(|f| may_hold_sheets(f) && f.sheets.is_empty(), looked),
        (None, None) => {
            let detail = format!("no sheet is named `{sheet}`; {}", names(scope));
            scope.without_hit(may_hold_sheets, scope.looked(detail))
        }
    }
}

fn describe(wanted: &CellValue, tolerance: f64) -> String {
    match wanted {
        CellValue::Number(number) if tolerance > 0.0 => format!("{number} ± {tolerance}"),
        CellValue::Number(number) => number.to_string(),
        CellValue::Bool(value) => CellContent::Bool(*value).to_string(),
        CellValue::Text(text) => format!("{text:?}"),
    }
}

/// A number equals a number within the tolerance (and within what a sum of doubles loses); a text equals a
/// text without regard to case and outer spaces, because so spreadsheets compare; a date is its ISO 8601 text.
fn equals(content: Option<&CellContent>, wanted: &CellValue, tolerance: f64) -> bool {
    match (content, wanted) {
        (Some(CellContent::Number(found)), CellValue::Number(wanted)) => close(*found, *wanted, tolerance),
        (Some(CellContent::Text(found)), CellValue::Number(wanted)) => {
            parse_number(found).is_some_and(|found| close(found, *wanted, tolerance))
        }
        (Some(CellContent::Number(found)), CellValue::Text(wanted)) => {
            parse_number(wanted).is_some_and(|wanted| close(*found, wanted, tolerance))
        }
        (Some(CellContent::Bool(found)), CellValue::Bool(wanted)) => found == wanted,
        (Some(CellContent::DateTime(found)), CellValue::Text(wanted)) => {
            let (found, wanted) = (found.trim(), wanted.trim());
            found == wanted
                || found.strip_prefix(wanted).is_some_and(|rest| {
                    wanted.len() == 10 && rest.trim_start_matches(['T', ' ', '0', ':', '.', 'Z']).is_empty()
                })
        }
        (Some(CellContent::NotCalculated), _) => false,
        (Some(found), CellValue::Text(wanted)) => same_name(&found.to_string(), wanted),
        (None, CellValue::Text(wanted)) => wanted.trim().is_empty(),
        (Some(CellContent::Text(found)), CellValue::Bool(wanted)) => {
            found.trim().eq_ignore_ascii_case(if *wanted { "true" } else { "false" })
        }
        (None, CellValue::Number(_) | CellValue::Bool(_))
        | (Some(CellContent::Bool(_) | CellContent::DateTime(_) | CellContent::Error(_)), CellValue::Number(_))
        | (Some(CellContent::Number(_) | CellContent::DateTime(_) | CellContent::Error(_)), CellValue::Bool(_)) => {
            false
        }
    }
}

/// Within the tolerance, with room for the rounding of doubles (1e-9 of the size).
pub fn close(found: f64, wanted: f64, tolerance: f64) -> bool {
    (found - wanted).abs() <= tolerance + 1e-9 * wanted.abs().max(found.abs())
}

/// The first row that holds anything has a cell with this text.
pub fn csv_column(scope: &Scope<'_>, column: &str) -> CheckOutcome {
    let mut headers = Vec::new();
    for (file, sheet) in sheets(scope) {
        let first = sheet.cells.iter().map(|c| c.row).min();
        for cell in sheet.cells.iter().filter(|c| Some(c.row) == first) {
            let name = cell.content.to_string();
            if same_name(&name, column) {
                return CheckOutcome::holds(Looked {
                    file: file.name.clone(),
                    place: Place::Row(cell.row),
                    quote: name,
                    detail: format!("column {} of the header row", cell.column),
                });
            }
            headers.push(name);
        }
    }
    headers.truncate(30);
    let detail = format!("no column is named `{column}`; columns: {}", headers.join(", "));
    scope.without_hit(may_hold_sheets, scope.looked(detail))
}
