//! `empanel store restore`: a backup into an empty store.

use std::path::PathBuf;

use super::super::place::Place;
use super::super::{Failure, show};
use super::backup::progress;
use crate::app::{blobs, store_options};
use crate::store::{restore, without_password};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Records alone: files are in their place already, or come from elsewhere
    #[arg(long)]
    no_files: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config = args.place.config()?;
    let options = store_options(&config).map_err(Failure::mistake)?;
    let files = if args.no_files { None } else { Some(blobs(&config).await.map_err(Failure::mistake)?) };
    let url = &config.store.url;
    let done = restore(&args.from, url, &options, files.as_ref(), &mut progress()).await.map_err(Failure::mistake)?;
    println!(
        "{} is in {}: {} records and {} links, read back and compared; {} files with {} bytes",
        args.from.display(),
        without_password(url),
        done.records,
        done.links,
        if args.no_files { 0 } else { done.backup.files },
        if args.no_files { 0 } else { done.backup.file_bytes }
    );
    if done.missing == 0 {
        return Ok(());
    }
    eprintln!(
        "{} {} files are named by records and are not in {}: {}",
        show::red("error:"),
        done.missing,
        without_password(&config.files.url),
        done.examples.join(", ")
    );
    Err(Failure::Below)
}
