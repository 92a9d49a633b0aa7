//! What every place for files promises, as tests; and what an object store does when it fails.

use std::time::Duration;

use bytes::Bytes;

use super::s3_server::{ACCESS_KEY, BUCKET, Fault, S3Server, SECRET_KEY};
use super::*;
use crate::store::Retry;

/// Where files under test are; in memory they live only while it is open.
enum Home {
    Memory(Blobs),
    Folder(tempfile::TempDir),
    Bucket(S3Server),
}

impl Home {
    async fn memory() -> Self {
        Self::Memory(Blobs::open("memory:").await.unwrap())
    }
    async fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }
    async fn bucket() -> Self {
        Self::Bucket(S3Server::start().await)
    }
    async fn open(&self) -> Blobs {
        match self {
            Self::Memory(blobs) => blobs.clone(),
            Self::Folder(folder) => Blobs::open(&format!("file:{}/new/files", folder.path().display())).await.unwrap(),
            Self::Bucket(server) => in_bucket(server).await,
        }
    }
}

fn options(server: &S3Server) -> BucketOptions {
    BucketOptions {
        endpoint: Some(server.endpoint()),
        region: Some("us-east-1".to_owned()),
        path_style: true,
        credentials: Some(Credentials {
            access_key_id: ACCESS_KEY.to_owned().into(),
            secret_access_key: SECRET_KEY.to_owned().into(),
            session_token: None,
        }),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(1_500),
        patience: Duration::from_secs(8),
    }
}

fn url() -> String {
    format!("s3://{BUCKET}/some/prefix")
}

async fn in_bucket(server: &S3Server) -> Blobs {
    Blobs::open_with(&url(), options(server)).await.unwrap()
}

macro_rules! contract {
    ($($promise:ident),+ $(,)?) => {
        mod memory { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::memory().await).await }
        )+ }
        mod folder { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::folder().await).await }
        )+ }
        mod bucket { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::bucket().await).await }
        )+ }
    };
}

contract!(
    a_file_comes_back_by_its_sha256_also_after_a_restart,
    a_damaged_file_is_an_error_and_putting_it_again_mends_it,
    what_was_never_put_is_not_there_and_no_name_is_a_path,
    twice_is_once,
    many_may_put_the_same_bytes_at_once,
    a_file_larger_than_one_request_comes_back_whole,
    a_later_copy_stands_in_for_one_that_is_gone_or_damaged,
    copies_are_listed_with_their_size_and_removed_one_by_one,
    a_place_knows_whose_files_are_in_it,
);

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn a_file_comes_back_by_its_sha256_also_after_a_restart(home: Home) {
    let blobs = home.open().await;
    assert_eq!(blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap(), ABC);
    let empty = blobs.put(Turn::FIRST, Bytes::new()).await.unwrap();
    drop(blobs);
    let blobs = home.open().await;
    assert_eq!(blobs.get(ABC).await.unwrap(), "abc");
    assert!(blobs.get(&empty).await.unwrap().is_empty());
    assert!(blobs.exists(ABC).await.unwrap() && blobs.exists(&empty).await.unwrap());
}

async fn a_damaged_file_is_an_error_and_putting_it_again_mends_it(home: Home) {
    let blobs = home.open().await;
    let name = blobs.put(Turn::FIRST, Bytes::from_static(b"report")).await.unwrap();
    for damage in ["rep", "", "REPORT", "report\n"] {
        blobs.place.keep(Copy::first(&name), Bytes::from_static(damage.as_bytes())).await.unwrap();
        assert!(matches!(blobs.get(&name).await, Err(StoreError::CorruptFile { .. })), "{damage:?}");
        assert!(blobs.exists(&name).await.unwrap());
    }
    blobs.put(Turn::FIRST, Bytes::from_static(b"report")).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), "report");
}

async fn what_was_never_put_is_not_there_and_no_name_is_a_path(home: Home) {
    let blobs = home.open().await;
    let none = "0".repeat(64);
    for name in ["../secret", "", "ü", &"A".repeat(64), &format!("../{}", "a".repeat(61)), &none, &none[1..]] {
        assert!(matches!(blobs.get(name).await, Err(StoreError::NoSuchFile { .. })), "{name:?}");
    }
    assert!(blobs.exists("../secret").await.is_err());
    assert_eq!(blobs.exists(&none).await, Ok(false));
    blobs.remove(&Copy::first(&none)).await.unwrap();
}

async fn twice_is_once(home: Home) {
    let blobs = home.open().await;
    for _ in 0..3 {
        blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
    }
    let listed = blobs.list("ba").await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((listed[0].copy.sha256.as_str(), listed[0].bytes), (ABC, 3));
}

async fn many_may_put_the_same_bytes_at_once(home: Home) {
    let blobs = home.open().await;
    let puts = (0..16u8).map(|n| {
        let blobs = blobs.clone();
        tokio::spawn(async move { blobs.put(Turn::FIRST, vec![n % 2; 100_000].into()).await.unwrap() })
    });
    for put in puts.collect::<Vec<_>>() {
        assert_eq!(blobs.get(&put.await.unwrap()).await.unwrap().len(), 100_000);
    }
}

