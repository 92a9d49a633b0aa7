//! What goes to a human, and why. Rules select with certainty; of everything else a fixed share is drawn at
//! random, so that errors which no judge noticed can be measured. Every item keeps the probability with which
//! it was selected: without it a human's answer could correct its own item but never an estimate.

use std::collections::BTreeMap;

use crate::domain::{
    Answer, Criterion, CriterionId, Decision, GradingId, Inconclusive, JudgeName, Match, Panel, Rubric, Source,
    Verdict, Vote, VoteOutcome,
};

use super::aggregate::{Ballots, judge_votes};

/// One question for a human.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    pub criterion_id: CriterionId,
    pub reason: Reason,
    /// 1 for a rule, the policy's share for the random audit.
    pub probability: f64,
    /// The queue's order: the points at stake.
    pub priority: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Judges with a real vote disagree.
    Split,
    /// There is no verdict, and asking the judges again would not bring one.
    Inconclusive,
    /// Every quote behind a MET verdict is missing from the deliverable.
    UnverifiedEvidence,
    /// Drawn at random.
    Audit,
}

impl Reason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Inconclusive => "inconclusive",
            Self::UnverifiedEvidence => "unverified_evidence",
            Self::Audit => "audit",
        }
    }
}

/// What of this grading goes to a human.
#[must_use]
pub fn escalate(
    id: GradingId,
    rubric: &Rubric,
    panel: &Panel,
    verdicts: &[Verdict],
    ballots: &Ballots<'_>,
) -> Vec<Escalation> {
    let by_id: BTreeMap<&CriterionId, &Verdict> = verdicts.iter().map(|v| (&v.criterion_id, v)).collect();
    rubric
        .criteria()
        .iter()
        .filter_map(|criterion| {
            let verdict = by_id.get(&criterion.id)?;
            let (reason, probability) = select(id, criterion, panel, verdict, ballots.get(&criterion.id))?;
            let priority = criterion.points.abs() * if criterion.gate.is_some() { 2.0 } else { 1.0 };
            Some(Escalation { criterion_id: criterion.id.clone(), reason, probability, priority })
        })
        .collect()
}

fn select(
    id: GradingId,
    criterion: &Criterion,
    panel: &Panel,
    verdict: &Verdict,
    votes: Option<&BTreeMap<&JudgeName, Vec<&Vote>>>,
) -> Option<(Reason, f64)> {
    let policy = &panel.review;
    // A failed vote can be asked again; that is cheaper than a person.
    let retryable = verdict.tally.failed > 0 && !verdict.decision.is_conclusive();
    if verdict.source == Source::Override
        || retryable
        || verdict.decision == Decision::Inconclusive(Inconclusive::Pending)
    {
        return None;
    }
    if policy.split && is_split(criterion, votes) {
        return Some((Reason::Split, 1.0));
    }
    if policy.inconclusive && !verdict.decision.is_conclusive() {
        return Some((Reason::Inconclusive, 1.0));
    }
    if policy.unverified_evidence && verdict.decision == Decision::Met && is_unverified(votes) {
        return Some((Reason::UnverifiedEvidence, 1.0));
    }
    let audited = verdict.source == Source::Panel && lot(id, &criterion.id) < policy.random_share;
    audited.then_some((Reason::Audit, policy.random_share))
}

fn is_split(criterion: &Criterion, votes: Option<&BTreeMap<&JudgeName, Vec<&Vote>>>) -> bool {
    let votes = judge_votes(criterion, votes);
    let mut labels = votes.iter().filter_map(|(_, vote)| vote.label());
    labels.next().is_some_and(|first| labels.any(|other| other != first))
}

fn is_unverified(votes: Option<&BTreeMap<&JudgeName, Vec<&Vote>>>) -> bool {
    let mut quotes = votes
        .into_iter()
        .flatten()
        .flat_map(|(_, repeats)| repeats)
        .filter_map(|vote| match &vote.outcome {
            VoteOutcome::Answered(opinion) if opinion.answer == Answer::Met => Some(&opinion.evidence),
            _ => None,
        })
        .flatten()
        .peekable();
    quotes.peek().is_some() && quotes.all(|quote| quote.found == Match::NotFound)
}

