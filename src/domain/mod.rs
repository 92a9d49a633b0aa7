//! The words of the trade as types. A value that exists is valid; a life-cycle is an enum with transitions;
//! ids and names cannot be mixed up. This room knows no other room, no file, no network and no clock but
//! the one it is given.

mod drafting;
mod extract;
mod fingerprint;
mod formula;
mod grading;
mod hidden;
mod ids;
mod name;
mod panel;
mod prompt;
mod review;
mod rubric;
mod snapshot;
mod task;
mod time;
mod verdict;
mod vote;
mod webhook;
mod weighing;

pub use drafting::*;
pub use extract::*;
pub use fingerprint::*;
pub use formula::*;
pub use grading::*;
pub use hidden::*;
pub use ids::*;
pub use name::*;
pub use panel::*;
pub use prompt::*;
pub use review::*;
pub use rubric::*;
pub use snapshot::*;
pub use task::*;
pub use time::*;
pub use verdict::*;
pub use vote::*;
pub use webhook::*;
pub use weighing::*;
