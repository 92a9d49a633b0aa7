//! Blocks: paragraphs, and what hangs on them, wherever they stand (body, cells, text boxes, notes, margins).

use std::collections::{HashMap, HashSet};

use crate::document::chart;
use crate::document::draft::Draft;
use crate::document::opc::{Parts, Relation};
use crate::document::xml::Element;
use crate::domain::Place;

use super::drawing::{self, diagram_lines, new_chart_lines};
use super::flow::Flow;
use super::inline::{Inline, PAGE_BREAK, Setting, shows_a_name};
use super::look::{Paint, ground};
use super::numbering::Numbering;
use super::styles::{self, Styles};

/// Text that stands beside the body.
#[derive(Clone)]
pub(super) struct Aside {
    pub place: Place,
    /// Before every paragraph: `header`.
    pub mark: Option<String>,
}

pub(super) struct Body<'d, 'l, 'p, 'b> {
    pub draft: &'d mut Draft<'l>,
    pub parts: &'p mut Parts<'b>,
    /// The file's name, for the files in it.
    pub name: &'d str,
    pub styles: Styles,
    pub numbering: Numbering,
    pub relations: HashMap<String, Relation>,
    pub flow: Flow,
    paragraphs: u32,
    pub tables: u32,
    insertions: u32,
    deletions: u32,
    taken: HashSet<String>,
    pub aside: Option<Aside>,
    /// What the text stands on.
    pub ground: Paint,
    /// Why nobody sees the text that is read now.
    pub unseen: Option<&'static str>,
}

