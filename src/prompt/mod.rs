//! Criterion + extract → prompt. Pure: no files, no clock, no randomness; the same inputs give the same
//! bytes, today and on replay.
//!
//! `samples` shows every kind of question as it would be put, for those who word their own.
//!
//! What a judge is asked is always *system, prefix, question*. The prefix (task, references, deliverable) is
//! made once per submission and shared, byte for byte, by all its criteria, so that providers can cache it;
//! the question comes last. Points, weights, gates, system names and authors never get here.
//!
//! - `templates` words the instructions and the questions; `layout` lays the files out between fences;
//!   `fence` keeps the deliverable's text inside its fence.
//! - Templates may be anybody's: `grammar` says what may stand in one, `engine` renders it within limits.
//! - What does not fit: `budget` chooses for the rubric as a whole what all questions show, `excerpt` what one
//!   question brings along besides; both by `relevance`, over `pieces`, and `marks` words what is cut.
//!
//! # How to change or add a template
//! Templates are `templates/*.j2`, compiled in. Edit one, or add a file, a line in `templates::SOURCES` and a
//! sample context in its test; then look at the difference in `fixtures/prompt/` and accept it by running the
//! tests with `UPDATE_FIXTURES=1`. Votes carry the template's content hash, so old votes stay told apart.

mod budget;
mod engine;
mod excerpt;
mod fence;
mod grammar;
mod layout;
mod marks;
mod pages;
mod pieces;
mod relevance;
mod samples;
mod templates;
#[cfg(test)]
mod tests;

pub use excerpt::{Excerpt, Rest, Round};
pub use layout::{Shown, ShownPair, Work, text_view};
pub use samples::{Sample, samples};
pub use templates::{MAX_SOURCE, PromptError, Question, Questions, TemplateError, Templates};
