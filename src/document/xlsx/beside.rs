//! What lies on a sheet in parts of its own: comments, tables, drawings with their pictures, charts and texts.

use std::collections::{HashMap, HashSet};

use crate::document::calc::{Area, Table};
use crate::document::chart;
use crate::document::draft::{Draft, column_letters, parse_cell_reference};
use crate::document::opc::{Parts, Relation};
use crate::document::xml::{self, Element};
use crate::domain::Place;

use super::workbook::rich_text;

/// The tables of a sheet.
pub(super) fn tables(parts: &mut Parts<'_>, relations: &[Relation], sheet: usize, nesting: usize) -> Vec<Table> {
    let mut tables = Vec::new();
    for relation in relations.iter().filter(|r| r.kind == "table") {
        let Ok(text) = parts.text(&relation.target) else { continue };
        let tree = xml::parse(&text, nesting);
        let range = tree.root.attribute("ref").unwrap_or_default();
        let (first, last) = range.split_once(':').unwrap_or((&range, &range));
        let (Some((top, left)), Some((bottom, right))) = (parse_cell_reference(first), parse_cell_reference(last))
        else {
            continue;
        };
        let count =
            |name: &str, usual: u32| -> u32 { tree.root.attribute(name).and_then(|c| c.parse().ok()).unwrap_or(usual) };
        let columns = tree.root.child("tableColumns");
        let columns = columns.iter().flat_map(|c| c.children_named("tableColumn"));
        tables.push(Table {
            name: tree.root.attribute("displayName").or(tree.root.attribute("name")).unwrap_or_default().into_owned(),
            sheet,
            area: Area::between(sheet, (top, left), (bottom, right)),
            header_rows: count("headerRowCount", 1).min(1),
            totals_rows: count("totalsRowCount", 0).min(1),
            columns: columns.map(|c| c.attribute("name").unwrap_or_default().into_owned()).collect(),
        });
    }
    tables
}

/// A reference in a chart, `'Costs'!$B$2:$B$9`, as the values that it stands for.
pub(super) type Resolve<'a> = &'a dyn Fn(&str) -> Vec<(usize, String)>;

/// Everything else, into the draft.
pub(super) fn push(
    parts: &mut Parts<'_>,
    relations: &[Relation],
    sheet: &str,
    tables: &[&Table],
    resolve: Resolve<'_>,
    draft: &mut Draft<'_>,
) {
    let at = |range: &str| Place::Cells { sheet: sheet.to_owned(), range: range.to_owned() };
    for table in tables {
        let Area { top, left, bottom, right, .. } = table.area;
        let range = format!("{}{top}:{}{bottom}", column_letters(left), column_letters(right));
        draft.push(at(&range), format!("[table {} at {range}: {}]", table.name, table.columns.join(", ")));
    }
    comments(parts, relations, sheet, draft);
    for relation in relations {
        match relation.kind.as_str() {
            "drawing" => drawing(parts, relation, sheet, resolve, draft),
            "pivotTable" => {
                draft.finding("pivot_table", at("A1"), format!("'{sheet}' holds a pivot table; its result is shown"))
            }
            "oleObject" | "package" => {
                draft.cut(
                    at("A1"),
                    format!("an embedded object on '{sheet}'"),
                    "objects of other programs are not opened",
                    None,
                );
            }
            _ => {}
        }
    }
}

