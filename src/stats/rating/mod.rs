//! Who is better? Ratings over pairwise battles, and means over tasks, one file per method.
//!
//! Battles of one task are not independent: every interval here is clustered by task. Systems that no
//! chain of comparisons joins stand in different groups, each on its own scale, never compared.
//!
//! [`Battles`] are columns of a few bytes a battle; [`Meetings`] the same grouped by task and pair, which every method
//! reads (those that run through time read both).
//!
//! To add a method: a new file, a `mod` and a `pub use` line below; it returns a [`RatingTable`].

mod bradley_terry;
mod columns;
mod covariance;
#[cfg(test)]
mod coverage;
mod davidson;
mod elo;
mod fit;
mod glicko2;
mod graph;
#[cfg(test)]
mod honesty;
mod human_corrected;
mod joint;
mod judge_aware;
mod mean_score;
mod newman;
mod rao_kupper;
mod report;
mod split_half;
mod standing;
mod table;
#[cfg(test)]
mod tests;
mod ties;
mod trueskill;
mod win_rate;
mod with_ties;

pub use bradley_terry::{BtInterval, BtOptions, bradley_terry, bradley_terry_of, bradley_terry_strengths};
pub use columns::{Battles, Meetings};
pub use davidson::{DavidsonTable, davidson, davidson_of};
pub use elo::{elo_of, elo_online, order_dependence};
pub use glicko2::{Glicko2, glicko2, glicko2_of};
pub use human_corrected::{HumanCorrected, human_corrected};
pub use joint::{Effect, Joint, JointTable, JudgeEffect, joint};
pub use judge_aware::{CrossValidated, MOST_CROSS_VALIDATED, cross_validated};
pub use mean_score::mean_score;
pub use newman::newman_of;
pub use rao_kupper::{RaoKupperTable, rao_kupper, rao_kupper_of};
pub use split_half::{SplitHalf, split_half};
pub use standing::{Difference, Standing};
pub use table::{BAND, Battle, Bounds, Note, Outcome, PlayerRating, Rating, RatingTable, Scale};
pub use trueskill::{Skill, SkillModel, trueskill};
pub use win_rate::{win_rate, win_rate_of, wins_or_ties};

/// The parts that the reference vectors look at directly.
#[cfg(test)]
pub(in crate::stats) mod internals {
    pub(in crate::stats) use super::covariance::cluster_sandwich;
    pub(in crate::stats) use super::fit::{Pair, log_likelihood, model_covariance, strengths};
    pub(in crate::stats) use super::graph::{blocks, groups};
}
