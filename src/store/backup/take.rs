//! Takes a backup.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};

use super::super::backend::ImagePart;
use super::super::blobs::{shards, sync_folder};
use super::super::typed::Store;
use super::super::uploads::Sweeps;
use super::super::{Blobs, Record, StoreError, keys};
use super::format::{Frame, Writer};
use super::{BackupError, BackupStep, EXAMPLES, Header, Summary, named};
use crate::domain::Timestamp;

/// Files that are looked for at the same time.
const LOOKS: usize = 16;
/// Names that are remembered, so that a file which many records name is looked for once.
const REMEMBERED: usize = 65_536;

/// Writes everything there is into `to`: a file that is not there yet, or a folder, in which it gets a name with the time.
/// Without `blobs` files are left out, and only looked for by nobody. The file bears its name when it is whole and on the
/// disk; the answer says which it is.
///
/// # Errors
/// [`BackupError`]; nothing is left under the name then.
pub async fn backup(
    store: &Store,
    blobs: Option<&Blobs>,
    to: &Path,
    now: Timestamp,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<(PathBuf, Summary), BackupError> {
    let path =
        if to.is_dir() { to.join(format!("empanel-{}.backup", now.strftime("%Y%m%dT%H%M%SZ"))) } else { to.into() };
    if path.exists() {
        return Err(BackupError::Exists { path });
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let io = |error: io::Error| BackupError::Io { path: path.clone(), detail: error.to_string() };
    // It goes away by itself if this ends early.
    let part = tempfile::Builder::new().prefix(".empanel-").suffix(".part").tempfile_in(&folder).map_err(io)?;
    let mut out = Output { writer: Some(Writer::new(part.reopen().map_err(io)?).map_err(io)?), path: path.clone() };
    let program = env!("CARGO_PKG_VERSION").to_owned();
    out.write(vec![Frame::Header(Header { program, begun_at: now, files: blobs.is_some() })]).await?;
    let mut summary = Summary::default();
    entries(store, blobs, &mut out, &mut summary, tell).await?;
    if let Some(blobs) = blobs {
        files(blobs, &mut out, &mut summary, tell).await?;
    }
    out.write(vec![Frame::End(summary.clone())]).await?;
    out.finish().await?;
    let named = path.clone();
    on_a_thread(move || {
        part.persist_noclobber(&named).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists { path: named.clone() },
            _ => BackupError::Io { path: named.clone(), detail: error.error.to_string() },
        })?;
        Ok(sync_folder(&folder)?)
    })
    .await?;
    Ok((path, summary))
}

async fn entries(
    store: &Store,
    blobs: Option<&Blobs>,
    out: &mut Output,
    summary: &mut Summary,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<(), BackupError> {
    let own = keys::record("", Sweeps::KIND, Sweeps::KEY);
    let mut seen = BTreeSet::new();
    let mut walk = store.backend().image().await?;
    let mut changes = false;
    loop {
        let mut frames = Vec::new();
        match walk.next().await? {
            ImagePart::End => return Ok(()),
            ImagePart::Entries(page) => {
                for (key, value) in page.into_iter().filter(|(key, _)| *key != own) {
                    frames.push(Frame::Entry { key, value: value.bytes });
                }
                summary.entries += frames.len() as u64;
            }
            ImagePart::Changes(page) => {
                if !std::mem::replace(&mut changes, true) {
                    out.write(vec![Frame::Changes]).await?;
                }
                for (key, value) in page.into_iter().filter(|(key, _)| *key != own) {
                    frames.push(match value {
                        Some(value) => Frame::Entry { key, value: value.bytes },
                        None => Frame::Gone { key },
                    });
                }
                summary.changes += frames.len() as u64;
            }
        }
        if let Some(blobs) = blobs {
            look(blobs, &frames, &mut seen, summary).await?;
        }
        out.write(frames).await?;
        tell(BackupStep::Entries { entries: summary.entries + summary.changes });
    }
}

/// Whether the files that entries name are in their place.
async fn look(
    blobs: &Blobs,
    frames: &[Frame],
    seen: &mut BTreeSet<String>,
    summary: &mut Summary,
) -> Result<(), StoreError> {
    if seen.len() > REMEMBERED {
        seen.clear();
    }
    let values =
        frames.iter().filter_map(|frame| if let Frame::Entry { value, .. } = frame { Some(value) } else { None });
    let new: Vec<String> = values.flat_map(|value| named(value)).filter(|name| seen.insert(name.clone())).collect();
    let mut looks = stream::iter(new)
        .map(|name| async move { blobs.exists(&name).await.map(|is_there| (name, is_there)) })
        .buffer_unordered(LOOKS);
    while let Some(found) = looks.next().await {
        let (name, is_there) = found?;
        if !is_there {
            summary.missing += 1;
            example(summary, name);
        }
    }
    Ok(())
}

fn example(summary: &mut Summary, name: String) {
    if summary.examples.len() < EXAMPLES {
        summary.examples.push(name);
    }
}

async fn files(
    blobs: &Blobs,
    out: &mut Output,
    summary: &mut Summary,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<(), BackupError> {
    for shard in shards() {
        let mut names: Vec<String> = blobs.list(&shard).await?.into_iter().map(|one| one.copy.sha256).collect();
        names.dedup();
        for sha256 in names {
            match blobs.get(&sha256).await {
                Ok(bytes) => {
                    summary.files += 1;
                    summary.file_bytes += bytes.len() as u64;
                    out.write(vec![Frame::File { sha256, bytes }]).await?;
                    tell(BackupStep::Files { files: summary.files });
                }
                Err(StoreError::CorruptFile { .. }) => {
                    summary.damaged += 1;
                    example(summary, sha256);
                }
                // Swept since it was listed: nothing named it.
                Err(StoreError::NoSuchFile { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The writer, which works on threads of its own: it is there unless one of them failed.
struct Output {
    writer: Option<Writer>,
    path: PathBuf,
}

impl Output {
    async fn write(&mut self, frames: Vec<Frame>) -> Result<(), BackupError> {
        if frames.is_empty() {
            return Ok(());
        }
        let (mut writer, path) = self.take()?;
        let written = on_a_thread(move || {
            let io = |error: io::Error| BackupError::Io { path: path.clone(), detail: error.to_string() };
            frames.iter().try_for_each(|frame| writer.frame(frame)).map_err(io)?;
            Ok(writer)
        });
        self.writer = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self) -> Result<(), BackupError> {
        let (writer, path) = self.take()?;
        on_a_thread(move || writer.finish().map_err(|error| BackupError::Io { path, detail: error.to_string() })).await
    }

    fn take(&mut self) -> Result<(Writer, PathBuf), BackupError> {
        let ended = || BackupError::Io { path: self.path.clone(), detail: "writing had failed before".to_owned() };
        Ok((self.writer.take().ok_or_else(ended)?, self.path.clone()))
    }
}

/// Runs work on files away from the async threads.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable { detail: error.to_string() }.into()),
    }
}
