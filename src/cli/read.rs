//! `empanel read`: what a judge is shown of files, read as the service reads them: in processes of their own, under its
//! limits. No server, no key, no model. What `grade` would cut for a judge with less room is not cut here: that depends
//! on the judge and the rubric.
//!
//! A file that cannot be read is a result, not a mistake: it is shown with its reason, and the exit code is 3.

use std::borrow::Cow;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use comfy_table::{ContentArrangement, Table, presets};
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use sha2::Digest as _;

use super::{Failure, load, log, show};
use crate::app;
use crate::document;
use crate::domain::{
    CellContent, Cut, FOR_JUDGES, FileExtract, FileName, Finding, Fingerprint, Manifest, Outcome, Place, Sheet,
    StoredFile,
};
use crate::prompt::text_view;
use crate::reading::{Reading, Source, WorkerLimits};

/// How wide a header is where no terminal says.
const WIDTH: u16 = 110;
const NARROWEST: u16 = 40;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to read: pdf, xlsx, docx, pptx, images, mails, archives, text and more
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Without it: `pretty` on a terminal, `text` elsewhere
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where [limits] and [reading] are taken from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// What each file is, what of it is missing or hidden, and its text
    Pretty,
    /// The text alone, with the places that evidence names
    Text,
    /// All that was read: text by place, cells, images without their bytes, cuts, findings and the manifest
    Json,
    /// What a grading keeps of what its judges saw
    Manifest,
}

/// A file of the call, and what it gave: itself and, of an archive, its members.
#[derive(Debug)]
struct Done {
    file: PathBuf,
    time: Duration,
    extracts: Vec<FileExtract>,
}

pub(super) async fn read(args: Args) -> Result<(), Failure> {
    log("error");
    let terminal = std::io::stdout().is_terminal();
    let format = args.format.unwrap_or(if terminal { Format::Pretty } else { Format::Text });
    // All mistakes in the call before the first file is read.
    let names = args.files.iter().map(|path| name(path)).collect::<Result<Vec<_>, _>>()?;
    let mut config = load(args.config.as_ref())?;
    // Nothing is left behind: only a cache that is asked for is kept.
    config.files.url = "memory:".to_owned();
    let at_once = match config.reading.workers {
        0 => WorkerLimits::default().workers,
        workers => workers,
    };
    let reading = Arc::new(app::reading(&config).map_err(Failure::mistake)?);

    let bar = progress(args.files.len());
    let mut reads = futures_util::stream::iter(args.files.into_iter().zip(names))
        .map(|(path, name)| tokio::spawn(one(Arc::clone(&reading), path, name)))
        .buffered(at_once);
    let mut out =
        Out { format, terminal, shown: 0, several: bar.length() > Some(1), seen: Manifest::default(), kept: vec![] };
    let (mut files, mut unread) = (0_usize, 0_usize);
    while let Some(done) = reads.next().await {
        let done = done.map_err(Failure::mistake)??;
        files += done.extracts.len();
        unread += done.extracts.iter().filter(|extract| !extract.is_readable()).count();
        bar.inc(1);
        bar.suspend(|| out.take(done));
    }
    bar.finish_and_clear();
    out.finish()?;
    if unread > 0 {
        eprintln!("files that could not be read: {unread} of {files}");
        return Err(Failure::Partial);
    }
    Ok(())
}

