//! What a cell's style says of its number and of whether anybody sees its text (ECMA-376 part 1, 18.8).

use std::collections::HashMap;
use std::rc::Rc;

use crate::document::numfmt::Format;
use crate::document::xml::Element;

/// Points below which text is a speck.
const TINY_POINTS: f64 = 3.0;

#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    pub format: Rc<Format>,
    /// Why the text cannot be seen: `white text`, `1 point text`.
    pub unseen: Option<&'static str>,
}

/// By the cell's style index.
#[derive(Debug, Default)]
pub(super) struct Styles(Vec<Style>);

impl Styles {
    pub fn get(&self, index: usize) -> Option<&Style> {
        self.0.get(index)
    }

    pub fn read(root: &Element<'_>) -> Self {
        let mut formats: HashMap<u32, Rc<Format>> = HashMap::new();
        for format in root.child("numFmts").iter().flat_map(|f| f.children_named("numFmt")) {
            let id: Option<u32> = format.attribute("numFmtId").and_then(|i| i.parse().ok());
            if let (Some(id), Some(code)) = (id, format.attribute("formatCode")) {
                formats.insert(id, Rc::new(Format::of_code(&code)));
            }
        }
        let fonts: Vec<(Option<Color>, bool)> = root
            .child("fonts")
            .iter()
            .flat_map(|f| f.children_named("font"))
            .map(|font| {
                let size: Option<f64> = font.val("sz").and_then(|s| s.parse().ok());
                (font.child("color").and_then(Color::of), size.is_some_and(|s| s < TINY_POINTS))
            })
            .collect();
        let fills: Vec<Option<Color>> = root
            .child("fills")
            .iter()
            .flat_map(|f| f.children_named("fill"))
            .map(|fill| match fill.child("patternFill") {
                Some(pattern) => match pattern.attribute("patternType").as_deref() {
                    None | Some("none") => Some(Color::WHITE),
                    Some("solid") => pattern.child("fgColor").and_then(Color::of),
                    Some(_) => None,
                },
                // A gradient has no one colour.
                None => None,
            })
            .collect();
        let xfs = root.child("cellXfs");
        let styles = xfs.iter().flat_map(|f| f.children_named("xf")).map(|xf| {
            let number = |name: &str| xf.attribute(name).and_then(|i| i.parse::<u32>().ok()).unwrap_or(0);
            let id = number("numFmtId");
            let format = formats.entry(id).or_insert_with(|| Rc::new(Format::of_id(id))).clone();
            let (color, tiny) = fonts.get(number("fontId") as usize).cloned().unwrap_or_default();
            let ground = fills.get(number("fillId") as usize).cloned().unwrap_or(Some(Color::WHITE));
            let unseen = match (color, ground) {
                _ if tiny => Some("text smaller than 3 points"),
                (Some(color), Some(ground)) if color == ground => Some("text in the colour of its background"),
                _ => None,
            };
            Style { format, unseen }
        });
        Self(styles.collect())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Color {
    Rgb(u32),
    /// A colour of the theme or of the old palette, with its tint, as written.
    Named(String),
}

impl Color {
    const WHITE: Self = Self::Rgb(0xff_ff_ff);

    fn of(element: &Element<'_>) -> Option<Self> {
        if let Some(rgb) = element.attribute("rgb") {
            let value = u32::from_str_radix(&rgb, 16).ok()?;
            return Some(Self::Rgb(value & 0xff_ff_ff));
        }
        let tint = element.attribute("tint").filter(|t| t.parse::<f64>().is_ok_and(|t| t != 0.0));
        match (element.attribute("theme"), element.attribute("indexed"), tint) {
            // The first colour of a theme is the light one; the palette's 1 and 9 are white, 65 is the window.
            (Some(theme), _, None) if theme == "0" => Some(Self::WHITE),
            (None, Some(index), None) if matches!(index.as_ref(), "1" | "9" | "65") => Some(Self::WHITE),
            (Some(theme), _, tint) => Some(Self::Named(format!("theme {theme} {}", tint.unwrap_or_default()))),
            (None, Some(index), tint) => Some(Self::Named(format!("index {index} {}", tint.unwrap_or_default()))),
            (None, None, _) => None,
        }
    }
}
