//! Promises of the engine and the providers, against the scripted server: the exact cause and the exact number of
//! calls for every way to fail.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::fake::{Action, Call, FakeOpenAi, StillTimer, completion, seams};
use super::*;
use crate::domain::{
    Ask, Attempt, AttemptReply, CallKey, Cause, ComparedBy, CriterionId, Extract, FileExtract, Fingerprint, GradingId,
    Id, Image, JudgeName, JudgeSpec, Level, Outcome, Part, Place, Prefix, Price, Prompt, Question, Segment, Subject,
    Timestamp, Usage,
};

pub(super) fn spec(provider: &str) -> JudgeSpec {
    JudgeSpec {
        name: JudgeName::parse("one").unwrap(),
        provider: provider.to_owned(),
        model: "gpt-test".to_owned(),
        settings: json!({}),
        vision: false,
        images: None,
        audio: false,
        video: false,
        max_input_chars: 100_000,
        price: Some(Price { input: 2.0, cached_input: Some(0.2), output: 10.0, ..Price::default() }),
    }
}

fn config(base_url: String) -> JudgeConfig {
    JudgeConfig {
        base_url: Some(base_url),
        api_key: Some(Secret::from("sk-secret-123".to_owned())),
        timeout: Duration::from_secs(20),
        ..JudgeConfig::new(spec("openai"))
    }
}

pub(super) fn key() -> CallKey {
    CallKey {
        subject: Subject::Grading(GradingId::from_uuid(uuid::Uuid::from_u128(1))),
        judge: JudgeName::parse("one").unwrap(),
        repeat: 1,
        question: Question::Criterion(CriterionId::parse("c1").unwrap()),
    }
}

fn file(name: &str, texts: &[&str]) -> FileExtract {
    let segment =
        |(i, text): (usize, &&str)| Segment { place: Place::Paragraph(i as u32 + 1), text: (*text).to_owned() };
    FileExtract {
        name: name.to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: 1,
        sha256: "00".to_owned(),
        reader: "text/1".to_owned(),
        settings: None,
        outcome: Outcome::Read,
        segments: texts.iter().enumerate().map(segment).collect(),
        sheets: vec![],
        images: vec![],
        media: None,
        page_view: None,
        pages: None,
        cuts: vec![],
        findings: vec![],
    }
}

pub(super) fn prompt_of(parts: Vec<Part>, deliverables: Vec<Extract>, ask: Ask) -> Prompt {
    let fingerprint = Fingerprint::of_bytes(format!("{parts:?}{deliverables:?}").as_bytes());
    let deliverables = deliverables.into_iter().map(Arc::new).collect();
    Prompt {
        system: "You assess \"work\".".into(),
        prefix: Arc::new(Prefix { parts, deliverables, fingerprint }),
        question: "Is it met?\n".to_owned(),
        ask: ask.clone(),
        template: Fingerprint::of_bytes(b"template"),
        fingerprint: Fingerprint::of(&ask),
    }
}

pub(super) fn prompt() -> Prompt {
    let ask = Ask::Criterion { requirement: "The totals tie.".to_owned() };
    prompt_of(vec![Part::Text("Line one\n\"two\" \u{1}".to_owned())], vec![], ask)
}

/// A strict little parser: the answer label.
pub(super) fn parse(text: &str) -> Result<String, (Cause, String)> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| (Cause::Unparseable, e.to_string()))?;
    let answer = value["answer"].as_str().ok_or((Cause::Unparseable, "no `answer`".to_owned()))?;
    Ok(answer.to_owned())
}

async fn ask_with(config: JudgeConfig, timer: Arc<StillTimer>, history: Vec<Attempt>) -> Asked<String> {
    let judge = Judge::new(config, &seams(timer)).unwrap();
    judge.ask(&key(), &prompt(), history, &parse, &Unkept, &CancellationToken::new()).await.unwrap()
}

async fn ask(server: &FakeOpenAi) -> Asked<String> {
    ask_with(config(server.base_url()), Arc::default(), vec![]).await
}

fn cause<T: std::fmt::Debug>(asked: &Asked<T>) -> Cause {
    asked.outcome.as_ref().unwrap_err().0
}

#[tokio::test]
async fn a_good_reply_is_one_call_with_its_usage_and_its_price() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let asked = ask(&server).await;
    assert_eq!(asked.outcome, Ok("MET".to_owned()));
    assert_eq!((asked.attempts, server.count()), (1, 1));
    assert_eq!(asked.model.as_deref(), Some("fake-1-2026-11-01"));
    let usage = Usage {
        input_tokens: 1_000,
        cached_input_tokens: 800,
        cache_write_tokens: 0,
        output_tokens: 50,
        reasoning_tokens: 10,
    };
    assert_eq!(asked.usage, usage);
    // 200 fresh at 2, 800 cached at .2, 50 out at 10 dollars per million.
    assert!((asked.cost_usd.unwrap() - (400.0 + 160.0 + 500.0) / 1e6).abs() < 1e-12);
}

