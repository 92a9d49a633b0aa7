//! What humans would say of systems.

use serde::Serialize;
use utoipa::ToSchema;

use super::agreement::FigureBody;
use crate::ranking::estimates::{Carried, Difference, Estimates, OfSystem, Sides};

#[derive(Debug, Serialize, ToSchema)]
pub struct EstimatesBody {
    pub systems: Vec<SystemEstimatesBody>,
    /// `system` less `against`, where both are named.
    pub difference: Option<DifferenceBody>,
    /// Whether a correction learned on all systems may be used on each.
    pub transfer: TransferBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemEstimatesBody {
    pub system: String,
    pub gradings: usize,
    /// Share of the yes/no criteria that it passes.
    pub pass_rate: SidesBody,
    /// Points over positive points, before gates and clamping.
    pub mean_score: SidesBody,
    /// Criteria of gradings that judges decided on.
    pub items: usize,
    /// With a blind human answer that stands for others.
    pub reviewed: usize,
    /// Selected for review and not answered yet; those answered stand for them.
    pub waiting: usize,
    /// Human decisions without a recorded probability of selection, or not blind: not used here.
    pub refused: usize,
    pub plan: PlanBody,
}

/// The same figure three ways, always beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub struct SidesBody {
    pub judge_only: FigureBody,
    pub human_only: FigureBody,
    pub corrected: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SamplePlanBody)]
pub struct PlanBody {
    pub half_width: f64,
    /// Reviews drawn at random that are still needed until the share passed is known that narrowly.
    pub more_reviews: Option<usize>,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceBody {
    pub system: String,
    pub against: String,
    pub pass_rate: SidesBody,
    pub mean_score: SidesBody,
    /// Reviews of each system that are still needed until their shares passed are told apart; 0: they are.
    pub more_reviews_to_separate: Option<usize>,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TransferBody {
    pub systems: Vec<CarriedBody>,
    pub undefined: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CarriedBody {
    pub system: String,
    /// Mean of the human's answer less the corrected judge's; below 0: the correction is too kind.
    pub left: FigureBody,
    /// Adjusted by Holm over the systems.
    pub p: Option<f64>,
    /// A correction learned elsewhere must not be used on it.
    pub flagged: bool,
    pub undefined: Option<String>,
}

impl From<Estimates> for EstimatesBody {
    fn from(found: Estimates) -> Self {
        let transfer = match found.transfer {
            Ok(systems) => {
                TransferBody { systems: systems.into_iter().map(CarriedBody::from).collect(), undefined: None }
            }
            Err(why) => TransferBody { systems: vec![], undefined: Some(why) },
        };
        Self {
            systems: found.systems.into_iter().map(SystemEstimatesBody::from).collect(),
            difference: found.difference.map(DifferenceBody::from),
            transfer,
        }
    }
}

impl From<OfSystem> for SystemEstimatesBody {
    fn from(own: OfSystem) -> Self {
        let (more_reviews, undefined) = split(own.plan.more);
        Self {
            system: own.system.to_string(),
            gradings: own.gradings,
            pass_rate: own.pass_rate.into(),
            mean_score: own.mean_score.into(),
            items: own.counts.items,
            reviewed: own.counts.reviewed,
            waiting: own.counts.waiting,
            refused: own.counts.refused,
            plan: PlanBody { half_width: own.plan.half_width, more_reviews, undefined },
        }
    }
}

impl From<Difference> for DifferenceBody {
    fn from(own: Difference) -> Self {
        let (more_reviews_to_separate, undefined) = split(own.more_to_separate);
        Self {
            system: own.one.to_string(),
            against: own.other.to_string(),
            pass_rate: own.pass_rate.into(),
            mean_score: own.mean_score.into(),
            more_reviews_to_separate,
            undefined,
        }
    }
}

impl From<Sides> for SidesBody {
    fn from(sides: Sides) -> Self {
        Self {
            judge_only: sides.judge_only.into(),
            human_only: sides.human_only.into(),
            corrected: sides.corrected.into(),
        }
    }
}

impl From<Carried> for CarriedBody {
    fn from(own: Carried) -> Self {
        let (p, undefined) = split(own.p);
        Self { system: own.system.to_string(), left: own.left.into(), p, flagged: own.flagged, undefined }
    }
}

fn split<T>(found: Result<T, String>) -> (Option<T>, Option<String>) {
    match found {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(why)),
    }
}
