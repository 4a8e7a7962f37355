//! Traces for an OpenTelemetry collector: requests, jobs and transactions, sent by OTLP over HTTP.
//!
//! They are spans of the target `TARGET`, which the logs leave out. While no collector is set
//! they are disabled, and cost a comparison each. They hold templates of paths, never paths: who
//! reads traces learns nothing about people.

use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::config;

/// The target of all spans that are traced. The adapter of the database knows it too.
pub(crate) const TARGET: &str = "traces";

/// How long one delivery to the collector may take, and the last one after a stop. Nobody waits for
/// a delivery: a thread of its own does it, from a queue that drops what it cannot hold.
const PATIENCE: Duration = Duration::from_secs(3);

tokio::task_local! {
    static CURRENT: Option<String>;
}

/// What sends traces, while there is a collector.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// None are sent.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Sends them as the operator set, or not at all.
    pub(crate) fn start(settings: &config::Traces) -> Result<Self, ExporterBuildError> {
        let Some(endpoint) = &settings.endpoint else { return Ok(Self::off()) };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()?;
        let share = f64::from(settings.sample_per_thousand) / 1_000.0;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(
                Resource::builder_empty().with_service_name(settings.service_name.clone()).build(),
            )
            .build();
        Ok(Self(Some(provider)))
    }

    /// What makes spans, while there is a collector.
    pub(crate) fn tracer(&self) -> Option<SdkTracer> {
        self.0.as_ref().map(|provider| provider.tracer("mercato"))
    }

    /// Sends what has not been sent, in three seconds or not at all.
    pub fn stop(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(PATIENCE)
        {
            tracing::warn!(%error, "the last traces were not delivered");
        }
    }
}

/// Where a trace comes from (W3C Trace Context).
struct Origin<'a> {
    traceparent: Option<&'a str>,
    tracestate: Option<&'a str>,
}

impl Extractor for Origin<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.traceparent,
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

fn adopt(span: &Span, origin: &Origin<'_>) {
    if span.is_disabled() || origin.traceparent.is_none() {
        return;
    }
    // It has just been made: there is nothing else that could be its parent yet.
    let _ = span.set_parent(TraceContextPropagator::new().extract(origin));
}

/// The span of a request; [`answered`] says how it ended.
pub(crate) fn request(request: &ServiceRequest) -> Span {
    let method = match *request.method() {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => request.method().as_str(),
        _ => "_OTHER",
    };
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
    );
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (traceparent, tracestate) = (header("traceparent"), header("tracestate"));
    adopt(&span, &Origin { traceparent, tracestate });
    span
}

/// Notes the template of the path and the status.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if span.is_disabled() {
        return;
    }
    // A span that has begun does not take another name as a field.
    span.context().span().update_name(format!("{method} {route}"));
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Runs a job within a span, in the trace of its cause if that is known.
pub(crate) async fn job<E>(
    kind: &'static str,
    cause: Option<&str>,
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let span = tracing::info_span!(
        target: TARGET,
        "job",
        otel.name = kind,
        otel.kind = "consumer",
        otel.status_code = Empty,
        job.kind = kind,
    );
    adopt(&span, &Origin { traceparent: cause, tracestate: None });
    let done = within(span.clone(), work).await;
    if done.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    done
}

/// Does the work within a span; what it causes later can name the span as its cause.
pub(crate) async fn within<F: Future>(span: Span, work: F) -> F::Output {
    if span.is_disabled() {
        return work.await;
    }
    let cause = traceparent(&span);
    Box::pin(CURRENT.scope(cause, work).instrument(span)).await
}

/// The `traceparent` of the work that is under way, for what it causes later.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// The trace that a span belongs to, as 32 hexadecimal digits.
pub(crate) fn trace_id(span: &Span) -> Option<String> {
    Some(traceparent(span)?.split('-').nth(1)?.to_owned())
}

fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let known = context.span().span_context().clone();
    known.is_valid().then(|| {
        let flags = known.trace_flags().to_u8();
        format!("00-{}-{}-{flags:02x}", known.trace_id(), known.span_id())
    })
}
