//! What operators see: logs, and measurements on an address of their own.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use adapter_postgres::{PgStore, QueueFigure};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::trace::SdkTracer;
use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{self, LogFormat, Logs};
use crate::traces::{self, Traces};

/// Buckets of durations, in seconds: from a cached read to a job that is far too slow.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// What keeps the spans of traces out of the lines.
const UNTRACED: &str = "traces=off";

/// Why nothing can be seen.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter of the logs is not understood.
    #[error("logs.filter {filter:?} is not a filter: {reason}")]
    Filter {
        /// The filter.
        filter: String,
        /// Why not.
        reason: String,
    },
    /// The collector's address is none.
    #[error("traces cannot be sent: {0}")]
    Traces(String),
    /// The recorder cannot be set up.
    #[error("measurements cannot be recorded: {0}")]
    Recorder(String),
    /// The address is taken or not ours.
    #[error(
        "cannot serve measurements on {address}; set metrics.address to another, or metrics.enabled to false"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// Starts logging to standard error, and traces if there is a collector for them. A second call in
/// one process changes nothing.
pub fn start(logs: &Logs, traces: &config::Traces) -> Result<Traces, TelemetryError> {
    let traces =
        Traces::start(traces).map_err(|error| TelemetryError::Traces(error.to_string()))?;
    start_logs(logs, &traces)?;
    Ok(traces)
}

fn start_logs(logs: &Logs, traces: &Traces) -> Result<(), TelemetryError> {
    let text = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| logs.filter.clone());
    let filter = EnvFilter::try_new(&text).map_err(|error| TelemetryError::Filter {
        filter: text.clone(),
        reason: error.to_string(),
    })?;
    // They are made for the collector, and say nothing that the lines do not say.
    let filter = filter.add_directive(UNTRACED.parse().expect("a literal directive"));
    if let Some(tracer) = traces.tracer() {
        start_both(logs, filter, tracer);
        return Ok(());
    }
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a logger that is already there refuses, and then it stays.
    let _ = match logs.format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            subscriber.with_target(false).with_ansi(colours).finish().try_init()
        }
        LogFormat::Json => {
            subscriber.json().flatten_event(true).with_span_list(false).finish().try_init()
        }
    };
    Ok(())
}

/// Lines and traces from the same spans, each with a filter of its own.
fn start_both(logs: &Logs, filter: EnvFilter, tracer: SdkTracer) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match logs.format {
        LogFormat::Text => {
            lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(traces::TARGET, LevelFilter::INFO));
    // Only a logger that is already there refuses, and then it stays.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
}

/// The recorder of this process; there is one, however often it is asked for.
pub fn recorder() -> Result<PrometheusHandle, TelemetryError> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let handle = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .and_then(PrometheusBuilder::install_recorder)
                .map_err(|error| error.to_string())?;
            describe();
            Ok(handle)
        })
        .clone()
        .map_err(TelemetryError::Recorder)
}

fn describe() {
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time to answer a request, by route"
    );
    metrics::describe_histogram!(
        "job_duration_seconds",
        metrics::Unit::Seconds,
        "Time a job took, by kind"
    );
    metrics::describe_histogram!(
        "job_wait_seconds",
        metrics::Unit::Seconds,
        "Time a job waited after it was due, by kind"
    );
    metrics::describe_counter!("job_failures_total", "Failed tries of jobs, by kind");
    metrics::describe_counter!("jobs_parked_total", "Jobs that failed as often as they may");
    metrics::describe_counter!("jobs_recovered_total", "Jobs taken over from dead workers");
}

/// The server of `/metrics`.
#[derive(Debug)]
pub struct MetricsServer {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl MetricsServer {
    /// Starts it; port 0 takes a free one.
    pub fn start(address: SocketAddr, store: Arc<PgStore>) -> Result<Self, TelemetryError> {
        let recorder = recorder()?;
        let server = HttpServer::new(move || {
            let (recorder, store) = (recorder.clone(), Arc::clone(&store));
            App::new().route(
                "/metrics",
                web::get().to(move || answer(recorder.clone(), Arc::clone(&store))),
            )
        })
        .workers(1)
        .disable_signals()
        .bind(address)
        .map_err(|source| TelemetryError::Bind { address, source })?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address, handle })
    }

    /// Stops it.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

async fn answer(recorder: PrometheusHandle, store: Arc<PgStore>) -> HttpResponse {
    let mut text = recorder.render();
    // A database that is down must not hide the figures of the process.
    match store.queue_figures().await {
        Ok(figures) => text.push_str(&queue(&figures)),
        Err(error) => tracing::warn!(%error, "the queue cannot be measured"),
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

/// The queue as it is now. Written directly rather than through gauges, which would remember
/// kinds of jobs that are gone.
fn queue(figures: &[QueueFigure]) -> String {
    let mut text =
        String::from("# HELP jobs Jobs in the queue, by kind and status\n# TYPE jobs gauge\n");
    for figure in figures {
        let (kind, status) = (&figure.identifier, figure.status.name());
        let _ = writeln!(text, "jobs{{kind=\"{kind}\",status=\"{status}\"}} {}", figure.count);
    }
    text.push_str(
        "# HELP jobs_oldest_seconds How long the oldest has waited since it was due\n\
         # TYPE jobs_oldest_seconds gauge\n",
    );
    for figure in figures {
        let (kind, status) = (&figure.identifier, figure.status.name());
        let age = figure.oldest_seconds;
        let _ = writeln!(text, "jobs_oldest_seconds{{kind=\"{kind}\",status=\"{status}\"}} {age}");
    }
    text
}

#[cfg(test)]
mod tests {
    use adapter_postgres::JobStatus;

    use super::*;

    #[test]
    fn the_queue_is_measured_by_kind_and_status() {
        let text = queue(&[QueueFigure {
            identifier: "timer".to_owned(),
            status: JobStatus::Ready,
            count: 3,
            oldest_seconds: 1.5,
        }]);
        assert!(text.contains("jobs{kind=\"timer\",status=\"ready\"} 3\n"), "{text}");
        assert!(text.contains("jobs_oldest_seconds{kind=\"timer\",status=\"ready\"} 1.5\n"));
    }
}
