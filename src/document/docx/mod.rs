//! Word documents (.docx, .docm, .dotx): the body in its order with headings, lists and tables, then notes,
//! comments, headers and footers. Tracked changes are shown as `[inserted: …]` and `[deleted: …]`. Hidden
//! text is shown and reported. Who wrote and when is left out.
//! WordprocessingML: ECMA-376 part 1, 17.

mod body;
mod inline;
mod numbering;
mod styles;

use std::collections::HashMap;

use crate::domain::Place;

use super::draft::Draft;
use super::opc::{Parts, Relation};
use super::{Reader, Sample, xml};

use body::Body;
pub(super) use body::diagram_lines;
use numbering::Numbering;
use styles::Styles;

pub(super) const READER: Reader = Reader { id: "docx/1", recognise, read };

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
    let notes = [("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment")];
    let asides = notes.map(|(part, element)| (of_kind(part), aside(part), element));

    let Some(content) = tree.root.child("body") else {
        return Err("the document has no body; it is damaged or cut off, save it again".to_owned());
    };
    let mut body = Body::new(draft, &mut parts, styles, numbering, by_id(relations.clone()));
    body.blocks(content);
    body.finish_body();
    for (part, text, element) in &asides {
        if let Some(part) = part {
            body.in_part(part, |body| body.notes(&xml::parse(text, nesting).root, element));
        }
    }
    for kind in ["header", "footer"] {
        let mut seen = Vec::new();
        for relation in relations.iter().filter(|r| r.kind == kind) {
            let Ok(text) = body.parts.text(&relation.target) else { continue };
            body.in_part(&relation.target, |body| body.margin(&xml::parse(&text, nesting).root, kind, &mut seen));
        }
    }
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
