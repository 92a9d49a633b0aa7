//! Whatever is done, every store answers as the memory store does.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::contract::{Home, Note, note, project};
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

/// The numbers of a store's commits, each by its place among them: which numbers a store takes is its own affair.
#[derive(Default)]
struct Places(Vec<u64>);

impl Places {
    /// The text with places instead of revisions. A number that is new must be higher than all before it.
    fn of(&mut self, answer: &str) -> String {
        let mut parts = answer.split("Revision(");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (number, rest) = part.split_once(')').unwrap();
            let number: u64 = number.parse().unwrap();
            if !self.0.contains(&number) {
                assert!(self.0.iter().all(|earlier| *earlier < number), "revisions grow: {number} after {:?}", self.0);
                self.0.push(number);
            }
            let place = self.0.iter().position(|one| *one == number).unwrap();
            text += &format!("Revision(#{place}){rest}");
        }
        text
    }
}

async fn run(home: &Home, name: &str, ops: &[Op]) -> Result<(), TestCaseError> {
    let memory = Store::open("memory:", StoreOptions::default()).await.unwrap();
    let model = memory.project(&project(name));
    let mut store = home.open().await;
    let (mut places, mut model_places) = (Places::default(), Places::default());
    for op in ops {
        if matches!(op, Op::Reopen) {
            store.close().await.unwrap();
            store = home.open().await;
        }
        let p = store.project(&project(name));
        prop_assert_eq!(places.of(&answer(&p, op).await), model_places.of(&answer(&model, op).await));
    }
    let p = store.project(&project(name));
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
        runtime.block_on(run(&Home::sled(), "p", &ops))?;
    }

    #[test]
    fn any_sequence_of_operations_gives_the_same_on_postgres(ops in prop::collection::vec(op(), 1..40)) {
        static DATABASE: LazyLock<Home> = LazyLock::new(Home::postgres);
        static CASE: AtomicU32 = AtomicU32::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // A project of its own for each case: nothing of another one is in it.
        let name = format!("p{}", CASE.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(run(&DATABASE, &name, &ops))?;
    }
}
