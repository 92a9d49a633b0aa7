//! Word documents (.docx, .docm, .dotx): the body in its order with headings, lists and tables, then notes,
//! comments, headers and footers. Tracked changes are shown as `[inserted: …]` and `[deleted: …]`. What nobody sees
//! on the page (vanished, tiny or white letters, shapes off the page, covered cells, margins of no page) is shown
//! and reported. Files in the file are members. Who wrote and when is left out.
//! WordprocessingML: ECMA-376 part 1, 17.

mod body;
mod drawing;
mod flow;
mod inline;
mod look;
mod math;
mod notes;
mod numbering;
mod styles;
mod symbols;
mod table;

use std::collections::HashMap;

use crate::domain::Place;

use super::draft::Draft;
use super::opc::{Parts, Relation};
use super::{Reader, Sample, xml};

use body::Body;
pub(super) use drawing::{chosen, diagram_lines, new_chart_lines};
pub(super) use inline::shifted;
use look::Paint;
pub(super) use math::linear;
use notes::{NOTES, Threads, margins};
use numbering::Numbering;
use styles::Styles;

pub(super) const READER: Reader = Reader { id: "docx/2", recognise, read };

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    (sample.has_entry("[Content_Types].xml") && sample.entries()?.iter().any(|e| e.starts_with("word/")))
        .then_some(MEDIA_TYPE)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let main = parts.main_part("word/document.xml");
    let relations = parts.relations(&main);
    let nesting = draft.limits.max_nesting;
    let text = parts.text(&main)?;
    let tree = xml::parse(&text, nesting);

    let of_kind = |kind: &str| relations.iter().find(|r| r.kind == kind).map(|r| r.target.clone());
    let mut aside = |kind: &str| of_kind(kind).and_then(|path| parts.text(&path).ok()).unwrap_or_default();
    let styles = Styles::read(&xml::parse(&aside("styles"), nesting).root);
    let numbering = Numbering::read(&xml::parse(&aside("numbering"), nesting).root);
    let (settings, extended) = (aside("settings"), aside("commentsExtended"));
    let settings = xml::parse(&settings, nesting);

    let Some(content) = tree.root.child("body") else {
        return Err("the document has no body; it is damaged or cut off, save it again".to_owned());
    };
    let mut body = Body::new(draft, &mut parts, sample.name, styles, numbering, by_id(relations.clone()));
    let mut references = Vec::new();
    content.find_all("footnoteReference", &mut references);
    body.flow.footnotes_in_all = u32::try_from(references.len()).unwrap_or(u32::MAX);
    // The colour of the page counts only where it is switched on.
    if let Some(page) = tree.root.child("background").filter(|_| settings.root.switch("displayBackgroundShape")) {
        body.ground = page.attribute("color").map_or(Paint::Unknown, |c| Paint::parse(&c));
    }
    body.blocks(content);
    for (part, element) in NOTES {
        let Some(path) = of_kind(part) else { continue };
        match body.parts.text(&path) {
            Ok(text) => {
                let notes = xml::parse(&text, nesting);
                let threads = Threads::read(&extended, &notes.root, nesting);
                body.in_part(&path, |body| body.notes(&notes.root, element, &threads));
                if let Some(damage) = notes.damage {
                    body.draft.cut(Place::Whole, format!("the rest of the {part}"), damage, None);
                }
            }
            Err(why) => body.draft.cut(Place::Whole, format!("the {part}"), why, None),
        }
    }
    let mut seen = Vec::new();
    for margin in margins(content, &settings.root, &relations) {
        match body.parts.text(&margin.path) {
            Ok(text) => {
                body.in_part(&margin.path, |body| body.margin(&xml::parse(&text, nesting).root, &margin, &mut seen));
            }
            Err(why) => body.draft.cut(Place::Whole, format!("a {}", margin.mark), why, None),
        }
    }
    body.finish();
    super::xlsx::properties::push(&mut parts, draft);
    if let Some(damage) = tree.damage {
        draft.cut(Place::Whole, "the rest of the document", damage, None);
    }
    if relations.iter().any(|r| r.kind == "vbaProject") {
        draft.finding("macro", Place::Whole, "the document holds macros; they are not shown");
    }
    Ok(())
}

fn by_id(relations: Vec<Relation>) -> HashMap<String, Relation> {
    relations.into_iter().map(|r| (r.id.clone(), r)).collect()
}

#[cfg(test)]
mod tests;
