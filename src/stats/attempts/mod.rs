//! Several attempts at one task: how good is the best, all, or the worst of k? Each answers for *one* task;
//! over tasks take [`crate::stats::interval::clustered_mean`] of the values, which has the interval.
//!
//! To add one: a new file, a `mod` and a `pub use` line below.

mod pass_k;
mod worst_of_k;

pub use pass_k::{pass_at_k, pass_hat_k};
pub use worst_of_k::worst_of_k;
