//! Traces as a collector receives them: OTLP over HTTP, decoded.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::Client;
use serde_json::json;
use test_support::TestDatabase;

use crate::process::{Process, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

type Received = Arc<Mutex<Vec<web::Bytes>>>;

/// A collector that keeps what it is sent.
struct Collector {
    address: SocketAddr,
    received: Received,
    handle: ServerHandle,
}

impl Collector {
    fn start() -> Self {
        let received = Received::default();
        let data = web::Data::new(Arc::clone(&received));
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).route("/v1/traces", web::post().to(keep))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, received, handle }
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let requests = received
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.as_ref()).unwrap())
            .flat_map(|request| request.resource_spans);
        requests.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    fn holds(&self, text: &str) -> bool {
        let received = self.received.lock().unwrap();
        received.iter().any(|body| String::from_utf8_lossy(body).contains(text))
    }
}

async fn keep(received: web::Data<Received>, body: web::Bytes) -> HttpResponse {
    received.lock().unwrap().push(body);
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(truth) => truth.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A server whose traces go to this address.
fn server(database: &TestDatabase, collector: SocketAddr) -> Process {
    let endpoint = format!("traces.endpoint=http://{collector}");
    Process::start(Some(database.url()), &["serve", "--set", &endpoint])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_requests_and_their_jobs_in_the_trace_of_the_caller() {
    let database = TestDatabase::new().await;
    let collector = Collector::start();
    let mut process = server(&database, collector.address);
    let base = process.base();
    let http = Client::new();
    let email = "ada.traced@example.org";
    let person =
        json!({ "email": email, "password": "a long enough passphrase", "display_name": "Ada" });
    let signed_up: serde_json::Value = http
        .post(format!("{base}/api/v1/auth/sign-up"))
        .json(&person)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = signed_up["tokens"]["access_token"].as_str().unwrap();
    let parent = format!("00-{TRACE}-{CALLER}-01");

    let registered = http
        .post(format!("{base}/api/v1/providers"))
        .bearer_auth(token)
        .header("traceparent", &parent)
        .json(&json!({ "name": "Studio Untraceable", "location": { "lat": 52.5, "lon": 13.4 } }))
        .send()
        .await
        .unwrap();
    assert_eq!(registered.status(), 201);
    let unknown =
        format!("{base}/api/v1/listings/lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f?expand=provider");
    let unknown = http.get(unknown).header("traceparent", &parent).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let queue = database.client().await;
    eventually("the job is done", async || {
        let left = "SELECT count(*) FROM graphile_worker._private_jobs WHERE payload ->> 'event_id' IS NOT NULL";
        queue.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    process.signal(Signal::SIGTERM);
    assert!(process.end().success(), "{}", process.errors());

    let spans = collector.spans();
    let named = |name: &str| {
        let found = spans.iter().find(|s| s.name == name && hex(&s.trace_id) == TRACE);
        found.unwrap_or_else(|| {
            panic!("no {name} in {:?}", spans.iter().map(|s| &s.name).collect::<Vec<_>>())
        })
    };
    let request = named("GET /api/v1/listings/{id}");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(attribute(request, "http.route").as_deref(), Some("/api/v1/listings/{id}"));
    assert_eq!(attribute(request, "http.request.method").as_deref(), Some("GET"));
    assert_eq!(attribute(request, "http.response.status_code").as_deref(), Some("404"));
    let cause = named("POST /api/v1/providers");
    let mut transactions = spans.iter().filter(|span| span.name == "transaction");
    assert!(transactions.any(|transaction| transaction.parent_span_id == cause.span_id));
    let job = named("identity.on_event");
    assert_eq!(job.parent_span_id, cause.span_id);
    for personal in [email, "lst_0192d4c0", "Untraceable", "127.0.0.1", token] {
        assert!(!collector.holds(personal), "{personal} was sent");
    }
    assert!(collector.holds("service.name"));
    collector.handle.stop(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_slows_neither_requests_nor_the_stop() {
    let database = TestDatabase::new().await;
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut process = server(&database, silent.local_addr().unwrap());
    let base = process.base();
    let http = Client::new();

    // More than the queue of spans holds.
    let mut slowest = Duration::ZERO;
    for _ in 0..3_000 {
        let begun = Instant::now();
        let answer = http.get(format!("{base}/health/live")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        slowest = slowest.max(begun.elapsed());
    }

    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let begun = Instant::now();
    process.signal(Signal::SIGTERM);
    assert!(process.end().success(), "{}", process.errors());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn an_address_that_is_none_is_refused() {
    let mut process = Process::start(None, &["serve", "--set", "traces.endpoint=collector:4318"]);
    assert!(!process.end().success());
    assert!(process.errors().contains("traces.endpoint must start with http://"));
}
