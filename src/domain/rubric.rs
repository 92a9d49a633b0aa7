//! A versioned list of requirements with points. A [`Rubric`] that exists is valid: its ids are unique,
//! its points are finite and not zero, its gates and levels make sense. The wire formats are elsewhere
//! (`rubric/`), one file each; they all end in [`Rubric::new`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{CriterionId, Fingerprint, Formula, RubricId, Timestamp};

/// What a rubric's format carries and no rule here reads: kept word for word, so that nothing is lost between
/// an import and an export. Keys are the format's own.
pub type Extra = BTreeMap<String, serde_json::Value>;

/// The most criteria a rubric may have. PaperBench's largest tree has some thousands of leaves.
pub const MAX_CRITERIA: usize = 6_000;
/// The longest requirement, in characters.
pub const MAX_REQUIREMENT_CHARS: usize = 20_000;
/// The largest weight, either sign.
pub const MAX_POINTS: f64 = 1e6;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    pub id: CriterionId,
    pub requirement: String,
    /// Finite and not zero; negative is a penalty that applies when the criterion is *met*.
    pub points: f64,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub gate: Option<Gate>,
    /// The scale of a graded criterion; empty for a yes/no criterion.
    #[serde(default)]
    pub levels: Vec<Level>,
    #[serde(default)]
    pub target: Target,
    #[serde(default)]
    pub check: Option<Check>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
    /// A model proposed it and no human has accepted it yet: nothing is graded with it unless somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Proposal>,
}

/// Whence a draft comes, for the human who decides on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The judge whose model proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Its reason, in the model's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<ProposalQuote>,
}

/// Words of the task, a reference file or the gold deliverable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalQuote {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    #[serde(default, rename = "where", skip_serializing_if = "String::is_empty")]
    pub said_where: String,
    pub quote: String,
    /// The words were found in what the model was shown.
    #[serde(default)]
    pub found: bool,
}

impl Criterion {
    #[must_use]
    pub fn is_penalty(&self) -> bool {
        self.points < 0.0
    }
}

/// What a criterion does to the whole score when it is not met (for a penalty: when it is met).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The score is 0.
    MustPass,
    /// The score is at most this share (0 to 1).
    Cap(f64),
}

/// One step of a graded criterion's scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub name: String,
    pub points: f64,
    pub description: Option<String>,
}

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    #[default]
    Deliverable,
    /// The steps, not the result.
    Trace,
}

/// A deterministic check: exact, free, never sent to a judge. `file` is a glob over the submission's file
/// names; without it every file is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    FileExists {
        glob: String,
    },
    MediaType {
        #[serde(default)]
        file: Option<String>,
        media_type: String,
    },
    SheetExists {
        sheet: String,
        #[serde(default)]
        file: Option<String>,
    },
    CellEquals {
        sheet: String,
        cell: String,
        value: CellValue,
        #[serde(default)]
        tolerance: f64,
        #[serde(default)]
        file: Option<String>,
    },
    RowCount {
        #[serde(default)]
        sheet: Option<String>,
        #[serde(default)]
        min: Option<u64>,
        #[serde(default)]
        max: Option<u64>,
        #[serde(default)]
        file: Option<String>,
    },
    PageCount {
        #[serde(default)]
        min: Option<u64>,
        #[serde(default)]
        max: Option<u64>,
        #[serde(default)]
        file: Option<String>,
    },
    Contains {
        text: String,
        #[serde(default)]
        case_sensitive: bool,
        #[serde(default)]
        file: Option<String>,
    },
    Regex {
        pattern: String,
        #[serde(default)]
        file: Option<String>,
    },
    Exact {
        text: String,
        #[serde(default)]
        file: Option<String>,
    },
    /// A number within `tolerance` (absolute) stands somewhere in the text or the cells.
    Numeric {
        value: f64,
        #[serde(default)]
        tolerance: f64,
        #[serde(default)]
        file: Option<String>,
    },
    WordCount {
        #[serde(default)]
        min: Option<u64>,
        #[serde(default)]
        max: Option<u64>,
        #[serde(default)]
        file: Option<String>,
    },
    /// RFC 6901 pointer (`/a/0/b`) or dotted path (`$.a[0].b`) whose value equals `value`, or that exists.
    JsonPath {
        path: String,
        #[serde(default)]
        value: Option<serde_json::Value>,
        #[serde(default)]
        file: Option<String>,
    },
    CsvColumn {
        column: String,
        #[serde(default)]
        file: Option<String>,
    },
    /// The whole text of a file resembles `text` at least as much as `threshold` (0 to 1). Without a threshold it earns as
    /// much of the points as the text resembles.
    TextSimilarity {
        metric: Similarity,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<f64>,
        #[serde(default)]
        file: Option<String>,
    },
    /// The check inside fails. What it cannot decide stays undecided.
    Not(Box<Check>),
    /// All of the checks hold.
    AllOf(Vec<Check>),
    /// At least one of the checks holds.
    AnyOf(Vec<Check>),
}

