//! Sweeps beside uploads, in random order, step by step: no file is lost that a record names, and in the end nothing is
//! left that none names.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::super::backend::{Backend, RawBatch, RawValue, Revision, Stamp};
use super::super::blobs::memory::Memory;
use super::super::blobs::{Answer, Place};
use super::super::contract::{Note, note, project};
use super::super::{MemoryBackend, StoreOptions};
use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn at_once(dry_run: bool) -> Sweep {
    Sweep { grace: Duration::ZERO, dry_run }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Lets the others go first.
async fn step() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Every operation is a step: before it, and after it before its answer arrives.
struct Stepping<T: ?Sized>(Arc<T>);

impl Backend for Stepping<dyn Backend> {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            step().await;
            let done = self.0.apply(batch).await;
            step().await;
            done
        }
        .boxed()
    }
    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        step().then(move |()| self.0.get_many(keys)).boxed()
    }
    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        // One key at a time, so that others write between two of them.
        step().then(move |()| self.0.scan(Scan { limit: 1, ..scan })).boxed()
    }
    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.count(prefix)
    }
    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        self.0.stamp()
    }
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.ready()
    }
    fn is_shared(&self) -> bool {
        true
    }
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}

impl Place for Stepping<dyn Place> {
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>> {
        step().then(move |()| self.0.read(copy)).boxed()
    }
    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()> {
        step().then(move |()| self.0.keep(copy, bytes)).boxed()
    }
    fn has(&self, copy: Copy) -> Answer<'_, bool> {
        step().then(move |()| self.0.has(copy)).boxed()
    }
    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>> {
        step().then(move |()| self.0.turns(sha256)).boxed()
    }
    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>> {
        // Not a step for each of 256 shards: most are empty.
        self.0.list(shard)
    }
    fn remove(&self, copy: Copy) -> Answer<'_, ()> {
        step().then(move |()| self.0.remove(copy)).boxed()
    }
    fn claim(&self, store: String) -> Answer<'_, Vec<String>> {
        self.0.claim(store)
    }
}

const CONTENTS: u32 = 3;

fn below(rng: &Mutex<ChaCha12Rng>, n: u32) -> u32 {
    rng.lock().unwrap().next_u32() % n
}

