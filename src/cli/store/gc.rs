//! `empanel store gc`: uploaded files that no record names.

use std::time::Duration;

use super::super::Failure;
use super::super::place::Place;
use crate::app::{blobs, store_options};
use crate::domain::{Clock, SystemClock};
use crate::store::{Store, Sweep, sweep, without_password};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config = args.place.config()?;
    if config.store.url.starts_with("memory:") {
        return Err(Failure::mistake("a store in memory names no files; say which store with --store or [store] url"));
    }
    let options = store_options(&config).map_err(Failure::mistake)?;
    let files = blobs(&config).await.map_err(Failure::mistake)?;
    let store = Store::open(&config.store.url, options).await.map_err(Failure::mistake)?;
    let how = Sweep { grace: Duration::from_secs(config.files.sweep_grace_h * 3_600), dry_run: args.dry_run };
    let swept = sweep(&store, &files, SystemClock.now(), how).await;
    store.close().await.map_err(Failure::mistake)?;
    let swept = swept.map_err(Failure::mistake)?;
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    println!(
        "{} files with {} bytes in {}, {} records read\n{} files with {} bytes {verb}: no record names them, and they are \
         older than {} h",
        swept.files,
        swept.bytes,
        without_password(&config.files.url),
        swept.records,
        swept.unused_files,
        swept.unused_bytes,
        config.files.sweep_grace_h
    );
    Ok(())
}
