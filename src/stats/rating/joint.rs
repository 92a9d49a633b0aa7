//! Bradley-Terry with more on the log odds than two strengths: what a judge makes of a difference, where it leans, and
//! what the works differ in besides their worth.
//!
//! logit P(a over b) = gamma_k (theta_a - theta_b) + delta_k + beta · x, a the one shown first, k the judge. gamma is the
//! judge's discrimination (prior: normal around 1, variance 1/4; an adversarial judge may fall below 0), delta its leaning
//! to the first place (normal, variance 1), beta the pull of the controls (normal, precision `ridge`; 0 = none).
//! Fisher scoring with halved steps; the interval is the sandwich clustered by task over all parameters together.

use std::collections::HashMap;

use super::{
    bradley_terry::halves,
    columns::{Battles, Meetings},
    covariance::{decided_share, sandwich},
    fit::{PRIOR, win_chance},
    report::{Frame, Order, Spread, report},
    table::{Bounds, Note, Outcome, RatingTable, Scale, blank},
};
use crate::stats::{NotEstimable, interval::student_t_quantile, linear::Matrix};

/// Precision of a judge's discrimination around 1, and of its leaning around 0.
const OF_DISCRIMINATION: f64 = 4.0;
const OF_LEANING: f64 = 1.0;

const ITERATIONS: usize = 60;

/// What is modelled besides the strengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    /// Every battle must name its judge.
    pub judges: bool,
    /// The numbers that battles carry ([`Battles::push_controls`]).
    pub controls: bool,
    /// Precision of the controls' normal prior, in units of their own numbers.
    pub ridge: f64,
    pub level: f64,
}

/// A parameter with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    pub value: f64,
    pub interval: Result<Bounds, NotEstimable>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JudgeEffect {
    pub battles: usize,
    /// 1 = as much as the panel's typical judge; 0 = noise; below 0 = the wrong way round.
    pub discrimination: Effect,
    /// Log odds for the one shown first, between equals.
    pub first_place: Effect,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JointTable {
    pub table: RatingTable,
    /// Per judge, in the order of their indices; of the largest group.
    pub judges: Vec<JudgeEffect>,
    /// Per control: log odds per unit of it; of the largest group.
    pub controls: Vec<Effect>,
}

/// One battle, or all alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub a: usize,
    pub b: usize,
    pub score: f64,
    pub weight: f64,
    pub judge: usize,
    pub task: usize,
    /// Where its controls are.
    pub at: usize,
}

/// The battles that can be rated, in the order of their tasks; of one pair and task they share a weight of 1.
pub(super) fn seen(systems: usize, battles: &Battles) -> Vec<Seen> {
    let mut shared: HashMap<(u32, usize, usize), f64> = HashMap::new();
    let mut all: Vec<Seen> = Vec::with_capacity(battles.len());
    let mut alone = u32::MAX as usize;
    for at in 0..battles.len() {
        let (a, b, outcome, task, judge) = battles.get(at);
        let score = match outcome {
            Outcome::A => 1.0,
            Outcome::B => 0.0,
            Outcome::Tie => 0.5,
            Outcome::BothBad => continue,
        };
        if a == b || a.max(b) >= systems {
            continue;
        }
        let task = task.map_or_else(
            || {
                alone += 1;
                alone
            },
            |task| {
                *shared.entry((task, a.min(b), a.max(b))).or_default() += 1.0;
                task as usize
            },
        );
        all.push(Seen { a, b, score, weight: 1.0, judge: judge.map_or(0, usize::from), task, at });
    }
    for one in &mut all {
        if let Ok(task) = u32::try_from(one.task)
            && let Some(count) = shared.get(&(task, one.a.min(one.b), one.a.max(one.b)))
        {
            one.weight = 1.0 / count;
        }
    }
    all.sort_by_key(|one| one.task);
    all
}

/// The parameters' places: strengths, controls, discriminations, leanings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub systems: usize,
    pub controls: usize,
    pub judges: usize,
    pub ridge: f64,
    /// Of the strengths; 0 where the estimate exists.
    pub prior: f64,
}

