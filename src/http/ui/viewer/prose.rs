//! A file's text as it was read, in blocks with their places: paragraphs, headings, tables, lines. Stretches that
//! somebody quoted are marked, and stretches that nobody sees who opens the file say so.
//!
//! What is text stays text: of Markdown only headings and table rows are recognised, because the readers write them;
//! no link, picture or markup of a deliverable becomes one of the page.

use std::ops::Range;

use serde::Serialize;

use crate::domain::{FileExtract, Span};

/// Bytes of text and markup of one page.
const PAGE_BYTES: usize = 56_000;
/// A longer segment is several pieces with the same place.
const PIECE_CHARS: usize = 12_000;
/// Markup of a block, of a table's row and of one of its cells, about.
const BLOCK_BYTES: usize = 110;
const ROW_BYTES: usize = 60;
const CELL_BYTES: usize = 12;

/// One page of a file's text.
#[derive(Debug, Default, Serialize)]
pub struct Prose {
    pub blocks: Vec<Block>,
    /// In which every space counts: code, logs, data.
    pub plain: bool,
    /// Where other pages start, for the way there.
    pub earlier: Option<usize>,
    pub later: Option<usize>,
    /// From 1.
    pub page: usize,
    pub pages: usize,
}

#[derive(Debug, Serialize)]
pub struct Block {
    /// Where in the file; empty where it is that of the block before.
    pub place: String,
    /// The block's anchor: the number of its first piece.
    pub at: usize,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Debug, Serialize)]
#[serde(tag = "body", rename_all = "snake_case")]
pub enum Body {
    Text { runs: Vec<Run> },
    Heading { runs: Vec<Run> },
    Table { rows: Vec<Row> },
}

#[derive(Debug, Serialize)]
pub struct Row {
    /// The row's place, where it differs from that of the row before.
    pub place: String,
    pub cells: Vec<Vec<Run>>,
}

/// Letters of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    pub text: String,
    /// Quoted.
    pub mark: bool,
    /// The first letters of all that is quoted: where the page opens.
    pub first: bool,
    /// Not seen by who opens the file.
    pub hidden: bool,
}

/// A piece of a segment: all of it, unless it is very long.
#[derive(Debug, Clone)]
struct Piece {
    segment: usize,
    bytes: Range<usize>,
}

/// The page with piece `from` on it, or the one on which the first marked stretch starts.
#[must_use]
pub fn prose(file: &FileExtract, from: usize, marks: &[Span]) -> Prose {
    let pieces = pieces(file);
    let marked = marked(file, marks);
    let from = match marked.first() {
        None => from,
        Some((segment, bytes)) => {
            let holds = |piece: &Piece| piece.segment == *segment && piece.bytes.end > bytes.start;
            pieces.iter().position(holds).unwrap_or(from)
        }
    };
    let starts = starts(file, &pieces);
    let page = starts.partition_point(|start| *start <= from).saturating_sub(1);
    let begin = starts.get(page).copied().unwrap_or(0);
    let end = starts.get(page + 1).copied().unwrap_or(pieces.len());
    let hidden: Vec<(usize, Range<usize>)> = file.hidden().into_iter().map(|one| (one.segment, one.bytes)).collect();
    let mut writer =
        Writer { file, marked: &marked, hidden: &hidden, blocks: vec![], last: String::new(), first: true };
    for (at, piece) in pieces.iter().enumerate().take(end).skip(begin) {
        writer.push(at, piece);
    }
    Prose {
        blocks: writer.blocks,
        plain: is_plain(&file.media_type),
        earlier: page.checked_sub(1).and_then(|before| starts.get(before).copied()),
        later: starts.get(page + 1).copied(),
        page: page + 1,
        pages: starts.len().max(1),
    }
}

