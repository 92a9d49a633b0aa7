//! Agreement of judges over many gradings.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ranking::agreement::{Agreement, Figure, Figures};

#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementReport {
    pub gradings: usize,
    pub overall: FiguresBody,
    pub pairs: Vec<PairBody>,
    pub criteria: Vec<CriterionAgreementBody>,
    /// How far each judge agrees with itself.
    pub consistency: Vec<ConsistencyBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyBody {
    pub judge: String,
    /// How often two repeats of one question have the same answer; answers that were taken over are no repeats.
    pub same: FigureBody,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AgreementPairBody)]
pub struct PairBody {
    /// Two.
    pub judges: Vec<String>,
    #[serde(flatten)]
    pub figures: FiguresBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CriterionAgreementBody {
    pub rubric_id: String,
    pub criterion_id: String,
    #[serde(flatten)]
    pub figures: FiguresBody,
}

/// What holds of one set of units.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresBody {
    /// Criteria of gradings with at least one vote.
    pub units: usize,
    /// Share of each answer among all votes.
    pub prevalence: BTreeMap<String, f64>,
    pub raw: FigureBody,
    /// Of two judges Cohen's, of more Conger's.
    pub cohen_kappa: FigureBody,
    pub fleiss_kappa: FigureBody,
    pub krippendorff_alpha: FigureBody,
    pub gwet_ac1: FigureBody,
    /// ICC(2,1) of the share of its points that each vote gives a criterion.
    pub icc: FigureBody,
}

/// A figure with its interval, or `null` with the reason in `undefined`.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureBody {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: Option<f64>,
    pub method: Option<String>,
    pub n: usize,
    pub missing: usize,
    /// What makes the interval less trustworthy than its level says.
    pub caution: Option<String>,
    /// Why value or interval is missing.
    pub undefined: Option<String>,
}

impl From<Agreement> for AgreementReport {
    fn from(found: Agreement) -> Self {
        Self {
            gradings: found.gradings,
            overall: found.overall.into(),
            pairs: found
                .pairs
                .into_iter()
                .map(|pair| PairBody { judges: vec![pair.judges.0, pair.judges.1], figures: pair.figures.into() })
                .collect(),
            criteria: found
                .criteria
                .into_iter()
                .map(|c| CriterionAgreementBody {
                    rubric_id: c.rubric_id,
                    criterion_id: c.criterion_id,
                    figures: c.figures.into(),
                })
                .collect(),
            consistency: found
                .consistency
                .into_iter()
                .map(|one| ConsistencyBody { judge: one.judge, same: one.same.into() })
                .collect(),
        }
    }
}

impl From<Figures> for FiguresBody {
    fn from(figures: Figures) -> Self {
        let Figures { units, prevalence, raw, cohen_kappa, fleiss_kappa, krippendorff_alpha, gwet_ac1, icc } = figures;
        Self {
            units,
            prevalence,
            raw: raw.into(),
            cohen_kappa: cohen_kappa.into(),
            fleiss_kappa: fleiss_kappa.into(),
            krippendorff_alpha: krippendorff_alpha.into(),
            gwet_ac1: gwet_ac1.into(),
            icc: icc.into(),
        }
    }
}

impl From<Figure> for FigureBody {
    fn from(figure: Figure) -> Self {
        let Figure { value, low, high, level, method, n, missing, caution, undefined } = figure;
        Self { value, low, high, level, method, n, missing, caution, undefined }
    }
}
