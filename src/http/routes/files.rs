//! Bytes out: a deliverable is a stranger's file, so a browser may save it and do nothing else with it.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, Charset, ContentDisposition, DispositionParam, DispositionType,
    ExtendedValue, X_CONTENT_TYPE_OPTIONS,
};

use crate::domain::StoredFile;
use crate::http::problem::Problem;
use crate::services::Services;

/// The `n`-th file, from 0.
///
/// # Errors
/// 404 if there are not so many.
pub async fn file(services: &Services, files: &[StoredFile], n: usize) -> Result<HttpResponse, Problem> {
    let Some(file) = files.get(n) else {
        return Err(Problem::new(
            crate::http::Code::NotFound,
            format!("there is no file {n}; there are {} files, from 0", files.len()),
        ));
    };
    let bytes = services.blobs.get(&file.sha256).await?;
    let name = ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: file.name.as_str().into(),
    };
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::FilenameExt(name)],
    };
    Ok(HttpResponse::Ok()
        .content_type(file.media_type.as_str())
        .insert_header(disposition)
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((CACHE_CONTROL, "private"))
        .body(bytes))
}
