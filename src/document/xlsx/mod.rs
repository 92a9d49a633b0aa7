//! Excel workbooks (.xlsx, .xlsm): every sheet, hidden ones marked, with formulas and the values that Excel
//! left in the file. A formula without such a value is `NotCalculated`: reading it as 0 or as empty would
//! invent a result. Dates are ISO 8601. Comments, charts and pictures follow their sheet.
//! SpreadsheetML: ECMA-376 part 1, 18. Read from the XML itself, because only there a missing value can be
//! told from an empty one.

mod sheet;
mod workbook;

use std::collections::HashMap;

use crate::domain::Place;

use super::draft::Draft;
use super::opc::{Parts, Relation};
use super::{Reader, Sample, chart, xml};

use workbook::Workbook;
pub(super) use workbook::{date_text, duration_text};

pub(super) const READER: Reader = Reader { id: "xlsx/1", recognise, read };

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The binary twin (.xlsb), which is only named.
const BINARY: &str = "application/vnd.ms-excel.sheet.binary.macroenabled.12";

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let xml = sample.has_entry("xl/workbook.xml")
        || (sample.has_entry("[Content_Types].xml")
            && sample.entries()?.iter().any(|e| e.starts_with("xl/") && e.ends_with(".xml")));
    if sample.has_entry("xl/workbook.bin") {
        return Some(BINARY);
    }
    xml.then_some(MEDIA_TYPE)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    if sample.has_entry("xl/workbook.bin") {
        return Err("a binary workbook (.xlsb); save as .xlsx".to_owned());
    }
    let mut parts = Parts::open(sample.bytes, draft.limits)?;
    let main = parts.main_part("xl/workbook.xml");
    let relations = parts.relations(&main);
    let workbook = Workbook::read(&mut parts, &main, &relations, draft)?;
    if workbook.sheets.is_empty() {
        return Err("the workbook names no sheets; it is damaged, save it again".to_owned());
    }
    for (index, entry) in workbook.sheets.iter().enumerate() {
        let whole = Place::Cells { sheet: entry.name.clone(), range: "A1".to_owned() };
        if index >= draft.limits.max_sheets {
            let what = format!("{} sheets from '{}' on", workbook.sheets.len() - index, entry.name);
            draft.cut(whole, what, format!("over the limit of {} sheets", draft.limits.max_sheets), None);
            break;
        }
        let Some(path) = relations.iter().find(|r| r.id == entry.relation).map(|r| r.target.clone()) else {
            draft.cut(whole, format!("the sheet '{}'", entry.name), "the file does not hold it", None);
            continue;
        };
        match parts.text(&path) {
            Ok(text) => sheet::read(&text, entry, &workbook, draft),
            Err(why) => draft.cut(whole, format!("the sheet '{}'", entry.name), why, None),
        }
        beside(&mut parts, &path, &entry.name, draft);
    }
    for (name, formula) in &workbook.names {
        draft.push(Place::Whole, format!("Defined name {name} = {formula}"));
    }
    if relations.iter().any(|r| r.kind == "vbaProject") {
        draft.finding("macro", Place::Whole, "the workbook holds macros; they are not shown");
    }
    if relations.iter().any(|r| r.kind == "externalLink") {
        draft.finding(
            "external_links",
            Place::Whole,
            "formulas refer to other workbooks, which are not part of the file",
        );
    }
    Ok(())
}

/// Comments, charts, pictures and texts that lie on a sheet.
fn beside(parts: &mut Parts<'_>, sheet_path: &str, sheet: &str, draft: &mut Draft<'_>) {
    let at = |range: &str| Place::Cells { sheet: sheet.to_owned(), range: range.to_owned() };
    let nesting = draft.limits.max_nesting;
    for relation in parts.relations(sheet_path) {
        match relation.kind.as_str() {
            "comments" => {
                let Ok(text) = parts.text(&relation.target) else { continue };
                let tree = xml::parse(&text, nesting);
                let mut comments = Vec::new();
                tree.root.find_all("comment", &mut comments);
                for comment in comments {
                    let cell = comment.attribute("ref").unwrap_or_default();
                    let text = comment.child("text").map(workbook::rich_text).unwrap_or_default();
                    draft.push(at(&cell), format!("[comment at {cell}] {}", text.trim()));
                }
            }
            "drawing" => drawing(parts, &relation, sheet, draft),
            _ => {}
        }
    }
}

fn drawing(parts: &mut Parts<'_>, relation: &Relation, sheet: &str, draft: &mut Draft<'_>) {
    let Ok(text) = parts.text(&relation.target) else { return };
    let targets: HashMap<String, Relation> =
        parts.relations(&relation.target).into_iter().map(|r| (r.id.clone(), r)).collect();
    let nesting = draft.limits.max_nesting;
    let tree = xml::parse(&text, nesting);
    for anchor in tree.root.elements() {
        let corner = anchor.child("from").and_then(|from| {
            let number = |name: &str| from.child(name)?.text().trim().parse::<u32>().ok();
            Some(format!(
                "{}{}",
                super::draft::column_letters(number("col")?.checked_add(1)?),
                number("row")?.checked_add(1)?
            ))
        });
        let place = Place::Cells { sheet: sheet.to_owned(), range: corner.unwrap_or_else(|| "A1".to_owned()) };
        let mut found = Vec::new();
        anchor.find_all("blip", &mut found);
        for blip in found {
            let target = blip.attribute("embed").and_then(|id| targets.get(id.as_ref()));
            match target.map(|t| parts.bytes(&t.target)) {
                Some(Ok(bytes)) => draft.image(place.clone(), &bytes),
                Some(Err(why)) => draft.lose_image(place.clone(), why),
                None => {}
            }
        }
        let mut found = Vec::new();
        anchor.find_all("chart", &mut found);
        for reference in found {
            let target = reference.attribute("id").and_then(|id| targets.get(id.as_ref()));
            let Some(Ok(text)) = target.map(|t| parts.text(&t.target)) else { continue };
            for line in chart::lines(&text, nesting) {
                draft.push(place.clone(), line);
            }
        }
        let mut found = Vec::new();
        anchor.find_all("txBody", &mut found);
        for body in found {
            let mut paragraphs = Vec::new();
            body.find_all("p", &mut paragraphs);
            let lines: Vec<String> = paragraphs.iter().map(|p| workbook::rich_text(p)).collect();
            draft.push(place.clone(), lines.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests;
