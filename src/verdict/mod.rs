//! What a judge's reply says, and whether its quotations stand in what the judge was shown. Pure and total: no
//! text makes it panic, nothing is guessed, and what cannot be read is a cause, never an answer.
//!
//! [`read_reply`] turns text into [`Said`], [`read_replies`] into one per question, [`read_proposals`] into criteria;
//! [`Shown`] indexes what a judge was shown, once for thousands of votes, and [`look_up`] finds quotes in it.
//! [`read_reply_to`] and [`read_replies_to`] refuse what is no judge's own: an answer that stands in what was shown.
//!
//! **How to add a kind of answer:** a variant of `domain::Ask` and `domain::Answer`, and its line in
//! `labels.rs`; a case per answer in `fixtures/verdict/`.

mod by_criterion;
mod echo;
mod fuzzy;
mod labels;
mod normal;
mod object;
mod proposals;
mod reply;
mod shown;
mod spans;
mod words;

pub use proposals::read_proposals;
pub use reply::{Quote, Said, Unreadable, read_replies, read_reply};
pub use shown::{Shown, look_up, read_replies_to, read_reply_to};

#[cfg(test)]
mod tests;
