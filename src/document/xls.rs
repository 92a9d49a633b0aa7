//! Old Excel workbooks (.xls, BIFF8), by calamine, with its formulas and the values left in the file. Before
//! that the file's own records are walked for the corners of its sheets: calamine lays a sheet out as a full
//! rectangle, and two cells far apart must not take gigabytes.
//! [MS-CFB] and [MS-XLS] are the formats' descriptions.

use std::collections::HashMap;
use std::io::Cursor;

use calamine::{Data, Reader as _, SheetVisible, Xls};

use crate::domain::CellContent;

use super::calc;
use super::draft::{Draft, cell, column_letters};
use super::grid::Grid;
use super::numfmt::{date_text, duration_text};
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "xls/2", recognise, read };

/// Cells of all sheets' rectangles together; each takes about 32 bytes, twice.
const MAX_AREA: u64 = 6_000_000;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    workbook_stream(sample.bytes).is_some().then_some("application/vnd.ms-excel")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let stream = workbook_stream(sample.bytes).ok_or("the workbook is damaged; save it as .xlsx")?;
    let area = area(&stream);
    if area > MAX_AREA {
        return Err(format!("the sheets span {area} cells, over the limit of {MAX_AREA}; save as .xlsx"));
    }
    drop(stream);
    let mut workbook: Xls<_> = Xls::new(Cursor::new(sample.bytes))
        .map_err(|e| format!("the workbook cannot be read ({e}); save it as .xlsx, without a password"))?;
    let sheets = workbook.sheets_metadata().to_vec();
    let from_1904 = workbook.has_1904_epoch();
    let mut grids = Vec::new();
    for sheet in sheets.iter().take(draft.limits.max_sheets) {
        let mut formulas = HashMap::new();
        if let Ok(range) = workbook.worksheet_formula(&sheet.name) {
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, formula) in range.used_cells() {
                formulas.insert(at(top, left, row, column), formula.trim_start_matches('=').to_owned());
            }
        }
        let mut grid = Grid { name: sheet.name.clone(), ..Grid::default() };
        grid.hidden = match sheet.visible {
            SheetVisible::Visible => None,
            SheetVisible::Hidden => Some("hidden".to_owned()),
            SheetVisible::VeryHidden => Some("veryHidden".to_owned()),
        };
        if let Ok(range) = workbook.worksheet_range(&sheet.name) {
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, value) in range.used_cells() {
                let (row, column) = at(top, left, row, column);
                // Without a value the formula stays for the loop below. An empty text is no value here: it
                // is also what writers that do not calculate leave.
                if let Some(content) = content(value, from_1904) {
                    let formula = formulas.remove(&(row, column)).filter(|f| !f.is_empty());
                    grid.cells.push(cell(row, column, content, formula));
                }
            }
        }
        // Formulas that stand where no value does.
        for ((row, column), formula) in formulas.into_iter().filter(|(_, f)| !f.is_empty()) {
            grid.cells.push(cell(row, column, CellContent::NotCalculated, Some(formula)));
        }
        for merged in workbook.merge_cells_by_sheet_name(&sheet.name).unwrap_or_default() {
            let corner = |(row, column): (u32, u32)| format!("{}{}", column_letters(column + 1), row + 1);
            grid.merged.push(format!("{}:{}", corner(merged.start), corner(merged.end)));
        }
        grid.cells.sort_by_key(|c| (c.row, c.column));
        grids.push(grid);
    }
    // Days of 1904 are no serial days that the engine knows.
    if !from_1904 {
        calc::fill(&mut grids);
    }
    grids.into_iter().for_each(|grid| grid.push(draft));
    for (name, formula) in workbook.defined_names() {
        if !name.starts_with("_xlnm") && !formula.is_empty() {
            draft.push(crate::domain::Place::Whole, format!("Defined name {name} = {formula}"));
        }
    }
    properties(&mut workbook, draft);
    if sheets.len() > draft.limits.max_sheets {
        let what = format!("{} sheets", sheets.len() - draft.limits.max_sheets);
        let why = format!("over the limit of {} sheets", draft.limits.max_sheets);
        draft.cut(crate::domain::Place::Whole, what, why, None);
    }
    Ok(())
}

/// What the file says about itself, without its people.
fn properties(workbook: &mut Xls<Cursor<&[u8]>>, draft: &mut Draft<'_>) {
    let Ok(about) = workbook.workbook_properties() else { return };
    let said = [
        ("title", about.title),
        ("subject", about.subject),
        ("keywords", about.keywords),
        ("description", about.description),
        ("category", about.category),
    ];
    let found: Vec<String> = said
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.filter(|t| !t.trim().is_empty())?)))
        .map(|(name, text)| format!("{name}: {}", text.trim().chars().take(500).collect::<String>()))
        .collect();
    if !found.is_empty() {
        draft.finding("metadata", crate::domain::Place::Whole, found.join("; "));
    }
}

fn at(top: u32, left: u32, row: usize, column: usize) -> (u32, u32) {
    (top + u32::try_from(row).unwrap_or(0) + 1, left + u32::try_from(column).unwrap_or(0) + 1)
}

