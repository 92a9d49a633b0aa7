//! What all sheets of a workbook share: their list, the texts, the number formats, the names.

use crate::document::draft::Draft;
use crate::document::opc::{Parts, Relation};
use crate::document::xml::{self, Element};
use crate::domain::{CellContent, Place};

#[derive(Debug)]
pub(super) struct SheetEntry {
    pub name: String,
    pub relation: String,
    /// `hidden` or `veryHidden`.
    pub hidden: Option<String>,
}

/// What a number means by its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Number,
    Date,
    /// Elapsed time: `[h]:mm`.
    Duration,
    /// A share, shown as per cent with so many decimals.
    Percent(u8),
}

#[derive(Debug, Default)]
pub(super) struct Workbook {
    pub sheets: Vec<SheetEntry>,
    pub strings: Vec<String>,
    /// By the cell's style index.
    meanings: Vec<Meaning>,
    pub names: Vec<(String, String)>,
    /// Days are counted from 1904 (old Macs).
    from_1904: bool,
}

impl Workbook {
    pub fn read(
        parts: &mut Parts<'_>,
        main: &str,
        relations: &[Relation],
        draft: &mut Draft<'_>,
    ) -> Result<Self, String> {
        let nesting = draft.limits.max_nesting;
        let mut workbook = Self::default();
        let text = parts.text(main)?;
        let tree = xml::parse(&text, nesting);
        if let Some(why) = tree.damage {
            draft.cut(Place::Whole, "the end of the list of sheets", why, None);
        }
        let sheets = tree.root.child("sheets");
        for sheet in sheets.iter().flat_map(|s| s.children_named("sheet")) {
            workbook.sheets.push(SheetEntry {
                name: sheet.attribute("name").unwrap_or_default().into_owned(),
                relation: sheet.attribute("id").unwrap_or_default().into_owned(),
                hidden: sheet.attribute("state").filter(|s| s != "visible").map(|s| s.into_owned()),
            });
        }
        workbook.from_1904 = tree
            .root
            .child("workbookPr")
            .and_then(|p| p.attribute("date1904"))
            .is_some_and(|v| matches!(v.as_ref(), "1" | "true"));
        for name in tree.root.child("definedNames").iter().flat_map(|n| n.children_named("definedName")) {
            let title = name.attribute("name").unwrap_or_default();
            // Excel's own names (print areas, filters) say nothing about the work.
            if !title.starts_with("_xlnm") {
                workbook.names.push((title.into_owned(), name.text()));
            }
        }
        let path = |kind: &str| relations.iter().find(|r| r.kind == kind).map(|r| r.target.clone());
        if let Some(path) = path("sharedStrings") {
            match parts.text(&path) {
                Ok(text) => {
                    let tree = xml::parse(&text, nesting);
                    workbook.strings = tree.root.children_named("si").map(rich_text).collect();
                    if let Some(why) = tree.damage {
                        draft.cut(Place::Whole, "the end of the workbook's texts", why, None);
                    }
                }
                Err(why) => draft.cut(Place::Whole, "the workbook's texts", why, None),
            }
        }
        if let Some(text) = path("styles").and_then(|path| parts.text(&path).ok()) {
            workbook.meanings = meanings(&xml::parse(&text, nesting).root);
        }
        Ok(workbook)
    }

    /// What a number looks like where its format changes it so much that a reader of the sheet would quote
    /// something else: `12.5%` for 0.125.
    pub fn looks(&self, content: &CellContent, style: usize) -> Option<String> {
        match (content, self.meanings.get(style)) {
            (CellContent::Number(n), Some(Meaning::Percent(decimals))) => {
                Some(format!("{:.*}%", usize::from(*decimals), n * 100.0))
            }
            _ => None,
        }
    }

    /// A number under its cell's style.
    pub fn number(&self, value: f64, style: usize) -> CellContent {
        let text = match self.meanings.get(style) {
            Some(Meaning::Date) => date_text(value, self.from_1904),
            Some(Meaning::Duration) => duration_text(value),
            _ => None,
        };
        text.map_or(CellContent::Number(value), CellContent::DateTime)
    }
}

/// The text of `<t>` elements, without phonetic guides.
pub(super) fn rich_text(element: &Element<'_>) -> String {
    let mut text = String::new();
    for child in element.elements() {
        match child.name() {
            "t" => text.push_str(&child.text()),
            "rPh" => {}
            "br" => text.push('\n'),
            _ => text.push_str(&rich_text(child)),
        }
    }
    unescape_excel(text)
}

