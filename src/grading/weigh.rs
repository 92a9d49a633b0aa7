//! What a panel of `aggregation = "weighted"` knows of its judges when it decides: weights from the project's own recorded
//! votes, with human decisions as fixed answers, or that they count the same and why (`stats::aggregation` and its guard).
//!
//! Learned from the newest gradings in which a judge of the panel voted (the same judge: name, model and settings), on
//! criteria of yes or no. Nothing of the submission that is being graded is among them, in whichever grading: what is to be
//! predicted is never learned from. What was learned is kept with the grading; an override, a review or a replay uses that.
//! It is learned anew when a grading is graded again, or when somebody asks for it ([`again`]).

use std::collections::BTreeMap;

use serde_json::json;

use crate::audit::{self, Act};
use crate::domain::{
    Action, Aggregation, Author, CriterionId, Fingerprint, Grading, GradingId, JudgeName, JudgeWeight, Override,
    OverrideValue, Panel, Rubric, RubricVersion, Subject, SubmissionId, Timestamp, Vote, Weighing, WeighingRule,
};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::stats::aggregation::{Aggregated, Chosen, Fitted, Label, aggregate};
use crate::store::{Kept, ProjectStore, Query, StoreError, rubric_key};

use super::aggregate::{JudgeVote, ballots, judge_votes};
use super::call::subject_prefix;
use super::recorded::Recorded;
use super::result::{Material, compute};
use super::run::blocking;

/// Gradings that are looked at, the newest first.
const GRADINGS: usize = 1_000;
/// Criteria that are learned from: those with a human's decision first.
const ITEMS: usize = 5_000;
/// Draws the folds.
const SEED: u64 = 0x5eed;

/// One criterion of one submission.
#[derive(Debug, Clone, Default, PartialEq)]
struct Item {
    /// Met or not, by judge.
    said: BTreeMap<usize, bool>,
    human: Option<bool>,
}

/// What is known of the judges of this grading's panel; `None` if the panel does not weigh them.
///
/// # Errors
/// If the store cannot.
pub async fn learn(
    project: &ProjectStore,
    grading: &Grading,
    now: Timestamp,
) -> Result<Option<Box<Weighing>>, Refusal> {
    if grading.panel.aggregation != Aggregation::Weighted {
        return Ok(None);
    }
    let items = history(project, &grading.panel, grading.submission_id).await?;
    let judges: Vec<JudgeName> = grading.panel.judges.iter().map(|spec| spec.name.clone()).collect();
    Ok(Some(Box::new(blocking(move || of_items(&items, &judges, now)).await?)))
}

/// The items of other submissions, human-decided ones first, then the newest.
async fn history(project: &ProjectStore, panel: &Panel, without: SubmissionId) -> Result<Vec<Item>, Refusal> {
    let judges: BTreeMap<(&JudgeName, Fingerprint), usize> =
        panel.judges.iter().enumerate().map(|(at, spec)| ((&spec.name, spec.fingerprint()), at)).collect();
    let newest = project.list::<Grading>(Query::default().newest_first().limit(GRADINGS)).await?;
    let mut rubrics: BTreeMap<String, Option<Rubric>> = BTreeMap::new();
    let mut order: Vec<Item> = Vec::new();
    let mut known: BTreeMap<(SubmissionId, Fingerprint, CriterionId), usize> = BTreeMap::new();
    for Kept { record: grading, .. } in newest.items {
        let voters: BTreeMap<JudgeName, usize> = grading
            .panel
            .judges
            .iter()
            .filter_map(|spec| Some((spec.name.clone(), *judges.get(&(&spec.name, spec.fingerprint()))?)))
            .collect();
        if grading.result().is_none() || grading.submission_id == without || voters.is_empty() {
            continue;
        }
        let key = rubric_key(grading.rubric.id, grading.rubric.version);
        if !rubrics.contains_key(&key) {
            let kept = project.get::<RubricVersion>(&key).await?;
            rubrics.insert(key.clone(), kept.map(|kept| kept.record.rubric));
        }
        let Some(rubric) = rubrics.get(&key).and_then(Option::as_ref) else { continue };
        let votes = project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(grading.id)))).await?;
        let overrides = project.all::<Override>(Query::prefix(format!("{}/", grading.id))).await?;
        let ballots = ballots(&votes);
        for criterion in rubric.criteria().iter().filter(|c| c.check.is_none() && c.levels.is_empty()) {
            let at = (grading.submission_id, grading.rubric.fingerprint.clone(), criterion.id.clone());
            let at = *known.entry(at).or_insert_with(|| {
                order.push(Item::default());
                order.len() - 1
            });
            let item = &mut order[at];
            item.human = item.human.or_else(|| decided(&overrides, &criterion.id));
            for (judge, vote) in judge_votes(criterion, ballots.get(&criterion.id)) {
                let met = match vote {
                    JudgeVote::Met => true,
                    JudgeVote::Unmet => false,
                    JudgeVote::Level { .. } | JudgeVote::CannotAssess | JudgeVote::Failed => continue,
                };
                if let Some(voter) = voters.get(judge) {
                    item.said.entry(*voter).or_insert(met);
                }
            }
        }
    }
    order.retain(|item| !item.said.is_empty());
    order.sort_by_key(|item| item.human.is_none());
    order.truncate(ITEMS);
    Ok(order)
}

