//! The text inside a paragraph, with what hangs on it.

use std::collections::HashMap;

use crate::document::xml::{Element, Node};

use super::styles::Styles;

/// What goes on from paragraph to paragraph.
#[derive(Default)]
pub(super) struct Flow {
    pub footnotes: u32,
    pub comments: u32,
    /// Tracked changes by id: the deleted text, or `None` for an insertion.
    pub changes: HashMap<String, Option<String>>,
}

#[derive(Default)]
pub(super) struct Inline<'t, 'a> {
    pub text: String,
    pub hidden: Vec<(String, &'static str)>,
    /// Where the last of them ended.
    hidden_to: usize,
    pub notes: Vec<(u32, &'t Element<'a>)>,
    pub comments: Vec<(u32, &'t Element<'a>)>,
    /// Frames and shapes, shown after the paragraph.
    pub drawings: Vec<&'t Element<'a>>,
}

/// What surrounds the text.
#[derive(Clone, Copy)]
pub(super) struct Setting<'s> {
    pub styles: &'s Styles,
    /// The ground may be of any colour.
    pub painted: bool,
    pub unseen: Option<&'static str>,
}

impl<'t, 'a> Inline<'t, 'a> {
    pub fn read(element: &'t Element<'a>, flow: &mut Flow, setting: Setting<'_>) -> Self {
        let mut inline = Self::default();
        inline.walk(element, flow, setting);
        inline
    }

    fn walk(&mut self, element: &'t Element<'a>, flow: &mut Flow, setting: Setting<'_>) {
        let style = element.attribute("style-name");
        let own = style.as_ref().and_then(|name| setting.styles.unseen(name));
        let painted = setting.painted || style.is_some_and(|name| setting.styles.paints(&name));
        let own = own.filter(|why| !(painted && *why == "white on white"));
        let setting = Setting { painted, unseen: setting.unseen.or(own), ..setting };
        for node in &element.children {
            match node {
                Node::Text(text) => self.say(text, setting.unseen),
                Node::Element(child) => self.element(child, flow, setting),
            }
        }
    }

    fn say(&mut self, text: &str, unseen: Option<&'static str>) {
        let before = self.text.len();
        self.text.push_str(text);
        if let Some(why) = unseen {
            match self.hidden.last_mut() {
                Some((so_far, because)) if *because == why && self.hidden_to == before => so_far.push_str(text),
                _ => self.hidden.push((text.to_owned(), why)),
            }
            self.hidden_to = self.text.len();
        }
    }

    fn element(&mut self, child: &'t Element<'a>, flow: &mut Flow, setting: Setting<'_>) {
        let id = || child.attribute("change-id");
        match child.name() {
            "s" => {
                let count = child.attribute("c").and_then(|c| c.parse().ok()).unwrap_or(1usize).min(100);
                self.say(&" ".repeat(count), setting.unseen);
            }
            "tab" => self.text.push('\t'),
            "line-break" => self.text.push('\n'),
            "a" => {
                let before = self.text.len();
                self.walk(child, flow, setting);
                let url = child.attribute("href").unwrap_or_default();
                let inner = self.text.get(before..).unwrap_or("").to_owned();
                let web = url.starts_with("http") && !inner.contains(url.trim_end_matches('/'));
                if web && !inner.trim().is_empty() {
                    self.text.truncate(before);
                    self.text.push_str(&format!("[{inner}]({url})"));
                }
            }
            "note" => {
                flow.footnotes += 1;
                self.text.push_str(&format!("[^{}]", flow.footnotes));
                self.notes.push((flow.footnotes, child));
            }
            "annotation" => {
                flow.comments += 1;
                self.text.push_str(&format!("[comment {}]", flow.comments));
                self.comments.push((flow.comments, child));
            }
            "change-start" => self.text.push_str("[inserted: "),
            "change-end" => self.text.push(']'),
            "change" => {
                if let Some(Some(deleted)) = id().and_then(|id| flow.changes.get(id.as_ref())) {
                    self.text.push_str(&format!("[deleted: {deleted}]"));
                }
            }
            "hidden-text" | "hidden-paragraph" => {
                let value = child.attribute("string-value").unwrap_or_default().into_owned();
                let text = if value.is_empty() { child.text() } else { value };
                self.say(&text, Some("marked as hidden"));
            }
            "author-name" | "author-initials" | "initial-creator" | "creator" | "printed-by" => {
                self.text.push_str("[author's name]");
            }
            "ruby-text" => self.text.push_str(&format!("({})", child.text())),
            "tracked-changes" | "annotation-end" | "bookmark" => {}
            "frame" | "custom-shape" | "rect" | "g" | "ellipse" | "line" | "connector" | "polygon" | "path" => {
                self.drawings.push(child);
            }
            _ => self.walk(child, flow, setting),
        }
    }
}
