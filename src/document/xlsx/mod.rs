//! Excel workbooks (.xlsx, .xlsm): every sheet, hidden ones marked, with formulas and the values that Excel
//! left in the file. A formula without such a value is computed by `calc` and marked `(calculated)`, or it is
//! `NotCalculated` with the reason: reading it as 0 or as empty would invent a result. Numbers are shown as
//! their formats show them, with the exact value where that says less; dates also as ISO 8601. Comments,
//! tables, charts, pictures, links and rules for entries follow their sheet.
//!
//! Text that nobody sees (in the colour of its background, too small, by a number format that shows nothing, in
//! hidden rows, columns and sheets) is marked where it stands and is a finding. Conditional formats are not
//! read. The names of authors are nowhere.
//!
//! SpreadsheetML: ECMA-376 part 1, 18. Read from the XML itself, because only there a missing value can be
//! told from an empty one.

mod beside;
mod marks;
pub(super) mod properties;
mod sheet;
mod styles;
mod workbook;

use crate::domain::Place;

use super::calc::{self, Table, Value};
use super::draft::{Draft, parse_cell_reference};
use super::grid::content_text;
use super::opc::{Parts, Relation};
use super::{Reader, Sample};

use sheet::Sheet;
use workbook::Workbook;

pub(super) const READER: Reader = Reader { id: "xlsx/2", recognise, read };

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The binary twin (.xlsb), which is only named.
const BINARY: &str = "application/vnd.ms-excel.sheet.binary.macroenabled.12";

/// Points of a chart that are looked up in the cells.
const MAX_LOOKED_UP: usize = 1_000;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let xml = sample.has_entry("xl/workbook.xml")
        || (sample.has_entry("[Content_Types].xml")
            && sample.entries()?.iter().any(|e| e.starts_with("xl/") && e.ends_with(".xml")));
    if sample.has_entry("xl/workbook.bin") {
        return Some(BINARY);
    }
    xml.then_some(MEDIA_TYPE)
}

/// A sheet on its way into the draft.
struct Part {
    name: String,
    relations: Vec<Relation>,
    /// The sheet, or why it is missing.
    sheet: Result<Sheet, String>,
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    if sample.has_entry("xl/workbook.bin") {
        return Err("a binary workbook (.xlsb); save as .xlsx".to_owned());
    }
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let main = parts.main_part("xl/workbook.xml");
    let relations = parts.relations(&main);
    let workbook = Workbook::read(&mut parts, &main, &relations, draft)?;
    if workbook.sheets.is_empty() {
        return Err("the workbook names no sheets; it is damaged, save it again".to_owned());
    }
    let mut tables: Vec<Table> = Vec::new();
    let mut sheets: Vec<Part> = Vec::new();
    for (number, entry) in workbook.sheets.iter().enumerate().take(draft.limits.max_sheets) {
        let name = entry.name.clone();
        let Some(path) = relations.iter().find(|r| r.id == entry.relation).map(|r| r.target.clone()) else {
            sheets.push(Part { name, relations: Vec::new(), sheet: Err("the file does not hold it".to_owned()) });
            continue;
        };
        let beside = parts.relations(&path);
        tables.extend(beside::tables(&mut parts, &beside, number, draft.limits.max_nesting));
        let sheet = parts.text(&path).map(|text| Sheet::read(&text, number, entry, &workbook, draft));
        sheets.push(Part { name, relations: beside, sheet });
    }
    fill(&mut sheets, &tables, &workbook);
    let values = looked_up(&sheets, &mut parts);
    for (number, part) in sheets.into_iter().enumerate() {
        let whole = Place::Cells { sheet: part.name.clone(), range: "A1".to_owned() };
        match part.sheet {
            Ok(mut sheet) => {
                let marks = std::mem::take(&mut sheet.marks);
                sheet.push(draft);
                marks.push(&part.name, &part.relations, draft);
            }
            Err(why) => draft.cut(whole, format!("the sheet '{}'", part.name), why, None),
        }
        let own: Vec<&Table> = tables.iter().filter(|t| t.sheet == number).collect();
        let resolve = |reference: &str| values.get(reference).cloned().unwrap_or_default();
        beside::push(&mut parts, &part.relations, &part.name, &own, &resolve, draft);
    }
    if let Some(entry) = workbook.sheets.get(draft.limits.max_sheets) {
        let what = format!("{} sheets from '{}' on", workbook.sheets.len() - draft.limits.max_sheets, entry.name);
        let place = Place::Cells { sheet: entry.name.clone(), range: "A1".to_owned() };
        draft.cut(place, what, format!("over the limit of {} sheets", draft.limits.max_sheets), None);
    }
    about(&workbook, &relations, draft);
    properties::push(&mut parts, draft);
    Ok(())
}

