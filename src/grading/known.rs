//! Answers that are known: the same words to the same judge were answered before. A vote takes over the answer and
//! says whose it is; it costs nothing. A grading after a change of the rubric so pays only for the criteria that
//! changed. What counts as the same: everything that the judge is sent, the judge by name and settings (two judges with
//! the same model are two opinions), which repeat it is, and of a comparison the order. A failure is never taken over.

use crate::domain::{CachePolicy, Fingerprint, KnownAnswer, Question, SharedCall, Usage, Vote, VoteOutcome};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{Batch, ProjectStore, call_key};

use super::call::{Call, fingerprint};

fn identity(call: &Call) -> Fingerprint {
    let order = match &call.key.question {
        // What a criterion is called is not part of what the judge is asked.
        Question::Criterion(_) | Question::Criteria(_) | Question::Rubric => None,
        Question::Order(order) => Some(order),
    };
    let alone = (&call.prompt.fingerprint, &call.key.judge, &call.judged_by, call.key.repeat, order);
    // What was answered among other criteria is not what would be answered alone.
    if call.among_others { Fingerprint::of(&(alone, "batch")) } else { Fingerprint::of(&alone) }
}

/// The vote that this call would bring, if its answer is known.
///
/// # Errors
/// As the store.
pub(super) async fn find(services: &Services, project: &ProjectStore, call: &Call) -> Result<Option<Vote>, Refusal> {
    if call.cache == CachePolicy::Off {
        return Ok(None);
    }
    let Some(known) = project.get::<KnownAnswer>(identity(call).as_str()).await? else { return Ok(None) };
    let Some(vote) = project.get::<Vote>(&call_key(&known.record.vote)).await? else { return Ok(None) };
    let vote = vote.record;
    // It may have been asked again since, and may say something else or nothing.
    let same = vote.id == known.record.id && vote.fingerprint.judge == call.judged_by;
    if !same || !matches!(vote.outcome, VoteOutcome::Answered(_)) {
        return Ok(None);
    }
    Ok(Some(Vote {
        id: services.ids.next(),
        key: call.key.clone(),
        usage: Usage::default(),
        cost_usd: Some(0.0),
        latency_ms: 0,
        attempts: 0,
        shared: vote.shared.map(|shared| Box::new(SharedCall { counted: 0, ..*shared })),
        from: Some(Box::new(vote.from.as_deref().cloned().unwrap_or(vote.key))),
        fingerprint: crate::domain::VoteFingerprint { prompt: vote.fingerprint.prompt, ..fingerprint(call) },
        created_at: services.now(),
        outcome: vote.outcome,
        model: vote.model,
    }))
}

/// The questions among these whose answers are known, with the votes that they would bring.
///
/// # Errors
/// As the store.
pub(super) async fn among(services: &Services, project: &ProjectStore, calls: &[Call]) -> Result<Vec<Vote>, Refusal> {
    let mut known = Vec::new();
    for call in calls {
        known.extend(find(services, project, call).await?);
    }
    Ok(known)
}

/// Makes the vote's answer known, together with keeping the vote.
pub(super) fn keep(batch: Batch, call: &Call, vote: &Vote) -> Batch {
    let answered = matches!(vote.outcome, VoteOutcome::Answered(_)) && vote.attempts > 0;
    if call.cache != CachePolicy::On || !answered {
        return batch;
    }
    batch.put(&KnownAnswer { question: identity(call), vote: vote.key.clone(), id: vote.id })
}
