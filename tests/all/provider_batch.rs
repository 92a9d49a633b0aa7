//! Calls that are handed in together by the batch interfaces of OpenAI and Anthropic: half the price, and nothing lost or
//! handed in twice by a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use empanel::judge::fake::{Action, Call, FakeOpenAi, completion};
use serde_json::{Value, json};

use crate::support::{Home, NO_REVIEWS, Service, answers, statements, wait_for};

/// A provider's batch interface: batches by id, each a list of requests, and how often each was looked at.
#[derive(Clone, Default)]
struct Bureau(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, String>,
    batches: BTreeMap<String, Batch>,
    /// Looks after which a batch is over; `None` = never.
    over_after: Option<u32>,
    /// Requests that were handed in, by their requirement.
    handed_in: BTreeMap<String, u32>,
    /// What becomes of a request, by its requirement and how often it was handed in before.
    fault: Option<fn(&str, u32) -> Option<Value>>,
    live: u32,
}

#[derive(Clone, Default)]
struct Batch {
    name: Value,
    lines: Vec<(String, Value, u32)>,
    looks: u32,
}

fn requirement(body: &Value) -> String {
    let content = &body["messages"].as_array().unwrap().last().unwrap()["content"];
    let text = match content {
        Value::String(text) => text.clone(),
        parts => parts.as_array().unwrap().iter().filter_map(|part| part["text"].as_str()).collect(),
    };
    text.rsplit_once("# Criterion\n\n").unwrap().1.split("\n\n# ").next().unwrap().trim().to_owned()
}

impl Bureau {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn take_in(&self, name: Value, requests: Vec<(String, Value)>) -> String {
        let mut state = self.state();
        let id = format!("batch_{}", state.batches.len() + 1);
        let mut lines = Vec::new();
        for (custom_id, body) in requests {
            let before = state.handed_in.entry(requirement(&body)).or_default();
            lines.push((custom_id, body, *before));
            *before += 1;
        }
        state.batches.insert(id.clone(), Batch { name, lines, looks: 0 });
        id
    }

    fn look(&self, id: &str) -> bool {
        let mut state = self.state();
        let over_after = state.over_after;
        let batch = state.batches.get_mut(id).unwrap();
        batch.looks += 1;
        over_after.is_some_and(|over| batch.looks > over)
    }

    /// The lines of a batch's results, last request first.
    fn results(&self, id: &str, line: impl Fn(&str, &Value, Option<Value>) -> Option<Value>) -> Action {
        let state = self.state();
        let lines = state.batches[id].lines.iter().rev();
        let faulty = |body: &Value, before: u32| state.fault.and_then(|fault| fault(&requirement(body), before));
        let lines = lines.filter_map(|(id, body, before)| line(id, body, faulty(body, *before)));
        let body: String = lines.map(|line| format!("{line}\n")).collect();
        Action::Reply { status: 200, headers: vec![], body: body.into() }
    }

    fn openai(&self, call: &Call) -> Action {
        assert!(call.authorization.as_deref() == Some("Bearer sk-test"), "{:?}", call.headers);
        let body = String::from_utf8_lossy(&call.body).into_owned();
        let ok = |value: Value| Action::json(200, &value);
        let path = call.path.strip_prefix("/v1").unwrap();
        match path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["files"] => {
                assert!(body.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{body}");
                let (_, file) = body.split_once("Content-Type: application/jsonl\r\n\r\n").unwrap();
                let (file, _) = file.rsplit_once("\r\n--").unwrap();
                let mut state = self.state();
                let id = format!("file-{}", state.files.len() + 1);
                state.files.insert(id.clone(), file.to_owned());
                ok(json!({"id": id, "object": "file", "purpose": "batch"}))
            }
            ["batches"] => {
                let asked: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(
                    (&asked["endpoint"], &asked["completion_window"]),
                    (&json!("/v1/chat/completions"), &json!("24h"))
                );
                let file = self.state().files[asked["input_file_id"].as_str().unwrap()].clone();
                let requests = file.lines().map(|line| {
                    let line: Value = serde_json::from_str(line).unwrap();
                    assert_eq!((&line["method"], &line["url"]), (&json!("POST"), &json!("/v1/chat/completions")));
                    (line["custom_id"].as_str().unwrap().to_owned(), line["body"].clone())
                });
                let id = self.take_in(asked["metadata"]["empanel"].clone(), requests.collect());
                ok(json!({"id": id, "status": "validating", "metadata": asked["metadata"]}))
            }
            [list] if list.starts_with("batches?") => {
                let state = self.state();
                let one = |(id, batch): (&String, &Batch)| json!({"id": id, "status": "in_progress", "metadata": {"empanel": batch.name}});
                ok(json!({"object": "list", "data": state.batches.iter().map(one).collect::<Vec<_>>()}))
            }
            ["batches", id] => match self.look(id) {
                true => ok(json!({"id": id, "status": "completed", "output_file_id": id, "error_file_id": null})),
                false => ok(json!({"id": id, "status": "in_progress", "output_file_id": null, "error_file_id": null})),
            },
            ["files", id, "content"] => self.results(id, |custom_id, _, fault| match fault {
                Some(Value::Null) => None,
                Some(fault) => Some(
                    json!({"id": "r", "custom_id": custom_id, "response": fault["response"], "error": fault["error"]}),
                ),
                None => {
                    let answer = json!({"evidence": [], "reason": "by batch", "answer": "MET"}).to_string();
                    let body = completion(json!({"role": "assistant", "content": answer, "refusal": null}), "stop");
                    let response = json!({"status_code": 200, "request_id": "q", "body": body});
                    Some(json!({"id": "r", "custom_id": custom_id, "response": response, "error": null}))
                }
            }),
            other => {
                self.state().live += 1;
                panic!("nothing is asked at once: {other:?}")
            }
        }
    }

