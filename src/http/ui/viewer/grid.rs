//! A sheet as a grid: rows and columns under their letters and numbers, numbers as the file shows them, formulas on
//! demand. Rows that hold nothing are told, not drawn.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::words;
use crate::domain::{Cell, CellContent, Sheet, a1};

/// Bytes of cells and markup of one page.
const PAGE_BYTES: usize = 56_000;
/// Columns of one page.
const COLUMNS: u32 = 100;
/// Markup of a row and of a cell, about.
const ROW_BYTES: usize = 70;
const CELL_BYTES: usize = 24;
/// Characters of one cell.
const CELL_CHARS: usize = 4_000;
/// So many empty rows are drawn; more are told.
const EMPTY_ROWS: u32 = 3;

#[derive(Debug, Default, Serialize)]
pub struct Grid {
    pub name: String,
    /// Nobody sees the sheet who opens the file.
    pub hidden: bool,
    pub columns: Vec<String>,
    pub rows: Vec<GridRow>,
    /// Columns that are not drawn: `DA to FZ`.
    pub beyond: Option<String>,
    /// Whether formulas are shown, and whether there are any.
    pub formulas: bool,
    pub has_formulas: bool,
    /// Rows and columns of the used range.
    pub used: String,
    /// Rows from 1 with which other pages start.
    pub earlier: Option<u32>,
    pub later: Option<u32>,
}

/// A row, or the rows in a gap.
#[derive(Debug, Serialize)]
pub struct GridRow {
    pub number: u32,
    /// The last of the empty rows that start with `number`; then there are no cells.
    pub empty_to: Option<u32>,
    pub cells: Vec<GridCell>,
}

#[derive(Debug, Default, Clone, Serialize)]
pub struct GridCell {
    pub text: String,
    /// `num`, `err` or nothing.
    pub kind: &'static str,
    /// With `=`; only where formulas are shown.
    pub formula: Option<String>,
    /// The value was computed here; the file holds none.
    pub computed: bool,
    pub mark: bool,
    pub first: bool,
}

/// Cells from corner to corner, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub top: u32,
    pub left: u32,
    pub bottom: u32,
    pub right: u32,
}

impl Area {
    /// `B7` or `A7:F9`.
    #[must_use]
    pub fn parse(range: &str) -> Option<Self> {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let ((top, left), (bottom, right)) = (a1::parse(from)?, a1::parse(to)?);
        Some(Self { top: top.min(bottom), left: left.min(right), bottom: top.max(bottom), right: left.max(right) })
    }

    #[must_use]
    pub fn one(row: u32, column: u32) -> Self {
        Self { top: row, left: column, bottom: row, right: column }
    }

    #[must_use]
    pub fn has(&self, row: u32, column: u32) -> bool {
        (self.top..=self.bottom).contains(&row) && (self.left..=self.right).contains(&column)
    }
}

/// The page with row `from` on it (from 1), or the one with what is marked.
#[must_use]
pub fn grid(sheet: &Sheet, from: u32, marks: &[Area], formulas: bool) -> Grid {
    let mut rows: BTreeMap<u32, Vec<&Cell>> = BTreeMap::new();
    for cell in &sheet.cells {
        rows.entry(cell.row).or_default().push(cell);
    }
    let last_column = sheet.cells.iter().map(|cell| cell.column).max().unwrap_or(0);
    let shown_columns = last_column.min(COLUMNS);
    let from = marks.iter().map(|area| area.top).min().unwrap_or(from);
    let starts = starts(&rows, shown_columns, formulas);
    let page = starts.partition_point(|start| *start <= from).saturating_sub(1);
    let begin = starts.get(page).copied().unwrap_or(1);
    let end = starts.get(page + 1).copied().unwrap_or(u32::MAX);
    let mut first = true;
    let mut drawn: Vec<GridRow> = Vec::new();
    let mut next = begin;
    for (number, cells) in rows.range(begin..end) {
        drawn.extend(gap(next, *number, shown_columns));
        let mut of_row = vec![GridCell::default(); shown_columns as usize];
        for cell in cells.iter().filter(|cell| (1..=shown_columns).contains(&cell.column)) {
            let mark = marks.iter().any(|area| area.has(*number, cell.column));
            if let Some(place) = of_row.get_mut(cell.column as usize - 1) {
                *place = GridCell { mark, first: mark && std::mem::take(&mut first), ..shown(cell, formulas) };
            }
        }
        drawn.push(GridRow { number: *number, empty_to: None, cells: of_row });
        next = number + 1;
    }
    Grid {
        name: sheet.name.clone(),
        hidden: sheet.hidden,
        columns: (1..=shown_columns).map(a1::column).collect(),
        rows: drawn,
        beyond: (last_column > COLUMNS).then(|| format!("{} to {}", a1::column(COLUMNS + 1), a1::column(last_column))),
        formulas,
        has_formulas: sheet.cells.iter().any(|cell| cell.formula.is_some()),
        used: {
            let counted = |count: u32, one| words::several(&words::count(u64::from(count)), one);
            format!("{}, {}", counted(sheet.rows, "row"), counted(sheet.columns, "column"))
        },
        earlier: page.checked_sub(1).and_then(|before| starts.get(before).copied()),
        later: starts.get(page + 1).copied(),
    }
}

/// The first row of every page.
fn starts(rows: &BTreeMap<u32, Vec<&Cell>>, columns: u32, formulas: bool) -> Vec<u32> {
    let mut starts = Vec::new();
    let (mut bytes, mut next) = (0, 1);
    for (number, cells) in rows {
        let text: usize = cells.iter().map(|cell| weight(cell, formulas)).sum();
        let row = ROW_BYTES + columns as usize * CELL_BYTES + text;
        if starts.is_empty() || bytes + row > PAGE_BYTES {
            // A gap belongs to the page of the row behind it.
            starts.push(next);
            bytes = 0;
        }
        bytes += row;
        next = number + 1;
    }
    starts
}

