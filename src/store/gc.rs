//! Removes files that no record names: what was put for a commit that never came, and what more than one copy is kept of.
//!
//! Why this is safe beside uploads, here and on other replicas, is in `uploads.rs`: a sweep counts itself, reads all
//! records, and removes only copies of earlier turns. A file counts as named if its hash stands anywhere in any record, of
//! whatever kind and version: a kind that is new, newer than this build or damaged still holds its files. Besides, nothing
//! is touched that is younger than a time of grace, for whoever looks into the place by hand.
//!
//! One place may hold the files of several stores by mistake (two services with one bucket). Each says so in there, and
//! where there is more than one, nothing is swept.
//!
//! Memory: about 60 bytes for each file that is older than the grace. Records are read once, and a second time if
//! something is to be removed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::backend::Scan;
use super::blobs::{Copy, Listed, Turn, shards};
use super::typed::Store;
use super::uploads::Sweeps;
use super::{Blobs, StoreError};
use crate::domain::Timestamp;

/// Keys that are read at once.
const KEYS: usize = 256;
/// The digits of a SHA-256.
const DIGITS: usize = 64;

/// How to sweep.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// Younger files are left alone.
    pub grace: Duration,
    /// Only say what would be removed.
    pub dry_run: bool,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// All files, with their copies.
    pub files: u64,
    pub bytes: u64,
    /// Of them, what no record names (or another copy takes the place of), and was removed or would have been.
    pub unused_files: u64,
    pub unused_bytes: u64,
    /// Records that were read.
    pub records: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum GcError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{} stores say that their files are in here ({}); give each service a folder or a prefix of its own, or remove \
         `stores/<id>` of those that are gone (this one is {mine}). Nothing was swept",
        stores.len(),
        stores.join(", ")
    )]
    Shared { mine: String, stores: Vec<String> },
    #[error(
        "none of the {files} files is named by a record of this store: is it the right one? Nothing was swept; if they are of \
         no use, remove them by hand"
    )]
    NoneNamed { files: usize },
    #[error("somebody else sweeps at this moment; nothing was removed by this one")]
    Busy,
}

/// So many files that are old enough, and none of them named, are taken for another store's.
const SUSPICIOUS: usize = 16;

type Hash = [u8; 32];

/// Copies of a file that may go, by its hash.
type Candidates = BTreeMap<Hash, Vec<(Turn, u64)>>;

/// Removes what nothing names, or says what it would.
///
/// # Errors
/// [`GcError`]; what was removed until then was nothing's.
pub async fn sweep(store: &Store, blobs: &Blobs, now: Timestamp, how: Sweep) -> Result<Swept, GcError> {
    claim(store, blobs).await?;
    let mut found = Swept::default();
    let mut unused = list(blobs, now, how.grace, &mut found).await?;
    let mut superseded = Vec::new();
    for (hash, copies) in &unused {
        // All but the last: whoever reads finds that one.
        let last = copies.iter().map(|(turn, _)| *turn).max();
        superseded.extend(copies.iter().filter(|(turn, _)| Some(*turn) != last).map(|one| (*hash, *one, last)));
    }
    let candidates = unused.len();
    found.records = unnamed(store, &mut unused).await?;
    if candidates >= SUSPICIOUS && unused.len() == candidates {
        return Err(GcError::NoneNamed { files: candidates });
    }
    let unused_now = |unused: &Candidates| {
        let whole = unused.values().flatten().map(|(_, bytes)| *bytes);
        let besides =
            superseded.iter().filter(|(hash, ..)| !unused.contains_key(hash)).map(|(_, (_, bytes), _)| *bytes);
        whole.chain(besides).fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes))
    };
    if !how.dry_run && unused_now(&unused).0 > 0 {
        let turn = count(store).await?;
        unnamed(store, &mut unused).await?;
        for (hash, copies) in &unused {
            for (copy, _) in copies.iter().filter(|(copy, _)| *copy < turn) {
                blobs.remove(&Copy { sha256: hex::encode(hash), turn: *copy }).await?;
            }
        }
        for (hash, (copy, _), last) in superseded.iter().filter(|(hash, ..)| !unused.contains_key(hash)) {
            let sha256 = hex::encode(hash);
            let Some(last) = *last else { continue };
            if *copy < turn && blobs.is_whole(&Copy { sha256: sha256.clone(), turn: last }).await? {
                blobs.remove(&Copy { sha256, turn: *copy }).await?;
            }
        }
    }
    (found.unused_files, found.unused_bytes) = unused_now(&unused);
    if !how.dry_run {
        ended(store, now).await?;
    }
    Ok(found)
}

