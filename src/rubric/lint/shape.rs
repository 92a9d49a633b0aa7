//! Rules about points and gates.

use super::{Level, Lint};
use crate::domain::{Gate, Rubric};

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
