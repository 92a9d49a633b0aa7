//! Tables that are drawn with lines: the lines give the cells, whatever order the texts were drawn in and however a
//! cell's text is wrapped.
//!
//! Lines that cross belong to one grid. A line that is missing between two cells makes them one. A grid whose cells are
//! nearly all empty is a drawing or a chart, one with a single column a box; both are left as they are.

use hayro_interpret::kurbo::Point;

use crate::document::draft::markdown_row;

use super::pieces::{Piece, rows};

/// Lines this near are one, in points.
const NEAR: f64 = 3.0;
/// More lines than these, after joining, are no table.
const MAX_LINES: usize = 600;
/// Cells of one grid.
const MAX_CELLS: usize = 20_000;
/// Characters of one cell: more is a page that stands in a frame.
const MAX_CELL: usize = 2_500;

/// A line along the page or down it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub horizontal: bool,
    /// `y` of a horizontal line, `x` of another.
    pub at: f64,
    pub from: f64,
    pub to: f64,
}

impl Rule {
    /// `None` where it is neither, or too short.
    pub fn between(a: Point, b: Point) -> Option<Self> {
        let (width, height) = ((a.x - b.x).abs(), (a.y - b.y).abs());
        if !(width + height).is_finite() || width.max(height) < 4.0 || width.min(height) > 0.7 {
            return None;
        }
        Some(if width > height {
            Self { horizontal: true, at: (a.y + b.y) / 2.0, from: a.x.min(b.x), to: a.x.max(b.x) }
        } else {
            Self { horizontal: false, at: (a.x + b.x) / 2.0, from: a.y.min(b.y), to: a.y.max(b.y) }
        })
    }
}

/// The lines of a page, those that touch joined.
#[derive(Debug, Default)]
pub(super) struct Rules {
    across: Vec<Rule>,
    down: Vec<Rule>,
}

impl Rules {
    pub fn new(rules: Vec<Rule>) -> Self {
        let (across, down): (Vec<Rule>, Vec<Rule>) = rules.into_iter().partition(|rule| rule.horizontal);
        Self { across: joined(across), down: joined(down) }
    }

    /// Whether a line stands between two letters.
    pub fn vertical_between(&self, from: f64, to: f64, y: f64) -> bool {
        let (from, to) = (from.min(to) - 1.0, from.max(to) + 1.0);
        let first = self.down.partition_point(|rule| rule.at < from);
        self.down.iter().skip(first).take_while(|rule| rule.at <= to).any(|rule| rule.from <= y && y <= rule.to)
    }

    /// The grids, each as its lines.
    fn grids(&self) -> Vec<(Vec<Rule>, Vec<Rule>)> {
        if self.across.len() > MAX_LINES || self.down.len() > MAX_LINES {
            return Vec::new();
        }
        let count = self.across.len();
        let mut group: Vec<usize> = (0..count + self.down.len()).collect();
        fn root(group: &mut [usize], mut at: usize) -> usize {
            while let Some(&up) = group.get(at).filter(|up| **up != at) {
                group[at] = group.get(up).copied().unwrap_or(up);
                at = up;
            }
            at
        }
        for (i, across) in self.across.iter().enumerate() {
            for (j, down) in self.down.iter().enumerate() {
                let meets = down.at >= across.from - NEAR
                    && down.at <= across.to + NEAR
                    && across.at >= down.from - NEAR
                    && across.at <= down.to + NEAR;
                if meets {
                    let (a, b) = (root(&mut group, i), root(&mut group, count + j));
                    group[a.max(b)] = a.min(b);
                }
            }
        }
        let mut grids: Vec<(usize, Vec<Rule>, Vec<Rule>)> = Vec::new();
        for at in 0..group.len() {
            let name = root(&mut group, at);
            let grid = match grids.iter().position(|(n, ..)| *n == name) {
                Some(at) => &mut grids[at],
                None => {
                    grids.push((name, Vec::new(), Vec::new()));
                    let last = grids.len() - 1;
                    &mut grids[last]
                }
            };
            if at < count {
                grid.1.extend(self.across.get(at));
            } else {
                grid.2.extend(self.down.get(at - count));
            }
        }
        grids.into_iter().map(|(_, across, down)| (across, down)).collect()
    }
}

