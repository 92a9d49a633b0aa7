//! `empanel keys`: API keys. A secret is shown once and kept only as a hash. A running service with an embedded store has
//! the store for itself: there `POST /v1/keys` does the same.

use std::time::Duration;

use super::Failure;
use super::place::Place;
use super::show;
use crate::app::{Choices, build};
use crate::domain::{Id, KeyId, ProjectId};
use crate::http::auth::Role;
use crate::http::auth::keys::{self, NewKey};
use crate::services::Services;
use crate::store::{ApiKey, KeyLimits, Query};

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
        /// After so many days it is no key any more
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3_650))]
        expires_in_days: Option<u32>,
        /// Requests a minute; without it as configured
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        requests_per_minute: Option<u32>,
        /// Gradings, comparisons and drafts a day, UTC; without it as configured
        #[arg(long, value_name = "N")]
        work_per_day: Option<u32>,
        #[command(flatten)]
        place: Place,
    },
    /// List the keys of a project, without their secrets
    List {
        #[arg(long, default_value = "default")]
        project: ProjectId,
        #[command(flatten)]
        place: Place,
    },
    /// Give a key another secret and print it once; the old one works on for a while
    Rotate {
        #[arg(value_name = "KEY")]
        id: uuid::Uuid,
        #[arg(long, default_value = "default")]
        project: ProjectId,
        /// For which the old secret works on; 0 for one that was stolen
        #[arg(long, value_name = "SECONDS", default_value_t = keys::OVERLAP.as_secs())]
        overlap_s: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Take a key back
    Revoke {
        #[arg(value_name = "KEY")]
        id: uuid::Uuid,
        #[arg(long, default_value = "default")]
        project: ProjectId,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn keys(verb: Verb) -> Result<(), Failure> {
    let (Verb::Create { place, .. }
    | Verb::List { place, .. }
    | Verb::Rotate { place, .. }
    | Verb::Revoke { place, .. }) = &verb;
    let mut config = place.clone().config()?;
    // A key needs no judge: a missing provider key must not stand in its way.
    config.judges.clear();
    config.panels.clear();
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let done = run(&services, verb).await;
    services.store.clone().close().await.map_err(Failure::mistake)?;
    done
}

async fn run(services: &Services, verb: Verb) -> Result<(), Failure> {
    let operator = keys::operator().map_err(Failure::mistake)?;
    match verb {
        Verb::Create { role, project, label, expires_in_days, requests_per_minute, work_per_day, place: _ } => {
            let life = expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
            let expires_at = life.and_then(|life| services.now().checked_add(life).ok());
            let limits = KeyLimits { requests_per_minute, work_per_day };
            let new = NewKey { role, project: &project, label: &label, expires_at, limits };
            let (key, secret) = keys::create(services, &new, &operator).await.map_err(Failure::mistake)?;
            let until = expires_at.map(|end| format!(" until {end}")).unwrap_or_default();
            eprintln!("key {} for role {role} in project {project}{until}; it is shown only now:", key.id);
            println!("{secret}");
        }
        Verb::List { project, place: _ } => {
            let of_project = Query::link("project", &project);
            let all = services.store.system().all::<ApiKey>(of_project).await.map_err(Failure::mistake)?;
            let mut table = show::table(&["key", "role", "label", "begins", "state", "made", "ends", "used last"], &[]);
            for key in &all {
                let used = keys::used(services, key.id).await.map_err(Failure::mistake)?;
                table.add_row(row(services, key, used.map(|used| used.last_used_at.to_string())));
            }
            println!("{table}");
        }
        Verb::Rotate { id, project, overlap_s, place: _ } => {
            let (id, overlap) = (KeyId::from_uuid(id), Duration::from_secs(overlap_s));
            let made = keys::rotate(services, &project, id, overlap, &operator).await;
            let (key, secret) = made.map_err(Failure::mistake)?;
            eprintln!(
                "key {} in place of {id}, whose secret works for {overlap_s} s more; it is shown only now:",
                key.id
            );
            println!("{secret}");
        }
        Verb::Revoke { id, project, place: _ } => {
            let key = keys::revoke(services, &project, KeyId::from_uuid(id), &operator).await;
            eprintln!("key {} is none any more", key.map_err(Failure::mistake)?.id);
        }
    }
    Ok(())
}

fn row(services: &Services, key: &ApiKey, used: Option<String>) -> [String; 8] {
    let none = || "-".to_owned();
    [
        key.id.to_string(),
        key.role.clone(),
        key.label.clone().unwrap_or_else(none),
        key.prefix.clone().unwrap_or_else(none),
        key.state(services.now()).to_owned(),
        key.created_at.to_string(),
        key.expires_at.map_or_else(none, |end| end.to_string()),
        used.unwrap_or_else(none),
    ]
}