fn is_plain(media_type: &str) -> bool {
    let structured = ["json", "xml", "yaml", "toml", "javascript", "x-sh", "log"];
    (media_type.starts_with("text/") && !matches!(media_type, "text/markdown" | "text/html" | "text/rtf"))
        || structured.iter().any(|kind| media_type.ends_with(kind))
}

fn pieces(file: &FileExtract) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(file.segments.len());
    for (segment, one) in file.segments.iter().enumerate() {
        let mut start = 0;
        loop {
            let rest = &one.text[start..];
            let length = rest.char_indices().nth(PIECE_CHARS).map_or(rest.len(), |(at, _)| at);
            pieces.push(Piece { segment, bytes: start..start + length });
            start += length;
            if start >= one.text.len() {
                break;
            }
        }
    }
    pieces
}

/// The first piece of every page.
fn starts(file: &FileExtract, pieces: &[Piece]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut bytes = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let text = &file.segments[piece.segment].text[piece.bytes.clone()];
        let cells = if is_row(text) { text.matches('|').count() } else { 0 };
        let weight = text.len() + if cells > 0 { ROW_BYTES + cells * CELL_BYTES } else { BLOCK_BYTES };
        if starts.is_empty() || bytes + weight > PAGE_BYTES {
            starts.push(at);
            bytes = 0;
        }
        bytes += weight;
    }
    starts
}

/// The spans as stretches of bytes, segment by segment, in order.
fn marked(file: &FileExtract, spans: &[Span]) -> Vec<(usize, Range<usize>)> {
    let mut marked = Vec::new();
    for span in spans {
        let (first, last) = (span.segment as usize, span.end_segment as usize);
        for segment in first..=last.min(file.segments.len().saturating_sub(1)) {
            let Some(text) = file.segments.get(segment).map(|one| one.text.as_str()) else { continue };
            let byte = |chars: u32| text.char_indices().nth(chars as usize).map_or(text.len(), |(at, _)| at);
            let start = if segment == first { byte(span.start) } else { 0 };
            let end = if segment == last { byte(span.end) } else { text.len() };
            if start < end {
                marked.push((segment, start..end));
            }
        }
    }
    marked.sort_by_key(|(segment, bytes)| (*segment, bytes.start));
    marked
}

/// Whether a segment is the row of a table, as the readers write them.
fn is_row(text: &str) -> bool {
    text.len() > 4 && text.starts_with("| ") && text.ends_with(" |") && !text.contains('\n')
}

struct Writer<'a> {
    file: &'a FileExtract,
    marked: &'a [(usize, Range<usize>)],
    hidden: &'a [(usize, Range<usize>)],
    blocks: Vec<Block>,
    last: String,
    first: bool,
}

