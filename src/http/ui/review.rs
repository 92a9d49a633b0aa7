//! One question for a human, blind: the criterion, what was asked, the deliverable. Who made it, what the
//! judges said and what other reviewers answered is not on the page, not in its addresses and not in the
//! files' names until it is settled; only who adjudicates a conflict sees the answers before.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::around::Around;
use super::error::{beside_form, paged, see_other, viewer};
use super::form::{self, Form};
use super::grading::{self, LevelView, Material as Whole, VoteView};
use super::question::{self, Fields};
use super::render::{Page, respond};
use super::viewer::{self, Desk, WorkPage};
use super::words::{self, Mark, Time};
use crate::domain::{About, Criterion, LeaseToken, Review, ReviewId, ReviewState, Said, Target};
use crate::http::auth::{Caller, Reviewer};
use crate::http::matter::Matter;
use crate::http::problem::Problem;
use crate::review::answer::{self, Answer};
use crate::review::blind::is_blind;
use crate::review::{next, queue, reveal};
use crate::services::Services;
use crate::store::ProjectStore;

#[derive(Debug, Serialize)]
pub(super) struct ReviewPage {
    pub id: String,
    pub state: Mark,
    pub task: Option<String>,
    pub prompt: Option<String>,
    pub question: QuestionView,
    pub around: Around,
    pub answers: usize,
    pub reviewers: u32,
    pub step: Step,
    pub error: Option<String>,
    pub settled: Option<Settled>,
}

/// What this person can do now.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Step {
    Take,
    Answer {
        token: String,
        until: Time,
        form: Form,
    },
    Adjudicate {
        answers: Vec<AnswerView>,
        votes: Vec<VoteView>,
        form: Form,
    },
    /// Words why there is nothing to do.
    Wait {
        why: String,
    },
    Done,
}

#[derive(Debug, Serialize)]
pub(super) struct QuestionView {
    pub criterion: String,
    pub requirement: String,
    pub points: String,
    pub penalty: bool,
    pub gate: Option<String>,
    pub trace: bool,
    pub tags: Vec<String>,
    pub levels: Vec<LevelView>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerView {
    pub reviewer: String,
    pub value: Mark,
    pub reason: String,
    pub at: Time,
}

/// What may be known once it is settled.
#[derive(Debug, Serialize)]
pub(super) struct Settled {
    pub grading: String,
    pub system: String,
    pub opened_for: String,
    pub probability: String,
    pub value: Mark,
    pub reason: String,
    pub by: String,
    pub at: Time,
    pub answers: Vec<AnswerView>,
    pub votes: Vec<VoteView>,
}

impl Page for ReviewPage {
    const TEMPLATE: &'static str = "review.html";
    const SECTION: &'static str = "reviews";
    fn title(&self) -> String {
        format!("Review of {}", self.question.criterion)
    }
}

/// What was entered about a criterion.
#[derive(Debug, Default)]
struct Posted {
    value: String,
    reason: String,
}

impl Posted {
    fn of(fields: &Fields) -> Self {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Self { value: field("value"), reason: field("reason") }
    }
}

/// What was answered just before.
#[derive(Debug, Deserialize)]
struct Came {
    after: Option<String>,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let at = |path: &str| web::resource(format!("/reviews/{{id}}{path}"));
    cfg.service(web::resource("/reviews/next").route(web::post().to(go_on)).wrap(from_fn(paged)))
        .service(at("").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(at("/claim").route(web::post().to(claim)).wrap(from_fn(paged)))
        .service(at("/release").route(web::post().to(release)).wrap(from_fn(paged)))
        .service(at("/decline").route(web::post().to(decline)).wrap(from_fn(paged)))
        .service(at("/submit").route(web::post().to(submit)).wrap(from_fn(paged)))
        .service(at("/undo").route(web::post().to(undo)).wrap(from_fn(paged)))
        .service(at("/resolve").route(web::post().to(resolve)).wrap(from_fn(paged)))
        .service(at("/work").route(web::get().to(work)).wrap(from_fn(paged)))
        .service(at("/work/{key}/page/{page}").route(web::get().to(page)).wrap(from_fn(paged)))
        .service(at("/work/{key}/image/{k}").route(web::get().to(image)).wrap(from_fn(paged)))
        .service(at("/work/{key}/original").route(web::get().to(original)).wrap(from_fn(paged)));
}

/// The grading that a question is about.
pub(super) fn review_id(text: &str) -> Result<ReviewId, Problem> {
    text.parse().map_err(|_| Problem::not_found("review", words::clip(text, 40)))
}

/// A review with what it is about.
struct Question {
    review: Review,
    material: Whole,
}

impl Question {
    async fn of(project: &ProjectStore, matter: Matter) -> Result<Self, Problem> {
        let (review, mut material) = Whole::of_matter(project, matter).await?;
        let asked =
            review.criterion().and_then(|(_, id)| material.rubric.rubric.criteria().iter().position(|c| c.id == *id));
        material.read_votes(project, &asked.into_iter().collect()).await?;
        Ok(Self { review, material })
    }

