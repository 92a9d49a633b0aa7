//! Blocks of texts and slides, in their order.

use std::collections::HashMap;

use crate::document::draft::{Draft, markdown_row};
use crate::document::opc::Parts;
use crate::document::xml::{self, Element};
use crate::domain::Place;

use super::inline::{Flow, Inline, Setting};
use super::styles::Styles;

/// Columns that a cell may span or be repeated over.
const MAX_SPAN: usize = 64;

pub(super) struct Writer<'d, 'l, 'p, 'b> {
    draft: &'d mut Draft<'l>,
    parts: &'p mut Parts<'b>,
    styles: Styles,
    flow: Flow,
    paragraphs: u32,
    tables: u32,
    /// The styles of the open lists, and the number of the last item of each.
    lists: Vec<(String, Option<u64>)>,
    /// The first paragraph of an item carries its mark.
    mark: Option<String>,
    unseen: Option<&'static str>,
    painted: bool,
    /// Text that is not counted stands here: a slide, a note, the margin.
    aside: Option<Place>,
    lead: String,
}

impl<'d, 'l, 'p, 'b> Writer<'d, 'l, 'p, 'b> {
    pub fn new(draft: &'d mut Draft<'l>, parts: &'p mut Parts<'b>, styles: Styles) -> Self {
        Self {
            draft,
            parts,
            styles,
            flow: Flow::default(),
            paragraphs: 0,
            tables: 0,
            lists: Vec::new(),
            mark: None,
            unseen: None,
            painted: false,
            aside: None,
            lead: String::new(),
        }
    }

    pub fn blocks(&mut self, container: &Element<'_>) {
        for block in container.elements() {
            match block.name() {
                "h" | "p" => self.paragraph(block),
                "list" => self.list(block),
                "table" => self.table(block),
                "tracked-changes" => self.changes(block),
                "section" => {
                    let outer = self.unseen;
                    if block.attribute("display").is_some_and(|d| d == "none") {
                        self.unseen = outer.or(Some("in a section that is marked as hidden"));
                    }
                    self.blocks(block);
                    self.unseen = outer;
                }
                "frame" | "custom-shape" | "rect" | "g" | "ellipse" | "line" | "connector" | "polygon" | "path" => {
                    let place = self.here();
                    self.drawing(block, &place);
                }
                "annotation" => {
                    self.flow.comments += 1;
                    self.comment(self.flow.comments, block);
                }
                "sequence-decls" | "forms" | "notes" => {}
                _ => self.blocks(block),
            }
        }
    }

    fn here(&self) -> Place {
        self.aside.clone().unwrap_or(Place::Paragraph(self.paragraphs.max(1)))
    }

    fn inline<'t, 'a>(&mut self, element: &'t Element<'a>) -> Inline<'t, 'a> {
        let setting = Setting { styles: &self.styles, painted: self.painted, unseen: self.unseen };
        Inline::read(element, &mut self.flow, setting)
    }

    fn paragraph(&mut self, block: &Element<'_>) {
        let inline = self.inline(block);
        let text = inline.text.trim().to_owned();
        let mark = if block.name() == "h" {
            let level: usize = block.attribute("outline-level").and_then(|l| l.parse().ok()).unwrap_or(1);
            self.mark = None;
            format!("{} ", "#".repeat(level.clamp(1, 6)))
        } else {
            self.mark.take().unwrap_or_default()
        };
        if text.is_empty() {
            let place = self.here();
            return self.rest(inline, &place);
        }
        if self.aside.is_none() {
            self.paragraphs += 1;
        }
        let place = self.here();
        let lead = &self.lead;
        self.draft.push(place.clone(), format!("{lead}{mark}{text}"));
        self.rest(inline, &place);
    }

    /// What hangs on a paragraph.
    fn rest(&mut self, inline: Inline<'_, '_>, place: &Place) {
        for (text, why) in inline.hidden {
            let shown: String = text.trim().chars().take(200).collect();
            if !shown.is_empty() {
                self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
            }
        }
        for (number, note) in inline.notes {
            let Some(body) = note.child("note-body") else { continue };
            let kind = if note.attribute("note-class").is_some_and(|c| c == "endnote") { " (endnote)" } else { "" };
            let place = Place::Footnote(number);
            self.aside_text(body, &place, &format!("[^{number}]:{kind}"));
        }
        for (number, comment) in inline.comments {
            self.comment(number, comment);
        }
        for drawing in inline.drawings {
            self.drawing(drawing, place);
        }
    }

