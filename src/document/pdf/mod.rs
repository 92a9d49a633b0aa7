//! PDF files: the letters of each page put together to words, lines and blocks, with what the page's reader
//! would not see reported as `hidden_text`, and the pictures. A page without a text layer (a scan, outlined
//! letters) is a cut, never silence. PDF 2.0: ISO 32000-2.
//!
//! Order: as the file draws it, because that follows columns; if a file draws in no order, by position.

mod beside;
mod collect;
mod lines;
mod nesting;
mod render;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page, kurbo};

use crate::domain::{Cut, Place};

use super::draft::Draft;
use super::{Reader, Sample};

use collect::{Collector, INVISIBLE, OverWork};
pub use render::{RenderedPages, render_pdf};

pub(super) const READER: Reader = Reader { id: "pdf/2", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    // Some writers put a few bytes before the header.
    let head = sample.bytes.get(..sample.bytes.len().min(1024)).unwrap_or(sample.bytes);
    head.windows(5).any(|w| w == b"%PDF-").then_some("application/pdf")
}

/// Why a pdf does not open.
fn refused(error: LoadPdfError) -> String {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "the pdf is protected by a password; save it without one".to_owned()
        }
        LoadPdfError::Decryption(_) => {
            "the pdf is encrypted in a way that is not known; save it without encryption".to_owned()
        }
        LoadPdfError::Invalid => "the pdf is damaged or cut off; save or send it again".to_owned(),
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    if nesting::affordable(sample.bytes).is_none() {
        return Err("the pdf's objects are nested beyond all use; it is damaged, save it again".to_owned());
    }
    let pdf = Pdf::new(sample.bytes.to_vec()).map_err(refused)?;
    let count = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Err("the pdf has no pages that can be found; it is damaged, save it again".to_owned());
    }
    draft.pages = Some(count);
    let cache = InterpreterCache::new();
    let mut work_left = draft.limits.max_glyphs;
    let mut images_seen = std::collections::HashSet::new();
    for (index, page) in pdf.pages().iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let place = Place::Page(number);
        if number > draft.limits.max_pages {
            let what = format!("pages {number}-{count}, {} pages", count - number + 1);
            draft.cut(place, what, format!("over the limit of {} pages", draft.limits.max_pages), None);
            break;
        }
        let (width, height) = page.render_dimensions();
        let (width, height) = (f64::from(width), f64::from(height));
        let mut collector = Collector::new(width, height, work_left, draft.limits, images_seen.clone());
        let result = catch_unwind(AssertUnwindSafe(|| {
            let transform = page.initial_transform(true).to_kurbo();
            let whole = kurbo::Rect::new(-1e6, -1e6, 1e6, 1e6);
            let mut context = Context::new(transform, whole, &cache, pdf.xref(), InterpreterSettings::default());
            interpret_page(page, &mut context, &mut collector);
        }));
        work_left = collector.work_left;
        images_seen = std::mem::take(&mut collector.images_seen);
        push_page(number, collector, draft);
        if let Err(cause) = result {
            if cause.is::<OverWork>() {
                let why = format!("over the limit of {} drawn signs", draft.limits.max_glyphs);
                draft.cut(place, format!("the rest from page {number} on"), why, None);
                break;
            }
            draft.cut(place, format!("the rest of page {number}"), "the page is damaged", None);
        }
    }
    // It walks objects that damage may have twisted.
    if catch_unwind(AssertUnwindSafe(|| beside::push(sample, &pdf, draft))).is_err() {
        let what = "what stands beside the pages: fields, remarks and attached files";
        draft.cut(Place::Whole, what, "it is damaged", None);
    }
    Ok(())
}

fn push_page(number: u32, collector: Collector, draft: &mut Draft<'_>) {
    let place = Place::Page(number);
    // The words of a scan, as a program recognised them, lie unseen over its picture.
    let scanned = collector.pictured > 0.8;
    let mut recognised = 0;
    for (why, text) in collector.hidden() {
        if scanned && why == INVISIBLE {
            recognised += text.chars().filter(|c| !c.is_whitespace()).count();
            continue;
        }
        let shown: String = text.chars().take(200).collect();
        draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
    }
    let painted_over = collector.painted_over();
    if !painted_over.is_empty() {
        let shown: String = painted_over.chars().take(200).collect();
        draft.finding("hidden_text", place.clone(), format!("painted over: {shown}"));
    }
    if recognised > 0 {
        let detail = format!("page {number} is a picture; its text ({recognised} letters) was recognised by a program");
        draft.finding("ocr_layer", place.clone(), detail);
    }
    let Collector { glyphs, images, lost_images, paintings, unmapped, .. } = collector;
    let letters = glyphs.len() as u64;
    let blocks = lines::blocks(glyphs);
    if blocks.is_empty() && (paintings > 0 || unmapped > 0) {
        let why = if unmapped > 0 { "its letters have no known characters" } else { "it is a picture or a drawing" };
        let cut =
            Cut { what: format!("the text of page {number}"), why: format!("{why}; no text layer"), characters: None };
        draft.cut_saying(place.clone(), &format!("[page {number} has no text layer]"), cut);
    } else if unmapped > 0 {
        let what = format!("{unmapped} of {} characters of page {number}", letters + unmapped);
        draft.cut(place.clone(), what, "the font does not say which characters they are", Some(unmapped));
    }
    for block in blocks {
        draft.push(place.clone(), block);
    }
    for image in images {
        draft.image(place.clone(), &image);
    }
    for why in lost_images {
        draft.lose_image(place.clone(), why);
    }
}

#[cfg(test)]
mod tests;
