//! Tables: a row a line; cells that span columns are followed by blank ones, tables in cells follow their table.

use crate::document::draft::markdown_row;
use crate::document::xml::Element;
use crate::domain::Place;

use super::body::Body;
use super::drawing;
use super::inline::{Inline, PAGE_BREAK};
use super::look::{Paint, ground};

/// Columns that a cell may span, or that a row may leave out at its ends.
const MAX_SPAN: usize = 64;

/// A table whose rows are still to be shown, because it stands in a cell of another one.
struct Nested<'t, 'a> {
    table: &'t Element<'a>,
    number: u32,
}

/// What the cells of a row, or a note, hold beside their text.
#[derive(Default)]
pub(super) struct Rest<'t, 'a> {
    inlines: Vec<Inline<'t, 'a>>,
    nested: Vec<Nested<'t, 'a>>,
}

impl Body<'_, '_, '_, '_> {
    pub fn table(&mut self, table: &Element<'_>, number: u32) {
        let properties = table.child("tblPr");
        let style = properties.and_then(|p| p.val("tblStyle")).map(|id| self.styles.get(&id));
        let painted = properties.and_then(ground).or_else(|| style.and_then(|s| s.ground)).unwrap_or(self.ground);
        let mut rest = Rest::default();
        let mut rows = Vec::new();
        collect_through(table, "tr", &mut rows);
        for (index, row) in rows.into_iter().enumerate() {
            let row_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let place = match &self.aside {
                Some(aside) => aside.place.clone(),
                None => Place::TableRow { table: number, row: row_number },
            };
            self.row(row, painted, &place, &mut rest);
        }
        for Nested { table, number } in std::mem::take(&mut rest.nested) {
            self.table(table, number);
        }
    }

    fn row<'t, 'a>(&mut self, row: &'t Element<'a>, around: Paint, place: &Place, rest: &mut Rest<'t, 'a>) {
        let properties = row.child("trPr");
        let number = |name: &str| -> usize {
            properties.and_then(|p| p.val(name)).and_then(|n| n.parse().ok()).unwrap_or(0usize).min(MAX_SPAN)
        };
        let mut texts = vec![String::new(); number("gridBefore")];
        let mut covered = Vec::new();
        let mut cells = Vec::new();
        collect_through(row, "tc", &mut cells);
        for cell in cells {
            let properties = cell.child("tcPr");
            let painted = properties.and_then(ground).unwrap_or(around);
            let mut text = self.texts(cell, painted, rest);
            if let Some(mark) = properties.and_then(change) {
                text = format!("[{mark}: {text}]");
            }
            if properties.is_some_and(is_covered) && !text.trim().is_empty() {
                covered.push(text.clone());
            }
            texts.push(text);
            let span: usize = properties.and_then(|p| p.val("gridSpan")).and_then(|s| s.parse().ok()).unwrap_or(1);
            texts.extend(std::iter::repeat_n(String::new(), span.clamp(1, MAX_SPAN) - 1));
        }
        texts.extend(std::iter::repeat_n(String::new(), number("gridAfter")));
        // Blank rows are shown: in a form they are the work.
        if !texts.is_empty() {
            let mark = match (self.aside.as_ref().and_then(|a| a.mark.as_ref()), properties) {
                (Some(mark), _) => format!("[{mark}] "),
                (None, Some(p)) if p.child("del").is_some() => "[deleted row] ".to_owned(),
                (None, Some(p)) if p.child("ins").is_some() => "[inserted row] ".to_owned(),
                _ => String::new(),
            };
            let text = markdown_row(texts);
            self.draft.push(place.clone(), format!("{mark}{text}"));
            let outer = self.unseen;
            if properties.is_some_and(|p| p.switch("hidden")) {
                self.unseen = outer.or(Some("a row that is marked as hidden"));
            }
            self.report_unseen(place, &text);
            for inline in std::mem::take(&mut rest.inlines) {
                self.rest_of_paragraph(inline, place);
            }
            self.unseen = outer.or(Some("in a cell that another one covers"));
            covered.iter().for_each(|text| self.report_unseen(place, &text.replace('|', "\\|")));
            self.unseen = outer;
        }
    }

    /// The text of a cell; a line for each paragraph.
    fn texts<'t, 'a>(&mut self, cell: &'t Element<'a>, painted: Paint, rest: &mut Rest<'t, 'a>) -> String {
        let mut text = String::new();
        self.cell(cell, painted, &mut text, rest);
        text.replace(PAGE_BREAK, " ")
    }

    fn cell<'t, 'a>(&mut self, container: &'t Element<'a>, painted: Paint, text: &mut String, rest: &mut Rest<'t, 'a>) {
        for block in container.elements() {
            match block.name() {
                "p" => {
                    let (line, inline) = self.paragraph_text(block, painted);
                    if !line.trim().is_empty() {
                        if !text.is_empty() {
                            text.push('\n');
                        }
                        text.push_str(line.trim_end());
                    }
                    rest.inlines.push(inline);
                }
                "tbl" => {
                    self.tables += 1;
                    rest.nested.push(Nested { table: block, number: self.tables });
                    text.push_str(&format!(" (table {} follows)", self.tables));
                }
                "tcPr" | "sdtPr" => {}
                "AlternateContent" => {
                    if let Some(choice) = drawing::chosen(block) {
                        self.cell(choice, painted, text, rest);
                    }
                }
                _ => {
                    let outer = self.flow.nameless;
                    self.enter(block);
                    self.cell(block, painted, text, rest);
                    self.flow.nameless = outer;
                }
            }
        }
    }

    /// A note or a comment as one piece at its place.
    pub fn note_text(&mut self, note: &Element<'_>, place: &Place, mark: &str) -> bool {
        let mut rest = Rest::default();
        let text = self.texts(note, self.ground, &mut rest);
        let said = !text.trim().is_empty();
        if said {
            self.draft.push(place.clone(), format!("{mark} {}", text.trim()));
            self.report_unseen(place, &text);
        }
        for inline in std::mem::take(&mut rest.inlines) {
            self.rest_of_paragraph(inline, place);
        }
        for Nested { table, number } in rest.nested {
            self.table(table, number);
        }
        said
    }
}

/// Whether a cell is the lower or right part of one that was merged: its own text is not shown.
fn is_covered(properties: &Element<'_>) -> bool {
    ["vMerge", "hMerge"]
        .iter()
        .filter_map(|name| properties.child(name))
        .any(|m| m.attribute("val").is_none_or(|v| v == "continue"))
}

fn change(properties: &Element<'_>) -> Option<&'static str> {
    if properties.child("cellDel").is_some() {
        return Some("deleted cell");
    }
    properties.child("cellIns").map(|_| "inserted cell")
}

/// Children with this name, also inside content controls.
fn collect_through<'t, 'a>(element: &'t Element<'a>, name: &str, found: &mut Vec<&'t Element<'a>>) {
    for child in element.elements() {
        match child.name() {
            n if n == name => found.push(child),
            "sdt" | "sdtContent" | "customXml" | "ins" | "del" | "moveFrom" | "moveTo" | "smartTag" => {
                collect_through(child, name, found)
            }
            _ => {}
        }
    }
}
