//! What goes to a human, and why. Rules select with certainty; of everything else a fixed share is drawn at
//! random, so that errors which no judge noticed can be measured. Every item keeps the probability with which
//! it was selected: without it a human's answer could correct its own item but never an estimate.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{
    Answer, Criterion, CriterionId, Decision, Draw, Evidence, Finding, GradingId, Inconclusive, JudgeName, Match,
    Outcome, Panel, ReviewPolicy, Rubric, Source, Verdict, View, Vote, VoteOutcome,
};

use super::aggregate::{Ballots, judge_votes};

/// One question for a human.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    pub criterion_id: CriterionId,
    pub reason: Reason,
    /// 1 for a rule, its own for what is drawn at random.
    pub probability: f64,
    /// Points at stake; twice as many for a gate, which moves more than its own.
    pub stake: f64,
}

/// Why a human is asked. The rules are tried in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Judges with a real vote disagree.
    Split,
    /// There is no verdict, and asking the judges again would not bring one.
    Inconclusive,
    /// Too few of the real votes are for the verdict.
    LowAgreement,
    /// Every quote behind a MET verdict is missing from the deliverable.
    UnverifiedEvidence,
    /// What speaks for the system stands only in text that people do not see.
    HiddenEvidence,
    /// The deliverable says something to its judges.
    JudgeInstruction,
    /// A verdict in the system's favour, and the deliverable has hidden text.
    HiddenText,
    /// Something is missed while a file could not be read.
    Unreadable,
    /// A gate.
    MustPass,
    /// A large share of the rubric's points.
    Stake,
    /// Drawn at random.
    Audit,
}

impl Reason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Inconclusive => "inconclusive",
            Self::LowAgreement => "low_agreement",
            Self::UnverifiedEvidence => "unverified_evidence",
            Self::HiddenEvidence => "hidden_evidence",
            Self::JudgeInstruction => "judge_instruction",
            Self::HiddenText => "hidden_text",
            Self::Unreadable => "unreadable_input",
            Self::MustPass => "must_pass",
            Self::Stake => "stake",
            Self::Audit => "audit",
        }
    }
}

/// What is known of the deliverable as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    pub hidden_text: bool,
    /// Something in it is there for judges.
    pub for_judges: bool,
    pub unreadable: bool,
}

impl Findings {
    #[must_use]
    pub fn of(views: &[View]) -> Self {
        let files = || views.iter().flat_map(|view| &view.manifest.files);
        let findings = || files().flat_map(|file| &file.findings);
        Self {
            hidden_text: findings().any(|finding| finding.code == "hidden_text"),
            for_judges: findings().any(Finding::is_for_judges),
            unreadable: files().any(|file| matches!(file.outcome, Outcome::Unreadable { .. })),
        }
    }
}

/// One criterion with all that a rule looks at.
struct Item<'a> {
    criterion: &'a Criterion,
    verdict: &'a Verdict,
    votes: Option<&'a BTreeMap<&'a JudgeName, Vec<&'a Vote>>>,
}

/// What of this grading goes to a human.
#[must_use]
pub fn escalate(
    id: GradingId,
    rubric: &Rubric,
    panel: &Panel,
    verdicts: &[Verdict],
    ballots: &Ballots<'_>,
    findings: Findings,
) -> Vec<Escalation> {
    let by_id: BTreeMap<&CriterionId, &Verdict> = verdicts.iter().map(|v| (&v.criterion_id, v)).collect();
    let positive: f64 = rubric.criteria().iter().map(|criterion| criterion.points.max(0.0)).sum();
    let mut ruled = Vec::new();
    let mut rest = Vec::new();
    let mut held = Vec::new();
    for criterion in rubric.criteria() {
        let Some(verdict) = by_id.get(&criterion.id) else { continue };
        let item = Item { criterion, verdict, votes: ballots.get(&criterion.id) };
        if !item.is_for_humans() {
            held.extend((verdict.source == Source::Panel && verdict.tally.failed > 0).then_some(item));
            continue;
        }
        match item.rule(&panel.review, findings, positive) {
            Some(reason) => ruled.push((criterion, reason, 1.0)),
            None if verdict.source == Source::Panel => rest.push(item),
            None => {}
        }
    }
    // Whom it speaks for need not have got anything by it: a human looks at it all the same.
    if panel.review.judge_instruction && findings.for_judges && !ruled.iter().any(|(_, reason, _)| is_told(*reason)) {
        let from = if rest.is_empty() && ruled.is_empty() { &mut held } else { &mut rest };
        let stake = |item: &Item<'_>| item.criterion.points.abs();
        let most = (0..from.len()).max_by(|a, b| stake(&from[*a]).total_cmp(&stake(&from[*b])).then(b.cmp(a)));
        ruled.extend(most.map(|at| (from.remove(at).criterion, Reason::JudgeInstruction, 1.0)));
    }
    let drawn = rest.iter().zip(probabilities(&panel.review, &rest)).filter_map(|(item, probability)| {
        (lot(id, item.criterion.id.as_str()) < probability).then_some((item.criterion, Reason::Audit, probability))
    });
    let mut selected: Vec<_> = ruled.into_iter().chain(drawn).collect();
    let place = |id: &CriterionId| rubric.criteria().iter().position(|criterion| criterion.id == *id);
    selected.sort_by_key(|(criterion, ..)| place(&criterion.id));
    let question = |(criterion, reason, probability): (&Criterion, Reason, f64)| Escalation {
        criterion_id: criterion.id.clone(),
        reason,
        probability,
        stake: criterion.points.abs() * if criterion.gate.is_some() { 2.0 } else { 1.0 },
    };
    selected.into_iter().map(question).collect()
}

