//! `empanel audit verify`: whether the log of decisions is as it was written.

use super::Failure;
use super::place::{Place, must_be_there};
use crate::app::store_options;
use crate::audit::{self, Verified};
use crate::domain::{AuditHead, ProjectId};
use crate::store::{ProjectStore, Store};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Find any entry that was edited, removed, moved or added since it was written
    Verify {
        /// Only this project
        #[arg(long)]
        project: Option<ProjectId>,
        /// An entry that was noted elsewhere, as SEQ:HASH; it must still be there. Needs --project
        #[arg(long, value_name = "SEQ:HASH", value_parser = noted, requires = "project")]
        noted: Option<AuditHead>,
        #[command(flatten)]
        place: Place,
    },
}

fn noted(text: &str) -> Result<AuditHead, String> {
    let (seq, hash) = text.split_once(':').ok_or("it has no colon; write SEQ:HASH")?;
    let seq = seq.parse().map_err(|_| format!("{seq:?} is no number of an entry"))?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    if is_hash {
        Ok(AuditHead { seq, hash: hash.to_owned() })
    } else {
        Err("the hash is not 64 digits 0-9, a-f".to_owned())
    }
}

pub(super) async fn audit(verb: Verb) -> Result<(), Failure> {
    let Verb::Verify { project, noted, place } = verb;
    let config = place.config()?;
    let options = store_options(&config).map_err(Failure::mistake)?;
    let url = config.store.url;
    must_be_there(&url)?;
    let store = Store::open(&url, options).await.map_err(Failure::mistake)?;
    let mut logs: Vec<(String, ProjectStore)> = Vec::new();
    match &project {
        Some(project) => logs.push((format!("project {project}"), store.project(project))),
        None => {
            logs.push(("keys and configuration".to_owned(), store.system()));
            for project in store.projects().await.map_err(Failure::mistake)? {
                logs.push((format!("project {project}"), store.project(&project)));
            }
        }
    }
    let mut broken = 0;
    for (name, log) in &logs {
        match audit::verify(log, noted.as_ref()).await.map_err(Failure::mistake)? {
            Verified::Whole(None) => println!("{name}: nothing was logged yet"),
            Verified::Whole(Some(AuditHead { seq, hash })) => {
                println!("{name}: {seq} entries, whole; head {seq}:{hash}")
            }
            Verified::Broken { seq, why } => {
                broken += 1;
                println!("{name}: BROKEN at entry {seq}: {why}");
            }
        }
    }
    drop(logs);
    store.close().await.map_err(Failure::mistake)?;
    if broken > 0 { Err(Failure::Below) } else { Ok(()) }
}
