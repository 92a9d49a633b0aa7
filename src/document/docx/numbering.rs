//! List markers: bullets become `-`, numbers are counted as Word counts them.

use std::collections::{HashMap, HashSet};

use crate::document::xml::Element;

#[derive(Debug, Clone, Default)]
struct Level {
    format: String,
    text: String,
    start: u64,
    /// The level after which it starts again; 0 for never, by default the one above.
    restart: Option<usize>,
    /// All numbers in it are shown as decimals.
    legal: bool,
    /// The paragraph style that belongs to it.
    style: Option<String>,
}

/// A `w:num`: a list by its definition, with levels of its own.
#[derive(Debug, Default)]
struct List {
    of: String,
    starts: HashMap<usize, u64>,
    levels: HashMap<usize, Level>,
}

#[derive(Debug, Default)]
pub(super) struct Numbering {
    lists: HashMap<String, List>,
    levels: HashMap<String, HashMap<usize, Level>>,
    /// By definition: lists of one definition go on counting.
    counters: HashMap<String, [Option<u64>; 9]>,
    /// Lists whose own starting numbers were used.
    begun: HashSet<(String, usize)>,
}

impl Numbering {
    pub fn read(root: &Element<'_>) -> Self {
        let mut result = Self::default();
        // A definition may only name a style, whose list is defined elsewhere.
        let mut by_style: HashMap<String, String> = HashMap::new();
        let mut links: HashMap<String, String> = HashMap::new();
        for list in root.children_named("abstractNum") {
            let Some(id) = list.attribute("abstractNumId").map(|i| i.into_owned()) else { continue };
            by_style.extend(list.val("styleLink").map(|style| (style.into_owned(), id.clone())));
            links.extend(list.val("numStyleLink").map(|style| (id.clone(), style.into_owned())));
            result.levels.insert(id, list.children_named("lvl").filter_map(level).collect());
        }
        for list in root.children_named("num") {
            let (Some(id), Some(of)) = (list.attribute("numId"), list.val("abstractNumId")) else { continue };
            let linked = links.get(of.as_ref()).and_then(|style| by_style.get(style));
            let mut own = List { of: linked.cloned().unwrap_or_else(|| of.into_owned()), ..List::default() };
            for changed in list.children_named("lvlOverride") {
                let Some(index) = changed.attribute("ilvl").and_then(|i| i.parse::<usize>().ok()) else { continue };
                own.starts.extend(changed.val("startOverride").and_then(|s| s.parse().ok()).map(|s| (index, s)));
                own.levels.extend(changed.child("lvl").and_then(level));
            }
            result.lists.insert(id.into_owned(), own);
        }
        result
    }

    /// The level of a list that belongs to a paragraph style.
    pub fn level_of_style(&self, list: &str, style: &str) -> Option<usize> {
        let levels = self.levels.get(&self.lists.get(list)?.of)?;
        levels.iter().find(|(_, level)| level.style.as_deref() == Some(style)).map(|(index, _)| *index)
    }

    /// The marker of the next paragraph of a list, indented by its level; empty for "no list".
    pub fn next(&mut self, id: &str, level: usize) -> String {
        if id == "0" || id.is_empty() {
            return String::new();
        }
        let level = level.min(8);
        let indent = "  ".repeat(level);
        let bullet = format!("{indent}- ");
        let Some(list) = self.lists.get(id) else { return bullet };
        let of = |index: usize| list.levels.get(&index).or_else(|| self.levels.get(&list.of)?.get(&index));
        let Some(this) = of(level) else { return bullet };
        match this.format.as_str() {
            "bullet" | "" => return bullet,
            "none" if this.text.is_empty() => return indent,
            _ => {}
        }
        let counters = self.counters.entry(list.of.clone()).or_default();
        let start = list.starts.get(&level).copied();
        if start.is_some() && self.begun.insert((id.to_owned(), level)) {
            counters[level] = None;
        }
        counters[level] = Some(counters[level].map_or(start.unwrap_or(this.start), |n| n.saturating_add(1)));
        for (deeper, counter) in counters.iter_mut().enumerate().skip(level + 1) {
            // Levels that start again only after a higher one go on.
            if of(deeper).and_then(|l| l.restart).is_none_or(|after| after > level) {
                *counter = None;
            }
        }
        let mut marker = this.text.clone();
        for (index, counter) in counters.iter().enumerate().take(level + 1) {
            let Some(of) = of(index) else { continue };
            let format = if this.legal { "decimal" } else { of.format.as_str() };
            marker = marker.replace(&format!("%{}", index + 1), &number(counter.unwrap_or(of.start), format));
        }
        format!("{indent}{} ", marker.trim())
    }
}

fn level(level: &Element<'_>) -> Option<(usize, Level)> {
    let index: usize = level.attribute("ilvl")?.parse().ok()?;
    // Formats of newer versions stand beside one that older ones know.
    let format = level.child("numFmt").or_else(|| level.child("AlternateContent")?.find("numFmt"));
    Some((
        index,
        Level {
            format: format.and_then(|f| f.attribute("val")).unwrap_or_default().into_owned(),
            text: level.val("lvlText").unwrap_or_default().chars().take(100).collect(),
            start: level.val("start").and_then(|s| s.parse().ok()).unwrap_or(1),
            restart: level.val("lvlRestart").and_then(|r| r.parse().ok()),
            legal: level.switch("isLgl"),
            style: level.val("pStyle").map(|s| s.into_owned()),
        },
    ))
}

fn number(n: u64, format: &str) -> String {
    match format {
        "lowerLetter" | "upperLetter" if n >= 1 => {
            // a, b, ... z, aa, bb: Word repeats the letter.
            let letter = char::from(b'a' + ((n - 1) % 26) as u8);
            let text = letter.to_string().repeat(usize::try_from((n - 1) / 26 + 1).unwrap_or(1).min(20));
            if format == "upperLetter" { text.to_ascii_uppercase() } else { text }
        }
        "lowerRoman" => roman(n).to_ascii_lowercase(),
        "upperRoman" => roman(n),
        "decimalZero" => format!("{n:02}"),
        "ordinal" => {
            let ending = match (n % 10, n % 100) {
                (_, 11..=13) => "th",
                (1, _) => "st",
                (2, _) => "nd",
                (3, _) => "rd",
                _ => "th",
            };
            format!("{n}{ending}")
        }
        "none" => String::new(),
        _ => n.to_string(),
    }
}

fn roman(mut n: u64) -> String {
    if n > 3999 {
        return n.to_string();
    }
    let mut text = String::new();
    let steps = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    for (value, digits) in steps {
        while n >= value {
            text.push_str(digits);
            n -= value;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::xml;

    #[test]
    fn numbers_are_written_as_word_writes_them() {
        assert_eq!((number(28, "upperLetter").as_str(), number(14, "lowerRoman").as_str()), ("BB", "xiv"));
        assert_eq!((number(22, "ordinal").as_str(), number(12, "ordinal").as_str()), ("22nd", "12th"));
    }

    #[test]
    fn lists_of_one_definition_go_on_counting_unless_they_start_anew() {
        let text = r#"<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
            <w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
            <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/></w:num>
            <w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>"#;
        let mut numbering = Numbering::read(&xml::parse(text, 64).root);
        let mut next = |list: &str, level| numbering.next(list, level);
        assert_eq!(
            [next("1", 0), next("1", 1), next("2", 0), next("2", 1), next("3", 0), next("3", 0)],
            ["1. ", "  1.a) ", "2. ", "  2.a) ", "5. ", "6. "]
        );
    }
}
