//! Rows as bytes, in one of the formats.

use serde_json::Value;

use super::Format;
use super::columns::{Column, Type};
use super::parquet::Parquet;
use crate::http::problem::Problem;
use crate::http::wire::harmless;

/// Takes rows, and gives what of the file is written.
pub(super) enum Writer {
    Jsonl,
    Csv {
        columns: &'static [Column],
        /// The line of names is yet to come.
        begins: bool,
    },
    Parquet(Box<Parquet>),
}

impl Writer {
    /// # Errors
    /// If there can be no such table, which is a mistake in its columns.
    pub fn new(format: Format, columns: &'static [Column]) -> Result<Self, Problem> {
        Ok(match format {
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv { columns, begins: true },
            Format::Parquet => Self::Parquet(Box::new(Parquet::new(columns).map_err(internal)?)),
        })
    }

    /// # Errors
    /// If a row cannot be written, which is a mistake here.
    pub fn rows(&mut self, rows: Vec<Value>) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Jsonl => {
                let mut out = Vec::new();
                for row in rows {
                    serde_json::to_writer(&mut out, &row).map_err(internal)?;
                    out.push(b'\n');
                }
                Ok(out)
            }
            Self::Csv { columns, begins } => csv(columns, std::mem::take(begins), &rows).map_err(internal),
            Self::Parquet(parquet) => parquet.rows(rows).map_err(internal),
        }
    }

    /// What is left to be written.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn end(self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Jsonl => Ok(Vec::new()),
            Self::Csv { columns, begins } => csv(columns, begins, &[]).map_err(internal),
            Self::Parquet(parquet) => parquet.end().map_err(internal),
        }
    }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::internal(error.to_string())
}

fn csv(columns: &[Column], begins: bool, rows: &[Value]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    if begins {
        out.write_record(columns.iter().map(Column::name))?;
    }
    for row in rows {
        out.write_record(columns.iter().map(|column| cell(column, row)))?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// A cell of a CSV file; null is empty, and what a spreadsheet would run is text.
fn cell(column: &Column, row: &Value) -> String {
    match (column.of, field(column, row)) {
        (_, None) => String::new(),
        (Type::Text, Some(Value::String(text))) => harmless(text),
        (_, Some(value)) => value.to_string(),
    }
}

/// A field of a row; null is none.
pub(super) fn field<'r>(column: &Column, row: &'r Value) -> Option<&'r Value> {
    column.path.split('/').try_fold(row, |at, name| at.get(name)).filter(|value| !value.is_null())
}
