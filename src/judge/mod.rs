//! Prompt → reply: the only room on the network. A [`Judge`] is one model behind one provider, with its limits.
//! [`Judge::ask`] asks one question until it is settled: it reads what an earlier life of the process already
//! received, keeps to the limits on calls in flight and per minute, repeats what failed in passing, asks again with
//! the parse error when a reply cannot be used, and counts what all of it cost. It never turns a failure into an
//! answer.
//!
//! - `provider`: what a provider does; `openai`, `responses`, `anthropic`, `gemini`, `lexical`, `recorded`: the
//!   providers; `hosted`: what those behind an HTTP interface share.
//! - `engine`: limits, retries, re-asks, the order of journal and network. `flow`: how many calls are in flight.
//!   `pause`: how long to wait.
//! - `batch`: calls that are handed in together, for half the price. `engine/hedged`: calls that are sent
//!   twice.
//! - `models`: what is known of models without configuration.
//! - `estimate`: what a question will use, by what the judge used so far.
//! - `senses`: which pictures and sounds a provider makes use of.
//! - `http`: the one client. `seams`: time and chance from outside. `fake`: a scripted Chat Completions server
//!   for tests and benchmarks (feature `fake`).
//!
//! # How to add a provider
//! Write `your_provider/` with a `hosted::Wire` (the request's body, the reading of replies; both pure) and a `make`
//! function, or with a [`Provider`] of its own where there is no HTTP; add a line to `PROVIDERS`. Faults name their cause and whether a retry can help. Test
//! `read` with replies from the provider's documentation in `fixtures/judge/`.

mod anthropic;
mod batch;
mod cache;
mod config;
#[cfg(test)]
mod conformance;
mod count;
mod engine;
mod estimate;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod flow;
mod gemini;
mod hosted;
mod http;
mod journal;
mod json;
mod lexical;
pub mod models;
mod openai;
mod pause;
mod provider;
mod recorded;
#[cfg(test)]
mod replies;
mod responses;
mod seams;
mod senses;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

pub use batch::BatchTimes;
pub use config::{Backoff, JudgeConfig, JudgeError, Secret};
pub use count::describe_metrics;
pub use engine::{Asked, Judge, Parse};
pub use estimate::Estimate;
pub use http::{client, guarded_client};
pub use journal::{History, Journal, JournalError, Unkept};
pub use lexical::offline_judges;
pub use provider::{Fault, Lost, Provider, RawReply, Reply, Retry};
pub use seams::{Jitter, Seams, SystemTimer, Timer};
pub use senses::senses;
pub use tokio_util::sync::CancellationToken;

type Make = fn(&mut JudgeConfig, &Seams) -> Result<Arc<dyn Provider>, JudgeError>;

/// Every provider, by the name that configurations use.
const PROVIDERS: &[(&str, Make)] = &[
    ("openai", openai::make),
    ("openai_responses", responses::make),
    ("anthropic", anthropic::make),
    ("gemini", gemini::make),
    ("lexical", lexical::make),
    ("recorded", recorded::make),
];
