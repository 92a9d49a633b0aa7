//! Comparisons: two submissions of one task, side by side.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::leaderboard::off_thread;
use super::votes::with_replies;
use super::waiting::{self, Wait};
use crate::domain::{Comparison, ComparisonId, Id, Status, Subject, SubmissionId, SystemName, Vote};
use crate::grading::accept::choose_panel;
use crate::grading::call::subject_prefix;
use crate::http::Door;
use crate::http::auth::Submitter;
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, once};
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::comparison::{ComparedCriterionBody, ComparisonBody, ComparisonRequest, PlanBody, PlanRequest};
use crate::http::wire::{self, Accepted, List};
use crate::ranking::plans::{self, Plan, Planned};
use crate::ranking::{by_criterion, compare};
use crate::services::Services;
use crate::store::{ProjectStore, Query};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `queued`, `running`, `completed`, `partial` or `failed`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    task_id: Option<String>,
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Have two submissions compared, in both orders.
#[utoipa::path(post, path = "/v1/comparisons", tag = "comparisons", request_body = ComparisonRequest,
    responses((status = 202, description = "Accepted; ask for it under `Location`", body = Accepted)))]
pub async fn create(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<ComparisonRequest>().await?;
    let ComparisonRequest { task_id, a, b, panel, criteria, rubric_id } = request.content;
    let criteria = wire::comparison::criteria(criteria, rubric_id)?;
    let pair = (SubmissionId::from_uuid(a), SubmissionId::from_uuid(b));
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let comparison = compare::accept(&services, &caller.project, &task_id, pair, panel.as_ref(), criteria).await?;
        intake.insert(&comparison);
        let body = Accepted { id: comparison.id.uuid(), status: comparison.status().as_str().to_owned() };
        Ok(Answer::json(StatusCode::ACCEPTED, &body)?.at(format!("/v1/comparisons/{}", comparison.id)))
    })
    .await?;
    services.bell.notify_one();
    Ok(answer.respond())
}

/// Make the comparisons of a plan. What the panel compared before is not made again, so that the same plan twice makes
/// nothing the second time.
#[utoipa::path(post, path = "/v1/comparisons/plan", tag = "comparisons", request_body = PlanRequest,
    responses((status = 202, description = "Accepted", body = PlanBody), (status = 200, description = "A dry run", body = PlanBody)))]
pub async fn plan(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<PlanRequest>().await?;
    let asked = request.content;
    if asked.budget_usd.is_some_and(|usd| !(usd.is_finite() && usd > 0.0)) {
        return Err(Problem::invalid("/budget_usd", "is not a number above 0"));
    }
    let ask = plans::Ask {
        plan: which(&asked)?,
        tasks: asked.task_ids.clone(),
        systems: asked.systems.clone(),
        criteria: wire::comparison::criteria(asked.criteria, asked.rubric_id)?,
    };
    if asked.dry_run {
        let (body, ..) = would_make(&services, &caller.project, &asked, &ask).await?;
        return Ok(HttpResponse::Ok().json(body));
    }
    // Of two at once the one that is kept second is planned again, on what the first has made.
    let answer = once(&services, &caller, &request.identity, async |intake| {
        let (body, planned, comparisons) = would_make(&services, &caller.project, &asked, &ask).await?;
        if !comparisons.is_empty() {
            planned.take_turn(intake);
        }
        comparisons.iter().for_each(|one| intake.insert(one));
        Answer::json(StatusCode::ACCEPTED, &body)
    })
    .await?;
    services.bell.notify_one();
    Ok(answer.respond())
}

