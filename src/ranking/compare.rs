//! Two submissions of one task before the panel, in both orders. A judge whose answer flips with the order has
//! said nothing about the work: a tie, marked `order_inconsistent`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::by_criterion::{self, Criteria};
use crate::domain::{
    About, Answer, CallCounts, CallKey, Cause, Comparison, ComparisonId, ComparisonResult, ComparisonState, Extract,
    Finding, JudgeName, JudgePreference, JudgeSpec, Order, Panel, PanelName, Preference, Prefix, Question, Review,
    RubricRef, Senses, Subject, Submission, SubmissionId, SystemName, Task, TaskId, Usage, Vote, VoteOutcome,
};
use crate::grading::accept::{calls, choose_panel};
use crate::grading::call::{self, Call, Earlier, Errand, as_said, nothing_to_show, subject_prefix};
use crate::grading::escalate::{Reason, lot};
use crate::grading::fan_out::{Lane, fan_out};
use crate::grading::plan::read_files;
use crate::grading::quote::Quote;
use crate::grading::sight;
use crate::hooks;
use crate::refusal::Refusal;
use crate::services::{Progress, Services};
use crate::store::{Kept, ProjectStore, Query, StoreError, part};
use crate::verdict::Shown;

/// Checks a comparison and makes its record; the caller keeps it.
///
/// # Errors
/// If the task, a submission or the panel is unknown, the two are not two submissions of that task, or there are no
/// criteria to ask about.
pub async fn accept(
    services: &Services,
    project: &ProjectStore,
    task_id: &TaskId,
    (a, b): (SubmissionId, SubmissionId),
    panel: Option<&PanelName>,
    criteria: Criteria,
) -> Result<Comparison, Refusal> {
    if a == b {
        return Err(Refusal::invalid("/b", "is the same submission as `a`; compare two"));
    }
    if project.get::<Task>(&part(task_id.as_str())).await?.is_none() {
        return Err(Refusal::invalid("/task_id", format!("there is no task `{task_id}`")));
    }
    let of_task = async |pointer: &str, id: SubmissionId| -> Result<Submission, Refusal> {
        let Some(kept) = project.get::<Submission>(&id.to_string()).await? else {
            return Err(Refusal::invalid(pointer, format!("there is no submission `{id}`")));
        };
        if kept.record.task_id.as_ref() != Some(task_id) {
            return Err(Refusal::invalid(pointer, format!("submission `{id}` is not of task `{task_id}`")));
        }
        Ok(kept.record)
    };
    let (first, second) = (of_task("/a", a).await?, of_task("/b", b).await?);
    let panel = choose_panel(services, panel, None)?;
    let rubric = by_criterion::rubric(project, task_id, criteria).await?;
    queued(services, task_id.clone(), (a, first.system), (b, second.system), panel, rubric)
}

/// The record of a comparison whose parts are known to be there.
///
/// # Errors
/// If it is more calls than one comparison may be, or too few judges are of another family than the systems.
pub fn queued(
    services: &Services,
    task_id: TaskId,
    (a, system_a): (SubmissionId, SystemName),
    (b, system_b): (SubmissionId, SystemName),
    panel: Panel,
    rubric: Option<RubricRef>,
) -> Result<Comparison, Refusal> {
    let panel = panel.for_systems(&[&system_a, &system_b]).map_err(|why| Refusal::invalid("/panel", why))?;
    Ok(Comparison {
        id: services.ids.next(),
        task_id,
        a,
        b,
        system_a,
        system_b,
        calls_planned: calls(2, &panel)?,
        panel,
        rubric,
        state: ComparisonState::Queued,
        created_at: services.now(),
    })
}

/// Of more comparisons than this, so many of them are looked at, evenly spread.
pub const QUOTED: usize = 40;

