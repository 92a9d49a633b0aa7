//! `recorded`: replies from a JSONL file, for replay and for tests without a network.
//!
//! One line per reply: `{"prompt": <fingerprint>, "reply": <text>, "judge"?: <name>, "ended"?: <cause>, "model"?:
//! <label>, "usage"?: {...}}`. With `judge` the line is that judge's alone, so that one file can hold a panel; with
//! `ended` (`truncated`, `refused`, `content_filter`) the provider said that the reply is no usable one. A prompt
//! that is recorded several times is answered in turn, the last reply over and over; repeats and re-asks of a live
//! judge are recorded that way. A prompt that is not recorded fails with `not_recorded`: nothing is made up. The
//! recording's hash becomes the setting `recording`, because it shapes every answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::config::{JudgeConfig, JudgeError};
use super::provider::{Fault, Lost, Provider, RawReply, Reply, Retry};
use super::seams::Seams;
use crate::domain::{Cause, Fingerprint, Prompt, Usage};

const FORM: &str = r#"{"prompt": "<fingerprint>", "reply": "<text>", "model"?: "<label>", "usage"?: {...}}"#;
/// The status under which an absent reply is kept in the journal.
const NOT_RECORDED: u16 = 404;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prompt: String,
    reply: String,
    #[serde(default)]
    judge: Option<String>,
    #[serde(default)]
    ended: Option<Cause>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Serialize, Deserialize, Clone)]
struct Kept {
    reply: String,
    #[serde(default)]
    ended: Option<Cause>,
    model: Option<String>,
    usage: Option<Usage>,
}

struct Recorded {
    replies: HashMap<String, Vec<Kept>>,
    /// How often each prompt was asked.
    asked: Mutex<HashMap<String, usize>>,
}

pub(super) fn make(config: &mut JudgeConfig, _: &Seams) -> Result<Arc<dyn Provider>, JudgeError> {
    let judge = config.spec.name.to_string();
    let Some(text) = config.recording.clone() else { return Err(JudgeError::MissingRecording { judge }) };
    let mut replies: HashMap<String, Vec<Kept>> = HashMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| JudgeError::Recording {
            judge: judge.clone(),
            line: index + 1,
            problem: e.to_string(),
            form: FORM,
        })?;
        if line.judge.as_ref().is_some_and(|name| *name != judge) {
            continue;
        }
        let Line { prompt, reply, judge: _, ended, model, usage } = line;
        replies.entry(prompt).or_default().push(Kept { reply, ended, model, usage });
    }
    let hash = Fingerprint::of_bytes(text.as_bytes());
    let settings = &mut config.spec.settings;
    if settings.is_null() {
        *settings = serde_json::json!({});
    }
    match settings.as_object_mut() {
        Some(settings) => settings.insert("recording".to_owned(), hash.as_str().into()),
        None => {
            return Err(JudgeError::setting(&config.spec, "settings", &config.spec.settings, "it is not an object"));
        }
    };
    Ok(Arc::new(Recorded { replies, asked: Mutex::default() }))
}

#[async_trait]
impl Provider for Recorded {
    async fn send(&self, prompt: &Prompt, _: Option<&str>) -> Result<RawReply, Lost> {
        let fingerprint = prompt.fingerprint.as_str();
        let raw = |status, body| RawReply { status, body, latency_ms: 0, retry_after: None, used_up_for: None };
        let Some(replies) = self.replies.get(fingerprint) else {
            return Ok(raw(NOT_RECORDED, format!("no reply is recorded for prompt {fingerprint}")));
        };
        let turn = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = asked.entry(fingerprint.to_owned()).or_default();
            *turn += 1;
            *turn - 1
        };
        let kept = &replies[turn.min(replies.len() - 1)];
        Ok(raw(200, serde_json::json!(kept).to_string()))
    }

    fn read(&self, raw: &RawReply) -> Result<Reply, Fault> {
        if raw.status == NOT_RECORDED {
            return Err(Fault::new(Cause::NotRecorded, Retry::Never, &raw.body));
        }
        let kept: Kept = serde_json::from_str(&raw.body).map_err(|e| {
            Fault::new(Cause::Unparseable, Retry::Never, format!("the kept reply is not what was recorded: {e}"))
        })?;
        let usage = kept.usage.unwrap_or_default();
        if let Some(cause) = kept.ended {
            let said: String = kept.reply.chars().take(200).collect();
            let detail = format!("the reply ended as {}: {said}", cause.as_str());
            return Err(Fault { usage, ..Fault::new(cause, Retry::Never, detail) });
        }
        Ok(Reply { text: kept.reply, model: kept.model, usage })
    }
}
