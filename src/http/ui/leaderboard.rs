//! Which system is better, by how much, how sure: the plot, the table with intervals and rank ranges, and
//! what a reader must know, in words.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use std::collections::BTreeSet;

use super::error::{paged, see_other};
use super::matrix::matrix_svg;
use super::pareto::pareto_svg;
use super::plot::leaderboard_svg;
use super::radar::radar_svg;
use super::render::{Page, url_part};
use super::{seen, words};
use crate::domain::{JudgeName, Review, Snapshot, SnapshotId};
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::routes::leaderboard::off_thread;
use crate::ranking::agreement;
use crate::ranking::board::{ControlRow, JudgeRow, Versus, VersusVerdict, apart};
use crate::ranking::estimates::{self, Estimates, estimates};
use crate::ranking::leaderboard::{
    Board, Control, JudgeAware, Leaderboard, Method, Row, RowInterval, Rules, Slice, Sources, Wanted, leaderboard,
};
use crate::ranking::material::{Material, Needs};
use crate::ranking::sensitivity::{Sensitivity, Variant, is_share, sensitivity};
use crate::ranking::snapshot::{self, Change, ChangeVerdict, Changes};
use crate::ranking::systems::{self, ACCEPT_AT, Accept, Figure, HumanCosts, System, Systems};
use crate::ranking::variation::Judges;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

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
    /// What is modelled beside who won: empty, `judges` or `length`.
    pub held: &'static str,
    /// Leaderboards that were kept and asked for in the same way, the newest first.
    pub kept: Vec<KeptView>,
    /// The id of the one that this is set against; empty: none.
    pub against: String,
    /// Why it is not set against the one that was chosen.
    pub against_refused: Option<String>,
    /// None while no human has answered a review.
    pub humans: Option<HumansView>,
}

#[derive(Debug, Serialize)]
pub(super) struct KeptView {
    pub id: String,
    pub label: String,
}