/// What comparisons would cost: the same plan, the same prompts, no call. The second part tells of how many it was
/// found out; the rest is taken to cost as much on average.
///
/// # Errors
/// As running them would have, before their first call.
pub async fn quote(
    services: &Services,
    project: &ProjectStore,
    comparisons: &[Comparison],
) -> Result<(Quote, usize), Refusal> {
    let mut quote = Quote { usd: Some(0.0), measured: true, ..Quote::default() };
    let looked_at = comparisons.len().min(QUOTED);
    for at in 0..looked_at {
        let comparison = &comparisons[at * comparisons.len() / looked_at];
        for (call, nothing) in plan(services, project, comparison, &[]).await?.calls {
            let spec = comparison.panel.judges.iter().find(|spec| spec.name == call.key.judge);
            let (None, Some(judge), Some(spec)) = (nothing, &call.judge, spec) else { continue };
            // Each order of each pair begins in its own way: nothing comes from a cache.
            let estimate = judge.estimate(&call.prompt, false);
            quote.calls += 1;
            quote.usage += estimate.usage;
            quote.measured &= estimate.measured;
            let share = if call.by_batch { judge.batch_share() } else { 1.0 };
            quote.usd = quote.usd.zip(spec.price).map(|(usd, price)| usd + price.of(estimate.usage) * share);
        }
    }
    if looked_at > 0 && looked_at < comparisons.len() {
        let times = comparisons.len() as f64 / looked_at as f64;
        let scaled = |n: u64| (n as f64 * times).round() as u64;
        let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens } =
            quote.usage;
        quote.usage = Usage {
            input_tokens: scaled(input_tokens),
            cached_input_tokens: scaled(cached_input_tokens),
            cache_write_tokens: scaled(cache_write_tokens),
            output_tokens: scaled(output_tokens),
            reasoning_tokens: scaled(reasoning_tokens),
        };
        quote.calls = u32::try_from(scaled(u64::from(quote.calls))).unwrap_or(u32::MAX);
        quote.usd = quote.usd.map(|usd| usd * times);
    }
    Ok((quote, looked_at))
}

/// Takes a comparison as far as it goes.
///
/// # Errors
/// If the store cannot; it is then taken up again later.
pub async fn run(services: &Services, project: &ProjectStore, id: ComparisonId) -> Result<(), Refusal> {
    let subject = Subject::Comparison(id);
    let key = id.to_string();
    let Some(Kept { record: mut comparison, revision }) = project.get::<Comparison>(&key).await? else {
        return Err(Refusal::not_found("comparison", id));
    };
    if matches!(comparison.state, ComparisonState::Judged { .. }) {
        // It ended between being found in the queue and being taken.
        return Ok(());
    }
    let fresh = matches!(comparison.state, ComparisonState::Queued);
    let votes = project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let progress = Progress { planned: comparison.calls_planned, done: count(votes.len()), failed: 0 };
    let cancel = services.running.begin(subject, progress);
    comparison.state = ComparisonState::Running { started_at: services.now() };
    project.commit(project.batch().update(&comparison, revision)).await?;

    let mut by_judge: BTreeMap<JudgeName, Vec<Call>> = BTreeMap::new();
    let mut batch = project.batch();
    let Plan { calls, for_judges } = plan(services, project, &comparison, &votes).await?;
    for (call, nothing) in calls {
        match nothing {
            Some(reason) => batch = batch.put(&nothing_to_show(services, &call, reason)),
            None => by_judge.entry(call.key.judge.clone()).or_default().push(call),
        }
    }
    project.commit(batch).await?;
    let earlier = if fresh { Earlier::None } else { Earlier::Since(None) };
    let lane = |spec: &JudgeSpec| {
        // Each order begins in its own way.
        Lane::new(
            services,
            &comparison.panel,
            spec,
            1,
            by_judge.remove(&spec.name).unwrap_or_default().into_iter().map(|call| Ok(Errand::One(Box::new(call)))),
        )
    };
    let lanes = comparison.panel.judges.iter().map(lane).collect();
    let purse = services.purses.of(project, services.now(), &services.replicas).await?;
    if !fan_out(services, project, subject, lanes, earlier, &[&purse], &cancel).await? {
        return Ok(());
    }
    let votes = project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
    let Some(Kept { record: mut comparison, revision }) = project.get::<Comparison>(&key).await? else {
        return Err(Refusal::not_found("comparison", id));
    };
    comparison.state = ComparisonState::Judged { at: services.now(), result: decide(&comparison, &votes) };
    let mut told: Vec<_> = hooks::events::comparison_completed(&comparison).into_iter().collect();
    let mut batch = project.batch().update(&comparison, revision);
    if let Some(review) = for_humans(services, &comparison, for_judges) {
        told.push(hooks::events::review_required(&review));
        batch = batch.insert(&review);
    }
    project.commit(hooks::announce(services, project, batch, &told).await?).await?;
    hooks::ring(services);
    tracing::info!(comparison = %id, a = %comparison.system_a, b = %comparison.system_b, status = comparison.status().as_str(), "comparison judged");
    Ok(())
}

