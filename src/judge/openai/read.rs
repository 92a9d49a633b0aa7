//! What a reply says, or why it says nothing. Nothing is taken for an answer because a field is missing.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Cause, Usage};
use crate::judge::provider::{Fault, RawReply, Reply, Retry};
use crate::judge::words::{by_status, is_overflow, no_content, no_reply, quote, truncated};

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<String>,
}

pub(super) fn read(raw: &RawReply) -> Result<Reply, Fault> {
    if !(200..300).contains(&raw.status) {
        return Err(failed(raw, rejects_form));
    }
    let completion: Completion = serde_json::from_str(&raw.body).map_err(|e| no_reply(raw, "chat completion", &e))?;
    let usage = usage(completion.usage.as_ref());
    text(raw, completion, usage).map_err(|fault| Fault { usage, ..fault })
}

fn text(raw: &RawReply, completion: Completion, usage: Usage) -> Result<Reply, Fault> {
    let again = Retry::Later(raw.retry_after);
    if let Some(error) = completion.error.filter(|e| !e.is_null()) {
        return Err(classify(raw.status, &error, raw, rejects_form));
    }
    let Some(choice) = completion.choices.unwrap_or_default().into_iter().next() else {
        return Err(Fault::new(Cause::ProviderError, again, "the reply has no choices"));
    };
    if let Some(error) = choice.error.filter(|e| !e.is_null()) {
        return Err(classify(raw.status, &error, raw, rejects_form));
    }
    let finish = choice.finish_reason.as_deref().unwrap_or("none");
    let (content, refusal) = choice.message.map_or((None, None), |m| (m.content, m.refusal));
    if let Some(refusal) = refusal.filter(|r| !r.trim().is_empty()) {
        return Err(Fault::new(Cause::Refused, Retry::Never, format!("the model refused: {}", quote(&refusal))));
    }
    match finish {
        "content_filter" => {
            let detail = "the provider's content filter stopped the reply";
            return Err(Fault::new(Cause::ContentFilter, Retry::Never, detail));
        }
        "length" => return Err(truncated(usage.output_tokens, "max_completion_tokens")),
        "error" => return Err(Fault::new(Cause::ProviderError, again, "the provider ended the reply with an error")),
        _ => {}
    }
    match content.as_ref().and_then(content_text).filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(Reply { text, model: completion.model, usage }),
        None => Err(no_content(raw, finish)),
    }
}

/// A string, or, from some servers, a list of text parts.
fn content_text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|p| p.get("text")?.as_str()).collect()),
        _ => None,
    }
}

/// Cached tokens are inside the input, reasoning tokens inside the output.
fn usage(usage: Option<&Value>) -> Usage {
    let number = |pointer: &str| usage.and_then(|u| u.pointer(pointer)).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input_tokens: number("/prompt_tokens"),
        cached_input_tokens: number("/prompt_tokens_details/cached_tokens"),
        cache_write_tokens: number("/prompt_tokens_details/cache_write_tokens"),
        output_tokens: number("/completion_tokens"),
        reasoning_tokens: number("/completion_tokens_details/reasoning_tokens"),
    }
}

/// An error status of OpenAI's interfaces and their likes.
pub(in crate::judge) fn failed(raw: &RawReply, rejects_form: fn(u16, &str) -> bool) -> Fault {
    let body: Value = serde_json::from_str(&raw.body).unwrap_or(Value::Null);
    match body.get("error") {
        Some(error) if !error.is_null() => classify(raw.status, error, raw, rejects_form),
        _ => classify(raw.status, &Value::String(raw.body.clone()), raw, rejects_form),
    }
}

/// From a status and an error object (or text). Inside a 200 the error's own code stands for the status.
fn classify(status: u16, error: &Value, raw: &RawReply, rejects_form: fn(u16, &str) -> bool) -> Fault {
    let field = |name: &str| match error.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (code, kind) = (field("code"), field("type"));
    let message = error.as_str().map_or_else(|| field("message"), str::to_owned);
    // LiteLLM and OpenRouter write the status into `code`.
    let status = if status < 300 { code.parse().ok().filter(|s| *s >= 400).unwrap_or(500) } else { status };
    let label = [code.as_str(), kind.as_str()].into_iter().find(|l| !l.is_empty()).unwrap_or("no code").to_owned();
    let detail = format!("HTTP {} ({label}): {}", raw.status, quote(&message));
    let is = |names: &[&str]| names.contains(&code.as_str()) || names.contains(&kind.as_str());
    let (cause, retry) =
        if is(&["context_length_exceeded", "exceed_context_size_error"]) || is_overflow(status, &message) {
            (Cause::ContextOverflow, Retry::Never)
        } else if is(&["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"]) {
            // It needs a person, not a pause.
            (if status == 429 { Cause::RateLimited } else { Cause::ProviderError }, Retry::Never)
        } else if is(&["content_filter", "content_policy_violation"]) {
            (Cause::ContentFilter, Retry::Never)
        } else if rejects_form(raw.status, &raw.body) {
            (Cause::ProviderError, Retry::Adapted)
        } else {
            by_status(status, raw.retry_after)
        };
    Fault::new(cause, retry, detail)
}

/// Whether a server rejects the way in which JSON was asked for: 400 or 422 from most, 500 from llama.cpp.
pub(super) fn rejects_form(status: u16, body: &str) -> bool {
    matches!(status, 400 | 422 | 500 | 501) && (body.contains("response_format") || body.contains("json_schema"))
}
