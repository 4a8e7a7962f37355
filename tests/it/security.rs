//! What must hold under attack. What is about tokens stands in `identity/`, about malformed input
//! in `hostile.rs`, about headers and methods in `protocol.rs`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use scenarios::{Marketplace, Operation, Reply, World};
use serde_json::{Value, json};

use crate::hostile::caller;

/// A column of a table.
#[derive(Debug)]
struct Column {
    table: String,
    name: String,
    value: Value,
}

/// Every column there is, with a value that would fit.
async fn columns(market: &Marketplace) -> Vec<Column> {
    let rows = market
        .rows(
            "SELECT table_name || ' ' || column_name || ' ' || data_type \
             FROM information_schema.columns WHERE table_schema = 'public'",
        )
        .await;
    let column = |row: String| {
        let mut words = row.splitn(3, ' ').map(ToOwned::to_owned);
        let (table, name) = words.next().zip(words.next()).expect("a row has three words");
        let value = match words.next().unwrap_or_default().as_str() {
            "uuid" => json!("0192d4c0-a1b2-7c3d-8e4f-5a6b7c8d9e0f"),
            "boolean" => json!(true),
            "integer" | "bigint" | "smallint" | "numeric" | "double precision" => json!(1),
            "timestamp with time zone" => json!("2026-01-01T00:00:00Z"),
            "jsonb" => json!({}),
            "ARRAY" => json!(["admin"]),
            _ => json!("active"),
        };
        Column { table, name, value }
    };
    rows.into_iter().map(column).collect()
}

/// The tables that an operation's path speaks of.
fn tables_of<'a>(path: &str, all: &BTreeMap<&'a str, Vec<&'a Column>>) -> Vec<&'a str> {
    let words: Vec<String> = path.split('/').map(|word| word.replace('-', "_")).collect();
    let spoken_of = |word: &str| match word {
        "auth" | "me" => Some("accounts"),
        "availability" => Some("availabilities"),
        "appointment" => Some("appointment_settings"),
        "clock" => Some("simulated_clock"),
        "moderation" => Some("change_requests"),
        "cards" => Some("saved_cards"),
        "transfers" => Some("bank_transfers"),
        word => all.keys().find(|table| **table == word).copied(),
    };
    words.iter().filter_map(|word| spoken_of(word)).collect()
}

/// Everything in some tables, as one number.
async fn digest(market: &Marketplace, tables: &[&str]) -> Vec<String> {
    let mut digests = Vec::new();
    for table in tables {
        let sql = format!("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t");
        digests.extend(market.rows(&sql).await);
    }
    digests
}

#[tokio::test]
async fn no_body_reaches_a_column_that_it_does_not_name() {
    let world = World::new().await;
    let columns = columns(&world.market).await;
    let mut by_table: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
    for column in &columns {
        by_table.entry(&column.table).or_default().push(column);
    }
    let (mut tried, mut faults) = (0, Vec::new());
    for operation in Operation::all() {
        let call = world.call(&operation).await;
        let Some(Value::Object(good)) = &call.body else { continue };
        // A gateway's message is signed as it is: another body is nobody's.
        if operation.path.contains("/webhooks/") {
            continue;
        }
        let schema = operation.description["requestBody"].to_string();
        let named = fields_of(&schema);
        let tables = tables_of(&operation.path, &by_table);
        assert!(!tables.is_empty(), "which table does {} write?", operation.path);
        let person = world.person(caller(&operation));
        world.market.settle().await;
        let before = digest(&world.market, &tables).await;
        for column in tables.iter().filter_map(|table| by_table.get(table)).flatten() {
            if good.contains_key(&column.name) || named.contains(&column.name) {
                continue;
            }
            let mut body = good.clone();
            body.insert(column.name.clone(), column.value.clone());
            tried += 1;
            let reply = call.with(person, Some(Value::Object(body))).await;
            if ![400, 422].contains(&reply.status.as_u16()) {
                faults.push(format!("{} takes `{}`: {}", operation.id, column.name, reply.status));
            }
        }
        let after = digest(&world.market, &tables).await;
        if before != after {
            faults.push(format!("{} changed {tables:?}", operation.id));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(tried > 300, "only {tried} columns were tried");
}

/// The fields that the schema behind a reference, which stands somewhere in `text`, has.
fn fields_of(text: &str) -> Vec<String> {
    let document = serde_json::to_value(mercato::http::openapi()).expect("it is plain data");
    let references = text.split("#/components/schemas/").skip(1);
    let names = references.filter_map(|rest| rest.split('"').next());
    names
        .filter_map(|name| document["components"]["schemas"][name]["properties"].as_object())
        .flat_map(|properties| properties.keys().cloned())
        .collect()
}

/// Asks as a proxy that claims to speak for this address would.
async fn knock(market: &Marketplace, claimed: &str) -> Reply {
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/auth/token", market.base))
        .header("x-forwarded-for", claimed)
        .json(&json!({ "email": "nobody@example.org", "password": "not the password" }));
    let answer = request.send().await.expect("the server answers");
    Reply::of(format!("sign in from {claimed}"), answer).await
}

#[tokio::test]
async fn nobody_gets_more_tries_by_claiming_to_be_somebody_else() {
    let few = |trusted: &'static str| {
        Marketplace::with(move |settings| {
            settings.limits.enabled = true;
            settings.limits.sign_in_per_minute = 5.try_into().expect("a literal above zero");
            settings.server.trusted_proxies =
                if trusted.is_empty() { Vec::new() } else { vec![trusted.parse().expect("one")] };
        })
    };
    let market = few("").await;
    for n in 0..5 {
        let _ = knock(&market, &format!("198.51.100.{n}")).await.expect(401);
    }
    let refused = knock(&market, "198.51.100.99").await.refused(429, "too_many_requests");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|wait| wait >= 1));

    // Behind a proxy of ours everybody has tries of their own, whatever they put in front.
    let market = few("127.0.0.1/32").await;
    for n in 0..5 {
        let _ = knock(&market, &format!("203.0.113.{n}, 198.51.100.1")).await.expect(401);
    }
    let _ = knock(&market, "203.0.113.99, 198.51.100.1").await.refused(429, "too_many_requests");
    let _ = knock(&market, "203.0.113.99, 198.51.100.2").await.expect(401);
}