#[tokio::test]
async fn the_request_is_what_the_interface_asks_for() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let mut config = config(server.base_url() + "/");
    config.spec.settings = json!({"temperature": 0, "seed": 7});
    ask_with(config, Arc::default(), vec![]).await;
    let call = &server.calls()[0];
    assert_eq!(call.path, "/v1/chat/completions");
    assert_eq!(call.authorization.as_deref(), Some("Bearer sk-secret-123"));
    let body = call.json();
    assert_eq!(body["model"], "gpt-test");
    assert_eq!(
        (&body["temperature"], &body["seed"], &body["max_completion_tokens"]),
        (&json!(0), &json!(7), &json!(4096))
    );
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "You assess \"work\"."}));
    assert_eq!(body["messages"][1]["content"], "Line one\n\"two\" \u{1}Is it met?\n");
    assert_eq!(body["response_format"]["type"], "json_schema");
    assert_eq!(
        body["response_format"]["json_schema"]["schema"],
        serde_json::from_str::<serde_json::Value>(&prompt().ask.reply_schema()).unwrap()
    );
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert!(body.get("base_url").is_none() && body.get("reasoning_effort").is_none());
}

#[tokio::test]
async fn images_go_as_parts_in_their_place() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let image = Image {
        place: Place::Page(1),
        media_type: "image/png".to_owned(),
        width: 1,
        height: 1,
        bytes: vec![0xff, 0xfe, 0xfd].into(),
    };
    let parts = vec![
        Part::Text("before ".to_owned()),
        Part::Image { name: "a.png".to_owned(), image },
        Part::Text("after".to_owned()),
    ];
    let prompt = prompt_of(parts, vec![], Ask::Criterion { requirement: "x".to_owned() });
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    judge.ask(&key(), &prompt, vec![], &parse, &Unkept, &CancellationToken::new()).await.unwrap();
    let content = server.calls()[0].json()["messages"][1]["content"].clone();
    let expected = json!([
        {"type": "text", "text": "before "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,//79", "detail": "auto"}},
        {"type": "text", "text": "after"},
        {"type": "text", "text": "Is it met?\n"},
    ]);
    assert_eq!(content, expected);
}

#[tokio::test]
async fn sound_goes_as_input_audio_and_what_the_interface_does_not_know_is_named() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let media = |kind: &str| crate::domain::Media { media_type: kind.to_owned(), bytes: vec![0xff, 0xfe, 0xfd].into() };
    let part = |name: &str, kind| Part::Media { name: name.to_owned(), media: media(kind) };
    let parts = vec![Part::Text("before ".to_owned()), part("a.mp3", "audio/mpeg"), part("b.ogg", "audio/ogg")];
    let prompt = prompt_of(parts, vec![], Ask::Criterion { requirement: "x".to_owned() });
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    judge.ask(&key(), &prompt, vec![], &parse, &Unkept, &CancellationToken::new()).await.unwrap();
    let content = server.calls()[0].json()["messages"][1]["content"].clone();
    let expected = json!([
        {"type": "text", "text": "before "},
        {"type": "input_audio", "input_audio": {"data": "//79", "format": "mp3"}},
        {"type": "text", "text": "[b.ogg (audio/ogg) is not sent: this provider takes no such file. Its content is unknown.]\n"},
        {"type": "text", "text": "Is it met?\n"},
    ]);
    assert_eq!(content, expected);
}

#[tokio::test]
async fn what_fails_in_passing_is_repeated_until_it_succeeds() {
    let passing = [
        Action::error(429, "rate_limit_exceeded", "slow down"),
        Action::error(500, "server_error", "oops"),
        Action::Reply { status: 502, headers: vec![], body: "<html>bad gateway</html>".into() },
        Action::error(503, "server_is_overloaded", "busy"),
        Action::error(529, "overloaded_error", "busy"),
        Action::error(408, "timeout", "too slow"),
        Action::error(409, "conflict", "again"),
        Action::Reset,
        Action::ResetHalfway,
        Action::json(200, &json!({"id": "x", "choices": [], "usage": null})),
        Action::json(200, &json!({"error": {"message": "upstream", "code": 502}})),
        Action::json(200, &completion(json!({"role": "assistant", "content": null}), "stop")),
        Action::json(200, &completion(json!({"role": "assistant", "content": ""}), "error")),
        Action::Reply { status: 200, headers: vec![("content-type".into(), "text/html".into())], body: "<p>hi".into() },
        Action::Reply { status: 200, headers: vec![], body: vec![0xff, 0x00, 0x80].into() },
        Action::json(200, &json!([1, 2, 3])),
    ];
    for action in passing {
        let server = FakeOpenAi::sequence(vec![action.clone(), action.clone(), Action::answer("UNMET")]).await;
        let asked = ask(&server).await;
        assert_eq!(asked.outcome, Ok("UNMET".to_owned()), "{action:?}");
        assert_eq!((asked.attempts, server.count()), (3, 3), "{action:?}");
    }
}

#[tokio::test]
async fn what_keeps_failing_is_given_up_with_its_cause_after_the_last_attempt() {
    let cases = [
        (Action::error(429, "rate_limit_exceeded", "slow down"), Cause::RateLimited),
        (Action::error(500, "server_error", "oops"), Cause::ProviderError),
        (Action::error(504, "timeout", "oops"), Cause::Timeout),
        (Action::Reset, Cause::ProviderError),
        (Action::json(200, &json!({"error": {"message": "slow down", "code": "429"}})), Cause::RateLimited),
        (Action::json(200, &json!({"choices": []})), Cause::ProviderError),
    ];
    for (action, expected) in cases {
        let server = FakeOpenAi::sequence(vec![action.clone()]).await;
        let asked = ask(&server).await;
        assert_eq!(cause(&asked), expected, "{action:?}");
        assert_eq!((asked.attempts, server.count()), (5, 5), "{action:?}");
        assert!(asked.outcome.unwrap_err().1.contains("the last of 5 failed calls"));
    }
}

