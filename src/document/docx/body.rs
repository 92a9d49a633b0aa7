//! Blocks: paragraphs and tables, wherever they stand (body, cells, text boxes, notes, margins).

use std::collections::{HashMap, HashSet};

use crate::document::draft::{Draft, markdown_row};
use crate::document::opc::{Parts, Relation};
use crate::document::xml::Element;
use crate::document::{chart, xml};
use crate::domain::Place;

use super::inline::{Inline, Setting, is_shaded};
use super::numbering::Numbering;
use super::styles::{self, Styles};

/// A table whose rows are still to be shown, because it stands in a cell of another one.
struct Nested<'t, 'a> {
    table: &'t Element<'a>,
    number: u32,
}

pub(super) struct Body<'d, 'l, 'p, 'b> {
    draft: &'d mut Draft<'l>,
    pub parts: &'p mut Parts<'b>,
    styles: Styles,
    numbering: Numbering,
    relations: HashMap<String, Relation>,
    paragraphs: u32,
    tables: u32,
    insertions: u32,
    deletions: u32,
    /// Where notes and comments are referred to, by their list and id.
    referred: HashMap<(&'static str, String), Place>,
    taken_images: HashSet<String>,
    /// In the margins nothing is counted: every paragraph has this place and this mark.
    margin: Option<String>,
    /// Inside a text box, whose ground is the shape's.
    boxed: bool,
}

impl<'d, 'l, 'p, 'b> Body<'d, 'l, 'p, 'b> {
    pub fn new(
        draft: &'d mut Draft<'l>,
        parts: &'p mut Parts<'b>,
        styles: Styles,
        numbering: Numbering,
        relations: HashMap<String, Relation>,
    ) -> Self {
        Self {
            draft,
            parts,
            styles,
            numbering,
            relations,
            paragraphs: 0,
            tables: 0,
            insertions: 0,
            deletions: 0,
            referred: HashMap::new(),
            taken_images: HashSet::new(),
            margin: None,
            boxed: false,
        }
    }

    /// Paragraphs and tables in their order.
    pub fn blocks(&mut self, container: &Element<'_>) {
        for block in container.elements() {
            match block.name() {
                "p" => self.paragraph(block),
                "tbl" => {
                    self.tables += 1;
                    let number = self.tables;
                    self.table(block, number);
                }
                "sectPr" | "sdtPr" | "sdtEndPr" | "tcPr" | "pPr" => {}
                "AlternateContent" => {
                    if let Some(choice) = block.child("Choice").or_else(|| block.child("Fallback")) {
                        self.blocks(choice);
                    }
                }
                _ => self.blocks(block),
            }
        }
    }

    fn paragraph(&mut self, paragraph: &Element<'_>) {
        let (text, inline) = self.paragraph_text(paragraph, false);
        let place = if text.trim().is_empty() {
            // Pictures and boxes of an empty paragraph stand where the last text stood.
            Place::Paragraph(self.paragraphs.max(1))
        } else {
            self.paragraphs += 1;
            Place::Paragraph(self.paragraphs)
        };
        let place = if self.margin.is_some() { Place::Whole } else { place };
        let text = match &self.margin {
            Some(mark) if !text.trim().is_empty() => format!("[{mark}] {text}"),
            _ => text,
        };
        self.draft.push(place.clone(), text);
        self.rest_of_paragraph(inline, &place);
    }

    /// The paragraph's text with its heading or list mark.
    fn paragraph_text<'t, 'a>(&mut self, paragraph: &'t Element<'a>, shaded: bool) -> (String, Inline<'t, 'a>) {
        let properties = paragraph.child("pPr");
        let style = properties.and_then(|p| p.val("pStyle")).map(|id| self.styles.get(&id)).unwrap_or_default();
        let shaded = shaded || self.boxed || properties.is_some_and(is_shaded);
        let mut inline = Inline::read(paragraph, Setting { relations: &self.relations, shaded, hidden: style.hidden });
        let text = std::mem::take(&mut inline.text);
        if text.trim().is_empty() {
            return (String::new(), inline);
        }
        let numbering = properties.and_then(styles::numbering).or(style.numbering);
        let mut mark = numbering.map(|(list, level)| self.numbering.next(&list, level)).unwrap_or_default();
        if let Some(level) = properties.and_then(styles::outline_level).or(style.heading) {
            mark = format!("{} {}", "#".repeat(usize::from(level.min(6))), mark.trim_start().trim_start_matches("- "));
        }
        (format!("{mark}{}", text.trim()), inline)
    }

