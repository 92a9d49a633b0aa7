//! The little of style sheets that decides whether words are seen: rules that hide, whiten or paint.

use scraper::{ElementRef, Html, Selector};

/// Rules that are applied; each is tried on every element.
const MAX_RULES: usize = 100;
/// Bytes of style sheets that are looked at.
const MAX_BYTES: usize = 1 << 20;

/// What of an element's look matters.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Look {
    pub hidden: Option<&'static str>,
    /// White letters.
    pub white: bool,
    /// A ground that is not white, or not known.
    pub painted: bool,
}

impl Look {
    fn over(self, other: Self) -> Self {
        Self {
            hidden: self.hidden.or(other.hidden),
            white: self.white || other.white,
            painted: self.painted || other.painted,
        }
    }
}

/// The rules of a page that matter.
#[derive(Default)]
pub(super) struct Sheet(Vec<(Selector, Look)>);

impl Sheet {
    pub fn read(document: &Html) -> Self {
        let mut rules = Vec::new();
        let Ok(styles) = Selector::parse("style") else { return Self::default() };
        for style in document.select(&styles) {
            let text: String = style.text().collect();
            if text.len() > MAX_BYTES {
                continue;
            }
            for (selectors, declarations) in blocks(&text) {
                let look = declared(declarations);
                if look == Look::default() || rules.len() >= MAX_RULES {
                    continue;
                }
                if let Ok(selector) = Selector::parse(selectors) {
                    rules.push((selector, look));
                }
            }
        }
        Self(rules)
    }

    pub fn look(&self, element: ElementRef<'_>) -> Look {
        let value = element.value();
        let mut look = value.attr("style").map(declared).unwrap_or_default();
        for (selector, rule) in &self.0 {
            if selector.matches(&element) {
                look = look.over(*rule);
            }
        }
        look.painted |= value.attr("bgcolor").is_some_and(|c| !is_white(c)) || value.attr("background").is_some();
        look.white |= value.name() == "font" && value.attr("color").is_some_and(is_white);
        if value.attr("hidden").is_some() || (value.name() == "dialog" && value.attr("open").is_none()) {
            look.hidden = look.hidden.or(Some("not displayed"));
        }
        look
    }
}

/// Selectors and declarations of the rules that always apply: those in `@` blocks are left out.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        // Comments before the selector.
        let head = rest.get(..open).unwrap_or("");
        let head = head.rsplit_once("*/").map_or(head, |(_, after)| after);
        let head = head.rsplit_once(';').map_or(head, |(_, after)| after).trim();
        let mut depth = 0usize;
        let mut end = rest.len();
        for (at, byte) in rest.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                end = at;
                break;
            }
        }
        if !head.starts_with('@') {
            found.push((head, rest.get(open + 1..end).unwrap_or("")));
        }
        rest = rest.get(end + 1..).unwrap_or("");
    }
    found
}

fn declared(style: &str) -> Look {
    let mut look = Look::default();
    let (mut flat, mut clipped) = (false, false);
    for declaration in style.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase());
        let value = value.trim_end_matches("!important").trim();
        let number =
            || value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').trim().parse::<f64>().ok();
        let hides = match (name.as_str(), value) {
            ("display", "none") => Some("not displayed"),
            ("visibility", "hidden" | "collapse") => Some("marked as hidden"),
            ("opacity", _) if number().is_some_and(|n| n <= 0.05) => Some("transparent"),
            ("font-size", _) if number() == Some(0.0) => Some("of no size"),
            ("font-size", v) if (v.ends_with("px") || v.ends_with("pt")) && number().is_some_and(|n| n <= 3.0) => {
                Some("3 points or smaller")
            }
            ("left" | "top" | "text-indent" | "margin-left", v) if v.ends_with("px") || v.ends_with("em") => {
                number().is_some_and(|n| n <= -900.0).then_some("off the page")
            }
            ("color", "transparent") => Some("transparent"),
            ("clip", v) if v.replace([' ', ','], "").starts_with("rect(0000") => Some("clipped away"),
            ("transform", v) if v.replace(' ', "") == "scale(0)" => Some("of no size"),
            _ => None,
        };
        look.hidden = look.hidden.or(hides);
        match name.as_str() {
            "color" => look.white = is_white(value),
            "background" | "background-color" | "background-image" => {
                look.painted |= !(is_white(value) || matches!(value, "none" | "transparent" | "inherit" | "initial"));
            }
            "height" | "max-height" | "width" | "max-width" => flat |= number() == Some(0.0),
            "overflow" => clipped |= value == "hidden",
            _ => {}
        }
    }
    if flat && clipped {
        look.hidden = look.hidden.or(Some("of no size"));
    }
    look
}

fn is_white(color: &str) -> bool {
    let color: String = color.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    matches!(color.as_str(), "white" | "#fff" | "#ffffff" | "#fefefe" | "rgb(255,255,255)" | "rgba(255,255,255,1)")
}
