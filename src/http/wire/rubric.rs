//! Rubrics.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    Criterion, Extra, Extract, Gate, Id, Proposal, ProposalQuote, Rubric, RubricVersion, Section, Target, Timestamp,
};
use crate::rubric;

/// What is legal in a rubric and yet will cost.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LintFinding {
    /// `error`, `warning` or `hint`.
    #[schema(example = "warning")]
    pub level: String,
    pub code: String,
    pub criterion_id: Option<String>,
    pub message: String,
}

/// The answer to a rubric that was brought in.
#[derive(Debug, Serialize, ToSchema)]
pub struct RubricAccepted {
    pub id: Uuid,
    pub version: u32,
    pub fingerprint: String,
    pub title: Option<String>,
    /// Their number.
    pub criteria: usize,
    pub max_points: f64,
    pub lint: Vec<LintFinding>,
}

/// The answer to a rubric that was only looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct RubricLinted {
    pub fingerprint: String,
    pub title: Option<String>,
    /// Their number.
    pub criteria: usize,
    pub max_points: f64,
    pub lint: Vec<LintFinding>,
    /// The deliverable that it was held against; null without one.
    pub gold_submission_id: Option<Uuid>,
}

/// One version of a rubric in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct RubricSummary {
    pub id: Uuid,
    pub version: u32,
    pub fingerprint: String,
    pub title: Option<String>,
    /// Their number.
    pub criteria: usize,
    pub max_points: f64,
    pub created_at: Timestamp,
}

/// One version of a rubric.
#[derive(Debug, Serialize, ToSchema)]
pub struct RubricBody {
    pub id: Uuid,
    pub version: u32,
    pub fingerprint: String,
    pub title: Option<String>,
    pub max_points: f64,
    pub criteria: Vec<CriterionBody>,
    /// A weighted tree of the criteria; null if the rubric is a list.
    pub sections: Option<Vec<SectionBody>>,
    /// `"points"`, or `{"formula": "0.5 * a + 0.5 * b"}` over what the criteria earn.
    pub scoring: serde_json::Value,
    /// What the format it came in carries and no rule here reads; null without any.
    pub extra: Option<serde_json::Value>,
    pub created_at: Timestamp,
}

/// One requirement.
#[derive(Debug, Serialize, ToSchema)]
pub struct CriterionBody {
    pub id: String,
    pub requirement: String,
    /// Negative: a penalty that applies when the criterion is met.
    pub points: f64,
    pub tags: Vec<String>,
    /// `"must_pass"`, `{"cap": 0.5}` or null.
    pub gate: Option<serde_json::Value>,
    /// The scale of a graded criterion.
    pub levels: Option<Vec<LevelBody>>,
    /// `deliverable` or `trace`.
    pub target: &'static str,
    /// A deterministic check, as in the native format; null if judges are asked.
    pub check: Option<serde_json::Value>,
    /// What the format it came in carries and no rule here reads; null without any.
    pub extra: Option<serde_json::Value>,
    /// A model proposed it and no human has accepted it; null for every other criterion.
    pub draft: Option<ProposalBody>,
}

