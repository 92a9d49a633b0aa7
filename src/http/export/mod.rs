//! Everything of one kind, as a file that streams: votes, gradings, battles, overrides or submissions, as JSON Lines, CSV
//! or Parquet.
//!
//! A line of JSON is what the API tells of the thing; the tables have a column for each of its fields ([`columns`]).
//! Nothing is held but the page that is being written, so that a million votes take no more memory than a thousand; the
//! reader sets the pace. Pages are read one after the other while others write: what is there all the time is told exactly
//! once. What goes wrong on the way breaks the transfer, so that half a file is never taken for a whole one.
//!
//! Replies of providers are not in it (a vote's `raw_reply` is told with its grading), and no key or secret is.

mod columns;
mod parquet;
mod rows;
mod table;

use std::str::FromStr;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::problem::Problem;
use crate::store::ProjectStore;

pub use rows::What;
use table::Writer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Jsonl,
    Csv,
    Parquet,
}

/// Rows that are read and written at a time.
const PAGE: usize = 1_000;

/// Pieces that a slow reader may be behind.
pub const BEHIND: usize = 4;

/// Where the pieces of a file go; after a problem there is no more.
pub type Sender = mpsc::Sender<Result<Bytes, Problem>>;

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} cannot be exported; {}", Self::known());
        Self::ALL.into_iter().find(|what| what.as_str() == text).ok_or_else(unknown)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("{text:?} is no format of exports; there are {}", Self::ALL.map(Self::as_str).join(", "));
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(unknown)
    }
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Jsonl, Self::Csv, Self::Parquet];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Writes all of a project to `sender`; the number of rows. A reader who goes away ends it early.
///
/// # Errors
/// As the store; `sender` is told the same.
pub async fn write(project: &ProjectStore, what: What, format: Format, sender: Sender) -> Result<u64, Problem> {
    let done = told(project, what, format, &sender).await;
    if let Err(problem) = &done {
        let cut = format!("the export ended early: {problem}");
        let _ = sender.send(Err(Problem::internal(cut))).await;
    }
    done
}

async fn told(project: &ProjectStore, what: What, format: Format, sender: &Sender) -> Result<u64, Problem> {
    let mut writer = Writer::new(format, what.columns())?;
    let mut pages = rows::Pages::of(what);
    let mut count = 0;
    while let Some(rows) = pages.next(project, PAGE).await? {
        count += rows.len() as u64;
        // A thousand rows take milliseconds, which others need not wait for.
        let written = tokio::task::spawn_blocking(move || writer.rows(rows).map(|bytes| (writer, bytes))).await;
        let (next, bytes) = written.map_err(|error| Problem::internal(error.to_string()))??;
        writer = next;
        if !bytes.is_empty() && sender.send(Ok(bytes.into())).await.is_err() {
            return Ok(count);
        }
    }
    let last = writer.end()?;
    if !last.is_empty() {
        let _ = sender.send(Ok(last.into())).await;
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
