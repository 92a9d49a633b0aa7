//! The request. The JSON form of a prefix (escaping and Base64 are most of the work) is made once per submission
//! and judge; a call copies it between what is its own.

use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::domain::{JudgeSpec, Part, Prefix, Prompt};
use crate::judge::cache::PrefixCache;
use crate::judge::config::JudgeError;

/// Parameters that go into the request as they are.
const PASSED: &[&str] = &[
    "temperature",
    "top_p",
    "seed",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "prompt_cache_key",
    "max_completion_tokens",
    "max_tokens",
];
/// Settings of ours.
const OWN: &[&str] = &["base_url", "response_format", "image_detail"];
const MAX_COMPLETION_TOKENS: u32 = 4_096;
const CACHE_BYTES: usize = 32 << 20;

/// How a JSON reply is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    Schema = 0,
    Object = 1,
    Text = 2,
}

impl Mode {
    pub(super) fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Schema,
            1 => Self::Object,
            _ => Self::Text,
        }
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::Schema => Self::Object,
            Self::Object | Self::Text => Self::Text,
        }
    }
}

pub(super) struct Writer {
    /// `{"model": ..., settings` without the closing brace.
    head: String,
    image_detail: String,
    cache: PrefixCache<PrefixJson>,
}

struct PrefixJson {
    json: String,
    /// Parts of a list, because there are images; otherwise the inside of one string, which every server takes.
    parts: bool,
}

impl Writer {
    pub(super) fn new(spec: &JudgeSpec) -> Result<(Self, Mode), JudgeError> {
        let mut head = Map::new();
        head.insert("model".to_owned(), spec.model.as_str().into());
        let settings = spec.settings.as_object().cloned().unwrap_or_default();
        for (name, value) in &settings {
            if PASSED.contains(&name.as_str()) {
                head.insert(name.clone(), value.clone());
            } else if !OWN.contains(&name.as_str()) {
                let problem = format!("there is no such setting; known are {}, {}", PASSED.join(", "), OWN.join(", "));
                return Err(JudgeError::setting(spec, name, value, problem));
            }
        }
        if !head.contains_key("max_tokens") {
            head.entry("max_completion_tokens").or_insert_with(|| MAX_COMPLETION_TOKENS.into());
        }
        let mode = match settings.get("response_format").map(|v| v.as_str().unwrap_or_default()) {
            None | Some("json_schema") => Mode::Schema,
            Some("json_object") => Mode::Object,
            Some("text") => Mode::Text,
            Some(other) => {
                let problem = "use json_schema, json_object or text";
                return Err(JudgeError::setting(spec, "response_format", other, problem));
            }
        };
        let image_detail = settings.get("image_detail").and_then(Value::as_str).unwrap_or("auto").to_owned();
        let mut head = Value::Object(head).to_string();
        head.pop();
        Ok((Self { head, image_detail, cache: PrefixCache::new(CACHE_BYTES) }, mode))
    }

    pub(super) fn body(&self, prompt: &Prompt, correction: Option<&str>, mode: Mode) -> String {
        let prefix = self.cache.get(&prompt.prefix, |prefix| {
            let prefix = self.prefix(prefix);
            let bytes = prefix.json.len();
            (prefix, bytes)
        });
        let mut out =
            String::with_capacity(prefix.json.len() + prompt.system.len() + 4 * prompt.question.len() + 4_096);
        out.push_str(&self.head);
        match mode {
            Mode::Schema => {
                let schema = json!({"name": "verdict", "strict": true, "schema": prompt.ask.reply_schema()});
                let _ = write!(out, r#","response_format":{{"type":"json_schema","json_schema":{schema}}}"#);
            }
            Mode::Object => out.push_str(r#","response_format":{"type":"json_object"}"#),
            Mode::Text => {}
        }
        out.push_str(r#","messages":[{"role":"system","content":""#);
        escape(&prompt.system, &mut out);
        out.push_str(r#""},{"role":"user","content":"#);
        out.push_str(if prefix.parts { "[" } else { "\"" });
        out.push_str(&prefix.json);
        if prefix.parts {
            out.push_str(r#",{"type":"text","text":""#);
        }
        escape(&prompt.question, &mut out);
        if let Some(correction) = correction {
            escape("\n\nYour previous reply could not be used: ", &mut out);
            escape(correction, &mut out);
            escape("\nReply again, with one JSON object in the form described above and nothing else.", &mut out);
        }
        out.push_str(if prefix.parts { "\"}]" } else { "\"" });
        out.push_str("}]}");
        out
    }

    fn prefix(&self, prefix: &Prefix) -> PrefixJson {
        let parts = prefix.parts.iter().any(|part| matches!(part, Part::Image { .. }));
        let mut json = String::new();
        for (index, part) in prefix.parts.iter().enumerate() {
            if parts && index > 0 {
                json.push(',');
            }
            match part {
                Part::Text(text) if !parts => escape(text, &mut json),
                Part::Text(text) => {
                    json.push_str(r#"{"type":"text","text":""#);
                    escape(text, &mut json);
                    json.push_str("\"}");
                }
                Part::Image { image, .. } => {
                    let _ =
                        write!(json, r#"{{"type":"image_url","image_url":{{"url":"data:{};base64,"#, image.media_type);
                    base64::engine::general_purpose::STANDARD.encode_string(&image.bytes, &mut json);
                    let _ = write!(json, r#"","detail":{}}}}}"#, Value::from(self.image_detail.as_str()));
                }
            }
        }
        PrefixJson { json, parts }
    }
}

/// The text as the inside of a JSON string.
fn escape(text: &str, out: &mut String) {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    out.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}
