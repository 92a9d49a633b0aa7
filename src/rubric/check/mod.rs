//! Deterministic checks: exact, free, never sent to a judge.
//!
//! A check looks at the files that its glob names (all files without one) and holds if **one** of them
//! satisfies it; `page_count` and `word_count` add up over the files. What could not be read is never taken
//! for absent: where a check does not hold on what was read and an unreadable or cut file might have satisfied
//! it, there is nothing to check, with the reason. A file that is not there at all is absent: the check fails.
//!
//! The place of a [`CheckOutcome`] is what was looked at, so that a reviewer can repeat it by hand.

mod cells;
mod counts;
mod files;
mod json;
mod number;
mod scope;
mod similarity;
mod text;
mod validate;

pub(super) use number::figures;
pub(super) use validate::validate;

use crate::domain::{Check, Evidence, Extract, Match, Place};
use scope::Scope;

/// How a check came out.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOutcome {
    pub decision: CheckDecision,
    /// What was looked at; `None` where there was nothing to look at.
    pub place: Option<Looked>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CheckDecision {
    Holds,
    Fails,
    /// It holds in part: above 0, below 1.
    Partly {
        share: f64,
    },
    /// The part that decides could not be read, or the file holds no value there.
    NothingToCheck {
        why: String,
    },
}

/// What a check looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Empty where no file was in scope.
    pub file: String,
    pub place: Place,
    /// What stands there, verbatim.
    pub quote: String,
    /// What was compared with what, in words.
    pub detail: String,
}

impl Looked {
    /// As evidence of a verdict.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            file: self.file.clone(),
            place: Some(self.place.clone()),
            said_where: self.place.to_string(),
            quote: self.quote.clone(),
            found: Match::Found,
            span: None,
            hidden: false,
        }
    }
}

impl CheckOutcome {
    fn holds(place: Looked) -> Self {
        Self { decision: CheckDecision::Holds, place: Some(place) }
    }
    fn fails(place: Looked) -> Self {
        Self { decision: CheckDecision::Fails, place: Some(place) }
    }
    fn partly(share: f64, place: Looked) -> Self {
        let decision = if share >= 1.0 {
            CheckDecision::Holds
        } else if share <= 0.0 {
            CheckDecision::Fails
        } else {
            CheckDecision::Partly { share }
        };
        Self { decision, place: Some(place) }
    }
    fn nothing(why: impl Into<String>) -> Self {
        Self { decision: CheckDecision::NothingToCheck { why: why.into() }, place: None }
    }
}

/// Runs one check over what was read of a submission. Total: a check that cannot be understood (a glob or
/// pattern that does not compile, which an import refuses) says so instead of failing.
#[must_use]
pub fn run(check: &Check, extract: &Extract) -> CheckOutcome {
    if let Err((field, message)) = validate(check) {
        return CheckOutcome::nothing(format!("the check cannot be run, its `{field}`: {message}"));
    }
    fn of<'a>(extract: &'a Extract, file: Option<&'a String>) -> Scope<'a> {
        Scope::new(extract, file.map(String::as_str))
    }
    match check {
        Check::FileExists { glob } => files::exists(&Scope::new(extract, Some(glob))),
        Check::MediaType { file, media_type } => files::media_type(&of(extract, file.as_ref()), media_type),
        Check::SheetExists { sheet, file } => cells::sheet_exists(&of(extract, file.as_ref()), sheet),
        Check::CellEquals { sheet, cell, value, tolerance, file } => {
            cells::cell_equals(&of(extract, file.as_ref()), sheet, cell, value, *tolerance)
        }
        Check::RowCount { sheet, min, max, file } => {
            counts::rows(&of(extract, file.as_ref()), sheet.as_deref(), counts::Range { min: *min, max: *max })
        }
        Check::PageCount { min, max, file } => {
            counts::pages(&of(extract, file.as_ref()), counts::Range { min: *min, max: *max })
        }
        Check::WordCount { min, max, file } => {
            counts::words(&of(extract, file.as_ref()), counts::Range { min: *min, max: *max })
        }
        Check::Contains { text, case_sensitive, file } => {
            text::contains(&of(extract, file.as_ref()), text, *case_sensitive)
        }
        Check::Regex { pattern, file } => text::regex(&of(extract, file.as_ref()), pattern),
        Check::Exact { text, file } => text::exact(&of(extract, file.as_ref()), text),
        Check::Numeric { value, tolerance, file } => number::numeric(&of(extract, file.as_ref()), *value, *tolerance),
        Check::JsonPath { path, value, file } => json::path(&of(extract, file.as_ref()), path, value.as_ref()),
        Check::CsvColumn { column, file } => cells::csv_column(&of(extract, file.as_ref()), column),
        Check::TextSimilarity { metric, text, threshold, file } => {
            similarity::text_similarity(&of(extract, file.as_ref()), *metric, text, *threshold)
        }
        Check::Not(inner) => {
            let found = run(inner, extract);
            let decision = match found.decision {
                CheckDecision::Holds => CheckDecision::Fails,
                CheckDecision::Fails => CheckDecision::Holds,
                CheckDecision::Partly { share } => CheckDecision::Partly { share: 1.0 - share },
                undecided @ CheckDecision::NothingToCheck { .. } => undecided,
            };
            CheckOutcome { decision, ..found }
        }
        Check::AllOf(checks) => first(checks, extract, &CheckDecision::Fails),
        Check::AnyOf(checks) => first(checks, extract, &CheckDecision::Holds),
    }
}

/// The first outcome that settles a group; else the first that is undecided; else the last, where all agree.
fn first(checks: &[Check], extract: &Extract, settles: &CheckDecision) -> CheckOutcome {
    let mut undecided = None;
    let mut last = None;
    for check in checks {
        let found = run(check, extract);
        match &found.decision {
            decision if decision == settles => return found,
            CheckDecision::NothingToCheck { .. } => {
                undecided.get_or_insert(found);
            }
            _ => last = Some(found),
        }
    }
    undecided.or(last).unwrap_or_else(|| CheckOutcome::nothing("the group of checks is empty"))
}

#[cfg(test)]
mod tests;
