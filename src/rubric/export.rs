//! A rubric in the format it came from, or in the native one: text that imports to the same rubric, or none.

use serde::Serialize;

use super::{Format, import};
use crate::domain::{Check, Criterion, CriterionId, Extra, Gate, Level, Proposal, Rubric, Scoring, Section, Target};

/// The rubric cannot be said in this format without a loss.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rubric cannot be written as `{format}` without a loss: {why}; write it as `native`")]
pub struct CannotExport {
    pub format: Format,
    pub why: String,
}

/// The rubric in a format: what it says, read again, is this rubric.
///
/// # Errors
/// If the format has no words for something in it, with the first thing that would be lost.
pub fn export(rubric: &Rubric, format: Format) -> Result<String, CannotExport> {
    let cannot = |why: String| CannotExport { format, why };
    let text = format.write(rubric).ok_or_else(|| cannot("it has no words for something in it".to_owned()))?;
    match import(&text, format) {
        Ok(again) if again == *rubric => Ok(text),
        Ok(again) => Err(cannot(difference(rubric, &again))),
        Err(error) => Err(cannot(error.to_string())),
    }
}

fn difference(rubric: &Rubric, again: &Rubric) -> String {
    let changed = rubric.criteria().iter().zip(again.criteria()).find(|(a, b)| a != b);
    match changed {
        Some((a, _)) => format!("criterion `{}` would come back changed", a.id),
        None => "its title, sections, scoring or other fields would be lost".to_owned(),
    }
}

#[derive(Serialize)]
struct Out<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    criteria: Vec<OutCriterion<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sections: Vec<OutSection<'a>>,
    #[serde(skip_serializing_if = "Scoring::is_points")]
    scoring: &'a Scoring,
    #[serde(skip_serializing_if = "Extra::is_empty")]
    extra: &'a Extra,
}

#[derive(Serialize)]
struct OutCriterion<'a> {
    id: &'a CriterionId,
    requirement: &'a str,
    points: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<OutGate>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    levels: Vec<OutLevel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Extra::is_empty")]
    extra: &'a Extra,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<OutDraft<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutDraft<'a> {
    /// `true`: nothing is known of whence it comes.
    Unexplained(bool),
    Proposal(&'a Proposal),
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutGate {
    MustPass(&'static str),
    Cap { cap: f64 },
}

#[derive(Serialize)]
struct OutLevel<'a> {
    name: &'a str,
    points: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct OutSection<'a> {
    title: &'a str,
    weight: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    criteria: &'a [CriterionId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sections: Vec<OutSection<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    order: &'a [usize],
    #[serde(skip_serializing_if = "Extra::is_empty")]
    extra: &'a Extra,
}

/// The rubric as native YAML: `import(&export_native(r), Format::Native) == r` for every rubric that was
/// imported (whose texts are therefore trimmed).
#[must_use]
pub fn export_native(rubric: &Rubric) -> String {
    let out = Out {
        title: rubric.title(),
        criteria: rubric.criteria().iter().map(criterion).collect(),
        sections: sections(rubric.sections()),
        scoring: rubric.scoring(),
        extra: rubric.extra(),
    };
    // Quoted texts: a plain `no` or `1e3` is read differently by other YAML parsers.
    let options = serde_saphyr::ser_options! { quote_all: true, prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&out, options).expect("texts, finite numbers and lists are always YAML")
}

fn criterion(criterion: &Criterion) -> OutCriterion<'_> {
    OutCriterion {
        id: &criterion.id,
        requirement: &criterion.requirement,
        points: criterion.points,
        tags: &criterion.tags,
        gate: criterion.gate.map(|gate| match gate {
            Gate::MustPass => OutGate::MustPass("must_pass"),
            Gate::Cap(cap) => OutGate::Cap { cap },
        }),
        levels: criterion.levels.iter().map(level).collect(),
        target: (criterion.target == Target::Trace).then_some("trace"),
        check: criterion.check.as_ref().map(check),
        extra: &criterion.extra,
        draft: criterion.draft.as_ref().map(|proposal| {
            if *proposal == Proposal::default() { OutDraft::Unexplained(true) } else { OutDraft::Proposal(proposal) }
        }),
    }
}

fn level(level: &Level) -> OutLevel<'_> {
    OutLevel { name: &level.name, points: level.points, description: level.description.as_deref() }
}

fn sections(sections: &[Section]) -> Vec<OutSection<'_>> {
    sections
        .iter()
        .map(|Section { title, weight, criteria, sections: inner, order, extra }| OutSection {
            title,
            weight: *weight,
            criteria,
            sections: self::sections(inner),
            order,
            extra,
        })
        .collect()
}

/// The check without its defaults: an absent field says the same as a null.
fn check(check: &Check) -> serde_json::Value {
    match check {
        Check::Not(inner) => serde_json::json!({ "not": self::check(inner) }),
        Check::AllOf(checks) => serde_json::json!({ "all_of": checks.iter().map(self::check).collect::<Vec<_>>() }),
        Check::AnyOf(checks) => serde_json::json!({ "any_of": checks.iter().map(self::check).collect::<Vec<_>>() }),
        _ => {
            let mut value = serde_json::to_value(check).expect("a check is texts and finite numbers");
            if let Some(fields) = value.as_object_mut().and_then(|kinds| kinds.values_mut().next()?.as_object_mut()) {
                fields.retain(|_, field| !field.is_null());
            }
            value
        }
    }
}
