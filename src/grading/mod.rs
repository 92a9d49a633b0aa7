//! The story of one grading, in the order in which it happens:
//!
//! - [`accept`]: what comes in is checked whole and kept in one batch;
//! - [`work`]: what is queued is taken up, in this life of the process or the next;
//! - [`run`]: the road of one grading; [`plan`]: what it asks;
//! - [`call`]: what is to be asked; [`fan_out`]: many questions to many judges; [`ask`] one of them, [`several`] in one
//!   call; each reply is durable before it is read ([`journal`]);
//! - [`sequential`]: which judges are asked in turn, and when nobody else need be;
//! - [`sight`]: what each judge of the panel can be shown; [`pictures`]: those that were sent, kept;
//! - [`cuts`]: what an answer is worth when parts of the deliverable could not be shown, and when it is asked again;
//! - [`aggregate`], [`score`], [`result`]: votes become verdicts, verdicts a score; pure, and done again
//!   whenever something is added;
//! - [`weigh`]: what human decisions on earlier submissions say of the judges;
//! - [`recorded`]: what is kept of a grading besides itself; [`remember`]: human decisions that hold for it already;
//! - [`escalate`]: what goes to a human, with the probability of its selection;
//! - [`change`]: cancel and retry;
//! - [`reformat`]: the same deliverable in other forms, to see what a score hangs on.

pub mod accept;
pub mod aggregate;
pub mod ask;
pub mod call;
pub mod change;
pub mod cuts;
pub mod escalate;
pub mod fan_out;
pub mod journal;
mod known;
#[cfg(test)]
mod long_tests;
mod pictures;
pub mod plan;
pub mod quote;
pub mod recorded;
pub mod reformat;
pub mod remember;
pub mod replay;
pub mod result;
pub mod run;
pub mod score;
pub mod sequential;
mod several;
pub mod sight;
#[cfg(test)]
mod sight_tests;
#[cfg(test)]
pub(crate) mod testing;
pub mod weigh;
pub mod work;
