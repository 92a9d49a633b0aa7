//! Backups of stores that go on writing, restores that are stopped, and files that are no backups.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

use super::super::backend::Backend;
use super::super::contract::{Home, Note, note, project};
use super::super::dying::Dying;
use super::super::{Blobs, ProjectStore, Query, Record, Store, StoreOptions, Turn};
use super::restore::restoring;
use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

async fn taken(store: &Store, blobs: Option<&Blobs>, folder: &std::path::Path) -> (PathBuf, Summary) {
    backup(store, blobs, folder, now(), &mut |_| ()).await.unwrap()
}

async fn restored(from: &std::path::Path, home: &Home, blobs: Option<&Blobs>) -> Result<Restored, BackupError> {
    restore(from, &home.url(), &StoreOptions::default(), blobs, &mut |_| ()).await
}

async fn filled(home: &Home, blobs: &Blobs) -> (Store, Vec<String>) {
    let store = home.open().await;
    let upload = store.upload().await.unwrap();
    let mut names = Vec::new();
    for file in ["one", "two", ""] {
        names.push(blobs.put(upload.turn(), Bytes::from(file)).await.unwrap());
    }
    for name in ["a", "a-b", "~"] {
        let p = store.project(&project(name)).under(&upload);
        for n in 0..150 {
            let mut one = note(&format!("{n:04}"), ["x", "y", ""][n % 3], n as u64);
            one.text = if n % 50 == 0 { "ü\0".repeat(50_000) } else { n.to_string() };
            p.commit(p.batch().insert(&one)).await.unwrap();
        }
    }
    (store, names)
}

async fn all(store: &Store) -> Vec<Vec<Note>> {
    let mut found = Vec::new();
    for id in store.projects().await.unwrap() {
        let p: ProjectStore = store.project(&id);
        found.push(p.all::<Note>(Query::default()).await.unwrap());
        found.push(p.all::<Note>(Query::link("tag", "x")).await.unwrap());
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_goes_from_memory_to_sled_to_postgres_and_back_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    for (n, (from, to)) in
        [(Home::memory(), Home::sled()), (Home::sled(), Home::postgres()), (Home::postgres(), Home::sled())]
            .into_iter()
            .enumerate()
    {
        let (here, there) = (Blobs::open("memory:").await.unwrap(), Blobs::open("memory:").await.unwrap());
        let (store, names) = filled(&from, &here).await;
        let into = folder.path().join(format!("{n}.backup"));
        let (path, summary) = taken(&store, Some(&here), &into).await;
        assert_eq!(path, into);
        assert_eq!((summary.entries, summary.changes, summary.files, summary.missing), (450 + 300, 0, 3, 0));
        let done = restored(&path, &to, Some(&there)).await.unwrap();
        assert_eq!((done.records, done.links, done.missing, &done.backup), (450, 300, 0, &summary));
        let copy = to.open().await;
        assert_eq!(all(&copy).await, all(&store).await);
        for name in &names {
            assert_eq!(there.get(name).await.unwrap(), here.get(name).await.unwrap());
        }
        // It is a store of its own now.
        assert_ne!(copy.sweeps().await.unwrap().0.store, store.sweeps().await.unwrap().0.store);
        copy.close().await.unwrap();
        let again = restored(&path, &to, Some(&there)).await.unwrap_err();
        assert!(matches!(again, BackupError::Target(ConvertError::NotEmpty { .. })), "{again}");
        let twice = backup(&store, None, &path, now(), &mut |_| ()).await.unwrap_err();
        assert!(matches!(twice, BackupError::Exists { .. }), "{twice}");
    }
}

/// Pairs of notes that always say the same, far from each other among the keys.
async fn write_pairs(p: ProjectStore, task: usize, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = (task * 7 + n as usize * 3) % 40;
        let pair = |side: &str| note(&format!("{side}/{task}/{id:02}"), ["x", "y"][n as usize % 2], n);
        let batch = p.batch().put(&pair("a")).put(&pair("z"));
        // Some come and go.
        let batch = match n % 4 {
            0 => batch.put(&pair("b")).put(&pair("y")),
            2 => batch.delete::<Note>(&pair("b").key()).delete::<Note>(&pair("y").key()),
            _ => batch,
        };
        p.commit(batch).await.unwrap();
        written.fetch_add(1, Ordering::Relaxed);
    }
}