/// Notes in the place that its files are this store's. A service does so when it starts, so that no other one sweeps them.
///
/// # Errors
/// [`GcError::Shared`] if another store has said the same; then neither sweeps.
pub async fn claim(store: &Store, blobs: &Blobs) -> Result<(), GcError> {
    let (sweeps, _) = store.sweeps().await?;
    let stores = blobs.claim(&sweeps.store).await?;
    if stores.len() > 1 {
        return Err(GcError::Shared { mine: sweeps.store, stores });
    }
    Ok(())
}

/// All copies that are old enough.
async fn list(blobs: &Blobs, now: Timestamp, grace: Duration, found: &mut Swept) -> Result<Candidates, StoreError> {
    let mut all = Candidates::new();
    for shard in shards() {
        for Listed { copy, bytes, kept_at } in blobs.list(&shard).await? {
            found.files += 1;
            found.bytes += bytes;
            let age = kept_at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
            let mut hash = Hash::default();
            if age.is_none_or(|age| age >= grace) && hex::decode_to_slice(&copy.sha256, &mut hash).is_ok() {
                all.entry(hash).or_default().push((copy.turn, bytes));
            }
        }
    }
    Ok(all)
}

/// Takes away what a record names; how many were read.
async fn unnamed(store: &Store, files: &mut Candidates) -> Result<u64, StoreError> {
    let (mut records, mut after) = (0, None);
    loop {
        let scan = Scan { prefix: String::new(), after: after.take(), limit: KEYS, backwards: false };
        let page = store.backend().scan(scan).await?;
        let Some((last, _)) = page.last() else { return Ok(records) };
        after = Some(last.clone());
        for (_, value) in &page {
            if !value.bytes.is_empty() {
                records += 1;
                hashes(&value.bytes, |hash| {
                    files.remove(hash);
                });
            }
        }
    }
}

/// Everything in a record that could be the hash of a file.
pub(super) fn hashes(record: &[u8], mut each: impl FnMut(&Hash)) {
    let mut run = 0;
    for (at, byte) in record.iter().enumerate() {
        run = if matches!(byte, b'0'..=b'9' | b'a'..=b'f') { run + 1 } else { 0 };
        let mut hash = Hash::default();
        if run >= DIGITS && hex::decode_to_slice(&record[at + 1 - DIGITS..=at], &mut hash).is_ok() {
            each(&hash);
        }
    }
}

/// Counts this sweep: from now on no commit rests on a copy of an earlier turn.
async fn count(store: &Store) -> Result<Turn, GcError> {
    let system = store.system();
    for _ in 0..8 {
        let (sweeps, revision) = store.sweeps().await?;
        let next = Sweeps { number: sweeps.number + 1, ..sweeps };
        match system.commit(system.batch().update(&next, revision)).await {
            Ok(()) => return Ok(Turn(next.number)),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(GcError::Busy)
}

/// Notes when it ended, for who asks whether it is time again.
async fn ended(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let system = store.system();
    let (sweeps, revision) = store.sweeps().await?;
    match system.commit(system.batch().update(&Sweeps { last: Some(now), ..sweeps }, revision)).await {
        // Another one ended meanwhile, or counted itself: that says as much.
        Err(StoreError::Conflict { .. }) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests;
