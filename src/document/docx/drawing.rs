//! Drawings in the text: pictures, shapes and their texts, charts, diagrams, objects of other programs.

use std::collections::HashMap;

use crate::document::xml::{self, Element};

use super::inline::Inline;
use super::look::Paint;

/// The longest way (EMU, 22 inches) that a page is wide or high: what begins farther off is on no page.
const OFF_PAGE: i64 = 22 * 914_400;

/// The text in a shape.
pub(super) struct TextBox<'t, 'a> {
    pub content: &'t Element<'a>,
    pub ground: Paint,
    /// Why nobody sees it.
    pub unseen: Option<&'static str>,
}

/// What a program that knows all newer forms shows of an `mc:AlternateContent`.
pub(in crate::document) fn chosen<'t, 'a>(alternatives: &'t Element<'a>) -> Option<&'t Element<'a>> {
    alternatives.child("Choice").filter(|c| c.elements().next().is_some()).or_else(|| alternatives.child("Fallback"))
}

#[derive(Default)]
struct Found {
    about: Vec<String>,
    words: Vec<String>,
}

/// Takes a drawing's parts into the paragraph that holds it.
pub(super) fn collect<'t, 'a>(drawing: &'t Element<'a>, page: Paint, out: &mut Inline<'t, 'a>) {
    let (pictures, others) = (out.images.len(), out.charts.len() + out.diagrams.len() + out.objects.len());
    let mut found = Found::default();
    walk(drawing, (page, Paint::Unknown), None, &mut found, out);
    let kind = if out.images.len() > pictures {
        "picture"
    } else if out.charts.len() + out.diagrams.len() + out.objects.len() > others {
        "figure"
    } else {
        "drawing"
    };
    found.about.dedup();
    if !found.about.is_empty() {
        out.text.push_str(&format!("[{kind}: {}]", found.about.join("; ")));
    } else if kind == "picture" {
        out.text.push_str("[picture]");
    }
    for words in found.words {
        out.text.push_str(&format!("[{words}]"));
    }
}

fn walk<'t, 'a>(
    element: &'t Element<'a>,
    (page, ground): (Paint, Paint),
    unseen: Option<&'static str>,
    found: &mut Found,
    out: &mut Inline<'t, 'a>,
) {
    let id = |name: &str| element.attribute(name).map(|id| id.into_owned());
    let (mut ground, mut unseen) = (ground, unseen);
    match element.name() {
        "docPr" | "cNvPr" => {
            let said = ["descr", "title"].iter().filter_map(|a| element.attribute(a)).map(|t| t.trim().to_owned());
            found.about.extend(said.filter(|t| !t.is_empty()).take(1));
        }
        "anchor" => {
            let properties = element.child("docPr");
            if properties.and_then(|p| p.attribute("hidden")).is_some_and(|h| matches!(h.as_ref(), "1" | "true")) {
                unseen = Some("in a shape that is marked as hidden");
            } else if is_off_page(element) {
                unseen = Some("in a shape off the page");
            }
        }
        "blip" => out.images.extend(id("embed").or_else(|| id("link"))),
        "imagedata" => out.images.extend(id("id")),
        "chart" => out.charts.extend(id("id")),
        "relIds" => out.diagrams.extend(id("dm")),
        "OLEObject" => {
            let program = element.attribute("ProgID").unwrap_or_default().into_owned();
            out.objects.extend(id("id").map(|id| (id, program)));
        }
        "textpath" => found.words.extend(id("string").map(|text| format!("lettering: {text}"))),
        "shape" | "rect" => {
            found.about.extend(id("alt").filter(|t| !t.trim().is_empty()));
            let style = element.attribute("style").unwrap_or_default().replace(' ', "").to_ascii_lowercase();
            if style.contains("visibility:hidden") || style.contains("display:none") {
                unseen = Some("in a shape that is marked as hidden");
            }
            ground = match (id("fillcolor"), id("filled").as_deref()) {
                (_, Some("f" | "false")) => page,
                (Some(color), _) => Paint::parse(&color),
                _ => Paint::Unknown,
            };
        }
        "wsp" | "sp" => {
            let properties = element.child("spPr");
            ground = match properties {
                Some(p) if p.child("noFill").is_some() => page,
                Some(p) => {
                    let fill = p.child("solidFill").and_then(|f| f.val("srgbClr"));
                    fill.map_or(Paint::Unknown, |c| Paint::parse(&c))
                }
                None => Paint::Unknown,
            };
        }
        "txbxContent" => return out.boxes.push(TextBox { content: element, ground, unseen }),
        // Shapes of a locked drawing keep their texts as slides do.
        "txBody" => {
            let mut paragraphs = Vec::new();
            element.find_all("p", &mut paragraphs);
            let lines = paragraphs.iter().map(|p| {
                let mut texts = Vec::new();
                p.find_all("t", &mut texts);
                texts.iter().map(|t| t.text()).collect::<String>()
            });
            let text = lines.filter(|l| !l.trim().is_empty()).collect::<Vec<_>>().join(" / ");
            return found.words.extend((!text.is_empty()).then_some(text));
        }
        "AlternateContent" => {
            return chosen(element).into_iter().for_each(|c| walk(c, (page, ground), unseen, found, out));
        }
        _ => {}
    }
    element.elements().for_each(|child| walk(child, (page, ground), unseen, found, out));
}

