//! Pieces to blocks in reading order, by where they stand: rows from the top down, columns of running text one after
//! the other, cells of a table side by side.
//!
//! Columns and tables look alike: both have a gutter. Columns are taken where running text (lines long enough, no
//! holes) stands on both sides of it for several rows; everything else with cells side by side is read row by row.

use crate::document::draft::markdown_row;

use super::collect::PdfGlyph;
use super::grid::{Rules, Table, tables};
use super::pieces::{Piece, Row, directions, rows};

/// Gaps that part cells, in shares of the letters' size: in the order of drawing, and out of it.
const CELL_GAP: f64 = 1.5;
const CELL_GAP_OUT_OF_ORDER: f64 = 0.7;
/// Rows that columns need at least, and characters that their lines have in the middle.
const COLUMN_ROWS: usize = 4;
const COLUMN_CHARACTERS: usize = 16;
/// How often columns may stand in columns.
const MAX_DEPTH: u32 = 6;
/// Bounds of the search for them: lines side by side, and gutters that are tried.
const MAX_BAND: usize = 300;
const MAX_GUTTERS: usize = 40;

/// Text without a gap that parts it, or a whole table.
#[derive(Debug, Clone)]
struct Cell {
    start: f64,
    end: f64,
    text: String,
    /// Markdown rows.
    table: bool,
}

/// Cells side by side.
#[derive(Debug, Clone)]
struct Line {
    y: f64,
    size: f64,
    cells: Vec<Cell>,
}

/// Blocks of lines in reading order.
pub(super) fn blocks<'g>(glyphs: impl IntoIterator<Item = &'g PdfGlyph>, rules: &Rules) -> Vec<String> {
    let mut blocks = Vec::new();
    for direction in directions(glyphs, rules) {
        let (tables, rest) =
            if direction.angle == 0 { tables(rules, direction.pieces) } else { (Vec::new(), direction.pieces) };
        let mut lines: Vec<Line> = rows(rest).into_iter().map(line).collect();
        lines.extend(tables.into_iter().map(table_line));
        lines.sort_by(|a, b| a.y.total_cmp(&b.y));
        let mut ordered = Vec::with_capacity(lines.len());
        order(lines, 0, &mut ordered);
        write(ordered, &mut blocks);
    }
    blocks
}

fn table_line(table: Table) -> Line {
    let size = (table.bottom - table.top).max(1.0);
    let cell = Cell { start: table.left, end: table.right, text: table.rows.join("\n"), table: true };
    Line { y: table.top, size, cells: vec![cell] }
}

fn line(row: Row) -> Line {
    let mut cells: Vec<Cell> = Vec::new();
    let mut last: Option<Piece> = None;
    for piece in row.pieces {
        let joins = last.as_ref().is_some_and(|last| {
            let size = last.size.min(piece.size);
            let gap = piece.start - last.end;
            let widest = if last.order + 1 == piece.order { CELL_GAP } else { CELL_GAP_OUT_OF_ORDER };
            !piece.opens && gap < size * widest && gap > -size * 0.25
        });
        match cells.last_mut() {
            Some(cell) if joins => {
                if !cell.text.ends_with(' ') && !piece.text.starts_with(' ') && parted(last.as_ref(), &piece) {
                    cell.text.push(' ');
                }
                cell.text.push_str(&piece.text);
                cell.end = cell.end.max(piece.end);
            }
            _ => cells.push(Cell { start: piece.start, end: piece.end, text: piece.text.clone(), table: false }),
        }
        last = Some(piece);
    }
    Line { y: row.y, size: row.size, cells }
}

/// Whether there is a word gap between two pieces of a line; letters drawn out of order may touch.
fn parted(last: Option<&Piece>, piece: &Piece) -> bool {
    last.is_none_or(|last| (piece.start - last.end).abs() > last.size.min(piece.size) * 0.13)
}

/// The lines with columns of running text one after the other.
fn order(lines: Vec<Line>, depth: u32, out: &mut Vec<Line>) {
    let mut rest: std::collections::VecDeque<Line> = lines.into();
    let mut waiting: Vec<Line> = Vec::new();
    while !rest.is_empty() {
        match (depth < MAX_DEPTH).then(|| band(rest.make_contiguous())).flatten() {
            Some((count, gutter)) => {
                out.append(&mut waiting);
                let mut left = Vec::new();
                let mut right = Vec::new();
                for line in rest.drain(..count) {
                    let (a, b): (Vec<Cell>, Vec<Cell>) =
                        line.cells.into_iter().partition(|cell| f64::midpoint(cell.start, cell.end) < gutter);
                    for (cells, side) in [(a, &mut left), (b, &mut right)] {
                        if !cells.is_empty() {
                            side.push(Line { y: line.y, size: line.size, cells });
                        }
                    }
                }
                order(left, depth + 1, out);
                order(right, depth + 1, out);
            }
            None => waiting.extend(rest.pop_front()),
        }
    }
    out.append(&mut waiting);
}