async fn is_of_one_moment(home: Home) {
    let (folder, store) = (tempfile::tempdir().unwrap(), home.open().await);
    let p = store.project(&project("p"));
    for n in 0..600 {
        p.commit(p.batch().insert(&note(&format!("m/{n:04}"), "x", 0))).await.unwrap();
    }
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> =
        (0..4).map(|task| tokio::spawn(write_pairs(p.clone(), task, stop.clone(), written.clone()))).collect();
    let mut changes = 0;
    for round in 0..4 {
        let before = written.load(Ordering::Relaxed);
        // They are at it before it begins, and go on after it.
        while written.load(Ordering::Relaxed) < before + 50 {
            tokio::task::yield_now().await;
        }
        let (path, summary) = taken(&store, None, &folder.path().join(format!("{round}"))).await;
        changes += summary.changes;
        let to = Home::sled();
        restored(&path, &to, None).await.unwrap();
        let copy = to.open().await;
        let notes = copy.project(&project("p"));
        let side = async |side: &str| {
            let found = notes.all::<Note>(Query::prefix(format!("{side}/"))).await.unwrap();
            found.into_iter().map(|note| (note.id[1..].to_owned(), note.tag, note.number)).collect::<Vec<_>>()
        };
        assert_eq!(side("a").await, side("z").await, "one half of a commit is in it");
        assert_eq!(side("b").await, side("y").await, "one half of a commit is in it");
        assert_eq!(side("m").await.len(), 600);
        for tag in ["x", "y"] {
            let linked = notes.all::<Note>(Query::link("tag", tag)).await.unwrap();
            let tagged = notes.all::<Note>(Query::default()).await.unwrap();
            assert_eq!(linked, tagged.into_iter().filter(|n| n.tag.as_deref() == Some(tag)).collect::<Vec<_>>());
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(store.is_shared() || changes > 0, "nobody wrote meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_a_backup_under_writers_is_of_one_moment() {
    is_of_one_moment(Home::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_sled_a_backup_under_writers_is_of_one_moment() {
    is_of_one_moment(Home::sled()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_postgres_a_backup_under_writers_is_of_one_moment() {
    is_of_one_moment(Home::postgres()).await;
}

#[tokio::test]
async fn a_backup_that_is_cut_off_or_damaged_anywhere_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open("memory:").await.unwrap();
    let store = Home::memory().open().await;
    let p = store.project(&project("p"));
    let name = blobs.put(Turn::FIRST, Bytes::from_static(b"file")).await.unwrap();
    p.commit(p.batch().insert(&note(&name, "x", 1))).await.unwrap();
    let (path, _) = taken(&store, Some(&blobs), folder.path()).await;
    assert_eq!(path.file_name().unwrap(), "empanel-20261121T120000Z.backup");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half is left");
    let whole = std::fs::read(&path).unwrap();
    let home = Home::sled();
    let broken = folder.path().join("broken");
    let refused = async |bytes: &[u8]| {
        std::fs::write(&broken, bytes).unwrap();
        restored(&broken, &home, Some(&blobs)).await.unwrap_err().to_string()
    };
    for end in 0..whole.len() {
        let error = refused(&whole[..end]).await;
        assert!(error.contains("cut off") || error.contains("no backup"), "{end}: {error}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x11;
        refused(&bytes).await;
    }
    assert!(refused(&[&whole[..], b"\n"].concat()).await.contains("follows its end"));
    assert!(refused(b"PK\x03\x04").await.contains("is no backup"));
    assert!(refused(&[b"empanel-backup 2\n", &whole[17..]].concat()).await.contains("newer build"));
    assert!(!home.folder().unwrap().join("db").exists(), "the target was not even opened");
    restored(&path, &home, Some(&blobs)).await.unwrap();
}

#[tokio::test]
async fn files_that_are_not_there_or_damaged_are_told_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("files");
    let blobs = Blobs::open(&format!("file:{}", place.display())).await.unwrap();
    let store = Home::memory().open().await;
    let p = store.project(&project("p"));
    let good = blobs.put(Turn::FIRST, Bytes::from_static(b"good")).await.unwrap();
    let bad = blobs.put(Turn::FIRST, Bytes::from_static(b"bad")).await.unwrap();
    std::fs::write(place.join(&bad[..2]).join(&bad[2..]), "worse").unwrap();
    let gone = "0".repeat(64);
    // As a record of ours says it: `"sha256":"…"`, here in the text that JSON makes of a submission.
    let submission = |id: u128, sha256: &str| {
        let mut json: serde_json::Value =
            serde_json::from_slice(&std::fs::read("fixtures/store/submission/v1.json").unwrap()).unwrap();
        let record = json["record"].as_object_mut().unwrap();
        record["id"] = uuid::Uuid::from_u128(id).to_string().into();
        record["files"] = serde_json::json!([{"name": "f", "media_type": "text/plain", "bytes": 1, "sha256": sha256}]);
        serde_json::from_value::<crate::domain::Submission>(json["record"].clone()).unwrap()
    };
    for (n, name) in [&good, &bad, &gone, &gone].into_iter().enumerate() {
        p.commit(p.batch().insert(&submission(n as u128 + 1, name))).await.unwrap();
    }
    let (path, summary) = taken(&store, Some(&blobs), &folder.path().join("b")).await;
    assert_eq!((summary.files, summary.missing, summary.damaged), (1, 1, 1));
    assert_eq!(summary.examples, [gone.clone(), bad.clone()]);
    let (home, there) = (Home::sled(), Blobs::open("memory:").await.unwrap());
    let done = restored(&path, &home, Some(&there)).await.unwrap();
    assert_eq!((done.missing, done.records), (2, 4));
    assert_eq!(there.get(&good).await.unwrap(), "good");
    // Without files nothing is said about them.
    let (path, summary) = taken(&store, None, &folder.path().join("c")).await;
    assert_eq!((summary.files, summary.missing, summary.damaged), (0, 0, 0));
    assert_eq!(restored(&path, &Home::sled(), None).await.unwrap().missing, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_was_stopped_goes_on_where_it_was_and_until_then_no_service_starts() {
    let folder = tempfile::tempdir().unwrap();
    let source = Home::sled();
    let store = source.open().await;
    let p = store.project(&project("p"));
    for n in 0..800 {
        p.commit(p.batch().insert(&note(&format!("{n:04}"), "x", n))).await.unwrap();
    }
    // Written meanwhile, so that both parts of a backup are gone on with.
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_pairs(p.clone(), 1, stop.clone(), Arc::default()));
    let (path, _) = taken(&store, None, &folder.path().join("b")).await;
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let (home, other) = (Home::sled(), folder.path().join("other"));
    backup(&store, None, &other, now(), &mut |_| ()).await.unwrap();
    let mut runs = 0;
    let (done, steps) = loop {
        runs += 1;
        let inner = super::super::typed::open_backend(&home.url(), StoreOptions::default()).await.unwrap();
        let target: Arc<dyn Backend> = Arc::new(Dying { inner: inner.clone(), left: AtomicUsize::new(3) });
        let mut steps = Vec::new();
        let result = restoring(&path, &target, "sled:there", None, &mut |step| steps.push(step)).await;
        inner.close().await.unwrap();
        drop((inner, target));
        match result {
            Ok(done) => break (done, steps),
            Err(error) => assert!(error.to_string().contains("it died"), "{error}"),
        }
        let refused = Store::open(&home.url(), StoreOptions::default()).await.err().unwrap().to_string();
        assert!(refused.contains(&format!("empanel store restore {}` again", path.display())), "{refused}");
        let refused = restored(&other, &home, None).await.unwrap_err();
        assert!(matches!(refused, BackupError::Target(ConvertError::OfAnother { .. })), "{refused}");
    };
    assert!(runs > 2, "{runs}");
    assert!(steps.iter().any(|step| matches!(step, BackupStep::GoesOn { entries } if *entries > 300)), "{steps:?}");
    let straight = Home::sled();
    assert_eq!(restored(&path, &straight, None).await.unwrap(), done);
    assert_eq!(all(&home.open().await).await, all(&straight.open().await).await);
}

#[test]
fn an_entry_names_the_files_that_it_keeps_and_no_other_text() {
    let hash = "0123456789abcdef".repeat(4);
    let names = |text: String| named(text.as_bytes()).collect::<Vec<_>>();
    assert_eq!(
        names(format!("{{\"sha256\":\"{hash}\",\"x\":{{\"sha256\":\"{hash}\"}}}}")),
        [hash.clone(), hash.clone()]
    );
    for odd in
        [format!("\"sha256\":\"{hash}0\""), format!("\"sha256\":\"{}\"", &hash[1..]), format!("\"sha\":\"{hash}\"")]
    {
        assert!(names(odd).is_empty());
    }
    assert!(names("\"sha256\":\"".to_owned()).is_empty());
}
