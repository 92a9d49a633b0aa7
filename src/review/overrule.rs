//! Human decisions outside of any question: on a verdict, or on a score. Each is appended with its author, reason and
//! time, and score, agreement and leaderboard follow from it at once. What it would do can be told before it is done;
//! it is undone by a further one that takes it back.

use serde_json::json;

use super::queue::given;
use crate::audit::{self, Act};
use crate::domain::{
    self, Action, Author, CriterionId, Failure, Grading, GradingId, Override, OverrideValue, Review, ReviewId,
    RubricVersion, ScoreOverride,
};
use crate::grading::aggregate::{ballots, fits};
use crate::grading::recorded::Recorded;
use crate::grading::remember;
use crate::grading::result::{Material, compute, verdicts};
use crate::hooks::{self, events::Event};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, Kept, ProjectStore, Query, Revision, StoreError, rubric_key};

/// A decision before it is kept.
#[derive(Debug, Clone)]
pub struct Decision {
    pub criterion_id: CriterionId,
    pub value: OverrideValue,
    pub reason: String,
    pub author: Author,
    pub review_id: Option<ReviewId>,
    /// How the deliverable failed, where the author recorded it.
    pub failure: Option<Failure>,
}

/// A decision on a score before it is kept; without a value, the computed one is to stand again.
#[derive(Debug, Clone)]
pub struct Scored {
    pub value: Option<f64>,
    pub reason: String,
    pub author: Author,
}

/// A grading that decisions are made on.
pub(super) struct Subject {
    pub grading: Grading,
    revision: Revision,
    pub rubric: RubricVersion,
}

/// What is new when a grading is computed again.
#[derive(Clone, Copy, Default)]
pub(super) struct Changed<'a> {
    /// A decision to append.
    pub decision: Option<&'a Override>,
    pub score: Option<&'a ScoreOverride>,
    /// A review as it is now; perhaps a new one.
    pub review: Option<&'a Review>,
}

impl Subject {
    pub(super) async fn find(project: &ProjectStore, id: GradingId) -> Result<Option<Self>, Refusal> {
        let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
            return Ok(None);
        };
        let rubric = rubric_of(project, &grading).await?;
        Ok(Some(Self { grading, revision, rubric }))
    }

    /// One that can be decided on.
    pub(super) async fn judged(project: &ProjectStore, id: GradingId) -> Result<Self, Refusal> {
        let found = Self::find(project, id).await?.ok_or_else(|| Refusal::not_found("grading", id))?;
        if found.grading.result().is_some() {
            return Ok(found);
        }
        let status = found.grading.status().as_str();
        let detail = format!("grading {id} is {status}; it can be overruled once the panel has spoken");
        Err(Refusal::Conflict { code: "not_judged", detail })
    }

    /// What the panel says of a criterion by itself.
    pub(super) async fn panel_says(
        &self,
        project: &ProjectStore,
        criterion: &CriterionId,
    ) -> Result<Option<domain::Decision>, Refusal> {
        let Some(result) = self.grading.result() else { return Ok(None) };
        let recorded = Recorded::of(project, self.grading.id).await?;
        let ballots = ballots(&recorded.votes);
        let (rubric, weighing) = (&self.rubric.rubric, result.weighing.as_deref());
        let said = verdicts(&self.grading, rubric, &ballots, &result.checks, weighing);
        Ok(said.into_iter().find(|verdict| verdict.criterion_id == *criterion).map(|verdict| verdict.decision))
    }

    /// Adds the decisions to the batch, and the grading as it is with them. One that was stopped before the panel had
    /// spoken stays as it is.
    pub(super) async fn recomputed(
        &self,
        project: &ProjectStore,
        changed: Changed<'_>,
        batch: Batch,
    ) -> Result<(Batch, Grading), Refusal> {
        let batch = changed.decision.into_iter().fold(batch, |batch, one| batch.insert(one));
        let batch = changed.score.into_iter().fold(batch, |batch, one| batch.insert(one));
        let grading = self.with(project, changed).await?;
        match grading.result() {
            Some(_) => Ok((batch.update(&grading, self.revision), grading)),
            None => Ok((batch, grading)),
        }
    }

    /// What others are told of a decision, and of a grading that it completes.
    pub(super) fn told(&self, decision: Option<&Override>, after: &Grading) -> Vec<Event> {
        let before = self.grading.status();
        match decision {
            Some(one) => hooks::events::decided(one, before, after),
            None if before != after.status() => hooks::events::grading_ended(after).into_iter().collect(),
            None => vec![],
        }
    }

    /// The grading as it would be.
    async fn with(&self, project: &ProjectStore, changed: Changed<'_>) -> Result<Grading, Refusal> {
        let Some(result) = self.grading.result().cloned() else { return Ok(self.grading.clone()) };
        let mut recorded = Recorded::of(project, self.grading.id).await?;
        recorded.overrides.extend(changed.decision.cloned());
        recorded.scores.extend(changed.score.cloned());
        if let Some(now) = changed.review {
            match recorded.reviews.iter_mut().find(|review| review.id == now.id) {
                Some(review) => *review = now.clone(),
                None => recorded.reviews.push(now.clone()),
            }
        }
        let result = compute(Material {
            grading: &self.grading,
            rubric: &self.rubric.rubric,
            recorded: &recorded,
            checks: result.checks,
            views: result.views,
            weighing: result.weighing,
        });
        Ok(self.grading.clone().recomputed(result)?)
    }
}

