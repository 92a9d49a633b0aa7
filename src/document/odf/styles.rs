//! What styles of a document say about what is seen, and how its lists count.

use std::collections::HashMap;

use crate::document::xml::Element;

#[derive(Debug, Clone, Default)]
struct Style {
    parent: Option<String>,
    hidden: Option<bool>,
    white: Option<bool>,
    tiny: Option<bool>,
    /// Any ground but white.
    painted: bool,
    hidden_slide: bool,
    list: Option<String>,
}

/// A level of a list that counts.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub start: u64,
    pub before: String,
    pub after: String,
}

#[derive(Debug, Default)]
pub(super) struct Styles {
    by_name: HashMap<String, Style>,
    lists: HashMap<(String, usize), Level>,
}

impl Styles {
    pub fn add(&mut self, root: &Element<'_>) {
        for holder in root.elements().filter(|e| matches!(e.name(), "styles" | "automatic-styles")) {
            for style in holder.elements() {
                let Some(name) = style.attribute("name").map(|n| n.into_owned()) else { continue };
                match style.name() {
                    "style" => {
                        self.by_name.insert(name, read(style));
                    }
                    "list-style" => {
                        for level in style.children_named("list-level-style-number") {
                            let of = |name: &str| level.attribute(name).map(|v| v.into_owned());
                            let Some(at) = of("level").and_then(|l| l.parse().ok()) else { continue };
                            // No format: the level shows no number.
                            if of("num-format").is_none_or(|f| f.is_empty()) {
                                continue;
                            }
                            let start = of("start-value").and_then(|s| s.parse().ok()).unwrap_or(1);
                            let after = of("num-suffix").unwrap_or_default();
                            let level = Level { start, before: of("num-prefix").unwrap_or_default(), after };
                            self.lists.insert((name.clone(), at), level);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn chain(&self, name: &str) -> impl Iterator<Item = &Style> {
        let first = self.by_name.get(name);
        // A style may name itself as its ancestor in a damaged file.
        std::iter::successors(first, |style| self.by_name.get(style.parent.as_ref()?)).take(12)
    }

    /// Why nobody sees text of this style.
    pub fn unseen(&self, name: &str) -> Option<&'static str> {
        let (mut hidden, mut white, mut tiny, mut painted) = (None, None, None, false);
        for style in self.chain(name) {
            hidden = hidden.or(style.hidden);
            white = white.or(style.white);
            tiny = tiny.or(style.tiny);
            painted |= style.painted;
        }
        if hidden == Some(true) {
            return Some("marked as hidden");
        }
        if tiny == Some(true) {
            return Some("3 points or smaller");
        }
        (white == Some(true) && !painted).then_some("white on white")
    }

    pub fn paints(&self, name: &str) -> bool {
        self.chain(name).any(|style| style.painted)
    }

    pub fn hides_slide(&self, name: &str) -> bool {
        self.chain(name).any(|style| style.hidden_slide)
    }

    pub fn list_of(&self, name: &str) -> Option<String> {
        self.chain(name).find_map(|style| style.list.clone())
    }

    pub fn level(&self, list: &str, depth: usize) -> Option<&Level> {
        self.lists.get(&(list.to_owned(), depth))
    }
}

fn read(style: &Element<'_>) -> Style {
    let mut result = Style {
        parent: style.attribute("parent-style-name").map(|p| p.into_owned()),
        list: style.attribute("list-style-name").filter(|l| !l.is_empty()).map(|l| l.into_owned()),
        ..Style::default()
    };
    for properties in style.elements() {
        let of = |name: &str| properties.attribute(name);
        match properties.name() {
            "text-properties" => {
                result.hidden = of("display").map(|d| d == "none");
                result.white = of("color").map(|c| c.eq_ignore_ascii_case("#ffffff"));
                let points = of("font-size").and_then(|s| s.strip_suffix("pt").and_then(|n| n.parse::<f64>().ok()));
                result.tiny = points.map(|p| p <= 3.0);
            }
            "drawing-page-properties" => result.hidden_slide = of("visibility").is_some_and(|v| v == "hidden"),
            _ => {}
        }
        let ground = of("background-color").filter(|c| c != "transparent" && !c.eq_ignore_ascii_case("#ffffff"));
        let fill = of("fill").filter(|f| f != "none");
        result.painted |= ground.is_some() || fill.is_some();
    }
    result
}
