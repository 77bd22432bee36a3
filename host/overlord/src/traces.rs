//! Traces: one span a stage of a request's way, sent to a collector by OTLP. Owns how spans are sent and
//! whose word counts for what they are part of; the spans themselves are made where the stages are.
//! Without a collector nothing of this runs.

mod sender;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::config::WebOrigin;
use sender::Sender;

/// How long a collector may take for one export. One that is slower loses spans and holds nothing up.
const EXPORT_TIME: Duration = Duration::from_secs(5);

/// How long the last export may take when the host stops: a collector that is gone must not keep it.
const LAST_EXPORT_TIME: Duration = Duration::from_secs(2);

/// Where an endpoint takes spans.
const PATH: &str = "/v1/traces";

/// The header that says of which trace a request is part.
pub const TRACEPARENT: &str = "traceparent";

/// Whether there is a collector.
static ON: AtomicBool = AtomicBool::new(false);

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

/// There is no sending spans.
#[derive(Debug, thiserror::Error)]
#[error("cannot send traces to {0} (`otlp.endpoint`, OVERLORD_OTLP_ENDPOINT): {1}")]
pub struct NoTraces(String, String);

impl Traces {
    /// Sends spans to this collector, on the runtime that this is called in.
    pub fn to(endpoint: &WebOrigin) -> Result<Self, NoTraces> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::here())
            .with_endpoint(format!("{endpoint}{PATH}"))
            .with_timeout(EXPORT_TIME)
            .build()
            .map_err(|error| NoTraces(endpoint.to_string(), error.to_string()))?;
        let resource = Resource::builder()
            .with_service_name("overlord")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        ON.store(true, Ordering::Relaxed);
        Ok(Self(provider))
    }

    /// What takes the spans of this program: those, and nothing that is said within them.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("overlord"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| about.is_span() && about.target().starts_with("overlord::")))
    }

    /// Sends what there still is. Not for a thread that the runtime needs.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT_TIME) {
            tracing::warn!("the last spans were not sent: {error}");
        }
    }
}

/// Whether spans go anywhere.
pub fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Whether what is done here is part of a request that a collector hears of.
pub fn within() -> bool {
    on() && !Span::current().is_none()
}

/// Makes a span part of the trace that a `traceparent` names, where it names one.
pub fn adopt(span: &Span, traceparent: &str) {
    let carrier = std::collections::HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    // What is malformed gives an empty context, and the span begins a trace of its own.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

/// Says of a span what the log need not hold.
pub fn note(span: &Span, name: &'static str, value: impl Into<Value>) {
    if on() {
        span.set_attribute(name, value);
    }
}

/// The span of a stage of a request's way: seen by a collector, and in the log at its most talkative.
macro_rules! stage {
    ($name:literal, $generation:expr) => {
        tracing::trace_span!(target: "overlord::stage", $name, generation = $generation)
    };
}
pub(crate) use stage;