fn is_told(reason: Reason) -> bool {
    reason == Reason::JudgeInstruction
}

impl Item<'_> {
    /// Neither decided by a human, nor to be settled by asking the judges again: that is cheaper than a person.
    fn is_for_humans(&self) -> bool {
        let Verdict { source, decision, tally, .. } = self.verdict;
        let retryable = tally.failed > 0 && !decision.is_conclusive();
        *source != Source::Override && !retryable && *decision != Decision::Inconclusive(Inconclusive::Pending)
    }

    fn rule(&self, policy: &ReviewPolicy, findings: Findings, positive: f64) -> Option<Reason> {
        let decision = &self.verdict.decision;
        let rules = [
            (policy.split && self.is_split(), Reason::Split),
            (policy.inconclusive && !decision.is_conclusive(), Reason::Inconclusive),
            (self.minority().is_some_and(|minority| 1.0 - minority < policy.low_agreement), Reason::LowAgreement),
            (
                policy.unverified_evidence
                    && *decision == Decision::Met
                    && self.all_quotes(|q| q.found == Match::NotFound),
                Reason::UnverifiedEvidence,
            ),
            (
                policy.hidden_evidence && self.is_favour() && self.all_quotes(|quote| quote.hidden),
                Reason::HiddenEvidence,
            ),
            (policy.judge_instruction && findings.for_judges && self.is_favour(), Reason::JudgeInstruction),
            (policy.hidden_text && findings.hidden_text && self.is_favour(), Reason::HiddenText),
            (policy.unreadable && findings.unreadable && *decision == Decision::Unmet, Reason::Unreadable),
            (policy.must_pass && self.criterion.gate.is_some(), Reason::MustPass),
            (
                policy.stake > 0.0 && positive > 0.0 && self.criterion.points.abs() / positive >= policy.stake,
                Reason::Stake,
            ),
        ];
        // A check is exact: it is overruled, not reviewed, unless it had nothing to look at.
        let by_panel = self.verdict.source == Source::Panel;
        rules
            .into_iter()
            .find(|(holds, reason)| *holds && (by_panel || *reason == Reason::Inconclusive))
            .map(|(_, r)| r)
    }

    fn is_favour(&self) -> bool {
        match &self.verdict.decision {
            Decision::Met => !self.criterion.is_penalty(),
            Decision::Unmet => self.criterion.is_penalty(),
            Decision::Level { points, .. } => *points > 0.0,
            Decision::Inconclusive(_) => false,
        }
    }

    fn labels(&self) -> Vec<String> {
        let votes = judge_votes(self.criterion, self.votes);
        votes.iter().filter_map(|(_, vote)| vote.label().map(str::to_owned)).collect()
    }

    fn is_split(&self) -> bool {
        let labels = self.labels();
        labels.first().is_some_and(|first| labels.iter().any(|other| other != first))
    }

    /// The share of the real votes, repeats included, that differ from the most frequent answer; `None` without a vote.
    fn minority(&self) -> Option<f64> {
        let mut counts: HashMap<&Answer, usize> = HashMap::new();
        for vote in self.votes.into_iter().flatten().flat_map(|(_, repeats)| repeats) {
            if let VoteOutcome::Answered(opinion) = &vote.outcome
                && opinion.answer != Answer::CannotAssess
            {
                *counts.entry(&opinion.answer).or_default() += 1;
            }
        }
        let all: usize = counts.values().sum();
        let most = counts.values().max()?;
        Some(1.0 - *most as f64 / all as f64)
    }

    /// Whether the votes for the verdict quote something, and all that they quote is so.
    fn all_quotes(&self, so: impl Fn(&Evidence) -> bool) -> bool {
        let says = |answer: &Answer| match &self.verdict.decision {
            Decision::Met => *answer == Answer::Met,
            Decision::Unmet => *answer == Answer::Unmet,
            Decision::Level { name, .. } => matches!(answer, Answer::Level(own) if own == name),
            Decision::Inconclusive(_) => false,
        };
        let votes = self.votes.into_iter().flatten().flat_map(|(_, repeats)| repeats);
        let mut quotes = votes
            .filter_map(|vote| match &vote.outcome {
                VoteOutcome::Answered(opinion) if says(&opinion.answer) => Some(&opinion.evidence),
                _ => None,
            })
            .flatten()
            .peekable();
        quotes.peek().is_some() && quotes.all(so)
    }
}

