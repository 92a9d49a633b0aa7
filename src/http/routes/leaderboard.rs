//! Which system is better, by how much, how sure.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::{Id, JudgeName, PanelName, RubricId, SystemName};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem};
use crate::http::ui;
use crate::http::wire::leaderboard::{LeaderboardBody, csv};
use crate::ranking::leaderboard::{self as ranking, Method, Rules, Slice, Wanted};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// `bradley_terry` (the default), `davidson`, `rao_kupper`, `newman`, `elo`, `glicko2`, `win_rate`, `wins_or_ties` or `score`.
    method: Option<String>,
    /// One board per `sector` or `occupation`.
    by: Option<String>,
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
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    rubric_id: Option<Uuid>,
    /// `json` (the default), `csv` or `svg`.
    format: Option<String>,
}

/// The leaderboard.
#[utoipa::path(get, path = "/v1/leaderboard", tag = "statistics", params(Ask),
    responses((status = 200, content((LeaderboardBody = "application/json"), (String = "text/csv"), (String = "image/svg+xml")))))]
pub async fn leaderboard(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let ask = ask.into_inner();
    let format = one_of("format", ask.format.as_deref(), &["json", "csv", "svg"])?;
    let wanted = wanted(ask)?;
    let project = caller.0.project;
    let found = off_thread(async move { ranking::leaderboard(&project, &wanted).await }).await??;
    Ok(match format {
        "csv" => {
            let text = csv(&found).map_err(|e| Problem::internal(e.to_string()))?;
            HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(text)
        }
        "svg" => HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
            .body(ui::leaderboard_svg(&found)),
        _ => HttpResponse::Ok().json(LeaderboardBody::from(&found)),
    })
}

fn wanted(ask: Ask) -> Result<Wanted, Problem> {
    let defaults = Wanted::default();
    if ask.anchor_rating.is_some_and(|rating| !rating.is_finite()) {
        return Err(Problem::new(Code::InvalidQuery, "anchor_rating is not a finite number"));
    }
    let by = match ask.by.as_deref() {
        None => None,
        Some(text) => Some(match one_of("by", Some(text), &["sector", "occupation"])? {
            "sector" => Slice::Sector,
            _ => Slice::Occupation,
        }),
    };
    let rules = Rules {
        method: ask.method.as_deref().map_or(Ok(defaults.rules.method), Method::parse)?,
        anchor: ask.anchor,
        anchor_rating: ask.anchor_rating.unwrap_or(defaults.rules.anchor_rating),
        ..defaults.rules
    };
    Ok(Wanted {
        rules,
        by,
        with_overrides: one_of("overrides", ask.overrides.as_deref(), &["with", "without"])? == "with",
        judge: ask.judge,
        panel: ask.panel,
        rubric_id: ask.rubric_id.map(RubricId::from_uuid),
    })
}

/// One of the known words; the first where none is given.
fn one_of<'a>(parameter: &str, given: Option<&str>, known: &[&'a str]) -> Result<&'a str, Problem> {
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
