//! Lists: `{"items": [...], "next_cursor": ...}`, `?limit=&cursor=`, in a stable order.

use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{Code, Problem};
use super::wire::List;
use crate::store::{Cursor, MAX_PAGE, ProjectStore, Query, Record};

const DEFAULT_LIMIT: usize = 50;
/// Records that are looked at for one page when a filter leaves most of them out. The page is then short and has a
/// cursor all the same.
const MOST_LOOKED_AT: usize = 10_000;

/// Which page. (serde cannot flatten it and refuse unknown fields, so each query has these two itself.)
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Items of one page, 1 to 1000; 50 without it.
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    pub fn new(limit: Option<usize>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// # Errors
    /// 400 for a limit or cursor that is none.
    pub fn read(&self) -> Result<(usize, Option<Cursor>), Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(Problem::new(Code::InvalidQuery, format!("limit={limit} is not between 1 and {MAX_PAGE}")));
        }
        Ok((limit, self.cursor.as_deref().map(str::parse).transpose()?))
    }
}

/// One page of the records that `keep` keeps.
///
/// # Errors
/// 400 for paging that is none; as the store.
pub async fn page<R: Record, T>(
    project: &ProjectStore,
    query: Query,
    paging: &Paging,
    keep: impl Fn(&R) -> bool,
    tell: impl Fn(R) -> T,
) -> Result<List<T>, Problem> {
    let (limit, mut cursor) = paging.read()?;
    let mut items = Vec::new();
    let mut looked_at = 0;
    loop {
        // Never more than still fit: where a page ends is where the next begins.
        let want = limit - items.len();
        let found = project.list::<R>(query.clone().limit(want).after(cursor.take())).await?;
        looked_at += found.items.len();
        items.extend(found.items.into_iter().map(|kept| kept.record).filter(|record| keep(record)).map(&tell));
        cursor = found.next;
        if cursor.is_none() || items.len() == limit || looked_at >= MOST_LOOKED_AT {
            return Ok(List { items, next_cursor: cursor.map(|cursor| cursor.to_string()) });
        }
    }
}
