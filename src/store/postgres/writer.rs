//! Commits. A few writers, each with a connection of its own, take whatever batches wait and make one transaction of
//! them: lock the keys that somebody expects something of, decide (`plan.rs`), write, commit, answer.
//!
//! **Did it happen?** Each writer has a row in `empanel_writers` that every transaction of its changes to the
//! transaction's number. If the answer to a `COMMIT` is lost, the row is read again *under its lock*: that waits for
//! a transaction that is still being ended on the server, and then tells which it was. Only if the database stays away
//! is the commit answered as uncertain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgRow};
use sqlx::{Acquire, Postgres, Row};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::super::StoreError;
use super::super::backend::{RawBatch, Revision};
use super::fault::{Fault, was_refused};
use super::layout::{Columns, json};
use super::plan::{Decisive, Plan, Row as Entry, decisive, plan};
use super::retries::{Jitter, Retries};

/// The most commits of one transaction: by so much the sequence of revisions advances.
const GROUP: usize = 256;
/// About the most bytes of one transaction.
const GROUP_BYTES: usize = 8 << 20;

pub(super) struct Job {
    pub batch: RawBatch,
    pub answer: oneshot::Sender<Result<Revision, StoreError>>,
    /// Until when it is tried.
    pub until: Instant,
}

pub(super) struct Writer {
    /// Of its row in `empanel_writers`.
    pub id: i64,
    pub pool: PgPool,
    pub connection: Option<PoolConnection<Postgres>>,
    pub place: Arc<str>,
    pub jitter: Jitter,
    /// How long the server may take for one transaction.
    pub patience: Duration,
}

/// What came of one attempt at a transaction.
enum Tried {
    Answered(Vec<Result<Revision, StoreError>>),
    /// Nothing was written.
    Failed(Fault),
    /// The answer to the `COMMIT` of transaction `number` was lost.
    Unsure {
        number: i64,
        answers: Vec<Result<Revision, StoreError>>,
        detail: String,
    },
}

/// What a transaction will be once it is committed.
struct Written {
    number: i64,
    answers: Vec<Result<Revision, StoreError>>,
    /// Nobody's batch held: there is nothing to commit.
    nothing: bool,
}

impl Writer {
    /// Works until every sender is gone and the queue is empty.
    pub async fn run(mut self, queue: Arc<Mutex<mpsc::Receiver<Job>>>) {
        while let Some(group) = next_group(&queue).await {
            self.commit(group, true).await;
        }
    }

    async fn commit(&mut self, mut group: Vec<Job>, mut with_json: bool) {
        let until = group.iter().map(|job| job.until).max().unwrap_or_else(Instant::now);
        let mut retries = Retries::new(self.jitter.clone(), until);
        while !group.is_empty() {
            let fault = match self.attempt(&group, with_json).await {
                Tried::Answered(answers) => return answer(group, answers),
                Tried::Unsure { number, answers, detail } => match self.happened(number, until).await {
                    Some(true) => return answer(group, answers),
                    Some(false) => Fault::Again(detail),
                    None => {
                        let detail = format!("PostgreSQL {}: the answer to a commit was lost: {detail}", self.place);
                        let answers = group.iter().map(|_| Err(StoreError::Uncertain { detail: detail.clone() }));
                        let answers = answers.collect();
                        return answer(group, answers);
                    }
                },
                Tried::Failed(Fault::Data(_)) if with_json => {
                    // It may be the copy for people that the server cannot take; the bytes are what counts.
                    with_json = false;
                    continue;
                }
                Tried::Failed(Fault::Data(detail)) => return self.one_by_one(group, detail).await,
                Tried::Failed(fault) => fault,
            };
            // Who has waited long enough is told; the others are tried again.
            let now = Instant::now();
            let (over, left): (Vec<Job>, Vec<Job>) = group.into_iter().partition(|job| job.until <= now);
            group = left;
            for job in over {
                let _ = job.answer.send(Err(fault.clone().told(&self.place)));
            }
            if group.is_empty() {
                return;
            }
            if let Err(error) = retries.pause(fault, &self.place).await {
                let answers = group.iter().map(|_| Err(error.clone())).collect();
                return answer(group, answers);
            }
        }
    }

    /// One batch has something that the server cannot take; it does not cost the others their commit.
    async fn one_by_one(&mut self, group: Vec<Job>, detail: String) {
        if group.len() > 1 {
            for job in group {
                Box::pin(self.commit(vec![job], true)).await;
            }
            return;
        }
        for job in group {
            let (key, _) = job.batch.writes.first().cloned().unwrap_or_default();
            let problem = format!("PostgreSQL refuses it: {detail}");
            let _ = job.answer.send(Err(StoreError::InvalidRecord { kind: "batch at".to_owned(), key, problem }));
        }
    }