    /// Pictures, boxes, notes and findings of a paragraph.
    fn rest_of_paragraph(&mut self, inline: Inline<'_, '_>, place: &Place) {
        self.insertions += inline.insertions;
        self.deletions += inline.deletions;
        for (text, why) in inline.hidden {
            let shown: String = text.chars().take(200).collect();
            self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
        }
        for (list, ids) in [("footnote", inline.footnotes), ("endnote", inline.endnotes), ("comment", inline.comments)]
        {
            for id in ids {
                self.referred.insert((list, id), place.clone());
            }
        }
        for id in inline.images {
            self.picture(&id, place);
        }
        for id in inline.charts {
            if let Some(text) = self.related(&id).and_then(|path| self.parts.text(&path).ok()) {
                for line in chart::lines(&text, self.draft.limits.max_nesting) {
                    self.draft.push(place.clone(), line);
                }
            }
        }
        for id in inline.diagrams {
            if let Some(text) = self.related(&id).and_then(|path| self.parts.text(&path).ok()) {
                for line in diagram_lines(&text, self.draft.limits.max_nesting) {
                    self.draft.push(place.clone(), line);
                }
            }
        }
        for content in inline.boxes {
            let outer = std::mem::replace(&mut self.boxed, true);
            self.blocks(content);
            self.boxed = outer;
        }
    }

    fn related(&self, id: &str) -> Option<String> {
        self.relations.get(id).filter(|r| !r.external).map(|r| r.target.clone())
    }

    fn picture(&mut self, id: &str, place: &Place) {
        let Some(relation) = self.relations.get(id) else { return };
        if relation.external {
            let why = "a picture that is linked, not held in the file".to_owned();
            return self.draft.lose_image(place.clone(), why);
        }
        let path = relation.target.clone();
        if self.taken_images.insert(path.clone()) {
            match self.parts.bytes(&path) {
                Ok(bytes) => self.draft.image(place.clone(), &bytes),
                Err(why) => self.draft.lose_image(place.clone(), why),
            }
        }
    }

    fn table(&mut self, table: &Element<'_>, number: u32) {
        let mut nested = Vec::new();
        let styled = table.child("tblPr").is_some_and(|p| p.child("tblStyle").is_some() || is_shaded(p));
        let mut rows = Vec::new();
        collect_through(table, "tr", &mut rows);
        for (index, row) in rows.into_iter().enumerate() {
            let place = Place::TableRow { table: number, row: u32::try_from(index + 1).unwrap_or(u32::MAX) };
            let place = if self.margin.is_some() { Place::Whole } else { place };
            let mut texts = Vec::new();
            let mut cells = Vec::new();
            collect_through(row, "tc", &mut cells);
            let mut rests = Vec::new();
            for cell in cells {
                let properties = cell.child("tcPr");
                let shaded = styled || properties.is_some_and(is_shaded);
                let mut text = String::new();
                self.cell(cell, shaded, &mut text, &mut rests, &mut nested);
                texts.push(text);
                let span: usize = properties.and_then(|p| p.val("gridSpan")).and_then(|s| s.parse().ok()).unwrap_or(1);
                texts.extend(std::iter::repeat_n(String::new(), span.clamp(1, 64) - 1));
            }
            // Blank rows are shown: in a form they are the work.
            if !texts.is_empty() {
                let mark = match (&self.margin, row.child("trPr")) {
                    (Some(mark), _) => format!("[{mark}] "),
                    (None, Some(p)) if p.child("del").is_some() => "[deleted row] ".to_owned(),
                    (None, Some(p)) if p.child("ins").is_some() => "[inserted row] ".to_owned(),
                    _ => String::new(),
                };
                self.draft.push(place.clone(), format!("{mark}{}", markdown_row(texts)));
            }
            for rest in rests {
                self.rest_of_paragraph(rest, &place);
            }
        }
        for Nested { table, number } in nested {
            self.table(table, number);
        }
    }

