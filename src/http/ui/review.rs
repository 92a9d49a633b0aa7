//! One question for a human, blind: the criterion, what was asked, the deliverable. Who made it, what the
//! judges said and what other reviewers answered is not on the page, not in its addresses and not in the
//! files' names until it is settled; only who adjudicates a conflict sees the answers before.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{beside_form, paged, see_other, viewer};
use super::form::{self, Form};
use super::grading::{self, LevelView, Material as Whole, VoteView};
use super::question::{self, Fields};
use super::render::{Page, respond, url_part};
use super::text;
use super::words::{self, Mark, Time};
use crate::domain::{
    About, Criterion, Extract, GradingId, LeaseToken, Review, ReviewId, ReviewState, Said, StoredFile, SystemName,
    Target,
};
use crate::grading::plan::read_files;
use crate::http::auth::{Caller, Reviewer};
use crate::http::matter::{Matter, Shown};
use crate::http::problem::Problem;
use crate::review::answer::{self, Answer};
use crate::review::blind::{file_name, is_blind};
use crate::review::{queue, reveal};
use crate::services::Services;
use crate::store::ProjectStore;

#[derive(Debug, Serialize)]
pub(super) struct ReviewPage {
    pub id: String,
    pub state: Mark,
    pub task: Option<String>,
    pub prompt: Option<String>,
    pub question: QuestionView,
    pub message: Option<String>,
    /// The message goes on beyond what is shown.
    pub message_cut: bool,
    pub files: Vec<BlindFile>,
    pub references: Vec<BlindFile>,
    pub answers: usize,
    pub reviewers: u32,
    pub step: Step,
    pub error: Option<String>,
    pub settled: Option<Settled>,
    pub next: Option<String>,
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
pub(super) struct BlindFile {
    pub n: usize,
    pub name: String,
    pub size: String,
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

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

/// Characters of the final message that stand on the page itself.
const MESSAGE_CHARS: usize = 12_000;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let at = |path: &str| web::resource(format!("/reviews/{{id}}{path}"));
    cfg.service(at("").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(at("/claim").route(web::post().to(claim)).wrap(from_fn(paged)))
        .service(at("/release").route(web::post().to(release)).wrap(from_fn(paged)))
        .service(at("/submit").route(web::post().to(submit)).wrap(from_fn(paged)))
        .service(at("/resolve").route(web::post().to(resolve)).wrap(from_fn(paged)))
        .service(at("/file/{n}").route(web::get().to(file)).wrap(from_fn(paged)))
        .service(at("/file/{n}/image/{k}").route(web::get().to(image)).wrap(from_fn(paged)))
        .service(at("/file/{n}/original").route(web::get().to(original)).wrap(from_fn(paged)))
        .service(at("/reference/{n}").route(web::get().to(reference)).wrap(from_fn(paged)));
}

/// The grading that a question is about.
fn of_grading(review: &Review) -> Result<GradingId, Problem> {
    let none = || Problem::internal(format!("review {} is about no grading", review.id));
    review.about.grading_id().ok_or_else(none)
}

fn review_id(text: &str) -> Result<ReviewId, Problem> {
    text.parse().map_err(|_| Problem::not_found("review", words::clip(text, 40)))
}

/// A review with what it is about.
struct Question {
    review: Review,
    material: Whole,
}

impl Question {
    async fn load(project: &ProjectStore, id: &str) -> Result<Self, Problem> {
        let review = queue::get(project, review_id(id)?).await?.record;
        let material = Whole::load(project, of_grading(&review)?).await?;
        Ok(Self { review, material })
    }

    fn criterion(&self) -> Result<&Criterion, Problem> {
        let id = self.review.criterion().map(|(_, id)| id);
        id.and_then(|id| self.material.rubric.rubric.criterion(id)).ok_or_else(|| {
            Problem::internal(format!("review {} asks about a criterion that its rubric does not have", self.review.id))
        })
    }