async fn a_file_larger_than_one_request_comes_back_whole(home: Home) {
    let blobs = home.open().await;
    for size in [8 << 20, (8 << 20) + 1, 20_000_003] {
        let bytes: Bytes = (0..size).map(|n: u32| (n % 251) as u8).collect::<Vec<_>>().into();
        let name = blobs.put(Turn::FIRST, bytes.clone()).await.unwrap();
        assert!(blobs.get(&name).await.unwrap() == bytes, "{size}");
        blobs.place.keep(Copy::first(&name), Bytes::from_static(b"x")).await.unwrap();
        blobs.put(Turn::FIRST, bytes.clone()).await.unwrap();
        assert!(blobs.get(&name).await.unwrap() == bytes, "{size}");
    }
}

async fn a_later_copy_stands_in_for_one_that_is_gone_or_damaged(home: Home) {
    let blobs = home.open().await;
    let copy = |turn| Copy { sha256: ABC.to_owned(), turn: Turn(turn) };
    for turn in [0, 2, 11] {
        blobs.put(Turn(turn), Bytes::from_static(b"abc")).await.unwrap();
    }
    assert_eq!(blobs.place.turns(ABC.to_owned()).await.unwrap(), [Turn(0), Turn(2), Turn(11)]);
    blobs.place.keep(copy(0), Bytes::from_static(b"damaged")).await.unwrap();
    assert_eq!(blobs.get(ABC).await.unwrap(), "abc");
    blobs.remove(&copy(0)).await.unwrap();
    blobs.remove(&copy(11)).await.unwrap();
    assert_eq!(blobs.get(ABC).await.unwrap(), "abc");
    assert!(blobs.exists(ABC).await.unwrap() && blobs.is_whole(&copy(2)).await.unwrap());
    blobs.remove(&copy(2)).await.unwrap();
    assert!(matches!(blobs.get(ABC).await, Err(StoreError::NoSuchFile { .. })));
    assert!(!blobs.exists(ABC).await.unwrap() && !blobs.is_whole(&copy(2)).await.unwrap());
}

async fn copies_are_listed_with_their_size_and_removed_one_by_one(home: Home) {
    let blobs = home.open().await;
    assert_eq!(blobs.list("ba").await.unwrap(), []);
    let mut names = Vec::new();
    for n in 0..300u32 {
        names
            .push((blobs.put(Turn(u64::from(n % 3)), n.to_string().into()).await.unwrap(), n.to_string().len() as u64));
    }
    let mut found = Vec::new();
    for shard in shards() {
        for listed in blobs.list(&shard).await.unwrap() {
            assert!(listed.copy.sha256.starts_with(&shard));
            assert_eq!(listed.kept_at.is_none(), matches!(home, Home::Memory(_)));
            found.push((listed.copy.sha256, listed.bytes));
        }
    }
    names.sort();
    assert_eq!(found, names);
    blobs.remove(&Copy::first(&blobs.put(Turn::FIRST, Bytes::from_static(b"0")).await.unwrap())).await.unwrap();
    let mut left = 0;
    for shard in shards() {
        left += blobs.list(&shard).await.unwrap().len();
    }
    assert_eq!(left, 299);
}

async fn a_place_knows_whose_files_are_in_it(home: Home) {
    let blobs = home.open().await;
    blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(blobs.claim("one").await.unwrap(), ["one"]);
    assert_eq!(blobs.claim("one").await.unwrap(), ["one"]);
    assert_eq!(blobs.claim("two").await.unwrap(), ["one", "two"]);
    assert_eq!(blobs.get(ABC).await.unwrap(), "abc");
}