/// How the resemblance of two texts is measured, each from 0 (nothing shared) to 1 (the same).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// Characters: 1 - insertions and deletions / both lengths (rapidfuzz's `ratio`).
    FuzzyMatch,
    /// Words: the smaller of precision and recall of all 1- to 4-grams (Wu et al. 2016).
    Gleu,
    /// Words: F1 of the shared n-grams (Lin 2004).
    #[serde(rename = "rouge_1")]
    Rouge1,
    #[serde(rename = "rouge_2")]
    Rouge2,
    #[serde(rename = "rouge_3")]
    Rouge3,
    #[serde(rename = "rouge_4")]
    Rouge4,
    #[serde(rename = "rouge_5")]
    Rouge5,
    /// Words: F1 of the longest common subsequence (Lin 2004).
    RougeL,
}

/// What a cell is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CellValue {
    Bool(bool),
    Number(f64),
    Text(String),
}

/// A weighted part of a rubric; the tree's leaves name criteria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    /// Finite and above zero.
    pub weight: f64,
    #[serde(default)]
    pub criteria: Vec<CriterionId>,
    #[serde(default)]
    pub sections: Vec<Section>,
    /// The place of each of `criteria` among all children, from 0 and rising; the sections fill the places
    /// between. Empty: the criteria come first. Sums are taken in this order, to the last bit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<usize>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// A child of a section, in the section's order.
#[derive(Debug, Clone, Copy)]
pub enum Child<'a> {
    Criterion(&'a CriterionId),
    Section(&'a Section),
}

impl Section {
    /// Criteria and sections in their order.
    pub fn children(&self) -> impl Iterator<Item = Child<'_>> {
        let (mut criteria, mut sections) = (self.criteria.iter(), self.sections.iter());
        let mut places = self.order.iter().copied().peekable();
        (0..self.criteria.len() + self.sections.len()).filter_map(move |place| {
            let criterion_here = self.order.is_empty() || places.next_if_eq(&place).is_some();
            let criterion = if criterion_here { criteria.next().map(Child::Criterion) } else { None };
            criterion.or_else(|| sections.next().map(Child::Section))
        })
    }
}

/// How verdicts become the score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// Points over positive points; with sections, up the tree.
    #[default]
    Points,
    /// An expression over what each criterion earned, by the criteria's ids.
    Formula(Formula),
}

impl Scoring {
    #[must_use]
    pub fn is_points(&self) -> bool {
        matches!(self, Self::Points)
    }
}

/// Why a rubric is not valid. `pointer` is a JSON pointer into what was given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} (at {pointer})")]
pub struct InvalidRubric {
    pub pointer: String,
    pub message: String,
}

impl InvalidRubric {
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// A valid rubric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct Rubric {
    title: Option<String>,
    criteria: Vec<Criterion>,
    sections: Vec<Section>,
    #[serde(skip_serializing_if = "Scoring::is_points")]
    scoring: Scoring,
    #[serde(skip_serializing_if = "Extra::is_empty")]
    extra: Extra,
}