    fn blind(&self, files: &[StoredFile]) -> Vec<BlindFile> {
        let system = &self.material.grading.system;
        let view = |(n, file): (usize, &StoredFile)| BlindFile {
            n,
            name: file_name(file.name.as_str(), n, system),
            size: words::bytes(file.bytes),
        };
        files.iter().enumerate().map(view).collect()
    }

    fn references(&self) -> &[StoredFile] {
        self.material.task.as_ref().map(|task| task.references.as_slice()).unwrap_or_default()
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
            ReviewState::Conflict => {
                Step::Adjudicate { answers: self.answers(), votes: self.material.vote_views(criterion), form: form() }
            }
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
            votes: self.material.vote_views(self.criterion()?),
        }))
    }

    async fn page(
        &self,
        services: &Services,
        caller: &Caller,
        refused: Option<(&Problem, &Posted)>,
    ) -> Result<ReviewPage, Problem> {
        let criterion = self.criterion()?;
        let message = self.material.submission.text.as_deref().filter(|text| !text.trim().is_empty());
        let step = self.step(services, caller, refused.map(|(_, posted)| posted))?;
        // Who is done here goes on with the next question that is open.
        let next = match step {
            Step::Done | Step::Wait { .. } => next_open(services, caller, self.review.id).await?,
            _ => None,
        };
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
            message: message.map(|text| words::clip(text, MESSAGE_CHARS)),
            message_cut: message.is_some_and(|text| text.chars().count() > MESSAGE_CHARS),
            files: self.blind(&self.material.submission.files),
            references: self.blind(self.references()),
            answers: self.review.answers.len(),
            reviewers: self.review.reviewers,
            step,
            error: refused.map(|(problem, _)| beside_form(problem)),
            settled: self.settled()?,
            next,
        })
    }
}

async fn next_open(services: &Services, caller: &Caller, but: ReviewId) -> Result<Option<String>, Problem> {
    let open = queue::list(services, &caller.project, &[ReviewState::Open, ReviewState::Submitted]).await?;
    let next = open.into_iter().find(|review| {
        let mine = |author: &crate::domain::Author| *author == caller.author;
        let done = review.answers.iter().any(|answer| mine(&answer.reviewer));
        review.id != but && !done && !review.declined.iter().any(|one| mine(&one.reviewer))
    });
    Ok(next.map(|review| review.id.to_string()))
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let review = queue::get(&caller.project, review_id(&id)?).await?.record;
    if let About::Draft { rubric_id, .. } = &review.about {
        return Ok(see_other(&format!("/rubrics/{rubric_id}")));
    }
    // What a page shows that is no longer blind is on record before it is shown.
    if !is_blind(&review, &caller.author, services.now()) {
        reveal::of_review(&services, &caller.project, &review, &caller.author).await?;
    }
    page_of(&request, &services, &caller, &id, None).await
}

/// The page of a question, by its kind; after a refusal with the reason on it and what was entered.
async fn page_of(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    id: &str,
    refused: Option<(&Problem, &Fields)>,
) -> Result<HttpResponse, Problem> {
    let status = refused.map_or(StatusCode::OK, |(problem, _)| problem.code.status());
    let viewer = viewer(request, caller);
    let review = queue::get(&caller.project, review_id(id)?).await?.record;
    if review.criterion().is_some() {
        let posted = refused.map(|(problem, fields)| (problem, Posted::of(fields)));
        let refused = posted.as_ref().map(|(problem, posted)| (*problem, posted));
        let page = Question::load(&caller.project, id).await?.page(services, caller, refused).await?;
        return Ok(respond(status, Some(&viewer), &page));
    }
    let next = next_open(services, caller, review.id).await?;
    let matter = Matter::load(services, &caller.project, review, &caller.author).await?;
    Ok(respond(status, Some(&viewer), &question::page(services, caller, &matter, next, refused)))
}

