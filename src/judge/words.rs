//! What providers say when they fail, in the words that several of them share.

use std::time::Duration;

use crate::domain::Cause;
use crate::judge::provider::{Fault, RawReply, Retry};

/// Of a provider's message in a detail.
const MAX_DETAIL_CHARS: usize = 500;

/// The beginning of a provider's message, on one line.
pub(super) fn quote(text: &str) -> String {
    let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL_CHARS).collect();
    if text.chars().nth(MAX_DETAIL_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// Whether an error says that the prompt is longer than the model takes.
pub(super) fn is_overflow(status: u16, message: &str) -> bool {
    const WORDS: &[&str] = &[
        "maximum context length",
        "context window",
        "context size",
        "context length",
        "context limit",
        "prompt is too long",
        "exceeds the maximum number of tokens",
    ];
    let message = message.to_lowercase();
    status == 413 || (matches!(status, 400 | 422) && WORDS.iter().any(|word| message.contains(word)))
}

/// What an HTTP status means when nothing more is known. `wish` is the provider's own pause.
pub(super) fn by_status(status: u16, wish: Option<Duration>) -> (Cause, Retry) {
    let later = Retry::Later(wish);
    match status {
        429 => (Cause::RateLimited, later),
        408 | 504 => (Cause::Timeout, later),
        409 | 500.. => (Cause::ProviderError, later),
        _ => (Cause::ProviderError, Retry::Never),
    }
}

/// A 2xx whose body is not what the interface promises: a proxy's page, half a JSON.
pub(super) fn no_reply(raw: &RawReply, expected: &str, error: &serde_json::Error) -> Fault {
    let detail = format!("HTTP {} with a body that is no {expected} ({error}): {}", raw.status, quote(&raw.body));
    Fault::new(Cause::ProviderError, Retry::Later(raw.retry_after), detail)
}

/// A reply without a text that could be read.
pub(super) fn no_content(raw: &RawReply, ended: &str) -> Fault {
    let detail = format!("the reply has no content (it ended with: {ended})");
    Fault::new(Cause::ProviderError, Retry::Later(raw.retry_after), detail)
}

/// Cut off for its length.
pub(super) fn truncated(output_tokens: u64, setting: &str) -> Fault {
    let detail = format!("the reply was cut off after {output_tokens} output tokens; raise `{setting}`");
    Fault::new(Cause::Truncated, Retry::Never, detail)
}
