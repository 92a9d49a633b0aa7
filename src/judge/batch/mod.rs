//! Batch interfaces of providers: calls are collected, handed in together, and their replies fetched within a day, for half
//! the price. To the engine such a call is one like any other: its intent is durable before it leaves, its reply before it
//! is read, and what failed is asked again in a later batch.
//!
//! In between the journal knows in which batch a call is: first the name that we give the batch, before it is handed in;
//! then the provider's id. So a restart neither loses a batch nor hands it in twice: calls with an id are fetched from
//! there; those with a name alone are looked for at the provider, where it keeps names (OpenAI does; Anthropic does not:
//! if the process ends in the moment between handing a batch in and keeping its id, its calls are asked, and paid, twice).
//!
//! A batch that was handed in is not called back: its calls are paid for, and a grading that goes on later reads them.

mod anthropic;
mod openai;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(super) use anthropic::AnthropicBatches;
pub(super) use openai::OpenAiBatches;

use super::provider::{Lost, RawReply, Retry};
use super::seams::Timer;
use crate::domain::{Cause, Fingerprint};

/// Calls of one batch at most. OpenAI takes 50,000, Anthropic 100,000.
const MAX_CALLS: usize = 10_000;
/// Bytes of one batch at most. OpenAI takes 200 MB, Anthropic 256.
const MAX_BYTES: usize = 64 << 20;
/// Requests that wait to be handed in, in KiB: two batches.
const ROOM_KIB: u32 = 2 * (MAX_BYTES >> 10) as u32;

/// One request in a batch.
#[derive(Debug, Clone)]
pub struct Item {
    /// Up to 64 letters and digits; the same call never has two.
    pub id: String,
    /// The request as it would be sent by itself.
    pub body: Arc<str>,
}

/// What came of a batch's requests, by their ids.
pub type Results = HashMap<String, Result<RawReply, Lost>>;

/// A provider's batch interface.
#[async_trait]
pub trait Batches: Send + Sync {
    /// Hands a batch in; returns the provider's id.
    async fn submit(&self, name: &str, items: &[Item]) -> Result<String, Lost>;

    /// The batch that was handed in under this name, where the provider keeps names.
    async fn find(&self, name: &str) -> Result<Option<String>, Lost>;

    /// Everything that came back; `None` as long as it is not over.
    async fn fetch(&self, id: &str) -> Result<Option<Results>, Lost>;
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchTimes {
    /// For how long calls are collected before a batch is handed in.
    pub collect: Duration,
    /// Between two looks at a batch.
    pub poll: Duration,
}

impl Default for BatchTimes {
    fn default() -> Self {
        Self { collect: Duration::from_secs(5), poll: Duration::from_secs(30) }
    }
}

/// How far a call has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// It is about to be handed in; it is, when this is answered. What is dropped stays behind.
    Leaving {
        name: String,
        kept: oneshot::Sender<()>,
    },
    /// It left. Nobody looks at the batch before every call of it has answered or was dropped: what is looked at is known
    /// to the journal.
    HandedIn {
        name: String,
        id: String,
        kept: oneshot::Sender<()>,
    },
    Back(Result<RawReply, Lost>),
}