#[tokio::test]
async fn no_statement_waits_or_idles_for_ever() {
    let market = Marketplace::with(|settings| {
        settings.database.lock_timeout_ms = 300;
        settings.database.statement_timeout_ms = 4_321;
        settings.database.idle_in_transaction_timeout_ms = 8_765;
    })
    .await;
    // What the connections of the pool are told, noted by themselves.
    let _ = market
        .rows(
            "CREATE TABLE told (said text); \
             CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO told VALUES (current_setting('statement_timeout') || ' ' || \
                     current_setting('lock_timeout') || ' ' || \
                     current_setting('idle_in_transaction_session_timeout')); \
                 RETURN NULL; END $$; \
             CREATE TRIGGER tell AFTER INSERT ON sessions EXECUTE FUNCTION tell()",
        )
        .await;
    let owner = market.provider().await;
    let _ = owner.publishes("service").await;
    market.settle().await;
    assert_eq!(market.rows("SELECT DISTINCT said FROM told").await, ["4321ms 300ms 8765ms"]);

    // The connections for searches are others.
    let locker = market.another_connection().await;
    locker
        .batch_execute("BEGIN; LOCK TABLE listing_search IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("nobody else locks it");
    let begun = Instant::now();
    let reply = market.visitor().find("listings", &[("q", "kitchen")]).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let _ = reply.expect_one_of(&[409, 503]);
}

#[tokio::test]
async fn a_page_and_a_body_have_their_limits() {
    let market = Marketplace::start().await;
    let owner = market.provider().await;
    for limit in ["51", "101", "1000000"] {
        let page = owner.find("listings", &[("limit", limit)]).await;
        let _ = page.refused(400, "invalid_query");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
    let kind = "application/json";
    let refused = owner.send_raw(Method::POST, "listings", kind, deep.into_bytes()).await;
    let _ = refused.expect(400);
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(20 * 1024 * 1024));
    let refused = owner.send_raw(Method::POST, "listings", kind, large.into_bytes()).await;
    let _ = refused.expect(413);
    let _ = owner.get("me").await.expect(200);
}

#[tokio::test]
async fn nobody_waits_for_ever_for_what_does_not_answer() {
    let market = Marketplace::with(|settings| {
        settings.server.answer_timeout_seconds = 1.try_into().expect("a literal above zero");
        settings.database.lock_timeout_ms = 20_000;
        settings.database.statement_timeout_ms = 20_000;
    })
    .await;
    let owner = market.provider().await;
    let locker = market.another_connection().await;
    locker.batch_execute("BEGIN; LOCK TABLE listings").await.expect("nobody else locks it");

    let begun = Instant::now();
    let body = json!({
        "listing_type": "service", "title": "Kitchen planning",
        "attributes": { "on_site": true, "languages": ["en"] },
    });
    let refused = owner.post("listings", body).await.refused(503, "unavailable");

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(refused.header("referrer-policy"), "no-referrer");
    assert!(refused.header("content-security-policy").starts_with("default-src 'none'"));
    locker.batch_execute("ROLLBACK").await.expect("the lock is let go");
    let _ = owner.drafts("service").await;
    assert_eq!(market.count("listings").await, 1, "what was given up was undone");
}
