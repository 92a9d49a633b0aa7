//! Presentations (.pptx, .pptm): slides in their order, the title first, then every text from top to bottom and from
//! left to right, tables, charts, diagrams, pictures; then the notes and the comments. Hidden slides, shapes that are
//! hidden or outside the slide, white and tiny letters are marked. Objects of other programs are members.
//! PresentationML: ECMA-376 part 1, 19.

mod comments;
mod visible;

use std::collections::{HashMap, HashSet};

use crate::domain::Place;

use super::docx::{chosen, diagram_lines, linear, new_chart_lines};
use super::draft::{Draft, markdown_row};
use super::opc::{Parts, Relation};
use super::xml::{self, Element};
use super::{Reader, Sample, chart};

use visible::{Ground, is_white_text};

pub(super) const READER: Reader = Reader { id: "pptx/2", recognise, read };

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
    let size = tree.root.child("sldSz").and_then(|size| {
        let number = |name: &str| size.attribute(name)?.parse::<i64>().ok();
        Some((number("cx")?, number("cy")?))
    });
    let mut deck = Deck { taken: HashSet::new(), comments: 0, size, name: sample.name };
    for (index, path) in ids.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if number > draft.limits.max_pages {
            let what = format!("slides {number}-{}", ids.len());
            draft.cut(Place::Slide(number), what, format!("over the limit of {} slides", draft.limits.max_pages), None);
            break;
        }
        match parts.text(path) {
            Ok(text) => slide(&mut parts, path, &text, number, &mut deck, draft),
            Err(why) => draft.cut(Place::Slide(number), format!("slide {number}"), why, None),
        }
    }
    if relations.iter().any(|r| r.kind == "vbaProject") {
        draft.finding("macro", Place::Whole, "the presentation holds macros; they are not shown");
    }
    if deck.comments > 0 {
        draft.finding("comments", Place::Comment(1), format!("{} comments on slides", deck.comments));
    }
    if let Some(damage) = tree.damage {
        draft.cut(Place::Whole, "the rest of the list of slides", damage, None);
    }
    super::xlsx::properties::push(&mut parts, draft);
    Ok(())
}

fn relation_id(slide: &Element<'_>, relations: &[Relation]) -> Option<String> {
    relations.iter().find(|r| r.kind == "slide" && slide.has_attribute_value(&r.id)).map(|r| r.target.clone())
}

/// What goes on from slide to slide.
struct Deck<'n> {
    /// Pictures that were shown already: a logo stands on every slide.
    taken: HashSet<String>,
    comments: u32,
    size: Option<(i64, i64)>,
    /// The file's name, for the files in it.
    name: &'n str,
}

struct Slide<'d, 'l, 'p, 'b, 'n> {
    deck: &'d mut Deck<'n>,
    ground: Ground,
    /// Why nobody sees the shape that is read now.
    unseen: Option<&'static str>,
    /// In a group, whose shapes have places of their own.
    grouped: bool,
    draft: &'d mut Draft<'l>,
    parts: &'p mut Parts<'b>,
    relations: HashMap<String, Relation>,
    place: Place,
    number: u32,
}

