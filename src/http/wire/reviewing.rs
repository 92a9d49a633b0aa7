//! How the work of reviewers goes.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::agreement::FigureBody;
use crate::ranking::reviewing::{Burden, Missed, OfReviewer, Reversal, Reviewing, Separation};

#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewingBody {
    /// Questions by their state.
    pub states: BTreeMap<&'static str, usize>,
    pub reviewers: Vec<ReviewerBody>,
    /// People among each other, over blind answers to the same question. Questions are selected, so this is no agreement
    /// on everything.
    pub humans: HumansBody,
    /// People beside the panel, over questions that blind answers settled.
    pub panel: PanelBesideBody,
    /// By the reason for which questions were opened, where the panel had a verdict.
    pub reversals: Vec<ReversalBody>,
    /// What reviewing each system's work takes.
    pub systems: Vec<BurdenBody>,
    pub missed: MissedBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewerBody {
    pub reviewer: String,
    pub answered: usize,
    /// Of these, with the judges' answers in sight: they bind, and are in no figure of agreement.
    pub sighted: usize,
    pub declined: usize,
    pub adjudicated: usize,
    /// Of `judged_by_others` answers to questions that others answered, too, or adjudicated: those that are the outcome.
    pub upheld: usize,
    pub judged_by_others: usize,
    /// From taking a question to answering it; null where none was recorded.
    pub median_seconds: Option<f64>,
    pub total_seconds: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HumansBody {
    pub raw: FigureBody,
    pub krippendorff_alpha: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PanelBesideBody {
    pub raw: FigureBody,
    pub cohen_kappa: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReversalBody {
    pub reason: String,
    pub settled: usize,
    /// The human's answer is not the panel's verdict.
    pub reversed: usize,
    pub share: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BurdenBody {
    pub system: String,
    pub gradings: usize,
    pub questions: usize,
    pub pending: usize,
    pub answers: usize,
    pub seconds: f64,
    pub questions_per_grading: Option<f64>,
    pub reversed: usize,
}

/// Errors that people found without the rubric, and what the panel noticed of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct MissedBody {
    /// Deliverables searched, with an adjudicated list.
    pub searched: usize,
    pub found: usize,
    pub caught: usize,
    pub caught_share: FigureBody,
    pub by_severity: Vec<SeverityBody>,
    /// All errors of deliverables that two people searched, those that nobody found included: capture and recapture; a
    /// lower bound.
    pub total: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SeverityBody {
    pub severity: &'static str,
    pub found: usize,
    pub caught: usize,
}

/// How far the queue is, without a system's name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressOfReviews {
    /// Questions that wait for somebody.
    pub pending: usize,
    /// Of these, those that you can take now.
    pub for_you: usize,
    /// Questions that you have answered or adjudicated.
    pub answered_by_you: usize,
    pub separation: SeparationBody,
}

/// Whether neighbours on the board are told apart.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeparationBody {
    /// Pairs of systems that follow each other.
    pub pairs: usize,
    pub told_apart: usize,
    /// The fewest more random reviews of each of two systems until another pair is told apart.
    pub more_reviews: Option<usize>,
    /// Why there is no such number.
    pub undefined: Option<String>,
}

impl From<Separation> for SeparationBody {
    fn from(found: Separation) -> Self {
        let (more_reviews, undefined) = match found.more {
            Ok(more) => (Some(more), None),
            Err(why) => (None, Some(why)),
        };
        Self { pairs: found.pairs, told_apart: found.apart, more_reviews, undefined }
    }
}

impl From<Reviewing> for ReviewingBody {
    fn from(found: Reviewing) -> Self {
        Self {
            states: found.states.into_iter().map(|(state, n)| (state.as_str(), n)).collect(),
            reviewers: found.reviewers.into_iter().map(ReviewerBody::from).collect(),
            humans: HumansBody { raw: found.humans_raw.into(), krippendorff_alpha: found.humans_alpha.into() },
            panel: PanelBesideBody { raw: found.panel_raw.into(), cohen_kappa: found.panel_kappa.into() },
            reversals: found.reversals.into_iter().map(ReversalBody::from).collect(),
            systems: found.systems.into_iter().map(BurdenBody::from).collect(),
            missed: MissedBody::from(found.missed),
        }
    }
}

impl From<OfReviewer> for ReviewerBody {
    fn from(own: OfReviewer) -> Self {
        Self {
            reviewer: own.reviewer.to_string(),
            answered: own.answered,
            sighted: own.sighted,
            declined: own.declined,
            adjudicated: own.adjudicated,
            upheld: own.upheld,
            judged_by_others: own.judged_by_others,
            median_seconds: own.median_seconds,
            total_seconds: own.total_seconds,
        }
    }
}

impl From<Reversal> for ReversalBody {
    fn from(own: Reversal) -> Self {
        let Reversal { reason, settled, reversed, share } = own;
        Self { reason, settled, reversed, share: share.into() }
    }
}

impl From<Burden> for BurdenBody {
    fn from(own: Burden) -> Self {
        let Burden { system, gradings, questions, pending, answers, seconds, reversed } = own;
        let questions_per_grading = (gradings > 0).then(|| questions as f64 / gradings as f64);
        Self {
            system: system.to_string(),
            gradings,
            questions,
            pending,
            answers,
            seconds,
            questions_per_grading,
            reversed,
        }
    }
}

impl From<Missed> for MissedBody {
    fn from(own: Missed) -> Self {
        let severity = |(severity, found, caught): (crate::domain::Severity, usize, usize)| SeverityBody {
            severity: severity.as_str(),
            found,
            caught,
        };
        Self {
            searched: own.searched,
            found: own.found,
            caught: own.caught,
            caught_share: own.caught_share.into(),
            by_severity: own.by_severity.into_iter().map(severity).collect(),
            total: own.total.into(),
        }
    }
}
