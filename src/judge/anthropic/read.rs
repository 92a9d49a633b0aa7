//! What a message says, or why it says nothing.

use serde::Deserialize;
use serde_json::Value;

use super::TOOL;
use crate::domain::{Cause, Usage};
use crate::judge::provider::{Fault, RawReply, Reply, Retry};
use crate::judge::words::{by_status, is_overflow, no_content, no_reply, quote, truncated};

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Value>,
}

pub(super) fn read(raw: &RawReply) -> Result<Reply, Fault> {
    if !(200..300).contains(&raw.status) {
        let body: Value = serde_json::from_str(&raw.body).unwrap_or(Value::Null);
        return Err(match body.get("error").filter(|error| error.is_object()) {
            Some(error) => classify(raw.status, error, raw),
            None => classify(raw.status, &Value::String(raw.body.clone()), raw),
        });
    }
    let message: Message = serde_json::from_str(&raw.body).map_err(|e| no_reply(raw, "message", &e))?;
    if let Some(error) = message.error.filter(|error| !error.is_null()) {
        return Err(classify(500, &error, raw));
    }
    let usage = usage(message.usage.as_ref());
    let stop = message.stop_reason.as_deref().unwrap_or("none");
    match stop {
        "refusal" => {
            let of = |name: &str| message.stop_details.as_ref()?.get(name)?.as_str().map(str::to_owned);
            let category = of("category").unwrap_or_else(|| "no category".to_owned());
            let why = of("explanation").unwrap_or_else(|| text(&message.content));
            let detail = format!("the model refused ({category}): {}", quote(&why));
            return Err(Fault { usage, ..Fault::new(Cause::Refused, Retry::Never, detail) });
        }
        "max_tokens" => return Err(Fault { usage, ..truncated(usage.output_tokens, "max_tokens") }),
        "model_context_window_exceeded" => {
            let detail = "the reply ran into the end of the model's context window";
            return Err(Fault { usage, ..Fault::new(Cause::ContextOverflow, Retry::Never, detail) });
        }
        _ => {}
    }
    let called = message.content.iter().find(|block| block.kind == "tool_use" && block.name.as_deref() == Some(TOOL));
    let text = match called.and_then(|block| block.input.as_ref()) {
        Some(input) => input.to_string(),
        None => text(&message.content),
    };
    if text.trim().is_empty() {
        return Err(Fault { usage, ..no_content(raw, stop) });
    }
    Ok(Reply { text, model: message.model, usage })
}

/// The words of a message; what it thought is not among them.
fn text(content: &[Block]) -> String {
    content.iter().filter(|block| block.kind == "text").filter_map(|block| block.text.as_deref()).collect()
}

/// Their `input_tokens` leave out what was read from and written to the cache.
fn usage(usage: Option<&Value>) -> Usage {
    let number = |pointer: &str| usage.and_then(|u| u.pointer(pointer)).and_then(Value::as_u64).unwrap_or(0);
    let (read, written) = (number("/cache_read_input_tokens"), number("/cache_creation_input_tokens"));
    Usage {
        input_tokens: number("/input_tokens") + read + written,
        cached_input_tokens: read,
        cache_write_tokens: written,
        output_tokens: number("/output_tokens"),
        reasoning_tokens: number("/output_tokens_details/thinking_tokens"),
    }
}

fn classify(status: u16, error: &Value, raw: &RawReply) -> Fault {
    let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = field("type");
    let message = error.as_str().unwrap_or_else(|| field("message"));
    let status = match kind {
        // An error inside a 200.
        "overloaded_error" => 529,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "invalid_request_error" => 400,
        _ => status,
    };
    let label = if kind.is_empty() { "no type" } else { kind };
    let detail = format!("HTTP {} ({label}): {}", raw.status, quote(message));
    let (cause, retry) = if is_overflow(status, message) || kind == "request_too_large" {
        (Cause::ContextOverflow, Retry::Never)
    } else if kind == "billing_error" || message.to_lowercase().contains("credit balance") {
        // It needs a person, not a pause.
        (Cause::ProviderError, Retry::Never)
    } else if rejects_form(raw.status, &raw.body) {
        (Cause::ProviderError, Retry::Adapted)
    } else {
        by_status(status, raw.retry_after)
    };
    Fault::new(cause, retry, detail)
}

/// A model that does not take `output_config.format`, or no forced or strict tool.
pub(super) fn rejects_form(status: u16, body: &str) -> bool {
    const WORDS: &[&str] =
        &["output_config", "output_format", "json_schema", "tool_choice", "tools.0", "structured output"];
    status == 400 && WORDS.iter().any(|word| body.contains(word))
}