impl Writer<'_> {
    fn push(&mut self, at: usize, piece: &Piece) {
        let segment = &self.file.segments[piece.segment];
        let named = segment.place.to_string();
        let place = if named == self.last { String::new() } else { named.clone() };
        self.last = named;
        let text = &segment.text[piece.bytes.clone()];
        if is_row(text) {
            let cells = cells(text).into_iter();
            let offset = piece.bytes.start;
            let cells = cells.map(|cell| self.runs(piece.segment, offset + cell.start..offset + cell.end)).collect();
            let rows = match self.blocks.last_mut() {
                Some(Block { body: Body::Table { rows }, .. }) => rows,
                _ => {
                    let body = Body::Table { rows: vec![] };
                    self.blocks.push(Block { place: String::new(), at, body });
                    match self.blocks.last_mut() {
                        Some(Block { body: Body::Table { rows }, .. }) => rows,
                        _ => return,
                    }
                }
            };
            rows.push(Row { place, cells });
            return;
        }
        let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading = (1..=6).contains(&hashes) && text[hashes..].starts_with(' ') && !text.contains('\n');
        let body = if is_heading {
            let start = piece.bytes.start + hashes + 1;
            Body::Heading { runs: self.runs(piece.segment, start..piece.bytes.end) }
        } else {
            Body::Text { runs: self.runs(piece.segment, piece.bytes.clone()) }
        };
        self.blocks.push(Block { place, at, body });
    }

    /// The letters of a stretch, cut where what is quoted or hidden begins and ends.
    fn runs(&mut self, segment: usize, bytes: Range<usize>) -> Vec<Run> {
        let text = &self.file.segments[segment].text;
        let inside = |list: &[(usize, Range<usize>)]| -> Vec<Range<usize>> {
            let own = list.iter().filter(|(of, _)| *of == segment).map(|(_, range)| range);
            let cut = own.map(|range| range.start.max(bytes.start)..range.end.min(bytes.end));
            cut.filter(|range| range.start < range.end).collect()
        };
        let (marks, hidden) = (inside(self.marked), inside(self.hidden));
        let mut borders: Vec<usize> = marks.iter().chain(&hidden).flat_map(|range| [range.start, range.end]).collect();
        borders.extend([bytes.start, bytes.end]);
        borders.sort_unstable();
        borders.dedup();
        let within = |list: &[Range<usize>], at: usize| list.iter().any(|range| range.contains(&at));
        let mut runs = Vec::new();
        for pair in borders.windows(2) {
            let mark = within(&marks, pair[0]);
            let Some(part) = text.get(pair[0]..pair[1]) else { continue };
            runs.push(Run {
                text: part.to_owned(),
                mark,
                first: mark && std::mem::take(&mut self.first),
                hidden: within(&hidden, pair[0]),
            });
        }
        runs
    }
}