/// The calls of a judge that go by batch.
pub(super) struct Mail {
    batches: Arc<dyn Batches>,
    timer: Arc<dyn Timer>,
    times: BatchTimes,
    desk: Mutex<Desk>,
    /// For requests that are not handed in yet, in KiB.
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct Desk {
    waiting: Vec<Waiting>,
    bytes: usize,
    /// Somebody will come for what is waiting.
    collecting: bool,
    /// By the provider's id: who waits for what.
    out: HashMap<String, Vec<(String, Sender)>>,
}

type Sender = mpsc::UnboundedSender<Stage>;

struct Waiting {
    item: Item,
    stages: Sender,
    _room: Option<OwnedSemaphorePermit>,
}

impl Mail {
    pub fn new(batches: Arc<dyn Batches>, timer: Arc<dyn Timer>, times: BatchTimes) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(ROOM_KIB as usize));
        Arc::new(Self { batches, timer, times, desk: Mutex::default(), room })
    }

    /// Waits until there is room for a request of so many bytes: what is collected fits into memory.
    pub async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes / 1_024 + 1).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        // The semaphore is never closed.
        Arc::clone(&self.room).acquire_many_owned(kib).await.ok()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request to the others that leave with the next batch.
    pub fn post(self: &Arc<Self>, item: Item, room: Option<OwnedSemaphorePermit>) -> mpsc::UnboundedReceiver<Stage> {
        let (stages, receiver) = mpsc::unbounded_channel();
        let mut desk = self.desk();
        desk.bytes += item.body.len();
        desk.waiting.push(Waiting { item, stages, _room: room });
        let full = desk.waiting.len() >= MAX_CALLS || desk.bytes >= MAX_BYTES;
        if full {
            let bag = std::mem::take(&mut desk.waiting);
            desk.bytes = 0;
            tokio::spawn(Arc::clone(self).hand_in(bag));
        } else if !std::mem::replace(&mut desk.collecting, true) {
            tokio::spawn(Arc::clone(self).collect());
        }
        receiver
    }

    async fn collect(self: Arc<Self>) {
        self.timer.sleep(self.times.collect).await;
        let bag = {
            let mut desk = self.desk();
            desk.collecting = false;
            desk.bytes = 0;
            std::mem::take(&mut desk.waiting)
        };
        self.hand_in(bag).await;
    }

    async fn hand_in(self: Arc<Self>, bag: Vec<Waiting>) {
        let name = name_of(&bag);
        let mut leaving = Vec::with_capacity(bag.len());
        for waiting in bag {
            let (kept, is_kept) = oneshot::channel();
            let _ = waiting.stages.send(Stage::Leaving { name: name.clone(), kept });
            leaving.push((waiting, is_kept));
        }
        let mut bag = Vec::with_capacity(leaving.len());
        for (waiting, is_kept) in leaving {
            // Whoever was stopped meanwhile stays behind.
            if is_kept.await.is_ok() {
                bag.push(waiting);
            }
        }
        if bag.is_empty() {
            return;
        }
        let items: Vec<Item> = bag.iter().map(|waiting| waiting.item.clone()).collect();
        let submitted = match self.batches.submit(&name, &items).await {
            // It may have arrived all the same.
            Err(lost) if matches!(lost.retry, Retry::Later(_)) => match self.batches.find(&name).await {
                Ok(Some(id)) => Ok(id),
                Ok(None) | Err(_) => Err(lost),
            },
            submitted => submitted,
        };
        let id = match submitted {
            Ok(id) => id,
            Err(lost) => {
                bag.into_iter().for_each(|waiting| drop(waiting.stages.send(Stage::Back(Err(lost.clone())))));
                return;
            }
        };
        tracing::info!(batch = %id, calls = bag.len(), "batch handed in");
        let mut waiting = Vec::with_capacity(bag.len());
        let mut noted = Vec::with_capacity(bag.len());
        for Waiting { item, stages, .. } in bag {
            let (kept, is_kept) = oneshot::channel();
            let _ = stages.send(Stage::HandedIn { name: name.clone(), id: id.clone(), kept });
            waiting.push((item.id, stages));
            noted.push(is_kept);
        }
        self.desk().out.insert(id.clone(), waiting);
        for is_kept in noted {
            let _ = is_kept.await;
        }
        self.follow(id).await;
    }

    /// Waits for a call that an earlier life of the process handed in. `None`: the provider knows nothing of it.
    ///
    /// # Errors
    /// If the provider cannot be asked.
    pub async fn rejoin(
        self: &Arc<Self>,
        name: &str,
        id: Option<&str>,
        item: &str,
    ) -> Result<Option<mpsc::UnboundedReceiver<Stage>>, Lost> {
        let id = match id {
            Some(id) => id.to_owned(),
            None => match self.batches.find(name).await? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let (stages, receiver) = mpsc::unbounded_channel();
        let mut desk = self.desk();
        let followed = desk.out.contains_key(&id);
        desk.out.entry(id.clone()).or_default().push((item.to_owned(), stages));
        if !followed {
            tokio::spawn(Arc::clone(self).follow(id));
        }
        Ok(Some(receiver))
    }

    /// Looks at a batch until it is over or nobody waits for it any more.
    async fn follow(self: Arc<Self>, id: String) {
        loop {
            self.timer.sleep(self.times.poll).await;
            let nobody = self.desk().out.get(&id).is_none_or(|all| all.iter().all(|(_, stages)| stages.is_closed()));
            let fetched = if nobody { Ok(Some(Results::new())) } else { self.batches.fetch(&id).await };
            let failed = match fetched {
                Ok(None) => continue,
                Ok(Some(mut results)) => {
                    for (item, stages) in self.desk().out.remove(&id).unwrap_or_default() {
                        let back = results.remove(&item).unwrap_or_else(|| Err(missing(&id)));
                        let _ = stages.send(Stage::Back(back));
                    }
                    return;
                }
                Err(lost) if matches!(lost.retry, Retry::Later(_)) => {
                    tracing::warn!(batch = %id, cause = lost.cause.as_str(), detail = %lost.detail, "batch cannot be looked at");
                    continue;
                }
                Err(lost) => lost,
            };
            for (_, stages) in self.desk().out.remove(&id).unwrap_or_default() {
                let _ = stages.send(Stage::Back(Err(failed.clone())));
            }
            return;
        }
    }
}

/// The same calls always make the same name.
fn name_of(bag: &[Waiting]) -> String {
    let ids = bag.iter().map(|waiting| waiting.item.id.as_bytes());
    Fingerprint::of_parts(ids).short().to_owned()
}

fn missing(id: &str) -> Lost {
    let detail = format!("batch {id} ended without a reply to this request");
    Lost { cause: Cause::ProviderError, detail, latency_ms: 0, retry: Retry::Later(None) }
}

/// A reply to one of our own requests (upload, look, fetch) that is not what was asked for.
pub(super) fn unexpected(what: &str, status: u16, body: &str) -> Lost {
    let said: String = body.chars().take(300).collect();
    let retry = if status == 408 || status == 409 || status == 429 || status >= 500 {
        Retry::Later(None)
    } else {
        Retry::Never
    };
    let cause = if status == 429 { Cause::RateLimited } else { Cause::ProviderError };
    Lost { cause, detail: format!("{what}: status {status}: {said}"), latency_ms: 0, retry }
}

/// A request of a batch that was answered, as if it had been sent by itself.
fn answered(status: u16, body: String) -> Result<RawReply, Lost> {
    Ok(RawReply { status, body, latency_ms: 0, retry_after: None, used_up_for: None })
}

fn expired() -> Lost {
    let detail = "the provider did not get to it within the batch's day".to_owned();
    Lost { cause: Cause::Timeout, detail, latency_ms: 0, retry: Retry::Later(None) }
}
