//! Everything that is computed of a grading: from its votes, its checks and the human decisions, again and
//! again, always the same. Nothing here reads or keeps.

use std::collections::BTreeMap;

use crate::domain::{
    AlphaInterval, CallCounts, Grading, GradingResult, Panel, PanelAgreement, Review, Rubric, Score, ScoreOverride,
    SetScore, Usage, Verdict, View, Vote, VoteOutcome, Weighing,
};
use crate::stats::agreement::{self, Ratings};

use super::aggregate::{Ballots, ballots, judge_votes, panel_verdict, with_override};
use super::recorded::Recorded;
use super::score;
use super::sequential;

/// What a result is computed from.
pub struct Material<'a> {
    pub grading: &'a Grading,
    pub rubric: &'a Rubric,
    pub recorded: &'a Recorded,
    pub checks: Vec<Verdict>,
    pub views: Vec<View>,
    /// As it was learned when the panel had spoken, where the panel weighs its judges.
    pub weighing: Option<Box<Weighing>>,
}

#[must_use]
pub fn compute(material: Material<'_>) -> GradingResult {
    let Material { grading, rubric, recorded, checks, views, weighing } = material;
    let Recorded { votes, overrides, scores, reviews } = recorded;
    let ballots = ballots(votes);
    let panel_says = verdicts(grading, rubric, &ballots, &checks, weighing.as_deref());
    let without = score::score(rubric, &panel_says, grading.panel.min_coverage);
    let verdicts: Vec<Verdict> = rubric
        .criteria()
        .iter()
        .zip(panel_says)
        .map(|(criterion, verdict)| with_override(verdict, criterion, overrides))
        .collect();
    let computed = score::score(rubric, &verdicts, grading.panel.min_coverage);
    let (score, set_score) = set(computed, scores);
    // Resampled criteria say nothing of a score that a human set.
    let interval = match &set_score {
        None => score::interval(rubric, &verdicts, &score, seed(&grading.rubric.fingerprint)),
        Some(_) => None,
    };
    let mut pending: Vec<&Review> = reviews.iter().filter(|review| review.is_pending()).collect();
    pending.sort_by_key(|review| review.id);
    GradingResult {
        score_without_overrides: without.value,
        verdicts,
        checks,
        score,
        interval,
        agreement: agreement_of(rubric, &grading.panel, &ballots),
        calls: calls(grading, votes),
        usage: usage(votes),
        cost_usd: cost(votes),
        review_reasons: reviews.iter().map(Review::why).collect(),
        review_ids: reviews.iter().map(|review| review.id).collect(),
        open_reviews: u32::try_from(pending.len()).unwrap_or(u32::MAX),
        views,
        weighing,
        set_score,
    }
}

/// The score with a human's in its place, where there is one that was not taken back.
fn set(computed: Score, scores: &[ScoreOverride]) -> (Score, Option<SetScore>) {
    let latest = scores.iter().max_by_key(|one| one.id);
    let Some((one, value)) = latest.and_then(|one| Some((one, one.value?))) else { return (computed, None) };
    let told =
        SetScore { computed: computed.value, reason: one.reason.clone(), by: one.author.clone(), at: one.created_at };
    (Score { value: Some(value), undefined: None, ..computed }, Some(told))
}

/// What the panel and the checks say, in the rubric's order.
#[must_use]
pub fn verdicts(
    grading: &Grading,
    rubric: &Rubric,
    ballots: &Ballots<'_>,
    checks: &[Verdict],
    weighing: Option<&Weighing>,
) -> Vec<Verdict> {
    let checked: BTreeMap<_, _> = checks.iter().map(|verdict| (&verdict.criterion_id, verdict)).collect();
    rubric
        .criteria()
        .iter()
        .map(|criterion| match checked.get(&criterion.id) {
            Some(verdict) => (*verdict).clone(),
            None => panel_verdict(criterion, &grading.panel, weighing, ballots.get(&criterion.id)),
        })
        .collect()
}

