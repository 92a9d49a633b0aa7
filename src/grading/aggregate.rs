//! Votes become verdicts. Pure: the same votes and overrides always give the same verdicts, so a verdict is
//! never patched, only computed again.
//!
//! Order of events: the repeats of one judge are reduced to that judge's vote; then the panel decides by its
//! rule among the judges with a *real* vote (neither failed nor `CANNOT_ASSESS`); then, if a human decided,
//! the latest override binds.

use std::collections::BTreeMap;

use crate::domain::{
    Aggregation, Answer, Criterion, CriterionId, Decision, Evidence, Inconclusive, JudgeName, Level, Match, Override,
    OverrideValue, Panel, Question, Source, Tally, Verdict, Vote, VoteOutcome, Weighing, WeighingRule,
};

/// What one judge says on one criterion once its repeats are reduced.
#[derive(Debug, Clone, PartialEq)]
pub enum JudgeVote {
    Met,
    Unmet,
    Level {
        name: String,
        points: f64,
    },
    /// Said so, or contradicted itself over its repeats.
    CannotAssess,
    Failed,
}

impl JudgeVote {
    #[must_use]
    pub fn is_real(&self) -> bool {
        !matches!(self, Self::CannotAssess | Self::Failed)
    }

    /// The label by which agreement is counted.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Met => Some("MET"),
            Self::Unmet => Some("UNMET"),
            Self::Level { name, .. } => Some(name),
            Self::CannotAssess | Self::Failed => None,
        }
    }
}

/// Votes by criterion, then by judge, in the panel's order of judges; repeats in their order.
pub type Ballots<'a> = BTreeMap<&'a CriterionId, BTreeMap<&'a JudgeName, Vec<&'a Vote>>>;

/// Sorts a grading's votes.
#[must_use]
pub fn ballots(votes: &[Vote]) -> Ballots<'_> {
    let mut ballots: Ballots<'_> = BTreeMap::new();
    for vote in votes {
        if let Question::Criterion(id) = &vote.key.question {
            ballots.entry(id).or_default().entry(&vote.key.judge).or_default().push(vote);
        }
    }
    for judges in ballots.values_mut() {
        for repeats in judges.values_mut() {
            repeats.sort_by_key(|vote| vote.key.repeat);
        }
    }
    ballots
}

/// Each judge's reduced vote on a criterion.
#[must_use]
pub fn judge_votes<'a>(
    criterion: &Criterion,
    judges: Option<&BTreeMap<&'a JudgeName, Vec<&'a Vote>>>,
) -> Vec<(&'a JudgeName, JudgeVote)> {
    judges
        .into_iter()
        .flatten()
        .map(|(judge, repeats)| (*judge, reduce(criterion, repeats.iter().map(|vote| &vote.outcome))))
        .collect()
}

/// The repeats of one judge become its vote: the answer of more than half of its real votes. Half against
/// half means that this judge cannot tell.
fn reduce<'a>(criterion: &Criterion, repeats: impl Iterator<Item = &'a VoteOutcome>) -> JudgeVote {
    let mut counts: Vec<(&Answer, u32)> = Vec::new();
    let mut abstained = 0;
    for outcome in repeats {
        let VoteOutcome::Answered(opinion) = outcome else { continue };
        match &opinion.answer {
            Answer::CannotAssess => abstained += 1,
            answer => match counts.iter_mut().find(|(known, _)| *known == answer) {
                Some((_, count)) => *count += 1,
                None => counts.push((answer, 1)),
            },
        }
    }
    let real: u32 = counts.iter().map(|(_, count)| count).sum();
    if real == 0 {
        return if abstained > 0 { JudgeVote::CannotAssess } else { JudgeVote::Failed };
    }
    if abstained > real {
        return JudgeVote::CannotAssess;
    }
    match counts.iter().find(|(_, count)| count * 2 > real).map(|(answer, _)| *answer) {
        Some(Answer::Met) => JudgeVote::Met,
        Some(Answer::Unmet) => JudgeVote::Unmet,
        Some(Answer::Level(name)) => match level(criterion, name) {
            Some(level) => JudgeVote::Level { name: level.name.clone(), points: level.points },
            None => JudgeVote::Failed,
        },
        _ => JudgeVote::CannotAssess,
    }
}

fn level<'a>(criterion: &'a Criterion, name: &str) -> Option<&'a Level> {
    criterion.levels.iter().find(|level| level.name == name)
}

