//! Who judges, and by which rules. A grading carries its panel as it was when the grading was accepted, so
//! that a later change of the configuration does not change what a verdict meant.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, JudgeName, PanelName, Usage};

/// One model behind one provider with its settings. Secrets are not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeSpec {
    pub name: JudgeName,
    /// `openai`, `openai_responses`, `anthropic`, `gemini`, `lexical`, `recorded`.
    pub provider: String,
    /// As asked for; the model that answered is in the vote.
    pub model: String,
    /// Everything else that shapes an answer: base URL, effort, thresholds of a lexical judge.
    pub settings: serde_json::Value,
    /// Whether it takes images.
    pub vision: bool,
    /// The deliverable's text it is shown at most, in characters.
    pub max_input_chars: u64,
    /// USD per million tokens; `None` = unknown, and then so is every cost.
    pub price: Option<Price>,
}

impl JudgeSpec {
    /// Of what shapes an answer: not the price, which only shapes the bill.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&(&self.provider, &self.model, &self.settings, self.vision, self.max_input_chars))
    }
}

/// USD per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    /// Read from the provider's cache; `None` = the price of uncached input.
    #[serde(default)]
    pub cached_input: Option<f64>,
    /// Written to the provider's cache; `None` = the price of uncached input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    pub output: f64,
    /// Output that was reasoning; `None` = the price of output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
    /// What a call through the provider's batch interface costs, as a share of all of the above; `None` = half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<f64>,
}

impl Price {
    /// USD of one call, or of many.
    #[must_use]
    pub fn of(&self, usage: Usage) -> f64 {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - cached);
        let fresh = usage.input_tokens - cached - written;
        let reasoned = usage.reasoning_tokens.min(usage.output_tokens);
        let said = usage.output_tokens - reasoned;
        let lines = [
            (fresh, self.input),
            (cached, self.cached_input.unwrap_or(self.input)),
            (written, self.cache_write.unwrap_or(self.input)),
            (said, self.output),
            (reasoned, self.reasoning.unwrap_or(self.output)),
        ];
        lines.iter().map(|(tokens, price)| *tokens as f64 * price).sum::<f64>() / 1e6
    }

    /// Whether everything is free, so that nothing need be known of a call to know its cost.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let all = [Some(self.input), self.cached_input, self.cache_write, Some(self.output), self.reasoning];
        all.into_iter().flatten().all(|price| price == 0.0)
    }
}

/// Judges and the rules by which their votes become verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    pub name: PanelName,
    pub judges: Vec<JudgeSpec>,
    /// How often each judge is asked the same question.
    pub repeats: u32,
    /// Judges with a real vote that a verdict needs.
    pub quorum: u32,
    pub aggregation: Aggregation,
    /// Below this share of positive points with a verdict there is no score.
    pub min_coverage: f64,
    pub review: ReviewPolicy,
}

impl Panel {
    /// Of what shapes a verdict.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let judges: Vec<_> = self.judges.iter().map(|j| (&j.name, j.fingerprint())).collect();
        Fingerprint::of(&(judges, self.repeats, self.quorum, self.aggregation))
    }

    #[must_use]
    pub fn judge(&self, name: &JudgeName) -> Option<&JudgeSpec> {
        self.judges.iter().find(|j| &j.name == name)
    }
}

/// How a panel's votes on one criterion become a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// More than half of the judges with a real vote.
    #[default]
    Majority,
    /// All of them; otherwise inconclusive.
    Unanimous,
    /// Mean of the points of graded levels; majority for yes/no criteria.
    Mean,
    /// Median of the points of graded levels; majority for yes/no criteria.
    Median,
}

/// When a human is asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewPolicy {
    /// Different reviewers per item, 1 to 5.
    pub reviewers: u32,
    /// Ask when judges with a real vote disagree.
    pub split: bool,
    /// Ask when the verdict is inconclusive.
    pub inconclusive: bool,
    /// Ask when none of a MET verdict's quotes was found in the deliverable.
    pub unverified_evidence: bool,
    /// The share of all other criteria that is drawn at random, so that judge errors nobody suspects can be
    /// measured; each such review keeps this probability.
    pub random_share: f64,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self { reviewers: 1, split: true, inconclusive: true, unverified_evidence: true, random_share: 0.05 }
    }
}
