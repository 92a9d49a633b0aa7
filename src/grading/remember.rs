//! A human's decision is remembered: the same criterion about the same content of the same task is not asked a second
//! time. What is applied again is an override like any other, marked with where it comes from; it is no review, so no
//! figure that sets humans beside judges counts it twice.

use serde_json::json;

use crate::audit::Act;
use crate::domain::{
    Action, Criterion, Fingerprint, Grading, Override, OverrideValue, Precedent, Remembered, Rubric, StoredFile,
    Submission, Task, Verdict,
};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, ProjectStore, Query, part};

/// What all criteria of a grading share: what was asked, and what was handed in.
pub struct Content(Fingerprint);

impl Content {
    /// `None` if the grading's submission is not kept any more.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn of(project: &ProjectStore, grading: &Grading) -> Result<Option<Self>, Refusal> {
        let Some(submission) = project.get::<Submission>(&grading.submission_id.to_string()).await? else {
            return Ok(None);
        };
        let task = match &grading.task_id {
            Some(id) => project.get::<Task>(&part(id.as_str())).await?.map(|kept| kept.record),
            None => None,
        };
        let prompt = grading.prompt.as_deref().or(task.as_ref().map(|task| task.prompt.as_str()));
        let references = task.as_ref().map(|task| task.references.as_slice()).unwrap_or_default();
        let submission = submission.record;
        // Names count: a file may be asked for by its name.
        let files = |files: &[StoredFile]| -> Vec<(String, String)> {
            files.iter().map(|file| (file.name.to_string(), file.sha256.to_string())).collect()
        };
        let of = (prompt, files(references), submission.text, files(&submission.files), submission.trace);
        Ok(Some(Self(Fingerprint::of(&of))))
    }

    /// Under which a decision about this criterion is remembered. Its points do not count: they do not change what is
    /// true.
    #[must_use]
    pub fn with(&self, criterion: &Criterion) -> Fingerprint {
        let levels: Vec<_> = criterion.levels.iter().map(|level| (&level.name, &level.description)).collect();
        Fingerprint::of(&(&self.0, &criterion.requirement, levels, criterion.target, &criterion.check))
    }
}

/// The decisions that are known for criteria of a grading that has none of its own yet.
///
/// # Errors
/// If the store cannot.
pub async fn recall(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    rubric: &Rubric,
    (verdicts, own): (&[Verdict], &[Override]),
) -> Result<Vec<Override>, Refusal> {
    // Most projects remember nothing: one look instead of one per criterion.
    if !grading.panel.review.remember || project.list::<Remembered>(Query::default().limit(1)).await?.items.is_empty() {
        return Ok(vec![]);
    }
    let Some(content) = Content::of(project, grading).await? else { return Ok(vec![]) };
    let mut found = Vec::new();
    for criterion in rubric.criteria() {
        let by_judges = verdicts
            .iter()
            .any(|verdict| verdict.criterion_id == criterion.id && verdict.source == crate::domain::Source::Panel);
        if !by_judges || own.iter().any(|one| one.criterion_id == criterion.id) {
            continue;
        }
        let Some(kept) = project.get::<Remembered>(&content.with(criterion).to_string()).await? else { continue };
        let Remembered { value, reason, author, from, .. } = kept.record;
        found.push(Override {
            id: services.ids.next(),
            grading_id: grading.id,
            criterion_id: criterion.id.clone(),
            value,
            reason,
            author,
            review_id: None,
            failure: None,
            remembered: Some(from),
            created_at: services.now(),
        });
    }
    Ok(found)
}

/// Adds to the batch what is to be remembered of a decision; one that is taken back is forgotten.
///
/// # Errors
/// If the store cannot.
pub async fn keep(
    project: &ProjectStore,
    grading: &Grading,
    rubric: &Rubric,
    one: &Override,
    batch: Batch,
) -> Result<Batch, Refusal> {
    let Some(criterion) = rubric.criterion(&one.criterion_id).filter(|_| grading.panel.review.remember) else {
        return Ok(batch);
    };
    let Some(content) = Content::of(project, grading).await? else { return Ok(batch) };
    let content = content.with(criterion);
    if one.value == OverrideValue::Withdrawn {
        return Ok(batch.delete::<Remembered>(&content.to_string()));
    }
    Ok(batch.put(&Remembered {
        content,
        value: one.value.clone(),
        reason: one.reason.clone(),
        author: one.author.clone(),
        from: Precedent { grading_id: one.grading_id, override_id: one.id },
        created_at: one.created_at,
    }))
}

/// What the log says of a decision that was applied again.
#[must_use]
pub fn act(one: &Override) -> Act {
    let subject = format!("grading/{}/{}", one.grading_id, one.criterion_id);
    let from = one.remembered.map(|from| json!({ "override": one.id, "value": one.value, "from": from }));
    Act::new(&one.author, Action::DecisionRemembered, subject).with(from.unwrap_or_default())
}
