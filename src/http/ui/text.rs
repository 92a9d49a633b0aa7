//! A deliverable as text, for a reviewer who must not know whose it is: what the readers got out of each
//! file, every piece with its place as an anchor, in pages of [`PAGE_BYTES`]. Cuts and unreadable files are
//! said, as they are to judges.

use serde::Serialize;

use super::render::Page;
use super::words::Mark;
use crate::domain::{Extract, FileExtract, Outcome, SystemName};

const PAGE_BYTES: usize = 60_000;
/// A longer piece is shown as several with the same place.
const BLOCK_CHARS: usize = 12_000;

#[derive(Debug, Serialize)]
pub(super) struct TextPage {
    pub review: String,
    /// `message` or the file's number from 0.
    pub n: String,
    pub name: String,
    pub original: bool,
    pub parts: Vec<PartView>,
    pub from: usize,
    pub total: usize,
    pub earlier: Option<usize>,
    pub later: Option<usize>,
}

/// A file, or a member of an archive.
#[derive(Debug, Serialize)]
pub(super) struct PartView {
    pub name: String,
    pub state: Mark,
    pub remarks: Vec<String>,
    pub blocks: Vec<Block>,
    pub images: Vec<ImageView>,
}

#[derive(Debug, Serialize)]
pub(super) struct Block {
    /// Counted through all parts, from 0.
    pub at: usize,
    pub place: String,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageView {
    /// Counted through all parts, from 0.
    pub k: usize,
    pub place: String,
    pub width: u32,
    pub height: u32,
}

impl Page for TextPage {
    const TEMPLATE: &'static str = "file.html";
    const SECTION: &'static str = "reviews";
    fn title(&self) -> String {
        self.name.clone()
    }
}

/// The part of the text that starts with block `from`.
pub(super) fn page(
    review: String,
    n: String,
    name: String,
    extract: &Extract,
    system: &SystemName,
    from: usize,
) -> TextPage {
    let mut parts = Vec::new();
    let (mut at, mut image, mut bytes) = (0, 0, 0);
    let mut later = None;
    for (index, file) in extract.files.iter().enumerate() {
        let mut part = PartView {
            name: crate::review::blind::file_name(&file.name, index, system),
            state: state(file),
            remarks: remarks(file),
            blocks: vec![],
            images: vec![],
        };
        // Images stand with the first page of their part's text.
        let first_here = at >= from && later.is_none();
        for one in &file.images {
            if first_here {
                let place = one.place.to_string();
                part.images.push(ImageView { k: image, place, width: one.width, height: one.height });
            }
            image += 1;
        }
        for (place, text) in pieces(file) {
            if at >= from && later.is_none() {
                if bytes > 0 && bytes + text.len() > PAGE_BYTES {
                    later = Some(at);
                } else {
                    bytes += text.len() + 80;
                    part.blocks.push(Block { at, place, text });
                }
            }
            at += 1;
        }
        if first_here || !part.blocks.is_empty() {
            parts.push(part);
        }
    }
    // Pages have no fixed length in blocks: back is to the beginning.
    TextPage { review, n, name, original: true, parts, from, total: at, earlier: (from > 0).then_some(0), later }
}

fn state(file: &FileExtract) -> Mark {
    let (kind, glyph, label) = match &file.outcome {
        Outcome::Read => ("met", "✓", "read"),
        Outcome::Partial => ("cannot", "◐", "read in part"),
        Outcome::Unreadable { .. } => ("unmet", "✕", "unreadable"),
    };
    Mark { kind, glyph, label: label.to_owned(), title: String::new() }
}

fn remarks(file: &FileExtract) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Outcome::Unreadable { reason } = &file.outcome {
        remarks.push(reason.clone());
    }
    remarks.extend(file.cuts.iter().take(20).map(|cut| format!("not shown: {} ({})", cut.what, cut.why)));
    remarks.extend(file.findings.iter().take(20).map(|found| format!("{} ({})", found.detail, found.place)));
    remarks
}

/// Neighbours with the same place are one piece; a very long one is several.
fn pieces(file: &FileExtract) -> Vec<(String, String)> {
    let mut pieces: Vec<(String, String)> = Vec::new();
    for segment in &file.segments {
        let place = segment.place.to_string();
        match pieces.last_mut() {
            Some((last, text)) if *last == place && text.len() + segment.text.len() < BLOCK_CHARS => {
                text.push('\n');
                text.push_str(&segment.text);
            }
            _ => {
                let mut rest = segment.text.as_str();
                loop {
                    let cut = rest.char_indices().nth(BLOCK_CHARS).map_or(rest.len(), |(at, _)| at);
                    pieces.push((place.clone(), rest[..cut].to_owned()));
                    rest = &rest[cut..];
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
    }
    pieces
}

/// What a message's page is called.
pub(super) const MESSAGE: &str = "final message";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Place, Segment};

    fn system(name: &str) -> SystemName {
        SystemName::parse(name).unwrap()
    }

    fn file(name: &str, texts: &[(Place, &str)]) -> FileExtract {
        FileExtract {
            name: name.to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: 1,
            sha256: "0".repeat(64),
            reader: "text/1".to_owned(),
            settings: None,
            outcome: Outcome::Read,
            segments: texts
                .iter()
                .map(|(place, text)| Segment { place: place.clone(), text: (*text).to_owned() })
                .collect(),
            sheets: vec![],
            images: vec![],
            media: None,
            page_view: None,
            pages: None,
            cuts: vec![],
            findings: vec![],
        }
    }

    #[test]
    fn every_piece_of_a_long_text_is_on_exactly_one_page() {
        let long = "ä".repeat(30_000);
        let lines: Vec<String> = (0..3_000).map(|i| format!("line {i} {}", "x".repeat(60))).collect();
        let mut texts: Vec<(Place, &str)> = vec![(Place::Whole, long.as_str())];
        texts.extend(lines.iter().enumerate().map(|(i, line)| (Place::Line(i as u32 + 1), line.as_str())));
        let extract = Extract { files: vec![file("a.txt", &texts), file("b.txt", &[(Place::Line(1), "end")])] };
        let (mut from, mut seen, mut text) = (0, Vec::new(), String::new());
        loop {
            let page = page(String::new(), String::new(), String::new(), &extract, &system("s"), from);
            let blocks: Vec<&Block> = page.parts.iter().flat_map(|part| &part.blocks).collect();
            assert!(!blocks.is_empty());
            seen.extend(blocks.iter().map(|block| block.at));
            text.extend(blocks.iter().map(|block| block.text.as_str()));
            match page.later {
                Some(next) => from = next,
                None => break,
            }
        }
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1) && seen[0] == 0);
        assert!(text.starts_with(&long) && text.ends_with("end"));
        assert_eq!(text.matches("line ").count(), 3_000);
    }
}
