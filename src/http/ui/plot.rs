//! A leaderboard as a picture: one row per system, a dot for its rating, a line for its interval, an arrow
//! where the data set no bound, words where there is no rating. SVG without script or style sheet, so it may
//! stand in a page or in a file; names are escaped here. Colours are presentation attributes, which a page's
//! own style sheet may override by the classes.

use std::fmt::Write;

use crate::ranking::leaderboard::{Board, Leaderboard, Method, Row};

/// More rows than this make no readable picture; the rest is counted below it.
const MAX_ROWS: usize = 60;
const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 590.0;
const ROW: f64 = 26.0;
pub(super) const FONT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"13\"";

/// The plot of all boards, on one common axis.
#[must_use]
pub fn leaderboard_svg(board: &Leaderboard) -> String {
    let scale = Scale::of(board);
    let drawn = board.boards.len().max(1) as f64;
    let rows: usize = board.boards.iter().map(|b| b.rows.len().clamp(1, MAX_ROWS)).sum();
    let cut = board.boards.iter().filter(|b| b.rows.len() > MAX_ROWS).count() as f64;
    let height = 30.0 + drawn * 30.0 + (rows as f64 + cut) * ROW;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"plot-title plot-desc\" {FONT}>\
         <title id=\"plot-title\">Ratings by {}, {} overrides</title><desc id=\"plot-desc\">{}</desc>\
         <rect class=\"plot-ground\" width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>",
        method_in_words(board.method),
        escape(board.overrides),
        escape(&in_words(board, &scale)),
    );
    let mut y = 6.0;
    for board in &board.boards {
        y = draw_board(&mut svg, board, &scale, y);
    }
    if board.boards.is_empty() {
        let _ =
            write!(svg, "<text class=\"plot-quiet\" x=\"12\" y=\"40\" fill=\"#57606a\">Nothing is rated yet.</text>");
    }
    draw_axis(&mut svg, &scale, height - 24.0);
    svg.push_str("</svg>");
    svg
}

pub(super) fn method_in_words(method: &str) -> &'static str {
    match method {
        "bradley_terry" => "Bradley-Terry",
        "davidson" => "Davidson",
        "rao_kupper" => "Rao-Kupper",
        "newman" => "Newman",
        "elo" => "online Elo",
        "glicko2" => "Glicko-2",
        "win_rate" => "win rate",
        "wins_or_ties" => "wins or ties",
        "score" => "mean score",
        _ => "rating",
    }
}

/// Where a value stands and how it is written.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
    share: bool,
}

impl Scale {
    fn of(board: &Leaderboard) -> Self {
        if !Method::parse(board.method).is_ok_and(Method::is_on_elo_scale) {
            return Self { low: 0.0, high: 1.0, step: 0.2, share: true };
        }
        let rows = board.boards.iter().flat_map(|board| &board.rows);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in rows {
            let bounds = row.interval.as_ref().map(|interval| (interval.low, interval.high));
            for value in [row.rating, bounds.and_then(|b| b.0), bounds.and_then(|b| b.1)].into_iter().flatten() {
                low = low.min(value);
                high = high.max(value);
            }
        }
        if low > high {
            (low, high) = (900.0, 1100.0);
        }
        // A little air, so that an arrow has room to point at what is outside.
        let air = ((high - low) * 0.06).max(20.0);
        let (low, high) = (low - air, high + air);
        let rough = (high - low) / 5.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|s| *s >= rough).unwrap_or(rough);
        Self { low, high, step, share: false }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low) * (RIGHT - LEFT)
    }

    fn words(&self, value: f64) -> String {
        if self.share { format!("{:.1} %", value * 100.0) } else { format!("{value:.0}") }
    }

    fn ticks(&self) -> Vec<f64> {
        let first = (self.low / self.step).ceil();
        let last = (self.high / self.step + 1e-9).floor();
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= last && ticks.len() < 20 {
            ticks.push(at * self.step);
            at += 1.0;
        }
        ticks
    }
}