/// With which probability each of what no rule selects is drawn. Drawn by disagreement, the mean stays the policy's
/// share, and nothing falls below a fifth of it: what can never be drawn could not be stood for by anything.
fn probabilities(policy: &ReviewPolicy, rest: &[Item<'_>]) -> Vec<f64> {
    const FLOOR: f64 = 0.2;
    let share = policy.random_share;
    let minorities: Vec<f64> = rest.iter().map(|item| item.minority().unwrap_or(0.0)).collect();
    let mean = minorities.iter().sum::<f64>() / minorities.len().max(1) as f64;
    match policy.draw {
        Draw::Disagreement if mean > 0.0 => {
            let of = |minority: &f64| share * (FLOOR + (1.0 - FLOOR) * minority / mean);
            minorities.iter().map(|minority| of(minority).min(1.0)).collect()
        }
        Draw::Disagreement | Draw::Uniform => vec![share; rest.len()],
    }
}

/// Whether humans look for errors in this grading's deliverable without the rubric, and with which probability that was
/// drawn.
#[must_use]
pub fn discovery(id: GradingId, panel: &Panel) -> Option<f64> {
    let share = panel.review.discovery_share;
    (lot(id, "\0discovery") < share).then_some(share)
}

/// A uniform number in [0, 1) that belongs to this item for good: the draw is the same after a restart, and
/// nobody can draw again until they like the result.
pub fn lot(id: impl std::fmt::Display, what: &str) -> f64 {
    let hash = blake3::Hasher::new()
        .update(b"audit lot 1")
        .update(id.to_string().as_bytes())
        .update(what.as_bytes())
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
        escalate(id, &rubric, &panel, &[verdict], &ballots, Findings::default())
            .into_iter()
            .map(|e| (e.reason, e.probability))
            .collect()
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
                lot(id, "c") < 0.05
            })
            .count();
        // 20,000 draws at 5 %: 1,000 ± 4.9 standard deviations (31). The draw is a hash, so this is no luck.
        assert!((850..1_150).contains(&drawn), "{drawn}");
    }

    /// What goes to people of one criterion with these votes, under a policy that has only the random share.
    fn under(
        change: impl Fn(&mut ReviewPolicy),
        cells: &[(&str, u32, VoteOutcome)],
        findings: Findings,
    ) -> Vec<Reason> {
        let mut panel = panel(3, 2);
        panel.review = ReviewPolicy { split: false, inconclusive: false, random_share: 0.0, ..panel.review };
        change(&mut panel.review);
        let gate = Criterion { gate: Some(crate::domain::Gate::MustPass), ..criterion("c", 4.0) };
        let criteria = vec![gate, criterion("d", 6.0)];
        let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
        let votes = votes("c", cells);
        let ballots = ballots(&votes);
        let verdict = panel_verdict(&rubric.criteria()[0], &panel, None, ballots.get(&rubric.criteria()[0].id));
        let id = GradingId::from_uuid(uuid::Uuid::nil());
        escalate(id, &rubric, &panel, &[verdict], &ballots, findings).into_iter().map(|e| e.reason).collect()
    }

    #[test]
    fn each_rule_asks_about_what_it_names_and_nothing_else() {
        let all_met = ["a", "b", "c"].map(|judge| (judge, 0, answered("MET")));
        let all_unmet = ["a", "b", "c"].map(|judge| (judge, 0, answered("UNMET")));
        let two_to_one = [("a", 0, answered("MET")), ("b", 0, answered("MET")), ("c", 0, answered("UNMET"))];
        let none = Findings::default();
        assert_eq!(under(|_| {}, &two_to_one, none), []);
        assert_eq!(under(|policy| policy.low_agreement = 0.7, &two_to_one, none), [Reason::LowAgreement]);
        assert_eq!(under(|policy| policy.low_agreement = 0.6, &two_to_one, none), []);
        assert_eq!(under(|policy| policy.must_pass = true, &all_met, none), [Reason::MustPass]);
        // The gate has 4 of 10 points.
        assert_eq!(under(|policy| policy.stake = 0.4, &all_met, none), [Reason::Stake]);
        assert_eq!(under(|policy| policy.stake = 0.41, &all_met, none), []);

        let hidden = Findings { hidden_text: true, ..none };
        assert_eq!(under(|policy| policy.hidden_text = true, &all_met, hidden), [Reason::HiddenText]);
        assert_eq!(under(|policy| policy.hidden_text = true, &all_unmet, hidden), [], "not in its favour");
        let unreadable = Findings { unreadable: true, ..none };
        assert_eq!(under(|policy| policy.unreadable = true, &all_unmet, unreadable), [Reason::Unreadable]);
        assert_eq!(under(|policy| policy.unreadable = true, &all_met, unreadable), []);
        assert_eq!(under(|_| {}, &all_unmet, unreadable), []);
    }

    #[test]
    fn a_deliverable_that_speaks_to_its_judges_goes_to_a_human_whatever_they_say() {
        let told = Findings { for_judges: true, ..Findings::default() };
        let all = |label: &str| ["a", "b", "c"].map(|judge| (judge, 0, answered(label)));
        assert_eq!(under(|_| {}, &all("MET"), told), [Reason::JudgeInstruction]);
        assert_eq!(under(|_| {}, &all("UNMET"), told), [Reason::JudgeInstruction], "nothing is in its favour");
        assert_eq!(under(|_| {}, &all("CANNOT_ASSESS"), told), [Reason::JudgeInstruction]);
        let lost = ["a", "b", "c"].map(|judge| (judge, 0, failed()));
        assert_eq!(under(|_| {}, &lost, told), [Reason::JudgeInstruction], "asking again may bring the same");
        assert_eq!(under(|_| {}, &lost, Findings::default()), []);
        assert_eq!(under(|policy| policy.judge_instruction = false, &all("MET"), told), []);
    }

    #[test]
    fn a_favour_that_rests_on_hidden_words_alone_is_looked_at() {
        let quoted = |hidden: bool| match quoting("MET", Match::Found) {
            VoteOutcome::Answered(mut opinion) => {
                opinion.evidence.iter_mut().for_each(|quote| quote.hidden = hidden);
                VoteOutcome::Answered(opinion)
            }
            failed => failed,
        };
        let cells = |hidden: [bool; 2]| [("a", 0, quoted(hidden[0])), ("b", 0, quoted(hidden[1]))];
        assert_eq!(under(|_| {}, &cells([true, true]), Findings::default()), [Reason::HiddenEvidence]);
        assert_eq!(under(|_| {}, &cells([true, false]), Findings::default()), []);
        assert_eq!(under(|policy| policy.hidden_evidence = false, &cells([true, true]), Findings::default()), []);
    }

    #[test]
    fn drawn_by_disagreement_the_share_stays_what_it_is_and_nothing_is_out_of_reach() {
        let policy = ReviewPolicy { random_share: 0.1, draw: Draw::Disagreement, ..ReviewPolicy::default() };
        let panel = panel(3, 2);
        let criteria: Vec<Criterion> = (0..8).map(|n| criterion(&format!("c{n}"), 1.0)).collect();
        let mut cast = Vec::new();
        for (n, criterion) in criteria.iter().enumerate() {
            let last = if n % 4 == 0 { "UNMET" } else { "MET" };
            let cells = [("a", 0, answered("MET")), ("b", 0, answered("MET")), ("c", 0, answered(last))];
            cast.extend(votes(criterion.id.as_str(), &cells));
        }
        let ballots = ballots(&cast);
        let verdicts: Vec<Verdict> =
            criteria.iter().map(|one| panel_verdict(one, &panel, None, ballots.get(&one.id))).collect();
        let items: Vec<Item<'_>> = criteria
            .iter()
            .zip(&verdicts)
            .map(|(criterion, verdict)| Item { criterion, verdict, votes: ballots.get(&criterion.id) })
            .collect();
        let drawn = probabilities(&policy, &items);
        let mean = drawn.iter().sum::<f64>() / 8.0;
        assert!((mean - 0.1).abs() < 1e-12, "{drawn:?}");
        assert!((drawn[1] - 0.02).abs() < 1e-12 && drawn[0] > 0.3, "{drawn:?}");
        // Without any disagreement there is nothing to weigh by.
        assert_eq!(probabilities(&policy, &items[1..4]), [0.1; 3]);
        let alike = ReviewPolicy { draw: Draw::Uniform, ..policy };
        assert_eq!(probabilities(&alike, &items), [0.1; 8]);
    }
}