/// Whether a human's preference is asked, by the panel's policy: where judges prefer different sides, where a side speaks
/// to its judges, and of all else a share that is drawn at random.
fn for_humans(services: &Services, comparison: &Comparison, for_judges: bool) -> Option<Review> {
    let ComparisonState::Judged { result, .. } = &comparison.state else { return None };
    let policy = &comparison.panel.review;
    let mut said = result.judges.iter().filter_map(|judge| judge.outcome);
    let is_split = said.next().is_some_and(|first| said.any(|other| other != first));
    let (reason, probability) = match () {
        () if policy.split_comparison && is_split => ("split", 1.0),
        () if policy.judge_instruction && for_judges => (Reason::JudgeInstruction.as_str(), 1.0),
        () if lot(comparison.id, "comparison") < policy.comparison_share => ("audit", policy.comparison_share),
        () => return None,
    };
    let about = About::Preference { a: comparison.a, b: comparison.b, comparison_id: Some(comparison.id) };
    Some(Review {
        task_id: Some(comparison.task_id.clone()),
        selection_probability: Some(probability),
        reviewers: policy.reviewers,
        ..Review::new(services.ids.next(), about, reason, services.now())
    })
}

/// What judges that take the same input see in one order, and where their quotes are looked up.
type Sight = (Arc<Prefix>, Arc<Shown>);

/// What a comparison takes.
struct Plan {
    /// The calls that are owed; with a reason, those that are not made, because the judge can be shown nothing of one side.
    calls: Vec<(Call, Option<String>)>,
    /// One of the two says something to its judges.
    for_judges: bool,
}

async fn plan(
    services: &Services,
    project: &ProjectStore,
    comparison: &Comparison,
    votes: &[Vote],
) -> Result<Plan, Refusal> {
    let missing = |kind: &str, key: String| {
        let detail = format!("comparison {} refers to it, and it is not kept", comparison.id);
        Refusal::Store(StoreError::Corrupt { kind: kind.to_owned(), key, detail })
    };
    let key = part(comparison.task_id.as_str());
    let task = project.get::<Task>(&key).await?.ok_or_else(|| missing("task", key))?.record;
    let criteria = by_criterion::of_comparison(project, comparison).await?;
    let references = match task.references.is_empty() {
        true => None,
        false => Some(Arc::new(read_files(services, &task.references, None).await?)),
    };
    let mut sides = Vec::with_capacity(2);
    let mut looks = Vec::with_capacity(2);
    for id in [comparison.a, comparison.b] {
        let key = id.to_string();
        let submission = project.get::<Submission>(&key).await?.ok_or_else(|| missing("submission", key))?.record;
        let side = Arc::new(read_files(services, &submission.files, submission.text).await?);
        let judges = &comparison.panel.judges;
        looks.push(sight::looks(services, judges, &submission.files, &side, references.as_ref(), 2).await?);
        sides.push(side);
    }
    let settled: BTreeMap<&CallKey, &Vote> = votes.iter().map(|vote| (&vote.key, vote)).collect();
    let mut prefixes: BTreeMap<(u64, Senses, Order), Sight> = BTreeMap::new();
    let mut planned = Vec::new();
    for order in [Order::AFirst, Order::BFirst] {
        let (first, second) = match order {
            Order::AFirst => (&looks[0], &looks[1]),
            Order::BFirst => (&looks[1], &looks[0]),
        };
        for spec in &comparison.panel.judges {
            let (Some(first), Some(second)) = (first.of(spec), second.of(spec)) else { continue };
            let (a, b) = if order == Order::AFirst { (first, second) } else { (second, first) };
            let sides_with = [("a", &a.nothing), ("b", &b.nothing)];
            let nothing = sides_with.into_iter().find_map(|(name, why)| Some((name, why.as_ref()?)));
            let nothing = nothing.map(|(name, why)| format!("{why}; this is submission `{name}`"));
            let (prefix, shown) =
                prefixes.entry((spec.max_input_chars, first.senses.clone(), order)).or_insert_with(|| {
                    let (chars, vision) = (spec.max_input_chars, spec.vision);
                    let (references, first, second) =
                        (first.references.as_ref(), &first.deliverable, &second.deliverable);
                    let pair = services.templates.prefix_pair(&task.prompt, references, first, second, chars, vision);
                    let shown = Arc::new(Shown::of(&pair.prefix.deliverables, &pair.origins));
                    (pair.prefix, shown)
                });
            for repeat in 0..comparison.panel.repeats {
                let key = CallKey {
                    subject: Subject::Comparison(comparison.id),
                    judge: spec.name.clone(),
                    repeat,
                    question: Question::Order(order),
                };
                if settled.contains_key(&key) {
                    continue;
                }
                let prompt = match &criteria {
                    None => services.templates.pairwise(prefix, &task.prompt),
                    Some(criteria) => services.templates.pairwise_by(prefix, &task.prompt, criteria),
                };
                let prompt =
                    prompt.map_err(|e| Refusal::invalid("/task_id", format!("the task cannot be asked: {e}")))?;
                let (judge, judged_by) = call::judge(services, spec);
                let call = Call {
                    key,
                    judge,
                    judged_by,
                    prompt,
                    shown: shown.clone(),
                    cuts: None,
                    turn: if order == Order::AFirst { as_said } else { mirrored },
                    cache: comparison.panel.cache,
                    among_others: false,
                    by_batch: comparison.panel.provider_batch,
                    rubric: comparison.rubric.as_ref().map(|rubric| rubric.fingerprint.clone()),
                    reader: sides[0].readers_fingerprint(),
                    files: crate::domain::Fingerprint::of(&[
                        sides[0].files_fingerprint(),
                        sides[1].files_fingerprint(),
                    ]),
                };
                planned.push((call, nothing.clone()));
            }
        }
    }
    let found = |side: &Arc<Extract>| side.files.iter().flat_map(|file| &file.findings).any(Finding::is_for_judges);
    Ok(Plan { calls: planned, for_judges: sides.iter().any(found) })
}

