//! PostgreSQL: many processes, one database. A key of the seam is a row of one table (`migrations/0001_entries.sql`),
//! in the order of its bytes.
//!
//! - **All or nothing, durable**: a transaction at `synchronous_commit` of at least `on`, answered after its `COMMIT`.
//!   Batches that wait at the same time share one (`writer.rs`).
//! - **Somebody else was first**: keys that a batch expects something of are locked before they are looked at; a key
//!   that must not be there is inserted, which waits for others who insert it, even if it is to be gone in the end.
//! - **May I retry, did it happen?** What others are in the way of is tried again in here, for a bounded time
//!   (`retries.rs`, `fault.rs`); a commit whose answer was lost is found out (`writer.rs`), or is told as uncertain.
//! - **A subset of the language**: no advisory locks, triggers, notifications, procedures; `docs/postgres.md` has the
//!   list, so that databases which speak PostgreSQL's language can take its place.
//!
//! Limits: one statement's parameters end at 1 GB, records at 64 MiB; the order of revisions is that of the commits of
//! one key, not of the commits of different keys.

mod fault;
mod layout;
mod plan;
mod retries;
mod schema;
#[cfg(any(test, feature = "fake"))]
pub mod server;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection, Executor, Row};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use self::fault::Fault;
use self::retries::{Jitter, Retries};
use self::writer::{Job, Writer};
use super::backend::{Backend, Image, RawBatch, RawValue, Revision, Scan, Stamp};
use super::{StoreError, keys};

/// Commits that may wait for the writers before their senders wait too.
const QUEUE: usize = 4_096;
/// Transactions of one process at the same time: more would only make each of them smaller.
const WRITERS: u32 = 4;
/// For which the server waits for the next statement of a transaction, if statements have so long. A replica that is stopped
/// or cut off in the middle of one keeps its locks until then, and with them others from taking over its work.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);
/// Beyond the time that the server gives itself.
const SLACK: Duration = Duration::from_secs(2);

/// What can be set about a PostgreSQL store.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Takes the place of a password in the URL.
    pub password: Option<SecretString>,
    /// Of this process, at most; at least 2.
    pub max_connections: u32,
    /// For making a connection, and for waiting until one is free.
    pub connect_timeout: Duration,
    /// For one statement.
    pub statement_timeout: Duration,
    /// For how long something is tried again when the database is away or others are in the way.
    pub patience: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            password: None,
            max_connections: 16,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

pub struct PostgresBackend {
    pool: PgPool,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// Host and database, for messages.
    place: Arc<str>,
    jitter: Jitter,
    patience: Duration,
    /// For one answer of the server.
    answer: Duration,
    /// One of its writers, whose row shows whether writes are taken.
    writer: i64,
}

impl PostgresBackend {
    /// Connects, and brings the tables to this build's layout.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`]; [`StoreError::Unavailable`] if the server cannot be reached or refuses;
    /// [`StoreError::NewerRecord`] if the database was used by a newer build.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let connect = connect_options(url, &options)?;
        let place: Arc<str> = place(&connect).into();
        let mut connection = first_connection(&connect, &options, &place).await?;
        check(&mut connection, &place).await?;
        let told = |error: sqlx::Error| Fault::of(&error).told(&place);
        // Nothing is known yet that tells this process from another that starts at the same moment but the server's
        // number for this connection.
        let backend: i32 = sqlx::query("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .map_err(told)?
            .try_get(0)
            .map_err(told)?;
        let jitter = Jitter::seeded(u64::from(backend.unsigned_abs()));
        let until = Instant::now() + options.patience.max(Duration::from_secs(60));
        schema::prepare(&mut connection, &place, Retries::new(jitter.clone(), until)).await?;
        let count = WRITERS.min(options.max_connections / 2).max(1);
        let ids = register(&mut connection, count).await.map_err(told)?;
        // It has done its work; how it ends does not matter.
        let _ = connection.close().await;
        let pool = pool(connect, &options);
        let answer = options.statement_timeout + SLACK;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        let writer = ids.first().copied().unwrap_or_default();
        let writers = ids.into_iter().map(|id| {
            let (pool, place, jitter) = (pool.clone(), place.clone(), jitter.clone());
            tokio::spawn(Writer { id, pool, connection: None, place, jitter, patience: answer }.run(queue.clone()))
        });
        Ok(Self {
            writers: Mutex::new(writers.collect()),
            jobs: Mutex::new(Some(jobs)),
            pool,
            place,
            jitter,
            patience: options.patience,
            answer,
            writer,
        })
    }

