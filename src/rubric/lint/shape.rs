//! Rules about points and gates.

use super::{Level, Lint};
use crate::domain::{Criterion, Gate, Rubric};

/// `draft`: a model proposed it and nobody has accepted it.
pub fn draft(rubric: &Rubric) -> Vec<Lint> {
    let found = rubric.drafts().map(|criterion| Lint {
        level: Level::Warning,
        code: "draft",
        criterion_id: Some(criterion.id.clone()),
        message: format!("`{}` is a draft: nothing is graded with it until a human has accepted it", criterion.id),
    });
    found.collect()
}

/// `no_positive_points`: the score starts at 1 and only falls, so an empty deliverable is perfect.
pub fn no_positive_points(rubric: &Rubric) -> Vec<Lint> {
    if rubric.max_points() > 0.0 {
        return vec![];
    }
    let message =
        "every criterion is a penalty: an empty deliverable that does nothing wrong scores 1; add what is wanted";
    vec![Lint { level: Level::Warning, code: "no_positive_points", criterion_id: None, message: message.to_owned() }]
}

/// `gate_decides_alone`: a gate on the only criterion that can earn points says nothing that points do not.
pub fn gate_decides_alone(rubric: &Rubric) -> Vec<Lint> {
    let merits: Vec<_> = rubric.criteria().iter().filter(|c| c.points > 0.0).collect();
    let [only] = merits.as_slice() else {
        let all =
            rubric.criteria().len() > 1 && rubric.criteria().iter().all(|c| matches!(c.gate, Some(Gate::MustPass)));
        return all
            .then(|| Lint {
                level: Level::Warning,
                code: "gate_decides_alone",
                criterion_id: None,
                message: "every criterion is `must_pass`: the score is 1 or 0 and the points say nothing; keep the gate for what disqualifies".to_owned(),
            })
            .into_iter()
            .collect();
    };
    only.gate
        .map(|_| Lint {
            level: Level::Warning,
            code: "gate_decides_alone",
            criterion_id: Some(only.id.clone()),
            message: format!(
                "`{}` is the only criterion with positive points and a gate as well: it alone decides the score",
                only.id
            ),
        })
        .into_iter()
        .collect()
}

/// `one_criterion_dominates`: more than 60 % of the points hang on one yes or no.
pub fn one_criterion_dominates(rubric: &Rubric) -> Vec<Lint> {
    let total = rubric.max_points();
    if rubric.criteria().len() < 3 || total <= 0.0 {
        return vec![];
    }
    let heavy = rubric.criteria().iter().find(|c| c.points / total > 0.6);
    heavy
        .map(|c| Lint {
            level: Level::Hint,
            code: "one_criterion_dominates",
            criterion_id: Some(c.id.clone()),
            message: format!(
                "`{}` holds {:.0} % of all points; split it if it asks for more than one thing",
                c.id,
                100.0 * c.points / total
            ),
        })
        .into_iter()
        .collect()
}

/// `gate_without_effect`: a cap of 1 caps nothing.
pub fn gate_without_effect(rubric: &Rubric) -> Vec<Lint> {
    let idle = rubric.criteria().iter().filter(|c| matches!(c.gate, Some(Gate::Cap(cap)) if cap >= 1.0));
    idle.map(|c| Lint {
        level: Level::Warning,
        code: "gate_without_effect",
        criterion_id: Some(c.id.clone()),
        message: format!("`{}` caps the score at 1, which it never exceeds; lower the cap or remove the gate", c.id),
    })
    .collect()
}

/// `flat_scale`: levels that are all worth the same cost votes and change nothing.
pub fn flat_scale(rubric: &Rubric) -> Vec<Lint> {
    let flat = |c: &&Criterion| match c.levels.as_slice() {
        [first, rest @ ..] => !rest.is_empty() && rest.iter().all(|level| level.points == first.points),
        [] => false,
    };
    rubric
        .criteria()
        .iter()
        .filter(flat)
        .map(|c| Lint {
            level: Level::Error,
            code: "flat_scale",
            criterion_id: Some(c.id.clone()),
            message: format!(
                "all levels of `{}` are worth the same: no answer changes the score; give them points of their own",
                c.id
            ),
        })
        .collect()
}
