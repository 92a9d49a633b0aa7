//! What was read once, kept on disk. An extract follows from the file's bytes, its name and stated kind, the readers'
//! versions and the limits; all of them are in its key, so that an entry is never out of date. Best effort: what cannot
//! be kept is read again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Source;
use crate::document::{self, Limits};
use crate::domain::{FileExtract, Fingerprint};

/// A folder of extracts, bounded in bytes.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    most_bytes: u64,
    /// Bytes that are there, as far as is known.
    bytes: Mutex<u64>,
}

#[derive(Serialize)]
struct Entry<'a> {
    extracts: &'a [FileExtract],
}

#[derive(Deserialize)]
struct Kept {
    extracts: Vec<FileExtract>,
}

/// What an extract follows from.
#[must_use]
pub(super) fn key(source: &Source, limits: &Limits) -> String {
    let file = &source.file;
    let made_by = (document::readers(), limits);
    Fingerprint::of(&(&file.sha256, &file.name, &file.media_type, made_by)).to_string()
}

impl Cache {
    /// # Errors
    /// If the folder cannot be made or looked into.
    pub fn open(folder: PathBuf, most_bytes: u64) -> std::io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let bytes = entries(&folder)?.iter().map(|entry| entry.bytes).sum();
        Ok(Self { folder, most_bytes, bytes: Mutex::new(bytes) })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.extract"))
    }

    /// What was kept under the key. What is damaged is as good as absent, and taken away.
    #[must_use]
    pub(super) fn get(&self, key: &str) -> Option<Vec<FileExtract>> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        let whole = bytes.split_at_checked(blake3::OUT_LEN).filter(|(sum, kept)| blake3::hash(kept).as_bytes() == sum);
        let kept = whole.and_then(|(_, kept)| rmp_serde::from_slice::<Kept>(kept).ok());
        if kept.is_none() {
            tracing::warn!(path = %path.display(), "a kept extract is damaged; the file is read again");
            let _ = fs::remove_file(&path);
        } else if let Ok(file) = fs::File::options().append(true).open(&path) {
            // What was used last goes last.
            let _ = file.set_modified(now());
        }
        kept.map(|kept| kept.extracts)
    }

    pub(super) fn put(&self, key: &str, extracts: &[FileExtract]) {
        if let Err(error) = self.keep(key, extracts) {
            tracing::warn!(folder = %self.folder.display(), %error, "an extract could not be kept");
        }
    }

    fn keep(&self, key: &str, extracts: &[FileExtract]) -> std::io::Result<()> {
        let packed = rmp_serde::to_vec_named(&Entry { extracts }).map_err(std::io::Error::other)?;
        let size = (packed.len() + blake3::OUT_LEN) as u64;
        if size > self.most_bytes / 4 {
            return Ok(());
        }
        let mut bytes = self.bytes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *bytes + size > self.most_bytes {
            *bytes = self.make_room(size)?;
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(blake3::hash(&packed).as_bytes())?;
        file.write_all(&packed)?;
        file.persist(self.path(key))?;
        *bytes += size;
        Ok(())
    }

    /// Takes away what was not used for longest, a tenth more than is needed; answers with what is left.
    fn make_room(&self, size: u64) -> std::io::Result<u64> {
        let mut all = entries(&self.folder)?;
        all.sort_by_key(|entry| entry.used);
        let mut left: u64 = all.iter().map(|entry| entry.bytes).sum();
        let aim = (self.most_bytes - self.most_bytes / 10).saturating_sub(size);
        for entry in all {
            if left <= aim {
                break;
            }
            fs::remove_file(&entry.path)?;
            left -= entry.bytes;
        }
        Ok(left)
    }
}

#[expect(clippy::disallowed_methods, reason = "only the order of uses is told by it")]
fn now() -> SystemTime {
    SystemTime::now()
}

struct Found {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn entries(folder: &Path) -> std::io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "extract") {
            let about = entry.metadata()?;
            found.push(Found { path, bytes: about.len(), used: about.modified()? });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Input;

    fn extract(text: &str) -> Vec<FileExtract> {
        document::read(&Input { name: "a.txt", media_type: None, bytes: text.as_bytes() }, &Limits::default())
    }

    #[test]
    fn what_was_kept_is_the_same_and_what_is_damaged_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 1 << 20).unwrap();
        assert_eq!(cache.get("k"), None);
        cache.put("k", &extract("A report."));
        assert_eq!(cache.get("k"), Some(extract("A report.")));
        let again = Cache::open(folder.path().to_owned(), 1 << 20).unwrap();
        assert_eq!(again.get("k"), Some(extract("A report.")), "also after a restart");
        let path = cache.path("k");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(cache.get("k"), None);
        assert!(!path.exists());
        fs::write(&path, b"short").unwrap();
        assert_eq!(cache.get("k"), None);
    }

    #[test]
    fn it_stays_within_its_bytes_and_what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 40_000).unwrap();
        for n in 0..40 {
            cache.put(&format!("k{n}"), &extract(&format!("{n} {}", "word ".repeat(400))));
            // Times of files are coarse: the order is told.
            let age = std::time::Duration::from_secs(1_000 - n);
            let file = fs::File::options().append(true).open(cache.path(&format!("k{n}"))).unwrap();
            file.set_modified(now() - age).unwrap();
        }
        let there: u64 = entries(folder.path()).unwrap().iter().map(|entry| entry.bytes).sum();
        assert!(there <= 40_000, "{there}");
        assert!(cache.get("k39").is_some() && cache.get("k0").is_none());
    }

    #[test]
    fn an_extract_too_large_for_the_folder_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 1_000).unwrap();
        cache.put("k", &extract(&"word ".repeat(4_000)));
        assert_eq!(cache.get("k"), None);
    }
}
