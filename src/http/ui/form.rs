//! The form of a human decision, on a grading and on a review alike.

use serde::Serialize;

use crate::domain::{Criterion, OverrideValue};
use crate::http::problem::Problem;

/// What can be chosen.
#[derive(Debug, Clone, Serialize)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

/// The form as it is shown, with what was entered if it was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Form {
    pub choices: Vec<Choice>,
    pub chosen: String,
    pub reason: String,
    pub error: Option<String>,
    /// What the decision would change, if that was asked.
    pub effect: Option<String>,
}

impl Form {
    /// An empty form for a criterion; `overruled` offers to withdraw earlier decisions.
    #[must_use]
    pub fn for_criterion(criterion: &Criterion, overruled: bool) -> Self {
        let choice = |value: &str, label: String| Choice { value: value.to_owned(), label };
        let mut choices = Vec::new();
        if criterion.levels.is_empty() {
            choices.push(choice(
                "met",
                if criterion.is_penalty() { "met (the penalty applies)" } else { "met" }.to_owned(),
            ));
            choices.push(choice("unmet", "unmet".to_owned()));
        }
        for level in &criterion.levels {
            let label = format!("{} ({} points)", level.name, super::words::points(level.points));
            choices.push(choice(&format!("level:{}", level.name), label));
        }
        choices.push(choice("inconclusive", "inconclusive: it cannot be decided".to_owned()));
        if overruled {
            choices.push(choice("withdrawn", "withdraw: the panel's verdict stands again".to_owned()));
        }
        Self { choices, chosen: String::new(), reason: String::new(), error: None, effect: None }
    }

    /// The same form with what was entered.
    #[must_use]
    pub fn with(self, chosen: &str, reason: &str) -> Self {
        Self { chosen: chosen.to_owned(), reason: reason.to_owned(), ..self }
    }
}

/// What was chosen.
///
/// # Errors
/// If it is none of the choices a form ever has.
pub fn value(text: &str) -> Result<OverrideValue, Problem> {
    match text {
        "met" => Ok(OverrideValue::Met),
        "unmet" => Ok(OverrideValue::Unmet),
        "inconclusive" => Ok(OverrideValue::Inconclusive),
        "withdrawn" => Ok(OverrideValue::Withdrawn),
        "" => Err(Problem::invalid("/value", "nothing was chosen; choose a verdict")),
        other => match other.strip_prefix("level:") {
            Some(name) => Ok(OverrideValue::Level(name.to_owned())),
            None => Err(Problem::invalid(
                "/value",
                format!("{:?} is no verdict; choose one of the form's", super::words::clip(other, 40)),
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::testing::{criterion, graded_criterion};

    #[test]
    fn every_choice_that_is_offered_is_understood_and_fits_the_criterion() {
        let graded = graded_criterion("g", &[("level:odd", 0.0), ("met", 3.0)]);
        for criterion in [criterion("c", 5.0), criterion("p", -2.0), graded] {
            for choice in Form::for_criterion(&criterion, true).choices {
                let value = value(&choice.value).unwrap();
                assert_eq!(crate::grading::aggregate::fits(&criterion, &value), Ok(()), "{choice:?}");
            }
        }
        assert!(value("").is_err() && value("maybe").is_err());
    }

    #[test]
    fn withdrawing_is_offered_only_where_there_is_something_to_withdraw() {
        let has = |overruled| {
            Form::for_criterion(&criterion("c", 5.0), overruled).choices.iter().any(|c| c.value == "withdrawn")
        };
        assert!(has(true) && !has(false));
    }
}
