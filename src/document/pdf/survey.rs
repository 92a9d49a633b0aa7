//! A look at all objects of a pdf before its pages are interpreted: whether what is packed in it is more than can be
//! unpacked, and what the file would do by itself in a program that shows it (scripts, programs that it starts, forms
//! that it sends, films). Nothing of that is done here. ISO 32000-2, 12.6 and 13.

use std::collections::{BTreeSet, HashMap};

use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use memchr::memmem;

use crate::document::draft::Draft;
use crate::domain::Place;

use super::beside::string_at;
use super::traps;
use super::unpacked::{self, MOST};

/// Streams that cannot become larger are not measured.
const SMALL: u64 = 64 << 20;
/// Bytes of all streams that are measured.
const MOST_IN_ALL: u64 = 2 << 30;
/// Bytes that small streams may become together before they are measured, too.
const MOST_UNMEASURED: u64 = 16 << 30;
/// Values that are looked at, and how deep.
const MAX_VALUES: usize = 2_000_000;
const MAX_DEPTH: usize = 8;
/// Parts of one page's content that are not measured.
const FEW_PARTS: usize = 16;

/// What a file would do.
#[derive(Default)]
pub(super) struct Survey {
    scripts: u64,
    films: u64,
    attached: u64,
    /// Programs and files that it would open.
    launches: Vec<String>,
    /// Addresses that it would send a form to, or fetch one from.
    sends: Vec<String>,
    /// Tables that say which letters a font's codes are.
    letters: BTreeSet<ObjectIdentifier>,
    endless_widths: bool,
    values_left: usize,
}

/// What the parser unpacks to find out which objects there are: before it is asked.
///
/// # Errors
/// Why the file is not opened.
pub(super) fn before_opening(bytes: &[u8]) -> Result<(), String> {
    let mut in_all = 0u64;
    for mark in [&b"ObjStm"[..], b"XRef"] {
        let mut at = 0;
        // On from the end of each stream, so that nothing is looked at twice.
        while let Some(found) = memmem::find(&bytes[at..], mark) {
            at += found + mark.len();
            let head = &bytes[at..bytes.len().min(at + 4_096)];
            let Some(start) = memmem::find(head, b"stream") else { continue };
            let packed = bytes[at + start + 6..].trim_ascii_start();
            let end = memmem::find(packed, b"endstream").unwrap_or(packed.len());
            in_all += unpacked::sniffed(&packed[..end]).map_err(|_| bomb())?;
            if in_all > MOST_IN_ALL {
                return Err(too_much());
            }
            at = bytes.len() - packed.len() + end;
        }
    }
    Ok(())
}

fn too_much() -> String {
    format!("the pdf unpacks to more than the limit of {} MiB, as in a bomb; save it again", MOST_IN_ALL >> 20)
}

pub(super) fn bomb() -> String {
    format!("a part of the pdf unpacks to more than the limit of {} MiB, as in a bomb; save it again", MOST >> 20)
}

/// # Errors
/// Why the pages are not read.
pub(super) fn survey(pdf: &Pdf) -> Result<Survey, String> {
    let mut survey = Survey { values_left: MAX_VALUES, ..Survey::default() };
    let (mut in_all, mut unmeasured) = (0u64, 0u64);
    for object in pdf.objects() {
        match object {
            Object::Stream(stream) => {
                let bound = unpacked::bound(stream.raw_data().len() as u64, &stream.filters());
                if bound > SMALL {
                    in_all += measured(&stream)?;
                } else {
                    unmeasured = unmeasured.saturating_add(bound);
                }
                if in_all > MOST_IN_ALL {
                    return Err(too_much());
                }
                let kind = stream.dict().get::<Name<'_>>(b"Type".as_slice());
                traps::of_stream(&stream)?;
                survey.attached += u64::from(kind.is_some_and(|kind| kind.as_str() == "EmbeddedFile"));
                survey.dict(stream.dict(), 0);
            }
            Object::Dict(dict) => survey.dict(&dict, 0),
            Object::Array(array) => survey.array(&array, 0),
            _ => {}
        }
    }
    // Thousands of streams that could each be a small bomb are measured after all.
    if unmeasured > MOST_UNMEASURED {
        for object in pdf.objects() {
            let Object::Stream(stream) = object else { continue };
            in_all = in_all.saturating_add(measured(&stream)?);
            if in_all > MOST_IN_ALL {
                return Err(too_much());
            }
        }
    }
    contents(pdf)?;
    if survey.endless_widths {
        return Err(traps::too_many_codes());
    }
    for id in &survey.letters {
        let table = pdf.xref().get::<Stream<'_>>(*id);
        table.map_or(Ok(()), |table| traps::of_letters(&table))?;
    }
    Ok(survey)
}

