//! A file's text view as the pieces that can be kept or cut: its segments, the long ones in parts. Each piece knows
//! what it costs in a prompt and what gives it its meaning: the heading it stands under, the header row of its table.

use std::ops::Range;

use super::layout::marker;
use crate::domain::{Extract, FileExtract, Place};

/// Segments with more characters than this are taken in parts.
const LONG: usize = 1_600;
/// About so many characters each.
const PART: usize = 800;
/// Rows at the top of a sheet among which its header row is looked for.
const HEADER_ROWS: usize = 5;

/// A piece of a file.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub file: usize,
    pub segment: usize,
    /// Bytes of the segment's text.
    pub bytes: Range<usize>,
    /// Characters of the segment's text in front of it.
    pub before: u64,
    pub chars: u64,
    /// Characters that it takes in a prompt, with its place and the end of its line.
    pub cost: u64,
    /// What it is to the file's outline: 1 is a title, 6 a small heading, 0 no part of it.
    pub rank: u8,
    /// The piece that is the heading it stands under.
    pub heading: Option<usize>,
    /// The piece that is the header row of its sheet or table.
    pub header: Option<usize>,
}

/// All pieces of an extract, file by file, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub all: Vec<Piece>,
    /// Of each file, its pieces in `all`.
    pub files: Vec<Range<usize>>,
}

impl Pieces {
    pub fn of(extract: &Extract) -> Self {
        let mut pieces = Self::default();
        for (number, file) in extract.files.iter().enumerate() {
            let start = pieces.all.len();
            pieces.take_apart(number, file);
            pieces.structure(file, start);
            pieces.files.push(start..pieces.all.len());
        }
        pieces
    }

    fn take_apart(&mut self, number: usize, file: &FileExtract) {
        for (index, segment) in file.segments.iter().enumerate() {
            let previous = index.checked_sub(1).and_then(|i| file.segments.get(i));
            let place = marker(segment, previous).map_or(0, |m| m.chars().count()) as u64;
            let mut before = 0;
            for bytes in parts(&segment.text) {
                let chars = segment.text.get(bytes.clone()).unwrap_or_default().chars().count() as u64;
                self.all.push(Piece {
                    file: number,
                    segment: index,
                    bytes,
                    before,
                    chars,
                    cost: chars + place + 1,
                    rank: 0,
                    heading: None,
                    header: None,
                });
                before += chars;
            }
        }
    }

    /// Finds headings and header rows from the piece `start` on.
    fn structure(&mut self, file: &FileExtract, start: usize) {
        let mut heading: Option<usize> = None;
        let mut header: Option<(Container, usize)> = None;
        let mut page = None;
        for index in start..self.all.len() {
            let Some(piece) = self.all.get(index) else { continue };
            let Some(segment) = file.segments.get(piece.segment) else { continue };
            let text = segment.text.get(piece.bytes.clone()).unwrap_or_default();
            let first = piece.bytes.start == 0;
            let container = Container::of(&segment.place);
            let is_heading = first.then(|| heading_level(text)).flatten();
            let mut rank = is_heading.unwrap_or(0);
            if let Some(container) = container
                && is_heading.is_none()
                && header.as_ref().is_none_or(|(of, _)| *of != container)
            {
                rank = 1;
                header = Some((container, self.header_row(file, index)));
            }
            if let Place::Page(number) = segment.place
                && page != Some(number)
            {
                page = Some(number);
                rank = if rank == 0 { 3 } else { rank };
            }
            let of_header =
                header.as_ref().filter(|(of, at)| *at != index && Container::of(&segment.place) == Some(*of));
            let of_header = of_header.map(|(_, at)| *at);
            if let Some(piece) = self.all.get_mut(index) {
                piece.rank = rank;
                piece.heading = heading;
                piece.header = of_header;
            }
            if is_heading.is_some() {
                heading = Some(index);
            }
        }
        // The row that was chosen as the header is part of the outline wherever it stands.
        let headers: Vec<usize> = self.all.iter().skip(start).filter_map(|piece| piece.header).collect();
        for at in headers {
            if let Some(piece) = self.all.get_mut(at) {
                piece.rank = 1;
            }
        }
    }

