//! Replay: the kept replies of a grading are read again, without a call: after a change of the reader, of the parser or
//! of the look-up of evidence this tells which votes would be others. Nothing is changed.

use crate::domain::{Attempt, Cause, Grading, GradingId, Subject, Vote, VoteOutcome};
use crate::judge::CancellationToken as Cancel;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query, call_key};

use super::fan_out::{Call, settle, subject_prefix};
use super::journal::history;
use super::run::Plans;

/// A vote, and what its replies say today.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    pub vote: Vote,
    pub now: Now,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Now {
    /// The same answer or failure, resting on the same evidence.
    Same,
    /// The same answer, but its reason or its evidence is read otherwise.
    OtherEvidence(VoteOutcome),
    OtherAnswer(VoteOutcome),
    /// Nothing can be said, and why.
    Unknown(String),
}

/// Reads every vote's replies again, in the votes' order.
///
/// # Errors
/// If there is no such grading, or what it was made from cannot be read.
pub async fn replay(services: &Services, project: &ProjectStore, id: GradingId) -> Result<Vec<Replayed>, Refusal> {
    let Some(kept) = project.get::<Grading>(&id.to_string()).await? else {
        return Err(Refusal::not_found("grading", id));
    };
    let grading = kept.record;
    let mut votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?;
    let plans = Plans::of(services, project, &grading).await?;
    let mut replayed = Vec::with_capacity(votes.len());
    for spec in &grading.panel.judges {
        for call in plans.calls(spec) {
            let call = call?;
            let Some(at) = votes.iter().position(|vote| vote.key == call.key) else { continue };
            let vote = votes.swap_remove(at);
            let now = read_again(services, project, &grading, call, &vote).await?;
            replayed.push(Replayed { vote, now });
        }
    }
    let unasked = "nobody was asked: there was nothing to show to this judge".to_owned();
    replayed.extend(votes.into_iter().map(|vote| Replayed { vote, now: Now::Unknown(unasked.clone()) }));
    replayed.sort_by(|a, b| a.vote.key.cmp(&b.vote.key));
    Ok(replayed)
}

async fn read_again(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    call: Call,
    vote: &Vote,
) -> Result<Now, Refusal> {
    let Some(judge) = call.judge.clone() else {
        return Ok(Now::Unknown(format!("judge `{}` is not configured; configure it", vote.key.judge)));
    };
    // A taken over answer's replies are with the call that brought it.
    let call = Call { key: vote.from.as_deref().unwrap_or(&vote.key).clone(), ..call };
    let attempts = project.all::<Attempt>(Query::prefix(format!("{}/", call_key(&call.key)))).await?;
    if attempts.is_empty() {
        return Ok(Now::Unknown("nobody was asked".to_owned()));
    }
    let since = grading.retried_at.filter(|retried| vote.from.is_none() && vote.created_at > *retried);
    let stopped = Cancel::new();
    stopped.cancel();
    let settled = settle(services, project, &call, &judge, history(attempts, since), &stopped).await?;
    let outcome = match settled.opinion {
        Ok(opinion) => VoteOutcome::Answered(opinion),
        // What settled it then does not settle it now: today the judge would be asked once more.
        Err((Cause::Cancelled, _)) if matches!(vote.outcome, VoteOutcome::Answered(_)) => {
            let detail = "the replies that are kept hold no answer that can be read today".to_owned();
            VoteOutcome::Failed { cause: Cause::Unparseable, detail }
        }
        Err((Cause::Cancelled, _)) => return Ok(Now::Same),
        Err((cause, detail)) => VoteOutcome::Failed { cause, detail },
    };
    Ok(match (&vote.outcome, &outcome) {
        (VoteOutcome::Failed { cause: then, .. }, VoteOutcome::Failed { cause: now, .. }) if then == now => Now::Same,
        (VoteOutcome::Answered(then), VoteOutcome::Answered(now)) if then == now => Now::Same,
        (VoteOutcome::Answered(then), VoteOutcome::Answered(now)) if then.answer == now.answer => {
            Now::OtherEvidence(outcome)
        }
        _ => Now::OtherAnswer(outcome),
    })
}
