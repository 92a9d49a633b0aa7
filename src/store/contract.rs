//! What every backend promises, as tests. A backend is right when it passes all of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::postgres::server::{Database, Server};
use super::*;
use crate::domain::ProjectId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    pub id: String,
    pub tag: Option<String>,
    pub number: u64,
    pub text: String,
}

impl Record for Note {
    const KIND: &'static str = "note";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.clone()
    }
    fn links(&self) -> Vec<Link> {
        self.tag.iter().map(|tag| ("tag", tag.clone())).collect()
    }
}

pub(super) fn note(id: &str, tag: &str, number: u64) -> Note {
    let tag = (!tag.is_empty()).then(|| tag.to_owned());
    Note { id: id.to_owned(), tag, number, text: String::new() }
}

pub(super) fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).unwrap()
}

/// Where a store under test lives; the memory store lives only while it is open.
pub(super) enum Home {
    Memory,
    Folder(tempfile::TempDir),
    Database(Database),
}

impl Home {
    pub fn memory() -> Self {
        Self::Memory
    }
    pub fn sled() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }
    pub fn postgres() -> Self {
        Self::Database(Server::shared().database())
    }
    pub fn folder(&self) -> Option<&std::path::Path> {
        if let Self::Folder(folder) = self { Some(folder.path()) } else { None }
    }
    pub fn url(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Folder(folder) => format!("sled:{}/db", folder.path().display()),
            Self::Database(database) => database.url(),
        }
    }
    /// The server may still be ending what a client had begun that was killed.
    pub fn wait_until_nobody_is_there(&self) {
        let Self::Database(database) = self else { return };
        while database.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") != "1" {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
    pub async fn open(&self) -> Store {
        Store::open(&self.url(), StoreOptions::default()).await.unwrap()
    }
}

async fn notes(home: &Home) -> (Store, ProjectStore) {
    let store = home.open().await;
    let notes = store.project(&project("p"));
    (store, notes)
}

fn ids(page: &Page<Note>) -> Vec<&str> {
    page.items.iter().map(|kept| kept.record.id.as_str()).collect()
}

fn is_conflict(result: Result<(), StoreError>, key: &str) -> bool {
    matches!(result, Err(StoreError::Conflict { kind, key: named }) if kind == "note" && named == key)
}

macro_rules! contract {
    ($($promise:ident),+ $(,)?) => {
        mod memory { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::memory()).await }
        )+ }
        mod sled { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::sled()).await }
        )+ }
        mod postgres { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() { super::$promise(super::Home::postgres()).await }
        )+ }
    };
}

contract!(
    a_conflict_leaves_nothing_of_its_batch,
    a_conflict_names_the_record_and_says_reload,
    a_required_record_that_moved_stops_the_batch,
    sixty_four_writers_of_one_record_lose_no_update,
    one_of_many_inserts_of_one_key_wins,
    puts_of_one_record_by_many_leave_exactly_one_set_of_links,
    a_kind_without_links_is_overwritten_whole,
    links_follow_the_record,
    linked_keys_are_those_of_the_records_with_the_link,
    places_of_an_index_are_in_the_order_of_values_and_then_of_keys,
    a_prefix_finds_its_own_and_no_neighbour,
    pages_cover_everything_once_in_either_direction,
    paging_is_stable_while_others_write,
    link_pages_can_be_continued_and_narrowed_by_prefix,
    projects_do_not_see_each_other,
    projects_are_listed_whatever_their_names,
    big_values_come_back_whole_and_are_replaced_whole,
    a_record_deleted_and_made_again_does_not_look_unchanged,
    a_batch_that_changes_one_record_twice_is_refused,
    an_empty_batch_does_nothing,
    a_stamp_changes_with_every_commit_and_with_nothing_else,
    a_closed_store_says_closed,
    every_float_comes_back_as_it_was,
    a_store_that_was_closed_or_dropped_opens_with_everything_in_it,
    commits_that_were_accepted_before_close_are_kept,
);

