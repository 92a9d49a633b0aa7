//! What sled leaves to the operating system: that its files, and their names, are on the disk.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::StoreError;
use super::super::blobs::sync_folder;

/// The files of an open sled database.
pub(super) struct Disk {
    data: File,
    /// Where sled puts nodes that are too large for its log. The layout keeps it empty; if very long keys
    /// fill it all the same, its files are as much part of a commit as the log.
    large: PathBuf,
    synced: HashSet<OsString>,
}

impl Disk {
    /// Syncs everything that opening has made: sled syncs neither the folders nor their names.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        for name in ["conf", "db"] {
            let file = path.join(name);
            let synced = File::open(&file).and_then(|file| file.sync_all());
            synced.map_err(|error| StoreError::io(&file, &error))?;
        }
        sync_folder(path)?;
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => sync_folder(parent)?,
            None => sync_folder(Path::new("."))?,
        }
        let data = path.join("db");
        let data = File::open(&data).map_err(|error| StoreError::io(&data, &error))?;
        let mut disk = Self { data, large: path.join("blobs"), synced: HashSet::new() };
        disk.sync().map_err(|error| StoreError::io(path, &error))?;
        Ok(disk)
    }

    /// Everything that sled has written is on the disk when this returns.
    pub fn sync(&mut self) -> io::Result<()> {
        let mut there = HashSet::new();
        for entry in self.large.read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            if !self.synced.contains(&name) {
                match File::open(entry.path()) {
                    Ok(file) => file.sync_all()?,
                    // sled has replaced it since: what replaces it is in the log or among the other files.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            there.insert(name);
        }
        if !there.is_subset(&self.synced) {
            File::open(&self.large)?.sync_all()?;
        }
        self.synced = there;
        self.data.sync_data()
    }
}

/// Whether the folder takes as much as sled may want at once, and keeps it.
pub(super) fn probe(path: &Path) -> Result<(), StoreError> {
    let file = path.join("probe");
    let write = || -> io::Result<()> {
        let mut probe = File::create(&file)?;
        probe.write_all(&vec![0xA5; 2 * super::layout::SEGMENT])?;
        probe.sync_all()
    };
    let written = write();
    let removed = match std::fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    written.and(removed).map_err(|error| StoreError::io(&file, &error))
}

/// Makes the next reads come from the disk. After a failed sync the kernel may hold pages as clean that never arrived.
pub(super) fn forget_cached(path: &Path) {
    use rustix::fs::{Advice, fadvise};
    let large = path.join("blobs").read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    for file in large.chain([path.join("db"), path.join("conf")]) {
        let forgotten = File::open(&file).and_then(|open| Ok(fadvise(&open, 0, None, Advice::DontNeed)?));
        if let Err(error) = forgotten {
            tracing::warn!(file = %file.display(), %error, "what the kernel remembers of a file could not be dropped");
        }
    }
}
