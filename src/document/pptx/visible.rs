//! Where shapes lie on a slide, in which order a person meets them, and why some of them nobody sees.

use std::collections::HashMap;

use crate::document::opc::Parts;
use crate::document::xml::{self, Element};

/// Shapes whose tops differ by less (EMU, a quarter of an inch) stand side by side.
const SAME_HEIGHT: i64 = 228_600;

/// EMU, from the upper left corner of the slide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

impl Area {
    fn of(transform: &Element<'_>) -> Option<Self> {
        let number = |child: &str, name: &str| transform.child(child)?.attribute(name)?.trim().parse::<i64>().ok();
        Some(Self {
            x: number("off", "x")?,
            y: number("off", "y")?,
            width: number("ext", "cx")?,
            height: number("ext", "cy")?,
        })
    }

    fn meets(&self, other: &Self) -> bool {
        let apart = |a: i64, b: i64, c: i64, d: i64| a.saturating_add(b) <= c || c.saturating_add(d) <= a;
        !apart(self.x, self.width, other.x, other.width) && !apart(self.y, self.height, other.y, other.height)
    }
}

/// What a slide inherits: where its placeholders lie, and what is painted behind its shapes.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    pub size: Option<(i64, i64)>,
    /// By type and by index.
    placeholders: HashMap<(String, String), Area>,
    /// A background that is not white.
    colored: bool,
    painted: Vec<Area>,
}

impl Ground {
    /// Reads the layout and the master behind a slide.
    pub fn behind(parts: &mut Parts<'_>, layout: Option<&str>, size: Option<(i64, i64)>, nesting: usize) -> Self {
        let mut ground = Self { size, ..Self::default() };
        let mut path = layout.map(str::to_owned);
        for parent in ["slideMaster", ""] {
            let Some(text) = path.as_deref().and_then(|path| parts.text(path).ok()) else { break };
            ground.add(&xml::parse(&text, nesting).root);
            let relations = path.as_deref().map(|path| parts.relations(path)).unwrap_or_default();
            path = relations.into_iter().find(|r| r.kind == parent).map(|r| r.target);
        }
        ground
    }

    /// What a slide, layout or master paints.
    pub fn add(&mut self, root: &Element<'_>) {
        let Some(content) = root.child("cSld") else { return };
        if let Some(background) = content.child("bg") {
            let plain = background.find("srgbClr").and_then(|c| c.attribute("val")).is_none_or(|c| is_white(&c));
            let scheme = background.find("schemeClr").and_then(|c| c.attribute("val"));
            let light = scheme.is_none_or(|c| matches!(c.as_ref(), "bg1" | "lt1"));
            let picture = background.find("blip").is_some() || background.find("gradFill").is_some();
            self.colored |= !(plain && light) || picture;
        }
        for shape in content.child("spTree").iter().flat_map(|t| t.elements()) {
            let Some(area) = own_area(shape) else { continue };
            match placeholder(shape) {
                Some((kind, index)) if root.name() != "sld" => {
                    self.placeholders.entry((kind, index)).or_insert(area);
                }
                _ => {}
            }
            if paints(shape) && self.painted.len() < 2_000 {
                self.painted.push(area);
            }
        }
    }

    /// Where a shape lies, by itself or by the placeholder that it fills.
    pub fn area(&self, shape: &Element<'_>) -> Option<Area> {
        own_area(shape).or_else(|| {
            let (kind, index) = placeholder(shape)?;
            let same = |k: &str| matches!((k, kind.as_str()), ("title" | "ctrTitle", "title" | "ctrTitle"));
            let by =
                |is: &dyn Fn(&(String, String)) -> bool| self.placeholders.iter().find(|(k, _)| is(k)).map(|p| *p.1);
            by(&|k| k.1 == index && !index.is_empty() && k.0 == kind)
                .or_else(|| by(&|k| k.1 == index && !index.is_empty()))
                .or_else(|| by(&|k| k.0 == kind || same(&k.0)))
        })
    }