/// What humans would say, three ways beside each other.
#[derive(Debug, Serialize)]
pub(super) struct HumansView {
    pub rows: Vec<HumanRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct HumanRow {
    pub system: String,
    pub what: &'static str,
    pub judges: Told,
    pub humans: Told,
    pub corrected: Told,
    /// How many answers it rests on and how many more it takes.
    pub reviews: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ChangeView {
    pub system: String,
    pub before: String,
    pub now: String,
    pub told: String,
    pub notable: bool,
}

/// How one judge or one control enters.
#[derive(Debug, Serialize)]
pub(super) struct EffectView {
    pub name: String,
    pub battles: String,
    pub discrimination: Told,
    pub first_place: Told,
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
    /// Whether rows are set against the next.
    pub told_apart: bool,
    pub changes: Vec<ChangeView>,
    pub change_notes: Vec<String>,
    pub judges: Vec<EffectView>,
    /// Of what is held equal, in words.
    pub controls: Vec<String>,
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
    /// Against the system that stands next below.
    pub next: Option<NextView>,
}

#[derive(Debug, Serialize)]
pub(super) struct NextView {
    pub sure: bool,
    pub told: String,
    pub more: String,
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
    held: String,
    against: String,
    label: String,
    sensitivity: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/leaderboard").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(web::resource("/leaderboard/keep").route(web::post().to(keep)).wrap(from_fn(paged)));
}

/// What the choices of the page mean.
fn choose(asked: &Asked) -> Result<Wanted, Problem> {
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
    match asked.held.as_str() {
        "" => {}
        "judges" => wanted.rules.judge_aware = JudgeAware::Auto,
        "length" => wanted.control = Some(Control::Length),
        other => {
            let detail = format!("held {:?} is not known; use judges or length", words::clip(other, 40));
            return Err(Problem::invalid("/held", detail));
        }
    }
    let method = asked.method.as_str();
    if !method.is_empty() {
        wanted = rated(wanted, Method::parse(method)?);
    }
    Ok(wanted)
}

/// Keeps the leaderboard as it is now.
async fn keep(
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Form<Asked>,
) -> Result<HttpResponse, Problem> {
    let wanted = choose(&asked)?;
    let project = caller.project.clone();
    let (found, wanted) = off_thread(async move {
        let found = leaderboard(&project, &wanted).await?;
        Ok::<_, Refusal>((found, wanted))
    })
    .await??;
    let label = Some(asked.label.trim().to_owned()).filter(|label| !label.is_empty());
    let kept = snapshot::of(&services, &found, &wanted, label)?;
    caller.project.commit(caller.project.batch().insert(&kept)).await?;
    let choices = [
        ("method", &asked.method),
        ("overrides", &asked.overrides),
        ("by", &asked.by),
        ("source", &asked.source),
        ("without", &asked.without),
        ("held", &asked.held),
        ("against", &kept.id.to_string()),
    ];
    let choices: Vec<String> = choices.iter().map(|(name, value)| format!("{name}={}", url_part(value))).collect();
    Ok(see_other(&format!("/leaderboard?{}", choices.join("&"))))
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let wanted = choose(&asked)?;
    let (method, by, with_overrides) = (asked.method.as_str(), wanted.by, wanted.with_overrides);
    let against = asked.against.clone();
    // Tags are of scores, which are the only ones that have them.
    let scores_first = method.is_empty() && by == Some(Slice::Tag);
    let (empty, sensitive) = (method.is_empty(), asked.sensitivity == "true");
    let name = format!("leaderboard {:?}", Asked { label: String::new(), ..asked.into_inner() });
    let find = move |project: ProjectStore| async move {
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
        let kept = kept(&project, &wanted).await?;
        let set = kept.iter().find(|one| one.id.to_string() == against);
        let against_refused = (!against.is_empty() && set.is_none())
            .then(|| "the kept leaderboard that was chosen was asked for in another way than this one".to_owned());
        let against = set.map(|one| one.id);
        if let Some(id) = against {
            board.changes = snapshot::against(&project, id, &wanted, &board).await?;
        }
        let reviews = project.all::<Review>(Query::default()).await?;
        let humans = match reviews.iter().any(|review| !review.answers.is_empty()) {
            true => Some(estimates(&project, &estimates::Wanted::default()).await?),
            false => None,
        };
        Ok::<_, Refusal>(page(&Gathered {
            wanted,
            board,
            figures,
            sensitivity,
            judges,
            kept,
            against,
            against_refused,
            humans,
        }))
    };
    seen::page(&request, &services, &caller, &name, find).await
}

/// Everything that the page tells.
pub(super) struct Gathered {
    pub wanted: Wanted,
    pub board: Leaderboard,
    pub figures: Systems,
    pub sensitivity: Option<Sensitivity>,
    pub judges: Vec<String>,
    pub kept: Vec<Snapshot>,
    pub against: Option<SnapshotId>,
    pub against_refused: Option<String>,
    pub humans: Option<Estimates>,
}

/// Kept leaderboards among the newest that were asked for in the same way.
async fn kept(project: &ProjectStore, wanted: &Wanted) -> Result<Vec<Snapshot>, Refusal> {
    let asked = snapshot::asked(wanted);
    let newest = project.list::<Snapshot>(Query::default().newest_first().limit(200)).await?;
    let alike = newest.items.into_iter().map(|kept| kept.record).filter(|one| one.asked == asked);
    Ok(alike.take(OFFERED).collect())
}

/// Who judged something, by name.
pub(super) async fn judges_of(project: &ProjectStore) -> Result<Vec<String>, Refusal> {
    let needs = Needs { battles: true, gradings: true, ..Needs::default() };
    let material = Material::read(project, needs).await?;
    let panels =
        material.comparisons.iter().map(|one| &one.panel).chain(material.gradings.iter().map(|one| &one.panel));
    let names: BTreeSet<&str> = panels.flat_map(|panel| &panel.judges).map(|judge| judge.name.as_str()).collect();
    Ok(names.into_iter().map(ToOwned::to_owned).collect())
}

/// What is modelled beside who won is Bradley-Terry's alone: another method goes without.
fn rated(wanted: Wanted, method: Method) -> Wanted {
    if method == Method::BradleyTerry {
        return Wanted { rules: Rules { method, ..wanted.rules }, ..wanted };
    }
    Wanted { rules: Rules { method, judge_aware: JudgeAware::Off, ..wanted.rules }, control: None, ..wanted }
}

pub(super) fn page(gathered: &Gathered) -> LeaderboardPage {
    let Gathered { wanted, board, figures, sensitivity, judges, kept, against, against_refused, humans } = gathered;
    let shares = is_share(board.method);
    let by = wanted.by;
    let answers = wanted.tells_judges_apart();
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
        boards: board
            .boards
            .iter()
            .enumerate()
            .map(|(at, one)| view(one, board.changes.get(at), by, (shares, answers)))
            .collect(),
        svg: leaderboard_svg(board),
        matrix: (!board.matrices.is_empty()).then(|| matrix_svg(board)),
        radar: figures.radar.undefined.is_none().then(|| radar_svg(&figures.radar)),
        pareto: figures.pareto.undefined.is_none().then(|| pareto_svg(&figures.pareto)),
        systems: figures.systems.iter().map(system_view).collect(),
        system_notes: figures.notes.clone(),
        sensitivity: sensitivity
            .as_ref()
            .map(|found| found.variants.iter().map(|one| variant_view(one, shares)).collect()),
        held: match wanted.control {
            Some(Control::Length) => "length",
            None if wanted.rules.judge_aware == JudgeAware::Off => "",
            None => "judges",
        },
        kept: kept
            .iter()
            .map(|one| {
                let at = words::time(one.created_at).text;
                let label = one.label.as_ref().map(|label| format!("{}, {at}", words::clip(label, 40)));
                KeptView { id: one.id.to_string(), label: label.unwrap_or(at) }
            })
            .collect(),
        against: against.map(|id| id.to_string()).unwrap_or_default(),
        against_refused: against_refused.clone(),
        humans: humans.as_ref().map(humans_view),
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
        let words = if shares { format!("{:.1} percentage points", most * 100.0) } else { format!("{most:.0} points") };
        let unmoved = if shares { most < 0.000_5 } else { most < 0.5 };
        told.push(if unmoved { "nobody moves".to_owned() } else { format!("nobody moves by more than {words}") });
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

/// How many kept leaderboards are offered.
const OFFERED: usize = 20;

fn humans_view(found: &Estimates) -> HumansView {
    let side = |figure: &agreement::Figure| {
        let share = |value: f64| format!("{} %", words::percent(value));
        let interval = figure.low.zip(figure.high).map(|(low, high)| format!("{} to {}", share(low), share(high)));
        let why = figure.undefined.clone().unwrap_or_default();
        Told { value: figure.value.map(share), more: interval.unwrap_or(why) }
    };
    let row = |one: &estimates::OfSystem, what, sides: &estimates::Sides, reviews: String| HumanRow {
        system: one.system.to_string(),
        what,
        judges: side(&sides.judge_only),
        humans: side(&sides.human_only),
        corrected: side(&sides.corrected),
        reviews,
    };
    let rows = found.systems.iter().flat_map(|one| {
        let known = format!(
            "{} of {} criteria answered by a human, {} waiting",
            words::count(one.counts.reviewed as u64),
            words::count(one.counts.items as u64),
            words::count(one.counts.waiting as u64)
        );
        let more = match &one.plan.more {
            Ok(0) => format!("known to ±{} points", words::points(one.plan.half_width * 100.0)),
            Ok(more) => format!(
                "{} more, drawn at random, until it is known to ±{} points",
                words::count(*more as u64),
                words::points(one.plan.half_width * 100.0)
            ),
            Err(why) => why.clone(),
        };
        [
            row(one, "criteria passed", &one.pass_rate, format!("{known}; {more}")),
            row(one, "mean score before gates", &one.mean_score, String::new()),
        ]
    });
    HumansView { rows: rows.collect() }
}

fn change_view(one: &Change, shares: bool) -> ChangeView {
    let number = |value: f64| number(value, shares);
    let rating = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), number);
    let moved = |difference: f64| {
        if shares { format!("{} points", words::percent(difference.abs())) } else { format!("{:.0}", difference.abs()) }
    };
    let difference = one.difference.map(moved).unwrap_or_default();
    let band = one.band.map(moved).unwrap_or_default();
    let told = match one.verdict {
        ChangeVerdict::Better => format!("better by {difference}, more than the noise of {band}"),
        ChangeVerdict::Worse => format!("worse by {difference}, more than the noise of {band}"),
        ChangeVerdict::WithinNoise => format!("no change beyond noise ({difference}, noise {band})"),
        ChangeVerdict::NotComparable => {
            "cannot be compared: an interval is open or missing, or there is no common scale".to_owned()
        }
        ChangeVerdict::New => "new".to_owned(),
        ChangeVerdict::Gone => "gone".to_owned(),
    };
    let notable = matches!(one.verdict, ChangeVerdict::Better | ChangeVerdict::Worse);
    ChangeView { system: one.system.clone(), before: rating(one.before), now: rating(one.now), told, notable }
}

fn effect_view(one: &JudgeRow) -> EffectView {
    let told = |value: f64, interval: &Option<RowInterval>| {
        let bounds = interval.as_ref().and_then(|i| Some((i.low?, i.high?)));
        let more = bounds.map_or_else(|| "no interval".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"));
        Told { value: Some(format!("{value:.2}")), more }
    };
    EffectView {
        name: one.judge.clone(),
        battles: words::count(one.battles as u64),
        discrimination: told(one.discrimination, &one.discrimination_interval),
        first_place: told(one.first_place, &one.first_place_interval),
    }
}

fn control_told(one: &ControlRow) -> String {
    let bounds = one.interval.as_ref().and_then(|i| Some((i.low?, i.high?)));
    let interval = bounds.map_or_else(String::new, |(low, high)| format!(" ({low:.2} to {high:.2})"));
    let way = match bounds {
        Some((low, _)) if low > 0.0 => "the longer work wins more often",
        Some((_, high)) if high < 0.0 => "the shorter work wins more often",
        _ => "no leaning to longer or shorter works can be told",
    };
    format!("Pull of {}: {:+.2} log odds{interval}: {way}.", one.control, one.effect)
}

/// The verdict against the next in plain words.
fn next_view(versus: &Versus, shares: bool) -> NextView {
    let distance = |value: f64| {
        if shares {
            format!("{} points", words::points((value * 1000.0).round() / 10.0))
        } else {
            format!("{value:.0}").replace('-', "−")
        }
    };
    let apart = versus.difference.map(|difference| distance(difference.abs())).unwrap_or_default();
    let next = &versus.system;
    let bounds = versus.interval.as_ref().map(|interval| match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("difference {} to {}", distance(low), distance(high)),
        (Some(low), None) => format!("difference {} or more", distance(low)),
        (None, Some(high)) => format!("difference {} or less", distance(high)),
        (None, None) => "no bound on the difference".to_owned(),
    });
    let mut more: Vec<String> = bounds.into_iter().collect();
    let (sure, told) = match versus.verdict {
        VersusVerdict::Better => (true, format!("better than {next} by {apart}")),
        VersusVerdict::Worse => (true, format!("worse than {next} by {apart}")),
        VersusVerdict::Tied => (true, format!("as good as {next}")),
        VersusVerdict::NotComparable => (false, format!("never met {next}, directly or through others")),
        VersusVerdict::NoSignal => {
            more.push(match versus.more_comparisons {
                Some(n) if n <= 100_000.0 => format!("about {} more comparisons would tell", words::count(n as u64)),
                Some(_) => "more than 100,000 more comparisons would be needed".to_owned(),
                None => "how many more comparisons would tell is not known".to_owned(),
            });
            (false, format!("cannot be told from {next} yet"))
        }
    };
    NextView { sure, told, more: more.join("; ") }
}

fn number(value: f64, shares: bool) -> String {
    if shares { format!("{} %", words::percent(value)) } else { format!("{value:.0}") }
}

fn view(board: &Board, changes: Option<&Changes>, by: Option<Slice>, (shares, answers): (bool, bool)) -> BoardView {
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
        material.push(count(board.battles, if answers { "answer" } else { "comparison" }));
    }
    if board.both_bad > 0 {
        material.push(format!("{} both bad, left out", words::count(board.both_bad as u64)));
    }
    let rows: Vec<RowView> = board.rows.iter().map(|row| row_view(row, shares)).collect();
    // What the table says of neighbours is not said twice.
    let said = |note: &&String| {
        !board.rows.iter().any(|row| row.versus_next.as_ref().is_some_and(|next| apart(&row.system, next) == **note))
    };
    BoardView {
        heading,
        material: material.join(", "),
        several_groups: board.rows.iter().any(|row| row.group > 0),
        told_apart: rows.iter().any(|row| row.next.is_some()),
        rows,
        notes: board.notes.iter().filter(said).cloned().collect(),
        changes: changes.iter().flat_map(|found| &found.rows).map(|one| change_view(one, shares)).collect(),
        change_notes: changes.map(|found| found.notes.clone()).unwrap_or_default(),
        judges: board.detail.judges.iter().map(effect_view).collect(),
        controls: board.detail.controls.iter().map(control_told).collect(),
    }
}

fn row_view(row: &Row, shares: bool) -> RowView {
    let number = |value: f64| number(value, shares);
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
        next: row.versus_next.as_ref().map(|versus| next_view(versus, shares)),
    }
}
