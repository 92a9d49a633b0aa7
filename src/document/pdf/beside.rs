//! What a pdf holds beside its pages: files attached to it, fields of its form, comments and links, its own title.
//!
//! Names of people (who commented, who wrote, who signed) are left out: judges are blind to them. Sizes are bounded by
//! the limits of archives, walks through trees by [`MAX_WALK`]. ISO 32000-2, 7.11, 12.3, 12.5, 12.6, 12.7, 14.3.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;

use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect, Stream};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{Filter, Pdf};
use hayro_interpret::{TransformExt, kurbo};

use crate::document::draft::Draft;
use crate::domain::Place;

use super::collect::PdfGlyph;

/// Objects that are visited in one tree, and how deep.
const MAX_WALK: usize = 5_000;
const MAX_DEPTH: u32 = 32;
/// Links that are listed for a page.
const MAX_LINKS: usize = 200;
/// Characters of one value or comment.
const MAX_VALUE: usize = 20_000;

const HIDDEN: u32 = 1 << 1;
const NO_VIEW: u32 = 1 << 5;

/// A text string: UTF-16 or UTF-8 with their marks, else the encoding of pdf documents.
fn text_string(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
            String::from_utf16_lossy(&units)
        }
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks(2).map(|pair| pair.iter().rev().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    };
    text.chars().take(MAX_VALUE).collect()
}

/// PDFDocEncoding (ISO 32000-2, annex D.3); elsewhere Latin-1.
fn pdf_doc(byte: u8) -> char {
    const FROM_80: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł',
        'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    const FROM_18: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    match byte {
        0x80..=0xa0 => FROM_80.get(usize::from(byte) - 0x80).copied().unwrap_or('\u{fffd}'),
        0x18..=0x1f => FROM_18.get(usize::from(byte) - 0x18).copied().unwrap_or('\u{fffd}'),
        other => char::from(other),
    }
}

pub(super) fn string_at(dict: &Dict<'_>, key: &str) -> Option<String> {
    let value = match dict.get::<Object<'_>>(key.as_bytes())? {
        Object::String(text) => text_string(text.as_bytes()),
        Object::Stream(stream) => text_string(&bytes_of(&stream, MAX_VALUE as u64 * 4).ok()?),
        Object::Name(name) => name.as_str().to_owned(),
        _ => return None,
    };
    (!value.trim().is_empty()).then_some(value)
}