/// Gives formulas without a value the one that the engine computes, or the reason why there is none.
fn fill(sheets: &mut [Part], tables: &[Table], workbook: &Workbook) {
    let outcomes = {
        let views = sheets.iter().map(|part| match &part.sheet {
            Ok(sheet) => calc::Sheet {
                name: &part.name,
                cells: &sheet.grid.cells,
                serials: Some(&sheet.serials),
                arrays: Some(&sheet.arrays),
            },
            Err(_) => calc::Sheet { name: &part.name, ..calc::Sheet::default() },
        });
        calc::calculate(&calc::Book {
            sheets: views.collect(),
            names: &workbook.names,
            tables,
            from_1904: workbook.from_1904,
        })
    };
    for outcome in outcomes {
        let Some(Ok(sheet)) = sheets.get_mut(outcome.sheet).map(|p| p.sheet.as_mut()) else { continue };
        let Some(cell) = sheet.grid.cells.get_mut(outcome.index) else { continue };
        let at = (cell.row, cell.column);
        match outcome.value {
            Ok(value) => {
                cell.calculated = true;
                let style = sheet.styles.get(&at).and_then(|s| workbook.styles.get(*s));
                (cell.content, cell.shown) = match (value, style) {
                    (Value::Number(number), Some(style)) => {
                        let shown = style.format.show(number, workbook.from_1904);
                        (shown.content, shown.text)
                    }
                    (value, _) => (value.into(), None),
                };
            }
            Err(why) => sheet.grid.remark(at.0, at.1, &why),
        }
    }
}

/// What charts without stored values refer to, from the cells, by the reference as the chart writes it.
fn looked_up(sheets: &[Part], parts: &mut Parts<'_>) -> std::collections::HashMap<String, Vec<(usize, String)>> {
    let mut found = std::collections::HashMap::new();
    for drawing in sheets.iter().flat_map(|p| &p.relations).filter(|r| r.kind == "drawing") {
        for chart in parts.relations(&drawing.target).iter().filter(|r| r.kind == "chart") {
            let Ok(text) = parts.text(&chart.target) else { continue };
            for reference in super::chart::references(&text) {
                if let Some(values) = values_of(sheets, &reference) {
                    found.insert(reference, values);
                }
            }
        }
    }
    found
}

fn values_of(sheets: &[Part], reference: &str) -> Option<Vec<(usize, String)>> {
    let (name, range) = reference.rsplit_once('!')?;
    let name = name.trim_matches('\'').replace("''", "'");
    let sheet = sheets.iter().find(|p| p.name.eq_ignore_ascii_case(&name))?.sheet.as_ref().ok()?;
    let (first, last) = range.split_once(':').unwrap_or((range, range));
    let ((top, left), (bottom, right)) = (parse_cell_reference(first)?, parse_cell_reference(last)?);
    let from = sheet.grid.cells.partition_point(|c| c.row < top);
    let cells = sheet.grid.cells[from..].iter().take_while(|c| c.row <= bottom);
    let values = cells.filter(|c| (left..=right).contains(&c.column)).take(MAX_LOOKED_UP).map(|c| {
        let index = if bottom > top { c.row - top } else { c.column - left };
        (index as usize, content_text(&c.content))
    });
    Some(values.collect())
}

/// What concerns the whole workbook.
fn about(workbook: &Workbook, relations: &[Relation], draft: &mut Draft<'_>) {
    for name in &workbook.names {
        let scope = name.scope.and_then(|s| workbook.sheets.get(s));
        let scope = scope.map(|s| format!(" (on '{}')", s.name)).unwrap_or_default();
        draft.push(Place::Whole, format!("Defined name {}{scope} = {}", name.name, name.formula));
    }
    if !workbook.hidden_names.is_empty() {
        let names: Vec<&str> = workbook.hidden_names.iter().take(20).map(String::as_str).collect();
        let detail = format!("{} defined names are hidden: {}", workbook.hidden_names.len(), names.join(", "));
        draft.finding("hidden_names", Place::Whole, detail);
    }
    for (kind, code, detail) in [
        ("vbaProject", "macro", "the workbook holds macros; they are not shown"),
        ("externalLink", "external_links", "formulas refer to other workbooks, which are not part of the file"),
        (
            "pivotCacheDefinition",
            "pivot_cache",
            "the workbook keeps the data behind its pivot tables a second time; it is not shown",
        ),
        ("connections", "connections", "the workbook names sources of data outside the file"),
    ] {
        if relations.iter().any(|r| r.kind == kind) {
            draft.finding(code, Place::Whole, detail);
        }
    }
}

#[cfg(test)]
mod tests;
