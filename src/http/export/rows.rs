//! What is exported, and how a record becomes a row: what the API tells of it.

use serde::Serialize;
use serde_json::Value;

use super::columns::{self, Column};
use crate::domain::{
    Battle, Comparison, ComparisonState, Decision, Grading, Override, Preference, ScoreOverride, Submission, Timestamp,
    Verdict, Vote,
};
use crate::http::problem::Problem;
use crate::http::wire::grading::GradingSummary;
use crate::http::wire::submission::SubmissionBody;
use crate::http::wire::verdict::OverrideBody;
use crate::http::wire::vote::VoteBody;
use crate::store::{Cursor, ProjectStore, Query, Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Votes,
    Gradings,
    Battles,
    Overrides,
    Submissions,
}

/// Records of one type that become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Votes,
    Gradings,
    Imported,
    Judged,
    Verdicts,
    Scores,
    Submissions,
}

impl What {
    pub const ALL: [Self; 5] = [Self::Votes, Self::Gradings, Self::Battles, Self::Overrides, Self::Submissions];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Gradings => "gradings",
            Self::Battles => "battles",
            Self::Overrides => "overrides",
            Self::Submissions => "submissions",
        }
    }

    /// In words: all that there is.
    #[must_use]
    pub fn known() -> String {
        format!("there are {}", Self::ALL.map(Self::as_str).join(", "))
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Votes => columns::VOTES,
            Self::Gradings => columns::GRADINGS,
            Self::Battles => columns::BATTLES,
            Self::Overrides => columns::OVERRIDES,
            Self::Submissions => columns::SUBMISSIONS,
        }
    }

    fn parts(self) -> &'static [Part] {
        match self {
            Self::Votes => &[Part::Votes],
            Self::Gradings => &[Part::Gradings],
            Self::Battles => &[Part::Imported, Part::Judged],
            Self::Overrides => &[Part::Verdicts, Part::Scores],
            Self::Submissions => &[Part::Submissions],
        }
    }
}

/// All rows of one kind, page by page.
pub(super) struct Pages {
    parts: std::slice::Iter<'static, Part>,
    /// What is being read, and where it goes on.
    at: Option<(Part, Option<Cursor>)>,
}

impl Pages {
    pub fn of(what: What) -> Self {
        let mut parts = what.parts().iter();
        let at = parts.next().map(|part| (*part, None));
        Self { parts, at }
    }

    /// # Errors
    /// As the store.
    pub async fn next(&mut self, project: &ProjectStore, most: usize) -> Result<Option<Vec<Value>>, Problem> {
        let Some((part, after)) = self.at.take() else { return Ok(None) };
        let (rows, next) = match part {
            Part::Votes => page(project, after, most, |one: Vote| vote(&one)).await?,
            Part::Gradings => page(project, after, most, |one: Grading| some(&ExportedGrading::from(&one))).await?,
            Part::Imported => page(project, after, most, |one: Battle| some(&BattleRow::from(&one))).await?,
            Part::Judged => page(project, after, most, |one: Comparison| judged(&one)).await?,
            Part::Verdicts => page(project, after, most, |one: Override| some(&OverrideBody::from(&one))).await?,
            Part::Scores => page(project, after, most, |one: ScoreOverride| some(&OverrideBody::from(&one))).await?,
            Part::Submissions => {
                page(project, after, most, |one: Submission| some(&SubmissionBody::from(&one))).await?
            }
        };
        self.at = match next {
            Some(cursor) => Some((part, Some(cursor))),
            None => self.parts.next().map(|part| (*part, None)),
        };
        Ok(Some(rows))
    }
}

/// `None` where a record makes no row.
type Row = Result<Option<Value>, serde_json::Error>;

async fn page<R: Record>(
    project: &ProjectStore,
    after: Option<Cursor>,
    most: usize,
    row: impl Fn(R) -> Row,
) -> Result<(Vec<Value>, Option<Cursor>), Problem> {
    let found = project.list::<R>(Query::default().limit(most).after(after)).await?;
    let rows = found.items.into_iter().filter_map(|kept| row(kept.record).transpose());
    Ok((rows.collect::<Result<_, _>>().map_err(|error| Problem::internal(error.to_string()))?, found.next))
}

