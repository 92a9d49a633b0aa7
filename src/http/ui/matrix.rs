//! Who beat whom as a picture: a square per pair of systems with the share that the row's system won against the
//! column's, ties as half. Darker blue is more; what never met is left open. SVG without script or style sheet.

use std::fmt::Write;

use super::plot::{FONT, escape};
use super::words::clip;
use crate::ranking::leaderboard::Leaderboard;
use crate::ranking::matrix::Matrix;

/// More systems than this make no readable picture.
const MAX_SYSTEMS: usize = 20;
const LEFT: f64 = 190.0;
const CELL: f64 = 46.0;

/// The matrices of all boards, one below the other.
#[must_use]
pub fn matrix_svg(board: &Leaderboard) -> String {
    let drawn: Vec<(&str, &Matrix)> = board
        .boards
        .iter()
        .zip(&board.matrices)
        .filter(|(_, matrix)| matrix.systems.len() > 1)
        .map(|(board, matrix)| (board.slice.as_deref().unwrap_or("All tasks"), matrix))
        .collect();
    let size = |matrix: &Matrix| matrix.systems.len().min(MAX_SYSTEMS) as f64;
    let widest = drawn.iter().map(|(_, matrix)| size(matrix)).fold(0.0, f64::max);
    let width = (LEFT + widest * CELL + 12.0).max(560.0);
    let height = 16.0 + drawn.iter().map(|(_, matrix)| 74.0 + size(matrix) * CELL).sum::<f64>().max(40.0);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"matrix-title\" {FONT}><title id=\"matrix-title\">How often \
         the row's system won against the column's, ties as half</title>\
         <rect class=\"plot-ground\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    if drawn.is_empty() {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"30\" fill=\"#57606a\">No two systems have met in a battle.</text>"
        );
    }
    let mut y = 8.0;
    for (heading, matrix) in drawn {
        y = draw(&mut svg, heading, matrix, y);
    }
    svg.push_str("</svg>");
    svg
}

fn draw(svg: &mut String, heading: &str, matrix: &Matrix, top: f64) -> f64 {
    let _ = write!(
        svg,
        "<text class=\"plot-head\" x=\"12\" y=\"{:.1}\" font-weight=\"600\" fill=\"#1f2328\">{}</text>",
        top + 18.0,
        escape(&clip(heading, 60))
    );
    let shown = matrix.systems.len().min(MAX_SYSTEMS);
    let first = top + 48.0;
    let mut cells = Cells::default();
    for (at, name) in matrix.systems.iter().take(shown).enumerate() {
        let across = LEFT + (at as f64 + 0.5) * CELL;
        let down = first + (at as f64 + 0.5) * CELL;
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#57606a\">{}</text>\
             <g><title>{}</title><text class=\"plot-name\" x=\"12\" y=\"{:.1}\" fill=\"#1f2328\">{}. {}</text></g>",
            first - 8.0,
            at + 1,
            escape(name),
            down + 4.5,
            at + 1,
            escape(&clip(name, 22))
        );
        for other in (0..shown).filter(|other| *other != at) {
            cells.add(matrix, (at, other), (LEFT + other as f64 * CELL, first + at as f64 * CELL));
        }
    }
    cells.draw(svg);
    let end = first + shown as f64 * CELL;
    if matrix.systems.len() > shown {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"{:.1}\" fill=\"#57606a\">and {} more systems, in the JSON</text>",
            end + 18.0,
            matrix.systems.len() - shown
        );
    }
    end + 26.0
}

/// The cells of one matrix. What they share stands on their groups: a page with many systems stays small.
#[derive(Default)]
struct Cells {
    fought: String,
    empty: String,
    /// Figures on a pale cell, and on a dark one.
    on_pale: String,
    on_dark: String,
}

impl Cells {
    fn add(&mut self, matrix: &Matrix, (row, column): (usize, usize), (x, y): (f64, f64)) {
        let size = CELL - 2.0;
        let square = format!("M{x} {y}h{size}v{size}h-{size}z");
        let Some(share) = matrix.share(row, column) else {
            self.empty.push_str(&square);
            return;
        };
        let pair = matrix.pairs.iter().find(|one| one.pair == (row.min(column), row.max(column)));
        let tasks = pair.map_or(0, |pair| pair.tasks);
        let percent = share * 100.0;
        // By number, as rows and columns are headed: names may be long, and each stands in every second cell.
        let _ = write!(
            self.fought,
            "<path d=\"{square}\" fill-opacity=\"{:.2}\"><title>{} against {}: {percent:.1} % on {tasks} task{}</title></path>",
            0.04 + 0.9 * share,
            row + 1,
            column + 1,
            if tasks == 1 { "" } else { "s" },
        );
        let figures = if share > 0.55 { &mut self.on_dark } else { &mut self.on_pale };
        let _ = write!(figures, "<text x=\"{}\" y=\"{}\">{percent:.0}</text>", x + size / 2.0, y + size / 2.0 + 4.5);
    }

    fn draw(&self, svg: &mut String) {
        let _ = write!(
            svg,
            "<path class=\"plot-empty\" fill=\"none\" stroke=\"#d8dee4\" stroke-dasharray=\"3 3\" d=\"{}\"/>\
             <g class=\"plot-cell\" fill=\"#1a63b8\" stroke=\"#d8dee4\">{}</g>\
             <g text-anchor=\"middle\" pointer-events=\"none\"><g class=\"plot-value\" fill=\"#1f2328\">{}</g>\
             <g class=\"plot-on\" fill=\"#ffffff\">{}</g></g>",
            self.empty, self.fought, self.on_pale, self.on_dark
        );
    }
}
