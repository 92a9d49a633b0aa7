//! `lexical`: a baseline that needs no network and claims no understanding. It looks the words and numbers of the
//! criterion up in the deliverable and answers by how many of them stand there. Use it for demonstrations, for tests
//! of everything around the judges, and as the floor that a judge model has to beat; its reason says that it is not a
//! reading. What it answers is real all the same: quotes are verbatim, and the same question has the same answer.
//!
//! - Penalties are asked like all others: the words of the bad thing are looked for.
//! - Little found although something was cut or unreadable, no text at all, or a criterion without any word to look
//!   for: `CANNOT_ASSESS`.
//! - Levels are reached in equal steps of the share that was found; comparisons go by the words of the task, and on
//!   a criterion by those of its requirement (of something bad, less of them is better).
//!
//! Settings: `min_overlap` (0 to 1, share of the weighted terms from which a requirement counts as met, .6),
//! `number_weight` (what a number weighs beside a word's 1, 2), `stemming` (true), `window` (terms must stand together
//! within so many segments; 0 = anywhere, 0), `tie_margin` (difference of shares below which a comparison is a tie,
//! .05). Limits: English word endings, no synonyms, no negation: "no errors were found" has the words of "errors were
//! found".

mod answer;
mod terms;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cache::PrefixCache;
use super::config::{JudgeConfig, JudgeError};
use super::provider::{Fault, Lost, Provider, RawReply, Reply, Retry};
use super::seams::Seams;
use crate::domain::{Cause, JudgeName, JudgeSpec, Price, Prompt, Usage};
use terms::Index;

/// Changes when the same settings answer differently.
const MODEL: &str = "lexical/1";
const CACHE_BYTES: usize = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    min_overlap: f64,
    number_weight: f64,
    stemming: bool,
    window: u32,
    tie_margin: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { min_overlap: 0.6, number_weight: 2.0, stemming: true, window: 0, tie_margin: 0.05 }
    }
}

struct Lexical {
    settings: Settings,
    /// One index per deliverable of the prefix.
    cache: PrefixCache<Vec<Index>>,
}

/// Three configurations that disagree as judges do: `lexical-strict`, `lexical-balanced`, `lexical-lenient`.
#[must_use]
pub fn offline_judges() -> Vec<JudgeConfig> {
    let judge = |name: &str, settings: Settings| {
        let name = JudgeName::parse(name).expect("a constant name is valid; a test makes them all");
        JudgeConfig::new(JudgeSpec {
            name,
            provider: "lexical".to_owned(),
            model: MODEL.to_owned(),
            settings: json!(settings),
            vision: false,
            images: None,
            audio: false,
            video: false,
            max_input_chars: 1_000_000,
            price: Some(Price::default()),
        })
    };
    vec![
        judge("lexical-strict", Settings { min_overlap: 0.75, number_weight: 3.0, window: 12, ..Settings::default() }),
        judge("lexical-balanced", Settings::default()),
        judge("lexical-lenient", Settings { min_overlap: 0.45, number_weight: 1.0, ..Settings::default() }),
    ]
}

pub(super) fn make(config: &mut JudgeConfig, _: &Seams) -> Result<Arc<dyn Provider>, JudgeError> {
    let spec = &mut config.spec;
    let given = if spec.settings.is_null() { json!({}) } else { spec.settings.clone() };
    let settings: Settings = serde_json::from_value(given)
        .map_err(|e| JudgeError::setting(spec, "settings", &spec.settings, e.to_string()))?;
    for (name, value, most) in [
        ("min_overlap", settings.min_overlap, 1.0),
        ("number_weight", settings.number_weight, 1e3),
        ("tie_margin", settings.tie_margin, 1.0),
    ] {
        if !(0.0..=most).contains(&value) {
            return Err(JudgeError::setting(spec, name, value, format!("it is not between 0 and {most}")));
        }
    }
    // The defaults shape the answers too: they belong to the fingerprint.
    spec.settings = json!(settings);
    Ok(Arc::new(Lexical { settings, cache: PrefixCache::new(CACHE_BYTES) }))
}

#[async_trait]
impl Provider for Lexical {
    async fn send(&self, prompt: &Prompt, _: Option<&str>) -> Result<RawReply, Lost> {
        let indexes = self.cache.get(&prompt.prefix, |prefix| {
            let indexes: Vec<Index> =
                prefix.deliverables.iter().map(|d| Index::of(d, self.settings.stemming)).collect();
            let bytes = indexes.iter().map(Index::bytes).sum();
            (indexes, bytes)
        });
        let body = answer::answer(prompt, &indexes, &self.settings).to_string();
        Ok(RawReply { status: 200, body, latency_ms: 0, retry_after: None, used_up_for: None })
    }

    fn read(&self, raw: &RawReply) -> Result<Reply, Fault> {
        if raw.status != 200 {
            let detail = format!("a kept reply with status {}, which this judge never gives", raw.status);
            return Err(Fault::new(Cause::ProviderError, Retry::Never, detail));
        }
        Ok(Reply { text: raw.body.clone(), model: Some(MODEL.to_owned()), usage: Usage::default() })
    }
}
