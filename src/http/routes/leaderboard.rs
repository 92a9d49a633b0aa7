//! Which system is better, by how much, how sure; and how much hangs on a choice.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::{Id, JudgeName, PanelName, RubricId, SnapshotId, SystemName};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem};
use crate::http::ui;
use crate::http::wire::leaderboard::{LeaderboardBody, SensitivityBody, csv};
use crate::ranking::leaderboard::{self as ranking, Control, JudgeAware, Method, Rules, Slice, Sources, Wanted};
use crate::ranking::variation::Judges;
use crate::ranking::{sensitivity as sensitive, snapshot};

/// Of the bootstrap: fewer tell nothing, more take long.
const ROUNDS: std::ops::RangeInclusive<usize> = 20..=10_000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// `bradley_terry` (the default), `davidson`, `rao_kupper`, `newman`, `elo`, `glicko2`, `win_rate`, `wins_or_ties` or `score`.
    method: Option<String>,
    /// One board per `sector`, `occupation` or `tag` (of criteria, with method=score).
    by: Option<String>,
    /// Where battles come from: `judged`, `imported`, `derived` (from two rubric scores), several with commas. Without
    /// it `judged,imported`.
    source: Option<String>,
    /// Largest difference of two scores that is a tie in a derived battle, 0 to 1; .05 without it.
    band: Option<f64>,
    /// The system that stands at `anchor_rating`.
    #[param(value_type = Option<String>)]
    anchor: Option<SystemName>,
    /// 1000 without it.
    anchor_rating: Option<f64>,
    /// `with` (the default) or `without` human decisions.
    overrides: Option<String>,
    /// Only what this judge said.
    #[param(value_type = Option<String>)]
    judge: Option<JudgeName>,
    /// Without what this judge said.
    #[param(value_type = Option<String>)]
    without_judge: Option<JudgeName>,
    /// `with` (the default) or `without` judges of the family of a system that they judge.
    same_family: Option<String>,
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    rubric_id: Option<Uuid>,
    /// Whether judges' discrimination and leaning to the first place are modelled, from their single answers: `off` (the
    /// default), `on`, or `auto`, which does so if cross-validation says that it predicts better. `bradley_terry` only.
    judge_aware: Option<String>,
    /// `length`: rated as if the works of a battle were of one length. `bradley_terry` only.
    control: Option<String>,
    /// Rounds (20 to 10000) of the bootstrap by task that stands beside the interval; none without it.
    bootstrap: Option<usize>,
    /// Whom `wins_or_ties` is against; `human` without it.
    #[param(value_type = Option<String>)]
    reference: Option<SystemName>,
    /// Judges of imported battles, with commas, whose battles are humans' answers: ratings are corrected by them.
    humans: Option<String>,
    /// `true`: with the differences of all pairs, how judges differ, what controls do.
    detail: Option<bool>,
    /// An earlier snapshot of the same leaderboard: what changed since, beyond noise.
    against: Option<Uuid>,
    /// `json` (the default), `csv` or `svg`.
    format: Option<String>,
    /// Of `svg`: `ratings` (the default), `matrix`, `radar` or `pareto`.
    plot: Option<String>,
}

/// The leaderboard.
#[utoipa::path(get, path = "/v1/leaderboard", tag = "statistics", params(Ask),
    responses((status = 200, content((LeaderboardBody = "application/json"), (String = "text/csv"), (String = "image/svg+xml")))))]
pub async fn leaderboard(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let ask = ask.into_inner();
    let format = one_of("format", ask.format.as_deref(), &["json", "csv", "svg"])?;
    let plot = one_of("plot", ask.plot.as_deref(), &["ratings", "matrix", "radar", "pareto"])?;
    let against = ask.against.map(SnapshotId::from_uuid);
    let detail = ask.detail.unwrap_or(false);
    let wanted = wanted(ask)?;
    let project = caller.0.project;
    if format == "svg" && ["radar", "pareto"].contains(&plot) {
        let found = super::systems::of_leaderboard(project, wanted).await?;
        let svg = if plot == "radar" { ui::radar_svg(&found.radar) } else { ui::pareto_svg(&found.pareto) };
        return Ok(picture(svg));
    }
    let found = off_thread(async move {
        let mut found = ranking::leaderboard(&project, &wanted).await?;
        if let Some(id) = against {
            found.changes = snapshot::against(&project, id, &wanted, &found).await?;
        }
        Ok::<_, crate::refusal::Refusal>(found)
    })
    .await??;
    Ok(match (format, plot) {
        ("csv", _) => {
            let text = csv(&found).map_err(|e| Problem::internal(e.to_string()))?;
            HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(text)
        }
        ("svg", "matrix") => picture(ui::matrix_svg(&found)),
        ("svg", _) => picture(ui::leaderboard_svg(&found)),
        _ => HttpResponse::Ok().json(LeaderboardBody::of(&found, detail)),
    })
}