#[tokio::test]
async fn what_fails_for_good_is_one_call() {
    let filtered = completion(json!({"role": "assistant", "content": "{\"answer\": \"MET\"}"}), "content_filter");
    let cases = [
        (Action::refusal(), Cause::Refused),
        (Action::truncated(), Cause::Truncated),
        (Action::json(200, &filtered), Cause::ContentFilter),
        (Action::error(400, "content_filter", "filtered"), Cause::ContentFilter),
        (Action::error(400, "context_length_exceeded", "too long"), Cause::ContextOverflow),
        (Action::error(400, "x", "This model's maximum context length is 8192 tokens"), Cause::ContextOverflow),
        (Action::error(413, "request_too_large", "too large"), Cause::ContextOverflow),
        (Action::error(429, "insufficient_quota", "pay"), Cause::RateLimited),
        (Action::error(401, "invalid_api_key", "no"), Cause::ProviderError),
        (Action::error(404, "model_not_found", "no"), Cause::ProviderError),
        (
            Action::Reply { status: 302, headers: vec![("location".into(), "/x".into())], body: "".into() },
            Cause::ProviderError,
        ),
    ];
    for (action, expected) in cases {
        let server = FakeOpenAi::sequence(vec![action.clone()]).await;
        let asked = ask(&server).await;
        assert_eq!(cause(&asked), expected, "{action:?}");
        assert_eq!((asked.attempts, server.count()), (1, 1), "{action:?}");
    }
}

#[tokio::test]
async fn a_useless_reply_is_paid_for_and_in_the_books() {
    let server = FakeOpenAi::sequence(vec![Action::truncated()]).await;
    let asked = ask(&server).await;
    assert_eq!(asked.usage.output_tokens, 50);
    assert!(asked.cost_usd.unwrap() > 0.0);
}

#[tokio::test]
async fn a_reply_that_does_not_say_what_it_used_has_no_known_cost() {
    let mut body = completion(json!({"role": "assistant", "content": "{\"answer\": \"MET\"}"}), "stop");
    body.as_object_mut().unwrap().remove("usage");
    let server = FakeOpenAi::sequence(vec![Action::json(200, &body)]).await;
    let asked = ask(&server).await;
    assert_eq!((asked.outcome, asked.cost_usd), (Ok("MET".to_owned()), None));
}

#[tokio::test]
async fn retry_after_is_honoured_and_a_pause_without_it_grows() {
    let limited = Action::error(429, "rate_limit_exceeded", "slow down");
    let timer = Arc::new(StillTimer::default());
    let actions = vec![
        limited.clone().with_header("retry-after", "17"),
        limited.clone().with_header("retry-after-ms", "1500"),
        limited,
        Action::answer("MET"),
    ];
    let server = FakeOpenAi::sequence(actions).await;
    let asked = ask_with(config(server.base_url()), Arc::clone(&timer), vec![]).await;
    assert_eq!((asked.outcome, asked.attempts), (Ok("MET".to_owned()), 4));
    let slept = timer.slept();
    assert!((17.0..17.5).contains(&slept[0].as_secs_f64()), "{slept:?}");
    assert!((1.5..2.0).contains(&slept[1].as_secs_f64()), "{slept:?}");
    assert!(slept[2] <= Duration::from_secs(2), "{slept:?}");
    let server =
        FakeOpenAi::sequence(vec![Action::error(429, "x", "slow down").with_header("retry-after", "86400")]).await;
    let asked = ask(&server).await;
    assert_eq!((cause(&asked), server.count()), (Cause::RateLimited, 1));
}

#[tokio::test]
async fn a_server_that_hangs_or_stalls_is_a_timeout() {
    for (action, total, read) in [(Action::Hang, 60, 10_000), (Action::Stall, 10_000, 60)] {
        let server = FakeOpenAi::sequence(vec![action]).await;
        let config = JudgeConfig {
            timeout: Duration::from_millis(total),
            read_timeout: Duration::from_millis(read),
            max_attempts: 2,
            ..config(server.base_url())
        };
        let asked = ask_with(config, Arc::default(), vec![]).await;
        assert_eq!((cause(&asked), asked.attempts), (Cause::Timeout, 2));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_provider_error() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let url = server.base_url();
    drop(server);
    tokio::task::yield_now().await;
    let asked = ask_with(config(url), Arc::default(), vec![]).await;
    assert_eq!((cause(&asked), asked.attempts), (Cause::ProviderError, 5));
}

#[tokio::test]
async fn a_reply_without_end_is_stopped_at_the_limit_and_the_limit_is_named() {
    let server = FakeOpenAi::sequence(vec![Action::Flood(50 << 20)]).await;
    let asked = ask(&server).await;
    assert_eq!((cause(&asked), server.count()), (Cause::ProviderError, 1));
    assert!(asked.outcome.unwrap_err().1.contains("8388608"), "the limit is named");
}

#[tokio::test]
async fn compressed_replies_are_read_and_the_limit_holds_for_what_comes_out() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let Action::Reply { body, .. } = Action::answer("MET") else { unreachable!() };
    let packed = |body: &[u8]| {
        let headers = vec![("content-encoding".to_owned(), "gzip".to_owned())];
        Action::Reply { status: 200, headers, body: gzip(body).into() }
    };
    let server = FakeOpenAi::sequence(vec![packed(&body)]).await;
    assert_eq!(ask(&server).await.outcome, Ok("MET".to_owned()));
    let server = FakeOpenAi::sequence(vec![packed(&vec![b' '; 20 << 20])]).await;
    let asked = ask(&server).await;
    assert_eq!((cause(&asked), server.count()), (Cause::ProviderError, 1));
}