    /// The shapes of a slide from top to bottom, and from left to right where they stand side by side.
    pub fn in_order<'t, 'a>(&self, tree: &'t Element<'a>) -> Vec<&'t Element<'a>> {
        let mut placed: Vec<_> = tree
            .elements()
            .map(|shape| {
                let inner =
                    if shape.name() == "AlternateContent" { crate::document::docx::chosen(shape) } else { None };
                let first = inner.and_then(|i| i.elements().next()).unwrap_or(shape);
                (self.area(first), shape)
            })
            .collect();
        // Shapes of unknown place come first, as the file has them.
        placed.sort_by_key(|(area, _)| area.map_or(i64::MIN, |a| a.y));
        let mut ordered = Vec::with_capacity(placed.len());
        let mut rest = placed.into_iter().peekable();
        while let Some((area, shape)) = rest.next() {
            let mut row = vec![(area.map_or(i64::MIN, |a| a.x), shape)];
            while let Some((Some(next), _)) = rest.peek()
                && area.is_some_and(|a| next.y.saturating_sub(a.y) < SAME_HEIGHT)
            {
                row.extend(rest.next().map(|(area, shape)| (area.map_or(i64::MIN, |a| a.x), shape)));
            }
            row.sort_by_key(|(x, _)| *x);
            ordered.extend(row.into_iter().map(|(_, shape)| shape));
        }
        ordered
    }

    /// Why nobody sees a shape that stands on the slide itself.
    pub fn unseen(&self, shape: &Element<'_>) -> Option<&'static str> {
        let properties = shape.elements().find(|e| e.name().starts_with("nv")).and_then(|n| n.child("cNvPr"));
        if properties.and_then(|p| p.attribute("hidden")).is_some_and(|h| matches!(h.as_ref(), "1" | "true")) {
            return Some("marked as hidden");
        }
        let ((width, height), area) = (self.size?, self.area(shape)?);
        let outside = area.x >= width
            || area.y >= height
            || area.x.saturating_add(area.width) <= 0 && area.x < 0
            || area.y.saturating_add(area.height) <= 0 && area.y < 0;
        outside.then_some("outside the slide")
    }

    /// Whether white letters in this shape stand on white. What cannot be told is no.
    pub fn is_white_below(&self, shape: &Element<'_>) -> bool {
        let Some(area) = self.area(shape) else { return false };
        // The shape itself is among the painted ones if it paints.
        !self.colored && !paints(shape) && !self.painted.iter().any(|other| *other != area && other.meets(&area))
    }
}

/// Whether letters of these run properties are white.
pub(super) fn is_white_text(run: &Element<'_>) -> bool {
    let Some(fill) = run.child("solidFill") else { return false };
    fill.val("srgbClr").is_some_and(|c| is_white(&c))
        || fill.child("schemeClr").is_some_and(|c| {
            matches!(c.attribute("val").as_deref(), Some("bg1" | "lt1")) && c.elements().next().is_none()
        })
}

fn is_white(hex: &str) -> bool {
    u32::from_str_radix(hex, 16).is_ok_and(|c| [c >> 16, c >> 8, c].iter().all(|part| part & 0xff >= 0xf3))
}

fn own_area(shape: &Element<'_>) -> Option<Area> {
    let transform = match shape.name() {
        "graphicFrame" => shape.child("xfrm"),
        "grpSp" => shape.child("grpSpPr").and_then(|p| p.child("xfrm")),
        _ => shape.child("spPr").and_then(|p| p.child("xfrm")),
    };
    transform.and_then(Area::of)
}

/// The type and the index of the placeholder that a shape fills.
fn placeholder(shape: &Element<'_>) -> Option<(String, String)> {
    let properties = shape.elements().find(|e| e.name().starts_with("nv"))?;
    let mark = properties.child("nvPr")?.child("ph")?;
    let of = |name: &str| mark.attribute(name).map(|v| v.into_owned());
    Some((of("type").unwrap_or_else(|| "body".to_owned()), of("idx").unwrap_or_default()))
}

/// Whether a shape puts anything but white behind what stands on it.
fn paints(shape: &Element<'_>) -> bool {
    match shape.name() {
        "sp" | "cxnSp" => {
            let properties = shape.child("spPr");
            if properties.is_some_and(|p| p.child("noFill").is_some()) {
                return false;
            }
            if let Some(fill) = properties.and_then(|p| p.child("solidFill")) {
                return !fill.val("srgbClr").is_some_and(|c| is_white(&c));
            }
            let fills = ["gradFill", "blipFill", "pattFill", "grpFill"];
            properties.is_some_and(|p| fills.iter().any(|f| p.child(f).is_some()))
                || shape
                    .child("style")
                    .and_then(|s| s.child("fillRef"))
                    .is_some_and(|f| f.attribute("idx").as_deref() != Some("0"))
        }
        "pic" | "graphicFrame" | "grpSp" => true,
        _ => false,
    }
}
