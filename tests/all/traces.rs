//! Traces of one grading, as a collector gets them: one connected tree from the request to the result, also when another
//! life of the process does the work; nothing in it that anybody wrote.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use empanel::judge::fake::{Action, FakeOpenAi, Gate};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Home, NO_REVIEWS, Service, judge, panel, program, statements, wait_for};

/// Takes spans over HTTP and keeps them.
#[derive(Clone)]
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
    /// What came, byte for byte.
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { address, spans: Arc::default(), bytes: Arc::default() };
        let kept = this.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    while let Some(body) = request(&mut stream).await {
                        kept.bytes.lock().unwrap().extend_from_slice(&body);
                        let sent = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
                        let spans = sent.resource_spans.into_iter().flat_map(|one| one.scope_spans);
                        kept.spans.lock().unwrap().extend(spans.flat_map(|one| one.spans));
                        let answer =
                            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        this
    }

    /// All spans of a trace, once there is one with this name.
    async fn trace(&self, id: &[u8], with: &str) -> Vec<Span> {
        wait_for(&format!("the span {with}"), async || {
            let all = self.spans.lock().unwrap().clone();
            let of_trace: Vec<Span> = all.into_iter().filter(|span| span.trace_id == id).collect();
            of_trace.iter().any(|span| span.name == with).then_some(of_trace)
        })
        .await
    }
}

/// The body of the next POST of a connection.
async fn request(stream: &mut tokio::net::TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    let mut piece = [0u8; 65_536];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            assert!(head.starts_with("post /v1/traces"), "{head}");
            assert!(head.contains("content-type: application/x-protobuf"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let length: usize = length.trim().parse().unwrap();
            while read.len() < end + 4 + length {
                let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
                read.extend_from_slice(&piece[..n]);
            }
            return Some(read[end + 4..end + 4 + length].to_vec());
        }
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&piece[..n]);
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|one| one.key == key).and_then(|one| one.value.as_ref()?.value.clone());
    match found {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => panic!("{} has no {key}: {:?}", span.name, span.attributes),
    }
}

