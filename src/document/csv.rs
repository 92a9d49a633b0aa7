//! Comma-, semicolon-, tab- or pipe-separated values: the dialect is told by what makes most rows equally
//! wide. Each row is a segment; the cells are a sheet too, for checks. Numbers are numbers only where their
//! text says nothing more (`007` and `1,200` stay text).

use crate::domain::{CellContent, Place, Sheet};

use super::draft::{Draft, cell, markdown_row};
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "csv/1", recognise, read };

/// Columns that are kept of one row.
const MAX_COLUMNS: usize = 16_384;
/// Rows that tell the dialect.
const SNIFFED_ROWS: usize = 50;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let tsv = sample.has_extension(&["tsv", "tab"]) || sample.declared == Some("text/tab-separated-values");
    let csv = sample.has_extension(&["csv"]) || (sample.extension.is_empty() && sample.declared == Some("text/csv"));
    if !(tsv || csv) {
        return None;
    }
    sample.decoded()?;
    Some(if tsv { "text/tab-separated-values" } else { "text/csv" })
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

fn sniff(text: &str) -> u8 {
    let score = |delimiter: u8| {
        let mut widths: Vec<usize> = reader(text, delimiter)
            .into_byte_records()
            .take(SNIFFED_ROWS)
            .filter_map(Result::ok)
            .map(|r| r.len())
            .collect();
        widths.sort_unstable();
        let most = widths.get(widths.len() / 2).copied().unwrap_or(1);
        let equal = widths.iter().filter(|w| **w == most).count();
        if most < 2 { 0 } else { equal * 1000 / widths.len().max(1) * 100 + most.min(99) }
    };
    // The first of the best: a comma is likelier than a pipe.
    b",;\t|".iter().copied().fold((b',', 0), |best, d| if score(d) > best.1 { (d, score(d)) } else { best }).0
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let decoded = sample.decoded().ok_or("the file is not text")?;
    text::report_doubt(decoded, draft);
    let (delimiter, text) = match decoded.text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
        Some((sign, rest)) if sign.trim().len() == 1 => (sign.as_bytes()[0], rest),
        _ => (sniff(&decoded.text), decoded.text.as_str()),
    };
    let mut cells = Vec::new();
    let (mut rows, mut columns) = (0u32, 0u32);
    let mut wide = 0u64;
    for record in reader(text, delimiter).records() {
        rows = rows.saturating_add(1);
        let place = Place::Row(rows);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                draft.cut(place, format!("row {rows}"), format!("cannot be read ({error})"), None);
                continue;
            }
        };
        let kept = record.len().min(MAX_COLUMNS);
        if kept < record.len() {
            wide += 1;
            let (from, more) = (kept + 1, record.len() - kept);
            if wide <= 20 {
                let what = format!("columns {from}-{} of row {rows}, {more} columns", record.len());
                let characters = record.iter().skip(kept).map(|f| f.chars().count() as u64).sum();
                draft.cut(place.clone(), what, format!("over the limit of {MAX_COLUMNS} columns"), Some(characters));
            }
        }
        columns = columns.max(u32::try_from(kept).unwrap_or(u32::MAX));
        let filled = record.iter().take(kept).filter(|f| !f.is_empty()).count();
        let line = markdown_row(record.iter().take(kept));
        if filled == 0 {
            continue;
        }
        if !draft.take_cells(filled) {
            let why = format!("over the limit of {} cells", draft.limits.max_cells);
            draft.drop_text(place, line.chars().count() as u64, why);
            continue;
        }
        draft.push(place, line);
        for (index, field) in record.iter().take(kept).enumerate().filter(|(_, f)| !f.is_empty()) {
            cells.push(cell(rows, u32::try_from(index + 1).unwrap_or(u32::MAX), content(field), None));
        }
    }
    if wide > 20 {
        let what = format!("the columns after {MAX_COLUMNS} of {} more rows", wide - 20);
        draft.cut(Place::Whole, what, format!("over the limit of {MAX_COLUMNS} columns"), None);
    }
    let name = sample.name.rsplit('/').next().unwrap_or(sample.name).to_owned();
    draft.sheet(Sheet { name, hidden: false, cells, rows, columns });
    Ok(())
}

fn content(field: &str) -> CellContent {
    let text = field.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && (!digits.starts_with('0') || digits == "0" || digits.starts_with("0."))
        && digits.len() <= 15;
    match text.parse::<f64>() {
        Ok(number) if plain => CellContent::Number(number),
        _ => CellContent::Text(field.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{read_one, text_of};
    use crate::domain::Outcome;

    #[test]
    fn the_dialect_is_told_by_the_rows() {
        for (text, name) in [("a;b\n1;2,5\n3;4\n", "a.csv"), ("a\tb\n1\t2,5\n3\t4\n", "a.tsv")] {
            assert_eq!(text_of(&read_one(name, text.as_bytes())), "| a | b |\n| 1 | 2,5 |\n| 3 | 4 |");
        }
        let file = read_one("a.csv", b"name,n\n\"x, y\nz\",007\n,3\n");
        assert_eq!(text_of(&file), "| name | n |\n| x, y / z | 007 |\n|  | 3 |");
        assert_eq!(file.sheets[0].cells[3].content, CellContent::Text("007".into()));
        assert_eq!(file.sheets[0].cells[4].content, CellContent::Number(3.0));
    }

    #[test]
    fn a_million_columns_are_cut_and_said() {
        let file = read_one("a.csv", "x,".repeat(1_000_000).as_bytes());
        assert_eq!(file.outcome, Outcome::Partial);
        assert!(file.cuts[0].what.starts_with("columns 16385-1000001 of row 1"), "{:?}", file.cuts[0]);
    }
}
