//! What must hold afterwards, whatever happened.

mod bookings;
mod gateway;
mod ledger;
mod payouts;
mod platform;
mod promotions;
mod subscriptions;

use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::dice::Dice;
use super::operations::Stage;

pub(super) use bookings::slots;
pub(super) use promotions::flags;

/// Noted while clients act: see [`super::tally::Tally::fault`].
pub(super) const ANSWERED: &str = "whoever repeats a call gets an answer";
pub(super) const POLITE: &str = "no call fails otherwise than by a refusal";
pub(super) const ONE_KEY: &str = "one key makes one thing";
pub(super) const ALIVE: &str = "no process ends by itself";
pub(super) const SETTLED: &str = "background work comes to its end";

const NOTED: [&str; 5] = [ANSWERED, POLITE, ONE_KEY, ALIVE, SETTLED];

/// An invariant, and whatever violates it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) name: &'static str,
    pub(super) offenders: Vec<String>,
}

/// An invariant as a query: a sentence for each violation. `$1`, where it stands, is the time.
struct Rule {
    name: &'static str,
    query: &'static str,
}

/// Judges everything.
pub(super) async fn judge(
    stage: &Stage,
    sql: &Client,
    dice: &mut Dice,
) -> anyhow::Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for name in NOTED {
        judged.push(Judged { name, offenders: stage.tally.faults_of(name) });
    }
    judged.push(platform::acknowledged(stage, sql).await?);
    judged.push(Judged {
        name: "every ledger transaction balances, and balances are their sums",
        offenders: stage.services.store.ledger_findings().await?,
    });
    judged.push(gateway::payments(stage, sql, dice).await?);
    judged.push(gateway::payouts(sql).await?);
    let rules = [
        ledger::RULES,
        bookings::RULES,
        subscriptions::RULES,
        promotions::RULES,
        payouts::RULES,
        platform::RULES,
    ];
    let now = stage.services.clock.now();
    for Rule { name, query } in rules.into_iter().flatten() {
        let parameters: &[&(dyn ToSql + Sync)] = if query.contains("$1") { &[&now] } else { &[] };
        let query = query.replace("$1", "$1::timestamptz");
        let rows = sql.query(&query, parameters).await;
        let rows = rows.map_err(|error| anyhow::anyhow!("{name}: {error:?}"))?;
        let offenders = rows.iter().map(|row| row.get(0)).collect();
        judged.push(Judged { name, offenders });
    }
    Ok(judged)
}