async fn traced(home: &Home, collector: &str) -> Service {
    let mut command = program(home);
    command.arg("serve").arg("--config").arg(home.config());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    Service::start_command(command).await
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grading_is_one_tree_of_spans_from_the_request_to_the_result_across_a_restart() {
    let collector = Collector::start().await;
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FakeOpenAi::start(move |call| match call.number {
        1 => Action::Held(held.clone(), Box::new(Action::answer("MET"))),
        _ => Action::answer("MET"),
    })
    .await;
    let home = Home::new(&format!(
        "{}{}",
        judge("anna", &server, "max_concurrency = 1"),
        panel(&["anna"], &format!("cache = \"off\"\n{NO_REVIEWS}"))
    ));
    let service = traced(&home, &collector.address).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let new = json!({"system": "system", "text": "The SECRET-SENTENCE of the deliverable."});
    let file: &[u8] = b"a,b\n1,SECRET-CELL\n";
    let submission = client.upload("/v1/submissions", "submission", &new, &[("SECRET-NAME.csv", file)]).await.is(201);
    let request = client
        .request("POST", "/v1/gradings")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("content-type", "application/json")
        .body(json!({"submission_id": submission["id"], "rubric_id": rubric}).to_string());
    let accepted = crate::support::Answer::of(request).await.is(202);
    let grading = accepted["id"].as_str().unwrap().to_owned();
    wait_for("a call in flight", async || (server.count() == 1).then_some(())).await;
    // The spans of the request are on their way; this life asks one question and is over.
    let id = (0..16).map(|n| u8::from_str_radix(&TRACE[2 * n..2 * n + 2], 16).unwrap()).collect::<Vec<u8>>();
    let of_request = collector.trace(&id, "POST /v1/gradings").await;
    assert!(of_request.iter().any(|span| span.name == "accept"), "sent with it");
    service.sigterm();
    service.is_stopping().await;
    gate.open();
    assert_eq!(service.ended().await, 0);
    assert_eq!(server.count(), 1, "the others are asked by the next life");

    let service = traced(&home, &collector.address).await;
    let done = service.client().settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    let spans = collector.trace(&id, "aggregate").await;

    let names: BTreeMap<&str, usize> = spans.iter().fold(BTreeMap::new(), |mut all, span| {
        *all.entry(span.name.as_str()).or_default() += 1;
        all
    });
    // Two lives worked on it.
    let counts = [("POST /v1/gradings", 1), ("accept", 1), ("grading", 2), ("chat anna", 3), ("aggregate", 1)];
    for (name, count) in counts {
        assert_eq!(names.get(name), Some(&count), "{name}: {names:?}");
    }
    assert!(names["ask"] >= 3 && names["parse"] >= 3 && names["read"] >= 1 && names["store.commit"] >= 8, "{names:?}");

    // Everything hangs together below the caller's span.
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let caller: Vec<u8> = (0..8).map(|n| u8::from_str_radix(&CALLER[2 * n..2 * n + 2], 16).unwrap()).collect();
    let parent = |span: &Span| by_id.get(span.parent_span_id.as_slice()).map(|parent| parent.name.clone());
    for span in &spans {
        let (mut at, mut depth) = (span, 0);
        while at.parent_span_id != caller {
            at = by_id.get(at.parent_span_id.as_slice()).unwrap_or_else(|| panic!("{} hangs on nothing", at.name));
            depth += 1;
            assert!(depth < 10);
        }
        assert_eq!(at.name, "POST /v1/gradings");
    }
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for (name, above) in [
        ("accept", "POST /v1/gradings"),
        ("read", "grading"),
        ("ask", "grading"),
        ("chat anna", "ask"),
        ("parse", "ask"),
        ("aggregate", "grading"),
    ] {
        assert_eq!(parent(of(name)).as_deref(), Some(above), "{name}");
    }
    let under =
        |above: &str| spans.iter().any(|one| one.name == "store.commit" && parent(one).as_deref() == Some(above));
    assert!(under("accept") && under("ask") && under("aggregate"));

    let chat = of("chat anna");
    assert_eq!(attribute(chat, "gen_ai.operation.name"), "chat");
    assert_eq!(attribute(chat, "gen_ai.provider.name"), "openai");
    assert_eq!(attribute(chat, "gen_ai.request.model"), "anna");
    assert!(attribute(chat, "gen_ai.usage.input_tokens").parse::<u64>().unwrap() > 0);
    assert_eq!(attribute(of("grading"), "empanel.grading.id"), grading);
    assert_eq!(attribute(of("POST /v1/gradings"), "http.response.status_code"), "202");
    assert_eq!(attribute(of("read"), "empanel.file.media_type"), "text/csv");

    let all = collector.bytes.lock().unwrap().clone();
    let all = String::from_utf8_lossy(&all);
    for secret in ["SECRET", "Statement", "api_key", "Bearer"] {
        assert!(!all.contains(secret), "{secret:?} is in what was sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_no_grading_and_no_stop() {
    let server = FakeOpenAi::start(|_| Action::answer("MET")).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    // Nobody listens there; and somebody who takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for collector in ["http://127.0.0.1:9".to_owned(), format!("http://{}", silent.local_addr().unwrap())] {
        let service = traced(&home, &collector).await;
        let client = service.client();
        let rubric =
            serde_json::from_str::<serde_json::Value>(client.post("/v1/rubrics", &statements(20)).await.text());
        let rubric = rubric.unwrap()["id"].as_str().unwrap().to_owned();
        let grading = client.grade(&client.text("system", &format!("A report to {collector}.")).await, &rubric).await;
        let done = client.settled(&format!("/v1/gradings/{grading}")).await;
        assert_eq!(done["status"], "completed", "{done}");
        let began = std::time::Instant::now();
        service.sigterm();
        assert_eq!(service.ended().await, 0);
        assert!(began.elapsed() < Duration::from_secs(20), "a stop does not wait for it: {:?}", began.elapsed());
    }
}