/// Lines on one level that touch or overlap, as one; sorted by their level.
fn joined(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.from.total_cmp(&b.from)));
    let mut out: Vec<Rule> = Vec::new();
    for rule in rules {
        let level = out.iter_mut().rev().take_while(|last| rule.at - last.at <= 1.5);
        match level.into_iter().find(|last| rule.from <= last.to + NEAR && last.from <= rule.to + NEAR) {
            Some(last) => {
                last.from = last.from.min(rule.from);
                last.to = last.to.max(rule.to);
            }
            None => out.push(rule),
        }
    }
    out
}

/// A table that was found, with the place that it takes.
pub(super) struct Table {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// Markdown rows.
    pub rows: Vec<String>,
}

/// The tables, and the pieces that stand in none.
pub(super) fn tables(rules: &Rules, pieces: Vec<Piece>) -> (Vec<Table>, Vec<Piece>) {
    let mut rest = pieces;
    let mut tables = Vec::new();
    for (across, down) in rules.grids() {
        let Some(grid) = Grid::new(&across, &down) else { continue };
        let (inside, outside): (Vec<Piece>, Vec<Piece>) = rest.into_iter().partition(|piece| grid.holds(piece));
        match grid.table(&inside) {
            Some(table) => {
                tables.push(table);
                rest = outside;
            }
            None => {
                rest = outside;
                rest.extend(inside);
                rest.sort_by_key(|piece| piece.order);
            }
        }
    }
    (tables, rest)
}

