//! What sled leaves to the operating system: that its files, and their names, are on the disk.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
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
