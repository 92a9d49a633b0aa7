//! Presentations (.pptx, .pptm): slides in their order, the title first, then every text by position in the
//! file, tables, charts, pictures; then the notes. Hidden slides are marked.
//! PresentationML: ECMA-376 part 1, 19.

use std::collections::{HashMap, HashSet};

use crate::domain::Place;

use super::draft::{Draft, markdown_row};
use super::opc::{Parts, Relation};
use super::xml::{self, Element};
use super::{Reader, Sample, chart};

pub(super) const READER: Reader = Reader { id: "pptx/1", recognise, read };

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    (sample.has_entry("[Content_Types].xml") && sample.entries()?.iter().any(|e| e.starts_with("ppt/")))
        .then_some(MEDIA_TYPE)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let main = parts.main_part("ppt/presentation.xml");
    let relations = parts.relations(&main);
    let text = parts.text(&main)?;
    let tree = xml::parse(&text, draft.limits.max_nesting);
    let ids: Vec<String> = tree
        .root
        .child("sldIdLst")
        .iter()
        .flat_map(|list| list.children_named("sldId"))
        // Two attributes are called id: the relationship's is the one with a prefix, and comes last.
        .filter_map(|slide| relation_id(slide, &relations))
        .collect();
    if ids.is_empty() {
        return Err("the presentation names no slides; it is empty or damaged, save it again".to_owned());
    }
    draft.pages = Some(u32::try_from(ids.len()).unwrap_or(u32::MAX));
    let mut taken = HashSet::new();
    for (index, path) in ids.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if number > draft.limits.max_pages {
            let what = format!("slides {number}-{}", ids.len());
            draft.cut(Place::Slide(number), what, format!("over the limit of {} slides", draft.limits.max_pages), None);
            break;
        }
        match parts.text(path) {
            Ok(text) => slide(&mut parts, path, &text, number, &mut taken, draft),
            Err(why) => draft.cut(Place::Slide(number), format!("slide {number}"), why, None),
        }
    }
    if relations.iter().any(|r| r.kind == "vbaProject") {
        draft.finding("macro", Place::Whole, "the presentation holds macros; they are not shown");
    }
    Ok(())
}

fn relation_id(slide: &Element<'_>, relations: &[Relation]) -> Option<String> {
    relations.iter().find(|r| r.kind == "slide" && slide.has_attribute_value(&r.id)).map(|r| r.target.clone())
}

struct Slide<'d, 'l, 'p, 'b> {
    /// Pictures that were shown already: a logo stands on every slide.
    taken: &'d mut HashSet<String>,
    draft: &'d mut Draft<'l>,
    parts: &'p mut Parts<'b>,
    relations: HashMap<String, Relation>,
    place: Place,
    number: u32,
}

fn slide(
    parts: &mut Parts<'_>,
    path: &str,
    text: &str,
    number: u32,
    taken: &mut HashSet<String>,
    draft: &mut Draft<'_>,
) {
    let nesting = draft.limits.max_nesting;
    let relations: HashMap<String, Relation> = parts.relations(path).into_iter().map(|r| (r.id.clone(), r)).collect();
    let notes = relations.values().find(|r| r.kind == "notesSlide").map(|r| r.target.clone());
    let comments: Vec<String> = relations.values().filter(|r| r.kind == "comments").map(|r| r.target.clone()).collect();
    let tree = xml::parse(text, nesting);
    let hidden = tree.root.attribute("show").is_some_and(|s| matches!(s.as_ref(), "0" | "false"));
    let place = Place::Slide(number);
    let mark = if hidden { " (hidden)" } else { "" };
    if hidden {
        draft.finding("hidden_slide", place.clone(), format!("slide {number} is hidden in the show"));
    }
    let shapes = tree.root.child("cSld").and_then(|c| c.child("spTree"));
    let title = shapes.and_then(|s| find_title(s)).map(|t| paragraphs(t).join(" ")).filter(|t| !t.trim().is_empty());
    draft.push(
        place.clone(),
        format!("## Slide {number}{mark}{}", title.map(|t| format!(": {}", t.trim())).unwrap_or_default()),
    );
    let mut slide = Slide { draft, parts, relations, taken, place: place.clone(), number };
    if let Some(shapes) = shapes {
        slide.shapes(shapes);
    }
    if let Some(why) = tree.damage {
        draft.cut(place.clone(), format!("the rest of slide {number}"), why, None);
    }
    if let Some(text) = notes.and_then(|path| parts.text(&path).ok()) {
        let tree = xml::parse(&text, nesting);
        let mut shapes = Vec::new();
        tree.root.find_all("sp", &mut shapes);
        let lines: Vec<String> = shapes
            .iter()
            .filter(|s| matches!(placeholder(s).as_deref(), Some("body") | None))
            .filter_map(|s| s.child("txBody"))
            .flat_map(paragraphs)
            .collect();
        if !lines.is_empty() {
            draft.push(Place::Notes(number), format!("Notes: {}", lines.join("\n")));
        }
    }
    for text in comments.iter().filter_map(|path| parts.text(path).ok()) {
        let tree = xml::parse(&text, nesting);
        let mut found = Vec::new();
        tree.root.find_all("text", &mut found);
        for comment in found {
            draft.push(place.clone(), format!("[comment] {}", comment.text().trim()));
        }
    }
}

