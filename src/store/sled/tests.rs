//! The disk fails, stalls or takes the writer with it; nobody hears of a success that was none.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::*;
use crate::store::backend::Expect;
use crate::store::{Happened, Retry};

struct Bench {
    _folder: tempfile::TempDir,
    store: Arc<SledBackend>,
}

/// A folder that is well again when the flag says so.
struct Mends {
    path: PathBuf,
    well: Arc<AtomicBool>,
    ill: StoreError,
    sync: Option<writer::Sync>,
}

impl Folder for Mends {
    fn probe(&mut self) -> Result<(), StoreError> {
        match self.well.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(self.ill.clone()),
        }
    }

    fn open(&mut self) -> Result<Life, StoreError> {
        let mut life = open_life(&self.path, 8 << 20)?;
        if let Some(sync) = self.sync.take() {
            life.sync = sync;
        }
        Ok(life)
    }
}

/// On a disk that syncs like this, and after a failure only opens again when `well`.
fn mending(sync: impl FnMut() -> io::Result<()> + Send + 'static, well: &Arc<AtomicBool>, ill: StoreError) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Mends { path: folder.path().to_path_buf(), well: well.clone(), ill, sync: Some(Box::new(sync)) };
    let life = place.open().unwrap();
    let store = SledBackend::start(folder.path().to_path_buf(), life, Box::new(place)).unwrap();
    Bench { _folder: folder, store: Arc::new(store) }
}

fn bench(sync: impl FnMut() -> io::Result<()> + Send + 'static) -> Bench {
    mending(sync, &Arc::default(), StoreError::Unavailable { detail: "not yet".to_owned() })
}

fn insert(key: &str) -> RawBatch {
    RawBatch {
        expects: vec![(key.to_owned(), Expect::Absent)],
        writes: vec![(key.to_owned(), Some(Bytes::from_static(b"value")))],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_fails_the_commit_is_uncertain_and_nothing_is_taken_or_shown_after_it() {
    let broken = Arc::new(AtomicBool::new(false));
    let disk = broken.clone();
    let bench = bench(move || if disk.load(Ordering::SeqCst) { Err(io::Error::other("disk full")) } else { Ok(()) });
    let store = &bench.store;
    store.apply(insert("p/r/note/before")).await.unwrap();

    broken.store(true, Ordering::SeqCst);
    let error = store.apply(insert("p/r/note/during")).await.unwrap_err();
    assert_eq!((error.happened(), error.retry()), (Happened::Perhaps, Retry::Later));
    assert!(error.to_string().contains("disk full"), "{error}");

    // The disk is well again; what sled holds in memory may still not be what is on it.
    broken.store(false, Ordering::SeqCst);
    let error = store.apply(insert("p/r/note/after")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }) && error.happened() == Happened::No, "{error}");
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
    let unsure = store.get_many(vec!["p/r/note/during".to_owned()]).await;
    assert!(matches!(unsure, Err(StoreError::Unavailable { .. })), "{unsure:?}");
    assert!(store.get_many(vec!["p/r/note/before".to_owned()]).await.unwrap()[0].is_some());
    assert!(store.close().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_is_well_again_the_store_goes_on_with_what_is_on_it_and_uses_no_revision_twice() {
    let (broken, well) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let disk = broken.clone();
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let ill = StoreError::full("still no room", Happened::No);
    let bench = mending(move || if disk.load(Ordering::SeqCst) { Err(full()) } else { Ok(()) }, &well, ill);
    let store = &bench.store;
    let before = store.apply(insert("p/r/note/before")).await.unwrap();
    broken.store(true, Ordering::SeqCst);
    let error = store.apply(insert("p/r/note/during")).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { happened: Happened::Perhaps, .. }), "{error:?}");
    let error = store.apply(insert("p/r/note/after")).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { happened: Happened::No, .. }), "{error:?}");
    let error = store.ready().await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(store.get_many(vec!["p/r/note/before".to_owned()]).await.unwrap()[0].is_some(), "what is durable is read");

    well.store(true, Ordering::SeqCst);
    while store.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kept = store.apply(insert("p/r/note/again")).await.unwrap();
    assert!(kept.0 > before.0 + 1, "the revision of the write that failed is not used again: {kept:?}");
    let keys = ["before", "again", "after"].map(|name| format!("p/r/note/{name}")).to_vec();
    let found = store.get_many(keys).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    // Here the write had reached the file before the disk said no; what matters is that it is one or the other.
    store.get_many(vec!["p/r/note/during".to_owned()]).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_waits_for_what_a_crash_could_still_take_back() {
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel::<()>();
    let bench = bench(move || {
        begin.send(()).map_err(io::Error::other)?;
        released.recv().map_err(io::Error::other)
    });
    let store = bench.store.clone();
    let commit = tokio::spawn(async move { store.apply(insert("p/r/note/n")).await });
    // From here on the value is in sled, and its sync has not ended.
    tokio::task::spawn_blocking(move || begun.recv().map(|()| begun)).await.unwrap().unwrap();

    let store = bench.store.clone();
    let mut read = tokio::spawn(async move { store.get_many(vec!["p/r/note/n".to_owned()]).await });
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut read).await.is_err(), "read before it was durable");
    assert!(!commit.is_finished());

    release.send(()).unwrap();
    let revision = commit.await.unwrap().unwrap();
    assert_eq!(read.await.unwrap().unwrap()[0].as_ref().map(|value| value.revision), Some(revision));
    release.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_dies_leaves_nobody_waiting() {
    let bench = bench(|| panic!("the disk is gone"));
    let error = bench.store.apply(insert("p/r/note/n")).await.unwrap_err();
    assert_eq!(error.happened(), Happened::Perhaps);
    let error = loop {
        // The thread may take a moment to end.
        match bench.store.apply(insert("p/r/note/m")).await.unwrap_err() {
            StoreError::Uncertain { .. } => tokio::task::yield_now().await,
            error => break error,
        }
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(bench.store.ready().await.is_err());
    assert!(bench.store.get_many(vec!["p/r/note/n".to_owned()]).await.is_err());
    assert!(bench.store.close().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_see_each_other_in_order() {
    let bench = bench(|| Ok(()));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let store = bench.store.clone();
            tokio::spawn(async move { store.apply(insert("p/r/note/only")).await })
        })
        .collect();
    let mut revisions = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(revision) => revisions.push(revision),
            Err(error) => assert_eq!(error, keys::conflict("p/r/note/only")),
        }
    }
    assert_eq!(revisions.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_never_show_the_keys_of_the_store_itself() {
    let bench = bench(|| Ok(()));
    let big = Bytes::from(vec![b'x'; 100_000]);
    let batch = RawBatch { expects: vec![], writes: vec![("/r/note/big".to_owned(), Some(big.clone()))] };
    bench.store.apply(batch).await.unwrap();
    for backwards in [false, true] {
        let scan = Scan { prefix: String::new(), after: None, limit: 10, backwards };
        let found = bench.store.scan(scan).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0.as_str(), &found[0].1.bytes), ("/r/note/big", &big));
    }
    assert_eq!(bench.store.count(String::new()).await.unwrap(), 1);
}
