//! What a lead asks of each system.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::harmless;
use crate::ranking::systems::{
    self as ranking, Axis, FailureMode, Failures, Figure, Point, System, Systems, WithReview,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemsBody {
    pub systems: Vec<SystemBody>,
    pub radar: RadarBody,
    pub pareto: ParetoBody,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// A figure, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemFigureBody {
    pub value: Option<f64>,
    /// Of the 95 % interval.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub method: Option<String>,
    /// What it rests on.
    pub n: usize,
    /// What it does not know.
    pub unknown: usize,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemBody {
    pub system: String,
    pub submissions: usize,
    pub tasks: usize,
    /// Mean score, 0 to 1.
    pub score: SystemFigureBody,
    /// Of one submission.
    pub cost_usd: SystemFigureBody,
    pub tokens: SystemFigureBody,
    pub duration_s: SystemFigureBody,
    /// Share of submissions that can be used as they are.
    pub accepted: SystemFigureBody,
    /// What a task costs, in US dollars.
    pub usd: WithReviewBody,
    /// How long a task takes, in minutes.
    pub minutes: WithReviewBody,
    /// Share of submissions in which a gate closed.
    pub critical_errors: SystemFigureBody,
    /// Share of submissions with something made up.
    pub fabrication: SystemFigureBody,
    pub failures: FailuresBody,
}

/// A task with GDPval's review and fallback to a human.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithReviewBody {
    /// The model's own, per accepted task.
    pub model_per_accepted: Option<f64>,
    /// One try, a review, and a human where it was not accepted.
    pub try_once: Option<f64>,
    /// The same with up to `tries` tries.
    pub try_n: Option<f64>,
    pub try_without_end: Option<f64>,
    /// The human's over it: above 1 something is spared.
    pub ratio_once: Option<f64>,
    pub ratio_n: Option<f64>,
    pub ratio_without_end: Option<f64>,
    pub undefined: Option<String>,
}

/// What humans recorded with their decisions.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailuresBody {
    /// By `acceptable_but_subpar`, `bad`, `catastrophic`.
    pub by_severity: BTreeMap<&'static str, usize>,
    /// The most frequent first.
    pub modes: Vec<FailureModeBody>,
    /// Of the gradings in which a human decided something.
    pub catastrophic: SystemFigureBody,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FailureModeBody {
    pub mode: String,
    pub n: usize,
    pub worst: &'static str,
}

/// Mean score by sector, the leader of each at 100.
#[derive(Debug, Serialize, ToSchema)]
pub struct RadarBody {
    pub axes: Vec<AxisBody>,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AxisBody {
    pub sector: String,
    pub leader: String,
    pub values: BTreeMap<String, f64>,
}

/// Score against cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParetoBody {
    pub points: Vec<PointBody>,
    /// Systems without a cost or a score.
    pub left_out: Vec<String>,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PointBody {
    pub system: String,
    pub cost_usd: f64,
    pub score: f64,
    /// No other is as good and as cheap, and better in one of both.
    pub on_front: bool,
}

impl From<&Figure> for SystemFigureBody {
    fn from(figure: &Figure) -> Self {
        let Figure { value, low, high, method, n, unknown, undefined } = figure.clone();
        Self { value, low, high, method, n, unknown, undefined }
    }
}

impl From<&WithReview> for WithReviewBody {
    fn from(one: &WithReview) -> Self {
        let WithReview {
            model_per_accepted,
            try_once,
            try_n,
            try_without_end,
            ratio_once,
            ratio_n,
            ratio_without_end,
            undefined,
        } = one.clone();
        Self { model_per_accepted, try_once, try_n, try_without_end, ratio_once, ratio_n, ratio_without_end, undefined }
    }
}

impl From<&Failures> for FailuresBody {
    fn from(failures: &Failures) -> Self {
        let Failures { by_severity, modes, catastrophic, undefined } = failures.clone();
        let mode = |FailureMode { mode, n, worst }| FailureModeBody { mode, n, worst };
        Self {
            by_severity,
            modes: modes.into_iter().map(mode).collect(),
            catastrophic: (&catastrophic).into(),
            undefined,
        }
    }
}

impl From<&System> for SystemBody {
    fn from(one: &System) -> Self {
        Self {
            system: one.system.clone(),
            submissions: one.submissions,
            tasks: one.tasks,
            score: (&one.score).into(),
            cost_usd: (&one.cost_usd).into(),
            tokens: (&one.tokens).into(),
            duration_s: (&one.duration_s).into(),
            accepted: (&one.accepted).into(),
            usd: (&one.usd).into(),
            minutes: (&one.minutes).into(),
            critical_errors: (&one.critical_errors).into(),
            fabrication: (&one.fabrication).into(),
            failures: (&one.failures).into(),
        }
    }
}

impl From<&Systems> for SystemsBody {
    fn from(found: &Systems) -> Self {
        let Systems { systems, radar, pareto, notes } = found;
        let ranking::Radar { axes, undefined } = radar.clone();
        let axis = |Axis { sector, leader, values }| AxisBody { sector, leader, values };
        let radar = RadarBody { axes: axes.into_iter().map(axis).collect(), undefined };
        let ranking::Pareto { points, left_out, undefined } = pareto.clone();
        let point = |Point { system, cost_usd, score, on_front }| PointBody { system, cost_usd, score, on_front };
        let pareto = ParetoBody { points: points.into_iter().map(point).collect(), left_out, undefined };
        Self { systems: systems.iter().map(SystemBody::from).collect(), radar, pareto, notes: notes.clone() }
    }
}

/// The same as CSV: one line per system; unknown is empty.
///
/// # Errors
/// If it cannot be written: never, into memory.
pub fn csv(found: &Systems) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(vec![]);
    let figures =
        ["score", "cost_usd", "tokens", "duration_s", "accepted", "critical_errors", "fabrication", "catastrophic"];
    let costs = ["usd", "minutes"];
    let mut head = vec!["system".to_owned(), "submissions".to_owned(), "tasks".to_owned()];
    for figure in figures {
        head.extend(["", "_low", "_high", "_n", "_unknown"].map(|end| format!("{figure}{end}")));
    }
    for unit in costs {
        head.extend(["per_accepted", "try_once", "try_n", "try_without_end"].map(|what| format!("{unit}_{what}")));
    }
    out.write_record(&head)?;
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for one in &found.systems {
        let mut line = vec![harmless(&one.system), one.submissions.to_string(), one.tasks.to_string()];
        let all = [
            &one.score,
            &one.cost_usd,
            &one.tokens,
            &one.duration_s,
            &one.accepted,
            &one.critical_errors,
            &one.fabrication,
            &one.failures.catastrophic,
        ];
        for figure in all {
            line.extend([number(figure.value), number(figure.low), number(figure.high)]);
            line.extend([figure.n.to_string(), figure.unknown.to_string()]);
        }
        for cost in [&one.usd, &one.minutes] {
            line.extend([cost.model_per_accepted, cost.try_once, cost.try_n, cost.try_without_end].map(number));
        }
        out.write_record(&line)?;
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