    /// A comment; who wrote it and when are no paragraphs.
    fn comment(&mut self, number: u32, comment: &Element<'_>) {
        self.aside_text(comment, &Place::Comment(number), &format!("[comment {number}]"));
    }

    fn aside_text(&mut self, container: &Element<'_>, place: &Place, mark: &str) {
        let text = self.cell_text(container, place);
        if !text.trim().is_empty() {
            self.draft.push(place.clone(), format!("{mark} {}", text.trim()));
        }
    }

    fn list(&mut self, list: &Element<'_>) {
        let inherited = self.lists.last().map(|(style, _)| style.clone()).unwrap_or_default();
        let style = list.attribute("style-name").map_or(inherited, |s| s.into_owned());
        self.lists.push((style, None));
        let depth = self.lists.len();
        for item in list.elements().filter(|e| matches!(e.name(), "list-item" | "list-header")) {
            let indent = "  ".repeat((depth - 1).min(20));
            let first = item.elements().find(|e| e.name() == "p").and_then(|p| p.attribute("style-name"));
            let (style, last) = self.lists.last().cloned().unwrap_or_default();
            let of_paragraph = first.and_then(|name| self.styles.list_of(&name));
            let level = self.styles.level(&style, depth).or_else(|| self.styles.level(&of_paragraph?, depth)).cloned();
            let bullet = item.name() == "list-item";
            self.mark = Some(match level {
                Some(level) if bullet => {
                    let set = item.attribute("start-value").and_then(|s| s.parse().ok());
                    let number = set.unwrap_or_else(|| last.map_or(level.start, |n| n.saturating_add(1)));
                    if let Some(open) = self.lists.last_mut() {
                        open.1 = Some(number);
                    }
                    format!("{indent}{}{number}{} ", level.before, level.after)
                }
                _ if bullet => format!("{indent}- "),
                _ => indent,
            });
            self.blocks(item);
            self.mark = None;
        }
        self.lists.pop();
    }

    fn changes(&mut self, changes: &Element<'_>) {
        let mut count = 0u32;
        for region in changes.children_named("changed-region") {
            let Some(id) = region.attribute("id") else { continue };
            count += 1;
            let deleted = region.child("deletion").map(|deletion| {
                let paragraphs = deletion.elements().filter(|e| e.name() != "change-info");
                paragraphs.map(super::inline).collect::<Vec<_>>().join(" / ")
            });
            self.flow.changes.insert(id.into_owned(), deleted);
        }
        if count > 0 {
            let detail = format!("{count} changes are tracked and not yet accepted");
            self.draft.finding("tracked_changes", Place::Whole, detail);
        }
    }

    /// The paragraphs of a cell or note as lines, with their findings at its place.
    fn cell_text(&mut self, container: &Element<'_>, place: &Place) -> String {
        let mut lines = Vec::new();
        for block in container.elements() {
            match block.name() {
                "p" | "h" => {
                    let mut inline = self.inline(block);
                    lines.push(inline.text.trim().to_owned());
                    if matches!(place, Place::TableRow { .. }) {
                        inline.hidden.iter_mut().for_each(|(text, _)| *text = text.replace('|', "\\|"));
                    }
                    self.rest(inline, place);
                }
                "list" => {
                    for item in block.elements() {
                        let text = self.cell_text(item, place);
                        lines.push(format!("- {}", text.trim()));
                    }
                }
                "table" => {
                    self.table(block);
                    lines.push(format!("(table {} stands here)", self.tables));
                }
                "creator" | "date" | "initials" | "creator-initials" => {}
                "frame" | "custom-shape" => self.drawing(block, place),
                _ => lines.push(self.cell_text(block, place)),
            }
        }
        lines.retain(|line| !line.trim().is_empty());
        lines.join("\n")
    }