    fn cell<'t, 'a>(
        &mut self,
        container: &'t Element<'a>,
        shaded: bool,
        text: &mut String,
        rests: &mut Vec<Inline<'t, 'a>>,
        nested: &mut Vec<Nested<'t, 'a>>,
    ) {
        for block in container.elements() {
            match block.name() {
                "p" => {
                    let (line, inline) = self.paragraph_text(block, shaded);
                    if !line.is_empty() {
                        if !text.is_empty() {
                            text.push('\n');
                        }
                        text.push_str(&line);
                    }
                    rests.push(inline);
                }
                "tbl" => {
                    self.tables += 1;
                    nested.push(Nested { table: block, number: self.tables });
                    text.push_str(&format!(" (table {} follows)", self.tables));
                }
                "tcPr" | "sdtPr" => {}
                _ => self.cell(block, shaded, text, rests, nested),
            }
        }
    }

    pub fn finish_body(&mut self) {
        if self.insertions + self.deletions > 0 {
            let detail = format!(
                "{} insertions and {} deletions are tracked and not yet accepted",
                self.insertions, self.deletions
            );
            self.draft.finding("tracked_changes", Place::Whole, detail);
        }
    }

    /// Reads another part, whose relationship ids are its own.
    pub fn in_part(&mut self, part: &str, work: impl FnOnce(&mut Self)) {
        let inner = super::by_id(self.parts.relations(part));
        let outer = std::mem::replace(&mut self.relations, inner);
        work(self);
        self.relations = outer;
    }

    /// Footnotes, endnotes or comments, each at the place that refers to it.
    pub fn notes(&mut self, root: &Element<'_>, element: &'static str) {
        for note in root.children_named(element) {
            // Separators are notes only in form.
            if note.attribute("type").is_some_and(|t| t != "normal") {
                continue;
            }
            let Some(id) = note.attribute("id") else { continue };
            let place = self.referred.get(&(element, id.to_string())).cloned().unwrap_or(Place::Whole);
            let mut lines = Vec::new();
            let mut paragraphs = Vec::new();
            note.find_all("p", &mut paragraphs);
            for paragraph in paragraphs {
                let (line, inline) = self.paragraph_text(paragraph, false);
                lines.push(line);
                self.rest_of_paragraph(inline, &place);
            }
            lines.retain(|l| !l.trim().is_empty());
            if lines.is_empty() {
                continue;
            }
            let mark = match element {
                "footnote" => format!("[^{id}]:"),
                "endnote" => format!("[^e{id}]:"),
                _ => format!("[comment {id}]"),
            };
            self.draft.push(place, format!("{mark} {}", lines.join("\n")));
        }
    }

    /// A header or a footer; one that repeats an earlier one is shown once.
    pub fn margin(&mut self, root: &Element<'_>, mark: &str, seen: &mut Vec<String>) {
        let text = root.text();
        if seen.contains(&text) {
            return;
        }
        seen.push(text);
        self.margin = Some(mark.to_owned());
        self.blocks(root);
        self.margin = None;
    }
}

/// Children with this name, also inside content controls.
fn collect_through<'t, 'a>(element: &'t Element<'a>, name: &str, found: &mut Vec<&'t Element<'a>>) {
    for child in element.elements() {
        match child.name() {
            n if n == name => found.push(child),
            "sdt" | "sdtContent" | "customXml" | "ins" | "del" => collect_through(child, name, found),
            _ => {}
        }
    }
}

/// The texts of a SmartArt diagram, as a list.
pub(in crate::document) fn diagram_lines(part: &str, max_nesting: usize) -> Vec<String> {
    let tree = xml::parse(part, max_nesting);
    let mut points = Vec::new();
    tree.root.find_all("pt", &mut points);
    points
        .iter()
        .map(|point| {
            let mut texts = Vec::new();
            point.find_all("t", &mut texts);
            texts.iter().map(|t| t.text()).collect::<String>()
        })
        .filter(|text| !text.trim().is_empty())
        .map(|text| format!("- {}", text.trim()))
        .collect()
}
