//! Letters to lines, lines to blocks.

use super::collect::PdfGlyph;

/// A line of letters, in the frame of its direction: `x` along the writing, `y` across.
struct Line {
    angle: f64,
    y: f64,
    size: f64,
    start: f64,
    end: f64,
    glyphs: Vec<PdfGlyph>,
}

/// Blocks of lines in reading order.
pub(super) fn blocks(glyphs: Vec<PdfGlyph>) -> Vec<String> {
    let mut lines = lines(glyphs);
    if jumps_up(&lines) * 8 > lines.len() {
        lines = by_position(lines);
    }
    let mut blocks: Vec<String> = Vec::new();
    let mut last: Option<(f64, f64, f64)> = None;
    let columns = columns(&lines);
    for (line, columns) in lines.into_iter().zip(columns) {
        let text = line_text(&line, &columns);
        if text.trim().is_empty() {
            continue;
        }
        let joins = last.is_some_and(|(angle, y, size)| {
            let step = line.y - y;
            angle == line.angle
                && step > 0.0
                && step < size.max(line.size) * 1.7
                && (size - line.size).abs() < size * 0.2
        });
        last = Some((line.angle, line.y, line.size));
        match blocks.last_mut() {
            Some(block) if joins => {
                block.push('\n');
                block.push_str(text.trim_end());
            }
            _ => blocks.push(text.trim_end().to_owned()),
        }
    }
    blocks
}

/// Letters that follow each other on one baseline.
fn lines(glyphs: Vec<PdfGlyph>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for mut glyph in glyphs {
        // Five degrees apart is another direction; less is a slip of the hand.
        let angle = (glyph.angle.to_degrees() / 5.0).round() * 5.0_f64.to_radians();
        let angle = if angle == 0.0 { 0.0 } else { angle };
        let (sin, cos) = angle.sin_cos();
        (glyph.x, glyph.y) = (glyph.x * cos + glyph.y * sin, glyph.y * cos - glyph.x * sin);
        let size = glyph.size.max(0.1);
        let end = glyph.x + glyph.width;
        if let Some(line) = lines.last_mut()
            && line.angle == angle
            && (line.y - glyph.y).abs() < line.size.max(size) * 0.45
        {
            line.start = line.start.min(glyph.x);
            line.end = line.end.max(end);
            // The larger letters carry the baseline: small ones are raised or lowered.
            if size > line.size * 1.1 {
                line.y = glyph.y;
            }
            line.size = line.size.max(size);
            line.glyphs.push(glyph);
            continue;
        }
        lines.push(Line { angle, y: glyph.y, size, start: glyph.x, end, glyphs: vec![glyph] });
    }
    lines
}

/// How often the drawing goes back up: once per column in an orderly file.
fn jumps_up(lines: &[Line]) -> usize {
    lines.windows(2).filter(|pair| matches!(pair, [a, b] if b.angle == a.angle && b.y < a.y - a.size)).count()
}

fn by_position(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.angle.total_cmp(&b.angle).then(a.y.total_cmp(&b.y)));
    let mut rows: Vec<Line> = Vec::new();
    for line in lines {
        if let Some(row) = rows.last_mut()
            && row.angle == line.angle
            && (row.y - line.y).abs() < row.size.min(line.size) * 0.4
        {
            row.start = row.start.min(line.start);
            row.end = row.end.max(line.end);
            row.size = row.size.max(line.size);
            row.glyphs.extend(line.glyphs);
            continue;
        }
        rows.push(line);
    }
    rows
}

