//! Files and the records that name them: kept one after the other, and never apart.
//!
//! The bytes are put first and the record is committed then. In between nothing names the file, and a sweep of unused
//! files (`gc.rs`) could take it. So that none does, whatever the clocks say and however long either stands still:
//!
//! - sweeps are counted by a record. An upload begins with reading it; its files are put as copies of that turn
//!   ([`Turn`]), and its commit requires the record unchanged ([`ProjectStore::under`]);
//! - a sweep counts itself first, then reads what all records name, then removes copies of *earlier* turns that none
//!   names.
//!
//! A commit that came before the count is seen by the reading. One that would come after it is refused as
//! [`StoreError::Swept`], and the files are put again, as copies that this sweep leaves alone. What a sweep decided on is
//! never the name of anything new, so it does no harm if a process that was stopped for a day removes it then.
//!
//! A record that takes over the name of a file from another record, without putting it, must do so while the other one
//! stays, or under an upload of its own.

use serde::{Deserialize, Serialize};

use super::backend::{Expect, Revision};
use super::blobs::Turn;
use super::record::Record;
use super::typed::Store;
use super::{StoreError, keys};
use crate::domain::Timestamp;

/// How often unused files were swept. There is one, among the records of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweeps {
    pub number: u64,
    /// Under which the store says in a place for files that its files are in there.
    pub store: String,
    /// When the last one ended, whether or not it removed anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

impl Sweeps {
    pub(super) const KEY: &str = "sweeps";
}

impl Record for Sweeps {
    const KIND: &'static str = "sweeps";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// Files that are put, and named by what is committed [under](super::ProjectStore::under) it.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    turn: Turn,
    revision: Revision,
}

impl Upload {
    /// For [`Blobs::put`](super::Blobs::put).
    #[must_use]
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// What must be true for a commit under it.
    pub(super) fn expects(&self) -> (String, Expect) {
        (keys::record("", Sweeps::KIND, Sweeps::KEY), Expect::Unchanged(self.revision))
    }
}

impl Store {
    /// Begins an upload: before the first file of it is put.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn upload(&self) -> Result<Upload, StoreError> {
        let (sweeps, revision) = self.sweeps().await?;
        Ok(Upload { turn: Turn(sweeps.number), revision })
    }

    /// How often unused files were swept.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn sweeps(&self) -> Result<(Sweeps, Revision), StoreError> {
        let system = self.system();
        loop {
            if let Some(kept) = system.get::<Sweeps>(Sweeps::KEY).await? {
                return Ok((kept.record, kept.revision));
            }
            // It must be there to stand on: an absence that many require at once lets each wait for all others.
            let mut id = [0u8; 16];
            getrandom::fill(&mut id).map_err(|error| StoreError::Unavailable {
                detail: format!("the operating system gives no random bytes: {error}"),
            })?;
            let none = Sweeps { number: 0, store: hex::encode(id), last: None };
            match system.commit(system.batch().insert(&none)).await {
                Ok(()) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
