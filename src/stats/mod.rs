//! Numbers in, numbers out: agreement between raters, intervals, ratings, tests and corrections.
//!
//! This room knows no domain type, no file and no clock; chance comes in as a seed. What cannot be
//! computed is a [`NotEstimable`] with its reason: never NaN, never a silent 0 or 1.
//!
//! # How to add a statistic
//! One new file in its folder, one `mod` and `pub use` line in that folder's list. The module doc is
//! the statistic's manual: what it is, when to use it, its limits and its source. Its tests hold a
//! published example, a slow twin under proptest, and the degenerate cases by name.

pub mod accuracy;
pub mod agreement;
pub mod correction;
pub mod correlation;
mod estimate;
pub mod interval;
pub mod rating;
pub mod testing;
#[cfg(test)]
mod vectors;

pub use estimate::{Estimate, Interval, NotEstimable};
