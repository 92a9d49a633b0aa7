//! Score against cost: who is worth what. Filled dots are on the front: nobody is as good and as cheap. The axis of cost
//! is logarithmic where costs differ by more than ten times. SVG without script or style sheet.

use std::fmt::Write;

use super::plot::{FONT, escape};
use super::words::{clip, usd};
use crate::ranking::systems::{Pareto, Point};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 330.0;

/// Of a letter of a name, about; and how far names reach above and below the line that they stand on.
const LETTER: f64 = 8.0;
const ABOVE: f64 = 13.0;
const BELOW: f64 = 5.0;

/// Whether a line through these corners, from left to right, goes through a box.
fn crosses(corners: &[(f64, f64)], (left, right): (f64, f64), (top, bottom): (f64, f64)) -> bool {
    corners.windows(2).any(|pair| {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        let (from, to) = (x1.max(left), x2.min(right));
        if from > to {
            return false;
        }
        let at = |x: f64| if x2 > x1 { y1 + (y2 - y1) * (x - x1) / (x2 - x1) } else { y1 };
        at(from).min(at(to)) <= bottom && at(from).max(at(to)) >= top
    })
}

struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    fn of_costs(points: &[Point]) -> Self {
        let low = points.iter().map(|point| point.cost_usd).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point.cost_usd).fold(0.0, f64::max);
        if low > 0.0 && high > low * 10.0 {
            return Self { low: low / 1.5, high: high * 1.5, log: true };
        }
        Self { low: 0.0, high: if high > 0.0 { high * 1.1 } else { 1.0 }, log: false }
    }

    fn share(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
            return (first..=last).map(|power| 10f64.powi(power)).collect();
        }
        let rough = (self.high - self.low) / 4.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|s| *s >= rough).unwrap_or(rough);
        (0..10).map(|n| f64::from(n) * step).take_while(|tick| *tick <= self.high).collect()
    }
}

/// The plot of score against cost.
#[must_use]
pub fn pareto_svg(pareto: &Pareto) -> String {
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"pareto-title\" {FONT}><title id=\"pareto-title\">Mean score \
         against the mean cost of a task</title>\
         <rect class=\"plot-ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>"
    );
    if let Some(why) = &pareto.undefined {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"30\" fill=\"#57606a\">No plot of score against cost: {}.</text></svg>",
            escape(why)
        );
        return svg;
    }
    let costs = Axis::of_costs(&pareto.points);
    let scores = Axis { low: pareto.points.iter().map(|point| point.score).fold(0.0, f64::min), high: 1.0, log: false };
    let x = |cost: f64| LEFT + costs.share(cost) * (RIGHT - LEFT);
    let y = |score: f64| BOTTOM - scores.share(score.min(1.0)) * (BOTTOM - TOP);
    for score in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let y = y(score);
        let _ = write!(
            svg,
            "<line class=\"plot-grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#d8dee4\"/>\
             <text class=\"plot-quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"12\" fill=\"#57606a\">{:.0} %</text>",
            LEFT - 8.0,
            y + 4.0,
            score * 100.0
        );
    }
    for tick in costs.ticks() {
        let x = x(tick);
        let _ = write!(
            svg,
            "<line class=\"plot-grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\" stroke=\"#d8dee4\"/>\
             <text class=\"plot-quiet\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"12\" fill=\"#57606a\">{}</text>",
            BOTTOM + 18.0,
            escape(&usd(Some(tick)))
        );
    }
    let _ = write!(
        svg,
        "<text class=\"plot-quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"12\" fill=\"#57606a\">mean \
         cost of a task{}</text>",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 40.0,
        if costs.log { " (logarithmic)" } else { "" }
    );
    let mut front: Vec<&Point> = pareto.points.iter().filter(|point| point.on_front).collect();
    front.sort_by(|a, b| a.cost_usd.total_cmp(&b.cost_usd));
    let corners: Vec<(f64, f64)> = front.iter().map(|p| (x(p.cost_usd), y(p.score))).collect();
    let path: Vec<String> = corners.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let _ = write!(
        svg,
        "<path class=\"plot-line\" d=\"M{}\" fill=\"none\" stroke=\"#1a63b8\" stroke-dasharray=\"4 4\"/>",
        path.join("L")
    );
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for point in &pareto.points {
        let (x, y) = (x(point.cost_usd), y(point.score));
        let name = clip(&point.system, 18);
        let end = x + 11.0 + name.chars().count() as f64 * LETTER;
        // A name that would stand on another one, or on the line, goes below it: right of a point the front only rises.
        let mut label = y + 4.5;
        while taken.iter().any(|(other_x, other)| (other - label).abs() < 14.0 && (other_x - x).abs() < 150.0)
            || crosses(&corners, (x + 9.0, end), (label - ABOVE, label + BELOW))
        {
            label += 1.0;
        }
        taken.push((x, label));
        let (class, fill) = if point.on_front { ("plot-dot", "#1a63b8") } else { ("plot-dot plot-hollow", "#ffffff") };
        let _ = write!(
            svg,
            "<g><title>{}: {:.1} % for {}</title><circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" \
             fill=\"{fill}\" stroke=\"#1a63b8\" stroke-width=\"2\"/><text class=\"plot-name\" x=\"{:.1}\" y=\"{label:.1}\" \
             fill=\"#1f2328\">{}</text></g>",
            escape(&point.system),
            point.score * 100.0,
            escape(&usd(Some(point.cost_usd))),
            x + 11.0,
            escape(&name)
        );
    }
    if !pareto.left_out.is_empty() {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"{:.1}\" font-size=\"12\" fill=\"#57606a\">Without a cost or a score: {}</text>",
            HEIGHT - 8.0,
            escape(&clip(&pareto.left_out.join(", "), 100))
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_runs_through_no_name_but_the_ends_it_starts_from() {
        let point =
            |system: &str, cost_usd, score, on_front| Point { system: system.to_owned(), score, cost_usd, on_front };
        let points = vec![
            point("a-system-with-a-name", 1.0, 0.40, true),
            point("another-system-1", 1.2, 0.42, true),
            point("a-third", 4.0, 0.46, true),
            point("under-the-line", 2.0, 0.43, false),
        ];
        let svg = pareto_svg(&Pareto { points, left_out: vec![], undefined: None });
        let attribute = |part: &str, name: &str| -> f64 {
            part.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let path = svg.split(" d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let corners: Vec<(f64, f64)> = path
            .split('L')
            .map(|pair| pair.split_once(' ').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        let names: Vec<&str> = svg.split("<text class=\"plot-name\"").skip(1).collect();
        assert_eq!((corners.len(), names.len()), (3, 4));
        for name in names {
            let (x, y) = (attribute(name, "x"), attribute(name, "y"));
            let letters = name.split(['>', '<']).nth(1).unwrap().chars().count() as f64;
            assert!(!crosses(&corners, (x, x + 7.0 * letters), (y - 10.0, y + 3.0)), "{name}");
        }
    }

    #[test]
    fn a_line_crosses_a_box_that_it_goes_through() {
        let rising = [(0.0, 100.0), (100.0, 0.0)];
        assert!(crosses(&rising, (40.0, 60.0), (40.0, 60.0)));
        assert!(!crosses(&rising, (60.0, 90.0), (50.0, 60.0)));
        assert!(!crosses(&rising, (110.0, 190.0), (0.0, 100.0)));
        assert!(!crosses(&rising[..1], (0.0, 100.0), (0.0, 100.0)), "one point is no line");
    }
}
