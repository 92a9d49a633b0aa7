//! The text inside a paragraph: runs, fields, links, tracked changes, notes, comments, equations.

use std::collections::HashMap;

use crate::document::opc::Relation;
use crate::document::xml::{Element, Node};

use super::drawing::{self, TextBox};
use super::flow::{Field, Flow, form_state};
use super::look::{Look, Paint};
use super::math;
use super::styles::Styles;
use super::symbols::{is_symbol_font, symbol};

/// Stands in the text where a new page was asked for.
pub(super) const PAGE_BREAK: char = '\u{c}';
const NAME: &str = "[author's name]";

/// What a paragraph holds besides its text.
#[derive(Default)]
pub(super) struct Inline<'t, 'a> {
    pub text: String,
    /// Relationship ids of pictures.
    pub images: Vec<String>,
    pub charts: Vec<String>,
    pub diagrams: Vec<String>,
    /// Relationship ids of objects of other programs, with the program.
    pub objects: Vec<(String, String)>,
    /// Shown after the paragraph.
    pub boxes: Vec<TextBox<'t, 'a>>,
    /// Texts that a reader of the printed page would not see, with the reason.
    pub hidden: Vec<(String, &'static str)>,
    pub insertions: u32,
    pub deletions: u32,
}

/// What surrounds the runs.
#[derive(Clone, Copy)]
pub(super) struct Setting<'r> {
    pub relations: &'r HashMap<String, Relation>,
    pub styles: &'r Styles,
    /// What the paragraph's style says.
    pub look: Look,
    /// White text is visible on a shaded ground.
    pub ground: Paint,
}

impl<'t, 'a> Inline<'t, 'a> {
    pub fn read(paragraph: &'t Element<'a>, flow: &mut Flow, setting: Setting<'_>) -> Self {
        let mut walker = Walker { out: Self::default(), flow, setting, unseen_to: None };
        walker.walk(paragraph);
        walker.flow.next_paragraph();
        let swallowed = std::mem::take(&mut walker.flow.swallowed);
        if !swallowed.trim().is_empty() {
            walker.out.text.push_str(&format!(" [in a field's instructions: {}]", swallowed.trim()));
            walker.out.hidden.push((swallowed.trim().to_owned(), "in a field's instructions"));
        }
        walker.out
    }
}

struct Walker<'f, 't, 'a> {
    out: Inline<'t, 'a>,
    flow: &'f mut Flow,
    setting: Setting<'f>,
    /// Where the last unseen run ended, and why it is unseen.
    unseen_to: Option<(usize, &'static str)>,
}

