//! Who judges, and by which rules. A grading carries its panel as it was when the grading was accepted, so
//! that a later change of the configuration does not change what a verdict meant.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, JudgeName, LeftOut, OwnFamily, PanelName, ReviewPolicy, Usage};

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
    /// How many pages it is shown as pictures and how large; `None` = what suits its provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageLimits>,
    /// Whether it takes sound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audio: bool,
    /// Whether it takes moving pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub video: bool,
    /// The deliverable's text it is shown at most, in characters.
    pub max_input_chars: u64,
    /// USD per million tokens; `None` = unknown, and then so is every cost.
    pub price: Option<Price>,
}

impl JudgeSpec {
    /// Of what shapes an answer: not the price, which only shapes the bill.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let base = (&self.provider, &self.model, &self.settings, self.vision, self.max_input_chars);
        // Judges that were known before these existed keep their fingerprints.
        match (self.images, self.audio, self.video) {
            (None, false, false) => Fingerprint::of(&base),
            senses => Fingerprint::of(&(base, senses)),
        }
    }
}

/// What of pages and pictures a judge is shown, as it is configured. What is left out is as suits its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageLimits {
    /// Pages of all files of a submission that are shown as pictures; 0 = none, the text view alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Pixels of an image's longer side; larger ones are scaled down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_px: Option<u32>,
}

/// What a judge can be shown beside text. Judges with the same senses see the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Senses {
    /// `None`: it takes no images.
    pub pictures: Option<PictureLimits>,
    /// `audio/...` and `video/...` that it takes as they are.
    pub media: Vec<&'static str>,
    /// Bytes of one sound or moving picture at most.
    pub max_media_bytes: u64,
}

/// Bounds of what a judge that sees is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureLimits {
    /// Pages of a submission that are shown as pictures.
    pub pages: u32,
    /// Pixels of the longer side. What is smaller stays as it is.
    pub max_px: u32,
    /// Bytes of one image.
    pub max_bytes: u64,
    /// Bytes of all images of one request.
    pub max_request_bytes: u64,
    /// Images of one request.
    pub max_images: u32,
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
    /// Calls with more input than that have other prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongPrice>,
}

/// USD per million tokens of calls with long input, for all of their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    /// More input tokens than this.
    pub above: u64,
    pub input: f64,
    #[serde(default)]
    pub cached_input: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    pub output: f64,
}

impl Price {
    /// USD of one call.
    #[must_use]
    pub fn of(&self, usage: Usage) -> f64 {
        if let Some(long) = self.long.filter(|long| usage.input_tokens > long.above) {
            let LongPrice { input, cached_input, cache_write, output, .. } = long;
            return Self { input, cached_input, cache_write, output, long: None, ..*self }.of(usage);
        }
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
    #[serde(default, skip_serializing_if = "CachePolicy::is_on")]
    pub cache: CachePolicy,
    /// Criteria that a judge is asked about in one call.
    #[serde(default, skip_serializing_if = "Mode::is_per_criterion")]
    pub mode: Mode,
    /// Judges are asked in turn, as long as a verdict is not decided; `None`: all of them, all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Sequential>,
    /// Calls go by the batch interfaces of providers: for about half the price, within a day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provider_batch: bool,
    /// What becomes of judges of the family of the system that they judge.
    #[serde(default, skip_serializing_if = "OwnFamily::is_mark")]
    pub own_family: OwnFamily,
    /// Of this grading or comparison: who was left out for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// When a sequential panel asks nobody else about a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sequential {
    /// Probability, above .5 and up to 1, that the verdict would stay if everybody was asked. 1: only where it cannot
    /// change.
    pub confidence: f64,
}

impl Default for Sequential {
    fn default() -> Self {
        Self { confidence: 1.0 }
    }
}

/// How many criteria one call asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    PerCriterion,
    /// Up to `size` criteria in one call: cheaper, and each answer is less by itself.
    Batch { size: u32 },
}

impl Mode {
    fn is_per_criterion(&self) -> bool {
        *self == Self::PerCriterion
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerCriterion => "per_criterion",
            Self::Batch { .. } => "batch",
        }
    }
}

/// Whether answers to questions that were put before are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CachePolicy {
    /// They are, and new ones are made known.
    #[default]
    On,
    /// They are; new ones are not made known.
    ReadOnly,
    /// Every question is asked afresh and is not made known.
    Off,
}

impl CachePolicy {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
    fn is_on(&self) -> bool {
        *self == Self::On
    }
}

impl Panel {
    /// Of what shapes a verdict.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let judges: Vec<_> = self.judges.iter().map(|j| (&j.name, j.fingerprint())).collect();
        let base = (judges, self.repeats, self.quorum, self.aggregation);
        // Panels that were known before there were modes and turns keep their fingerprints.
        match (self.mode, self.sequential) {
            (Mode::PerCriterion, None) => Fingerprint::of(&base),
            (mode, None) => Fingerprint::of(&(base, mode)),
            (mode, Some(sequential)) => Fingerprint::of(&(base, mode, sequential)),
        }
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
    /// By what human decisions on earlier submissions show of the judges, if held-out decisions say that it helps; else
    /// majority. Graded levels by majority.
    Weighted,
}

impl Aggregation {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Majority => "majority",
            Self::Unanimous => "unanimous",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Weighted => "weighted",
        }
    }
}
