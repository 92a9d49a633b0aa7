//! The log of what people decided: every decision, reveal, override, key and change of configuration, appended in the
//! batch of what it tells of, so that there is never one without the other.
//!
//! Each entry is hashed with the hash of the one before, and the head of the chain is kept beside it: an entry that is
//! edited, removed or moved, even by one byte, no longer fits ([`verify`]). Who can write the whole store could compute
//! a whole new chain; therefore the operators' log tells every head, and [`verify`] takes one that was noted elsewhere.
//!
//! How to log another kind of act: a variant of [`Action`], and a call of [`append`] where its batch is made.

#[cfg(test)]
mod tests;
mod verify;

pub use verify::{Verified, verify};

use sha2::{Digest, Sha256};

use crate::domain::{Action, AuditEntry, AuditFacts, AuditHead, Author, Timestamp};
use crate::store::{Batch, Kept, ProjectStore, Query, StoreError};

/// Where the head of a log is kept.
pub(crate) const HEAD: &str = "head";

/// What somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    pub actor: Author,
    pub action: Action,
    pub subject: String,
    pub detail: serde_json::Value,
}

impl Act {
    pub fn new(actor: &Author, action: Action, subject: impl Into<String>) -> Self {
        Self { actor: actor.clone(), action, subject: subject.into(), detail: serde_json::Value::Null }
    }

    /// With more to be known of it.
    #[must_use]
    pub fn with(self, detail: serde_json::Value) -> Self {
        Self { detail, ..self }
    }
}

/// Adds entries to a batch. If somebody else appends before it is committed, the commit is a [`StoreError::Conflict`]
/// of kind `audit_head` or `audit_entry`: make the batch again.
///
/// # Errors
/// If the store cannot.
pub async fn append(
    project: &ProjectStore,
    batch: Batch,
    at: Timestamp,
    acts: impl IntoIterator<Item = Act>,
) -> Result<Batch, StoreError> {
    let acts: Vec<Act> = acts.into_iter().collect();
    if acts.is_empty() {
        return Ok(batch);
    }
    let kept = project.get::<AuditHead>(HEAD).await?;
    let (revision, mut head) = match kept {
        Some(Kept { record, revision }) => (Some(revision), record),
        None => (None, AuditHead { seq: 0, hash: genesis() }),
    };
    let mut batch = batch;
    for act in acts {
        let Act { actor, action, subject, detail } = act;
        let facts = AuditFacts { seq: head.seq + 1, at, actor, action, subject, detail, prev: head.hash };
        let entry = sealed(&facts)?;
        batch = batch.insert(&entry);
        head = AuditHead { seq: entry.seq, hash: entry.hash };
    }
    tracing::info!(scope = project.scope(), seq = head.seq, hash = head.hash, "audit log grows");
    Ok(match revision {
        Some(revision) => batch.update(&head, revision),
        None => batch.insert(&head),
    })
}

/// Appends entries that go with nothing else.
///
/// # Errors
/// If the store cannot.
pub async fn record(
    project: &ProjectStore,
    at: Timestamp,
    acts: impl IntoIterator<Item = Act> + Clone,
) -> Result<(), StoreError> {
    loop {
        let batch = append(project, project.batch(), at, acts.clone()).await?;
        match project.commit(batch).await {
            Err(error) if is_overtaken(&error) => {}
            done => return done,
        }
    }
}

/// Logs the configuration that a service starts with, if it is not the one that was logged last. It tells what judges,
/// panels and templates are, by their fingerprints; secrets are in none of them.
///
/// # Errors
/// If the store cannot.
pub async fn configuration(
    system: &ProjectStore,
    at: Timestamp,
    operator: &Author,
    now: serde_json::Value,
) -> Result<(), StoreError> {
    let mut last = None;
    let mut query = Query::default().newest_first();
    while last.is_none() {
        let page = system.list::<AuditEntry>(query.clone()).await?;
        let facts = page.items.iter().filter_map(|kept| serde_json::from_str::<AuditFacts>(&kept.record.facts).ok());
        last = facts.filter(|facts| facts.action == Action::ConfigChanged).map(|facts| facts.detail).next();
        match page.next {
            Some(next) => query = query.after(Some(next)),
            None => break,
        }
    }
    if last.as_ref() == Some(&now) {
        return Ok(());
    }
    record(system, at, [Act::new(operator, Action::ConfigChanged, "configuration").with(now)]).await
}

/// Whether a commit failed only because somebody else appended to the log.
#[must_use]
pub fn is_overtaken(error: &StoreError) -> bool {
    use crate::store::Record;
    matches!(error, StoreError::Conflict { kind, .. } if kind == AuditHead::KIND || kind == AuditEntry::KIND)
}

fn sealed(facts: &AuditFacts) -> Result<AuditEntry, StoreError> {
    let text = serde_json::to_string(facts).map_err(|error| StoreError::Corrupt {
        kind: "audit_entry".to_owned(),
        key: facts.seq.to_string(),
        detail: format!("it cannot be written: {error}"),
    })?;
    Ok(AuditEntry { seq: facts.seq, hash: digest(&text), facts: text })
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn genesis() -> String {
    "0".repeat(64)
}
