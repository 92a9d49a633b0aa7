//! Pages as pictures: what a person sees who opens the file, for reviewers and for a look at what judges see.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, EntityTag, Header as _, IfNoneMatch, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::submissions::find;
use crate::domain::{Fingerprint, StoredFile};
use crate::http::auth::Submitter;
use crate::http::problem::{Code, Problem, ProblemDocument};
use crate::reading::{Sheaf, has_pages};
use crate::services::Services;

/// Pixels of the longer side: the least, the most, and what is drawn where nothing is said.
const PIXELS: (u32, u32, u32) = (64, 4_096, 1_568);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct View {
    /// Which file, from 0 as in `/files/{n}`; without it the first that has pages.
    file: Option<usize>,
    /// Pixels of the longer side, 64 to 4096; 1568 without it. Pictures are never enlarged.
    max_px: Option<u32>,
}

/// A page as a picture: `p` counts the pages of one file, from 1. A page of a pdf, a page or slide of an Office file
/// (by way of LibreOffice, where the service has it; spreadsheets have one page a sheet that is not hidden), or a
/// picture itself. 422 `not_drawn` says why a file's pages cannot be drawn. Files inside archives are not drawn.
#[utoipa::path(get, path = "/v1/submissions/{id}/pages/{p}.png", tag = "submissions",
    params(("id" = Uuid, Path), ("p" = u32, Path, description = "from 1"), View),
    responses(
        (status = 200, content_type = "image/png", body = Vec<u8>, description = "with an ETag of its content"),
        (status = 304, description = "it is what `If-None-Match` names"),
        (status = 404, content_type = "application/problem+json", body = ProblemDocument, description = "no such page; the detail says how many there are"),
        (status = 422, content_type = "application/problem+json", body = ProblemDocument, description = "`not_drawn`: the pages of this file cannot be drawn; the detail says why")))]
pub async fn page(
    caller: Submitter,
    services: web::Data<Services>,
    request: HttpRequest,
    path: web::Path<(Uuid, u32)>,
    view: web::Query<View>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = path.into_inner();
    let (least, most, usual) = PIXELS;
    let max_px = view.max_px.unwrap_or(usual);
    if !(least..=most).contains(&max_px) {
        return Err(Problem::new(Code::InvalidQuery, format!("max_px={max_px} is not between {least} and {most}")));
    }
    let submission = find(&caller, id).await?;
    picture(&services, &request, choose(&submission.files, view.file)?, number, max_px).await
}

/// A page of a file as a picture, from 1.
///
/// # Errors
/// 404 if there is none, 422 if it cannot be drawn.
pub async fn picture(
    services: &Services,
    request: &HttpRequest,
    file: &StoredFile,
    number: u32,
    max_px: u32,
) -> Result<HttpResponse, Problem> {
    let bytes = services.blobs.get(&file.sha256).await?;
    let sheaf = Sheaf { media_type: file.media_type.clone(), sha256: file.sha256.clone(), bytes };
    // There is no page 0 and none 4294967295: their files are only counted.
    let wanted = number.max(1)..number.saturating_add(1);
    let drawn = services.reading.draw(&sheaf, wanted, max_px).await;
    let name = file.name.as_str();
    let drawn =
        drawn.map_err(|why| Problem::new(Code::NotDrawn, format!("the pages of {name:?} cannot be drawn: {why}")))?;
    let Some(page) = drawn.pages.first() else {
        let detail = format!("there is no page {number} of {name:?}; it has {} pages, from 1", drawn.of);
        return Err(Problem::new(Code::NotFound, detail));
    };
    let tag = EntityTag::new_strong(Fingerprint::of_bytes(&page.bytes).as_str().chars().take(32).collect());
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|one| one.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((ETAG, tag.to_string()))
        .insert_header((CACHE_CONTROL, "private, max-age=604800, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"));
    if known {
        return Ok(answer.finish());
    }
    Ok(answer.content_type("image/png").body(page.bytes.to_vec()))
}

fn choose(files: &[StoredFile], asked: Option<usize>) -> Result<&StoredFile, Problem> {
    match asked {
        Some(n) => files.get(n).ok_or_else(|| {
            Problem::new(Code::NotFound, format!("there is no file {n}; there are {} files, from 0", files.len()))
        }),
        None => files.iter().find(|file| has_pages(&file.media_type)).ok_or_else(|| {
            let detail = format!("none of the {} files has pages; the text of each is in .../manifest", files.len());
            Problem::new(Code::NotFound, detail)
        }),
    }
}