/// What the latest human decision on a criterion says, if it says yes or no.
fn decided(overrides: &[Override], criterion: &CriterionId) -> Option<bool> {
    match overrides.iter().filter(|o| o.criterion_id == *criterion).max_by_key(|o| o.id).map(|o| &o.value)? {
        OverrideValue::Met => Some(true),
        OverrideValue::Unmet => Some(false),
        OverrideValue::Level(_) | OverrideValue::Inconclusive | OverrideValue::Withdrawn => None,
    }
}

/// The rule that follows from these items.
fn of_items(items: &[Item], judges: &[JudgeName], now: Timestamp) -> Weighing {
    let labels: Vec<Label> = items
        .iter()
        .enumerate()
        .flat_map(|(item, own)| {
            own.said.iter().map(move |(voter, met)| Label { item, voter: *voter, class: usize::from(*met) })
        })
        .collect();
    let human: Vec<Option<usize>> = items.iter().map(|item| item.human.map(usize::from)).collect();
    let rule = if labels.is_empty() {
        WeighingRule::Majority { why: "the judges have no earlier votes in this project".to_owned() }
    } else {
        match aggregate(&labels, &human, judges.len(), 2, SEED) {
            Ok(Aggregated { chosen: Chosen::Weighted(fitted), held_out, .. }) => weights(&fitted, judges, held_out),
            Ok(Aggregated { chosen: Chosen::Majority(why), .. }) => WeighingRule::Majority { why: why.to_string() },
            Err(why) => WeighingRule::Majority { why: why.to_string() },
        }
    };
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Weighing {
        fingerprint: Fingerprint::of(&rule),
        rule,
        items: count(items.len()),
        human_answers: count(human.iter().flatten().count()),
        votes: count(labels.len()),
        learned_at: now,
    }
}

/// The model as log odds. A judge never counts against what it says.
fn weights(fitted: &Fitted, judges: &[JudgeName], held_out: Option<(f64, f64)>) -> WeighingRule {
    let prior = match fitted {
        Fitted::Coins(model) => (model.prior[1] / model.prior[0]).ln(),
        Fitted::Pool(model) => model.intercept[1] - model.intercept[0],
    };
    let of = |voter: usize| match fitted {
        Fitted::Coins(model) => {
            let own = &model.confusion[voter];
            let says = |vote: usize| (own[1][vote] / own[0][vote]).ln();
            (says(1), says(0))
        }
        Fitted::Pool(model) => (model.weight[voter], -model.weight[voter]),
    };
    let judges = judges
        .iter()
        .enumerate()
        .map(|(voter, judge)| {
            let (if_met, if_unmet) = of(voter);
            JudgeWeight { judge: judge.clone(), if_met: if_met.max(0.0), if_unmet: if_unmet.min(0.0) }
        })
        .collect();
    WeighingRule::Weighted { prior, judges, held_out }
}

