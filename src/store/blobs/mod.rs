//! Files by their content: the name of a file is the SHA-256 of its bytes, so the same bytes are kept once
//! and a damaged file is noticed.
//!
//! ```text
//! Blobs (names, hashes, which copy) ─▶ Place ─▶ memory | a folder | a bucket of an object store
//! ```
//!
//! After `put` returns the file is durable, as far as its place can promise that, and there is never half a file under
//! a name. Every read is verified. A place that does not answer is [`StoreError::Unavailable`], never "no such file".
//!
//! **Copies.** A file is put *in a turn* ([`Turn`]): the number of times that unused files were swept (`store::gc`). Its
//! copy of that turn has the turn in its name (the first has none: `ab/cdef…`, then `ab/cdef….1`). A sweep removes only
//! copies of earlier turns than its own, so whatever is put from its beginning on is out of its reach, however late it
//! removes what it has decided on. Who reads takes any copy that is whole.
//!
//! How to add a place: a module that implements [`Place`], an arm in [`Blobs::open_with`], a line in `contract.rs`.

mod bucket;
#[cfg(test)]
mod contract;
mod folder;
pub(super) mod memory;
#[cfg(test)]
mod s3_server;
pub(super) mod watched;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::typed::folder_of;
use crate::domain::Timestamp;

pub(super) use folder::sync_folder;

/// A store of files; clones are the same store.
#[derive(Clone)]
pub struct Blobs {
    place: Arc<dyn Place>,
}

/// What can be set about an S3-compatible object store.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// `https://host:port` of a server that is not Amazon's.
    pub endpoint: Option<String>,
    /// Without it the environment's (`AWS_REGION`), or `us-east-1`.
    pub region: Option<String>,
    /// `https://endpoint/bucket/key`, not `https://bucket.endpoint/key`.
    pub path_style: bool,
    /// Without them what the environment gives: `AWS_ACCESS_KEY_ID` and its like, a web identity, the machine's role.
    pub credentials: Option<Credentials>,
    pub connect_timeout: Duration,
    /// Between two pieces of an answer.
    pub read_timeout: Duration,
    /// For how long a request is tried again.
    pub patience: Duration,
}

#[derive(Debug, Clone)]
pub struct Credentials {
    pub access_key_id: SecretString,
    pub secret_access_key: SecretString,
    pub session_token: Option<SecretString>,
}

impl Default for BucketOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            path_style: false,
            credentials: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            patience: Duration::from_secs(10),
        }
    }
}

/// How often unused files had been swept when a file was put. Given out by [`Store::upload`](super::Store::upload).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Turn(pub(super) u64);

impl Turn {
    /// Of a place in which nothing was ever swept.
    pub const FIRST: Self = Self(0);
}

/// One copy of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    /// 64 digits of lower-case hex.
    pub sha256: String,
    pub turn: Turn,
}

impl Copy {
    fn first(sha256: &str) -> Self {
        Self { sha256: sha256.to_owned(), turn: Turn::FIRST }
    }

    /// The two digits of its shard, and its name in there.
    fn path(&self) -> (&str, String) {
        let (shard, rest) = self.sha256.split_at(2);
        let name = if self.turn == Turn::FIRST { rest.to_owned() } else { format!("{rest}.{}", self.turn.0) };
        (shard, name)
    }

    /// What is under a name of a shard; `None` if it is no copy of ours.
    fn of(shard: &str, name: &str) -> Option<Self> {
        let (rest, turn) = match name.split_once('.') {
            None => (name, Some(0)),
            Some((rest, turn)) => (rest, turn.parse().ok().filter(|turn| *turn > 0)),
        };
        let sha256 = format!("{shard}{rest}");
        let copy = Self { turn: Turn(turn?), sha256: checked(&sha256).ok()? };
        (copy.path() == (shard, name.to_owned())).then_some(copy)
    }
}

/// A copy as its place lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub copy: Copy,
    pub bytes: u64,
    /// By the place's clock; `None` where it has none.
    pub kept_at: Option<Timestamp>,
}