fn picture(svg: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(svg)
}

/// How much the leaderboard hangs on one judge, on judges of the same family, on human decisions, on a sector. It reads
/// the votes of gradings where judges are left out of scores, and takes longer than the leaderboard.
#[utoipa::path(get, path = "/v1/leaderboard/sensitivity", tag = "statistics", params(Ask), responses((status = 200, body = SensitivityBody)))]
pub async fn sensitivity(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let wanted = wanted(ask.into_inner())?;
    let project = caller.0.project;
    let found = off_thread(async move { sensitive::sensitivity(&project, &wanted).await }).await??;
    Ok(HttpResponse::Ok().json(SensitivityBody::from(&found)))
}

/// # Errors
/// Names the parameter and what it takes.
pub fn wanted(ask: Ask) -> Result<Wanted, Problem> {
    let defaults = Wanted::default();
    if ask.anchor_rating.is_some_and(|rating| !rating.is_finite()) {
        return Err(Problem::new(Code::InvalidQuery, "anchor_rating is not a finite number"));
    }
    let band = ask.band.unwrap_or(defaults.band);
    if !(0.0..=1.0).contains(&band) {
        return Err(Problem::new(Code::InvalidQuery, format!("band={band} is not from 0 to 1")));
    }
    let by = match ask.by.as_deref() {
        None => None,
        Some(text) => {
            let word = one_of("by", Some(text), &Slice::ALL.map(Slice::as_str))?;
            Slice::ALL.into_iter().find(|slice| slice.as_str() == word)
        }
    };
    let word = one_of("judge_aware", ask.judge_aware.as_deref(), &JudgeAware::ALL.map(JudgeAware::as_str))?;
    let judge_aware = JudgeAware::ALL.into_iter().find(|one| one.as_str() == word).unwrap_or(JudgeAware::Off);
    if let Some(rounds) = ask.bootstrap.filter(|rounds| !ROUNDS.contains(rounds)) {
        let (least, most) = ROUNDS.into_inner();
        return Err(Problem::new(Code::InvalidQuery, format!("bootstrap={rounds} is not from {least} to {most}")));
    }
    let control = match ask.control.as_deref() {
        None => None,
        given => one_of("control", given, &[Control::Length.as_str()]).map(|_| Some(Control::Length))?,
    };
    let humans = ask.humans.as_deref().unwrap_or_default().split(',').map(str::trim);
    let rules = Rules {
        judge_aware,
        bootstrap: ask.bootstrap,
        against: ask.reference,
        humans: humans.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect(),
        method: ask.method.as_deref().map_or(Ok(defaults.rules.method), Method::parse)?,
        anchor: ask.anchor,
        anchor_rating: ask.anchor_rating.unwrap_or(defaults.rules.anchor_rating),
        ..defaults.rules
    };
    let other_families = one_of("same_family", ask.same_family.as_deref(), &["with", "without"])? == "without";
    let judges = match (ask.judge, ask.without_judge, other_families) {
        (None, None, false) => Judges::All,
        (Some(judge), None, false) => Judges::Only(judge),
        (None, Some(judge), false) => Judges::Without(judge),
        (None, None, true) => Judges::OtherFamilies,
        _ => {
            let detail = "judge, without_judge and same_family=without are three choices; take one";
            return Err(Problem::new(Code::InvalidQuery, detail));
        }
    };
    Ok(Wanted {
        rules,
        by,
        with_overrides: one_of("overrides", ask.overrides.as_deref(), &["with", "without"])? == "with",
        judges,
        panel: ask.panel,
        rubric_id: ask.rubric_id.map(RubricId::from_uuid),
        sources: ask.source.as_deref().map_or(Ok(defaults.sources), Sources::parse)?,
        band,
        control,
    })
}

/// One of the known words; the first where none is given.
pub fn one_of<'a>(parameter: &str, given: Option<&str>, known: &[&'a str]) -> Result<&'a str, Problem> {
    let found = match given {
        None => known.first(),
        Some(text) => known.iter().find(|word| **word == text),
    };
    found.copied().ok_or_else(|| {
        let given: String = given.unwrap_or_default().chars().take(80).collect();
        Problem::new(Code::InvalidQuery, format!("{parameter}={given:?} is none of {}", known.join(", ")))
    })
}

/// A thousand resamples take a while: not on a thread that serves others.
///
/// # Errors
/// If the work ended early.
pub async fn off_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Problem> {
    let runtime = tokio::runtime::Handle::current();
    web::block(move || runtime.block_on(work)).await.map_err(|e| Problem::internal(e.to_string()))
}
