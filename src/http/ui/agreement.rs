//! How far the judges agree, and so how far they may be believed: overall, pair by pair, criterion by
//! criterion, each corrected figure beside the prevalence without which it cannot be read.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, viewer};
use super::render::{Page, respond};
use super::words;
use crate::domain::{PanelName, TaskId};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::ranking::agreement::{Agreement, Figure, Figures, Filter, agreement};
use crate::refusal::Refusal;

/// Criteria on the page; the API has them all.
const CRITERIA: usize = 150;

#[derive(Debug, Serialize)]
pub(super) struct AgreementPage {
    pub gradings: String,
    /// What was chosen, in words; empty for everything.
    pub chosen: String,
    pub overall: FiguresView,
    pub pairs: Vec<PairView>,
    pub criteria: Vec<CriterionAgreement>,
    pub all_criteria: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct FiguresView {
    pub units: String,
    pub prevalence: String,
    pub raw: FigureView,
    pub kappa: FigureView,
    pub alpha: FigureView,
}

#[derive(Debug, Serialize)]
pub(super) struct FigureView {
    pub value: Option<String>,
    pub interval: Option<String>,
    pub n: String,
    pub why: String,
}

#[derive(Debug, Serialize)]
pub(super) struct PairView {
    pub one: String,
    pub other: String,
    pub figures: FiguresView,
}

#[derive(Debug, Serialize)]
pub(super) struct CriterionAgreement {
    pub id: String,
    pub figures: FiguresView,
}

impl Page for AgreementPage {
    const TEMPLATE: &'static str = "agreement.html";
    const SECTION: &'static str = "agreement";
    fn title(&self) -> String {
        "Agreement".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    rubric_id: Option<String>,
    task_id: Option<String>,
    panel: Option<String>,
    sector: Option<String>,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/agreement").route(web::get().to(show)).wrap(from_fn(paged)));
}

async fn show(request: HttpRequest, caller: Submitter, asked: web::Query<Asked>) -> Result<HttpResponse, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut chosen = Vec::new();
    let mut filter = Filter::default();
    if let Some(id) = given(&asked.rubric_id) {
        filter.rubric_id = Some(id.parse().map_err(|_| Problem::not_found("rubric", words::clip(&id, 40)))?);
        chosen.push(format!("rubric {id}"));
    }
    if let Some(id) = given(&asked.task_id) {
        filter.task_id = Some(TaskId::parse(id.as_str()).map_err(|e| Refusal::name("/task_id", &e))?);
        chosen.push(format!("task {id}"));
    }
    if let Some(name) = given(&asked.panel) {
        filter.panel = Some(PanelName::parse(name.as_str()).map_err(|e| Refusal::name("/panel", &e))?);
        chosen.push(format!("panel {name}"));
    }
    if let Some(sector) = given(&asked.sector) {
        chosen.push(format!("sector {sector}"));
        filter.sector = Some(sector);
    }
    let found = agreement(&caller.project, &filter).await?;
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page(found, chosen.join(", "))))
}

pub(super) fn page(found: Agreement, chosen: String) -> AgreementPage {
    let mut criteria = found.criteria;
    let all_criteria = criteria.len();
    // Where judges differ most is what a person looks for; what has no figure comes last.
    criteria.sort_by(|a, b| {
        let raw = |figures: &Figures| figures.raw.value.unwrap_or(f64::INFINITY);
        raw(&a.figures).total_cmp(&raw(&b.figures))
    });
    criteria.truncate(CRITERIA);
    AgreementPage {
        gradings: words::count(found.gradings as u64),
        chosen,
        overall: figures(&found.overall),
        pairs: found
            .pairs
            .iter()
            .map(|pair| PairView {
                one: pair.judges.0.clone(),
                other: pair.judges.1.clone(),
                figures: figures(&pair.figures),
            })
            .collect(),
        criteria: criteria
            .iter()
            .map(|one| CriterionAgreement { id: one.criterion_id.clone(), figures: figures(&one.figures) })
            .collect(),
        all_criteria,
    }
}

fn figures(figures: &Figures) -> FiguresView {
    let prevalence: Vec<String> =
        figures.prevalence.iter().map(|(label, share)| format!("{label} {:.0} %", share * 100.0)).collect();
    FiguresView {
        units: words::count(figures.units as u64),
        prevalence: prevalence.join(", "),
        raw: figure(&figures.raw),
        kappa: figure(&figures.fleiss_kappa),
        alpha: figure(&figures.krippendorff_alpha),
    }
}

fn figure(figure: &Figure) -> FigureView {
    FigureView {
        value: figure.value.map(|value| format!("{value:.2}")),
        interval: match (figure.low, figure.high) {
            (Some(low), Some(high)) => Some(format!("{low:.2} to {high:.2}")),
            _ => None,
        },
        n: words::count(figure.n as u64),
        why: figure.undefined.clone().unwrap_or_default(),
    }
}