/// Back to the review; with the reason on it, and what was entered, if the story refused.
async fn answered(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    id: &str,
    fields: &Fields,
    tried: Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    match tried {
        Ok(()) => Ok(see_other(&format!("/reviews/{}", review_id(id)?))),
        Err(problem) => page_of(request, services, caller, id, Some((&problem, fields))).await,
    }
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

/// Of which file or message the text is wanted, and whose it is.
enum Part<'a> {
    Message(Option<String>, &'a SystemName),
    File(Shown<'a>),
}

/// `message`, `message2` (of the second of two), or the number of a file.
fn part<'a>(matter: &'a Matter, n: &str) -> Result<Part<'a>, Problem> {
    let none = || Problem::not_found("file", words::clip(n, 20));
    let message = |at: usize| {
        let one = matter.submissions.get(at).ok_or_else(none)?;
        Ok(Part::Message(one.text.clone(), &one.system))
    };
    match n {
        "message" => message(0),
        "message2" => message(1),
        n => Ok(Part::File(matter.file(n.parse().map_err(|_| none())?)?)),
    }
}

async fn extract(services: &Services, part: &Part<'_>) -> Result<Extract, Problem> {
    match part {
        Part::Message(text, _) => Ok(read_files(services, &[], text.clone()).await?),
        Part::File(shown) => Ok(read_files(services, std::slice::from_ref(&shown.file), None).await?),
    }
}

async fn matter(services: &Services, caller: &Caller, id: &str) -> Result<Matter, Problem> {
    let review = queue::get(&caller.project, review_id(id)?).await?.record;
    Matter::load(services, &caller.project, review, &caller.author).await
}

async fn file(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String)>,
    asked: web::Query<From>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let matter = matter(&services, &caller, &id).await?;
    let part = part(&matter, &n)?;
    let extract = extract(&services, &part).await?;
    let (name, system) = match &part {
        Part::Message(_, system) => (text::MESSAGE.to_owned(), *system),
        Part::File(shown) => (shown.file.name.to_string(), shown.system),
    };
    let mut page = text::page(matter.review.id.to_string(), n.clone(), name, &extract, system, asked.from);
    page.original = matches!(part, Part::File(_));
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

async fn image(
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, n, k) = path.into_inner();
    let matter = matter(&services, &caller, &id).await?;
    let extract = extract(&services, &part(&matter, &n)?).await?;
    let found = extract.files.iter().flat_map(|file| &file.images).nth(k);
    let image = found.ok_or_else(|| Problem::not_found("image", k))?;
    let media_type = match image.media_type.as_str() {
        known @ ("image/png" | "image/jpeg" | "image/gif" | "image/webp") => known,
        _ => return Err(Problem::not_found("image", k)),
    };
    let mut answer = HttpResponse::Ok();
    answer.content_type(media_type).insert_header((header::CACHE_CONTROL, "private, max-age=600"));
    Ok(harmless(&mut answer).body(image.bytes.to_vec()))
}

/// What came from outside never becomes a page of this service.
fn harmless(answer: &mut actix_web::HttpResponseBuilder) -> &mut actix_web::HttpResponseBuilder {
    answer.insert_header((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")))
}

async fn download(services: &Services, file: &StoredFile) -> Result<HttpResponse, Problem> {
    let bytes = services.blobs.get(&file.sha256).await?;
    let mut answer = HttpResponse::Ok();
    let name = url_part(file.name.as_str());
    answer
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")));
    Ok(harmless(&mut answer).body(bytes))
}

async fn original(
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let matter = matter(&services, &caller, &id).await?;
    match part(&matter, &n)? {
        Part::File(shown) => {
            matter.may_have(&services, &shown).await?;
            download(&services, &shown.file).await
        }
        Part::Message(..) => Err(Problem::not_found("file", words::clip(&n, 20))),
    }
}

async fn reference(
    services: web::Data<Services>,
    caller: Reviewer,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let matter = matter(&services, &caller, &id).await?;
    let references = matter.task.as_ref().map(|task| task.references.as_slice()).unwrap_or_default();
    let found = n.parse::<usize>().ok().and_then(|n| references.get(n));
    let file = found.ok_or_else(|| Problem::not_found("file", words::clip(&n, 20)))?;
    download(&services, file).await
}