/// The shards that files are spread over: `00` to `ff`.
pub(super) fn shards() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|shard| format!("{shard:02x}"))
}

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Where copies are kept. It knows no hashes; `contract.rs` says what it promises.
pub(super) trait Place: Send + Sync + 'static {
    /// The bytes under a name.
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>>;

    /// Leaves exactly these bytes under the name, whatever was there, and answers when that is durable.
    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()>;

    /// Whether there is anything under a name.
    fn has(&self, copy: Copy) -> Answer<'_, bool>;

    /// The turns of which there are copies of a file, in their order.
    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>>;

    /// All copies in a shard, in no order.
    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>>;

    /// Removes a copy, if it is there.
    fn remove(&self, copy: Copy) -> Answer<'_, ()>;

    /// Notes that a store's files are in here, and answers with all stores that said so.
    fn claim(&self, store: String) -> Answer<'_, Vec<String>>;

    /// Whether a file would be kept now, as far as that is known.
    fn ready(&self) -> Answer<'_, ()> {
        async { Ok(()) }.boxed()
    }

    /// What operators know it by.
    fn name(&self) -> &'static str {
        "memory"
    }
}

impl Blobs {
    /// Opens `memory:` or `file:<folder>`; [`Self::open_with`] with nothing else set.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, BucketOptions::default()).await
    }

    /// Opens `memory:`, `file:<folder>` (made if it is not there) or `s3://<bucket>/<prefix>` (which must answer now).
    /// Several processes may share a folder or a bucket. What an earlier process left half written in a folder long ago
    /// is removed.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`], [`StoreError::Io`]; of a bucket [`StoreError::Unavailable`] if it does not answer, is
    /// not there, or refuses the credentials.
    pub async fn open_with(url: &str, options: BucketOptions) -> Result<Self, StoreError> {
        let invalid = |problem: &str| StoreError::InvalidUrl { url: url.to_owned(), problem: problem.to_owned() };
        let place: Arc<dyn Place> = match url.split_once(':') {
            Some(("memory", "")) => Arc::new(memory::Memory::default()),
            Some(("file", folder)) => {
                let folder = folder_of(folder).ok_or_else(|| invalid("it names no folder; write `file:./files`"))?;
                Arc::new(folder::Folder::open(folder).await?)
            }
            Some(("s3", rest)) => Arc::new(bucket::Bucket::open(url, rest, &options).await?),
            _ => return Err(invalid("files are kept in `file:<folder>`, `s3://<bucket>/<prefix>` or `memory:`")),
        };
        Ok(Self { place: watched::watched(place, url) })
    }

    /// Keeps the bytes and returns their SHA-256 as lower-case hex. Twice is once. What names the file is to be
    /// committed [under the upload](super::ProjectStore::under) that the turn came from.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`]: nothing half is kept under the name.
    pub async fn put(&self, turn: Turn, bytes: Bytes) -> Result<String, StoreError> {
        let (sha256, bytes) = hashed(bytes).await?;
        self.place.keep(Copy { sha256: sha256.clone(), turn }, bytes).await?;
        Ok(sha256)
    }

    /// The bytes with this SHA-256.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFile`]; [`StoreError::CorruptFile`] if what is kept is not what was put;
    /// [`StoreError::Unavailable`] if the place does not answer.
    pub async fn get(&self, sha256: &str) -> Result<Bytes, StoreError> {
        let sha256 = checked(sha256)?;
        let mut damaged = None;
        let mut try_copy = async |copy: Copy| {
            // What came over a network is asked for a second time before it is called damaged.
            for _ in 0..2 {
                let Some(bytes) = self.place.read(copy.clone()).await? else { return Ok(None) };
                let (found, bytes) = hashed(bytes).await?;
                if found == copy.sha256 {
                    return Ok(Some(bytes));
                }
                damaged = Some(format!("its bytes have the hash {found}"));
            }
            Ok::<_, StoreError>(None)
        };
        if let Some(bytes) = try_copy(Copy::first(&sha256)).await? {
            return Ok(bytes);
        }
        // A copy that was there may have made place for a later one just now.
        for _ in 0..3 {
            let turns = self.place.turns(sha256.clone()).await?;
            for turn in turns.iter().rev().filter(|turn| **turn != Turn::FIRST) {
                if let Some(bytes) = try_copy(Copy { sha256: sha256.clone(), turn: *turn }).await? {
                    return Ok(bytes);
                }
            }
            if turns.is_empty() {
                break;
            }
        }
        match damaged {
            Some(detail) => Err(StoreError::CorruptFile { sha256, detail }),
            None => Err(StoreError::NoSuchFile { sha256 }),
        }
    }

    /// Whether there is a file with this SHA-256 (without reading it).
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn exists(&self, sha256: &str) -> Result<bool, StoreError> {
        let sha256 = checked(sha256)?;
        Ok(self.place.has(Copy::first(&sha256)).await? || !self.place.turns(sha256).await?.is_empty())
    }

    /// Whether a file would be kept now, as far as that is known: where the last one was not, it is tried.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.place.ready().await
    }

    /// Makes what is counted of files begin at 0, once a recorder is there.
    pub fn describe_metrics(&self) {
        super::watched::begin(self.place.name(), &watched::OPERATIONS);
    }

    /// Over a place of one's own.
    #[cfg(test)]
    pub(super) fn over(place: Arc<dyn Place>) -> Self {
        Self { place }
    }

    /// All copies in a shard, in their order.
    pub(super) async fn list(&self, shard: &str) -> Result<Vec<Listed>, StoreError> {
        let mut all = self.place.list(shard.to_owned()).await?;
        all.sort_by(|a, b| a.copy.cmp(&b.copy));
        Ok(all)
    }

    /// Whether a copy is there and whole.
    pub(super) async fn is_whole(&self, copy: &Copy) -> Result<bool, StoreError> {
        match self.place.read(copy.clone()).await? {
            Some(bytes) => Ok(hashed(bytes).await?.0 == copy.sha256),
            None => Ok(false),
        }
    }

    pub(super) async fn remove(&self, copy: &Copy) -> Result<(), StoreError> {
        self.place.remove(copy.clone()).await
    }

    /// Notes that the files of this store are in here, and answers with all stores whose files are.
    pub(super) async fn claim(&self, store: &str) -> Result<Vec<String>, StoreError> {
        self.place.claim(store.to_owned()).await
    }
}

