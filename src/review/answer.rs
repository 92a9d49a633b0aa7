//! What an answer does. Whatever kind of question it settles, the review, what follows from it and its line in the log
//! are one batch.

use serde_json::json;

use super::queue::{get, given, subject};
use super::reveal;
use crate::audit::{self, Act};
use crate::domain::{
    About, Action, Author, Battle, Decision as Verdict, FoundError, GradingId, LeaseToken, Odds, Override,
    OverrideValue, Preference, Resolution, Review, ReviewId, RubricVersion, Said, Submission, SubmissionId,
};
use crate::grading::remember;
use crate::hooks::{self, events::Event};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, Kept, ProjectStore, Query, StoreError};

use super::overrule::{Changed, Subject, check, to_append};

/// Under which judge a human's preference is on the leaderboard.
pub const HUMAN: &str = "human";

/// A reviewer's or an adjudicator's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub value: Said,
    pub reason: String,
}

/// A reviewer's first answer. When it settles the review, what follows is kept in the same batch. The same answer under
/// the same token, sent again, changes nothing.
///
/// # Errors
/// If the token does not hold the review, or the value does not fit the question.
pub async fn submit(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    token: LeaseToken,
    answer: &Answer,
) -> Result<Review, Refusal> {
    let now = services.now();
    let before = get(project, id).await?.record;
    let holder = before.lease.as_ref().filter(|lease| lease.token == token).map(|lease| lease.reviewer.clone());
    let sighted = match &holder {
        Some(reviewer) => before.had_settled(reviewer) || reveal::has_seen(project, &before, reviewer).await?,
        None => false,
    };
    valid(project, &before, answer).await?;
    let given =
        crate::domain::GivenAnswer { token, value: answer.value.clone(), reason: answer.reason.clone(), sighted };
    change(services, project, id, |review| Ok(review.submit(given.clone(), now)?)).await
}

/// A reviewer takes their own answer back; the question waits again, and what the answer settled is withdrawn in the
/// same batch. Who takes back what was settled does not answer blind the next time.
///
/// # Errors
/// If it is not theirs alone to take back.
pub async fn take_back(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    person: &Author,
) -> Result<Review, Refusal> {
    let now = services.now();
    change(services, project, id, |review| Ok(review.take_back(person, now)?)).await
}

/// An adjudicator decides.
///
/// # Errors
/// If it is settled, the adjudicator answered it, or the value does not fit the question.
pub async fn resolve(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    by: &Author,
    answer: &Answer,
) -> Result<Review, Refusal> {
    let reason = given(&answer.reason, "an adjudication says why")?;
    let now = services.now();
    valid(project, &get(project, id).await?.record, answer).await?;
    change(services, project, id, |review| Ok(review.resolve(by, answer.value.clone(), reason.clone(), now)?)).await
}

/// The preference as it was meant, of one who saw the sides in their own order.
#[must_use]
pub fn turned(review: &Review, person: &Author, said: Preference) -> Preference {
    if is_turned(review.id, person) { said.mirrored() } else { said }
}

/// Whether this person is shown submission `b` first: a coin that belongs to question and person, so that it falls the
/// same way every time they look.
#[must_use]
pub fn is_turned(review: ReviewId, person: &Author) -> bool {
    crate::grading::escalate::lot(review, &format!("side for {person}")) < 0.5
}

async fn subject_of(project: &ProjectStore, id: GradingId) -> Result<Subject, Refusal> {
    Subject::find(project, id).await?.ok_or_else(|| Refusal::not_found("grading", id))
}

