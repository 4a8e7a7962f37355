use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::arguments::ServeFlags;
use super::drain::StopSignals;
use super::output::say;
use super::platform::Platform;
use super::worker::{start_metrics, start_worker};
use crate::config::Settings;
use crate::{http, wiring};

pub(super) async fn serve(settings: Settings, flags: ServeFlags) -> anyhow::Result<()> {
    let started = Instant::now();
    if flags.seed_demo && settings.is_production() {
        bail!("--seed-demo is not for production: everyone knows its passwords");
    }
    let mut signals = StopSignals::listen()?;
    let platform = Platform::start(&settings, flags.simulate).await?;
    let metrics = start_metrics(&settings, &platform)?;
    let worker =
        if flags.no_worker { None } else { Some(start_worker(&settings, &platform).await?) };
    let state = if flags.no_api {
        None
    } else {
        Some(Arc::new(wiring::http_state(&settings, platform.services.clone())))
    };
    let mut api = state.clone().map(http::start).transpose()?;
    if let Some(api) = &api {
        say(&banner(&settings, api.address, started.elapsed()))?;
    }

    match &mut api {
        Some(api) => tokio::select! {
            () = signals.received() => {}
            () = api.ended() => tracing::error!("the server ended by itself"),
        },
        None => signals.received().await,
    }

    tracing::info!("stopping: finishing what is under way");
    signals.exit_at_the_next();
    if let Some(state) = &state {
        state.readiness.drain();
        tokio::time::sleep(Duration::from_secs(settings.server.drain_notice_seconds)).await;
    }
    // Both at once: together they must end within the time an orchestrator gives.
    let api = async {
        if let Some(api) = api {
            api.stop().await;
        }
    };
    let worker = async {
        if let Some(worker) = worker {
            worker.stop().await;
        }
    };
    tokio::join!(api, worker);
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    platform.stop().await
}

fn banner(settings: &Settings, address: SocketAddr, took: Duration) -> String {
    let base = if address == settings.server.address {
        settings.server.public_url.clone()
    } else {
        format!("http://{address}")
    };
    format!(
        "\n\
         Mercato is ready after {took:.1?}.\n\n\
         \x20 API      {base}/api/v1\n\
         \x20 Docs     {base}/docs/\n\
         \x20 Health   {base}/health/ready\n\n\
         Stop it with Ctrl-C."
    )
}