/// The panel's verdict on a criterion that judges are asked about.
#[must_use]
pub fn panel_verdict(
    criterion: &Criterion,
    panel: &Panel,
    weighing: Option<&Weighing>,
    judges: Option<&BTreeMap<&JudgeName, Vec<&Vote>>>,
) -> Verdict {
    let named = judge_votes(criterion, judges);
    let votes: Vec<JudgeVote> = named.iter().map(|(_, vote)| vote.clone()).collect();
    let tally = tally(&votes);
    let counted = decide(&criterion.levels, panel, &votes, tally);
    let decision = match weighing {
        Some(weighing) if panel.aggregation == Aggregation::Weighted => weighed(counted, weighing, &named),
        _ => counted,
    };
    let evidence = evidence_for(&decision, judges);
    Verdict { criterion_id: criterion.id.clone(), decision, source: Source::Panel, tally, evidence, note: None }
}

/// The decision between judges who differ, by their weights. Where they do not, or where a quorum is missing or most cannot
/// assess, what was counted stands: no weight makes a verdict that no judge gave.
fn weighed(counted: Decision, weighing: &Weighing, votes: &[(&JudgeName, JudgeVote)]) -> Decision {
    let WeighingRule::Weighted { prior, judges, .. } = &weighing.rule else { return counted };
    let says = |what: &JudgeVote| votes.iter().any(|(_, vote)| vote == what);
    let split = says(&JudgeVote::Met) && says(&JudgeVote::Unmet);
    let open = matches!(counted, Decision::Met | Decision::Unmet | Decision::Inconclusive(Inconclusive::Tied));
    if !split || !open {
        return counted;
    }
    let adds = |judge: &JudgeName, vote: &JudgeVote| {
        let own = judges.iter().find(|own| own.judge == *judge)?;
        match vote {
            JudgeVote::Met => Some(own.if_met),
            JudgeVote::Unmet => Some(own.if_unmet),
            JudgeVote::Level { .. } | JudgeVote::CannotAssess | JudgeVote::Failed => None,
        }
    };
    let odds = prior + votes.iter().filter_map(|(judge, vote)| adds(judge, vote)).sum::<f64>();
    match odds.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => Decision::Met,
        Some(std::cmp::Ordering::Less) => Decision::Unmet,
        _ => Decision::Inconclusive(Inconclusive::Tied),
    }
}

pub(super) fn tally(votes: &[JudgeVote]) -> Tally {
    let mut tally = Tally::default();
    for vote in votes {
        match vote {
            JudgeVote::Met => tally.met += 1,
            JudgeVote::Unmet => tally.unmet += 1,
            JudgeVote::Level { .. } => tally.levels += 1,
            JudgeVote::CannotAssess => tally.cannot_assess += 1,
            JudgeVote::Failed => tally.failed += 1,
        }
    }
    tally
}

/// What the votes of a panel's judges come to; `levels` is the criterion's scale, empty for yes or no.
pub(super) fn decide(levels: &[Level], panel: &Panel, votes: &[JudgeVote], tally: Tally) -> Decision {
    let real = tally.real();
    if votes.is_empty() {
        return Decision::Inconclusive(Inconclusive::Pending);
    }
    if tally.cannot_assess * 2 > real + tally.cannot_assess {
        return Decision::Inconclusive(Inconclusive::CannotAssess);
    }
    if real == 0 || real < panel.quorum {
        return Decision::Inconclusive(Inconclusive::BelowQuorum);
    }
    let labels: BTreeMap<&str, u32> =
        votes.iter().filter_map(JudgeVote::label).fold(BTreeMap::new(), |mut counts, label| {
            *counts.entry(label).or_default() += 1;
            counts
        });
    if panel.aggregation == Aggregation::Unanimous && labels.len() > 1 {
        return Decision::Inconclusive(Inconclusive::NotUnanimous);
    }
    if !levels.is_empty() {
        let mut points: Vec<f64> = votes
            .iter()
            .filter_map(|vote| match vote {
                JudgeVote::Level { points, .. } => Some(*points),
                _ => None,
            })
            .collect();
        points.sort_by(f64::total_cmp);
        match panel.aggregation {
            Aggregation::Mean => return graded(levels, points.iter().sum::<f64>() / points.len() as f64),
            Aggregation::Median => return graded(levels, median(&points)),
            Aggregation::Majority | Aggregation::Unanimous | Aggregation::Weighted => {}
        }
    }
    match labels.iter().find(|(_, count)| **count * 2 > real).map(|(label, _)| *label) {
        Some("MET") if levels.is_empty() => Decision::Met,
        Some("UNMET") if levels.is_empty() => Decision::Unmet,
        Some(name) => match levels.iter().find(|level| level.name == name) {
            Some(level) => Decision::Level { name: level.name.clone(), points: level.points },
            None => Decision::Inconclusive(Inconclusive::Tied),
        },
        None => Decision::Inconclusive(Inconclusive::Tied),
    }
}

