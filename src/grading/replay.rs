//! Replay: the kept replies of a grading are read again, without a call: after a change of the reader, of the parser or
//! of the look-up of evidence this tells which votes would be others. Nothing is changed.

use std::collections::HashSet;

use crate::domain::{CallKey, Cause, Grading, GradingId, Opinion, Subject, Vote, VoteOutcome};
use crate::judge::CancellationToken as Cancel;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

use super::ask::{attempts, settle};
use super::call::{Bundle, Call, Errand, subject_prefix};
use super::journal::history;
use super::plan::Plan;
use super::several::{first_call, settle_all};

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
    let plan = Plan::of(services, project, &grading).await?;
    let none = HashSet::new();
    let mut replayed = Vec::with_capacity(votes.len());
    for spec in &grading.panel.judges {
        for errand in plan.errands(&none, spec) {
            match errand? {
                Errand::One(call) => {
                    let Some(at) = votes.iter().position(|vote| vote.key == call.key) else { continue };
                    let vote = votes.swap_remove(at);
                    let now = read_again(services, project, &grading, *call, &vote).await?;
                    replayed.push(Replayed { vote, now });
                }
                Errand::Several(mut bundle) => {
                    // Each call that put some of its criteria, by itself.
                    while let Some(first) = votes.iter().find_map(|vote| first_of(&bundle, vote)) {
                        let together = |vote: &Vote| first_of(&bundle, vote).as_ref() == Some(&first);
                        let (of_call, others) = votes.into_iter().partition(together);
                        votes = others;
                        let of_call: Vec<Vote> = of_call;
                        let asked = bundle.split_off(|call| of_call.iter().any(|vote| vote.key == call.key));
                        replayed.extend(read_all_again(services, project, &grading, asked, &first, of_call).await?);
                    }
                }
            }
        }
    }
    let unread = |vote: &Vote| match vote.from {
        Some(_) => "the answer was taken over from a call with several criteria; replay the grading that made it",
        None => "nobody was asked: there was nothing to show to this judge",
    };
    replayed.extend(votes.into_iter().map(|vote| Replayed { now: Now::Unknown(unread(&vote).to_owned()), vote }));
    replayed.sort_by(|a, b| a.vote.key.cmp(&b.vote.key));
    Ok(replayed)
}

/// The first call in which a vote's criterion was asked, if that was one of this bundle's calls.
fn first_of(bundle: &Bundle, vote: &Vote) -> Option<CallKey> {
    let shared = vote.shared.as_ref().filter(|_| vote.from.is_none())?;
    bundle.calls.iter().any(|call| call.key == vote.key).then(|| shared.first.clone())
}

async fn read_all_again(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    mut bundle: Bundle,
    first: &CallKey,
    votes: Vec<Vote>,
) -> Result<Vec<Replayed>, Refusal> {
    let unknown = |why: &str| {
        let unknown = |vote| Replayed { vote, now: Now::Unknown(why.to_owned()) };
        Ok(votes.clone().into_iter().map(unknown).collect())
    };
    let rounds = [String::new(), grading.retried_at.map(|at| at.to_string()).unwrap_or_default()];
    if rounds.into_iter().all(|round| first_call(&bundle, round) != *first) {
        return unknown("some of the criteria that were asked in the same call have been asked again since");
    }
    let Some(judge) = bundle.calls.first().and_then(|call| call.judge.clone()) else {
        return unknown("its judge is not configured; configure it");
    };
    let stopped = Cancel::new();
    stopped.cancel();
    let settled = settle_all(services, project, &mut bundle, &judge, first, &stopped).await?;
    let mut replayed = Vec::with_capacity(votes.len());
    for (call, one) in bundle.calls.iter().zip(settled) {
        let Some(vote) = votes.iter().find(|vote| vote.key == call.key) else { continue };
        replayed.push(Replayed { vote: vote.clone(), now: compare(vote, one.outcome) });
    }
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
    let attempts = attempts(services, project, &call.key).await?;
    if attempts.is_empty() {
        return Ok(Now::Unknown("nobody was asked".to_owned()));
    }
    let since = grading.retried_at.filter(|retried| vote.from.is_none() && vote.created_at > *retried);
    let stopped = Cancel::new();
    stopped.cancel();
    let settled = settle(services, project, &call, &judge, history(attempts, since), &stopped).await?;
    Ok(compare(vote, settled.opinion))
}

/// What was read then against what is read now.
fn compare(vote: &Vote, now: Result<Opinion, (Cause, String)>) -> Now {
    let outcome = match now {
        Ok(opinion) => VoteOutcome::Answered(opinion),
        // What settled it then does not settle it now: today the judge would be asked once more.
        Err((Cause::Cancelled, _)) if matches!(vote.outcome, VoteOutcome::Answered(_)) => {
            let detail = "the replies that are kept hold no answer that can be read today".to_owned();
            VoteOutcome::Failed { cause: Cause::Unparseable, detail }
        }
        Err((Cause::Cancelled, _)) => return Now::Same,
        Err((cause, detail)) => VoteOutcome::Failed { cause, detail },
    };
    match (&vote.outcome, &outcome) {
        (VoteOutcome::Failed { cause: then, .. }, VoteOutcome::Failed { cause: now, .. }) if then == now => Now::Same,
        (VoteOutcome::Answered(then), VoteOutcome::Answered(now)) if then == now => Now::Same,
        (VoteOutcome::Answered(then), VoteOutcome::Answered(now)) if then.answer == now.answer => {
            Now::OtherEvidence(outcome)
        }
        _ => Now::OtherAnswer(outcome),
    }
}
