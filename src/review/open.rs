//! Questions that a person asks other people. What is picked by hand has no probability with which it was selected: its
//! answer binds its own item and enters no corrected estimate.

use serde_json::json;

use super::overrule::{Changed, Subject};
use super::queue::subject;
use crate::audit::{self, Act};
use crate::domain::{
    About, Action, Author, Comparison, ComparisonId, CriterionId, GradingId, Review, Submission, SubmissionId, TaskId,
};
use crate::hooks;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, ProjectStore, Query};

/// What is to be asked.
#[derive(Debug, Clone)]
pub enum Question {
    Criterion {
        grading_id: GradingId,
        criterion_id: CriterionId,
    },
    Discovery {
        grading_id: GradingId,
    },
    Preference {
        a: SubmissionId,
        b: SubmissionId,
    },
    /// Of the two submissions that judges compared.
    Comparison(ComparisonId),
}

/// Reason of what a person asked.
pub const BY_HAND: &str = "by_hand";

/// Opens a question, with what `keep` adds to its batch.
///
/// # Errors
/// If what it is about is unknown or not to be asked about, or a question about it is open already.
pub async fn open(
    services: &Services,
    project: &ProjectStore,
    question: Question,
    reviewers: u32,
    by: &Author,
    keep: impl Fn(Batch, &Review) -> Batch,
) -> Result<Review, Refusal> {
    if !(1..=5).contains(&reviewers) {
        return Err(Refusal::invalid("/reviewers", format!("{reviewers} is not between 1 and 5")));
    }
    loop {
        let (about, task_id, stake, of) = found(project, &question).await?;
        let review = Review {
            task_id,
            reviewers,
            priority: stake,
            stake: Some(stake),
            opened_by: Some(by.clone()),
            ..Review::new(services.ids.next(), about, BY_HAND, services.now())
        };
        let batch = project.batch().insert(&review);
        let batch = match &of {
            Some(of) => of.recomputed(project, Changed { review: Some(&review), ..Changed::default() }, batch).await?.0,
            None => batch,
        };
        let batch = hooks::announce(services, project, batch, &[hooks::events::review_required(&review)]).await?;
        let act = Act::new(by, Action::ReviewOpened, subject(review.id)).with(json!({ "about": review.about }));
        let batch = audit::append(project, batch, services.now(), [act]).await?;
        match project.commit(keep(batch, &review)).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(review = %review.id, kind = review.about.kind(), author = %by, "review opened");
                return Ok(review);
            }
            Err(error) if super::overrule::is_ours(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

type Found = (About, Option<TaskId>, f64, Option<Subject>);

async fn found(project: &ProjectStore, question: &Question) -> Result<Found, Refusal> {
    match question {
        Question::Criterion { grading_id, criterion_id } => {
            let of = Subject::judged(project, *grading_id).await?;
            let Some(criterion) = of.rubric.rubric.criterion(criterion_id) else {
                return Err(Refusal::invalid("/criterion_id", format!("the rubric has no criterion `{criterion_id}`")));
            };
            let stake = criterion.points.abs();
            not_asked(project, *grading_id, |review| review.is_about(criterion_id)).await?;
            let about = About::Criterion { grading_id: *grading_id, criterion_id: criterion_id.clone() };
            Ok((about, of.grading.task_id.clone(), stake, Some(of)))
        }
        Question::Discovery { grading_id } => {
            let of = Subject::judged(project, *grading_id).await?;
            not_asked(project, *grading_id, |review| matches!(review.about, About::Discovery { .. })).await?;
            let stake = of.rubric.rubric.criteria().iter().map(|criterion| criterion.points.max(0.0)).sum();
            let about = About::Discovery { grading_id: *grading_id };
            Ok((about, of.grading.task_id.clone(), stake, Some(of)))
        }
        Question::Preference { a, b } => {
            let task_id = of_one_task(project, *a, *b).await?;
            Ok((About::Preference { a: *a, b: *b, comparison_id: None }, Some(task_id), 0.0, None))
        }
        Question::Comparison(id) => {
            let Some(kept) = project.get::<Comparison>(&id.to_string()).await? else {
                return Err(Refusal::invalid("/comparison_id", format!("there is no comparison `{id}`")));
            };
            let Comparison { a, b, task_id, .. } = kept.record;
            let asked = project.all::<Review>(Query::link("comparison", id)).await?;
            pending(asked.iter())?;
            Ok((About::Preference { a, b, comparison_id: Some(*id) }, Some(task_id), 0.0, None))
        }
    }
}

async fn not_asked(project: &ProjectStore, id: GradingId, is_it: impl Fn(&Review) -> bool) -> Result<(), Refusal> {
    let asked = project.all::<Review>(Query::link("grading", id)).await?;
    pending(asked.iter().filter(|review| is_it(review)))
}

/// # Errors
/// If one of them still waits for an answer.
fn pending<'a>(mut asked: impl Iterator<Item = &'a Review>) -> Result<(), Refusal> {
    match asked.find(|review| review.is_pending()) {
        Some(review) => {
            let detail = format!("review {} asks this already and waits for an answer", review.id);
            Err(Refusal::Conflict { code: "already_asked", detail })
        }
        None => Ok(()),
    }
}

async fn of_one_task(project: &ProjectStore, a: SubmissionId, b: SubmissionId) -> Result<TaskId, Refusal> {
    if a == b {
        return Err(Refusal::invalid("/b", "is the same submission as `a`; name two"));
    }
    let task = async |pointer: &str, id: SubmissionId| match project.get::<Submission>(&id.to_string()).await? {
        Some(kept) => kept.record.task_id.ok_or_else(|| {
            Refusal::invalid(pointer, format!("submission `{id}` has no task; only work on one task can be compared"))
        }),
        None => Err(Refusal::invalid(pointer, format!("there is no submission `{id}`"))),
    };
    let (first, second) = (task("/a", a).await?, task("/b", b).await?);
    if first != second {
        return Err(Refusal::invalid("/b", format!("is of task `{second}`, and `a` of task `{first}`")));
    }
    Ok(first)
}