    /// Runs something that only reads, again if the connection was broken or others were in the way.
    async fn read<T: Send>(
        &self,
        run: impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let mut retries = Retries::new(self.jitter.clone(), Instant::now() + self.patience);
        loop {
            if lock(&self.jobs).is_none() {
                return Err(StoreError::Closed);
            }
            let fault = match self.read_once(&run).await {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            retries.pause(fault, &self.place).await?;
        }
    }

    async fn read_once<T: Send>(
        &self,
        run: &(impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync),
    ) -> Result<T, Fault> {
        let mut connection = self.pool.acquire().await.map_err(|error| Fault::of(&error))?;
        let fault = match timeout(self.answer, run(&mut connection)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Fault::of(&error),
            Err(_) => Fault::Lost(format!("no answer within {} s", self.answer.as_secs())),
        };
        if fault.breaks_connection() {
            connection.close_on_drop();
        }
        Err(fault)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only whole values are taken out and put in under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parameters of a URL that are understood. Others are refused: a misspelt `sslmode` is no encryption, and a value
/// that is not understood would be logged.
const PARAMETERS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

fn connect_options(url: &str, options: &PostgresOptions) -> Result<PgConnectOptions, StoreError> {
    let invalid = |problem: String| StoreError::InvalidUrl { url: super::typed::without_password(url), problem };
    // A password may have a question mark in it.
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let query = place.split_once('?').map_or("", |(_, query)| query);
    for name in query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair)) {
        if !PARAMETERS.contains(&name) {
            return Err(invalid(format!("its parameter `{name}` is not known; known are {}", PARAMETERS.join(", "))));
        }
    }
    if options.max_connections < 2 {
        return Err(invalid("it needs at least 2 connections; see [store] max_connections".to_owned()));
    }
    let mut connect = PgConnectOptions::from_str(url).map_err(|error| invalid(error.to_string()))?;
    if connect.get_database().is_none() {
        return Err(invalid("it names no database; write `postgres://user@host/database`".to_owned()));
    }
    if connect.get_application_name().is_none() {
        connect = connect.application_name("empanel");
    }
    if let Some(password) = &options.password {
        connect = connect.password(password.expose_secret());
    }
    Ok(connect.disable_statement_logging())
}

fn place(connect: &PgConnectOptions) -> String {
    let host = match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    };
    format!("{host}/{}", connect.get_database().unwrap_or_default())
}

async fn first_connection(
    connect: &PgConnectOptions,
    options: &PostgresOptions,
    place: &str,
) -> Result<PgConnection, StoreError> {
    match timeout(options.connect_timeout, PgConnection::connect_with(connect)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(Fault::of(&error).told(place)),
        Err(_) => {
            let seconds = options.connect_timeout.as_secs();
            Err(Fault::Lost(format!("no answer within {seconds} s")).told(place))
        }
    }
}

/// Whether the server can keep what a store promises.
async fn check(c: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let told = |error: sqlx::Error| Fault::of(&error).told(place);
    let query = "SELECT current_setting('server_encoding', true), current_setting('fsync', true)";
    let row = sqlx::query(query).fetch_one(c).await.map_err(told)?;
    let encoding: Option<String> = row.try_get(0).map_err(told)?;
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("UTF8")) {
        let detail = format!(
            "PostgreSQL {place}: the database's encoding is {encoding}; make it with ENCODING 'UTF8' TEMPLATE template0"
        );
        return Err(StoreError::Unavailable { detail });
    }
    let fsync: Option<String> = row.try_get(1).map_err(told)?;
    if fsync.as_deref() == Some("off") {
        tracing::warn!(place, "the database runs with fsync = off: a power loss takes commits back that were answered");
    }
    Ok(())
}

