//! What a grading would cost: the same plan, the same prompts, no call. Answers that are known are free; of the rest the
//! first question of each beginning is billed in full and the others from the provider's cache.

use std::collections::{BTreeMap, HashSet};

use crate::domain::{Grading, JudgeName, RubricVersion, Submission, Usage};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::ProjectStore;

use super::known;
use super::plan::Plan;

/// Of one judge, or of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quote {
    /// Calls that would be made.
    pub calls: u32,
    /// Answers that would be taken over.
    pub known: u32,
    pub usage: Usage,
    /// `None`: the price is not known.
    pub usd: Option<f64>,
    /// `None`: nobody knows yet how long the judge takes.
    pub seconds: Option<f64>,
    /// From what the judge used so far, or by size alone.
    pub measured: bool,
}

/// By judge, in the panel's order.
///
/// # Errors
/// As running it would have, before its first call.
pub async fn quote(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
) -> Result<Vec<(JudgeName, Quote)>, Refusal> {
    let plan = Plan::of(services, project, grading).await?;
    of_plan(services, project, grading, &plan).await
}

/// Of a grading whose records are not kept.
///
/// # Errors
/// As [`quote`].
pub async fn quote_of(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    submission: Submission,
    rubric: RubricVersion,
) -> Result<Vec<(JudgeName, Quote)>, Refusal> {
    let plan = Plan::made_from(services, project, grading, submission, rubric).await?;
    of_plan(services, project, grading, &plan).await
}

async fn of_plan(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    plan: &Plan<'_>,
) -> Result<Vec<(JudgeName, Quote)>, Refusal> {
    let nothing_settled = HashSet::new();
    let mut quotes = Vec::new();
    for spec in &grading.panel.judges {
        let mut quote = Quote { usd: Some(0.0), measured: true, ..Quote::default() };
        let (mut latency_ms, mut timed) = (0_u64, true);
        let mut sent: BTreeMap<_, ()> = BTreeMap::new();
        for errand in plan.errands(&nothing_settled, spec) {
            let errand = errand?;
            let known = known::among(services, project, errand.calls()).await?;
            quote.known += u32::try_from(known.len()).unwrap_or(u32::MAX);
            let Some(errand) = errand.without(&known) else { continue };
            let Some((judge, prompt)) = errand.prompt(services)? else { continue };
            let prefix = &prompt.prefix.fingerprint;
            // In which order a batch is worked on nobody knows.
            let by_batch = grading.panel.provider_batch;
            let share = if by_batch { judge.batch_share() } else { 1.0 };
            let sent_before = !by_batch && (judge.has_sent(prefix) || sent.insert(prefix.clone(), ()).is_some());
            let estimate = judge.estimate(&prompt, sent_before);
            quote.calls += 1;
            quote.usage += estimate.usage;
            quote.measured &= estimate.measured;
            quote.usd = quote.usd.zip(spec.price).map(|(usd, price)| usd + price.of(estimate.usage) * share);
            latency_ms += estimate.latency_ms.unwrap_or(0);
            timed &= estimate.latency_ms.is_some() && !by_batch;
        }
        if let Some(judge) = services.judges.get(&spec.name).filter(|_| timed) {
            // So many rounds of as many calls as the judge takes at once, or the minutes that its rate takes.
            let calls = f64::from(quote.calls);
            let each = if quote.calls == 0 { 0.0 } else { latency_ms as f64 / 1e3 / calls };
            let rounds = (calls / judge.max_concurrency() as f64).ceil();
            let rate = judge.calls_per_minute().map_or(0.0, |rpm| calls / f64::from(rpm) * 60.0);
            quote.seconds = Some((each * rounds).max(rate));
        }
        quotes.push((spec.name.clone(), quote));
    }
    Ok(quotes)
}

/// All judges together: they answer side by side.
#[must_use]
pub fn total(quotes: &[(JudgeName, Quote)]) -> Quote {
    let mut total = Quote { usd: Some(0.0), seconds: Some(0.0), measured: true, ..Quote::default() };
    for (_, quote) in quotes {
        total.calls += quote.calls;
        total.known += quote.known;
        total.usage += quote.usage;
        total.usd = total.usd.zip(quote.usd).map(|(all, one)| all + one);
        total.seconds = total.seconds.zip(quote.seconds).map(|(all, one)| all.max(one));
        total.measured &= quote.measured;
    }
    total
}