    fn anthropic(&self, call: &Call) -> Action {
        let key = call.headers.iter().find(|(name, _)| name == "x-api-key");
        assert_eq!(key.map(|(_, value)| value.as_str()), Some("sk-test"));
        let ok = |value: Value| Action::json(200, &value);
        match call.path.trim_start_matches("/v1/messages/batches").trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            [""] => {
                let requests = call.json()["requests"].as_array().unwrap().clone();
                let requests = requests.iter().map(|one| (one["custom_id"].as_str().unwrap().to_owned(), one["params"].clone()));
                let id = self.take_in(Value::Null, requests.collect());
                ok(json!({"id": id, "type": "message_batch", "processing_status": "in_progress"}))
            }
            [id] => {
                let status = if self.look(id) { "ended" } else { "in_progress" };
                ok(json!({"id": id, "type": "message_batch", "processing_status": status}))
            }
            [id, "results"] => self.results(id, |custom_id, body, fault| match fault {
                Some(Value::Null) => None,
                Some(fault) => Some(json!({"custom_id": custom_id, "result": fault})),
                None => {
                    let answer = json!({"evidence": [], "reason": "by batch", "answer": "MET"}).to_string();
                    let message = json!({
                        "id": "m", "type": "message", "role": "assistant", "model": body["model"], "stop_reason": "end_turn",
                        "content": [{"type": "text", "text": answer}],
                        "usage": {"input_tokens": 1000, "output_tokens": 50, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
                    });
                    Some(json!({"custom_id": custom_id, "result": {"type": "succeeded", "message": message}}))
                }
            }),
            other => panic!("nothing is asked at once: {other:?}"),
        }
    }
}

fn home(provider: &str, server: &FakeOpenAi, more: &str) -> Home {
    let base = if provider == "openai" { server.base_url() } else { server.origin() };
    let home = Home::new("");
    home.write("key", "sk-test");
    let key = home.path("key").display().to_string();
    home.configure(
        "",
        &format!(
            "[[judges]]\nname = \"anna\"\nprovider = \"{provider}\"\nmodel = \"m\"\nbase_url = \"{base}\"\napi_key_file = \"{key}\"\n\
             batch_collect_s = 0.5\nbatch_poll_s = 0.02\nprice = {{ input = 1.0, output = 10.0 }}\n{more}\n\
             [[panels]]\nname = \"default\"\njudges = [\"anna\"]\nprovider_batch = true\n{NO_REVIEWS}\n"
        ),
    );
    home
}