    fn criterion(&self) -> Result<&Criterion, Problem> {
        let id = self.review.criterion().map(|(_, id)| id);
        id.and_then(|id| self.material.rubric.rubric.criterion(id)).ok_or_else(|| {
            Problem::internal(format!("review {} asks about a criterion that its rubric does not have", self.review.id))
        })
    }

    fn answers(&self) -> Vec<AnswerView> {
        let answers = self.review.answers.iter();
        answers
            .map(|answer| AnswerView {
                reviewer: answer.reviewer.to_string(),
                value: words::said(&answer.value),
                reason: answer.reason.clone(),
                at: words::time(answer.created_at),
            })
            .collect()
    }

    /// What the caller may do now, and therefore see.
    fn step(&self, services: &Services, caller: &Caller, entered: Option<&Posted>) -> Result<Step, Problem> {
        let now = services.now();
        let review = &self.review;
        let answered = review.answers.iter().any(|answer| answer.reviewer == caller.author);
        let wait = |why: &str| Step::Wait { why: why.to_owned() };
        let criterion = self.criterion()?;
        let form = || {
            let form = Form::for_criterion(criterion, false);
            match entered {
                Some(posted) => Form { chosen: posted.value.clone(), reason: posted.reason.clone(), ..form },
                None => form,
            }
        };
        Ok(match review.state(now) {
            ReviewState::Agreed | ReviewState::Resolved => Step::Done,
            ReviewState::Withdrawn => wait("The question was withdrawn; nobody need answer it."),
            ReviewState::Conflict if answered => {
                wait("You have answered. The reviewers differ, so another person decides.")
            }
            ReviewState::Conflict => Step::Adjudicate {
                answers: self.answers(),
                votes: self.material.vote_views(criterion, &work_of(&self.review)),
                form: form(),
            },
            ReviewState::Claimed => match review.live_lease(now) {
                Some(lease) if lease.reviewer == caller.author => {
                    Step::Answer { token: lease.token.to_string(), until: words::time(lease.expires_at), form: form() }
                }
                _ => wait("Somebody else is answering this question now."),
            },
            ReviewState::Open | ReviewState::Submitted if answered => {
                wait("You have answered. Another reviewer's answer is still needed.")
            }
            ReviewState::Open | ReviewState::Submitted => Step::Take,
        })
    }

    fn settled(&self) -> Result<Option<Settled>, Problem> {
        let Some(resolution) = &self.review.resolution else { return Ok(None) };
        Ok(Some(Settled {
            grading: self.material.grading.id.to_string(),
            system: self.material.grading.system.to_string(),
            opened_for: words::review_reason(&self.review.reason),
            probability: words::probability(self.review.selection_probability),
            value: words::said(&resolution.value),
            reason: resolution.reason.clone(),
            by: resolution.by.to_string(),
            at: words::time(resolution.at),
            answers: self.answers(),
            votes: self.material.vote_views(self.criterion()?, &work_of(&self.review)),
        }))
    }