    /// The header row of the sheet or table whose first row is `first`: of the topmost rows the first with the most
    /// cells, because titles stand above headers.
    fn header_row(&self, file: &FileExtract, first: usize) -> usize {
        let row = |index: usize| {
            let piece = self.all.get(index)?;
            file.segments.get(piece.segment)
        };
        let container = row(first).and_then(|s| Container::of(&s.place));
        let mut best = (first, 0);
        for index in first..first + HEADER_ROWS {
            let Some(segment) = row(index).filter(|s| Container::of(&s.place) == container) else { break };
            let cells = segment.text.split('|').filter(|cell| !cell.trim().is_empty()).count();
            if cells > best.1 {
                best = (index, cells);
            }
        }
        best.0
    }

    pub fn text<'a>(&self, extract: &'a Extract, index: usize) -> &'a str {
        let found = self.all.get(index).and_then(|piece| {
            extract.files.get(piece.file)?.segments.get(piece.segment)?.text.get(piece.bytes.clone())
        });
        found.unwrap_or_default()
    }
}

/// What rows belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container<'a> {
    Sheet(&'a str),
    Table(u32),
    Rows,
}

impl<'a> Container<'a> {
    fn of(place: &'a Place) -> Option<Self> {
        match place {
            Place::Cells { sheet, .. } => Some(Self::Sheet(sheet)),
            Place::TableRow { table, .. } => Some(Self::Table(*table)),
            Place::Row(_) => Some(Self::Rows),
            _ => None,
        }
    }
}

/// `## Costs` is of level 2; a sheet's or a slide's own heading of level 1.
fn heading_level(text: &str) -> Option<u8> {
    let marks = text.bytes().take_while(|b| *b == b'#').count();
    let rest = text.get(marks..)?;
    if !(1..=6).contains(&marks) || !rest.starts_with(' ') {
        return None;
    }
    let title = rest.trim_start();
    let own = title.starts_with("Sheet '") || title.starts_with("Slide ");
    Some(if own { 1 } else { u8::try_from(marks).unwrap_or(6) })
}

/// A short text whole; a long one at the ends of its lines, else of its words, else anywhere.
fn parts(text: &str) -> Vec<Range<usize>> {
    if text.len() <= LONG || text.chars().count() <= LONG {
        return std::iter::once(0..text.len()).collect();
    }
    let mut parts = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = text.get(from..).unwrap_or_default();
        let Some((limit, _)) = rest.char_indices().nth(PART) else {
            parts.push(from..text.len());
            break;
        };
        let window = rest.get(..limit).unwrap_or_default();
        let late = |at: &usize| *at > limit / 2;
        let end = window.rfind('\n').map(|at| at + 1).filter(late);
        let end = end.or_else(|| window.rfind(' ').map(|at| at + 1).filter(late)).unwrap_or(limit);
        parts.push(from..from + end);
        from += end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Segment;
    use crate::prompt::layout::sample;

    #[test]
    fn the_parts_of_a_long_text_are_the_text() {
        for text in ["x".repeat(5_000), "word ".repeat(1_000), "é\n".repeat(2_000), "short".to_owned(), String::new()]
        {
            let parts = parts(&text);
            let joined: String = parts.iter().map(|part| &text[part.clone()]).collect();
            assert_eq!(joined, text);
            assert!(parts.iter().all(|part| text[part.clone()].chars().count() <= LONG));
        }
    }

    #[test]
    fn rows_know_their_header_and_text_its_heading() {
        let cells = |range: &str| Place::Cells { sheet: "Ledger".to_owned(), range: range.to_owned() };
        let segments = [
            (cells("A1:C9"), "## Sheet 'Ledger': used range A1:C9"),
            (cells("A1"), "| 1 | Costs of the tour |"),
            (cells("A3:C3"), "| 3 | item | cost | payer |"),
            (cells("A4:C4"), "| 4 | bus | 12 | us |"),
            (Place::Paragraph(1), "# Report"),
            (Place::Paragraph(2), "It went well."),
        ];
        let segments = segments.map(|(place, text)| Segment { place, text: text.to_owned() }).to_vec();
        let extract = Extract { files: vec![FileExtract { segments, ..sample::file("a") }] };
        let pieces = Pieces::of(&extract);
        let ranks: Vec<u8> = pieces.all.iter().map(|p| p.rank).collect();
        assert_eq!(ranks, [1, 1, 1, 0, 1, 0]);
        assert_eq!((pieces.all[3].heading, pieces.all[3].header), (Some(0), Some(2)));
        assert_eq!((pieces.all[5].heading, pieces.all[5].header), (Some(4), None));
    }
}
