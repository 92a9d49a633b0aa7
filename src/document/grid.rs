//! Sheets as text: a heading that names the used range, then one segment per row. Shared by everything that
//! has cells.
//!
//! A cell reads `shown (exact) {=FORMULA} (remarks)`: what the sheet shows first, the exact value only where the
//! shown one loses something of it, the formula, and whether the value is the file's or the reader's.

use std::collections::HashMap;

use crate::domain::{Cell, CellContent, Place, Sheet};

use super::draft::{Draft, column_letters, markdown_row};
use super::numfmt;

/// A sheet as a reader collected it.
#[derive(Default)]
pub(super) struct Grid {
    pub name: String,
    /// `hidden` or `veryHidden`, as the file says.
    pub hidden: Option<String>,
    /// In the order of rows, then columns.
    pub cells: Vec<Cell>,
    /// What else is to be said of a cell, by row and column: why it is not calculated, how it is hidden.
    pub remarks_at: HashMap<(u32, u32), String>,
    /// Cells whose text nobody sees, and why.
    pub unseen: Vec<(u32, u32, &'static str)>,
    pub hidden_rows: Vec<u32>,
    /// 1-based, from and to.
    pub hidden_columns: Vec<(u32, u32)>,
    pub merged: Vec<String>,
    /// What else stands in the heading.
    pub remarks: Vec<String>,
}

/// Merged ranges named in the heading.
const MAX_MERGED: usize = 30;

/// Unseen cells with a finding of their own.
const MAX_UNSEEN: usize = 20;

/// Characters of a cell's text that a finding quotes.
const QUOTED: usize = 200;

impl Grid {
    /// Adds to what is said of a cell.
    pub fn remark(&mut self, row: u32, column: u32, text: &str) {
        let remark = self.remarks_at.entry((row, column)).or_default();
        if !remark.is_empty() {
            remark.push_str("; ");
        }
        remark.push_str(text);
    }

    /// Writes the sheet into the draft: heading, rows, cells for checks, findings.
    pub fn push(mut self, draft: &mut Draft<'_>) {
        self.cells.sort_by_key(|c| (c.row, c.column));
        let bounds = self.cells.iter().fold(None, |bounds: Option<[u32; 4]>, c| {
            Some(bounds.map_or([c.row, c.column, c.row, c.column], |[r1, c1, r2, c2]| {
                [r1.min(c.row), c1.min(c.column), r2.max(c.row), c2.max(c.column)]
            }))
        });
        let place = |range: String| Place::Cells { sheet: self.name.clone(), range };
        let whole = bounds.map_or_else(
            || "A1".to_owned(),
            |[r1, c1, r2, c2]| format!("{}{r1}:{}{r2}", column_letters(c1), column_letters(c2)),
        );
        draft.push(place(whole.clone()), self.heading(bounds, &whole));
        if let Some(state) = &self.hidden {
            draft.finding("hidden_sheet", place(whole), format!("the sheet '{}' is {state}", self.name));
        }
        self.findings(draft);
        let [.., first, _, last] = bounds.unwrap_or([1, 1, 1, 1]);
        let mut kept = Vec::new();
        for row in self.cells.chunk_by(|a, b| a.row == b.row) {
            let Some((start, end)) = row.first().zip(row.last()) else { continue };
            let number = start.row;
            let range = format!("{}{number}:{}{number}", column_letters(start.column), column_letters(end.column));
            let mut text = row_text(number, row, &self.remarks_at, first, last);
            if self.hidden_rows.binary_search(&number).is_ok() {
                text.push_str(" (hidden row)");
            }
            if draft.take_cells(row.len()) {
                kept.extend_from_slice(row);
                draft.push(place(range), text);
            } else {
                let why = format!("over the limit of {} cells", draft.limits.max_cells);
                draft.drop_text(place(range), text.chars().count() as u64, why);
            }
        }
        let [top, left, bottom, right] = bounds.unwrap_or([1, 1, 0, 0]);
        draft.sheet(Sheet {
            rows: (bottom + 1).saturating_sub(top),
            columns: (right + 1).saturating_sub(left),
            hidden: self.hidden.is_some(),
            name: self.name,
            cells: kept,
        });
    }

    /// What a person who looks at the sheet would not see.
    fn findings(&self, draft: &mut Draft<'_>) {
        let place = |range: String| Place::Cells { sheet: self.name.clone(), range };
        if !self.hidden_rows.is_empty() {
            let rows: Vec<String> = self.hidden_rows.iter().take(20).map(u32::to_string).collect();
            let detail = format!("{} rows are hidden: {}", self.hidden_rows.len(), rows.join(", "));
            draft.finding("hidden_rows", place(format!("A{}", rows[0])), detail);
        }
        for (from, to) in &self.hidden_columns {
            let (from, to) = (column_letters(*from), column_letters(*to));
            draft.finding(
                "hidden_columns",
                place(format!("{from}:{to}")),
                format!("columns {from} to {to} are hidden"),
            );
        }
        for (row, column, why) in self.unseen.iter().take(MAX_UNSEEN) {
            let cell = self.cells.iter().find(|c| (c.row, c.column) == (*row, *column));
            let text: String = cell.map(|c| content_text(&c.content)).unwrap_or_default();
            let text: String = text.chars().take(QUOTED).collect();
            draft.finding("hidden_text", place(format!("{}{row}", column_letters(*column))), format!("{why}: {text}"));
        }
        if let Some((row, column, _)) = self.unseen.get(MAX_UNSEEN) {
            let detail = format!("{} more cells hide their text", self.unseen.len() - MAX_UNSEEN);
            draft.finding("hidden_text", place(format!("{}{row}", column_letters(*column))), detail);
        }
    }