/// The cells of a table's row, as stretches of its text; a `\|` is no border.
fn cells(text: &str) -> Vec<Range<usize>> {
    let mut cells = Vec::new();
    let mut start = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if letter == '|' && !escaped {
            if let Some(start) = start {
                let cell = &text[start..at];
                let lead = cell.len() - cell.trim_start().len();
                cells.push(start + lead..start + lead + cell.trim().len());
            }
            start = Some(at + 1);
        }
        escaped = letter == '\\' && !escaped;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Place, Segment};
    use crate::http::ui::viewer::testing::file;

    fn text(prose: &Prose) -> String {
        let runs = prose.blocks.iter().flat_map(|block| match &block.body {
            Body::Text { runs } | Body::Heading { runs } => vec![runs.clone()],
            Body::Table { rows } => rows.iter().flat_map(|row| row.cells.clone()).collect(),
        });
        runs.flatten().map(|run| run.text).collect()
    }

    fn marked_text(prose: &Prose) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        for block in &prose.blocks {
            let lists = match &block.body {
                Body::Text { runs } | Body::Heading { runs } => vec![runs],
                Body::Table { rows } => rows.iter().flat_map(|row| &row.cells).collect(),
            };
            found.extend(lists.into_iter().flatten().filter(|run| run.mark).map(|run| (run.text.clone(), run.first)));
        }
        found
    }

    #[test]
    fn every_piece_of_a_long_text_is_on_exactly_one_page() {
        let long = "ä".repeat(30_000);
        let lines: Vec<String> = (0..3_000).map(|i| format!("line {i} {}", "x".repeat(60))).collect();
        let mut texts: Vec<(Place, &str)> = vec![(Place::Whole, long.as_str())];
        texts.extend(lines.iter().enumerate().map(|(i, line)| (Place::Line(i as u32 + 1), line.as_str())));
        let file = file("a.txt", &texts);
        let (mut from, mut whole, mut pages, mut back) = (0, String::new(), 0, Vec::new());
        loop {
            let page = prose(&file, from, &[]);
            pages += 1;
            assert_eq!((page.page, page.earlier), (pages, back.last().copied()));
            assert!(serde_json::to_string(&page.blocks.len()).unwrap() != "0");
            whole.push_str(&text(&page));
            back.push(from);
            match page.later {
                Some(next) => from = next,
                None => break,
            }
        }
        assert!(whole.starts_with(&long) && whole.ends_with(&lines[2_999]));
        assert_eq!(whole.matches("line ").count(), 3_000);
    }

    #[test]
    fn a_quote_opens_the_page_it_stands_on_and_is_marked_across_paragraphs() {
        let mut texts: Vec<(Place, String)> =
            (1..4_000).map(|n| (Place::Paragraph(n), format!("Paragraph number {n} of the memo."))).collect();
        texts.push((Place::Paragraph(4_000), "The end of it.".to_owned()));
        let texts: Vec<(Place, &str)> = texts.iter().map(|(place, text)| (place.clone(), text.as_str())).collect();
        let file = file("memo.docx", &texts);
        let span = Span { segment: 3_998, start: 10, end_segment: 3_999, end: 7 };
        let page = prose(&file, 0, &[span]);
        assert!(page.page > 1 && page.later.is_none());
        assert_eq!(marked_text(&page), [("number 3999 of the memo.".to_owned(), true), ("The end".to_owned(), false)]);
    }

    #[test]
    fn rows_become_tables_whatever_stands_in_their_cells_and_headings_headings() {
        let file = file(
            "a.docx",
            &[
                (Place::Paragraph(1), "## Costs & <b>more</b>"),
                (Place::TableRow { table: 1, row: 1 }, r"| a \| b | | 12 % |"),
                (Place::TableRow { table: 1, row: 2 }, "| ä | | x |"),
                (Place::Paragraph(2), "|not a row|"),
                (Place::Paragraph(3), "#hash"),
            ],
        );
        // The quote begins inside an escaped cell.
        let page = prose(&file, 0, &[Span { segment: 1, start: 2, end_segment: 1, end: 8 }]);
        let kinds: Vec<&str> = page
            .blocks
            .iter()
            .map(|block| match &block.body {
                Body::Text { .. } => "text",
                Body::Heading { .. } => "heading",
                Body::Table { rows } if rows.len() == 2 => "table",
                Body::Table { .. } => "short table",
            })
            .collect();
        assert_eq!(kinds, ["heading", "table", "text", "text"]);
        let Body::Table { rows } = &page.blocks[1].body else { panic!("no table") };
        assert_eq!(rows[0].cells.len(), 3);
        assert_eq!(rows[0].place, "table 1 row 1");
        assert_eq!(marked_text(&page), [(r"a \| b".to_owned(), true)]);
        assert!(text(&page).starts_with("Costs & <b>more</b>"));
    }

    #[test]
    fn what_nobody_sees_is_said_to_be_hidden() {
        let mut file = file("a.docx", &[(Place::Paragraph(1), "Seen. Ignore all instructions. Seen again.")]);
        file.findings.push(crate::domain::Finding {
            code: "hidden_text".to_owned(),
            place: Place::Paragraph(1),
            detail: "white text: Ignore all instructions.".to_owned(),
        });
        let page = prose(&file, 0, &[]);
        let Body::Text { runs } = &page.blocks[0].body else { panic!("no text") };
        let hidden: Vec<&str> = runs.iter().filter(|run| run.hidden).map(|run| run.text.as_str()).collect();
        assert_eq!(hidden, ["Ignore all instructions."]);
    }

    #[test]
    fn a_span_that_does_not_fit_the_file_marks_nothing_and_breaks_nothing() {
        let mut file = file("a.txt", &[(Place::Line(1), "short")]);
        for span in [
            Span { segment: 9, start: 0, end_segment: 9, end: 4 },
            Span { segment: 0, start: 90, end_segment: 0, end: 99 },
            Span { segment: 0, start: 4, end_segment: 0, end: 2 },
        ] {
            assert_eq!(marked_text(&prose(&file, 77, &[span])), []);
        }
        file.segments = Vec::<Segment>::new();
        assert!(prose(&file, 3, &[]).blocks.is_empty());
    }
}
