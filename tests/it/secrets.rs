//! Every operation is used once, and some are misused: nothing that is secret or personal may then
//! be found where it does not belong.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use mercato::jobs;
use scenarios::{Marketplace, Operation, PASSWORD, Persona, Reply, World};
use serde_json::{Value, json};

use crate::hostile::caller;

/// Columns that are nobody's business. They exist: the test looks them up.
const INTERNAL: [&str; 9] = [
    "password_hash",
    "token_version",
    "digest",
    "token_hash",
    "successor",
    "viewer",
    "claimed_until",
    "actor_id",
    "erased_at",
];

/// Operations whose answers are tokens, or links that hold them.
const GIVE_TOKENS: [&str; 5] =
    ["signUp", "signIn", "refreshToken", "changePassword", "renewCalendarLink"];

/// Everything that is logged from the first call on, by every module of ours.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Logs more than any operator asks for; what the test's own client logs is left out.
    fn start() -> Self {
        let log = Self::default();
        let ours = [
            "access",
            "adapter_credentials",
            "adapter_mail",
            "adapter_pictures",
            "adapter_postgres",
            "adapter_storage",
            "bookings",
            "catalog",
            "identity",
            "kernel",
            "mercato",
            "notifications",
            "reviews",
        ];
        let levels: Vec<String> = ours.iter().map(|module| format!("{module}=trace")).collect();
        let filter = format!("info,actix_web=debug,{}", levels.join(","));
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else logs");
        log
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics while writing");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Keeps a copy of every job, with every change to it: a job that is done is gone.
async fn keep_jobs(market: &Marketplace) {
    let _ = market
        .rows(
            "CREATE TABLE kept_jobs (line text); \
             CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO kept_jobs VALUES (NEW::text); RETURN NULL; END $$; \
             CREATE TRIGGER keep AFTER INSERT OR UPDATE ON graphile_worker._private_jobs \
                 FOR EACH ROW EXECUTE FUNCTION keep()",
        )
        .await;
}

/// The texts that are tokens in an answer: under a key that says so, or in a link.
fn tokens_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key.ends_with("token") => {
                        found.insert(text.clone());
                    }
                    Value::String(text) => found.extend(tokens_of_links(text)),
                    other => tokens_in(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| tokens_in(item, found)),
        _ => {}
    }
}

fn tokens_of_links(text: &str) -> Vec<String> {
    let ends = |rest: &str| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    text.split("token=").skip(1).map(ends).filter(|token| token.len() >= 16).collect()
}

/// The names of all fields in an answer.
fn keys_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                found.insert(key.clone());
                keys_in(field, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys_in(item, found)),
        _ => {}
    }
}

/// What an answer shows that it should not.
fn faults_of(world: &World, operation: &Operation, persona: Persona, reply: &Reply) -> Vec<String> {
    let mut faults = Vec::new();
    let mut keys = BTreeSet::new();
    keys_in(&reply.body, &mut keys);
    faults.extend(INTERNAL.iter().filter(|name| keys.contains(**name)).map(ToString::to_string));
    if reply.text.contains("$argon2") || reply.text.contains(PASSWORD) {
        faults.push("a password".to_owned());
    }
    let mut tokens = BTreeSet::new();
    tokens_in(&reply.body, &mut tokens);
    if !tokens.is_empty() && !GIVE_TOKENS.contains(&&*operation.id) {
        faults.push(format!("tokens {tokens:?}"));
    }
    if !matches!(persona, Persona::Moderator | Persona::Admin) {
        let others = [&world.stranger, &world.rival, &world.owner, &world.client, &world.admin];
        let me = world.person(persona);
        for other in others.into_iter().filter(|other| other.email != me.email) {
            if reply.text.contains(&other.email) {
                faults.push(format!("the address {}", other.email));
            }
        }
    }
    let caching = reply.header("cache-control");
    if operation.path.starts_with("/api/") && persona != Persona::Visitor && caching != "no-store" {
        // Public things say so, and are kept apart from what the signed-in see.
        let varies = reply.header("vary").to_ascii_lowercase();
        if !(caching.contains("private")
            || caching.contains("public") && varies.contains("authorization"))
        {
            faults.push(format!("`Cache-Control: {caching}`, `Vary: {varies}`"));
        }
    }
    faults
}

