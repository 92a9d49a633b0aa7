//! The story of a leaderboard: submissions are compared side by side ([`compare`], on which criteria [`by_criterion`], which of them [`plans`]) or battles
//! are brought in ([`import`]) or derived from scores ([`derived`]); they are rated ([`board`], and from the store's
//! [`material`] [`leaderboard`]), with what a battle carries beside its outcome ([`evidence`]), by whom it pleases ([`variation`]), with how much hangs on that ([`sensitivity`]); kept
//! with their date ([`snapshot`]); told with what else a lead asks ([`systems`], [`attempts`]); and how far judges agree is
//! told beside it ([`agreement`]), what a judge is worth beside humans ([`report`]), and what humans would say of a system
//! ([`estimates`]).

pub mod agreement;
pub mod attempts;
pub mod board;
pub mod by_criterion;
pub mod compare;
pub mod corrected;
pub mod derived;
pub mod estimates;
pub mod evidence;
mod history;
pub mod import;
pub mod leaderboard;
#[cfg(test)]
pub(crate) mod made;
pub mod material;
pub mod matrix;
pub mod plans;
pub mod report;
pub mod reviewing;
pub mod sensitivity;
pub mod snapshot;
pub mod systems;
#[cfg(test)]
pub(crate) mod testing;
pub mod variation;
