//! Sheets of OpenDocument (.ods): cells with formulas, the values left in the file and what the sheet shows of
//! them; comments, merged cells, hidden sheets, rows and columns. A formula without a value is computed as in
//! Excel workbooks. Formulas are written as Excel writes them: `SUM('My Sheet'!A1:B2,3)` for
//! `of:=SUM([$'My Sheet'.A1:.B2];3)`. OpenDocument 1.3 part 3, 9 and part 4, 5.8.

use crate::domain::{CellContent, Place};

use super::calc;
use super::draft::{Draft, cell, column_letters};
use super::grid::{Grid, content_text};
use super::odf::inline;
use super::xml::Element;

/// Columns of a sheet, as in LibreOffice.
const MAX_COLUMNS: u32 = 16_384;

/// A sheet, and what is said after it.
#[derive(Default)]
struct Sheet {
    grid: Grid,
    comments: Vec<(String, String)>,
    cut: Option<(u32, String)>,
}

/// Reads every table of the spreadsheet and writes it into the draft.
pub(super) fn push(root: &Element<'_>, spreadsheet: &Element<'_>, draft: &mut Draft<'_>) {
    let hidden = hidden_styles(root);
    let tables: Vec<&Element<'_>> = spreadsheet.children_named("table").collect();
    let mut sheets: Vec<Sheet> =
        tables.iter().take(draft.limits.max_sheets).map(|table| sheet(table, &hidden, draft)).collect();
    let mut grids: Vec<Grid> = sheets.iter_mut().map(|s| std::mem::take(&mut s.grid)).collect();
    calc::fill(&mut grids);
    for (sheet, grid) in sheets.into_iter().zip(grids) {
        let name = grid.name.clone();
        let place = |range: String| Place::Cells { sheet: name.clone(), range };
        grid.push(draft);
        if let Some((row, why)) = sheet.cut {
            draft.cut(place(format!("A{row}")), format!("the rest of '{name}' from row {row} on"), why, None);
        }
        if let Some((first, _)) = sheet.comments.first() {
            let detail = format!("{} comments on '{name}'", sheet.comments.len());
            draft.finding("comments", place(first.clone()), detail);
        }
        for (at, text) in sheet.comments {
            draft.push(place(at.clone()), format!("[comment at {at}] {text}"));
        }
    }
    if tables.len() > draft.limits.max_sheets {
        let what = format!("{} sheets", tables.len() - draft.limits.max_sheets);
        draft.cut(Place::Whole, what, format!("over the limit of {} sheets", draft.limits.max_sheets), None);
    }
}

fn hidden_styles(root: &Element<'_>) -> Vec<String> {
    let styles = root.child("automatic-styles");
    styles
        .iter()
        .flat_map(|s| s.children_named("style"))
        .filter(|s| s.child("table-properties").and_then(|p| p.attribute("display")).as_deref() == Some("false"))
        .filter_map(|s| s.attribute("name").map(|n| n.into_owned()))
        .collect()
}

fn repeats(element: &Element<'_>, name: &str) -> u32 {
    element.attribute(name).and_then(|n| n.parse().ok()).unwrap_or(1).max(1)
}

