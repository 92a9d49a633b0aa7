//! Numbers in, numbers out: agreement between raters, intervals, ratings, tests and corrections.
//!
//! This room knows no domain type, no file and no clock; chance comes in as a seed. What cannot be
//! computed is a [`NotEstimable`] with its reason: never NaN, never a silent 0 or 1.
//!
//! | folder | question |
//! |---|---|
//! | `agreement` | do the raters agree, beyond chance? |
//! | `accuracy` | is the judge right, given human answers? severe, drifting, calibrated, partial? |
//! | `aggregation` | who can be believed, and what is the verdict then? |
//! | `attempts` | how good is the best, all, or the worst of k attempts? |
//! | `beta_binomial` | how many of the next ones, when the rate is only known so well? |
//! | `capture` | how many errors are there, when two people looked for them? |
//! | `correction` | what would humans have said of everything? |
//! | `correlation` | do two orders go together? |
//! | `interval` | how sure is a share or a mean? |
//! | `rating` | who is better, and by how much? |
//! | `testing` | is it more than chance? bias of position and length |
//!
//! Every interval states its method; resampling takes a seed and gives the same answer on any number of
//! threads. The reference vectors (`vectors`) hold the values that other libraries compute.
//!
//! # How to add a statistic
//! One new file in its folder, one `mod` and `pub use` line in that folder's list. The module doc is
//! the statistic's manual: what it is, when to use it, its limits and its source. Its tests hold a
//! published example, a slow twin under proptest, and the degenerate cases by name.

pub mod accuracy;
pub mod aggregation;
pub mod agreement;
pub mod attempts;
pub mod beta_binomial;
pub mod capture;
pub mod correction;
pub mod correlation;
mod estimate;
pub mod interval;
mod linear;
pub mod rating;
pub mod testing;
#[cfg(test)]
mod vectors;

pub use estimate::{Caution, Estimate, Interval, NotEstimable, SMALL_SAMPLE};