/// Uploads, some given up half way; names its file in a record and sometimes removes a record again.
async fn uploads(store: &Store, blobs: &Blobs, who: u32, rng: &Mutex<ChaCha12Rng>, guarded: bool) {
    let notes = store.project(&project("p"));
    for n in 0..3 {
        let bytes = Bytes::from(format!("content {}", below(rng, CONTENTS)));
        let mut record = note(&format!("{who}-{n}"), "", 0);
        loop {
            let upload = store.upload().await.unwrap();
            record.text = blobs.put(upload.turn(), bytes.clone()).await.unwrap();
            if below(rng, 3) == 0 {
                break;
            }
            let under = if guarded { notes.under(&upload) } else { notes.clone() };
            match under.commit(notes.batch().insert(&record)).await {
                Ok(()) => break,
                Err(StoreError::Swept) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if below(rng, 2) == 0 {
            notes.commit(notes.batch().delete::<Note>(&format!("{who}-{}", below(rng, 3)))).await.unwrap();
        }
    }
}

async fn sweeps(store: &Store, blobs: &Blobs, times: usize) {
    for _ in 0..times {
        match sweep(store, blobs, now(), at_once(false)).await {
            Ok(_) | Err(GcError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs everybody in the order that the seed says; whether a file was lost that a record named.
fn loses(seed: u64, guarded: bool) -> bool {
    let (backend, place): (Arc<dyn Backend>, Arc<dyn Place>) =
        (Arc::new(MemoryBackend::default()), Arc::new(Memory::default()));
    let (seen_store, seen_blobs) = (Store::over(backend.clone()), Blobs::over(place.clone()));
    let (store, blobs) = (Store::over(Arc::new(Stepping(backend))), Blobs::over(Arc::new(Stepping(place))));
    let rng = Mutex::new(ChaCha12Rng::seed_from_u64(seed));
    let mut actors: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    for who in 0..3 {
        actors.push(uploads(&store, &blobs, who, &rng, guarded).boxed_local());
    }
    actors.push(sweeps(&store, &blobs, 3).boxed_local());
    // Its steps are rare: it decides early and removes late, as one that was stopped for a while.
    actors.push(sweeps(&store, &blobs, 2).boxed_local());
    let mut context = Context::from_waker(Waker::noop());
    let named = || {
        let notes = seen_store.project(&project("p"));
        notes.all::<Note>(crate::store::Query::default()).now_or_never().unwrap().unwrap()
    };
    let is_lost = || {
        let lost = |note: &Note| !seen_blobs.exists(&note.text).now_or_never().unwrap().unwrap();
        named().iter().any(lost)
    };
    while !actors.is_empty() {
        let mut at = below(&rng, actors.len() as u32 * 4) as usize;
        if at >= actors.len() {
            at %= (actors.len() - 1).max(1);
        }
        if actors[at].as_mut().poll(&mut context).is_ready() {
            drop(actors.remove(at));
        }
        if is_lost() {
            return true;
        }
    }
    // Alone now: what nothing names goes, what is named is whole, once.
    sweep(&seen_store, &seen_blobs, now(), at_once(false)).now_or_never().unwrap().unwrap();
    let mut kept: Vec<String> = Vec::new();
    for shard in shards() {
        kept.extend(seen_blobs.list(&shard).now_or_never().unwrap().unwrap().into_iter().map(|one| one.copy.sha256));
    }
    let mut names: Vec<String> = named().into_iter().map(|note| note.text).collect();
    names.sort();
    names.dedup();
    assert_eq!(kept, names, "seed {seed}");
    for name in names {
        seen_blobs.get(&name).now_or_never().unwrap().unwrap();
    }
    false
}

#[test]
fn whatever_the_order_no_named_file_is_lost_and_no_unnamed_one_is_left() {
    for seed in 0..400 {
        assert!(!loses(seed, true), "seed {seed}");
    }
}

#[test]
fn without_the_guard_of_its_upload_a_commit_does_lose_files() {
    assert!((0..400).any(|seed| loses(seed, false)), "the test above would not notice");
}

async fn world() -> (Store, Blobs) {
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    (store, Blobs::open("memory:").await.unwrap())
}

#[tokio::test]
async fn a_dry_run_says_what_a_sweep_would_do_and_does_nothing() {
    let (store, blobs) = world().await;
    let upload = store.upload().await.unwrap();
    let used = blobs.put(upload.turn(), Bytes::from_static(b"used")).await.unwrap();
    let unused = blobs.put(upload.turn(), Bytes::from_static(b"not used")).await.unwrap();
    let notes = store.project(&project("p")).under(&upload);
    // Anywhere in a record, of any kind.
    notes.commit(notes.batch().insert(&note(&format!("n-{used}"), "", 0))).await.unwrap();
    let swept = sweep(&store, &blobs, now(), at_once(true)).await.unwrap();
    assert_eq!((swept.files, swept.bytes, swept.unused_files, swept.unused_bytes), (2, 12, 1, 8));
    assert!(blobs.exists(&unused).await.unwrap());
    assert_eq!(store.sweeps().await.unwrap().0.number, 0);
    assert_eq!(sweep(&store, &blobs, now(), at_once(false)).await.unwrap(), swept);
    assert!(blobs.exists(&used).await.unwrap() && !blobs.exists(&unused).await.unwrap());
    let (sweeps, _) = store.sweeps().await.unwrap();
    assert_eq!((sweeps.number, sweeps.last), (1, Some(now())));
    let again = sweep(&store, &blobs, now(), at_once(false)).await.unwrap();
    assert_eq!((again.files, again.unused_files), (1, 0));
    assert_eq!(store.sweeps().await.unwrap().0.number, 1, "a sweep that removes nothing stops no upload");
}

#[tokio::test]
async fn a_commit_after_a_sweep_is_told_so_and_young_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    let blobs = Blobs::open(&format!("file:{}", folder.path().display())).await.unwrap();
    let upload = store.upload().await.unwrap();
    let name = blobs.put(upload.turn(), Bytes::from_static(b"x")).await.unwrap();
    let grace = Sweep { grace: Duration::from_secs(3_600), dry_run: false };
    let written = std::fs::metadata(folder.path().join(&name[..2]).join(&name[2..])).unwrap().modified().unwrap();
    let written = Timestamp::try_from(written).unwrap();
    let after = |seconds| written.checked_add(Duration::from_secs(seconds)).unwrap();
    assert_eq!(sweep(&store, &blobs, after(3_500), grace).await.unwrap().unused_files, 0);
    assert_eq!(sweep(&store, &blobs, after(3_700), grace).await.unwrap().unused_files, 1);
    let notes = store.project(&project("p")).under(&upload);
    let late = notes.commit(notes.batch().insert(&note(&name, "", 0))).await;
    assert_eq!(late, Err(StoreError::Swept));
    assert_eq!(late.unwrap_err().retry(), crate::store::Retry::AfterReload);
}

#[tokio::test]
async fn files_that_another_store_names_too_are_not_swept() {
    let (store, blobs) = world().await;
    let (other, _) = world().await;
    let unused = blobs.put(Turn::FIRST, Bytes::from_static(b"the other's")).await.unwrap();
    sweep(&other, &blobs, now(), at_once(true)).await.unwrap();
    let refused = sweep(&store, &blobs, now(), at_once(false)).await;
    let Err(GcError::Shared { mine, stores }) = refused else { panic!("{refused:?}") };
    assert!(stores.len() == 2 && stores.contains(&mine));
    assert!(blobs.exists(&unused).await.unwrap());
}

#[tokio::test]
async fn a_store_that_names_none_of_many_files_is_taken_for_the_wrong_one() {
    let (store, blobs) = world().await;
    let mut names = Vec::new();
    for n in 0..20 {
        names.push(blobs.put(Turn::FIRST, Bytes::from(n.to_string())).await.unwrap());
    }
    let refused = sweep(&store, &blobs, now(), at_once(false)).await;
    assert!(matches!(refused, Err(GcError::NoneNamed { files: 20 })), "{refused:?}");
    assert!(blobs.exists(&names[7]).await.unwrap());
    let notes = store.project(&project("p"));
    notes.commit(notes.batch().insert(&note(&names[7], "", 0))).await.unwrap();
    assert_eq!(sweep(&store, &blobs, now(), at_once(false)).await.unwrap().unused_files, 19);
}

#[test]
fn a_hash_is_found_wherever_it_stands_in_a_record() {
    let hash = "0123456789abcdef".repeat(4);
    let found = |text: &str| {
        let mut all = Vec::new();
        hashes(text.as_bytes(), |found| all.push(hex::encode(found)));
        all
    };
    assert_eq!(found(&format!("{{\"sha256\":\"{hash}\"}}")), [hash.as_str()]);
    assert_eq!(found(&format!("f-{hash}.pdf")), [hash.as_str()]);
    assert_eq!(found(&hash.to_uppercase()), Vec::<String>::new());
    assert_eq!(found(&hash[1..]), Vec::<String>::new());
    assert!(found(&format!("a{hash}b")).contains(&hash), "also within more digits");
}