impl Shape {
    fn size(self) -> usize {
        self.systems + self.controls + 2 * self.judges
    }

    fn gamma(self, judge: usize) -> usize {
        self.systems + self.controls + judge
    }

    fn delta(self, judge: usize) -> usize {
        self.gamma(judge) + self.judges
    }

    fn start(self) -> Vec<f64> {
        let mut start = vec![0.0; self.size()];
        (0..self.judges).for_each(|judge| start[self.gamma(judge)] = 1.0);
        start
    }

    /// Log odds, and what each parameter adds to them.
    fn odds(self, now: &[f64], one: &Seen, values: &[f32], parts: &mut Vec<(usize, f64)>) -> f64 {
        parts.clear();
        let gap = now[one.a] - now[one.b];
        let (gamma, mut odds) = if self.judges > 0 {
            let (gamma, delta) = (self.gamma(one.judge), self.delta(one.judge));
            parts.extend([(gamma, gap), (delta, 1.0)]);
            (now[gamma], now[gamma] * gap + now[delta])
        } else {
            (1.0, gap)
        };
        parts.extend([(one.a, gamma), (one.b, -gamma)]);
        for (control, value) in values.iter().enumerate().take(self.controls) {
            let value = f64::from(*value);
            odds += now[self.systems + control] * value;
            parts.push((self.systems + control, value));
        }
        odds
    }

    /// Precision and centre of each parameter's prior.
    fn priors(self) -> impl Iterator<Item = (usize, f64, f64)> {
        let strengths = (0..self.systems).map(move |at| (at, self.prior, 0.0));
        let controls = (0..self.controls).map(move |at| (self.systems + at, self.ridge, 0.0));
        let judges = (0..self.judges)
            .flat_map(move |judge| [(self.gamma(judge), OF_DISCRIMINATION, 1.0), (self.delta(judge), OF_LEANING, 0.0)]);
        strengths.chain(controls).chain(judges)
    }

    fn penalised(self, seen: &[Seen], battles: &Battles, now: &[f64]) -> f64 {
        let prior: f64 = self.priors().map(|(at, precision, centre)| precision * (now[at] - centre).powi(2)).sum();
        self.log_likelihood(seen, battles, now) - prior / 2.0
    }

    pub(super) fn log_likelihood(self, seen: &[Seen], battles: &Battles, now: &[f64]) -> f64 {
        let mut parts = Vec::new();
        seen.iter()
            .map(|one| {
                let odds = self.odds(now, one, self.values(battles, one), &mut parts);
                one.weight * (one.score * log_chance(odds) + (1.0 - one.score) * log_chance(-odds))
            })
            .sum()
    }