/// How many of the first lines are columns side by side, and where their gutter is.
fn band(lines: &[Line]) -> Option<(usize, f64)> {
    // Looked for where two texts stand side by side only: the other lines end nothing and begin nothing.
    let first = lines.first()?;
    if first.cells.len() < 2 && lines.get(1).is_none_or(|second| second.cells.len() < 2) {
        return None;
    }
    let mut candidates = vec![Gutter { from: f64::NEG_INFINITY, to: f64::INFINITY, left: false, right: false }];
    let mut count = 0;
    let mut before: Option<&Line> = None;
    for line in lines.iter().take(MAX_BAND) {
        // Headers and footers stand apart.
        let apart = before.is_some_and(|before| line.y - before.y > before.size.max(line.size) * 3.2);
        let mut next = Vec::new();
        for gutter in &candidates {
            gutter.narrowed(line, &mut next);
        }
        let inner = next.iter().any(|gutter| gutter.left && gutter.right);
        if apart || next.is_empty() || (count > 1 && !inner) {
            break;
        }
        next.truncate(MAX_GUTTERS);
        candidates = next;
        before = Some(line);
        count += 1;
    }
    let lines = lines.get(..count)?;
    let mut best: Option<(f64, f64)> = None;
    for Gutter { from, to, .. } in candidates.into_iter().filter(|gutter| gutter.left && gutter.right) {
        let wider = best.is_none_or(|(a, b)| to - from > b - a);
        if wider && sides(lines, middle((from, to))).is_some_and(|(left, right)| runs_on(&left) && runs_on(&right)) {
            best = Some((from, to));
        }
    }
    best.map(|gutter| (count, middle(gutter)))
}

fn middle((from, to): (f64, f64)) -> f64 {
    f64::midpoint(from, to)
}

/// A strip down the page where nothing stands.
struct Gutter {
    from: f64,
    to: f64,
    /// Whether something stands left and right of it.
    left: bool,
    right: bool,
}

impl Gutter {
    /// What a line leaves of it.
    fn narrowed(&self, line: &Line, out: &mut Vec<Self>) {
        let least = line.size.clamp(4.0, 20.0) * 0.6;
        let mut from = f64::NEG_INFINITY;
        let ends = line.cells.iter().map(|cell| (cell.start, cell.end));
        for (index, (start, end)) in ends.chain([(f64::INFINITY, f64::INFINITY)]).enumerate() {
            let (left, right) = (self.left || index > 0, self.right || index < line.cells.len());
            let gutter = Self { from: self.from.max(from), to: self.to.min(start), left, right };
            if gutter.to - gutter.from >= least {
                out.push(gutter);
            }
            from = from.max(end);
        }
    }
}

/// What stands left and right of a gutter, if something does on both sides: level, size and text of each line.
type Side<'l> = Vec<(f64, f64, &'l [Cell])>;

fn sides(lines: &[Line], gutter: f64) -> Option<(Side<'_>, Side<'_>)> {
    let mut left = Vec::new();
    let mut right = Vec::new();
    for line in lines {
        let at = line.cells.partition_point(|cell| cell.start < gutter);
        let (a, b) = line.cells.split_at(at);
        for (cells, side) in [(a, &mut left), (b, &mut right)] {
            if !cells.is_empty() {
                side.push((line.y, line.size, cells));
            }
        }
    }
    (!left.is_empty() && !right.is_empty()).then_some((left, right))
}

