//! `empanel store convert`: from the embedded store to PostgreSQL, and back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::{Failure, load, show};
use crate::app::store_options;
use crate::store::{Holding, Step, convert, without_password};

/// Files are elsewhere, whatever the store is.
const FILES: &str = "Uploaded files are not part of the store: they stay where [files] says, and the new store's service needs \
                     the same [files] url.";

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// sled:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL")]
    from: String,
    /// sled:PATH or postgres://USER@HOST/DATABASE; it must be empty
    #[arg(long, value_name = "URL")]
    to: String,
    /// Its [store] section says where the password of PostgreSQL is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Between two lines about how far it is.
const EVERY: u64 = 2_048;

pub(super) async fn run(Args { from, to, config }: Args) -> Result<(), Failure> {
    let options = store_options(&load(config.as_ref())?).map_err(Failure::mistake)?;
    let mut told = 0;
    let mut tell = |step: Step| match step {
        Step::GoesOn { copied, after } => eprintln!("goes on after {copied} keys, past {after:?}"),
        Step::Copied { copied: keys } | Step::Compared { keys } if keys / EVERY == told / EVERY => told = keys,
        Step::Copied { copied } => {
            told = copied;
            eprintln!("copied {copied} keys");
        }
        Step::Compared { keys } => {
            told = keys;
            eprintln!("compared {keys} keys");
        }
    };
    let comparison = convert(&from, &to, &options, &mut tell).await.map_err(Failure::mistake)?;
    let mut table = show::table(&["kind", "records", "links", "blake3", ""], &[1, 2]);
    let kinds: BTreeSet<&String> = comparison.from.keys().chain(comparison.to.keys()).collect();
    let none = Holding::default();
    for kind in kinds {
        let (from, to) = (comparison.from.get(kind).unwrap_or(&none), comparison.to.get(kind).unwrap_or(&none));
        let pair = |a: u64, b: u64| if a == b { a.to_string() } else { format!("{a} / {b}") };
        let hash = |holding: &Holding| holding.hash.chars().take(16).collect::<String>();
        let (hashes, verdict) = if from.hash == to.hash {
            (hash(from), "same")
        } else {
            (format!("{} / {}", hash(from), hash(to)), "DIFFERENT")
        };
        table.add_row([kind, &pair(from.records, to.records), &pair(from.links, to.links), &hashes, verdict]);
    }
    println!("{table}");
    if comparison.is_same() {
        println!("{} is now in {}.\n{FILES}", without_password(&from), without_password(&to));
        return Ok(());
    }
    eprintln!(
        "{} they differ: {} was written to meanwhile. Stop its services, empty {}, and convert again",
        show::red("error:"),
        without_password(&from),
        without_password(&to)
    );
    Err(Failure::Below)
}
