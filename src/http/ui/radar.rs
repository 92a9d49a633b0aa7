//! Where each system is strong: an axis per sector, the leader of each at the rim. A system that was not graded in a
//! sector has no point there, and its line is broken rather than drawn to the middle. SVG without script.

use std::collections::BTreeSet;
use std::f64::consts::TAU;
use std::fmt::Write;

use super::plot::{FONT, escape};
use super::words::clip;
use crate::ranking::systems::Radar;

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 470.0;
const CENTRE: (f64, f64) = (310.0, 235.0);
const RADIUS: f64 = 150.0;
/// More lines than this cannot be told apart.
const MAX_SYSTEMS: usize = 6;
/// Of colour and dash, so that lines are told apart without colour too.
const LINES: [(&str, &str); MAX_SYSTEMS] = [
    ("#1a63b8", ""),
    ("#b3541e", "7 3"),
    ("#2f7d4f", "2 3"),
    ("#7a3e9d", "9 3 2 3"),
    ("#a8323e", "4 4"),
    ("#5d6b1f", "1 4"),
];

/// The radar by sector.
#[must_use]
pub fn radar_svg(radar: &Radar) -> String {
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"radar-title\" {FONT}><title id=\"radar-title\">Mean score \
         by sector, the leader of each at 100</title>\
         <rect class=\"plot-ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>"
    );
    if let Some(why) = &radar.undefined {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"12\" y=\"30\" fill=\"#57606a\">No radar: {}.</text></svg>",
            escape(why)
        );
        return svg;
    }
    let at = |axis: usize, percent: f64| {
        let angle = TAU * axis as f64 / radar.axes.len() as f64;
        let reach = RADIUS * percent / 100.0;
        (CENTRE.0 + reach * angle.sin(), CENTRE.1 - reach * angle.cos())
    };
    for ring in [25.0, 50.0, 75.0, 100.0] {
        let corners: Vec<String> = (0..radar.axes.len())
            .map(|axis| {
                let (x, y) = at(axis, ring);
                format!("{x:.1} {y:.1}")
            })
            .collect();
        let _ = write!(
            svg,
            "<path class=\"plot-grid\" d=\"M{}Z\" fill=\"none\" stroke=\"#d8dee4\"/><text class=\"plot-quiet\" \
             x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" fill=\"#57606a\">{ring:.0}</text>",
            corners.join("L"),
            CENTRE.0 + 4.0,
            CENTRE.1 - RADIUS * ring / 100.0 + 12.0
        );
    }
    for (index, axis) in radar.axes.iter().enumerate() {
        let (x, y) = at(index, 100.0);
        let (label_x, label_y) = at(index, 112.0);
        let sideways = (label_x - CENTRE.0) / RADIUS;
        let anchor = if sideways > 0.2 {
            "start"
        } else if sideways < -0.2 {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            svg,
            "<line class=\"plot-grid\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\" stroke=\"#d8dee4\"/>\
             <g><title>{}: led by {}</title><text class=\"plot-name\" x=\"{label_x:.1}\" y=\"{:.1}\" \
             text-anchor=\"{anchor}\" font-size=\"12\" fill=\"#1f2328\">{}</text></g>",
            CENTRE.0,
            CENTRE.1,
            escape(&axis.sector),
            escape(&axis.leader),
            label_y + 4.0,
            escape(&clip(&axis.sector, 20))
        );
    }
    lines(&mut svg, radar, &at);
    svg.push_str("</svg>");
    svg
}

fn lines(svg: &mut String, radar: &Radar, at: &dyn Fn(usize, f64) -> (f64, f64)) {
    // Those who lead most often, then by name.
    let names: BTreeSet<&str> = radar.axes.iter().flat_map(|axis| axis.values.keys().map(String::as_str)).collect();
    let sum = |name: &str| radar.axes.iter().filter_map(|axis| axis.values.get(name)).sum::<f64>();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by(|a, b| sum(b).total_cmp(&sum(a)).then(a.cmp(b)));
    let axes = radar.axes.len();
    for (index, (name, (colour, dash))) in names.iter().zip(LINES).enumerate() {
        let points: Vec<Option<(f64, f64)>> = radar
            .axes
            .iter()
            .enumerate()
            .map(|(axis, of)| of.values.get(*name).map(|percent| at(axis, percent.clamp(0.0, 100.0))))
            .collect();
        let mut path = String::new();
        for axis in 0..axes {
            if let (Some(from), Some(to)) = (points[axis], points[(axis + 1) % axes]) {
                let _ = write!(path, "M{:.1} {:.1}L{:.1} {:.1}", from.0, from.1, to.0, to.1);
            }
        }
        let y = 40.0 + index as f64 * 24.0;
        let _ = write!(
            svg,
            "<g><title>{}</title><path class=\"plot-series\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" \
             stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
            escape(name)
        );
        for (x, y) in points.iter().flatten() {
            let _ =
                write!(svg, "<circle class=\"plot-point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
        }
        let _ = write!(
            svg,
            "<line class=\"plot-series\" x1=\"620\" x2=\"650\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" \
             stroke-width=\"2\" stroke-dasharray=\"{dash}\"/><text class=\"plot-name\" x=\"658\" y=\"{:.1}\" \
             fill=\"#1f2328\">{}</text></g>",
            y + 4.5,
            escape(&clip(name, 20))
        );
    }
    if names.len() > MAX_SYSTEMS {
        let _ = write!(
            svg,
            "<text class=\"plot-quiet\" x=\"620\" y=\"{:.1}\" fill=\"#57606a\">and {} more</text>",
            44.0 + MAX_SYSTEMS as f64 * 24.0,
            names.len() - MAX_SYSTEMS
        );
    }
}
