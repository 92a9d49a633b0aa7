//! Old Excel workbooks (.xls, BIFF8), by calamine, with its formulas and the values left in the file. Before
//! that the file's own records are walked for the corners of its sheets: calamine lays a sheet out as a full
//! rectangle, and two cells far apart must not take gigabytes.
//! [MS-CFB] and [MS-XLS] are the formats' descriptions.

use std::collections::HashMap;
use std::io::{Cursor, Read as _, Write as _};

use calamine::{Data, Reader as _, SheetVisible, Xls};
use cfb::{CompoundFile, Version};

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
    let found = match container(sample.bytes) {
        Some(file) => ["Workbook", "Book"].iter().any(|name| file.is_stream(name)),
        None => sample.bytes.starts_with(SIGNATURE) && sample.has_extension(&["xls"]),
    };
    found.then_some("application/vnd.ms-excel")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let (stream, sound) =
        unpacked(sample.bytes).map_err(|error| format!("the workbook is damaged ({error}); save it as .xlsx"))?;
    let area = area(&stream);
    if area > MAX_AREA {
        return Err(format!("the sheets span {area} cells, over the limit of {MAX_AREA}; save as .xlsx"));
    }
    drop(stream);
    let mut workbook: Xls<_> = Xls::new(Cursor::new(sound.as_slice()))
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
    if container(sample.bytes).is_some_and(|file| file.is_storage("_VBA_PROJECT_CUR")) {
        draft.finding("macro", crate::domain::Place::Whole, "the workbook holds macros; they are not shown");
    }
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

/// How every compound file begins.
const SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The streams of a workbook's container that are read here.
const STREAMS: [&str; 4] = ["Workbook", "Book", "\u{5}SummaryInformation", "\u{5}DocumentSummaryInformation"];

fn container(bytes: &[u8]) -> Option<CompoundFile<Cursor<&[u8]>>> {
    bytes.starts_with(SIGNATURE).then(|| CompoundFile::open(Cursor::new(bytes)).ok())?
}

/// The workbook's own stream, and a container made afresh with what is read of it: calamine follows the chains of a
/// damaged one for ever.
fn unpacked(bytes: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut damaged = container(bytes).ok_or_else(|| std::io::Error::other("its container is damaged"))?;
    let mut sound = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
    let mut workbook = None;
    for name in STREAMS {
        if !damaged.is_stream(name) {
            continue;
        }
        let mut stream = Vec::new();
        damaged.open_stream(name)?.read_to_end(&mut stream)?;
        without_claims(&mut stream);
        sound.create_stream(name)?.write_all(&stream)?;
        workbook = workbook.or(Some(stream));
    }
    let workbook = workbook.ok_or_else(|| std::io::Error::other("it has no workbook"))?;
    Ok((workbook, sound.into_inner().into_inner()))
}

/// What a sheet says of its size (Dimensions, 2.4.90) becomes one cell: calamine takes memory for all of it, and has the cells
/// from their own records.
fn without_claims(stream: &mut [u8]) {
    let mut at = 0;
    while let (Some(kind), Some(length)) = (u16_at(stream, at), u16_at(stream, at + 2)) {
        let end = at + 4 + usize::from(length);
        if let (0x0200, Some(record)) = (kind, stream.get_mut(at + 4..end)) {
            // First row, the one behind the last, first column, the one behind the last.
            let one: &[u8] =
                if length > 10 { &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0] } else { &[0, 0, 1, 0, 0, 0, 1, 0] };
            let known = one.len().min(record.len());
            record[..known].copy_from_slice(&one[..known]);
        }
        at = end;
    }
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

    #[test]
    fn what_a_sheet_says_of_its_size_takes_no_memory() {
        let whole = include_bytes!("../../fixtures/documents/small.xls");
        let read = |bytes: &[u8]| crate::document::testing::read_one("a.xls", bytes).sheets;
        let marks: Vec<usize> = (0..whole.len() - 16).filter(|at| whole[*at..].starts_with(&[0, 2, 14, 0])).collect();
        assert!(!marks.is_empty());
        let mut large = whole.to_vec();
        for at in marks {
            large[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
        }
        assert_eq!(read(&large), read(whole));
    }

    /// Found by fuzzing: 57 GB for a size that a sheet gives itself.
    #[test]
    fn a_size_of_billions_of_cells_ends_nothing() {
        let found = include_bytes!("../../fuzz/found/xls-dimensions");
        let file = crate::document::testing::read_one("a.xls", found);
        assert!(!file.is_readable() || file.sheets.len() < 256);
    }

    #[test]
    fn sectors_in_a_circle_end() {
        let whole = include_bytes!("../../fixtures/documents/small.xls");
        let table = (u32::from_le_bytes(whole[76..80].try_into().unwrap()) as usize + 1) * 512;
        for entry in (table..table + 512).step_by(4) {
            for next in 0..4_u32 {
                let mut circle = whole.to_vec();
                circle[entry..entry + 4].copy_from_slice(&next.to_le_bytes());
                let file = crate::document::testing::read_one("a.xls", &circle);
                assert!(!file.is_readable() || !file.sheets.is_empty(), "entry at {entry} to {next}");
            }
        }
    }
}