#[tokio::test]
async fn a_malformed_reply_is_asked_for_again_with_the_parse_error() {
    let server = FakeOpenAi::sequence(vec![Action::text("{\"answer\": "), Action::answer("MET")]).await;
    let asked = ask(&server).await;
    assert_eq!((asked.outcome, asked.attempts, server.count()), (Ok("MET".to_owned()), 2, 2));
    assert_eq!(asked.usage.input_tokens, 2_000);
    let calls = server.calls();
    let (first, second) = (calls[0].user_text(), calls[1].user_text());
    assert!(second.starts_with(&first), "the prefix stays byte-identical");
    assert!(second.contains("could not be used") && second.contains("EOF"), "{second}");

    let server = FakeOpenAi::sequence(vec![Action::text("no idea")]).await;
    let asked = ask(&server).await;
    assert_eq!((cause(&asked), asked.attempts, server.count()), (Cause::Unparseable, 3, 3));
}

#[tokio::test]
async fn a_server_without_json_schema_is_asked_in_a_way_it_takes_and_that_is_remembered() {
    let modes = |call: &Call| call.json()["response_format"]["type"].as_str().unwrap_or("none").to_owned();
    let server = FakeOpenAi::start(move |call| match call.json()["response_format"]["type"].as_str() {
        Some("json_schema") => Action::error(500, "x", "response_format.type: Input should be 'text'"),
        Some(_) => Action::error(400, "x", "response_format is not supported"),
        None => Action::answer("MET"),
    })
    .await;
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    for calls in [3, 1] {
        let none = CancellationToken::new();
        let asked = judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &none).await.unwrap();
        assert_eq!((asked.outcome, asked.attempts), (Ok("MET".to_owned()), calls));
    }
    let seen: Vec<String> = server.calls().iter().map(modes).collect();
    assert_eq!(seen, ["json_schema", "json_object", "none", "none"]);
}

#[tokio::test]
async fn questions_can_be_asked_from_any_thread() {
    let judge = Arc::new(Judge::new(balanced(), &seams(Arc::new(StillTimer::default()))).unwrap());
    let asked = tokio::spawn(async move {
        let prompt = tour("net income", Extract { files: vec![report()] });
        judge.ask(&key(), &prompt, vec![], &parse, &Unkept, &CancellationToken::new()).await
    });
    let asked = asked.await.unwrap().unwrap();
    assert_eq!((asked.outcome, asked.cost_usd), (Ok("MET".to_owned()), Some(0.0)));
}

/// Notes the order of things.
#[derive(Default)]
struct Spy {
    events: Arc<Mutex<Vec<String>>>,
    fail_on: Option<&'static str>,
}

