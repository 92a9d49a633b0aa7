//! The story of a human decision: a question is claimed, answered blind, settled or adjudicated; the decision
//! is appended and everything that follows from it is computed again. Nothing that a judge said is touched.

pub mod overrule;
pub mod queue;