fn some(body: &impl Serialize) -> Row {
    serde_json::to_value(body).map(Some)
}

/// A vote without what the provider sent.
fn vote(vote: &Vote) -> Row {
    let mut row = serde_json::to_value(VoteBody::new(vote, None))?;
    if let Value::Object(fields) = &mut row {
        fields.remove("raw_reply");
    }
    Ok(Some(row))
}

/// A grading as in the list, with its verdicts.
#[derive(Serialize)]
struct ExportedGrading {
    #[serde(flatten)]
    summary: GradingSummary,
    /// Null until the panel has spoken.
    criteria: Option<Vec<ExportedVerdict>>,
}

/// What holds of a criterion.
#[derive(Serialize)]
struct ExportedVerdict {
    id: String,
    verdict: &'static str,
    level: Option<String>,
    /// Of a level.
    points: Option<f64>,
    /// Why it is inconclusive.
    why: Option<&'static str>,
    source: &'static str,
}

impl From<&Grading> for ExportedGrading {
    fn from(grading: &Grading) -> Self {
        let criteria = grading.result().map(|result| result.verdicts.iter().map(ExportedVerdict::from).collect());
        Self { summary: GradingSummary::from(grading), criteria }
    }
}

impl From<&Verdict> for ExportedVerdict {
    fn from(verdict: &Verdict) -> Self {
        let (level, points, why) = match &verdict.decision {
            Decision::Met | Decision::Unmet => (None, None, None),
            Decision::Level { name, points } => (Some(name.clone()), Some(*points), None),
            Decision::Inconclusive(why) => (None, None, Some(why.as_str())),
        };
        let (id, verdict, source) =
            (verdict.criterion_id.to_string(), verdict.decision.as_str(), verdict.source.as_str());
        Self { id, verdict, level, points, why, source }
    }
}

/// A battle as other programs take it.
#[derive(Serialize)]
struct BattleRow {
    model_a: String,
    model_b: String,
    winner: &'static str,
    task_id: Option<String>,
    /// Whose opinion it is, of an imported one; a comparison's is its panel's.
    judge: Option<String>,
    /// `imported` or `judged`.
    source: &'static str,
    /// Of a judged one, the comparison's.
    id: String,
    review_id: Option<String>,
    /// A remark on the outcome.
    note: Option<String>,
    created_at: Timestamp,
}

fn winner(preference: Preference) -> &'static str {
    match preference {
        Preference::A => "model_a",
        Preference::B => "model_b",
        Preference::Tie => "tie",
        Preference::BothBad => "both_bad",
    }
}

impl From<&Battle> for BattleRow {
    fn from(battle: &Battle) -> Self {
        Self {
            model_a: battle.model_a.to_string(),
            model_b: battle.model_b.to_string(),
            winner: winner(battle.winner),
            task_id: battle.task_id.as_ref().map(ToString::to_string),
            judge: battle.judge.clone(),
            source: "imported",
            id: battle.id.to_string(),
            review_id: battle.review_id.map(|id| id.to_string()),
            note: None,
            created_at: battle.created_at,
        }
    }
}

/// A comparison that came to an outcome; an inconclusive one is no battle.
fn judged(comparison: &Comparison) -> Row {
    let ComparisonState::Judged { result, .. } = &comparison.state else { return Ok(None) };
    let Some(outcome) = result.outcome else { return Ok(None) };
    some(&BattleRow {
        model_a: comparison.system_a.to_string(),
        model_b: comparison.system_b.to_string(),
        winner: winner(outcome),
        task_id: Some(comparison.task_id.to_string()),
        judge: None,
        source: "judged",
        id: comparison.id.to_string(),
        review_id: None,
        note: result.note.clone(),
        created_at: comparison.created_at,
    })
}
