//! The text inside a paragraph: runs, fields, links, tracked changes, notes, pictures.

use std::collections::HashMap;

use crate::document::opc::Relation;
use crate::document::xml::{Element, Node};

/// What a paragraph holds besides its text.
#[derive(Default)]
pub(super) struct Inline<'t, 'a> {
    pub text: String,
    /// Relationship ids of pictures.
    pub images: Vec<String>,
    pub charts: Vec<String>,
    pub diagrams: Vec<String>,
    /// `txbxContent` elements: shown after the paragraph.
    pub boxes: Vec<&'t Element<'a>>,
    /// Texts that a reader of the printed page would not see, with the reason.
    pub hidden: Vec<(String, &'static str)>,
    pub insertions: u32,
    pub deletions: u32,
    pub footnotes: Vec<String>,
    pub endnotes: Vec<String>,
    pub comments: Vec<String>,
}

/// What surrounds the runs.
#[derive(Clone, Copy)]
pub(super) struct Setting<'r> {
    pub relations: &'r HashMap<String, Relation>,
    /// White text is visible on a shaded ground.
    pub shaded: bool,
    pub hidden: bool,
}

impl<'t, 'a> Inline<'t, 'a> {
    pub fn read(paragraph: &'t Element<'a>, setting: Setting<'_>) -> Self {
        let mut inline = Self::default();
        inline.walk(paragraph, setting);
        inline
    }

    fn walk(&mut self, element: &'t Element<'a>, setting: Setting<'_>) {
        for child in element.elements() {
            match child.name() {
                "r" => self.run(child, setting),
                "ins" | "moveTo" => {
                    self.insertions += 1;
                    self.marked("inserted", child, setting);
                }
                "del" | "moveFrom" => {
                    self.deletions += 1;
                    self.marked("deleted", child, setting);
                }
                "hyperlink" => self.link(child, setting),
                "AlternateContent" => {
                    if let Some(choice) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.walk(choice, setting);
                    }
                }
                "oMath" | "oMathPara" => {
                    let mut parts = Vec::new();
                    child.find_all("t", &mut parts);
                    for part in parts {
                        self.text.push_str(&part.text());
                    }
                }
                "pPr" | "rPr" | "sdtPr" | "tblPr" => {}
                _ => self.walk(child, setting),
            }
        }
    }

    fn marked(&mut self, word: &str, element: &'t Element<'a>, setting: Setting<'_>) {
        let before = self.text.len();
        self.walk(element, setting);
        let inner = self.text.split_off(before);
        if !inner.is_empty() {
            self.text.push_str(&format!("[{word}: {inner}]"));
        }
    }

    fn link(&mut self, element: &'t Element<'a>, setting: Setting<'_>) {
        let before = self.text.len();
        self.walk(element, setting);
        let target = element.attribute("id").and_then(|id| setting.relations.get(id.as_ref()));
        let Some(url) = target.filter(|r| r.external).map(|r| r.target.as_str()) else { return };
        let inner = self.text.split_off(before);
        let bare = url.trim_start_matches("mailto:").trim_end_matches('/');
        if inner.trim().is_empty() || inner.contains(bare) {
            self.text.push_str(&inner);
        } else {
            self.text.push_str(&format!("[{inner}]({url})"));
        }
    }

    fn run(&mut self, run: &'t Element<'a>, setting: Setting<'_>) {
        let before = self.text.len();
        self.run_content(run, setting);
        if self.text.len() == before {
            return;
        }
        let properties = run.child("rPr");
        let why = if setting.hidden || properties.is_some_and(|p| p.switch("vanish") || p.switch("webHidden")) {
            Some("marked as hidden")
        } else {
            properties.and_then(|p| invisible(p, setting.shaded))
        };
        if let Some(why) = why
            && let Some(text) = self.text.get(before..).filter(|t| !t.trim().is_empty())
        {
            self.hidden.push((text.to_owned(), why));
        }
    }

    fn run_content(&mut self, run: &'t Element<'a>, setting: Setting<'_>) {
        for child in run.elements() {
            match child.name() {
                "t" | "delText" => self.push_text(child),
                "tab" | "ptab" => self.text.push('\t'),
                // Page and column breaks are no part of the text.
                "br" if matches!(child.attribute("type").as_deref(), Some("page" | "column")) => {}
                "br" | "cr" => self.text.push('\n'),
                "noBreakHyphen" => self.text.push('-'),
                "sym" => self.text.push(symbol(child)),
                "footnoteReference" => self.note(child, "", |s| &mut s.footnotes),
                "endnoteReference" => self.note(child, "e", |s| &mut s.endnotes),
                "commentReference" => {
                    if let Some(id) = child.attribute("id") {
                        self.text.push_str(&format!("[comment {id}]"));
                        self.comments.push(id.into_owned());
                    }
                }
                "drawing" | "pict" | "object" => self.drawing(child),
                "AlternateContent" => {
                    if let Some(choice) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.run_content(choice, setting);
                    }
                }
                "ruby" => self.walk(child, setting),
                _ => {}
            }
        }
    }

    fn push_text(&mut self, element: &Element<'a>) {
        for node in &element.children {
            if let Node::Text(text) = node {
                self.text.push_str(text);
            }
        }
    }

    fn note(&mut self, reference: &Element<'a>, prefix: &str, list: fn(&mut Self) -> &mut Vec<String>) {
        if let Some(id) = reference.attribute("id") {
            self.text.push_str(&format!("[^{prefix}{id}]"));
            list(self).push(id.into_owned());
        }
    }

    fn drawing(&mut self, drawing: &'t Element<'a>) {
        let mut found = Vec::new();
        drawing.find_all("docPr", &mut found);
        for properties in found {
            let about = properties.attribute("descr").filter(|d| !d.trim().is_empty());
            if let Some(about) = about {
                self.text.push_str(&format!("[picture: {}]", about.trim()));
            }
        }
        for (name, attribute) in [("blip", "embed"), ("imagedata", "id")] {
            let mut found = Vec::new();
            drawing.find_all(name, &mut found);
            self.images.extend(found.iter().filter_map(|e| e.attribute(attribute)).map(|id| id.into_owned()));
        }
        let mut data = Vec::new();
        drawing.find_all("graphicData", &mut data);
        for graphic in data {
            self.charts.extend(graphic.child("chart").and_then(|c| c.attribute("id")).map(|i| i.into_owned()));
            self.diagrams.extend(graphic.child("relIds").and_then(|c| c.attribute("dm")).map(|i| i.into_owned()));
        }
        drawing.find_all("txbxContent", &mut self.boxes);
    }
}

