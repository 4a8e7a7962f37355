//! The quiet after: what was begun comes to its end, so that what is left can be judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::dice::Dice;
use super::invariants;
use super::operations::{Gateway, Stage};

/// How long background work may stand still.
const PATIENCE: Duration = Duration::from_mins(1);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Fair weather, and everything that is under way arrives.
pub(super) async fn calm(stage: &Stage, sql: &Client, dice: &mut Dice) -> anyhow::Result<()> {
    let gateway = Gateway::of(&stage.market.network);
    if gateway.calm(dice).await.is_none() {
        anyhow::bail!("the gateway does not calm down");
    }
    settle(stage, sql).await
}

/// Time passes until every deadline and every question to the gateway has had its turn.
pub(super) async fn age(stage: &Stage, sql: &Client, dice: &mut Dice) -> anyhow::Result<()> {
    // Of what banks took back messages may have been lost: an operator who compares books asks.
    for payment in stage.tally.charged_back() {
        let path = format!("admin/payments/{payment}/inquire");
        stage.market.admin.command("compare books", dice, &path).await;
    }
    settle(stage, sql).await?;
    look(stage, sql, dice).await?;
    for seconds in [6 * MINUTE, 11 * MINUTE, HOUR, 23 * HOUR] {
        pass(stage, sql, seconds, dice).await?;
    }
    for _ in 0..9 {
        pass(stage, sql, DAY, dice).await?;
    }
    for _ in 0..4 {
        pass(stage, sql, 8 * DAY, dice).await?;
    }
    approve_payouts(stage, dice).await;
    settle(stage, sql).await?;
    for _ in 0..2 {
        let _ = stage.services.billing.run_payouts().await?;
        settle(stage, sql).await?;
        approve_payouts(stage, dice).await;
        settle(stage, sql).await?;
        finish_transfers(stage, sql, dice).await?;
        for seconds in [11 * MINUTE, 2 * HOUR, 25 * HOUR] {
            pass(stage, sql, seconds, dice).await?;
        }
    }
    look(stage, sql, dice).await?;
    // Renewals of the last hours have their answers, too.
    for seconds in [6 * MINUTE, 16 * MINUTE, HOUR] {
        pass(stage, sql, seconds, dice).await?;
    }
    Ok(())
}

/// Admins look at what was parked while the gateway was away: simulated days pass within seconds,
/// and with them all the times at which it is asked.
async fn look(stage: &Stage, sql: &Client, dice: &mut Dice) -> anyhow::Result<()> {
    let admin = &stage.market.admin;
    let path = "admin/webhooks?status=parked&limit=50";
    loop {
        let parked = admin.get("messages", dice, path).await.map(|page| page.items());
        let parked = parked.unwrap_or_default();
        for message in &parked {
            let id = message["id"].as_str().unwrap_or_default();
            let path = format!("admin/webhooks/{id}/replay");
            admin.command("replay parked", dice, &path).await;
        }
        settle(stage, sql).await?;
        if parked.len() < 50 {
            break;
        }
    }
    let query = "SELECT 'pay_' || replace(id::text, '-', '') FROM payments \
                 WHERE parked OR stage IN ('created', 'requires_action', 'processing') ORDER BY 1";
    for row in sql.query(query, &[]).await? {
        let payment: String = row.get(0);
        let path = format!("admin/payments/{payment}/inquire");
        admin.command("inquire parked", dice, &path).await;
    }
    settle(stage, sql).await
}

async fn pass(stage: &Stage, sql: &Client, seconds: u64, dice: &mut Dice) -> anyhow::Result<()> {
    if stage.advance(seconds, dice).await.is_none() {
        anyhow::bail!("time does not pass");
    }
    // Everybody follows the clock within a tenth of a second.
    sleep(Duration::from_millis(250)).await;
    settle(stage, sql).await
}

async fn approve_payouts(stage: &Stage, dice: &mut Dice) {
    let page = stage.market.admin.get("payouts", dice, "admin/payouts?limit=50").await;
    for payout in page.map(|page| page.items()).unwrap_or_default() {
        if payout["status"] == "awaiting_approval" {
            let path = format!("admin/payouts/{}/approve", payout["id"].as_str().unwrap_or(""));
            let body = serde_json::json!({ "reason": "It was looked at." });
            stage.market.admin.post("steer payout", dice, &path, body).await;
        }
    }
}

/// Slow banks come to an end.
async fn finish_transfers(stage: &Stage, sql: &Client, dice: &mut Dice) -> anyhow::Result<()> {
    let query = "SELECT document->>'reference' FROM sandbox_documents \
                 WHERE key LIKE 'payout/%' AND document->>'status' = 'pending' ORDER BY 1";
    let gateway = Gateway::of(&stage.market.network);
    for row in sql.query(query, &[]).await? {
        let (reference, end): (String, _) = (row.get(0), dice.pick(&["paid", "failed"]));
        let path = format!("payouts/{reference}/{}", end.unwrap_or(&"paid"));
        let none: Option<&Value> = None;
        gateway.call("finish payout", dice, reqwest::Method::POST, &path, none).await;
    }
    settle(stage, sql).await
}

/// Waits until no job is ready or running and no timer is due. Failed jobs need not wait for their
/// next try, but for mails: what a killed worker was sending is another's only after minutes.
pub(super) async fn settle(stage: &Stage, sql: &Client) -> anyhow::Result<()> {
    let (mut last, mut since) = (BTreeMap::new(), Instant::now());
    let mut quiet = 0;
    while quiet < 3 {
        sql.execute(
            "UPDATE graphile_worker._private_jobs SET run_at = now() \
             WHERE locked_at IS NULL AND last_error IS NOT NULL AND attempts < max_attempts \
             AND run_at > now() AND task_id NOT IN (\
                 SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'mail.send')",
            &[],
        )
        .await?;
        let busy = busy(stage, sql).await?;
        quiet = if busy.is_empty() { quiet + 1 } else { 0 };
        if busy != last {
            (last, since) = (busy, Instant::now());
        } else if !last.is_empty() && since.elapsed() > PATIENCE {
            let what = format!("the marketplace does not settle: {last:?}");
            stage.tally.fault(invariants::SETTLED, what);
            return Ok(());
        }
        sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}

async fn busy(stage: &Stage, sql: &Client) -> anyhow::Result<BTreeMap<String, i64>> {
    let rows = sql
        .query(
            "SELECT tasks.identifier, count(*) \
             FROM graphile_worker._private_jobs jobs \
             JOIN graphile_worker._private_tasks tasks ON tasks.id = jobs.task_id \
             WHERE jobs.locked_at IS NOT NULL \
                OR (jobs.attempts < jobs.max_attempts AND jobs.run_at <= now()) \
             GROUP BY 1 \
             UNION ALL \
             SELECT 'timer ' || kind, count(*) FROM timers WHERE due_at <= $1 GROUP BY kind",
            &[&stage.services.clock.now()],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
