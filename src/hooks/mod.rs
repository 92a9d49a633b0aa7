//! The story of telling others: what happens is kept beside the fact itself as a [`Delivery`](crate::domain::Delivery)
//! for every webhook that wants it, and a worker brings it there, signed, in order and as often as it takes.
//!
//! ```text
//! a story ─▶ announce ─▶ (same batch) Delivery + DueDelivery        nothing is lost, nothing is invented
//! work ─▶ due entries of a webhook, in the order of time ─▶ one line per grading or comparison
//!        ─▶ sign ─▶ send (guarded) ─▶ (one batch) attempt, state, next due entry
//! ```
//!
//! What it promises: an event of a kept fact is delivered at least once or is `dead` after the last attempt, whatever
//! ends when; its `webhook-id` is the same every time; what happened to one grading or comparison arrives in the order
//! in which it happened, because the next is sent only when the one before is delivered or dead. What it does not:
//! exactly once, or an order between different gradings.
//!
//! How to add an event: a variant of [`EventType`](crate::domain::EventType) with its word, a function in [`events`]
//! that makes it from the domain's values (ids, states and numbers, no content, no reasons, and no system's name in what
//! reviewers see), an [`announce`] in the batch of the story that it tells of with a [`ring`] after its commit, and an
//! example in `docs/webhooks.md`.
//!
//! How to add what may not be called: `guard.rs`.

pub mod admin;
mod announce;
pub mod events;
mod schedule;
mod send;
mod sign;
#[cfg(test)]
mod tests;
mod upkeep;
mod work;

pub use announce::{announce, ring};
pub use events::Event;
pub use schedule::after_failure;
pub use sign::signature;
pub use upkeep::upkeep;
pub use work::{Postman, work};

const ATTEMPTS: &str = "empanel_webhook_attempts_total";
const DEAD: &str = "empanel_webhook_dead_total";
const PENDING: &str = "empanel_webhook_pending";

/// Says what the counters of deliveries mean, once a recorder is there.
pub fn describe_metrics() {
    for outcome in ["delivered", "failed"] {
        metrics::counter!(ATTEMPTS, "outcome" => outcome).increment(0);
    }
    metrics::counter!(DEAD).increment(0);
    metrics::describe_counter!(ATTEMPTS, "Requests to webhooks, by outcome: delivered or failed.");
    metrics::describe_counter!(DEAD, "Deliveries given up after the last attempt.");
    metrics::describe_gauge!(PENDING, "Deliveries that are not there yet, as of at most a minute ago.");
}