impl<'d, 'l, 'p, 'b> Body<'d, 'l, 'p, 'b> {
    pub fn new(
        draft: &'d mut Draft<'l>,
        parts: &'p mut Parts<'b>,
        name: &'d str,
        styles: Styles,
        numbering: Numbering,
        relations: HashMap<String, Relation>,
    ) -> Self {
        Self {
            draft,
            parts,
            name,
            styles,
            numbering,
            relations,
            flow: Flow::default(),
            paragraphs: 0,
            tables: 0,
            insertions: 0,
            deletions: 0,
            taken: HashSet::new(),
            aside: None,
            ground: Paint::WHITE,
            unseen: None,
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
                    if let Some(choice) = drawing::chosen(block) {
                        self.blocks(choice);
                    }
                }
                "oMathPara" | "oMath" => {
                    let place = self.next_place();
                    self.draft.push(place, super::math::linear(block));
                }
                "altChunk" => self.chunk(block),
                _ => {
                    let outer = self.flow.nameless;
                    self.enter(block);
                    self.blocks(block);
                    self.flow.nameless = outer;
                }
            }
        }
    }

    /// What a control or a mark between blocks says of those that follow.
    pub fn enter(&mut self, block: &Element<'_>) {
        match block.name() {
            "sdt" if block.child("sdtPr").is_some_and(shows_a_name) => {
                self.flow.nameless = self.flow.nameless.or(Some(false));
            }
            "commentRangeStart" => block.attribute("id").into_iter().for_each(|id| self.flow.open_comment(&id)),
            "commentRangeEnd" => block.attribute("id").into_iter().for_each(|id| self.flow.close_comment(&id)),
            _ => {}
        }
    }

    fn next_place(&mut self) -> Place {
        match &self.aside {
            Some(aside) => aside.place.clone(),
            None => {
                self.paragraphs += 1;
                Place::Paragraph(self.paragraphs)
            }
        }
    }

    fn here(&self) -> Place {
        // Pictures and boxes of an empty paragraph stand where the last text stood.
        self.aside.as_ref().map_or(Place::Paragraph(self.paragraphs.max(1)), |aside| aside.place.clone())
    }

    fn paragraph(&mut self, paragraph: &Element<'_>) {
        let (text, inline) = self.paragraph_text(paragraph, self.ground);
        let blank = text.chars().all(|c| c.is_whitespace() || c == PAGE_BREAK);
        let place = if blank { self.here() } else { self.next_place() };
        let before = paragraph.child("pPr").is_some_and(|p| p.switch("pageBreakBefore"));
        if before && self.aside.is_none() {
            self.draft.push(place.clone(), "[page break]");
        }
        for (index, piece) in text.split(PAGE_BREAK).enumerate() {
            if index > 0 && self.aside.is_none() {
                self.draft.push(place.clone(), "[page break]");
            }
            // The marks of lists are indented.
            let piece = piece.trim_matches('\n').trim_end();
            if piece.trim().is_empty() {
                continue;
            }
            let text = match self.aside.as_ref().and_then(|a| a.mark.as_ref()) {
                Some(mark) => format!("[{mark}] {piece}"),
                None => piece.to_owned(),
            };
            self.draft.push(place.clone(), text);
            self.report_unseen(&place, piece);
        }
        self.rest_of_paragraph(inline, &place);
    }

    /// Reports text whose surroundings nobody sees.
    pub fn report_unseen(&mut self, place: &Place, text: &str) {
        if let Some(why) = self.unseen {
            let shown: String = text.trim().chars().take(200).collect();
            self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
        }
    }

    /// The paragraph's text with its heading or list mark.
    pub fn paragraph_text<'t, 'a>(&mut self, paragraph: &'t Element<'a>, around: Paint) -> (String, Inline<'t, 'a>) {
        let properties = paragraph.child("pPr");
        let named = properties.and_then(|p| p.val("pStyle"));
        let style = self.styles.paragraph(named.as_deref());
        let ground = properties.and_then(ground).or(style.ground).unwrap_or(around);
        let setting = Setting { relations: &self.relations, styles: &self.styles, look: style.look, ground };
        let mut inline = Inline::read(paragraph, &mut self.flow, setting);
        let text = std::mem::take(&mut inline.text);
        if text.trim().is_empty() {
            return (text, inline);
        }
        let mut mark = match properties.and_then(styles::numbering).or(style.numbering) {
            Some((list, level)) => {
                let of_style = || self.numbering.level_of_style(&list, named.as_deref()?);
                let level = level.or_else(of_style).unwrap_or(0);
                self.numbering.next(&list, level)
            }
            None => String::new(),
        };
        if let Some(level) = properties.and_then(styles::outline_level).or(style.heading) {
            mark = format!("{} {}", "#".repeat(usize::from(level.min(6))), mark.trim_start().trim_start_matches("- "));
        }
        let text = text.trim_matches([' ', '\t', '\n', '\u{a0}']);
        // A page break before the first word comes before the mark too.
        let breaks = text.len() - text.trim_start_matches([PAGE_BREAK, ' ', '\n']).len();
        let (breaks, text) = text.split_at(breaks);
        (format!("{breaks}{mark}{text}"), inline)
    }

    /// Pictures, boxes, notes and findings of a paragraph.
    pub fn rest_of_paragraph(&mut self, inline: Inline<'_, '_>, place: &Place) {
        self.insertions += inline.insertions;
        self.deletions += inline.deletions;
        let in_row = matches!(place, Place::TableRow { .. });
        for (text, why) in inline.hidden.into_iter().filter(|_| self.unseen.is_none()) {
            let shown: String = text.replace(PAGE_BREAK, " ").trim().chars().take(200).collect();
            // As it stands in the row.
            let shown = if in_row { shown.replace('|', "\\|") } else { shown };
            self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
        }
        for id in inline.images {
            self.picture(&id, place);
        }
        let nesting = self.draft.limits.max_nesting;
        for id in inline.charts {
            let lines = self.part(&id).map(|text| {
                let lines = chart::lines(&text, nesting);
                if lines.is_empty() { new_chart_lines(&text, nesting) } else { lines }
            });
            self.push_lines(lines, place, "a chart");
        }
        for id in inline.diagrams {
            let lines = self.part(&id).map(|text| diagram_lines(&text, nesting));
            self.push_lines(lines, place, "a diagram");
        }
        for (id, program) in inline.objects {
            self.object(&id, &program, place);
        }
        for shape in inline.boxes {
            let outer = (self.ground, self.unseen);
            (self.ground, self.unseen) = (shape.ground, self.unseen.or(shape.unseen));
            self.blocks(shape.content);
            (self.ground, self.unseen) = outer;
        }
    }

    fn part(&mut self, id: &str) -> Result<String, String> {
        let path = self.relations.get(id).filter(|r| !r.external).map(|r| r.target.clone());
        path.ok_or_else(|| "the file does not hold it".to_owned()).and_then(|path| self.parts.text(&path))
    }

    fn push_lines(&mut self, lines: Result<Vec<String>, String>, place: &Place, what: &str) {
        match lines {
            Ok(lines) => lines.into_iter().for_each(|line| self.draft.push(place.clone(), line)),
            Err(why) => self.draft.cut(place.clone(), what, why, None),
        }
    }

    fn picture(&mut self, id: &str, place: &Place) {
        let Some(relation) = self.relations.get(id) else { return };
        if relation.external {
            let why = "a picture that is linked, not held in the file".to_owned();
            return self.draft.lose_image(place.clone(), why);
        }
        let path = relation.target.clone();
        if self.taken.insert(path.clone()) {
            match self.parts.bytes(&path) {
                Ok(bytes) => self.draft.image(place.clone(), &bytes),
                Err(why) => self.draft.lose_image(place.clone(), why),
            }
        }
    }

    /// An object of another program: a file in the file, which a person opens by a double click.
    fn object(&mut self, id: &str, program: &str, place: &Place) {
        let Some(relation) = self.relations.get(id).filter(|r| !r.external) else { return };
        let path = relation.target.clone();
        if self.taken.insert(path.clone()) {
            let program = if program.is_empty() { "another program" } else { program };
            self.file_inside(&path, place, &format!("object of {program}"));
        }
    }

    /// Documents of other formats whose text Word shows in this place.
    fn chunk(&mut self, chunk: &Element<'_>) {
        let place = self.here();
        let Some(path) = chunk.attribute("id").and_then(|id| self.relations.get(id.as_ref())).map(|r| r.target.clone())
        else {
            return self.draft.cut(place, "a part of another format", "the file does not hold it", None);
        };
        self.file_inside(&path, &place, "part of another format");
    }

    fn file_inside(&mut self, path: &str, place: &Place, what: &str) {
        let inner = path.rsplit('/').next().unwrap_or(path).to_owned();
        match self.parts.bytes(path) {
            Ok(bytes) => {
                self.draft.push(place.clone(), format!("[{what}: see the file {}/{inner}]", self.name));
                if !self.draft.member_within(self.name, &inner, &bytes) {
                    self.draft.cut(place.clone(), format!("the {what} {inner}"), "too many files in this one", None);
                }
            }
            Err(why) => self.draft.cut(place.clone(), format!("the {what} {inner}"), why, None),
        }
    }

    /// Reports the changes that are tracked.
    pub fn finish(&mut self) {
        if self.insertions + self.deletions > 0 {
            let detail = format!(
                "{} insertions and {} deletions are tracked and not yet accepted",
                self.insertions, self.deletions
            );
            self.draft.finding("tracked_changes", Place::Whole, detail);
        }
        let fetching: Vec<&str> = self.flow.fetching.iter().copied().collect();
        if !fetching.is_empty() {
            let detail = format!(
                "fields of it fetch from other files or programs when they are updated ({}); nothing is fetched",
                fetching.join(", ")
            );
            self.draft.finding("external_fields", Place::Whole, detail);
        }
    }

    /// Reads another part, whose relationship ids are its own.
    pub fn in_part(&mut self, part: &str, work: impl FnOnce(&mut Self)) {
        let inner = super::by_id(self.parts.relations(part));
        let outer = std::mem::replace(&mut self.relations, inner);
        work(self);
        self.relations = outer;
    }
}
