//! What the judges of a grading were shown, and the very pictures that they were sent.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, EntityTag, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::waiting::find;
use crate::domain::{Grading, GradingId, Id, SeenPicture};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem, ProblemDocument};
use crate::http::wire::seen::SeenBody;
use crate::refusal::Refusal;
use crate::services::Services;

/// What the judges were shown of each file, where it was cut, which pictures they were sent, and what single questions
/// showed besides. 409 `not_judged` before the panel has spoken.
#[utoipa::path(get, path = "/v1/gradings/{id}/seen", tag = "gradings",
    responses(
        (status = 200, body = SeenBody),
        (status = 409, content_type = "application/problem+json", body = ProblemDocument, description = "`not_judged`")))]
pub async fn all(caller: Submitter, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let grading = find(&caller.project, GradingId::from_uuid(*id)).await?;
    let Some(result) = grading.result() else {
        let status = grading.status().as_str();
        let detail = format!("grading {} is {status}: what its judges see is kept with its result", grading.id);
        return Err(Refusal::Conflict { code: "not_judged", detail }.into());
    };
    Ok(HttpResponse::Ok().json(SeenBody::from(result.views.as_slice())))
}

/// A picture as the judges were sent it, by its SHA-256 in `/seen`.
#[utoipa::path(get, path = "/v1/gradings/{id}/seen/{sha256}", tag = "gradings",
    params(("id" = Uuid, Path), ("sha256" = String, Path, description = "as `pictures[].sha256` has it")),
    responses(
        (status = 200, content_type = "image/*", body = Vec<u8>, description = "png, jpeg, gif or webp; its ETag is the hash"),
        (status = 404, content_type = "application/problem+json", body = ProblemDocument, description = "no such grading, or its judges were not sent this picture")))]
pub async fn one(
    caller: Submitter,
    services: web::Data<Services>,
    path: web::Path<(Uuid, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, sha256) = path.into_inner();
    let grading = find(&caller.project, GradingId::from_uuid(id)).await?;
    picture(&services, &grading, &sha256).await
}

/// A picture that a grading names: whoever knows the hash of another one learns nothing.
///
/// # Errors
/// 404 if its judges were not sent it; as the place of files.
pub async fn picture(services: &Services, grading: &Grading, sha256: &str) -> Result<HttpResponse, Problem> {
    let views = grading.result().map(|result| result.views.as_slice()).unwrap_or_default();
    let named = |picture: &&SeenPicture| picture.sha256 == sha256;
    let Some(picture) = views.iter().flat_map(|view| &view.pictures).find(named) else {
        let detail =
            format!("the judges of grading {} were sent no picture of this hash, or it is not kept", grading.id);
        return Err(Problem::new(Code::NotFound, detail));
    };
    let bytes = services.blobs.get(&picture.sha256).await?;
    let tag = EntityTag::new_strong(picture.sha256.clone());
    Ok(HttpResponse::Ok()
        .content_type(picture.media_type.as_str())
        .insert_header((ETAG, tag.to_string()))
        .insert_header((CACHE_CONTROL, "private, max-age=604800, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .body(bytes))
}