impl Spy {
    fn note(&self, event: String) -> Result<(), JournalError> {
        let failing = self.fail_on.is_some_and(|start| event.starts_with(start));
        self.events.lock().unwrap().push(event);
        if failing { Err(JournalError::new(&key(), 1, "disk full")) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl Journal for Spy {
    async fn intent(&self, _: &CallKey, number: u32) -> Result<(), JournalError> {
        self.note(format!("intent {number}"))
    }
    async fn reply(&self, _: &CallKey, number: u32, reply: &AttemptReply) -> Result<(), JournalError> {
        let what = match reply {
            AttemptReply::InFlight | AttemptReply::InBatch { .. } | AttemptReply::Outrun { .. } => {
                "in flight".to_owned()
            }
            AttemptReply::Received { status, .. } | AttemptReply::Kept { status, .. } => status.to_string(),
            AttemptReply::Lost { cause, .. } => cause.as_str().to_owned(),
        };
        self.note(format!("reply {number} {what}"))
    }
}

#[tokio::test]
async fn an_intent_is_durable_before_its_request_and_a_reply_before_it_is_parsed() {
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let arrived = Arc::clone(&events);
    let server = FakeOpenAi::start(move |call| {
        arrived.lock().unwrap().push(format!("request {}", call.number));
        match call.number {
            1 => Action::Reset,
            2 => Action::text("no json"),
            _ => Action::answer("MET"),
        }
    })
    .await;
    let parsed = Arc::clone(&events);
    let noting = move |text: &str| {
        parsed.lock().unwrap().push("parse".to_owned());
        parse(text)
    };
    let spy = Spy { events: Arc::clone(&events), fail_on: None };
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    judge.ask(&key(), &prompt(), vec![], &noting, &spy, &CancellationToken::new()).await.unwrap();
    let expected = [
        "intent 1",
        "request 1",
        "reply 1 provider_error",
        "intent 2",
        "request 2",
        "reply 2 200",
        "parse",
        "intent 3",
        "request 3",
        "reply 3 200",
        "parse",
    ];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[tokio::test]
async fn without_a_journal_nothing_is_sent_and_nothing_is_parsed() {
    for (fail_on, calls) in [("intent", 0), ("reply", 1)] {
        let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
        let spy = Spy { fail_on: Some(fail_on), ..Spy::default() };
        let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
        let never = |_: &str| -> Result<String, (Cause, String)> { panic!("parsed what is not durable") };
        let asked = judge.ask(&key(), &prompt(), vec![], &never, &spy, &CancellationToken::new()).await;
        assert!(asked.unwrap_err().to_string().contains("disk full"));
        assert_eq!(server.count(), calls);
    }
}

fn attempt(number: u32, reply: AttemptReply) -> Attempt {
    Attempt { key: key(), number, started_at: "2026-11-20T08:00:00Z".parse().unwrap(), reply }
}

fn received(content: &str) -> AttemptReply {
    let message = json!({"role": "assistant", "content": content});
    AttemptReply::Received { status: 200, body: completion(message, "stop").to_string(), latency_ms: 42 }
}

#[tokio::test]
async fn what_an_earlier_life_received_is_read_without_a_call() {
    let server = FakeOpenAi::sequence(vec![Action::answer("UNMET")]).await;
    let url = server.base_url();
    let replay = |history| ask_with(config(url.clone()), Arc::default(), history);

    let asked = replay(vec![attempt(1, AttemptReply::InFlight), attempt(2, received(r#"{"answer": "MET"}"#))]).await;
    assert_eq!((asked.outcome, asked.attempts, asked.latency_ms), (Ok("MET".to_owned()), 2, 42));
    assert_eq!(asked.usage.input_tokens, 1_000);

    let refused = AttemptReply::Received {
        status: 200,
        body: completion(json!({"content": null, "refusal": "no"}), "stop").to_string(),
        latency_ms: 1,
    };
    assert_eq!(cause(&replay(vec![attempt(1, refused)]).await), Cause::Refused);

    let malformed = || (1..=3).map(|n| attempt(n, received("no json"))).collect::<Vec<_>>();
    assert_eq!(cause(&replay(malformed()).await), Cause::Unparseable);
    assert_eq!(server.count(), 0);

    // One that was in flight is asked again; one that failed in passing too; a parse error is asked for again.
    let lost = AttemptReply::Lost { cause: Cause::Timeout, detail: "x".to_owned(), latency_ms: 9 };
    let asked =
        replay(vec![attempt(1, lost), attempt(2, received("no json")), attempt(3, AttemptReply::InFlight)]).await;
    assert_eq!((asked.outcome, asked.attempts, server.count()), (Ok("UNMET".to_owned()), 4, 1));
    assert!(server.calls()[0].user_text().contains("could not be used"));
}

#[tokio::test]
async fn a_question_that_is_asked_again_by_hand_keeps_its_books_and_gets_a_fresh_budget() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let spy = Spy::default();
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    let attempts = (1..=3).map(|n| attempt(n, received("no json"))).collect();
    let history = History { attempts, settled: 3 };
    let asked = judge.ask(&key(), &prompt(), history, &parse, &spy, &CancellationToken::new()).await.unwrap();
    assert_eq!((asked.outcome, asked.attempts, asked.usage.input_tokens), (Ok("MET".to_owned()), 4, 4_000));
    assert_eq!(spy.events.lock().unwrap()[0], "intent 4");
}

#[tokio::test]
async fn a_cancelled_question_sends_nothing_more_but_keeps_what_comes_home() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let asked = judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &cancel).await.unwrap();
    assert_eq!((cause(&asked), asked.attempts, server.count()), (Cause::Cancelled, 0, 0));

    let cancel = CancellationToken::new();
    let on_arrival = cancel.clone();
    let server = FakeOpenAi::start(move |_| {
        on_arrival.cancel();
        Action::answer("MET")
    })
    .await;
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    let asked = judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &cancel).await.unwrap();
    assert_eq!((asked.outcome, server.count()), (Ok("MET".to_owned()), 1));
}

#[tokio::test]
async fn never_more_calls_are_in_flight_than_allowed() {
    let slow = Action::After(Duration::from_millis(5), Box::new(Action::answer("MET")));
    let server = FakeOpenAi::sequence(vec![slow]).await;
    let config = JudgeConfig { max_concurrency: 3, ..config(server.base_url()) };
    let judge = Judge::new(config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let (key, prompt, none) = (key(), prompt(), CancellationToken::new());
    let all = (0..40).map(|_| judge.ask(&key, &prompt, vec![], &parse, &Unkept, &none));
    let asked = futures_util::future::join_all(all).await;
    assert!(asked.into_iter().all(|a| a.unwrap().outcome == Ok("MET".to_owned())));
    assert_eq!((server.count(), server.most_in_flight()), (40, 3));
}

#[tokio::test]
async fn calls_per_minute_are_spaced() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let timer = Arc::new(StillTimer::default());
    let config = JudgeConfig { rpm: Some(30), ..config(server.base_url()) };
    let judge = Judge::new(config, &seams(Arc::clone(&timer) as Arc<dyn Timer>)).unwrap();
    for _ in 0..3 {
        let none = CancellationToken::new();
        judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &none).await.unwrap();
    }
    assert_eq!(timer.slept(), [Duration::from_secs(2), Duration::from_secs(2)]);
}

#[tokio::test]
async fn tokens_per_minute_are_spaced_by_what_a_call_may_take() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let timer = Arc::new(StillTimer::default());
    let mut config = JudgeConfig { tpm: Some(6_000), ..config(server.base_url()) };
    config.spec.settings = json!({"max_completion_tokens": 1_000});
    let judge = Judge::new(config, &seams(Arc::clone(&timer) as Arc<dyn Timer>)).unwrap();
    for _ in 0..3 {
        let none = CancellationToken::new();
        judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &none).await.unwrap();
    }
    // 6,000 a minute is one per 10 ms: 1,000 tokens of output take 10 s, the prompt's text a little more.
    let slept = timer.slept();
    assert_eq!(slept.len(), 2, "the first call waits for nothing: {slept:?}");
    // Up to a second's worth may leave ahead of its time.
    assert!((Duration::from_secs(9)..Duration::from_secs(13)).contains(&slept[0]), "{slept:?}");
    // The first answer said that the prompt takes 1,000 tokens, however short it looks.
    assert_eq!(slept[1], Duration::from_secs(20), "{slept:?}");
}

#[tokio::test]
async fn the_last_call_of_a_minute_says_so_and_the_next_one_waits_instead_of_being_turned_away() {
    let last = Action::answer("MET")
        .with_header("x-ratelimit-remaining-requests", "0")
        .with_header("x-ratelimit-reset-requests", "21s");
    let server = FakeOpenAi::sequence(vec![last, Action::answer("MET")]).await;
    let timer = Arc::new(StillTimer::default());
    let judge = Judge::new(config(server.base_url()), &seams(Arc::clone(&timer) as Arc<dyn Timer>)).unwrap();
    for _ in 0..2 {
        let none = CancellationToken::new();
        judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &none).await.unwrap();
    }
    assert_eq!((timer.slept(), server.count()), (vec![Duration::from_secs(21)], 2));
}

