//! A judge against human answers, yes or no: precision, recall, F1, MCC; HealthBench's macro-F1.
//!
//! To add one: a new file, a `mod` and a `pub use` line below.

mod classification;
#[cfg(test)]
mod tests;

pub use classification::{Classification, classification};