/// `title`, `body`, ...; `None` for a shape that is no placeholder.
fn placeholder(shape: &Element<'_>) -> Option<String> {
    let mark = shape.child("nvSpPr")?.child("nvPr")?.child("ph")?;
    Some(mark.attribute("type").map_or_else(|| "body".to_owned(), |t| t.into_owned()))
}

fn find_title<'t, 'a>(shapes: &'t Element<'a>) -> Option<&'t Element<'a>> {
    let mut found = Vec::new();
    shapes.find_all("sp", &mut found);
    found
        .into_iter()
        .find(|s| matches!(placeholder(s).as_deref(), Some("title" | "ctrTitle")))
        .and_then(|s| s.child("txBody"))
}

/// The paragraphs of a text body, list levels as indents.
fn paragraphs(body: &Element<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in body.children_named("p") {
        let mut text = String::new();
        for part in paragraph.elements() {
            match part.name() {
                "r" | "fld" => text.push_str(&part.child("t").map(Element::text).unwrap_or_default()),
                "br" => text.push('\n'),
                "m" | "AlternateContent" => {
                    let mut found = Vec::new();
                    part.find_all("t", &mut found);
                    found.iter().for_each(|t| text.push_str(&t.text()));
                }
                _ => {}
            }
        }
        if text.trim().is_empty() {
            continue;
        }
        let properties = paragraph.child("pPr");
        let level: usize = properties.and_then(|p| p.attribute("lvl")).and_then(|l| l.parse().ok()).unwrap_or(0);
        let bullet =
            properties.is_some_and(|p| p.child("buChar").is_some() || p.child("buAutoNum").is_some()) || level > 0;
        lines.push(format!("{}{}{}", "  ".repeat(level.min(9)), if bullet { "- " } else { "" }, text.trim()));
    }
    lines
}

impl Slide<'_, '_, '_, '_> {
    fn shapes(&mut self, tree: &Element<'_>) {
        for shape in tree.elements() {
            match shape.name() {
                "sp" | "cxnSp" => self.shape(shape),
                "grpSp" => self.shapes(shape),
                "pic" => {
                    self.describe(shape);
                    self.pictures(shape);
                }
                "graphicFrame" => self.frame(shape),
                "AlternateContent" => {
                    if let Some(choice) = shape.child("Choice").or_else(|| shape.child("Fallback")) {
                        self.shapes(choice);
                    }
                }
                _ => {}
            }
        }
    }

    fn shape(&mut self, shape: &Element<'_>) {
        self.pictures(shape);
        // The title stands in the heading already.
        if matches!(placeholder(shape).as_deref(), Some("title" | "ctrTitle" | "sldNum" | "dt")) {
            return;
        }
        let Some(body) = shape.child("txBody") else { return };
        let lines = paragraphs(body);
        if lines.is_empty() {
            return;
        }
        let text = lines.join("\n");
        let properties = shape.child("nvSpPr").and_then(|n| n.child("cNvPr"));
        if properties.and_then(|p| p.attribute("hidden")).is_some_and(|h| matches!(h.as_ref(), "1" | "true")) {
            let shown: String = text.chars().take(200).collect();
            self.draft.finding("hidden_text", self.place.clone(), format!("marked as hidden: {shown}"));
        }
        let mut sizes = Vec::new();
        body.find_all("rPr", &mut sizes);
        let tiny = |r: &&&Element<'_>| r.attribute("sz").and_then(|s| s.parse::<u32>().ok()).is_some_and(|s| s <= 200);
        if sizes.iter().any(|r| tiny(&r)) {
            let shown: String = text.chars().take(200).collect();
            self.draft.finding("hidden_text", self.place.clone(), format!("smaller than 2 points: {shown}"));
        }
        self.draft.push(self.place.clone(), text);
    }

    fn describe(&mut self, shape: &Element<'_>) {
        let about = shape.find("cNvPr").and_then(|p| p.attribute("descr")).filter(|d| !d.trim().is_empty());
        if let Some(about) = about {
            self.draft.push(self.place.clone(), format!("[picture: {}]", about.trim()));
        }
    }

