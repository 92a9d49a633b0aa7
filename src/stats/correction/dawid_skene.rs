//! Dawid & Skene (1979): who is right, and who can be believed, from votes alone. EM over the items' true
//! classes and each voter's confusion matrix, started at the vote shares, stopped when the log likelihood of
//! the *observed votes* stands still (crowd-kit watches another quantity and stops early).
//!
//! `smoothing` adds that many pseudo-votes to every cell of the confusion matrices (0 is maximum likelihood,
//! and brittle with few votes a voter: 0.1 or more is wise). It does not remove errors that voters share, and with
//! good and equal voters a majority is as good: see the tables in the statistics notes before using it.

use crate::stats::NotEstimable;

/// One vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub item: usize,
    pub voter: usize,
    pub class: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DawidSkene {
    /// Per item the probability of each class; an item without a vote has the prior.
    pub posterior: Vec<Vec<f64>>,
    pub prior: Vec<f64>,
    /// `confusion[voter][truth][vote]`; a voter without a vote has even rows.
    pub confusion: Vec<Vec<Vec<f64>>>,
    /// Of the observed votes, without the smoothing.
    pub log_likelihood: f64,
    pub iterations: usize,
    /// Whether it stood still before `iterations` ran out.
    pub converged: bool,
}

/// # Errors
/// No vote, no class, an index out of range, smoothing negative or no iteration allowed.
pub fn dawid_skene(
    labels: &[Label],
    items: usize,
    voters: usize,
    classes: usize,
    smoothing: f64,
    iterations: usize,
) -> Result<DawidSkene, NotEstimable> {
    if labels.is_empty() || classes == 0 {
        return Err(NotEstimable::NoData);
    }
    for (what, most, size) in [
        ("an item", labels.iter().map(|l| l.item).max(), items),
        ("a voter", labels.iter().map(|l| l.voter).max(), voters),
        ("a class", labels.iter().map(|l| l.class).max(), classes),
    ] {
        if let Some(most) = most.filter(|most| *most >= size) {
            return Err(NotEstimable::OutOfRange { what, value: most as f64, must: "below the declared number" });
        }
    }
    if !(smoothing.is_finite() && smoothing >= 0.0) {
        let value = if smoothing.is_finite() { smoothing } else { -1.0 };
        return Err(NotEstimable::OutOfRange { what: "smoothing", value, must: "0 or more" });
    }
    if iterations == 0 {
        return Err(NotEstimable::OutOfRange { what: "iterations", value: 0.0, must: "1 or more" });
    }
    let mut by_item: Vec<Vec<Label>> = vec![Vec::new(); items];
    labels.iter().for_each(|label| by_item[label.item].push(*label));
    let mut posterior: Vec<Vec<f64>> = by_item.iter().map(|votes| shares(votes, classes)).collect();
    let mut last = f64::NEG_INFINITY;
    let mut done = 0;
    loop {
        done += 1;
        let prior = prior(&by_item, &posterior, classes);
        let confusion = confusion(labels, &posterior, voters, classes, smoothing);
        let mut log_likelihood = 0.0;
        for (votes, own) in by_item.iter().zip(&mut posterior) {
            log_likelihood += update(votes, &prior, &confusion, own);
        }
        let still = (log_likelihood - last).abs() <= 1e-13 * (1.0 + log_likelihood.abs());
        last = log_likelihood;
        if still || done == iterations {
            return Ok(DawidSkene { posterior, prior, confusion, log_likelihood, iterations: done, converged: still });
        }
    }
}

fn shares(votes: &[Label], classes: usize) -> Vec<f64> {
    let mut own = vec![0.0; classes];
    votes.iter().for_each(|vote| own[vote.class] += 1.0 / votes.len() as f64);
    own
}

/// Mean posterior over the items that have a vote.
fn prior(by_item: &[Vec<Label>], posterior: &[Vec<f64>], classes: usize) -> Vec<f64> {
    let mut prior = vec![0.0; classes];
    let mut voted = 0.0;
    for (_, own) in by_item.iter().zip(posterior).filter(|(votes, _)| !votes.is_empty()) {
        voted += 1.0;
        prior.iter_mut().zip(own).for_each(|(sum, p)| *sum += p);
    }
    prior.iter_mut().for_each(|p| *p /= voted);
    prior
}

fn confusion(
    labels: &[Label],
    posterior: &[Vec<f64>],
    voters: usize,
    classes: usize,
    smoothing: f64,
) -> Vec<Vec<Vec<f64>>> {
    let mut counts = vec![vec![vec![smoothing; classes]; classes]; voters];
    for label in labels {
        for (truth, p) in posterior[label.item].iter().enumerate() {
            counts[label.voter][truth][label.class] += p;
        }
    }
    let even = 1.0 / classes as f64;
    for row in counts.iter_mut().flatten() {
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|cell| *cell = if sum > 0.0 { *cell / sum } else { even });
    }
    counts
}

/// New posterior of one item; its share of the observed log likelihood.
fn update(votes: &[Label], prior: &[f64], confusion: &[Vec<Vec<f64>>], own: &mut [f64]) -> f64 {
    for (truth, p) in own.iter_mut().enumerate() {
        *p = prior[truth].ln() + votes.iter().map(|vote| confusion[vote.voter][truth][vote.class].ln()).sum::<f64>();
    }
    let most = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    own.iter_mut().for_each(|p| *p = (*p - most).exp());
    let sum: f64 = own.iter().sum();
    own.iter_mut().for_each(|p| *p /= sum);
    if votes.is_empty() { 0.0 } else { most + sum.ln() }
}
