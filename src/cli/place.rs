//! Where a command works: the configuration, and the store when it is another than the configuration's.

use std::path::{Path, PathBuf};

use super::{Failure, load};
use crate::config::{Config, Files};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
    /// Configuration file; `empanel.toml` is used where it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store, where it is not the configuration's: sled:PATH, postgres://USER@HOST/DATABASE or memory:. Of an
    /// embedded one the files are beside it
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Place {
    /// The configuration of this place.
    pub(super) fn config(self) -> Result<Config, Failure> {
        let mut config = load(self.config.as_ref())?;
        if let Some(url) = self.store {
            keep_files_beside(&mut config, &url);
            config.store.url = url;
        }
        Ok(config)
    }
}

/// Opening an embedded store would make it, and what is asked of an empty one looks like an answer.
pub(super) fn must_be_there(url: &str) -> Result<(), Failure> {
    let path = url.strip_prefix("sled:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path.filter(|path| !Path::new(path).join("db").exists()) {
        Some(path) => Err(Failure::Mistake(format!("there is no store at {path}; name one with --store or --config"))),
        None => Ok(()),
    }
}

/// Files follow the store where nothing else was said: a store of one's own does not share its files with another.
fn keep_files_beside(config: &mut Config, store: &str) {
    if config.files == Files::default() {
        config.files.url = match store.split_once(':') {
            Some(("sled", path)) => format!("file:{path}/files"),
            // A database has no folder beside which they could be.
            Some(("postgres" | "postgresql", _)) => return,
            _ => "memory:".to_owned(),
        };
    }
}
