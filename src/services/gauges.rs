//! What is looked at from time to time: what waits, how long it has waited, and whether the store serves. The figures are
//! of the whole service; where there are several replicas each tells the same.
//!
//! Cheap however much waits: keys are counted, and of the oldest few the records are read.

use std::sync::Arc;
use std::time::Duration;

use super::Services;
use crate::domain::{Comparison, Drafting, Grading, Review, Status, Timestamp};
use crate::judge::CancellationToken as Stop;
use crate::store::{ProjectStore, Record, StoreError};

const QUEUED: &str = "empanel_queue_depth";
const OLDEST: &str = "empanel_queue_oldest_seconds";
const REVIEWS: &str = "empanel_reviews_pending";
const REPLICAS: &str = "empanel_replicas";
const READY: &str = "empanel_store_ready";
const BUDGET: &str = "empanel_budget_month_spent_ratio";

/// How often it is looked.
pub const EVERY: Duration = Duration::from_secs(10);
/// A look that takes longer found no store that serves.
const PATIENCE: Duration = Duration::from_secs(5);
/// Records that are read to find the oldest: the order of keys is that of making, and one that was retried has waited
/// only since then.
const READ: usize = 16;

/// Looks until `stop`.
pub async fn watch(services: Arc<Services>, stop: Stop) {
    while !stop.is_cancelled() {
        look(&services).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Looks once.
pub async fn look(services: &Services) {
    metrics::gauge!(REPLICAS).set(u32::try_from(services.replicas.count()).unwrap_or(u32::MAX));
    if let Some(share) = services.purses.fullest(services.now()).await {
        metrics::gauge!(BUDGET).set(share);
    }
    let serves = async {
        services.store.ready().await?;
        services.blobs.ready().await
    };
    let ready = tokio::time::timeout(PATIENCE, serves).await;
    metrics::gauge!(READY).set(if matches!(ready, Ok(Ok(()))) { 1.0 } else { 0.0 });
    match tokio::time::timeout(PATIENCE, waiting(services)).await {
        Ok(Ok(waiting)) => {
            for (kind, queued) in ["grading", "comparison", "drafting"].into_iter().zip(waiting.queued) {
                metrics::gauge!(QUEUED, "kind" => kind).set(queued as f64);
            }
            metrics::gauge!(OLDEST).set(waiting.oldest.as_secs_f64());
            metrics::gauge!(REVIEWS).set(waiting.reviews as f64);
        }
        // Whoever uses the store says what is wrong with it; the figures stand still meanwhile.
        Ok(Err(error)) => tracing::debug!(%error, "what waits cannot be counted"),
        Err(_) => tracing::debug!(seconds = PATIENCE.as_secs(), "what waits could not be counted in time"),
    }
}

#[derive(Default)]
struct Waiting {
    /// Gradings, comparisons, drafts.
    queued: [u64; 3],
    oldest: Duration,
    reviews: u64,
}

async fn waiting(services: &Services) -> Result<Waiting, StoreError> {
    let mut all = Waiting::default();
    for project in services.store.projects().await? {
        let project = services.store.project(&project);
        let since = |grading: &Grading| grading.retried_at.unwrap_or(grading.created_at);
        let found = [
            queued(&project, since).await?,
            queued(&project, |comparison: &Comparison| comparison.created_at).await?,
            queued(&project, |drafting: &Drafting| drafting.created_at).await?,
        ];
        for (sum, (count, oldest)) in all.queued.iter_mut().zip(found) {
            *sum += count;
            let age = oldest.map_or(Duration::ZERO, |at| age(at, services.now()));
            all.oldest = all.oldest.max(age);
        }
        all.reviews += project.count_linked::<Review>("pending", "yes").await?;
    }
    Ok(all)
}

/// How many of a kind are queued, and since when the oldest of the first few.
async fn queued<R: Record>(
    project: &ProjectStore,
    since: impl Fn(&R) -> Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let status = Status::Queued.as_str();
    let keys = project.linked::<R>("status", status, READ).await?;
    if keys.is_empty() {
        return Ok((0, None));
    }
    let count = match keys.len() {
        READ => project.count_linked::<R>("status", status).await?,
        few => few as u64,
    };
    let oldest = project.get_many::<R>(&keys).await?.iter().map(|kept| since(&kept.record)).min();
    Ok((count, oldest))
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// What the metrics mean.
pub(super) fn describe_metrics() {
    metrics::describe_gauge!(QUEUED, "What is queued and nobody has taken up, by kind, as of at most 10 s ago.");
    metrics::describe_gauge!(
        OLDEST,
        metrics::Unit::Seconds,
        "For how long the oldest of what is queued has waited; 0 where nothing is."
    );
    metrics::describe_gauge!(REVIEWS, "Questions that wait for a human.");
    metrics::describe_gauge!(REPLICAS, "Replicas that live, as this one sees it, itself included.");
    metrics::describe_gauge!(READY, "1 where store and files take reads and writes, else 0.");
    metrics::describe_gauge!(
        BUDGET,
        "The largest share of [budget] project_month_usd that a project has spent, as far as this replica knows."
    );
}
