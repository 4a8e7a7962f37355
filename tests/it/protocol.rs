//! What holds for every answer, whatever the route.

use std::collections::BTreeSet;
use std::time::Duration;

use access::{Relation, permits};
use mercato::http::{Permission, permission_of};
use reqwest::{Method, StatusCode};
use scenarios::{Marketplace, Operation, Person, Persona, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Paths that are no operations.
const OTHERS: [&str; 6] =
    ["/health/live", "/health/ready", "/openapi.json", "/docs/", "/docs/errors", "/nothing/here"];

/// A value for any parameter: well-formed where it may be, and nothing that exists.
fn nobody(_: &str) -> String {
    "0".to_owned()
}

async fn ask(person: &Person, method: &Method, path: &str) -> Reply {
    let request = person.request(method.clone(), path);
    let request = if [Method::POST, Method::PUT, Method::PATCH].contains(method) {
        request.header("content-type", "application/json").body("{}")
    } else {
        request
    };
    person.send(&format!("{method} {path}"), request).await
}

#[tokio::test]
async fn a_marketplace_starts() {
    let market = Marketplace::start().await;

    let reply = market.visitor().get("/health/ready").await.expect(200);

    assert_eq!(reply.text_at("status"), "ready");
    market.settle().await;
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_people() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();
    let mut asked: Vec<(Method, String)> =
        Operation::all().iter().map(|o| (o.method.clone(), o.path_with(nobody))).collect();
    asked.extend(OTHERS.map(|path| (Method::GET, path.to_owned())));

    for (method, path) in asked {
        let reply = ask(&visitor, &method, &path).await;

        let of = &reply.asked;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{of}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{of}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{of}");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{of}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{of}: {policy}");
        assert!(!reply.headers.contains_key("server"), "{of}");
        assert!(!reply.headers.contains_key("x-powered-by"), "{of}");
        if path.starts_with("/api/") {
            let caching = reply.header("cache-control");
            assert!(caching == "no-store" || reply.status.is_success(), "{of}: {caching}");
        }
        if reply.header("cache-control").contains("public") && path.starts_with("/api/") {
            let varies = reply.header("vary").to_ascii_lowercase();
            assert!(varies.contains("authorization"), "{of}: public, but `Vary: {varies}`");
        }
    }
}

#[tokio::test]
async fn a_server_behind_tls_says_so_for_a_year() {
    let market =
        Marketplace::with(|s| s.server.public_url = "https://market.example".to_owned()).await;

    let reply = market.visitor().get("/openapi.json").await.expect(200);

    assert!(reply.header("strict-transport-security").starts_with("max-age=31536000"));
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_with_those_it_has() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();
    let operations = Operation::all();
    let unknown = Method::from_bytes(b"PROPFIND").expect("a token is a method");
    let mut methods =
        vec![Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE];
    methods.push(unknown);

    let paths: BTreeSet<&str> = operations.iter().map(|o| o.path.as_str()).collect();
    for path in paths {
        // A literal path is an id of its sibling for methods that only the sibling has.
        let here: Vec<&Operation> = operations.iter().filter(|o| covers(&o.path, path)).collect();
        for method in methods.iter().filter(|m| here.iter().all(|o| o.method != **m)) {
            let filled = here[0].path_with(nobody);
            let filled = if path.contains('{') { filled } else { path.to_owned() };

            let reply = ask(&visitor, method, &filled).await.refused(405, "method_not_allowed");

            let allowed: BTreeSet<&str> = reply.header("allow").split(", ").collect();
            for operation in here.iter().filter(|o| o.path == path) {
                assert!(allowed.contains(operation.method.as_str()), "{}", reply.asked);
            }
            assert!(!allowed.contains(method.as_str()), "{}: {allowed:?}", reply.asked);
        }
    }
}

