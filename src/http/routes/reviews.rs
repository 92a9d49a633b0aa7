//! The queue of questions for humans.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::files;
use crate::domain::{About, Id, LeaseToken, Review, ReviewId, ReviewState};
use crate::http::auth::{Admin, Caller, Reviewer};
use crate::http::body::Incoming;
use crate::http::idempotency::{Answer, Identity, appended};
use crate::http::matter::Matter;
use crate::http::problem::{Code, Problem};
use crate::http::wire::List;
use crate::http::wire::review::{
    Claimed, DeclineRequest, OpenRequest, ReleaseRequest, ResolveRequest, ReviewBody, ReviewCriterion, ReviewDetail,
    SideBody, SubmitRequest, WithdrawRequest,
};
use crate::review::blind::is_blind;
use crate::review::{answer, open, queue, reveal};
use crate::services::Services;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `open`, `claimed`, `submitted`, `agreed`, `conflict`, `resolved`, `withdrawn`; several with commas; all without it.
    state: Option<String>,
    /// Items of one page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Questions, what is at stake first.
#[utoipa::path(get, path = "/v1/reviews", tag = "reviews", params(Filter), responses((status = 200, body = List<ReviewBody>)))]
pub async fn list(
    caller: Reviewer,
    services: web::Data<Services>,
    filter: web::Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let states = states(filter.state.as_deref())?;
    let now = services.now();
    let last = last_told(&caller, filter.cursor.as_deref()).await?;
    let (limit, _) = crate::http::listing::Paging::new(filter.limit, None).read()?;
    // By place, not by presence: the last one told may have left the queue since.
    let (page, more) = queue::page(&services, &caller.project, &states, last.as_ref(), limit).await?;
    let next_cursor = page.last().filter(|_| more).map(|review| review.id.to_string());
    let items = page.iter().map(|review| ReviewBody::new(review, &caller.author, now)).collect();
    Ok(HttpResponse::Ok().json(List { items, next_cursor }))
}

/// One question with the task, the criterion and the deliverable; blind until your answer is in.
#[utoipa::path(get, path = "/v1/reviews/{id}", tag = "reviews", responses((status = 200, body = ReviewDetail)))]
pub async fn get(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let review = find(&caller, *id).await?;
    Ok(HttpResponse::Ok().json(detail(&services, &caller, review).await?))
}

/// The bytes of a file of the deliverable, `n` from 0. While you are blind, a file that names its maker is withheld
/// (409 `not_blind`); its text is on the page of the review.
#[utoipa::path(get, path = "/v1/reviews/{id}/files/{n}", tag = "reviews",
    responses((status = 200, content_type = "*/*", body = Vec<u8>)))]
pub async fn file(
    caller: Reviewer,
    services: web::Data<Services>,
    path: web::Path<(Uuid, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let matter = Matter::load(&services, &caller.project, find(&caller, id).await?, &caller.author).await?;
    let shown = matter.file(n)?;
    matter.may_have(&services, &shown).await?;
    files::file(&services, std::slice::from_ref(&shown.file), 0).await
}

/// Ask people something: whether a criterion is met, what is wrong with a deliverable, which of two is better. What is
/// picked by hand has no probability of selection: its answer binds, and enters no corrected estimate.
#[utoipa::path(post, path = "/v1/reviews", tag = "reviews", request_body = OpenRequest,
    responses((status = 201, body = ReviewBody)))]
pub async fn create(
    caller: Reviewer,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<OpenRequest>().await?;
    let (wanted, identity) = (request.content, request.identity);
    let (question, reviewers) = (wanted.question()?, wanted.reviewers.unwrap_or(1));
    let told = |review: &Review| {
        let body = ReviewBody::new(review, &caller.author, services.now());
        Ok(Answer::json(StatusCode::CREATED, &body)?.at(format!("/v1/reviews/{}", review.id)))
    };
    let made = async |identity: &Identity| {
        let keep = |batch, review: &Review| identity.beside(&services, batch, told(review));
        open::open(&services, &caller.project, question.clone(), reviewers, &caller.author, keep).await
    };
    appended(&caller.project, &identity, made, told).await
}

/// Take a question for a while. `lease_token` is what `submit` and `release` must carry.
#[utoipa::path(post, path = "/v1/reviews/{id}/claim", tag = "reviews", responses((status = 200, body = Claimed)))]
pub async fn claim(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let review = queue::claim(&services, &caller.project, ReviewId::from_uuid(*id), &caller.author).await?;
    let Some(lease_token) = review.lease.as_ref().map(|lease| lease.token.uuid()) else {
        return Err(Problem::internal(format!("review {} was claimed and has no lease", review.id)));
    };
    Ok(HttpResponse::Ok().json(Claimed { lease_token, review: detail(&services, &caller, review).await? }))
}

/// Give a claimed question back.
#[utoipa::path(post, path = "/v1/reviews/{id}/release", tag = "reviews", request_body = ReleaseRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn release(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let token = LeaseToken::from_uuid(incoming.json::<ReleaseRequest>().await?.content.lease_token);
    let review = queue::release(&services, &caller.project, ReviewId::from_uuid(*id), token).await?;
    tell(&services, &caller, &review).await
}