fn name_at(dict: &Dict<'_>, key: &str) -> Option<String> {
    dict.get::<Name<'_>>(key.as_bytes()).map(|name| name.as_str().to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn catalog<'a>(pdf: &'a Pdf) -> Option<Dict<'a>> {
    pdf.xref().get::<Dict<'a>>(pdf.xref().root_id())
}

/// Where each field of the form is shown, found while the pages are read, and how many remarks were met.
#[derive(Default)]
pub(super) struct Widgets(HashMap<ObjectIdentifier, u32>, u32);

/// Comments and links of a page. `seen` is what the page shows, for links and for notes that stand on it.
pub(super) fn annotations(
    page: &Page<'_>,
    number: u32,
    glyphs: &[PdfGlyph],
    seen: &str,
    widgets: &mut Widgets,
    draft: &mut Draft<'_>,
) {
    let place = Place::Page(number);
    let Some(list) = page.raw().get::<Array<'_>>(b"Annots".as_slice()) else { return };
    let mut links: Vec<String> = Vec::new();
    let seen: String = seen.chars().filter(|c| !c.is_whitespace()).collect();
    for item in list.raw_iter().take(MAX_WALK) {
        let id = item.as_obj_ref().map(ObjectIdentifier::from);
        let dict = match item {
            MaybeRef::Ref(_) => id.and_then(|id| page.xref().get::<Dict<'_>>(id)),
            MaybeRef::NotRef(object) => object.into_dict(),
        };
        let Some(dict) = dict else { continue };
        match name_at(&dict, "Subtype").unwrap_or_default().as_str() {
            "Widget" => {
                if let Some(id) = id {
                    widgets.0.insert(id, number);
                    widgets.0.extend(dict.get_ref(b"Parent".as_slice()).map(|parent| (parent.into(), number)));
                }
            }
            "Link" => {
                let Some(target) = target(&dict) else { continue };
                let words = words_in(page, &dict, glyphs);
                let line = if words.is_empty() { target.clone() } else { format!("{words} → {target}") };
                let shown = one_line(&words) == target || target == format!("mailto:{words}");
                if !shown && !links.contains(&line) && links.len() < MAX_LINKS {
                    links.push(line);
                }
            }
            "Popup" => {}
            kind => {
                let Some(words) = string_at(&dict, "Contents") else { continue };
                let solid: String = words.chars().filter(|c| !c.is_whitespace()).collect();
                if seen.contains(&solid) {
                    continue;
                }
                let flags = dict.get::<u32>(b"F".as_slice()).unwrap_or(0);
                let about = match kind {
                    "Highlight" | "Underline" | "Squiggly" | "StrikeOut" => words_in(page, &dict, glyphs),
                    _ => String::new(),
                };
                let about = if about.is_empty() { String::new() } else { format!(" on \"{about}\"") };
                let what = match kind {
                    "FreeText" => "text written onto the page",
                    "Text" => "note",
                    "Highlight" => "remark on a highlighted text",
                    "StrikeOut" => "remark on a text struck out",
                    "Underline" | "Squiggly" => "remark on an underlined text",
                    _ => "remark",
                };
                let text = format!("[{what}{about}, page {number}] {}", words.trim());
                widgets.1 += 1;
                let place = Place::Comment(widgets.1);
                if flags & (HIDDEN | NO_VIEW) != 0 {
                    push_hidden(&place, "a comment that is not shown", &text, draft);
                } else {
                    draft.push(place, text);
                }
            }
        }
    }
    for link in links {
        draft.push(place.clone(), format!("[link on page {number}: {link}]"));
    }
}

/// Text that nobody sees, with its finding.
pub(super) fn push_hidden(place: &Place, why: &str, text: &str, draft: &mut Draft<'_>) {
    let before = draft.text_len();
    draft.push(place.clone(), text);
    // As it stands in the text now: invisible characters are marked there.
    let quoted: String = draft.text_since(before).chars().take(200).collect();
    if !quoted.is_empty() {
        draft.finding("hidden_text", place.clone(), format!("{why}: {quoted}"));
    }
}

/// Where a link leads, unless that is a place in the file itself.
fn target(dict: &Dict<'_>) -> Option<String> {
    let action = dict.get::<Dict<'_>>(b"A".as_slice())?;
    match name_at(&action, "S")?.as_str() {
        "URI" => string_at(&action, "URI").map(|uri| one_line(&uri)),
        "GoToR" | "Launch" => {
            let file = match action.get::<Object<'_>>(b"F".as_slice())? {
                Object::Dict(spec) => string_at(&spec, "UF").or_else(|| string_at(&spec, "F")),
                Object::String(name) => Some(text_string(name.as_bytes())),
                _ => None,
            };
            file.map(|file| format!("file {}", one_line(&file)))
        }
        "JavaScript" => Some("a script".to_owned()),
        _ => None,
    }
}

/// What is written in the area of an annotation.
fn words_in(page: &Page<'_>, dict: &Dict<'_>, glyphs: &[PdfGlyph]) -> String {
    let Some(rect) = dict.get::<Rect>(b"Rect".as_slice()) else { return String::new() };
    let area = kurbo::Rect::from_points((rect.x0, rect.y0), (rect.x1, rect.y1));
    let area = page.initial_transform(true).to_kurbo().transform_rect_bbox(area);
    let inside = glyphs.iter().filter(|glyph| glyph.hidden.is_none() && area.contains(glyph.area().center()));
    let words: String = super::lines::blocks(inside.take(2_000), &super::grid::Rules::default()).join(" ");
    one_line(&words).chars().take(300).collect()
}

/// The form: every field with its value.
pub(super) fn form(pdf: &Pdf, widgets: &Widgets, draft: &mut Draft<'_>) {
    let form = catalog(pdf).and_then(|catalog| catalog.get::<Dict<'_>>(b"AcroForm".as_slice())).unwrap_or_default();
    if form.contains_key(b"XFA".as_slice()) {
        let detail =
            "the form is an XFA form: programs that know such forms may show other content than the pages have";
        draft.finding("xfa_form", Place::Whole, detail);
    }
    let mut walk = Walk { seen: HashSet::new(), left: MAX_WALK };
    let root = Inherited::default();
    for item in form.get::<Array<'_>>(b"Fields".as_slice()).iter().flat_map(|fields| fields.raw_iter()) {
        field(pdf, &item, &root, 0, widgets, &mut walk, draft);
    }
    // Fields that stand on a page and that the form does not list.
    for (number, page) in (1..).zip(pdf.pages().iter()).take(draft.limits.max_pages as usize) {
        let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots".as_slice()) else { continue };
        for item in annotations.raw_iter().take(MAX_WALK) {
            let id = item.as_obj_ref().map(ObjectIdentifier::from);
            let known = id.is_some_and(|id| walk.seen.contains(&id));
            let Some(dict) = (if known { None } else { opened(pdf, &item) }) else { continue };
            if name_at(&dict, "Subtype").as_deref() == Some("Widget") {
                let above = Inherited { page: Some(number), ..Inherited::of_parents(&dict) };
                field(pdf, &item, &above, 0, widgets, &mut walk, draft);
            }
        }
    }
    if walk.left == 0 {
        draft.cut(Place::Whole, "the rest of the form", format!("over the limit of {MAX_WALK} fields"), None);
    }
}

struct Walk {
    seen: HashSet<ObjectIdentifier>,
    left: usize,
}

impl Walk {
    /// An object of a tree, once.
    fn open<'a>(&mut self, pdf: &'a Pdf, item: &MaybeRef<Object<'a>>) -> Option<(Option<ObjectIdentifier>, Dict<'a>)> {
        self.left = self.left.checked_sub(1)?;
        match item {
            MaybeRef::Ref(reference) => {
                let id = ObjectIdentifier::from(*reference);
                let new = self.seen.insert(id);
                new.then(|| pdf.xref().get::<Dict<'a>>(id)).flatten().map(|dict| (Some(id), dict))
            }
            MaybeRef::NotRef(object) => object.clone().into_dict().map(|dict| (None, dict)),
        }
    }
}

/// The dictionary that an entry of a list is or points to.
fn opened<'a>(pdf: &'a Pdf, item: &MaybeRef<Object<'a>>) -> Option<Dict<'a>> {
    match item {
        MaybeRef::Ref(reference) => pdf.xref().get::<Dict<'a>>(ObjectIdentifier::from(*reference)),
        MaybeRef::NotRef(object) => object.clone().into_dict(),
    }
}

/// What a field has from those above it.
#[derive(Clone, Default)]
struct Inherited {
    name: String,
    kind: Option<String>,
    flags: u32,
    value: Option<String>,
    page: Option<u32>,
}

impl Inherited {
    fn of_parents(dict: &Dict<'_>) -> Self {
        let mut chain = Vec::new();
        let mut at = dict.get::<Dict<'_>>(b"Parent".as_slice());
        while let Some(parent) = at.filter(|_| chain.len() < MAX_DEPTH as usize) {
            at = parent.get::<Dict<'_>>(b"Parent".as_slice());
            chain.push(parent);
        }
        let mut own = Self::default();
        for parent in chain.iter().rev() {
            own.take(parent);
        }
        own
    }

    /// With what a field says itself.
    fn take(&mut self, dict: &Dict<'_>) {
        if let Some(name) = string_at(dict, "T") {
            let name = one_line(&name);
            let whole = if self.name.is_empty() { name } else { format!("{}.{name}", self.name) };
            self.name = whole.chars().take(300).collect();
        }
        self.kind = name_at(dict, "FT").or(self.kind.take());
        self.flags = dict.get::<u32>(b"Ff".as_slice()).unwrap_or(self.flags);
        self.value = value(dict).or(self.value.take());
    }
}

fn field<'a>(
    pdf: &'a Pdf,
    item: &MaybeRef<Object<'a>>,
    above: &Inherited,
    depth: u32,
    widgets: &Widgets,
    walk: &mut Walk,
    draft: &mut Draft<'_>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let Some((id, dict)) = walk.open(pdf, item) else { return };
    let mut own = above.clone();
    own.take(&dict);
    let kids: Vec<MaybeRef<Object<'a>>> = dict
        .get::<Array<'_>>(b"Kids".as_slice())
        .map(|kids| kids.raw_iter().take(MAX_WALK).collect())
        .unwrap_or_default();
    // Kids without a name are only where the field is shown.
    let named = |kid: &MaybeRef<Object<'a>>| opened(pdf, kid).is_some_and(|kid| kid.contains_key(b"T".as_slice()));
    let (inner, shown): (Vec<_>, Vec<_>) = kids.into_iter().partition(named);
    for kid in &inner {
        field(pdf, kid, &own, depth + 1, widgets, walk, draft);
    }
    walk.seen.extend(shown.iter().filter_map(|kid| kid.as_obj_ref().map(ObjectIdentifier::from)));
    let Some(kind) = own.kind.filter(|_| inner.is_empty()) else { return };
    let places = shown.iter().filter_map(|kid| kid.as_obj_ref().map(ObjectIdentifier::from)).chain(id);
    let page = places.filter_map(|id| widgets.0.get(&id)).next().copied().or(own.page);
    let label = string_at(&dict, "TU").map(|label| one_line(&label));
    let name = if own.name.is_empty() { "unnamed".to_owned() } else { own.name };
    let shown_as = label.unwrap_or_else(|| name.clone());
    let text = match kind.as_str() {
        // A button that only does something.
        "Btn" if own.flags & 1 << 16 != 0 => return,
        "Btn" => {
            let state = name_at(&dict, "AS").filter(|_| shown.is_empty()).or(own.value);
            match state.as_deref() {
                None | Some("Off") => format!("[ ] {shown_as}"),
                Some("Yes" | "On" | "1") => format!("[x] {shown_as}"),
                Some(state) => format!("[x] {shown_as}: {state}"),
            }
        }
        "Sig" => format!("{shown_as}: {}", if own.value.is_some() { "signed" } else { "not signed" }),
        _ if own.flags & 1 << 13 != 0 => format!("{shown_as}: (a password)"),
        _ => format!("{shown_as}: {}", own.value.as_deref().map_or("(empty)", str::trim)),
    };
    let line = format!("[field] {text}");
    let place = page.map_or(Place::Whole, |page| Place::Field { page, name });
    let flags = dict.get::<u32>(b"F".as_slice()).unwrap_or(0);
    if flags & (HIDDEN | NO_VIEW) != 0 && shown.is_empty() {
        push_hidden(&place, "a form field that is not shown", &line, draft);
    } else {
        draft.push(place, line);
    }
}

fn value(dict: &Dict<'_>) -> Option<String> {
    match dict.get::<Object<'_>>(b"V".as_slice())? {
        Object::Array(chosen) => {
            let chosen = chosen.iter::<Object<'_>>().take(500).filter_map(|item| match item {
                Object::String(text) => Some(text_string(text.as_bytes())),
                _ => None,
            });
            Some(chosen.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
        }
        // A signature: who signed is not told.
        Object::Dict(_) => Some(String::new()),
        _ => string_at(dict, "V"),
    }
}