/// The file's name as the service would keep it, if there is a file that can be opened.
fn name(path: &Path) -> Result<FileName, Failure> {
    let cannot = |why: &dyn std::fmt::Display| Failure::Mistake(format!("cannot read {}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| cannot(&error))?;
    if file.metadata().map_err(|error| cannot(&error))?.is_dir() {
        return Err(cannot(&"it is a folder; name the files in it"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    FileName::parse(name).map_err(|error| cannot(&error))
}

async fn one(reading: Arc<Reading>, path: PathBuf, name: FileName) -> Result<Done, Failure> {
    let bytes = tokio::fs::read(&path).await;
    let bytes = bytes.map_err(|error| Failure::Mistake(format!("cannot read {}: {error}", path.display())))?;
    let begun = Instant::now();
    let file = StoredFile {
        media_type: document::media_type(name.as_str(), &bytes),
        bytes: bytes.len() as u64,
        sha256: hex::encode(sha2::Sha256::digest(&bytes)),
        name,
    };
    let extracts = reading.read(Source { file, bytes: bytes.into() }).await;
    Ok(Done { file: path, time: begun.elapsed(), extracts })
}

/// On stderr, for several files.
fn progress(files: usize) -> ProgressBar {
    let bar = ProgressBar::new(files as u64);
    if files < 2 || !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {wide_bar} {pos}/{len} files · {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Where results go as they come, in the order of the call.
struct Out {
    format: Format,
    terminal: bool,
    /// Extracts so far.
    shown: usize,
    /// Whether texts must be told apart.
    several: bool,
    seen: Manifest,
    /// For what can only be written as a whole.
    kept: Vec<Done>,
}

impl Out {
    fn take(&mut self, done: Done) {
        self.seen.files.extend(done.extracts.iter().map(FileExtract::seen));
        match self.format {
            Format::Json => self.kept.push(done),
            Format::Manifest => {}
            Format::Text => self.texts(&done),
            Format::Pretty => self.pages(&done),
        }
    }

    fn texts(&mut self, done: &Done) {
        let several = self.several || done.extracts.len() > 1;
        for extract in &done.extracts {
            let gap = if self.shown > 0 { "\n" } else { "" };
            let head = if several { format!("{gap}==> {} <==\n", extract.name) } else { String::new() };
            let text = match &extract.outcome {
                Outcome::Unreadable { reason } => format!("{head}[this file could not be read: {reason}]\n"),
                Outcome::Read | Outcome::Partial => head + &text_view(extract),
            };
            write(if self.terminal { tame(&text) } else { text.into() }.as_bytes());
            self.shown += 1;
        }
    }

    fn pages(&mut self, done: &Done) {
        for (index, extract) in done.extracts.iter().enumerate() {
            let gap = if self.shown > 0 { "\n" } else { "" };
            // An archive and its members are read in one go.
            let time = (index == 0).then_some(done.time);
            let name = show::bold(&tame(&extract.name));
            let text = text_view(extract);
            let text = if text.is_empty() { String::new() } else { format!("\n{}", tame(&text)) };
            write(format!("{gap}{name}\n{}\n{text}", header(extract, time)).as_bytes());
            self.shown += 1;
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let text = match self.format {
            Format::Pretty | Format::Text => return Ok(()),
            Format::Manifest => serde_json::to_string_pretty(&self.seen),
            Format::Json => {
                let read = self.kept.iter().map(Told::new).collect();
                serde_json::to_string_pretty(&Everything { read, manifest: &self.seen })
            }
        };
        println!("{}", text.map_err(Failure::mistake)?);
        Ok(())
    }
}

/// Whoever closed stdout has seen enough.
fn write(bytes: &[u8]) {
    let _ = std::io::stdout().lock().write_all(bytes);
}

/// Signs that would move a terminal's cursor, colour it or turn its direction, spelled out: what was read was written
/// by somebody else.
fn tame(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// What the file is, what of it there is, and what a person should know of it.
fn header(extract: &FileExtract, time: Option<Duration>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // Some terminals say that they have no width at all.
    if table.width().is_none_or(|width| width < NARROWEST) {
        table.set_width(WIDTH);
    }
    let mut row = |what: &str, text: &str| {
        table.add_row([what, &tame(text)]);
    };
    row("kind", &format!("{}, {} bytes, reader {}", extract.media_type, grouped(extract.bytes), extract.reader));
    if let Outcome::Unreadable { reason } = &extract.outcome {
        row("NOT READ", &format!("{reason}. Its content is unknown, not absent."));
    } else {
        let time = time.map(|time| format!("{:.1} ms", milliseconds(time)));
        row("read", &counts(extract).into_iter().chain(time).collect::<Vec<_>>().join(" · "));
    }
    for Cut { what, why, characters } in &extract.cuts {
        let size = characters.map(|n| format!(", {} characters", grouped(n))).unwrap_or_default();
        row("cut", &format!("{what}{size}: {why}"));
    }
    for Finding { code, place, detail } in &extract.findings {
        let what = match code.as_str() {
            code if FOR_JUDGES.contains(&code) => "JUDGES",
            code if code.starts_with("hidden_") || code == "invisible_characters" => "hidden",
            _ => "found",
        };
        row(what, &format!("{place}: {detail} ({code})"));
    }
    table.trim_fmt()
}

/// What there is of it, each with its unit; only what there is.
fn counts(extract: &FileExtract) -> Vec<String> {
    let counted = |n: usize, one: &str, many: &str| {
        (n > 0).then(|| format!("{} {}", grouped(n as u64), if n == 1 { one } else { many }))
    };
    let cells = || extract.sheets.iter().flat_map(|sheet| &sheet.cells);
    let tables: std::collections::BTreeSet<u32> = extract
        .segments
        .iter()
        .filter_map(|segment| match segment.place {
            Place::TableRow { table, .. } => Some(table),
            _ => None,
        })
        .collect();
    let calculated = cells().filter(|cell| cell.calculated).count();
    let unknown = cells().filter(|cell| cell.content == CellContent::NotCalculated).count();
    let pages = extract.pages.map_or(0, |pages| pages as usize);
    [
        Some(format!("{} characters", grouped(extract.characters()))),
        counted(pages, "page", "pages"),
        counted(tables.len(), "table", "tables"),
        counted(extract.sheets.len(), "sheet", "sheets"),
        counted(cells().count(), "cell", "cells"),
        counted(cells().filter(|cell| cell.formula.is_some()).count(), "formula", "formulas"),
        counted(calculated, "value calculated by the reader", "values calculated by the reader"),
        counted(unknown, "value not calculated", "values not calculated"),
        counted(extract.images.len(), "image", "images"),
        extract.media.as_ref().map(|media| format!("{} for judges that take it", media.media_type)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

/// `--format json`.
#[derive(Serialize)]
struct Everything<'a> {
    read: Vec<Told<'a>>,
    manifest: &'a Manifest,
}

#[derive(Serialize)]
struct Told<'a> {
    /// As it was called.
    file: Cow<'a, str>,
    /// From its bytes to its extract, the way to a worker and back included.
    milliseconds: f64,
    extracts: Vec<ToldExtract<'a>>,
}

/// A [`FileExtract`] for eyes and scripts: places also in words, pictures without their bytes.
#[derive(Serialize)]
struct ToldExtract<'a> {
    name: &'a str,
    media_type: &'a str,
    bytes: u64,
    sha256: &'a str,
    reader: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<&'a Fingerprint>,
    #[serde(flatten)]
    outcome: &'a Outcome,
    characters: u64,
    pages: Option<u32>,
    segments: Vec<ToldSegment<'a>>,
    sheets: &'a [Sheet],
    images: Vec<ToldImage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'a str>,
    cuts: &'a [Cut],
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct ToldSegment<'a> {
    place: &'a Place,
    r#where: String,
    text: &'a str,
}

#[derive(Serialize)]
struct ToldImage<'a> {
    place: &'a Place,
    r#where: String,
    media_type: &'a str,
    width: u32,
    height: u32,
    bytes: usize,
}

impl<'a> Told<'a> {
    fn new(done: &'a Done) -> Self {
        Self {
            file: done.file.to_string_lossy(),
            milliseconds: milliseconds(done.time),
            extracts: done.extracts.iter().map(ToldExtract::new).collect(),
        }
    }
}

impl<'a> ToldExtract<'a> {
    fn new(of: &'a FileExtract) -> Self {
        let segment = |segment: &'a crate::domain::Segment| ToldSegment {
            place: &segment.place,
            r#where: segment.place.to_string(),
            text: &segment.text,
        };
        let image = |image: &'a crate::domain::Image| ToldImage {
            place: &image.place,
            r#where: image.place.to_string(),
            media_type: &image.media_type,
            width: image.width,
            height: image.height,
            bytes: image.bytes.len(),
        };
        Self {
            name: &of.name,
            media_type: &of.media_type,
            bytes: of.bytes,
            sha256: &of.sha256,
            reader: &of.reader,
            settings: of.settings.as_ref(),
            outcome: &of.outcome,
            characters: of.characters(),
            pages: of.pages,
            segments: of.segments.iter().map(segment).collect(),
            sheets: &of.sheets,
            images: of.images.iter().map(image).collect(),
            media: of.media.as_ref().map(|media| media.media_type.as_str()),
            cuts: &of.cuts,
            findings: &of.findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_spelled_out_and_all_else_is_left_alone() {
        assert_eq!(tame("a\x1b[31mb\u{202e}c\u{9b}\r\n\td"), "a\\u{1b}[31mb\\u{202e}c\\u{9b}\\u{d}\n\td");
        assert!(matches!(tame("Größe ≥ 10 %\n\t日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
