//! Tests: position bias, paired shares, and corrections for many of them. One file each.
//!
//! To add one: a new file, a `mod` and a `pub use` line below.

mod adjust;
mod mcnemar;

pub use adjust::{Adjust, adjust_p};
pub use mcnemar::{McNemar, SignTest, mcnemar, sign_test};
