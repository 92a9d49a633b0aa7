//! OpenDocument texts, sheets and presentations (.odt, .ods, .odp): headings, paragraphs, lists and tables in their order; cells
//! with formulas and the values left in the file. OpenDocument 1.3: ISO/IEC 26300.

use crate::domain::{CellContent, Place};

use super::draft::{Draft, cell, markdown_row};
use super::grid::Grid;
use super::opc::Parts;
use super::xml::{self, Element, Node};
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "odf/1", recognise, read };

const TEXT: &str = "application/vnd.oasis.opendocument.text";
const SHOW: &str = "application/vnd.oasis.opendocument.presentation";
const SHEETS: &str = "application/vnd.oasis.opendocument.spreadsheet";

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    if !sample.has_entry("content.xml") {
        return None;
    }
    // The media type is the first entry and is not packed.
    let head =
        String::from_utf8_lossy(sample.bytes.get(..sample.bytes.len().min(200)).unwrap_or_default()).into_owned();
    if head.contains(SHEETS) || sample.has_extension(&["ods"]) {
        Some(SHEETS)
    } else if head.contains(TEXT) || sample.has_extension(&["odt"]) {
        Some(TEXT)
    } else if head.contains(SHOW) || sample.has_extension(&["odp"]) {
        Some(SHOW)
    } else {
        None
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let text = parts.text("content.xml")?;
    let tree = xml::parse(&text, draft.limits.max_nesting);
    let Some(body) = tree.root.child("body") else {
        return Err("the document has no body; it is damaged or cut off, save it again".to_owned());
    };
    if let Some(sheets) = body.child("spreadsheet") {
        let hidden = hidden_styles(&tree.root);
        for table in sheets.children_named("table") {
            sheet(table, &hidden, draft);
        }
    } else {
        let mut writer = Writer { draft, paragraphs: 0, tables: 0, pictures: Vec::new() };
        body.elements().for_each(|part| writer.blocks(part, 0));
        let pictures = std::mem::take(&mut writer.pictures);
        for (place, path) in pictures {
            match parts.bytes(&path) {
                Ok(bytes) => draft.image(place, &bytes),
                Err(why) => draft.lose_image(place, why),
            }
        }
    }
    if let Some(damage) = tree.damage {
        draft.cut(Place::Whole, "the rest of the document", damage, None);
    }
    Ok(())
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

fn sheet(table: &Element<'_>, hidden: &[String], draft: &mut Draft<'_>) {
    let mut grid = Grid { name: table.attribute("name").unwrap_or_default().into_owned(), ..Grid::default() };
    let style = table.attribute("style-name");
    grid.hidden = style.filter(|s| hidden.iter().any(|h| h == s.as_ref())).map(|_| "hidden".to_owned());
    let mut rows = Vec::new();
    table.find_all("table-row", &mut rows);
    // One more than is kept, so that the grid can say what it drops.
    let most = usize::try_from(draft.limits.max_cells).unwrap_or(usize::MAX).saturating_add(1);
    let mut row_number = 1u32;
    for row in rows {
        let times = repeats(row, "number-rows-repeated");
        let mut column = 1u32;
        let mut found = Vec::new();
        for one in row.elements() {
            let wide = repeats(one, "number-columns-repeated");
            if let Some((content, formula)) = content(one) {
                for offset in 0..wide.min(16_384) {
                    found.push((column.saturating_add(offset), content.clone(), formula.clone()));
                }
            }
            column = column.saturating_add(wide);
        }
        if row.attribute("visibility").is_some_and(|v| v != "visible") && !found.is_empty() {
            grid.hidden_rows.push(row_number);
        }
        for offset in 0..if found.is_empty() { 0 } else { times } {
            let room = found.iter().all(|(column, content, formula)| {
                draft.hold(&cell(row_number, *column, content.clone(), formula.clone()))
            });
            if grid.cells.len() > most || !room {
                let from = row_number.saturating_add(offset);
                let what = format!("the rest of '{}' from row {from} on", grid.name);
                let place = Place::Cells { sheet: grid.name.clone(), range: format!("A{from}") };
                draft.cut(
                    place,
                    what,
                    format!("over the limit of {} cells or of the size of their texts", draft.limits.max_cells),
                    None,
                );
                return grid.push(draft);
            }
            grid.cells.extend(found.iter().map(|(column, content, formula)| {
                cell(row_number + offset, *column, content.clone(), formula.clone())
            }));
        }
        row_number = row_number.saturating_add(times);
    }
    grid.push(draft);
}

fn content(cell: &Element<'_>) -> Option<(CellContent, Option<String>)> {
    let formula = cell.attribute("formula").map(|f| {
        let bare = f.split_once('=').map_or(f.as_ref(), |(_, rest)| rest);
        bare.replace("[.", "").replace(":.", ":").replace(['[', ']'], "")
    });
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
    (formula.is_some() || !matches!(&content, CellContent::Text(t) if t.is_empty())).then_some((content, formula))
}

/// The text of a paragraph: runs, tabs, breaks; notes and comments in brackets.
fn inline(element: &Element<'_>) -> String {
    let mut text = String::new();
    for node in &element.children {
        match node {
            Node::Text(t) => text.push_str(t),
            Node::Element(e) => match e.name() {
                "s" => {
                    text.push_str(&" ".repeat(e.attribute("c").and_then(|c| c.parse().ok()).unwrap_or(1usize).min(100)))
                }
                "tab" => text.push('\t'),
                "line-break" => text.push('\n'),
                "note" => text.push_str(&format!("[note: {}]", e.child("note-body").map(inline).unwrap_or_default())),
                "annotation" => {
                    let words: Vec<String> = e.children_named("p").map(inline).collect();
                    text.push_str(&format!("[comment: {}]", words.join(" ")));
                }
                _ => text.push_str(&inline(e)),
            },
        }
    }
    text
}

struct Writer<'d, 'l> {
    draft: &'d mut Draft<'l>,
    paragraphs: u32,
    tables: u32,
    pictures: Vec<(Place, String)>,
}

impl Writer<'_, '_> {
    fn blocks(&mut self, container: &Element<'_>, list_depth: usize) {
        for block in container.elements() {
            match block.name() {
                "h" | "p" => {
                    let text = inline(block);
                    let level: usize = block.attribute("outline-level").and_then(|l| l.parse().ok()).unwrap_or(1);
                    let mark = match (block.name(), list_depth) {
                        ("h", _) => format!("{} ", "#".repeat(level.clamp(1, 6))),
                        (_, 0) => String::new(),
                        (_, depth) => format!("{}- ", "  ".repeat((depth - 1).min(20))),
                    };
                    if !text.trim().is_empty() {
                        self.paragraphs += 1;
                        self.draft.push(Place::Paragraph(self.paragraphs), format!("{mark}{}", text.trim()));
                    }
                    self.find_pictures(block);
                }
                "list" => self.blocks(block, list_depth + 1),
                "table" => self.table(block),
                "tracked-changes" => {
                    self.draft.finding("tracked_changes", Place::Whole, "changes are tracked and not yet accepted");
                }
                "sequence-decls" | "forms" => {}
                _ => self.blocks(block, list_depth),
            }
        }
    }

    fn table(&mut self, table: &Element<'_>) {
        self.tables += 1;
        let number = self.tables;
        let mut rows = Vec::new();
        table.find_all("table-row", &mut rows);
        for (index, row) in rows.into_iter().enumerate() {
            let place = Place::TableRow { table: number, row: u32::try_from(index + 1).unwrap_or(u32::MAX) };
            let texts: Vec<String> = row
                .elements()
                .filter(|c| c.name().ends_with("table-cell"))
                .map(|cell| cell.elements().map(inline).collect::<Vec<_>>().join("\n"))
                .collect();
            self.draft.push(place, markdown_row(texts));
            self.find_pictures(row);
        }
    }

    fn find_pictures(&mut self, element: &Element<'_>) {
        let mut found = Vec::new();
        element.find_all("image", &mut found);
        let place = Place::Paragraph(self.paragraphs.max(1));
        let paths = found.iter().filter_map(|i| i.attribute("href")).filter(|h| h.starts_with("Pictures/"));
        self.pictures.extend(paths.map(|path| (place.clone(), path.into_owned())));
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of, zip};
    use crate::domain::CellContent;

    #[test]
    fn sheets_keep_formulas_values_and_repeats() {
        let content = r#"<office:document-content><office:body><office:spreadsheet><table:table table:name="S"><table:table-row>
            <table:table-cell office:value-type="float" office:value="2" table:number-columns-repeated="2"/>
            <table:table-cell table:formula="of:=SUM([.A1:.B1])" office:value-type="float" office:value="4"/><table:table-cell table:formula="of:=[.A1]*2"/>
            </table:table-row><table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
            </table:table></office:spreadsheet></office:body></office:document-content>"#;
        let file = read_one("a.ods", &zip(&[("content.xml", content.as_bytes())]));
        assert_eq!(file.segments[1].text, "| 1 | 2 | 2 | 4 {=SUM(A1:B1)} | {=A1*2} (not calculated) |");
        assert_eq!(file.sheets[0].cells[3].content, CellContent::NotCalculated);
    }

    #[test]
    fn texts_keep_their_order() {
        let content = r#"<d><office:body><office:text><text:h text:outline-level="2">Head</text:h><text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>
            <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></d>"#;
        let file = read_one("a.odt", &zip(&[("content.xml", content.as_bytes())]));
        assert_eq!(text_of(&file), "## Head\n- one\n| a | b |");
    }
}
