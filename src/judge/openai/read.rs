//! What a reply says, or why it says nothing. Nothing is taken for an answer because a field is missing.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Cause, Usage};
use crate::judge::provider::{Fault, RawReply, Reply, Retry};

/// Of a provider's message in a detail.
const MAX_DETAIL_CHARS: usize = 500;

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
        return Err(failed(raw));
    }
    let completion: Completion = serde_json::from_str(&raw.body).map_err(|e| {
        let detail = format!("HTTP {} with a body that is no chat completion ({e}): {}", raw.status, quote(&raw.body));
        Fault::new(Cause::ProviderError, Retry::Later(raw.retry_after), detail)
    })?;
    let usage = usage(completion.usage.as_ref());
    text(raw, completion, usage).map_err(|fault| Fault { usage, ..fault })
}

fn text(raw: &RawReply, completion: Completion, usage: Usage) -> Result<Reply, Fault> {
    let again = Retry::Later(raw.retry_after);
    if let Some(error) = completion.error.filter(|e| !e.is_null()) {
        return Err(classify(raw.status, &error, raw));
    }
    let Some(choice) = completion.choices.unwrap_or_default().into_iter().next() else {
        return Err(Fault::new(Cause::ProviderError, again, "the reply has no choices"));
    };
    if let Some(error) = choice.error.filter(|e| !e.is_null()) {
        return Err(classify(raw.status, &error, raw));
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
        "length" => {
            let detail = format!(
                "the reply was cut off after {} output tokens; raise `max_completion_tokens`",
                usage.output_tokens
            );
            return Err(Fault::new(Cause::Truncated, Retry::Never, detail));
        }
        "error" => return Err(Fault::new(Cause::ProviderError, again, "the provider ended the reply with an error")),
        _ => {}
    }
    match content.as_ref().and_then(content_text).filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(Reply { text, model: completion.model, usage }),
        None => {
            let detail = format!("the reply has no content (finish_reason {finish})");
            Err(Fault::new(Cause::ProviderError, again, detail))
        }
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
        output_tokens: number("/completion_tokens"),
        reasoning_tokens: number("/completion_tokens_details/reasoning_tokens"),
    }
}

fn failed(raw: &RawReply) -> Fault {
    let body: Value = serde_json::from_str(&raw.body).unwrap_or(Value::Null);
    match body.get("error") {
        Some(error) if !error.is_null() => classify(raw.status, error, raw),
        _ => classify(raw.status, &Value::String(raw.body.clone()), raw),
    }
}

/// From a status and an error object (or text). Inside a 200 the error's own code stands for the status.
fn classify(status: u16, error: &Value, raw: &RawReply) -> Fault {
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
    let says = |words: &[&str]| {
        let message = message.to_lowercase();
        words.iter().any(|word| message.contains(word))
    };
    let (cause, retry) = if is(&["context_length_exceeded", "exceed_context_size_error"])
        || (matches!(status, 400 | 413 | 422)
            && says(&[
                "maximum context length",
                "context window",
                "context size",
                "context length",
                "prompt is too long",
            ]))
        || status == 413
    {
        (Cause::ContextOverflow, Retry::Never)
    } else if is(&["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"]) {
        // It needs a person, not a pause.
        (if status == 429 { Cause::RateLimited } else { Cause::ProviderError }, Retry::Never)
    } else if is(&["content_filter", "content_policy_violation"]) {
        (Cause::ContentFilter, Retry::Never)
    } else if rejects_format(raw.status, &raw.body) {
        (Cause::ProviderError, Retry::Adapted)
    } else {
        let later = Retry::Later(raw.retry_after);
        match status {
            429 => (Cause::RateLimited, later),
            408 | 504 => (Cause::Timeout, later),
            409 | 500.. => (Cause::ProviderError, later),
            _ => (Cause::ProviderError, Retry::Never),
        }
    };
    Fault::new(cause, retry, detail)
}

/// Whether a server rejects the way in which JSON was asked for: 400 or 422 from most, 500 from llama.cpp.
pub(super) fn rejects_format(status: u16, body: &str) -> bool {
    matches!(status, 400 | 422 | 500 | 501) && (body.contains("response_format") || body.contains("json_schema"))
}

fn quote(text: &str) -> String {
    let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL_CHARS).collect();
    if text.chars().nth(MAX_DETAIL_CHARS).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[derive(Deserialize)]
    struct Case {
        status: u16,
        body: Value,
        expect: Expect,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Expect {
        Reply { text: String, model: Option<String>, usage: Usage },
        Fault { cause: Cause, retry: String },
    }

    #[test]
    fn every_kept_reply_is_read_as_its_file_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judge/openai");
        let mut cases = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let case: Case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let body = case.body.as_str().map_or_else(|| case.body.to_string(), str::to_owned);
            let read = read(&RawReply { status: case.status, body, latency_ms: 0, retry_after: None });
            match (case.expect, read) {
                (Expect::Reply { text, model, usage }, read) => {
                    assert_eq!(read, Ok(Reply { text, model, usage }), "{}", path.display());
                }
                (Expect::Fault { cause, retry }, Err(fault)) => {
                    let got = match fault.retry {
                        Retry::Never => "never",
                        Retry::Adapted => "adapted",
                        Retry::Later(_) => "later",
                    };
                    assert_eq!((fault.cause, got), (cause, retry.as_str()), "{}: {}", path.display(), fault.detail);
                }
                (Expect::Fault { .. }, Ok(reply)) => panic!("{} was read as {reply:?}", path.display()),
            }
            cases += 1;
        }
        assert!(cases >= 15, "only {cases} cases were found");
    }
}
