//! A human's verdict as a word, and overrides.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Author, CriterionId, Failure, Id, Override, OverrideValue, Severity, Timestamp};
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

/// The word of a value.
#[must_use]
pub fn word(value: &OverrideValue) -> &str {
    match value {
        OverrideValue::Met => "met",
        OverrideValue::Unmet => "unmet",
        OverrideValue::Inconclusive => "inconclusive",
        OverrideValue::Withdrawn => "withdrawn",
        OverrideValue::Level(name) => name,
    }
}

/// A decision on one criterion.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    #[schema(value_type = String)]
    pub criterion_id: CriterionId,
    /// `met`, `unmet`, `inconclusive`, `withdrawn` (the panel's verdict stands again), or the name of a level.
    #[schema(example = "met")]
    pub value: String,
    /// Why; never empty.
    pub reason: String,
    /// How the deliverable failed, where there is more to say than the verdict.
    pub failure: Option<FailureBody>,
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
    #[must_use]
    pub fn by(self, author: Author) -> overrule::Decision {
        let Self { criterion_id, value: word, reason, failure } = self;
        let failure = failure.map(|FailureBody { severity, mode }| Failure {
            severity,
            mode: mode.map(|mode| mode.trim().to_owned()).filter(|mode| !mode.is_empty()),
        });
        overrule::Decision { criterion_id, value: value(&word), reason, author, review_id: None, failure }
    }
}

/// An appended human decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverrideBody {
    pub id: Uuid,
    pub grading_id: Uuid,
    pub criterion_id: String,
    pub value: String,
    pub reason: String,
    pub author: String,
    /// The review it came from.
    pub review_id: Option<Uuid>,
    /// How the deliverable failed, where it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureBody>,
    pub created_at: Timestamp,
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
        let Override { id, grading_id, criterion_id, value, reason, author, review_id, failure, created_at } = one;
        Self {
            id: id.uuid(),
            grading_id: grading_id.uuid(),
            criterion_id: criterion_id.to_string(),
            value: word(value).to_owned(),
            reason: reason.clone(),
            author: author.to_string(),
            review_id: review_id.map(|id| id.uuid()),
            failure: failure.as_ref().map(|one| FailureBody { severity: one.severity, mode: one.mode.clone() }),
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
            assert_eq!(word(&value(text)), text);
        }
    }
}