/// White letters on no ground of their own, or letters too small to read.
fn invisible(properties: &Element<'_>, shaded: bool) -> Option<&'static str> {
    let half_points: Option<f64> = properties.val("sz").and_then(|s| s.parse().ok());
    if half_points.is_some_and(|s| s <= 4.0) {
        return Some("smaller than 2 points");
    }
    let white = properties.val("color").is_some_and(|c| c.eq_ignore_ascii_case("ffffff"));
    let ground = shaded || is_shaded(properties) || properties.child("highlight").is_some();
    (white && !ground).then_some("white on white")
}

/// Whether these properties paint a ground that is not white.
pub(super) fn is_shaded(properties: &Element<'_>) -> bool {
    properties
        .child("shd")
        .and_then(|s| s.attribute("fill"))
        .is_some_and(|fill| !fill.eq_ignore_ascii_case("ffffff") && !fill.eq_ignore_ascii_case("auto"))
}

/// Symbol fonts map their signs into the private area; the common ones are told, the rest is a bullet.
fn symbol(element: &Element<'_>) -> char {
    let code = element.attribute("char").and_then(|c| u32::from_str_radix(&c, 16).ok()).unwrap_or(0);
    match code {
        0xf0fc | 0xf050 => '✓',
        0xf0fe | 0xf052 => '☑',
        0xf06f | 0xf0a8 | 0xf071 => '☐',
        0xf0fd | 0xf054 => '☒',
        0xf0fb | 0xf04f => '✗',
        0xf0e0 => '→',
        0xf000..=0xf0ff => '•',
        other => char::from_u32(other).unwrap_or('\u{fffd}'),
    }
}
