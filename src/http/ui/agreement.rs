//! How far the judges agree, and so how far they may be believed: overall, judge by judge as a matrix, pair by pair,
//! criterion by criterion, each corrected figure beside the prevalence without which it cannot be read. Every cell of the
//! matrix leads to the items on which its two judges differ.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, viewer};
use super::grading::ROWS;
use super::render::{Page, respond_as_of};
use super::seen;
use super::words::{self, Mark, Time};
use crate::domain::{Grading, JudgeName, PanelName, TaskId};
use crate::http::auth::{Caller, Role, Submitter};
use crate::http::problem::Problem;
use crate::ranking::agreement::{Agreement, Differing, Differs, Figure, Figures, Filter, Pair, agreement, differing};
use crate::refusal::Refusal;
use crate::review::reveal;
use crate::services::Services;
use crate::services::views::Seen;
use crate::store::ProjectStore;

/// Criteria on the page; the API has them all.
const CRITERIA: usize = 100;
/// Pairs that are listed with all their figures, those that agree least first; the API has them all.
const PAIRS: usize = 40;
/// Judges in the matrix: more make no readable one.
const JUDGES: usize = 12;
/// Items on which two judges differ, on a page.
const ITEMS: usize = 50;

#[derive(Debug, Serialize)]
pub(super) struct AgreementPage {
    pub gradings: String,
    /// What was chosen, in words; empty for everything.
    pub chosen: String,
    /// The same in addresses.
    pub filter: Vec<Given>,
    pub overall: FiguresView,
    pub judges: Vec<String>,
    pub matrix: Vec<MatrixRow>,
    /// Judges that the matrix has no room for.
    pub left_out: usize,
    pub pairs: Vec<PairView>,
    pub all_pairs: usize,
    pub criteria: Vec<CriterionAgreement>,
    pub all_criteria: usize,
}

/// What was chosen of one kind.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Given {
    pub name: &'static str,
    pub value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct MatrixRow {
    pub judge: String,
    pub cells: Vec<MatrixCell>,
}

#[derive(Debug, Serialize)]
pub(super) struct MatrixCell {
    /// The judge of the column.
    pub other: String,
    /// A judge beside itself.
    pub own: bool,
    /// Percent of the units on which they say the same.
    pub same: Option<String>,
    /// A class of the style sheet: `s0` to `s10` by the share.
    pub shade: String,
    pub n: String,
    /// Why there is no figure.
    pub why: String,
}