/// The same rubric always draws the same resamples.
fn seed(fingerprint: &crate::domain::Fingerprint) -> u64 {
    u64::from_str_radix(fingerprint.as_str().get(..16).unwrap_or("0"), 16).unwrap_or(0)
}

fn calls(grading: &Grading, votes: &[Vote]) -> CallCounts {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let failed = votes.iter().filter(|vote| matches!(vote.outcome, VoteOutcome::Failed { .. })).count();
    let done = count(votes.len());
    let spared = grading.panel.sequential.map_or(0, |_| grading.calls_planned.saturating_sub(done));
    CallCounts {
        planned: grading.calls_planned - spared,
        spared,
        done,
        failed: count(failed),
        made: votes.iter().map(Vote::calls).sum(),
    }
}

fn usage(votes: &[Vote]) -> Usage {
    let mut usage = Usage::default();
    for vote in votes {
        usage += vote.usage;
    }
    usage
}

/// `None` as soon as the price of one call that was made is unknown.
fn cost(votes: &[Vote]) -> Option<f64> {
    votes
        .iter()
        .map(|vote| if vote.attempts == 0 { Some(0.0) } else { vote.cost_usd })
        .sum::<Option<f64>>()
        .map(|usd| usd + 0.0)
}

/// Agreement of the judges over the criteria of this grading; only real votes are ratings.
/// In a sequential panel those are of the judges that are asked about everything: the others are asked where these
/// disagree.
fn agreement_of(rubric: &Rubric, panel: &Panel, ballots: &Ballots<'_>) -> PanelAgreement {
    let of_all = sequential::stages(panel).first().copied().unwrap_or_default();
    if panel.sequential.is_some() && of_all.len() < 2 {
        let why = "the judges after the first are asked only about what it leaves open";
        return PanelAgreement { raw: None, alpha: None, undefined: Some(why.to_owned()) };
    }
    let mut judges: Vec<&crate::domain::JudgeName> = ballots.values().flat_map(|votes| votes.keys().copied()).collect();
    judges.retain(|judge| panel.sequential.is_none() || of_all.iter().any(|spec| spec.name == **judge));
    judges.sort();
    judges.dedup();
    let mut labels: Vec<String> = vec!["MET".to_owned(), "UNMET".to_owned()];
    let mut units: Vec<Vec<Option<usize>>> = Vec::new();
    for criterion in rubric.criteria() {
        let Some(votes) = ballots.get(&criterion.id) else { continue };
        let mut row = vec![None; judges.len()];
        for (judge, vote) in judge_votes(criterion, Some(votes)) {
            let (Some(label), Ok(column)) = (vote.label(), judges.binary_search(&judge)) else { continue };
            let index = labels.iter().position(|known| known == label).unwrap_or_else(|| {
                labels.push(label.to_owned());
                labels.len() - 1
            });
            row[column] = Some(index);
        }
        units.push(row);
    }
    let undefined = |why: String| PanelAgreement { raw: None, alpha: None, undefined: Some(why) };
    let ratings = match Ratings::new(units, labels.len()) {
        Ok(ratings) => ratings,
        Err(why) => return undefined(why.to_string()),
    };
    let raw = match agreement::raw(&ratings) {
        Ok(estimate) => estimate.value,
        Err(why) => return undefined(why.to_string()),
    };
    match agreement::krippendorff_alpha(&ratings, agreement::Level::Nominal) {
        Ok(alpha) => {
            let interval = alpha.interval.ok();
            PanelAgreement {
                raw: Some(raw),
                alpha: Some(AlphaInterval {
                    value: alpha.value,
                    low: interval.as_ref().map(|i| i.low),
                    high: interval.as_ref().map(|i| i.high),
                    n: u32::try_from(alpha.n).unwrap_or(u32::MAX),
                }),
                undefined: None,
            }
        }
        Err(why) => PanelAgreement { raw: Some(raw), alpha: None, undefined: Some(why.to_string()) },
    }
}
