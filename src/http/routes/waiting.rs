//! `?wait=`: an answer is held until the work is done or the seconds have passed.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::domain::{Comparison, ComparisonId, Drafting, DraftingId, Grading, GradingId, RubricVersion, Subject, Vote};
use crate::grading::call::subject_prefix;
use crate::http::Door;
use crate::http::problem::{Code, Problem};
use crate::http::wire::grading::{GradingBody, Told};
use crate::services::{Event, Services};
use crate::store::{ProjectStore, Query, StoreError, rubric_key};

const MAX_WAIT_S: u64 = 120;
/// Asks the store again, for work that another process does.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Seconds to hold the answer until the work is done, 0 to 120.
    wait: Option<u64>,
}

impl Wait {
    /// # Errors
    /// 400 if it is longer than an answer is held.
    pub fn seconds(&self) -> Result<Duration, Problem> {
        let seconds = self.wait.unwrap_or(0);
        if seconds > MAX_WAIT_S {
            return Err(Problem::new(
                Code::InvalidQuery,
                format!("wait={seconds} is more than {MAX_WAIT_S}; ask again or follow /events"),
            ));
        }
        Ok(Duration::from_secs(seconds))
    }
}

/// Holds until `is_done` or the time has passed; false if it has.
async fn hold<T>(
    services: &Services,
    door: &Door,
    subject: Subject,
    at_most: Duration,
    mut read: impl AsyncFnMut() -> Result<T, Problem>,
    is_done: impl Fn(&T) -> bool,
) -> Result<T, Problem> {
    let deadline = Instant::now() + at_most;
    loop {
        // Before the state is read: what happens in between is not missed.
        let mut events = services.running.watch(subject);
        let state = read().await?;
        if is_done(&state) || Instant::now() >= deadline || door.stopping.is_cancelled() {
            return Ok(state);
        }
        let look_again = deadline.min(Instant::now() + LOOK_AGAIN);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(Event::Progress(_) | Event::Vote(_)) => {}
                    _ => break,
                },
                () = tokio::time::sleep_until(look_again) => break,
                () = door.stopping.cancelled() => break,
            }
        }
    }
}

/// The grading once it is settled, or as it is when the time has passed.
///
/// # Errors
/// 404, or as the store.
pub async fn grading(
    services: &Services,
    door: &Door,
    project: &ProjectStore,
    id: GradingId,
    at_most: Duration,
) -> Result<Grading, Problem> {
    // An id that names nothing is not watched.
    find(project, id).await?;
    hold(
        services,
        door,
        Subject::Grading(id),
        at_most,
        async || find(project, id).await,
        |grading| grading.status().is_settled(),
    )
    .await
}

/// # Errors
/// 404, or as the store.
pub async fn find(project: &ProjectStore, id: GradingId) -> Result<Grading, Problem> {
    let kept = project.get::<Grading>(&id.to_string()).await?;
    Ok(kept.ok_or_else(|| Problem::not_found("grading", id))?.record)
}

/// The comparison once it is settled, or as it is when the time has passed.
///
/// # Errors
/// 404, or as the store.
pub async fn comparison(
    services: &Services,
    door: &Door,
    project: &ProjectStore,
    id: ComparisonId,
    at_most: Duration,
) -> Result<Comparison, Problem> {
    find_comparison(project, id).await?;
    let read = async || find_comparison(project, id).await;
    hold(services, door, Subject::Comparison(id), at_most, read, |comparison| comparison.status().is_settled()).await
}

/// The drafting once it has ended, or as it is when the time has passed.
///
/// # Errors
/// 404, or as the store.
pub async fn drafting(
    services: &Services,
    door: &Door,
    project: &ProjectStore,
    id: DraftingId,
    at_most: Duration,
) -> Result<Drafting, Problem> {
    find_drafting(project, id).await?;
    let read = async || find_drafting(project, id).await;
    hold(services, door, Subject::Drafting(id), at_most, read, |drafting| drafting.status().is_settled()).await
}

async fn find_drafting(project: &ProjectStore, id: DraftingId) -> Result<Drafting, Problem> {
    let kept = project.get::<Drafting>(&id.to_string()).await?;
    Ok(kept.ok_or_else(|| Problem::not_found("draft", id))?.record)
}

async fn find_comparison(project: &ProjectStore, id: ComparisonId) -> Result<Comparison, Problem> {
    let kept = project.get::<Comparison>(&id.to_string()).await?;
    Ok(kept.ok_or_else(|| Problem::not_found("comparison", id))?.record)
}

/// Everything that is told of a grading.
///
/// # Errors
/// As the store.
pub async fn tell(services: &Services, project: &ProjectStore, grading: &Grading) -> Result<GradingBody, Problem> {
    let key = rubric_key(grading.rubric.id, grading.rubric.version);
    let Some(rubric) = project.get::<RubricVersion>(&key).await? else {
        let detail = format!("grading {} refers to it, and it is not kept", grading.id);
        return Err(StoreError::Corrupt { kind: "rubric".to_owned(), key, detail }.into());
    };
    let subject = Subject::Grading(grading.id);
    let votes = match grading.result() {
        Some(_) => vec![],
        None => project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?,
    };
    let progress = services.running.progress(subject);
    Ok(GradingBody::new(&Told { grading, rubric: &rubric.record, votes: &votes, progress }))
}
