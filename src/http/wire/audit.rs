//! The log of what was decided by whom.

use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Verified;
use crate::domain::{AuditEntry, AuditFacts};

/// An entry. `facts` is the text that is hashed: `hash` is the lower-case hex of its SHA-256.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryBody {
    pub seq: u64,
    pub hash: String,
    /// JSON as it was written: `seq`, `at`, `actor`, `action`, `subject`, `detail`, `prev` (the hash of the entry before).
    pub facts: String,
    /// The same, read; null if it cannot be read any more.
    #[schema(value_type = Option<Object>)]
    pub entry: Option<AuditFacts>,
}

/// What a look at the whole log shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedBody {
    /// `whole` or `broken`.
    pub state: &'static str,
    /// Entries, where it is whole.
    pub entries: Option<u64>,
    /// Hash of the last one. Note it elsewhere, with the number of entries, and give both the next time.
    pub head: Option<String>,
    /// The first entry that is not as it was written.
    pub broken_at: Option<u64>,
    pub why: Option<String>,
}

impl From<&AuditEntry> for EntryBody {
    fn from(entry: &AuditEntry) -> Self {
        let AuditEntry { seq, facts, hash } = entry.clone();
        Self { seq, hash, entry: serde_json::from_str(&facts).ok(), facts }
    }
}

impl From<&Verified> for VerifiedBody {
    fn from(found: &Verified) -> Self {
        let none = Self { state: "whole", entries: None, head: None, broken_at: None, why: None };
        match found {
            Verified::Whole(None) => Self { entries: Some(0), ..none },
            Verified::Whole(Some(head)) => Self { entries: Some(head.seq), head: Some(head.hash.clone()), ..none },
            Verified::Broken { seq, why } => {
                Self { state: "broken", broken_at: Some(*seq), why: Some(why.clone()), ..none }
            }
        }
    }
}