/// Files that are attached, read like members of an archive.
pub(super) fn attachments(pdf: &Pdf, outer: &str, draft: &mut Draft<'_>) {
    let Some(catalog) = catalog(pdf) else { return };
    let mut walk = Walk { seen: HashSet::new(), left: MAX_WALK };
    let mut files: Vec<(String, Stream<'_>)> = Vec::new();
    if let Some(names) = catalog.get::<Dict<'_>>(b"Names".as_slice())
        && let Some(root) = names.get_raw::<Object<'_>>(b"EmbeddedFiles".as_slice())
    {
        name_tree(pdf, &root, 0, &mut walk, &mut files);
    }
    let mut lists: Vec<Array<'_>> = catalog.get::<Array<'_>>(b"AF".as_slice()).into_iter().collect();
    for page in pdf.pages().iter().take(draft.limits.max_pages as usize) {
        lists.extend(page.raw().get::<Array<'_>>(b"AF".as_slice()));
        let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots".as_slice()) else { continue };
        for dict in annotations.iter::<Dict<'_>>().take(MAX_WALK) {
            if name_at(&dict, "Subtype").as_deref() == Some("FileAttachment") {
                files.extend(dict.get::<Dict<'_>>(b"FS".as_slice()).and_then(|spec| embedded(&spec)));
            }
        }
    }
    for list in lists {
        files.extend(list.iter::<Dict<'_>>().take(MAX_WALK).filter_map(|spec| embedded(&spec)));
    }
    let mut seen = HashSet::new();
    let mut lost = 0u64;
    for (title, stream) in files.into_iter().filter(|(_, stream)| seen.insert(stream.obj_id())) {
        let title = crate::document::members::clean_name(&title.replace(['/', '\\'], "-"));
        if draft.budget.entries == 0 {
            lost += 1;
            continue;
        }
        match bytes_of(&stream, draft.limits.archive.max_entry_bytes.min(draft.budget.bytes)) {
            Ok(bytes) => {
                draft.push(Place::Whole, format!("[attached file: {title}, {} bytes]", bytes.len()));
                lost += u64::from(!draft.member_within(outer, &title, &bytes));
            }
            Err(why) => {
                draft.push(Place::Whole, format!("[attached file: {title}]"));
                draft.unreadable_member(outer, &title, 0, why);
            }
        }
    }
    if lost > 0 {
        let why = format!("over the limit of {} files in one", draft.limits.archive.max_entries);
        draft.cut(Place::Whole, format!("{lost} attachments"), why, None);
    }
}

fn name_tree<'a>(
    pdf: &'a Pdf,
    item: &MaybeRef<Object<'a>>,
    depth: u32,
    walk: &mut Walk,
    files: &mut Vec<(String, Stream<'a>)>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let Some((_, node)) = walk.open(pdf, item) else { return };
    if let Some(names) = node.get::<Array<'_>>(b"Names".as_slice()) {
        files.extend(
            names
                .iter::<Object<'_>>()
                .take(2 * MAX_WALK)
                .filter_map(Object::into_dict)
                .filter_map(|spec| embedded(&spec)),
        );
    }
    if let Some(kids) = node.get::<Array<'_>>(b"Kids".as_slice()) {
        for kid in kids.raw_iter() {
            name_tree(pdf, &kid, depth + 1, walk, files);
        }
    }
}

/// The name and the bytes of a file that stands in the pdf itself.
fn embedded<'a>(spec: &Dict<'a>) -> Option<(String, Stream<'a>)> {
    let held = spec.get::<Dict<'a>>(b"EF".as_slice())?;
    let stream = held.get::<Stream<'a>>(b"UF".as_slice()).or_else(|| held.get::<Stream<'a>>(b"F".as_slice()))?;
    let name = string_at(spec, "UF").or_else(|| string_at(spec, "F")).unwrap_or_else(|| "attachment".to_owned());
    Some((one_line(&name), stream))
}