async fn a_conflict_leaves_nothing_of_its_batch(home: Home) {
    let (_store, p) = notes(&home).await;
    p.commit(p.batch().insert(&note("b", "x", 1))).await.unwrap();
    let result =
        p.commit(p.batch().insert(&note("a", "y", 2)).insert(&note("b", "y", 2)).insert(&note("c", "y", 2))).await;
    assert!(is_conflict(result, "b"));
    assert_eq!(p.count::<Note>().await.unwrap(), 1);
    assert_eq!(p.get::<Note>("b").await.unwrap().unwrap().record, note("b", "x", 1));
    assert!(p.list::<Note>(Query::link("tag", "y")).await.unwrap().items.is_empty());
}

async fn a_conflict_names_the_record_and_says_reload(home: Home) {
    let (_store, p) = notes(&home).await;
    p.commit(p.batch().insert(&note("a/b", "", 1))).await.unwrap();
    let read = p.get::<Note>("a/b").await.unwrap().unwrap();
    p.commit(p.batch().update(&note("a/b", "", 2), read.revision)).await.unwrap();
    let error = p.commit(p.batch().update(&note("a/b", "", 3), read.revision)).await.unwrap_err();
    assert_eq!(error, StoreError::Conflict { kind: "note".to_owned(), key: "a/b".to_owned() });
    assert_eq!((error.retry(), error.happened()), (Retry::AfterReload, Happened::No));
    assert_eq!(p.get::<Note>("a/b").await.unwrap().unwrap().record.number, 2);
    assert!(is_conflict(p.commit(p.batch().update(&note("none", "", 1), read.revision)).await, "none"));
}

async fn a_required_record_that_moved_stops_the_batch(home: Home) {
    let (_store, p) = notes(&home).await;
    let first = p.commit_revision(p.batch().insert(&note("a", "", 1))).await.unwrap().unwrap();
    p.commit(p.batch().require::<Note>("a", first).insert(&note("b", "", 1))).await.unwrap();
    p.commit(p.batch().put(&note("a", "", 2))).await.unwrap();
    let result = p.commit(p.batch().require::<Note>("a", first).insert(&note("c", "", 1))).await;
    assert!(is_conflict(result, "a"));
    assert_eq!(p.get::<Note>("c").await.unwrap(), None);
}

