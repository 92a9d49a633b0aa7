//! List markers: bullets become `-`, numbers are counted as Word counts them.

use std::collections::HashMap;

use crate::document::xml::Element;

#[derive(Debug, Clone)]
struct Level {
    format: String,
    text: String,
    start: u64,
}

#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// numId to abstract id.
    lists: HashMap<String, String>,
    levels: HashMap<String, HashMap<usize, Level>>,
    counters: HashMap<String, [Option<u64>; 9]>,
}

impl Numbering {
    pub fn read(root: &Element<'_>) -> Self {
        let mut result = Self::default();
        for list in root.children_named("abstractNum") {
            let Some(id) = list.attribute("abstractNumId") else { continue };
            let levels = list.children_named("lvl").filter_map(|level| {
                let index: usize = level.attribute("ilvl")?.parse().ok()?;
                let start = level.val("start").and_then(|s| s.parse().ok()).unwrap_or(1);
                let text = level.val("lvlText").unwrap_or_default().into_owned();
                Some((index, Level { format: level.val("numFmt").unwrap_or_default().into_owned(), text, start }))
            });
            result.levels.insert(id.into_owned(), levels.collect());
        }
        for list in root.children_named("num") {
            let (Some(id), Some(of)) = (list.attribute("numId"), list.val("abstractNumId")) else { continue };
            result.lists.insert(id.into_owned(), of.into_owned());
        }
        result
    }

    /// The marker of the next paragraph of a list, indented by its level; empty for "no list".
    pub fn next(&mut self, list: &str, level: usize) -> String {
        if list == "0" || list.is_empty() {
            return String::new();
        }
        let level = level.min(8);
        let indent = "  ".repeat(level);
        let levels = self.lists.get(list).and_then(|of| self.levels.get(of));
        let Some(this) = levels.and_then(|l| l.get(&level)) else { return format!("{indent}- ") };
        if matches!(this.format.as_str(), "bullet" | "none" | "") {
            return format!("{indent}- ");
        }
        let counters = self.counters.entry(list.to_owned()).or_default();
        counters[level] = Some(counters[level].map_or(this.start, |n| n.saturating_add(1)));
        counters[level + 1..].fill(None);
        let mut marker = this.text.clone();
        for (index, counter) in counters.iter().enumerate().take(level + 1) {
            let Some(of) = levels.and_then(|l| l.get(&index)) else { continue };
            marker = marker.replace(&format!("%{}", index + 1), &number(counter.unwrap_or(of.start), &of.format));
        }
        format!("{indent}{marker} ")
    }
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

    #[test]
    fn numbers_are_written_as_word_writes_them() {
        assert_eq!((number(28, "upperLetter").as_str(), number(14, "lowerRoman").as_str()), ("BB", "xiv"));
    }
}