/// Running text: enough lines that are long enough, without the holes that the rows of a table have.
fn runs_on(side: &Side<'_>) -> bool {
    if side.iter().any(|(.., cells)| cells.iter().any(|cell| cell.table)) {
        return true;
    }
    if side.len() < COLUMN_ROWS {
        return false;
    }
    let mut lengths: Vec<usize> =
        side.iter().map(|(.., cells)| cells.iter().map(|cell| cell.text.chars().count()).sum()).collect();
    lengths.sort_unstable();
    let whole = side.iter().filter(|(.., cells)| cells.len() == 1).count();
    let holes = side.windows(2).filter(|pair| matches!(pair, [a, b] if b.0 - a.0 > a.1.max(b.1) * 2.3)).count();
    lengths.get(lengths.len() / 2).is_some_and(|middle| *middle >= COLUMN_CHARACTERS)
        && whole * 4 >= side.len() * 3
        && holes * 4 <= side.len()
}

/// The lines as blocks: those that stand close together are one, tables are Markdown rows.
fn write(lines: Vec<Line>, blocks: &mut Vec<String>) {
    let mut last: Option<(f64, f64)> = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let count = table_rows(&lines[at..]);
        if count > 1 {
            blocks.push(as_table(&lines[at..at + count]));
            (at, last) = (at + count, None);
            continue;
        }
        at += 1;
        // The titles of columns may stand just above the lines of a table.
        if let Some(Line { y, cells, .. }) = lines.get(at)
            && line.cells.len() >= 2
            && *y - line.y < line.size * 1.5
            && let [Cell { table: true, text, .. }] = cells.as_slice()
        {
            blocks.push(format!("{}\n{text}", markdown_row(line.cells.iter().map(|cell| &cell.text))));
            (at, last) = (at + 1, None);
            continue;
        }
        let text = line.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("   ");
        if line.cells.iter().any(|cell| cell.table) {
            blocks.push(text);
            last = None;
            continue;
        }
        let joins = last.is_some_and(|(y, size)| {
            let step = line.y - y;
            step > 0.0 && step < size.max(line.size) * 1.7 && (size - line.size).abs() < size * 0.2
        });
        last = Some((line.y, line.size));
        match blocks.last_mut() {
            Some(block) if joins => {
                block.push('\n');
                block.push_str(text.trim_end());
            }
            _ => blocks.push(text.trim_end().to_owned()),
        }
    }
}

/// How many of the first lines are rows of one table: cells side by side, or what a cell is continued with.
fn table_rows(lines: &[Line]) -> usize {
    let wide = |line: &Line| line.cells.len() >= 2 && line.cells.iter().all(|cell| !cell.table);
    let mut count = 0;
    let mut last: Option<&Line> = None;
    let mut first_start = f64::INFINITY;
    for (at, line) in lines.iter().enumerate() {
        let near = last.is_none_or(|last| {
            let step = line.y - last.y;
            step > 0.0 && step < last.size.max(line.size) * 4.0
        });
        let alone = matches!(line.cells.as_slice(), [cell] if !cell.table && cell.start > first_start + line.size);
        let close = last.is_some_and(|last| line.y - last.y < last.size * 1.7);
        if !near || !(wide(line) || (alone && close && at > 0)) {
            break;
        }
        first_start = line.cells.first().map_or(first_start, |cell| first_start.min(cell.start));
        if wide(line) {
            count = at + 1;
        } else if count == at {
            // The last row's continuation belongs to it.
            count = at + 1;
        }
        last = Some(line);
    }
    let rows = lines.iter().take(count).filter(|line| wide(line)).count();
    if rows >= 2 { count } else { 0 }
}

/// Cells under each other are a column, where that is clear; else each row has its cells and no more.
fn as_table(lines: &[Line]) -> String {
    let mut spans: Vec<(f64, f64)> =
        lines.iter().flat_map(|line| line.cells.iter().map(|cell| (cell.start, cell.end))).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (start, end) in spans {
        match columns.last_mut() {
            Some(last) if start < last.1 - 0.5 => last.1 = last.1.max(end),
            _ => columns.push((start, end)),
        }
    }
    let column_of = |cell: &Cell| columns.partition_point(|(start, _)| *start <= cell.start + 0.01).saturating_sub(1);
    let clear = columns.len() >= 2
        && lines.iter().all(|line| line.cells.windows(2).all(|two| column_of(&two[0]) < column_of(&two[1])));
    let rows = lines.iter().map(|line| {
        if !clear {
            return markdown_row(line.cells.iter().map(|cell| cell.text.as_str()));
        }
        let mut row = vec![""; columns.len()];
        for cell in &line.cells {
            if let Some(at) = row.get_mut(column_of(cell)) {
                *at = &cell.text;
            }
        }
        markdown_row(row)
    });
    rows.collect::<Vec<_>>().join("\n")
}
