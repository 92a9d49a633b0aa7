//! A quote, and where it stands in what is read of the files today: readers may have learnt since a vote was cast.

use std::sync::Arc;

use super::desk::{Desk, OnDesk};
use super::grid::Area;
use super::{Spot, View};
use crate::domain::{Evidence, Extract, FileExtract, Place, Span};
use crate::http::problem::Problem;
use crate::services::Services;
use crate::verdict::{Quote, look_up};

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Sought {
    /// As the judge was shown it; may be empty.
    pub file: String,
    pub place: String,
    pub quote: String,
}

impl From<&Evidence> for Sought {
    fn from(evidence: &Evidence) -> Self {
        let place = evidence.place.as_ref().map_or_else(|| evidence.said_where.clone(), ToString::to_string);
        Self { file: evidence.file.clone(), place, quote: evidence.quote.clone() }
    }
}

/// Where it stands.
#[derive(Debug, Default)]
pub struct Marks {
    pub spans: Vec<Span>,
    pub areas: Vec<Area>,
    pub place: Option<Place>,
}

/// The spot that shows the quote, and what is to be marked there; the spot alone names the file where it should stand
/// and does not.
///
/// # Errors
/// If the bytes of the file are not there.
pub async fn find(services: &Services, desk: &Desk, sought: &Sought) -> Result<(Option<Spot>, Marks), Problem> {
    let Some(on_desk) = file_of(desk, &sought.file) else { return Ok((None, Marks::default())) };
    let extract = Arc::new(on_desk.extract(services).await?);
    Ok(locate(on_desk, &extract, sought))
}

/// The file with that name, or that holds a member with that name; the deliverable before the references.
fn file_of<'a>(desk: &'a Desk, name: &str) -> Option<&'a OnDesk> {
    let named = |on_desk: &&OnDesk| match on_desk.stored() {
        Some(file) => {
            name == file.name.as_str()
                || name.strip_prefix(file.name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        }
        None => name == "message",
    };
    desk.files.iter().find(named).or_else(|| if name.is_empty() { desk.files.first() } else { None })
}

fn locate(on_desk: &OnDesk, extract: &Arc<Extract>, sought: &Sought) -> (Option<Spot>, Marks) {
    let nowhere = (Some(Spot::of(&on_desk.key)), Marks::default());
    let quote = Quote { file: sought.file.clone(), place: sought.place.clone(), quote: sought.quote.clone() };
    let Some(found) = look_up(vec![quote], std::slice::from_ref(extract)).into_iter().next() else { return nowhere };
    let Some(span) = found.span else { return nowhere };
    let Some((part, file)) = extract.files.iter().enumerate().find(|(_, file)| file.name == found.file) else {
        return nowhere;
    };
    let spot = Spot { part, ..Spot::of(&on_desk.key) };
    if let Some((sheet, areas)) = in_sheet(file, span, &sought.quote) {
        return (Some(Spot { view: View::Sheet(sheet), ..spot }), Marks { spans: vec![], areas, place: found.place });
    }
    (Some(Spot { view: View::Text, ..spot }), Marks { spans: vec![span], areas: vec![], place: found.place })
}

/// The sheet in which a span lies, and the cells that it quotes: those whose text the quote holds, or all of its rows.
fn in_sheet(file: &FileExtract, span: Span, quote: &str) -> Option<(usize, Vec<Area>)> {
    let segments = file.segments.get(span.segment as usize..=span.end_segment as usize)?;
    let mut areas = Vec::new();
    let mut name = None;
    for segment in segments {
        let Place::Cells { sheet, range } = &segment.place else { return None };
        if *name.get_or_insert(sheet) == sheet {
            areas.extend(Area::parse(range));
        }
    }
    let index = file.sheets.iter().position(|sheet| Some(&sheet.name) == name)?;
    let sheet = file.sheets.get(index)?;
    let parts: Vec<&str> = quote.split(['|', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let quoted = |text: &str| match parts.as_slice() {
        [] => false,
        [whole] => whole.contains(text),
        several => several.contains(&text),
    };
    let cells = sheet.cells.iter().filter(|cell| areas.iter().any(|area| area.has(cell.row, cell.column)));
    let told = cells.filter(|cell| {
        let text = cell.shown.clone().unwrap_or_else(|| cell.content.to_string());
        !text.trim().is_empty() && quoted(text.trim())
    });
    let told: Vec<Area> = told.map(|cell| Area::one(cell.row, cell.column)).collect();
    Some((index, if told.is_empty() { areas } else { told }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cell, CellContent, Sheet};
    use crate::http::ui::viewer::desk::What;
    use crate::http::ui::viewer::testing::file;

    fn message(text: &str) -> OnDesk {
        OnDesk {
            key: "message".to_owned(),
            group: String::new(),
            name: "final message".to_owned(),
            what: What::Message(text.to_owned()),
            secret: None,
        }
    }

    fn sought(quote: &str) -> Sought {
        Sought { file: "message".to_owned(), place: String::new(), quote: quote.to_owned() }
    }

    #[test]
    fn a_quote_is_opened_where_it_stands_today_and_one_that_is_gone_opens_its_file() {
        let texts = [(Place::Paragraph(1), "Revenue was 41 million."), (Place::Paragraph(2), "Costs were 12 million.")];
        let extract = Arc::new(Extract { files: vec![file("message", &texts)] });
        let on_desk = message("x");
        let (spot, marks) = locate(&on_desk, &extract, &sought("costs were 12 million"));
        assert_eq!(spot.unwrap().view, View::Text);
        assert_eq!(marks.spans[0].segment, 1);
        let (spot, marks) = locate(&on_desk, &extract, &sought("Zeppelins fly at noon over the lake"));
        assert_eq!((spot.unwrap(), marks.spans.len(), marks.areas.len()), (Spot::of("message"), 0, 0));
    }

    #[test]
    fn a_quote_from_a_sheet_marks_its_cells() {
        let place = |range: &str| Place::Cells { sheet: "Ledger".to_owned(), range: range.to_owned() };
        let mut book =
            file("message", &[(place("A1:B1"), "| 1 | Account | 4 |"), (place("A2:B2"), "| 2 | Freight | 77 |")]);
        let cell = |row, column, text: &str| Cell {
            row,
            column,
            content: CellContent::Text(text.to_owned()),
            formula: None,
            shown: None,
            calculated: false,
        };
        let cells = vec![cell(1, 1, "Account"), cell(1, 2, "4"), cell(2, 1, "Freight"), cell(2, 2, "77")];
        book.sheets = vec![Sheet { name: "Ledger".to_owned(), hidden: false, cells, rows: 2, columns: 2 }];
        let extract = Arc::new(Extract { files: vec![book] });
        let (spot, marks) = locate(&message("x"), &extract, &sought("| Freight | 77 |"));
        assert_eq!(spot.unwrap().view, View::Sheet(0));
        assert_eq!(marks.areas, [Area::one(2, 1), Area::one(2, 2)]);
    }
}
