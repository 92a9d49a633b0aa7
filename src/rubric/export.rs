//! A rubric in the native format, as YAML that imports to the same rubric.

use serde::Serialize;

use crate::domain::{Check, Criterion, CriterionId, Gate, Level, Rubric, Section, Target};

#[derive(Serialize)]
struct Out<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    criteria: Vec<OutCriterion<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sections: Vec<OutSection<'a>>,
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
}

/// The rubric as native YAML: `import(&export_native(r), Format::Native) == r` for every rubric that was
/// imported (whose texts are therefore trimmed).
#[must_use]
pub fn export_native(rubric: &Rubric) -> String {
    let out = Out {
        title: rubric.title(),
        criteria: rubric.criteria().iter().map(criterion).collect(),
        sections: sections(rubric.sections()),
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
    }
}

fn level(level: &Level) -> OutLevel<'_> {
    OutLevel { name: &level.name, points: level.points, description: level.description.as_deref() }
}

fn sections(sections: &[Section]) -> Vec<OutSection<'_>> {
    sections
        .iter()
        .map(|Section { title, weight, criteria, sections: inner }| OutSection {
            title,
            weight: *weight,
            criteria,
            sections: self::sections(inner),
        })
        .collect()
}

/// The check without its defaults: an absent field says the same as a null.
fn check(check: &Check) -> serde_json::Value {
    let mut value = serde_json::to_value(check).expect("a check is texts and finite numbers");
    if let Some(fields) = value.as_object_mut().and_then(|kinds| kinds.values_mut().next()?.as_object_mut()) {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
