//! The report card of a judge.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::agreement::FigureBody;
use crate::ranking::report::{Bin, Report, Test};

#[derive(Debug, Serialize, ToSchema)]
pub struct JudgeReportBody {
    pub judge: String,
    /// The models that answered under this name, as their providers call them, with their votes.
    pub models: BTreeMap<String, usize>,
    pub gradings: usize,
    /// Calls that were settled, with an answer or without.
    pub votes: usize,
    pub humans: HumansBody,
    /// `[human][judge]`, of yes/no criteria.
    pub confusion: ConfusionBody,
    /// `accuracy`, `precision`, `recall` and `f1` of each class, `macro_f1`, `cohen_kappa`, `severity`, `severity_range`
    /// (over systems), `brier`, `ece`, `overconfidence`, `drift_per_day`, `self_preference`, `effective_judges` (of its
    /// newest panel).
    pub against_humans: BTreeMap<String, FigureBody>,
    pub calibration_curve: Vec<BinBody>,
    /// `same`, `alpha`, `ac1`: of repeats of one question, cached answers left out.
    pub test_retest: BTreeMap<String, FigureBody>,
    /// `first_place`: how often the one shown first wins among pairs whose outcome flips with the order; `length`: log odds
    /// per doubling of the length ratio.
    pub comparisons: BTreeMap<String, FigureBody>,
    /// `position`, `equally_severe`.
    pub tests: BTreeMap<String, TestBody>,
    /// Share of votes: `failed`, `cannot_assess`, `evidence_not_found` (answers whose every quote is not in the
    /// deliverable).
    pub rates: BTreeMap<String, FigureBody>,
    /// Share of votes, by cause of failure.
    pub failed_by_cause: BTreeMap<String, FigureBody>,
    /// Share of each answer, of its votes and of the humans'.
    pub prevalence: BTreeMap<String, f64>,
    pub human_prevalence: BTreeMap<String, f64>,
    /// `usd_per_vote`, `latency_ms`.
    pub cost: BTreeMap<String, FigureBody>,
    /// Null as soon as one price is unknown.
    pub usd: Option<f64>,
    pub latency_ms_median: Option<u64>,
    pub latency_ms_p95: Option<u64>,
}

/// The human answers that it is set beside.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HumansBesideBody)]
pub struct HumansBody {
    /// Blind answers to what this judge answered, too.
    pub answers: usize,
    /// By the reason of their selection: those of `split` are the hard ones.
    pub by_reason: BTreeMap<String, usize>,
    /// Decisions that were not made blind: not used.
    pub not_blind: usize,
    /// Reviews whose answer is that it cannot be said.
    pub undecided: usize,
    /// How to read the figures.
    pub note: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ConfusionBody {
    pub labels: Vec<String>,
    pub counts: Vec<Vec<u64>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BinBody {
    pub n: usize,
    pub confidence: f64,
    pub right: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TestBody {
    pub p: Option<f64>,
    pub detail: String,
    pub undefined: Option<String>,
}

impl From<Report> for JudgeReportBody {
    fn from(found: Report) -> Self {
        let bodies = |figures: BTreeMap<String, crate::ranking::agreement::Figure>| {
            figures.into_iter().map(|(name, figure)| (name, figure.into())).collect::<BTreeMap<String, FigureBody>>()
        };
        Self {
            judge: found.judge,
            models: found.models,
            gradings: found.gradings,
            votes: found.votes,
            humans: HumansBody {
                answers: found.humans.answers,
                by_reason: found.humans.by_reason,
                not_blind: found.humans.not_blind,
                undecided: found.humans.undecided,
                note: found.humans.note,
            },
            confusion: ConfusionBody { labels: found.labels, counts: found.confusion },
            against_humans: bodies(found.against_humans),
            calibration_curve: found.curve.into_iter().map(BinBody::from).collect(),
            test_retest: bodies(found.test_retest),
            comparisons: bodies(found.comparisons),
            tests: found.tests.into_iter().map(|(name, test)| (name, test.into())).collect(),
            rates: bodies(found.rates),
            failed_by_cause: bodies(found.failed_by_cause),
            prevalence: found.prevalence,
            human_prevalence: found.human_prevalence,
            cost: bodies(found.cost),
            usd: found.usd,
            latency_ms_median: found.latency_ms_median,
            latency_ms_p95: found.latency_ms_p95,
        }
    }
}

impl From<Bin> for BinBody {
    fn from(Bin { n, confidence, right, low, high }: Bin) -> Self {
        Self { n, confidence, right, low, high }
    }
}

impl From<Test> for TestBody {
    fn from(Test { p, detail, undefined }: Test) -> Self {
        Self { p, detail, undefined }
    }
}
