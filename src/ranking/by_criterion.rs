//! Comparisons by criteria: beside which deliverable is better, every judge says which one is on each criterion of a
//! rubric, and why. Use it to learn *why* one system beats another. It is no rating: what is said on a criterion counts
//! nothing on any leaderboard, and the panel has no outcome on a criterion, only how many judges said what.
//!
//! A judge's two orders are taken together as for the answer itself: what flips with the order says nothing about the
//! work and is `order_inconsistent`; what was said in one order alone is no answer. Criteria that a check decides, and
//! those about the steps of the work, which a comparison does not show, are not asked.

use std::collections::BTreeMap;

use super::compare::most;
use crate::domain::{
    Answer, ComparedBy, Comparison, CriterionId, JudgeName, Order, Preference, Question, RubricId, RubricRef,
    RubricVersion, SaidOnCriterion, Target, Task, TaskId, Vote, VoteOutcome,
};
use crate::grading::accept::{latest_rubric, refuse_drafts};
use crate::refusal::Refusal;
use crate::store::{ProjectStore, StoreError, part, rubric_key};

/// The most criteria of one comparison: one reply answers all of them.
pub const MAX_CRITERIA: usize = 60;
/// The most characters of their requirements together.
pub const MAX_CHARS: usize = 60_000;

/// Whether judges are asked about criteria, and about whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criteria {
    #[default]
    No,
    OfTheTask,
    Of(RubricId),
}

/// The rubric whose criteria are asked about for a task; `None` where none is wanted.
///
/// # Errors
/// If there is none, it has drafts that no human accepted, or its criteria do not fit into one question.
pub async fn rubric(
    project: &ProjectStore,
    task_id: &TaskId,
    criteria: Criteria,
) -> Result<Option<RubricRef>, Refusal> {
    let id = match criteria {
        Criteria::No => return Ok(None),
        Criteria::Of(id) => id,
        Criteria::OfTheTask => {
            let task = project.get::<Task>(&part(task_id.as_str())).await?;
            let Some(id) = task.and_then(|kept| kept.record.rubric_id) else {
                let detail = format!("no rubric was named and task `{task_id}` has none; give `rubric_id`");
                return Err(Refusal::invalid("/rubric_id", detail));
            };
            id
        }
    };
    let version = latest_rubric(project, id).await.map_err(|error| match error {
        Refusal::NotFound { .. } => {
            Refusal::invalid("/rubric_id", format!("there is no rubric `{id}`; post it to /v1/rubrics first"))
        }
        other => other,
    })?;
    refuse_drafts(&version, "compare without `criteria`")?;
    compared_by(&version)?;
    Ok(Some(version.reference()))
}

/// The criteria of a rubric that two deliverables can be compared by, in its order.
///
/// # Errors
/// If there is none, or they do not fit into one question.
pub fn compared_by(rubric: &RubricVersion) -> Result<Vec<ComparedBy>, Refusal> {
    let asked = rubric.rubric.criteria().iter().filter(|one| one.check.is_none() && one.target != Target::Trace);
    let asked: Vec<ComparedBy> = asked
        .map(|one| ComparedBy { id: one.id.clone(), requirement: one.requirement.clone(), wanted: one.points >= 0.0 })
        .collect();
    let (count, chars) = (asked.len(), asked.iter().map(|one| one.requirement.chars().count()).sum::<usize>());
    let refused = |what: String| {
        let RubricVersion { id, version, .. } = rubric;
        Err(Refusal::invalid("/rubric_id", format!("rubric {id} version {version} {what}")))
    };
    if count == 0 {
        return refused("has no criterion that deliverables can be compared by: checks decide by themselves, and the steps are not shown".to_owned());
    }
    if count > MAX_CRITERIA {
        return refused(format!(
            "has {count} such criteria and one question takes {MAX_CRITERIA}; name a shorter rubric"
        ));
    }
    if chars > MAX_CHARS {
        return refused(format!(
            "has criteria of {chars} characters together and one question takes {MAX_CHARS}; name a shorter rubric"
        ));
    }
    Ok(asked)
}

/// The rubric of a comparison as it was when it was accepted; `None` where it has none.
///
/// # Errors
/// If the store cannot, or does not have it any more.
pub async fn of_comparison(
    project: &ProjectStore,
    comparison: &Comparison,
) -> Result<Option<Vec<ComparedBy>>, Refusal> {
    let Some(RubricRef { id, version, .. }) = &comparison.rubric else { return Ok(None) };
    let key = rubric_key(*id, *version);
    let Some(kept) = project.get::<RubricVersion>(&key).await? else {
        let detail = format!("comparison {} refers to it, and it is not kept", comparison.id);
        return Err(Refusal::Store(StoreError::Corrupt { kind: "rubric".to_owned(), key, detail }));
    };
    compared_by(&kept.record).map(Some)
}

