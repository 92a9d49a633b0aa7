//! Quotes: what a grading would cost.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::JudgeName;
use crate::grading::quote::{Quote, total};

/// What a grading would cost if it ran now.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteBody {
    #[serde(flatten)]
    pub total: CostBody,
    /// By judge, in the panel's order.
    pub judges: Vec<JudgeCostBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeCostBody {
    pub judge: String,
    #[serde(flatten)]
    pub cost: CostBody,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuotedCostBody)]
pub struct CostBody {
    /// Calls that would be made.
    pub calls: u32,
    /// Answers to the same questions that are known from earlier gradings, and free.
    pub known_answers: u32,
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    /// Share of the input that the providers will take from their caches, 0 to 1; null without input.
    pub cached_share: Option<f64>,
    pub output_tokens: u64,
    /// US dollars; null where a judge has no price.
    pub usd: Option<f64>,
    /// Until the slowest judge is done; null where a judge has not answered anything yet.
    pub seconds: Option<f64>,
    /// `measured`: from what the judges used for earlier answers; `size`: by the length of the prompts alone.
    pub basis: &'static str,
}

impl From<&Quote> for CostBody {
    fn from(quote: &Quote) -> Self {
        let usage = quote.usage;
        let share = usage.cached_input_tokens as f64 / usage.input_tokens as f64;
        Self {
            calls: quote.calls,
            known_answers: quote.known,
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cached_share: share.is_finite().then_some(share),
            output_tokens: usage.output_tokens,
            usd: quote.usd,
            seconds: quote.seconds,
            basis: if quote.measured { "measured" } else { "size" },
        }
    }
}

impl QuoteBody {
    #[must_use]
    pub fn new(quotes: &[(JudgeName, Quote)]) -> Self {
        let of = |(judge, quote): &(JudgeName, Quote)| JudgeCostBody { judge: judge.to_string(), cost: quote.into() };
        Self { total: (&total(quotes)).into(), judges: quotes.iter().map(of).collect() }
    }
}
