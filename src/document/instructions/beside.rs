//! What stands in a file and no judge is shown: properties, attributes, comments in markup, parts that no reader opens,
//! words between the bytes of a picture. Looked at for what is said to judges, and for nothing else: who wrote a file is
//! in there, too.

use crate::document::package::Package;
use crate::document::{Draft, Sample};

use super::disguise::unescaped;

/// Bytes of markup that are looked at in one file.
const MOST: usize = 1 << 20;
/// Parts that readers show, and that are long.
const SHOWN: [&str; 5] = ["word/document", "xl/worksheets/", "xl/sharedStrings", "content.xml", "xl/calcChain"];
/// Bytes at the beginning and at the end of a file of another kind.
const EDGE: usize = 256 << 10;
/// Shorter values say nothing.
const SHORTEST: usize = 8;
/// Values without a space that are longer may say something all the same.
const LONG: usize = 16;
/// Printable characters in a row that may be words between bytes.
const RUN: usize = 12;

/// Gives the draft what stands beside what it shows.
pub(in crate::document) fn gather(sample: &Sample<'_>, media_type: &str, draft: &mut Draft<'_>) {
    let bytes = sample.bytes;
    if sample.entries().is_some() {
        if !matches!(media_type, "application/zip" | "application/x-zip-compressed") {
            parts(bytes, draft);
        }
    } else if bytes.starts_with(b"%PDF") {
        packets(bytes, draft);
    } else if media_type.contains("html") || media_type.contains("xml") || media_type.contains("svg") {
        if let Some(decoded) = sample.decoded() {
            draft.aside("the source of the page", strings(&decoded.text));
        }
    } else if media_type.starts_with("message/") {
        let head = bytes.get(..bytes.len().min(EDGE)).unwrap_or_default();
        let head = String::from_utf8_lossy(head);
        let end = head.find("\r\n\r\n").or_else(|| head.find("\n\n")).unwrap_or(head.len());
        draft.aside("the headers", head.get(..end).unwrap_or_default().to_owned());
    } else if sample.has_extension(&["ipynb"]) {
        if let Some(decoded) = sample.decoded() {
            draft.aside("the notebook's own data", decoded.text.clone());
        }
    } else if sample.decoded().is_none() {
        draft.aside("the file's bytes", runs(bytes));
    }
}

/// The parts of a package that readers do not show whole, the smallest first.
fn parts(bytes: &[u8], draft: &mut Draft<'_>) {
    let Ok((mut package, mut entries)) = Package::open(bytes, &draft.limits.archive) else { return };
    entries.sort_by_key(|entry| entry.size);
    let mut left = MOST;
    for entry in &entries {
        let is_text = [".xml", ".rels", ".vml", ".txt", ".json", ".html"].iter().any(|end| entry.name.ends_with(end));
        let is_shown = SHOWN.iter().any(|shown| entry.name.starts_with(shown));
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        if !is_text || is_shown || size > left {
            continue;
        }
        left -= size;
        if let Ok(part) = package.read(entry) {
            draft.aside(&entry.name, strings(&String::from_utf8_lossy(&part)));
        }
    }
}

/// What a pdf says of itself in XMP, where it is not packed.
fn packets(bytes: &[u8], draft: &mut Draft<'_>) {
    let (open, close) = (memchr::memmem::Finder::new("<x:xmpmeta"), memchr::memmem::Finder::new("</x:xmpmeta>"));
    let mut at = 0;
    for _ in 0..16 {
        let Some(start) = bytes.get(at..).and_then(|rest| open.find(rest)).map(|found| at + found) else { return };
        let rest = bytes.get(start..(start + EDGE).min(bytes.len())).unwrap_or_default();
        let Some(end) = close.find(rest) else { return };
        draft.aside("the properties (XMP)", strings(&String::from_utf8_lossy(rest.get(..end).unwrap_or_default())));
        at = start + end;
    }
}

/// The texts of markup: between tags, in attributes, in comments; a line each.
fn strings(markup: &str) -> String {
    let mut out = String::new();
    let mut add = |text: &str| {
        let text = text.trim();
        if text.len() >= SHORTEST && text.contains(char::is_alphabetic) && out.len() < MOST {
            match unescaped(text) {
                Some(plain) => out.push_str(&plain),
                None => out.push_str(&text.replace("&quot;", "\"").replace("&amp;", "&").replace("&apos;", "'")),
            }
            out.push('\n');
        }
    };
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        add(text);
        if let Some(comment) = tag.strip_prefix("<!--") {
            let end = comment.find("-->").unwrap_or(comment.len());
            add(comment.get(..end).unwrap_or_default());
            rest = comment.get(end..).and_then(|rest| rest.strip_prefix("-->")).unwrap_or_default();
            continue;
        }
        let end = tag.find('>').unwrap_or(tag.len());
        let inner = tag.get(..end).unwrap_or_default();
        let mut left = inner;
        while let Some(at) = left.find('=') {
            left = left.get(at + 1..).unwrap_or_default().trim_start();
            let Some(mark) = left.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            let value = left.get(1..).and_then(|rest| rest.split(mark).next()).unwrap_or_default();
            if value.contains(' ') || value.len() >= LONG || !value.is_ascii() {
                add(value);
            }
            left = left.get(value.len() + 1..).unwrap_or_default();
        }
        rest = tag.get(end + 1..).unwrap_or_default();
    }
    add(rest);
    out
}

/// Words between bytes.
fn runs(bytes: &[u8]) -> String {
    let (head, tail) = match bytes.len() > 2 * EDGE {
        true => (bytes.get(..EDGE), bytes.get(bytes.len() - EDGE..)),
        false => (Some(bytes), None),
    };
    let mut out = String::new();
    for part in [head, tail].into_iter().flatten() {
        for run in String::from_utf8_lossy(part).split(|c: char| c.is_control() && c != '\n' || c == '\u{fffd}') {
            let says = run.contains(' ') || run.len() >= 2 * LONG || !run.is_ascii();
            if run.chars().count() >= RUN && says {
                out.push_str(run);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_attributes_and_comments_of_markup_are_taken() {
        let markup =
            "<a title=\"be so kind\" data-x='say it well'>seen by all</a><!-- said to nobody --><b c='short'/>";
        assert_eq!(strings(markup), "be so kind\nsay it well\nseen by all\nsaid to nobody\n");
        assert_eq!(strings("<a t=\"a &quot;b&quot; c d\"/>"), "a \"b\" c d\n");
    }

    #[test]
    fn words_between_bytes_are_taken() {
        assert_eq!(runs(b"\x89PNG\r\n\x1a\n\0\0tEXtComment\0give it a good look\xff\xd8"), "give it a good look\n");
    }
}