fn mirrored(answer: Answer) -> Answer {
    match answer {
        Answer::Prefers(preference) => Answer::Prefers(preference.mirrored()),
        other => other,
    }
}

/// The panel's outcome: each judge over both orders first, then more than half of the judges that said something.
#[must_use]
pub fn decide(comparison: &Comparison, votes: &[Vote]) -> ComparisonResult {
    let panel = &comparison.panel;
    let judges: Vec<JudgePreference> = panel
        .judges
        .iter()
        .map(|spec| one_judge(&spec.name, votes.iter().filter(|vote| vote.key.judge == spec.name)))
        .collect();
    let (outcome, note) = panel_outcome(panel, &judges);
    let failed = votes.iter().filter(|vote| matches!(vote.outcome, VoteOutcome::Failed { .. })).count();
    let mut usage = Usage::default();
    for vote in votes {
        usage += vote.usage;
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ComparisonResult {
        outcome,
        note,
        judges,
        calls: CallCounts {
            planned: comparison.calls_planned,
            spared: 0,
            done: count(votes.len()),
            failed: count(failed),
            made: votes.iter().map(Vote::calls).sum(),
        },
        usage,
        cost_usd: votes.iter().map(|vote| if vote.attempts == 0 { Some(0.0) } else { vote.cost_usd }).sum(),
    }
}

fn one_judge<'a>(judge: &crate::domain::JudgeName, votes: impl Iterator<Item = &'a Vote>) -> JudgePreference {
    let mut by_order: BTreeMap<Order, Vec<Preference>> = BTreeMap::new();
    let mut failed: Option<Cause> = None;
    for vote in votes {
        match (&vote.outcome, &vote.key.question) {
            (VoteOutcome::Answered(opinion), Question::Order(order)) => {
                if let Answer::Prefers(preference) = opinion.answer {
                    by_order.entry(*order).or_default().push(preference);
                }
            }
            (VoteOutcome::Failed { cause, .. }, _) => failed = Some(*cause),
            _ => {}
        }
    }
    let of = |order| by_order.get(&order).and_then(|said| most(said));
    let (outcome, order_inconsistent) = match (of(Order::AFirst), of(Order::BFirst)) {
        (Some(one), Some(other)) if one == other => (Some(one), false),
        (Some(_), Some(_)) => (Some(Preference::Tie), true),
        // One order alone may be nothing but a liking for the first place.
        _ => (None, false),
    };
    JudgePreference { judge: judge.clone(), outcome, order_inconsistent, failed }
}

