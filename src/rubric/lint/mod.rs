//! What is legal in a rubric and yet will cost: said before a token is spent. Each rule is one file (or one
//! line of a table) and has a stable code. Words are looked for in English; other languages pass in silence.

mod context;
mod duplicate;
mod polarity;
mod shape;
mod wording;

use crate::domain::{CriterionId, Extract, Rubric};

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

/// What else is known when a rubric is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// What the task asks for.
    pub prompt: Option<&'a str>,
    /// What was read of a deliverable that is known to be right.
    pub gold: Option<&'a Extract>,
}

type Rule = fn(&Rubric) -> Vec<Lint>;
const RULES: [Rule; 12] = [
    shape::draft,
    shape::no_positive_points,
    shape::gate_decides_alone,
    shape::one_criterion_dominates,
    shape::gate_without_effect,
    shape::flat_scale,
    duplicate::duplicate_requirement,
    polarity::penalty_reads_as_merit,
    wording::compound_requirement,
    wording::undecidable_word,
    wording::weight_in_text,
    wording::not_visible,
];

type RuleInContext = fn(&Rubric, &Context<'_>) -> Vec<Lint>;
const RULES_IN_CONTEXT: [RuleInContext; 2] = [context::restates_prompt, context::against_gold];

/// Everything worth saying about a rubric, the gravest first, then in the order of the criteria.
#[must_use]
pub fn lint(rubric: &Rubric) -> Vec<Lint> {
    lint_in(rubric, &Context::default())
}

/// The same, with what is known about the task.
#[must_use]
pub fn lint_in(rubric: &Rubric, context: &Context<'_>) -> Vec<Lint> {
    let mut found: Vec<Lint> = RULES.iter().flat_map(|rule| rule(rubric)).collect();
    found.extend(RULES_IN_CONTEXT.iter().flat_map(|rule| rule(rubric, context)));
    found.sort_by_key(|lint| lint.level);
    found
}
