//! Every vote of a grading, with the reply that settled it.

use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::waiting::find;
use crate::domain::{Attempt, GradingId, Id, Subject, Vote};
use crate::grading::call::subject_prefix;
use crate::grading::journal::whole;
use crate::http::auth::Submitter;
use crate::http::listing::{Paging, page};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::http::wire::vote::{VoteBody, raw_reply};
use crate::services::Services;
use crate::store::{ProjectStore, Query, call_key};

/// Votes, by judge, repeat and criterion.
#[utoipa::path(get, path = "/v1/gradings/{id}/votes", tag = "gradings", params(Paging), responses((status = 200, body = List<VoteBody>)))]
pub async fn list(
    caller: Submitter,
    services: web::Data<Services>,
    id: web::Path<Uuid>,
    paging: web::Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let id = GradingId::from_uuid(*id);
    let grading = find(&caller.project, id).await?;
    caller.is_shown(&services, &grading).await?;
    let query = Query::prefix(subject_prefix(Subject::Grading(id)));
    let votes = page(&caller.project, query, &paging, |_: &Vote| true, |vote| vote).await?;
    let items = with_replies(&services, &caller.project, &votes.items).await?;
    Ok(HttpResponse::Ok().json(List { items, next_cursor: votes.next_cursor }))
}

/// Votes with what came back at their last attempt.
///
/// # Errors
/// As the store.
pub async fn with_replies(
    services: &Services,
    project: &ProjectStore,
    votes: &[Vote],
) -> Result<Vec<VoteBody>, Problem> {
    let mut bodies = Vec::with_capacity(votes.len());
    for vote in votes {
        let own = vote.from.as_deref().unwrap_or(&vote.key);
        let call = vote.shared.as_ref().map_or(own, |shared| &shared.last);
        let query = Query::prefix(format!("{}/", call_key(call))).newest_first().limit(1);
        let last = project.list::<Attempt>(query).await?.items.into_iter().next();
        let reply = match last {
            Some(kept) => raw_reply(whole(&services.blobs, kept.record).await?),
            None => None,
        };
        bodies.push(VoteBody::new(vote, reply));
    }
    Ok(bodies)
}
