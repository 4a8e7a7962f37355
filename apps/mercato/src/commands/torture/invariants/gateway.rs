//! Our books and the gateway's own list, both ways.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;
use tokio_postgres::Client;

use super::Judged;
use crate::commands::torture::dice::Dice;
use crate::commands::torture::operations::{Gateway, Stage};

/// How one side says a payment stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    captured: i64,
    refunded: i64,
    charged_back: i64,
    reinstated: i64,
}

/// All that the gateway knows of one payment of ours: a page of its own may have led to several.
#[derive(Debug, Default)]
struct Theirs {
    sums: Sums,
    states: Vec<String>,
}

fn theirs(payments: &[Value]) -> BTreeMap<String, Theirs> {
    let mut all: BTreeMap<String, Theirs> = BTreeMap::new();
    for payment in payments {
        let reference = payment["reference"].as_str().unwrap_or_default();
        let ours = reference.split('.').next().unwrap_or_default();
        let known = all.entry(ours.to_owned()).or_default();
        let sum = |field: &str| payment[field].as_i64().unwrap_or_default();
        known.sums.captured += sum("captured");
        known.sums.refunded += sum("refunded");
        known.sums.charged_back += sum("charged_back");
        known.sums.reinstated += sum("reinstated");
        known.states.push(payment["status"].as_str().unwrap_or_default().to_owned());
    }
    all
}

/// Payments here and there.
pub(super) async fn payments(
    stage: &Stage,
    sql: &Client,
    dice: &mut Dice,
) -> anyhow::Result<Judged> {
    let list = Gateway::of(&stage.market.network).payments(dice).await;
    let mut theirs = theirs(&list.context("the gateway does not show its list")?);
    let mut offenders = Vec::new();
    let query = "SELECT 'pay_' || replace(id::text, '-', ''), stage, captured_minor, \
                 refunded_minor, charged_back_minor, reinstated_minor FROM payments ORDER BY id";
    for row in sql.query(query, &[]).await? {
        let (id, state): (String, String) = (row.get(0), row.get(1));
        let ours = Sums {
            captured: row.get(2),
            refunded: row.get(3),
            charged_back: row.get(4),
            reinstated: row.get(5),
        };
        let there = theirs.remove(&id).unwrap_or_default();
        if ours != there.sums {
            offenders
                .push(format!("{id} ({state}): we say {ours:?}, the gateway {:?}", there.sums));
        }
        if !fits(&state, &there.states) {
            offenders.push(format!("{id} is {state} here, and there {:?}", there.states));
        }
    }
    offenders.extend(theirs.keys().map(|id| format!("{id} is known to the gateway alone")));
    Ok(Judged { name: "our books are the gateway's own list", offenders })
}

/// Whether our state is one that the gateway's states lead to.
fn fits(ours: &str, theirs: &[String]) -> bool {
    let has = |state: &str| theirs.iter().any(|it| it == state);
    match ours {
        "captured" => has("captured"),
        "authorized" => has("authorized") && !has("captured"),
        "voided" => has("voided") && !has("captured") && !has("authorized"),
        "failed" => theirs.iter().all(|it| it == "failed"),
        _ => theirs.is_empty(),
    }
}

/// Payouts here and there: each that is paid went out once.
pub(super) async fn payouts(sql: &Client) -> anyhow::Result<Judged> {
    let query = "
        WITH there AS (
            SELECT split_part(document->>'reference', ':', 1) AS id,
                sum((document->>'amount')::bigint)
                    FILTER (WHERE document->>'status' = 'paid') AS paid
            FROM sandbox_documents WHERE key LIKE 'payout/%' GROUP BY 1
        ), here AS (
            SELECT 'pot_' || replace(id::text, '-', '') AS id, state,
                CASE WHEN state = 'paid' AND gateway IS NOT NULL THEN amount_minor END AS paid
            FROM payouts
        )
        SELECT format('%s (%s): we paid %s, the gateway %s', coalesce(here.id, there.id), state,
            here.paid, there.paid)
        FROM here FULL JOIN there USING (id)
        WHERE here.paid IS DISTINCT FROM there.paid";
    let rows = sql.query(query, &[]).await?;
    let offenders = rows.iter().map(|row| row.get(0)).collect();
    Ok(Judged { name: "our payouts are the gateway's own", offenders })
}
