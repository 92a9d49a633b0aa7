//! What all sheets of a workbook share: their list, the texts, the styles, the names.

use crate::document::calc::Name;
use crate::document::draft::Draft;
use crate::document::opc::{Parts, Relation};
use crate::document::xml::{self, Element};
use crate::domain::Place;

use super::styles::Styles;

#[derive(Debug)]
pub(super) struct SheetEntry {
    pub name: String,
    pub relation: String,
    /// `hidden` or `veryHidden`.
    pub hidden: Option<String>,
}

#[derive(Default)]
pub(super) struct Workbook {
    pub sheets: Vec<SheetEntry>,
    pub strings: Vec<String>,
    pub styles: Styles,
    pub names: Vec<Name>,
    /// Names that the user interface does not list.
    pub hidden_names: Vec<String>,
    /// Days are counted from 1904 (old Macs).
    pub from_1904: bool,
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
        workbook.from_1904 =
            tree.root.child("workbookPr").and_then(|p| p.attribute("date1904")).is_some_and(|v| is_on(&v));
        for name in tree.root.child("definedNames").iter().flat_map(|n| n.children_named("definedName")) {
            let title = name.attribute("name").unwrap_or_default();
            // Excel's own names (print areas, filters) say nothing about the work.
            if title.starts_with("_xlnm") {
                continue;
            }
            if name.attribute("hidden").is_some_and(|h| is_on(&h)) {
                workbook.hidden_names.push(title.to_string());
            }
            let scope = name.attribute("localSheetId").and_then(|i| i.parse().ok());
            workbook.names.push(Name { name: title.into_owned(), scope, formula: name.text() });
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
        if let Some(path) = path("styles") {
            match parts.text(&path) {
                Ok(text) => {
                    let tree = xml::parse(&text, nesting);
                    workbook.styles = Styles::read(&tree.root);
                    if let Some(why) = tree.damage {
                        draft.cut(Place::Whole, "some number formats", why, None);
                    }
                }
                // Without formats a date is a bare number: that must be said.
                Err(why) => draft.cut(Place::Whole, "the number formats", why, None),
            }
        }
        Ok(workbook)
    }
}

/// A switch of the format.
pub(super) fn is_on(value: &str) -> bool {
    matches!(value, "1" | "true" | "on")
}

/// The text of `<t>` elements, without phonetic guides.
pub(super) fn rich_text(element: &Element<'_>) -> String {
    let mut text = String::new();
    collect(element, &mut text);
    unescape_excel(text)
}

fn collect(element: &Element<'_>, text: &mut String) {
    for child in element.elements() {
        match child.name() {
            "t" => text.push_str(&child.text()),
            "rPh" => {}
            "br" => text.push('\n'),
            _ => collect(child, text),
        }
    }
}

/// `_x000D_` stands for a character that XML does not allow.
pub(super) fn unescape_excel(text: String) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_characters_come_back() {
        assert_eq!(unescape_excel("a_x000A_b_xyz_ _x".into()), "a\nb_xyz_ _x");
    }
}
