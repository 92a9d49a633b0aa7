//! The deliverable, looked at: pages as pictures, sheets as grids, documents as text with places, pictures; two files
//! side by side; a quote opened where it stands.
//!
//! A deliverable is untrusted. Nothing of it reaches the browser but text that the template engine escapes and PNG
//! pictures that were drawn here; its bytes leave as a download, sandboxed. A reviewer who must not know whose it is gets
//! the same panes under other addresses, with names that tell nothing (`desk`).
//!
//! - [`desk`]: which files lie there, under which names. [`pane`]: one file in one view.
//! - [`prose`], [`grid`]: text and sheets, page by page. [`sought`]: where a quote stands today.
//! - [`serve`]: pictures, images and downloads.
//!
//! How to add a view: its file, a variant of [`View`] with its word, one of [`pane::Content`], and its part in
//! `templates/parts/pane.html`.

pub mod desk;
pub mod grid;
pub mod pane;
pub mod prose;
pub mod serve;
pub mod sought;

use serde::{Deserialize, Serialize};

use super::render::{Page, url_part};
pub use desk::Desk;
pub use pane::Pane;
pub use sought::Sought;

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Whatever suits the file.
    Best,
    Text,
    Pages,
    Images,
    /// By its number from 0.
    Sheet(usize),
}

impl View {
    fn parse(word: &str) -> Self {
        match word {
            "text" => Self::Text,
            "pages" => Self::Pages,
            "images" => Self::Images,
            other => match other.strip_prefix("sheet-").and_then(|number| number.parse().ok()) {
                Some(number) => Self::Sheet(number),
                None => Self::Best,
            },
        }
    }

    fn word(self) -> String {
        match self {
            Self::Best => String::new(),
            Self::Text => "text".to_owned(),
            Self::Pages => "pages".to_owned(),
            Self::Images => "images".to_owned(),
            Self::Sheet(number) => format!("sheet-{number}"),
        }
    }
}

/// What one pane shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The key of a file on the desk.
    pub file: String,
    /// Of an archive, which member.
    pub part: usize,
    pub view: View,
    /// A piece of text, a row, or a page: whatever the view counts.
    pub from: usize,
    pub formulas: bool,
}

impl Spot {
    #[must_use]
    pub fn of(file: &str) -> Self {
        Self { file: file.to_owned(), part: 0, view: View::Best, from: 0, formulas: false }
    }

    fn query(&self, suffix: &str) -> String {
        let mut query = format!("file{suffix}={}", url_part(&self.file));
        let mut add = |name: &str, value: String| query.push_str(&format!("&{name}{suffix}={value}"));
        if self.part > 0 {
            add("part", self.part.to_string());
        }
        if self.view != View::Best {
            add("view", self.view.word());
        }
        if self.from > 0 {
            add("from", self.from.to_string());
        }
        if self.formulas {
            add("formulas", "1".to_owned());
        }
        query
    }
}

/// What is asked for: one pane or two, and a quote to open.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    file: String,
    part: usize,
    view: String,
    from: usize,
    formulas: u8,
    file2: Option<String>,
    part2: usize,
    view2: String,
    from2: usize,
    formulas2: u8,
    /// A quote to open: the criterion's number from 1, the judge and its repeat (none: of the verdict), and which of
    /// the quotes, from 0.
    pub criterion: Option<usize>,
    pub judge: Option<String>,
    pub repeat: u32,
    pub quote: usize,
}

impl Asked {
    /// The first pane's spot; none named is the first file.
    fn first(&self, desk: &Desk) -> Spot {
        let file = if self.file.is_empty() { desk.first() } else { &self.file };
        Spot {
            file: file.to_owned(),
            part: self.part,
            view: View::parse(&self.view),
            from: self.from,
            formulas: self.formulas == 1,
        }
    }

    fn second(&self) -> Option<Spot> {
        let file = self.file2.clone().filter(|file| !file.is_empty())?;
        let view = View::parse(&self.view2);
        Some(Spot { file, part: self.part2, view, from: self.from2, formulas: self.formulas2 == 1 })
    }
}

/// One or two panes; what a link in either leads to keeps the other.
#[derive(Debug, Clone)]
pub struct Places {
    pub base: String,
    pub first: Spot,
    pub second: Option<Spot>,
}

impl Places {
    #[must_use]
    pub fn of(desk: &Desk, asked: &Asked) -> Self {
        Self { base: desk.base.clone(), first: asked.first(desk), second: asked.second() }
    }

    fn at(&self, second: bool) -> &Spot {
        if second { self.second.as_ref().unwrap_or(&self.first) } else { &self.first }
    }

    /// The address with another spot in one of the panes.
    fn with(&self, second: bool, spot: &Spot) -> String {
        let (first, other) = if second { (&self.first, Some(spot)) } else { (spot, self.second.as_ref()) };
        match other {
            Some(other) => format!("{}?{}&{}", self.base, first.query(""), other.query("2")),
            None => format!("{}?{}", self.base, first.query("")),
        }
    }

    /// The address with one pane alone.
    fn alone(&self, spot: &Spot) -> String {
        format!("{}?{}", self.base, spot.query(""))
    }
}

/// The page of a desk on its own.
#[derive(Debug, Serialize)]
pub struct WorkPage {
    pub title: String,
    /// Where it came from, and what that is called.
    pub back: (String, String),
    pub panes: Vec<Pane>,
}

impl Page for WorkPage {
    const TEMPLATE: &'static str = "work.html";
    const SECTION: &'static str = "";
    fn title(&self) -> String {
        self.title.clone()
    }
}

#[cfg(test)]
pub(super) mod testing {
    use crate::domain::{FileExtract, Outcome, Place, Segment};

    pub fn file(name: &str, texts: &[(Place, &str)]) -> FileExtract {
        let segment = |(place, text): &(Place, &str)| Segment { place: place.clone(), text: (*text).to_owned() };
        FileExtract {
            name: name.to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: 1,
            sha256: "0".repeat(64),
            reader: "text/1".to_owned(),
            settings: None,
            outcome: Outcome::Read,
            segments: texts.iter().map(segment).collect(),
            sheets: vec![],
            images: vec![],
            media: None,
            page_view: None,
            pages: None,
            cuts: vec![],
            findings: vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_changes_one_pane_and_keeps_the_other() {
        let sheet = Spot { view: View::Sheet(2), from: 40, formulas: true, ..Spot::of("0") };
        let places = Places { base: "/w".to_owned(), first: sheet.clone(), second: Some(Spot::of("r0")) };
        assert_eq!(places.with(false, &Spot::of("1")), "/w?file=1&file2=r0");
        let text = Spot { view: View::Text, ..Spot::of("r0") };
        assert_eq!(places.with(true, &text), "/w?file=0&view=sheet-2&from=40&formulas=1&file2=r0&view2=text");
        assert_eq!(places.alone(&Spot::of("a&b")), "/w?file=a%26b");
        for view in [View::Best, View::Text, View::Pages, View::Images, View::Sheet(3)] {
            assert_eq!(View::parse(&view.word()), view);
        }
    }
}