/// Whether the question takes this value.
async fn valid(project: &ProjectStore, review: &Review, answer: &Answer) -> Result<(), Refusal> {
    match (&review.about, &answer.value) {
        (_, Said::Verdict(OverrideValue::Withdrawn)) => {
            Err(Refusal::invalid("/value", "a review is answered with a verdict, not with `withdrawn`"))
        }
        (About::Criterion { grading_id, criterion_id }, Said::Verdict(value)) => {
            check(&subject_of(project, *grading_id).await?.rubric, criterion_id, value)
        }
        (About::Discovery { grading_id }, Said::Errors(found)) => {
            let rubric = subject_of(project, *grading_id).await?.rubric;
            found.iter().enumerate().try_for_each(|(at, one)| error(review, &rubric, at, one))
        }
        (About::Preference { .. }, Said::Preference(_)) => Ok(()),
        (About::Draft { rubric_id, .. }, _) => Err(Refusal::Conflict {
            code: "wrong_answer",
            detail: format!(
                "drafts are decided on one by one: POST /v1/rubrics/{rubric_id}/decide settles this question"
            ),
        }),
        (about, _) => {
            let (takes, field) = match about {
                About::Criterion { .. } => ("a verdict", "value"),
                About::Preference { .. } => ("`first`, `second`, `tie` or `both_bad`", "value"),
                About::Discovery { .. } | About::Draft { .. } => ("a list of errors, which may be empty", "errors"),
            };
            Err(Refusal::invalid(format!("/{field}"), format!("a question of kind `{}` takes {takes}", about.kind())))
        }
    }
}

/// Whether an error of a list says something, and names nobody and nothing that is not there.
fn error(review: &Review, rubric: &RubricVersion, at: usize, one: &FoundError) -> Result<(), Refusal> {
    let wrong = |field: &str, why: String| Err(Refusal::invalid(format!("/errors/{at}/{field}"), why));
    if one.what.trim().is_empty() {
        return wrong("what", "is empty; say what is wrong".to_owned());
    }
    if let Some(id) = one.caught_by.as_ref().filter(|id| rubric.rubric.criterion(id).is_none()) {
        return wrong("caught_by", format!("the rubric has no criterion `{id}`"));
    }
    match one.found_by.iter().find(|person| !review.has_answered(person)) {
        Some(person) => wrong("found_by", format!("{person} is none of its reviewers")),
        None => Ok(()),
    }
}

