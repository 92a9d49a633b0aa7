//! From judges to truth: human answers correct a judge's mean. Overriding the disagreeing items and averaging is biased (its 95 % interval covered the
//! truth in .5-37 % of simulations); these are not, if the sampling probabilities are known.
//!
//! To add one: a new file, a `mod` and a `pub use` line below.

mod audited;
mod clustered;
mod influence;
mod ipw_ppi;
mod power;
mod ppi;
mod rogan_gladen;
#[cfg(test)]
mod tests;
mod transfer;
mod weights;

pub use audited::{AuditedUnit, Part, ThreeWays, audited, audited_difference};
pub use clustered::{Judged, ppi_clustered, ppi_difference, ppi_proportion};
pub use ipw_ppi::{Audited, Ipw, ipw_ppi};
pub use power::Plan;
#[cfg(test)]
pub(in crate::stats) use ppi::parts;
pub use ppi::{Corrected, ppi_mean};
pub use rogan_gladen::RoganGladen;
pub use transfer::{Isotonic, Probe, Transfer, transfer_audit};
pub use weights::{FitWeights, fit_weights};

/// Fewer human answers than this give no interval: t intervals covered .88-.90 instead of .95 at 20.
pub const LEAST_LABELS: usize = 30;

/// Fewer human answers than this give an interval that says that its sample is small.
pub const ENOUGH_LABELS: usize = 50;