#[tokio::test]
async fn nothing_secret_is_in_answers_logs_jobs_events_or_the_audit_log() {
    let log = Log::start();
    let mut world = World::new().await;
    let columns = "SELECT DISTINCT column_name FROM information_schema.columns \
                   WHERE table_schema = 'public'";
    let columns = world.market.rows(columns).await;
    for name in INTERNAL {
        assert!(columns.iter().any(|column| column == name), "no column is named {name}");
    }
    keep_jobs(&world.market).await;
    let (mut tokens, mut faults) = (BTreeSet::new(), Vec::new());
    for operation in Operation::all() {
        let persona = caller(&operation);
        let call = world.call(&operation).await;
        // Who registers as a provider shall not be the client of all that follows.
        let person = match &*operation.id {
            "registerProvider" => world.another(persona).await,
            _ => world.person(persona).clone(),
        };
        let reply = call.by(&person).await;
        if !reply.status.is_success() && ![304, 409, 410, 412].contains(&reply.status.as_u16()) {
            faults.push(format!("{}: {} {}", operation.id, reply.status, reply.text));
        }
        tokens_in(&reply.body, &mut tokens);
        let own = faults_of(&world, &operation, persona, &reply);
        faults.extend(own.into_iter().map(|fault| format!("{} shows {fault}", operation.id)));
        world.wake_after(&operation).await;
    }
    misuse(&world, &mut tokens).await;
    world.market.settle_despite_failures().await;

    for person in [&world.stranger, &world.owner, &world.client, &world.admin, &world.moderator] {
        tokens.extend([person.token.clone(), person.refresh_token.clone()]);
    }
    for mail in world.market.mails.mails() {
        tokens.extend(tokens_of_links(&mail.text()));
        tokens.extend(tokens_of_links(&mail.header("List-Unsubscribe")));
    }
    assert!(tokens.len() > 30, "the walk has seen {} tokens", tokens.len());
    let settings = &world.market.settings;
    let mut secrets: Vec<String> = tokens.into_iter().collect();
    secrets.extend(world.market.rows("SELECT email FROM accounts WHERE email IS NOT NULL").await);
    secrets.extend(
        ["$argon2", PASSWORD, "not the password", "Bearer ", "nobody-knows@example.org"]
            .map(ToOwned::to_owned),
    );
    secrets.push(settings.auth.signing_key.expose().to_owned());
    secrets.push(settings.server.application_key.expose().to_owned());

    let text = log.text();
    assert!(text.lines().count() > 500, "the log has {} lines", text.lines().count());
    let mut places = vec![("the log", text.lines().map(ToOwned::to_owned).collect::<Vec<_>>())];
    for table in ["kept_jobs", "events", "audit_log", "mails", "notifications", "idempotency_keys"]
    {
        let rows = world.market.rows(&format!("SELECT t::text FROM {table} t")).await;
        if table != "idempotency_keys" {
            assert!(!rows.is_empty(), "nothing is in {table}");
        }
        places.push((table, rows));
    }
    for (place, lines) in &places {
        for secret in &secrets {
            if let Some(line) = lines.iter().find(|line| line.contains(secret)) {
                faults.push(format!("{place} holds {secret}: {line:.300}"));
            }
        }
    }
    let unknown: Vec<String> = world
        .market
        .rows("SELECT identifier FROM graphile_worker._private_tasks")
        .await
        .into_iter()
        .filter(|kind| !jobs::identifiers().contains(&kind.as_str()))
        .collect();
    assert!(unknown.is_empty(), "jobs that nobody runs: {unknown:?}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What goes wrong is logged more readily than what goes well.
async fn misuse(world: &World, tokens: &mut BTreeSet<String>) {
    let market = &world.market;
    let visitor = market.visitor();
    let wrong = json!({ "email": world.client.email, "password": "not the password" });
    for _ in 0..11 {
        let _ = visitor.post("auth/token", wrong.clone()).await;
    }
    let unknown = json!({ "email": "nobody-knows@example.org", "password": PASSWORD });
    let _ = visitor.post("auth/token", unknown).await;
    let again = json!({
        "email": world.client.email, "password": PASSWORD, "display_name": "Somebody else",
    });
    let _ = visitor.post("auth/sign-up", again).await.expect(409);
    // A refresh token that is stolen, and one that never was.
    let mut victim = market.client().await;
    let stolen = victim.refresh_token.clone();
    for token in [stolen.as_str(), "nonsense-that-is-as-long-as-a-token"] {
        let body = json!({ "refresh_token": token });
        let reply = visitor.post("auth/token/refresh", body).await;
        tokens_in(&reply.body, tokens);
    }
    market.advance(chrono::TimeDelta::seconds(11)).await;
    let body = json!({ "refresh_token": stolen });
    let _ = visitor.post("auth/token/refresh", body).await.expect(401);
    tokens.insert(stolen);
    // A mail server that repeats what it was told.
    market.mails.refuse_next(1, &format!("451 4.3.0 <{}> is busy", victim.email));
    let forgot = json!({ "email": victim.email });
    let _ = visitor.post("auth/password/forgot", forgot).await.expect(202);
    victim.sign_in().await;
    tokens.extend([victim.token.clone(), victim.refresh_token.clone()]);
    // Tokens that are no tokens, in every place that takes one.
    for path in ["auth/email/verify", "auth/token/verify", "auth/token/revoke"] {
        let _ = visitor.post(path, json!({ "token": victim.token })).await;
    }
    let _ = visitor.get(&format!("me/calendar.ics?token={}", victim.refresh_token)).await;
}