/// Applies a transition with all that follows from it, again if somebody else was first.
pub(super) async fn change(
    services: &Services,
    project: &ProjectStore,
    id: ReviewId,
    transition: impl Fn(Review) -> Result<Review, Refusal>,
) -> Result<Review, Refusal> {
    loop {
        let Kept { record, revision } = get(project, id).await?;
        let changed = transition(record.clone())?;
        if changed == record {
            return Ok(changed);
        }
        let batch = project.batch().update(&changed, revision);
        let (batch, told) = followed(services, project, &record, &changed, batch).await?;
        let batch = hooks::announce(services, project, batch, &told).await?;
        let batch = audit::append(project, batch, services.now(), acts(&record, &changed)).await?;
        match project.commit(batch).await {
            Ok(()) => {
                hooks::ring(services);
                tracing::info!(review = %id, state = changed.state(services.now()).as_str(), "review changed");
                return Ok(changed);
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the log says of a change.
fn acts(before: &Review, after: &Review) -> Vec<Act> {
    let mut acts = Vec::new();
    for answer in after.answers.iter().skip(before.answers.len()) {
        let mut detail = json!({ "value": answer.value, "reason": answer.reason });
        if answer.sighted {
            detail["sighted"] = json!(true);
        }
        acts.push(Act::new(&answer.reviewer, Action::ReviewAnswered, subject(after.id)).with(detail));
    }
    if let (None, Some(Resolution { value, reason, by, .. })) = (&before.resolution, &after.resolution) {
        let detail = json!({ "value": value, "reason": reason });
        acts.push(Act::new(by, Action::ReviewResolved, subject(after.id)).with(detail));
    }
    for one in after.taken_back.iter().skip(before.taken_back.len()) {
        let detail = json!({ "value": one.answer.value, "had_settled": one.had_settled });
        acts.push(Act::new(&one.answer.reviewer, Action::ReviewTakenBack, subject(after.id)).with(detail));
    }
    if let (None, Some(withdrawn)) = (&before.withdrawn, &after.withdrawn) {
        let detail = json!({ "reason": withdrawn.reason });
        acts.push(Act::new(&withdrawn.by, Action::ReviewWithdrawn, subject(after.id)).with(detail));
    }
    acts
}

/// Adds what follows from a review that is settled, or closed without an answer.
async fn followed(
    services: &Services,
    project: &ProjectStore,
    before: &Review,
    after: &Review,
    batch: Batch,
) -> Result<(Batch, Vec<Event>), Refusal> {
    let mut told = Vec::new();
    if before.is_pending() == after.is_pending() {
        return Ok((batch, told));
    }
    if after.is_pending() {
        return reopened(services, project, before, after, batch).await;
    }
    told.extend(hooks::events::review_resolved(after, services.now()));
    match (&after.about, &after.resolution) {
        (About::Criterion { grading_id, .. } | About::Discovery { grading_id }, resolution) => {
            let subject = subject_of(project, *grading_id).await?;
            let appended = resolution.as_ref().and_then(|one| decided(services, after, one));
            let batch = match &appended {
                Some(one) => learned(project, &subject, after, one, batch).await?,
                None => batch,
            };
            let changed = Changed { decision: appended.as_ref(), review: Some(after), score: None };
            let (batch, recomputed) = subject.recomputed(project, changed, batch).await?;
            told.extend(subject.told(appended.as_ref(), &recomputed));
            Ok((batch, told))
        }
        (About::Preference { a, b, .. }, Some(resolution)) => {
            Ok((preferred(services, project, after, (*a, *b), &resolution.value, batch).await?, told))
        }
        (About::Preference { .. } | About::Draft { .. }, _) => Ok((batch, told)),
    }
}

/// Takes back what an answer settled: a decision is withdrawn, so that the panel's verdict stands again; a preference is no
/// battle any more. What was said stays with the review and in the log.
async fn reopened(
    services: &Services,
    project: &ProjectStore,
    before: &Review,
    after: &Review,
    batch: Batch,
) -> Result<(Batch, Vec<Event>), Refusal> {
    let mut told = vec![hooks::events::review_required(after)];
    let grading = match &after.about {
        About::Criterion { grading_id, .. } | About::Discovery { grading_id } => *grading_id,
        About::Preference { .. } => return Ok((unpreferred(project, after, batch).await?, told)),
        About::Draft { .. } => return Ok((batch, told)),
    };
    let subject = subject_of(project, grading).await?;
    let decided = before.resolution.as_ref().and_then(|resolution| decided(services, before, resolution));
    let withdrawn = decided.map(|decided| {
        let (value, reason) = (OverrideValue::Withdrawn, "taken back by who answered".to_owned());
        Override { id: services.ids.next(), value, reason, ..decided }
    });
    let batch = match &withdrawn {
        Some(one) => remember::keep(project, &subject.grading, &subject.rubric.rubric, one, batch).await?,
        None => batch,
    };
    let changed = Changed { decision: withdrawn.as_ref(), review: Some(after), score: None };
    let (batch, recomputed) = subject.recomputed(project, changed, batch).await?;
    told.extend(subject.told(withdrawn.as_ref(), &recomputed));
    Ok((batch, told))
}

/// The decision that a settled question about a criterion is.
fn decided(services: &Services, review: &Review, resolution: &Resolution) -> Option<Override> {
    let (grading_id, criterion_id) = review.criterion()?;
    let decision = super::overrule::Decision {
        criterion_id: criterion_id.clone(),
        value: resolution.value.verdict()?.clone(),
        reason: resolution.reason.clone(),
        author: resolution.by.clone(),
        review_id: Some(review.id),
        failure: None,
    };
    Some(to_append(services, grading_id, &decision))
}

/// Adds what is learned from a decision: how often humans change what is asked for this reason, and the decision itself
/// for the next time.
async fn learned(
    project: &ProjectStore,
    subject: &Subject,
    review: &Review,
    one: &Override,
    batch: Batch,
) -> Result<Batch, Refusal> {
    let kept = project.get::<Odds>(Odds::KEY).await?;
    let (revision, odds) = match kept {
        Some(Kept { record, revision }) => (Some(revision), record),
        None => (None, Odds::default()),
    };
    let flipped = subject.panel_says(project, &one.criterion_id).await?.is_none_or(|said| !is_same(&said, &one.value));
    let odds = odds.with(&review.reason, flipped);
    let batch = match revision {
        Some(revision) => batch.update(&odds, revision),
        None => batch.insert(&odds),
    };
    remember::keep(project, &subject.grading, &subject.rubric.rubric, one, batch).await
}

fn is_same(said: &Verdict, value: &OverrideValue) -> bool {
    match (said, value) {
        (Verdict::Met, OverrideValue::Met)
        | (Verdict::Unmet, OverrideValue::Unmet)
        | (Verdict::Inconclusive(_), OverrideValue::Inconclusive) => true,
        (Verdict::Level { name, .. }, OverrideValue::Level(own)) => name == own,
        _ => false,
    }
}

/// A human's preference is a battle of its own: the judges' comparison stays what it is.
async fn preferred(
    services: &Services,
    project: &ProjectStore,
    review: &Review,
    (a, b): (SubmissionId, SubmissionId),
    said: &Said,
    batch: Batch,
) -> Result<Batch, Refusal> {
    let Said::Preference(winner) = said else { return Ok(batch) };
    let system = async |id: SubmissionId| match project.get::<Submission>(&id.to_string()).await? {
        Some(kept) => Ok(kept.record.system),
        None => Err(Refusal::not_found("submission", id)),
    };
    Ok(batch.insert(&Battle {
        id: services.ids.next(),
        model_a: system(a).await?,
        model_b: system(b).await?,
        winner: *winner,
        task_id: review.task_id.clone(),
        judge: Some(HUMAN.to_owned()),
        review_id: Some(review.id),
        created_at: services.now(),
    }))
}

/// Without the battle that a preference was.
async fn unpreferred(project: &ProjectStore, review: &Review, batch: Batch) -> Result<Batch, Refusal> {
    let of_task = review.task_id.as_ref().map_or_else(Query::default, |task| Query::link("task", task));
    let battles = project.all::<Battle>(of_task).await?;
    let its = battles.iter().filter(|battle| battle.review_id == Some(review.id));
    Ok(its.fold(batch, |batch, battle| batch.delete::<Battle>(&battle.id.to_string())))
}

/// The errors of a first pass, tidied.
#[must_use]
pub fn tidied(found: Vec<FoundError>) -> Vec<FoundError> {
    let tidy = |one: FoundError| FoundError {
        what: one.what.trim().to_owned(),
        place: one.place.map(|place| place.trim().to_owned()).filter(|place| !place.is_empty()),
        ..one
    };
    found.into_iter().map(tidy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_work_is_shown_first_is_a_fair_coin_of_question_and_person() {
        let people: Vec<Author> = (0..1_000).map(|n| Author::parse(format!("person{n}")).unwrap()).collect();
        let questions: Vec<ReviewId> =
            (1..=10_u128).map(|n| uuid::Uuid::from_u128(n << 64).to_string().parse().unwrap()).collect();
        let turned = |id| people.iter().filter(|person| is_turned(id, person)).count();
        let of_each: Vec<usize> = questions.iter().map(|id| turned(*id)).collect();
        // Four standard deviations of a thousand coins; these are always the same coins.
        assert!(of_each.iter().all(|heads| (437..=563).contains(heads)), "{of_each:?}");
        let of_one: Vec<bool> = questions.iter().map(|id| is_turned(*id, &people[0])).collect();
        assert!(of_one.contains(&true) && of_one.contains(&false), "one person sees both orders: {of_one:?}");
    }
}
