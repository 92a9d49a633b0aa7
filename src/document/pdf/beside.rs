//! What a pdf holds besides its drawn pages: the fields of forms with their values, remarks, links, files packed into it,
//! layers that are switched off, and what it says about itself. Names of people are left out: grading is blind.

use std::collections::HashSet;

use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::array::Array;
use hayro_interpret::hayro_syntax::object::dict::Dict;
use hayro_interpret::hayro_syntax::object::stream::Stream;
use hayro_interpret::hayro_syntax::object::{Name, Object, String as PdfString};

use crate::document::Sample;
use crate::document::draft::Draft;
use crate::domain::Place;

/// Names in names, and kids of kids.
const DEEPEST: usize = 32;
/// Files, fields and remarks of one pdf that are looked at.
const MOST: usize = 10_000;

pub(super) fn push(sample: &Sample<'_>, pdf: &Pdf, draft: &mut Draft<'_>) {
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).unwrap_or_default();
    let mut files = Vec::new();
    let mut remarks = 0;
    for (number, page) in (1..).zip(pdf.pages().iter()).take(draft.limits.max_pages as usize) {
        let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { continue };
        let mut links = Vec::new();
        for annotation in annotations.iter::<Dict<'_>>().take(MOST) {
            match kind(&annotation, "Subtype").as_str() {
                "Widget" => field(&annotation, number, draft),
                "Link" => links.extend(link(&annotation)),
                "FileAttachment" => files.extend(annotation.get::<Dict<'_>>("FS")),
                // The window of a remark, not the remark.
                "Popup" => {}
                what => remark(&annotation, what, number, &mut remarks, draft),
            }
        }
        links.dedup();
        for link in links {
            draft.push(Place::Page(number), format!("[link on page {number}: {link}]"));
        }
    }
    if let Some(named) = catalog.get::<Dict<'_>>("Names").and_then(|names| names.get::<Dict<'_>>("EmbeddedFiles")) {
        collect(&named, 0, &mut files);
    }
    attachments(sample, files, draft);
    layers(&catalog, draft);
    about(pdf, draft);
    if catalog.contains_key("OpenAction") && action(&catalog, "OpenAction") == "JavaScript"
        || catalog.get::<Dict<'_>>("Names").is_some_and(|names| names.contains_key("JavaScript"))
    {
        draft.finding("macro", Place::Whole, "the pdf holds scripts; they are not shown");
    }
}

fn kind(dict: &Dict<'_>, key: &str) -> String {
    dict.get::<Name<'_>>(key).map(|name| String::from_utf8_lossy(name.as_ref()).into_owned()).unwrap_or_default()
}

fn action(dict: &Dict<'_>, key: &str) -> String {
    dict.get::<Dict<'_>>(key).map(|action| kind(&action, "S")).unwrap_or_default()
}

/// A text of the file's own: UTF-16 or UTF-8 by its mark, otherwise PDFDocEncoding, whose letters are those of
/// Latin-1 but for a few signs.
fn text(bytes: &[u8]) -> String {
    let decoded = match bytes {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xff, 0xfe, rest @ ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0.into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    };
    decoded.trim_matches(|c: char| c.is_whitespace() || c == '\0').replace('\r', "\n")
}

/// ISO 32000-2, annex D.2.
fn pdf_doc(byte: u8) -> char {
    const HIGH: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł',
        'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    match byte {
        0x80..=0xa0 => HIGH.get(usize::from(byte - 0x80)).copied().unwrap_or('\u{fffd}'),
        other => char::from(other),
    }
}