/// What a service answers with 503, and what it must never hold.
fn is_away(error: &StoreError) -> bool {
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET_KEY) && !text.contains("Signature=") && !text.contains(ACCESS_KEY), "{text}");
    matches!(error, StoreError::Unavailable { .. }) && error.retry() == Retry::Later
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_on_the_way_is_tried_again_and_comes_right() {
    let server = S3Server::start().await;
    let blobs = in_bucket(&server).await;
    let bytes: Bytes = vec![7u8; 300_000].into();
    let faults = [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Slow(Duration::from_millis(1_900)),
        Fault::Cut(0),
        Fault::Cut(100),
        Fault::Cut(150_000),
    ];
    for fault in faults {
        for turn in 0..2 {
            // At the look for the file, at its put, at the read.
            server.fail(1, fault);
            let name = blobs.put(Turn(turn), bytes.clone()).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            server.fail(1, fault);
            assert!(blobs.get(&name).await.unwrap_or_else(|error| panic!("{fault:?}: {error}")) == bytes);
            server.heal();
            blobs.remove(&Copy { sha256: name, turn: Turn(turn) }).await.unwrap();
            let no_fault_yet = Fault::Slow(Duration::ZERO);
            server.fail(1, no_fault_yet);
            server.fail(1, fault);
            blobs.put(Turn(turn), bytes.clone()).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            server.heal();
        }
    }
    let name = blobs.put(Turn::FIRST, bytes.clone()).await.unwrap();
    assert!(blobs.get(&name).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_survives_faults_between_its_parts() {
    let server = S3Server::start().await;
    let blobs = in_bucket(&server).await;
    let bytes: Bytes = vec![9u8; 20 << 20].into();
    for at in 1..6 {
        for (n, fault) in [Fault::Status(503, "SlowDown"), Fault::Cut(0)].into_iter().enumerate() {
            server.fail(at, Fault::Slow(Duration::ZERO));
            server.fail(1, fault);
            let name = blobs.put(Turn((at * 2 + n) as u64), bytes.clone()).await;
            let name = name.unwrap_or_else(|error| panic!("{at} {fault:?}: {error}"));
            server.heal();
            assert!(blobs.get(&name).await.unwrap() == bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_store_that_is_away_is_unavailable_and_never_no_such_file() {
    let mut server = S3Server::start().await;
    let blobs = in_bucket(&server).await;
    let name = blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
    let all_fail = async |blobs: &Blobs| {
        assert!(is_away(&blobs.get(&name).await.unwrap_err()));
        assert!(is_away(&blobs.get(&"0".repeat(64)).await.unwrap_err()));
        assert!(is_away(&blobs.exists(&name).await.unwrap_err()));
        assert!(is_away(&blobs.put(Turn::FIRST, Bytes::from_static(b"new")).await.unwrap_err()));
        assert!(is_away(&blobs.list("ba").await.unwrap_err()));
        assert!(is_away(&blobs.claim("one").await.unwrap_err()));
    };
    let impatient = BucketOptions { patience: Duration::from_millis(100), ..options(&server) };
    let impatient = Blobs::open_with(&url(), impatient).await.unwrap();
    server.fail(10_000, Fault::Status(503, "SlowDown"));
    all_fail(&impatient).await;
    server.heal();
    // A proxy's 404 says nothing about the file, nor does that of a bucket that is gone.
    for code in ["NoSuchBucket", "", "NotFound"] {
        server.fail(10_000, Fault::Status(404, code));
        all_fail(&impatient).await;
        server.heal();
    }
    server.fail(10_000, Fault::Status(301, "PermanentRedirect"));
    all_fail(&impatient).await;
    server.heal();
    server.stop().await;
    all_fail(&impatient).await;
    let again = BucketOptions { patience: Duration::from_millis(100), ..options(&server) };
    assert!(is_away(&Blobs::open_with(&url(), again).await.err().unwrap()));
    server.start_again().await;
    assert_eq!(blobs.get(&name).await.unwrap(), "abc", "it comes back by itself");
    assert!(matches!(blobs.get(&"0".repeat(64)).await, Err(StoreError::NoSuchFile { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_a_missing_bucket_are_told_at_the_start_without_a_secret() {
    let server = S3Server::start().await;
    let with = async |url: &str, id: &str, key: &str| {
        let credentials = Credentials {
            access_key_id: id.to_owned().into(),
            secret_access_key: key.to_owned().into(),
            session_token: None,
        };
        let options = BucketOptions { credentials: Some(credentials), ..options(&server) };
        Blobs::open_with(url, options).await.err().map(|error| {
            assert!(is_away(&error));
            error.to_string()
        })
    };
    assert_eq!(with(&url(), ACCESS_KEY, SECRET_KEY).await, None);
    let error = with(&url(), ACCESS_KEY, "hunter2").await.unwrap();
    assert!(
        error.contains("SignatureDoesNotMatch") && error.contains("credentials") && !error.contains("hunter2"),
        "{error}"
    );
    let error = with(&url(), "NOBODY", SECRET_KEY).await.unwrap();
    assert!(error.contains("credentials"), "{error}");
    let error = with("s3://elsewhere/p", ACCESS_KEY, SECRET_KEY).await.unwrap();
    assert!(error.contains("NoSuchBucket") && error.contains("make the bucket"), "{error}");
}

#[tokio::test]
async fn a_url_that_is_no_bucket_is_refused_with_the_way_to_write_it() {
    for url in ["s3:", "s3://", "s3:bucket", "s3://user:pw@bucket/p", "s3://b/p?region=x", "s3://b/../c", "s3://b/a//b"]
    {
        let error = Blobs::open_with(url, BucketOptions::default()).await.err().unwrap();
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_object_store_is_asked_is_little() {
    let server = S3Server::start().await;
    let blobs = in_bucket(&server).await;
    server.requests();
    blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
    let key = format!("/{BUCKET}/some/prefix/ba/{}", &ABC[2..]);
    assert_eq!(server.requests(), [format!("GET {key}"), format!("PUT {key}")]);
    assert!(server.object(&format!("some/prefix/ba/{}", &ABC[2..])).exists());
    blobs.put(Turn::FIRST, Bytes::from_static(b"abc")).await.unwrap();
    blobs.get(ABC).await.unwrap();
    assert_eq!(server.requests(), [format!("GET {key}"), format!("GET {key}")]);
}