/// A plan's answer, the plan, and the comparisons that it makes.
async fn would_make(
    services: &Services,
    project: &ProjectStore,
    asked: &PlanRequest,
    ask: &plans::Ask,
) -> Result<(PlanBody, Planned, Vec<Comparison>), Problem> {
    let panel = choose_panel(services, asked.panel.as_ref(), None)?;
    let (of, chosen, ask) = (project.clone(), panel.clone(), ask.clone());
    let mut planned = off_thread(async move { plans::plan(&of, &chosen, &ask).await }).await??;
    let mut comparisons = std::mem::take(&mut planned.pairs)
        .into_iter()
        .map(|pair| {
            let plans::Pair { task, a, b, system_a, system_b, rubric } = pair;
            compare::queued(services, task, (a, system_a), (b, system_b), panel.clone(), rubric)
        })
        .collect::<Result<Vec<Comparison>, _>>()?;
    let (mut quote, mut quoted_from) = compare::quote(services, project, &comparisons).await?;
    let mut over_budget = 0;
    if let (Some(budget), false) = (asked.budget_usd, comparisons.is_empty()) {
        let Some(usd) = quote.usd else {
            let detail =
                format!("a judge of panel `{}` has no price, so that no budget can be kept; leave it out", panel.name);
            return Err(Problem::invalid("/budget_usd", detail));
        };
        let each = usd / comparisons.len() as f64;
        let covered = if each > 0.0 { (budget / each + 1e-9).floor() as usize } else { comparisons.len() };
        if covered < comparisons.len() {
            over_budget = comparisons.len() - covered;
            comparisons.truncate(covered);
            (quote, quoted_from) = compare::quote(services, project, &comparisons).await?;
        }
    }
    let body = PlanBody {
        plan: asked.plan.clone(),
        panel: panel.name.to_string(),
        comparisons: comparisons.len(),
        already_compared: planned.known,
        over_budget,
        anchors: planned.anchors.clone(),
        quote: (&quote).into(),
        quoted_from,
        dry_run: asked.dry_run,
        ids: if asked.dry_run { vec![] } else { comparisons.iter().map(|one| one.id.uuid()).collect() },
    };
    Ok((body, planned, comparisons))
}

fn which(asked: &PlanRequest) -> Result<Plan, Problem> {
    let of_others = |pointer: &str, plan: &str, given: bool| match given {
        true => Err(Problem::invalid(pointer, format!("belongs to the plan `{plan}`, and this is `{}`", asked.plan))),
        false => Ok(()),
    };
    if asked.plan != "against" {
        of_others("/system", "against", asked.system.is_some())?;
    }
    if asked.plan != "anchors" {
        of_others("/anchors", "anchors", asked.anchors.is_some())?;
    }
    if asked.plan != "active" {
        of_others("/comparisons", "active", asked.comparisons.is_some())?;
    }
    Ok(match asked.plan.as_str() {
        "all_pairs" => Plan::AllPairs,
        "against" => match &asked.system {
            Some(system) => Plan::Against(system.clone()),
            None => Plan::Against(SystemName::parse("human").map_err(|e| Problem::internal(e.to_string()))?),
        },
        "anchors" => Plan::Anchors(asked.anchors.unwrap_or(3)),
        "active" => Plan::Active(asked.comparisons.unwrap_or(100)),
        other => {
            let other: String = other.chars().take(40).collect();
            let detail = format!("{other:?} is no plan; use all_pairs, against, anchors or active");
            return Err(Problem::invalid("/plan", detail));
        }
    })
}

/// Comparisons, the newest first.
#[utoipa::path(get, path = "/v1/comparisons", tag = "comparisons", params(Filter), responses((status = 200, body = List<ComparisonBody>)))]
pub async fn list(
    caller: Submitter,
    services: web::Data<Services>,
    filter: web::Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let Filter { status, task_id, limit, cursor } = filter.into_inner();
    let query = match (&task_id, status) {
        (Some(task), _) => Query::link("task", task),
        (None, Some(status)) => Query::link("status", status.as_str()),
        (None, None) => Query::default(),
    };
    let keep = |one: &Comparison| status.is_none_or(|status| one.status() == status);
    let tell = |one: Comparison| ComparisonBody::new(&one, &[], services.running.progress(Subject::Comparison(one.id)));
    let list = page(&caller.project, query.newest_first(), &Paging::new(limit, cursor), keep, tell).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// One comparison with its votes, and where criteria were asked about, what the judges say on each.
#[utoipa::path(get, path = "/v1/comparisons/{id}", tag = "comparisons", params(Wait), responses((status = 200, body = ComparisonBody)))]
pub async fn get(
    caller: Submitter,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
    wait: web::Query<Wait>,
) -> Result<HttpResponse, Problem> {
    let id = ComparisonId::from_uuid(*id);
    let comparison = waiting::comparison(&services, &door, &caller.project, id, wait.seconds()?).await?;
    caller.is_shown_comparison(&services, id).await?;
    let subject = Subject::Comparison(id);
    let votes = caller.project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
    let mut body = ComparisonBody::new(&comparison, &votes, services.running.progress(subject));
    if let Some(criteria) = by_criterion::of_comparison(&caller.project, &comparison).await? {
        let summary = by_criterion::summary(&comparison, criteria, &votes);
        body.criteria = Some(summary.into_iter().map(ComparedCriterionBody::from).collect());
    }
    body.votes = Some(with_replies(&services, &caller.project, &votes).await?);
    Ok(HttpResponse::Ok().json(body))
}
