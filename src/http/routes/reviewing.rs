//! How the work of reviewers goes, and how far the queue is.

use actix_web::{HttpResponse, web};

use super::leaderboard::off_thread;
use crate::domain::Review;
use crate::http::auth::{Admin, Reviewer};
use crate::http::problem::Problem;
use crate::http::wire::reviewing::{ProgressOfReviews, ReviewingBody};
use crate::ranking::reviewing::{reviewing, separation};
use crate::review::next;
use crate::services::Services;
use crate::store::Query;

/// Who reviewed how much and how long it took, how people agree with each other and with the panel, how often they reverse
/// it, what each system's work costs to review, and what the panel misses.
#[utoipa::path(get, path = "/v1/reviews/report", tag = "reviews", responses((status = 200, body = ReviewingBody)))]
pub async fn report(caller: Admin, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let (project, now) = (caller.0.project, services.now());
    let found = off_thread(async move { reviewing(&project, now).await }).await??;
    Ok(HttpResponse::Ok().json(ReviewingBody::from(found)))
}

/// How far the queue is: what waits, what you can take, and how many more reviews until two systems that follow each other
/// are told apart. No system is named.
#[utoipa::path(get, path = "/v1/reviews/progress", tag = "reviews", responses((status = 200, body = ProgressOfReviews)))]
pub async fn progress(caller: Reviewer, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let left = next::left(&services, &caller.project, &caller.author, None).await?;
    let reviews = caller.project.all::<Review>(Query::default()).await?;
    let mine = |review: &&Review| {
        review.has_answered(&caller.author) || review.resolution.as_ref().is_some_and(|end| end.by == caller.author)
    };
    let project = caller.project.clone();
    let separation = off_thread(async move { separation(&project).await }).await??;
    Ok(HttpResponse::Ok().json(ProgressOfReviews {
        pending: reviews.iter().filter(|review| review.is_pending()).count(),
        for_you: left.all - left.holding,
        answered_by_you: reviews.iter().filter(mine).count(),
        separation: separation.into(),
    }))
}
