//! Spans on their way to a collector: OTLP over HTTP. They are sent in the background, from a bounded queue: a collector
//! that is slow or down costs spans, and nothing else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::{Settings, TARGET};

const HEADER: &str = "traceparent";
/// For one post of spans.
const PATIENCE: Duration = Duration::from_secs(5);
/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 16_384;
const TOGETHER: usize = 2_048;
const DELAY: Duration = Duration::from_secs(1);

/// Collects spans and sends them, until it is ended.
pub struct Tracing {
    provider: SdkTracerProvider,
}

impl Tracing {
    /// Sends from tasks of the present tokio runtime.
    ///
    /// # Errors
    /// If the address is none, or TLS cannot be set up.
    pub fn start(settings: &Settings) -> Result<Self, String> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| error.to_string())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Post { http, runtime, is_down: AtomicBool::new(false) })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&settings.url)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(TOGETHER)
            .with_scheduled_delay(DELAY)
            .build();
        let resource = Resource::builder()
            .with_service_name(settings.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", settings.instance.clone()))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.ratio)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Self { provider })
    }

    /// What takes the spans.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        // Spans alone: what is logged may name a file.
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("empanel"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET))
    }

    /// Sends what is left, for so long at most. Blocks.
    pub fn end(&self, within: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(within) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Posts spans by a client on the service's runtime; the thread that waits for it has none.
#[derive(Debug)]
struct Post {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    /// The last post failed: said once, not for every second that it lasts.
    is_down: AtomicBool,
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let spans = body.len();
        let request = self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let sent = self.runtime.spawn(async move {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let sent = match sent.await {
            Ok(Ok((status, body))) if status.is_success() => Ok((status, body)),
            Ok(Ok((status, _))) => Err(format!("the collector answered {status}")),
            Ok(Err(error)) => Err(error.without_url().to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sent {
            Ok((status, body)) => {
                if self.is_down.swap(false, Ordering::Relaxed) {
                    tracing::info!("traces are sent again");
                }
                let mut response = Response::new(body);
                *response.status_mut() = status;
                Ok(response)
            }
            Err(error) => {
                if !self.is_down.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error, bytes = spans, "traces cannot be sent; they are dropped until they can");
                }
                Err(error.into())
            }
        }
    }
}

pub(super) fn here() -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&tracing::Span::current().context(), &mut headers);
    headers.remove(HEADER)
}

pub(super) fn continues(span: &tracing::Span, traceparent: &str) {
    let headers = HashMap::from([(HEADER.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &headers);
    // A span that is not traced has no parent to be given.
    let _ = span.set_parent(context);
}
