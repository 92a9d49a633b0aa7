//! Letters to pieces: what was written in one go, word gaps put in. A piece is never torn apart later, so that texts
//! that overlap (a table cell that runs over) stay whole instead of being shuffled letter by letter.

use std::collections::HashSet;

use super::collect::PdfGlyph;
use super::grid::Rules;

/// Gaps, in shares of the letters' size. Within one instruction of drawing a gap may be kerning.
const WORD_GAP_IN_RUN: f64 = 0.17;
const WORD_GAP_BETWEEN_RUNS: f64 = 0.13;
/// A wider gap in a run parts it.
const PIECE_GAP_IN_RUN: f64 = 1.0;
const PIECE_GAP_BETWEEN_RUNS: f64 = 0.6;
/// Letters that start so far inside the one before them are another text.
const OVERLAP_IN_RUN: f64 = 0.6;
const OVERLAP_BETWEEN_RUNS: f64 = 0.3;

/// Text on one baseline, in the frame of its direction: `x` along the writing, `y` across, downwards.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub text: String,
    pub start: f64,
    pub end: f64,
    /// The baseline.
    pub y: f64,
    pub size: f64,
    /// Its place in the order of drawing.
    pub order: usize,
    /// It begins where the texts above and below it begin: a cell of a table, however near the cell before it ends.
    pub opens: bool,
}

/// The pieces of one direction of writing, in the order of drawing; the angle is in degrees.
pub(super) struct Direction {
    pub angle: i32,
    pub pieces: Vec<Piece>,
}

/// The directions in the order of their first letters, upright text first.
pub(super) fn directions<'g>(glyphs: impl IntoIterator<Item = &'g PdfGlyph>, rules: &Rules) -> Vec<Direction> {
    let glyphs: Vec<&PdfGlyph> = glyphs.into_iter().collect();
    let cells = cell_runs(&glyphs);
    let mut directions: Vec<(Direction, u32)> = Vec::new();
    for glyph in glyphs {
        // Five degrees apart is another direction; less is a slip of the hand.
        let angle = (glyph.angle.to_degrees() / 5.0).round() as i32 * 5;
        let angle = if angle == -180 { 180 } else { angle };
        let (direction, run) = match directions.iter().position(|(d, _)| d.angle == angle) {
            Some(at) => &mut directions[at],
            None => {
                directions.push((Direction { angle, pieces: Vec::new() }, 0));
                let last = directions.len() - 1;
                &mut directions[last]
            }
        };
        let in_run = *run == glyph.run;
        *run = glyph.run;
        let upright = angle == 0;
        let (sin, cos) = f64::from(angle).to_radians().sin_cos();
        let at =
            if upright { (glyph.x, glyph.y) } else { (glyph.x * cos + glyph.y * sin, glyph.y * cos - glyph.x * sin) };
        let parted = |from: f64, to: f64| {
            // Just right of a line a cell begins, even where the cell before it runs over up to here.
            let from = from.min(to - glyph.size * 0.9);
            upright && !in_run && rules.vertical_between(from, to, glyph.y - glyph.size * 0.3)
        };
        add(&mut direction.pieces, glyph, at, (in_run, !in_run && cells.contains(&glyph.run)), parted);
    }
    let mut directions: Vec<Direction> = directions.into_iter().map(|(direction, _)| direction).collect();
    for direction in &mut directions {
        direction.pieces.retain(|piece| !piece.text.trim().is_empty());
    }
    directions.retain(|direction| !direction.pieces.is_empty());
    directions.sort_by_key(|direction| direction.angle != 0);
    directions
}

fn add(
    pieces: &mut Vec<Piece>,
    glyph: &PdfGlyph,
    at: (f64, f64),
    (in_run, opens): (bool, bool),
    parted: impl Fn(f64, f64) -> bool,
) {
    let (x, y) = at;
    let size = glyph.size.max(0.1);
    let end = x + glyph.width;
    let order = pieces.len();
    if let Some(piece) = pieces.last_mut() {
        let gap = x - piece.end;
        let small = size.min(piece.size);
        let (widest, overlap, word) = if in_run {
            (PIECE_GAP_IN_RUN, OVERLAP_IN_RUN, WORD_GAP_IN_RUN)
        } else {
            (PIECE_GAP_BETWEEN_RUNS, OVERLAP_BETWEEN_RUNS, WORD_GAP_BETWEEN_RUNS)
        };
        let level = (piece.y - y).abs() < piece.size.max(size) * 0.45;
        if level && !opens && gap > -small * overlap && gap < small * widest && !parted(piece.end, x) {
            if gap > small * word && !piece.text.ends_with(' ') && !glyph.text.starts_with(' ') {
                piece.text.push(' ');
            }
            push_letters(&mut piece.text, &glyph.text);
            piece.end = piece.end.max(end);
            // The larger letters carry the baseline: small ones are raised or lowered.
            if size > piece.size * 1.1 {
                piece.y = y;
            }
            piece.size = piece.size.max(size);
            return;
        }
    }
    let mut text = String::new();
    push_letters(&mut text, &glyph.text);
    pieces.push(Piece { text, start: x, end, y, size, order, opens });
}