struct Grid<'r> {
    across: &'r [Rule],
    down: &'r [Rule],
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl<'r> Grid<'r> {
    fn new(across: &'r [Rule], down: &'r [Rule]) -> Option<Self> {
        let ends = |rules: &[Rule]| rules.iter().flat_map(|r| [r.from, r.to]).collect::<Vec<f64>>();
        let levels = |rules: &[Rule], others: &[Rule]| {
            let mut levels: Vec<f64> = rules.iter().map(|rule| rule.at).collect();
            // A table without a frame ends where its lines do.
            let ends = ends(others);
            levels.extend(ends.iter().copied().reduce(f64::min));
            levels.extend(ends.iter().copied().reduce(f64::max));
            levels.sort_by(f64::total_cmp);
            levels.dedup_by(|b, a| *b - *a <= NEAR);
            levels
        };
        if down.is_empty() || across.is_empty() {
            return None;
        }
        let (xs, ys) = (levels(down, across), levels(across, down));
        let fits = xs.len() >= 3 && ys.len() >= 2 && (xs.len() - 1) * (ys.len() - 1) <= MAX_CELLS;
        fits.then_some(Self { across, down, xs, ys })
    }

    /// Where a piece stands. Its beginning counts, because it may run over to the right; unless it runs over to
    /// both sides, as centred text does.
    fn cell_of(&self, piece: &Piece) -> Option<(usize, usize)> {
        let column_at = |x: f64| self.xs.partition_point(|at| *at <= x).checked_sub(1);
        let middle = f64::midpoint(piece.start, piece.end);
        let first = column_at(middle.min(piece.start + piece.size * 0.25))?;
        let indent = self.xs.get(first).map_or(0.0, |left| piece.start - left);
        let column = if indent > piece.size * 1.5 { column_at(middle)? } else { first };
        let y = piece.y - piece.size * 0.3;
        let row = self.ys.partition_point(|at| *at <= y).checked_sub(1)?;
        (column + 1 < self.xs.len() && row + 1 < self.ys.len()).then_some((row, column))
    }

    fn holds(&self, piece: &Piece) -> bool {
        self.cell_of(piece).is_some()
    }

    fn middle(levels: &[f64], at: usize) -> f64 {
        let level = |at: usize| levels.get(at).copied().unwrap_or(0.0);
        f64::midpoint(level(at), level(at + 1))
    }

    fn is_drawn(rules: &[Rule], at: f64, along: f64) -> bool {
        rules.iter().any(|rule| (rule.at - at).abs() <= NEAR && rule.from - 1.0 <= along && along <= rule.to + 1.0)
    }

    /// For every cell whether a line is drawn left of it and above it.
    fn walls(&self) -> Vec<(bool, bool)> {
        let (columns, count) = (self.xs.len() - 1, self.ys.len() - 1);
        let cells = (0..count).flat_map(|row| (0..columns).map(move |column| (row, column)));
        cells
            .map(|(row, column)| {
                let (x, y) = (self.xs.get(column).copied(), self.ys.get(row).copied());
                let left = x.is_some_and(|x| Self::is_drawn(self.down, x, Self::middle(&self.ys, row)));
                let above = y.is_some_and(|y| Self::is_drawn(self.across, y, Self::middle(&self.xs, column)));
                (left, above)
            })
            .collect()
    }

    /// The first cell of those that are one with this.
    fn first_of(&self, walls: &[(bool, bool)], mut row: usize, mut column: usize) -> (usize, usize) {
        let columns = self.xs.len() - 1;
        let wall = |row: usize, column: usize| walls.get(row * columns + column).copied().unwrap_or((true, true));
        while column > 0 && !wall(row, column).0 {
            column -= 1;
        }
        while row > 0 && !wall(row, column).1 {
            row -= 1;
        }
        (row, column)
    }

    fn table(&self, inside: &[Piece]) -> Option<Table> {
        let (columns, count) = (self.xs.len() - 1, self.ys.len() - 1);
        let walls = self.walls();
        let mut cells: Vec<Vec<Piece>> = vec![Vec::new(); columns * count];
        for piece in inside {
            let (row, column) = self.cell_of(piece)?;
            let (row, column) = self.first_of(&walls, row, column);
            cells.get_mut(row * columns + column)?.push(piece.clone());
        }
        let texts: Vec<String> = cells.into_iter().map(cell_text).collect();
        let filled = texts.iter().filter(|text| !text.is_empty()).count();
        let used = |column: usize| texts.iter().skip(column).step_by(columns).any(|text| !text.is_empty());
        let width = |column: usize| self.xs.get(column + 1).zip(self.xs.get(column)).map_or(0.0, |(b, a)| b - a);
        let height = |row: usize| self.ys.get(row + 1).zip(self.ys.get(row)).map_or(0.0, |(b, a)| b - a);
        let is_table = (0..columns).filter(|column| used(*column)).count() >= 2
            && filled * 8 >= texts.len()
            && texts.iter().all(|text| text.len() <= MAX_CELL);
        if !is_table {
            return None;
        }
        // Narrow strips are doubled lines.
        let kept: Vec<usize> = (0..columns).filter(|column| used(*column) || width(*column) > 12.0).collect();
        let mut lines = Vec::new();
        for (row, cells) in texts.chunks(columns).enumerate() {
            if cells.iter().any(|text| !text.is_empty()) || height(row) > 8.0 {
                lines.push(markdown_row(kept.iter().filter_map(|column| cells.get(*column))));
            }
        }
        let (left, right) = (*self.xs.first()?, *self.xs.last()?);
        Some(Table { left, right, top: *self.ys.first()?, bottom: *self.ys.last()?, rows: lines })
    }
}

/// The words of a cell, its lines joined.
fn cell_text(pieces: Vec<Piece>) -> String {
    let mut text = String::new();
    for piece in rows(pieces).into_iter().flat_map(|row| row.pieces) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(piece.text.trim());
    }
    text
}
