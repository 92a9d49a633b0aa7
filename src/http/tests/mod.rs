//! The door as its callers meet it: promises, one file per kind.

mod bad_input;
mod gradings;
mod keys;
mod oidc;
mod pages;
mod plans;
mod socket;
mod statistics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::{Access, Door};
use crate::config::default_quorum;
use crate::document;
use crate::domain::{Aggregation, IdSource, JudgeName, JudgeSpec, Panel, PanelName, ReviewPolicy, SystemClock};
use crate::grading::work::work;
use crate::judge::{CancellationToken, Jitter, Judge, JudgeConfig, Seams, SystemTimer, client};
use crate::prompt::Templates;
use crate::reading::{Office, OfficeLimits, OfficeProgram, Reading};
use crate::services::{IntakeLimits, Running, Services};
use crate::store::{Blobs, Store, StoreOptions};

/// A service over a store in memory. Its judges have no replies: what they are asked fails with `not_recorded`.
pub struct Bench {
    pub services: Arc<Services>,
    pub door: Arc<Door>,
    stop: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub const LIMITS: IntakeLimits = IntakeLimits {
    max_file_bytes: 1_000,
    max_files: 3,
    max_upload_bytes: 2_500,
    max_json_bytes: 2 << 20,
    max_battles: 100,
};

impl Bench {
    pub async fn new() -> Self {
        Self::over(Store::open("memory:", StoreOptions::default()).await.unwrap(), 7).await
    }

    /// One whose configuration says this of who comes in.
    pub async fn with(access: Access) -> Self {
        let mut bench = Self::new().await;
        bench.door = Arc::new(Door::new(None, access, None));
        bench
    }

    /// Another service over the same store, as a replica is; its ids come from this seed.
    pub async fn over(store: Store, seed: u8) -> Self {
        let clock = Arc::new(SystemClock);
        let seams = Seams {
            clock: clock.clone(),
            timer: Arc::new(SystemTimer::default()),
            jitter: Arc::new(Jitter::seeded([1; 32])),
            http: client(true).unwrap(),
        };
        let spec = |name: &str| JudgeSpec {
            name: JudgeName::parse(name).unwrap(),
            provider: "recorded".to_owned(),
            model: "scripted".to_owned(),
            settings: json!({}),
            vision: false,
            images: None,
            audio: false,
            video: false,
            max_input_chars: 10_000,
            price: None,
        };
        let recorded = |name: &str| JudgeConfig { recording: Some("".into()), ..JudgeConfig::new(spec(name)) };
        let judges: BTreeMap<JudgeName, Arc<Judge>> = ["one", "two"]
            .map(|name| (JudgeName::parse(name).unwrap(), Arc::new(Judge::new(recorded(name), &seams).unwrap())))
            .into();
        let name = PanelName::parse("default").unwrap();
        let panel = Panel {
            name: name.clone(),
            quorum: default_quorum(2),
            judges: judges.values().map(|judge| judge.spec().clone()).collect(),
            repeats: 1,
            aggregation: Aggregation::Majority,
            min_coverage: 0.5,
            cache: crate::domain::CachePolicy::On,
            mode: crate::domain::Mode::PerCriterion,
            sequential: None,
            provider_batch: false,
            own_family: crate::domain::OwnFamily::Mark,
            left_out: vec![],
            review: ReviewPolicy { random_share: 0.0, ..ReviewPolicy::default() },
        };
        let services = Arc::new(Services {
            store,
            blobs: Blobs::open("memory:").await.unwrap(),
            judges,
            panels: [(name.clone(), panel)].into(),
            default_panel: Some(name),
            templates: Templates::builtin(),
            // Whether LibreOffice is on this machine is nothing that a test of the door may depend on.
            reading: Reading::in_process(document::Limits::default())
                .with_office(Office::new(OfficeProgram::Off, OfficeLimits::default())),
            keep_pictures: true,
            intake: LIMITS,
            ids: IdSource::new(clock.clone(), [seed; 32]),
            clock,
            lease: Duration::from_secs(600),
            max_running: 4,
            grading_usd: None,
            purses: crate::services::purse::Purses::new(None),
            hooks: crate::services::hooks::Hooks::default(),
            views: crate::services::views::Views::new(Duration::from_secs(600)),
            replicas: crate::services::replicas::Replicas::alone(crate::domain::Id::from_uuid(uuid::Uuid::nil())),
            running: Running::default(),
            bell: tokio::sync::Notify::new(),
            rubric_identity: Arc::default(),
        });
        Self { services, door: Arc::new(Door::default()), stop: CancellationToken::new() }
    }

    /// Takes up queued work until the bench is dropped.
    pub fn start_working(&self) {
        actix_web::rt::spawn(work(self.services.clone(), self.stop.clone()));
    }
}

macro_rules! app {
    ($bench:expr) => {
        actix_web::test::init_service(
            actix_web::App::new()
                .wrap(actix_web::middleware::from_fn(crate::http::harden::harden))
                .wrap(actix_web::middleware::from_fn(crate::http::log::log))
                .configure(crate::http::configure(
                    actix_web::web::Data::from($bench.services.clone()),
                    $bench.door.clone(),
                )),
        )
        .await
    };
}
pub(crate) use app;

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// That it is a problem document with this status and code; its detail.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["type"].is_string());
        assert!(self.headers.contains_key("x-request-id"));
        body["detail"].as_str().unwrap().to_owned()
    }
}

pub async fn send<S, B>(app: &S, request: TestRequest) -> Told
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let response =
        app.call(request.to_request()).await.unwrap_or_else(|e| panic!("an error left the application: {e}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body broke"));
    Told { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

pub fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

pub fn post(uri: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(uri).set_json(body)
}

pub fn raw(uri: &str, content_type: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::post().uri(uri).insert_header(("content-type", content_type)).set_payload(body.into())
}

/// A multipart body: name of the part, name of the file, bytes.
pub fn form(uri: &str, parts: &[(&str, Option<&str>, &[u8])]) -> TestRequest {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend_from_slice(
            format!("--BOUND\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--BOUND--\r\n");
    raw(uri, "multipart/form-data; boundary=BOUND", body)
}

pub fn rubric() -> Value {
    json!({"title": "Memo", "criteria": [
        {"id": "total", "requirement": "States the total of 42.", "points": 5, "check": {"contains": {"text": "42"}}},
        {"id": "clear", "requirement": "Is clearly written.", "points": 3},
    ]})
}