fn slide(parts: &mut Parts<'_>, path: &str, text: &str, number: u32, deck: &mut Deck<'_>, draft: &mut Draft<'_>) {
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
    let title = shapes
        .and_then(|s| find_title(s))
        .map(|t| paragraphs(t, &relations).join(" "))
        .filter(|t| !t.trim().is_empty());
    draft.push(
        place.clone(),
        format!("## Slide {number}{mark}{}", title.map(|t| format!(": {}", t.trim())).unwrap_or_default()),
    );
    let layout = relations.values().find(|r| r.kind == "slideLayout").map(|r| r.target.clone());
    let mut ground = Ground::behind(parts, layout.as_deref(), deck.size, nesting);
    ground.add(&tree.root);
    let mut slide = Slide {
        deck: &mut *deck,
        ground,
        unseen: None,
        grouped: false,
        draft: &mut *draft,
        parts: &mut *parts,
        relations,
        place: place.clone(),
        number,
    };
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
            .flat_map(|body| paragraphs(body, &HashMap::new()))
            .collect();
        if !lines.is_empty() {
            draft.push(Place::Notes(number), format!("Notes: {}", lines.join("\n")));
        }
    }
    for text in comments.iter().filter_map(|path| parts.text(path).ok()) {
        comments::push(&text, number, &mut deck.comments, draft);
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
fn paragraphs(body: &Element<'_>, relations: &HashMap<String, Relation>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut counters = [0u64; 10];
    for paragraph in body.children_named("p") {
        let mut text = String::new();
        for part in paragraph.elements() {
            match part.name() {
                "r" | "fld" => text.push_str(&run_text(part, relations)),
                "br" => text.push('\n'),
                "m" => text.push_str(&linear(part)),
                "AlternateContent" => {
                    let chosen = chosen(part);
                    match chosen.and_then(|c| c.find("oMathPara").or_else(|| c.find("oMath"))) {
                        Some(math) => text.push_str(&linear(math)),
                        None => {
                            let mut found = Vec::new();
                            part.find_all("t", &mut found);
                            found.iter().for_each(|t| text.push_str(&t.text()));
                        }
                    }
                }
                _ => {}
            }
        }
        if text.trim().is_empty() {
            continue;
        }
        let properties = paragraph.child("pPr");
        let level: usize = properties.and_then(|p| p.attribute("lvl")).and_then(|l| l.parse().ok()).unwrap_or(0).min(9);
        counters[level + 1..].fill(0);
        let mark = match properties.and_then(|p| p.child("buAutoNum")) {
            Some(numbers) => {
                let start = numbers.attribute("startAt").and_then(|s| s.parse().ok()).unwrap_or(1u64);
                counters[level] = if counters[level] == 0 { start } else { counters[level].saturating_add(1) };
                format!("{}. ", counters[level])
            }
            None => {
                counters[level] = 0;
                let bullet = properties.is_some_and(|p| p.child("buChar").is_some()) || level > 0;
                if bullet { "- ".to_owned() } else { String::new() }
            }
        };
        lines.push(format!("{}{mark}{}", "  ".repeat(level), text.trim()));
    }
    lines
}

fn run_text(run: &Element<'_>, relations: &HashMap<String, Relation>) -> String {
    let text = run.child("t").map(Element::text).unwrap_or_default();
    let properties = run.child("rPr");
    let link = properties.and_then(|p| p.child("hlinkClick")).and_then(|l| l.attribute("id"));
    let url = link.and_then(|id| relations.get(id.as_ref())).filter(|r| r.external).map(|r| r.target.as_str());
    let struck = properties.and_then(|p| p.attribute("strike")).is_some_and(|s| s != "noStrike");
    match url {
        _ if text.trim().is_empty() => text,
        Some(url) if !text.contains(url.trim_start_matches("mailto:").trim_end_matches('/')) => {
            format!("[{text}]({url})")
        }
        _ if struck => format!("~~{text}~~"),
        _ => text,
    }
}

impl Slide<'_, '_, '_, '_, '_> {
    fn shapes(&mut self, tree: &Element<'_>) {
        let ordered = if self.grouped { tree.elements().collect() } else { self.ground.in_order(tree) };
        for shape in ordered {
            let outer = (self.unseen, self.grouped);
            // Inside a group places are counted from the group's own corner.
            let unseen = if self.grouped { Ground::default().unseen(shape) } else { self.ground.unseen(shape) };
            self.unseen = outer.0.or(unseen);
            let before = self.draft.text_len();
            match shape.name() {
                "sp" | "cxnSp" => self.shape(shape),
                "grpSp" => {
                    self.describe(shape, "group");
                    self.grouped = true;
                    self.shapes(shape);
                }
                "pic" => {
                    let media = ["videoFile", "audioFile"].iter().any(|name| shape.find(name).is_some());
                    self.describe(shape, if media { "recording, not played here" } else { "picture" });
                    self.pictures(shape);
                }
                "graphicFrame" => {
                    self.describe(shape, "figure");
                    self.frame(shape);
                }
                "AlternateContent" => {
                    if let Some(choice) = chosen(shape) {
                        self.shapes(choice);
                    }
                }
                _ => {}
            }
            (self.unseen, self.grouped) = outer;
            if outer.0.is_none()
                && let Some(why) = unseen
            {
                let text = self.draft.text_since(before);
                self.report(why, &text);
            }
        }
    }

    fn report(&mut self, why: &str, text: &str) {
        let shown: String = text.trim().chars().take(200).collect();
        if !shown.is_empty() {
            self.draft.finding("hidden_text", self.place.clone(), format!("{why}: {shown}"));
        }
    }

    fn shape(&mut self, shape: &Element<'_>) {
        self.describe(shape, "shape");
        self.pictures(shape);
        let kind = placeholder(shape);
        let Some(body) = shape.child("txBody") else { return };
        let lines = paragraphs(body, &self.relations);
        if lines.is_empty() || kind.as_deref() == Some("sldNum") {
            return;
        }
        // The title stands in the heading already.
        if matches!(kind.as_deref(), Some("title" | "ctrTitle")) && !self.grouped {
            if let Some(why) = self.unseen {
                self.report(why, &lines.join(" "));
            }
        } else {
            self.draft.push(self.place.clone(), lines.join("\n"));
        }
        if self.unseen.is_some() {
            return;
        }
        let white_below = !self.grouped && self.ground.is_white_below(shape);
        let mut runs = Vec::new();
        body.find_all("r", &mut runs);
        let mut found: Vec<(&str, String)> = Vec::new();
        for run in runs {
            let Some(properties) = run.child("rPr") else { continue };
            let tiny = properties.attribute("sz").and_then(|s| s.parse::<u32>().ok()).is_some_and(|s| s <= 300);
            let clear =
                properties.find("alpha").and_then(|a| a.attribute("val")).is_some_and(|a| a == "0" || a == "0%");
            let why = match () {
                () if tiny => "3 points or smaller",
                () if clear => "transparent",
                () if white_below && is_white_text(properties) => "white on white",
                () => continue,
            };
            let text = run_text(run, &self.relations);
            match found.last_mut() {
                Some((because, so_far)) if *because == why => so_far.push_str(&text),
                _ => found.push((why, text)),
            }
        }
        for (why, text) in found {
            self.report(why, &text);
        }
    }

    fn describe(&mut self, shape: &Element<'_>, kind: &str) {
        let properties = shape.elements().find(|e| e.name().starts_with("nv")).and_then(|n| n.child("cNvPr"));
        let said = |name: &str| properties?.attribute(name).filter(|d| !d.trim().is_empty());
        match said("descr").or_else(|| said("title")) {
            Some(about) => self.draft.push(self.place.clone(), format!("[{kind}: {}]", about.trim())),
            None if shape.name() == "pic" => self.draft.push(self.place.clone(), format!("[{kind}]")),
            None => {}
        }
    }

    fn pictures(&mut self, shape: &Element<'_>) {
        let mut found = Vec::new();
        shape.find_all("blip", &mut found);
        for blip in found {
            let target = blip.attribute("embed").and_then(|id| self.relations.get(id.as_ref()));
            let Some(target) = target.filter(|t| !t.external).map(|t| t.target.clone()) else { continue };
            if !self.deck.taken.insert(target.clone()) {
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
                "tbl" => self.table(content),
                "AlternateContent" => {
                    let mut found = Vec::new();
                    content.find_all("oleObj", &mut found);
                    found.first().into_iter().for_each(|object| self.object(object));
                    content.child("Fallback").into_iter().for_each(|shown| self.pictures(shown));
                }
                "chart" => {
                    let target = content.attribute("id").and_then(|id| self.relations.get(id.as_ref())).cloned();
                    match target.map(|t| self.parts.text(&t.target)) {
                        Some(Ok(text)) => {
                            let mut lines = chart::lines(&text, nesting);
                            if lines.is_empty() {
                                lines = new_chart_lines(&text, nesting);
                            }
                            for line in lines {
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
                        for line in diagram_lines(&text, nesting) {
                            self.draft.push(self.place.clone(), line);
                        }
                    }
                }
                "oleObj" => {
                    self.object(content);
                    self.pictures(content);
                }
                _ => {}
            }
        }
    }

    fn table(&mut self, table: &Element<'_>) {
        for row in table.children_named("tr") {
            let mut covered = Vec::new();
            let texts: Vec<String> = row
                .children_named("tc")
                .map(|cell| {
                    let lines = cell.child("txBody").map(|body| paragraphs(body, &self.relations)).unwrap_or_default();
                    let text = lines.join("\n");
                    let merged = ["hMerge", "vMerge"].iter().filter_map(|name| cell.attribute(name));
                    if merged.into_iter().any(|m| matches!(m.as_ref(), "1" | "true")) {
                        covered.push(text.replace('|', "\\|"));
                    }
                    text
                })
                .collect();
            self.draft.push(self.place.clone(), markdown_row(texts));
            if self.unseen.is_some() {
                covered.clear();
            }
            for text in covered {
                self.report("in a cell that another one covers", &text);
            }
        }
    }

    /// An object of another program: a file in the file.
    fn object(&mut self, object: &Element<'_>) {
        let id = object.attribute("id").and_then(|id| self.relations.get(id.as_ref()));
        let Some(path) = id.filter(|r| !r.external).map(|r| r.target.clone()) else { return };
        if !self.deck.taken.insert(path.clone()) {
            return;
        }
        let program = object.attribute("progId").unwrap_or_default().into_owned();
        let inner = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let what = format!("object of {}", if program.is_empty() { "another program" } else { &program });
        match self.parts.bytes(&path) {
            Ok(bytes) => {
                let outer = self.deck.name;
                self.draft.push(self.place.clone(), format!("[{what}: see the file {outer}/{inner}]"));
                if !self.draft.member_within(outer, &inner, &bytes) {
                    let why = "too many files in this one";
                    self.draft.cut(self.place.clone(), format!("the {what} {inner}"), why, None);
                }
            }
            Err(why) => self.draft.cut(self.place.clone(), format!("the {what} {inner}"), why, None),
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

    fn placed(name: &str, x: i64, y: i64, more: &str, run: &str, text: &str) -> String {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="{name}" {more}/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="100" cy="100"/></a:xfrm></p:spPr>
            <p:txBody><a:p><a:r><a:rPr>{run}</a:rPr><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    }

    #[test]
    fn shapes_are_read_as_they_lie_and_those_that_nobody_sees_are_hidden() {
        let white = r#"<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill>"#;
        let dark = r#"<p:sp><p:nvSpPr><p:cNvPr id="9"/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm><a:off x="0" y="2000000"/><a:ext cx="5000" cy="5000"/></a:xfrm><a:solidFill><a:srgbClr val="000080"/></a:solidFill></p:spPr></p:sp>"#;
        let shapes = [
            dark.to_owned(),
            placed("c", 0, 1_000_000, "", "", "third"),
            placed("b", 5_000, 10, "", "", "second"),
            placed("a", 0, 100, "", "", "first"),
            placed("d", 0, 1_500_000, "", white, "white on white"),
            placed("e", 0, 2_000_100, "", white, "white on navy"),
            placed("f", -9_000, 3_000_000, "", "", "off"),
            placed("g", 0, 4_000_000, r#"hidden="1""#, "", "switched off"),
        ];
        let slide = format!("<p:sld><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:sld>", shapes.concat());
        let mut members = vec![
            ("[Content_Types].xml", "<Types/>".to_owned()),
            ("ppt/presentation.xml", r#"<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r0"/></p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/></p:presentation>"#.to_owned()),
            ("ppt/_rels/presentation.xml.rels", r#"<Relationships><Relationship Id="r0" Type="x/slide" Target="slides/s0.xml"/></Relationships>"#.to_owned()),
            ("ppt/slides/s0.xml", slide),
        ];
        members.push((
            "ppt/slides/_rels/s0.xml.rels",
            r#"<Relationships><Relationship Id="c" Type="x/comments" Target="../comments/c.xml"/></Relationships>"#
                .to_owned(),
        ));
        members.push(("ppt/comments/c.xml", r#"<p188:cmLst><p188:cm id="1" authorId="Ann"><p188:replyLst><p188:reply authorId="Bob"><p188:txBody><a:p><a:r><a:t>done</a:t></a:r></a:p></p188:txBody></p188:reply></p188:replyLst>
            <p188:txBody><a:p><a:r><a:t>too long?</a:t></a:r></a:p></p188:txBody></p188:cm></p188:cmLst>"#.to_owned()));
        let members: Vec<_> = members.iter().map(|(n, t)| (*n, t.as_bytes())).collect();
        let file = read_one("a.pptx", &zip(&members));
        assert_eq!(
            text_of(&file),
            "## Slide 1\nfirst\nsecond\nthird\nwhite on white\nwhite on navy\noff\nswitched off\n\
             [comment 1 on slide 1] too long?\n[comment 2 on slide 1, a reply to comment 1] done"
        );
        let hidden: Vec<&str> = file.hidden().iter().map(|h| &file.segments[h.segment].text[h.bytes.clone()]).collect();
        assert_eq!(hidden, ["white on white", "off", "switched off"]);
        assert!(!format!("{file:?}").contains("Ann"));
    }
}
