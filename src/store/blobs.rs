//! Files by their content: the name of a file is the SHA-256 of its bytes, so the same bytes are kept once
//! and a damaged file is noticed.
//!
//! A file is written beside its place, synced, renamed into it, and its folder synced: after `put` returns it
//! survives a power loss, and there is never half a file under a name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::typed::folder_of;

const TEMPORARY: &str = "tmp";
/// A file that has been half written for so long is nobody's any more.
const LEFT_BEHIND: Duration = Duration::from_hours(6);

/// A store of files; clones are the same store.
#[derive(Clone)]
pub struct Blobs {
    place: Arc<Place>,
}

enum Place {
    Memory(Mutex<HashMap<String, Bytes>>),
    Folder(PathBuf),
}

impl Blobs {
    /// Opens `memory:` or `file:<folder>` (made if it is not there). What an earlier process left half written long
    /// ago is removed; several processes may share a folder.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`], [`StoreError::Io`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let invalid = |problem: &str| StoreError::InvalidUrl { url: url.to_owned(), problem: problem.to_owned() };
        let place = match url.split_once(':') {
            Some(("memory", "")) => Place::Memory(Mutex::default()),
            Some(("file", folder)) => {
                let folder = folder_of(folder).ok_or_else(|| invalid("it names no folder; write `file:./files`"))?;
                let prepared = folder.clone();
                blocking(move || prepare(&prepared, LEFT_BEHIND)).await?;
                Place::Folder(folder)
            }
            _ => return Err(invalid("files are kept in `file:<folder>` or `memory:`")),
        };
        Ok(Self { place: Arc::new(place) })
    }

    /// Keeps the bytes and returns their SHA-256 as lower-case hex. Twice is once.
    ///
    /// # Errors
    /// [`StoreError::Io`]: nothing is kept under the name.
    pub async fn put(&self, bytes: Bytes) -> Result<String, StoreError> {
        let this = self.clone();
        blocking(move || {
            let sha256 = hex::encode(Sha256::digest(&bytes));
            match &*this.place {
                Place::Memory(files) => {
                    files.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256.clone(), bytes);
                }
                Place::Folder(folder) => write(folder, &sha256, &bytes)?,
            }
            Ok(sha256)
        })
        .await
    }

    /// The bytes with this SHA-256.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFile`]; [`StoreError::CorruptFile`] if what is kept is not what was put.
    pub async fn get(&self, sha256: &str) -> Result<Bytes, StoreError> {
        let (this, sha256) = (self.clone(), checked(sha256)?);
        blocking(move || {
            let bytes = match &*this.place {
                Place::Memory(files) => files.lock().unwrap_or_else(PoisonError::into_inner).get(&sha256).cloned(),
                Place::Folder(folder) => read(&path_of(folder, &sha256))?,
            };
            let bytes = bytes.ok_or_else(|| StoreError::NoSuchFile { sha256: sha256.clone() })?;
            let found = hex::encode(Sha256::digest(&bytes));
            if found != sha256 {
                return Err(StoreError::CorruptFile { sha256, detail: format!("its bytes have the hash {found}") });
            }
            Ok(bytes)
        })
        .await
    }

    /// Whether there is a file with this SHA-256 (without reading it).
    pub async fn exists(&self, sha256: &str) -> Result<bool, StoreError> {
        let (this, sha256) = (self.clone(), checked(sha256)?);
        blocking(move || match &*this.place {
            Place::Memory(files) => Ok(files.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&sha256)),
            Place::Folder(folder) => {
                let path = path_of(folder, &sha256);
                path.try_exists().map_err(|error| StoreError::io(&path, &error))
            }
        })
        .await
    }
}

/// A name is 64 hex digits and nothing else: it becomes a path.
fn checked(sha256: &str) -> Result<String, StoreError> {
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash {
        Ok(sha256.to_owned())
    } else {
        Err(StoreError::NoSuchFile { sha256: sha256.chars().take(80).collect() })
    }
}

/// Runs work on files away from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable { detail: error.to_string() }),
    }
}

fn path_of(folder: &Path, sha256: &str) -> PathBuf {
    let (shard, rest) = sha256.split_at(2);
    folder.join(shard).join(rest)
}

fn prepare(folder: &Path, left_behind: Duration) -> Result<(), StoreError> {
    let temporary = folder.join(TEMPORARY);
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |error| StoreError::io(&path, &error)
    };
    fs::create_dir_all(&temporary).map_err(io(&temporary))?;
    for entry in fs::read_dir(&temporary).map_err(io(&temporary))?.flatten() {
        // Of what is younger another process may still be writing.
        let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age >= left_behind) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(StoreError::io(&entry.path(), &error)),
                _ => {}
            }
        }
    }
    sync_folder(folder)
}

