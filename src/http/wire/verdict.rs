//! A human's verdict as a word, and overrides.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    Author, CriterionId, Decision, Failure, Grading, Id, Override, OverrideValue, ScoreOverride, Severity, Timestamp,
    Verdict,
};
use crate::refusal::Refusal;
use crate::review::overrule;

/// `met`, `unmet`, `inconclusive`, `withdrawn`, or the name of a level of the criterion's scale.
#[must_use]
pub fn value(word: &str) -> OverrideValue {
    match word {
        "met" => OverrideValue::Met,
        "unmet" => OverrideValue::Unmet,
        "inconclusive" => OverrideValue::Inconclusive,
        "withdrawn" => OverrideValue::Withdrawn,
        level => OverrideValue::Level(level.to_owned()),
    }
}

/// A decision on one criterion, or on the score.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// Of a decision on a criterion.
    #[schema(value_type = Option<String>)]
    pub criterion_id: Option<CriterionId>,
    /// Of a decision on a criterion: `met`, `unmet`, `inconclusive`, `withdrawn` (the panel's verdict stands again), or the
    /// name of a level.
    #[schema(example = "met")]
    pub value: Option<String>,
    /// In place of the two: the whole score, 0 to 1; null lets the computed one stand again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    pub score: Option<Option<f64>>,
    /// Why; never empty.
    #[serde(default)]
    pub reason: String,
    /// How the deliverable failed, where there is more to say than the verdict.
    pub failure: Option<FailureBody>,
}

/// A field that is there, even if it is null.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(from).map(Some)
}

/// What is to be decided.
#[derive(Debug, Clone)]
pub enum Wanted {
    Verdict(overrule::Decision),
    Score(overrule::Scored),
}

/// A failure as a human names it; `GET /v1/systems` counts them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureBody {
    /// `acceptable_but_subpar`, `bad` or `catastrophic` (it would do harm if it was used).
    #[schema(value_type = String, example = "bad")]
    pub severity: Severity,
    /// In your team's words, the same for the same failure: `wrong totals`.
    #[serde(default)]
    pub mode: Option<String>,
}

impl OverrideRequest {
    /// # Errors
    /// If it is neither a decision on a criterion nor one on the score, or both.
    pub fn by(self, author: Author) -> Result<Wanted, Refusal> {
        let Self { criterion_id, value: word, score, reason, failure } = self;
        match (criterion_id, word, score) {
            (Some(criterion_id), Some(word), None) => {
                let failure = failure.map(|FailureBody { severity, mode }| Failure {
                    severity,
                    mode: mode.map(|mode| mode.trim().to_owned()).filter(|mode| !mode.is_empty()),
                });
                let value = value(&word);
                Ok(Wanted::Verdict(overrule::Decision {
                    criterion_id,
                    value,
                    reason,
                    author,
                    review_id: None,
                    failure,
                }))
            }
            (None, None, Some(value)) if failure.is_none() => {
                Ok(Wanted::Score(overrule::Scored { value, reason, author }))
            }
            (None, None, Some(_)) => Err(Refusal::invalid("/failure", "belongs to a criterion; name it")),
            (_, _, Some(_)) => {
                Err(Refusal::invalid("/score", "stands alone; a decision is on a criterion or on the score"))
            }
            (None, _, None) => Err(Refusal::invalid("/criterion_id", "is missing; name a criterion, or give a score")),
            (Some(_), None, None) => Err(Refusal::invalid("/value", "is missing; say what holds of the criterion")),
        }
    }
}

/// An appended human decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverrideBody {
    pub id: Uuid,
    pub grading_id: Uuid,
    /// Null for a decision on the score.
    pub criterion_id: Option<String>,
    /// Null for a decision on the score.
    pub value: Option<String>,
    /// Of a decision on the score; null: the computed one stands again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub set_score: Option<Option<f64>>,
    pub reason: String,
    pub author: String,
    /// The review it came from.
    pub review_id: Option<Uuid>,
    /// How the deliverable failed, where it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureBody>,
    /// The decision that was applied again, as criterion and content are the same. Nobody looked at this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remembered: Option<RememberedBody>,
    pub created_at: Timestamp,
}