fn draw_board(svg: &mut String, board: &Board, scale: &Scale, top: f64) -> f64 {
    let heading = board.slice.as_deref().unwrap_or("All tasks");
    let _ = write!(
        svg,
        "<text class=\"plot-head\" x=\"12\" y=\"{:.1}\" font-weight=\"600\" fill=\"#1f2328\">{}</text>",
        top + 18.0,
        escape(&super::words::clip(heading, 60)),
    );
    let first = top + 30.0;
    let shown = board.rows.len().clamp(1, MAX_ROWS);
    for tick in scale.ticks() {
        let (x, end) = (scale.x(tick), first + shown as f64 * ROW);
        let _ = write!(
            svg,
            "<line class=\"plot-grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{first:.1}\" y2=\"{end:.1}\" stroke=\"#d8dee4\"/>"
        );
    }
    if board.rows.is_empty() {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"{:.1}\" fill=\"#57606a\">no system yet</text>",
            first + 17.0
        );
    }
    for (i, row) in board.rows.iter().take(MAX_ROWS).enumerate() {
        draw_row(svg, row, scale, first + (i as f64 + 0.5) * ROW);
    }
    let mut y = first + shown as f64 * ROW;
    if board.rows.len() > MAX_ROWS {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"{:.1}\" fill=\"#57606a\">and {} more systems, in the table</text>",
            y + 17.0,
            board.rows.len() - MAX_ROWS
        );
        y += ROW;
    }
    y
}

fn draw_row(svg: &mut String, row: &Row, scale: &Scale, y: f64) {
    let name = escape(&super::words::clip(&row.system, 26));
    let _ = write!(
        svg,
        "<g><title>{}</title><text class=\"plot-name\" x=\"12\" y=\"{:.1}\" fill=\"#1f2328\">{name}</text>",
        escape(&row_in_words(row, scale)),
        y + 4.5
    );
    match (row.rating, &row.interval) {
        (None, _) => {
            let why = row.undefined.as_deref().unwrap_or("not rated");
            let _ = write!(
                svg,
                "<text class=\"plot-quiet\" x=\"{LEFT}\" y=\"{:.1}\" fill=\"#57606a\">no rating: {}</text>",
                y + 4.5,
                escape(&super::words::clip(why, 70))
            );
        }
        (Some(rating), interval) => {
            if let Some(interval) = interval {
                let low = interval.low.map_or(LEFT, |low| scale.x(low).max(LEFT));
                let high = interval.high.map_or(RIGHT, |high| scale.x(high).min(RIGHT));
                let _ = write!(
                    svg,
                    "<line class=\"plot-line\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
                     stroke=\"#1a63b8\" stroke-width=\"2\"/>"
                );
                end_mark(svg, low, y, interval.low.is_none(), -1.0);
                end_mark(svg, high, y, interval.high.is_none(), 1.0);
            }
            let hollow = interval.is_none() || row.regularised;
            let (class, fill) = if hollow { ("plot-dot plot-hollow", "#ffffff") } else { ("plot-dot", "#1a63b8") };
            let _ = write!(
                svg,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{fill}\" stroke=\"#1a63b8\" \
                 stroke-width=\"2\"/><text class=\"plot-value\" x=\"{:.1}\" y=\"{:.1}\" fill=\"#1f2328\">{}</text>",
                scale.x(rating),
                RIGHT + 14.0,
                y + 4.5,
                escape(&value_in_words(row, scale))
            );
        }
    }
    svg.push_str("</g>");
}

/// A small bar where the interval ends, an arrow where it does not.
fn end_mark(svg: &mut String, x: f64, y: f64, open: bool, direction: f64) {
    if open {
        let back = x - direction * 9.0;
        let _ = write!(
            svg,
            "<path class=\"plot-arrow\" d=\"M{x:.1} {y:.1}L{back:.1} {:.1}L{back:.1} {:.1}Z\" fill=\"#1a63b8\"/>",
            y - 5.0,
            y + 5.0
        );
    } else {
        let _ = write!(
            svg,
            "<line class=\"plot-line\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#1a63b8\" \
             stroke-width=\"2\"/>",
            y - 4.0,
            y + 4.0
        );
    }
}

