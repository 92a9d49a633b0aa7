//! What a lead asks of each system.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::{off_thread, one_of};
use crate::domain::{Id, PanelName, RubricId};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem};
use crate::http::wire::systems::{SystemsBody, csv};
use crate::ranking::leaderboard::Wanted;
use crate::ranking::systems::{ACCEPT_AT, Accept, Ask as Asked, HumanCosts, Systems, systems as figures};
use crate::store::ProjectStore;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// What can be used as it is: `score` (the default: the newest score is at least `accept_at`) or `human` (it won or
    /// tied against `human`'s).
    accept: Option<String>,
    /// 0 to 1; .8 without it.
    accept_at: Option<f64>,
    /// Tries of a model before a human does the task, 1 to 1000; 1 without it.
    tries: Option<u32>,
    /// What a human's task costs; GDPval's $361 without it.
    human_usd: Option<f64>,
    /// What a review costs; $86 without it.
    review_usd: Option<f64>,
    /// How long a human takes; 404 without it.
    human_minutes: Option<f64>,
    /// How long a review takes; 109 without it.
    review_minutes: Option<f64>,
    /// `with` (the default) or `without` human decisions.
    overrides: Option<String>,
    #[param(value_type = Option<String>)]
    panel: Option<PanelName>,
    rubric_id: Option<Uuid>,
    /// `json` (the default) or `csv`.
    format: Option<String>,
}

/// Cost per task and per accepted task, tokens and time, critical errors, fabrication, failure modes; the leader of each
/// sector; score against cost.
#[utoipa::path(get, path = "/v1/systems", tag = "statistics", params(Ask),
    responses((status = 200, content((SystemsBody = "application/json"), (String = "text/csv")))))]
pub async fn systems(caller: Submitter, ask: web::Query<Ask>) -> Result<HttpResponse, Problem> {
    let ask = ask.into_inner();
    let format = one_of("format", ask.format.as_deref(), &["json", "csv"])?;
    let asked = asked(ask)?;
    let project = caller.0.project;
    let found = off_thread(async move { figures(&project, &asked).await }).await??;
    if format == "csv" {
        let text = csv(&found).map_err(|e| Problem::internal(e.to_string()))?;
        return Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(text));
    }
    Ok(HttpResponse::Ok().json(SystemsBody::from(&found)))
}

/// The figures beside a leaderboard, with everything as it is without a word.
///
/// # Errors
/// If the store cannot.
pub async fn of_leaderboard(project: ProjectStore, wanted: Wanted) -> Result<Systems, Problem> {
    let wanted = Wanted {
        panel: wanted.panel,
        rubric_id: wanted.rubric_id,
        with_overrides: wanted.with_overrides,
        ..Wanted::default()
    };
    let asked = Asked { wanted, accept: Accept::Score(ACCEPT_AT), costs: HumanCosts::default(), tries: 1 };
    Ok(off_thread(async move { figures(&project, &asked).await }).await??)
}

fn asked(ask: Ask) -> Result<Asked, Problem> {
    let refuse = |detail: String| Err(Problem::new(Code::InvalidQuery, detail));
    let cost = |name: &str, given: Option<f64>, usual: f64| match given {
        Some(value) if !(value.is_finite() && value >= 0.0) => {
            Err(Problem::new(Code::InvalidQuery, format!("{name}={value} is not a number of 0 or more")))
        }
        given => Ok(given.unwrap_or(usual)),
    };
    let usual = HumanCosts::default();
    let costs = HumanCosts {
        task_usd: cost("human_usd", ask.human_usd, usual.task_usd)?,
        review_usd: cost("review_usd", ask.review_usd, usual.review_usd)?,
        task_minutes: cost("human_minutes", ask.human_minutes, usual.task_minutes)?,
        review_minutes: cost("review_minutes", ask.review_minutes, usual.review_minutes)?,
    };
    let accept = match one_of("accept", ask.accept.as_deref(), &["score", "human"])? {
        "human" if ask.accept_at.is_some() => {
            return refuse("accept_at belongs to accept=score; leave it out with accept=human".to_owned());
        }
        "human" => Accept::VersusHuman,
        _ => Accept::Score(ask.accept_at.unwrap_or(ACCEPT_AT)),
    };
    if let Accept::Score(least) = accept
        && !(0.0..=1.0).contains(&least)
    {
        return refuse(format!("accept_at={least} is not from 0 to 1"));
    }
    let tries = ask.tries.unwrap_or(1);
    if !(1..=1000).contains(&tries) {
        return refuse(format!("tries={tries} is not from 1 to 1000"));
    }
    let wanted = Wanted {
        with_overrides: one_of("overrides", ask.overrides.as_deref(), &["with", "without"])? == "with",
        panel: ask.panel,
        rubric_id: ask.rubric_id.map(RubricId::from_uuid),
        ..Wanted::default()
    };
    Ok(Asked { wanted, accept, costs, tries })
}
