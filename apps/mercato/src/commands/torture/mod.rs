//! `mercato torture`: many clients move money through a marketplace of its own, while the gateway
//! misbehaves and everything is killed under them. Afterwards not a cent may be missing.

mod caller;
mod deployment;
mod dice;
mod invariants;
mod market;
mod operations;
mod plan;
mod quiet;
mod report;
mod storm;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use kernel::{Random, SystemRandom};

use super::drain::StopSignals;
use super::output::say;
use super::platform::Platform;
use crate::config::{Secret, Settings, Sources};
use caller::Network;
use deployment::{Deployment, connect};
use market::Market;
use operations::{Gateway, Stage};
use plan::Plan;
use tally::Tally;

/// How much is done.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct TortureFlags {
    /// What is thrown: the same seed plans the same operations and kills. Without it another one
    /// each time.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Operations, over all clients.
    #[arg(long, default_value_t = 300)]
    operations: usize,
    /// Clients at once.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// How often a server, the worker or PostgreSQL is killed.
    #[arg(long, default_value_t = 6)]
    kills: usize,
    /// Keeps the data even if all is well.
    #[arg(long)]
    keep: bool,
}

pub(super) async fn torture(flags: TortureFlags) -> anyhow::Result<()> {
    let TortureFlags { seed, operations, clients, kills, keep } = flags;
    let seed = seed.unwrap_or_else(any_seed);
    say(&format!(
        "seed {seed}: {operations} operations of {clients} clients, {kills} kills; repeat it with\n  \
         mercato torture --seed {seed} --operations {operations} --clients {clients} --kills {kills}"
    ))?;
    let place = tempfile::Builder::new().prefix("mercato-torture-").tempdir()?;
    let plan = Plan::throw(seed, operations, clients, kills);
    let mut signals = StopSignals::listen()?;
    // Whoever is interrupted leaves nothing running, either.
    let outcome = tokio::select! {
        outcome = run(place.path(), &plan) => outcome,
        () = signals.received() => Err(anyhow!("interrupted")),
    };
    let lost = match &outcome {
        Ok(violations) => *violations > 0,
        Err(_) => true,
    };
    if lost || keep {
        say(&format!("data and logs are kept in {}", place.keep().display()))?;
    } else {
        embedded_postgres::remove(&place.path().join("postgres"))?;
    }
    match outcome? {
        0 => say(&format!("seed {seed}: not a cent is missing")),
        violations => bail!("seed {seed}: {violations} violations"),
    }
}

fn any_seed() -> u64 {
    let mut bytes = [0; 4];
    SystemRandom.fill(&mut bytes);
    u32::from_le_bytes(bytes).into()
}

/// Runs the plan in a folder; how many violations there are.
async fn run(folder: &Path, plan: &Plan) -> anyhow::Result<usize> {
    let begun = Instant::now();
    let tally = Arc::new(Tally::default());
    let mut dice = plan.dice.clone();
    let mut deployment = Deployment::start(folder).await?;
    let platform = follow(&deployment).await?;
    let services = platform.services.clone();
    let network = Network::new(deployment.bases.clone(), Arc::clone(&tally))?;
    let market = Market::furnish(network, &services, plan.clients.len(), &mut dice).await?;
    let stage = Arc::new(Stage { market, tally: Arc::clone(&tally), services });
    say(&format!("up and furnished after {:.1?}", begun.elapsed()))?;

    let gateway = Gateway::of(&stage.market.network);
    gateway.storm(&mut dice).await.context("the gateway does not take its orders")?;
    storm::rage(plan, &stage, &mut deployment).await?;
    say(&format!("the storm is over after {:.1?}", begun.elapsed()))?;

    deployment.start_anew().await?;
    let sql = connect(deployment.url()).await?;
    quiet::calm(&stage, &sql, &mut dice).await?;
    let slots = invariants::slots(&stage, &sql, &mut dice).await?;
    let mut shown = invariants::flags(&stage, &sql, &mut dice).await?;
    quiet::age(&stage, &sql, &mut dice).await?;
    for what in deployment.ended() {
        tally.fault(invariants::ALIVE, what);
    }
    let mut judged = invariants::judge(&stage, &sql, &mut dice).await?;
    judged.push(slots);
    shown.offenders.extend(invariants::flags(&stage, &sql, &mut dice).await?.offenders);
    judged.push(shown);
    let violations = report::tell(&tally, &judged, begun.elapsed())?;
    drop(sql);
    platform.stop().await?;
    deployment.stop().await?;
    Ok(violations)
}

/// The same marketplace as the processes serve, for what no call offers.
async fn follow(deployment: &Deployment) -> anyhow::Result<Platform> {
    let sources = Sources { flags: deployment.settings(), ..Sources::default() };
    let mut settings = Settings::load(&sources)?;
    settings.database.url = Some(Secret::new(deployment.url()));
    Platform::start(&settings, true).await
}