    fn values<'a>(self, battles: &'a Battles, one: &Seen) -> &'a [f32] {
        if self.controls > 0 { battles.control_values(one.at) } else { &[] }
    }

    fn slope(self, seen: &[Seen], battles: &Battles, now: &[f64]) -> (Vec<f64>, Matrix) {
        let size = self.size();
        let (mut gradient, mut information) = (vec![0.0; size], Matrix::zero(size));
        let mut parts = Vec::new();
        for one in seen {
            let chance = win_chance(self.odds(now, one, self.values(battles, one), &mut parts));
            let (pull, bend) = (one.weight * (one.score - chance), one.weight * chance * (1.0 - chance));
            for &(i, x) in &parts {
                gradient[i] += pull * x;
                parts.iter().for_each(|&(j, y)| information.add(i, j, bend * x * y));
            }
        }
        for (at, precision, centre) in self.priors() {
            gradient[at] -= precision * (now[at] - centre);
            information.add(at, at, precision);
        }
        if self.prior == 0.0 {
            let even = 1.0 / self.systems as f64;
            (0..self.systems).for_each(|i| (0..self.systems).for_each(|j| information.add(i, j, even)));
        }
        (gradient, information)
    }

    /// `None` without convergence.
    pub(super) fn fit(self, seen: &[Seen], battles: &Battles) -> Option<Vec<f64>> {
        let mut now = self.start();
        let mut best = self.penalised(seen, battles, &now);
        for _ in 0..ITERATIONS {
            let (mut step, information) = self.slope(seen, battles, &now);
            information.cholesky()?.solve(&mut step);
            let length = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
            let mut scale = 1.0;
            loop {
                let mut next: Vec<f64> = now.iter().zip(&step).map(|(b, s)| b + scale * s).collect();
                let mean = next[..self.systems].iter().sum::<f64>() / self.systems as f64;
                next[..self.systems].iter_mut().for_each(|b| *b -= mean);
                let reached = self.penalised(seen, battles, &next);
                if reached >= best - 1e-10 * (1.0 + best.abs()) || scale < 1e-6 {
                    (now, best) = (next, reached);
                    break;
                }
                scale /= 2.0;
            }
            if length < 1e-6 {
                return Some(now);
            }
        }
        None
    }

    fn middle(self, seen: &[Seen], battles: &Battles, now: &[f64]) -> (Matrix, usize) {
        let mut middle = Matrix::zero(self.size());
        let (mut score, mut touched, mut parts) = (vec![0.0; self.size()], Vec::new(), Vec::new());
        let mut tasks = 0;
        for task in seen.chunk_by(|a, b| a.task == b.task) {
            tasks += 1;
            for one in task {
                let chance = win_chance(self.odds(now, one, self.values(battles, one), &mut parts));
                let pull = one.weight * (one.score - chance);
                for &(i, x) in &parts {
                    score[i] += pull * x;
                    touched.push(i);
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for &i in &touched {
                touched.iter().for_each(|&j| middle.add(i, j, score[i] * score[j]));
            }
            touched.drain(..).for_each(|i| score[i] = 0.0);
        }
        (middle, tasks)
    }
}

fn log_chance(odds: f64) -> f64 {
    if odds >= 0.0 { -(-odds).exp().ln_1p() } else { odds - odds.exp().ln_1p() }
}

/// Battles alike in everything but the task, as one: for fits, which look at no task.
pub(super) fn alike(seen: impl Iterator<Item = Seen>) -> Vec<Seen> {
    let mut known: HashMap<(usize, usize, usize, u64), usize> = HashMap::new();
    let mut all: Vec<Seen> = Vec::new();
    for one in seen {
        let place = *known.entry((one.judge, one.a, one.b, one.score.to_bits())).or_insert(all.len());
        match all.get_mut(place) {
            Some(same) => same.weight += one.weight,
            None => all.push(one),
        }
    }
    all
}

/// Rates with judges' effects, controls, or both.
///
/// # Errors
/// A level outside 0..1, a negative ridge; a judge or control that battles do not have.
pub fn joint(meetings: &Meetings, battles: &Battles, scale: Scale, model: Joint) -> Result<JointTable, NotEstimable> {
    NotEstimable::check_level(model.level)?;
    if !(model.ridge.is_finite() && model.ridge >= 0.0) {
        return Err(NotEstimable::OutOfRange { what: "ridge", value: -1.0, must: "0 or more" });
    }
    let (judges, all_named) = battles.judges();
    if model.judges && !all_named {
        return Err(NotEstimable::TooFewRaters { found: judges.min(1), needed: 2 });
    }
    let systems = meetings.systems();
    let all = seen(systems, battles);
    let method = match (model.judges, model.controls) {
        (true, true) => "judge-aware and controlled bradley-terry, clustered by task",
        (true, false) => "judge-aware bradley-terry, clustered by task",
        (false, true) => "controlled bradley-terry, clustered by task",
        (false, false) => "bradley-terry, ties half, clustered by task",
    };
    let mut table = blank(meetings, &meetings.totals(None), method);
    let mut found = (Vec::new(), Vec::new());
    for index in 0..table.groups.len() {
        let members = table.groups[index].clone();
        if members.len() < 2 {
            continue;
        }
        let local = |system: usize| members.binary_search(&system).ok();
        let own: Vec<Seen> =
            all.iter().filter_map(|one| Some(Seen { a: local(one.a)?, b: local(one.b)?, ..*one })).collect();
        let anchor = scale.anchor.and_then(local);
        if scale.anchor.is_some() && anchor.is_none() {
            table.notes.push(Note::AnchorElsewhere { group: index });
        }
        let totals = meetings.only(&members).totals(None);
        let order = Order::new(members.len(), &halves(&totals), anchor);
        if order.blocks > 1 {
            table.notes.push(Note::Regularised { group: index, blocks: order.blocks });
        }
        let shape = Shape {
            systems: members.len(),
            controls: if model.controls { battles.controls() } else { 0 },
            judges: if model.judges { judges } else { 0 },
            ridge: model.ridge,
            prior: if order.blocks > 1 { PRIOR } else { 0.0 },
        };
        let fitted =
            if shape.controls > 0 { shape.fit(&own, battles) } else { shape.fit(&alike(own.iter().copied()), battles) };
        let failed = NotEstimable::NotConverged { iterations: ITERATIONS };
        let Some(now) = fitted else {
            table.notes.push(Note::NotConverged { group: index });
            members.iter().for_each(|player| table.players[*player].rating = Err(failed.clone()));
            continue;
        };
        let (middle, tasks) = shape.middle(&own, battles, &now);
        let whole = if tasks < 2 {
            Err(NotEstimable::TooFewClusters { found: tasks, needed: 2 })
        } else {
            let factor = shape.slope(&own, battles, &now).1.cholesky().ok_or(failed);
            factor.map(|factor| {
                let inverse = factor.inverse();
                (sandwich(&inverse, &middle, tasks), inverse)
            })
        };
        if index == 0 {
            let effect = |at: usize| Effect {
                value: now[at],
                interval: whole.as_ref().map_err(Clone::clone).and_then(|(covariance, _)| {
                    let reach = student_t_quantile(0.5 + model.level / 2.0, tasks as f64 - 1.0)?
                        * covariance.at(at, at).max(0.0).sqrt();
                    let (low, high) = (Some(now[at] - reach), Some(now[at] + reach));
                    Ok(Bounds { low, high, level: model.level, method: "cluster sandwich CR1, t(G-1)" })
                }),
            };
            found.0 = (0..shape.judges)
                .map(|judge| JudgeEffect {
                    battles: own.iter().filter(|one| one.judge == judge).count(),
                    discrimination: effect(shape.gamma(judge)),
                    first_place: effect(shape.delta(judge)),
                })
                .collect();
            found.1 = (0..shape.controls).map(|control| effect(shape.systems + control)).collect();
        }
        let share = if shape.prior > 0.0 { 1.0 } else { decided_share(&totals) * meetings.thinned };
        let even = if shape.prior > 0.0 { 0.0 } else { 1.0 / members.len() as f64 };
        let spread = whole.map(|(covariance, inverse)| Spread {
            covariance: part(&covariance, members.len(), 0.0),
            model: part(&inverse, members.len(), even),
            share,
            df: tasks as f64 - 1.0,
            draws: None,
        });
        let frame = Frame { anchor, anchor_rating: scale.anchor_rating, level: model.level };
        let (ratings, rated) = report(&now[..members.len()], order, spread, frame);
        for (player, rating) in members.iter().zip(ratings) {
            table.players[*player].rating = rating;
        }
        table.rated[index] = Some(rated);
    }
    Ok(JointTable { table, judges: found.0, controls: found.1 })
}

/// The first `size` rows and columns, less a constant.
fn part(matrix: &Matrix, size: usize, less: f64) -> Matrix {
    let mut part = Matrix::zero(size);
    (0..size).for_each(|i| (0..size).for_each(|j| part.add(i, j, matrix.at(i, j) - less)));
    part
}
