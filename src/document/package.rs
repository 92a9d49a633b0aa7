//! Opening zip archives under limits: for archives that were sent and for the packages that office files are.
//! What the directory claims is checked before a byte is unpacked; what comes out is checked again.

use std::io::{Cursor, Read};

use super::limits::ArchiveLimits;

/// Entries below this size may have any ratio: small texts of one letter are no bomb.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// Entries that a directory may list before any limit of the caller's: each costs some hundred bytes to be known.
const MAX_LISTED: usize = 100_000;

pub(super) struct Package<'a> {
    archive: zip::ZipArchive<Cursor<&'a [u8]>>,
    /// Names of entries that are links; they have no content of their own.
    pub links: Vec<String>,
    limits: ArchiveLimits,
    /// Bytes that may still be unpacked.
    left: u64,
}

/// One file in an archive, as its directory says.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub index: usize,
    pub name: String,
    pub size: u64,
}

/// The names in a zip, without any check but that the directory can be read.
pub(super) fn entry_names(bytes: &[u8]) -> Option<Vec<String>> {
    if !bytes.starts_with(b"PK") || lists_too_many(bytes) {
        return None;
    }
    let archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    Some(archive.file_names_raw().take(10_000).map(|n| String::from_utf8_lossy(n).into_owned()).collect())
}

/// Whether there may be more entries than can be listed, by their marks and before any of them is read.
fn lists_too_many(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, b"PK\x01\x02").nth(MAX_LISTED).is_some()
}

impl<'a> Package<'a> {
    /// # Errors
    /// If the archive is damaged or its directory claims more than the limits allow.
    pub fn open(bytes: &'a [u8], limits: &ArchiveLimits) -> Result<(Self, Vec<Entry>), String> {
        if lists_too_many(bytes) {
            return Err(format!("the archive lists more than {MAX_LISTED} entries, over the limit; pack fewer files"));
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| format!("the archive is damaged or cut off ({e}); pack or save it again"))?;
        if archive.len() > limits.max_entries {
            return Err(format!("the archive has {} entries, over the limit of {}", archive.len(), limits.max_entries));
        }
        if archive.has_overlapping_entries().unwrap_or(true) {
            return Err("the archive's entries overlap, as in a zip bomb; pack it again".to_owned());
        }
        let mut entries = Vec::with_capacity(archive.len());
        let mut links = Vec::new();
        let mut total = 0u64;
        for index in 0..archive.len() {
            let file =
                archive.by_index_raw(index).map_err(|e| format!("the archive is damaged ({e}); pack it again"))?;
            let (size, packed) = (file.size(), file.compressed_size());
            let name =
                file.name().map_or_else(|_| String::from_utf8_lossy(file.name_raw()).into_owned(), |n| n.into_owned());
            total = total.saturating_add(size);
            if total > limits.max_total_bytes {
                return Err(format!("the archive unpacks to more than the limit of {} bytes", limits.max_total_bytes));
            }
            if size > RATIO_FREE_BYTES && size / packed.max(1) > limits.max_ratio {
                return Err(format!(
                    "an entry unpacks to {} times its size, over the limit of {}, as in a zip bomb",
                    size / packed.max(1),
                    limits.max_ratio
                ));
            }
            if file.is_symlink() {
                links.push(name);
            } else if file.is_file() {
                entries.push(Entry { index, name, size });
            }
        }
        let limits = limits.clone();
        Ok((Self { archive, links, left: limits.max_total_bytes, limits }, entries))
    }

    /// The unpacked bytes of an entry.
    ///
    /// # Errors
    /// If it is encrypted, damaged, larger than it claims or over a limit.
    pub fn read(&mut self, entry: &Entry) -> Result<Vec<u8>, String> {
        if entry.size > self.limits.max_entry_bytes {
            return Err(format!("{} bytes unpacked, over the limit of {}", entry.size, self.limits.max_entry_bytes));
        }
        let file = self.archive.by_index(entry.index).map_err(|e| match e {
            zip::result::ZipError::UnsupportedArchive(what) if what.contains("Password") => {
                "protected by a password; send it without one".to_owned()
            }
            other => format!("cannot be unpacked ({other})"),
        })?;
        let mut bytes = Vec::with_capacity(usize::try_from(entry.size.min(1 << 20)).unwrap_or(0));
        if entry.size > self.left {
            return Err(format!("over the limit of {} bytes unpacked in all", self.limits.max_total_bytes));
        }
        let allowed = entry.size;
        file.take(allowed + 1).read_to_end(&mut bytes).map_err(|e| format!("damaged ({e})"))?;
        if bytes.len() as u64 > allowed {
            return Err("unpacks to more than its directory says".to_owned());
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}