async fn sixty_four_writers_of_one_record_lose_no_update(home: Home) {
    let (_store, p) = notes(&home).await;
    p.commit(p.batch().insert(&note("n", "", 0))).await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move {
                loop {
                    let mut kept = p.get::<Note>("n").await.unwrap().unwrap();
                    kept.record.number += 1;
                    match p.commit(p.batch().update(&kept.record, kept.revision)).await {
                        Ok(()) => return,
                        Err(error) => assert_eq!(error.retry(), Retry::AfterReload, "{error}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(p.get::<Note>("n").await.unwrap().unwrap().record.number, 64);
}

async fn one_of_many_inserts_of_one_key_wins(home: Home) {
    let (_store, p) = notes(&home).await;
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let p = p.clone();
            tokio::spawn(async move { p.commit(p.batch().insert(&note("n", "", number))).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
}

async fn puts_of_one_record_by_many_leave_exactly_one_set_of_links(home: Home) {
    let (_store, p) = notes(&home).await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let p = p.clone();
            tokio::spawn(async move { p.commit(p.batch().put(&note("n", &format!("t{number}"), number))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let kept = p.get::<Note>("n").await.unwrap().unwrap().record;
    for number in 0..16 {
        let found = p.all::<Note>(Query::link("tag", format!("t{number}"))).await.unwrap();
        assert_eq!(found.len(), usize::from(kept.number == number));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Leaf {
    text: String,
    tag: Option<String>,
}

impl Record for Leaf {
    const KIND: &'static str = "page";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        "p".to_owned()
    }
    fn links(&self) -> Vec<Link> {
        self.tag.iter().map(|tag| ("tag", tag.clone())).collect()
    }
}

async fn a_kind_without_links_is_overwritten_whole(home: Home) {
    let (_store, p) = notes(&home).await;
    for length in [10, 100_000, 20_000, 0] {
        let page = Leaf { text: "z".repeat(length), tag: None };
        p.commit(p.batch().put(&page).put(&note("n", "", length as u64))).await.unwrap();
        assert_eq!(p.get::<Leaf>("p").await.unwrap().unwrap().record, page);
    }
    let linked = Leaf { text: String::new(), tag: Some("t".to_owned()) };
    let refused = p.commit(p.batch().put(&linked)).await;
    assert!(matches!(refused, Err(StoreError::InvalidRecord { .. })), "{refused:?}");
}

async fn links_follow_the_record(home: Home) {
    let (_store, p) = notes(&home).await;
    p.commit(p.batch().insert(&note("a", "red", 1)).insert(&note("b", "red", 1))).await.unwrap();
    let kept = p.get::<Note>("a").await.unwrap().unwrap();
    p.commit(p.batch().update(&note("a", "blue", 2), kept.revision)).await.unwrap();
    assert_eq!(ids(&p.list(Query::link("tag", "red")).await.unwrap()), ["b"]);
    assert_eq!(ids(&p.list(Query::link("tag", "blue")).await.unwrap()), ["a"]);
    p.commit(p.batch().put(&note("a", "", 3)).delete::<Note>("b").delete::<Note>("never")).await.unwrap();
    for tag in ["red", "blue"] {
        assert!(p.all::<Note>(Query::link("tag", tag)).await.unwrap().is_empty(), "{tag}");
    }
    assert_eq!(p.count::<Note>().await.unwrap(), 1);
}

async fn linked_keys_are_those_of_the_records_with_the_link(home: Home) {
    let (_store, p) = notes(&home).await;
    let batch = ["b", "a/1", "c"].iter().fold(p.batch(), |batch, key| batch.insert(&note(key, "red", 1)));
    p.commit(batch.insert(&note("d", "redder", 1))).await.unwrap();
    assert_eq!(p.linked::<Note>("tag", "red", 10).await.unwrap(), ["a/1", "b", "c"]);
    assert_eq!(p.linked::<Note>("tag", "red", 2).await.unwrap(), ["a/1", "b"]);
    p.commit(p.batch().put(&note("b", "blue", 2))).await.unwrap();
    assert_eq!(p.linked::<Note>("tag", "red", 10).await.unwrap(), ["a/1", "c"]);
}

async fn places_of_an_index_are_in_the_order_of_values_and_then_of_keys(home: Home) {
    let (_store, p) = notes(&home).await;
    let all = [("x", "b/1"), ("a/2", "b"), ("m", "a"), ("z", "a"), ("k", "b/1"), ("q", "c")];
    p.commit(all.iter().fold(p.batch(), |batch, (key, tag)| batch.insert(&note(key, tag, 1)))).await.unwrap();
    let walk = Walk { index: "tag", start: "", after: None, backwards: false };
    let keys = |places: &[Place]| places.iter().map(|place| place.key.clone()).collect::<Vec<_>>();
    let places = p.places::<Note>(&walk, 10).await.unwrap();
    assert_eq!(keys(&places), ["m", "z", "k", "x", "a/2", "q"]);
    assert!(places.is_sorted(), "a place is ordered as the store orders it");
    for at in 0..places.len() {
        let after = Walk { after: Some(&places[at]), ..walk };
        assert_eq!(p.places::<Note>(&after, 10).await.unwrap(), places[at + 1..]);
        let before = Walk { backwards: true, ..after };
        let back: Vec<Place> = places[..at].iter().rev().cloned().collect();
        assert_eq!(p.places::<Note>(&before, 10).await.unwrap(), back);
    }
    let of_b = Walk { start: "b", ..walk };
    assert_eq!(keys(&p.places::<Note>(&of_b, 2).await.unwrap()), ["k", "x"]);
    assert_eq!(p.count_places::<Note>("tag", "b").await.unwrap(), 3);
    assert_eq!(p.count_places::<Note>("tag", "b/").await.unwrap(), 1, "the value `b` alone");
    assert_eq!(p.count_places::<Note>("tag", "").await.unwrap(), 6);
}

async fn a_stamp_changes_with_every_commit_and_with_nothing_else(home: Home) {
    let (store, p) = notes(&home).await;
    let mut seen = vec![store.stamp().await.unwrap()];
    for (key, number) in [("a", 1), ("b", 1), ("a", 2), ("a", 2)] {
        p.commit(p.batch().put(&note(key, "", number))).await.unwrap();
        let now = store.stamp().await.unwrap();
        assert!(!seen.contains(&now), "{now:?} again");
        seen.push(now);
    }
    let refused = p.commit(p.batch().insert(&note("a", "", 3))).await;
    assert!(is_conflict(refused, "a"));
    p.get::<Note>("a").await.unwrap();
    p.list::<Note>(Query::default()).await.unwrap();
    assert_eq!(store.stamp().await.unwrap(), seen[4], "nothing was committed");
    p.commit(p.batch().delete::<Note>("b")).await.unwrap();
    assert_ne!(store.stamp().await.unwrap(), seen[4], "what is gone is a change, too");
}

async fn a_prefix_finds_its_own_and_no_neighbour(home: Home) {
    let (_store, p) = notes(&home).await;
    let keys = ["g1/x", "g1/y", "g10/x", "g1", "g2/x", "g1/\u{10ffff}", "G1/x"];
    let batch = keys.iter().fold(p.batch(), |batch, key| batch.insert(&note(key, "g1/x", 0)));
    p.commit(batch).await.unwrap();
    let page = p.list::<Note>(Query::prefix("g1/")).await.unwrap();
    assert_eq!(ids(&page), ["g1/x", "g1/y", "g1/\u{10ffff}"]);
    let page = p.list::<Note>(Query::prefix("g1/").newest_first()).await.unwrap();
    assert_eq!(ids(&page), ["g1/\u{10ffff}", "g1/y", "g1/x"]);
    // A link's value is whole: `g1` is not a prefix of the value `g1/x`.
    assert!(p.list::<Note>(Query::link("tag", "g1")).await.unwrap().items.is_empty());
    assert_eq!(p.all::<Note>(Query::link("tag", "g1/x")).await.unwrap().len(), keys.len());
}

async fn pages_cover_everything_once_in_either_direction(home: Home) {
    let (_store, p) = notes(&home).await;
    let batch = (0..25).fold(p.batch(), |batch, n| batch.insert(&note(&format!("{n:02}"), "t", n)));
    p.commit(batch).await.unwrap();
    for newest_first in [false, true] {
        for limit in [1, 4, 5, 24, 25, 26] {
            for link in [None, Some(("tag", "t".to_owned()))] {
                let mut query = Query { limit, newest_first, link, ..Query::default() };
                let mut seen = Vec::new();
                loop {
                    let page = p.list::<Note>(query.clone()).await.unwrap();
                    assert!(page.items.len() <= limit && !page.items.is_empty());
                    seen.extend(page.items.into_iter().map(|kept| kept.record.number));
                    let Some(next) = page.next else { break };
                    query.after = Some(next.to_string().parse().unwrap());
                }
                if newest_first {
                    seen.reverse();
                }
                assert_eq!(seen, (0..25).collect::<Vec<_>>(), "limit {limit}, newest first {newest_first}");
            }
        }
    }
}

async fn paging_is_stable_while_others_write(home: Home) {
    let (_store, p) = notes(&home).await;
    let batch = (0..40).fold(p.batch(), |batch, n| batch.insert(&note(&format!("{:03}", n * 10), "t", n)));
    p.commit(batch).await.unwrap();
    let mut seen = Vec::new();
    let mut query = Query { limit: 7, ..Query::default() };
    loop {
        let page = p.list::<Note>(query.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|kept| kept.record.id.clone()));
        let Some(next) = page.next else { break };
        // The record that the cursor stands on goes, others come before and after it.
        let last = seen.last().unwrap().clone();
        let (before, after) = (format!("{last}-"), "000-".to_owned());
        p.commit(p.batch().delete::<Note>(&last).put(&note(&before, "t", 0)).put(&note(&after, "t", 0))).await.unwrap();
        query.after = Some(next);
    }
    let old: Vec<_> = seen.iter().filter(|id| !id.contains('-')).collect();
    assert_eq!(old.len(), 40, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
}

async fn link_pages_can_be_continued_and_narrowed_by_prefix(home: Home) {
    let (_store, p) = notes(&home).await;
    let batch = (0..10).fold(p.batch(), |batch, n| {
        batch.insert(&note(&format!("{}/{n}", if n % 2 == 0 { "even" } else { "odd" }), "t", n))
    });
    p.commit(batch).await.unwrap();
    let query = Query { prefix: Some("odd/".to_owned()), ..Query::link("tag", "t").limit(3) };
    let first = p.list::<Note>(query.clone()).await.unwrap();
    assert_eq!(ids(&first), ["odd/1", "odd/3", "odd/5"]);
    let second = p.list::<Note>(query.after(first.next)).await.unwrap();
    assert_eq!((ids(&second), &second.next), (vec!["odd/7", "odd/9"], &None));
}

async fn projects_do_not_see_each_other(home: Home) {
    let store = home.open().await;
    let (a, b) = (store.project(&project("a")), store.project(&project("a-b")));
    a.commit(a.batch().insert(&note("n", "t", 1))).await.unwrap();
    b.commit(b.batch().insert(&note("n", "t", 2))).await.unwrap();
    store.system().commit(Batch::default().insert(&note("n", "t", 3))).await.unwrap();
    for (p, number) in [(&a, 1), (&b, 2), (&store.system(), 3)] {
        assert_eq!(p.get::<Note>("n").await.unwrap().unwrap().record.number, number);
        assert_eq!(p.all::<Note>(Query::link("tag", "t")).await.unwrap().len(), 1);
        assert_eq!(p.count::<Note>().await.unwrap(), 1);
    }
    a.commit(a.batch().delete::<Note>("n")).await.unwrap();
    assert!(b.get::<Note>("n").await.unwrap().is_some());
}

async fn projects_are_listed_whatever_their_names(home: Home) {
    let store = home.open().await;
    let names = ["-", "!", "0", "00", "a", "a-b", "a0", "a.c", "~", "Über", "\u{10ffff}"];
    for name in names {
        let p = store.project(&project(name));
        p.commit(p.batch().insert(&note("1", "t", 1)).insert(&note("2", "t", 1))).await.unwrap();
    }
    store.system().commit(Batch::default().insert(&note("n", "", 3))).await.unwrap();
    let mut expected: Vec<_> = names.map(project).into();
    expected.sort();
    assert_eq!(store.projects().await.unwrap(), expected);
}

async fn big_values_come_back_whole_and_are_replaced_whole(home: Home) {
    let (store, p) = notes(&home).await;
    for (n, size) in [0, 16_000, 16_384, 17_000, 100_000, 3_000_000, 50, 1_000_000, 40_000].into_iter().enumerate() {
        let mut one = note("one", "t", n as u64);
        one.text = format!("{n}-").repeat(size / 2);
        let two = Note { id: format!("two-{n}"), ..one.clone() };
        p.commit(p.batch().put(&one).insert(&two)).await.unwrap();
        assert_eq!(p.get::<Note>("one").await.unwrap().unwrap().record, one);
        assert_eq!(p.all::<Note>(Query::prefix("one")).await.unwrap(), vec![one]);
        assert_eq!(p.get::<Note>(&two.id).await.unwrap().unwrap().record, two);
    }
    p.commit(p.batch().delete::<Note>("one")).await.unwrap();
    assert_eq!(p.get::<Note>("one").await.unwrap(), None);
    assert_eq!(p.count::<Note>().await.unwrap(), 9);
    store.close().await.unwrap();
    // What would be here is never synced by the embedded store.
    if let Some(folder) = home.folder() {
        let unsynced: Vec<_> = std::fs::read_dir(folder.join("db/blobs")).unwrap().collect();
        let sizes: Vec<u64> = unsynced.iter().map(|e| e.as_ref().unwrap().metadata().unwrap().len()).collect();
        assert!(sizes.is_empty(), "{sizes:?}");
    }
}

async fn a_record_deleted_and_made_again_does_not_look_unchanged(home: Home) {
    let (_store, p) = notes(&home).await;
    p.commit(p.batch().insert(&note("n", "", 1))).await.unwrap();
    let old = p.get::<Note>("n").await.unwrap().unwrap();
    p.commit(p.batch().delete::<Note>("n")).await.unwrap();
    p.commit(p.batch().insert(&note("n", "", 1))).await.unwrap();
    assert!(is_conflict(p.commit(p.batch().update(&note("n", "", 2), old.revision)).await, "n"));
}

async fn a_batch_that_changes_one_record_twice_is_refused(home: Home) {
    let (_store, p) = notes(&home).await;
    let error = p.commit(p.batch().put(&note("n", "", 1)).put(&note("n", "", 2))).await.unwrap_err();
    assert!(error.to_string().contains("note `n`") && error.to_string().contains("twice"), "{error}");
    for bad in ["", "a\0b", &"k".repeat(2_001)] {
        let error = p.commit(p.batch().put(&note(bad, "", 1))).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidRecord { .. }), "{error}");
    }
    assert_eq!(p.count::<Note>().await.unwrap(), 0);
}

async fn an_empty_batch_does_nothing(home: Home) {
    let (_store, p) = notes(&home).await;
    assert!(p.batch().is_empty());
    assert_eq!(p.commit_revision(p.batch()).await, Ok(None));
}

async fn a_closed_store_says_closed(home: Home) {
    let (store, p) = notes(&home).await;
    store.ready().await.unwrap();
    let twin = store.clone();
    store.close().await.unwrap();
    assert_eq!(p.commit(p.batch().put(&note("n", "", 1))).await, Err(StoreError::Closed));
    assert_eq!(p.get::<Note>("n").await.map(drop), Err(StoreError::Closed));
    assert_eq!(twin.ready().await, Err(StoreError::Closed));
    assert_eq!(twin.close().await, Ok(()));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Numbers(Vec<f64>);

impl Record for Numbers {
    const KIND: &'static str = "numbers";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        "n".to_owned()
    }
}

async fn every_float_comes_back_as_it_was(home: Home) {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let (_store, p) = notes(&home).await;
    let mut random = rand_chacha::ChaCha12Rng::from_seed([3; 32]);
    let shares = (1..=300_u32).flat_map(|n| (0..n).map(move |k| f64::from(k) / f64::from(n)));
    let any = (0..20_000).map(|_| f64::from_bits(random.next_u64())).filter(|x| x.is_finite());
    let numbers = Numbers(shares.chain(any).collect());
    p.commit(p.batch().put(&numbers)).await.unwrap();
    let kept = p.get::<Numbers>("n").await.unwrap().unwrap().record;
    let changed: Vec<_> = numbers.0.iter().zip(&kept.0).filter(|(a, b)| a.to_bits() != b.to_bits()).collect();
    assert!(changed.is_empty(), "{} of {}: {:?}", changed.len(), numbers.0.len(), changed.first());
}

async fn a_store_that_was_closed_or_dropped_opens_with_everything_in_it(home: Home) {
    if let Home::Memory = home {
        return;
    }
    let mut revisions = Vec::new();
    for round in 0..4 {
        let (store, p) = notes(&home).await;
        for earlier in 0..round {
            let kept = p.get::<Note>(&format!("r{earlier}")).await.unwrap().unwrap();
            assert_eq!((kept.record.number, kept.revision), (earlier, revisions[earlier as usize]));
        }
        assert_eq!(p.all::<Note>(Query::link("tag", "t")).await.unwrap().len() as u64, round);
        let batch = p.batch().insert(&note(&format!("r{round}"), "t", round));
        revisions.push(p.commit_revision(batch).await.unwrap().unwrap());
        drop(p);
        if round % 2 == 0 {
            store.close().await.unwrap();
        } else {
            tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
        }
    }
    assert!(revisions.windows(2).all(|pair| pair[0] < pair[1]), "a revision was used twice: {revisions:?}");
}

async fn commits_that_were_accepted_before_close_are_kept(home: Home) {
    if let Home::Memory = home {
        return;
    }
    let (store, p) = notes(&home).await;
    let waiting: Vec<_> = (0..50)
        .map(|n| {
            let p = p.clone();
            tokio::spawn(async move { p.commit(p.batch().insert(&note(&format!("{n}"), "", n))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await.unwrap();
    let mut kept = 0;
    for task in waiting {
        match task.await.unwrap() {
            Ok(()) => kept += 1,
            Err(error) => assert_eq!(error, StoreError::Closed),
        }
    }
    let (_store, p) = notes(&home).await;
    assert_eq!(p.count::<Note>().await.unwrap(), kept);
}

#[tokio::test]
async fn a_folder_in_use_is_refused_with_its_path_and_the_way_out() {
    let home = Home::sled();
    let store = home.open().await;
    let url = format!("sled:{}/db", home.folder().unwrap().display());
    let error = Store::open(&url, StoreOptions::default()).await.err().unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&url[5..]) && error.to_string().contains("stop the other"), "{error}");
    store.close().await.unwrap();
    Store::open(&url, StoreOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_sled_database_of_somebody_else_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let db = ::sled::Config::new().path(folder.path()).segment_size(1 << 20).open().unwrap();
    db.insert("theirs", "kept").unwrap();
    db.flush().unwrap();
    drop(db);
    let url = format!("sled:{}", folder.path().display());
    let error = Store::open(&url, StoreOptions::default()).await.err().unwrap();
    assert!(error.to_string().contains("not one of empanel's"), "{error}");
}

#[tokio::test]
async fn urls_that_are_no_store_are_refused_by_name_and_without_the_password() {
    for (url, hint) in [
        ("postgres://u:secret@host", "names no database"),
        ("postgres://u:sec?ret@host/db?sslmod=require", "parameter `sslmod` is not known"),
        ("postgres://u:secret@host:x/db", "port"),
        ("postgres:u:secret@host/db", "use `sled:"),
        ("sled:", "names no folder"),
        ("memory:x", "use `sled:"),
        ("./data", "use `sled:"),
        ("", "use `sled:"),
    ] {
        let error = Store::open(url, StoreOptions::default()).await.err().unwrap().to_string();
        assert!(error.contains(hint) && !error.contains("sec"), "{error}");
    }
}

/// A record as a later or broken build might have left it.
async fn left(bytes: &'static str) -> Result<(), StoreError> {
    let backend = Arc::new(MemoryBackend::default());
    let write = ("p/r/note/n".to_owned(), Some(bytes::Bytes::from_static(bytes.as_bytes())));
    backend.apply(RawBatch { expects: vec![], writes: vec![write] }).await.unwrap();
    Store::over(backend).project(&project("p")).get::<Note>("n").await.map(drop)
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_names_it_and_never_an_absence() {
    assert_eq!(
        left(r#"{"kind":"note","version":1,"record":{"id":"n","tag":null,"number":1,"text":""}}"#).await,
        Ok(())
    );
    for (stored, expected) in [
        (r#"{"kind":"note","version":2,"record":{}}"#, "has format 2, this build knows up to 1"),
        (r#"{"kind":"note","version":0,"record":{}}"#, "format 0 of note is not known"),
        (r#"{"kind":"vote","version":1,"record":{}}"#, "it is a `vote`"),
        (r#"{"kind":"note","version":1,"record":{"id":"n"}}"#, "missing field"),
        ("", "EOF"),
        ("\u{0}", "expected value"),
    ] {
        let error = left(stored).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("note `n`"), "{error}");
    }
}

/// A record whose second format has renamed a field of its first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Moved {
    id: String,
    colour: String,
}

impl Record for Moved {
    const KIND: &'static str = "note";
    const VERSION: u32 = 2;
    fn key(&self) -> String {
        self.id.clone()
    }
    fn links(&self) -> Vec<Link> {
        vec![("colour", self.colour.clone())]
    }
    fn upgrade(version: u32, mut json: serde_json::Value) -> Result<serde_json::Value, String> {
        if version != 1 {
            return Err(format!("format {version} is not known"));
        }
        json["colour"] = json["tag"].take();
        Ok(json)
    }
}

#[tokio::test]
async fn a_record_of_an_older_format_is_brought_up_and_its_old_links_go_when_it_is_written_again() {
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    let p = store.project(&project("p"));
    p.commit(p.batch().insert(&note("n", "red", 1))).await.unwrap();
    let kept = p.get::<Moved>("n").await.unwrap().unwrap();
    assert_eq!(kept.record, Moved { id: "n".to_owned(), colour: "red".to_owned() });
    p.commit(p.batch().update(&kept.record, kept.revision)).await.unwrap();
    assert_eq!(p.all::<Moved>(Query::link("colour", "red")).await.unwrap(), vec![kept.record]);
    assert!(p.all::<Moved>(Query::link("tag", "red")).await.unwrap().is_empty());
    let error = p.get::<Note>("n").await.unwrap_err();
    assert!(matches!(error, StoreError::NewerRecord { found: 2, known: 1, .. }), "{error}");
}
