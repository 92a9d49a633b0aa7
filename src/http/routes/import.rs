//! Battles that were fought elsewhere, taken whole or not at all.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::http::auth::Submitter;
use crate::http::body::{Incoming, wrong_type};
use crate::http::idempotency::{Answer, once};
use crate::http::problem::{Code, Problem};
use crate::http::wire::comparison::Imported;
use crate::ranking::import::{Form, read};
use crate::services::Services;

const FORMS: [(&str, Form); 5] = [
    ("application/jsonl", Form::Jsonl),
    ("application/x-ndjson", Form::Jsonl),
    ("application/ndjson", Form::Jsonl),
    ("application/json-lines", Form::Jsonl),
    ("text/csv", Form::Csv),
];

/// Bring battles in: `model_a, model_b, winner` (`model_a`, `model_b`, `tie`, `both_bad`) and optionally `task_id`,
/// `judge`. One bad row and nothing is kept.
#[utoipa::path(post, path = "/v1/comparisons/import", tag = "comparisons",
    request_body(content((String = "application/jsonl"), (String = "text/csv"))),
    responses((status = 201, body = Imported)))]
pub async fn import(
    caller: Submitter,
    services: web::Data<Services>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let form = form_of(&incoming)?;
    let limits = services.intake;
    let text = incoming.text(&FORMS.map(|(name, _)| name), limits.max_upload_bytes).await?;
    let content = text.content;
    let fought = web::block(move || read(&content, form, limits.max_battles))
        .await
        .map_err(|e| Problem::internal(e.to_string()))??;
    let answer = once(&services, &caller, &text.identity, async |intake| {
        for battle in &fought {
            intake.insert(&battle.clone().kept(services.ids.next(), services.now()));
        }
        Answer::json(StatusCode::CREATED, &Imported { imported: fought.len() })
    })
    .await?;
    Ok(answer.respond())
}

fn form_of(incoming: &Incoming) -> Result<Form, Problem> {
    let taken = "application/jsonl or text/csv";
    let Some(given) = incoming.media_type() else {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("the request has no Content-Type; send {taken}")));
    };
    FORMS.iter().find(|(name, _)| *name == given).map(|(_, form)| *form).ok_or_else(|| wrong_type(&given, taken))
}
