//! Payments through the embedded gateway, beside the bare insert of the rows that they leave: what it costs that money is
//! judged, asked for over HTTP, told of and kept in balance.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement, types::Type};

use crate::{cluster, market::Market, number};

/// The tables whose rows belong to a payment alone, and what of it they hold.
const TABLES: [(&str, &str); 4] = [
    ("payments", "id = $1::text::uuid"),
    ("ledger_journals", "payment_id = $1::text::uuid"),
    (
        "ledger_postings",
        "journal_id IN (SELECT id FROM ledger_journals WHERE payment_id = $1::text::uuid)",
    ),
    ("invoices", "payment_id = $1::text::uuid"),
];

/// What was measured, each in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payments {
    /// Paid over HTTP.
    pub(crate) paid: f64,
    /// Inserted, a transaction for each payment.
    pub(crate) inserted: f64,
}

/// So many people subscribe to something, and pay for it at once.
pub(crate) async fn measure(
    market: &Market,
    client: &Client,
    database: &str,
    (people, connections): (u16, u16),
) -> Result<Payments> {
    let tokens = market.sign_up("payer", people).await?;
    let [provider, payers @ ..] = &tokens[..] else { anyhow::bail!("somebody has to sell") };
    let api = Api { http: Http::new(), base: format!("http://{}/api/v1", market.address) };
    api.post(provider, "providers", json!({ "name": "Bench" }), "").await?;
    let plan = json!({
        "name": "Gold",
        "price": { "amount": 900, "currency": "EUR" },
        "interval": { "unit": "month", "count": 1 },
    });
    let plan = id(&api.post(provider, "plans", plan, "").await?)?;
    let mut orders = Vec::new();
    for payer in payers {
        let subscription =
            api.post(payer, "subscriptions", json!({ "plan_id": plan }), "first").await?;
        orders.push((payer.clone(), id(&subscription)?));
    }

    let begun = Instant::now();
    let payments = in_parallel(connections, orders, |(payer, subscription)| {
        let api = api.clone();
        async move {
            let order = json!({
                "purpose": "subscription",
                "reference": subscription,
                "method": { "token": "card_success" },
            });
            let paid = api.post(&payer, "payments", order, &subscription).await?;
            ensure!(paid["status"] == "captured", "not paid: {paid}");
            id(&paid)
        }
    })
    .await?;
    let paid = rate(payments.len(), begun.elapsed());

    let mut rows = Vec::new();
    for payment in &payments {
        let uuid = payment.split_once('_').map_or(payment.as_str(), |(_, uuid)| uuid);
        let mut of = Vec::new();
        for (table, holds) in TABLES {
            let query =
                format!("SELECT coalesce(jsonb_agg(t), '[]')::text FROM {table} t WHERE {holds}");
            of.push(client.query_one(&query, &[&uuid]).await?.get::<_, String>(0));
        }
        rows.push(of);
    }
    ensure!(rows.iter().all(|of| of.iter().all(|rows| rows != "[]")), "a payment left no rows");
    Ok(Payments { paid, inserted: insert(client, database, &rows, connections).await? })
}

/// Inserts the rows of each payment in a transaction, into tables of the same columns, constraints and indexes.
async fn insert(
    client: &Client,
    database: &str,
    rows: &[Vec<String>],
    connections: u16,
) -> Result<f64> {
    client.batch_execute("DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare").await?;
    for (table, _) in TABLES {
        let like = format!("CREATE TABLE bare.{table} (LIKE {table} INCLUDING ALL)");
        client.batch_execute(&like).await?;
    }
    let rows = Arc::new(rows.to_vec());
    let (mut count, mut took) = (0, Duration::ZERO);
    // A pass is over in no time; so many that noise evens out.
    while took < Duration::from_secs(2) {
        let truncate = TABLES.map(|(table, _)| format!("bare.{table}")).join(", ");
        client.batch_execute(&format!("TRUNCATE {truncate}")).await?;
        let mut sessions = Vec::new();
        for _ in 0..connections {
            sessions.push(Session::open(database).await?);
        }
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for session in sessions {
            let (rows, next) = (Arc::clone(&rows), Arc::clone(&next));
            tasks.spawn(async move {
                while let Some(of) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    session.insert(of).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        took += begun.elapsed();
        count += rows.len();
    }
    Ok(rate(count, took))
}

/// A session with its statements prepared.
struct Session {
    client: Client,
    statements: Vec<Statement>,
}

impl Session {
    async fn open(database: &str) -> Result<Self> {
        let client = cluster::connect(database).await?;
        let mut statements = Vec::new();
        for (table, _) in TABLES {
            let insert = format!(
                "INSERT INTO bare.{table} OVERRIDING SYSTEM VALUE \
                 SELECT * FROM jsonb_populate_recordset(NULL::bare.{table}, $1::text::jsonb)"
            );
            statements.push(client.prepare_typed(&insert, &[Type::TEXT]).await?);
        }
        Ok(Self { client, statements })
    }

    async fn insert(&self, rows: &[String]) -> Result<()> {
        self.client.batch_execute("BEGIN").await?;
        for (statement, rows) in self.statements.iter().zip(rows) {
            self.client.execute(statement, &[rows]).await?;
        }
        Ok(self.client.batch_execute("COMMIT").await?)
    }
}

#[derive(Clone)]
struct Api {
    http: Http,
    base: String,
}

impl Api {
    async fn post(&self, token: &str, path: &str, body: Value, key: &str) -> Result<Value> {
        let mut request = self.http.post(format!("{}/{path}", self.base)).bearer_auth(token);
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let answer = request.json(&body).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(status == 201, "{path} was answered with {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }
}

fn id(body: &Value) -> Result<String> {
    Ok(body["id"].as_str().context("what was made has no id")?.to_owned())
}

fn rate(count: usize, took: Duration) -> f64 {
    number(u64::try_from(count).unwrap_or(u64::MAX)) / took.as_secs_f64()
}

/// Does all of these, so many at a time.
async fn in_parallel<T, F, Doing>(
    connections: u16,
    of: Vec<T>,
    done: impl Fn(T) -> Doing,
) -> Result<Vec<F>>
where
    F: Send + 'static,
    Doing: Future<Output = Result<F>> + Send + 'static,
{
    let mut results = Vec::new();
    let mut tasks = JoinSet::new();
    for one in of {
        if tasks.len() >= usize::from(connections)
            && let Some(result) = tasks.join_next().await
        {
            results.push(result??);
        }
        tasks.spawn(done(one));
    }
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}