    fn table(&mut self, table: &Element<'_>) {
        self.tables += 1;
        let number = self.tables;
        let mut rows = Vec::new();
        table.find_all("table-row", &mut rows);
        for (index, row) in rows.into_iter().enumerate() {
            let row_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let place = self.aside.clone().unwrap_or(Place::TableRow { table: number, row: row_number });
            let painted = self.painted;
            let mut texts = Vec::new();
            for cell in row.elements().filter(|c| c.name().ends_with("table-cell")) {
                let style = cell.attribute("style-name");
                self.painted = painted || style.is_some_and(|name| self.styles.paints(&name));
                let text = self.cell_text(cell, &place);
                let repeated = cell.attribute("number-columns-repeated").and_then(|n| n.parse().ok()).unwrap_or(1usize);
                texts.extend(std::iter::repeat_n(text, repeated.clamp(1, MAX_SPAN)));
            }
            self.painted = painted;
            let lead = &self.lead;
            self.draft.push(place, format!("{lead}{}", markdown_row(texts)));
        }
    }

    /// A frame or a shape: what it is about, its picture, its text, the object in it.
    fn drawing(&mut self, drawing: &Element<'_>, place: &Place) {
        let mut about = Vec::new();
        for name in ["title", "desc"] {
            about.extend(drawing.child(name).map(|e| e.text().trim().to_owned()).filter(|t| !t.is_empty()));
        }
        // The picture of a table or an object only repeats it.
        let stands_for = ["table", "object", "text-box"].iter().any(|name| drawing.child(name).is_some());
        let picture = drawing.child("image").filter(|_| !stands_for);
        let kind = if picture.is_some() { "picture" } else { "drawing" };
        if !about.is_empty() {
            self.draft.push(place.clone(), format!("[{kind}: {}]", about.join("; ")));
        } else if picture.is_some() {
            self.draft.push(place.clone(), "[picture]");
        }
        if let Some(path) = picture.and_then(|p| p.attribute("href")).filter(|h| h.starts_with("Pictures/")) {
            match self.parts.bytes(&path) {
                Ok(bytes) => self.draft.image(place.clone(), &bytes),
                Err(why) => self.draft.lose_image(place.clone(), why),
            }
        }
        if let Some(path) = drawing.child("object").and_then(|o| o.attribute("href")) {
            self.object(path.trim_start_matches("./"), place);
        }
        let outer = (self.painted, std::mem::take(&mut self.lists), self.mark.take());
        // What a shape is filled with may be a picture or a gradient.
        let style = drawing.attribute("style-name");
        self.painted |= drawing.name() != "frame" || style.is_some_and(|name| self.styles.paints(&name));
        match drawing.name() {
            "frame" => drawing
                .children_named("text-box")
                .chain(drawing.children_named("table"))
                .for_each(|part| if part.name() == "table" { self.table(part) } else { self.blocks(part) }),
            _ => self.blocks(drawing),
        }
        (self.painted, self.lists, self.mark) = outer;
    }

    /// A chart or a formula, which is a document in the document.
    fn object(&mut self, folder: &str, place: &Place) {
        let Ok(text) = self.parts.text(&format!("{folder}/content.xml")) else {
            return self.draft.cut(
                place.clone(),
                "an embedded object",
                "the file does not hold it as a document",
                None,
            );
        };
        let tree = xml::parse(&text, self.draft.limits.max_nesting);
        if tree.root.name() == "math" {
            let written = tree.root.find("annotation").map_or_else(|| tree.root.text(), Element::text);
            return self.draft.push(place.clone(), format!("[formula: {}]", written.trim()));
        }
        let Some(chart) = tree.root.find("chart").and_then(|c| c.child("chart").or(Some(c))) else {
            return self.draft.cut(place.clone(), "an embedded object", "it is of a kind that is not read", None);
        };
        let title = chart.child("title").map(|t| t.text().trim().to_owned()).unwrap_or_default();
        self.draft.push(place.clone(), format!("[chart: {title}]"));
        let mut rows = Vec::new();
        chart.find_all("table-row", &mut rows);
        for row in rows.into_iter().take(500) {
            let cells = row.elements().filter(|c| c.name().ends_with("table-cell"));
            self.draft.push(place.clone(), markdown_row(cells.map(|c| c.text())));
        }
    }

