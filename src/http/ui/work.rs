//! The deliverable of a grading, for who may know whose it is, and the places that votes quote.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::{paged, viewer};
use super::grading::{grading_id, shown};
use super::render::respond;
use super::viewer::{Asked, Desk, Sought, WorkPage, pane, serve};
use super::words;
use crate::domain::{
    CallKey, CriterionId, Evidence, Grading, JudgeName, Question, RubricVersion, Subject, Submission, Task, Vote,
    VoteOutcome,
};
use crate::http::auth::{Caller, Submitter};
use crate::http::problem::Problem;
use crate::http::routes::seen;
use crate::services::Services;
use crate::store::{ProjectStore, call_key, part, rubric_key};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let at = |path: &str| web::resource(format!("/gradings/{{id}}/work{path}"));
    cfg.service(at("").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(at("/{key}/page/{page}").route(web::get().to(page)).wrap(from_fn(paged)))
        .service(at("/{key}/image/{k}").route(web::get().to(image)).wrap(from_fn(paged)))
        .service(at("/{key}/original").route(web::get().to(original)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/seen/{sha256}").route(web::get().to(sent)).wrap(from_fn(paged)));
}

/// A grading's files; whoever may be asked about it does not answer blind any more, and that is on record first.
async fn desk(services: &Services, caller: &Caller, id: &str) -> Result<(Grading, Desk), Problem> {
    let id = grading_id(id)?;
    let project = &caller.project;
    let grading = project.get::<Grading>(&id.to_string()).await?;
    let grading = grading.ok_or_else(|| Problem::not_found("grading", id))?.record;
    shown(services, caller, &grading).await?;
    let submission = project.get::<Submission>(&grading.submission_id.to_string()).await?;
    let submission = submission.ok_or_else(|| Problem::not_found("submission", grading.submission_id))?.record;
    let task = match &submission.task_id {
        Some(task) => project.get::<Task>(&part(task.as_str())).await?.map(|kept| kept.record),
        None => None,
    };
    let desk = Desk::of_submission(format!("/gradings/{id}/work"), &submission, task.as_ref());
    Ok((grading, desk))
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let (grading, desk) = desk(&services, &caller, &id).await?;
    let sought = sought(&caller.project, &grading, &asked).await?;
    let page = WorkPage {
        title: format!("Deliverable of {}", grading.system),
        back: (format!("/gradings/{}", grading.id), format!("Grading of {}", grading.system)),
        panes: pane::panes(&services, &desk, &asked, sought.as_ref()).await?,
    };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

/// The quote that is asked for: of a vote, or of the verdict.
pub(super) async fn sought(
    project: &ProjectStore,
    grading: &Grading,
    asked: &Asked,
) -> Result<Option<Sought>, Problem> {
    let Some(n) = asked.criterion else { return Ok(None) };
    let criterion = criterion(project, grading, n).await?;
    let evidence: Vec<Evidence> = match &asked.judge {
        Some(judge) => {
            let name = JudgeName::parse(judge.clone()).map_err(|e| crate::refusal::Refusal::name("/judge", &e))?;
            let (subject, question) = (Subject::Grading(grading.id), Question::Criterion(criterion));
            let key = CallKey { subject, judge: name, repeat: asked.repeat, question };
            let vote = project.get::<Vote>(&call_key(&key)).await?;
            match vote.ok_or_else(|| Problem::not_found("vote", words::clip(judge, 40)))?.record.outcome {
                VoteOutcome::Answered(opinion) => opinion.evidence,
                VoteOutcome::Failed { .. } => vec![],
            }
        }
        None => {
            let verdicts = grading.result().map(|result| result.verdicts.as_slice()).unwrap_or_default();
            let verdict = verdicts.iter().find(|verdict| verdict.criterion_id == criterion);
            verdict.map(|verdict| verdict.evidence.clone()).unwrap_or_default()
        }
    };
    let found = evidence.get(asked.quote).ok_or_else(|| Problem::not_found("quote", asked.quote))?;
    Ok(Some(Sought::from(found)))
}

async fn criterion(project: &ProjectStore, grading: &Grading, n: usize) -> Result<CriterionId, Problem> {
    let kept = project.get::<RubricVersion>(&rubric_key(grading.rubric.id, grading.rubric.version)).await?;
    let rubric = kept.ok_or_else(|| Problem::not_found("rubric", grading.rubric.id))?.record.rubric;
    let found = n.checked_sub(1).and_then(|index| rubric.criteria().get(index)).map(|criterion| criterion.id.clone());
    found.ok_or_else(|| Problem::not_found("criterion", n))
}

async fn page(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, key, page) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    serve::page(&services, &request, &desk, &key, &page).await
}

/// A picture as the judges were sent it.
async fn sent(
    services: web::Data<Services>,
    caller: Submitter,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, sha256) = path.into_inner();
    let (grading, _) = desk(&services, &caller, &id).await?;
    seen::picture(&services, &grading, &sha256).await
}

async fn image(
    services: web::Data<Services>,
    caller: Submitter,
    path: web::Path<(String, String, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, key, k) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    serve::image(&services, &desk, &key, k).await
}

async fn original(
    services: web::Data<Services>,
    caller: Submitter,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, key) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    serve::original(&services, &desk, &key).await
}