/// A rubric as it was written.
#[derive(Deserialize)]
struct Kept {
    #[serde(flatten)]
    parts: RubricParts,
    #[serde(default)]
    scoring: Scoring,
    #[serde(default)]
    extra: Extra,
}

impl TryFrom<Kept> for Rubric {
    type Error = InvalidRubric;
    fn try_from(kept: Kept) -> Result<Self, InvalidRubric> {
        Ok(Rubric::new(kept.parts)?.scored(kept.scoring)?.with_extra(kept.extra))
    }
}

/// The same, not yet checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RubricParts {
    #[serde(default)]
    pub title: Option<String>,
    pub criteria: Vec<Criterion>,
    #[serde(default)]
    pub sections: Vec<Section>,
}

impl TryFrom<RubricParts> for Rubric {
    type Error = InvalidRubric;
    fn try_from(parts: RubricParts) -> Result<Self, InvalidRubric> {
        Rubric::new(parts)
    }
}

impl Rubric {
    /// # Errors
    /// Names the first criterion that is not valid, why, and what to write instead.
    pub fn new(parts: RubricParts) -> Result<Self, InvalidRubric> {
        Self::check(&parts)?;
        let RubricParts { title, criteria, sections } = parts;
        Ok(Self { title, criteria, sections, scoring: Scoring::Points, extra: Extra::new() })
    }

    /// Whether they are a rubric.
    ///
    /// # Errors
    /// As [`Rubric::new`].
    pub fn check(parts: &RubricParts) -> Result<(), InvalidRubric> {
        let RubricParts { criteria, sections, .. } = parts;
        if criteria.is_empty() {
            return Err(InvalidRubric::at("/criteria", "the rubric has no criteria; add at least one"));
        }
        if criteria.len() > MAX_CRITERIA {
            let message =
                format!("the rubric has {} criteria, more than {MAX_CRITERIA}; split it by section", criteria.len());
            return Err(InvalidRubric::at("/criteria", message));
        }
        let mut seen = HashSet::new();
        for (index, criterion) in criteria.iter().enumerate() {
            let at = |field: &str| format!("/criteria/{index}{field}");
            let id = &criterion.id;
            if !seen.insert(id) {
                return Err(InvalidRubric::at(at("/id"), format!("criterion id `{id}` is used twice; ids are unique")));
            }
            if criterion.requirement.trim().is_empty() {
                return Err(InvalidRubric::at(
                    at("/requirement"),
                    format!("criterion `{id}` has no requirement; say what is to be met"),
                ));
            }
            if criterion.requirement.chars().count() > MAX_REQUIREMENT_CHARS {
                let message = format!("criterion `{id}` is longer than {MAX_REQUIREMENT_CHARS} characters; split it");
                return Err(InvalidRubric::at(at("/requirement"), message));
            }
            check_points(id, criterion.points).map_err(|m| InvalidRubric::at(at("/points"), m))?;
            check_levels(criterion).map_err(|m| InvalidRubric::at(at("/levels"), m))?;
            if let Some(Gate::Cap(cap)) = criterion.gate
                && !(0.0..=1.0).contains(&cap)
            {
                let message = format!("criterion `{id}` caps the score at {cap}; a cap is a share from 0 to 1");
                return Err(InvalidRubric::at(at("/gate/cap"), message));
            }
        }
        check_sections(sections, &seen)
    }

    /// The same rubric, scored another way.
    ///
    /// # Errors
    /// If a formula names what is no criterion, or stands beside sections.
    pub fn scored(self, scoring: Scoring) -> Result<Self, InvalidRubric> {
        if let Scoring::Formula(formula) = &scoring {
            if !self.sections.is_empty() {
                let message = "a formula and sections both say how to add up; keep one";
                return Err(InvalidRubric::at("/scoring/formula", message));
            }
            let unknown = formula.names().find(|name| !self.criteria.iter().any(|c| c.id.as_str() == *name));
            if let Some(name) = unknown {
                let message = format!("the formula names `{name}`, which is no criterion");
                return Err(InvalidRubric::at("/scoring/formula", message));
            }
        }
        Ok(Self { scoring, ..self })
    }

