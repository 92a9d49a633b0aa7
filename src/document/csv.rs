//! Comma-, semicolon-, tab- or pipe-separated values: the dialect is told by what makes most rows equally
//! wide. Each row is a segment; the cells are a sheet too, for checks. Numbers are numbers only where their
//! text says nothing more (`007`, `1,200` and the decimal comma of `2,5` stay text). A dialect or encoding that
//! is not the usual one is a finding, and so are rows of another width than most and a quote that never ends
//! (all after it would be one cell: quotes are then read as signs).

use std::collections::HashMap;

use crate::domain::{CellContent, Place, Sheet};

use super::draft::{Draft, cell, markdown_row};
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "csv/2", recognise, read };

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

fn reader(text: &str, delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .quoting(quoting)
        .from_reader(text.as_bytes())
}

/// Whether the last record opens a quote that the file does not close: it then runs over several lines.
fn ends_in_a_quote(text: &str, delimiter: u8) -> bool {
    let mut last = 0;
    for record in reader(text, delimiter, true).into_byte_records() {
        let Ok(record) = record else { return false };
        last = record.position().map_or(last, csv::Position::byte);
    }
    let tail = usize::try_from(last).ok().and_then(|at| text.get(at..)).unwrap_or("").trim();
    // A quoted cell that does end has its quote in the last of its lines.
    tail.lines().count() > 1 && tail.lines().last().is_some_and(|line| !line.contains('"'))
}

fn sniff(text: &str) -> u8 {
    let score = |delimiter: u8| {
        let mut widths: Vec<usize> = reader(text, delimiter, true)
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
    let usual = if sample.has_extension(&["tsv", "tab"]) { b'\t' } else { b',' };
    if delimiter != usual || decoded.encoding != "UTF-8" {
        let sign = match delimiter {
            b'\t' => "tabs".to_owned(),
            sign => format!("'{}'", char::from(sign)),
        };
        draft.finding("csv_dialect", Place::Whole, format!("read as values parted by {sign}, in {}", decoded.encoding));
    }
    let quoting = !ends_in_a_quote(text, delimiter);
    if !quoting {
        let detail = "a quote is opened and never closed; quotes are read as ordinary signs";
        draft.finding("csv_open_quote", Place::Whole, detail);
    }
    let mut cells = Vec::new();
    let (mut rows, mut columns) = (0u32, 0u32);
    let mut wide = 0u64;
    let mut acting: Option<(u32, u64)> = None;
    // How many rows there are of each width, and the first of them.
    let mut widths: HashMap<usize, (u64, u32)> = HashMap::new();
    for record in reader(text, delimiter, quoting).records() {
        rows = rows.saturating_add(1);
        let place = Place::Row(rows);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                draft.cut(place, format!("row {rows}"), format!("cannot be read ({error})"), None);
                continue;
            }
        };
        widths.entry(record.len()).or_insert((0, rows)).0 += 1;
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
        if record.iter().any(acts) {
            acting = Some(acting.map_or((rows, 1), |(first, count)| (first, count + 1)));
        }
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
    if let Some((first, count)) = acting {
        let detail = format!("{count} rows have cells that a spreadsheet takes for formulas (first: row {first})");
        draft.finding("csv_formula", Place::Row(first), detail);
    }
    report_ragged(&widths, draft);
    let name = sample.name.rsplit('/').next().unwrap_or(sample.name).to_owned();
    draft.sheet(Sheet { name, hidden: false, cells, rows, columns });
    Ok(())
}

fn report_ragged(widths: &HashMap<usize, (u64, u32)>, draft: &mut Draft<'_>) {
    // The width of most rows; of two, that which comes first.
    let Some((usual, _)) = widths.iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first))) else {
        return;
    };
    let other = widths.iter().filter(|(width, _)| *width != usual);
    let Some((width, (_, first))) = other.clone().min_by_key(|(_, (_, first))| *first) else { return };
    let count: u64 = other.map(|(_, (count, _))| count).sum();
    let detail = format!("{count} rows do not have {usual} columns as most do (first: row {first} has {width})");
    draft.finding("csv_ragged_rows", Place::Row(*first), detail);
}

/// Whether a spreadsheet would compute the cell: a sign of a formula, and something that is no number.
fn acts(field: &str) -> bool {
    let mut chars = field.trim_start().chars();
    match chars.next() {
        Some('=') => chars.next().is_some_and(|c| !c.is_whitespace() && c != '='),
        Some('@' | '+' | '-') => {
            chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.any(|c| matches!(c, '(' | '|' | '!'))
        }
        _ => false,
    }
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
    fn what_is_unusual_about_the_table_is_said() {
        let file = read_one("a.csv", b"a;b\n1;Gr\xf6\xdfe\n2\n3;4;5\n6;7\n");
        let said: Vec<(&str, &str)> = file.findings.iter().map(|f| (f.code.as_str(), f.detail.as_str())).collect();
        assert_eq!(said[0].0, "encoding_guessed");
        assert_eq!(said[1], ("csv_dialect", "read as values parted by ';', in windows-1252"));
        assert_eq!(said[2].1, "2 rows do not have 2 columns as most do (first: row 3 has 1)");
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("a\tb\n1\t2\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let file = read_one("a.csv", &utf16);
        assert_eq!(text_of(&file), "| a | b |\n| 1 | 2 |");
        assert!(file.findings[0].detail.contains("tabs, in UTF-16LE"), "{:?}", file.findings);
    }

    #[test]
    fn a_quote_that_never_ends_does_not_swallow_the_table() {
        let file = read_one("a.csv", b"size,n\n\"5 in pipe,2\nrod,3\nbar,4\n");
        assert_eq!(text_of(&file), "| size | n |\n| \"5 in pipe | 2 |\n| rod | 3 |\n| bar | 4 |");
        assert_eq!(file.findings[0].code, "csv_open_quote");
        let fine = read_one("a.csv", b"size,n\n\"5\nin\",2\n\"a\nb\",3\n");
        assert!(fine.findings.is_empty(), "{:?}", fine.findings);
        assert_eq!(text_of(&fine), "| size | n |\n| 5 / in | 2 |\n| a / b | 3 |");
    }

    #[test]
    fn rows_over_the_limit_are_cut_and_named() {
        let limits = crate::document::Limits { max_cells: 4, ..Default::default() };
        let input = crate::document::Input { name: "a.csv", media_type: None, bytes: b"a,b\n1,2\n3,4\n5,6\n" };
        let file = crate::document::read(&input, &limits).swap_remove(0);
        assert_eq!(text_of(&file), "| a | b |\n| 1 | 2 |\n[cut: rows 3-4, 2 rows]");
    }

    #[test]
    fn cells_that_a_spreadsheet_would_compute_are_told() {
        let file = read_one("a.csv", b"item,n\nrod,3\n\"=HYPERLINK(\"\"http://x\"\")\",1\n@SUM(A1),-4\n- a (b),=\n");
        let said: Vec<&str> = file.findings.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(said, ["2 rows have cells that a spreadsheet takes for formulas (first: row 3)"]);
    }

    #[test]
    fn a_million_columns_are_cut_and_said() {
        let file = read_one("a.csv", "x,".repeat(1_000_000).as_bytes());
        assert_eq!(file.outcome, Outcome::Partial);
        assert!(file.cuts[0].what.starts_with("columns 16385-1000001 of row 1"), "{:?}", file.cuts[0]);
    }
}
