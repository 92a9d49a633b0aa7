//! Values for formulas that the file keeps no value of (workbooks written by programs that do not calculate).
//! A stored value is never replaced, and a formula whose value would be a guess stays *not calculated*, with
//! the reason.
//!
//! The engine is `ironcalc_base`: it does no I/O, its recursion is bounded and it adds five crates to the tree
//! (`formualizer` adds Arrow and thirty more). It is given only what [`formula`] has understood: functions
//! from a list, references inside the file, bounded work and bounded texts. [`order`] finds out what depends on
//! what, so that a formula that reads an unknown value is unknown too, and circular ones are named as such.
//! The engine's clock and chance are out of reach: TODAY, NOW and RAND are not on the list.
//!
//! Errors are believed where Excel would show the same for certain (`#DIV/0!`, `#N/A`); the others may be the
//! engine's own and are not shown as the file's.
//!
//! Measured (2026-11): `fixtures/documents/formulas.xlsx` uses every function of the list and was calculated by
//! LibreOffice; computed again without the stored values, all formulas agree (`witness`). Three places where
//! the two differed are why SECOND is not on the list, why [`rounding`] rounds for TEXT, and why the file counts
//! no truth values (LibreOffice takes them for numbers, Excel and the engine do not). The shared deliverables
//! hold no formula at all, so that they say nothing about the rate.

mod engine;
mod formula;
mod functions;
mod order;
mod reach;
mod rounding;

use std::collections::HashMap;

use crate::domain::{Cell, CellContent};

use super::grid::Grid;

pub(super) use formula::{Area, Name, Table};

/// A sheet, as far as formulas see it.
#[derive(Default)]
pub(super) struct Sheet<'a> {
    pub name: &'a str,
    /// In the order of rows, then columns.
    pub cells: &'a [Cell],
    /// The numbers of cells that hold dates, by row and column.
    pub serials: Option<&'a HashMap<(u32, u32), f64>>,
    /// Array formulas by their first cell.
    pub arrays: Option<&'a HashMap<(u32, u32), Area>>,
}

/// A workbook, as far as formulas see it.
#[derive(Default)]
pub(super) struct Book<'a> {
    pub sheets: Vec<Sheet<'a>>,
    pub names: &'a [Name],
    pub tables: &'a [Table],
    pub from_1904: bool,
}

/// What became of one formula without a stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub sheet: usize,
    /// The cell's place in its sheet's list.
    pub index: usize,
    /// The value, or why there is none.
    pub value: Result<Value, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    Bool(bool),
    Error(&'static str),
}

/// Computes every formula of the book that has no value. Total; without such formulas it does nothing.
pub(super) fn calculate(book: &Book<'_>) -> Vec<Outcome> {
    if !book.sheets.iter().flat_map(|s| s.cells).any(|c| c.content == CellContent::NotCalculated) {
        return Vec::new();
    }
    let mut plan = order::Plan::of(book);
    engine::run(book, &mut plan);
    plan.into_outcomes()
}

/// The same for sheets whose numbers have no formats that the reader knows.
pub(super) fn fill(grids: &mut [Grid]) {
    let sheets = grids.iter().map(|g| Sheet { name: &g.name, cells: &g.cells, ..Sheet::default() }).collect();
    for outcome in calculate(&Book { sheets, ..Book::default() }) {
        let Some(grid) = grids.get_mut(outcome.sheet) else { continue };
        let Some(cell) = grid.cells.get_mut(outcome.index) else { continue };
        let at = (cell.row, cell.column);
        match outcome.value {
            Ok(value) => {
                cell.calculated = true;
                cell.content = value.into();
            }
            Err(why) => grid.remark(at.0, at.1, &why),
        }
    }
}

impl From<Value> for CellContent {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
            Value::Bool(value) => Self::Bool(value),
            Value::Error(error) => Self::Error(error.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod witness;
