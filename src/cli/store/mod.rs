//! `empanel store`: looking after what is kept. One file per verb.

mod backup;
mod convert;
mod gc;
mod restore;

use super::Failure;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Write everything there is, records and files, into one file
    ///
    /// The backup is of one moment, whoever writes meanwhile. PostgreSQL: its service may run. The embedded store belongs
    /// to one process: stop its service first, or let the service itself take backups ([backup] in the configuration).
    ///
    /// Exit codes: 0 everything is in it, 1 files are missing or damaged (the rest is in it), 2 a mistake, or a store or a
    /// disk that failed.
    Backup(backup::Args),
    /// Bring a backup into an empty store
    ///
    /// The backup is read from end to end first; one that is cut off or damaged is refused before anything is written. A
    /// restore that was stopped goes on where it was when it is started again; until it has ended, no service starts on
    /// the store.
    ///
    /// Exit codes: 0 everything is restored, 1 it is, but for files that are not there, 2 a mistake or a store that failed.
    Restore(restore::Args),
    /// Copy all records into an empty store of another kind, and compare both
    ///
    /// Stop the services of both stores first. A conversion that was stopped goes on where it was when it is started
    /// again; until it has ended, no service starts on the target. Uploaded files are not part of the store: they stay
    /// where [files] says, and the new store's service needs the same [files] url.
    ///
    /// Exit codes: 0 both hold the same, 1 they differ (the target stays unfinished), 2 a mistake or a store that
    /// failed.
    Convert(convert::Args),
    /// Remove uploaded files that no record names
    ///
    /// Such are left by uploads that were broken off. The service does the same by itself ([files] sweep_every_h); services
    /// may run meanwhile, on PostgreSQL.
    Gc(gc::Args),
}

pub(super) async fn store(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Backup(args) => backup::run(args).await,
        Verb::Restore(args) => restore::run(args).await,
        Verb::Convert(args) => convert::run(args).await,
        Verb::Gc(args) => gc::run(args).await,
    }
}
