//! PDF files: the letters of each page put together to pieces, rows, tables and columns by where they stand; what the
//! page's reader would not see first and reported as `hidden_text`; then remarks, links and pictures; after the pages
//! the form and the attached files. A page without a text layer (a scan, outlined letters) is a cut and a finding,
//! never silence; a scan's recognised text is called so. PDF 2.0: ISO 32000-2.
//!
//! `collect` is what the interpreter draws on, `pieces` joins letters, `grid` finds tables by their lines, `lines`
//! finds the order, `layers` what is switched off, `beside` what is not on the pages, `nesting` refuses what would
//! take for ever, `survey` what unpacks without end (`unpacked` measures it) and tells what the file would do by itself,
//! `render` draws pictures of pages.

mod beside;
mod collect;
mod grid;
mod layers;
mod lines;
mod nesting;
mod pieces;
mod render;
mod survey;
mod traps;
mod unpacked;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page, kurbo};

use crate::domain::{Cut, Place};

use super::draft::Draft;
use super::{Reader, Sample};

use beside::Widgets;
use collect::{Collector, OverWork, PdfGlyph, Unseen};
use grid::Rules;
use layers::Layers;
pub use render::{RenderedPages, render_pdf};
use survey::Survey;

pub(super) const READER: Reader = Reader { id: "pdf/3", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let bytes = sample.bytes;
    // Some writers put a few bytes before the header. Archives hold files as they are, and texts speak of them.
    let head = bytes.get(..bytes.len().min(1024)).unwrap_or(bytes);
    let holds = |mark: &[u8]| memchr::memmem::find(bytes, mark).is_some();
    let later = || {
        memchr::memmem::find(head, b"%PDF-").is_some()
            && !bytes.starts_with(b"PK\x03\x04")
            && !crate::document::tar::is_tar(bytes)
            && (holds(b"endobj") || sample.has_extension(&["pdf"]))
    };
    (bytes.starts_with(b"%PDF-") || later()).then_some("application/pdf")
}

/// Opens a pdf that can be read in bounded time and memory.
///
/// # Errors
/// Why it is not opened, with the way out.
fn open(bytes: &[u8]) -> Result<(Pdf, Survey), String> {
    if nesting::affordable(bytes).is_none() {
        return Err("the pdf's objects are nested beyond all use; it is damaged, save it again".to_owned());
    }
    survey::before_opening(bytes)?;
    let pdf = Pdf::new(bytes.to_vec()).map_err(refused)?;
    if pdf.pages().is_empty() {
        return Err("the pdf has no pages that can be found; it is damaged, save it again".to_owned());
    }
    let survey = survey::survey(&pdf)?;
    Ok((pdf, survey))
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
    let (pdf, survey) = open(sample.bytes)?;
    let count = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    draft.pages = Some(count);
    let cache = InterpreterCache::new();
    let layers = layers::off(&pdf, sample.bytes);
    if let Some(Layers { names, whole }) = &layers {
        let unknown = if whole.is_some() { "" } else { "; what stands on them cannot be shown" };
        let detail = format!("the file has layers that are switched off: {}{unknown}", names.join(", "));
        draft.finding("layers_off", Place::Whole, detail);
    }
    let whole = layers.as_ref().and_then(|layers| layers.whole.as_ref()).map(|pdf| (pdf, InterpreterCache::new()));
    let mut work_left = draft.limits.max_glyphs;
    let mut images_seen = std::collections::HashSet::new();
    let mut widgets = Widgets::default();
    for (index, page) in pdf.pages().iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let place = Place::Page(number);
        if number > draft.limits.max_pages {
            let what = format!("pages {number}-{count}, {} pages", count - number + 1);
            draft.cut(place, what, format!("over the limit of {} pages", draft.limits.max_pages), None);
            break;
        }
        let mut collector = Collector::new(page.render_dimensions(), work_left, draft.limits, images_seen.clone());
        let result = draw(page, &pdf, &cache, &mut collector);
        if let Some((whole, cache)) = &whole
            && let Some(page) = whole.pages().get(index)
        {
            let mut again = Collector::new(page.render_dimensions(), collector.work_left, draft.limits, images_seen);
            // What breaks here broke, or will break, above: it is said there.
            let _ = draw(page, whole, cache, &mut again);
            collector.work_left = again.work_left;
            let unseen = layers::only_in(again.glyphs, &collector.glyphs);
            collector.glyphs.extend(unseen);
        }
        work_left = collector.work_left;
        images_seen = std::mem::take(&mut collector.images_seen);
        push_page(number, page, collector, &mut widgets, draft);
        if let Err(cause) = result {
            if cause.is::<OverWork>() {
                let why = format!("over the limit of {} drawn signs", draft.limits.max_glyphs);
                draft.cut(place, format!("the rest from page {number} on"), why, None);
                break;
            }
            draft.cut(place, format!("the rest of page {number}"), "the page is damaged", None);
        }
    }
    apart(draft, "the form", |draft| beside::form(&pdf, &widgets, draft));
    apart(draft, "what the file says of itself", |draft| beside::metadata(&pdf, draft));
    survey.report(draft);
    apart(draft, "the attachments", |draft| beside::attachments(&pdf, sample.name, draft));
    Ok(())
}

