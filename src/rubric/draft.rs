//! From drafts to a [`Rubric`]: the rules of the domain, asked criterion by criterion so that every one that
//! is broken is reported, with its pointer translated to the words of the format.

use std::collections::HashMap;

use super::fields::Notes;
use super::source::{Node, repeated_keys};
use super::{Format, ImportError, Problem};
use crate::domain::{Criterion, CriterionId, Extra, InvalidRubric, Rubric, RubricParts, Scoring, Section};

/// A criterion and where it came from.
pub struct Draft {
    pub criterion: Criterion,
    /// Where the criterion stands in what was given.
    pub at: String,
    /// The format's names of the fields that the domain calls `id`, `requirement`, `points`.
    pub names: Names,
}

#[derive(Clone, Copy)]
pub struct Names {
    pub id: &'static str,
    pub requirement: &'static str,
    pub points: &'static str,
}

/// Everything that a format read.
#[derive(Default)]
pub struct Drafts {
    pub title: Option<String>,
    pub criteria: Vec<Draft>,
    pub sections: Vec<Section>,
    /// Where the list of criteria stands.
    pub list_at: String,
    pub scoring: Scoring,
    /// Where the formula stands, in a format that has one.
    pub scoring_at: String,
    pub extra: Extra,
}

/// A criterion with only its three essentials.
pub fn plain(id: CriterionId, requirement: String, points: f64) -> Criterion {
    Criterion {
        id,
        requirement,
        points,
        tags: vec![],
        gate: None,
        levels: vec![],
        target: crate::domain::Target::Deliverable,
        check: None,
        extra: Extra::new(),
        draft: None,
    }
}

/// An id for the n-th criterion (from 0) that names none: `c1`, `c2`, ... It depends on nothing but the position.
pub fn derived_id(index: usize) -> CriterionId {
    CriterionId::parse(format!("c{}", index + 1)).expect("`c` and a number is a name")
}

/// # Errors
/// All problems, in the order of the text.
pub fn finish(format: Format, root: &Node, drafts: Drafts, mut notes: Notes) -> Result<Rubric, ImportError> {
    for pointer in repeated_keys(root) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        notes.add(&pointer, format!("the field `{key}` stands twice in one map; keep one"));
    }
    let Drafts { title, criteria, sections, list_at, scoring, scoring_at, extra } = drafts;
    let (places, criteria): (Vec<_>, Vec<_>) = criteria.into_iter().map(|d| ((d.at, d.names), d.criterion)).unzip();
    let parts = RubricParts { title, criteria, sections };
    let valid = Rubric::check(&parts);
    if notes.0.is_empty() && valid.is_ok() {
        let made = Rubric::new(parts).and_then(|rubric| rubric.scored(scoring));
        match made {
            Ok(rubric) => return Ok(rubric.with_extra(extra)),
            Err(error) => notes.add(scoring_at, error.message),
        }
        return Err(failed(format, root, notes));
    }
    each(root, &parts.criteria, &places, &mut notes);
    if let (Err(error), true) = (valid, notes.0.is_empty()) {
        let pointer = if error.pointer == "/criteria" { list_at } else { error.pointer };
        notes.add(pointer, error.message);
    }
    Err(failed(format, root, notes))
}

/// What is wrong with each criterion on its own, and ids that are used twice.
fn each(root: &Node, criteria: &[Criterion], places: &[(String, Names)], notes: &mut Notes) {
    let mut first: HashMap<&CriterionId, &str> = HashMap::new();
    for (criterion, (at, names)) in criteria.iter().zip(places) {
        if let Some(earlier) = first.get(&criterion.id) {
            let id = &criterion.id;
            let place = match root.locate(&format!("{earlier}/{}", names.id)) {
                Some(mark) => format!("line {}", mark.line),
                None => (*earlier).to_owned(),
            };
            notes.add(
                format!("{at}/{}", names.id),
                format!("criterion id `{id}` is used twice (first: {place}); ids are unique"),
            );
        } else {
            first.insert(&criterion.id, at);
        }
        let alone = RubricParts { title: None, criteria: vec![criterion.clone()], sections: vec![] };
        if let Err(InvalidRubric { pointer, message }) = Rubric::check(&alone) {
            let field = pointer.strip_prefix("/criteria/0").unwrap_or_default();
            let field = match field {
                "/id" => format!("/{}", names.id),
                "/requirement" => format!("/{}", names.requirement),
                "/points" => format!("/{}", names.points),
                other => other.to_owned(),
            };
            notes.add(format!("{at}{field}"), message);
        }
    }
}

fn failed(format: Format, root: &Node, notes: Notes) -> ImportError {
    let mut problems: Vec<Problem> = notes
        .0
        .into_iter()
        .map(|(pointer, message)| {
            let mark = root.locate(&pointer);
            let (line, column) = (mark.map(|m| m.line), mark.map(|m| m.column));
            Problem { pointer: Some(pointer), line, column, message }
        })
        .collect();
    problems.sort_by_key(|p| (p.line, p.column));
    ImportError { format, problems }
}
