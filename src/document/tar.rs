//! Tar archives (ustar, pax, GNU): each regular file is a member, named `a.tar/m.txt`. Links, devices, pipes
//! and sparse files are named and never followed or filled. Members are slices of the archive's own bytes, so
//! that nothing is held twice. POSIX.1-2017 (pax), GNU tar manual, "Basic Tar Format".

use std::io::Cursor;

use tar::EntryType;

use crate::domain::Place;

use super::draft::Draft;
use super::members::{clean_name, leads_out};
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "tar/1", recognise, read };

/// Things in one archive, links and folders too, that are looked at.
const MAX_LOOKED_AT: usize = 100_000;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    is_tar(sample.bytes).then_some("application/x-tar")
}

/// The first header's checksum is right: the sum of its bytes, those of the checksum taken as blanks.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..512) else { return false };
    let field = header.get(148..156).unwrap_or_default();
    let digits: String = field.iter().map(|b| char::from(*b)).collect();
    let Ok(claimed) = u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8) else { return false };
    let sum: u64 =
        header.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { u64::from(*b) }).sum();
    sum == claimed && header.first().is_some_and(|b| *b != 0)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    read_bytes(sample.name, sample.bytes, draft)
}

/// Reads the archive in `bytes`; its members are named after `outer`.
pub(super) fn read_bytes(outer: &str, bytes: &[u8], draft: &mut Draft<'_>) -> Result<(), String> {
    draft.may_open()?;
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    let entries = archive.entries().map_err(|e| format!("the archive is damaged ({e}); pack it again"))?;
    let (mut seen, mut files) = (0usize, 0usize);
    let mut leading_out: Vec<String> = Vec::new();
    for entry in entries {
        seen += 1;
        let entry = match entry {
            Ok(entry) if seen <= MAX_LOOKED_AT => entry,
            Ok(_) => {
                draft.cut(
                    Place::Whole,
                    "the rest of the archive",
                    format!("over the limit of {MAX_LOOKED_AT} entries"),
                    None,
                );
                break;
            }
            Err(_) if files == 0 => return Err("the archive is damaged or cut off; pack it again".to_owned()),
            Err(error) => {
                draft.cut(Place::Whole, "the rest of the archive", format!("damaged or cut off ({error})"), None);
                break;
            }
        };
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let (name, size) = (clean_name(&path), entry.size());
        if leads_out(&path) {
            leading_out.push(path.clone());
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous if path.ends_with('/') => continue,
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::GNUSparse => {
                files += 1;
                draft.unreadable_member(
                    outer,
                    &path,
                    size,
                    "a sparse file, which is not filled; pack it without holes".to_owned(),
                );
                continue;
            }
            other => {
                let target = entry.link_name_bytes().map(|t| clean_name(&String::from_utf8_lossy(&t)));
                let what = kind(other);
                let detail = target.map_or_else(
                    || format!("{name} is {what} and was left out"),
                    |t| format!("{name} is {what} to {t} and was not followed"),
                );
                draft.finding("archive_link", Place::Whole, detail);
                continue;
            }
        }
        // What macOS adds to archives beside the files themselves.
        if path.rsplit('/').next().is_some_and(|n| n.starts_with("._") || n == ".DS_Store") {
            draft.finding("archive_side_file", Place::Whole, format!("{name} was left out"));
            continue;
        }
        files += 1;
        draft.push(Place::Whole, format!("- {name} ({size} bytes)"));
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        let more = match bytes.get(start..end) {
            Some(content) => draft.member_within(outer, &path, content),
            None => {
                draft.unreadable_member(
                    outer,
                    &path,
                    size,
                    "the archive ends before the file does; pack it again".to_owned(),
                );
                true
            }
        };
        if !more {
            let why = format!("over the limit of {} entries", draft.limits.archive.max_entries);
            draft.cut(Place::Whole, format!("{name} and all after it"), why, None);
            break;
        }
    }
    draft.report_paths(leading_out.iter().map(String::as_str));
    if files == 0 && draft.is_silent() {
        return Err("the archive holds no files; pack it again".to_owned());
    }
    Ok(())
}

fn kind(entry: EntryType) -> &'static str {
    match entry {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "of an unknown kind",
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_files, read_one, reason, tar, text_of};
    use crate::document::{ArchiveLimits, Input, Limits, read};
    use crate::domain::Outcome;

    #[test]
    fn members_are_files_and_links_and_devices_are_only_named() {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, target) in [
            ("passwd", tar::EntryType::Symlink, "/etc/passwd"),
            ("dev", tar::EntryType::Char, ""),
            ("h", tar::EntryType::Link, "../../x"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            if target.is_empty() {
                builder.append_data(&mut header, name, &[][..]).unwrap();
            } else {
                builder.append_link(&mut header, name, target).unwrap();
            }
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        builder.append_data(&mut header, format!("{}/a.txt", "long/".repeat(40)), &b"hello"[..]).unwrap();
        let files = read_files("a.tar", &builder.into_inner().unwrap());
        assert_eq!(files.len(), 2);
        assert!(files[1].name.ends_with("long/a.txt") && text_of(&files[1]) == "hello");
        let said: Vec<&str> = files[0].findings.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(
            said,
            [
                "passwd is a link to etc/passwd and was not followed",
                "dev is a device and was left out",
                "h is a hard link to x and was not followed"
            ]
        );
    }

    #[test]
    fn names_cannot_climb_and_twins_are_told_apart() {
        let mut bytes = tar(&[("aa/bb/x.txt", b"one"), ("y.txt", b"two"), ("y.txt", b"three")]);
        bytes[..11].copy_from_slice(b"../../x.txt");
        let sum: u32 = bytes[..512]
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let names: Vec<String> = read_files("a.tar", &bytes).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["a.tar", "a.tar/x.txt", "a.tar/y.txt", "a.tar/y.txt (2)"]);
    }

    #[test]
    fn an_archive_cut_off_says_so_and_keeps_what_came_before() {
        let bytes = tar(&[("a.txt", b"one"), ("b.txt", &[b'x'; 5_000])]);
        let files = read_files("a.tar", &bytes[..3_000]);
        assert_eq!(text_of(&files[1]), "one");
        assert!(reason(&files[2]).contains("ends before"), "{files:?}");
        assert!(reason(&read_one("a.tar", b"no tar at all\0\0")).contains(".tar"));
    }

    #[test]
    fn a_size_beyond_belief_and_too_many_entries_are_bounded() {
        let mut bytes = tar(&[("a.txt", b"one")]);
        bytes[124..136].copy_from_slice(b"77777777777\0");
        let sum: u32 = bytes[..512]
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(reason(&read_files("a.tar", &bytes)[1]).contains("ends before"));

        let limits =
            Limits { archive: ArchiveLimits { max_entries: 2, ..ArchiveLimits::default() }, ..Limits::default() };
        let bytes = tar(&[("a.txt", b"1"), ("b.txt", b"2"), ("c.txt", b"3")]);
        let files = read(&Input { name: "a.tar", media_type: None, bytes: &bytes }, &limits);
        assert_eq!((files.len(), &files[0].outcome), (3, &Outcome::Partial));
        assert_eq!(files[0].cuts[0].what, "c.txt and all after it");
    }
}
