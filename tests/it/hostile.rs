//! What people send who mean no good, or whose program is broken: each is refused clearly, and
//! nothing of it is stored.

use std::time::Duration;

use access::permits;
use mercato::http::permission_of;
use reqwest::Method;
use scenarios::{Call, Marketplace, Operation, Persona, Reply, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ids that name nothing, or want to name something else.
const HOSTILE_IDS: &[&str] = &[
    "0",
    "-1",
    "99999999999999999999",
    "lst_",
    "lst_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "LST_00000000000070008000000000000000",
    "00000000-0000-7000-8000-000000000000",
    "%00",
    "a%00b",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%ff%fe",
    "%F0%9F%92%A3",
    "'%20OR%20'1'='1",
    "%3Cscript%3E",
    "null",
    "undefined",
    "%20",
];

/// Values that no query parameter takes, whatever it is for.
const HOSTILE_VALUES: &[&str] = &[
    "",
    "\0",
    "a\0b",
    "\u{1b}[31m",
    "\r\nX-Injected: 1",
    "-1",
    "0",
    "1e999",
    "NaN",
    "99999999999999999999999999",
    "'; DROP TABLE accounts; --",
    "../../../../etc/passwd",
    "\u{202e}txt.exe",
    "\u{feff}",
    "🧨🧨🧨",
    "0001-01-01T00:00:00Z",
    "+262142-12-31T23:59:59Z",
    "-9999-01-01T00:00:00Z",
    "+262142-12-31",
    "-9999-01-01",
    "2026-13-45T99:99:99Z",
    "%%%",
    "\"(&|!:*",
    "{}",
    "[]",
    "null",
    "true,false,,,",
];

/// What takes any text for a token: one that is not ours is not active (RFC 7662, section 2.2), and
/// need not be revoked (RFC 7009, section 2.2).
const TAKE_ANY_TOKEN: &[&str] = &["verifyToken", "revokeToken"];

/// Whoever may make the call, the humblest first.
pub(crate) fn caller(operation: &Operation) -> Persona {
    let line = permission_of(&operation.id).expect("every operation has a line");
    let ranked =
        [Persona::Visitor, Persona::Client, Persona::Owner, Persona::Moderator, Persona::Admin];
    ranked
        .into_iter()
        .find(|persona| permits(&persona.actor(), line.action, persona.relation_to(line.object)))
        .unwrap_or_else(|| panic!("nobody may {}", operation.id))
}

fn is_refusal(reply: &Reply) -> bool {
    reply.status.is_client_error()
}

/// Pointers to every place in a JSON value, the whole included.
pub(crate) fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                places(
                    field,
                    &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// What may not stand where this value stood.
fn wrong_values(value: &Value) -> Vec<Value> {
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let mut wrong = vec![deep, json!({ "unknown": { "field": 1 } })];
    match value {
        Value::String(_) => wrong.extend([
            json!("a\u{0}b"),
            json!("x".repeat(100_000)),
            json!(1),
            json!(true),
            json!(["a"]),
        ]),
        Value::Number(_) => {
            wrong.extend([json!("1"), json!(1e300), json!(-1e300), json!(true), json!([1])]);
        }
        Value::Bool(_) => wrong.extend([json!("true"), json!(1)]),
        Value::Array(_) => wrong.extend([json!("a"), json!(7)]),
        Value::Object(_) => wrong.extend([json!("a"), json!(7), json!([1])]),
        Value::Null => {}
    }
    wrong
}

/// What may be refused or not, but may not break anything.
fn odd_values(value: &Value) -> Vec<Value> {
    match value {
        Value::String(_) => [
            "",
            " ",
            "\u{202e}gnitirw",
            "a\u{300}\u{301}\u{302}",
            "👩‍👩‍👧‍👦",
            "\u{feff}",
            "\u{fffd}",
            "'; DROP TABLE accounts; --",
            "<script>alert(1)</script>",
            "{{7*7}}",
            "../../etc/passwd",
            "XXX",
            "Mars/Olympus_Mons",
            "0001-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "+262142-12-31",
            "-9999-01-01",
            "-9999-01-01T00:00:00Z",
        ]
        .map(|text| json!(text))
        .to_vec(),
        Value::Number(_) => {
            vec![json!(-1), json!(0), json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(0.1)]
        }
        Value::Array(items) => {
            vec![
                json!([]),
                json!([null]),
                Value::Array(vec![items.first().cloned().unwrap_or_default(); 2_000]),
            ]
        }
        Value::Bool(_) | Value::Object(_) | Value::Null => vec![json!(null)],
    }
}

pub(crate) fn replaced(body: &Value, place: &str, value: Value) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(place).expect("the place was found in this body") = value;
    body
}

/// Bodies that must be refused: each differs from a good one in one place.
fn wrong_bodies(body: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    places(body, "", &mut found);
    let mut wrong = Vec::new();
    for place in found {
        let value = body.pointer(&place).expect("the place was found in this body");
        wrong.extend(wrong_values(value).into_iter().map(|bad| replaced(body, &place, bad)));
        if let Value::Object(fields) = value {
            let mut fields = fields.clone();
            fields.insert("is_admin".to_owned(), json!(true));
            wrong.push(replaced(body, &place, Value::Object(fields)));
        }
    }
    wrong
}

#[tokio::test]
async fn a_body_that_is_wrong_in_one_place_is_refused_and_nothing_is_stored() {
    let world = World::new().await;
    let mut faults = Vec::new();
    for operation in Operation::all() {
        let call = world.call(&operation).await;
        let Some(body) = &call.body else { continue };
        let person = world.person(caller(&operation));
        world.market.settle().await;
        let before = world.market.contents().await;

        for wrong in wrong_bodies(body) {
            let reply = call.with(person, Some(wrong)).await;
            let any_token = TAKE_ANY_TOKEN.contains(&operation.id.as_str());
            let tolerated = any_token && reply.status.is_success();
            if !is_refusal(&reply) && !tolerated {
                faults.push(shortened(&reply));
            }
        }
        let after = world.market.contents().await;
        if before != after {
            faults.push(format!("{} stored something:\n{before}\n{after}", operation.id));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn odd_values_break_nothing() {
    let mut world = World::new().await;
    for operation in Operation::all() {
        let mut call = world.call(&operation).await;
        let Some(body) = call.body.clone() else { continue };
        let mut found = Vec::new();
        places(&body, "", &mut found);
        for place in found {
            let value = body.pointer(&place).expect("the place was found in this body");
            for odd in odd_values(value) {
                let odd = replaced(call.body.as_ref().expect("it has one"), &place, odd);
                let reply = call.with(world.person(caller(&operation)), Some(odd)).await;
                assert!(!reply.status.is_server_error(), "{}", shortened(&reply));
                if reply.status.is_success() {
                    // The object has changed: go on with another.
                    world.wake_after(&operation).await;
                    call = world.call(&operation).await;
                }
            }
        }
    }
    world.market.settle_despite_failures().await;
}

fn shortened(reply: &Reply) -> String {
    let asked: String = reply.asked.chars().take(400).collect();
    format!("{} {asked}: {}", reply.status, reply.text.chars().take(300).collect::<String>())
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let world = World::new().await;
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"NaN",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":1,\"a\":1}",
        b"{\"\\u0000\":1}",
    ];
    let deep = ["[".repeat(100_000).into_bytes(), "{\"a\":".repeat(100_000).into_bytes()];
    for operation in Operation::all().iter().filter(|o| o.takes("application/json")) {
        let call = world.call(operation).await;
        let person = world.person(caller(operation));
        let needs_one = operation.description["requestBody"]["required"] == true;
        for body in bodies.iter().copied().chain(deep.iter().map(Vec::as_slice)) {
            if body.is_empty() && !needs_one {
                continue;
            }
            let method = operation.method.clone();
            let reply =
                person.send_raw(method, &call.path, "application/json", body.to_vec()).await;
            let status = reply.status.as_u16();
            assert!([400, 422, 428].contains(&status), "{}", shortened(&reply));
        }
    }
}

#[tokio::test]
async fn an_id_that_names_nothing_leads_nowhere() {
    let world = World::new().await;
    let sessions = world.stranger.get("me/sessions").await.expect(200);
    let session = sessions.data()[0]["id"].as_str().expect("a session has an id").to_owned();
    for operation in Operation::all().iter().filter(|o| o.path.contains('{')) {
        let good = world.call(operation).await;
        let person = world.person(caller(operation));
        let of_accounts = operation.path.contains("/accounts/");
        let another_kind = if of_accounts { &session } else { &world.stranger.account };
        for id in HOSTILE_IDS.iter().copied().chain([another_kind.as_str()]) {
            let path = operation.path_with(|_| id.to_owned());
            let call = Call { path, ..good.clone() };
            let reply = call.by(person).await;
            assert!(is_refusal(&reply), "{}", shortened(&reply));
        }
        let long = "a".repeat(8_000);
        let reply = Call { path: operation.path_with(|_| long.clone()), ..good }.by(person).await;
        assert!(is_refusal(&reply), "{}", shortened(&reply));
    }
}

#[tokio::test]
async fn a_query_that_is_not_declared_is_refused() {
    let world = World::new().await;
    for operation in Operation::all().iter().filter(|o| o.method == Method::GET) {
        let call = world.call(operation).await;
        if !call.path.starts_with("/api/") {
            continue;
        }
        let person = world.person(caller(operation));
        let huge = "x".repeat(10_000);
        for (name, value) in
            [("unknown", "1"), ("admin", "true"), ("q%00", "1"), ("unknown", &huge)]
        {
            let reply = person.find(&call.path, &[(name, value)]).await;
            assert_eq!(reply.status, 400, "{}", shortened(&reply));
        }
        for name in operation.parameters("query") {
            let twice = person.find(&call.path, &[(name, "1"), (name, "2")]).await;
            assert!(is_refusal(&twice), "{}", shortened(&twice));
            for value in HOSTILE_VALUES {
                let reply = person.find(&call.path, &[(name, value)]).await;
                assert!(!reply.status.is_server_error(), "{}", shortened(&reply));
                if value.contains(['\0', '\u{1b}', '\r']) {
                    assert_eq!(reply.status, 400, "{}", shortened(&reply));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let world = World::new().await;
    let foreign = {
        let page = world.admin.get("admin/accounts?limit=1").await.expect(200);
        page.body["page"]["next_cursor"].as_str().expect("there are more accounts").to_owned()
    };
    let mut changed = foreign.clone().into_bytes();
    changed[3] = if changed[3] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("a cursor is ASCII");
    for operation in Operation::all().iter().filter(|o| o.parameters("query").contains(&"cursor")) {
        let call = world.call(operation).await;
        let person = world.person(caller(operation));
        let cursors = ["x", "AAAA", "====", &changed, &"A".repeat(4_000), "../..", &foreign];
        let own = usize::from(operation.id == "listAccounts");
        for cursor in &cursors[..cursors.len() - own] {
            let reply = person.find(&call.path, &[("cursor", cursor)]).await;
            let _ = reply.refused(400, "invalid_cursor");
        }
        for limit in ["0", "-1", "51", "1000000", "9223372036854775808", "ten", ""] {
            let _ =
                person.find(&call.path, &[("limit", limit)]).await.refused(400, "invalid_query");
        }
    }
    let other_filter = [("cursor", foreign.as_str()), ("role", "admin")];
    let reply = world.admin.find("admin/accounts", &other_filter).await;
    let _ = reply.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_refused_everywhere() {
    let market = Marketplace::start().await;
    let other = Marketplace::with(|s| {
        s.auth.signing_key = mercato::config::Secret::new("another-key-of-another-marketplace!!");
    })
    .await;
    let (good, foreign) = (market.client().await, other.client().await);
    let parts: Vec<&str> = good.token.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("a token has three parts") };
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let forged = [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{claims}.{head}.{signature}"),
        good.refresh_token.clone(),
        foreign.token.clone(),
        "x".repeat(20_000),
    ];
    for token in &forged {
        for path in ["me", "/openapi.json", "/health/live"] {
            let request = market.visitor().request(Method::GET, path).bearer_auth(token);
            let reply =
                market.visitor().send(&format!("GET {path} with {token:.40}"), request).await;
            let status = reply.status.as_u16();
            assert!([400, 401, 431].contains(&status), "{}: {status}", reply.asked);
        }
    }
    for value in ["Basic YWRtaW46YWRtaW4=", "Bearer", "bearer  ", "Token x", "\u{7f}"] {
        let Ok(value) = reqwest::header::HeaderValue::from_str(value) else { continue };
        let request = market.visitor().request(Method::GET, "me").header("authorization", value);
        let _ = market.visitor().send("GET me", request).await.expect_one_of(&[401]);
    }
    let _ = good.get("me").await.expect(200);
}

#[tokio::test]
async fn a_token_ends_in_time() {
    let market = Marketplace::with(|s| s.auth.access_token_seconds = 600).await;
    let person = market.client().await;
    let _ = person.get("me").await.expect(200);

    market.advance(chrono::TimeDelta::minutes(11)).await;

    let _ = person.get("me").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_version_that_is_not_the_last_one_is_refused() {
    let world = World::new().await;
    for operation in
        Operation::all().iter().filter(|o| o.parameters("header").contains(&"If-Match"))
    {
        let good = world.call(operation).await;
        let person = world.person(caller(operation));
        for etag in ["\"0-0\"", "\"999-abc\"", "\"99999999999999999999-a\"", "W/\"1\"", "x", "\"\""]
        {
            let reply = Call { etag: etag.to_owned(), ..good.clone() }.by(person).await;
            let status = reply.status.as_u16();
            assert!([400, 412].contains(&status), "If-Match {etag}: {}", shortened(&reply));
        }
    }
}

#[tokio::test]
async fn what_is_hardly_http_does_not_disturb_the_server() {
    let market = Marketplace::start().await;
    let address = market.base.trim_start_matches("http://").to_owned();
    let long = "a".repeat(200_000);
    let requests: Vec<Vec<u8>> = vec![
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_vec(),
        b"GET /media/../../../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET //etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n").into_bytes(),
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
          Content-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n{}".to_vec(),
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
    ];
    for request in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        let mut socket = TcpStream::connect(&address).await.expect("the server listens");
        // It may hang up while we still speak.
        let _ = socket.write_all(&request).await;
        let mut answer = Vec::new();
        let reading =
            tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer));
        let _ = reading.await;
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{shown}: {answer}");
        assert!(!answer.contains("root:"), "{shown}: {answer}");
    }
    let _ = market.visitor().get("/health/ready").await.expect(200);
}
