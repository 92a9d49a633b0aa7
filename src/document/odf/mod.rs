//! OpenDocument texts, sheets and presentations (.odt, .ods, .odp): headings, paragraphs, lists and tables in their
//! order; slides with their notes; notes and comments at places of their own; tracked changes as such; cells with
//! formulas and the values left in the file. Hidden text, sections and slides, white and tiny letters are marked.
//! OpenDocument 1.3: ISO/IEC 26300.

mod inline;
mod styles;
mod writer;

use crate::domain::Place;

use super::draft::Draft;
use super::opc::Parts;
use super::xml::{self, Element, Node};
use super::{Reader, Sample};
use styles::Styles;
use writer::Writer;

pub(super) const READER: Reader = Reader { id: "odf/3", recognise, read };

const TEXT: &str = "application/vnd.oasis.opendocument.text";
const SHOW: &str = "application/vnd.oasis.opendocument.presentation";
const SHEETS: &str = "application/vnd.oasis.opendocument.spreadsheet";

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    if !sample.has_entry("content.xml") {
        return None;
    }
    // The media type is the first entry and is not packed.
    let head =
        String::from_utf8_lossy(sample.bytes.get(..sample.bytes.len().min(200)).unwrap_or_default()).into_owned();
    if head.contains(SHEETS) || sample.has_extension(&["ods"]) {
        Some(SHEETS)
    } else if head.contains(TEXT) || sample.has_extension(&["odt"]) {
        Some(TEXT)
    } else if head.contains(SHOW) || sample.has_extension(&["odp"]) {
        Some(SHOW)
    } else {
        None
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let text = parts.text("content.xml")?;
    let tree = xml::parse(&text, draft.limits.max_nesting);
    let Some(body) = tree.root.child("body") else {
        return Err("the document has no body; it is damaged or cut off, save it again".to_owned());
    };
    if let Some(sheets) = body.child("spreadsheet") {
        super::ods::push(&tree.root, sheets, draft);
    } else {
        let mut styles = Styles::default();
        let more = parts.text("styles.xml").unwrap_or_default();
        let more = xml::parse(&more, draft.limits.max_nesting);
        styles.add(&more.root);
        styles.add(&tree.root);
        let mut writer = Writer::new(draft, &mut parts, styles);
        match body.child("presentation") {
            Some(show) => writer.slides(show),
            None => body.elements().for_each(|part| writer.blocks(part)),
        }
        writer.finish();
        if body.child("presentation").is_none() {
            writer.margins(&more.root);
        }
        about(&mut parts, draft);
    }
    let mut seen = Outside::default();
    outside(&tree.root, &mut seen);
    if !seen.links.is_empty() {
        let detail = format!("parts of it lie outside the file and are not fetched: {}", seen.links.join(", "));
        draft.finding("external_links", Place::Whole, detail);
    }
    if seen.acts {
        draft.finding("macro", Place::Whole, "the document runs macros when something happens; they are not run");
    }
    if let Some(damage) = tree.damage {
        draft.cut(Place::Whole, "the rest of the document", damage, None);
    }
    Ok(())
}

/// What a program that opens the document would fetch or run.
#[derive(Default)]
struct Outside {
    links: Vec<String>,
    acts: bool,
}

/// Parts that lie elsewhere. Links that a reader follows by a click (`a`) are no such thing.
fn outside(element: &Element<'_>, seen: &mut Outside) {
    seen.acts |= element.name() == "event-listener";
    let part = matches!(
        element.name(),
        "image"
            | "object"
            | "object-ole"
            | "floating-frame"
            | "plugin"
            | "section-source"
            | "table-source"
            | "cell-range-source"
            | "fill-image"
    );
    let target = element.attribute("href").filter(|target| part && super::xml_text::is_elsewhere(target));
    if let Some(target) = target.filter(|_| seen.links.len() < 5) {
        seen.links.push(target.chars().take(200).collect());
    }
    if element.name() == "dde-source" && seen.links.len() < 5 {
        seen.links.push("another program (DDE)".to_owned());
    }
    element.elements().for_each(|inner| outside(inner, seen));
}

/// What the file says of itself; nobody sees it on the pages. Who made it is left out.
fn about(parts: &mut Parts<'_>, draft: &mut Draft<'_>) {
    let Ok(text) = parts.text("meta.xml") else { return };
    let tree = xml::parse(&text, draft.limits.max_nesting);
    let Some(meta) = tree.root.child("meta") else { return };
    let telling = meta.elements().filter(|e| matches!(e.name(), "title" | "subject" | "description" | "keyword"));
    let said: Vec<String> = telling
        .map(|e| (e.name(), e.text().trim().chars().take(500).collect::<String>()))
        .filter(|(_, text)| !text.is_empty())
        .take(50)
        .map(|(name, text)| format!("{name}: {text}"))
        .collect();
    if !said.is_empty() {
        draft.finding("metadata", Place::Whole, said.join("; "));
    }
}

