//! The story of a leaderboard: submissions are compared side by side ([`compare`]) or battles are brought in
//! ([`import`]); they are rated ([`leaderboard`]); and how far judges agree is told beside it ([`agreement`]).
//! Set beside humans: what a judge is worth ([`report`]), and what humans would say of a system ([`estimates`]).

pub mod agreement;
pub mod compare;
pub mod estimates;
mod history;
pub mod import;
pub mod leaderboard;
pub mod report;
#[cfg(test)]
pub(crate) mod testing;