    pub fn slides(&mut self, show: &Element<'_>) {
        let pages: Vec<_> = show.children_named("page").collect();
        self.draft.pages = Some(u32::try_from(pages.len()).unwrap_or(u32::MAX));
        for (page, number) in pages.iter().zip(1u32..) {
            if number > self.draft.limits.max_pages {
                let why = format!("over the limit of {} slides", self.draft.limits.max_pages);
                return self.draft.cut(Place::Slide(number), format!("slides {number}-{}", pages.len()), why, None);
            }
            self.slide(page, number);
        }
    }

    fn slide(&mut self, page: &Element<'_>, number: u32) {
        let place = Place::Slide(number);
        let hidden = page.attribute("style-name").is_some_and(|name| self.styles.hides_slide(&name));
        if hidden {
            self.draft.finding("hidden_slide", place.clone(), format!("slide {number} is hidden in the show"));
        }
        let is_title = |e: &Element<'_>| e.attribute("class").is_some_and(|c| c == "title");
        let titles =
            page.elements().filter(|e| is_title(e)).map(|frame| self.cell_text(frame, &place).replace('\n', " "));
        let title = titles.filter(|t| !t.trim().is_empty()).collect::<Vec<_>>().join(" / ");
        let mark = if hidden { " (hidden)" } else { "" };
        let title = if title.is_empty() { title } else { format!(": {title}") };
        self.draft.push(place.clone(), format!("## Slide {number}{mark}{title}"));
        self.aside = Some(place);
        let mut shapes: Vec<_> =
            page.elements().filter(|e| !is_title(e) && !matches!(e.name(), "notes" | "forms")).collect();
        shapes.sort_by_key(|s| (length(s, "y"), length(s, "x")));
        for shape in shapes {
            match shape.name() {
                "annotation" => {
                    self.flow.comments += 1;
                    let mark = format!("[comment {} on slide {number}]", self.flow.comments);
                    self.aside_text(shape, &Place::Comment(self.flow.comments), &mark);
                }
                _ => {
                    let place = self.here();
                    self.drawing(shape, &place);
                }
            }
        }
        if let Some(notes) = page.child("notes") {
            let place = Place::Notes(number);
            let frames = notes.children_named("frame").filter(|f| f.attribute("class").is_none_or(|c| c == "notes"));
            let texts: Vec<String> =
                frames.flat_map(|f| f.children_named("text-box")).map(|b| self.cell_text(b, &place)).collect();
            let text = texts.join("\n");
            if !text.trim().is_empty() {
                self.draft.push(place, format!("Notes: {}", text.trim()));
            }
        }
        self.aside = None;
    }

    pub fn finish(&mut self) {
        if self.flow.comments > 0 {
            let detail = format!("{} comments in the margin", self.flow.comments);
            self.draft.finding("comments", Place::Comment(1), detail);
        }
    }

    /// Headers and footers of a text; one that repeats an earlier one is shown once.
    pub fn margins(&mut self, styles: &Element<'_>) {
        let mut seen: HashMap<String, ()> = HashMap::new();
        for page in styles.child("master-styles").iter().flat_map(|m| m.children_named("master-page")) {
            for margin in page.elements() {
                let kind = match margin.name() {
                    "header" | "header-left" | "header-first" => "header",
                    "footer" | "footer-left" | "footer-first" => "footer",
                    _ => continue,
                };
                let shown = margin.attribute("display").is_none_or(|d| d != "false");
                if seen.insert(format!("{kind}{}", margin.text()), ()).is_some() {
                    continue;
                }
                self.unseen = (!shown).then_some("in the margin of no page");
                self.lead = format!("[{kind}] ");
                self.aside = Some(Place::Whole);
                self.blocks(margin);
                (self.unseen, self.aside) = (None, None);
                self.lead.clear();
            }
        }
    }
}

/// A position in hundredths of a millimetre.
fn length(shape: &Element<'_>, name: &str) -> i64 {
    let text = shape.attribute(name).unwrap_or_default();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let number: f64 = text.get(..text.len() - unit.len()).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    let factor = match unit {
        "cm" => 1_000.0,
        "mm" => 100.0,
        "in" => 2_540.0,
        "pt" => 35.28,
        _ => 1.0,
    };
    (number * factor) as i64
}