impl<'t, 'a> Walker<'_, 't, 'a> {
    fn say(&mut self, text: &str) {
        if self.flow.is_instructing() {
            return self.flow.swallowed.push_str(text);
        }
        match &mut self.flow.nameless {
            Some(true) => {}
            Some(said) if !text.trim().is_empty() => {
                *said = true;
                self.out.text.push_str(NAME);
            }
            _ => {
                self.out.text.push_str(text);
                self.flow.quote(text);
            }
        }
    }

    fn walk(&mut self, element: &'t Element<'a>) {
        for child in element.elements() {
            match child.name() {
                "r" => self.run(child),
                "ins" => self.marked("inserted", child),
                "moveTo" => self.marked("moved here", child),
                "del" => self.marked("deleted", child),
                "moveFrom" => self.marked("moved away", child),
                "hyperlink" => self.link(child),
                "fldSimple" => {
                    let instructions = child.attribute("instr").unwrap_or_default().into_owned();
                    let at = Some(self.out.text.len());
                    self.flow.begin(Field { instructions, separated: true, at, state: None });
                    self.walk(child);
                    self.end_field();
                }
                "sdt" => self.control(child),
                "commentRangeStart" => {
                    child.attribute("id").into_iter().for_each(|id| self.flow.open_comment(&id));
                }
                "commentRangeEnd" => {
                    child.attribute("id").into_iter().for_each(|id| self.flow.close_comment(&id));
                }
                "AlternateContent" => {
                    if let Some(choice) = drawing::chosen(child) {
                        self.walk(choice);
                    }
                }
                "oMath" | "oMathPara" => {
                    let text = math::linear(child);
                    self.say(&text);
                }
                "drawing" | "pict" | "object" => self.drawing(child),
                "pPr" | "rPr" | "sdtPr" | "tblPr" => {}
                _ => self.walk(child),
            }
        }
    }

    /// The text from a byte on, taken out of the line.
    fn taken_from(&mut self, at: usize) -> String {
        if self.out.text.is_char_boundary(at) { self.out.text.split_off(at) } else { String::new() }
    }

    fn marked(&mut self, word: &str, element: &'t Element<'a>) {
        let before = self.out.text.len();
        self.walk(element);
        let inner = self.taken_from(before);
        if !inner.is_empty() {
            self.out.text.push_str(&format!("[{word}: {inner}]"));
        }
        match word {
            "inserted" | "moved here" => self.out.insertions += 1,
            _ => self.out.deletions += 1,
        }
    }

    fn link(&mut self, element: &'t Element<'a>) {
        let before = self.out.text.len();
        self.walk(element);
        let target = element.attribute("id").and_then(|id| self.setting.relations.get(id.as_ref()));
        if let Some(url) = target.filter(|r| r.external).map(|r| r.target.clone()) {
            self.linked(before, &url);
        }
    }

    fn linked(&mut self, before: usize, url: &str) {
        let inner = self.taken_from(before);
        let bare = url.trim_start_matches("mailto:").trim_end_matches('/');
        if inner.trim().is_empty() || inner.contains(bare) || inner.contains(PAGE_BREAK) {
            self.out.text.push_str(&inner);
        } else {
            self.out.text.push_str(&format!("[{inner}]({url})"));
        }
    }

    /// A control that is filled in: its content, or its state where that is all it has.
    fn control(&mut self, control: &'t Element<'a>) {
        let properties = control.child("sdtPr");
        let outer = self.flow.nameless;
        if properties.is_some_and(shows_a_name) {
            self.flow.nameless = outer.or(Some(false));
        }
        let before = self.out.text.len();
        if let Some(content) = control.child("sdtContent") {
            self.walk(content);
        }
        self.flow.nameless = outer;
        let blank = self.out.text.get(before..).is_none_or(|t| t.trim().is_empty());
        if let Some(mark) = properties.and_then(|p| p.child("checkbox")).filter(|_| blank) {
            let on = mark.switch("checked");
            self.say(if on { "☒" } else { "☐" });
        }
    }

    fn end_field(&mut self) {
        let Some(field) = self.flow.end() else { return };
        self.flow.fetching.extend(field.fetches());
        let result = field.at.and_then(|at| self.out.text.get(at..));
        let blank = result.is_some_and(|t| t.trim().is_empty()) || !field.separated;
        if blank {
            if let Some(text) = field.without_result() {
                self.say(&text);
            }
            return;
        }
        let Some(at) = field.at else { return };
        if field.is_name() {
            self.taken_from(at);
            self.out.text.push_str(NAME);
        } else if let Some(url) = field.address() {
            self.linked(at, url);
        }
    }

    fn run(&mut self, run: &'t Element<'a>) {
        let before = self.out.text.len();
        let properties = run.child("rPr");
        let style = properties.and_then(|p| p.val("rStyle")).map(|id| self.setting.styles.get(&id));
        let direct = properties.map(Look::of).unwrap_or_default();
        let styled = style.as_ref().map(|s| s.look).unwrap_or_default();
        let look = direct.over(styled).over(self.setting.look);
        let font = properties.and_then(|p| p.child("rFonts")).and_then(|f| f.attribute("ascii")).unwrap_or_default();
        self.run_content(run, &font);
        if self.out.text.len() <= before {
            return;
        }
        let (placeholder, mention) = style.map_or((false, false), |s| (s.placeholder, s.mention));
        if placeholder || mention || look.struck == Some(true) || look.raised.is_some_and(|r| r != 0) {
            let inner = self.taken_from(before);
            let blank = inner.trim().is_empty();
            let inner = match () {
                () if blank || inner.contains(PAGE_BREAK) => inner,
                () if mention => "@someone".to_owned(),
                () if placeholder => format!("[not filled in: {inner}]"),
                () if look.struck == Some(true) => format!("~~{inner}~~"),
                () => shifted(&inner, look.raised.unwrap_or(0) > 0),
            };
            self.out.text.push_str(&inner);
        }
        if let Some(why) = look.unseen(self.setting.ground)
            && let Some(text) = self.out.text.get(before..).filter(|t| !t.trim().is_empty())
        {
            match (self.out.hidden.last_mut(), self.unseen_to) {
                (Some((so_far, because)), Some((to, _))) if to == before && *because == why => so_far.push_str(text),
                _ => self.out.hidden.push((text.to_owned(), why)),
            }
            self.unseen_to = Some((self.out.text.len(), why));
        }
    }

    fn run_content(&mut self, run: &'t Element<'a>, font: &str) {
        for child in run.elements() {
            match child.name() {
                "t" | "delText" => self.push_text(child, font),
                "tab" | "ptab" => self.say("\t"),
                "br" if child.attribute("type").as_deref() == Some("page") => self.say("\u{c}"),
                "br" | "cr" => self.say("\n"),
                "noBreakHyphen" => self.say("-"),
                "sym" => {
                    let code = child.attribute("char").and_then(|c| u32::from_str_radix(&c, 16).ok()).unwrap_or(0);
                    let font = child.attribute("font").unwrap_or_default();
                    self.say(symbol(&font, code).encode_utf8(&mut [0; 4]));
                }
                "fldChar" => self.field_mark(child),
                "instrText" => {
                    if let Some(field) = self.flow.field().filter(|f| f.instructions.len() < 4_000) {
                        field.instructions.push_str(&child.text());
                    }
                }
                "footnoteReference" | "endnoteReference" | "commentReference" => {
                    let Some(id) = child.attribute("id") else { continue };
                    let mark = match child.name() {
                        "footnoteReference" => format!("[^{}]", self.flow.footnote(&id)),
                        "endnoteReference" => format!("[^{}]", self.flow.endnote(&id)),
                        _ => format!("[comment {}]", self.flow.comment(&id)),
                    };
                    self.out.text.push_str(&mark);
                }
                "drawing" | "pict" | "object" => self.drawing(child),
                "AlternateContent" => {
                    if let Some(choice) = drawing::chosen(child) {
                        self.run_content(choice, font);
                    }
                }
                "ruby" => {
                    if let Some(base) = child.child("rubyBase") {
                        self.walk(base);
                    }
                    if let Some(above) = child.child("rt") {
                        self.say("(");
                        self.walk(above);
                        self.say(")");
                    }
                }
                _ => {}
            }
        }
    }

    fn field_mark(&mut self, mark: &Element<'a>) {
        match mark.attribute("fldCharType").as_deref() {
            Some("begin") => {
                let state = mark.child("ffData").and_then(form_state);
                self.flow.begin(Field { state, ..Field::default() });
            }
            Some("separate") => {
                let at = self.out.text.len();
                if let Some(field) = self.flow.field() {
                    (field.separated, field.at) = (true, Some(at));
                }
            }
            Some("end") => self.end_field(),
            _ => {}
        }
    }

    fn push_text(&mut self, element: &Element<'a>, font: &str) {
        let signs = is_symbol_font(font);
        for node in &element.children {
            let Node::Text(text) = node else { continue };
            if signs || text.chars().any(|c| ('\u{f020}'..='\u{f0ff}').contains(&c)) {
                let private = |c: char| ('\u{f020}'..='\u{f0ff}').contains(&c);
                let told = text.chars().map(|c| if signs || private(c) { symbol(font, c.into()) } else { c });
                let told: String = told.collect();
                self.say(&told);
            } else {
                self.say(text);
            }
        }
    }

    fn drawing(&mut self, element: &'t Element<'a>) {
        if !self.flow.is_instructing() {
            drawing::collect(element, self.setting.ground, &mut self.out);
        }
    }
}

/// Whether a control is bound to who wrote the file.
pub(super) fn shows_a_name(properties: &Element<'_>) -> bool {
    let path = properties.child("dataBinding").and_then(|b| b.attribute("xpath"));
    path.is_some_and(|p| ["creator", "lastModifiedBy", "Manager"].iter().any(|name| p.contains(name)))
}

/// Raised and lowered digits and signs as such: 10² is not 102.
pub(in crate::document) fn shifted(text: &str, up: bool) -> String {
    let (from, to) = if up {
        ("0123456789+-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾")
    } else {
        ("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎")
    };
    let sign = |c: char| from.chars().position(|f| f == c).and_then(|at| to.chars().nth(at));
    // Half of a word raised as signs would be unreadable.
    if text.trim().chars().all(|c| sign(c).is_some()) {
        return text.chars().map(|c| sign(c).unwrap_or(c)).collect();
    }
    text.to_owned()
}