    /// The same rubric with what else its format carries.
    #[must_use]
    pub fn with_extra(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }

    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }
    #[must_use]
    pub fn criteria(&self) -> &[Criterion] {
        &self.criteria
    }
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
    #[must_use]
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }
    #[must_use]
    pub fn extra(&self) -> &Extra {
        &self.extra
    }
    #[must_use]
    pub fn criterion(&self, id: &CriterionId) -> Option<&Criterion> {
        self.criteria.iter().find(|c| &c.id == id)
    }

    /// The sum of the positive points: the denominator of the score.
    #[must_use]
    pub fn max_points(&self) -> f64 {
        self.criteria.iter().map(|c| c.points.max(0.0)).sum()
    }

    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }

    /// Criteria that a model proposed and no human has accepted, in their order.
    pub fn drafts(&self) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().filter(|criterion| criterion.draft.is_some())
    }
}

fn check_points(id: &CriterionId, points: f64) -> Result<(), String> {
    if !points.is_finite() {
        return Err(format!("criterion `{id}` has {points} points; points are finite numbers"));
    }
    if points == 0.0 {
        return Err(format!("criterion `{id}` has 0 points and can change nothing; give it points or remove it"));
    }
    if points.abs() > MAX_POINTS {
        return Err(format!("criterion `{id}` has {points} points, beyond ±{MAX_POINTS}; scale the rubric down"));
    }
    Ok(())
}

fn check_levels(criterion: &Criterion) -> Result<(), String> {
    let id = &criterion.id;
    if criterion.levels.is_empty() {
        return Ok(());
    }
    if criterion.levels.len() < 2 {
        return Err(format!("criterion `{id}` has one level; a scale has at least two"));
    }
    let mut names = HashSet::new();
    for level in &criterion.levels {
        if level.name.trim().is_empty() || !names.insert(level.name.trim().to_lowercase()) {
            return Err(format!("criterion `{id}` has an empty or repeated level name {:?}", level.name));
        }
        if !level.points.is_finite() {
            return Err(format!(
                "level `{}` of criterion `{id}` has {} points; points are finite",
                level.name, level.points
            ));
        }
    }
    let best = criterion.levels.iter().map(|l| l.points).fold(f64::NEG_INFINITY, f64::max);
    if criterion.points > 0.0 && (best - criterion.points).abs() > 1e-9 {
        return Err(format!(
            "criterion `{id}` has {} points but its best level has {best}; make them equal",
            criterion.points
        ));
    }
    Ok(())
}

fn check_sections(sections: &[Section], known: &HashSet<&CriterionId>) -> Result<(), InvalidRubric> {
    let mut placed = HashSet::new();
    let mut open: Vec<(String, &Section)> =
        sections.iter().enumerate().map(|(i, s)| (format!("/sections/{i}"), s)).collect();
    while let Some((at, section)) = open.pop() {
        if !section.weight.is_finite() || section.weight <= 0.0 {
            let message = format!("section `{}` has weight {}; weights are above zero", section.title, section.weight);
            return Err(InvalidRubric::at(format!("{at}/weight"), message));
        }
        if section.criteria.is_empty() && section.sections.is_empty() {
            return Err(InvalidRubric::at(at, format!("section `{}` is empty", section.title)));
        }
        let places = section.criteria.len() + section.sections.len();
        let rising = section.order.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = section.order.len() == section.criteria.len() && section.order.iter().all(|place| *place < places);
        let ordered = section.order.is_empty() || (rising && fits);
        if !ordered {
            let message = format!(
                "the order of section `{}` gives each of its criteria one place below {places}, rising; leave it out to put the criteria first",
                section.title
            );
            return Err(InvalidRubric::at(format!("{at}/order"), message));
        }
        for id in &section.criteria {
            if !known.contains(id) {
                return Err(InvalidRubric::at(
                    at,
                    format!("section `{}` names criterion `{id}`, which the rubric does not have", section.title),
                ));
            }
            if !placed.insert(id) {
                return Err(InvalidRubric::at(at, format!("criterion `{id}` stands in two sections")));
            }
        }
        open.extend(section.sections.iter().enumerate().map(|(i, s)| (format!("{at}/sections/{i}"), s)));
    }
    if !sections.is_empty() && placed.len() != known.len() {
        let lost = known.iter().find(|id| !placed.contains(**id)).map_or(String::new(), ToString::to_string);
        return Err(InvalidRubric::at(
            "/sections",
            format!("criterion `{lost}` stands in no section; a rubric with sections places every criterion"),
        ));
    }
    Ok(())
}

