//! What can be told, made from what is kept. Thin: ids, states and numbers, enough to know what to fetch. No
//! deliverable's content, no judge's or human's reasons; and no system's name in what is about reviews, because who
//! reviews is blind and may read the same channel.

use serde_json::{Value, json};

use crate::domain::{
    About, Comparison, ComparisonId, ComparisonState, EventType, Grading, GradingState, Id, Override, OverrideValue,
    Review, ReviewState, ScoreOverride, Status, Subject, Timestamp,
};

/// Something that happened to a grading or a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub event: EventType,
    /// Whose events arrive in this order.
    pub subject: Subject,
    pub data: Value,
}

/// The panel has spoken, or a human's decision has just completed it. `None` for a grading that has not ended so.
#[must_use]
pub fn grading_ended(grading: &Grading) -> Option<Event> {
    let event = match grading.status() {
        Status::Completed | Status::AwaitingReview => EventType::GradingCompleted,
        Status::Partial => EventType::GradingPartial,
        Status::Failed => EventType::GradingFailed,
        Status::Queued | Status::Running | Status::Cancelled => return None,
    };
    let GradingState::Judged { at, result } = &grading.state else { return None };
    let mut data = about(grading);
    data["review"] = json!({"required": result.open_reviews > 0, "open": result.open_reviews});
    let calls = result.calls;
    data["calls"] = json!({"planned": calls.planned, "done": calls.done, "failed": calls.failed});
    data["completed_at"] = json!(at);
    Some(Event { event, subject: Subject::Grading(grading.id), data })
}

/// What every event of a grading says of it.
fn about(grading: &Grading) -> Value {
    let score = grading.result().map(|result| &result.score);
    json!({
        "grading_id": grading.id,
        "status": grading.status().as_str(),
        "submission_id": grading.submission_id,
        "task_id": grading.task_id,
        "system": grading.system,
        "rubric": {"id": grading.rubric.id, "version": grading.rubric.version},
        "panel": grading.panel.name,
        "score": {"value": score.and_then(|score| score.value), "coverage": score.map(|score| score.coverage)},
    })
}

/// A question waits for humans.
#[must_use]
pub fn review_required(review: &Review) -> Event {
    let mut data = question(review);
    data["reviewers"] = json!(review.reviewers);
    data["stake"] = json!(review.stake());
    Event { event: EventType::ReviewRequired, subject: subject(review), data }
}

/// Humans have answered. `None` while they have not.
#[must_use]
pub fn review_resolved(review: &Review, now: Timestamp) -> Option<Event> {
    let resolution = review.resolution.as_ref()?;
    let mut data = question(review);
    let state = review.state(now);
    data["state"] = json!(if state == ReviewState::Agreed { "agreed" } else { "resolved" });
    data["value"] = json!(resolution.value.verdict().map(OverrideValue::as_str));
    data["resolved_at"] = json!(resolution.at);
    Some(Event { event: EventType::ReviewResolved, subject: subject(review), data })
}

/// What a question belongs to: its grading, or the judges' comparison. One that belongs to neither stands for itself.
fn subject(review: &Review) -> Subject {
    match &review.about {
        About::Criterion { grading_id, .. } | About::Discovery { grading_id } => Subject::Grading(*grading_id),
        About::Preference { comparison_id: Some(id), .. } => Subject::Comparison(*id),
        About::Preference { .. } | About::Draft { .. } => {
            Subject::Comparison(ComparisonId::from_uuid(review.id.uuid()))
        }
    }
}

/// Neither why it was opened (it tells how the judges differ) nor whose work it is.
fn question(review: &Review) -> Value {
    json!({
        "review_id": review.id,
        "kind": review.about.kind(),
        "grading_id": review.about.grading_id(),
        "task_id": review.task_id,
        "criterion_id": review.criterion().map(|(_, id)| id),
    })
}

/// A human's decision was appended, directly or by a review; the grading as it is with it.
#[must_use]
pub fn verdict_overridden(one: &Override, grading: &Grading) -> Event {
    let mut data = about(grading);
    data["override_id"] = json!(one.id);
    data["criterion_id"] = json!(one.criterion_id);
    data["value"] = json!(one.value.as_str());
    data["review_id"] = json!(one.review_id);
    data["author"] = json!(one.author);
    Event { event: EventType::VerdictOverridden, subject: Subject::Grading(one.grading_id), data }
}

/// A human set a score, or let the computed one stand again; the grading as it is with it.
#[must_use]
pub fn score_overridden(one: &ScoreOverride, grading: &Grading) -> Event {
    let mut data = about(grading);
    data["override_id"] = json!(one.id);
    data["criterion_id"] = Value::Null;
    data["value"] = Value::Null;
    data["set_score"] = json!(one.value);
    data["review_id"] = Value::Null;
    data["author"] = json!(one.author);
    Event { event: EventType::VerdictOverridden, subject: Subject::Grading(one.grading_id), data }
}

/// What a human's decision changes: the decision, and the grading's completion where the last question was answered by
/// it.
#[must_use]
pub fn decided(one: &Override, before: Status, after: &Grading) -> Vec<Event> {
    let completed = before == Status::AwaitingReview && after.status() == Status::Completed;
    let told = verdict_overridden(one, after);
    std::iter::once(told).chain(grading_ended(after).filter(|_| completed)).collect()
}

/// Both orders were judged, as far as judges answered. `None` for a comparison that has not ended.
#[must_use]
pub fn comparison_completed(comparison: &Comparison) -> Option<Event> {
    let ComparisonState::Judged { at, result } = &comparison.state else { return None };
    let data = json!({
        "comparison_id": comparison.id,
        "status": comparison.status().as_str(),
        "task_id": comparison.task_id,
        "a": {"submission_id": comparison.a, "system": comparison.system_a},
        "b": {"submission_id": comparison.b, "system": comparison.system_b},
        "panel": comparison.panel.name,
        "outcome": result.outcome,
        "calls": {"planned": result.calls.planned, "done": result.calls.done, "failed": result.calls.failed},
        "completed_at": at,
    });
    Some(Event { event: EventType::ComparisonCompleted, subject: Subject::Comparison(comparison.id), data })
}
