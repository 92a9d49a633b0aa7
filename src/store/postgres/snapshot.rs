//! A walk over everything as of one moment: pages of one transaction that sees what was committed when it began.
//!
//! It holds a connection, and keeps the server from cleaning up behind later commits, as long as it lasts. One that is lost
//! on the way is told and begun again by whoever wanted it: the moment is gone.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::Executor;
use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;
use tokio::time::timeout;

use super::super::StoreError;
use super::super::backend::{IMAGE_KEYS, Image, ImagePart};
use super::fault::Fault;
use super::{PostgresBackend, value};

/// The reader may have to wait for its disk between two pages, for longer than others may sit in a transaction.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 600000";

const PAGE: &str = "SELECT key, revision, value FROM empanel_entries WHERE key > $1 ORDER BY key LIMIT $2";

pub(super) struct Snapshot<'a> {
    backend: &'a PostgresBackend,
    connection: PoolConnection<Postgres>,
    after: String,
}

impl<'a> Snapshot<'a> {
    pub async fn begin(backend: &'a PostgresBackend) -> Result<Self, StoreError> {
        let told = |error: sqlx::Error| Fault::of(&error).told(&backend.place);
        let mut connection = backend.pool.acquire().await.map_err(told)?;
        // It is in a transaction from now on: nobody else gets it, however this ends.
        connection.close_on_drop();
        connection.execute(sqlx::raw_sql(BEGIN)).await.map_err(told)?;
        // No key is empty.
        Ok(Self { backend, connection, after: String::new() })
    }
}

impl Image for Snapshot<'_> {
    fn next(&mut self) -> BoxFuture<'_, Result<ImagePart, StoreError>> {
        async move {
            let place = &self.backend.place;
            let page = sqlx::query(PAGE).bind(&self.after).bind(IMAGE_KEYS as i64).fetch_all(&mut *self.connection);
            let rows = match timeout(self.backend.answer, page).await {
                Ok(rows) => rows.map_err(|error| Fault::of(&error).told(place))?,
                Err(_) => {
                    let seconds = self.backend.answer.as_secs();
                    return Err(Fault::Lost(format!("no answer within {seconds} s")).told(place));
                }
            };
            let page: Result<Vec<_>, _> = rows.iter().map(value).collect();
            let page = page.map_err(|error| Fault::of(&error).told(place))?;
            let Some((last, _)) = page.last() else { return Ok(ImagePart::End) };
            self.after.clone_from(last);
            Ok(ImagePart::Entries(page))
        }
        .boxed()
    }
}