/// A row for each writer; and rows of processes that are long gone are removed.
async fn register(c: &mut PgConnection, count: u32) -> Result<Vec<i64>, sqlx::Error> {
    let old = "DELETE FROM empanel_writers WHERE used < now() - interval '30 days'";
    sqlx::query(old).execute(&mut *c).await?;
    let new = "INSERT INTO empanel_writers (id, revision) VALUES (nextval('empanel_revision'), 0) RETURNING id";
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(sqlx::query(new).fetch_one(&mut *c).await?.try_get(0)?);
    }
    Ok(ids)
}

fn pool(connect: PgConnectOptions, options: &PostgresOptions) -> PgPool {
    let statement = options.statement_timeout.as_millis();
    let idle = options.statement_timeout.min(IDLE_IN_TRANSACTION).as_millis();
    let limits: Arc<str> =
        format!("SET statement_timeout = {statement}; SET idle_in_transaction_session_timeout = {idle}").into();
    PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.connect_timeout)
        // A broken connection shows in its first use, and what failed for it is tried again.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let limits = limits.clone();
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(limits))).await?;
                let now = "SELECT current_setting('synchronous_commit', true)";
                let now: Option<String> = sqlx::query(now).fetch_one(&mut *connection).await?.try_get(0)?;
                // A stronger setting (`remote_apply`) stays.
                if now.as_deref() == Some("off") {
                    connection.execute("SET synchronous_commit = on").await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(connect)
}

fn value(row: &PgRow) -> Result<(String, RawValue), sqlx::Error> {
    let revision: i64 = row.try_get(1)?;
    let bytes: &[u8] = row.try_get(2)?;
    let value = RawValue { revision: Revision(revision.unsigned_abs()), bytes: Bytes::copy_from_slice(bytes) };
    Ok((row.try_get(0)?, value))
}

fn read_only(c: &mut PgConnection) -> BoxFuture<'_, Result<PgRow, sqlx::Error>> {
    sqlx::query("SELECT current_setting('transaction_read_only')").fetch_one(c).boxed()
}

const GET: &str = "SELECT key, revision, value FROM empanel_entries WHERE key = ANY($1)";

/// Every transaction changes its writer's row: what all of them say together stands for what is committed. The sequence
/// does not: its numbers are taken before a commit is one.
const STAMP: &str =
    "SELECT coalesce(string_agg(id || ':' || revision, ' ' ORDER BY id), '') FROM empanel_writers WHERE revision > 0";

const COUNT: &str = "SELECT count(*) FROM empanel_entries WHERE key >= $1 AND key < $2";

/// `$1` is where the walk starts and `$2` where it ends: both excluded, but the start of a prefix's first walk.
fn walk(inclusive: bool, bounded: bool, backwards: bool) -> &'static str {
    macro_rules! walk {
        ($start:literal, $end:literal, $order:literal) => {
            concat!(
                "SELECT key, revision, value FROM empanel_entries WHERE key ",
                $start,
                " $1",
                $end,
                " ORDER BY key",
                $order,
                " LIMIT $2"
            )
        };
    }
    match (inclusive, bounded, backwards) {
        (true, true, false) => walk!(">=", " AND key < $3", ""),
        (true, false, false) => walk!(">=", "", ""),
        (false, true, false) => walk!(">", " AND key < $3", ""),
        (false, false, false) => walk!(">", "", ""),
        (true, true, true) => walk!(">=", " AND key < $3", " DESC"),
        (true, false, true) => walk!(">=", "", " DESC"),
        (false, true, true) => walk!(">", " AND key < $3", " DESC"),
        (false, false, true) => walk!(">", "", " DESC"),
    }
}

/// The bounds of a scan: from where (and whether that key itself is in it) to where.
fn bounds(scan: &Scan) -> (String, bool, Option<String>) {
    let end = keys::after_prefix(&scan.prefix);
    match &scan.after {
        Some(after) if scan.backwards => {
            let end = end.map_or_else(|| after.clone(), |end| end.min(after.clone()));
            (scan.prefix.clone(), true, Some(end))
        }
        Some(after) if *after >= scan.prefix => (after.clone(), false, end),
        _ => (scan.prefix.clone(), true, end),
    }
}