fn write(folder: &Path, sha256: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let path = path_of(folder, sha256);
    let fail = |error: std::io::Error| StoreError::io(&path, &error);
    let shard = path.parent().unwrap_or(folder);
    // A file that is there but damaged is written again: a put always leaves the right bytes. One that is
    // right may have been renamed a moment ago: its name must be as durable as one of our own.
    if matches!(fs::read(&path), Ok(kept) if kept == bytes) {
        return sync_folder(shard);
    }
    if !shard.exists() {
        fs::create_dir_all(shard).map_err(fail)?;
        sync_folder(folder)?;
    }
    let mut file = tempfile::NamedTempFile::new_in(folder.join(TEMPORARY)).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(&path).map_err(|error| StoreError::io(&path, &error.error))?;
    sync_folder(shard)
}

fn read(path: &Path) -> Result<Option<Bytes>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(path, &error)),
    }
}

/// Makes the names in a folder durable. Windows has no such call and needs none.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn in_folder(folder: &Path) -> Blobs {
        Blobs::open(&format!("file:{}", folder.display())).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_comes_back_by_its_sha256_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in [Blobs::open("memory:").await.unwrap(), in_folder(&folder.path().join("new/files")).await] {
            let name = blobs.put(Bytes::from_static(b"abc")).await.unwrap();
            assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
            assert_eq!(blobs.put(Bytes::from_static(b"abc")).await.unwrap(), name);
            assert_eq!(blobs.get(&name).await.unwrap(), "abc");
            let empty = blobs.put(Bytes::new()).await.unwrap();
            assert!(blobs.get(&empty).await.unwrap().is_empty());
            assert!(blobs.exists(&name).await.unwrap());
        }
        let again = in_folder(&folder.path().join("new/files")).await;
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(again.get(name).await.unwrap(), "abc");
        assert!(folder.path().join("new/files/ba").join(&name[2..]).exists());
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error_and_putting_it_again_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(folder.path()).await;
        let name = blobs.put(Bytes::from_static(b"report")).await.unwrap();
        for damage in ["rep", "", "REPORT", "report\n"] {
            fs::write(path_of(folder.path(), &name), damage).unwrap();
            assert!(matches!(blobs.get(&name).await, Err(StoreError::CorruptFile { .. })), "{damage:?}");
        }
        blobs.put(Bytes::from_static(b"report")).await.unwrap();
        assert_eq!(blobs.get(&name).await.unwrap(), "report");
    }

    #[tokio::test]
    async fn names_that_are_no_hashes_never_become_paths() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        let blobs = in_folder(&folder.path().join("files")).await;
        let none = "0".repeat(64);
        for name in ["../secret", "", "ü", &"A".repeat(64), &format!("../{}", "a".repeat(61)), &none] {
            assert!(matches!(blobs.get(name).await, Err(StoreError::NoSuchFile { .. })), "{name:?}");
        }
        assert!(blobs.exists("../secret").await.is_err());
        assert_eq!(blobs.exists(&none).await, Ok(false));
    }

    #[tokio::test]
    async fn what_was_left_half_written_long_ago_is_swept_and_what_others_write_now_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(folder.path()).await;
        let name = blobs.put(Bytes::from_static(b"whole")).await.unwrap();
        let half = folder.path().join(TEMPORARY).join("half");
        fs::write(&half, "hal").unwrap();
        let blobs = {
            drop(blobs);
            in_folder(folder.path()).await
        };
        assert!(half.exists(), "another process may be writing it");
        prepare(folder.path(), Duration::ZERO).unwrap();
        assert!(!half.exists());
        assert_eq!(blobs.get(&name).await.unwrap(), "whole");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_may_put_the_same_bytes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(folder.path()).await;
        let tasks: Vec<_> = (0..16)
            .map(|n| {
                let blobs = blobs.clone();
                tokio::spawn(async move { blobs.put(vec![n % 2; 100_000].into()).await.unwrap() })
            })
            .collect();
        for task in tasks {
            assert_eq!(blobs.get(&task.await.unwrap()).await.unwrap().len(), 100_000);
        }
        assert_eq!(fs::read_dir(folder.path().join(TEMPORARY)).unwrap().count(), 0);
    }
}
