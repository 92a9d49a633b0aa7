//! Charts in office files: title, axes, and each series with its categories and cached values, as Markdown
//! rows (DrawingML charts, ECMA-376 part 1, 21.2).

use super::draft::markdown_row;
use super::grid::content_text;
use super::numfmt::{Format, Shown, says_all};
use super::xml::{self, Element};

/// Points shown of one series; the rest is said in words.
const MAX_POINTS: usize = 500;

/// The chart as lines; empty if the part holds nothing to show.
pub(super) fn lines(part: &str, max_nesting: usize) -> Vec<String> {
    lines_with(part, max_nesting, &|_| Vec::new())
}

/// The cells that the chart's series refer to and keep no copy of, as written: `'Costs'!$B$2:$B$9`.
pub(super) fn references(part: &str) -> Vec<String> {
    let tree = xml::parse(part, 64);
    let mut found = Vec::new();
    tree.root.find_all("f", &mut found);
    found.iter().map(|f| f.text()).collect()
}

/// The chart as lines. Where it keeps no values of its own, as charts by programs that do not draw them,
/// `resolve` is asked for those of its reference: index and text.
pub(super) fn lines_with(
    part: &str,
    max_nesting: usize,
    resolve: &dyn Fn(&str) -> Vec<(usize, String)>,
) -> Vec<String> {
    let tree = xml::parse(part, max_nesting);
    let Some(chart) = tree.root.child("chart") else { return Vec::new() };
    let points = |holder: &Element<'_>| points(holder, resolve);
    let title = chart.child("title").map(|t| rich_text(t, resolve)).filter(|t| !t.is_empty());
    let mut lines = Vec::new();
    let Some(area) = chart.child("plotArea") else { return lines };
    let kinds: Vec<&str> = area.elements().map(Element::name).filter(|n| n.ends_with("Chart")).collect();
    let mut head = format!("[chart: {}", if kinds.is_empty() { "unknown kind".to_owned() } else { kinds.join(", ") });
    if let Some(title) = title {
        head.push_str(&format!(", title \"{title}\""));
    }
    for axis in area.elements().filter(|e| e.name().ends_with("Ax")) {
        if let Some(text) = axis.child("title").map(|t| rich_text(t, resolve)).filter(|t| !t.is_empty()) {
            head.push_str(&format!(", axis \"{text}\""));
        }
    }
    head.push(']');
    lines.push(head);
    let mut series = Vec::new();
    area.find_all("ser", &mut series);
    for one in series {
        let name = one
            .child("tx")
            .map(|t| points(t).into_iter().map(|p| p.1).collect::<Vec<_>>().join(" "))
            .unwrap_or_default();
        let name = if name.trim().is_empty() { "series".to_owned() } else { name };
        let categories = one.child("cat").or_else(|| one.child("xVal")).map(points).unwrap_or_default();
        let values = one.child("val").or_else(|| one.child("yVal")).map(points).unwrap_or_default();
        let label = |index: usize| categories.iter().find(|(i, _)| *i == index).map_or("", |(_, text)| text.as_str());
        lines.push(markdown_row(["category", name.trim()]));
        for (index, value) in values.iter().take(MAX_POINTS) {
            lines.push(markdown_row([label(*index), value.as_str()]));
        }
        if values.len() > MAX_POINTS {
            lines.push(format!("[cut: {} more points of '{}']", values.len() - MAX_POINTS, name.trim()));
        }
    }
    lines
}

fn rich_text(title: &Element<'_>, resolve: &dyn Fn(&str) -> Vec<(usize, String)>) -> String {
    let mut found = Vec::new();
    title.find_all("t", &mut found);
    if found.is_empty() {
        title.find_all("v", &mut found);
    }
    let text: String = found.iter().map(|t| t.text()).collect();
    if text.trim().is_empty() {
        let looked_up: Vec<String> = points(title, resolve).into_iter().map(|p| p.1).collect();
        return looked_up.join(" ");
    }
    text.trim().to_owned()
}

/// A kept number as the chart shows it, with the exact one where that says less. Programs keep `148.0` for 148.
fn shown(kept: String, format: &Format) -> String {
    let Some(number) = kept.trim().parse::<f64>().ok().filter(|number| number.is_finite()) else { return kept };
    let Shown { content, text } = format.show(number, false);
    match text {
        None => content_text(&content),
        Some(text) if says_all(&text, number) => text,
        Some(text) => format!("{text} ({})", content_text(&content)),
    }
}

/// Cached points by index, or else those of the cells that are referred to.
fn points(holder: &Element<'_>, resolve: &dyn Fn(&str) -> Vec<(usize, String)>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    holder.find_all("pt", &mut found);
    let code = holder.find("formatCode").map(|code| code.text());
    let numbers = holder.find("numCache").or_else(|| holder.find("numLit")).is_some();
    let format = Format::of_code(code.as_deref().unwrap_or_default());
    let mut points: Vec<_> = found
        .iter()
        .enumerate()
        .filter_map(|(at, pt)| {
            let index = pt.attribute("idx").and_then(|i| i.parse().ok()).unwrap_or(at);
            let text = pt.child("v")?.text();
            Some((index, if numbers { shown(text, &format) } else { text }))
        })
        .collect();
    if points.is_empty() {
        points.extend(holder.child("v").map(|v| (0, v.text())));
    }
    if points.is_empty() {
        points = holder.find("f").map(|f| resolve(&f.text())).unwrap_or_default();
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_the_chart_shows_them() {
        let series = |code: &str, values: [&str; 2]| {
            let points: String =
                values.iter().enumerate().map(|(i, v)| format!(r#"<pt idx="{i}"><v>{v}</v></pt>"#)).collect();
            let part = format!(
                "<chartSpace><chart><plotArea><barChart><ser><tx><v>Cost</v></tx><cat><strCache><pt idx=\"0\"><v>2024.0</v></pt></strCache></cat>\
                 <val><numRef><numCache><formatCode>{code}</formatCode>{points}</numCache></numRef></val></ser></barChart></plotArea></chart></chartSpace>"
            );
            lines(&part, 64)[2..].to_vec()
        };
        assert_eq!(series("General", ["148.0", "1.5"]), ["| 2024.0 | 148 |", "|  | 1.5 |"], "a text stays as it is");
        assert_eq!(series("0%", ["0.25", "0.256"]), ["| 2024.0 | 25% |", "|  | 26% (0.256) |"]);
        assert_eq!(series("#,##0", ["12000", "n/a"])[1], "|  | n/a |");
    }
}
