use std::sync::Arc;
use std::time::Duration;

use super::arguments::WorkerFlags;
use super::drain::StopSignals;
use super::platform::Platform;
use crate::config::Settings;
use crate::jobs::{JobContext, Worker};
use crate::telemetry::MetricsServer;

pub(super) async fn work(settings: Settings, flags: WorkerFlags) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let platform = Platform::start(&settings, flags.simulate).await?;
    let metrics = start_metrics(&settings, &platform)?;
    let worker = start_worker(&settings, &platform).await?;
    tracing::info!("working; stop it with SIGTERM");
    signals.received().await;
    signals.exit_at_the_next();
    worker.stop().await;
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    platform.stop().await
}

pub(super) async fn start_worker(
    settings: &Settings,
    platform: &Platform,
) -> anyhow::Result<Worker> {
    let context = JobContext {
        services: platform.services.clone(),
        event_retention_days: settings.jobs.event_retention_days,
    };
    let grace = Duration::from_secs(settings.server.shutdown_grace_seconds);
    Ok(Worker::start(context, &platform.database.url, &settings.jobs, grace).await?)
}

pub(super) fn start_metrics(
    settings: &Settings,
    platform: &Platform,
) -> anyhow::Result<Option<MetricsServer>> {
    if !settings.metrics.enabled {
        return Ok(None);
    }
    let store = Arc::clone(&platform.services.store);
    Ok(Some(MetricsServer::start(settings.metrics.address, store)?))
}
