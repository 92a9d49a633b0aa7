//! Sheets as text: a heading that names the used range, then one segment per row. Shared by everything that
//! has cells.

use std::collections::HashMap;

use crate::domain::{Cell, CellContent, Place, Sheet};

use super::draft::{Draft, column_letters, markdown_row};

/// A sheet as a reader collected it.
#[derive(Default)]
pub(super) struct Grid {
    pub name: String,
    /// `hidden` or `veryHidden`, as the file says.
    pub hidden: Option<String>,
    /// In the order of rows, then columns.
    pub cells: Vec<Cell>,
    /// How a cell's value looks on the sheet, where that differs: by row and column.
    pub looks: HashMap<(u32, u32), String>,
    pub hidden_rows: Vec<u32>,
    /// 1-based, from and to.
    pub hidden_columns: Vec<(u32, u32)>,
    pub merged: Vec<String>,
    /// What else stands in the heading.
    pub remarks: Vec<String>,
}

/// Merged ranges named in the heading.
const MAX_MERGED: usize = 30;

impl Grid {
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
        let [.., first, _, last] = bounds.unwrap_or([1, 1, 1, 1]);
        let mut kept = Vec::new();
        for row in self.cells.chunk_by(|a, b| a.row == b.row) {
            let Some((start, end)) = row.first().zip(row.last()) else { continue };
            let number = start.row;
            let range = format!("{}{number}:{}{number}", column_letters(start.column), column_letters(end.column));
            let mut text = row_text(number, row, &self.looks, first, last);
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
        if right - left < 60 {
            let letters = std::iter::once("row".to_owned()).chain((left..=right).map(column_letters));
            text.push('\n');
            text.push_str(&markdown_row(letters));
        }
        text
    }
}

/// `| 7 | Salaries | 1200 {=SUM(B2:B6)} |`; a row with few cells far apart names each cell instead.
fn row_text(number: u32, row: &[Cell], looks: &HashMap<(u32, u32), String>, first: u32, last: u32) -> String {
    let shown = |cell: &Cell| {
        let mut value = content_text(&cell.content);
        if let Some(look) = looks.get(&(cell.row, cell.column)) {
            value.push_str(&format!(" ({look})"));
        }
        match &cell.formula {
            None => value,
            Some(formula) if cell.content == CellContent::NotCalculated => format!("{{={formula}}} (not calculated)"),
            Some(formula) => format!("{value} {{={formula}}}"),
        }
    };
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
}