/// A rubric as it is kept: one version of one rubric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RubricVersion {
    pub id: RubricId,
    pub version: u32,
    pub fingerprint: Fingerprint,
    pub rubric: Rubric,
    pub created_at: Timestamp,
    /// What a human decided about the drafts of the version before, where that made this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<DraftDecision>,
}

/// A human's word on a criterion that a model had proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftDecision {
    pub criterion_id: CriterionId,
    pub accepted: bool,
    /// The human worded or weighed it anew before accepting it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    pub author: super::Author,
    pub at: Timestamp,
}

impl RubricVersion {
    #[must_use]
    pub fn reference(&self) -> RubricRef {
        RubricRef { id: self.id, version: self.version, fingerprint: self.fingerprint.clone() }
    }
}

/// Which rubric a grading used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RubricRef {
    pub id: RubricId,
    pub version: u32,
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(id: &str, points: f64) -> Criterion {
        Criterion {
            id: CriterionId::parse(id).unwrap(),
            requirement: "The totals tie.".to_owned(),
            points,
            tags: vec![],
            gate: None,
            levels: vec![],
            target: Target::Deliverable,
            check: None,
            extra: Extra::new(),
            draft: None,
        }
    }

    fn rubric(criteria: Vec<Criterion>) -> Result<Rubric, InvalidRubric> {
        Rubric::new(RubricParts { title: None, criteria, sections: vec![] })
    }

    #[test]
    fn a_rubric_that_exists_is_valid() {
        assert_eq!(rubric(vec![]).unwrap_err().pointer, "/criteria");
        assert_eq!(rubric(vec![criterion("a", 1.0), criterion("a", 2.0)]).unwrap_err().pointer, "/criteria/1/id");
        for points in [0.0, f64::NAN, f64::INFINITY, 1e7] {
            let error = rubric(vec![criterion("a", points)]).unwrap_err();
            assert_eq!(error.pointer, "/criteria/0/points", "{points}");
        }
        let many = (0..=MAX_CRITERIA).map(|i| criterion(&i.to_string(), 1.0)).collect();
        assert!(rubric(many).unwrap_err().message.contains("6001 criteria"));
    }

    #[test]
    fn a_rubric_with_sections_places_every_criterion_once() {
        let section = |ids: &[&str]| Section {
            title: "s".to_owned(),
            weight: 1.0,
            criteria: ids.iter().map(|id| CriterionId::parse(*id).unwrap()).collect(),
            sections: vec![],
            order: vec![],
            extra: Extra::new(),
        };
        let with = |sections| {
            Rubric::new(RubricParts { title: None, criteria: vec![criterion("a", 1.0), criterion("b", 1.0)], sections })
        };
        assert!(with(vec![section(&["a"]), section(&["b"])]).is_ok());
        assert!(with(vec![section(&["a"])]).unwrap_err().message.contains("`b` stands in no section"));
        assert!(with(vec![section(&["a", "b", "a"])]).unwrap_err().message.contains("two sections"));
        assert!(with(vec![section(&["a", "b", "c"])]).unwrap_err().message.contains("does not have"));
    }

    #[test]
    fn the_fingerprint_follows_the_content_and_survives_a_round_trip() {
        let one = rubric(vec![criterion("a", 1.0)]).unwrap();
        let again: Rubric = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(one.fingerprint(), again.fingerprint());
        assert_ne!(one.fingerprint(), rubric(vec![criterion("a", 2.0)]).unwrap().fingerprint());
    }
}
