//! What paragraph styles say about headings and lists, through their ancestors.

use std::collections::HashMap;

use crate::document::xml::Element;

/// What of a style matters to the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Style {
    /// 1 to 9; a document's title is 1.
    pub heading: Option<u8>,
    /// (numId, level)
    pub numbering: Option<(String, usize)>,
    pub hidden: bool,
    based_on: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
}

impl Styles {
    pub fn read(root: &Element<'_>) -> Self {
        let mut by_id = HashMap::new();
        for style in root.children_named("style") {
            let Some(id) = style.attribute("styleId") else { continue };
            let name = style.val("name").unwrap_or_default().to_ascii_lowercase();
            let properties = style.child("pPr");
            let heading = heading_by_name(&name).or_else(|| properties.and_then(outline_level));
            let numbering = properties.and_then(numbering);
            let based_on = style.val("basedOn").map(|b| b.into_owned());
            let hidden = style.child("rPr").is_some_and(|r| r.switch("vanish"));
            by_id.insert(id.into_owned(), Style { heading, numbering, hidden, based_on });
        }
        Self { by_id }
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
            result.hidden |= style.hidden;
            next = style.based_on.clone();
        }
        result
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

pub(super) fn numbering(properties: &Element<'_>) -> Option<(String, usize)> {
    let numbering = properties.child("numPr")?;
    let level = numbering.val("ilvl").and_then(|l| l.parse().ok()).unwrap_or(0);
    Some((numbering.val("numId").unwrap_or_default().into_owned(), level))
}