async fn served(provider: &'static str, bureau: &Bureau) -> FakeOpenAi {
    let bureau = bureau.clone();
    FakeOpenAi::start(move |call| if provider == "openai" { bureau.openai(call) } else { bureau.anthropic(call) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_is_one_batch_for_half_the_price() {
    for provider in ["openai", "anthropic"] {
        let bureau = Bureau::default();
        bureau.state().over_after = Some(2);
        let server = served(provider, &bureau).await;
        let home = home(provider, &server, "");
        let service = Service::start(&home).await;
        let client = service.client();
        let submission = client.text("system", "A report.").await;
        let rubric = client.rubric(&statements(7)).await;
        let asked = json!({"submission_id": submission, "rubric_id": rubric});
        let quote = client.post("/v1/quotes", &asked).await.is(200);
        let id = client.grade(&submission, &rubric).await;
        let grading = client.settled(&format!("/v1/gradings/{id}")).await;
        assert_eq!(
            (&grading["status"], &grading["cost"]["calls"]),
            (&json!("completed"), &json!(7)),
            "{provider} {grading}"
        );
        let state = bureau.state();
        assert_eq!((state.batches.len(), state.live), (1, 0), "{provider}");
        let usage = &grading["cost"];
        let tokens = |name: &str| usage[name].as_f64().unwrap();
        let at_once = (tokens("input_tokens") + 10.0 * tokens("output_tokens")) / 1e6;
        assert!((usage["usd"].as_f64().unwrap() - at_once / 2.0).abs() < 1e-12, "{provider} {usage}");
        let at_once = (quote["input_tokens"].as_f64().unwrap() + 10.0 * quote["output_tokens"].as_f64().unwrap()) / 1e6;
        assert!((quote["usd"].as_f64().unwrap() - at_once / 2.0).abs() < 1e-9, "{provider} {quote}");
        assert_eq!(quote["seconds"], Value::Null, "nobody knows how long a batch takes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_within_a_batch_is_asked_in_the_next_one_and_what_fails_for_good_is_not() {
    // Statement 0 answers 500 once; 1 has no line once; 2 expires once; 3 is refused for good.
    let openai: fn(&str, u32) -> Option<Value> = |requirement, before| match (requirement, before) {
        ("Statement 0.", 0) => Some(json!({"response": {"status_code": 500, "body": {"error": {"message": "oops"}}}})),
        ("Statement 1.", 0) => Some(Value::Null),
        ("Statement 2.", 0) => Some(json!({"error": {"code": "batch_expired", "message": "too late"}})),
        ("Statement 3.", _) => Some(json!({"response": {"status_code": 400, "body": {"error": {"message": "bad"}}}})),
        _ => None,
    };
    let anthropic: fn(&str, u32) -> Option<Value> = |requirement, before| {
        let error = |kind: &str| json!({"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": "x"}}});
        match (requirement, before) {
            ("Statement 0.", 0) => Some(error("overloaded_error")),
            ("Statement 1.", 0) => Some(Value::Null),
            ("Statement 2.", 0) => Some(json!({"type": "expired"})),
            ("Statement 3.", _) => Some(error("invalid_request_error")),
            _ => None,
        }
    };
    for (provider, fault) in [("openai", openai), ("anthropic", anthropic)] {
        let bureau = Bureau::default();
        bureau.state().over_after = Some(0);
        bureau.state().fault = Some(fault);
        let server = served(provider, &bureau).await;
        let home = home(provider, &server, "");
        let service = Service::start(&home).await;
        let client = service.client();
        let submission = client.text("system", "A report.").await;
        let id = client.grade(&submission, &client.rubric(&statements(5)).await).await;
        let grading = client.settled(&format!("/v1/gradings/{id}")).await;
        assert_eq!(grading["status"], "partial", "{provider} {grading}");
        let votes = client.votes(&id).await;
        let said: Vec<String> = answers(&votes).into_values().collect();
        assert_eq!(said, ["MET", "MET", "MET", "provider_error", "MET"], "{provider}");
        let handed_in: Vec<u32> = bureau.state().handed_in.values().copied().collect();
        assert_eq!(handed_in, [2, 2, 2, 1, 1], "{provider}");
        assert_eq!(grading["cost"]["calls"], 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_fetches_the_batch_that_it_had_handed_in() {
    for provider in ["openai", "anthropic"] {
        let bureau = Bureau::default();
        let server = served(provider, &bureau).await;
        let home = home(provider, &server, "");
        let service = Service::start(&home).await;
        let client = service.client();
        let submission = client.text("system", "A report.").await;
        let id = client.grade(&submission, &client.rubric(&statements(6)).await).await;
        // What is looked at is in the journal. (A slow machine may need a second batch for the six.)
        wait_for("a look at all that was handed in", async || {
            let state = bureau.state();
            let looked_at = state.batches.values().all(|batch| batch.looks > 0);
            (looked_at && state.handed_in.len() == 6).then_some(())
        })
        .await;
        service.kill9();
        let before = bureau.state().batches.len();
        bureau.state().over_after = Some(0);
        let service = Service::start(&home).await;
        let grading = service.client().settled(&format!("/v1/gradings/{id}")).await;
        assert_eq!((&grading["status"], &grading["cost"]["calls"]), (&json!("completed"), &json!(6)), "{grading}");
        let state = bureau.state();
        assert_eq!(state.batches.len(), before, "{provider}: it is not handed in again");
        assert!(state.handed_in.values().all(|times| *times == 1), "{provider} {:?}", state.handed_in);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_stop_while_waiting_for_an_earlier_lifes_batch_does_not_hand_it_in_again() {
    let bureau = Bureau::default();
    let server = served("openai", &bureau).await;
    let home = home("openai", &server, "");
    let service = Service::start(&home).await;
    let client = service.client();
    let submission = client.text("system", "A report.").await;
    let id = client.grade(&submission, &client.rubric(&statements(4)).await).await;
    let looks = || bureau.state().batches.get("batch_1").map_or(0, |batch| batch.looks);
    let looked_at_again = async |before: u32| {
        wait_for("another look at the batch", async || (looks() > before + 1).then_some(())).await;
    };
    looked_at_again(0).await;
    service.kill9();
    let before = looks();
    let service = Service::start(&home).await;
    looked_at_again(before).await;
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    bureau.state().over_after = Some(0);
    let service = Service::start(&home).await;
    let grading = service.client().settled(&format!("/v1/gradings/{id}")).await;
    assert_eq!((&grading["status"], &grading["cost"]["calls"]), (&json!("completed"), &json!(4)), "{grading}");
    assert!(bureau.state().handed_in.values().all(|times| *times == 1), "{:?}", bureau.state().handed_in);
}