/// Notes and threads. Who wrote them is not shown: a judge must not know people.
fn comments(parts: &mut Parts<'_>, relations: &[Relation], sheet: &str, draft: &mut Draft<'_>) {
    let nesting = draft.limits.max_nesting;
    let mut found: Vec<(String, String)> = Vec::new();
    let mut threaded: HashSet<String> = HashSet::new();
    for relation in relations.iter().filter(|r| r.kind == "threadedComment") {
        let Ok(text) = parts.text(&relation.target) else { continue };
        let tree = xml::parse(&text, nesting);
        for comment in tree.root.children_named("threadedComment") {
            let cell = comment.attribute("ref").unwrap_or_default().into_owned();
            let mut words: Vec<char> = comment.child("text").map(Element::text).unwrap_or_default().chars().collect();
            let mut mentions = Vec::new();
            comment.find_all("mention", &mut mentions);
            for mention in mentions.iter().rev() {
                let number = |name: &str| mention.attribute(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
                let start = number("startIndex").min(words.len());
                let end = start.saturating_add(number("length")).min(words.len());
                words.splice(start..end, "@someone".chars());
            }
            let kind = if comment.attribute("parentId").is_some() { "reply" } else { "comment" };
            threaded.insert(cell.clone());
            found.push((cell.clone(), format!("[{kind} at {cell}] {}", words.iter().collect::<String>().trim())));
        }
    }
    for relation in relations.iter().filter(|r| r.kind == "comments") {
        let Ok(text) = parts.text(&relation.target) else { continue };
        let tree = xml::parse(&text, nesting);
        let authors: Vec<String> = tree
            .root
            .child("authors")
            .iter()
            .flat_map(|a| a.children_named("author"))
            .map(|a| a.text().trim().to_owned())
            .filter(|a| !a.is_empty())
            .collect();
        let mut comments = Vec::new();
        tree.root.find_all("comment", &mut comments);
        for comment in comments {
            let cell = comment.attribute("ref").unwrap_or_default().into_owned();
            let text = comment.child("text").map(rich_text).unwrap_or_default();
            // A thread leaves a note for older programs, which says the same again.
            if threaded.contains(&cell) {
                continue;
            }
            let mut text = text.trim();
            // Excel begins a note with its author's name.
            for author in &authors {
                if let Some(rest) = text.strip_prefix(author.as_str()).and_then(|t| t.trim_start().strip_prefix(':')) {
                    text = rest.trim();
                }
            }
            found.push((cell.clone(), format!("[comment at {cell}] {text}")));
        }
    }
    if let Some((first, _)) = found.first() {
        let place = Place::Cells { sheet: sheet.to_owned(), range: first.clone() };
        draft.finding("comments", place, format!("{} comments on '{sheet}'", found.len()));
    }
    for (cell, text) in found {
        draft.push(Place::Cells { sheet: sheet.to_owned(), range: cell }, text);
    }
}

fn drawing(parts: &mut Parts<'_>, relation: &Relation, sheet: &str, resolve: Resolve<'_>, draft: &mut Draft<'_>) {
    let text = match parts.text(&relation.target) {
        Ok(text) => text,
        Err(why) => {
            let place = Place::Cells { sheet: sheet.to_owned(), range: "A1".to_owned() };
            return draft.cut(place, format!("the drawings on '{sheet}'"), why, None);
        }
    };
    let targets: HashMap<String, Relation> =
        parts.relations(&relation.target).into_iter().map(|r| (r.id.clone(), r)).collect();
    let nesting = draft.limits.max_nesting;
    let tree = xml::parse(&text, nesting);
    for anchor in tree.root.elements() {
        let range = corner(anchor).unwrap_or_else(|| "A1".to_owned());
        let place = Place::Cells { sheet: sheet.to_owned(), range: range.clone() };
        shapes(anchor, &place, &range, draft);
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
            let lines = match target.map(|t| parts.text(&t.target)) {
                Some(Ok(text)) => chart::lines_with(&text, nesting, resolve),
                _ => Vec::new(),
            };
            if lines.is_empty() {
                draft.cut(
                    place.clone(),
                    format!("a chart at {range}"),
                    "it is missing or of a kind that is not read",
                    None,
                );
            }
            for line in lines {
                draft.push(place.clone(), line);
            }
        }
    }
    if let Some(why) = tree.damage {
        let place = Place::Cells { sheet: sheet.to_owned(), range: "A1".to_owned() };
        draft.cut(place, format!("the rest of the drawings on '{sheet}'"), why, None);
    }
}

/// The cell in which a drawing begins.
fn corner(anchor: &Element<'_>) -> Option<String> {
    let from = anchor.child("from")?;
    let number = |name: &str| from.child(name)?.text().trim().parse::<u32>().ok()?.checked_add(1);
    Some(format!("{}{}", column_letters(number("col")?.min(16_384)), number("row")?))
}

/// Texts and descriptions of the shapes of one anchor.
fn shapes(anchor: &Element<'_>, place: &Place, range: &str, draft: &mut Draft<'_>) {
    let mut found = Vec::new();
    anchor.find_all("cNvPr", &mut found);
    if found.iter().any(|p| p.attribute("hidden").is_some_and(|h| super::workbook::is_on(&h))) {
        draft.finding("hidden_text", place.clone(), format!("a hidden shape at {range}"));
    }
    for words in found.iter().filter_map(|p| p.attribute("descr")).filter(|d| !d.trim().is_empty()) {
        draft.push(place.clone(), format!("[description of the object at {range}] {}", words.trim()));
    }
    let mut found = Vec::new();
    anchor.find_all("txBody", &mut found);
    for body in found {
        let mut paragraphs = Vec::new();
        body.find_all("p", &mut paragraphs);
        let lines: Vec<String> = paragraphs.iter().map(|p| rich_text(p)).collect();
        let text = lines.join("\n");
        if !text.trim().is_empty() {
            draft.push(place.clone(), format!("[text box at {range}] {}", text.trim()));
        }
    }
}
