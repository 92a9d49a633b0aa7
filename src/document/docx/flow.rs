//! What goes on from paragraph to paragraph: open fields, the words that comments are anchored to, and the numbers
//! of notes and comments.

use std::collections::HashMap;

use crate::document::xml::Element;

/// Characters quoted of what a comment is about.
const QUOTED: usize = 200;
/// Fields in fields; deeper ones are taken for text.
const MAX_FIELDS: usize = 64;

/// A field: instructions that nobody sees, then what they came to.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub instructions: String,
    /// Past the instructions: what comes now is shown.
    pub separated: bool,
    /// Where the shown part begins in the text of the paragraph, if it begins in this one.
    pub at: Option<usize>,
    /// What a form's field holds.
    pub state: Option<String>,
}

impl Field {
    /// The field's name in capitals.
    pub fn name(&self) -> String {
        self.instructions.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
    }

    /// What stands for a field that holds no result.
    pub fn without_result(&self) -> Option<String> {
        if let Some(state) = &self.state {
            return Some(state.clone());
        }
        let rest = || self.instructions.split_whitespace().nth(1).unwrap_or_default().trim_matches('"').to_owned();
        Some(match self.name().as_str() {
            "PAGE" => "[page number]".to_owned(),
            "NUMPAGES" | "SECTIONPAGES" => "[number of pages]".to_owned(),
            "DATE" | "TIME" | "CREATEDATE" | "SAVEDATE" | "PRINTDATE" => "[date]".to_owned(),
            "TOC" => "[table of contents: never updated, the file holds no entries]".to_owned(),
            "MERGEFIELD" => format!("«{}»", rest()),
            "REF" | "PAGEREF" | "SEQ" | "STYLEREF" | "DOCPROPERTY" | "FORMULA" => {
                format!("[field {}: never updated, the file holds no result]", self.name())
            }
            _ => return None,
        })
    }

    /// Its name, if it fetches from other files or programs.
    pub fn fetches(&self) -> Option<&'static str> {
        const FETCHING: [&str; 6] = ["DDE", "DDEAUTO", "IMPORT", "INCLUDEPICTURE", "INCLUDETEXT", "LINK"];
        let own = self.name();
        FETCHING.into_iter().find(|name| *name == own)
    }

    /// Whether it shows the name of a person who has to do with the file.
    pub fn is_name(&self) -> bool {
        matches!(self.name().as_str(), "AUTHOR" | "LASTSAVEDBY" | "USERNAME" | "USERINITIALS" | "USERADDRESS")
    }

    /// The address of a link.
    pub fn address(&self) -> Option<&str> {
        let rest = self.instructions.trim_start().get("HYPERLINK".len()..).filter(|_| self.name() == "HYPERLINK")?;
        let address = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        (!address.is_empty()).then_some(address)
    }
}

/// The state of an old form's field.
pub(super) fn form_state(data: &Element<'_>) -> Option<String> {
    if let Some(mark) = data.child("checkBox") {
        let on = if mark.child("checked").is_some() { mark.switch("checked") } else { mark.switch("default") };
        return Some(if on { "☒" } else { "☐" }.to_owned());
    }
    let list = data.child("ddList")?;
    let chosen = list.val("result").or_else(|| list.val("default")).and_then(|r| r.parse().ok()).unwrap_or(0usize);
    list.children_named("listEntry").nth(chosen)?.attribute("val").map(|v| v.into_owned())
}

#[derive(Default)]
pub(super) struct Flow {
    fields: Vec<Field>,
    open: Vec<u32>,
    quoted: HashMap<u32, String>,
    footnotes: HashMap<String, u32>,
    endnotes: HashMap<String, u32>,
    comments: HashMap<String, u32>,
    /// Footnotes that the body refers to: endnotes are numbered after them.
    pub footnotes_in_all: u32,
    /// In a control that shows a person's name; whether that was said already.
    pub nameless: Option<bool>,
    /// Words among instructions, which nobody sees.
    pub swallowed: String,
    /// Names of fields that would fetch something when they are updated.
    pub fetching: std::collections::BTreeSet<&'static str>,
}

impl Flow {
    pub fn begin(&mut self, field: Field) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(field);
        }
    }

    pub fn field(&mut self) -> Option<&mut Field> {
        self.fields.last_mut()
    }

    pub fn end(&mut self) -> Option<Field> {
        self.fields.pop()
    }

    /// Whether what comes now is part of instructions.
    pub fn is_instructing(&self) -> bool {
        self.fields.iter().any(|f| !f.separated)
    }

    /// Instructions never swallow the next paragraph, whatever the file says: that would hide text.
    pub fn next_paragraph(&mut self) {
        for field in &mut self.fields {
            field.separated = true;
            field.at = None;
        }
    }

    /// Words that are shown, for the comments that are open here.
    pub fn quote(&mut self, text: &str) {
        let quoted = &mut self.quoted;
        self.open.retain(|comment| {
            let quoted = quoted.entry(*comment).or_default();
            let room = QUOTED.saturating_sub(quoted.chars().count());
            quoted.extend(text.chars().take(room));
            room > 0
        });
    }

    pub fn open_comment(&mut self, id: &str) {
        let number = self.comment(id);
        if self.open.len() < 100 {
            self.open.push(number);
        }
    }

    pub fn close_comment(&mut self, id: &str) {
        let number = self.comment(id);
        self.open.retain(|n| *n != number);
    }

    /// What a comment is anchored to, on one line.
    pub fn anchor(&self, comment: u32) -> String {
        let quoted = self.quoted.get(&comment).map_or("", String::as_str);
        quoted.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub fn comment(&mut self, id: &str) -> u32 {
        number(&mut self.comments, id, 0)
    }

    pub fn footnote(&mut self, id: &str) -> u32 {
        number(&mut self.footnotes, id, 0)
    }

    pub fn endnote(&mut self, id: &str) -> u32 {
        number(&mut self.endnotes, id, self.footnotes_in_all)
    }

    pub fn is_referred(&self, list: &str, id: &str) -> bool {
        match list {
            "footnote" => self.footnotes.contains_key(id),
            "endnote" => self.endnotes.contains_key(id),
            _ => self.comments.contains_key(id),
        }
    }
}

/// Numbers are given in the order in which they are asked for.
fn number(of: &mut HashMap<String, u32>, id: &str, before: u32) -> u32 {
    let next = before.saturating_add(u32::try_from(of.len()).unwrap_or(u32::MAX)).saturating_add(1);
    *of.entry(id.to_owned()).or_insert(next)
}
