//! What is legal in a rubric and yet will cost: said before a token is spent. Each rule is one file (or one
//! line of a table) and has a stable code. Words are looked for in English; other languages pass in silence.

mod duplicate;
mod polarity;
mod shape;
mod wording;

use crate::domain::{CriterionId, Rubric};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The score will very likely not mean what the author means.
    Error,
    /// Judges will disagree, or points are counted twice.
    Warning,
    /// Worth a look.
    Hint,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Lint {
    pub level: Level,
    /// Stable, `snake_case`.
    pub code: &'static str,
    /// `None`: the rubric as a whole.
    pub criterion_id: Option<CriterionId>,
    pub message: String,
}

type Rule = fn(&Rubric) -> Vec<Lint>;
const RULES: [Rule; 9] = [
    shape::no_positive_points,
    shape::gate_decides_alone,
    shape::one_criterion_dominates,
    duplicate::duplicate_requirement,
    polarity::penalty_reads_as_merit,
    wording::compound_requirement,
    wording::undecidable_word,
    wording::weight_in_text,
    wording::not_visible,
];

/// Everything worth saying about a rubric, the gravest first, then in the order of the criteria.
#[must_use]
pub fn lint(rubric: &Rubric) -> Vec<Lint> {
    let mut found: Vec<Lint> = RULES.iter().flat_map(|rule| rule(rubric)).collect();
    found.sort_by_key(|lint| lint.level);
    found
}