/// Whether a request for `path` may be one for `pattern`.
fn covers(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(own, asked)| own == asked || own.starts_with('{'))
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();
    let operations = Operation::all();
    let mut paths: Vec<String> = operations
        .iter()
        .filter(|operation| operation.method == Method::GET)
        .map(|operation| operation.path_with(nobody))
        .collect();
    paths.extend(OTHERS.map(ToOwned::to_owned));

    for path in paths {
        let get = visitor.get(&path).await;
        let url = format!("{}{path}", market.base);
        let head = reqwest::Client::new().head(url).send().await.expect("an answer");

        assert_eq!(head.status(), get.status, "HEAD {path}");
        let kind = head.headers().get("content-type");
        assert_eq!(kind, get.headers.get("content-type"), "HEAD {path}");
        assert_eq!(head.text().await.expect("an answer"), "", "HEAD {path}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_if_it_is_safe_to_log() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();
    let with = async |id: &[u8]| {
        let value = reqwest::header::HeaderValue::from_bytes(id).expect("a header's value");
        let request = visitor.request(Method::GET, "/health/live").header("x-request-id", value);
        visitor.send("GET /health/live", request).await.header("x-request-id").to_owned()
    };

    for safe in ["a", "0af7651916cd43dd8448eb211c80319c", "web/1:2_3-4.5", &"x".repeat(128)] {
        assert_eq!(with(safe.as_bytes()).await, safe);
    }
    for unsafe_id in [&b"two words"[..], b"<script>", b"\"quoted\"", b"caf\xc3\xa9", b"tab\there"] {
        let given = with(unsafe_id).await;
        assert_eq!(given.len(), 32, "{given}");
        assert!(given.bytes().all(|b| b.is_ascii_hexdigit()), "{given}");
    }
    assert_ne!(with(&[b'x'; 129]).await.len(), 129);
}

#[tokio::test]
async fn what_the_framework_refuses_is_a_problem_too() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();

    let _ = visitor.get("/nothing").await.refused(404, "not_found");
    let _ = visitor.get("nothing").await.refused(404, "not_found");
    let _ = visitor.get("listings/%ff%fe/favorite").await.expect_one_of(&[401, 404, 405]);
    let everyone = everyone_at_once(&market).await;
    for operation in Operation::all() {
        let path = operation.path_with(nobody);
        if operation.takes("application/json") {
            let send = async |kind: &str, body: Vec<u8>| {
                everyone.send_raw(operation.method.clone(), &path, kind, body).await
            };
            let _ = send("text/plain", b"{}".to_vec()).await.expect_one_of(&[404, 415]);
            let _ = send("application/json", b"{".to_vec()).await.expect_one_of(&[400, 404]);
            let large = vec![b' '; 1024 * 1024 + 1];
            let _ = send("application/json", large).await.expect_one_of(&[404, 413]);
        }
    }
}

/// Somebody with every role.
async fn everyone_at_once(market: &Marketplace) -> Person {
    let mut person = market.provider().await;
    let roles = ["client", "provider", "moderator", "admin"];
    let change = json!({ "roles": roles, "reason": "arranged by a test" });
    let path = format!("admin/accounts/{}", person.account);
    let _ = market.operator().await.patch(&path, "", change).await.expect(200);
    person.sign_in().await;
    person
}

#[tokio::test]
async fn a_caller_is_judged_before_what_they_sent() {
    let market = Marketplace::start().await;
    let (visitor, client) = (market.visitor(), market.client().await);
    for operation in Operation::all() {
        let Permission { action, object, .. } =
            *permission_of(&operation.id).expect("every operation has a line");
        let never = |persona: Persona| {
            let actor = persona.actor();
            Relation::ALL.iter().all(|relation| !permits(&actor, action, *relation))
        };
        let path = operation.path_with(nobody) + "?unknown=1";
        let send = async |person: &Person| {
            person.send_raw(operation.method.clone(), &path, "text/plain", b"{".to_vec()).await
        };

        if never(Persona::Visitor) {
            let _ = send(&visitor).await.refused(401, "unauthenticated");
        }
        if never(Persona::Stranger) && object.seen_by().is_none() {
            let _ = send(&client).await.refused(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let market =
        Marketplace::with(|s| s.server.cors_origins = vec!["https://app.example".to_owned()]).await;
    let visitor = market.visitor();
    let preflight = async |origin: &'static str| {
        let request = visitor
            .request(Method::OPTIONS, "/api/v1/me")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "authorization,if-match");
        request.send().await.expect("an answer")
    };

    let listed = preflight("https://app.example").await;
    assert_eq!(listed.status(), StatusCode::OK);
    assert_eq!(listed.headers()["access-control-allow-origin"], "https://app.example");
    let stranger = preflight("https://evil.example").await;
    assert!(!stranger.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_document_is_whole() {
    let market = Marketplace::start().await;

    let document = market.visitor().get("/openapi.json").await.expect(200);

    assert_eq!(document.body["openapi"].as_str().map(|v| &v[..3]), Some("3.1"));
    for operation in Operation::all() {
        let Operation { id, description, .. } = &operation;
        for part in ["summary", "description"] {
            assert!(
                description[part].as_str().is_some_and(|text| !text.is_empty()),
                "{id}: {part}"
            );
        }
        assert!(description["x-permission"]["action"].is_string(), "{id}: no permission");
        assert!(
            description["tags"].as_array().is_some_and(|tags| !tags.is_empty()),
            "{id}: no tag"
        );
        for (status, response) in description["responses"].as_object().into_iter().flatten() {
            let text = response["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{id}: {status} is not described");
        }
    }
    assert_resolves(&document.body, &document.body);
}

/// Every `$ref` leads somewhere.
fn assert_resolves(value: &Value, document: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|field| assert_resolves(field, document));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_resolves(item, document)),
        _ => {}
    }
}

