//! How each provider says the same things: an answer, a refusal, a reply that was cut off, an error. Shapes as the
//! providers publish them; `fixtures/judge` holds whole replies.

use serde_json::{Value, json};

use super::{Action, completion};

/// One provider's way of saying things.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// As configurations name it.
    pub provider: &'static str,
    /// What a call for the model `gpt-test` asks for, behind the origin.
    pub path: &'static str,
    /// The part of the path that belongs to the base URL.
    pub base: &'static str,
    answer: fn(&str) -> Value,
    refusal: fn() -> Value,
    truncated: fn(&str) -> Value,
    empty: fn() -> Value,
    error: fn(u16, &str) -> Value,
    /// What a server that does not take the schema says.
    rejection: &'static str,
}

/// Every dialect there is.
pub const DIALECTS: &[Dialect] = &[
    Dialect {
        provider: "openai",
        path: "/v1/chat/completions",
        base: "/v1",
        answer: |text| completion(json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
        refusal: || completion(json!({"role": "assistant", "content": null, "refusal": "No."}), "stop"),
        truncated: |text| completion(json!({"role": "assistant", "content": text}), "length"),
        empty: || json!({"id": "x", "choices": [], "usage": null}),
        error: |_, message| json!({"error": {"message": message, "type": "error", "param": null, "code": null}}),
        rejection: "Invalid parameter: 'response_format' of type 'json_schema' is not supported",
    },
    Dialect {
        provider: "openai_responses",
        path: "/v1/responses",
        base: "/v1",
        answer: |text| response("completed", Value::Null, &json!([{"type": "output_text", "text": text}])),
        refusal: || response("completed", Value::Null, &json!([{"type": "refusal", "refusal": "No."}])),
        truncated: |text| {
            let why = json!({"reason": "max_output_tokens"});
            response("incomplete", why, &json!([{"type": "output_text", "text": text}]))
        },
        empty: || response("completed", Value::Null, &json!([])),
        error: |_, message| json!({"error": {"message": message, "type": "error", "param": null, "code": null}}),
        rejection: "Unsupported parameter: 'text.format' is not supported with this model",
    },
    Dialect {
        provider: "anthropic",
        path: "/v1/messages",
        base: "",
        answer: |text| message(&json!([{"type": "text", "text": text}]), "end_turn"),
        refusal: || message(&json!([]), "refusal"),
        truncated: |text| message(&json!([{"type": "text", "text": text}]), "max_tokens"),
        empty: || message(&json!([]), "end_turn"),
        error: |status, message| {
            let kind = match status {
                400 => "invalid_request_error",
                401 => "authentication_error",
                429 => "rate_limit_error",
                504 => "timeout_error",
                529 => "overloaded_error",
                _ => "api_error",
            };
            json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"})
        },
        rejection: "output_config.format: Extra inputs are not permitted",
    },
    Dialect {
        provider: "gemini",
        path: "/v1beta/models/gpt-test:generateContent",
        base: "/v1beta",
        answer: |text| candidate(&json!([{"text": text}]), "STOP"),
        refusal: || json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1_000}}),
        truncated: |text| candidate(&json!([{"text": text}]), "MAX_TOKENS"),
        empty: || json!({"usageMetadata": {"promptTokenCount": 1_000}}),
        error: |status, message| {
            let name = match status {
                400 => "INVALID_ARGUMENT",
                401 => "UNAUTHENTICATED",
                429 => "RESOURCE_EXHAUSTED",
                503 => "UNAVAILABLE",
                504 => "DEADLINE_EXCEEDED",
                _ => "INTERNAL",
            };
            json!({"error": {"code": status, "message": message, "status": name}})
        },
        rejection: "Unknown name \"responseJsonSchema\" at 'generation_config': Cannot find field.",
    },
];

impl Dialect {
    /// A good reply whose text is `text`.
    #[must_use]
    pub fn text(&self, text: &str) -> Action {
        Action::json(200, &(self.answer)(text))
    }

    /// A well-formed answer with this label and no evidence.
    #[must_use]
    pub fn answer(&self, label: &str) -> Action {
        self.text(&json!({"evidence": [], "reason": "as scripted", "answer": label}).to_string())
    }

    /// The model, or the provider for it, will not.
    #[must_use]
    pub fn refusal(&self) -> Action {
        Action::json(200, &(self.refusal)())
    }

    /// Ended for its length.
    #[must_use]
    pub fn truncated(&self, text: &str) -> Action {
        Action::json(200, &(self.truncated)(text))
    }

    /// A 200 without anything in it.
    #[must_use]
    pub fn empty(&self) -> Action {
        Action::json(200, &(self.empty)())
    }

    #[must_use]
    pub fn error(&self, status: u16, message: &str) -> Action {
        Action::json(status, &(self.error)(status, message))
    }

    /// An error's body under a 200.
    #[must_use]
    pub fn error_in_200(&self) -> Action {
        Action::json(200, &(self.error)(500, "upstream"))
    }

    /// The server does not take the way in which the reply's form was asked for.
    #[must_use]
    pub fn rejection(&self) -> Action {
        self.error(400, self.rejection)
    }
}

fn response(status: &str, incomplete: Value, content: &Value) -> Value {
    json!({
        "id": "resp_fake", "object": "response", "created_at": 1_790_000_000, "status": status, "error": null,
        "incomplete_details": incomplete, "instructions": null, "metadata": {}, "model": "fake-1-2026-11-01",
        "output": [{"type": "message", "id": "msg_fake", "role": "assistant", "status": status, "content": content}],
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": {
            "input_tokens": 1_000, "input_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 0},
            "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 10}, "total_tokens": 1_050
        }
    })
}

fn message(content: &Value, stop: &str) -> Value {
    json!({
        "id": "msg_fake", "type": "message", "role": "assistant", "model": "fake-1-2026-11-01", "content": content,
        "stop_reason": stop, "stop_sequence": null,
        "usage": {
            "input_tokens": 200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 800,
            "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 10}, "service_tier": "standard"
        }
    })
}

fn candidate(parts: &Value, finish: &str) -> Value {
    json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 1_000, "cachedContentTokenCount": 800, "candidatesTokenCount": 40,
            "thoughtsTokenCount": 10, "totalTokenCount": 1_050
        },
        "modelVersion": "fake-1-2026-11-01", "responseId": "fake"
    })
}