/// What the judges say on one criterion.
#[derive(Debug, Clone, PartialEq)]
pub struct CriterionOutcome {
    pub criterion: ComparedBy,
    /// In the panel's order.
    pub judges: Vec<JudgeOnCriterion>,
}

/// One judge on one criterion, over both orders.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeOnCriterion {
    pub judge: JudgeName,
    pub outcome: OverBothOrders,
    /// What every reply says on it, in the comparison's own terms.
    pub said: Vec<(Order, u32, SaidOnCriterion)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBothOrders {
    Prefers(Preference),
    /// In at least one order it could not tell.
    CannotAssess,
    /// It changed with the order, and says nothing about the work.
    OrderInconsistent,
    /// An order has no answer on it: the call failed, or the reply leaves it out, has it twice, or off the scale.
    NoAnswer,
}

/// By criterion, what each judge of the panel says. Votes of which none is there yet say nothing.
#[must_use]
pub fn summary(comparison: &Comparison, criteria: Vec<ComparedBy>, votes: &[Vote]) -> Vec<CriterionOutcome> {
    let of_judge = |judge: &JudgeName, criterion: &CriterionId| {
        let said: Vec<(Order, u32, SaidOnCriterion)> =
            votes.iter().filter(|vote| vote.key.judge == *judge).filter_map(|vote| on(vote, criterion)).collect();
        JudgeOnCriterion { judge: judge.clone(), outcome: over_both_orders(&said), said }
    };
    let outcome = |criterion: ComparedBy| {
        let judges = comparison.panel.judges.iter().map(|spec| of_judge(&spec.name, &criterion.id)).collect();
        CriterionOutcome { judges, criterion }
    };
    criteria.into_iter().map(outcome).collect()
}

fn on(vote: &Vote, criterion: &CriterionId) -> Option<(Order, u32, SaidOnCriterion)> {
    let Question::Order(order) = vote.key.question else { return None };
    let VoteOutcome::Answered(opinion) = &vote.outcome else { return None };
    let said = opinion.by_criterion.as_ref()?.criteria.iter().find(|one| one.criterion_id == *criterion)?;
    Some((order, vote.key.repeat, said.said.clone()))
}

