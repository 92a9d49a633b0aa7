//! Mean scores that are corrected by what humans decided (inverse-probability-weighted PPI): the panel errs, and the
//! criteria that were drawn for review with a known probability tell by how much and which way. Units are criteria, each
//! with its share of its rubric's points; gates and clamping stay out of it, as neither is a sum.
//!
//! Left out and counted: graded criteria (levels), and criteria without a verdict of the panel. A review that nobody
//! answered yet counts as the panel said: until it is answered the correction is smaller than it will be, and the board's
//! notes say of how many criteria that is true.

use std::collections::{BTreeMap, HashMap};

use super::board::{Board, Row, RowInterval, best_first};
use super::leaderboard::Wanted;
use super::material::Material;
use crate::domain::{Criterion, Decision, Grading, GradingId, Review, Source, SystemName, Verdict};
use crate::refusal::Refusal;
use crate::stats::correction::{Audited, ipw_ppi};
use crate::store::{ProjectStore, Query};

/// The board, or why there is none.
///
/// # Errors
/// If the store cannot.
pub async fn board(
    project: &ProjectStore,
    material: &Material,
    wanted: &Wanted,
) -> Result<Result<Board, String>, Refusal> {
    if !wanted.is_of_scores() {
        let why = "humans decide criteria of gradings, not comparisons; ask for method=score";
        return Ok(Err(why.to_owned()));
    }
    let mut probabilities: HashMap<GradingId, BTreeMap<String, Option<f64>>> = HashMap::new();
    for review in project.all::<Review>(Query::default()).await? {
        let Some((grading, criterion)) = review.criterion() else { continue };
        let of_grading = probabilities.entry(grading).or_default();
        of_grading.insert(criterion.to_string(), review.selection_probability);
    }
    Ok(of(material, wanted, &probabilities))
}

fn of(
    material: &Material,
    wanted: &Wanted,
    probabilities: &HashMap<GradingId, BTreeMap<String, Option<f64>>>,
) -> Result<Board, String> {
    let mut systems: BTreeMap<&SystemName, Vec<Vec<Audited>>> = BTreeMap::new();
    let mut clusters: HashMap<String, usize> = HashMap::new();
    let (mut left_out, mut decided, mut unanswered) = (0usize, 0usize, 0usize);
    for grading in &material.gradings {
        let wanted = wanted.panel.as_ref().is_none_or(|panel| *panel == grading.panel.name)
            && wanted.rubric_id.is_none_or(|id| id == grading.rubric.id);
        let (true, Some(result), Some(rubric)) = (wanted, grading.result(), material.rubric(grading)) else { continue };
        let task = grading.task_id.as_ref().map_or_else(|| grading.submission_id.to_string(), ToString::to_string);
        let next = clusters.len();
        let cluster = *clusters.entry(task).or_insert(next);
        let reviewed = probabilities.get(&grading.id);
        let mut items = Vec::new();
        for criterion in rubric.rubric.criteria() {
            let verdict = result.verdicts.iter().find(|verdict| verdict.criterion_id == criterion.id);
            let Some((judge, human)) = verdict.and_then(|verdict| said(criterion, verdict)) else {
                left_out += 1;
                continue;
            };
            decided += usize::from(human.is_some());
            let review = reviewed.and_then(|of| of.get(criterion.id.as_str()));
            unanswered += usize::from(review.is_some() && human.is_none());
            let probability = match review {
                Some(probability) => *probability,
                // Decided by hand, outside of any draw.
                None if human.is_some() => None,
                None => audit_share(grading),
            };
            items.push((criterion.points, Audited { judge, probability, human, cluster }));
        }
        let positive: f64 = items.iter().map(|(points, _)| points.max(0.0)).sum();
        if positive <= 0.0 {
            continue;
        }
        // The mean over a grading's units is its raw score.
        let size = items.len() as f64;
        let scaled = items.into_iter().map(|(_, item)| Audited {
            judge: item.judge * size / positive,
            human: item.human.map(|human| human * size / positive),
            ..item
        });
        systems.entry(&grading.system).or_default().push(scaled.collect());
    }
    if decided == 0 {
        return Err("no human has decided a criterion of these gradings; reviews are at /reviews".to_owned());
    }
    let mut rows: Vec<Row> = systems.into_iter().map(|(system, gradings)| row(system, &gradings, wanted)).collect();
    best_first(&mut rows);
    if let Some(why) = rows.iter().find_map(|row| row.undefined.clone())
        && rows.iter().all(|row| row.rating.is_none())
    {
        return Err(why);
    }
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!("{left_out} criteria with levels or without a verdict are left out"));
    }
    if unanswered > 0 {
        notes.push(format!(
            "{unanswered} reviews that are not answered stand as the panel's verdict: the correction is too small until they are"
        ));
    }
    Ok(Board { rows, tasks: clusters.len(), notes, ..Board::default() })
}

