//! Which files a check is about, and what about them is not known.

use globset::{GlobBuilder, GlobMatcher};

use super::{CheckOutcome, Looked};
use crate::domain::{Extract, FileExtract, Outcome, Place};

/// The files that a check's glob names.
pub struct Scope<'a> {
    pub files: Vec<&'a FileExtract>,
    glob: Option<&'a str>,
    all: &'a Extract,
}

/// A glob over file names: case-insensitive, `*` stays inside one folder of an archive, and a pattern
/// without `/` matches the last part of a name too (`*.docx` finds `work.zip/memo.docx`).
pub fn glob(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build()?.compile_matcher())
}

impl<'a> Scope<'a> {
    pub fn new(all: &'a Extract, pattern: Option<&'a str>) -> Self {
        let matcher = pattern.and_then(|p| glob(p).ok());
        let matches = |name: &str| match (&matcher, pattern) {
            (Some(matcher), Some(pattern)) => {
                let last = name.rsplit('/').next().unwrap_or(name);
                matcher.is_match(name) || (!pattern.contains('/') && matcher.is_match(last))
            }
            _ => true,
        };
        Self { files: all.files.iter().filter(|f| matches(&f.name)).collect(), glob: pattern, all }
    }

    /// In words: which files were looked at.
    pub fn names(&self) -> String {
        let mut names: Vec<&str> = self.files.iter().take(5).map(|f| f.name.as_str()).collect();
        if self.files.len() > names.len() {
            names.push("...");
        }
        names.join(", ")
    }

    /// An archive that was not opened completely: it may hold any file.
    pub fn closed_archive(&self) -> Option<&'a FileExtract> {
        self.all.files.iter().find(|f| f.outcome != Outcome::Read && is_archive(f))
    }

    /// The outcome when no file satisfied the check: failed, or undecided because of the first file that
    /// `matters` to the check and was not read completely, or because of a closed archive.
    pub fn without_hit(&self, matters: impl Fn(&FileExtract) -> bool, looked: Looked) -> CheckOutcome {
        let gap = self.files.iter().copied().filter(|f| matters(f)).find_map(|f| gap(f).map(|why| (f, why)));
        if let Some((file, why)) = gap {
            return CheckOutcome::nothing(format!("`{}` {why}", file.name));
        }
        if let Some(archive) = self.closed_archive() {
            return CheckOutcome::nothing(format!("the archive `{}` was not opened completely", archive.name));
        }
        CheckOutcome::fails(looked)
    }

    /// Nothing matched: what to show for it.
    pub fn looked(&self, detail: impl Into<String>) -> Looked {
        let detail = match (self.files.is_empty(), self.glob) {
            (true, Some(glob)) => format!("no file matches `{glob}`"),
            (true, None) => "there are no files".to_owned(),
            (false, _) => format!("{} (looked at: {})", detail.into(), self.names()),
        };
        let file = self.files.first().map_or(String::new(), |f| f.name.clone());
        Looked { file, place: Place::Whole, quote: String::new(), detail }
    }
}

/// What of a file is not known, in words that follow its name.
pub fn gap(file: &FileExtract) -> Option<String> {
    match &file.outcome {
        Outcome::Read => None,
        Outcome::Unreadable { reason } => Some(format!("could not be read: {reason}")),
        Outcome::Partial => Some(match file.cuts.first() {
            Some(cut) => format!("was not read completely: {} ({})", cut.what, cut.why),
            None => "was not read completely".to_owned(),
        }),
    }
}

fn has_extension(file: &FileExtract, extensions: &[&str]) -> bool {
    file.name.rsplit_once('.').is_some_and(|(_, e)| extensions.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// An archive may hold any file. A damaged workbook or document is a zip by its bytes and yet holds none.
pub fn is_archive(file: &FileExtract) -> bool {
    const PACKAGES: &[&str] = &["xlsx", "xlsm", "xlsb", "docx", "docm", "pptx", "pptm", "ods", "odt", "odp"];
    has_extension(file, &["zip"]) || (file.media_type == "application/zip" && !has_extension(file, PACKAGES))
}

/// A file of no known kind that could not be read: whatever is looked for may be in it.
fn may_hold_anything(file: &FileExtract) -> bool {
    file.media_type == "application/octet-stream" && !file.is_readable()
}

pub fn is_image(file: &FileExtract) -> bool {
    file.media_type.starts_with("image/")
}

/// Whether a file of this kind may hold sheets: an unreadable PDF hides no cell.
pub fn may_hold_sheets(file: &FileExtract) -> bool {
    !file.sheets.is_empty()
        || may_hold_anything(file)
        || ["spreadsheet", "excel", "csv", "tab-separated"].iter().any(|kind| file.media_type.contains(kind))
        || has_extension(file, &["xlsx", "xlsm", "xlsb", "xls", "ods", "csv", "tsv"])
}

/// Whether a file of this kind has pages or slides.
pub fn may_hold_pages(file: &FileExtract) -> bool {
    file.pages.is_some()
        || may_hold_anything(file)
        || ["pdf", "wordprocessing", "presentation", "msword", "powerpoint"].iter().any(|k| file.media_type.contains(k))
        || has_extension(file, &["pdf", "docx", "doc", "pptx", "ppt", "odt", "odp"])
}

pub fn is_json(file: &FileExtract) -> bool {
    file.media_type.contains("json") || has_extension(file, &["json", "jsonl", "ndjson", "geojson"])
}
