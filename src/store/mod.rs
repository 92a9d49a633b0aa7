//! Keeps and finds: typed records in projects, over a small seam ([`Backend`]) that knows only ordered keys,
//! atomic batches and durability; and files by their content ([`Blobs`]): in a folder, or in an object store.
//!
//! ```text
//! stories ─▶ Store, ProjectStore (records, links, revisions) ─▶ Backend ─▶ memory | sled | postgres
//! ```
//!
//! What it promises: a commit is all or nothing, durable when it returns, and a conflict when somebody else
//! was first; a reader never sees what a crash could still take back; a record that cannot be read is an
//! error that names it, never an absence.
//!
//! How to add a kind of record: an `impl Record` in `records.rs`, a frozen envelope in
//! `fixtures/store/<kind>/v1.json`, and its line in `records_test.rs`.
//! How to add a backend: a module that implements [`Backend`], an arm in `typed::open`, and a line in
//! `contract.rs`.

mod backend;
mod backup;
mod batch;
mod blobs;
#[cfg(test)]
mod contract;
mod convert;
#[cfg(test)]
mod crash;
mod decoded;
#[cfg(test)]
mod dying;
mod error;
mod gc;
mod keys;
mod memory;
#[cfg(test)]
mod model;
pub mod postgres;
mod query;
mod record;
mod records;
#[cfg(test)]
mod records_test;
mod sled;
mod tap;
mod typed;
mod uploads;
mod watched;

pub use backend::{Backend, Expect, RawBatch, RawValue, Revision, Scan, Stamp};
pub use backup::{BackupError, BackupStep, Restored, Summary, backup, restore};
pub use batch::Batch;
pub use blobs::{Blobs, BucketOptions, Credentials, Turn};
pub use convert::{Comparison, ConvertError, Holding, Step, convert};
pub use error::{Happened, Retry, StoreError};
pub use gc::{GcError, Sweep, Swept, claim, sweep};
pub use keys::part;
pub use memory::MemoryBackend;
pub use postgres::{PostgresBackend, PostgresOptions};
pub use query::{Cursor, MAX_PAGE, Page, Query};
pub use record::{Kept, Link, MAX_RECORD_BYTES, Record};
pub use records::{
    ApiKey, IdempotentAnswer, KeyLimits, KeyUse, LinksDone, PlanTurn, Session, SessionOf, asked_about, call_key,
    delivery_line, idempotency_key, queue_place, rubric_key,
};
pub use sled::SledBackend;
pub use typed::{Place, ProjectStore, Store, StoreOptions, Walk, without_password};
pub use uploads::{Sweeps, Upload};