fn measured(stream: &Stream<'_>) -> Result<u64, String> {
    unpacked::size(&stream.raw_data(), &stream.filters()).map_err(|_| bomb())
}

/// A page may name one stream as its content any number of times.
fn contents(pdf: &Pdf) -> Result<(), String> {
    let mut sizes: HashMap<ObjectIdentifier, u64> = HashMap::new();
    for (number, page) in (1..).zip(pdf.pages().iter()) {
        let Some(parts) = page.raw().get::<Array<'_>>(b"Contents".as_slice()) else { continue };
        if parts.raw_iter().take(FEW_PARTS + 1).count() <= FEW_PARTS {
            continue;
        }
        let mut size = 0u64;
        for part in parts.raw_iter() {
            let Some(id) = part.as_obj_ref().map(ObjectIdentifier::from) else { continue };
            let known = sizes.get(&id).copied().unwrap_or_else(|| {
                let stream = pdf.xref().get::<Stream<'_>>(id);
                let size = stream.and_then(|s| unpacked::size(&s.raw_data(), &s.filters()).ok()).unwrap_or(0);
                // A look-up costs something, too.
                sizes.insert(id, size + 64);
                size + 64
            });
            size = size.saturating_add(known);
            if size > MOST {
                let most = MOST >> 20;
                return Err(format!(
                    "the content of page {number} is more than the limit of {most} MiB; save it again"
                ));
            }
        }
    }
    Ok(())
}

impl Survey {
    fn value(&mut self, value: &MaybeRef<Object<'_>>, depth: usize) {
        // What is referred to is an object of its own.
        match value {
            MaybeRef::NotRef(Object::Dict(dict)) => self.dict(dict, depth),
            MaybeRef::NotRef(Object::Array(array)) => self.array(array, depth),
            _ => {}
        }
    }

    fn array(&mut self, array: &Array<'_>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for item in array.raw_iter() {
            let Some(left) = self.values_left.checked_sub(1) else { return };
            self.values_left = left;
            self.value(&item, depth + 1);
        }
    }

    fn dict(&mut self, dict: &Dict<'_>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let name = |key: &str| dict.get::<Name<'_>>(key.as_bytes()).map(|name| name.as_str().to_owned());
        match name("S").as_deref() {
            Some("JavaScript") => self.scripts += 1,
            Some("Launch") => note(&mut self.launches, file(dict)),
            Some("SubmitForm" | "ImportData") => note(&mut self.sends, file(dict)),
            Some("Rendition" | "Movie" | "Sound" | "RichMediaExecute") => self.films += 1,
            _ => {}
        }
        if matches!(name("Subtype").as_deref(), Some("RichMedia" | "Screen" | "Movie" | "Sound" | "3D")) {
            self.films += 1;
        }
        self.endless_widths |= traps::has_endless_widths(dict);
        for (key, value) in dict.entries() {
            let Some(left) = self.values_left.checked_sub(1) else { return };
            self.values_left = left;
            if let (b"ToUnicode", Some(table)) = (key.as_ref(), value.as_obj_ref()) {
                self.letters.insert(ObjectIdentifier::from(table));
            }
            self.value(&value, depth + 1);
        }
    }

    pub fn report(self, draft: &mut Draft<'_>) {
        if self.scripts > 0 {
            draft.finding("macro", Place::Whole, "the pdf holds scripts; they are not shown");
        }
        if !self.launches.is_empty() {
            let what = self.launches.join(", ");
            draft.finding("launch_action", Place::Whole, format!("the pdf would open files or programs: {what}"));
        }
        if !self.sends.is_empty() {
            let what = self.sends.join(", ");
            draft.finding("submit_action", Place::Whole, format!("the pdf would send or fetch a form: {what}"));
        }
        if self.films > 0 {
            let detail = "the pdf holds films, sound or three-dimensional objects, which are not shown";
            draft.finding("rich_media", Place::Whole, detail);
        }
        if self.attached > 0 {
            let detail = format!("{} files are attached to the pdf; each is read as a file of its own", self.attached);
            draft.finding("embedded_files", Place::Whole, detail);
        }
    }
}

/// Each once, and not endless ones.
fn note(found: &mut Vec<String>, what: String) {
    if found.len() < 5 && !found.contains(&what) {
        found.push(what);
    }
}

/// The file of an action, as far as it names one.
fn file(action: &Dict<'_>) -> String {
    let spec = action.get::<Dict<'_>>(b"F".as_slice());
    let windows = action.get::<Dict<'_>>(b"Win".as_slice());
    let named = spec.and_then(|spec| string_at(&spec, "UF").or_else(|| string_at(&spec, "F")));
    let named = named.or_else(|| string_at(action, "F")).or_else(|| windows.and_then(|win| string_at(&win, "F")));
    named.map_or_else(|| "one that it does not name".to_owned(), |name| name.chars().take(200).collect())
}
