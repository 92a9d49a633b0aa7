//! `empanel keys create`: an API key. Its secret is shown once and kept only as a hash.

use super::Failure;
use super::place::Place;
use crate::app::{Choices, build};
use crate::domain::ProjectId;
use crate::http::auth::{Role, create_key};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a key and print it once
    Create {
        /// submitter, reviewer or admin
        #[arg(long)]
        role: Role,
        #[arg(long, default_value = "default")]
        project: ProjectId,
        /// Who or what uses it: the author of its decisions
        #[arg(long, default_value = "key")]
        label: String,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn keys(verb: Verb) -> Result<(), Failure> {
    let Verb::Create { role, project, label, place } = verb;
    let mut config = place.config()?;
    // A key needs no judge: a missing provider key must not stand in its way.
    config.judges.clear();
    config.panels.clear();
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let (_, secret) = create_key(&services, role, &project, &label).await.map_err(Failure::mistake)?;
    services.store.clone().close().await.map_err(Failure::mistake)?;
    eprintln!("a key for role {role:?} in project {project}; it is shown only now:");
    println!("{secret}");
    Ok(())
}
