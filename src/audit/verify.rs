//! Reads a whole log and says whether anything of it was changed since it was written.

use super::{HEAD, digest, genesis};
use crate::domain::{AuditEntry, AuditFacts, AuditHead};
use crate::store::{ProjectStore, Query, Record, StoreError};

/// What a look at the whole log shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every entry is as it was written. `None`: nothing was logged yet.
    Whole(Option<AuditHead>),
    /// The first entry that is not as it was written, or is gone.
    Broken { seq: u64, why: String },
}

/// Checks every entry against its hash, its predecessor and the head; and, where one is given, that the entry which was
/// noted elsewhere is still there.
///
/// # Errors
/// If the store cannot answer (what it cannot decode is a finding, not an error).
pub async fn verify(project: &ProjectStore, noted: Option<&AuditHead>) -> Result<Verified, StoreError> {
    let broken = |seq: u64, why: &str| Ok(Verified::Broken { seq, why: why.to_owned() });
    let head = match project.get::<AuditHead>(HEAD).await {
        Ok(kept) => kept.map(|kept| kept.record),
        Err(error) => return broken(0, &format!("the head of the log cannot be read: {}", unreadable(error)?)),
    };
    let last = head.as_ref().map_or(0, |head| head.seq);
    let mut prev = genesis();
    for seq in 1..=last {
        let entry = match project.get::<AuditEntry>(&key(seq)).await {
            Ok(Some(kept)) => kept.record,
            Ok(None) => return broken(seq, "the entry is gone"),
            Err(error) => return broken(seq, &format!("the entry cannot be read: {}", unreadable(error)?)),
        };
        if digest(&entry.facts) != entry.hash {
            return broken(seq, "its text and its hash do not fit");
        }
        let facts: AuditFacts = match serde_json::from_str(&entry.facts) {
            Ok(facts) => facts,
            Err(error) => return broken(seq, &format!("its text cannot be read: {error}")),
        };
        if facts.seq != seq || entry.seq != seq {
            return broken(seq, &format!("it says that it is entry {}", facts.seq));
        }
        if facts.prev != prev {
            return broken(seq, "it does not follow on the entry before it");
        }
        if noted.is_some_and(|noted| noted.seq == seq && noted.hash != entry.hash) {
            return broken(seq, "it is not the entry that was noted");
        }
        prev = entry.hash;
    }
    if let Some(head) = &head
        && head.hash != prev
    {
        return broken(head.seq, "the head of the log is not the hash of its last entry");
    }
    if let Some(noted) = noted
        && noted.seq > last
    {
        return broken(last + 1, &format!("the log ends before entry {}, which was noted", noted.seq));
    }
    // Entries after the head were put there by somebody else, or the head was set back.
    if project.count::<AuditEntry>().await? != last {
        return broken(last + 1, "there are entries that the head of the log does not know");
    }
    match project.list::<AuditEntry>(Query::default().newest_first().limit(1)).await {
        Ok(page) if page.items.first().is_some_and(|kept| kept.record.key() != key(last)) => {
            broken(last + 1, "there are entries that the head of the log does not know")
        }
        Ok(_) => Ok(Verified::Whole(head)),
        Err(error) => broken(last + 1, &unreadable(error)?),
    }
}

/// What is wrong with the bytes of a record; an error of the store itself stays one.
fn unreadable(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Corrupt { .. } | StoreError::NewerRecord { .. } | StoreError::NotUpgradable { .. } => {
            Ok(error.to_string())
        }
        error => Err(error),
    }
}

fn key(seq: u64) -> String {
    AuditEntry { seq, facts: String::new(), hash: String::new() }.key()
}
