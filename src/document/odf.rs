//! OpenDocument texts, sheets and presentations (.odt, .ods, .odp): headings, paragraphs, lists and tables in their order; cells
//! with formulas and the values left in the file. OpenDocument 1.3: ISO/IEC 26300.

use crate::domain::Place;

use super::draft::{Draft, markdown_row};
use super::opc::Parts;
use super::xml::{self, Element, Node};
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "odf/2", recognise, read };

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
        super::ods::push(&tree.root, sheets, draft);
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

/// The text of a paragraph: runs, tabs, breaks; notes and comments in brackets.
pub(super) fn inline(element: &Element<'_>) -> String {
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

    #[test]
    fn texts_keep_their_order() {
        let content = r#"<d><office:body><office:text><text:h text:outline-level="2">Head</text:h><text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>
            <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></d>"#;
        let file = read_one("a.odt", &zip(&[("content.xml", content.as_bytes())]));
        assert_eq!(text_of(&file), "## Head\n- one\n| a | b |");
    }
}