/// The letters of a line in chunks that were drawn in one go, the chunks from left to right: texts that
/// overlap (a table cell that runs over) stay whole instead of being shuffled letter by letter.
fn line_text(line: &Line, columns: &[f64]) -> String {
    let mut chunks: Vec<Vec<&PdfGlyph>> = Vec::new();
    for glyph in &line.glyphs {
        let opens_cell = glyph.begins && is_at(columns, glyph.x);
        match chunks.last_mut() {
            Some(chunk) if !opens_cell && chunk.last().is_some_and(|before| follows(before, glyph)) => {
                chunk.push(glyph);
            }
            _ => chunks.push(vec![glyph]),
        }
    }
    let start = |chunk: &Vec<&PdfGlyph>| chunk.first().map_or(0.0, |g| g.x);
    chunks.sort_by(|a, b| start(a).total_cmp(&start(b)));
    let mut text = String::new();
    let mut last: Option<Vec<&PdfGlyph>> = None;
    for chunk in chunks {
        if last.as_ref().is_some_and(|before| doubles(before, &chunk)) {
            continue;
        }
        let mut before = last.as_ref().and_then(|chunk| chunk.last().copied());
        for (index, glyph) in chunk.iter().enumerate() {
            if let Some(before) = before {
                let gap = glyph.x - (before.x + before.width);
                let size = glyph.size.min(before.size);
                let blank = text.ends_with(' ') || glyph.text.starts_with(' ');
                // A chunk that starts well inside the one before it is another text.
                let apart = gap > size * 0.17 || (index == 0 && gap < -size * 0.4);
                if gap > size * 1.8 || (index == 0 && is_at(columns, glyph.x)) {
                    text.push_str(if blank { "  " } else { "   " });
                } else if apart && !blank {
                    text.push(' ');
                }
            }
            push_letters(&mut text, &glyph.text);
            before = Some(glyph);
        }
        last = Some(chunk);
    }
    text
}

/// Whether a letter continues the writing of the one before it.
fn follows(before: &PdfGlyph, glyph: &PdfGlyph) -> bool {
    let gap = glyph.x - (before.x + before.width);
    let size = glyph.size.min(before.size);
    // Letters of one word may be set tight; a text that begins anew inside the one before it is another.
    let tightest = if glyph.begins { -0.25 } else { -0.6 };
    glyph.x >= before.x && gap > size * tightest && gap < size * 1.8
}

/// Points that two texts may stand apart and still begin at one edge.
const EDGE: f64 = 0.8;
/// Lines one below the other that make a table.
const TABLE: usize = 4;

fn is_at(columns: &[f64], x: f64) -> bool {
    columns.iter().any(|column| (column - x).abs() < EDGE)
}

/// Where the cells of each line begin, but for its first: where texts shown by operators of their own stand below each
/// other in lines that follow one another, with the same left, right or middle.
fn columns(lines: &[Line]) -> Vec<Vec<f64>> {
    /// Left, right and middle of a text.
    type Edges = [f64; 3];
    let texts: Vec<Vec<Edges>> = lines
        .iter()
        .map(|line| {
            let mut texts: Vec<Edges> = Vec::new();
            for glyph in line.glyphs.iter().filter(|glyph| !glyph.text.trim().is_empty()) {
                let end = glyph.x + glyph.width;
                match texts.last_mut() {
                    Some(text) if !glyph.begins => *text = [text[0], end, f64::midpoint(text[0], end)],
                    _ => texts.push([glyph.x, end, f64::midpoint(glyph.x, end)]),
                }
            }
            texts.sort_by(|a, b| a[0].total_cmp(&b[0]));
            texts
        })
        .collect();
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    // Lines of hundreds of operators are letters set one by one, no cells.
    const MOST: usize = 60;
    let is_row = |at: usize| (2..=MOST).contains(&texts[at].len());
    let mut at = 0;
    while at < lines.len() {
        let mut end = at;
        while end < lines.len() && is_row(end) && (end == at || lines[end].angle == lines[at].angle) {
            end += 1;
        }
        if end - at >= TABLE {
            for first in at..=end - TABLE {
                let window = first..first + TABLE;
                for text in texts[first].iter().skip(1) {
                    for edge in 0..3 {
                        let below: Option<Vec<(usize, f64)>> = window
                            .clone()
                            .map(|line| {
                                let same = texts[line].iter().skip(1).find(|t| (t[edge] - text[edge]).abs() < EDGE);
                                same.map(|same| (line, same[0]))
                            })
                            .collect();
                        for (line, x) in below.into_iter().flatten() {
                            if !is_at(&found[line], x) {
                                found[line].push(x);
                            }
                        }
                    }
                }
            }
        }
        at = end.max(at + 1);
    }
    found
}

/// Bold that is faked by drawing twice, a hair apart.
fn doubles(a: &[&PdfGlyph], b: &[&PdfGlyph]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.text == b.text && (a.x - b.x).abs() < a.size * 0.08 && (a.y - b.y).abs() < a.size * 0.08)
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
