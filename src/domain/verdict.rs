//! The panel's outcome on a criterion, then the human's if there is one; and the score they add up to.

use serde::{Deserialize, Serialize};

use super::{Author, CriterionId, Evidence, GradingId, OverrideId, Precedent, ReviewId, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub criterion_id: CriterionId,
    pub decision: Decision,
    pub source: Source,
    pub tally: Tally,
    pub evidence: Vec<Evidence>,
    /// What a check compared, or why it could not.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Met,
    Unmet,
    /// A level of the scale and the points it earns (for `mean` and `median`, between the levels' own).
    Level {
        name: String,
        points: f64,
    },
    Inconclusive(Inconclusive),
}

impl Decision {
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        !matches!(self, Self::Inconclusive(_))
    }

    /// `met`, `unmet`, `level` or `inconclusive`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unmet => "unmet",
            Self::Level { .. } => "level",
            Self::Inconclusive(_) => "inconclusive",
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// Not asked yet.
    Pending,
    BelowQuorum,
    Tied,
    NotUnanimous,
    CannotAssess,
    /// A deterministic check had nothing to look at.
    NothingToCheck,
}

impl Inconclusive {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::BelowQuorum => "below_quorum",
            Self::Tied => "tied",
            Self::NotUnanimous => "not_unanimous",
            Self::CannotAssess => "cannot_assess",
            Self::NothingToCheck => "nothing_to_check",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Panel,
    Check,
    Override,
}

impl Source {
    /// `panel`, `check` or `override`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Check => "check",
            Self::Override => "override",
        }
    }
}

/// Judges by their vote (repeats already reduced); `failed` counts judges without any answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub met: u32,
    pub unmet: u32,
    pub levels: u32,
    pub cannot_assess: u32,
    pub failed: u32,
}

impl Tally {
    /// Judges with a real vote.
    #[must_use]
    pub fn real(&self) -> u32 {
        self.met + self.unmet + self.levels
    }
}

/// The score of one grading. `value` is `None` where coverage is below the panel's minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// `raw` after gates, clamped to 0..1.
    pub value: Option<f64>,
    /// Unclamped and ungated; `None` when no positive criterion has a verdict.
    pub raw: Option<f64>,
    /// Clamped, before gates.
    pub ungated: Option<f64>,
    pub awarded: f64,
    /// Positive points that have a verdict.
    pub positive: f64,
    /// Share of all positive points that has a verdict.
    pub coverage: f64,
    pub gates: Vec<GateEffect>,
    /// The score if everything inconclusive turned out best (positives met, penalties not).
    pub if_all_met: f64,
    /// The score if everything inconclusive turned out worst.
    pub if_none_met: f64,
    /// Why there is no value.
    pub undefined: Option<String>,
}

/// A gate that closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateEffect {
    pub criterion_id: CriterionId,
    /// The score is at most this.
    pub cap: f64,
}

/// An appended human decision on one criterion of one grading. Nothing that a judge said is overwritten;
/// the latest override of a criterion binds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Override {
    pub id: OverrideId,
    pub grading_id: GradingId,
    pub criterion_id: CriterionId,
    pub value: OverrideValue,
    pub reason: String,
    pub author: Author,
    /// The review it came from, if any.
    pub review_id: Option<ReviewId>,
    /// How the deliverable failed, where the author recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The decision that was applied again, as criterion and content are the same; nobody looked at this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<Precedent>,
    pub created_at: Timestamp,
}

/// A failure as a human names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub severity: Severity,
    /// In the team's own words: `wrong totals`, `ignored the template`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// How bad a failure is (GDPval's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    AcceptableButSubpar,
    Bad,
    /// It would do harm if it was used.
    Catastrophic,
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::AcceptableButSubpar, Self::Bad, Self::Catastrophic];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcceptableButSubpar => "acceptable_but_subpar",
            Self::Bad => "bad",
            Self::Catastrophic => "catastrophic",
        }
    }
}

impl OverrideValue {
    /// `met`, `unmet`, `inconclusive`, `withdrawn`, or the name of a level.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Met => "met",
            Self::Unmet => "unmet",
            Self::Inconclusive => "inconclusive",
            Self::Withdrawn => "withdrawn",
            Self::Level(name) => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideValue {
    Met,
    Unmet,
    Level(String),
    Inconclusive,
    /// Undoes the earlier overrides of this criterion: the panel's verdict stands again.
    Withdrawn,
}