    async fn attempt(&mut self, group: &[Job], with_json: bool) -> Tried {
        let mut connection = match self.connected().await {
            Ok(connection) => connection,
            Err(fault) => return Tried::Failed(fault),
        };
        let batches: Vec<&RawBatch> = group.iter().map(|job| &job.batch).collect();
        let tried = self.transaction(&mut connection, &batches, with_json).await;
        let broken = match &tried {
            Tried::Answered(_) => false,
            Tried::Failed(fault) => fault.breaks_connection(),
            Tried::Unsure { .. } => true,
        };
        if broken {
            connection.close_on_drop();
        } else {
            self.connection = Some(connection);
        }
        tried
    }

    async fn connected(&mut self) -> Result<PoolConnection<Postgres>, Fault> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.pool.acquire().await.map_err(|error| Fault::of(&error)),
        }
    }

    async fn transaction(&self, c: &mut PgConnection, batches: &[&RawBatch], with_json: bool) -> Tried {
        let late = || Fault::Lost(format!("no answer within {} s", self.patience.as_secs()));
        let mut transaction = match timeout(self.patience, c.begin()).await {
            Ok(Ok(transaction)) => transaction,
            Ok(Err(error)) => return Tried::Failed(Fault::of(&error)),
            Err(_) => return Tried::Failed(late()),
        };
        let written = timeout(self.patience, write(&mut transaction, self.id, batches, with_json)).await;
        let failed = match written {
            Ok(Ok(Written { number, answers, nothing: false })) => {
                return match timeout(self.patience, transaction.commit()).await {
                    Ok(Ok(())) => Tried::Answered(answers),
                    Ok(Err(error)) if was_refused(&error) => Tried::Failed(Fault::of(&error)),
                    Ok(Err(error)) => Tried::Unsure { number, answers, detail: error.to_string() },
                    Err(_) => Tried::Unsure { number, answers, detail: "no answer in time".to_owned() },
                };
            }
            Ok(Ok(Written { answers, .. })) => Tried::Answered(answers),
            Ok(Err(fault)) => Tried::Failed(fault),
            Err(_) => return Tried::Failed(late()),
        };
        // Its locks are in the way of others until it has ended.
        match timeout(self.patience, transaction.rollback()).await {
            Ok(Ok(())) => failed,
            Ok(Err(error)) => Tried::Failed(Fault::Lost(error.to_string())),
            Err(_) => Tried::Failed(late()),
        }
    }

    /// Whether the transaction with this number was committed; `None` if that cannot be found out.
    async fn happened(&mut self, number: i64, until: Instant) -> Option<bool> {
        // Even where the batch's own time is over: what did happen is worth another look.
        let until = until.max(Instant::now() + self.patience / 2);
        let mut retries = Retries::new(self.jitter.clone(), until);
        loop {
            let fault = match self.last_number().await {
                Ok(last) => return last.map(|last| last == number),
                Err(fault) => fault,
            };
            retries.pause(fault, &self.place).await.ok()?;
        }
    }

    async fn last_number(&mut self) -> Result<Option<i64>, Fault> {
        let mut connection = self.connected().await?;
        let find = sqlx::query("SELECT revision FROM empanel_writers WHERE id = $1 FOR UPDATE").bind(self.id);
        let found = match timeout(self.patience, find.fetch_optional(&mut *connection)).await {
            Ok(found) => found.and_then(|row| row.map(|row| row.try_get(0)).transpose()),
            Err(_) => {
                connection.close_on_drop();
                return Err(Fault::Lost("no answer in time".to_owned()));
            }
        };
        match found {
            Ok(last) => {
                self.connection = Some(connection);
                Ok(last)
            }
            Err(error) => {
                connection.close_on_drop();
                Err(Fault::of(&error))
            }
        }
    }
}

