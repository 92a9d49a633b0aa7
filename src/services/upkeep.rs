//! What is done by the clock beside all work: unused files are swept, backups are taken. Where several processes are one
//! service, one of them does it.
//!
//! A sweep is due when the last one, by whomever, is long enough ago: the store says when that was. A backup is due when the
//! newest in its folder is; replicas that share the work should share the folder, too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken as Stop;

use super::Services;
use crate::domain::Timestamp;
use crate::store::{GcError, StoreError, Sweep, backup, claim, sweep};

/// What there is to do.
#[derive(Debug, Clone, Default)]
pub struct Upkeep {
    pub sweeps: Option<Sweeps>,
    pub backups: Option<Backups>,
}

#[derive(Debug, Clone, Copy)]
pub struct Sweeps {
    pub every: Duration,
    /// For which an unused file is left alone.
    pub grace: Duration,
}

#[derive(Debug, Clone)]
pub struct Backups {
    pub folder: PathBuf,
    pub every: Duration,
    pub keep: usize,
    /// Whether uploaded files are in them.
    pub files: bool,
}

/// What the replica holds that does it.
const DOES: &str = "upkeep";
/// How often it is looked whether something is due, at most.
const LOOK: Duration = Duration::from_secs(60);
/// A store that was never swept has been served for so long before it is.
const FIRST_SWEEP: Duration = Duration::from_secs(600);

/// Does what is due until `stop`.
pub async fn upkeep(services: Arc<Services>, plan: Upkeep, stop: Stop) {
    let began = services.now();
    let look = plan.backups.as_ref().map_or(LOOK, |backups| LOOK.min(backups.every / 4));
    let mut claimed = false;
    loop {
        let due = async {
            if !claimed {
                claimed = said_whose_files_they_are(&services).await;
            }
            if let Some(sweeps) = plan.sweeps {
                swept(&services, sweeps, began).await;
            }
            if let Some(backups) = &plan.backups {
                backed_up(&services, backups).await;
            }
        };
        // A backup that is cut off leaves nothing under its name, a sweep nothing that is not right.
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(look) => {}
        }
    }
}

/// Whether that needs no more to be tried.
async fn said_whose_files_they_are(services: &Services) -> bool {
    match claim(&services.store, &services.blobs).await {
        Ok(()) => true,
        Err(error @ GcError::Shared { .. }) => {
            tracing::error!(%error, "unused files are not swept");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "it could not be noted whose files these are; it is tried again in a minute");
            false
        }
    }
}

fn is_due(now: Timestamp, last: Timestamp, every: Duration) -> bool {
    Duration::try_from(now.duration_since(last)).is_ok_and(|since| since >= every)
}

/// Whether this replica is the one that does it.
async fn is_ours(services: &Services) -> Result<bool, StoreError> {
    let taken = services.replicas.take(&services.store.system(), DOES, services.clock.as_ref()).await?;
    Ok(taken.is_some())
}

async fn swept(services: &Services, plan: Sweeps, began: Timestamp) {
    let now = services.now();
    let done = async {
        let due = match services.store.sweeps().await?.0.last {
            Some(last) => is_due(now, last, plan.every),
            None => is_due(now, began, FIRST_SWEEP),
        };
        if !due || !is_ours(services).await? {
            return Ok(None);
        }
        let how = Sweep { grace: plan.grace, dry_run: false };
        sweep(&services.store, &services.blobs, now, how).await.map(Some)
    };
    match done.await {
        Ok(None) => {}
        Ok(Some(swept)) => tracing::info!(
            files = swept.files,
            bytes = swept.bytes,
            removed_files = swept.unused_files,
            removed_bytes = swept.unused_bytes,
            "files that no record names were swept"
        ),
        Err(error @ (GcError::Shared { .. } | GcError::NoneNamed { .. })) => {
            tracing::error!(%error, "unused files are not swept")
        }
        Err(error) => tracing::warn!(%error, "unused files could not be swept; it is tried again in a minute"),
    }
}

async fn backed_up(services: &Services, plan: &Backups) {
    let now = services.now();
    let last = match taken(&plan.folder) {
        Ok(names) => names.last().and_then(|name| time_of(name)),
        Err(error) => {
            tracing::error!(folder = %plan.folder.display(), %error, "the folder of backups cannot be read: none is taken");
            return;
        }
    };
    if last.is_some_and(|last| !is_due(now, last, plan.every)) {
        return;
    }
    match is_ours(services).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return tracing::warn!(%error, "it cannot be told which replica takes backups"),
    }
    let files = plan.files.then_some(&services.blobs);
    match backup(&services.store, files, &plan.folder, now, &mut |_| ()).await {
        Ok((path, summary)) => {
            let lacking = summary.missing + summary.damaged;
            let entries = summary.entries + summary.changes;
            if lacking > 0 {
                tracing::error!(
                    lacking, examples = ?summary.examples,
                    "files are missing or damaged; the backup is without them"
                );
            }
            tracing::info!(path = %path.display(), entries, files = summary.files, "a backup was taken");
            forget(plan);
        }
        Err(error) => tracing::error!(%error, "no backup could be taken; it is tried again in a minute"),
    }
}

/// The names of the backups in a folder, from the oldest on; the folder is made if it is not there.
fn taken(folder: &Path) -> std::io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let entries = std::fs::read_dir(folder)?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| time_of(name).is_some())
        .collect();
    names.sort();
    Ok(names)
}

fn time_of(name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix("empanel-")?.strip_suffix(".backup")?;
    Timestamp::strptime("%Y%m%dT%H%M%S%z", time.replace('Z', "+0000")).ok()
}

/// Removes what is more than is kept.
fn forget(plan: &Backups) {
    let Ok(names) = taken(&plan.folder) else { return };
    for name in names.iter().rev().skip(plan.keep) {
        let path = plan.folder.join(name);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "an old backup could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_told_by_their_names_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| std::fs::write(folder.path().join(path), "").unwrap();
        let names =
            ["empanel-20260102T030405Z.backup", "empanel-20261121T000000Z.backup", "empanel-20251231T235959Z.backup"];
        names.iter().for_each(|name| at(name));
        at("empanel-before-the-upgrade.backup");
        at("notes.txt");
        assert_eq!(time_of(names[0]), Some("2026-01-02T03:04:05Z".parse().unwrap()));
        let every = Duration::from_secs(3_600);
        forget(&Backups { folder: folder.path().to_owned(), every, keep: 2, files: true });
        assert_eq!(taken(folder.path()).unwrap(), [names[0], names[1]]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "what is not ours stays");
    }
}