#[tokio::test]
async fn the_key_is_shown_nowhere() {
    let echo = Action::error(401, "invalid_api_key", "Incorrect API key provided: sk-secret-123.");
    let server = FakeOpenAi::sequence(vec![echo]).await;
    let config = config(server.base_url());
    assert!(!format!("{config:?}").contains("sk-secret"));
    let judge = Judge::new(config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let raw = judge.provider().send(&prompt(), None).await.unwrap();
    assert!(raw.body.contains("[key]") && !raw.body.contains("sk-secret"), "{}", raw.body);
}

#[tokio::test]
async fn a_configuration_that_cannot_work_says_what_to_do() {
    let make = |config: JudgeConfig| match Judge::new(config, &seams(Arc::new(StillTimer::default()))) {
        Ok(_) => panic!("the configuration was accepted"),
        Err(error) => error.to_string(),
    };
    let openai =
        |settings| JudgeConfig { spec: JudgeSpec { settings, ..spec("openai") }, ..JudgeConfig::new(spec("openai")) };
    let local = "http://127.0.0.1:9/v1";
    assert!(
        make(JudgeConfig::new(spec("cohere")))
            .contains("use one of: openai, openai_responses, anthropic, gemini, lexical, recorded")
    );
    assert!(make(openai(json!({}))).contains("OPENAI_API_KEY"));
    assert!(make(openai(json!({"base_url": "ftp://x"}))).contains("http(s)"));
    assert!(make(openai(json!({"base_url": local, "temprature": 1}))).contains("`temprature`"));
    assert!(make(openai(json!({"base_url": local, "response_format": "xml"}))).contains("json_schema, json_object"));
    assert!(make(JudgeConfig::new(spec("recorded"))).contains("JSONL"));
    let mut lexical = JudgeConfig::new(spec("lexical"));
    lexical.spec.settings = json!({"min_overlap": 2});
    assert!(make(lexical).contains("between 0 and 1"));
    let judge = Judge::new(openai(json!({"base_url": local})), &seams(Arc::new(StillTimer::default()))).unwrap();
    assert_eq!(judge.spec().settings["base_url"], local);
}

#[tokio::test]
async fn recorded_replies_are_given_in_turn_and_nothing_else_is_made_up() {
    let fingerprint = prompt().fingerprint;
    let line = |reply: &str| json!({"prompt": fingerprint, "reply": reply, "model": "m-1"}).to_string();
    let text = format!("{}\n\n{}\n", line("no json"), line(r#"{"answer": "MET"}"#));
    let config = JudgeConfig { recording: Some(text.into()), ..JudgeConfig::new(spec("recorded")) };
    let judge = Judge::new(config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let none = CancellationToken::new();
    let asked = judge.ask(&key(), &prompt(), vec![], &parse, &Unkept, &none).await.unwrap();
    assert_eq!((asked.outcome, asked.attempts), (Ok("MET".to_owned()), 2));
    assert_eq!(asked.model.as_deref(), Some("m-1"));
    let mut other = prompt();
    other.fingerprint = Fingerprint::of_bytes(b"other");
    let asked = judge.ask(&key(), &other, vec![], &parse, &Unkept, &none).await.unwrap();
    assert_eq!((cause(&asked), asked.attempts), (Cause::NotRecorded, 1));
    let bad = JudgeConfig { recording: Some("{}".into()), ..JudgeConfig::new(spec("recorded")) };
    assert!(Judge::new(bad, &seams(Arc::new(StillTimer::default()))).is_err_and(|e| e.to_string().contains("line 1")));
}

async fn lexical(config: JudgeConfig, prompt: &Prompt) -> serde_json::Value {
    let judge = Judge::new(config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let raw = judge.provider().send(prompt, None).await.unwrap();
    serde_json::from_str(&judge.provider().read(&raw).unwrap().text).unwrap()
}

fn balanced() -> JudgeConfig {
    offline_judges().swap_remove(1)
}

fn tour(requirement: &str, extract: Extract) -> Prompt {
    prompt_of(vec![], vec![extract], Ask::Criterion { requirement: requirement.to_owned() })
}

fn report() -> FileExtract {
    file("report.txt", &["Revenue of the tour", "Net income was $12,400.00 after withholding tax.", "Signed"])
}

#[tokio::test]
async fn the_lexical_judge_quotes_what_it_found_and_says_what_it_is() {
    let extract = Extract { files: vec![report()] };
    let met = lexical(balanced(), &tour("States the net income of 12,400", extract.clone())).await;
    assert_eq!(met["answer"], "MET", "{met}");
    assert_eq!(met["evidence"][0]["file"], "report.txt");
    assert_eq!(met["evidence"][0]["where"], "paragraph 2");
    assert_eq!(met["evidence"][0]["quote"], "Net income was $12,400.00 after withholding tax.");
    assert!(met["reason"].as_str().unwrap().contains("not a reading"));
    let unmet = lexical(balanced(), &tour("Lists hotel costs in Berlin of 900", extract)).await;
    assert_eq!(unmet["answer"], "UNMET", "{unmet}");
}

#[tokio::test]
async fn the_lexical_judge_does_not_take_the_unseen_for_absent() {
    let absent = "Lists hotel costs in Berlin of 900";
    let lost = FileExtract { outcome: Outcome::Unreadable { reason: "encrypted".to_owned() }, ..file("b.xlsx", &[]) };
    let with_lost = Extract { files: vec![report(), lost.clone()] };
    assert_eq!(lexical(balanced(), &tour(absent, with_lost.clone())).await["answer"], "CANNOT_ASSESS");
    assert_eq!(lexical(balanced(), &tour("net income 12,400", with_lost)).await["answer"], "MET");
    assert_eq!(lexical(balanced(), &tour(absent, Extract { files: vec![lost] })).await["answer"], "CANNOT_ASSESS");
    let all = Extract { files: vec![report()] };
    assert_eq!(lexical(balanced(), &tour("It is.", all)).await["answer"], "CANNOT_ASSESS");
}

#[tokio::test]
async fn the_three_offline_judges_are_different_judges() {
    let judges = offline_judges();
    let prints: std::collections::HashSet<_> = judges.iter().map(|j| j.spec.fingerprint()).collect();
    assert_eq!(prints.len(), 3);
    let prompt = tour("Net income 12,400 and hotel costs", Extract { files: vec![report()] });
    let mut answers = Vec::new();
    for judge in judges {
        answers.push(lexical(judge, &prompt).await["answer"].clone());
    }
    // Terms net, income, hotel, cost, 12400: found weigh 5 of 7, 4 of 6, 3 of 5.
    assert_eq!(answers, ["UNMET", "MET", "MET"]);
}

#[tokio::test]
async fn the_lexical_judge_takes_levels_and_compares_both_orders_alike() {
    let level = |name: &str, points| Level { name: name.to_owned(), points, description: None };
    let levels = vec![level("full", 2.0), level("none", 0.0), level("half", 1.0)];
    let ask = |requirement: &str| Ask::Levels { requirement: requirement.to_owned(), levels: levels.clone() };
    let all = Extract { files: vec![report()] };
    for (requirement, expected) in
        [("net income withholding", "full"), ("income hotel", "half"), ("hotel Berlin", "none")]
    {
        let prompt = prompt_of(vec![], vec![all.clone()], ask(requirement));
        assert_eq!(lexical(balanced(), &prompt).await["answer"], expected, "{requirement}");
    }
    let poor = Extract { files: vec![file("p.txt", &["Nothing to see"])] };
    let by = |id: &str, requirement: &str, wanted| ComparedBy {
        id: CriterionId::parse(id).unwrap(),
        requirement: requirement.to_owned(),
        wanted,
    };
    let criteria = vec![
        by("income", "net income", true),
        by("leak", "withholding tax is named", false),
        by("zeppelin", "zeppelins are there", false),
        by("nothing", "of the", true),
    ];
    let task = "Compute net income and withholding tax".to_owned();
    let prompt = prompt_of(vec![], vec![all.clone(), poor.clone()], Ask::PairwiseBy { task, criteria });
    let answer = lexical(balanced(), &prompt).await;
    let on: Vec<&str> =
        answer["criteria"].as_array().unwrap().iter().map(|one| one["answer"].as_str().unwrap()).collect();
    assert_eq!((answer["answer"].as_str(), on), (Some("A"), vec!["A", "B", "TIE", "CANNOT_ASSESS"]), "{answer}");
    assert!(answer["criteria"][0]["reason"].as_str().unwrap().contains("not a reading"));
    let ask = Ask::Pairwise { task: "Compute net income and withholding tax".to_owned() };
    for (pair, expected) in [
        ([all.clone(), poor.clone()], "A"),
        ([poor.clone(), all.clone()], "B"),
        ([all.clone(), all.clone()], "TIE"),
        ([poor.clone(), poor], "BOTH_BAD"),
    ] {
        let prompt = prompt_of(vec![], pair.to_vec(), ask.clone());
        assert_eq!(lexical(balanced(), &prompt).await["answer"], expected);
    }
}

/// Answers to the first calls, in their order; a hedged judge.
async fn hedged(actions: Vec<Action>) -> (Asked<String>, u64, Vec<(u32, AttemptReply)>) {
    let server = FakeOpenAi::sequence(actions).await;
    let journal = Kept::default();
    let config = JudgeConfig { hedge_after: Some(Duration::from_secs(9)), ..config(server.base_url()) };
    let judge = Judge::new(config, &seams(Arc::new(StillTimer::default()))).unwrap();
    let asked = judge.ask(&key(), &prompt(), vec![], &parse, &journal, &CancellationToken::new()).await.unwrap();
    let kept = journal.0.lock().unwrap().clone();
    // What the journal holds says the same without a call.
    let attempts = kept.iter().map(|(number, reply)| Attempt {
        key: key(),
        number: *number,
        started_at: Timestamp::UNIX_EPOCH,
        reply: reply.clone(),
    });
    let attempts: Vec<Attempt> = attempts.collect();
    let again = judge.ask(&key(), &prompt(), attempts, &parse, &Unkept, &CancellationToken::new()).await.unwrap();
    assert_eq!((&again.outcome, again.attempts), (&asked.outcome, asked.attempts));
    (asked, server.count(), kept)
}

#[derive(Default)]
struct Kept(std::sync::Mutex<Vec<(u32, AttemptReply)>>);

#[async_trait::async_trait]
impl Journal for Kept {
    async fn intent(&self, _: &CallKey, number: u32) -> Result<(), JournalError> {
        self.0.lock().unwrap().push((number, AttemptReply::InFlight));
        Ok(())
    }
    async fn reply(&self, _: &CallKey, number: u32, reply: &AttemptReply) -> Result<(), JournalError> {
        self.0.lock().unwrap().iter_mut().find(|(n, _)| *n == number).unwrap().1 = reply.clone();
        Ok(())
    }
}

#[tokio::test]
async fn a_straggler_is_sent_twice_and_both_calls_are_counted() {
    let (asked, calls, kept) = hedged(vec![Action::Hang, Action::answer("MET")]).await;
    assert_eq!((asked.outcome, asked.attempts, calls), (Ok("MET".to_owned()), 2, 2));
    assert!(matches!(kept[0].1, AttemptReply::Outrun { .. }) && matches!(kept[1].1, AttemptReply::Received { .. }));
    // One that fails in passing is not the answer, whichever it is.
    let (asked, calls, kept) = hedged(vec![Action::error(503, "overloaded", "later"), Action::answer("MET")]).await;
    assert_eq!((asked.outcome, calls), (Ok("MET".to_owned()), 2));
    assert!(kept.iter().all(|(_, reply)| *reply != AttemptReply::InFlight), "{kept:?}");
}

#[tokio::test]
async fn without_the_setting_nothing_is_sent_twice() {
    let server = FakeOpenAi::sequence(vec![Action::answer("MET")]).await;
    let asked = ask(&server).await;
    assert_eq!((asked.attempts, server.count()), (1, 1));
}

/// A batch of ours that the provider has under its name, with one answer in it.
async fn bureau(name: &'static str, item: String) -> FakeOpenAi {
    FakeOpenAi::start(move |call: &Call| {
        let body = match call.path.trim_start_matches("/v1/") {
            "batches?limit=100" => {
                let ours = json!({"id": "batch_7", "status": "in_progress", "metadata": {"empanel": name}});
                let other = json!({"id": "batch_8", "status": "completed", "metadata": null});
                json!({"data": [other, ours]})
            }
            "batches/batch_7" => json!({"id": "batch_7", "status": "completed", "output_file_id": "f"}),
            "files/f/content" => {
                let message = json!({"role": "assistant", "content": "{\"answer\": \"MET\"}", "refusal": null});
                let response = json!({"status_code": 200, "body": completion(message, "stop")});
                json!({"id": "r", "custom_id": item, "response": response, "error": null})
            }
            other => panic!("nothing is handed in: {other}"),
        };
        Action::json(200, &body)
    })
    .await
}

#[tokio::test]
async fn a_batch_whose_id_was_not_kept_is_found_by_its_name() {
    let server = bureau("4f1c", Fingerprint::of(&(key(), 1)).as_str().to_owned()).await;
    let attempt = |reply| Attempt { key: key(), number: 1, started_at: Timestamp::UNIX_EPOCH, reply };
    let judge = Judge::new(config(server.base_url()), &seams(Arc::new(StillTimer::default()))).unwrap();
    for id in [None, Some("batch_7".to_owned())] {
        let history = vec![attempt(AttemptReply::InBatch { name: "4f1c".to_owned(), id })];
        let asked =
            judge.ask_by_batch(&key(), &prompt(), history, &parse, &Unkept, &CancellationToken::new()).await.unwrap();
        assert_eq!((asked.outcome, asked.attempts), (Ok("MET".to_owned()), 1));
        // Half of 200 fresh at 2, 800 cached at .2, 50 out at 10 dollars per million.
        assert!((asked.cost_usd.unwrap() - 1_060.0 / 2e6).abs() < 1e-12, "{:?}", asked.cost_usd);
    }
}
