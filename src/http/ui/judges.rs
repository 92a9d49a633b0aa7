//! The judges, and the report card of one: what it is worth beside humans who answered blind, beside itself and in
//! comparisons, how often it fails and what it costs. In plain words, each figure with its interval and what it rests
//! on, or why there is none.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::error::{paged, viewer};
use super::render::{Page, respond_as_of};
use super::seen;
use super::words;
use crate::domain::{JudgeName, JudgeSpec};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::ranking::agreement::Figure;
use crate::ranking::report::{self, Report, Test};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::services::views::Seen;
use crate::store::ProjectStore;

#[derive(Debug, Serialize)]
pub(super) struct JudgesPage {
    pub rows: Vec<JudgeRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct JudgeRow {
    pub name: String,
    /// As it is configured.
    pub model: Option<String>,
    pub provider: Option<String>,
    pub panels: Vec<String>,
    pub sees: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct JudgePage {
    pub name: String,
    /// Provider and model as configured; none for a judge that is no longer.
    pub configured: Option<String>,
    /// The models that answered, with their votes.
    pub models: Vec<String>,
    pub gradings: String,
    pub votes: String,
    pub usd: String,
    pub latency: String,
    pub humans: HumansView,
    pub sections: Vec<Section>,
    pub answers: Vec<AnswerView>,
    pub confusion: Option<ConfusionView>,
    pub curve: Vec<BinView>,
}

#[derive(Debug, Serialize)]
pub(super) struct HumansView {
    pub answers: String,
    /// Of what they were asked, and what is not used.
    pub told: Vec<String>,
}

/// How often an answer is given.
#[derive(Debug, Serialize)]
pub(super) struct AnswerView {
    pub label: String,
    /// Of the judge's answers.
    pub judge: String,
    /// Of the humans', where any answered.
    pub humans: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub heading: &'static str,
    pub lede: &'static str,
    pub rows: Vec<FigureRow>,
    /// Figures without a value, by the reason.
    pub unknown: Vec<UnknownView>,
}

#[derive(Debug, Serialize)]
pub(super) struct UnknownView {
    pub why: String,
    pub figures: String,
}

#[derive(Debug, Serialize)]
pub(super) struct FigureRow {
    pub what: String,
    pub value: Option<String>,
    /// Its interval and what it rests on, or why there is none.
    pub more: String,
    pub caution: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ConfusionView {
    pub labels: Vec<String>,
    pub rows: Vec<ConfusionRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct ConfusionRow {
    pub label: String,
    pub counts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct BinView {
    pub confidence: String,
    pub right: String,
    pub interval: String,
    pub n: String,
}

impl Page for JudgesPage {
    const TEMPLATE: &'static str = "judges.html";
    const SECTION: &'static str = "judges";
    fn title(&self) -> String {
        "Judges".to_owned()
    }
}

impl Page for JudgePage {
    const TEMPLATE: &'static str = "judge.html";
    const SECTION: &'static str = "judges";
    fn title(&self) -> String {
        format!("Judge {}", self.name)
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/judges").route(web::get().to(list)).wrap(from_fn(paged)))
        .service(web::resource("/judges/{name}").route(web::get().to(show)).wrap(from_fn(paged)));
}

async fn list(request: HttpRequest, caller: Submitter, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    // Those who judged here and are configured no longer have a card, too.
    let find = |project: ProjectStore| async move { super::leaderboard::judges_of(&project).await };
    let (known, as_of) = match services.views.see(&services, &caller.project, "judges", find).await? {
        Seen::Found(known, as_of) => (known, as_of.map(words::to_the_second)),
        Seen::NotYet => return Ok(seen::waiting(&request, &caller)),
    };
    let mut specs: BTreeMap<String, Option<&JudgeSpec>> = known.iter().map(|name| (name.clone(), None)).collect();
    specs.extend(services.judges.values().map(|judge| (judge.spec().name.to_string(), Some(judge.spec()))));
    let panels = |name: &str| {
        let sits =
            services.panels.values().filter(|panel| panel.judges.iter().any(|judge| judge.name.as_str() == name));
        sits.map(|panel| panel.name.to_string()).collect()
    };
    let rows = specs.into_iter().map(|(name, spec)| JudgeRow {
        panels: panels(&name),
        name,
        model: spec.map(|spec| spec.model.clone()),
        provider: spec.map(|spec| spec.provider.clone()),
        sees: spec.is_some_and(|spec| spec.vision),
    });
    let page = JudgesPage { rows: rows.collect() };
    Ok(respond_as_of(StatusCode::OK, Some(&viewer(&request, &caller)), &page, as_of))
}

async fn show(
    request: HttpRequest,
    caller: Submitter,
    services: web::Data<Services>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::from(Refusal::not_found("judge", words::clip(&name, 80)));
    let judge = JudgeName::parse(name.as_str()).map_err(|_| missing())?;
    let (view, told) = (format!("judge {judge}"), words::clip(&name, 80));
    let spec = services.judges.get(&judge).map(|judge| judge.spec().clone());
    let find = move |project: ProjectStore| async move {
        let found = report::report(&project, &judge).await?;
        if found.votes == 0 && spec.is_none() {
            return Err(Refusal::not_found("judge", told));
        }
        Ok(page(found, spec.as_ref()))
    };
    seen::page(&request, &services, &caller, &view, find).await
}

pub(super) fn page(found: Report, spec: Option<&JudgeSpec>) -> JudgePage {
    let count = |n: usize| words::count(n as u64);
    let ms = |ms: Option<u64>| ms.map(|ms| duration(ms as f64));
    let latency = match (ms(found.latency_ms_median), ms(found.latency_ms_p95)) {
        (Some(median), Some(most)) => format!("{median} in the middle, {most} for the slowest twentieth"),
        (Some(median), None) => median,
        _ => "nothing was asked".to_owned(),
    };
    let mut told: Vec<String> =
        found.humans.by_reason.iter().map(|(why, n)| format!("{} {}", count(*n), words::review_reason(why))).collect();
    if found.humans.not_blind > 0 {
        told.push(format!("{} more were not made blind and are not used", count(found.humans.not_blind)));
    }
    if found.humans.undecided > 0 {
        told.push(format!("{} could not be decided", count(found.humans.undecided)));
    }
    let share = |of: &BTreeMap<String, f64>, label: &str| of.get(label).map(|share| format!("{:.0} %", share * 100.0));
    let said: BTreeSet<&String> = found.prevalence.keys().chain(found.human_prevalence.keys()).collect();
    let answers = said
        .into_iter()
        .map(|label| AnswerView {
            judge: share(&found.prevalence, label).unwrap_or_else(|| "never".to_owned()),
            humans: if found.human_prevalence.is_empty() {
                None
            } else {
                Some(share(&found.human_prevalence, label).unwrap_or_else(|| "never".to_owned()))
            },
            label: label.clone(),
        })
        .collect();
    let mut against = rows(&found.against_humans, AGAINST);
    against.extend(found.tests.get("equally_severe").map(|test| tested("Equally severe to all systems", test)));
    let mut comparisons = rows(&found.comparisons, COMPARISONS);
    comparisons.extend(found.tests.get("position").map(|test| tested("No leaning to a place", test)));
    let mut failures = rows(&found.rates, RATES);
    failures.extend(
        found
            .failed_by_cause
            .iter()
            .map(|(cause, figure)| row(format!("Failed: {}", cause.replace('_', " ")), figure, Unit::Share)),
    );
    let cost = rows(&found.cost, COST);
    let sections = vec![
        section("Beside humans", if found.humans.answers == 0 { NO_HUMANS } else { HUMANS }, against),
        section(
            "Beside itself",
            "The same question asked again; answers taken over from an earlier call do not count.",
            rows(&found.test_retest, RETEST),
        ),
        section("In comparisons", "Two works side by side, in both orders.", comparisons),
        section("When it fails", "A failure is never a score.", failures),
        section("Cost and habits", "", cost),
    ];
    let any = found.confusion.iter().flatten().any(|n| *n > 0);
    JudgePage {
        name: found.judge,
        configured: spec.map(|spec| format!("{} ({})", spec.model, spec.provider)),
        models: found.models.iter().map(|(model, votes)| format!("{model}: {} votes", count(*votes))).collect(),
        gradings: count(found.gradings),
        votes: count(found.votes),
        usd: words::usd(found.usd),
        latency,
        humans: HumansView { answers: count(found.humans.answers), told },
        sections,
        answers,
        confusion: any.then(|| ConfusionView {
            rows: found
                .labels
                .iter()
                .zip(&found.confusion)
                .map(|(label, counts)| ConfusionRow {
                    label: label.clone(),
                    counts: counts.iter().map(|n| words::count(*n)).collect(),
                })
                .collect(),
            labels: found.labels,
        }),
        curve: found
            .curve
            .iter()
            .map(|bin| BinView {
                confidence: format!("{} %", words::percent(bin.confidence)),
                right: format!("{} %", words::percent(bin.right)),
                interval: format!("{} to {} %", words::percent(bin.low), words::percent(bin.high)),
                n: count(bin.n),
            })
            .collect(),
    }
}

const HUMANS: &str =
    "Only criteria that a human answered without seeing what judges said. Reviews are of harder questions than most.";
const NO_HUMANS: &str = "No human has answered yet, without seeing what judges said, what it was asked.";

/// What is unknown for one reason is named together.
fn section(heading: &'static str, lede: &'static str, all: Vec<FigureRow>) -> Section {
    let (rows, without): (Vec<FigureRow>, Vec<FigureRow>) = all.into_iter().partition(|row| row.value.is_some());
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for row in without {
        match reasons.iter_mut().find(|(why, _)| *why == row.more) {
            Some((_, figures)) => figures.push(row.what),
            None => reasons.push((row.more, vec![row.what])),
        }
    }
    let unknown = reasons.into_iter().map(|(why, figures)| UnknownView { why, figures: figures.join(" · ") });
    Section { heading, lede, rows, unknown: unknown.collect() }
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// 0 to 1, shown in percent.
    Share,
    /// A difference of shares, with its sign.
    Points,
    Plain,
    Usd,
    Milliseconds,
}

impl Unit {
    fn show(self, value: f64) -> String {
        let signed = |text: String| text.replace('-', "−");
        match self {
            // An interval by the normal reaches beyond what a share can be.
            Self::Share => format!("{} %", words::percent(value.clamp(0.0, 1.0))),
            Self::Points => signed(format!("{:+.1} points", value * 100.0)),
            Self::Plain => signed(format!("{value:.2}")),
            Self::Usd => words::usd(Some(value.max(0.0))),
            Self::Milliseconds => duration(value),
        }
    }
}

fn duration(ms: f64) -> String {
    if ms < 1_000.0 { format!("{:.0} ms", ms.max(0.0)) } else { format!("{:.1} s", ms / 1_000.0) }
}

type Named = (&'static str, &'static str, Unit);

const AGAINST: &[Named] = &[
    ("accuracy", "Says what the human says", Unit::Share),
    ("cohen_kappa", "The same beyond chance (Cohen’s κ: 1 always, 0 by chance)", Unit::Plain),
    ("macro_f1", "F1, mean of both answers", Unit::Share),
    ("precision_met", "Where it says MET, the human does too (precision)", Unit::Share),
    ("recall_met", "Of what the human calls MET, it finds (recall)", Unit::Share),
    ("f1_met", "F1 of MET", Unit::Share),
    ("precision_unmet", "Where it says UNMET, the human does too (precision)", Unit::Share),
    ("recall_unmet", "Of what the human calls UNMET, it finds (recall)", Unit::Share),
    ("f1_unmet", "F1 of UNMET", Unit::Share),
    ("severity", "Kinder (+) or more severe (−) than humans, of a criterion’s points", Unit::Points),
    ("severity_range", "From the system it is most severe to, to the one it is kindest to", Unit::Points),
    ("self_preference", "Kinder to works of its own family, beyond what humans see in them", Unit::Points),
    ("drift_per_day", "Grows kinder (+) or more severe (−) a day", Unit::Points),
    ("overconfidence", "More confident (+) or less (−) than it is right", Unit::Points),
    ("ece", "Distance of confidence from being right (ECE)", Unit::Points),
    ("brier", "Brier score of its confidence (0 is perfect)", Unit::Plain),
    ("effective_judges", "Judges that its newest panel is worth, errors being shared", Unit::Plain),
];
const RETEST: &[Named] = &[
    ("same", "Gives the same answer again", Unit::Share),
    ("alpha", "The same beyond chance (Krippendorff’s α)", Unit::Plain),
    ("ac1", "The same beyond chance (Gwet’s AC1)", Unit::Plain),
];
const COMPARISONS: &[Named] = &[
    ("first_place", "Where the order turns the answer, the first shown wins", Unit::Share),
    ("length", "Pull of length: log odds for each doubling (0 is none)", Unit::Plain),
];
const RATES: &[Named] = &[
    ("failed", "Gave no usable answer", Unit::Share),
    ("cannot_assess", "Said that it cannot be told", Unit::Share),
    ("evidence_not_found", "None of its quotes is in the work", Unit::Share),
];
const COST: &[Named] =
    &[("usd_per_vote", "Cost of a vote", Unit::Usd), ("latency_ms", "Time of a vote, mean", Unit::Milliseconds)];

/// In the order of their names here; one without a name here stands under its own.
fn rows(figures: &BTreeMap<String, Figure>, named: &[Named]) -> Vec<FigureRow> {
    let known = named.iter().filter_map(|(key, what, unit)| Some(row((*what).to_owned(), figures.get(*key)?, *unit)));
    let other = figures.iter().filter(|(key, _)| !named.iter().any(|(own, ..)| own == key));
    known.chain(other.map(|(key, figure)| row(key.replace('_', " "), figure, Unit::Plain))).collect()
}

fn row(what: String, figure: &Figure, unit: Unit) -> FigureRow {
    let why = figure.undefined.clone();
    let Some(value) = figure.value else {
        return FigureRow { what, value: None, more: why.unwrap_or_default(), caution: None };
    };
    let interval = figure.low.zip(figure.high).map(|(low, high)| format!("{} to {}", unit.show(low), unit.show(high)));
    let missing =
        if figure.missing > 0 { format!(", {} unknown", words::count(figure.missing as u64)) } else { String::new() };
    let rests = format!("n = {}{missing}", words::count(figure.n as u64));
    FigureRow {
        what,
        value: Some(unit.show(value)),
        more: format!("{}; {rests}", interval.or(why).unwrap_or_else(|| "no interval".to_owned())),
        caution: figure.caution.clone(),
    }
}

fn tested(what: &str, test: &Test) -> FigureRow {
    let Some(p) = test.p else {
        let more = test.undefined.clone().unwrap_or_default();
        return FigureRow { what: what.to_owned(), value: None, more, caution: None };
    };
    let value = if p < 0.05 { "doubtful" } else { "nothing speaks against it" };
    let p = if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") };
    let more = if test.detail.is_empty() { p } else { format!("{p}; {}", test.detail) };
    FigureRow { what: what.to_owned(), value: Some(value.to_owned()), more, caution: None }
}