/// What waits, up to a group; `None` when nothing will come any more.
async fn next_group(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Vec<Job>> {
    let mut queue = queue.lock().await;
    let first = queue.recv().await?;
    let mut size = first.batch.size();
    let mut group = vec![first];
    while group.len() < GROUP && size < GROUP_BYTES {
        let Ok(job) = queue.try_recv() else { break };
        size += job.batch.size();
        group.push(job);
    }
    Some(group)
}

fn answer(group: Vec<Job>, answers: Vec<Result<Revision, StoreError>>) {
    for (job, answer) in group.into_iter().zip(answers) {
        // Whoever has gone away does not hear it.
        let _ = job.answer.send(answer);
    }
}

/// Everything of a transaction but its end.
async fn write(c: &mut PgConnection, writer: i64, batches: &[&RawBatch], with_json: bool) -> Result<Written, Fault> {
    let fault = |error: sqlx::Error| Fault::of(&error);
    let Decisive { written, kept } = decisive(batches);
    let mut locked = HashMap::new();
    for (statement, keys) in [(LOCK, written), (SHARE, kept)] {
        if keys.is_empty() {
            continue;
        }
        for row in sqlx::query(statement).bind(&keys).fetch_all(&mut *c).await.map_err(fault)? {
            let revision: i64 = row.try_get(1).map_err(fault)?;
            locked.insert(row.try_get(0).map_err(fault)?, revision.unsigned_abs());
        }
    }
    // After the locks: what follows on a revision has a higher one.
    let row = sqlx::query(NUMBER).bind(writer).fetch_one(&mut *c).await.map_err(fault)?;
    let number: i64 = row.try_get(0).map_err(fault)?;
    let (Plan { inserts, absent, mut updates, deletes }, answers) = plan(batches, &locked, number.unsigned_abs());
    if answers.iter().all(Result::is_err) {
        return Ok(Written { number, answers, nothing: true });
    }
    if !inserts.is_empty() {
        let rows = put(c, INSERT, &inserts, with_json).await.map_err(fault)?;
        let inserted: Result<HashSet<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        let inserted = inserted.map_err(fault)?;
        let there = inserts.into_iter().filter(|(key, ..)| !inserted.contains(key));
        for row in there {
            if absent.contains(&row.0) {
                return Err(Fault::Again(format!("others go on inserting `{}`", row.0)));
            }
            updates.push(row);
        }
        updates.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
    if !updates.is_empty() {
        put(c, UPSERT, &updates, with_json).await.map_err(fault)?;
    }
    if !deletes.is_empty() {
        sqlx::query(DELETE).bind(&deletes).execute(c).await.map_err(fault)?;
    }
    Ok(Written { number, answers, nothing: false })
}

pub(super) const LOCK: &str = "SELECT key, revision FROM empanel_entries WHERE key = ANY($1) ORDER BY key FOR UPDATE";

/// What only must stay as it is may be held by many at once. Always after [`LOCK`], so that nobody who has this waits for
/// that.
pub(super) const SHARE: &str = "SELECT key, revision FROM empanel_entries WHERE key = ANY($1) ORDER BY key FOR SHARE";

pub(super) const DELETE: &str = "DELETE FROM empanel_entries WHERE key = ANY($1)";

const NUMBER: &str = "INSERT INTO empanel_writers (id, revision) VALUES ($1, nextval('empanel_revision'))
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, used = now() RETURNING revision";

/// Waits for whoever is inserting one of the keys, and leaves out those that are there then.
const INSERT: &str = concat!(
    "INSERT INTO empanel_entries ",
    "(key, revision, value, scope, section, kind, id, link_name, link_value, record) ",
    "SELECT key, revision, value, scope, section, kind, id, link_name, link_value, (json::jsonb) -> 'record' ",
    "FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], ",
    "$9::text[], $10::text[]) ",
    "AS t (key, revision, value, scope, section, kind, id, link_name, link_value, json) ",
    "ON CONFLICT (key) DO NOTHING RETURNING key"
);

const UPSERT: &str = concat!(
    "INSERT INTO empanel_entries ",
    "(key, revision, value, scope, section, kind, id, link_name, link_value, record) ",
    "SELECT key, revision, value, scope, section, kind, id, link_name, link_value, (json::jsonb) -> 'record' ",
    "FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], ",
    "$9::text[], $10::text[]) ",
    "AS t (key, revision, value, scope, section, kind, id, link_name, link_value, json) ",
    "ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value, record = excluded.record"
);

/// What it returns.
async fn put(
    c: &mut PgConnection,
    statement: &'static str,
    rows: &[Entry],
    with_json: bool,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let columns: Vec<Columns> = rows.iter().map(|(key, ..)| Columns::of(key)).collect();
    let keys: Vec<&str> = rows.iter().map(|(key, ..)| key.as_str()).collect();
    let revisions: Vec<i64> = rows.iter().map(|(_, revision, _)| revision.cast_signed()).collect();
    let values: Vec<&[u8]> = rows.iter().map(|(.., value)| value.as_ref()).collect();
    let texts = |of: fn(&Columns) -> &str| -> Vec<&str> { columns.iter().map(of).collect() };
    let jsons: Vec<_> = values.iter().map(|value| if with_json { json(value) } else { None }).collect();
    sqlx::query(statement)
        .bind(keys)
        .bind(revisions)
        .bind(values)
        .bind(texts(|c| &c.scope))
        .bind(texts(|c| &c.section))
        .bind(texts(|c| &c.kind))
        .bind(texts(|c| &c.id))
        .bind(columns.iter().map(|c| c.link_name.as_deref()).collect::<Vec<_>>())
        .bind(columns.iter().map(|c| c.link_value.as_deref()).collect::<Vec<_>>())
        .bind(jsons.iter().map(Option::as_deref).collect::<Vec<_>>())
        .fetch_all(c)
        .await
}
