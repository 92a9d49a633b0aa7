//! When a human is asked.

use serde::{Deserialize, Serialize};

/// The rules by which a panel sends questions to humans. What a rule selects is selected with certainty; of all else a
/// share is drawn at random, and everything that is drawn keeps its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewPolicy {
    /// Different reviewers per item, 1 to 5.
    pub reviewers: u32,
    /// Ask when judges with a real vote disagree.
    pub split: bool,
    /// Ask when the verdict is inconclusive: below quorum, tied, cannot be assessed.
    pub inconclusive: bool,
    /// Ask when none of a MET verdict's quotes was found in the deliverable.
    pub unverified_evidence: bool,
    /// The share of all other criteria that is drawn at random, so that judge errors nobody suspects can be
    /// measured; each such review keeps its probability.
    pub random_share: f64,
    /// How that share is drawn.
    #[serde(skip_serializing_if = "is_default")]
    pub draw: Draw,
    /// Ask when less than this share of the real votes is for the verdict, 0 to 1; 0: never. A looser rule than `split`,
    /// for panels that switch it off.
    #[serde(skip_serializing_if = "is_default")]
    pub low_agreement: f64,
    /// Ask about every gate, whatever the judges say.
    #[serde(skip_serializing_if = "is_default")]
    pub must_pass: bool,
    /// Ask about every criterion with at least this share of the rubric's positive points, 0 to 1; 0: never.
    #[serde(skip_serializing_if = "is_default")]
    pub stake: f64,
    /// Ask when what speaks for the system stands only in text that a person who opens the file does not see.
    #[serde(skip_serializing_if = "is_true")]
    pub hidden_evidence: bool,
    /// Ask about every verdict in the system's favour as soon as the deliverable has hidden text at all.
    #[serde(skip_serializing_if = "is_default")]
    pub hidden_text: bool,
    /// Ask when the deliverable says something to its judges: about every verdict in the system's favour, or, where there
    /// is none, about the one with most at stake. Of a comparison a preference is asked.
    #[serde(skip_serializing_if = "is_true")]
    pub judge_instruction: bool,
    /// Ask when the panel misses something while a file of the deliverable could not be read.
    #[serde(skip_serializing_if = "is_default")]
    pub unreadable: bool,
    /// Apply a human's decision again to the same criterion of the same content.
    #[serde(skip_serializing_if = "is_true")]
    pub remember: bool,
    /// The share of gradings for which humans look for errors without the rubric.
    #[serde(skip_serializing_if = "is_default")]
    pub discovery_share: f64,
    /// Reviewers of each such search; two or more let us estimate what all of them missed.
    #[serde(skip_serializing_if = "is_two")]
    pub discovery_reviewers: u32,
    /// Ask for a human's preference when the judges of a comparison disagree.
    #[serde(skip_serializing_if = "is_default")]
    pub split_comparison: bool,
    /// The share of all other comparisons for which a human's preference is asked.
    #[serde(skip_serializing_if = "is_default")]
    pub comparison_share: f64,
}

/// How the random share is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Every item with the same probability.
    #[default]
    Uniform,
    /// The more the judges differ, the more probably; never below a fifth of the share.
    Disagreement,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self {
            reviewers: 1,
            split: true,
            inconclusive: true,
            unverified_evidence: true,
            random_share: 0.05,
            draw: Draw::Uniform,
            low_agreement: 0.0,
            must_pass: false,
            stake: 0.0,
            hidden_evidence: true,
            hidden_text: false,
            judge_instruction: true,
            unreadable: false,
            remember: true,
            discovery_share: 0.0,
            discovery_reviewers: 2,
            split_comparison: false,
            comparison_share: 0.0,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_true(value: &bool) -> bool {
    *value
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_two(value: &u32) -> bool {
    *value == 2
}

impl ReviewPolicy {
    /// # Errors
    /// The setting that is out of its range, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let people = [("reviewers", self.reviewers), ("discovery_reviewers", self.discovery_reviewers)];
        for (name, value) in people {
            if !(1..=5).contains(&value) {
                return Err((name, format!("{value} is not between 1 and 5")));
            }
        }
        let shares = [
            ("random_share", self.random_share),
            ("low_agreement", self.low_agreement),
            ("stake", self.stake),
            ("discovery_share", self.discovery_share),
            ("comparison_share", self.comparison_share),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err((name, format!("{value} is not a share from 0 to 1")));
            }
        }
        Ok(())
    }
}