/// Whence a draft comes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalBody {
    /// The judge whose model proposed it; null if it came in as a draft.
    pub by: Option<String>,
    pub why: Option<String>,
    /// What it rests on.
    pub quotes: Vec<ProposalQuoteBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalQuoteBody {
    pub file: String,
    #[serde(rename = "where")]
    pub place: String,
    pub quote: String,
    /// The words were found in what the model was shown.
    pub found: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LevelBody {
    pub name: String,
    pub points: f64,
    pub description: Option<String>,
}

/// A weighted part of a rubric.
#[derive(Debug, Serialize, ToSchema)]
#[schema(no_recursion)]
pub struct SectionBody {
    pub title: String,
    pub weight: f64,
    pub criteria: Vec<String>,
    pub sections: Vec<SectionBody>,
    /// The places of `criteria` among all children, from 0; empty: before the sections.
    pub order: Vec<usize>,
    /// What the format it came in carries and no rule here reads; null without any.
    pub extra: Option<serde_json::Value>,
}

fn extra(extra: &Extra) -> Option<serde_json::Value> {
    if extra.is_empty() { None } else { serde_json::to_value(extra).ok() }
}

/// Everything worth saying about a rubric.
#[must_use]
pub fn lint(found: &Rubric, prompt: Option<&str>, gold: Option<&Extract>) -> Vec<LintFinding> {
    let level = |level: rubric::Level| match level {
        rubric::Level::Error => "error",
        rubric::Level::Warning => "warning",
        rubric::Level::Hint => "hint",
    };
    let finding = |lint: rubric::Lint| LintFinding {
        level: level(lint.level).to_owned(),
        code: lint.code.to_owned(),
        criterion_id: lint.criterion_id.map(|id| id.to_string()),
        message: lint.message,
    };
    let context = rubric::Context { prompt, gold };
    rubric::lint_in(found, &context).into_iter().map(finding).collect()
}

/// What differs between two versions of a rubric.
#[derive(Debug, Serialize, ToSchema)]
pub struct RubricDiff {
    pub id: Uuid,
    pub from: u32,
    pub to: u32,
    /// Ids of criteria that only the newer version has.
    pub added: Vec<String>,
    /// Ids of criteria that only the older version has.
    pub removed: Vec<String>,
    /// Criteria that both have, with the fields that differ.
    pub changed: Vec<CriterionDiff>,
    /// Differences of the rubric itself: `title`, `sections`, `scoring`, `extra`, `order`.
    pub rubric: Vec<FieldDiff>,
    /// Ids of criteria that judges are asked about again: added, or changed in requirement, levels, target or check.
    pub judged_again: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CriterionDiff {
    pub id: String,
    pub fields: Vec<FieldDiff>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FieldDiff {
    pub field: String,
    pub from: serde_json::Value,
    pub to: serde_json::Value,
}

impl RubricDiff {
    #[must_use]
    pub fn of(from: &RubricVersion, to: &RubricVersion) -> Self {
        let rubric::Diff { added, removed, changed, rubric, judged_again } = rubric::diff(&from.rubric, &to.rubric);
        let ids = |ids: Vec<crate::domain::CriterionId>| ids.into_iter().map(String::from).collect();
        let fields = |fields: Vec<rubric::FieldChange>| -> Vec<FieldDiff> {
            let field = |c: rubric::FieldChange| FieldDiff { field: c.field, from: c.from, to: c.to };
            fields.into_iter().map(field).collect()
        };
        Self {
            id: to.id.uuid(),
            from: from.version,
            to: to.version,
            added: ids(added),
            removed: ids(removed),
            changed: changed
                .into_iter()
                .map(|c| CriterionDiff { id: c.id.to_string(), fields: fields(c.fields) })
                .collect(),
            rubric: fields(rubric),
            judged_again: ids(judged_again),
        }
    }
}

impl RubricAccepted {
    #[must_use]
    pub fn of(kept: &RubricVersion, lint: Vec<LintFinding>) -> Self {
        Self {
            id: kept.id.uuid(),
            version: kept.version,
            fingerprint: kept.fingerprint.to_string(),
            title: kept.rubric.title().map(str::to_owned),
            criteria: kept.rubric.criteria().len(),
            max_points: kept.rubric.max_points(),
            lint,
        }
    }
}

impl RubricLinted {
    #[must_use]
    pub fn of(rubric: &Rubric, lint: Vec<LintFinding>, gold_submission_id: Option<Uuid>) -> Self {
        Self {
            fingerprint: rubric.fingerprint().to_string(),
            title: rubric.title().map(str::to_owned),
            criteria: rubric.criteria().len(),
            max_points: rubric.max_points(),
            lint,
            gold_submission_id,
        }
    }
}

impl From<RubricVersion> for RubricSummary {
    fn from(kept: RubricVersion) -> Self {
        Self {
            id: kept.id.uuid(),
            version: kept.version,
            fingerprint: kept.fingerprint.to_string(),
            title: kept.rubric.title().map(str::to_owned),
            criteria: kept.rubric.criteria().len(),
            max_points: kept.rubric.max_points(),
            created_at: kept.created_at,
        }
    }
}

impl From<RubricVersion> for RubricBody {
    fn from(kept: RubricVersion) -> Self {
        let sections: Vec<SectionBody> = kept.rubric.sections().iter().map(SectionBody::from).collect();
        Self {
            id: kept.id.uuid(),
            version: kept.version,
            fingerprint: kept.fingerprint.to_string(),
            title: kept.rubric.title().map(str::to_owned),
            max_points: kept.rubric.max_points(),
            criteria: kept.rubric.criteria().iter().map(CriterionBody::from).collect(),
            sections: (!sections.is_empty()).then_some(sections),
            scoring: serde_json::to_value(kept.rubric.scoring()).unwrap_or_default(),
            extra: extra(kept.rubric.extra()),
            created_at: kept.created_at,
        }
    }
}

impl From<&Criterion> for CriterionBody {
    fn from(criterion: &Criterion) -> Self {
        let Criterion { id, requirement, points, tags, gate, levels, target, check, extra, draft } = criterion;
        Self {
            id: id.to_string(),
            requirement: requirement.clone(),
            points: *points,
            tags: tags.clone(),
            gate: gate.map(|gate| match gate {
                Gate::MustPass => serde_json::json!("must_pass"),
                Gate::Cap(cap) => serde_json::json!({ "cap": cap }),
            }),
            levels: level_bodies(levels),
            target: match target {
                Target::Deliverable => "deliverable",
                Target::Trace => "trace",
            },
            check: check.as_ref().and_then(|check| serde_json::to_value(check).ok()),
            extra: self::extra(extra),
            draft: draft.as_ref().map(ProposalBody::from),
        }
    }
}

impl From<&Proposal> for ProposalBody {
    fn from(proposal: &Proposal) -> Self {
        let quote = |q: &ProposalQuote| ProposalQuoteBody {
            file: q.file.clone(),
            place: q.said_where.clone(),
            quote: q.quote.clone(),
            found: q.found,
        };
        let Proposal { by, why, quotes } = proposal;
        Self { by: by.clone(), why: why.clone(), quotes: quotes.iter().map(quote).collect() }
    }
}

/// The scale; `None` for a yes/no criterion.
#[must_use]
pub fn level_bodies(levels: &[crate::domain::Level]) -> Option<Vec<LevelBody>> {
    let body = |level: &crate::domain::Level| LevelBody {
        name: level.name.clone(),
        points: level.points,
        description: level.description.clone(),
    };
    (!levels.is_empty()).then(|| levels.iter().map(body).collect())
}

impl From<&Section> for SectionBody {
    fn from(section: &Section) -> Self {
        Self {
            title: section.title.clone(),
            weight: section.weight,
            criteria: section.criteria.iter().map(ToString::to_string).collect(),
            sections: section.sections.iter().map(Self::from).collect(),
            order: section.order.clone(),
            extra: extra(&section.extra),
        }
    }
}