/// A uniform number in [0, 1) that belongs to this item for good: the draw is the same after a restart, and
/// nobody can draw again until they like the result.
fn lot(id: GradingId, criterion: &CriterionId) -> f64 {
    let hash = blake3::Hasher::new()
        .update(b"audit lot 1")
        .update(id.to_string().as_bytes())
        .update(criterion.as_str().as_bytes())
        .finalize();
    let mut high = [0u8; 8];
    high.copy_from_slice(&hash.as_bytes()[..8]);
    // 53 bits fill a double's mantissa exactly.
    (u64::from_be_bytes(high) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Id, RubricParts};
    use crate::grading::aggregate::{ballots, panel_verdict};
    use crate::grading::testing::{answered, criterion, failed, panel, quoting, votes};

    fn escalated(cells: &[(&str, u32, VoteOutcome)], random_share: f64) -> Vec<(Reason, f64)> {
        let mut panel = panel(3, 2);
        panel.review.random_share = random_share;
        let rubric =
            Rubric::new(RubricParts { title: None, criteria: vec![criterion("c", 4.0)], sections: vec![] }).unwrap();
        let votes = votes("c", cells);
        let ballots = ballots(&votes);
        let verdict = panel_verdict(&rubric.criteria()[0], &panel, None, ballots.get(&rubric.criteria()[0].id));
        let id = GradingId::from_uuid(uuid::Uuid::nil());
        escalate(id, &rubric, &panel, &[verdict], &ballots).into_iter().map(|e| (e.reason, e.probability)).collect()
    }

    #[test]
    fn a_split_goes_to_a_human_with_certainty() {
        let cells = [("a", 0, answered("MET")), ("b", 0, answered("MET")), ("c", 0, answered("UNMET"))];
        assert_eq!(escalated(&cells, 0.0), [(Reason::Split, 1.0)]);
    }

    #[test]
    fn what_a_retry_could_settle_does_not_take_a_persons_time() {
        let cells = [("a", 0, answered("MET")), ("b", 0, failed()), ("c", 0, failed())];
        assert_eq!(escalated(&cells, 1.0), []);
        let cells = ["a", "b", "c"].map(|judge| (judge, 0, answered("CANNOT_ASSESS")));
        assert_eq!(escalated(&cells, 0.0), [(Reason::Inconclusive, 1.0)]);
    }

    #[test]
    fn a_met_verdict_whose_every_quote_is_missing_is_looked_at() {
        let missing = ["a", "b", "c"].map(|judge| (judge, 0, quoting("MET", Match::NotFound)));
        assert_eq!(escalated(&missing, 0.0), [(Reason::UnverifiedEvidence, 1.0)]);
        let found = [("a", 0, quoting("MET", Match::Found)), ("b", 0, quoting("MET", Match::NotFound))];
        assert_eq!(escalated(&found, 0.0), []);
    }

    #[test]
    fn an_audit_keeps_the_share_as_its_probability_and_draws_about_that_many() {
        let cells = ["a", "b", "c"].map(|judge| (judge, 0, answered("MET")));
        assert_eq!(escalated(&cells, 1.0), [(Reason::Audit, 1.0)]);
        assert_eq!(escalated(&cells, 0.0), []);
        let drawn = (0..20_000)
            .filter(|i| {
                let id = GradingId::from_uuid(uuid::Uuid::from_u128(*i));
                lot(id, &CriterionId::parse("c").unwrap()) < 0.05
            })
            .count();
        // 20,000 draws at 5 %: 1,000 ± 4.9 standard deviations (31). The draw is a hash, so this is no luck.
        assert!((850..1_150).contains(&drawn), "{drawn}");
    }
}