/// Whether an anchored drawing lies beside every page.
fn is_off_page(anchor: &Element<'_>) -> bool {
    let size = anchor.child("extent");
    [("positionH", "cx"), ("positionV", "cy")].iter().any(|(position, length)| {
        let Some(position) = anchor.child(position) else { return false };
        let offset: Option<i64> = position.child("posOffset").and_then(|o| o.text().trim().parse().ok());
        let length: i64 = size.and_then(|s| s.attribute(length)).and_then(|l| l.parse().ok()).unwrap_or(0);
        let of_page = position.attribute("relativeFrom").as_deref() == Some("page");
        offset.is_some_and(|o| o > OFF_PAGE || o.saturating_add(length) < if of_page { 1 } else { -OFF_PAGE })
    })
}

/// The texts of a SmartArt diagram, as a list with its levels.
pub(in crate::document) fn diagram_lines(part: &str, max_nesting: usize) -> Vec<String> {
    let tree = xml::parse(part, max_nesting);
    let mut found = Vec::new();
    tree.root.find_all("pt", &mut found);
    let mut points: HashMap<String, String> = HashMap::new();
    let mut order = Vec::new();
    for point in found {
        let Some(id) = point.attribute("modelId").map(|i| i.into_owned()) else { continue };
        let mut paragraphs = Vec::new();
        point.find_all("p", &mut paragraphs);
        let lines = paragraphs.iter().map(|p| {
            let mut texts = Vec::new();
            p.find_all("t", &mut texts);
            texts.iter().map(|t| t.text()).collect::<String>().trim().to_owned()
        });
        let mut text = lines.filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" / ");
        if text.is_empty() {
            let mut texts = Vec::new();
            point.find_all("t", &mut texts);
            text = texts.iter().filter(|t| t.elements().next().is_none()).map(|t| t.text()).collect();
        }
        order.push(id.clone());
        points.insert(id, text);
    }
    let mut links = Vec::new();
    tree.root.find_all("cxn", &mut links);
    let mut below: HashMap<String, Vec<(u64, String)>> = HashMap::new();
    for link in links.iter().filter(|l| l.attribute("type").is_none_or(|t| t == "parOf")) {
        let (Some(from), Some(to)) = (link.attribute("srcId"), link.attribute("destId")) else { continue };
        let at = link.attribute("srcOrd").and_then(|o| o.parse().ok()).unwrap_or(0);
        below.entry(from.into_owned()).or_default().push((at, to.into_owned()));
    }
    let mut lines = Vec::new();
    // Each point once, below the first that leads to it, whatever circles the file has.
    let children: std::collections::HashSet<&String> = below.values().flatten().map(|(_, to)| to).collect();
    let roots: Vec<&String> = order.iter().filter(|id| !children.contains(id)).collect();
    for root in roots.into_iter().chain(&order) {
        let mut open = vec![(root.clone(), 0usize)];
        while let Some((id, depth)) = open.pop() {
            let Some(text) = points.remove(&id) else { continue };
            let blank = text.trim().is_empty();
            if !blank {
                lines.push(format!("{}- {}", "  ".repeat(depth.min(9)), text.trim()));
            }
            let mut next = below.remove(&id).unwrap_or_default();
            next.sort();
            open.extend(next.into_iter().rev().map(|(_, to)| (to, if blank { depth } else { depth + 1 })));
        }
    }
    lines
}

/// The texts and values of a chart of the newer kinds (waterfall, treemap, ...), which `chart` does not know.
pub(in crate::document) fn new_chart_lines(part: &str, max_nesting: usize) -> Vec<String> {
    let tree = xml::parse(part, max_nesting);
    if tree.root.name() != "chartSpace" || tree.root.child("chartData").is_none() {
        return Vec::new();
    }
    let texts = |element: &Element<'_>, name: &str| -> Vec<String> {
        let mut found = Vec::new();
        element.find_all(name, &mut found);
        found.iter().map(|e| e.text().trim().to_owned()).filter(|t| !t.is_empty()).collect()
    };
    let chart = tree.root.child("chart");
    let title = chart.and_then(|c| c.child("title")).map(|t| texts(t, "t").join(" ")).unwrap_or_default();
    let kind = chart.and_then(|c| c.find("series")).and_then(|s| s.attribute("layoutId")).unwrap_or_default();
    let mut lines =
        vec![format!("[chart: {kind}{}]", if title.is_empty() { title } else { format!(", title \"{title}\"") })];
    for data in tree.root.child("chartData").iter().flat_map(|d| d.children_named("data")) {
        for column in data.elements() {
            let points = texts(column, "pt");
            if !points.is_empty() {
                lines.push(crate::document::draft::markdown_row(points.iter().take(500)));
            }
        }
    }
    lines
}
