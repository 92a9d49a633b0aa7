//! How results look in a terminal: tables that fit it, colours only where they are wanted (`NO_COLOR`, a pipe).

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

/// An empty table with these columns; those in `right` are numbers.
pub(super) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if !std::io::stdout().is_terminal() {
        table.set_width(120);
    }
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn wanted(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

pub(super) fn colours_on_stderr() -> bool {
    wanted(std::io::stderr().is_terminal())
}

fn painted(text: &str, code: &str, on: bool) -> String {
    if on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

pub(super) fn red(text: &str) -> String {
    painted(text, "1;31", colours_on_stderr())
}

/// A heading on stdout.
pub(super) fn bold(text: &str) -> String {
    painted(text, "1", wanted(std::io::stdout().is_terminal()))
}

/// A share as it is read: three digits, or why there is none.
pub(super) fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// `low … high`; an open side says so.
pub(super) fn interval(low: Option<f64>, high: Option<f64>, digits: usize) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{low:.digits$} … {high:.digits$}"),
        (Some(low), None) => format!("{low:.digits$} … open"),
        (None, Some(high)) => format!("open … {high:.digits$}"),
        (None, None) => "–".to_owned(),
    }
}

/// USD, or that nobody knows.
pub(super) fn usd(cost: Option<f64>) -> String {
    cost.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.4}"))
}
