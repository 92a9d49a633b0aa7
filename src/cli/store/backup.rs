//! `empanel store backup`: everything there is in one file.

use std::path::PathBuf;

use super::super::place::{Place, must_be_there};
use super::super::{Failure, show};
use crate::app::{blobs, store_options};
use crate::domain::{Clock, SystemClock};
use crate::store::{BackupStep, Store, Summary, backup, without_password};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// A file that is not there yet; or a folder, in which it gets a name with the time
    #[arg(value_name = "FILE|FOLDER")]
    to: PathBuf,
    /// Leave the uploaded files out: they are backed up elsewhere
    #[arg(long)]
    no_files: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config = args.place.config()?;
    let url = &config.store.url;
    must_be_there(url)?;
    let options = store_options(&config).map_err(Failure::mistake)?;
    let files = if args.no_files { None } else { Some(blobs(&config).await.map_err(Failure::mistake)?) };
    let store = Store::open(url, options).await.map_err(Failure::mistake)?;
    let done = backup(&store, files.as_ref(), &args.to, SystemClock.now(), &mut progress()).await;
    store.close().await.map_err(Failure::mistake)?;
    let (path, summary) = done.map_err(Failure::mistake)?;
    println!(
        "{} is in {}: {} entries, {} of them written meanwhile, {} files with {} bytes",
        without_password(url),
        path.display(),
        summary.entries + summary.changes,
        summary.changes,
        summary.files,
        summary.file_bytes
    );
    lacking(&summary)
}

/// Lines about how far it is, not too many.
pub(super) fn progress() -> impl FnMut(BackupStep) + Send {
    let mut told = 0;
    move |step| {
        let (done, line) = match step {
            BackupStep::Read { bytes } => (u64::MAX, format!("read {bytes} bytes")),
            BackupStep::GoesOn { entries } => (u64::MAX, format!("goes on after {entries} entries")),
            BackupStep::Entries { entries } => (entries, format!("{entries} entries")),
            BackupStep::Files { files } => (files, format!("{files} files")),
            BackupStep::Compared { entries } => (entries, format!("compared {entries} entries")),
        };
        if done / 8_192 != told / 8_192 && done > 0 {
            eprintln!("{line}");
        }
        told = done;
    }
}

fn lacking(summary: &Summary) -> Result<(), Failure> {
    if summary.missing + summary.damaged == 0 {
        return Ok(());
    }
    eprintln!(
        "{} {} files are named by records and are not in their place, {} are damaged; the backup is without them: {}",
        show::red("error:"),
        summary.missing,
        summary.damaged,
        summary.examples.join(", ")
    );
    Err(Failure::Below)
}
