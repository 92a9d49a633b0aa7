//! Which system is better, by how much, how sure: the plot, the table with intervals and rank ranges, and
//! what a reader must know, in words.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use std::collections::BTreeSet;

use super::error::{paged, viewer};
use super::matrix::matrix_svg;
use super::pareto::pareto_svg;
use super::plot::leaderboard_svg;
use super::radar::radar_svg;
use super::render::{Page, respond};
use super::words;
use crate::domain::JudgeName;
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::routes::leaderboard::off_thread;
use crate::ranking::leaderboard::{Board, Leaderboard, Method, Row, Rules, Slice, Sources, Wanted, leaderboard};
use crate::ranking::material::{Material, Needs};
use crate::ranking::sensitivity::{Sensitivity, Variant, is_share, sensitivity};
use crate::ranking::systems::{self, ACCEPT_AT, Accept, Figure, HumanCosts, System, Systems};
use crate::ranking::variation::Judges;
use crate::refusal::Refusal;
use crate::store::ProjectStore;

#[derive(Debug, Serialize)]
pub(super) struct LeaderboardPage {
    pub method: &'static str,
    pub overrides: &'static str,
    pub by: &'static str,
    /// `judged,imported`, `judged`, `imported`, `derived` or all three.
    pub source: String,
    /// Who counts: empty, a judge's name with `judge:` before it, or `family`.
    pub without: String,
    /// Judges that can be left out.
    pub judges: Vec<String>,
    /// The judge that is left out, by name.
    pub without_judge: Option<String>,
    pub boards: Vec<BoardView>,
    /// Made and escaped by `plot`.
    pub svg: String,
    /// Made and escaped by `matrix`; none for scores.
    pub matrix: Option<String>,
    pub radar: Option<String>,
    pub pareto: Option<String>,
    pub systems: Vec<SystemView>,
    /// Of `systems`, in words.
    pub system_notes: Vec<String>,
    pub sensitivity: Option<Vec<VariantView>>,
}

#[derive(Debug, Serialize)]
pub(super) struct SystemView {
    pub system: String,
    pub submissions: String,
    pub cost: Told,
    pub accepted: Told,
    pub per_accepted: Told,
    pub time: Told,
    pub tokens: Told,
    pub critical: Told,
    pub fabrication: Told,
    pub failures: Told,
}

/// A figure as it is read, or nothing and why.
#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    pub value: Option<String>,
    /// Its interval and what it rests on, or why there is none.
    pub more: String,
}