/// What more than half of the repeats said.
pub(super) fn most<T: Copy + PartialEq>(said: &[T]) -> Option<T> {
    said.iter().copied().find(|candidate| said.iter().filter(|other| *other == candidate).count() * 2 > said.len())
}

/// What the panel says, given what each judge said over both orders; and why it says nothing, or a remark.
pub(super) fn panel_outcome(panel: &Panel, judges: &[JudgePreference]) -> (Option<Preference>, Option<String>) {
    let said: Vec<Preference> = judges.iter().filter_map(|judge| judge.outcome).collect();
    if said.is_empty() || (said.len() as u32) < panel.quorum {
        return (
            None,
            Some(format!("below_quorum: {} of {} judges answered in both orders", said.len(), panel.quorum)),
        );
    }
    let flipped = judges.iter().filter(|judge| judge.order_inconsistent).count();
    let note = (flipped > 0)
        .then(|| format!("order_inconsistent: {flipped} of {} judges changed with the order", judges.len()));
    match most(&said) {
        Some(outcome) => (Some(outcome), note),
        None => (None, Some("tied: no outcome has more than half of the judges".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Id, Opinion, Timestamp};
    use crate::grading::testing;

    fn comparison(judges: usize, quorum: u32) -> Comparison {
        Comparison {
            id: ComparisonId::from_uuid(uuid::Uuid::nil()),
            task_id: TaskId::parse("t").unwrap(),
            a: SubmissionId::from_uuid(uuid::Uuid::from_u128(1)),
            b: SubmissionId::from_uuid(uuid::Uuid::from_u128(2)),
            system_a: crate::domain::SystemName::parse("a").unwrap(),
            system_b: crate::domain::SystemName::parse("b").unwrap(),
            panel: testing::panel(judges, quorum),
            rubric: None,
            state: ComparisonState::Queued,
            calls_planned: 2 * judges as u32,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Each judge's answers with `a` first and with `b` first, already in the comparison's own terms.
    fn outcome(judges: &[(Option<Preference>, Option<Preference>)], quorum: u32) -> ComparisonResult {
        let mut votes = Vec::new();
        for (index, (a_first, b_first)) in judges.iter().enumerate() {
            for (order, said) in [(Order::AFirst, a_first), (Order::BFirst, b_first)] {
                let mut vote = testing::votes("c", &[(&format!("j{index}"), 0, testing::failed())]).remove(0);
                vote.key.question = Question::Order(order);
                if let Some(preference) = said {
                    let answer = Answer::Prefers(*preference);
                    vote.outcome = VoteOutcome::Answered(Opinion {
                        answer,
                        reason: String::new(),
                        confidence: None,
                        evidence: vec![],
                        cut: None,
                        by_criterion: None,
                    });
                }
                votes.push(vote);
            }
        }
        decide(&comparison(judges.len(), quorum), &votes)
    }

    use Preference::{A, B, BothBad, Tie};

    #[test]
    fn an_answer_that_flips_with_the_order_is_a_tie_and_says_so() {
        let flipped = outcome(&[(Some(A), Some(B))], 1);
        assert_eq!(flipped.outcome, Some(Tie));
        assert!(flipped.judges[0].order_inconsistent && flipped.note.unwrap().contains("order_inconsistent"));
    }

    #[test]
    fn one_order_alone_decides_nothing_and_a_failure_is_never_a_tie() {
        let half = outcome(&[(Some(A), None)], 1);
        assert_eq!((half.outcome, half.judges[0].outcome), (None, None));
        assert!(half.note.unwrap().contains("below_quorum"));
    }

    #[test]
    fn more_than_half_of_the_judges_decide_and_both_bad_is_an_outcome_of_its_own() {
        assert_eq!(outcome(&[(Some(A), Some(A)), (Some(A), Some(A)), (Some(B), Some(B))], 2).outcome, Some(A));
        assert_eq!(
            outcome(&[(Some(BothBad), Some(BothBad)), (Some(BothBad), Some(BothBad)), (Some(A), Some(A))], 2).outcome,
            Some(BothBad)
        );
        let split = outcome(&[(Some(A), Some(A)), (Some(B), Some(B)), (Some(Tie), Some(Tie))], 2);
        assert_eq!((split.outcome, split.note.unwrap().starts_with("tied")), (None, true));
    }
}
