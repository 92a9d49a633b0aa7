//! `empanel export votes|gradings|battles|overrides|submissions`: data out of a store, without a service. The same files as
//! `GET /v1/export` gives.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::place::{Place, must_be_there};
use super::{Failure, show};
use crate::app::store_options;
use crate::domain::ProjectId;
use crate::http::export::{BEHIND, Format, What, write};
use crate::http::problem::Problem;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// votes, gradings, battles, overrides or submissions
    what: What,
    /// jsonl, csv or parquet; without it what the file's name ends with, else jsonl
    #[arg(long)]
    format: Option<Format>,
    /// Where it goes; without it to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(long, default_value = "default")]
    project: ProjectId,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn export(args: Args) -> Result<(), Failure> {
    let Args { what, format, output, project, place } = args;
    let ending = output.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str());
    let format = format.or_else(|| ending.and_then(|ending| ending.parse().ok())).unwrap_or(Format::Jsonl);
    let config = place.config()?;
    let options = store_options(&config).map_err(Failure::mistake)?;
    let url = &config.store.url;
    must_be_there(url)?;
    let store = Store::open(url, options).await.map_err(Failure::mistake)?;
    let (sender, receiver) = mpsc::channel(BEHIND);
    let project = store.project(&project);
    let to = output.clone();
    let writing = tokio::task::spawn_blocking(move || match to {
        Some(path) => into_file(receiver, &path),
        None => pour(receiver, &mut std::io::stdout().lock()),
    });
    let rows = write(&project, what, format, sender).await;
    let written = writing.await.map_err(Failure::mistake)?;
    store.close().await.map_err(Failure::mistake)?;
    // What the store says comes before what the file says of it.
    let rows = rows.map_err(Failure::mistake)?;
    written?;
    if let Some(path) = output {
        eprintln!("{} {} in {}", show::bold(&rows.to_string()), what.as_str(), path.display());
    }
    Ok(())
}

type Pieces = mpsc::Receiver<Result<bytes::Bytes, Problem>>;

/// A file under its name is a whole one.
fn into_file(pieces: Pieces, path: &Path) -> Result<(), Failure> {
    let part = path.with_added_extension("part");
    let told = |error: std::io::Error| Failure::Mistake(format!("{}: {error}", part.display()));
    let mut file = std::fs::File::create(&part).map_err(told)?;
    pour(pieces, &mut file)?;
    file.sync_all().map_err(told)?;
    std::fs::rename(&part, path).map_err(told)
}

fn pour(mut pieces: Pieces, to: &mut impl Write) -> Result<(), Failure> {
    while let Some(piece) = pieces.blocking_recv() {
        match to.write_all(&piece.map_err(Failure::mistake)?) {
            Ok(()) => {}
            // Whoever closed it (`empanel export ... | head`) has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::mistake(error)),
        }
    }
    to.flush().map_err(Failure::mistake)
}
