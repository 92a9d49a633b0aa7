//! Whatever is done, the embedded store answers as the memory store does.

use proptest::prelude::*;

use super::contract::{Note, note, project};
use super::*;

#[derive(Debug, Clone)]
enum Op {
    Commit(Vec<Change>),
    Get(u8),
    List { prefix: Option<u8>, tag: Option<u8>, after: Option<u8>, limit: usize, newest_first: bool },
    Reopen,
}

#[derive(Debug, Clone)]
enum Change {
    Insert(u8, u8, usize),
    Put(u8, u8, usize),
    /// With the revision that was read last, or one that is too old.
    Update(u8, u8, bool),
    Delete(u8),
}

/// Keys that are prefixes of one another, on both sides of the separator.
const KEYS: [&str; 8] = ["a", "a/1", "a/2", "a0", "b", "b/\u{10ffff}", "ü", "-"];
const TAGS: [&str; 4] = ["", "x", "x/y", "%"];

fn change() -> impl Strategy<Value = Change> {
    let size = prop_oneof![4 => 0..50_usize, 1 => 8_000..30_000_usize];
    prop_oneof![
        (0..8_u8, 0..4_u8, size.clone()).prop_map(|(key, tag, size)| Change::Insert(key, tag, size)),
        (0..8_u8, 0..4_u8, size).prop_map(|(key, tag, size)| Change::Put(key, tag, size)),
        (0..8_u8, 0..4_u8, any::<bool>()).prop_map(|(key, tag, stale)| Change::Update(key, tag, stale)),
        (0..8_u8).prop_map(Change::Delete),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let list =
        (prop::option::of(0..8_u8), prop::option::of(0..4_u8), prop::option::of(0..8_u8), 0..6_usize, any::<bool>());
    prop_oneof![
        8 => prop::collection::vec(change(), 1..5).prop_map(Op::Commit),
        3 => (0..8_u8).prop_map(Op::Get),
        6 => list.prop_map(|(prefix, tag, after, limit, newest_first)| Op::List {
            prefix, tag, after, limit, newest_first
        }),
        1 => Just(Op::Reopen),
    ]
}

fn key(index: u8) -> &'static str {
    KEYS[usize::from(index)]
}

fn sized(index: u8, tag: u8, size: usize) -> Note {
    Note { text: "z".repeat(size), ..note(key(index), TAGS[usize::from(tag)], size as u64) }
}

/// What a store answers to an operation, as text.
async fn answer(p: &ProjectStore, op: &Op) -> String {
    match op {
        Op::Commit(changes) => {
            let mut batch = p.batch();
            let first = match p.list::<Note>(Query::default().limit(1)).await.unwrap().items.first() {
                Some(kept) => kept.revision,
                None => Revision(0),
            };
            for change in changes {
                batch = match change {
                    Change::Insert(k, tag, size) => batch.insert(&sized(*k, *tag, *size)),
                    Change::Put(k, tag, size) => batch.put(&sized(*k, *tag, *size)),
                    Change::Update(k, tag, stale) => {
                        let kept = p.get::<Note>(key(*k)).await.unwrap();
                        let revision = kept.filter(|_| !stale).map_or(first, |kept| kept.revision);
                        batch.update(&sized(*k, *tag, 7), revision)
                    }
                    Change::Delete(k) => batch.delete::<Note>(key(*k)),
                }
            }
            format!("{:?}", p.commit_revision(batch).await)
        }
        Op::Get(k) => format!("{:?}", p.get::<Note>(key(*k)).await),
        Op::List { prefix, tag, after, limit, newest_first } => {
            let query = Query {
                prefix: prefix.map(|k| key(k).to_owned()),
                link: tag.map(|tag| ("tag", TAGS[usize::from(tag)].to_owned())),
                after: after.map(|k| Cursor::past(key(k).to_owned())),
                limit: *limit,
                newest_first: *newest_first,
            };
            format!("{:?}", p.list::<Note>(query).await)
        }
        Op::Reopen => String::new(),
    }
}

async fn run(ops: &[Op]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sled:{}", folder.path().display());
    let memory = Store::open("memory:", StoreOptions::default()).await.unwrap();
    let model = memory.project(&project("p"));
    let mut store = Store::open(&url, StoreOptions::default()).await.unwrap();
    for op in ops {
        if matches!(op, Op::Reopen) {
            store.close().await.unwrap();
            store = Store::open(&url, StoreOptions::default()).await.unwrap();
        }
        let p = store.project(&project("p"));
        prop_assert_eq!(answer(&p, op).await, answer(&model, op).await);
    }
    let p = store.project(&project("p"));
    prop_assert_eq!(p.all::<Note>(Query::default()).await.unwrap(), model.all::<Note>(Query::default()).await.unwrap());
    prop_assert_eq!(p.count::<Note>().await.unwrap(), model.count::<Note>().await.unwrap());
    store.close().await.unwrap();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_gives_the_answers_of_the_memory_store(ops in prop::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&ops))?;
    }
}