/// Say that you will not answer a question, and why: you are not asked it again. Who has a stake in the outcome
/// (`conflict_of_interest`) does not adjudicate it either. A question that you hold is free again.
#[utoipa::path(post, path = "/v1/reviews/{id}/decline", tag = "reviews", request_body = DeclineRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn decline(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let DeclineRequest { reason, conflict_of_interest } = incoming.json().await?.content;
    let id = ReviewId::from_uuid(*id);
    let review = queue::decline(&services, &caller.project, id, &caller.author, &reason, conflict_of_interest).await?;
    tell(&services, &caller, &review).await
}

/// Your blind answer. The last needed answer settles the question if all agree. The same answer under the same lease,
/// sent again because the reply was lost, changes nothing.
#[utoipa::path(post, path = "/v1/reviews/{id}/submit", tag = "reviews", request_body = SubmitRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn submit(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<SubmitRequest>().await?.content;
    let token = LeaseToken::from_uuid(request.lease_token);
    let given = request.answer(&find(&caller, *id).await?, &caller.author)?;
    let review = answer::submit(&services, &caller.project, ReviewId::from_uuid(*id), token, &given).await?;
    tell(&services, &caller, &review).await
}

/// Decide a question on which reviewers differ (or close an open one). Not for one of its own reviewers.
#[utoipa::path(post, path = "/v1/reviews/{id}/resolve", tag = "reviews", request_body = ResolveRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn resolve(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let request = incoming.json::<ResolveRequest>().await?.content;
    let given = request.answer(&find(&caller, *id).await?)?;
    let review = answer::resolve(&services, &caller.project, ReviewId::from_uuid(*id), &caller.author, &given).await?;
    tell(&services, &caller, &review).await
}

/// Close a question that nobody need answer any more. Answers that were given stay where they are.
#[utoipa::path(post, path = "/v1/reviews/{id}/withdraw", tag = "reviews", request_body = WithdrawRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn withdraw(
    caller: Admin,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let reason = incoming.json::<WithdrawRequest>().await?.content.reason;
    let id = ReviewId::from_uuid(*id);
    let review = queue::withdraw(&services, &caller.project, id, &caller.author, &reason).await?;
    tell(&services, &caller, &review).await
}

async fn find(caller: &Caller, id: Uuid) -> Result<Review, Problem> {
    Ok(queue::get(&caller.project, ReviewId::from_uuid(id)).await?.record)
}

/// A question as its caller may see it; what they see of others' answers is on record before they see it.
async fn tell(services: &Services, caller: &Caller, review: &Review) -> Result<HttpResponse, Problem> {
    revealed(services, caller, review).await?;
    Ok(HttpResponse::Ok().json(ReviewBody::new(review, &caller.author, services.now())))
}

async fn revealed(services: &Services, caller: &Caller, review: &Review) -> Result<(), Problem> {
    if !is_blind(review, &caller.author, services.now()) {
        reveal::of_review(services, &caller.project, review, &caller.author).await?;
    }
    Ok(())
}

async fn detail(services: &Services, caller: &Caller, review: Review) -> Result<ReviewDetail, Problem> {
    revealed(services, caller, &review).await?;
    let matter = Matter::load(services, &caller.project, review, &caller.author).await?;
    let criterion = matter.review.criterion().and_then(|(_, id)| matter.rubric.as_ref()?.rubric.criterion(id));
    let (mut sides, mut files_from) = (Vec::new(), 0);
    if matches!(matter.review.about, About::Preference { .. }) {
        for (side, one) in ["first", "second"].into_iter().zip(&matter.submissions) {
            let files = matter.files_of(one);
            let from = files_from;
            files_from += files.len();
            sides.push(SideBody { side, text: one.text.clone(), files, files_from: from });
        }
    }
    let single = matter.submissions.first().filter(|_| sides.is_empty());
    Ok(ReviewDetail {
        review: ReviewBody::new(&matter.review, &caller.author, services.now()),
        task: matter.prompt().map(str::to_owned),
        criterion: criterion.map(ReviewCriterion::from),
        text: single.and_then(|one| one.text.clone()),
        files: single.map(|one| matter.files_of(one)).unwrap_or_default(),
        sides,
    })
}

fn states(given: Option<&str>) -> Result<Vec<ReviewState>, Problem> {
    let all = ReviewState::ALL;
    let known = |word: &str| {
        all.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
            let word: String = word.chars().take(80).collect();
            let names = all.map(ReviewState::as_str).join(", ");
            Problem::new(Code::InvalidQuery, format!("state {word:?} is none of {names}"))
        })
    };
    given.map_or(Ok(vec![]), |text| text.split(',').map(|word| known(word.trim())).collect())
}

/// The review that a cursor names.
async fn last_told(caller: &Caller, cursor: Option<&str>) -> Result<Option<Review>, Problem> {
    let Some(text) = cursor else { return Ok(None) };
    let bad = || Problem::new(Code::InvalidCursor, "the cursor is not one of ours; start again from the first page");
    let id = text.parse::<ReviewId>().map_err(|_| bad())?;
    let kept = caller.project.get::<Review>(&id.to_string()).await?;
    Ok(Some(kept.ok_or_else(bad)?.record))
}
