//! What the targets try, and what must hold of it.

use std::sync::Arc;

use empanel::document::{self, Input, Limits};
use empanel::domain::{Ask, Extract};
use empanel::verdict;

/// Small, so that a run tries much and a limit is met often.
fn limits() -> Limits {
    Limits { max_text_chars: 100_000, max_cells: 20_000, max_segments: 20_000, max_glyphs: 200_000, ..Limits::default() }
}

/// libFuzzer's hook ends the run at every panic; a panic inside a parser that the reader catches is a reason, not a crash.
/// One that gets out ends the run all the same.
fn let_panics_be_caught() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            if info.location().is_some_and(|place| place.file().starts_with("src")) {
                eprintln!("{info}");
            }
        }));
    });
}

/// Bytes under a name: a reader gives an account of them, the same each time, within its limits.
pub fn read(name: &str, bytes: &[u8]) {
    let_panics_be_caught();
    let limits = limits();
    let input = Input { name, media_type: None, bytes };
    let files = document::read(&input, &limits);
    assert!(!files.is_empty(), "no account of the file");
    for file in &files {
        let characters: usize = file.segments.iter().map(|segment| segment.text.chars().count()).sum();
        // The words that name the cuts come on top.
        let most = usize::try_from(limits.max_text_chars).unwrap_or(usize::MAX) * 2;
        assert!(characters <= most, "{}: {characters} characters", file.name);
        let account = !file.is_readable()
            || !file.segments.is_empty()
            || !file.sheets.is_empty()
            || !file.images.is_empty()
            || !file.findings.is_empty()
            || file.media.is_some()
            || file.pages.is_some();
        assert!(account, "{}: neither content nor reason", file.name);
    }
    assert_eq!(document::read(&input, &limits), files, "the same bytes, another extract");
}

/// Bytes as a pdf whose first pages are drawn.
pub fn draw(bytes: &[u8]) {
    let_panics_be_caught();
    if let Ok(drawn) = document::render_pdf(bytes, 1..3, 200, &limits()) {
        assert!(drawn.pages.iter().all(|page| page.width.max(page.height) <= 200), "a page is too large");
    }
}

/// Bytes as a judge's reply: an answer or a reason, and each quotation is found or not.
pub fn parse_reply(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let ask = Ask::Criterion { requirement: "The totals tie.".to_owned() };
    if let Ok(said) = verdict::read_reply(&text, &ask) {
        let shown = Arc::new(Extract { files: vec![document::read_message(&text)] });
        let quotes = said.quotes.len();
        assert_eq!(verdict::look_up(said.quotes, &[shown]).len(), quotes, "a quotation was lost");
    }
}
