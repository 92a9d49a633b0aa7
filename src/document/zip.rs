//! Zip archives: the archive itself gives the list of its members; each member is a file of its own, named
//! `a.zip/m.docx`. Archives in archives are opened as deep as the limits say.

use crate::domain::Place;

use super::draft::Draft;
use super::package::Package;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "zip/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let zip = sample.entries().is_some()
        || sample.bytes.starts_with(b"PK\x03\x04")
        || sample.bytes.starts_with(b"PK\x05\x06");
    zip.then_some("application/zip")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    draft.may_open()?;
    let mut limits = draft.limits.archive.clone();
    limits.max_entries = draft.budget.entries;
    limits.max_total_bytes = draft.budget.bytes;
    let (mut package, entries) = Package::open(sample.bytes, &limits)?;
    draft.report_paths(entries.iter().map(|entry| entry.name.as_str()));
    for link in std::mem::take(&mut package.links) {
        let name = super::members::clean_name(&link);
        draft.finding("archive_link", Place::Whole, format!("{name} is a link and was not followed"));
    }
    if entries.is_empty() && draft.is_silent() {
        return Err("the archive holds no files; pack it again".to_owned());
    }
    for entry in &entries {
        // What macOS adds to archives beside the files themselves.
        if entry.name.starts_with("__MACOSX/") || entry.name.ends_with(".DS_Store") {
            draft.finding(
                "archive_side_file",
                Place::Whole,
                format!("{} was left out", super::members::clean_name(&entry.name)),
            );
            continue;
        }
        draft.push(Place::Whole, format!("- {} ({} bytes)", super::members::clean_name(&entry.name), entry.size));
        match package.read(entry) {
            Ok(bytes) => draft.member(sample.name, &entry.name, &bytes),
            Err(why) => draft.unreadable_member(sample.name, &entry.name, entry.size, why),
        }
    }
    Ok(())
}