impl Backend for PostgresBackend {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            let jobs = lock(&self.jobs).clone().ok_or(StoreError::Closed)?;
            let (answer, answered) = oneshot::channel();
            let stopped = "the writers have stopped; restart the service";
            let until = Instant::now() + self.patience;
            jobs.send(Job { batch, answer, until })
                .await
                .map_err(|_| StoreError::Unavailable { detail: stopped.to_owned() })?;
            drop(jobs);
            answered.await.unwrap_or_else(|_| Err(StoreError::Uncertain { detail: stopped.to_owned() }))
        }
        .boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        async move {
            let rows = self.read(|c| sqlx::query(GET).bind(&keys).fetch_all(c).boxed()).await?;
            let found: Result<HashMap<String, RawValue>, _> = rows.iter().map(value).collect();
            let found = found.map_err(|error| Fault::of(&error).told(&self.place))?;
            Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
        }
        .boxed()
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        async move {
            let (start, inclusive, end) = bounds(&scan);
            let statement = walk(inclusive, end.is_some(), scan.backwards);
            let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX);
            let rows = self.read(|c| {
                let query = sqlx::query(statement).bind(&start).bind(limit);
                match &end {
                    Some(end) => query.bind(end).fetch_all(c).boxed(),
                    None => query.fetch_all(c).boxed(),
                }
            });
            let found: Result<Vec<_>, _> = rows.await?.iter().map(value).collect();
            found.map_err(|error| Fault::of(&error).told(&self.place))
        }
        .boxed()
    }

    fn image(&self) -> BoxFuture<'_, Result<Box<dyn Image + '_>, StoreError>> {
        async move {
            let image: Box<dyn Image + '_> = Box::new(snapshot::Snapshot::begin(self).await?);
            Ok(image)
        }
        .boxed()
    }

    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move {
            let end = keys::after_prefix(&prefix);
            let row = self.read(|c| match &end {
                Some(end) => sqlx::query(COUNT).bind(&prefix).bind(end).fetch_one(c).boxed(),
                None => {
                    let query = "SELECT count(*) FROM empanel_entries WHERE key >= $1";
                    sqlx::query(query).bind(&prefix).fetch_one(c).boxed()
                }
            });
            let count: i64 = row.await?.try_get(0).map_err(|error| Fault::of(&error).told(&self.place))?;
            Ok(count.unsigned_abs())
        }
        .boxed()
    }

    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        async move {
            let row = self.read(|c| sqlx::query(STAMP).fetch_one(c).boxed()).await?;
            Ok(Stamp(row.try_get(0).map_err(|error| Fault::of(&error).told(&self.place))?))
        }
        .boxed()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        const PROBE: &str = "UPDATE empanel_writers SET used = now() WHERE id = $1";
        async move { self.read(|c| sqlx::query(PROBE).bind(self.writer).execute(c).boxed()).await.map(drop) }.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let jobs = lock(&self.jobs).clone().ok_or(StoreError::Closed)?;
            if jobs.is_closed() {
                let detail = "the writers have stopped; restart the service".to_owned();
                return Err(StoreError::Unavailable { detail });
            }
            drop(jobs);
            let told = |fault: Fault| fault.told(&self.place);
            let row = match self.read_once(&read_only).await {
                // The connection may have been one from before the database was restarted.
                Err(Fault::Lost(_)) => self.read_once(&read_only).await.map_err(told)?,
                answer => answer.map_err(told)?,
            };
            let now: String = row.try_get(0).map_err(|error| told(Fault::of(&error)))?;
            if now == "on" {
                let detail = "it takes no writes (a standby, or default_transaction_read_only is on)".to_owned();
                return Err(told(Fault::Refused(detail)));
            }
            Ok(())
        }
        .boxed()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            drop(lock(&self.jobs).take());
            let writers = std::mem::take(&mut *lock(&self.writers));
            let mut failed = false;
            for writer in writers {
                failed |= writer.await.is_err();
            }
            self.pool.close().await;
            if failed {
                let detail = "a writer had stopped before the store was closed".to_owned();
                return Err(StoreError::Unavailable { detail });
            }
            Ok(())
        }
        .boxed()
    }
}