/// The items on which two judges differ.
#[derive(Debug, Serialize)]
pub(super) struct DifferPage {
    pub one: String,
    pub other: String,
    pub chosen: String,
    pub filter: Vec<Given>,
    /// Items that both judged.
    pub both: String,
    pub differ: String,
    pub rows: Vec<DifferRow>,
    /// Items of this page in gradings that the reader may still be asked about.
    pub withheld: usize,
    pub earlier: Option<usize>,
    pub later: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct DifferRow {
    pub grading: String,
    /// The first row of the grading's page on which the criterion stands.
    pub from: usize,
    /// The criterion's number in the rubric.
    pub n: usize,
    pub criterion: String,
    pub requirement: String,
    pub system: String,
    pub task: Option<String>,
    pub rubric: String,
    pub one: Mark,
    pub other: Mark,
    pub created: Time,
}

impl Page for DifferPage {
    const TEMPLATE: &'static str = "differ.html";
    const SECTION: &'static str = "agreement";
    fn title(&self) -> String {
        format!("Where {} and {} differ", self.one, self.other)
    }
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

#[derive(Debug, Deserialize)]
struct Differ {
    one: String,
    other: String,
    #[serde(default)]
    from: usize,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/agreement").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(web::resource("/agreement/differ").route(web::get().to(differ)).wrap(from_fn(paged)));
}

impl Asked {
    /// What is to be looked at, and how it was said.
    fn filter(self) -> Result<(Filter, Vec<Given>), Problem> {
        let fields =
            [("rubric_id", self.rubric_id), ("task_id", self.task_id), ("panel", self.panel), ("sector", self.sector)];
        let mut filter = Filter::default();
        let mut given = Vec::new();
        for (name, value) in fields {
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            let text = value.as_str();
            match name {
                "rubric_id" => {
                    let none = |_| Problem::not_found("rubric", words::clip(text, 40));
                    filter.rubric_id = Some(text.parse().map_err(none)?);
                }
                "task_id" => filter.task_id = Some(TaskId::parse(text).map_err(|e| Refusal::name("/task_id", &e))?),
                "panel" => filter.panel = Some(PanelName::parse(text).map_err(|e| Refusal::name("/panel", &e))?),
                _ => filter.sector = Some(value.clone()),
            }
            given.push(Given { name, value });
        }
        Ok((filter, given))
    }
}

/// In words.
fn chosen(given: &[Given]) -> String {
    let of = |one: &Given| format!("{} {}", one.name.trim_end_matches("_id"), one.value);
    given.iter().map(of).collect::<Vec<_>>().join(", ")
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let (filter, given) = asked.into_inner().filter()?;
    let name = format!("agreement {given:?}");
    let find = move |project: ProjectStore| async move { Ok(page(agreement(&project, &filter).await?, given)) };
    seen::page(&request, &services, &caller, &name, find).await
}

async fn differ(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Query<Asked>,
    pair: web::Query<Differ>,
) -> Result<HttpResponse, Problem> {
    let (filter, given) = asked.into_inner().filter()?;
    let judge = |name: &str| JudgeName::parse(name).map_err(|_| Problem::not_found("judge", words::clip(name, 80)));
    let (one, other) = (judge(&pair.one)?, judge(&pair.other)?);
    let (name, of) = (format!("differ {given:?} {one:?} {other:?}"), (one.clone(), other.clone()));
    let find = move |project: ProjectStore| async move { differing(&project, &filter, &of.0, &of.1).await };
    let (found, as_of) = match services.views.see(&services, &caller.project, &name, find).await? {
        Seen::Found(found, as_of) => (found, as_of.map(words::to_the_second)),
        Seen::NotYet => return Ok(seen::waiting(&request, &caller)),
    };
    let page = differ_page(&services, &caller, (&one, &other), given, &found, pair.from).await?;
    Ok(respond_as_of(StatusCode::OK, Some(&viewer(&request, &caller)), &page, as_of))
}

async fn differ_page(
    services: &Services,
    caller: &Caller,
    (one, other): (&JudgeName, &JudgeName),
    given: Vec<Given>,
    found: &Differing,
    from: usize,
) -> Result<DifferPage, Problem> {
    let all = found.items.len();
    let from = if from < all { from } else { 0 };
    let mut rows = Vec::new();
    let mut withheld = 0;
    for item in &found.items[from..all.min(from + ITEMS)] {
        match is_told(services, caller, item).await? {
            true => rows.push(differ_row(item)),
            false => withheld += 1,
        }
    }
    Ok(DifferPage {
        one: one.to_string(),
        other: other.to_string(),
        chosen: chosen(&given),
        filter: given,
        both: words::count(found.both as u64),
        differ: words::count(all as u64),
        rows,
        withheld,
        earlier: (from > 0).then(|| from.saturating_sub(ITEMS)),
        later: (from + ITEMS < all).then_some(from + ITEMS),
    })
}

/// Who answers questions about a grading is not told in passing what judges said of it; who else may be asked and is told
/// is on record first.
async fn is_told(services: &Services, caller: &Caller, item: &Differs) -> Result<bool, Problem> {
    let asked = |grading: &Grading| grading.result().is_some_and(|result| result.open_reviews > 0);
    match caller.role {
        Role::Reviewer => Ok(!asked(&item.grading)),
        Role::Admin if asked(&item.grading) => {
            let criterion = item.rubric.rubric.criteria().get(item.criterion).map(|one| &one.id);
            reveal::note(services, &caller.project, item.grading.id, criterion, &caller.author).await?;
            Ok(true)
        }
        Role::Admin | Role::Submitter => Ok(true),
    }
}

fn differ_row(item: &Differs) -> DifferRow {
    let (grading, rubric) = (&item.grading, &item.rubric.rubric);
    let criterion = rubric.criteria().get(item.criterion);
    let said = |label: &str| match label {
        _ if criterion.is_some_and(|one| !one.levels.is_empty()) => words::said_level(label),
        "MET" => words::said_met(true),
        _ => words::said_met(false),
    };
    DifferRow {
        grading: grading.id.to_string(),
        from: item.criterion / ROWS * ROWS,
        n: item.criterion + 1,
        criterion: criterion.map(|one| one.id.to_string()).unwrap_or_default(),
        requirement: criterion.map(|one| words::clip(&one.requirement, 240)).unwrap_or_default(),
        system: grading.system.to_string(),
        task: grading.task_id.as_ref().map(ToString::to_string),
        rubric: rubric.title().map_or_else(|| format!("rubric {}", item.rubric.fingerprint.short()), str::to_owned),
        one: said(&item.said[0]),
        other: said(&item.said[1]),
        created: words::time(grading.created_at),
    }
}

pub(super) fn page(found: Agreement, given: Vec<Given>) -> AgreementPage {
    let (judges, matrix, left_out) = matrix(&found);
    let Agreement { gradings, overall, mut pairs, mut criteria, .. } = found;
    let (all_pairs, all_criteria) = (pairs.len(), criteria.len());
    // Where judges differ most is what a person looks for; what has no figure comes last.
    let raw = |figures: &Figures| figures.raw.value.unwrap_or(f64::INFINITY);
    criteria.sort_by(|a, b| raw(&a.figures).total_cmp(&raw(&b.figures)));
    pairs.sort_by(|a, b| raw(&a.figures).total_cmp(&raw(&b.figures)));
    let pair = |pair: &Pair| PairView {
        one: pair.judges.0.clone(),
        other: pair.judges.1.clone(),
        figures: figures(&pair.figures),
    };
    AgreementPage {
        gradings: words::count(gradings as u64),
        chosen: chosen(&given),
        filter: given,
        overall: figures(&overall),
        judges,
        matrix,
        left_out,
        pairs: pairs.iter().take(PAIRS).map(pair).collect(),
        all_pairs,
        criteria: criteria
            .iter()
            .take(CRITERIA)
            .map(|one| CriterionAgreement { id: one.criterion_id.clone(), figures: figures(&one.figures) })
            .collect(),
        all_criteria,
    }
}

/// Judges, a row for each, and how many found no room.
fn matrix(found: &Agreement) -> (Vec<String>, Vec<MatrixRow>, usize) {
    let pairs: BTreeMap<(&str, &str), &Figures> =
        found.pairs.iter().map(|pair| ((pair.judges.0.as_str(), pair.judges.1.as_str()), &pair.figures)).collect();
    let of_pairs = pairs.keys().flat_map(|(one, other)| [*one, *other]);
    let all: BTreeSet<&str> = of_pairs.chain(found.consistency.iter().map(|own| own.judge.as_str())).collect();
    let left_out = all.len().saturating_sub(JUDGES);
    let judges: Vec<&str> = all.into_iter().take(JUDGES).collect();
    let cell = |judge: &str, other: &str| {
        let own = judge == other;
        let itself = || found.consistency.iter().find(|one| one.judge == judge).map(|one| &one.same);
        let both = || pairs.get(&(judge.min(other), judge.max(other))).map(|figures| &figures.raw);
        let figure = if own { itself() } else { both() };
        let value = figure.and_then(|figure| figure.value);
        let why = if own { "never asked twice" } else { "judged nothing together" };
        MatrixCell {
            other: other.to_owned(),
            own,
            same: value.map(|share| format!("{:.0}", share * 100.0)),
            shade: value.map_or_else(|| "none".to_owned(), |share| format!("s{:.0}", share.clamp(0.0, 1.0) * 10.0)),
            n: words::count(figure.map_or(0, |figure| figure.n as u64)),
            why: if value.is_none() { why.to_owned() } else { String::new() },
        }
    };
    let rows = judges.iter().map(|judge| MatrixRow {
        judge: (*judge).to_owned(),
        cells: judges.iter().map(|other| cell(judge, other)).collect(),
    });
    let rows = rows.collect();
    (judges.into_iter().map(str::to_owned).collect(), rows, left_out)
}

fn figures(figures: &Figures) -> FiguresView {
    FiguresView {
        units: words::count(figures.units as u64),
        prevalence: prevalence(&figures.prevalence),
        raw: figure(&figures.raw),
        kappa: figure(&figures.fleiss_kappa),
        alpha: figure(&figures.krippendorff_alpha),
    }
}

/// The most frequent answers, and the others together where rubrics with scales bring many.
fn prevalence(shares: &BTreeMap<String, f64>) -> String {
    const NAMED: usize = 3;
    let mut all: Vec<(&String, f64)> = shares.iter().map(|(label, share)| (label, *share)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named = if all.len() > NAMED + 1 { NAMED } else { all.len() };
    let (first, others) = all.split_at(named);
    let mut said: Vec<String> = first.iter().map(|(label, share)| format!("{label} {:.0} %", share * 100.0)).collect();
    if !others.is_empty() {
        let share: f64 = others.iter().map(|(_, share)| share).sum();
        said.push(format!("{} others {:.0} %", others.len(), share * 100.0));
    }
    said.join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_answers_are_told_by_the_most_frequent_ones_and_nothing_is_left_out() {
        let of = |shares: &[(&str, f64)]| prevalence(&shares.iter().map(|(l, s)| ((*l).to_owned(), *s)).collect());
        assert_eq!(of(&[("MET", 0.25), ("UNMET", 0.75)]), "UNMET 75 %, MET 25 %");
        let many = [("a", 0.1), ("b", 0.4), ("c", 0.2), ("d", 0.25), ("e", 0.05)];
        assert_eq!(of(&many), "b 40 %, d 25 %, c 20 %, 2 others 15 %");
        assert_eq!(of(&[]), "");
    }
}
