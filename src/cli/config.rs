//! `empanel config check`: what is wrong with the configuration, before anything runs on it.

use std::path::PathBuf;

use super::{Failure, load, show};
use crate::app::{Choices, bench};
use crate::store::without_password;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Read the configuration, build its judges and panels, and say what is there
    Check {
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(super) fn config(verb: &Verb) -> Result<(), Failure> {
    let Verb::Check { config: path } = verb;
    let config = load(path.as_ref())?;
    let (judges, panels) = bench(&config, &Choices::system().map_err(Failure::mistake)?).map_err(Failure::mistake)?;
    let source = config.source.as_ref().map_or("defaults, no file".to_owned(), |path| path.display().to_string());
    let store = without_password(&config.store.url);
    println!("configuration: {source}\nstore: {store}\nfiles: {}\n", config.files.url);
    let mut table = show::table(&["judge", "provider", "model", "images", "price in/out per M"], &[]);
    for judge in judges.values() {
        let spec = judge.spec();
        let price = spec.price.map_or("unknown".to_owned(), |price| format!("${} / ${}", price.input, price.output));
        let vision = if spec.vision { "yes" } else { "no" };
        table.add_row([spec.name.as_str(), &spec.provider, &spec.model, vision, &price]);
    }
    println!("{table}");
    let mut table = show::table(&["panel", "judges", "repeats", "quorum"], &[2, 3]);
    for panel in panels.values() {
        let names = panel.judges.iter().map(|judge| judge.name.to_string()).collect::<Vec<_>>().join(", ");
        table.add_row([panel.name.to_string(), names, panel.repeats.to_string(), panel.quorum.to_string()]);
    }
    println!("{table}");
    Ok(())
}