fn draw_axis(svg: &mut String, scale: &Scale, y: f64) {
    for tick in scale.ticks() {
        let label = if scale.share { format!("{:.0} %", tick * 100.0) } else { format!("{tick:.0}") };
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"12\" \
             fill=\"#57606a\">{label}</text>",
            scale.x(tick),
            y + 16.0
        );
    }
}

fn value_in_words(row: &Row, scale: &Scale) -> String {
    let Some(rating) = row.rating else { return "no rating".to_owned() };
    let rating = scale.words(rating);
    match row.interval.as_ref().map(|interval| (interval.low, interval.high)) {
        None => format!("{rating}, no interval"),
        Some((None, None)) => format!("{rating}, no bounds"),
        Some((Some(low), None)) => format!("{rating}, from {}", scale.words(low)),
        Some((None, Some(high))) => format!("{rating}, up to {}", scale.words(high)),
        Some((Some(low), Some(high))) => {
            let low = scale.words(low);
            format!("{rating} [{}, {}]", low.trim_end_matches(" %"), scale.words(high))
        }
    }
}

fn row_in_words(row: &Row, scale: &Scale) -> String {
    let mut words = format!("{}: {}", row.system, value_in_words(row, scale));
    if let Some(why) = &row.undefined {
        let _ = write!(words, " ({why})");
    }
    if row.regularised {
        words.push_str(" (held finite by a prior)");
    }
    words
}

fn in_words(board: &Leaderboard, scale: &Scale) -> String {
    let rows = board.boards.iter().flat_map(|board| &board.rows).take(MAX_ROWS);
    let rows: Vec<String> = rows.map(|row| row_in_words(row, scale)).collect();
    if rows.is_empty() { "Nothing is rated yet.".to_owned() } else { rows.join("; ") }
}

/// Text inside an element or a quoted attribute; characters that XML does not know are left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ui::samples;

    #[test]
    fn an_open_end_is_an_arrow_and_a_closed_one_a_bar() {
        let svg = leaderboard_svg(&samples::leaderboard());
        assert_eq!(svg.matches("plot-arrow").count(), 2, "one system has no upper bound, one no lower: {svg}");
        assert!(svg.contains("1210, from 1080"));
        assert!(svg.contains("no rating: no rated comparison"));
    }

    #[test]
    fn the_plot_is_well_formed_xml_whatever_the_systems_are_called() {
        let mut board = samples::leaderboard();
        for (i, row) in board.boards[0].rows.iter_mut().enumerate() {
            row.system = samples::HOSTILE[i % samples::HOSTILE.len()].to_owned() + "\u{0}\u{1b}";
        }
        let svg = leaderboard_svg(&board);
        let mut reader = quick_xml::Reader::from_str(&svg);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag)) => {
                    let name = AsRef::<str>::as_ref(&tag.name()).to_owned();
                    assert!(
                        ["svg", "title", "desc", "rect", "text", "line", "g", "circle", "path"]
                            .contains(&name.as_str()),
                        "{name}"
                    );
                    for attribute in tag.attributes() {
                        let attribute = attribute.unwrap();
                        assert!(!AsRef::<str>::as_ref(&attribute.key).starts_with("on"), "{svg}");
                    }
                }
                Ok(_) => {}
                Err(error) => panic!("{error}: {svg}"),
            }
        }
    }

    #[test]
    fn an_empty_leaderboard_says_so() {
        for boards in [vec![], vec![Board { rows: vec![], ..samples::leaderboard().boards.remove(0) }]] {
            let svg = leaderboard_svg(&Leaderboard { boards, ..samples::leaderboard() });
            assert!(svg.contains("Nothing is rated yet."));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn hundreds_of_systems_are_drawn_up_to_a_limit_and_the_rest_is_counted() {
        let mut board = samples::leaderboard();
        let row = board.boards[0].rows[1].clone();
        board.boards[0].rows = vec![row; 500];
        let svg = leaderboard_svg(&board);
        assert_eq!(svg.matches("<circle").count(), MAX_ROWS);
        assert!(svg.contains("and 440 more systems"));
        assert!(svg.len() < 60_000, "{}", svg.len());
    }
}