fn row(system: &SystemName, gradings: &[Vec<Audited>], wanted: &Wanted) -> Row {
    let units: usize = gradings.iter().map(Vec::len).sum();
    // Every grading weighs the same, however many criteria it has.
    let even = |own: usize| units as f64 / (gradings.len() as f64 * own as f64);
    let items: Vec<Audited> = gradings
        .iter()
        .flat_map(|items| items.iter().map(move |item| (item, items.len())))
        .map(|(item, own)| Audited {
            judge: item.judge * even(own),
            human: item.human.map(|human| human * even(own)),
            ..*item
        })
        .collect();
    let found = ipw_ppi(&items, wanted.rules.level);
    let estimate = found.as_ref().ok().map(|found| &found.estimate);
    let interval = estimate.and_then(|one| one.interval.as_ref().ok());
    Row {
        system: system.to_string(),
        rating: estimate.map(|one| one.value),
        interval: interval.map(|one| RowInterval {
            low: Some(one.low),
            high: Some(one.high),
            level: one.level,
            method: one.method.to_owned(),
        }),
        undefined: match &found {
            Err(why) => Some(why.to_string()),
            Ok(found) => found.estimate.interval.as_ref().err().map(ToString::to_string),
        },
        n: gradings.len(),
        ..Row::default()
    }
}

/// Points by the panel, and by a human where one decided; of yes/no criteria.
fn said(criterion: &Criterion, verdict: &Verdict) -> Option<(f64, Option<f64>)> {
    let points = |met: bool| if met { criterion.points } else { 0.0 };
    let decided = match verdict.decision {
        Decision::Met => points(true),
        Decision::Unmet => points(false),
        Decision::Level { .. } | Decision::Inconclusive(_) => return None,
    };
    if verdict.source != Source::Override {
        return Some((decided, None));
    }
    let tally = verdict.tally;
    (tally.met != tally.unmet).then(|| (points(tally.met > tally.unmet), Some(decided)))
}

/// The probability with which a criterion that no rule selected would have been drawn.
fn audit_share(grading: &Grading) -> Option<f64> {
    let share = grading.panel.review.random_share;
    (share > 0.0).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::board::Rules;
    use crate::ranking::leaderboard::Method;
    use crate::ranking::made::{Made, World, made};

    async fn found(made: &Made, wanted: &Wanted) -> Result<Board, String> {
        let needs = super::super::material::Needs { rubrics: true, ..wanted.needs() };
        let material = Material::read(&made.project, needs).await.unwrap();
        board(&made.project, &material, wanted).await.unwrap()
    }

    fn of_scores() -> Wanted {
        Wanted { rules: Rules { method: Method::Score, ..Rules::default() }, ..Wanted::default() }
    }

    /// The mean score that judges alone gave.
    fn panel_says(made: &Made, system: &str) -> f64 {
        let scores: Vec<f64> = made
            .gradings
            .iter()
            .filter(|grading| grading.system.as_str() == system)
            .filter_map(|grading| grading.result()?.score_without_overrides)
            .collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    fn unanswered(board: &Board) -> Option<&String> {
        board.notes.iter().find(|note| note.contains("stand as the panel's verdict"))
    }

    #[tokio::test]
    async fn what_lenient_judges_gave_too_much_is_taken_off_again() {
        let made = made(&World::default()).await;
        let board = found(&made, &of_scores()).await.unwrap();
        assert_eq!(board.rows.len(), 2);
        assert_eq!((board.rows[0].system.as_str(), board.tasks), ("gpt-app", 60), "{:?}", board.rows);
        for row in &board.rows {
            let (rating, interval) = (row.rating.unwrap(), row.interval.as_ref().unwrap());
            assert!(rating < panel_says(&made, &row.system), "{row:?}");
            assert!(interval.low.unwrap() < rating && rating < interval.high.unwrap(), "{row:?}");
            assert_eq!(row.n, 60);
        }
        assert_eq!(unanswered(&board), None, "all are answered");
    }

    #[tokio::test]
    async fn reviews_that_wait_stand_as_the_panels_verdict_and_the_board_says_how_many() {
        let all = made(&World::default()).await;
        let half = made(&World { answered: 50, ..World::default() }).await;
        let (answered, waits) = (found(&all, &of_scores()).await.unwrap(), found(&half, &of_scores()).await.unwrap());
        let waiting = half.project.all::<Review>(Query::default()).await.unwrap();
        let waiting = waiting.iter().filter(|review| review.resolution.is_none()).count();
        let note = unanswered(&waits).unwrap();
        assert!(note.starts_with(&format!("{waiting} reviews")), "{waiting}: {note}");
        // The fewer are answered, the nearer to what the panel said.
        for (full, part) in answered.rows.iter().zip(&waits.rows) {
            assert_eq!(full.system, part.system);
            assert!(full.rating.unwrap() < part.rating.unwrap(), "{full:?} {part:?}");
            assert!(part.rating.unwrap() < panel_says(&half, &part.system), "{part:?}");
        }
    }

    #[tokio::test]
    async fn without_a_human_answer_or_of_battles_there_is_no_such_board_and_it_says_why() {
        let none = made(&World { answered: 0, tasks: 6, ..World::default() }).await;
        let why = found(&none, &of_scores()).await.unwrap_err();
        assert!(why.contains("no human has decided"), "{why}");
        let why = found(&none, &Wanted::default()).await.unwrap_err();
        assert!(why.contains("method=score"), "{why}");
        let unaudited = made(&World { random_share: 0.0, tasks: 12, ..World::default() }).await;
        let why = found(&unaudited, &of_scores()).await.unwrap_err();
        assert!(!why.is_empty());
    }
}
