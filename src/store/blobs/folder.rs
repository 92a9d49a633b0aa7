//! Files in a folder, each under its hash.
//!
//! A file is written beside its place, synced, renamed into it, and its folder synced: after `keep` returns it survives
//! a power loss, and there is never half a file under a name. Several processes may share the folder.
//!
//! Why not `object_store`'s `LocalFileSystem` (0.14): it syncs files and folders too where it is asked to, but stages
//! beside the files under names that nobody removes after a crash, and writes bytes that are there already once more.
//! Folders that earlier versions wrote are read as they are.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::super::StoreError;
use super::{Answer, Copy, Listed, Place, Turn, blocking};
use crate::domain::Timestamp;

const TEMPORARY: &str = "tmp";
/// The stores whose files are in here, a file each.
const STORES: &str = "stores";
/// A file that has been half written for so long is nobody's any more.
const LEFT_BEHIND: Duration = Duration::from_hours(6);

pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub async fn open(path: PathBuf) -> Result<Self, StoreError> {
        let prepared = path.clone();
        blocking(move || prepare(&prepared, LEFT_BEHIND)).await?;
        Ok(Self { path })
    }

    fn run<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        let path = self.path.clone();
        blocking(move || work(&path)).boxed()
    }
}

impl Place for Folder {
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>> {
        self.run(move |folder| read(&path_of(folder, &copy)))
    }

    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()> {
        self.run(move |folder| write(folder, &copy, &bytes))
    }

    fn has(&self, copy: Copy) -> Answer<'_, bool> {
        self.run(move |folder| {
            let path = path_of(folder, &copy);
            path.try_exists().map_err(|error| StoreError::io(&path, &error))
        })
    }

    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>> {
        self.run(move |folder| {
            let mut turns: Vec<Turn> = Vec::new();
            each(folder, &sha256[..2], |copy, _| {
                if copy.sha256 == sha256 {
                    turns.push(copy.turn);
                }
                Ok(())
            })?;
            turns.sort();
            Ok(turns)
        })
    }

    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>> {
        self.run(move |folder| {
            let mut listed = Vec::new();
            each(folder, &shard, |copy, entry| {
                let found = match entry.metadata() {
                    Ok(found) => found,
                    // Removed since.
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                    Err(error) => return Err(StoreError::io(&entry.path(), &error)),
                };
                let kept_at = found.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                listed.push(Listed { copy, bytes: found.len(), kept_at });
                Ok(())
            })?;
            Ok(listed)
        })
    }

    fn remove(&self, copy: Copy) -> Answer<'_, ()> {
        self.run(move |folder| {
            let path = path_of(folder, &copy);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io(&path, &error)),
                _ => Ok(()),
            }
        })
    }

    fn claim(&self, store: String) -> Answer<'_, Vec<String>> {
        self.run(move |folder| {
            let stores = folder.join(STORES);
            let io = |error| StoreError::io(&stores, &error);
            fs::create_dir_all(&stores).map_err(io)?;
            if !stores.join(&store).exists() {
                File::create(stores.join(&store)).map_err(io)?;
                sync_folder(&stores)?;
                sync_folder(folder)?;
            }
            let entries = fs::read_dir(&stores).map_err(io)?;
            let mut all: Vec<String> =
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            all.sort();
            Ok(all)
        })
    }
}

/// Looks at each copy in a shard.
fn each(
    folder: &Path,
    shard: &str,
    mut look: impl FnMut(Copy, &fs::DirEntry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = folder.join(shard);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io(&path, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(&path, &error))?;
        if let Some(copy) = entry.file_name().to_str().and_then(|name| Copy::of(shard, name)) {
            look(copy, &entry)?;
        }
    }
    Ok(())
}

fn path_of(folder: &Path, copy: &Copy) -> PathBuf {
    let (shard, name) = copy.path();
    folder.join(shard).join(name)
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

fn write(folder: &Path, copy: &Copy, bytes: &[u8]) -> Result<(), StoreError> {
    let path = path_of(folder, copy);
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
pub(in crate::store) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(folder, &error))
}

#[cfg(test)]
mod tests {
    use super::super::Blobs;
    use super::*;

    async fn in_folder(folder: &Path) -> Blobs {
        Blobs::open(&format!("file:{}", folder.display())).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_left_half_written_long_ago_is_swept_and_what_others_write_now_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(folder.path()).await;
        let name = blobs.put(Turn::FIRST, Bytes::from_static(b"whole")).await.unwrap();
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
    async fn a_files_path_is_its_hash_as_it_ever_was() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(&folder.path().join("new/files")).await;
        let name = blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(folder.path().join("new/files/ba").join(&name[2..]).exists());
        blobs.put(Turn(3), Bytes::from_static(b"abc")).await.unwrap();
        assert!(folder.path().join("new/files/ba").join(format!("{}.3", &name[2..])).exists());
    }

    #[tokio::test]
    async fn no_half_file_stays_beside_what_many_put_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = in_folder(folder.path()).await;
        let puts = (0..16u8).map(|n| blobs.put(Turn::FIRST, vec![n % 2; 100_000].into()));
        futures_util::future::try_join_all(puts).await.unwrap();
        assert_eq!(fs::read_dir(folder.path().join(TEMPORARY)).unwrap().count(), 0);
    }
}
