//! The queue of questions for humans.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::files;
use crate::domain::{Grading, Id, LeaseToken, Review, ReviewId, ReviewState, RubricVersion, Submission, Task};
use crate::http::auth::{Caller, Reviewer};
use crate::http::body::Incoming;
use crate::http::problem::{Code, Problem};
use crate::http::wire::List;
use crate::http::wire::review::{
    Claimed, DeclineRequest, ReleaseRequest, ResolveRequest, ReviewBody, ReviewCriterion, ReviewDetail, SubmitRequest,
    files_of,
};
use crate::http::wire::verdict::value;
use crate::review::queue::{self, Answer};
use crate::services::Services;
use crate::store::{part, rubric_key};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `open`, `claimed`, `submitted`, `agreed`, `conflict`, `resolved`; several with commas; all without it.
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
    let reviews = queue::list(&services, &caller.project, &states).await?;
    let now = services.now();
    let (page, next_cursor) = one_page(&reviews, filter.limit, filter.cursor.as_deref())?;
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
    let body = ReviewBody::new(&review, &caller.author, services.now());
    Ok(HttpResponse::Ok().json(detail(&caller, &review, body).await?))
}

/// The bytes of a file of the deliverable, `n` from 0.
#[utoipa::path(get, path = "/v1/reviews/{id}/files/{n}", tag = "reviews",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn file(
    caller: Reviewer,
    services: web::Data<Services>,
    path: web::Path<(Uuid, usize)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let review = find(&caller, id).await?;
    let submission = material(&caller, &review).await?.submission;
    files::file(&services, submission.as_ref().map(|s| s.files.as_slice()).unwrap_or_default(), n).await
}

/// Take a question for a while. `lease_token` is what `submit` and `release` must carry.
#[utoipa::path(post, path = "/v1/reviews/{id}/claim", tag = "reviews", responses((status = 200, body = Claimed)))]
pub async fn claim(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let review = queue::claim(&services, &caller.project, ReviewId::from_uuid(*id), &caller.author).await?;
    let body = ReviewBody::new(&review, &caller.author, services.now());
    let Some(lease_token) = review.lease.as_ref().map(|lease| lease.token.uuid()) else {
        return Err(Problem::internal(format!("review {} was claimed and has no lease", review.id)));
    };
    Ok(HttpResponse::Ok().json(Claimed { lease_token, review: detail(&caller, &review, body).await? }))
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
    Ok(HttpResponse::Ok().json(ReviewBody::new(&review, &caller.author, services.now())))
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
    Ok(HttpResponse::Ok().json(ReviewBody::new(&review, &caller.author, services.now())))
}

/// Your blind answer. The last needed answer settles the question if all agree.
#[utoipa::path(post, path = "/v1/reviews/{id}/submit", tag = "reviews", request_body = SubmitRequest,
    responses((status = 200, body = ReviewBody)))]
pub async fn submit(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let SubmitRequest { lease_token, value: word, reason } = incoming.json().await?.content;
    let answer = Answer { value: value(&word), reason };
    let token = LeaseToken::from_uuid(lease_token);
    let review = queue::submit(&services, &caller.project, ReviewId::from_uuid(*id), token, &answer).await?;
    Ok(HttpResponse::Ok().json(ReviewBody::new(&review, &caller.author, services.now())))
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
    let ResolveRequest { value: word, reason } = incoming.json().await?.content;
    let answer = Answer { value: value(&word), reason };
    let review = queue::resolve(&services, &caller.project, ReviewId::from_uuid(*id), &caller.author, &answer).await?;
    Ok(HttpResponse::Ok().json(ReviewBody::new(&review, &caller.author, services.now())))
}

async fn find(caller: &Caller, id: Uuid) -> Result<Review, Problem> {
    Ok(queue::get(&caller.project, ReviewId::from_uuid(id)).await?.record)
}

/// What a question is about. What is missing is told as missing: a question can be listed whatever happened.
struct Material {
    task: Option<String>,
    rubric: Option<RubricVersion>,
    submission: Option<Submission>,
}

async fn material(caller: &Caller, review: &Review) -> Result<Material, Problem> {
    let project = &caller.project;
    let Some(grading) = project.get::<Grading>(&review.grading_id.to_string()).await?.map(|kept| kept.record) else {
        return Err(Problem::not_found("grading", review.grading_id));
    };
    let key = rubric_key(grading.rubric.id, grading.rubric.version);
    let rubric = project.get::<RubricVersion>(&key).await?.map(|kept| kept.record);
    let submission = project.get::<Submission>(&grading.submission_id.to_string()).await?.map(|kept| kept.record);
    let task = match &grading.task_id {
        Some(id) => project.get::<Task>(&part(id.as_str())).await?.map(|kept| kept.record.prompt),
        None => None,
    };
    Ok(Material { task: grading.prompt.or(task), rubric, submission })
}

async fn detail(caller: &Caller, review: &Review, body: ReviewBody) -> Result<ReviewDetail, Problem> {
    let Material { task, rubric, submission } = material(caller, review).await?;
    let criterion =
        rubric.as_ref().and_then(|kept| kept.rubric.criterion(&review.criterion_id)).map(ReviewCriterion::from);
    let files = files_of(submission.as_ref());
    Ok(ReviewDetail { review: body, task, criterion, text: submission.and_then(|submission| submission.text), files })
}

fn states(given: Option<&str>) -> Result<Vec<ReviewState>, Problem> {
    use ReviewState::{Agreed, Claimed, Conflict, Open, Resolved, Submitted};
    let all = [Open, Claimed, Submitted, Agreed, Conflict, Resolved];
    let known = |word: &str| {
        all.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
            let word: String = word.chars().take(80).collect();
            let names = all.map(ReviewState::as_str).join(", ");
            Problem::new(Code::InvalidQuery, format!("state {word:?} is none of {names}"))
        })
    };
    given.map_or(Ok(vec![]), |text| text.split(',').map(|word| known(word.trim())).collect())
}

/// The queue is ordered by what is at stake, so its cursor is the last review that was told.
fn one_page<'a>(
    reviews: &'a [Review],
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<(&'a [Review], Option<String>), Problem> {
    let (limit, _) = crate::http::listing::Paging::new(limit, None).read()?;
    let begin = match cursor {
        None => 0,
        Some(text) => {
            let bad =
                || Problem::new(Code::InvalidCursor, "the cursor is not one of ours; start again from the first page");
            let (priority, id) = text.split_once('_').ok_or_else(bad)?;
            let priority = u64::from_str_radix(priority, 16).map(f64::from_bits).map_err(|_| bad())?;
            let id = id.parse::<ReviewId>().map_err(|_| bad())?;
            // By place, not by presence: the review may have left the queue since.
            reviews.partition_point(|review| {
                review.priority.total_cmp(&priority).reverse().then(review.id.cmp(&id)).is_le()
            })
        }
    };
    let rest = reviews.get(begin..).unwrap_or_default();
    let page = rest.get(..limit).unwrap_or(rest);
    let next = page.last().filter(|_| rest.len() > page.len());
    Ok((page, next.map(|review| format!("{:016x}_{}", review.priority.to_bits(), review.id))))
}