#[tokio::test]
async fn a_stopping_server_answers_what_it_has_begun() {
    let market = Marketplace::with(|s| s.database.connections = 32).await;
    let base = market.base.clone();
    // Whoever asks whether the server is ready has to wait for the queue's table.
    let mut other = market.another_connection().await;
    let lock = other.transaction().await.expect("a transaction begins");
    lock.batch_execute("LOCK TABLE graphile_worker._private_jobs IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("nobody else locks the queue");
    let address = base.trim_start_matches("http://").to_owned();
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut socket = TcpStream::connect(&address).await.expect("the server listens");
        let request = b"GET /health/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        socket.write_all(request).await.expect("the server listens");
        waiting.push(socket);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;

    let stopping = tokio::spawn(market.stop_gracefully());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let late = reqwest::get(format!("{base}/health/live")).await;
    lock.rollback().await.expect("the lock is let go");

    for mut socket in waiting {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("no connection is reset");
        assert!(answer.starts_with("HTTP/1.1 ") && answer.contains("{\"status\":"), "{answer}");
    }
    assert!(late.is_err(), "a stopping server takes no connections");
    stopping.await.expect("the server stops");
}

#[tokio::test]
async fn who_sends_too_slowly_is_not_waited_for() {
    let market = Marketplace::with(|settings| {
        settings.server.header_timeout_seconds = 1;
        settings.server.request_timeout_seconds = 1;
    })
    .await;
    let address = market.base.trim_start_matches("http://");
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let whole = format!("{head}Content-Length: 100\r\n\r\n{{");
    for (begun, code) in [(&head[..40], ""), (whole.as_str(), "request_timeout")] {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        socket.write_all(begun.as_bytes()).await.expect("the server listens");
        // A byte now and then does not help.
        let (mut reader, mut writer) = socket.into_split();
        let trickle = tokio::spawn(async move {
            while writer.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut answer = String::new();
        let read = reader.read_to_string(&mut answer);
        let ended = tokio::time::timeout(Duration::from_secs(10), read).await;
        trickle.abort();

        assert!(ended.is_ok(), "the server waits: {answer}");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains(code), "{answer}");
    }
}

/// What the server says of itself. Its 503 is no problem document: who asks is no client.
async fn readiness(market: &Marketplace) -> (u16, Value) {
    let response = reqwest::get(format!("{}/health/ready", market.base)).await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("an answer");
    (status, serde_json::from_str(&text).expect("a report is JSON"))
}

#[tokio::test]
async fn a_server_is_ready_for_the_schema_it_knows_and_a_queue_that_moves() {
    let market = Marketplace::with(|settings| settings.jobs.alarm_after_seconds = 60).await;
    let ready = async || readiness(&market).await;
    let well = ready().await;
    assert_eq!((well.0, &well.1["migrations"]), (200, &json!("ok")), "{well:?}");

    market.rows("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')").await;
    let ahead = ready().await;
    assert_eq!((ahead.0, &ahead.1["migrations"]), (200, &json!("ahead")), "{ahead:?}");
    let last = "(SELECT max(version) FROM __diesel_schema_migrations WHERE version < '9')";
    market.rows(&format!("DELETE FROM __diesel_schema_migrations WHERE version = {last}")).await;
    let behind = ready().await;
    assert_eq!((behind.0, &behind.1["migrations"]), (503, &json!("pending")), "{behind:?}");
    market.rows("DELETE FROM __diesel_schema_migrations WHERE version = '99999999999999'").await;
    assert_eq!(ready().await.0, 503);
}

#[tokio::test]
async fn a_server_whose_queue_stands_still_is_not_ready() {
    let market = Marketplace::with(|settings| settings.jobs.alarm_after_seconds = 60).await;
    let ready = async || readiness(&market).await;
    assert_eq!(ready().await.0, 200);

    let job =
        "SELECT graphile_worker.add_job('nobody.runs_this', run_at => now() - interval '61 s')";
    market.rows(job).await;

    let late = ready().await;
    assert_eq!((late.0, &late.1["queue"]), (503, &json!("late")), "{late:?}");
    assert!(late.1["queue_age_seconds"].as_f64().is_some_and(|age| age > 60.0), "{late:?}");
}

#[tokio::test]
async fn people_of_every_kind_can_be_had() {
    let market = Marketplace::start().await;

    let client = market.client().await;
    let moderator = market.moderator().await;
    let admin = market.admin().await;
    let suspended = market.suspended().await;
    market.advance(chrono::TimeDelta::days(30)).await;

    for (person, roles) in
        [(&client, "client"), (&moderator, "client moderator"), (&admin, "client admin")]
    {
        let me = person.get("me").await.expect(200);
        let held = me.body["roles"].as_array().expect("roles are a list");
        let held: Vec<_> = held.iter().filter_map(Value::as_str).collect();
        assert_eq!(held.join(" "), roles);
    }
    let _ = suspended.get("me").await.refused(401, "invalid_token");
}