fn said(dict: &Dict<'_>, key: &str) -> Option<String> {
    let said = text(dict.get::<PdfString<'_>>(key)?.as_bytes());
    (!said.is_empty()).then_some(said)
}

/// A field of a form, with its whole name and its value; both may stand at what it belongs to.
fn field<'a>(widget: &Dict<'a>, page: u32, draft: &mut Draft<'_>) {
    let mut names = Vec::new();
    let (mut label, mut value, mut sort) = (None, None, String::new());
    let mut at = Some(widget.clone());
    for _ in 0..DEEPEST {
        let Some(here) = at else { break };
        names.extend(said(&here, "T"));
        label = label.or_else(|| said(&here, "TU"));
        value = value.or_else(|| here.get::<Object<'a>>("V"));
        if sort.is_empty() {
            sort = kind(&here, "FT");
        }
        at = here.get::<Dict<'a>>("Parent");
    }
    names.reverse();
    let name = names.join(".");
    let shown = label.or_else(|| (!name.is_empty()).then(|| name.clone())).unwrap_or_else(|| "unnamed".to_owned());
    let state = kind(widget, "AS");
    let text = match (sort.as_str(), value.as_ref().and_then(value_text)) {
        ("Btn", value) => {
            let on = if state.is_empty() { value.is_some_and(|value| value != "Off") } else { state != "Off" };
            format!("[{}] {shown}", if on { "x" } else { " " })
        }
        ("Sig", value) => format!("{shown}: {}", if value.is_some() { "signed" } else { "not signed" }),
        (_, Some(value)) => format!("{shown}: {value}"),
        (_, None) => format!("{shown}: (empty)"),
    };
    draft.push(Place::Field { page, name }, format!("[field] {text}"));
}

fn value_text(value: &Object<'_>) -> Option<String> {
    match value {
        Object::String(value) => Some(text(value.as_bytes())).filter(|value| !value.is_empty()),
        Object::Name(name) => Some(String::from_utf8_lossy(name.as_ref()).into_owned()),
        Object::Array(values) => {
            let values: Vec<_> =
                values.iter::<Object<'_>>().take(MOST).filter_map(|value| value_text(&value)).collect();
            (!values.is_empty()).then(|| values.join(", "))
        }
        Object::Stream(stream) => Some(text(&stream.decoded().ok()?)).filter(|value| !value.is_empty()),
        Object::Dict(_) => Some("given".to_owned()),
        Object::Null(_) | Object::Boolean(_) | Object::Number(_) => None,
    }
}

fn link(annotation: &Dict<'_>) -> Option<String> {
    said(&annotation.get::<Dict<'_>>("A")?, "URI")
}

fn remark(annotation: &Dict<'_>, what: &str, page: u32, count: &mut u32, draft: &mut Draft<'_>) {
    let Some(said) = said(annotation, "Contents") else { return };
    let what = match what {
        "FreeText" => "text written onto the page",
        "Text" => "note",
        "Highlight" => "remark on a highlighted text",
        "StrikeOut" => "remark on a text struck out",
        "Underline" | "Squiggly" => "remark on an underlined text",
        _ => "remark",
    };
    *count += 1;
    draft.push(Place::Comment(*count), format!("[{what}, page {page}] {said}"));
}

/// The files of a tree of names.
fn collect<'a>(node: &Dict<'a>, depth: usize, files: &mut Vec<Dict<'a>>) {
    if depth > DEEPEST || files.len() > MOST {
        return;
    }
    if let Some(pairs) = node.get::<Array<'a>>("Names") {
        files.extend(pairs.iter::<Object<'a>>().take(MOST).filter_map(|object| match object {
            Object::Dict(file) => Some(file),
            _ => None,
        }));
    }
    for kid in node.get::<Array<'a>>("Kids").iter().flat_map(|kids| kids.iter::<Dict<'a>>()).take(MOST) {
        collect(&kid, depth + 1, files);
    }
}

/// Files that are packed into the pdf are members of it.
fn attachments(sample: &Sample<'_>, files: Vec<Dict<'_>>, draft: &mut Draft<'_>) {
    let mut seen = HashSet::new();
    for file in files {
        let name = said(&file, "UF").or_else(|| said(&file, "F")).unwrap_or_else(|| "attachment".to_owned());
        let Some(packed) = file.get::<Dict<'_>>("EF") else { continue };
        let Some(stream) = packed.get::<Stream<'_>>("UF").or_else(|| packed.get::<Stream<'_>>("F")) else { continue };
        // Once in the list of files and once on a page.
        if !seen.insert(stream.obj_id()) {
            continue;
        }
        draft.push(Place::Whole, format!("[attached file: {name}]"));
        let more = match stream.decoded() {
            Ok(bytes) => draft.member_within(sample.name, &name, &bytes),
            Err(_) => {
                let reason = "its packing is damaged; attach it again or send it beside the pdf".to_owned();
                draft.unreadable_member(sample.name, &name, 0, reason);
                true
            }
        };
        if !more {
            let why = format!("over the limit of {} members", draft.limits.archive.max_entries);
            draft.cut(Place::Whole, "the other attached files", why, None);
            return;
        }
    }
}

/// Layers that are switched off: nobody who opens the file sees them, and what they hold is not read.
fn layers(catalog: &Dict<'_>, draft: &mut Draft<'_>) {
    let off = catalog
        .get::<Dict<'_>>("OCProperties")
        .and_then(|properties| properties.get::<Dict<'_>>("D"))
        .and_then(|settings| settings.get::<Array<'_>>("OFF"));
    let names: Vec<_> = off
        .iter()
        .flat_map(|off| off.iter::<Dict<'_>>())
        .take(100)
        .map(|layer| said(&layer, "Name").unwrap_or_else(|| "unnamed".to_owned()))
        .collect();
    if !names.is_empty() {
        let detail = format!("layers that are switched off are not shown: {}", names.join(", "));
        draft.finding("layers_off", Place::Whole, detail);
    }
}

/// What the file says about itself, without its people and programs.
fn about(pdf: &Pdf, draft: &mut Draft<'_>) {
    let metadata = pdf.metadata();
    let said = [("title", &metadata.title), ("subject", &metadata.subject), ("keywords", &metadata.keywords)];
    let said: Vec<_> = said
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, text(bytes.as_deref()?))))
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name}: {}", text.chars().take(500).collect::<String>()))
        .collect();
    if !said.is_empty() {
        draft.finding("metadata", Place::Whole, said.join("; "));
    }
}
