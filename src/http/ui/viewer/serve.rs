//! What a pane fetches: a page as a picture, an image of a document, the original as a download. Whoever must stay blind
//! gets no bytes that tell whose it is.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::desk::{Desk, OnDesk};
use super::pane::PAGE_PX;
use crate::domain::StoredFile;
use crate::http::matter;
use crate::http::problem::{Code, Problem};
use crate::http::routes::pages::picture;
use crate::http::ui::render::url_part;
use crate::http::ui::words;
use crate::services::Services;

/// Page `page` from 1, as `3.png`.
///
/// # Errors
/// 404 if there is none, 409 for eyes that must stay blind, 422 if it cannot be drawn.
pub async fn page(
    services: &Services,
    request: &HttpRequest,
    desk: &Desk,
    key: &str,
    page: &str,
) -> Result<HttpResponse, Problem> {
    let on_desk = desk.find(key)?;
    let stored = stored(on_desk)?;
    let number = page.strip_suffix(".png").and_then(|number| number.parse().ok());
    let number: u32 = number.ok_or_else(|| Problem::not_found("page", words::clip(page, 20)))?;
    may_have(services, on_desk, stored).await?;
    picture(services, request, stored, number, PAGE_PX).await
}

/// The `k`-th image in a file and its members, from 0.
///
/// # Errors
/// 404 if there is none.
pub async fn image(services: &Services, desk: &Desk, key: &str, k: usize) -> Result<HttpResponse, Problem> {
    let extract = desk.find(key)?.extract(services).await?;
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

/// The bytes, to be saved.
///
/// # Errors
/// 404 if it is no file, 409 for eyes that must stay blind.
pub async fn original(services: &Services, desk: &Desk, key: &str) -> Result<HttpResponse, Problem> {
    let on_desk = desk.find(key)?;
    let file = stored(on_desk)?;
    may_have(services, on_desk, file).await?;
    let bytes = services.blobs.get(&file.sha256).await?;
    let mut answer = HttpResponse::Ok();
    let disposition = format!("attachment; filename*=UTF-8''{}", url_part(&on_desk.name));
    answer.content_type("application/octet-stream").insert_header((header::CONTENT_DISPOSITION, disposition));
    Ok(harmless(&mut answer).body(bytes))
}

fn stored(on_desk: &OnDesk) -> Result<&StoredFile, Problem> {
    on_desk.stored().ok_or_else(|| Problem::new(Code::NotFound, format!("{:?} is a message and no file", on_desk.name)))
}

/// What came from outside never becomes a page of this service.
fn harmless(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer.insert_header((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")))
}

async fn may_have(services: &Services, on_desk: &OnDesk, file: &StoredFile) -> Result<(), Problem> {
    match &on_desk.secret {
        Some(secret) => matter::may_have(services, file, secret).await,
        None => Ok(()),
    }
}