/// A name is 64 hex digits and nothing else: it becomes a path.
fn checked(sha256: &str) -> Result<String, StoreError> {
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash {
        Ok(sha256.to_owned())
    } else {
        Err(StoreError::NoSuchFile { sha256: sha256.chars().take(80).collect() })
    }
}

/// Bytes that are hashed where they are; more of them on another thread.
const HASHED_HERE: usize = 16 << 10;

async fn hashed(bytes: Bytes) -> Result<(String, Bytes), StoreError> {
    let hash = |bytes: &Bytes| hex::encode(Sha256::digest(bytes));
    if bytes.len() <= HASHED_HERE {
        return Ok((hash(&bytes), bytes));
    }
    blocking(move || Ok((hash(&bytes), bytes))).await
}

/// Runs work away from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable { detail: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copys_path_is_read_back_and_what_is_no_copy_is_left_alone() {
        let sha256 = "ab".repeat(32);
        for turn in [0, 1, 7, u64::MAX] {
            let copy = Copy { sha256: sha256.clone(), turn: Turn(turn) };
            let (shard, name) = copy.path();
            assert_eq!(Copy::of(shard, &name), Some(copy.clone()));
        }
        let rest = &sha256[2..];
        for odd in [format!("{rest}.0"), format!("{rest}.01"), format!("{rest}."), format!("{rest}.1.2"), "x".into()] {
            assert_eq!(Copy::of("ab", &odd), None, "{odd}");
        }
    }
}