/// Interprets a page; what it draws without end or what is damaged is thrown.
fn draw<'a>(
    page: &Page<'a>,
    pdf: &'a Pdf,
    cache: &InterpreterCache<'a>,
    collector: &mut Collector,
) -> Result<(), Box<dyn std::any::Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| {
        let transform = page.initial_transform(true).to_kurbo();
        let whole = kurbo::Rect::new(-1e6, -1e6, 1e6, 1e6);
        let mut context = Context::new(transform, whole, cache, pdf.xref(), InterpreterSettings::default());
        interpret_page(page, &mut context, collector);
    }))
}

/// Does a part of the reading that may break alone.
fn apart<'l>(draft: &mut Draft<'l>, what: &str, work: impl FnOnce(&mut Draft<'l>)) {
    if catch_unwind(AssertUnwindSafe(|| work(draft))).is_err() {
        draft.cut(Place::Whole, what, "this part of the file is damaged", None);
    }
}

fn push_page(number: u32, page: &Page<'_>, collector: Collector, widgets: &mut Widgets, draft: &mut Draft<'_>) {
    let place = Place::Page(number);
    let Collector { mut glyphs, rules, images, lost_images, paintings, unmapped, picture_share, .. } = collector;
    if picture_share > 0.6 && is_ocr(&glyphs) {
        let detail = "the page is a scan; its text is an invisible layer of recognised characters (OCR), which may \
                      differ from the picture";
        draft.finding("ocr_layer", place.clone(), detail);
        draft.push(place.clone(), format!("[page {number} is a scan; this is its OCR layer, which may hold errors]"));
        for glyph in &mut glyphs {
            if matches!(glyph.hidden, Some(Unseen::InvisibleMode | Unseen::UnderPicture)) {
                glyph.hidden = None;
            }
        }
    }
    push_hidden(&place, &glyphs, draft);
    let rules = Rules::new(rules);
    let letters = glyphs.len() as u64;
    let blocks = lines::blocks(glyphs.iter().filter(|glyph| glyph.hidden.is_none()), &rules);
    if blocks.is_empty() && (paintings > 0 || unmapped > 0) {
        let why = if unmapped > 0 { "its letters have no known characters" } else { "it is a picture or a drawing" };
        let cut =
            Cut { what: format!("the text of page {number}"), why: format!("{why}; no text layer"), characters: None };
        draft.cut_saying(place.clone(), &format!("[page {number} has no text layer]"), cut);
        draft.finding("no_text_layer", place.clone(), format!("page {number} has no text layer: {why}"));
    } else if unmapped > 0 {
        let what = format!("{unmapped} of {} characters of page {number}", letters + unmapped);
        draft.cut(place.clone(), what, "the font does not say which characters they are", Some(unmapped));
    }
    let before = draft.text_len();
    for block in blocks {
        draft.push(place.clone(), block);
    }
    let seen = draft.text_since(before);
    apart(draft, &format!("the comments and links of page {number}"), |draft| {
        beside::annotations(page, number, &glyphs, &seen, widgets, draft);
    });
    for image in images {
        draft.image(place.clone(), &image);
    }
    for why in lost_images {
        draft.lose_image(place.clone(), why);
    }
}

/// Whether what cannot be seen is the text of the picture: most of what the page has.
fn is_ocr(glyphs: &[PdfGlyph]) -> bool {
    let under = |glyph: &&PdfGlyph| matches!(glyph.hidden, Some(Unseen::InvisibleMode | Unseen::UnderPicture));
    let unseen = glyphs.iter().filter(under).count();
    let seen = glyphs.iter().filter(|glyph| glyph.hidden.is_none()).count();
    unseen > seen * 2
}

/// What nobody can see, before the rest of the page and by its reason.
///
/// It stands first, and shorter texts before longer ones, because findings are looked up in the text: a quotation
/// must not be found in what is seen, or in another hidden text that happens to have the same words in it.
fn push_hidden(place: &Place, glyphs: &[PdfGlyph], draft: &mut Draft<'_>) {
    let mut reasons: Vec<Unseen> = Vec::new();
    for why in glyphs.iter().filter_map(|glyph| glyph.hidden) {
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    let mut texts: Vec<(Unseen, String)> = Vec::new();
    for why in reasons {
        let blocks = lines::blocks(glyphs.iter().filter(|glyph| glyph.hidden == Some(why)), &Rules::default());
        texts.extend(blocks.into_iter().map(|block| (why, block)));
    }
    texts.sort_by_key(|(_, text)| text.chars().filter(|c| !c.is_whitespace()).count());
    texts.dedup_by(|(_, b), (_, a)| a == b);
    for (why, text) in texts {
        beside::push_hidden(place, &why.to_string(), &text, draft);
    }
}

#[cfg(test)]
mod tests;
