//! Everybody at once, while things are killed under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::deployment::Deployment;
use super::invariants;
use super::operations::Stage;
use super::plan::{Kill, Plan};

/// How long one operation may take before it is given up: longer than any call in it.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long a kill waits for its turn when nothing goes on any more.
const LULL: Duration = Duration::from_secs(20);

/// Runs the plan to its end.
pub(super) async fn rage(
    plan: &Plan,
    stage: &Arc<Stage>,
    deployment: &mut Deployment,
) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    for (number, operations) in plan.clients.iter().cloned().enumerate() {
        let stage = Arc::clone(stage);
        clients.spawn(async move {
            for (operation, dice) in operations {
                let done = stage.perform(number, operation, dice);
                if tokio::time::timeout(PATIENCE, done).await.is_err() {
                    let what = format!("{operation:?} does not come to an end");
                    stage.tally.fault(invariants::ANSWERED, what);
                }
            }
        });
    }
    let over = Arc::new(AtomicBool::new(false));
    let waiting = tokio::spawn({
        let over = Arc::clone(&over);
        async move {
            let ended = clients.join_all().await.len();
            over.store(true, Ordering::SeqCst);
            ended
        }
    });
    for kill in plan.kills.clone() {
        strike(kill, stage, deployment, &over).await?;
    }
    waiting.await?;
    Ok(())
}

async fn strike(
    kill: Kill,
    stage: &Arc<Stage>,
    deployment: &mut Deployment,
    over: &AtomicBool,
) -> anyhow::Result<()> {
    let Kill { after, victim, down_ms, mut dice } = kill;
    let (mut last, mut since) = (stage.tally.begun(), Instant::now());
    while stage.tally.begun() < after && !over.load(Ordering::SeqCst) && since.elapsed() < LULL {
        sleep(Duration::from_millis(2)).await;
        let begun = stage.tally.begun();
        if begun != last {
            (last, since) = (begun, Instant::now());
        }
    }
    // Not at the beginning of an operation, but anywhere within.
    sleep(Duration::from_millis(dice.below(120))).await;
    for what in deployment.ended() {
        stage.tally.fault(invariants::ALIVE, what);
    }
    deployment.kill(victim, Duration::from_millis(down_ms), &mut dice).await?;
    stage.tally.count("kill", victim.name());
    Ok(())
}