fn sheet(table: &Element<'_>, hidden: &[String], draft: &mut Draft<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    let grid = &mut sheet.grid;
    grid.name = table.attribute("name").unwrap_or_default().into_owned();
    let style = table.attribute("style-name");
    grid.hidden = style.filter(|s| hidden.iter().any(|h| h == s.as_ref())).map(|_| "hidden".to_owned());
    let mut columns = Vec::new();
    table.find_all("table-column", &mut columns);
    let mut number = 1u32;
    for column in columns {
        let next = number.saturating_add(repeats(column, "number-columns-repeated"));
        if column.attribute("visibility").is_some_and(|v| v != "visible") {
            grid.hidden_columns.push((number.min(MAX_COLUMNS), (next - 1).min(MAX_COLUMNS)));
        }
        number = next;
    }
    let mut rows = Vec::new();
    table.find_all("table-row", &mut rows);
    // One more than is kept, so that the grid can say what it drops.
    let most = usize::try_from(draft.limits.max_cells).unwrap_or(usize::MAX).saturating_add(1);
    let mut row_number = 1u32;
    for row in rows {
        let times = repeats(row, "number-rows-repeated");
        let mut column = 1u32;
        let mut found = Vec::new();
        for one in row.elements().filter(|e| e.name().ends_with("table-cell")) {
            let wide = repeats(one, "number-columns-repeated");
            if let Some(comment) = one.child("annotation") {
                // Its other children name the author and the day.
                let words: Vec<String> = comment.children_named("p").map(inline).collect();
                sheet.comments.push((format!("{}{row_number}", column_letters(column)), words.join("\n")));
            }
            let (across, down) = (repeats(one, "number-columns-spanned"), repeats(one, "number-rows-spanned"));
            if across > 1 || down > 1 {
                let (right, bottom) = (column.saturating_add(across - 1), row_number.saturating_add(down - 1));
                let (from, to) = (column_letters(column), column_letters(right));
                grid.merged.push(format!("{from}{row_number}:{to}{bottom}"));
            }
            if let Some((content, formula, shown)) = content(one) {
                for offset in 0..wide.min(MAX_COLUMNS) {
                    let mut one = cell(row_number, column.saturating_add(offset), content.clone(), formula.clone());
                    one.shown.clone_from(&shown);
                    found.push(one);
                }
            }
            column = column.saturating_add(wide);
        }
        if row.attribute("visibility").is_some_and(|v| v != "visible") && !found.is_empty() {
            grid.hidden_rows.extend((row_number..row_number.saturating_add(times)).take(10_000));
        }
        for offset in 0..if found.is_empty() { 0 } else { times } {
            let room = found.iter().all(|cell| draft.hold(cell));
            let at = row_number.saturating_add(offset);
            if grid.cells.len() > most || !room {
                let why = format!("over the limit of {} cells or of the size of their texts", draft.limits.max_cells);
                sheet.cut = Some((at, why));
                return sheet;
            }
            grid.cells.extend(found.iter().map(|cell| {
                let mut cell = cell.clone();
                cell.row = at;
                cell
            }));
        }
        row_number = row_number.saturating_add(times);
    }
    sheet
}

/// What a cell holds, its formula, and what it shows where that is something else.
fn content(cell: &Element<'_>) -> Option<(CellContent, Option<String>, Option<String>)> {
    let formula = cell.attribute("formula").map(|f| excel(&f));
    let text = || {
        let lines: Vec<String> = cell.children_named("p").map(inline).collect();
        lines.join("\n")
    };
    let number = || cell.attribute("value").and_then(|v| v.parse::<f64>().ok()).filter(|n| n.is_finite());
    let content = match cell.attribute("value-type").as_deref() {
        Some("float" | "currency" | "percentage") => {
            number().map_or_else(|| CellContent::Text(text()), CellContent::Number)
        }
        Some("date") => CellContent::DateTime(cell.attribute("date-value")?.into_owned()),
        Some("time") => CellContent::DateTime(cell.attribute("time-value")?.into_owned()),
        Some("boolean") => CellContent::Bool(cell.attribute("boolean-value").as_deref() == Some("true")),
        Some(_) if text().starts_with("#") && formula.is_some() => CellContent::Error(text()),
        Some(_) => CellContent::Text(text()),
        None if formula.is_some() => CellContent::NotCalculated,
        None => CellContent::Text(text()),
    };
    let shows_itself = matches!(content, CellContent::Text(_) | CellContent::Error(_) | CellContent::NotCalculated);
    let shown = Some(text()).filter(|t| !shows_itself && !t.is_empty() && *t != content_text(&content));
    (formula.is_some() || !matches!(&content, CellContent::Text(t) if t.is_empty()))
        .then_some((content, formula, shown))
}

