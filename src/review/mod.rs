//! The story of a human decision: a question is opened, claimed, answered blind, settled or adjudicated; the decision
//! is appended and everything that follows from it is computed again. Nothing that a judge said is touched.
//!
//! - [`open`]: questions that people ask; what panels ask is opened where their gradings end;
//! - [`queue`]: who may answer what; [`answer`]: what an answer does, by the kind of question;
//! - [`order`]: questions in the order of the queue; [`next`]: which of them a person is given;
//! - [`reveal`]: who was shown what the judges said, and when;
//! - [`overrule`]: decisions on verdicts and scores outside of any question, with their effect told beforehand;

pub mod answer;
pub mod blind;
#[cfg(test)]
mod model_test;
pub mod next;
pub mod open;
pub mod order;
pub mod overrule;
pub mod queue;
pub mod reveal;
#[cfg(test)]
mod take_back_test;