    fn pictures(&mut self, shape: &Element<'_>) {
        let mut found = Vec::new();
        shape.find_all("blip", &mut found);
        for blip in found {
            let target = blip.attribute("embed").and_then(|id| self.relations.get(id.as_ref()));
            let Some(target) = target.filter(|t| !t.external).map(|t| t.target.clone()) else { continue };
            if !self.taken.insert(target.clone()) {
                continue;
            }
            match self.parts.bytes(&target) {
                Ok(bytes) => self.draft.image(self.place.clone(), &bytes),
                Err(why) => self.draft.lose_image(self.place.clone(), why),
            }
        }
    }

    fn frame(&mut self, frame: &Element<'_>) {
        let Some(data) = frame.child("graphic").and_then(|g| g.child("graphicData")) else { return };
        let nesting = self.draft.limits.max_nesting;
        for content in data.elements() {
            match content.name() {
                "tbl" => {
                    for row in content.children_named("tr") {
                        let texts: Vec<String> = row
                            .children_named("tc")
                            .map(|cell| cell.child("txBody").map(paragraphs).unwrap_or_default().join("\n"))
                            .collect();
                        self.draft.push(self.place.clone(), markdown_row(texts));
                    }
                }
                "chart" => {
                    let target = content.attribute("id").and_then(|id| self.relations.get(id.as_ref())).cloned();
                    match target.map(|t| self.parts.text(&t.target)) {
                        Some(Ok(text)) => {
                            for line in chart::lines(&text, nesting) {
                                self.draft.push(self.place.clone(), line);
                            }
                        }
                        _ => self.draft.cut(
                            self.place.clone(),
                            format!("a chart on slide {}", self.number),
                            "the file does not hold it",
                            None,
                        ),
                    }
                }
                "relIds" => {
                    let target = content.attribute("dm").and_then(|id| self.relations.get(id.as_ref())).cloned();
                    if let Some(Ok(text)) = target.map(|t| self.parts.text(&t.target)) {
                        for line in super::docx::diagram_lines(&text, nesting) {
                            self.draft.push(self.place.clone(), line);
                        }
                    }
                }
                "oleObj" => self.pictures(content),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of, zip};
    use crate::domain::Place;

    fn pptx(slides: &[&str], notes: &str) -> Vec<u8> {
        let list: String =
            (0..slides.len()).rev().map(|i| format!(r#"<p:sldId id="{}" r:id="r{i}"/>"#, 256 + i)).collect();
        let relations: String = (0..slides.len())
            .map(|i| format!(r#"<Relationship Id="r{i}" Type="x/slide" Target="slides/s{i}.xml"/>"#))
            .collect();
        let mut members = vec![
            ("[Content_Types].xml".to_owned(), "<Types/>".to_owned()),
            (
                "ppt/presentation.xml".to_owned(),
                format!("<p:presentation><p:sldIdLst>{list}</p:sldIdLst></p:presentation>"),
            ),
            ("ppt/_rels/presentation.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>")),
            (
                "ppt/slides/_rels/s0.xml.rels".to_owned(),
                r#"<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notes/n0.xml"/></Relationships>"#
                    .to_owned(),
            ),
            ("ppt/notes/n0.xml".to_owned(), notes.to_owned()),
        ];
        for (i, slide) in slides.iter().enumerate() {
            members.push((format!("ppt/slides/s{i}.xml"), (*slide).to_owned()));
        }
        let members: Vec<_> = members.iter().map(|(n, t)| (n.as_str(), t.as_bytes())).collect();
        zip(&members)
    }

    fn shape(kind: &str, text: &str) -> String {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2"/><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    }

    #[test]
    fn slides_come_in_the_order_of_the_show_with_title_groups_tables_and_notes() {
        let first = format!(
            r#"<p:sld><p:cSld><p:spTree>{}<p:grpSp>{}</p:grpSp>{}<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>
            <a:tc><a:txBody><a:p><a:r><a:t>x</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p/></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame></p:spTree></p:cSld></p:sld>"#,
            shape("", "body"),
            shape("", "grouped"),
            shape(r#"<p:ph type="title"/>"#, "Title"),
        );
        let second =
            format!(r#"<p:sld show="0"><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:sld>"#, shape("", "secret"));
        let notes = format!(
            "<p:notes><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:notes>",
            shape(r#"<p:ph type="body"/>"#, "say this")
        );
        let file = read_one("a.pptx", &pptx(&[&first, &second], &notes));
        assert_eq!(
            text_of(&file),
            "## Slide 1 (hidden)\nsecret\n## Slide 2: Title\nbody\ngrouped\n| x |  |\nNotes: say this"
        );
        assert_eq!(file.segments.last().unwrap().place, Place::Notes(2));
        assert_eq!((file.findings[0].code.as_str(), file.pages), ("hidden_slide", Some(2)));
    }
}
