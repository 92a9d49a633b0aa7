//! What stands beside the body: footnotes and endnotes, comments in the margin, headers and footers.

use std::collections::HashMap;

use crate::document::opc::Relation;
use crate::document::xml::{self, Element};
use crate::domain::Place;

use super::body::{Aside, Body};

/// The parts of one kind of note: their relationship, their element.
pub(super) const NOTES: [(&str, &str); 3] =
    [("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment")];

impl Body<'_, '_, '_, '_> {
    /// Footnotes, endnotes or comments in the order in which the body refers to them.
    pub fn notes(&mut self, root: &Element<'_>, element: &'static str, threads: &Threads) {
        // Separators are notes only in form.
        let mut notes: Vec<_> = root
            .children_named(element)
            .filter(|note| note.attribute("type").is_none_or(|t| t == "normal"))
            .filter_map(|note| Some((note.attribute("id")?.into_owned(), note)))
            .collect();
        let missing: Vec<String> =
            notes.iter().map(|(id, _)| id).filter(|id| !self.flow.is_referred(element, id)).cloned().collect();
        let mut numbered: Vec<_> = notes
            .drain(..)
            .map(|(id, note)| {
                let number = match element {
                    "footnote" => self.flow.footnote(&id),
                    "endnote" => self.flow.endnote(&id),
                    _ => self.flow.comment(&id),
                };
                (number, id, note)
            })
            .collect();
        numbered.sort_by_key(|(number, ..)| *number);
        let mut comments = 0u32;
        for (number, id, note) in numbered {
            let (place, mark) = match element {
                "footnote" => (Place::Footnote(number), format!("[^{number}]:")),
                "endnote" => (Place::Footnote(number), format!("[^{number}]: (endnote)")),
                _ => (Place::Comment(number), self.comment_mark(number, note, threads)),
            };
            let outer = self.unseen;
            if element != "comment" && missing.contains(&id) {
                self.unseen = Some("in a note that nothing refers to");
            }
            self.aside = Some(Aside { place: place.clone(), mark: None });
            comments += u32::from(self.note_text(note, &place, &mark) && element == "comment");
            self.aside = None;
            self.unseen = outer;
        }
        if comments > 0 {
            self.draft.finding("comments", Place::Comment(1), format!("{comments} comments in the margin"));
        }
    }

    fn comment_mark(&mut self, number: u32, comment: &Element<'_>, threads: &Threads) -> String {
        let anchor = self.flow.anchor(number);
        let thread = last_paragraph(comment).and_then(|id| threads.0.get(&id));
        let answers = thread.and_then(|t| t.answers.as_ref()).map(|id| self.flow.comment(id));
        let mut mark = match (answers, anchor.is_empty()) {
            (Some(other), _) => format!("[comment {number}, a reply to comment {other}"),
            (None, true) => format!("[comment {number}"),
            (None, false) => format!("[comment {number} on \"{anchor}\""),
        };
        mark.push_str(if thread.is_some_and(|t| t.done) { ", resolved]" } else { "]" });
        mark
    }

    /// A header or a footer; one that repeats an earlier one is shown once.
    pub fn margin(&mut self, root: &Element<'_>, margin: &Margin, seen: &mut Vec<String>) {
        let text = format!("{} {}", margin.kind, root.text());
        if seen.contains(&text) {
            return;
        }
        seen.push(text);
        self.aside = Some(Aside { place: Place::Whole, mark: Some(margin.mark.clone()) });
        self.unseen = margin.unseen;
        self.blocks(root);
        (self.aside, self.unseen) = (None, None);
    }
}

/// Which comment answers which, by the ids of their last paragraphs.
#[derive(Default)]
pub(super) struct Threads(HashMap<String, Thread>);

struct Thread {
    /// The id of the comment that is answered.
    answers: Option<String>,
    done: bool,
}

impl Threads {
    pub fn read(extended: &str, comments: &Element<'_>, nesting: usize) -> Self {
        let tree = xml::parse(extended, nesting);
        let ids: HashMap<String, String> = comments
            .children_named("comment")
            .filter_map(|c| Some((last_paragraph(c)?, c.attribute("id")?.into_owned())))
            .collect();
        let threads = tree.root.children_named("commentEx").filter_map(|thread| {
            let answers = thread.attribute("paraIdParent").and_then(|id| ids.get(id.as_ref()).cloned());
            let done = thread.attribute("done").is_some_and(|d| matches!(d.as_ref(), "1" | "true"));
            Some((thread.attribute("paraId")?.into_owned(), Thread { answers, done }))
        });
        Self(threads.collect())
    }
}

fn last_paragraph(comment: &Element<'_>) -> Option<String> {
    let mut found = Vec::new();
    comment.find_all("p", &mut found);
    found.last()?.attribute("paraId").map(|id| id.into_owned())
}

/// A header or footer, and on which pages it stands.
pub(super) struct Margin {
    kind: &'static str,
    pub path: String,
    pub mark: String,
    pub unseen: Option<&'static str>,
}

/// All headers, then all footers; those that no page shows are marked so.
pub(super) fn margins(document: &Element<'_>, settings: &Element<'_>, relations: &[Relation]) -> Vec<Margin> {
    let even = settings.switch("evenAndOddHeaders");
    let mut sections = Vec::new();
    document.find_all("sectPr", &mut sections);
    let mut margins = Vec::new();
    for kind in ["header", "footer"] {
        for relation in relations.iter().filter(|r| r.kind == kind && !r.external) {
            let mut uses = Vec::new();
            for section in &sections {
                for reference in section.elements().filter(|e| e.name().strip_suffix("Reference") == Some(kind)) {
                    if reference.attribute("id").is_some_and(|id| id == relation.id) {
                        let of = reference.attribute("type").map_or_else(|| "default".to_owned(), |t| t.into_owned());
                        let shown = match of.as_str() {
                            "first" => section.switch("titlePg"),
                            "even" => even,
                            _ => true,
                        };
                        uses.push((shown, of));
                    }
                }
            }
            uses.sort_by_key(|(shown, of)| (!shown, of != "default"));
            let (mark, unseen) = match uses.first() {
                Some((true, of)) if of == "first" => (format!("first page's {kind}"), None),
                Some((true, of)) if of == "even" => (format!("even pages' {kind}"), None),
                Some((true, _)) => (kind.to_owned(), None),
                _ => (format!("{kind} of no page"), Some("in the margin of no page")),
            };
            margins.push(Margin { kind, path: relation.target.clone(), mark, unseen });
        }
    }
    margins
}