#[derive(Debug, Serialize)]
pub(super) struct VariantView {
    pub what: String,
    /// Largest move, what turned, in words; or why there is none.
    pub told: String,
    pub steady: bool,
    pub undefined: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct BoardView {
    pub heading: String,
    /// What it rests on, in words.
    pub material: String,
    pub several_groups: bool,
    pub rows: Vec<RowView>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct RowView {
    pub system: String,
    pub rating: Option<String>,
    pub interval: Option<String>,
    /// Why there is no rating or no interval.
    pub why: Option<String>,
    pub rank: Option<String>,
    pub n: String,
    pub record: Option<String>,
    pub group: usize,
    pub regularised: bool,
}

impl Page for LeaderboardPage {
    const TEMPLATE: &'static str = "leaderboard.html";
    const SECTION: &'static str = "leaderboard";
    fn title(&self) -> String {
        "Leaderboard".to_owned()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    method: String,
    overrides: String,
    by: String,
    source: String,
    without: String,
    sensitivity: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/leaderboard").route(web::get().to(show)).wrap(from_fn(paged)));
}

async fn show(request: HttpRequest, caller: Submitter, asked: web::Query<Asked>) -> Result<HttpResponse, Problem> {
    let by = match asked.by.as_str() {
        "" => None,
        text => match Slice::ALL.into_iter().find(|slice| slice.as_str() == text) {
            Some(slice) => Some(slice),
            None => {
                let detail = format!("{:?} is no slice; use sector, occupation or tag", words::clip(text, 40));
                return Err(Problem::invalid("/by", detail));
            }
        },
    };
    let with_overrides = match asked.overrides.as_str() {
        "" | "with" => true,
        "without" => false,
        other => {
            let detail = format!("overrides {:?} is not known; use with or without", words::clip(other, 40));
            return Err(Problem::invalid("/overrides", detail));
        }
    };
    let sources = match asked.source.as_str() {
        "" => Sources::default(),
        text => Sources::parse(text)?,
    };
    let judges = match asked.without.as_str() {
        "" => Judges::All,
        "family" => Judges::OtherFamilies,
        text => match text.strip_prefix("judge:").map(|name| JudgeName::parse(name.to_owned())) {
            Some(Ok(name)) => Judges::Without(name),
            _ => {
                let detail = format!("{:?} is neither `family` nor `judge:NAME`", words::clip(text, 40));
                return Err(Problem::invalid("/without", detail));
            }
        },
    };
    let mut wanted = Wanted { by, with_overrides, sources, judges, ..Wanted::default() };
    let method = asked.method.as_str();
    if !method.is_empty() {
        wanted = rated(wanted, Method::parse(method)?);
    }
    // Tags are of scores, which are the only ones that have them.
    let scores_first = method.is_empty() && by == Some(Slice::Tag);
    let (project, sensitive) = (caller.project.clone(), asked.sensitivity == "true");
    let empty = method.is_empty();
    let gathered = off_thread(async move {
        let mut wanted = if scores_first { rated(wanted, Method::Score) } else { wanted };
        let mut board = leaderboard(&project, &wanted).await?;
        if empty && board.boards.iter().all(|board| board.rows.is_empty()) {
            // Ratings from comparisons; mean scores while nothing has been compared.
            wanted = rated(wanted, Method::Score);
            board = leaderboard(&project, &wanted).await?;
        }
        let plain = Wanted { with_overrides, ..Wanted::default() };
        let asked =
            systems::Ask { wanted: plain, accept: Accept::Score(ACCEPT_AT), costs: HumanCosts::default(), tries: 1 };
        let figures = systems::systems(&project, &asked).await?;
        let sensitivity = match sensitive {
            true => Some(sensitivity(&project, &wanted).await?),
            false => None,
        };
        let judges = judges_of(&project).await?;
        Ok::<_, Refusal>(Gathered { wanted, board, figures, sensitivity, judges })
    })
    .await??;
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page(&gathered)))
}

/// Everything that the page tells.
pub(super) struct Gathered {
    pub wanted: Wanted,
    pub board: Leaderboard,
    pub figures: Systems,
    pub sensitivity: Option<Sensitivity>,
    pub judges: Vec<String>,
}

/// Who judged something, by name.
async fn judges_of(project: &ProjectStore) -> Result<Vec<String>, Refusal> {
    let needs = Needs { battles: true, gradings: true, ..Needs::default() };
    let material = Material::read(project, needs).await?;
    let panels =
        material.comparisons.iter().map(|one| &one.panel).chain(material.gradings.iter().map(|one| &one.panel));
    let names: BTreeSet<&str> = panels.flat_map(|panel| &panel.judges).map(|judge| judge.name.as_str()).collect();
    Ok(names.into_iter().map(ToOwned::to_owned).collect())
}

fn rated(wanted: Wanted, method: Method) -> Wanted {
    Wanted { rules: Rules { method, ..wanted.rules }, ..wanted }
}

pub(super) fn page(gathered: &Gathered) -> LeaderboardPage {
    let Gathered { wanted, board, figures, sensitivity, judges } = gathered;
    let shares = is_share(board.method);
    let by = wanted.by;
    let source = if wanted.sources == Sources::default() { String::new() } else { wanted.sources.in_words() };
    let (without, without_judge) = match &wanted.judges {
        Judges::All | Judges::Only(_) => (String::new(), None),
        Judges::OtherFamilies => ("family".to_owned(), None),
        Judges::Without(name) => (format!("judge:{name}"), Some(name.to_string())),
    };
    LeaderboardPage {
        method: board.method,
        overrides: board.overrides,
        by: by.map_or("", Slice::as_str),
        source,
        without,
        judges: judges.clone(),
        without_judge,
        boards: board.boards.iter().map(|one| view(one, by, shares)).collect(),
        svg: leaderboard_svg(board),
        matrix: (!board.matrices.is_empty()).then(|| matrix_svg(board)),
        radar: figures.radar.undefined.is_none().then(|| radar_svg(&figures.radar)),
        pareto: figures.pareto.undefined.is_none().then(|| pareto_svg(&figures.pareto)),
        systems: figures.systems.iter().map(system_view).collect(),
        system_notes: figures.notes.clone(),
        sensitivity: sensitivity
            .as_ref()
            .map(|found| found.variants.iter().map(|one| variant_view(one, shares)).collect()),
    }
}

fn told(figure: &Figure, number: impl Fn(f64) -> String) -> Told {
    let rests = |n: usize, unknown: usize| match unknown {
        0 => format!("of {n}"),
        unknown => format!("of {n}, {unknown} unknown"),
    };
    let Some(value) = figure.value else {
        return Told { value: None, more: figure.undefined.clone().unwrap_or_default() };
    };
    let interval = figure.low.zip(figure.high).map(|(low, high)| format!("{} to {}, ", number(low), number(high)));
    Told { value: Some(number(value)), more: interval.unwrap_or_default() + &rests(figure.n, figure.unknown) }
}

fn system_view(one: &System) -> SystemView {
    let share = |figure: &Figure| told(figure, |value| format!("{} %", words::percent(value)));
    let undefined = |why: &Option<String>| Told { value: None, more: why.clone().unwrap_or_default() };
    let per_accepted = match (one.usd.model_per_accepted, one.usd.try_once) {
        (Some(model), Some(once)) => Told {
            value: Some(words::usd(Some(model))),
            more: format!("{} with review and a human where it fails", words::usd(Some(once))),
        },
        _ => undefined(&one.usd.undefined),
    };
    let failures = match &one.failures.undefined {
        Some(_) => undefined(&one.failures.undefined),
        None => {
            let by: Vec<String> = one
                .failures
                .by_severity
                .iter()
                .rev()
                .map(|(name, n)| format!("{n} {}", name.replace('_', " ")))
                .collect();
            let modes: Vec<String> = one
                .failures
                .modes
                .iter()
                .take(3)
                .map(|mode| format!("{} × {}", mode.n, words::clip(&mode.mode, 40)))
                .collect();
            Told { value: Some(by.join(", ")), more: modes.join("; ") }
        }
    };
    SystemView {
        system: one.system.clone(),
        submissions: words::count(one.submissions as u64),
        cost: told(&one.cost_usd, |usd| words::usd(Some(usd.max(0.0)))),
        accepted: share(&one.accepted),
        per_accepted,
        time: told(&one.duration_s, |seconds| format!("{:.1} min", seconds.max(0.0) / 60.0)),
        tokens: told(&one.tokens, |tokens| words::count(tokens.max(0.0).round() as u64)),
        critical: share(&one.critical_errors),
        fabrication: share(&one.fabrication),
        failures,
    }
}

fn variant_view(one: &Variant, shares: bool) -> VariantView {
    if let Some(why) = &one.undefined {
        return VariantView { what: one.what.clone(), told: why.clone(), steady: true, undefined: true };
    }
    let mut told = Vec::new();
    if let Some(most) = one.largest_move {
        let most = if shares { format!("{:.1} percentage points", most * 100.0) } else { format!("{most:.0} points") };
        told.push(format!("nobody moves by more than {most}"));
    }
    let outside: Vec<&str> = one.rows.iter().filter(|row| row.outside).map(|row| row.system.as_str()).collect();
    if !outside.is_empty() {
        told.push(format!("out of its interval: {}", outside.join(", ")));
    }
    let turned: Vec<String> = one.turned.iter().map(|(upper, lower)| format!("{lower} before {upper}")).collect();
    if !turned.is_empty() {
        told.push(format!("turned: {}", turned.join(", ")));
    }
    let steady = outside.is_empty() && turned.is_empty();
    VariantView { what: one.what.clone(), told: told.join("; "), steady, undefined: false }
}

fn view(board: &Board, by: Option<Slice>, shares: bool) -> BoardView {
    let heading = match (&board.slice, by) {
        (Some(slice), _) => slice.clone(),
        (None, None) => "All tasks".to_owned(),
        (None, Some(Slice::Sector)) => "No sector".to_owned(),
        (None, Some(Slice::Occupation)) => "No occupation".to_owned(),
        (None, Some(Slice::Tag)) => "No tag".to_owned(),
    };
    let count = |n: usize, one: &str| format!("{} {one}{}", words::count(n as u64), if n == 1 { "" } else { "s" });
    let mut material = vec![count(board.tasks, "task")];
    if board.battles > 0 {
        material.push(count(board.battles, "comparison"));
    }
    if board.both_bad > 0 {
        material.push(format!("{} both bad, left out", words::count(board.both_bad as u64)));
    }
    BoardView {
        heading,
        material: material.join(", "),
        several_groups: board.rows.iter().any(|row| row.group > 0),
        rows: board.rows.iter().map(|row| row_view(row, shares)).collect(),
        notes: board.notes.clone(),
    }
}

fn row_view(row: &Row, shares: bool) -> RowView {
    let number = |value: f64| if shares { format!("{} %", words::percent(value)) } else { format!("{value:.0}") };
    RowView {
        system: row.system.clone(),
        rating: row.rating.map(number),
        interval: row.interval.as_ref().map(|interval| match (interval.low, interval.high) {
            (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
            (Some(low), None) => format!("from {}, no upper bound", number(low)),
            (None, Some(high)) => format!("up to {}, no lower bound", number(high)),
            (None, None) => "no bound".to_owned(),
        }),
        why: row.undefined.clone(),
        rank: row.rank.map(|(best, worst)| if best == worst { best.to_string() } else { format!("{best}–{worst}") }),
        n: words::count(row.n as u64),
        record: match (row.wins, row.ties, row.losses) {
            (Some(wins), Some(ties), Some(losses)) => {
                Some(format!("{} / {} / {}", words::points(wins), words::points(ties), words::points(losses)))
            }
            _ => None,
        },
        group: row.group + 1,
        regularised: row.regularised,
    }
}
