//! What a response says, or why it says nothing.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Cause, Usage};
use crate::judge::provider::{Fault, RawReply, Reply, Retry};
use crate::judge::words::{by_status, is_overflow, no_content, no_reply, quote, truncated};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Value>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
    #[serde(default)]
    block_reason_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
    /// What it thought is not what it says.
    #[serde(default)]
    thought: bool,
}

pub(super) fn read(raw: &RawReply) -> Result<Reply, Fault> {
    if !(200..300).contains(&raw.status) {
        return Err(failed(raw));
    }
    let response: Response =
        serde_json::from_str(&raw.body).map_err(|e| no_reply(raw, "generateContent response", &e))?;
    if response.error.as_ref().is_some_and(|error| !error.is_null()) {
        return Err(failed(raw));
    }
    let usage = usage(response.usage_metadata.as_ref());
    let fault = |cause, retry, detail: String| Err(Fault { usage, ..Fault::new(cause, retry, detail) });
    let Some(candidate) = response.candidates.into_iter().next() else {
        let (reason, message) = response
            .prompt_feedback
            .map_or((None, None), |feedback| (feedback.block_reason, feedback.block_reason_message));
        return match reason {
            Some(reason) => {
                let detail = format!("the prompt was blocked ({reason}): {}", quote(&message.unwrap_or_default()));
                fault(Cause::ContentFilter, Retry::Never, detail)
            }
            None => {
                fault(Cause::ProviderError, Retry::Later(raw.retry_after), "the reply has no candidates".to_owned())
            }
        };
    };
    let finish = candidate.finish_reason.as_deref().unwrap_or("none").to_owned();
    let said = || quote(candidate.finish_message.as_deref().unwrap_or_default());
    match finish.as_str() {
        "MAX_TOKENS" => return Err(Fault { usage, ..truncated(usage.output_tokens, "maxOutputTokens") }),
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => {
            let detail = format!("the provider stopped the reply ({finish}): {}", said());
            return fault(Cause::ContentFilter, Retry::Never, detail);
        }
        "MALFORMED_RESPONSE"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "OTHER"
        | "LANGUAGE"
        | "MISSING_THOUGHT_SIGNATURE" => {
            let detail = format!("the provider ended the reply early ({finish}): {}", said());
            return fault(Cause::ProviderError, Retry::Later(raw.retry_after), detail);
        }
        // STOP, and whatever comes to be: the text itself is read strictly.
        _ => {}
    }
    let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
    let text: String = parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text).collect();
    if text.trim().is_empty() {
        return Err(Fault { usage, ..no_content(raw, &finish) });
    }
    Ok(Reply { text, model: response.model_version, usage })
}

/// Their prompt count includes what was cached, their candidates' count leaves out thoughts.
fn usage(usage: Option<&Value>) -> Usage {
    let number = |name: &str| usage.and_then(|u| u.get(name)).and_then(Value::as_u64).unwrap_or(0);
    let thoughts = number("thoughtsTokenCount");
    Usage {
        input_tokens: number("promptTokenCount") + number("toolUsePromptTokenCount"),
        cached_input_tokens: number("cachedContentTokenCount"),
        cache_write_tokens: 0,
        output_tokens: number("candidatesTokenCount") + thoughts,
        reasoning_tokens: thoughts,
    }
}

fn failed(raw: &RawReply) -> Fault {
    let body: Value = serde_json::from_str(&raw.body).unwrap_or(Value::Null);
    // A stream's error comes as a list of one.
    let error = body.pointer("/error").or_else(|| body.pointer("/0/error")).cloned().unwrap_or(Value::Null);
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let label = if text("status").is_empty() { "no status" } else { text("status") };
    let message = if error.is_object() { text("message") } else { raw.body.as_str() };
    let inside = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = if raw.status < 300 { inside.filter(|code| *code >= 400).unwrap_or(500) } else { raw.status };
    let detail = format!("HTTP {} ({label}): {}", raw.status, quote(message));
    let details = error.get("details").and_then(Value::as_array).cloned().unwrap_or_default();
    let (cause, retry) = if is_overflow(status, message) {
        (Cause::ContextOverflow, Retry::Never)
    } else if rejects_form(raw.status, &raw.body) {
        (Cause::ProviderError, Retry::Adapted)
    } else if status == 429 && details.iter().any(of_the_day) {
        // No pause of minutes brings back a day's quota.
        (Cause::RateLimited, Retry::Never)
    } else {
        by_status(status, details.iter().find_map(retry_delay).or(raw.retry_after))
    };
    Fault::new(cause, retry, detail)
}

/// `{"@type": ".../google.rpc.RetryInfo", "retryDelay": "34s"}`
fn retry_delay(detail: &Value) -> Option<Duration> {
    let seconds: f64 = detail.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// `{"@type": ".../google.rpc.QuotaFailure", "violations": [{"quotaId": "...PerDay..."}]}`
fn of_the_day(detail: &Value) -> bool {
    let violations = detail.get("violations").and_then(Value::as_array);
    let id =
        |violation: &Value| violation.get("quotaId").and_then(Value::as_str).is_some_and(|id| id.contains("PerDay"));
    violations.is_some_and(|violations| violations.iter().any(id))
}

/// A model that does not take the schema, or no JSON mode at all.
pub(super) fn rejects_form(status: u16, body: &str) -> bool {
    const WORDS: &[&str] = &[
        "responseJsonSchema",
        "response_json_schema",
        "responseSchema",
        "response_schema",
        "responseMimeType",
        "response_mime_type",
        "JSON mode",
    ];
    status == 400 && WORDS.iter().any(|word| body.contains(word))
}
