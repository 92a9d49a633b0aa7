//! Promises: no correction is biased by how items were chosen, few answers give no interval.

use proptest::prelude::*;

use super::*;
use crate::stats::NotEstimable;

fn votes(rows: &[&[usize]]) -> Vec<Label> {
    let mut labels = Vec::new();
    for (item, row) in rows.iter().enumerate() {
        row.iter().enumerate().for_each(|(voter, class)| labels.push(Label { item, voter, class: *class }));
    }
    labels
}

proptest! {
    /// The mean over every possible draw, each with its probability, is the human mean of all items.
    #[test]
    fn ipw_is_unbiased_over_all_possible_draws(
        items in prop::collection::vec((0.0_f64..1.0, 0.05_f64..1.0, prop::bool::ANY), 1..9)
    ) {
        let n = items.len();
        let truth = items.iter().map(|item| f64::from(u8::from(item.2))).sum::<f64>() / n as f64;
        let mut expected = 0.0;
        for drawn in 0..1_u32 << n {
            let mut chance = 1.0;
            let audited: Vec<Audited> = items.iter().enumerate().map(|(i, &(judge, probability, human))| {
                let in_draw = drawn >> i & 1 == 1;
                chance *= if in_draw { probability } else { 1.0 - probability };
                Audited { judge, probability, human: in_draw.then_some(f64::from(u8::from(human))) }
            }).collect();
            let value = match ipw_ppi_mean(&audited, 0.95) {
                Ok(estimate) => estimate.value,
                // Nothing drawn: the estimator is the judge's mean, and too weak to be shown.
                Err(_) => items.iter().map(|item| item.0).sum::<f64>() / n as f64,
            };
            expected += chance * value;
        }
        prop_assert!((expected - truth).abs() < 1e-9, "{expected} and {truth}");
    }

    #[test]
    fn a_perfect_judge_gets_the_human_mean_of_all_items(human in prop::collection::vec(prop::bool::ANY, 40..80)) {
        let values: Vec<f64> = human.iter().map(|yes| f64::from(u8::from(*yes))).collect();
        let (labelled, rest) = values.split_at(20);
        let got = ppi_mean(labelled, labelled, rest, Some(1.0), 0.95).unwrap();
        let mean = rest.iter().sum::<f64>() / rest.len() as f64;
        prop_assert!((got.corrected.value - mean).abs() < 1e-12);
    }

    #[test]
    fn dawid_skene_never_loses_likelihood(
        rows in prop::collection::vec(prop::collection::vec(0_usize..3, 4), 2..12)
    ) {
        let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
        let labels = votes(&rows);
        let mut last = f64::NEG_INFINITY;
        for iterations in 1..12 {
            let got = dawid_skene(&labels, rows.len(), 4, 3, 0.0, iterations).unwrap();
            prop_assert!(got.log_likelihood >= last - 1e-9);
            last = got.log_likelihood;
            for own in &got.posterior {
                prop_assert!((own.iter().sum::<f64>() - 1.0).abs() < 1e-9 && own.iter().all(|p| p.is_finite()));
            }
        }
    }
}

#[test]
fn a_useless_judge_is_given_no_weight() {
    let human: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
    let judge: Vec<f64> = (0..40).map(|i| f64::from((i / 2) % 2)).collect();
    let got = ppi_mean(&human, &judge, &[0.0, 1.0, 1.0, 1.0], None, 0.95).unwrap();
    assert_eq!((got.lambda, got.corrected.value), (0.0, 0.5));
}

#[test]
fn fewer_than_thirty_human_answers_give_no_interval() {
    let human: Vec<f64> = (0..29).map(|i| f64::from(i % 2)).collect();
    let got = ppi_mean(&human, &human, &[0.0, 1.0], None, 0.95).unwrap();
    let few = Err(NotEstimable::TooFewLabels { found: 29, needed: 30 });
    assert_eq!((&got.corrected.interval, &got.human_only.interval), (&few, &few));
}

#[test]
fn an_audit_probability_of_zero_is_refused() {
    let item = Audited { judge: 0.5, probability: 0.0, human: None };
    assert_eq!(ipw_ppi_mean(&[item], 0.95).unwrap_err().code(), "out_of_range");
    assert_eq!(ipw_ppi_mean(&[], 0.95).unwrap_err(), NotEstimable::NoData);
}

#[test]
fn two_good_voters_outvote_two_that_guess_alike() {
    // Voters 0 and 1 know; 2 always says 0; 3 says anything.
    let rows: Vec<Vec<usize>> = (0..40).map(|i| vec![i % 2, i % 2, 0, (i / 3) % 2]).collect();
    let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
    let got = dawid_skene(&votes(&rows), 40, 4, 2, 0.1, 1000).unwrap();
    assert!(got.converged && got.posterior.iter().enumerate().all(|(i, own)| own[i % 2] > 0.9));
    assert!(got.confusion[0][1][1] > 0.95 && got.confusion[2][1][1] < 0.05);
}

#[test]
fn an_item_without_a_vote_has_the_prior() {
    let got = dawid_skene(&votes(&[&[0, 0], &[1, 1], &[0, 0]]), 4, 2, 2, 0.1, 100).unwrap();
    assert!((got.posterior[3][0] - got.prior[0]).abs() < 1e-12);
    assert_eq!(dawid_skene(&[], 1, 1, 2, 0.1, 10).unwrap_err(), NotEstimable::NoData);
}