/// Where a remembered decision was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RememberedBody {
    pub grading_id: Uuid,
    pub override_id: Uuid,
}

/// What a decision would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Effect {
    pub before: StandingBody,
    pub after: StandingBody,
}

/// How a grading stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingBody {
    pub score: Option<f64>,
    /// Why there is none.
    pub undefined: Option<String>,
    pub raw: Option<f64>,
    pub coverage: f64,
    /// Gates that are closed.
    pub gates: Vec<String>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Verdicts that are not the same before and after.
    pub verdicts: Vec<ChangedVerdict>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedVerdict {
    pub criterion_id: String,
    pub verdict: String,
}

impl Effect {
    #[must_use]
    pub fn of(before: &Grading, after: &Grading) -> Self {
        let verdicts = |grading: &Grading| grading.result().map(|one| one.verdicts.clone()).unwrap_or_default();
        let (old, new) = (verdicts(before), verdicts(after));
        let changed = |of: &[Verdict], than: &[Verdict]| {
            let differs =
                |one: &&Verdict| than.iter().any(|o| o.criterion_id == one.criterion_id && o.decision != one.decision);
            let told = |one: &Verdict| ChangedVerdict {
                criterion_id: one.criterion_id.to_string(),
                verdict: match &one.decision {
                    Decision::Met => "met".to_owned(),
                    Decision::Unmet => "unmet".to_owned(),
                    Decision::Level { name, .. } => name.clone(),
                    Decision::Inconclusive(_) => "inconclusive".to_owned(),
                },
            };
            of.iter().filter(differs).map(told).collect()
        };
        Self {
            before: StandingBody::of(before, changed(&old, &new)),
            after: StandingBody::of(after, changed(&new, &old)),
        }
    }
}

impl StandingBody {
    fn of(grading: &Grading, verdicts: Vec<ChangedVerdict>) -> Self {
        let result = grading.result();
        let score = result.map(|result| &result.score);
        let interval = result.and_then(|result| result.interval.as_ref());
        Self {
            score: score.and_then(|score| score.value),
            undefined: score.and_then(|score| score.undefined.clone()),
            raw: score.and_then(|score| score.raw),
            coverage: score.map_or(0.0, |score| score.coverage),
            gates: score.into_iter().flat_map(|score| &score.gates).map(|gate| gate.criterion_id.to_string()).collect(),
            low: interval.map(|one| one.low),
            high: interval.map(|one| one.high),
            verdicts,
        }
    }
}

/// The answer to an override: the decision and the score that follows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overruled {
    #[serde(flatten)]
    pub decision: OverrideBody,
    /// The grading's score now; null if it has none.
    pub score: Option<f64>,
}

impl From<&Override> for OverrideBody {
    fn from(one: &Override) -> Self {
        let Override {
            id,
            grading_id,
            criterion_id,
            value,
            reason,
            author,
            review_id,
            failure,
            remembered,
            created_at,
        } = one;
        Self {
            id: id.uuid(),
            grading_id: grading_id.uuid(),
            criterion_id: Some(criterion_id.to_string()),
            value: Some(value.as_str().to_owned()),
            set_score: None,
            reason: reason.clone(),
            author: author.to_string(),
            review_id: review_id.map(|id| id.uuid()),
            failure: failure.as_ref().map(|one| FailureBody { severity: one.severity, mode: one.mode.clone() }),
            remembered: remembered.map(|from| RememberedBody {
                grading_id: from.grading_id.uuid(),
                override_id: from.override_id.uuid(),
            }),
            created_at: *created_at,
        }
    }
}

impl From<&ScoreOverride> for OverrideBody {
    fn from(one: &ScoreOverride) -> Self {
        let ScoreOverride { id, grading_id, value, reason, author, created_at } = one;
        Self {
            id: id.uuid(),
            grading_id: grading_id.uuid(),
            criterion_id: None,
            value: None,
            set_score: Some(*value),
            reason: reason.clone(),
            author: author.to_string(),
            review_id: None,
            failure: None,
            remembered: None,
            created_at: *created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_as_itself() {
        for text in ["met", "unmet", "inconclusive", "withdrawn", "Level 3"] {
            assert_eq!(value(text).as_str(), text);
        }
    }
}
