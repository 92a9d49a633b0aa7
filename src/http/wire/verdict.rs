//! A human's verdict as a word, and overrides.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Author, CriterionId, Id, Override, OverrideValue, Timestamp};
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
}

impl OverrideRequest {
    #[must_use]
    pub fn by(self, author: Author) -> overrule::Decision {
        let Self { criterion_id, value: word, reason } = self;
        overrule::Decision { criterion_id, value: value(&word), reason, author, review_id: None }
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
        let Override { id, grading_id, criterion_id, value, reason, author, review_id, created_at } = one;
        Self {
            id: id.uuid(),
            grading_id: grading_id.uuid(),
            criterion_id: criterion_id.to_string(),
            value: word(value).to_owned(),
            reason: reason.clone(),
            author: author.to_string(),
            review_id: review_id.map(|id| id.uuid()),
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
