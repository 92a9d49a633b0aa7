//! Who was shown what the judges said. A first answer counts as blind only if its author had not been; that is looked
//! up here, and nobody has to be believed.

use crate::audit::{self, Act};
use crate::domain::{About, Action, Author, ComparisonId, CriterionId, Grading, GradingId, Id, Reveal, Review};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query, Record, StoreError};

/// Notes that somebody was shown the judges' answers of a grading, or of one criterion of it. Nothing happens the second
/// time.
///
/// # Errors
/// If the store cannot; then nothing may be shown.
pub async fn note(
    services: &Services,
    project: &ProjectStore,
    grading_id: GradingId,
    criterion_id: Option<&CriterionId>,
    person: &Author,
) -> Result<(), Refusal> {
    let at = services.now();
    let reveal = Reveal { grading_id, criterion_id: criterion_id.cloned(), person: person.clone(), at };
    let of = criterion_id.map(|id| format!("/{id}")).unwrap_or_default();
    let act = Act::new(person, Action::ReviewRevealed, format!("grading/{grading_id}{of}"));
    loop {
        if project.get::<Reveal>(&reveal.key()).await?.is_some() {
            return Ok(());
        }
        let batch = audit::append(project, project.batch().insert(&reveal), at, [act.clone()]).await?;
        match project.commit(batch).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Notes that somebody who may be asked about a grading is shown all of it; nothing, if nobody is asked.
///
/// # Errors
/// If the store cannot.
pub async fn of_grading(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    person: &Author,
) -> Result<(), Refusal> {
    match grading.result() {
        Some(result) if result.open_reviews > 0 => note(services, project, grading.id, None, person).await,
        Some(_) | None => Ok(()),
    }
}

/// The same of a comparison.
///
/// # Errors
/// If the store cannot.
pub async fn of_comparison(
    services: &Services,
    project: &ProjectStore,
    id: ComparisonId,
    person: &Author,
) -> Result<(), Refusal> {
    for review in project.all::<Review>(Query::link("comparison", id)).await?.iter().filter(|one| one.is_pending()) {
        of_review(services, project, review, person).await?;
    }
    Ok(())
}

/// Notes what a person sees of a question that is no longer blind to them.
///
/// # Errors
/// If the store cannot.
pub async fn of_review(
    services: &Services,
    project: &ProjectStore,
    review: &Review,
    person: &Author,
) -> Result<(), Refusal> {
    match &review.about {
        About::Criterion { grading_id, criterion_id } => {
            note(services, project, *grading_id, Some(criterion_id), person).await
        }
        About::Discovery { grading_id } => note(services, project, *grading_id, None, person).await,
        About::Preference { .. } => {
            // The question itself stands for what it is about.
            let of = GradingId::from_uuid(review.id.uuid());
            note(services, project, of, None, person).await
        }
        About::Draft { .. } => Ok(()),
    }
}

/// Whether a person had been shown what the judges said of this question.
///
/// # Errors
/// If the store cannot.
pub(super) async fn has_seen(project: &ProjectStore, review: &Review, person: &Author) -> Result<bool, Refusal> {
    let (grading_id, criterion_id) = match &review.about {
        About::Criterion { grading_id, criterion_id } => (*grading_id, Some(criterion_id.clone())),
        About::Discovery { grading_id } => (*grading_id, None),
        About::Preference { .. } => (GradingId::from_uuid(review.id.uuid()), None),
        About::Draft { .. } => return Ok(false),
    };
    let at = review.created_at;
    for criterion_id in [None, criterion_id] {
        let wanted = Reveal { grading_id, criterion_id, person: person.clone(), at };
        if project.get::<Reveal>(&wanted.key()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
