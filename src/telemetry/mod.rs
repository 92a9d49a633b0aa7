//! Traces of what the service does, for OpenTelemetry: which span belongs to which, also where a piece of work goes on in
//! another process. Rooms open spans with `tracing` under the target [`TARGET`]; this room joins and sends them.
//!
//! What is in a span: ids, counts, sizes, names that the configuration gives. Never a deliverable's text, a prompt, a
//! reply, a file's name, a key.
//!
//! Where nobody collects (no `[telemetry]`, no `OTEL_EXPORTER_OTLP_ENDPOINT`, or a build without the feature `otel`) a span
//! under [`TARGET`] is not even made.

#[cfg(feature = "otel")]
mod otlp;

#[cfg(feature = "otel")]
pub use otlp::Tracing;

/// Of spans that are sent; logs do not show them.
pub const TARGET: &str = "trace";

/// Where traces go, and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Spans are posted here, as OTLP over HTTP in protobuf: `http://collector:4318/v1/traces`.
    pub url: String,
    /// What the service is called.
    pub service: String,
    /// What this process is called.
    pub instance: String,
    /// Of traces that begin here, 0 to 1; one that a caller has begun is kept or not as they say.
    pub ratio: f64,
}

/// The current span as a `traceparent` (W3C Trace Context), for whoever goes on with what is done here. `None` where
/// nothing is traced.
#[must_use]
pub fn here() -> Option<String> {
    #[cfg(feature = "otel")]
    return otlp::here();
    #[cfg(not(feature = "otel"))]
    None
}

/// Makes a span that has not been entered yet part of the trace of a `traceparent`. One that cannot be read is none.
#[cfg_attr(not(feature = "otel"), allow(unused_variables, reason = "nothing is traced in this build"))]
pub fn continues(span: &tracing::Span, traceparent: Option<&str>) {
    #[cfg(feature = "otel")]
    if let Some(traceparent) = traceparent {
        otlp::continues(span, traceparent);
    }
}
