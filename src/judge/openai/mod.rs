//! `openai`: `POST {base_url}/chat/completions`, OpenAI's own and the many servers that speak it.
//!
//! The reply is asked for by JSON Schema (`response_format`, strict). A server that rejects that (some answer 400,
//! llama.cpp answers 500) is asked for a JSON object, then for plain text; what works is remembered for the judge. The
//! prompt describes the form in words too, so that all three modes ask for the same thing.
//!
//! Settings, sent only where they are configured, because models reject what they do not take: `temperature`,
//! `top_p`, `seed`, `reasoning_effort`, `verbosity`, `service_tier`, `prompt_cache_key`; `max_completion_tokens`
//! (default 4096; give `max_tokens` instead for servers that only know that). `response_format` (`json_schema`,
//! `json_object`, `text`) sets where the modes begin; `image_detail` (`auto`) goes with images; `base_url`.
//!
//! Limits: no streaming, one choice. No idempotency key exists: a call repeated after a lost reply is paid again.
//! Source: OpenAI's published OpenAPI and SDK 3.52.0.

mod body;
mod read;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;

use super::config::{JudgeConfig, JudgeError, Secret};
use super::http::{self, Limits};
use super::pause::retry_after;
use super::provider::{Fault, Lost, Provider, RawReply, Reply};
use super::seams::Seams;
use crate::domain::Prompt;
use body::{Mode, Writer};

const BASE_URL: &str = "https://api.openai.com/v1";
/// The host that answers nobody without a key.
const KEYED_HOST: &str = "api.openai.com";

struct OpenAi {
    url: reqwest::Url,
    authorization: Option<HeaderValue>,
    key: Option<Secret>,
    limits: Limits,
    writer: Writer,
    /// The first mode that the server has not rejected.
    mode: AtomicU8,
    seams: Seams,
}

pub(super) fn make(config: &mut JudgeConfig, seams: &Seams) -> Result<Arc<dyn Provider>, JudgeError> {
    let spec = &mut config.spec;
    if spec.settings.is_null() {
        spec.settings = serde_json::json!({});
    }
    let Some(settings) = spec.settings.as_object_mut() else {
        return Err(JudgeError::setting(spec, "settings", &spec.settings, "it is not an object of names and values"));
    };
    let stated = settings.get("base_url").and_then(|v| v.as_str()).map(str::to_owned);
    let base_url = config.base_url.clone().or(stated).unwrap_or_else(|| BASE_URL.to_owned());
    let base_url = base_url.trim_end_matches('/').to_owned();
    // Where the model runs shapes its answers: it belongs to the judge's fingerprint.
    settings.insert("base_url".to_owned(), base_url.as_str().into());
    let invalid = |problem: &str| JudgeError::setting(spec, "base_url", &base_url, problem);
    let url: reqwest::Url = format!("{base_url}/chat/completions")
        .parse()
        .map_err(|_| invalid("it is not a URL; write for instance https://api.openai.com/v1"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !url.username().is_empty() {
        return Err(invalid("it is not an http(s) URL without credentials; give the key by `api_key_env`"));
    }
    if base_url.ends_with("/chat/completions") {
        return Err(invalid("it names the call; leave `/chat/completions` out"));
    }
    let key = config.api_key.clone().filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() && url.host_str() == Some(KEYED_HOST) {
        return Err(JudgeError::MissingKey {
            judge: spec.name.to_string(),
            base_url,
            variable: config.api_key_env.clone().unwrap_or_else(|| "OPENAI_API_KEY".to_owned()),
        });
    }
    let authorization = key.as_ref().map(|key| bearer(spec, key)).transpose()?;
    let (writer, mode) = Writer::new(spec)?;
    let limits = Limits { total: config.timeout, read: config.read_timeout, body: config.max_reply_bytes };
    let mode = AtomicU8::new(mode as u8);
    Ok(Arc::new(OpenAi { url, authorization, key, limits, writer, mode, seams: seams.clone() }))
}

fn bearer(spec: &crate::domain::JudgeSpec, key: &Secret) -> Result<HeaderValue, JudgeError> {
    let text = format!("Bearer {}", key.expose_secret().trim());
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        JudgeError::setting(spec, "api_key", "(hidden)", "it has characters that no HTTP header can carry")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[async_trait]
impl Provider for OpenAi {
    async fn send(&self, prompt: &Prompt, correction: Option<&str>) -> Result<RawReply, Lost> {
        let mode = Mode::from_u8(self.mode.load(Ordering::Relaxed));
        let body = self.writer.body(prompt, correction, mode);
        let mut request = self.seams.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let received = http::exchange(request, self.limits).await?;
        let retry_after = retry_after(&received.headers, self.seams.clock.now());
        let mut body = received.body;
        // Some servers quote the key in their error.
        if let Some(key) = &self.key
            && body.contains(key.expose_secret().trim())
        {
            body = body.replace(key.expose_secret().trim(), "[key]");
        }
        if read::rejects_format(received.status, &body) {
            // Whoever comes first steps down; calls that were under way with the same mode do not step again.
            let (from, to) = (mode as u8, mode.next() as u8);
            let _ = self.mode.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
        Ok(RawReply { status: received.status, body, latency_ms: received.latency_ms, retry_after })
    }

    fn read(&self, raw: &RawReply) -> Result<Reply, Fault> {
        read::read(raw)
    }
}