/// Between the scale's steps the nearest one lends its name; of two equally near ones the lower, since a
/// doubt is not a merit.
fn graded(levels: &[Level], points: f64) -> Decision {
    let mut levels: Vec<&Level> = levels.iter().collect();
    levels.sort_by(|a, b| a.points.total_cmp(&b.points));
    let nearest = levels.iter().min_by(|a, b| (a.points - points).abs().total_cmp(&(b.points - points).abs()));
    match nearest {
        Some(level) => Decision::Level { name: level.name.clone(), points },
        None => Decision::Inconclusive(Inconclusive::Tied),
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The evidence of the judges that the verdict followed, found quotes first, each quote once.
fn evidence_for(decision: &Decision, judges: Option<&BTreeMap<&JudgeName, Vec<&Vote>>>) -> Vec<Evidence> {
    /// More than a person reads; the votes keep all of it.
    const SHOWN: usize = 6;
    let mut evidence: Vec<Evidence> = Vec::new();
    for vote in judges.into_iter().flatten().flat_map(|(_, repeats)| repeats) {
        let VoteOutcome::Answered(opinion) = &vote.outcome else { continue };
        let followed = match (decision, &opinion.answer) {
            (Decision::Met, Answer::Met) | (Decision::Unmet, Answer::Unmet) => true,
            (Decision::Level { name, .. }, Answer::Level(said)) => name == said,
            (Decision::Inconclusive(_), _) => true,
            _ => false,
        };
        if followed {
            for item in &opinion.evidence {
                if !evidence.iter().any(|known| known.quote == item.quote && known.file == item.file) {
                    evidence.push(item.clone());
                }
            }
        }
    }
    evidence.sort_by_key(|item| match item.found {
        Match::Found => 0,
        Match::Repaired => 1,
        Match::NotFound => 2,
    });
    evidence.truncate(SHOWN);
    evidence
}

/// The latest override of a criterion binds, whatever the panel said; a withdrawn one binds nothing.
#[must_use]
pub fn with_override(mut verdict: Verdict, criterion: &Criterion, overrides: &[Override]) -> Verdict {
    let latest = overrides.iter().filter(|o| o.criterion_id == verdict.criterion_id).max_by_key(|o| o.id);
    let decision = match latest.map(|o| &o.value) {
        None | Some(OverrideValue::Withdrawn) => return verdict,
        Some(OverrideValue::Met) => Decision::Met,
        Some(OverrideValue::Unmet) => Decision::Unmet,
        Some(OverrideValue::Inconclusive) => Decision::Inconclusive(Inconclusive::CannotAssess),
        Some(OverrideValue::Level(name)) => match level(criterion, name) {
            Some(level) => Decision::Level { name: level.name.clone(), points: level.points },
            None => return verdict,
        },
    };
    verdict.decision = decision;
    verdict.source = Source::Override;
    verdict
}

/// Whether a criterion can be given this value by a human.
///
/// # Errors
/// Says which values it takes.
pub fn fits(criterion: &Criterion, value: &OverrideValue) -> Result<(), String> {
    let names = || criterion.levels.iter().map(|l| format!("`{}`", l.name)).collect::<Vec<_>>().join(", ");
    match value {
        OverrideValue::Met | OverrideValue::Unmet if !criterion.levels.is_empty() => {
            Err(format!("criterion `{}` is graded; choose a level: {}", criterion.id, names()))
        }
        OverrideValue::Level(name) if level(criterion, name).is_none() => {
            let takes = if criterion.levels.is_empty() { "`met`, `unmet`".to_owned() } else { names() };
            Err(format!("criterion `{}` has no level {name:?}; it takes {takes}", criterion.id))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::testing::{answered, criterion, failed, graded_criterion, panel, votes};

    fn verdict(panel: &Panel, cells: &[(&str, u32, VoteOutcome)]) -> Decision {
        let criterion = criterion("c", 1.0);
        let votes = votes("c", cells);
        panel_verdict(&criterion, panel, None, ballots(&votes).get(&criterion.id)).decision
    }

    #[test]
    fn more_than_half_of_the_judges_with_a_real_vote_decide() {
        let panel = panel(3, 2);
        let met = verdict(&panel, &[("a", 0, answered("MET")), ("b", 0, answered("MET")), ("c", 0, answered("UNMET"))]);
        assert_eq!(met, Decision::Met);
        // The third judge failed: two of two real votes still make a quorum of two.
        let unmet = verdict(&panel, &[("a", 0, answered("UNMET")), ("b", 0, answered("UNMET")), ("c", 0, failed())]);
        assert_eq!(unmet, Decision::Unmet);
    }

    #[test]
    fn a_tie_is_inconclusive_and_does_not_go_to_the_judge_listed_first() {
        let tied = verdict(&panel(2, 2), &[("a", 0, answered("MET")), ("b", 0, answered("UNMET"))]);
        assert_eq!(tied, Decision::Inconclusive(Inconclusive::Tied));
    }

    #[test]
    fn one_met_does_not_beat_four_that_cannot_assess() {
        let mut cells = vec![("a", 0, answered("MET"))];
        cells.extend(["b", "c", "d", "e"].map(|judge| (judge, 0, answered("CANNOT_ASSESS"))));
        assert_eq!(verdict(&panel(5, 1), &cells), Decision::Inconclusive(Inconclusive::CannotAssess));
    }

    #[test]
    fn below_the_quorum_nothing_is_decided() {
        let one = verdict(&panel(3, 2), &[("a", 0, answered("MET")), ("b", 0, failed()), ("c", 0, failed())]);
        assert_eq!(one, Decision::Inconclusive(Inconclusive::BelowQuorum));
        let none = verdict(&panel(3, 0), &[("a", 0, failed()), ("b", 0, failed()), ("c", 0, failed())]);
        assert_eq!(none, Decision::Inconclusive(Inconclusive::BelowQuorum));
    }

    #[test]
    fn repeats_are_reduced_to_their_judge_first_so_a_talkative_judge_has_one_vote() {
        let cells = [
            ("a", 0, answered("MET")),
            ("a", 1, answered("MET")),
            ("a", 2, answered("MET")),
            ("b", 0, answered("UNMET")),
            ("c", 0, answered("UNMET")),
        ];
        assert_eq!(verdict(&panel(3, 2), &cells), Decision::Unmet);
        let torn = [("a", 0, answered("MET")), ("a", 1, answered("UNMET")), ("b", 0, answered("MET"))];
        assert_eq!(verdict(&panel(2, 2), &torn), Decision::Inconclusive(Inconclusive::BelowQuorum));
    }

    #[test]
    fn unanimity_takes_everybody() {
        let mut unanimous = panel(3, 2);
        unanimous.aggregation = Aggregation::Unanimous;
        let two =
            verdict(&unanimous, &[("a", 0, answered("MET")), ("b", 0, answered("MET")), ("c", 0, answered("UNMET"))]);
        assert_eq!(two, Decision::Inconclusive(Inconclusive::NotUnanimous));
    }

    #[test]
    fn graded_criteria_take_the_majority_the_mean_or_the_median_of_their_levels() {
        let criterion = graded_criterion("c", &[("poor", 0.0), ("fair", 2.0), ("good", 4.0)]);
        let votes = votes("c", &[("a", 0, answered("good")), ("b", 0, answered("good")), ("c", 0, answered("poor"))]);
        let by = |aggregation| {
            let mut panel = panel(3, 2);
            panel.aggregation = aggregation;
            panel_verdict(&criterion, &panel, None, ballots(&votes).get(&criterion.id)).decision
        };
        assert_eq!(by(Aggregation::Majority), Decision::Level { name: "good".to_owned(), points: 4.0 });
        assert_eq!(by(Aggregation::Median), Decision::Level { name: "good".to_owned(), points: 4.0 });
        // (4 + 4 + 0) / 3 = 2.67, nearest step: fair (2).
        let Decision::Level { name, points } = by(Aggregation::Mean) else { panic!("a level") };
        assert_eq!(name, "fair");
        assert!((points - 8.0 / 3.0).abs() < 1e-12);
    }
}
