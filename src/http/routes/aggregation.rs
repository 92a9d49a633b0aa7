//! Deciding again with what is known of the judges by now.

use actix_web::{HttpResponse, web};
use uuid::Uuid;

use crate::domain::{GradingId, Id};
use crate::grading::weigh;
use crate::http::auth::Reviewer;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::wire::aggregation::AggregationBody;
use crate::services::Services;

/// Learn the judges' weights anew from the human decisions that are there now, and decide this grading again. Only of
/// panels with `aggregation = "weighted"`; until then a grading keeps the weights it was decided by.
#[utoipa::path(post, path = "/v1/gradings/{id}/aggregate", tag = "gradings", responses((status = 200, body = AggregationBody),
    (status = 409, content_type = "application/problem+json", body = ProblemDocument)))]
pub async fn again(
    caller: Reviewer,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let grading = weigh::again(&services, &caller.project, GradingId::from_uuid(*id), &caller.author).await?;
    let weighing = grading.result().and_then(|result| result.weighing.as_deref());
    match weighing {
        Some(weighing) => Ok(HttpResponse::Ok().json(AggregationBody::from(weighing))),
        None => Err(Problem::internal("a weighed grading without its weights")),
    }
}