fn over_both_orders(said: &[(Order, u32, SaidOnCriterion)]) -> OverBothOrders {
    // `None`: it could not tell.
    let mut by_order: BTreeMap<Order, Vec<Option<Preference>>> = BTreeMap::new();
    for (order, _, said) in said {
        let answer = match said {
            SaidOnCriterion::Answered { answer: Answer::Prefers(preference), .. } => Some(*preference),
            SaidOnCriterion::Answered { answer: Answer::CannotAssess, .. } => None,
            _ => continue,
        };
        by_order.entry(*order).or_default().push(answer);
    }
    let of = |order| by_order.get(&order).and_then(|said| most(said));
    match (of(Order::AFirst), of(Order::BFirst)) {
        (Some(Some(one)), Some(Some(other))) if one == other => OverBothOrders::Prefers(one),
        (Some(Some(_)), Some(Some(_))) => OverBothOrders::OrderInconsistent,
        (Some(_), Some(_)) => OverBothOrders::CannotAssess,
        _ => OverBothOrders::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ByCriterion, Check, Criterion, Id, OnCriterion, Opinion, Rubric, RubricParts, Timestamp};
    use crate::grading::testing;
    use crate::ranking::testing::compared;

    use Preference::{A, B, BothBad, Tie};

    fn rubric_of(criteria: Vec<Criterion>) -> RubricVersion {
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
        RubricVersion {
            id: RubricId::from_uuid(uuid::Uuid::nil()),
            version: 1,
            fingerprint: rubric.fingerprint(),
            rubric,
            created_at: Timestamp::UNIX_EPOCH,
            decided: vec![],
        }
    }

    #[test]
    fn what_is_asked_is_what_can_be_compared_and_bad_things_are_known_as_such() {
        let trace = Criterion { target: Target::Trace, ..testing::criterion("steps", 1.0) };
        let check = Criterion {
            check: Some(Check::FileExists { glob: "*.xlsx".to_owned() }),
            ..testing::criterion("checked", 1.0)
        };
        let rubric = rubric_of(vec![
            testing::criterion("c1", 3.0),
            trace.clone(),
            check.clone(),
            testing::criterion("c2", -2.0),
        ]);
        let asked = compared_by(&rubric).unwrap();
        let asked: Vec<(&str, bool)> = asked.iter().map(|one| (one.id.as_str(), one.wanted)).collect();
        assert_eq!(asked, [("c1", true), ("c2", false)]);
        let none = compared_by(&rubric_of(vec![trace, check])).unwrap_err().to_string();
        assert!(none.contains("no criterion that deliverables can be compared by"), "{none}");
    }

    #[test]
    fn what_does_not_fit_into_one_question_is_refused_with_the_limit() {
        let many = (0..61).map(|n| testing::criterion(&format!("c{n}"), 1.0)).collect();
        let refused = compared_by(&rubric_of(many)).unwrap_err().to_string();
        assert!(refused.contains("61 such criteria and one question takes 60"), "{refused}");
        let long =
            |n: usize| Criterion { requirement: "x".repeat(20_000), ..testing::criterion(&format!("c{n}"), 1.0) };
        let refused = compared_by(&rubric_of((0..4).map(long).collect())).unwrap_err().to_string();
        assert!(refused.contains("80000 characters"), "{refused}");
        assert_eq!(compared_by(&rubric_of((0..3).map(long).collect())).unwrap().len(), 3);
    }

    fn answered(answer: Answer) -> SaidOnCriterion {
        SaidOnCriterion::Answered { answer, reason: "because".to_owned() }
    }

    /// A judge's replies on one criterion, by order.
    fn over(said: &[(Order, SaidOnCriterion)]) -> OverBothOrders {
        let comparison = compared("x", "y", "t", &[("j0", None)]);
        let criterion = CriterionId::parse("c1").unwrap();
        let vote = |(n, (order, said)): (usize, &(Order, SaidOnCriterion))| {
            let mut vote = testing::votes("c", &[("j0", n as u32, testing::failed())]).remove(0);
            vote.key.question = Question::Order(*order);
            let one = OnCriterion { criterion_id: criterion.clone(), said: said.clone() };
            vote.outcome = VoteOutcome::Answered(Opinion {
                answer: Answer::Prefers(B),
                reason: String::new(),
                confidence: None,
                evidence: vec![],
                cut: None,
                by_criterion: Some(Box::new(ByCriterion { criteria: vec![one], unknown: 0 })),
            });
            vote
        };
        let votes: Vec<Vote> = said.iter().enumerate().map(vote).collect();
        let asked = vec![ComparedBy { id: criterion.clone(), requirement: "c1".to_owned(), wanted: true }];
        let summary = summary(&comparison, asked, &votes);
        assert_eq!((summary.len(), summary[0].judges.len()), (1, 1));
        assert_eq!(summary[0].judges[0].said.len(), said.len(), "every reply is told");
        summary[0].judges[0].outcome
    }

    #[test]
    fn both_orders_make_an_answer_and_one_that_flips_says_nothing() {
        use Order::{AFirst, BFirst};
        let prefers = |order, preference| (order, answered(Answer::Prefers(preference)));
        for same in [A, B, Tie, BothBad] {
            assert_eq!(over(&[prefers(AFirst, same), prefers(BFirst, same)]), OverBothOrders::Prefers(same));
        }
        for (one, other) in [(A, B), (A, Tie), (Tie, BothBad)] {
            assert_eq!(over(&[prefers(AFirst, one), prefers(BFirst, other)]), OverBothOrders::OrderInconsistent);
        }
        let cannot = |order| (order, answered(Answer::CannotAssess));
        assert_eq!(over(&[cannot(AFirst), cannot(BFirst)]), OverBothOrders::CannotAssess);
        assert_eq!(over(&[prefers(AFirst, A), cannot(BFirst)]), OverBothOrders::CannotAssess);
        let repeats = [prefers(AFirst, A), prefers(AFirst, A), prefers(AFirst, B), prefers(BFirst, A)];
        assert_eq!(over(&repeats), OverBothOrders::Prefers(A), "most of the repeats of an order");
        assert_eq!(over(&[prefers(AFirst, A), prefers(AFirst, B), prefers(BFirst, A)]), OverBothOrders::NoAnswer);
    }

    #[test]
    fn what_is_missing_is_never_filled_in() {
        use Order::{AFirst, BFirst};
        let outside = SaidOnCriterion::OutsideScale { found: "\"MET\"".to_owned() };
        for nothing in [SaidOnCriterion::Missing, SaidOnCriterion::Repeated, outside] {
            let one = [(AFirst, answered(Answer::Prefers(A))), (BFirst, nothing)];
            assert_eq!(over(&one), OverBothOrders::NoAnswer);
        }
        assert_eq!(over(&[(AFirst, answered(Answer::Prefers(A)))]), OverBothOrders::NoAnswer);
        assert_eq!(over(&[]), OverBothOrders::NoAnswer);
    }
}
