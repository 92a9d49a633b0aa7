//! `[[panels]]`: judges and the rules by which their votes become verdicts.

use std::collections::HashSet;

use serde::Deserialize;

use super::{ConfigError, JudgeSection};
use crate::domain::{Aggregation, CachePolicy, JudgeName, Mode, OwnFamily, PanelName, ReviewPolicy, Sequential};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelSection {
    pub name: PanelName,
    pub judges: Vec<JudgeName>,
    /// `per_criterion`: one call per criterion; `batch`: up to `batch_size` criteria in one call.
    #[serde(default)]
    pub mode: ModeName,
    /// Criteria of one call in the mode `batch`.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// Judges are asked in the order of `judges`, as long as a verdict is not decided.
    #[serde(default)]
    pub sequential: Option<Sequential>,
    /// Calls go by the batch interfaces of providers: for about half the price, within a day.
    #[serde(default)]
    pub provider_batch: bool,
    #[serde(default = "default_repeats")]
    pub repeats: u32,
    /// Judges with a real vote that a verdict needs; more than half of them by default.
    #[serde(default)]
    pub quorum: Option<u32>,
    #[serde(default = "default_aggregation")]
    pub aggregation: String,
    /// Share of the positive points that must have a verdict for a score to be given.
    #[serde(default = "default_coverage")]
    pub min_coverage: f64,
    #[serde(default)]
    pub review: ReviewPolicy,
    /// Whether answers to questions that were put before are taken over: `on`, `read_only`, `off`.
    #[serde(default)]
    pub cache: CachePolicy,
    /// Judges of the family of the system that they judge: `mark` says so, `refuse` leaves them out.
    #[serde(default)]
    pub own_family: OwnFamily,
}

/// A panel's mode by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    #[default]
    PerCriterion,
    Batch,
}

fn default_batch_size() -> u32 {
    DEFAULT_BATCH_SIZE
}
fn default_repeats() -> u32 {
    1
}
fn default_aggregation() -> String {
    "majority".to_owned()
}
fn default_coverage() -> f64 {
    0.5
}

/// More than half.
#[must_use]
pub fn default_quorum(judges: usize) -> u32 {
    u32::try_from(judges / 2 + 1).unwrap_or(u32::MAX)
}

/// Criteria of one call: a reply of ten answers with their evidence stays within what models write at once.
pub const DEFAULT_BATCH_SIZE: u32 = 10;

impl PanelSection {
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.mode {
            ModeName::PerCriterion => Mode::PerCriterion,
            ModeName::Batch => Mode::Batch { size: self.batch_size },
        }
    }

    #[must_use]
    pub fn quorum(&self) -> u32 {
        self.quorum.unwrap_or_else(|| default_quorum(self.judges.len()))
    }

    /// The rule, if this build has it.
    #[must_use]
    pub fn aggregation(&self) -> Option<Aggregation> {
        match self.aggregation.as_str() {
            "majority" => Some(Aggregation::Majority),
            "unanimous" => Some(Aggregation::Unanimous),
            "mean" => Some(Aggregation::Mean),
            "median" => Some(Aggregation::Median),
            "weighted" => Some(Aggregation::Weighted),
            _ => None,
        }
    }
}

/// The offline judges are always there.
const BUILT_IN: [&str; 3] = ["lexical-strict", "lexical-balanced", "lexical-lenient"];

pub(super) fn check(panels: &[PanelSection], judges: &[JudgeSection]) -> Result<(), ConfigError> {
    let known: HashSet<&str> = judges.iter().map(|j| j.name.as_str()).chain(BUILT_IN).collect();
    let mut names = HashSet::new();
    for panel in panels {
        let wrong =
            |key: &str, message: String| Err(ConfigError::wrong(format!("panel `{}`, {key}", panel.name), message));
        if !names.insert(&panel.name) {
            return wrong("name", "is used twice; panels have different names".to_owned());
        }
        if panel.judges.is_empty() || panel.judges.len() > 50 {
            return wrong(
                "judges",
                format!(
                    "has {}; a panel has 1 to 50: no judges, no verdict",
                    if panel.judges.is_empty() { "no judges".to_owned() } else { panel.judges.len().to_string() }
                ),
            );
        }
        let mut members = HashSet::new();
        for judge in &panel.judges {
            if !known.contains(judge.as_str()) {
                let mut names: Vec<&str> = known.iter().copied().collect();
                names.sort_unstable();
                return wrong("judges", format!("there is no judge `{judge}`; there are: {}", names.join(", ")));
            }
            if !members.insert(judge) {
                return wrong("judges", format!("names `{judge}` twice; use `repeats` to ask a judge more than once"));
            }
        }
        if !(1..=100).contains(&panel.batch_size) {
            return wrong("batch_size", format!("{} is not between 1 and 100 criteria", panel.batch_size));
        }
        let gemini = judges.iter().find(|judge| judge.provider == "gemini" && panel.judges.contains(&judge.name));
        if let Some(judge) = gemini.filter(|_| panel.provider_batch) {
            let detail =
                format!("judge `{}`: the batch interface of gemini is not supported by this version", judge.name);
            return wrong("provider_batch", detail);
        }
        if let Some(Sequential { confidence }) = panel.sequential
            && !(confidence > 0.5 && confidence <= 1.0)
        {
            return wrong("sequential.confidence", format!("{confidence} is not a probability above 0.5 and up to 1"));
        }
        if panel.repeats == 0 || panel.repeats > 20 {
            return wrong("repeats", format!("{} is not between 1 and 20", panel.repeats));
        }
        if panel.quorum() == 0 || panel.quorum() as usize > panel.judges.len() {
            return wrong("quorum", format!("{} cannot be met by {} judges", panel.quorum(), panel.judges.len()));
        }
        if panel.aggregation().is_none() {
            return wrong(
                "aggregation",
                format!(
                    "{:?} is not supported by this version; use majority, weighted, unanimous, mean or median",
                    panel.aggregation
                ),
            );
        }
        if panel.sequential.is_some() && panel.aggregation() == Some(Aggregation::Weighted) {
            let detail = "cannot be weighted in a sequential panel: who need not be asked is decided by counting";
            return wrong("aggregation", detail.to_owned());
        }
        if !(0.0..=1.0).contains(&panel.min_coverage) {
            return wrong("min_coverage", format!("{} is not a share from 0 to 1", panel.min_coverage));
        }
        if let Err((name, why)) = panel.review.check() {
            return wrong(&format!("review.{name}"), why);
        }
    }
    Ok(())
}