/// Points that two texts may stand apart and still begin, end or be centred at one edge.
const EDGE: f64 = 0.8;
/// Lines one below the other that make a table, and texts in a line: more are letters set one by one.
const TABLE: usize = 4;
const MAX_TEXTS: usize = 60;

/// What one instruction drew, or several that go on where the last one ended.
struct Drawn {
    run: u32,
    edges: [f64; 3],
}

/// The runs that begin a cell: texts that stand below each other in lines that follow one another, with the same left,
/// right or middle. Somewhere in the column there must be a gap that is no word gap, else words of one width (type of
/// fixed pitch) would be cells.
fn cell_runs(glyphs: &[&PdfGlyph]) -> HashSet<u32> {
    let mut lines: Vec<(f64, f64, Vec<Drawn>)> = Vec::new();
    for glyph in glyphs.iter().filter(|glyph| glyph.angle.abs() < 0.04 && !glyph.text.trim().is_empty()) {
        let (start, end) = (glyph.x, glyph.x + glyph.width);
        let fresh = || Drawn { run: glyph.run, edges: [start, end, f64::midpoint(start, end)] };
        match lines.last_mut() {
            Some((y, size, texts)) if (*y - glyph.y).abs() < size.max(glyph.size) * 0.45 => match texts.last_mut() {
                Some(text) if text.run == glyph.run => {
                    let first = text.edges[0];
                    text.edges = [first, end, f64::midpoint(first, end)];
                }
                _ => texts.push(fresh()),
            },
            _ => lines.push((glyph.y, glyph.size, vec![fresh()])),
        }
    }
    let mut found = HashSet::new();
    for window in lines.windows(TABLE) {
        let [(_, size, first), ..] = window else { continue };
        if !window.iter().all(|(.., texts)| (2..=MAX_TEXTS).contains(&texts.len())) {
            continue;
        }
        for (text, edge) in first.iter().skip(1).flat_map(|text| [0, 1, 2].map(|edge| (text, edge))) {
            let below = window.iter().map(|(.., texts)| {
                let at = texts.iter().skip(1).position(|other| (other.edges[edge] - text.edges[edge]).abs() < EDGE)?;
                let (before, cell) = (texts.get(at)?, texts.get(at + 1)?);
                Some((cell.run, cell.edges[0] - before.edges[1]))
            });
            let Some(below) = below.collect::<Option<Vec<(u32, f64)>>>() else { continue };
            if below.iter().any(|(_, gap)| *gap > size * 1.2) {
                found.extend(below.into_iter().map(|(run, _)| run));
            }
        }
    }
    found
}

/// Ligatures as the letters that people search for.
fn push_letters(text: &mut String, letters: &str) {
    for c in letters.chars() {
        match c {
            'ﬀ' => text.push_str("ff"),
            'ﬁ' => text.push_str("fi"),
            'ﬂ' => text.push_str("fl"),
            'ﬃ' => text.push_str("ffi"),
            'ﬄ' => text.push_str("ffl"),
            '\u{a0}' => text.push(' '),
            '\u{ad}' => text.push('-'),
            other => text.push(other),
        }
    }
}

/// Pieces side by side: a line of a text, or of a row of cells.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub pieces: Vec<Piece>,
    pub y: f64,
    pub size: f64,
}

/// Pieces on common baselines, from the top down, each row from left to right.
pub(super) fn rows(mut pieces: Vec<Piece>) -> Vec<Row> {
    pieces.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.order.cmp(&b.order)));
    let mut rows: Vec<Row> = Vec::new();
    for piece in pieces {
        let recent = rows.len().saturating_sub(4);
        let overlap = |row: &Row| {
            let top = (row.y - row.size * 0.7).max(piece.y - piece.size * 0.7);
            (row.y.min(piece.y) - top) / (row.size.min(piece.size) * 0.7)
        };
        let best = rows.iter_mut().skip(recent).max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        match best {
            Some(row) if overlap(row) > 0.55 => {
                if piece.size > row.size * 1.1 {
                    (row.y, row.size) = (piece.y, piece.size);
                }
                row.pieces.push(piece);
            }
            _ => rows.push(Row { y: piece.y, size: piece.size, pieces: vec![piece] }),
        }
    }
    for row in &mut rows {
        row.pieces.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.order.cmp(&b.order)));
    }
    rows.sort_by(|a, b| a.y.total_cmp(&b.y));
    rows
}