    fn page(
        &self,
        services: &Services,
        caller: &Caller,
        around: Around,
        refused: Option<(&Problem, &Posted)>,
    ) -> Result<ReviewPage, Problem> {
        let criterion = self.criterion()?;
        let step = self.step(services, caller, refused.map(|(_, posted)| posted))?;
        Ok(ReviewPage {
            id: self.review.id.to_string(),
            state: words::review_state(self.review.state(services.now())),
            task: self.review.task_id.as_ref().map(ToString::to_string),
            prompt: self.material.prompt().map(|prompt| words::clip(prompt, 20_000)),
            question: QuestionView {
                criterion: criterion.id.to_string(),
                requirement: criterion.requirement.clone(),
                points: words::points(criterion.points),
                penalty: criterion.is_penalty(),
                gate: criterion.gate.map(words::gate),
                trace: criterion.target == Target::Trace,
                tags: criterion.tags.clone(),
                levels: criterion.levels.iter().map(grading::level).collect(),
            },
            around,
            answers: self.review.answers.len(),
            reviewers: self.review.reviewers,
            step,
            error: refused.map(|(problem, _)| beside_form(problem)),
            settled: self.settled()?,
        })
    }
}

/// Where a question's deliverable is shown.
fn work_of(review: &Review) -> String {
    format!("/reviews/{}/work", review.id)
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    came: web::Query<Came>,
) -> Result<HttpResponse, Problem> {
    let review = queue::get(&caller.project, review_id(&id)?).await?.record;
    if let About::Draft { rubric_id, .. } = &review.about {
        return Ok(see_other(&format!("/rubrics/{rubric_id}")));
    }
    // What a page shows that is no longer blind is on record before it is shown.
    if !is_blind(&review, &caller.author, services.now()) {
        reveal::of_review(&services, &caller.project, &review, &caller.author).await?;
    }
    page_of(&request, &services, &caller, &id, came.after.as_deref(), None).await
}

/// The page of a question, by its kind; after a refusal with the reason on it and what was entered.
async fn page_of(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    id: &str,
    after: Option<&str>,
    refused: Option<(&Problem, &Fields)>,
) -> Result<HttpResponse, Problem> {
    let status = refused.map_or(StatusCode::OK, |(problem, _)| problem.code.status());
    let viewer = viewer(request, caller);
    let review = queue::get(&caller.project, review_id(id)?).await?.record;
    let matter = Matter::load(services, &caller.project, review, &caller.author).await?;
    let around = Around::of(services, caller, &matter, after).await?;
    if matter.review.criterion().is_some() {
        let posted = refused.map(|(problem, fields)| (problem, Posted::of(fields)));
        let refused = posted.as_ref().map(|(problem, posted)| (*problem, posted));
        let page = Question::of(&caller.project, matter).await?.page(services, caller, around, refused)?;
        return Ok(respond(status, Some(&viewer), &page));
    }
    Ok(respond(status, Some(&viewer), &question::page(services, caller, &matter, around, refused)))
}

/// Where a person goes after a form: to the next question if they asked for it, else back to this one; with the reason
/// on it, and what was entered, if the story refused.
async fn answered(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    id: &str,
    fields: &Fields,
    tried: Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    if let Err(problem) = tried {
        return page_of(request, services, caller, id, None, Some((&problem, fields))).await;
    }
    let id = review_id(id)?;
    if fields.get("then").is_some_and(|then| then == "next") {
        return to_next(services, caller, Some(id)).await;
    }
    Ok(see_other(&format!("/reviews/{id}")))
}

async fn to_next(services: &Services, caller: &Caller, after: Option<ReviewId>) -> Result<HttpResponse, Problem> {
    let next = next::take(services, &caller.project, &caller.author, after).await?;
    let came = after.map(|id| format!("after={id}")).unwrap_or_default();
    Ok(match next {
        Some(next) => see_other(&format!("/reviews/{next}?{came}")),
        None => see_other(&format!("/reviews?{came}")),
    })
}

/// Takes the next question, or the one that this person holds.
async fn go_on(
    services: web::Data<Services>,
    caller: Reviewer,
    posted: web::Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let after = posted.get("after").filter(|id| !id.is_empty()).map(|id| review_id(id)).transpose()?;
    to_next(&services, &caller, after).await
}

async fn decline(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let reason = posted.get("reason").map(String::as_str).unwrap_or_default();
    let conflict = posted.contains_key("conflict");
    let tried = queue::decline(&services, &caller.project, review_id(&id)?, &caller.author, reason, conflict).await;
    answered(&request, &services, &caller, &id, &posted, tried.map(drop).map_err(Problem::from)).await
}

/// Takes one's own answer back, and the question again.
async fn undo(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let tried = async {
        let id = review_id(&id)?;
        answer::take_back(&services, &caller.project, id, &caller.author).await?;
        queue::claim(&services, &caller.project, id, &caller.author).await?;
        Ok(())
    };
    let tried = tried.await;
    answered(&request, &services, &caller, &id, &Fields::new(), tried).await
}

async fn claim(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let tried = queue::claim(&services, &caller.project, review_id(&id)?, &caller.author).await;
    answered(&request, &services, &caller, &id, &Fields::new(), tried.map(drop).map_err(Problem::from)).await
}

fn token(fields: &Fields) -> Result<LeaseToken, Problem> {
    let text = fields.get("token").map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| Problem::invalid("/token", "is no lease token; take the review again"))
}

/// What was answered, by the kind of the question.
async fn given(caller: &Caller, id: &str, fields: &Fields, adjudicates: bool) -> Result<Answer, Problem> {
    let review = queue::get(&caller.project, review_id(id)?).await?.record;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let value = match review.criterion() {
        Some(_) => Said::Verdict(form::value(&field("value"))?),
        None => question::said(&review, &caller.author, adjudicates, fields)?,
    };
    Ok(Answer { value, reason: field("reason") })
}

async fn release(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let tried = async {
        queue::release(&services, &caller.project, review_id(&id)?, token(&posted)?).await?;
        Ok(())
    };
    let tried = tried.await;
    answered(&request, &services, &caller, &id, &posted, tried).await
}

async fn submit(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let tried = async {
        let answer = given(&caller, &id, &posted, false).await?;
        answer::submit(&services, &caller.project, review_id(&id)?, token(&posted)?, &answer).await?;
        Ok(())
    };
    let tried = tried.await;
    answered(&request, &services, &caller, &id, &posted, tried).await
}

async fn resolve(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let tried = async {
        let answer = given(&caller, &id, &posted, true).await?;
        answer::resolve(&services, &caller.project, review_id(&id)?, &caller.author, &answer).await?;
        Ok(())
    };
    let tried = tried.await;
    answered(&request, &services, &caller, &id, &posted, tried).await
}

/// The files of a question, as this person may see them.
async fn desk(services: &Services, caller: &Caller, id: &str) -> Result<(Matter, Desk), Problem> {
    let review = queue::get(&caller.project, review_id(id)?).await?.record;
    let base = work_of(&review);
    let matter = Matter::load(services, &caller.project, review, &caller.author).await?;
    let desk = Desk::of_matter(base, &matter);
    Ok((matter, desk))
}

async fn work(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    asked: web::Query<viewer::Asked>,
) -> Result<HttpResponse, Problem> {
    let (matter, desk) = desk(&services, &caller, &id).await?;
    // What judges quoted is theirs to say, and a blind reviewer does not hear it.
    let sought = match &matter.grading {
        Some(grading) if !matter.blind => super::work::sought(&caller.project, grading, &asked).await?,
        _ => None,
    };
    let page = WorkPage {
        title: "The deliverable".to_owned(),
        back: (format!("/reviews/{}", matter.review.id), "Back to the question".to_owned()),
        panes: viewer::pane::panes(&services, &desk, &asked, sought.as_ref()).await?,
    };
    Ok(respond(StatusCode::OK, Some(&self::viewer(&request, &caller)), &page))
}

async fn page(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, key, page) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    viewer::serve::page(&services, &request, &desk, &key, &page).await
}

async fn image(
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, key, k) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    viewer::serve::image(&services, &desk, &key, k).await
}

async fn original(
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, key) = path.into_inner();
    let (_, desk) = desk(&services, &caller, &id).await?;
    viewer::serve::original(&services, &desk, &key).await
}
