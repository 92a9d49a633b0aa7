//! One sheet's XML, read in passing: large sheets never become trees.

use std::collections::HashMap;

use crate::document::calc::Area;
use crate::document::draft::{Draft, cell, parse_cell_reference};
use crate::document::grid::{Grid, content_text};
use crate::document::xml::{Element, Token, Tokens};
use crate::domain::{CellContent, Place};

use super::marks::Marks;
use super::workbook::{SheetEntry, Workbook, is_on, unescape_excel};

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
    /// The range of an array formula.
    array: Option<String>,
}

/// What was read of a sheet, before formulas are computed.
#[derive(Default)]
pub(super) struct Sheet {
    pub grid: Grid,
    /// The numbers of cells that hold dates.
    pub serials: HashMap<(u32, u32), f64>,
    /// The styles of formulas that have no value.
    pub styles: HashMap<(u32, u32), usize>,
    /// Array formulas by their first cell.
    pub arrays: HashMap<(u32, u32), Area>,
    /// Links, lists to choose from, headers and footers.
    pub marks: Marks,
    /// Rows over the limit, with the characters of their values.
    beyond: Vec<(u32, u64)>,
    damage: Option<String>,
}

impl Sheet {
    /// Reads the sheet with this number in the workbook. Total: damage is kept for [`Self::push`].
    pub fn read(text: &str, number: usize, entry: &SheetEntry, workbook: &Workbook, draft: &mut Draft<'_>) -> Self {
        let grid = Grid { name: entry.name.clone(), hidden: entry.hidden.clone(), ..Grid::default() };
        let mut sheet = Self { grid, ..Self::default() };
        let mut path: Vec<&str> = Vec::new();
        let mut open = Open::default();
        let mut shared: HashMap<String, (String, (u32, u32))> = HashMap::new();
        let (mut row, mut column) = (0u32, 0u32);
        // The grid says what it drops, row by row; what is beyond even that is only measured.
        let most = usize::try_from(draft.limits.max_cells).unwrap_or(usize::MAX).saturating_add(1);
        for token in Tokens::new(text, draft.limits.max_nesting) {
            match token {
                Token::Open(element) => {
                    match element.name() {
                        "row" => {
                            row = attribute(&element, "r").unwrap_or(row.saturating_add(1));
                            column = 0;
                            if hides(&element, "ht") {
                                sheet.grid.hidden_rows.push(row);
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
                        "f" => open.formula = Some(formula(&element)),
                        "mergeCell" => sheet.grid.merged.extend(element.attribute("ref").map(|r| r.into_owned())),
                        "col" if hides(&element, "width") => {
                            if let (Some(from), Some(to)) = (attribute(&element, "min"), attribute(&element, "max")) {
                                sheet.grid.hidden_columns.push((from.clamp(1, 16_384), to.clamp(1, 16_384)));
                            }
                        }
                        _ => sheet.marks.open(&element),
                    }
                    path.push(element.name());
                }
                Token::Text(text) => match path.last() {
                    Some(&"v") => open.value.get_or_insert_default().push_str(&text),
                    Some(&"f") if path.contains(&"c") => open.formula.get_or_insert_default().text.push_str(&text),
                    Some(&"t") if path.contains(&"is") && !path.contains(&"rPh") => {
                        open.inline.get_or_insert_default().push_str(&text);
                    }
                    Some(name) => sheet.marks.text(name, &text),
                    None => {}
                },
                Token::Close => {
                    if path.pop() == Some("c") {
                        let done = std::mem::take(&mut open);
                        if let Err(why) = sheet.take(done, number, workbook, &mut shared, most, draft) {
                            sheet.damage = Some(why);
                            break;
                        }
                    }
                }
                Token::Damage(why) => sheet.damage = Some(why),
            }
        }
        sheet.grid.hidden_rows.sort_unstable();
        sheet.grid.cells.sort_by_key(|c| (c.row, c.column));
        // A file may name a cell twice; the last one stands, as in Excel.
        sheet.grid.cells.reverse();
        sheet.grid.cells.dedup_by_key(|c| (c.row, c.column));
        sheet.grid.cells.reverse();
        sheet
    }

    /// Keeps a cell.
    fn take(
        &mut self,
        open: Open,
        number: usize,
        workbook: &Workbook,
        shared: &mut HashMap<String, (String, (u32, u32))>,
        most: usize,
        draft: &mut Draft<'_>,
    ) -> Result<(), String> {
        let (at, style) = ((open.row, open.column), open.style);
        let array = open.formula.as_ref().and_then(|f| f.array.clone());
        let serial = open.value.as_ref().and_then(|v| v.trim().parse::<f64>().ok());
        let Some((content, formula)) = finish(open, workbook, shared) else { return Ok(()) };
        let mut found = cell(at.0, at.1, content, formula);
        // Whole rows only: half a row would be dropped half.
        if self.grid.cells.len() >= most && self.grid.cells.last().is_none_or(|c| c.row != found.row) {
            let size = content_text(&found.content).len() + found.formula.as_ref().map_or(0, String::len);
            match self.beyond.last_mut() {
                Some((row, sum)) if *row == found.row => *sum += size as u64,
                _ => self.beyond.push((found.row, size as u64)),
            }
            return Ok(());
        }
        if let CellContent::Number(value) = found.content
            && let Some(style) = workbook.styles.get(style)
        {
            let shown = style.format.show(value, workbook.from_1904);
            (found.content, found.shown) = (shown.content, shown.text);
        }
        if !draft.hold(&found) {
            let most = draft.limits.max_text_chars.saturating_mul(8);
            return Err(format!("over the limit of {most} bytes of text in cells"));
        }
        if let (CellContent::DateTime(_), Some(serial)) = (&found.content, serial) {
            self.serials.insert(at, serial);
        }
        if found.content == CellContent::NotCalculated {
            self.styles.insert(at, style);
        }
        if let Some(range) = array {
            let (first, last) = range.split_once(':').unwrap_or((&range, &range));
            if let (Some(first), Some(last)) = (parse_cell_reference(first), parse_cell_reference(last)) {
                self.arrays.insert(at, Area::between(number, first, last));
            }
            if range.contains(':') {
                self.grid.remark(at.0, at.1, &format!("array {range}"));
            }
        }
        if let Some(style) = workbook.styles.get(style) {
            let blank = matches!(&found.content, CellContent::Text(t) if t.trim().is_empty());
            let unseen = if style.format.hides { Some("a number format that shows nothing") } else { style.unseen };
            if let Some(why) = unseen.filter(|_| !blank) {
                self.grid.unseen.push((at.0, at.1, why));
                self.grid.remark(at.0, at.1, &format!("hidden: {why}"));
            }
        }
        self.grid.cells.push(found);
        Ok(())
    }

    /// Writes the sheet, and what of it is missing, into the draft.
    pub fn push(self, draft: &mut Draft<'_>) {
        let name = self.grid.name.clone();
        let last = self.grid.cells.last().map_or(1, |c| c.row);
        self.grid.push(draft);
        let why = format!("over the limit of {} cells", draft.limits.max_cells);
        for (row, characters) in self.beyond {
            let place = Place::Cells { sheet: name.clone(), range: format!("A{row}") };
            draft.drop_text(place, characters, why.clone());
        }
        if let Some(why) = self.damage {
            let place = Place::Cells { sheet: name.clone(), range: format!("A{last}") };
            draft.cut(place, format!("the rest of '{name}' after row {last}"), why, None);
        }
    }
}

fn attribute(element: &Element<'_>, name: &str) -> Option<u32> {
    element.attribute(name)?.trim().parse().ok()
}

/// Hidden, or of no height or width.
fn hides(element: &Element<'_>, size: &str) -> bool {
    element.attribute("hidden").is_some_and(|h| is_on(&h))
        || element.attribute(size).and_then(|s| s.parse::<f64>().ok()).is_some_and(|s| s <= 0.0)
}

fn formula(element: &Element<'_>) -> Formula {
    let kind = element.attribute("t").unwrap_or_default();
    let own = |name: &str| element.attribute(name).map(|v| v.into_owned());
    let mut formula = Formula::default();
    match kind.as_ref() {
        "shared" => formula.shared = own("si"),
        "array" => formula.array = own("ref"),
        // A what-if table holds no formula of its own, only its input cells.
        "dataTable" => {
            let inputs: Vec<String> = ["r1", "r2"].into_iter().filter_map(own).collect();
            formula.text = format!("TABLE({})", inputs.join(","));
        }
        _ => {}
    }
    formula
}

/// The value and the formula of a cell; `None` if it holds neither.
fn finish(
    open: Open,
    workbook: &Workbook,
    shared: &mut HashMap<String, (String, (u32, u32))>,
) -> Option<(CellContent, Option<String>)> {
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
        ("inlineStr", _) if open.inline.is_some() => {
            Some(CellContent::Text(unescape_excel(open.inline.unwrap_or_default())))
        }
        (_, None) if formula.is_some() => Some(CellContent::NotCalculated),
        (_, None) => None,
        ("s", Some(index)) => Some(match index.trim().parse().ok().and_then(|i: usize| workbook.strings.get(i)) {
            Some(text) => CellContent::Text(text.clone()),
            None => CellContent::Error(format!("text {index} is missing from the file")),
        }),
        ("b", Some(value)) => Some(CellContent::Bool(is_on(value.trim()))),
        ("e", Some(value)) => Some(CellContent::Error(value)),
        ("d", Some(value)) => Some(CellContent::DateTime(value)),
        ("str" | "inlineStr", Some(value)) => Some(CellContent::Text(unescape_excel(value))),
        (_, Some(value)) => Some(match value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => CellContent::Number(number),
            _ => CellContent::Text(value),
        }),
    };
    let content = content.filter(|c| formula.is_some() || !matches!(c, CellContent::Text(t) if t.is_empty()))?;
    Some((content, formula))
}
