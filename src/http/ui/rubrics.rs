//! Rubrics, and one rubric: its criteria, what there is to say about it before it is used, and, where a model proposed
//! criteria, the form on which a human decides.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, see_other, viewer};
use super::grading::LevelView;
use super::render::{Page, respond};
use super::words::{self, Mark, Time};
use crate::domain::{Criterion, CriterionId, Rubric, RubricId, RubricVersion, Target};
use crate::drafting::decide::{Choice, decide};
use crate::grading::accept::{Intake, latest_rubric};
use crate::http::auth::{Caller, Reviewer, Submitter};
use crate::http::problem::Problem;
use crate::http::wire::rubric::{LintFinding, lint};
use crate::services::Services;
use crate::store::{ProjectStore, Query};

/// Rubrics on the list; the API has them all.
const LISTED: usize = 200;
/// Criteria on a page.
const CRITERIA: usize = 500;

#[derive(Debug, Serialize)]
pub(super) struct RubricsPage {
    pub rows: Vec<RubricRow>,
    pub more: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct RubricRow {
    pub id: String,
    pub title: String,
    pub version: u32,
    pub criteria: usize,
    pub drafts: usize,
    pub points: String,
    pub created: Time,
}

impl Page for RubricsPage {
    const TEMPLATE: &'static str = "rubrics.html";
    const SECTION: &'static str = "rubrics";
    fn title(&self) -> String {
        "Rubrics".to_owned()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct RubricPage {
    pub id: String,
    pub title: String,
    pub version: u32,
    pub fingerprint: String,
    pub points: String,
    pub created: Time,
    /// Criteria that wait for a human.
    pub drafts: usize,
    pub criteria: Vec<Requirement>,
    /// Criteria that are not on the page.
    pub left_out: usize,
    pub findings: Vec<FindingView>,
    /// What was decided to make this version.
    pub decided: Vec<DecidedView>,
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Requirement {
    pub id: String,
    pub requirement: String,
    pub points: String,
    pub penalty: bool,
    pub gate: Option<String>,
    pub trace: bool,
    pub check: Option<String>,
    pub tags: Vec<String>,
    pub levels: Vec<LevelView>,
    pub draft: Option<DraftView>,
}

#[derive(Debug, Serialize)]
pub(super) struct DraftView {
    pub by: Option<String>,
    pub why: Option<String>,
    pub quotes: Vec<words::Quote>,
    /// What was chosen before the form was refused: `accept`, `reject` or empty.
    pub chosen: String,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingView {
    pub level: Mark,
    pub criterion: Option<String>,
    pub message: String,
}

#[derive(Debug, Serialize)]
pub(super) struct DecidedView {
    pub criterion: String,
    pub what: Mark,
    pub author: String,
    pub at: Time,
}

impl Page for RubricPage {
    const TEMPLATE: &'static str = "rubric.html";
    const SECTION: &'static str = "rubrics";
    fn title(&self) -> String {
        self.title.clone()
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/rubrics").route(web::get().to(list)).wrap(from_fn(paged)))
        .service(web::resource("/rubrics/{id}").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(web::resource("/rubrics/{id}/decide").route(web::post().to(decided)).wrap(from_fn(paged)));
}

/// The newest version of each rubric, those of the last thousand versions; and whether there are more.
pub(super) async fn newest(project: &ProjectStore) -> Result<(Vec<RubricVersion>, bool), Problem> {
    let page = project.list::<RubricVersion>(Query::default().newest_first().limit(1_000)).await?;
    let mut newest: BTreeMap<RubricId, RubricVersion> = BTreeMap::new();
    for kept in page.items {
        let version = kept.record;
        let known = newest.entry(version.id).or_insert_with(|| version.clone());
        if version.version > known.version {
            *known = version;
        }
    }
    Ok((newest.into_values().collect(), page.next.is_some()))
}

async fn list(request: HttpRequest, caller: Submitter) -> Result<HttpResponse, Problem> {
    let (mut all, more) = newest(&caller.project).await?;
    // What waits for a human stands first.
    all.sort_by_key(|one| (one.rubric.drafts().next().is_none(), std::cmp::Reverse((one.created_at, one.id))));
    let more = more || all.len() > LISTED;
    let row = |one: &RubricVersion| RubricRow {
        id: one.id.to_string(),
        title: one.rubric.title().unwrap_or("without a title").to_owned(),
        version: one.version,
        criteria: one.rubric.criteria().len(),
        drafts: one.rubric.drafts().count(),
        points: words::points(one.rubric.max_points()),
        created: words::time(one.created_at),
    };
    let page = RubricsPage { rows: all.iter().take(LISTED).map(row).collect(), more };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

async fn show(request: HttpRequest, caller: Submitter, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let kept = latest_rubric(&caller.project, rubric_id(&id)?).await?;
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &made(kept, None).await?))
}

/// A rubric can have thousands of criteria: it is linted on no thread that serves others.
async fn made(kept: RubricVersion, refused: Option<(Problem, Entered)>) -> Result<RubricPage, Problem> {
    let made = move || page(&kept, refused.as_ref().map(|(problem, entered)| (problem, entered)));
    web::block(made).await.map_err(|e| Problem::internal(e.to_string()))
}

fn rubric_id(text: &str) -> Result<RubricId, Problem> {
    text.parse().map_err(|_| Problem::not_found("rubric", words::clip(text, 40)))
}

pub(super) fn page(kept: &RubricVersion, refused: Option<(&Problem, &Entered)>) -> RubricPage {
    let rubric = &kept.rubric;
    let mut criteria: Vec<&Criterion> = rubric.criteria().iter().collect();
    criteria.sort_by_key(|criterion| criterion.draft.is_none());
    let left_out = criteria.len().saturating_sub(CRITERIA);
    let entered = refused.map(|(_, entered)| entered);
    RubricPage {
        id: kept.id.to_string(),
        title: rubric.title().unwrap_or("Rubric without a title").to_owned(),
        version: kept.version,
        fingerprint: kept.fingerprint.short().to_owned(),
        points: words::points(rubric.max_points()),
        created: words::time(kept.created_at),
        drafts: rubric.drafts().count(),
        criteria: criteria.into_iter().take(CRITERIA).map(|one| criterion(one, entered)).collect(),
        left_out,
        findings: findings(rubric),
        decided: kept
            .decided
            .iter()
            .map(|one| DecidedView {
                criterion: one.criterion_id.to_string(),
                what: words::draft_decision(one.accepted, one.edited),
                author: one.author.to_string(),
                at: words::time(one.at),
            })
            .collect(),
        error: refused.map(|(problem, _)| problem.detail.clone()),
    }
}

/// What there is to say about a rubric before it is used.
pub(super) fn findings(rubric: &Rubric) -> Vec<FindingView> {
    let view = |finding: LintFinding| FindingView {
        level: words::lint_level(&finding.level, &finding.code),
        criterion: finding.criterion_id,
        message: finding.message,
    };
    lint(rubric, None, None).into_iter().map(view).collect()
}

fn criterion(criterion: &Criterion, entered: Option<&Entered>) -> Requirement {
    let entered = entered.and_then(|entered| entered.of(&criterion.id));
    let draft = criterion.draft.as_ref().map(|proposal| DraftView {
        by: proposal.by.clone(),
        why: proposal.why.clone(),
        quotes: proposal
            .quotes
            .iter()
            .map(|quote| words::Quote {
                file: quote.file.clone(),
                place: quote.said_where.clone(),
                quote: quote.quote.clone(),
                found: words::quote_found(quote.found),
                href: None,
            })
            .collect(),
        chosen: entered.as_ref().map(|one| one.choice.clone()).unwrap_or_default(),
    });
    Requirement {
        id: criterion.id.to_string(),
        requirement: entered.as_ref().map_or_else(|| criterion.requirement.clone(), |one| one.requirement.clone()),
        points: match entered {
            Some(one) => one.points,
            // What can be changed is shown to the last digit.
            None if criterion.draft.is_some() => criterion.points.to_string(),
            None => words::points(criterion.points),
        },
        penalty: criterion.is_penalty(),
        gate: criterion.gate.map(words::gate),
        trace: criterion.target == Target::Trace,
        check: criterion.check.as_ref().and_then(|check| serde_json::to_string(check).ok()),
        tags: criterion.tags.clone(),
        levels: criterion.levels.iter().map(super::grading::level).collect(),
        draft,
    }
}

/// The form as it came: `choice.d1`, `requirement.d1`, `points.d1`, and `version`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Entered(BTreeMap<String, String>);

struct One {
    choice: String,
    requirement: String,
    points: String,
}

impl Entered {
    fn of(&self, id: &CriterionId) -> Option<One> {
        let field = |name: &str| self.0.get(&format!("{name}.{id}")).cloned();
        Some(One {
            choice: field("choice").unwrap_or_default(),
            requirement: field("requirement")?,
            points: field("points")?,
        })
    }

    /// What was chosen, draft by draft; what was left open is not in it.
    fn choices(&self) -> Result<BTreeMap<CriterionId, Choice>, Problem> {
        let mut choices = BTreeMap::new();
        for (field, choice) in &self.0 {
            let Some(id) = field.strip_prefix("choice.") else { continue };
            let pointer = format!("/decisions/{id}");
            let id = CriterionId::parse(id).map_err(|error| Problem::invalid(&pointer, error.to_string()))?;
            let choice = match choice.as_str() {
                "accept" => {
                    let One { requirement, points, .. } =
                        self.of(&id).ok_or_else(|| Problem::invalid(&pointer, "has no requirement or points"))?;
                    let points = points.trim().replace('−', "-");
                    let points = points.parse::<f64>().map_err(|_| {
                        Problem::invalid(&pointer, format!("{:?} is no number of points", words::clip(&points, 40)))
                    })?;
                    Choice::Accept { requirement: Some(requirement.replace("\r\n", "\n")), points: Some(points) }
                }
                "reject" => Choice::Reject,
                _ => continue,
            };
            choices.insert(id, choice);
        }
        Ok(choices)
    }
}

async fn decided(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    entered: web::Form<Entered>,
) -> Result<HttpResponse, Problem> {
    let id = rubric_id(&id)?;
    match keep(&services, &caller, id, &entered).await {
        Ok(()) => Ok(see_other(&format!("/rubrics/{id}"))),
        Err(problem) => {
            let kept = latest_rubric(&caller.project, id).await?;
            let status = problem.code.status();
            let page = made(kept, Some((problem, entered.into_inner()))).await?;
            Ok(respond(status, Some(&viewer(&request, &caller)), &page))
        }
    }
}

async fn keep(services: &Services, caller: &Caller, id: RubricId, entered: &Entered) -> Result<(), Problem> {
    let version = entered.0.get("version").and_then(|version| version.parse().ok());
    let choices = entered.choices()?;
    let mut intake = Intake::new(services, &caller.project);
    decide(services, &caller.project, &mut intake, (id, version), &choices, &caller.author).await?;
    Ok(intake.commit().await?)
}