/// `_x000D_` stands for a character that XML does not allow.
fn unescape_excel(text: String) -> String {
    if !text.contains("_x") {
        return text;
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("_x") {
        result.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6).filter(|_| rest.get(at + 6..at + 7) == Some("_"));
        match code.and_then(|c| u32::from_str_radix(c, 16).ok()).and_then(char::from_u32) {
            Some(c) => {
                result.push(c);
                rest = &rest[at + 7..];
            }
            None => {
                result.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    result.push_str(rest);
    result
}

fn meanings(styles: &Element<'_>) -> Vec<Meaning> {
    let mut own = std::collections::HashMap::new();
    for format in styles.child("numFmts").iter().flat_map(|f| f.children_named("numFmt")) {
        let id: Option<u32> = format.attribute("numFmtId").and_then(|i| i.parse().ok());
        if let (Some(id), Some(code)) = (id, format.attribute("formatCode")) {
            own.insert(id, meaning_of_code(&code));
        }
    }
    let formats = styles.child("cellXfs");
    formats
        .iter()
        .flat_map(|f| f.children_named("xf"))
        .map(|xf| {
            let id: u32 = xf.attribute("numFmtId").and_then(|i| i.parse().ok()).unwrap_or(0);
            own.get(&id).copied().unwrap_or(match id {
                14..=22 | 27..=36 | 45 | 47 | 50..=58 => Meaning::Date,
                46 => Meaning::Duration,
                9 => Meaning::Percent(0),
                10 => Meaning::Percent(2),
                _ => Meaning::Number,
            })
        })
        .collect()
}

/// A format with letters of dates outside quotes, brackets and escapes is a date.
fn meaning_of_code(code: &str) -> Meaning {
    let first = code.split(';').next().unwrap_or(code);
    // Plain shares only: digits, a point, the sign.
    if let Some(digits) = first.strip_suffix('%')
        && digits.chars().all(|c| matches!(c, '0' | '#' | '.' | ','))
    {
        let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
        return Meaning::Percent(u8::try_from(decimals).unwrap_or(2).min(10));
    }
    let mut chars = code.chars();
    let mut bracket: Option<String> = None;
    while let Some(c) = chars.next() {
        if let Some(inside) = &mut bracket {
            if c == ']' {
                let inside = inside.to_ascii_lowercase();
                if !inside.is_empty() && inside.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
                    return Meaning::Duration;
                }
                bracket = None;
            } else {
                inside.push(c);
            }
            continue;
        }
        match c.to_ascii_lowercase() {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => bracket = Some(String::new()),
            'd' | 'y' | 'h' | 's' | 'm' => return Meaning::Date,
            // `General` holds no letter of a date before its `G`; the first section decides.
            'g' | ';' | '0' | '#' => return Meaning::Number,
            _ => {}
        }
    }
    Meaning::Number
}

/// A serial day as ISO 8601; `None` if it is no date (Excel shows `####`).
pub(in crate::document) fn date_text(serial: f64, from_1904: bool) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let seconds_in_all = (serial * 86_400.0).round() as i64;
    let (days, seconds) = (seconds_in_all / 86_400, seconds_in_all % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if days == 0 && !from_1904 {
        return Some(clock);
    }
    // Excel believes that 1900 was a leap year: its day 60 never was.
    let (base, days) = match (from_1904, days) {
        (true, days) => (jiff::civil::date(1904, 1, 1), days),
        (false, 60) => return None,
        (false, days) if days < 60 => (jiff::civil::date(1899, 12, 31), days),
        (false, days) => (jiff::civil::date(1899, 12, 30), days),
    };
    let date = base.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    Some(if seconds == 0 { date.to_string() } else { format!("{date}T{clock}") })
}

pub(in crate::document) fn duration_text(days: f64) -> Option<String> {
    if !(0.0..1e6).contains(&days) {
        return None;
    }
    let seconds = (days * 86_400.0).round() as i64;
    Some(format!("PT{}H{}M{}S", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_days_are_the_dates_that_excel_shows() {
        assert_eq!(date_text(45292.0, false).as_deref(), Some("2024-01-01"));
        assert_eq!(date_text(45292.75, false).as_deref(), Some("2024-01-01T18:00:00"));
        assert_eq!(date_text(59.0, false).as_deref(), Some("1900-02-28"));
        assert_eq!(date_text(61.0, false).as_deref(), Some("1900-03-01"));
        assert_eq!(date_text(0.5, false).as_deref(), Some("12:00:00"));
        assert_eq!(date_text(-1.0, false), None);
    }

    #[test]
    fn formats_tell_dates_from_money() {
        for (code, meaning) in [
            ("yyyy-mm-dd", Meaning::Date),
            ("[$-409]d-mmm-yy;@", Meaning::Date),
            ("[h]:mm", Meaning::Duration),
            ("\"$\"#,##0.00", Meaning::Number),
            ("[Red]0.00", Meaning::Number),
            ("General", Meaning::Number),
            ("0.0%", Meaning::Percent(1)),
            ("0%;[Red]-0%", Meaning::Percent(0)),
            ("0.00E+00", Meaning::Number),
            ("_(* #,##0_);_(* \"days\"", Meaning::Number),
        ] {
            assert_eq!(meaning_of_code(code), meaning, "{code}");
        }
    }

    #[test]
    fn escaped_characters_come_back() {
        assert_eq!(unescape_excel("a_x000A_b_xyz_ _x".into()), "a\nb_xyz_ _x");
    }
}