fn content(value: &Data, from_1904: bool) -> Option<CellContent> {
    Some(match value {
        Data::Empty => return None,
        Data::Int(n) => CellContent::Number(*n as f64),
        Data::Float(n) => CellContent::Number(*n),
        Data::String(text) if text.is_empty() => return None,
        Data::String(text) => CellContent::Text(text.clone()),
        Data::Bool(value) => CellContent::Bool(*value),
        Data::DateTime(time) => {
            let days = time.as_f64();
            let text = if time.is_duration() { duration_text(days) } else { date_text(days, from_1904) };
            text.map_or(CellContent::Number(days), CellContent::DateTime)
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => CellContent::DateTime(text.clone()),
        Data::Error(error) => CellContent::Error(error.to_string()),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The `Workbook` stream of a compound file.
fn workbook_stream(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return None;
    }
    let shift = u16_at(bytes, 30).filter(|s| *s == 9 || *s == 12)?;
    let size = 1usize << shift;
    let sector = |n: u32| {
        let start = (n as usize).checked_add(1)?.checked_mul(size)?;
        bytes.get(start..start.checked_add(size)?.min(bytes.len()))
    };
    let mut fat = Vec::new();
    let mut tables: Vec<u32> = (0..109).filter_map(|i| u32_at(bytes, 76 + i * 4)).collect();
    let mut next = u32_at(bytes, 68)?;
    let most = bytes.len() / size + 1;
    for _ in 0..most {
        let Some(more) = sector(next) else { break };
        tables.extend((0..size / 4 - 1).filter_map(|i| u32_at(more, i * 4)));
        next = u32_at(more, size - 4).unwrap_or(u32::MAX);
    }
    for table in tables.into_iter().filter(|t| *t < 0xffff_fff0).take(most) {
        let table = sector(table)?;
        fat.extend((0..size / 4).filter_map(|i| u32_at(table, i * 4)));
    }
    let chain = |start: u32| {
        let mut data = Vec::new();
        let mut next = start;
        for _ in 0..most {
            let Some(part) = sector(next) else { break };
            data.extend_from_slice(part);
            match fat.get(next as usize) {
                Some(after) if *after < 0xffff_fff0 => next = *after,
                _ => break,
            }
        }
        data
    };
    let directory = chain(u32_at(bytes, 48)?);
    directory.chunks_exact(128).find_map(|entry| {
        let length = usize::from(u16_at(entry, 64)?).saturating_sub(2).min(62);
        let name: Vec<u16> = (0..length / 2).filter_map(|i| u16_at(entry, i * 2)).collect();
        let name = String::from_utf16_lossy(&name);
        let size = u32_at(entry, 120)?;
        // Streams below 4,096 bytes lie elsewhere; no writer makes a workbook that small.
        (matches!(name.as_str(), "Workbook" | "Book") && size >= 4096)
            .then(|| chain(u32_at(entry, 116).unwrap_or(u32::MAX)))
    })
}

/// The cells of the rectangles that the sheets span.
fn area(stream: &[u8]) -> u64 {
    let mut total = 0u64;
    let mut corners: Option<[u64; 4]> = None;
    let close = |corners: &mut Option<[u64; 4]>| {
        corners.take().map_or(0, |[top, left, bottom, right]| (bottom - top + 1) * (right - left + 1))
    };
    let mut at = 0;
    while let (Some(kind), Some(length)) = (u16_at(stream, at), u16_at(stream, at + 2)) {
        let record = stream.get(at + 4..at + 4 + usize::from(length)).unwrap_or(&[]);
        match kind {
            0x0809 | 0x0409 | 0x0209 | 0x0009 => total = total.saturating_add(close(&mut corners)),
            0x0001..=0x0007 | 0x0201..=0x0206 | 0x0406 | 0x027e | 0x007e | 0x00fd | 0x00bd | 0x00be | 0x00d6 => {
                if let (Some(row), Some(column)) = (u16_at(record, 0), u16_at(record, 2)) {
                    let last = match kind {
                        0x00bd | 0x00be => u16_at(record, record.len().saturating_sub(2)).unwrap_or(column),
                        _ => column,
                    };
                    let (row, column, last) = (u64::from(row), u64::from(column), u64::from(last.max(column)));
                    let [top, left, bottom, right] = corners.unwrap_or([row, column, row, last]);
                    corners = Some([top.min(row), left.min(column), bottom.max(row), right.max(last)]);
                }
            }
            _ => {}
        }
        at += 4 + usize::from(length);
    }
    total.saturating_add(close(&mut corners))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_far_apart_are_measured_before_memory_is_taken() {
        let mut stream = Vec::new();
        for (row, column) in [(0u16, 0u16), (65_535, 255)] {
            stream.extend_from_slice(&[0x03, 0x02, 14, 0]);
            stream.extend_from_slice(&row.to_le_bytes());
            stream.extend_from_slice(&column.to_le_bytes());
            stream.extend_from_slice(&[0; 10]);
        }
        assert_eq!(area(&stream), 65_536 * 256);
    }
}