/// Appends a decision and computes the grading again.
///
/// # Errors
/// If the grading or criterion is unknown, the value does not fit the criterion, there is no reason, or the
/// panel has not spoken yet.
pub async fn overrule(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    decision: Decision,
) -> Result<(Override, Grading), Refusal> {
    overrule_and_keep(services, project, id, decision, |batch, _, _| batch).await
}

/// The same, with what `keep` adds to the batch of the decision.
///
/// # Errors
/// As [`overrule`], and a conflict if somebody kept one of the added records first.
pub async fn overrule_and_keep(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    decision: Decision,
    keep: impl Fn(Batch, &Override, &Grading) -> Batch,
) -> Result<(Override, Grading), Refusal> {
    given(&decision.reason, "a decision that changes a score says why")?;
    loop {
        let subject = Subject::judged(project, id).await?;
        check(&subject.rubric, &decision.criterion_id, &decision.value)?;
        let appended = to_append(services, id, &decision);
        let changed = Changed { decision: Some(&appended), ..Changed::default() };
        let (batch, recomputed) = subject.recomputed(project, changed, project.batch()).await?;
        let rubric = &subject.rubric.rubric;
        let batch = remember::keep(project, &subject.grading, rubric, &appended, batch).await?;
        let act =
            Act::new(&appended.author, Action::OverrideAppended, format!("grading/{id}/{}", appended.criterion_id))
                .with(json!({ "override": appended.id, "value": appended.value, "reason": appended.reason }));
        let batch = audit::append(project, batch, services.now(), [act]).await?;
        let told = subject.told(Some(&appended), &recomputed);
        let batch = hooks::announce(services, project, batch, &told).await?;
        match project.commit(keep(batch, &appended, &recomputed)).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(grading = %id, criterion = %appended.criterion_id, author = %appended.author, "verdict overruled");
                return Ok((appended, recomputed));
            }
            Err(error) if is_ours(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sets a score, or lets the computed one stand again.
///
/// # Errors
/// If the grading is unknown, the value is no share, there is no reason, there is nothing to take back, or the panel
/// has not spoken yet.
pub async fn set_score(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    scored: Scored,
    keep: impl Fn(Batch, &ScoreOverride, &Grading) -> Batch,
) -> Result<(ScoreOverride, Grading), Refusal> {
    given(&scored.reason, "a decision that changes a score says why")?;
    loop {
        let subject = Subject::judged(project, id).await?;
        let appended = score_to_append(services, &subject, &scored)?;
        let changed = Changed { score: Some(&appended), ..Changed::default() };
        let (batch, recomputed) = subject.recomputed(project, changed, project.batch()).await?;
        let act = Act::new(&appended.author, Action::ScoreOverridden, format!("grading/{id}"))
            .with(json!({ "override": appended.id, "value": appended.value, "reason": appended.reason }));
        let batch = audit::append(project, batch, services.now(), [act]).await?;
        let told = hooks::events::score_overridden(&appended, &recomputed);
        let batch = hooks::announce(services, project, batch, &[told]).await?;
        match project.commit(keep(batch, &appended, &recomputed)).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(grading = %id, score = appended.value, author = %appended.author, "score overruled");
                return Ok((appended, recomputed));
            }
            Err(error) if is_ours(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn score_to_append(services: &Services, subject: &Subject, scored: &Scored) -> Result<ScoreOverride, Refusal> {
    match scored.value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            return Err(Refusal::invalid("/score", format!("{value} is not between 0 and 1")));
        }
        None if subject.grading.result().is_none_or(|result| result.set_score.is_none()) => {
            return Err(Refusal::invalid("/score", "the computed score stands; there is nothing to take back"));
        }
        Some(_) | None => {}
    }
    Ok(ScoreOverride {
        id: services.ids.next(),
        grading_id: subject.grading.id,
        value: scored.value,
        reason: scored.reason.clone(),
        author: scored.author.clone(),
        created_at: services.now(),
    })
}

/// The grading as it is and as it would be with a decision, which is not kept.
///
/// # Errors
/// As [`overrule`], except for the reason, which may still be missing.
pub async fn preview(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    decision: &Decision,
) -> Result<(Grading, Grading), Refusal> {
    let subject = Subject::judged(project, id).await?;
    check(&subject.rubric, &decision.criterion_id, &decision.value)?;
    let appended = to_append(services, id, decision);
    let after = subject.with(project, Changed { decision: Some(&appended), ..Changed::default() }).await?;
    Ok((subject.grading, after))
}

/// The same for a score.
///
/// # Errors
/// As [`set_score`], except for the reason.
pub async fn preview_score(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    scored: &Scored,
) -> Result<(Grading, Grading), Refusal> {
    let subject = Subject::judged(project, id).await?;
    let appended = score_to_append(services, &subject, scored)?;
    let after = subject.with(project, Changed { score: Some(&appended), ..Changed::default() }).await?;
    Ok((subject.grading, after))
}

/// Whether somebody else changed what the batch was made from, so that it is to be made again. Conflicts on what a
/// caller added are theirs.
pub(super) fn is_ours(error: &StoreError) -> bool {
    use crate::store::Record;
    audit::is_overtaken(error) || matches!(error, StoreError::Conflict { kind, .. } if kind == Grading::KIND)
}

/// The record of a decision.
pub(super) fn to_append(services: &Services, id: GradingId, decision: &Decision) -> Override {
    Override {
        id: services.ids.next(),
        grading_id: id,
        criterion_id: decision.criterion_id.clone(),
        value: decision.value.clone(),
        reason: decision.reason.clone(),
        author: decision.author.clone(),
        review_id: decision.review_id,
        failure: decision.failure.clone(),
        remembered: None,
        created_at: services.now(),
    }
}

pub(super) async fn rubric_of(project: &ProjectStore, grading: &Grading) -> Result<RubricVersion, Refusal> {
    let key = rubric_key(grading.rubric.id, grading.rubric.version);
    match project.get::<RubricVersion>(&key).await? {
        Some(kept) => Ok(kept.record),
        None => Err(Refusal::Store(StoreError::Corrupt {
            kind: "rubric".to_owned(),
            key,
            detail: format!("grading {} refers to it, and it is not kept", grading.id),
        })),
    }
}

/// # Errors
/// If the rubric has no such criterion or the criterion does not take the value.
pub(super) fn check(rubric: &RubricVersion, id: &CriterionId, value: &OverrideValue) -> Result<(), Refusal> {
    let Some(criterion) = rubric.rubric.criterion(id) else {
        return Err(Refusal::invalid("/criterion_id", format!("the rubric has no criterion `{id}`")));
    };
    fits(criterion, value).map_err(|why| Refusal::invalid("/value", why))
}

/// All decisions on a grading, oldest first: on verdicts, and on its score.
///
/// # Errors
/// If there is no such grading.
pub async fn list(project: &ProjectStore, id: GradingId) -> Result<(Vec<Override>, Vec<ScoreOverride>), Refusal> {
    if project.get::<Grading>(&id.to_string()).await?.is_none() {
        return Err(Refusal::not_found("grading", id));
    }
    let prefix = || Query::prefix(format!("{id}/"));
    Ok((project.all::<Override>(prefix()).await?, project.all::<ScoreOverride>(prefix()).await?))
}