/// Learns anew from what is there now and decides again. Who asked for it is on record.
///
/// # Errors
/// If there is no such grading, the panel has not spoken, or it does not weigh its judges.
pub async fn again(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    by: &Author,
) -> Result<Grading, Refusal> {
    loop {
        let Some(Kept { record: grading, revision }) = project.get::<Grading>(&id.to_string()).await? else {
            return Err(Refusal::not_found("grading", id));
        };
        let conflict = |code, detail| Refusal::Conflict { code, detail };
        let Some(result) = grading.result().cloned() else {
            let detail = format!("grading {id} is {}; wait until the panel has spoken", grading.status().as_str());
            return Err(conflict("not_judged", detail));
        };
        let Some(weighing) = learn(project, &grading, services.now()).await? else {
            let rule = grading.panel.aggregation.as_str();
            let detail = format!("panel `{}` decides by {rule}: there are no weights to learn", grading.panel.name);
            return Err(conflict("not_weighted", detail));
        };
        let key = rubric_key(grading.rubric.id, grading.rubric.version);
        let Some(rubric) = project.get::<RubricVersion>(&key).await? else {
            let detail = format!("grading {id} refers to it, and it is not kept");
            return Err(Refusal::Store(StoreError::Corrupt { kind: "rubric".to_owned(), key, detail }));
        };
        let result = compute(Material {
            grading: &grading,
            rubric: &rubric.record.rubric,
            recorded: &Recorded::of(project, id).await?,
            checks: result.checks,
            views: result.views,
            weighing: Some(weighing),
        });
        let recomputed = grading.clone().recomputed(result)?;
        let score = |grading: &Grading| grading.result().and_then(|result| result.score.value);
        let act = Act::new(by, Action::WeightsLearned, format!("grading/{id}"))
            .with(json!({ "score_before": score(&grading), "score": score(&recomputed) }));
        let batch = project.batch().update(&recomputed, revision);
        match project.commit(audit::append(project, batch, services.now(), [act]).await?).await {
            Ok(()) => return Ok(recomputed),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Decision, Inconclusive};
    use crate::grading::aggregate::{Ballots, panel_verdict};
    use crate::grading::testing::{answered, criterion, panel, votes};

    fn names(count: usize) -> Vec<JudgeName> {
        (0..count).map(|at| JudgeName::parse(format!("j{at}")).unwrap()).collect()
    }

    /// The first judge is right nine times in ten, the others err as often as not, each in its own places.
    fn items(human: usize) -> Vec<Item> {
        (0..300_usize)
            .map(|at| {
                let truth = at % 2 == 0;
                let mixed = |salt: usize| (at.wrapping_mul(2_654_435_761 + 2 * salt) >> 7) % 100;
                let said = [(0, mixed(1) < 92), (1, mixed(2) < 55), (2, mixed(3) < 55)];
                let said = said.map(|(judge, right)| (judge, right == truth));
                Item { said: said.into(), human: (at < human).then_some(truth) }
            })
            .collect()
    }

    fn weighted_panel() -> Panel {
        Panel { aggregation: Aggregation::Weighted, ..panel(3, 2) }
    }

    fn decide(weighing: Option<&Weighing>, said: [&str; 3]) -> Decision {
        let cells: Vec<_> = ["j0", "j1", "j2"].into_iter().zip(said).map(|(j, s)| (j, 0, answered(s))).collect();
        let votes = votes("c", &cells);
        let ballots: Ballots<'_> = ballots(&votes);
        let criterion = criterion("c", 1.0);
        panel_verdict(&criterion, &weighted_panel(), weighing, ballots.get(&criterion.id)).decision
    }

    #[test]
    fn a_judge_whom_human_answers_show_to_be_right_outvotes_two_who_guess() {
        let weighing = of_items(&items(60), &names(3), Timestamp::UNIX_EPOCH);
        let WeighingRule::Weighted { judges, held_out, .. } = &weighing.rule else { panic!("{weighing:?}") };
        assert!(judges[0].if_met > judges[1].if_met + judges[2].if_met, "{judges:?}");
        assert!(held_out.is_some_and(|(majority, weighted)| weighted > majority));
        assert_eq!((weighing.human_answers, weighing.items, weighing.votes), (60, 300, 900));
        assert_eq!(decide(Some(&weighing), ["MET", "UNMET", "UNMET"]), Decision::Met);
        assert_eq!(decide(Some(&weighing), ["UNMET", "MET", "MET"]), Decision::Unmet);
        assert_eq!(decide(None, ["MET", "UNMET", "UNMET"]), Decision::Unmet);
    }

    #[test]
    fn what_was_learned_is_the_same_every_time_and_decides_the_same_after_being_kept() {
        let one = of_items(&items(60), &names(3), Timestamp::UNIX_EPOCH);
        assert_eq!(one, of_items(&items(60), &names(3), Timestamp::UNIX_EPOCH));
        let kept: Weighing = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(kept.fingerprint, one.fingerprint);
        assert_eq!(decide(Some(&kept), ["MET", "UNMET", "UNMET"]), Decision::Met);
    }

    #[test]
    fn without_enough_human_answers_judges_are_counted_and_the_reason_is_said() {
        let few = of_items(&items(12), &names(3), Timestamp::UNIX_EPOCH);
        let WeighingRule::Majority { why } = &few.rule else { panic!("{few:?}") };
        assert!(why.contains("12 human answers, 20 are needed"), "{why}");
        assert_eq!(decide(Some(&few), ["MET", "UNMET", "UNMET"]), Decision::Unmet);
        let WeighingRule::Majority { why } = of_items(&[], &names(3), Timestamp::UNIX_EPOCH).rule else { panic!() };
        assert!(why.contains("no earlier votes"), "{why}");
    }

    #[test]
    fn no_weight_makes_a_verdict_that_no_judge_gave_or_replaces_a_quorum() {
        let judges = names(3).into_iter().map(|judge| JudgeWeight { judge, if_met: 0.1, if_unmet: -0.1 }).collect();
        let rule = WeighingRule::Weighted { prior: 9.0, judges, held_out: None };
        let weighing = Weighing {
            fingerprint: Fingerprint::of(&rule),
            rule,
            items: 1,
            human_answers: 1,
            votes: 3,
            learned_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(decide(Some(&weighing), ["UNMET", "UNMET", "UNMET"]), Decision::Unmet);
        let below = decide(Some(&weighing), ["UNMET", "CANNOT_ASSESS", "CANNOT_ASSESS"]);
        assert_eq!(below, Decision::Inconclusive(Inconclusive::CannotAssess));
    }

    #[tokio::test]
    async fn nothing_of_the_submission_that_is_predicted_is_learned_from() {
        use crate::ranking::made::{World, made};
        let world = World { aggregation: Aggregation::Weighted, ..World::default() };
        let made = made(&world).await;
        let grading = &made.gradings[7];
        let weighing = learn(&made.project, grading, Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
        // 120 gradings of four criteria, less its own.
        assert_eq!((weighing.items, weighing.votes), (119 * 4, 119 * 12));
        let own = made.project.all::<Override>(Query::prefix(format!("{}/", grading.id))).await.unwrap().len();
        let all = made.project.all::<Override>(Query::default()).await.unwrap().len();
        assert_eq!(weighing.human_answers as usize, all - own);
        let counted =
            Grading { panel: Panel { aggregation: Aggregation::Majority, ..grading.panel.clone() }, ..grading.clone() };
        assert_eq!(learn(&made.project, &counted, Timestamp::UNIX_EPOCH).await.unwrap(), None);
        // A judge with other settings is another judge.
        let mut changed = grading.clone();
        changed.panel.judges.iter_mut().for_each(|spec| spec.model = "another".to_owned());
        let weighing = learn(&made.project, &changed, Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
        assert_eq!((weighing.items, weighing.human_answers), (0, 0));
    }
}
