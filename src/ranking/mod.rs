//! The story of a leaderboard: submissions are compared side by side ([`compare`]) or battles are brought in
//! ([`import`]); they are rated ([`board`], and from the store [`leaderboard`]); and how far judges agree is told beside it ([`agreement`]).

pub mod agreement;
pub mod attempts;
pub mod board;
pub mod compare;
pub mod import;
pub mod leaderboard;