/// What a stream holds, unpacked up to a limit.
fn bytes_of(stream: &Stream<'_>, most: u64) -> Result<Vec<u8>, String> {
    let over = || format!("over the limit of {most} bytes unpacked");
    let damaged = || "the attachment is damaged or packed in a way that is not known".to_owned();
    let raw = stream.raw_data();
    let filters = stream.filters();
    let predicted = stream.dict().get::<Object<'_>>(b"DecodeParms".as_slice()).is_some();
    let bytes = if matches!(filters.as_slice(), [Filter::FlateDecode]) && !predicted {
        let mut bytes = Vec::new();
        let unpacked = flate2::read::ZlibDecoder::new(raw.as_ref()).take(most + 1).read_to_end(&mut bytes);
        if unpacked.is_err() && bytes.is_empty() {
            return Err(damaged());
        }
        bytes
    } else if filters.is_empty() {
        raw.into_owned()
    } else {
        // Other packings are unpacked whole: a small one cannot become large enough to hurt.
        if raw.len() as u64 > (most / 64).min(4 << 20) || filters.len() > 3 {
            return Err(over());
        }
        stream.decoded_data().map_err(|_| damaged())?.into_owned()
    };
    if bytes.len() as u64 > most { Err(over()) } else { Ok(bytes) }
}

/// What the file says of itself and pages do not show. Who wrote it is left out.
pub(super) fn metadata(pdf: &Pdf, draft: &mut Draft<'_>) {
    let known = pdf.metadata();
    let parts = [("title", &known.title), ("subject", &known.subject), ("keywords", &known.keywords)];
    let mut found = Vec::new();
    for (what, value) in parts {
        let Some(value) = value.as_deref().map(text_string) else { continue };
        let value: String = one_line(&value).chars().take(500).collect();
        let says_nothing = ["", "untitled", "anonymous", "(anonymous)", "unspecified", "(unspecified)"];
        if !says_nothing.contains(&value.to_lowercase().as_str()) {
            found.push(format!("{what}: {value}"));
        }
    }
    if !found.is_empty() {
        draft.finding("metadata", Place::Whole, found.join("; "));
    }
    for (what, value) in [("author", &known.author), ("creator", &known.creator), ("producer", &known.producer)] {
        if let Some(value) = value.as_deref().map(text_string) {
            draft.aside(&format!("the property `{what}`"), one_line(&value).chars().take(2_000).collect());
        }
    }
}