/// A formula as Excel writes it.
fn excel(formula: &str) -> String {
    // `of:=` or `oooc:=` names the dialect.
    let bare = formula.split_once('=').map_or(formula, |(_, rest)| rest);
    let mut out = String::with_capacity(bare.len());
    let mut rest = bare;
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '"' => rest[1..].find('"').map_or(rest.len(), |at| at + 2),
            '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
            c => c.len_utf8(),
        };
        let piece = &rest[..end];
        match c {
            '[' => out.push_str(&reference(piece.trim_matches(['[', ']']))),
            ';' => out.push(','),
            '|' => out.push(';'),
            _ => out.push_str(piece),
        }
        rest = &rest[end..];
    }
    out
}

/// `$'My Sheet'.A1:.B2` as `'My Sheet'!A1:B2`.
fn reference(inside: &str) -> String {
    if inside.contains("#REF!") {
        return "#REF!".to_owned();
    }
    let dot = match inside.strip_prefix("$'").or(inside.strip_prefix('\'')) {
        Some(name) => name.find("'.").map(|at| at + 1 + (inside.len() - name.len())),
        None => inside.find('.'),
    };
    let Some((sheet, cells)) = dot.map(|at| (&inside[..at], &inside[at + 1..])) else { return inside.to_owned() };
    let sheet = sheet.trim_start_matches('$');
    let (first, last) = cells.split_once(':').unwrap_or((cells, ""));
    // The second corner may name the same sheet again.
    let last = last.rsplit_once('.').map_or(last, |(_, cell)| cell);
    let mark = if sheet.is_empty() { "" } else { "!" };
    let colon = if last.is_empty() { "" } else { ":" };
    format!("{sheet}{mark}{first}{colon}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{read_one, text_of, zip};

    fn ods(tables: &str) -> crate::domain::FileExtract {
        let content = format!(
            "<office:document-content><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
        );
        read_one("a.ods", &zip(&[("content.xml", content.as_bytes())]))
    }

    #[test]
    fn sheets_keep_formulas_values_and_repeats() {
        let file = ods(r#"<table:table table:name="S"><table:table-row>
            <table:table-cell office:value-type="float" office:value="2" table:number-columns-repeated="2"/>
            <table:table-cell table:formula="of:=SUM([.A1:.B1])" office:value-type="float" office:value="4"/><table:table-cell table:formula="of:=[.A1]*2"/><table:table-cell table:formula="of:=TODAY()"/>
            </table:table-row><table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>"#);
        assert_eq!(
            file.segments[1].text,
            "| 1 | 2 | 2 | 4 {=SUM(A1:B1)} | 4 {=A1*2} (calculated) | {=TODAY()} (not calculated: TODAY depends on the clock) |"
        );
        assert_eq!(file.sheets[0].cells[4].content, CellContent::NotCalculated);
    }

    #[test]
    fn shown_numbers_comments_and_merged_cells_are_kept_and_the_author_is_not() {
        let text = text_of(&ods(
            r#"<table:table table:name="S"><table:table-column/><table:table-column table:visibility="collapse"/><table:table-row><table:table-cell office:value-type="percentage" office:value="0.125" table:number-columns-spanned="2"><office:annotation><dc:creator>Ann</dc:creator><text:p>net?</text:p></office:annotation><text:p>13%</text:p></table:table-cell><table:covered-table-cell/>
            <table:table-cell office:value-type="date" office:date-value="2024-01-31"><text:p>31.01.24</text:p></table:table-cell></table:table-row></table:table>"#,
        ));
        assert!(text.contains("used range A1:C1, hidden columns B-B, merged A1:B1"), "{text}");
        assert!(text.contains("| 1 | 13% (0.125) |  | 31.01.24 (2024-01-31) |\n[comment at A1] net?"), "{text}");
        assert!(!text.contains("Ann"), "{text}");
    }

    #[test]
    fn formulas_are_written_as_in_excel() {
        for (ods, xlsx) in [
            ("of:=SUM([.A1:.B2];3)", "SUM(A1:B2,3)"),
            ("of:=[$'My Sheet'.A1:.B2]&\"[;]\"", "'My Sheet'!A1:B2&\"[;]\""),
            ("of:=[$Data.$A$1]*{1;2|3;4}", "Data!$A$1*{1,2;3,4}"),
            ("of:=[.#REF!]", "#REF!"),
        ] {
            assert_eq!(excel(ods), xlsx);
        }
    }
}
