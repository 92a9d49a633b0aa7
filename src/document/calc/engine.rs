//! The plan's formulas through the engine. It gets a book of plain values and of those formulas that are to be
//! computed, and what comes out is believed only where it can be.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ironcalc_base::Model;
use ironcalc_base::cell::CellValue;
use ironcalc_base::expressions::token::Error;
use ironcalc_base::types::{
    Cell, CellType, Metadata, SheetData, SheetState, Styles, Workbook, WorkbookSettings, Worksheet,
};

use crate::domain::CellContent;

use super::order::{Plan, State};
use super::{Book, Value};

/// Times that the book is computed again without the formulas that turned out to fill more than their cell.
const MAX_ROUNDS: usize = 3;

pub(super) fn run(book: &Book<'_>, plan: &mut Plan) {
    for _ in 0..MAX_ROUNDS {
        let ready = plan.tasks.iter().any(|t| matches!(t.state, State::Ready(_)));
        if !ready {
            return;
        }
        // The engine is foreign code that is given a stranger's formulas.
        let results = catch_unwind(AssertUnwindSafe(|| compute(book, plan)));
        let Ok(Ok(results)) = results else {
            return refuse_all(plan, "the engine failed on this workbook");
        };
        let spilled: Vec<usize> =
            results.iter().filter(|(_, r)| matches!(r, Found::Spilled)).map(|(n, _)| *n).collect();
        if spilled.is_empty() {
            for (number, result) in results {
                plan.tasks[number].state = match result {
                    Found::Value(value) => State::Done(value),
                    Found::Refused(why) => State::Unknown(why),
                    Found::Spilled => State::Unknown("it fills more than one cell".to_owned()),
                };
            }
            return plan.spread();
        }
        // What others read of the spilled cells was wrong: once more, without them.
        for number in spilled {
            plan.tasks[number].state = State::Unknown("it fills more than one cell".to_owned());
        }
        plan.spread();
    }
    refuse_all(plan, "arrays fill each other's cells");
}

fn refuse_all(plan: &mut Plan, why: &str) {
    for task in &mut plan.tasks {
        if matches!(task.state, State::Ready(_)) {
            task.state = State::Unknown(why.to_owned());
        }
    }
}

enum Found {
    Value(Value),
    Refused(String),
    Spilled,
}

fn compute(book: &Book<'_>, plan: &Plan) -> Result<Vec<(usize, Found)>, String> {
    let mut model = Model::from_workbook(workbook(book)?, "en")?;
    let mut results = Vec::new();
    let mut asked = Vec::new();
    for (number, task) in plan.tasks.iter().enumerate() {
        let State::Ready(formula) = &task.state else { continue };
        let (sheet, row, column) = position(task.sheet, task.row, task.column)?;
        let text = format!("={}", formula.text);
        let array = book.sheets[task.sheet].arrays.and_then(|a| a.get(&(task.row, task.column)));
        let set = match array {
            // Only the first cell's value is asked for; the rest of an array is given none.
            Some(area) if (area.top, area.left) == (area.bottom, area.right) => {
                model.set_user_array_formula(sheet, row, column, 1, 1, &text)
            }
            Some(_) => Err("it is an array formula over several cells".to_owned()),
            None => model.update_cell_with_formula(sheet, row, column, text),
        };
        match set {
            Ok(()) => asked.push((number, sheet, row, column)),
            Err(why) => results.push((number, Found::Refused(why))),
        }
    }
    model.evaluate();
    for (number, sheet, row, column) in asked {
        let cell = model.workbook.worksheet(sheet)?.cell(row, column).map(|c| c.into_owned());
        let found = match &cell {
            Some(Cell::ArrayFormula { r, .. }) if *r != (1, 1) => Found::Spilled,
            Some(_) if model.get_cell_type(sheet, row, column)? == CellType::ErrorValue => {
                error(model.get_cell_value_by_index(sheet, row, column)?)
            }
            Some(_) => match model.get_cell_value_by_index(sheet, row, column)? {
                CellValue::Number(n) if n.is_finite() => Found::Value(Value::Number(n)),
                CellValue::Number(_) => Found::Refused("the engine gave no finite number".to_owned()),
                CellValue::String(text) => Found::Value(Value::Text(text)),
                CellValue::Boolean(value) => Found::Value(Value::Bool(value)),
                // A formula that reads an empty cell shows 0.
                CellValue::None => Found::Value(Value::Number(0.0)),
            },
            None => Found::Refused("the engine lost the formula".to_owned()),
        };
        results.push((number, found));
    }
    Ok(results)
}

