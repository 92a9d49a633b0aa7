//! One sheet's XML, read in passing: large sheets never become trees.

use std::collections::HashMap;

use crate::document::draft::{Draft, cell, parse_cell_reference};
use crate::document::grid::{Grid, content_text};
use crate::document::xml::{Element, Token, Tokens};
use crate::domain::{CellContent, Place};

use super::workbook::{SheetEntry, Workbook};

/// The cell that is being read.
#[derive(Default)]
struct Open {
    row: u32,
    column: u32,
    kind: String,
    style: usize,
    /// `None`: there is no `<v>`. A formula whose `<v>` is empty was not calculated either.
    value: Option<String>,
    inline: Option<String>,
    formula: Option<Formula>,
}

#[derive(Default)]
struct Formula {
    text: String,
    /// Index of a formula that several cells share.
    shared: Option<String>,
}

pub(super) fn read(text: &str, entry: &SheetEntry, workbook: &Workbook, draft: &mut Draft<'_>) {
    let mut grid = Grid { name: entry.name.clone(), hidden: entry.hidden.clone(), ..Grid::default() };
    let mut path: Vec<&str> = Vec::new();
    let mut open = Open::default();
    let mut shared: HashMap<String, (String, (u32, u32))> = HashMap::new();
    let (mut row, mut column) = (0u32, 0u32);
    // The grid says what it drops, row by row; what is beyond even that is only measured.
    let most = usize::try_from(draft.limits.max_cells).unwrap_or(usize::MAX).saturating_add(1);
    let mut beyond: Vec<(u32, u64)> = Vec::new();
    let mut damage = None;
    for token in Tokens::new(text, draft.limits.max_nesting) {
        match token {
            Token::Open(element) => {
                match element.name() {
                    "row" => {
                        row = attribute(&element, "r").unwrap_or(row.saturating_add(1));
                        column = 0;
                        if element.attribute("hidden").is_some_and(|h| matches!(h.as_ref(), "1" | "true")) {
                            grid.hidden_rows.push(row);
                        }
                    }
                    "c" => {
                        let at = element.attribute("r").and_then(|r| parse_cell_reference(&r));
                        (row, column) = at.unwrap_or((row.max(1), column.saturating_add(1)));
                        open = Open {
                            row,
                            column,
                            kind: element.attribute("t").unwrap_or_default().into_owned(),
                            style: attribute(&element, "s").unwrap_or(0) as usize,
                            ..Open::default()
                        };
                    }
                    "v" => open.value = Some(String::new()),
                    "is" => open.inline = Some(String::new()),
                    "f" => {
                        let kind = element.attribute("t");
                        let shared = element.attribute("si").filter(|_| kind.as_deref() == Some("shared"));
                        open.formula = Some(Formula { text: String::new(), shared: shared.map(|s| s.into_owned()) });
                    }
                    "mergeCell" => grid.merged.extend(element.attribute("ref").map(|r| r.into_owned())),
                    "col" if element.attribute("hidden").is_some_and(|h| matches!(h.as_ref(), "1" | "true")) => {
                        if let (Some(from), Some(to)) = (attribute(&element, "min"), attribute(&element, "max")) {
                            grid.hidden_columns.push((from.clamp(1, 16_384), to.clamp(1, 16_384)));
                        }
                    }
                    _ => {}
                }
                path.push(element.name());
            }
            Token::Text(text) => match path.last() {
                Some(&"v") => open.value.get_or_insert_default().push_str(&text),
                Some(&"f") => open.formula.get_or_insert_default().text.push_str(&text),
                Some(&"t") if path.contains(&"is") && !path.contains(&"rPh") => {
                    open.inline.get_or_insert_default().push_str(&text);
                }
                _ => {}
            },
            Token::Close => {
                if path.pop() == Some("c") {
                    let done = std::mem::take(&mut open);
                    let style = done.style;
                    if let Some(found) = finish(done, workbook, &mut shared) {
                        // Whole rows only: half a row would be dropped half.
                        if grid.cells.len() >= most && grid.cells.last().is_none_or(|c| c.row != found.row) {
                            let size =
                                content_text(&found.content).len() + found.formula.as_ref().map_or(0, String::len);
                            match beyond.last_mut() {
                                Some((row, sum)) if *row == found.row => *sum += size as u64,
                                _ => beyond.push((found.row, size as u64)),
                            }
                            continue;
                        }
                        if let Some(look) = workbook.looks(&found.content, style) {
                            grid.looks.insert((found.row, found.column), look);
                        }
                        if !draft.hold(&found) {
                            let most = draft.limits.max_text_chars.saturating_mul(8);
                            damage = Some(format!("over the limit of {most} bytes of text in cells"));
                            break;
                        }
                        grid.cells.push(found);
                    }
                }
            }
            Token::Damage(why) => damage = Some(why),
        }
    }
    grid.hidden_rows.sort_unstable();
    let last = grid.cells.last().map_or(1, |c| c.row);
    grid.push(draft);
    let why = format!("over the limit of {} cells", draft.limits.max_cells);
    for (row, characters) in beyond {
        let place = Place::Cells { sheet: entry.name.clone(), range: format!("A{row}") };
        draft.drop_text(place, characters, why.clone());
    }
    if let Some(why) = damage {
        let place = Place::Cells { sheet: entry.name.clone(), range: format!("A{last}") };
        draft.cut(place, format!("the rest of '{}' after row {last}", entry.name), why, None);
    }
}

fn attribute(element: &Element<'_>, name: &str) -> Option<u32> {
    element.attribute(name)?.trim().parse().ok()
}

fn finish(
    open: Open,
    workbook: &Workbook,
    shared: &mut HashMap<String, (String, (u32, u32))>,
) -> Option<crate::domain::Cell> {
    let at = (open.row, open.column);
    let formula = open.formula.map(|formula| match formula.shared {
        Some(index) if formula.text.is_empty() => match shared.get(&index) {
            Some((text, from)) => calamine::expand_shared_formula(text, *from, at).unwrap_or_else(|_| text.clone()),
            None => format!("shared formula {index}, which the file does not hold"),
        },
        Some(index) => {
            shared.insert(index, (formula.text.clone(), at));
            formula.text
        }
        None => formula.text,
    });
    let formula = formula.map(|f| f.trim().trim_start_matches('=').to_owned()).filter(|f| !f.is_empty());
    let value = open.value.filter(|v| !v.is_empty() || (open.kind == "str" && formula.is_some()));
    let content = match (open.kind.as_str(), value) {
        ("inlineStr", _) if open.inline.is_some() => Some(CellContent::Text(open.inline.unwrap_or_default())),
        (_, None) if formula.is_some() => Some(CellContent::NotCalculated),
        (_, None) => None,
        ("s", Some(index)) => Some(match index.trim().parse().ok().and_then(|i: usize| workbook.strings.get(i)) {
            Some(text) => CellContent::Text(text.clone()),
            None => CellContent::Error(format!("text {index} is missing from the file")),
        }),
        ("b", Some(value)) => Some(CellContent::Bool(matches!(value.trim(), "1" | "true"))),
        ("e", Some(value)) => Some(CellContent::Error(value)),
        ("d", Some(value)) => Some(CellContent::DateTime(value)),
        ("str" | "inlineStr", Some(value)) => Some(CellContent::Text(value)),
        (_, Some(value)) => Some(match value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => workbook.number(number, open.style),
            _ => CellContent::Text(value),
        }),
    };
    let content = content.filter(|c| formula.is_some() || !matches!(c, CellContent::Text(t) if t.is_empty()))?;
    Some(cell(at.0, at.1, content, formula))
}
