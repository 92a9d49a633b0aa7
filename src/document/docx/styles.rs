//! What styles say about headings, lists and the look of letters, through their ancestors.

use std::collections::HashMap;

use crate::document::xml::Element;

use super::look::{Look, Paint, ground};

/// What of a style matters to the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Style {
    /// 1 to 9; a document's title is 1.
    pub heading: Option<u8>,
    /// (numId, level)
    pub numbering: Option<(String, Option<usize>)>,
    pub look: Look,
    /// What the paragraph's or the table's ground is painted with.
    pub ground: Option<Paint>,
    /// A control's words before it is filled in.
    pub placeholder: bool,
    /// The name of somebody who is called upon.
    pub mention: bool,
    based_on: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
    paragraphs: Option<String>,
    defaults: Look,
}

impl Styles {
    pub fn read(root: &Element<'_>) -> Self {
        let mut result = Self::default();
        let defaults = root.child("docDefaults").and_then(|d| d.child("rPrDefault")).and_then(|d| d.child("rPr"));
        result.defaults = defaults.map(Look::of).unwrap_or_default();
        for style in root.children_named("style") {
            let Some(id) = style.attribute("styleId") else { continue };
            let name = style.val("name").unwrap_or_default().to_ascii_lowercase();
            let kind = style.attribute("type");
            let properties = style.child("pPr");
            let default = style.attribute("default").is_some_and(|d| matches!(d.as_ref(), "1" | "true" | "on"));
            if default && kind.as_deref() == Some("paragraph") {
                result.paragraphs = Some(id.clone().into_owned());
            }
            let painted = if kind.as_deref() == Some("table") {
                // Which rows and columns it paints depends on switches: any colour makes all grounds unknown.
                let mut shades = Vec::new();
                style.find_all("shd", &mut shades);
                let fills = shades.iter().filter_map(|s| s.attribute("fill"));
                let mut fills = fills.filter(|f| !f.eq_ignore_ascii_case("auto") && !f.eq_ignore_ascii_case("ffffff"));
                fills.next().map(|_| Paint::Unknown)
            } else {
                properties.and_then(ground)
            };
            let style = Style {
                heading: heading_by_name(&name).or_else(|| properties.and_then(outline_level)),
                numbering: properties.and_then(numbering),
                look: style.child("rPr").map(Look::of).unwrap_or_default(),
                ground: painted,
                placeholder: name == "placeholder text",
                mention: matches!(name.as_str(), "mention" | "@mention"),
                based_on: style.val("basedOn").map(|b| b.into_owned()),
            };
            result.by_id.insert(id.into_owned(), style);
        }
        result
    }

    /// A style with what it inherits.
    pub fn get(&self, id: &str) -> Style {
        let mut result = Style::default();
        let mut next = Some(id.to_owned());
        // A style may name itself as its ancestor in a damaged file.
        for _ in 0..12 {
            let Some(style) = next.take().and_then(|id| self.by_id.get(&id)) else { break };
            result.heading = result.heading.or(style.heading);
            result.numbering = result.numbering.or_else(|| style.numbering.clone());
            result.look = result.look.over(style.look);
            result.ground = result.ground.or(style.ground);
            result.placeholder |= style.placeholder;
            result.mention |= style.mention;
            next = style.based_on.clone();
        }
        result
    }

    /// A paragraph's style; without a name, the usual one.
    pub fn paragraph(&self, id: Option<&str>) -> Style {
        let mut style = id.or(self.paragraphs.as_deref()).map(|id| self.get(id)).unwrap_or_default();
        style.look = style.look.over(self.defaults);
        style
    }
}

fn heading_by_name(name: &str) -> Option<u8> {
    if name == "title" {
        return Some(1);
    }
    let level: u8 = name.strip_prefix("heading ")?.trim().parse().ok()?;
    (1..=9).contains(&level).then_some(level)
}

pub(super) fn outline_level(properties: &Element<'_>) -> Option<u8> {
    let level: u8 = properties.val("outlineLvl")?.parse().ok()?;
    (level < 9).then_some(level + 1)
}

/// The list and, where it is said, the level.
pub(super) fn numbering(properties: &Element<'_>) -> Option<(String, Option<usize>)> {
    let numbering = properties.child("numPr")?;
    let level = numbering.val("ilvl").and_then(|l| l.parse().ok());
    Some((numbering.val("numId").unwrap_or_default().into_owned(), level))
}