fn weight(cell: &Cell, formulas: bool) -> usize {
    let text = match (&cell.shown, &cell.content) {
        (Some(shown), _) => shown.len(),
        (None, CellContent::Text(text)) => text.len().min(CELL_CHARS * 4),
        (None, _) => 8,
    };
    text + cell.formula.as_ref().filter(|_| formulas).map_or(0, |formula| formula.len() + 30)
}

/// The rows from `from` to before `to`: a few are drawn, many are told.
fn gap(from: u32, to: u32, columns: u32) -> Vec<GridRow> {
    let empty = |number| GridRow { number, empty_to: None, cells: vec![GridCell::default(); columns as usize] };
    match to.saturating_sub(from) {
        0 => vec![],
        1..=EMPTY_ROWS => (from..to).map(empty).collect(),
        _ => vec![GridRow { number: from, empty_to: Some(to - 1), cells: vec![] }],
    }
}

fn shown(cell: &Cell, formulas: bool) -> GridCell {
    let text = cell.shown.clone().unwrap_or_else(|| cell.content.to_string());
    GridCell {
        text: words::clip(&text, CELL_CHARS),
        kind: match cell.content {
            CellContent::Number(_) | CellContent::DateTime(_) => "num",
            CellContent::Error(_) | CellContent::NotCalculated => "err",
            CellContent::Text(_) | CellContent::Bool(_) => "",
        },
        formula: cell
            .formula
            .as_ref()
            .filter(|_| formulas)
            .map(|formula| format!("={}", words::clip(formula, CELL_CHARS))),
        computed: cell.calculated,
        mark: false,
        first: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(row: u32, column: u32, content: CellContent) -> Cell {
        Cell { row, column, content, formula: None, shown: None, calculated: false }
    }

    fn sheet(cells: Vec<Cell>) -> Sheet {
        let rows = cells.iter().map(|cell| cell.row).max().unwrap_or(0);
        let columns = cells.iter().map(|cell| cell.column).max().unwrap_or(0);
        Sheet { name: "Ledger".to_owned(), hidden: false, cells, rows, columns }
    }

    #[test]
    fn every_row_that_holds_something_is_on_exactly_one_page_and_gaps_are_told() {
        let mut cells: Vec<Cell> = (1..=5_000)
            .flat_map(|row| (1..=8).map(move |column| cell(row, column, CellContent::Number(1.5))))
            .collect();
        cells.push(cell(900_000, 2, CellContent::Text("far down".to_owned())));
        let sheet = sheet(cells);
        let (mut from, mut numbers, mut pages) = (1, Vec::new(), 0);
        loop {
            let page = grid(&sheet, from, &[], false);
            numbers.extend(page.rows.iter().filter(|row| row.empty_to.is_none()).map(|row| row.number));
            pages += 1;
            if let Some(told) = page.rows.iter().find_map(|row| row.empty_to.map(|to| (row.number, to))) {
                assert_eq!(told, (5_001, 899_999));
            }
            match page.later {
                Some(next) => from = next,
                None => break,
            }
        }
        assert!(pages > 5);
        assert_eq!(numbers.len(), 5_001);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_quoted_area_opens_its_page_and_marks_its_cells_alone() {
        let cells = (1..=3_000).flat_map(|row| (1..=4).map(move |column| cell(row, column, CellContent::Number(2.0))));
        let sheet = sheet(cells.collect());
        let page = grid(&sheet, 1, &[Area::parse("B2500:C2501").unwrap()], false);
        let marked: Vec<(u32, usize, bool)> = page
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().enumerate().map(move |(at, cell)| (row.number, at + 1, cell)))
            .filter(|(.., cell)| cell.mark)
            .map(|(row, column, cell)| (row, column, cell.first))
            .collect();
        assert_eq!(marked, [(2_500, 2, true), (2_500, 3, false), (2_501, 2, false), (2_501, 3, false)]);
    }

    #[test]
    fn formulas_come_on_demand_and_a_value_that_the_file_lacks_says_so() {
        let mut sum = cell(1, 1, CellContent::Number(4.0));
        sum.formula = Some("SUM(B1:B9)".to_owned());
        sum.shown = Some("$4.00".to_owned());
        sum.calculated = true;
        let sheet = sheet(vec![sum, cell(1, 2, CellContent::NotCalculated)]);
        let plain = &grid(&sheet, 1, &[], false).rows[0].cells;
        assert_eq!((plain[0].text.as_str(), plain[0].formula.as_deref(), plain[0].computed), ("$4.00", None, true));
        assert_eq!((plain[1].text.as_str(), plain[1].kind), ("not calculated", "err"));
        let asked = grid(&sheet, 1, &[], true);
        assert!(asked.has_formulas);
        assert_eq!(asked.rows[0].cells[0].formula.as_deref(), Some("=SUM(B1:B9)"));
    }

    #[test]
    fn a_sheet_of_many_columns_tells_which_it_leaves_out_and_an_empty_one_has_none() {
        let wide = grid(&sheet(vec![cell(1, 16_384, CellContent::Bool(true))]), 1, &[], false);
        assert_eq!((wide.columns.len(), wide.beyond.as_deref()), (100, Some("CW to XFD")));
        let empty = grid(&sheet(vec![]), 1, &[Area::parse("C3").unwrap()], false);
        assert!(empty.rows.is_empty() && empty.columns.is_empty() && empty.later.is_none());
        assert_eq!(Area::parse("nowhere"), None);
    }
}