/// Only errors that Excel would show for certain are the file's.
fn error(value: CellValue) -> Found {
    match value {
        CellValue::String(text) if text == "#DIV/0!" => Found::Value(Value::Error("#DIV/0!")),
        CellValue::String(text) if text == "#N/A" => Found::Value(Value::Error("#N/A")),
        CellValue::String(text) => {
            Found::Refused(format!("the engine gave {}", text.chars().take(20).collect::<String>()))
        }
        _ => Found::Refused("the engine gave an error".to_owned()),
    }
}

fn position(sheet: usize, row: u32, column: u32) -> Result<(u32, i32, i32), String> {
    let too_far = |_| "a cell beyond the sheet".to_owned();
    Ok((
        u32::try_from(sheet).map_err(too_far)?,
        i32::try_from(row).map_err(too_far)?,
        i32::try_from(column).map_err(too_far)?,
    ))
}

/// The book's values; formulas without one are left out.
fn workbook(book: &Book<'_>) -> Result<Workbook, String> {
    let mut strings: Vec<String> = Vec::new();
    let mut known: HashMap<&str, i32> = HashMap::new();
    let mut worksheets = Vec::new();
    for (number, sheet) in book.sheets.iter().enumerate() {
        let mut data = SheetData::default();
        for cell in sheet.cells {
            let value = match &cell.content {
                CellContent::NotCalculated => continue,
                CellContent::Number(v) => Cell::NumberCell { v: *v, s: 0 },
                CellContent::Bool(v) => Cell::BooleanCell { v: *v, s: 0 },
                CellContent::Error(text) => Cell::ErrorCell { ei: error_of(text), s: 0 },
                CellContent::DateTime(text) => match sheet
                    .serials
                    .and_then(|s| s.get(&(cell.row, cell.column)).copied())
                    .or_else(|| crate::document::numfmt::serial_of(text))
                {
                    Some(v) => Cell::NumberCell { v, s: 0 },
                    None => text_cell(text, &mut strings, &mut known),
                },
                CellContent::Text(text) => text_cell(text, &mut strings, &mut known),
            };
            let (_, row, column) = position(number, cell.row, cell.column)?;
            data.set_cell(row, column, value);
        }
        worksheets.push(Worksheet {
            dimension: "A1".to_owned(),
            cols: Vec::new(),
            rows: Vec::new(),
            name: sheet.name.to_owned(),
            sheet_data: data,
            shared_formulas: Vec::new(),
            sheet_id: u32::try_from(number + 1).unwrap_or(u32::MAX),
            state: SheetState::Visible,
            color: Default::default(),
            merged_cells: Vec::new(),
            comments: Vec::new(),
            frozen_rows: 0,
            frozen_columns: 0,
            show_grid_lines: true,
            conditional_formatting: Vec::new(),
            links: HashMap::new(),
        });
    }
    let nobody = String::new;
    Ok(Workbook {
        shared_strings: strings,
        defined_names: Vec::new(),
        worksheets,
        styles: Styles::default(),
        name: "book".to_owned(),
        settings: WorkbookSettings { tz: "UTC".to_owned(), locale: "en".to_owned() },
        metadata: Metadata {
            application: nobody(),
            app_version: nobody(),
            creator: nobody(),
            last_modified_by: nobody(),
            created: nobody(),
            last_modified: nobody(),
        },
        tables: HashMap::new(),
        theme: Default::default(),
    })
}

fn text_cell<'t>(text: &'t str, strings: &mut Vec<String>, known: &mut HashMap<&'t str, i32>) -> Cell {
    let si = *known.entry(text).or_insert_with(|| {
        strings.push(text.to_owned());
        i32::try_from(strings.len() - 1).unwrap_or(i32::MAX)
    });
    Cell::SharedString { si, s: 0 }
}

fn error_of(text: &str) -> Error {
    match text {
        "#DIV/0!" => Error::DIV,
        "#N/A" => Error::NA,
        "#NAME?" => Error::NAME,
        "#NULL!" => Error::NULL,
        "#NUM!" => Error::NUM,
        "#REF!" => Error::REF,
        _ => Error::VALUE,
    }
}