    fn heading(&self, bounds: Option<[u32; 4]>, whole: &str) -> String {
        let mut text = format!("## Sheet '{}'", self.name);
        if let Some(state) = &self.hidden {
            text.push_str(&format!(" ({state})"));
        }
        let Some([_, left, _, right]) = bounds else {
            text.push_str(": empty");
            return text;
        };
        text.push_str(&format!(": used range {whole}"));
        for (from, to) in &self.hidden_columns {
            text.push_str(&format!(", hidden columns {}-{}", column_letters(*from), column_letters(*to)));
        }
        if !self.merged.is_empty() {
            let shown: Vec<&str> = self.merged.iter().take(MAX_MERGED).map(String::as_str).collect();
            let more = self.merged.len().saturating_sub(MAX_MERGED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!(", merged {}{more}", shown.join(" ")));
        }
        for remark in &self.remarks {
            text.push_str(&format!(", {remark}"));
        }
        if self.cells.iter().any(|c| c.calculated) {
            text.push_str(
                ". Values marked (calculated) are not in the file: the reader calculated them from the formulas",
            );
        }
        if right - left < 60 {
            let letters = std::iter::once("row".to_owned()).chain((left..=right).map(column_letters));
            text.push('\n');
            text.push_str(&markdown_row(letters));
        }
        text
    }
}

/// `| 7 | Salaries | 1200 {=SUM(B2:B6)} |`; a row with few cells far apart names each cell instead.
fn row_text(number: u32, row: &[Cell], remarks: &HashMap<(u32, u32), String>, first: u32, last: u32) -> String {
    let shown = |cell: &Cell| cell_text(cell, remarks.get(&(cell.row, cell.column)).map(String::as_str));
    let width = (last + 1).saturating_sub(first) as usize;
    let mut texts = vec![number.to_string()];
    if width > row.len() * 4 + 32 {
        texts.extend(row.iter().map(|c| format!("{}{number}: {}", column_letters(c.column), shown(c))));
        return markdown_row(texts);
    }
    let mut next = first;
    for cell in row {
        texts.extend(std::iter::repeat_n(String::new(), cell.column.saturating_sub(next) as usize));
        texts.push(shown(cell));
        next = cell.column + 1;
    }
    markdown_row(texts)
}

/// One cell, as the module's head describes.
fn cell_text(cell: &Cell, remark: Option<&str>) -> String {
    let mut text = match (&cell.content, &cell.shown) {
        (CellContent::NotCalculated, _) => String::new(),
        (content, None) => content_text(content),
        (CellContent::Number(n), Some(shown)) if numfmt::says_all(shown, *n) => shown.clone(),
        (content, Some(shown)) => format!("{shown} ({})", content_text(content)),
    };
    let mut add = |part: String| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&part);
    };
    if let Some(formula) = &cell.formula {
        add(format!("{{={formula}}}"));
    }
    match (&cell.content, remark) {
        (CellContent::NotCalculated, None) => add("(not calculated)".to_owned()),
        (CellContent::NotCalculated, Some(why)) => add(format!("(not calculated: {why})")),
        (_, None) if cell.calculated => add("(calculated)".to_owned()),
        (_, Some(remark)) if cell.calculated => add(format!("(calculated; {remark})")),
        (_, Some(remark)) => add(format!("({remark})")),
        (_, None) => {}
    }
    text
}

/// A cell's value as people write it: 15 significant digits, as spreadsheets count.
pub(super) fn content_text(content: &CellContent) -> String {
    match content {
        CellContent::Number(n) if n.is_finite() => {
            let size = n.abs();
            if size != 0.0 && !(1e-9..1e16).contains(&size) {
                return format!("{n:e}");
            }
            let plain = n.to_string();
            if plain.trim_start_matches(['-', '0', '.']).len() <= 16 {
                return plain;
            }
            format!("{n:.14e}").parse::<f64>().map_or(plain, |rounded| rounded.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_fifteen_digits_and_no_noise() {
        let text = |n: f64| content_text(&CellContent::Number(n));
        assert_eq!(
            (text(0.1 + 0.2), text(1200.0), text(1e300), text(-0.5)),
            ("0.3".into(), "1200".into(), "1e300".into(), "-0.5".into())
        );
    }

    #[test]
    fn the_exact_value_stands_beside_a_shown_one_that_loses_something() {
        let text = |content: CellContent, shown: &str| {
            let shown = Some(shown.to_owned());
            cell_text(&Cell { row: 1, column: 1, content, formula: None, shown, calculated: false }, None)
        };
        assert_eq!(text(CellContent::Number(1234.56), "1,235"), "1,235 (1234.56)");
        assert_eq!(text(CellContent::Number(1200.5), "$1,200.50"), "$1,200.50");
        assert_eq!(text(CellContent::DateTime("2024-01-31".into()), "31 Jan"), "31 Jan (2024-01-31)");
    }
}
