//! Replies as providers send them, kept in `fixtures/judge/<provider>`, and what must be read out of each.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::fake::{StillTimer, seams};
use super::{JudgeConfig, PROVIDERS, RawReply, Reply, Retry, Secret};
use crate::domain::{Cause, JudgeName, JudgeSpec, Usage};

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

/// Reads every kept reply of a provider; answers with how many there were.
fn replies_of(provider: &str) -> usize {
    let spec = JudgeSpec {
        name: JudgeName::parse("one").unwrap(),
        provider: provider.to_owned(),
        model: "model-1".to_owned(),
        settings: json!({}),
        vision: false,
        images: None,
        audio: false,
        video: false,
        max_input_chars: 100_000,
        price: None,
    };
    let mut config = JudgeConfig { api_key: Some(Secret::from("k".to_owned())), ..JudgeConfig::new(spec) };
    let (_, make) = PROVIDERS.iter().find(|(name, _)| *name == provider).unwrap();
    let reader = make(&mut config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judge").join(provider);
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let body = case.body.as_str().map_or_else(|| case.body.to_string(), str::to_owned);
        let read =
            reader.read(&RawReply { status: case.status, body, latency_ms: 0, retry_after: None, used_up_for: None });
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
    cases
}

#[test]
fn every_kept_reply_is_read_as_its_file_says() {
    for (provider, least) in [("openai", 15), ("openai_responses", 17), ("anthropic", 21), ("gemini", 20)] {
        let cases = replies_of(provider);
        assert!(cases >= least, "only {cases} replies of {provider} were found");
    }
}
