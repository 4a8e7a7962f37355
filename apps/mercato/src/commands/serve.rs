use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::arguments::ServeFlags;
use super::drain::StopSignals;
use super::output::{say, show};
use super::platform::Platform;
use super::worker::{start_metrics, start_worker};
use crate::config::Settings;
use crate::seed::{self, Numbers};
use crate::{http, wiring};

pub(super) async fn serve(settings: Settings, flags: ServeFlags) -> anyhow::Result<()> {
    let started = Instant::now();
    if flags.seed_demo && settings.is_production() {
        bail!("--seed-demo is not for production: everyone knows its passwords");
    }
    let mut signals = StopSignals::listen()?;
    let platform = Platform::start(&settings, flags.simulate).await?;
    // A marketplace of one's own is shown full; somebody's database only if they ask.
    if flags.seed_demo || (platform.database.is_private() && !settings.is_production()) {
        tokio::select! {
            seeded = seed_once(&settings, &platform) => seeded?,
            () = signals.received() => return platform.stop().await,
        }
    }
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
        let demo = seed::is_seeded(&platform.services).await?;
        say(&banner(&settings, api.address, started.elapsed(), demo))?;
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

/// Fills the marketplace at its first start. If that is interrupted, what was made by then stays,
/// and the next start leaves it so.
async fn seed_once(settings: &Settings, platform: &Platform) -> anyhow::Result<()> {
    if seed::is_seeded(&platform.services).await? {
        return Ok(());
    }
    say("Filling the marketplace with demo data:")?;
    seed::seed(settings, &platform.foundation, Numbers::DEMO, show).await
}

fn banner(settings: &Settings, address: SocketAddr, took: Duration, demo: bool) -> String {
    let base = if address == settings.server.address {
        settings.server.public_url.clone()
    } else {
        format!("http://{address}")
    };
    let mut text = format!(
        "\n\
         Mercato is ready after {took:.1?}.\n\n\
         \x20 API      {base}/api/v1\n\
         \x20 Docs     {base}/docs/\n\
         \x20 Health   {base}/health/ready\n"
    );
    if settings.gateways.sandbox_is_on(settings.is_production()) {
        text.push_str("  Payments are tests: pay by the token card_success, or card_secure\n");
    }
    if demo {
        let _ = writeln!(text, "\n  Sign in with the password {}:", seed::PASSWORD);
        for sign_in in seed::sign_ins() {
            let _ = writeln!(text, "    {:<10}{}", sign_in.role, sign_in.email);
        }
        let _ = writeln!(text, "\n  Try it:  curl -s '{base}/api/v1/listings?q=kitchen&limit=3'");
    }
    text.push_str("\nStop it with Ctrl-C.");
    text
}
