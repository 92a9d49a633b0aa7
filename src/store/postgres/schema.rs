//! The tables, and how they come to be. How to change them: a new file in `migrations/` and its line here; a file
//! that was released is never edited.
//!
//! Processes that start at once wait for each other at one row, locked in the transaction that migrates: no lock
//! outlives the process that took it. (sqlx's own migrator takes an advisory lock, which not every database that
//! speaks PostgreSQL's language has.)

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::super::StoreError;
use super::fault::{Fault, is_missing_table};
use super::retries::Retries;

const MIGRATIONS: [&str; 2] = [include_str!("migrations/0001_entries.sql"), include_str!("migrations/0002_views.sql")];

/// The layout that this build writes.
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS empanel_schema (
    one     int PRIMARY KEY CHECK (one = 1),
    version int NOT NULL
)";

/// Brings the database to [`VERSION`].
///
/// # Errors
/// [`StoreError::NewerRecord`] if it is newer; nothing is changed then.
pub(super) async fn prepare(c: &mut PgConnection, place: &str, mut retries: Retries) -> Result<(), StoreError> {
    loop {
        match migrate(c).await {
            Ok(version) if version <= VERSION => return Ok(()),
            Ok(version) => {
                return Err(StoreError::NewerRecord {
                    kind: "database".to_owned(),
                    key: place.to_owned(),
                    found: version.unsigned_abs(),
                    known: VERSION.unsigned_abs(),
                });
            }
            Err(error) => match Fault::of(&error) {
                fault @ Fault::Again(_) => retries.pause(fault, place).await?,
                fault => return Err(fault.told(place)),
            },
        }
    }
}

/// The version that the database had, or has now.
async fn migrate(c: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let version = sqlx::query("SELECT version FROM empanel_schema WHERE one = 1").fetch_optional(&mut *c).await;
    match version {
        Ok(Some(row)) if row.try_get::<i32, _>(0)? >= VERSION => return row.try_get(0),
        Ok(Some(_)) => {}
        Ok(None) => first_row(c).await?,
        Err(error) if is_missing_table(&error) => {
            sqlx::query(TABLE).execute(&mut *c).await?;
            first_row(c).await?;
        }
        Err(error) => return Err(error),
    }
    let mut transaction = c.begin().await?;
    let done = upgrade(&mut transaction).await;
    match done {
        Ok(version) => transaction.commit().await.map(|()| version),
        Err(error) => {
            // What went wrong is told; that the connection is then broken as well is no news.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

async fn first_row(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    let insert = "INSERT INTO empanel_schema (one, version) VALUES (1, 0) ON CONFLICT (one) DO NOTHING";
    sqlx::query(insert).execute(c).await.map(drop)
}

async fn upgrade(c: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::query("SELECT version FROM empanel_schema WHERE one = 1 FOR UPDATE").fetch_one(&mut *c).await?;
    let version: i32 = row.try_get(0)?;
    if version >= VERSION {
        return Ok(version);
    }
    for sql in MIGRATIONS.into_iter().skip(usize::try_from(version).unwrap_or_default()) {
        sqlx::raw_sql(sql).execute(&mut *c).await?;
    }
    sqlx::query("UPDATE empanel_schema SET version = $1 WHERE one = 1").bind(VERSION).execute(c).await?;
    Ok(VERSION)
}