/// The text of a cell's paragraph: runs, tabs, breaks; notes and comments in brackets.
pub(super) fn inline(element: &Element<'_>) -> String {
    let mut text = String::new();
    for node in &element.children {
        match node {
            Node::Text(t) => text.push_str(t),
            Node::Element(e) => match e.name() {
                "s" => {
                    text.push_str(&" ".repeat(e.attribute("c").and_then(|c| c.parse().ok()).unwrap_or(1usize).min(100)))
                }
                "tab" => text.push('\t'),
                "line-break" => text.push('\n'),
                "note" => text.push_str(&format!("[note: {}]", e.child("note-body").map(inline).unwrap_or_default())),
                "annotation" => {
                    let words: Vec<String> = e.children_named("p").map(inline).collect();
                    text.push_str(&format!("[comment: {}]", words.join(" ")));
                }
                _ => text.push_str(&inline(e)),
            },
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of, zip};

    #[test]
    fn texts_keep_their_order() {
        let content = r#"<d><office:body><office:text><text:h text:outline-level="2">Head</text:h><text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>
            <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></d>"#;
        let file = read_one("a.odt", &zip(&[("content.xml", content.as_bytes())]));
        assert_eq!(text_of(&file), "## Head\n- one\n| a | b |");
    }

    #[test]
    fn notes_comments_changes_and_hidden_text_are_what_they_are() {
        let content = r##"<d><office:automatic-styles><style:style style:name="T1"><style:text-properties text:display="none"/></style:style>
            <style:style style:name="T2"><style:text-properties fo:color="#ffffff"/></style:style>
            <text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/></text:list-style></office:automatic-styles>
            <office:body><office:text><text:tracked-changes><text:changed-region xml:id="c1"><text:deletion><office:change-info><dc:creator>Ann</dc:creator></office:change-info><text:p>old</text:p></text:deletion></text:changed-region></text:tracked-changes>
            <text:p>a<text:change text:change-id="c1"/><text:change-start text:change-id="c2"/>new<text:change-end text:change-id="c2"/><text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>see p. 4</text:p></text:note-body></text:note><office:annotation><dc:creator>Ann</dc:creator><dc:date>2020</dc:date><text:p>check</text:p></office:annotation></text:p>
            <text:p>b <text:span text:style-name="T1">vanished</text:span> <text:span text:style-name="T2">white</text:span></text:p>
            <text:section text:display="none"><text:p>a hidden section</text:p></text:section>
            <text:list text:style-name="L1"><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>in</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>
            <text:p>box<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box><svg:desc>about it</svg:desc></draw:frame></text:p>
            <table:table><table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>a</text:p><text:p>b</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table></office:text></office:body></d>"##;
        let styles = r#"<d><office:master-styles><style:master-page><style:header><text:p>Report</text:p></style:header></style:master-page></office:master-styles></d>"#;
        let bytes = zip(&[("content.xml", content.as_bytes()), ("styles.xml", styles.as_bytes())]);
        let file = read_one("a.odt", &bytes);
        assert_eq!(
            text_of(&file),
            "a[deleted: old][inserted: new][^1][comment 1]\n[^1]: see p. 4\n[comment 1] check\nb vanished white\na hidden section\n\
             1. one\n  - in\n2. two\nbox\n[drawing: about it]\nboxed\n| a / b |  |\n[header] Report"
        );
        let hidden: Vec<&str> = file.hidden().iter().map(|h| &file.segments[h.segment].text[h.bytes.clone()]).collect();
        assert_eq!(hidden, ["vanished", "white", "a hidden section"]);
        assert!(!format!("{file:?}").contains("Ann"));
    }

    #[test]
    fn slides_have_numbers_titles_and_notes() {
        let content = r#"<d><office:automatic-styles><style:style style:name="dp2"><style:drawing-page-properties presentation:visibility="hidden"/></style:style></office:automatic-styles>
            <office:body><office:presentation><draw:page draw:name="p1"><draw:frame svg:y="5cm"><draw:text-box><text:p>below</text:p></draw:text-box></draw:frame>
            <draw:frame presentation:class="title" svg:y="1cm"><draw:text-box><text:p>Head</text:p></draw:text-box></draw:frame>
            <draw:frame svg:y="20mm"><draw:text-box><text:p>above</text:p></draw:text-box></draw:frame>
            <presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>say this</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
            <draw:page draw:style-name="dp2"><draw:custom-shape><text:p>secret</text:p></draw:custom-shape></draw:page></office:presentation></office:body></d>"#;
        let file = read_one("a.odp", &zip(&[("content.xml", content.as_bytes())]));
        assert_eq!(text_of(&file), "## Slide 1: Head\nabove\nbelow\nNotes: say this\n## Slide 2 (hidden)\nsecret");
        assert_eq!((file.pages, file.hidden().len()), (Some(2), 2));
    }
}
