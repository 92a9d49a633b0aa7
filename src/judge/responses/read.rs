//! What a response says, or why it says nothing.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Cause, Usage};
use crate::judge::openai;
use crate::judge::provider::{Fault, RawReply, Reply, Retry};
use crate::judge::words::{no_content, no_reply, quote, truncated};

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    incomplete_details: Option<Value>,
    #[serde(default)]
    output: Vec<Item>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    content: Option<Vec<Content>>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

pub(super) fn read(raw: &RawReply) -> Result<Reply, Fault> {
    if !(200..300).contains(&raw.status) {
        return Err(openai::failed(raw, rejects_form));
    }
    let response: Response = serde_json::from_str(&raw.body).map_err(|e| no_reply(raw, "response", &e))?;
    let usage = usage(response.usage.as_ref());
    let fault = |fault: Fault| Err(Fault { usage, ..fault });
    if let Some(error) = response.error.filter(|error| !error.is_null()) {
        return fault(of_response(&error, raw));
    }
    let status = response.status.as_deref().unwrap_or("none");
    if status == "incomplete" {
        let reason = response.incomplete_details.as_ref().and_then(|details| details.get("reason")?.as_str());
        return fault(match reason {
            Some("max_output_tokens") => truncated(usage.output_tokens, "max_output_tokens"),
            Some("content_filter") => {
                Fault::new(Cause::ContentFilter, Retry::Never, "the provider's content filter stopped the reply")
            }
            other => {
                let detail = format!("the reply is incomplete ({})", other.unwrap_or("no reason given"));
                Fault::new(Cause::ProviderError, Retry::Later(raw.retry_after), detail)
            }
        });
    }
    let said = response.output.into_iter().filter(|item| item.kind == "message");
    let (mut text, mut refusal) = (String::new(), None);
    for content in said.flat_map(|item| item.content.unwrap_or_default()) {
        match content.kind.as_str() {
            "output_text" => text.push_str(&content.text.unwrap_or_default()),
            "refusal" => refusal = content.refusal.or(refusal),
            _ => {}
        }
    }
    if let Some(refusal) = refusal {
        let detail = format!("the model refused: {}", quote(&refusal));
        return fault(Fault::new(Cause::Refused, Retry::Never, detail));
    }
    if status != "completed" || text.trim().is_empty() {
        return fault(no_content(raw, status));
    }
    Ok(Reply { text, model: response.model, usage })
}

/// A response that failed: HTTP says 200, the code says what it was.
fn of_response(error: &Value, raw: &RawReply) -> Fault {
    let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = field("code");
    let later = Retry::Later(raw.retry_after);
    let (cause, retry) = match code {
        "rate_limit_exceeded" => (Cause::RateLimited, later),
        "context_length_exceeded" => (Cause::ContextOverflow, Retry::Never),
        "invalid_prompt" | "bio_policy" | "content_policy_violation" => (Cause::ContentFilter, Retry::Never),
        code if code.contains("image") => (Cause::UnreadableInput, Retry::Never),
        _ => (Cause::ProviderError, later),
    };
    Fault::new(cause, retry, format!("the response failed ({code}): {}", quote(field("message"))))
}

/// Cached tokens are inside the input, reasoning tokens inside the output.
fn usage(usage: Option<&Value>) -> Usage {
    let number = |pointer: &str| usage.and_then(|u| u.pointer(pointer)).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input_tokens: number("/input_tokens"),
        cached_input_tokens: number("/input_tokens_details/cached_tokens"),
        cache_write_tokens: number("/input_tokens_details/cache_write_tokens"),
        output_tokens: number("/output_tokens"),
        reasoning_tokens: number("/output_tokens_details/reasoning_tokens"),
    }
}

/// A model or server that does not take `text.format`.
pub(super) fn rejects_form(status: u16, body: &str) -> bool {
    matches!(status, 400 | 422 | 500 | 501) && (body.contains("text.format") || body.contains("json_schema"))
}
