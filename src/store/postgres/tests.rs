//! What is PostgreSQL's own: its server dies, others write at the same moment, people ask with psql.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::server::{Database, Server};
use super::*;
use crate::domain::{Grading, ProjectId, Review, Vote};
use crate::store::backend::Expect;
use crate::store::record::decode;
use crate::store::{Happened, ProjectStore, Record, Retry, Store, StoreOptions};

async fn backend(database: &Database) -> Arc<PostgresBackend> {
    Arc::new(PostgresBackend::open(&database.url(), PostgresOptions::default()).await.unwrap())
}

fn write(key: &str, value: &str) -> (String, Option<Bytes>) {
    (key.to_owned(), Some(Bytes::copy_from_slice(value.as_bytes())))
}

/// Ends every other connection to the database.
const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Keys that must not be there, and are made.
fn make(keys: &[String]) -> RawBatch {
    RawBatch {
        expects: keys.iter().map(|key| (key.clone(), Expect::Absent)).collect(),
        writes: keys.iter().map(|key| write(key, key)).collect(),
    }
}

async fn all(backend: &PostgresBackend, prefix: &str) -> BTreeSet<String> {
    let scan = Scan { prefix: prefix.to_owned(), after: None, limit: 1_000_000, backwards: false };
    backend.scan(scan).await.unwrap().into_iter().map(|(key, _)| key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_race_for_the_same_keys_and_one_wins_each() {
    let database = Server::shared().database();
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(backend(&database).await);
    }
    let tasks: Vec<_> = stores
        .iter()
        .enumerate()
        .map(|(me, store)| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                for round in 0..40 {
                    // Two keys at once, in both orders: some of these lock each other out.
                    let mut keys = vec![format!("p/r/note/{round}-a"), format!("p/r/note/{round}-b")];
                    if me % 2 == 0 {
                        keys.reverse();
                    }
                    let mut batch = make(&keys);
                    batch.writes.push(write(&format!("p/r/who/{round}"), &me.to_string()));
                    match store.apply(batch).await {
                        Ok(_) => won.push(round),
                        Err(error) => assert_eq!(error.retry(), Retry::AfterReload, "{error}"),
                    }
                }
                won
            })
        })
        .collect();
    let mut winners = vec![Vec::new(); 40];
    for (me, task) in tasks.into_iter().enumerate() {
        for round in task.await.unwrap() {
            winners[round].push(me);
        }
    }
    for (round, winners) in winners.iter().enumerate() {
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let who = stores[0].get_many(vec![format!("p/r/who/{round}")]).await.unwrap().remove(0).unwrap();
        assert_eq!(who.bytes, winners[0].to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_rest_on_the_absence_of_what_the_other_writes_one_is_refused() {
    let database = Server::shared().database();
    let (one, two) = (backend(&database).await, backend(&database).await);
    for round in 0..60 {
        let (a, b) = (format!("p/r/note/{round}a"), format!("p/r/note/{round}b"));
        let batch = |absent: &str, made: &str| RawBatch {
            expects: vec![(absent.to_owned(), Expect::Absent)],
            writes: vec![write(made, "x")],
        };
        let (first, second) = tokio::join!(one.apply(batch(&a, &b)), two.apply(batch(&b, &a)));
        assert!(first.is_ok() != second.is_ok(), "round {round}: {first:?}, {second:?}");
        let error = first.err().or(second.err()).unwrap();
        assert_eq!(error.retry(), Retry::AfterReload, "{error}");
    }
    // What only held a place is gone.
    assert_eq!(all(&one, "p/").await.len(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_write_on_a_lease_that_is_taken_over_none_writes_after_it() {
    let database = Server::shared().database();
    let stores = [backend(&database).await, backend(&database).await, backend(&database).await];
    let lease = "p/r/lease/l".to_owned();
    let first = stores[0].apply(make(std::slice::from_ref(&lease))).await.unwrap();
    let writers: Vec<_> = (0..12)
        .map(|me: usize| {
            let (store, lease) = (stores[1 + me % 2].clone(), lease.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let mut batch = make(&[format!("p/r/note/{me}-{number}")]);
                    batch.expects.push((lease.clone(), Expect::Unchanged(first)));
                    match store.apply(batch).await {
                        Ok(_) => {}
                        Err(StoreError::Conflict { key, .. }) if key == "l" => return number,
                        Err(error) => panic!("{error}"),
                    }
                }
                0
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let expects = vec![(lease.clone(), Expect::Unchanged(first))];
    stores[0].apply(RawBatch { expects, writes: vec![write(&lease, "taken")] }).await.unwrap();
    let then = all(&stores[0], "p/r/note/").await.len();
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(written > 12, "{written}");
    assert_eq!(all(&stores[0], "p/r/note/").await.len(), written);
    assert_eq!(then, written, "something was written after the lease was gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_make_the_tables_once() {
    let database = Server::shared().database();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let url = database.url();
            tokio::spawn(async move { Store::open(&url, StoreOptions::default()).await })
        })
        .collect();
    for store in opening {
        store.await.unwrap().unwrap().ready().await.unwrap();
    }
    assert_eq!(database.ask("SELECT version FROM empanel_schema"), schema::VERSION.to_string());
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_refused_and_left_as_it_is() {
    let database = Server::shared().database();
    Store::open(&database.url(), StoreOptions::default()).await.unwrap().close().await.unwrap();
    database.ask("UPDATE empanel_schema SET version = 99");
    let error = Store::open(&database.url(), StoreOptions::default()).await.err().unwrap();
    assert!(matches!(error, StoreError::NewerRecord { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("run the newer build"), "{error}");
    assert_eq!(database.ask("SELECT version FROM empanel_schema"), "99");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let options = PostgresOptions { password: Some("hunter2".to_owned().into()), ..PostgresOptions::default() };
    let options = StoreOptions { postgres: options, ..StoreOptions::default() };
    let shown = format!("{options:?}");
    let error = Store::open("postgres://u:hunter1@127.0.0.1:1/db?sslmode=disable", options).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:1/db") && error.happened() == Happened::No, "{text}");
    assert!(!text.contains("hunter") && !shown.contains("hunter"), "{text} {shown}");
}

#[tokio::test]
async fn every_value_comes_back_byte_for_byte_whatever_jsonb_makes_of_it() {
    let database = Server::shared().database();
    let store = backend(&database).await;
    let deep = format!("{{\"record\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let values = [
        "",
        "value",
        "{",
        "{\"b\":1,\"a\":1,\"b\":2}",
        "{\"record\":{\"x\":-0.0,\"y\":1e2}}",
        "{\"record\":{\"text\":\"a\\u0000b\"}}",
        "{\"record\":1e400000}",
        "{\"record\":\"\\ud800\"}",
        "\u{1}\u{7f}",
        &deep,
    ];
    for (n, value) in values.into_iter().enumerate() {
        let key = format!("p/r/note/{n}");
        // Beside one that is as it should be: that one is for people to see all the same.
        let batch = RawBatch { expects: vec![], writes: vec![write(&key, value)] };
        store.apply(batch).await.unwrap();
        assert_eq!(store.get_many(vec![key]).await.unwrap()[0].as_ref().unwrap().bytes, value, "{n}");
    }
    let raw = Bytes::from_static(b"\xff\x00\xfe");
    let batch = RawBatch { expects: vec![], writes: vec![("p/r/note/raw".to_owned(), Some(raw.clone()))] };
    store.apply(batch).await.unwrap();
    assert_eq!(store.get_many(vec!["p/r/note/raw".to_owned()]).await.unwrap()[0].as_ref().unwrap().bytes, raw);
    assert_eq!(database.ask("SELECT record ->> 'text' FROM empanel_records WHERE id = '5'"), "a\u{fffd}b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_server_cannot_take_costs_nobody_else_their_commit() {
    let database = Server::shared().database();
    let store = backend(&database).await;
    let bad = "p/r/note/a\0b".to_owned();
    let good: Vec<_> = (0..20).map(|n| make(&[format!("p/r/note/{n}")])).collect();
    let mut waiting: Vec<_> = good.into_iter().map(|batch| store.apply(batch)).collect();
    waiting.insert(7, store.apply(make(&[bad])));
    let answers = futures_util::future::join_all(waiting).await;
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Err(error) => assert!(n == 7 && matches!(error, StoreError::InvalidRecord { .. }), "{n}: {error}"),
            Ok(_) => assert_ne!(n, 7),
        }
    }
}

/// The keys of a batch, and what was answered.
type Told = (Vec<String>, Result<Revision, StoreError>);

/// Batches of three keys from eight tasks until it is stopped; what was told about each.
struct Traffic {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<Told>>>,
    done: Arc<AtomicU32>,
}

impl Traffic {
    fn start(store: &Arc<PostgresBackend>) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let tasks = (0..8)
            .map(|task| {
                let (store, stop, done) = (store.clone(), stop.clone(), done.clone());
                tokio::spawn(async move {
                    let mut told = Vec::new();
                    for number in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let keys: Vec<_> = ["a", "b", "c"].map(|p| format!("p/r/note/{task}-{number:06}-{p}")).into();
                        let answer = store.apply(make(&keys)).await;
                        done.fetch_add(1, Ordering::SeqCst);
                        told.push((keys, answer));
                    }
                    told
                })
            })
            .collect();
        Self { stop, tasks, done }
    }

    async fn until(&self, commits: u32) {
        while self.done.load(Ordering::SeqCst) < commits {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Nothing that was acknowledged is lost, nothing that was refused is there, and nothing is there in part. How many
    /// were acknowledged, refused, uncertain.
    async fn check(self, store: &PostgresBackend) -> [usize; 3] {
        self.stop.store(true, Ordering::SeqCst);
        let mut counts = [0; 3];
        let mut told = Vec::new();
        for task in self.tasks {
            told.extend(task.await.unwrap());
        }
        let there = all(store, "p/r/note/").await;
        for (keys, answer) in told {
            let found = keys.iter().filter(|key| there.contains(*key)).count();
            let text = format!("{keys:?}: {found} are there, told was {answer:?}");
            match answer.map_err(|error| (error.happened(), error.retry())) {
                Ok(_) => assert_eq!((found, counts[0] += 1), (3, ()), "{text}"),
                Err((Happened::No, Retry::Later)) => assert_eq!((found, counts[1] += 1), (0, ()), "{text}"),
                Err((Happened::Perhaps, _)) => assert!((found == 0 || found == 3, counts[2] += 1).0, "{text}"),
                // No other writes these keys: a conflict would be with its own, told as not having happened.
                Err(_) => panic!("{text}"),
            }
        }
        counts
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_amid_commits_lose_nothing_and_halve_nothing() {
    let database = Server::shared().database();
    let store = backend(&database).await;
    let traffic = Traffic::start(&store);
    for round in 1..=25 {
        traffic.until(round * 20).await;
        database.ask(CUT);
    }
    let [kept, refused, unsure] = traffic.check(&store).await;
    // The server is there all the time: whatever happened is found out.
    assert!(kept > 500 && refused == 0 && unsure == 0, "{kept} kept, {refused} refused, {unsure} unsure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_comes_back_amid_commits_has_lost_nothing_and_halved_nothing() {
    let server = Server::own();
    let database = server.database();
    let store = backend(&database).await;
    let traffic = Traffic::start(&store);
    for round in 1..=4 {
        traffic.until(round * 60).await;
        let server = server.clone();
        tokio::task::spawn_blocking(move || server.crash_and_restart()).await.unwrap();
    }
    traffic.until(300).await;
    let [kept, ..] = traffic.check(&store).await;
    assert!(kept > 200, "{kept}");
    store.ready().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_is_told_as_unavailable_and_is_used_again_when_it_is_back() {
    let server = Server::own();
    let database = server.database();
    let patience = Duration::from_millis(300);
    let options = PostgresOptions { patience, connect_timeout: patience, ..PostgresOptions::default() };
    let store = PostgresBackend::open(&database.url(), options).await.unwrap();
    store.apply(make(&["p/r/note/before".to_owned()])).await.unwrap();
    server.crash();
    let during = store.apply(make(&["p/r/note/during".to_owned()])).await.unwrap_err();
    assert_eq!((during.happened(), during.retry()), (Happened::No, Retry::Later), "{during}");
    assert!(matches!(store.get_many(vec!["p/r/note/before".to_owned()]).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
    server.restart();
    store.ready().await.unwrap();
    store.apply(make(&["p/r/note/after".to_owned()])).await.unwrap();
    let there: Vec<_> = all(&store, "p/").await.into_iter().collect();
    assert_eq!(there, ["p/r/note/after", "p/r/note/before"]);
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_not_ready_and_says_why() {
    let database = Server::shared().database();
    let store = backend(&database).await;
    let name = database.ask("SELECT current_database()");
    database.ask(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    database.ask(CUT);
    let error = store.ready().await.unwrap_err();
    assert!(error.to_string().contains("takes no writes"), "{error}");
    let error = store.apply(make(&["p/r/note/n".to_owned()])).await.unwrap_err();
    assert_eq!((error.happened(), error.retry()), (Happened::No, Retry::Later), "{error}");
    let elsewhere = |statements: &str| database.server().psql("postgres", statements).unwrap();
    elsewhere(&format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    elsewhere(&format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"));
    store.ready().await.unwrap();
    store.apply(make(&["p/r/note/n".to_owned()])).await.unwrap();
}

/// What a wire between client and server does with the first `COMMIT` that comes along.
#[derive(Clone, Copy)]
enum Cut {
    BeforeCommit,
    /// The server gets it, and its answer is lost.
    AfterCommit,
    /// As `AfterCommit`, and no connection is made any more.
    ForGood,
}

/// A socket in `folder` that leads to the server.
fn wire(folder: &Path, server: &Database, cut: Cut) -> Arc<AtomicBool> {
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let target = server.server().folder().join(".s.PGSQL.5432");
    let armed = Arc::new(AtomicBool::new(false));
    let (arm, gone) = (armed.clone(), Arc::new(AtomicBool::new(false)));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if gone.load(Ordering::SeqCst) {
                continue;
            }
            let server = UnixStream::connect(&target).await.unwrap();
            tokio::spawn(carry(client, server, cut, arm.clone(), gone.clone()));
        }
    });
    armed
}

async fn carry(client: UnixStream, server: UnixStream, cut: Cut, armed: Arc<AtomicBool>, gone: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let said = &buffer[..length];
        let commit = said.windows(7).any(|window| window == b"COMMIT\0");
        if commit && armed.swap(false, Ordering::SeqCst) {
            if !matches!(cut, Cut::BeforeCommit) {
                answers.abort();
                let _ = (&mut answers).await;
                gone.store(matches!(cut, Cut::ForGood), Ordering::SeqCst);
                to_server.write_all(said).await.unwrap();
                // The server must have read it before it sees that nobody is there.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            break;
        }
        if to_server.write_all(said).await.is_err() {
            break;
        }
    }
    answers.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_out_and_is_uncertain_only_if_it_cannot_be() {
    for cut in [Cut::BeforeCommit, Cut::AfterCommit, Cut::ForGood] {
        let database = Server::shared().database();
        let folder = tempfile::tempdir().unwrap();
        let armed = wire(folder.path(), &database, cut);
        let real = database.server().folder().display().to_string().replace('/', "%2F");
        let url = database.url().replace(&real, &folder.path().display().to_string().replace('/', "%2F"));
        let patience = Duration::from_millis(500);
        let options = PostgresOptions {
            patience,
            connect_timeout: patience,
            statement_timeout: Duration::from_secs(1),
            ..PostgresOptions::default()
        };
        let store = PostgresBackend::open(&url, options).await.unwrap();
        armed.store(true, Ordering::SeqCst);
        // An insert: done twice, the second would be a conflict; not done, it would not be there.
        let answer = store.apply(make(&["p/r/note/n".to_owned()])).await;
        let there = database.ask("SELECT count(*) FROM empanel_entries");
        match cut {
            Cut::BeforeCommit | Cut::AfterCommit => {
                assert_eq!((answer.is_ok(), there.as_str()), (true, "1"), "{answer:?}")
            }
            Cut::ForGood => {
                let error = answer.unwrap_err();
                assert_eq!((error.happened(), error.retry()), (Happened::Perhaps, Retry::Later), "{error}");
                assert_eq!(there, "1");
            }
        }
    }
}

/// Stopped or cut off amid a transaction, it would keep others from taking over its work for as long as a statement may
/// take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_amid_a_transaction_loses_its_locks_within_seconds() {
    let database = Server::shared().database();
    for (statement, idle) in [(30, "5s"), (2, "2s")] {
        let options =
            PostgresOptions { statement_timeout: Duration::from_secs(statement), ..PostgresOptions::default() };
        let pool = pool(connect_options(&database.url(), &options).unwrap(), &options);
        let told: Vec<String> = sqlx::query_scalar(
            "SELECT current_setting(name) FROM unnest(ARRAY['statement_timeout', 'idle_in_transaction_session_timeout']) name",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(told, [format!("{statement}s"), idle.to_owned()]);
    }
}

/// What is kept in a fixture, as it was released.
fn frozen<R: Record>(file: &str) -> R {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store").join(file);
    let bytes = std::fs::read(path).unwrap();
    decode::<R>("frozen", &RawValue { revision: Revision(1), bytes: bytes.into() }).unwrap().record
}

async fn project(database: &Database, name: &str) -> ProjectStore {
    let store = Store::open(&database.url(), StoreOptions::default()).await.unwrap();
    store.project(&ProjectId::parse(name).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_psql_reads_gradings_votes_and_reviews_from_views() {
    let database = Server::shared().database();
    let p = project(&database, "x").await;
    let (grading, vote, review) =
        (frozen::<Grading>("grading/v1.json"), frozen::<Vote>("vote/v1.json"), frozen::<Review>("review/v2.json"));
    p.commit(p.batch().insert(&grading).insert(&vote).insert(&review)).await.unwrap();
    let status = grading.status().as_str();
    let ask = |question: &str| database.ask(question);
    assert_eq!(ask(&format!("SELECT count(*) FROM empanel_gradings WHERE project = 'x' AND status = '{status}'")), "1");
    assert_eq!(ask("SELECT count(*) FROM empanel_gradings WHERE project = 'y'"), "0");
    assert_eq!(ask("SELECT system, task_id FROM empanel_gradings"), "gpt-5 + tools|gdpval/83d10b06");
    assert_eq!(
        ask("SELECT judge, criterion_id, answer, cost_usd FROM empanel_votes WHERE project = 'x'"),
        "gpt/mini|totals tie|met|0.00045"
    );
    assert_eq!(ask("SELECT pending, reason, criterion_id FROM empanel_reviews"), "t|inconclusive|typo");
    assert_eq!(ask("SELECT value FROM empanel_links WHERE kind = 'grading' AND name = 'system'"), "gpt-5 + tools");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_of_the_seam_reads_a_table_of_a_hundred_thousand_rows_from_end_to_end() {
    let database = Server::shared().database();
    drop(project(&database, "x").await);
    database.ask(
        "INSERT INTO empanel_entries (key, revision, value, scope, section, kind, id, record) \
         SELECT 'p' || n % 20 || '/r/grading/' || to_char(n, 'FM000000'), 1, '{}', 'p' || n % 20, 'r', 'grading', \
         to_char(n, 'FM000000'), '{\"system\":\"s\"}' FROM generate_series(1, 100000) n; \
         INSERT INTO empanel_entries (key, revision, value, scope, section, kind, id, link_name, link_value) \
         SELECT 'p' || n % 20 || '/l/grading/status/' || s || '/' || to_char(n, 'FM000000'), 1, '', 'p' || n % 20, 'l', \
         'grading', to_char(n, 'FM000000'), 'status', s \
         FROM (SELECT n, CASE n % 50 WHEN 0 THEN 'running' ELSE 'complete' END AS s FROM generate_series(1, 100000) n) t; \
         ANALYZE empanel_entries",
    );
    let mut statements: Vec<(&str, &str)> = vec![
        (GET, "ARRAY['p1/r/grading/000001', 'p1/r/grading/000021', 'none']"),
        (writer::LOCK, "ARRAY['p1/r/grading/000001', 'p1/r/grading/000021', 'none']"),
        (writer::SHARE, "ARRAY['p1/r/grading/000001', 'p1/r/grading/000021', 'none']"),
        (writer::DELETE, "ARRAY['p1/r/grading/000001', 'none']"),
    ];
    // A page of records, of links, and the first of whatever comes.
    for backwards in [false, true] {
        for inclusive in [false, true] {
            statements.push((walk(inclusive, true, backwards), "'p1/r/grading/', 101, 'p1/r/grading0'"));
            statements.push((
                walk(inclusive, true, backwards),
                "'p1/l/grading/status/running/', 101, 'p1/l/grading/status/running0'",
            ));
            statements.push((walk(inclusive, false, backwards), "'p1/', 1"));
        }
    }
    statements.push((COUNT, "'p1/l/grading/status/running/', 'p1/l/grading/status/running0'"));
    for mode in ["force_generic_plan", "force_custom_plan"] {
        for (statement, arguments) in &statements {
            let plan = database.ask(&format!(
                "SET plan_cache_mode = {mode}; PREPARE s AS {statement}; EXPLAIN EXECUTE s({arguments})"
            ));
            assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{mode}: {statement}\n{plan}");
        }
    }
    let question = "SELECT count(*) FROM empanel_gradings WHERE project = 'p0' AND status = 'running'";
    let plan = database.ask(&format!("EXPLAIN {question}"));
    assert!(plan.contains("Index") && !plan.contains("Seq Scan") && !plan.contains("Join"), "{plan}");
    assert_eq!(database.ask(question), "1000");
}
