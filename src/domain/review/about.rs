//! What a human is asked, and what an answer to it looks like.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Author, ComparisonId, CriterionId, GradingId, OverrideValue, Preference, RubricId, Severity, SubmissionId,
};

/// The question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// Does the deliverable meet this criterion?
    Criterion { grading_id: GradingId, criterion_id: CriterionId },
    /// Which of two submissions of one task is better? The reviewer is shown them in an order of their own.
    Preference {
        a: SubmissionId,
        b: SubmissionId,
        /// The judges' comparison of the two, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comparison_id: Option<ComparisonId>,
    },
    /// What is wrong with the deliverable, looked for without the rubric? Tells what the panel misses.
    Discovery { grading_id: GradingId },
    /// Which criteria of a rubric that a model drafted are to hold?
    Draft { rubric_id: RubricId, version: u32 },
}

impl About {
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Criterion { .. } => "criterion",
            Self::Preference { .. } => "preference",
            Self::Discovery { .. } => "discovery",
            Self::Draft { .. } => "draft",
        }
    }

    /// The grading that it is about, if it is about one.
    #[must_use]
    pub fn grading_id(&self) -> Option<GradingId> {
        match self {
            Self::Criterion { grading_id, .. } | Self::Discovery { grading_id } => Some(*grading_id),
            Self::Preference { .. } | Self::Draft { .. } => None,
        }
    }

    /// Whether a value answers this kind of question.
    #[must_use]
    pub fn takes(&self, value: &Said) -> bool {
        matches!(
            (self, value),
            (Self::Criterion { .. }, Said::Verdict(_))
                | (Self::Preference { .. }, Said::Preference(_))
                | (Self::Discovery { .. }, Said::Errors(_))
                | (Self::Draft { .. }, Said::Decided)
        )
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Verdict(OverrideValue),
    /// Of submissions `a` and `b`, in whatever order they were shown.
    Preference(Preference),
    /// Everything that is wrong; empty: nothing was found.
    Errors(Vec<FoundError>),
    /// The drafts were decided on; what became of each stands in the rubric's version.
    Decided,
}

impl Said {
    #[must_use]
    pub fn verdict(&self) -> Option<&OverrideValue> {
        match self {
            Self::Verdict(value) => Some(value),
            Self::Preference(_) | Self::Errors(_) | Self::Decided => None,
        }
    }

    #[must_use]
    pub fn errors(&self) -> Option<&[FoundError]> {
        match self {
            Self::Errors(found) => Some(found),
            Self::Verdict(_) | Self::Preference(_) | Self::Decided => None,
        }
    }
}

/// Something that is wrong with a deliverable, found without its rubric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundError {
    pub what: String,
    pub severity: Severity,
    /// Where it stands, in the reviewer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Which reviewers found it; said by the adjudicator who puts their lists together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found_by: Vec<Author>,
    /// The criterion by which the panel noticed it, too; none: the panel missed it. Said by the adjudicator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_by: Option<CriterionId>,
}
