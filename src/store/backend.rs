//! The seam that a store stands on: ordered text keys, values with a revision, atomic batches with
//! preconditions. Small on purpose: what a backend must promise is here and in `contract.rs`, which every
//! backend passes.
//!
//! Keys are ordered by their bytes (a PostgreSQL backend needs `COLLATE "C"`).

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::StoreError;

/// The number of the commit that wrote a record. It grows with every commit of a store and is never used
/// twice, so a record that was deleted and made again does not look unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub(super) u64);

/// Stands for everything that was committed up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(pub(super) String);

#[cfg(test)]
impl Stamp {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A value as a backend keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawValue {
    pub revision: Revision,
    pub bytes: Bytes,
}

/// What must be true of a key for a batch to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Absent,
    /// It is there and was not written since.
    Unchanged(Revision),
}

impl Expect {
    /// Whether `current` is as expected.
    #[must_use]
    pub fn holds(self, current: Option<Revision>) -> bool {
        match self {
            Self::Absent => current.is_none(),
            Self::Unchanged(revision) => current == Some(revision),
        }
    }
}

/// Everything in it happens, or nothing does. Preconditions look at the state before the batch; a key is
/// written at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawBatch {
    pub expects: Vec<(String, Expect)>,
    /// `None` removes the key.
    pub writes: Vec<(String, Option<Bytes>)>,
}

impl RawBatch {
    /// Bytes that a backend has to move for it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Bytes::len)).sum()
    }
}

/// Which keys to walk over, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub prefix: String,
    /// Start past this key (in the direction of the walk).
    pub after: Option<String>,
    pub limit: usize,
    pub backwards: bool,
}

/// An ordered key/value store with atomic, durable batches.
pub trait Backend: Send + Sync + 'static {
    /// Applies the batch and answers with its revision **once it is durable**.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a precondition does not hold: nothing was written.
    /// [`StoreError::Uncertain`] if it failed half way.
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// The values of the keys, in the order of the keys asked for. Whatever is returned is durable.
    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>>;

    /// Keys with their values. Whatever is returned is durable.
    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>>;

    /// How many keys start with the prefix; may take time proportional to their number.
    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// What has been committed so far. Two equal stamps: nothing was committed between them; what is read after a stamp
    /// was taken has everything that it stands for.
    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>>;

    /// Makes a write durable that changes nothing, not even the stamp: whether writes are taken now.
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    /// Whether reads and commits would be served now.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What operators know it by.
    fn name(&self) -> &'static str {
        "memory"
    }

    /// Whether other processes may work on the same records at the same time.
    fn is_shared(&self) -> bool {
        false
    }

    /// Walks over everything there is, as of one moment, as far as the backend can: PostgreSQL by a snapshot; what
    /// belongs to one process by [`Tapped`](super::tap::Tapped). A plain walk is right if nobody writes meanwhile.
    fn image(&self) -> BoxFuture<'_, Result<Box<dyn Image + '_>, StoreError>> {
        let scan = move |scan| self.scan(scan);
        let walk: Box<dyn Image + '_> = Box::new(Plain { scan: Box::new(scan), after: None });
        Box::pin(std::future::ready(Ok(walk)))
    }

    /// Finishes what was accepted, then refuses everything with [`StoreError::Closed`]. Twice does no harm.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a walk came upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePart {
    /// The next keys with their values, in their order.
    Entries(Vec<(String, RawValue)>),
    /// Keys as they are now, whether or not the walk had come past them; `None`: gone.
    Changes(Vec<(String, Option<RawValue>)>),
    /// That was all. Everything that was told, in the order in which it was, is the state of one moment.
    End,
}

/// A walk over everything there is.
pub trait Image: Send {
    /// [`ImagePart::Entries`] first, then [`ImagePart::Changes`] if there were any, then [`ImagePart::End`].
    fn next(&mut self) -> BoxFuture<'_, Result<ImagePart, StoreError>>;
}

/// Keys of one step of a walk.
pub(super) const IMAGE_KEYS: usize = 64;

type Scans<'a> = Box<dyn Fn(Scan) -> BoxFuture<'a, Result<Vec<(String, RawValue)>, StoreError>> + Send + Sync + 'a>;

/// Page after page.
struct Plain<'a> {
    scan: Scans<'a>,
    after: Option<String>,
}

impl Image for Plain<'_> {
    fn next(&mut self) -> BoxFuture<'_, Result<ImagePart, StoreError>> {
        Box::pin(async move {
            let after = self.after.take();
            let scan = Scan { prefix: String::new(), after, limit: IMAGE_KEYS, backwards: false };
            let page = (self.scan)(scan).await?;
            let Some((last, _)) = page.last() else { return Ok(ImagePart::End) };
            self.after = Some(last.clone());
            Ok(ImagePart::Entries(page))
        })
    }
}
