//! The HTTP server: what every request passes through, and how it starts and stops.

use std::future::ready;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::ServerHandle;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpResponse, HttpServer, web};
use adapter_sandbox::Sandbox;
use thiserror::Error;
use tokio::task::JoinHandle;
use utoipa_actix_web::AppExt;

use super::caller::identify;
use super::limits::{Buckets, locate, throttle};
use super::operations::{Operations, admit, recognise};
use super::pace::pace;
use super::request::surround;
use super::routes::{Methods, api, unmatched};
use super::watcher::Counting;
use super::{Authenticator, CursorKey, Problem, RateLimits, Readiness, docs_page, health, sandbox};
use crate::config::{self, ManualTransfers, Network};
use crate::wiring::Services;

/// How long a connection may idle. Longer than load balancers keep theirs (a minute, as a rule):
/// whoever closes first decides, and a request that meets a closing connection is lost.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The address people reach it by, without a slash at the end; links in mails start with it.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins of browsers that may call the API, such as `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// How often one may ask; `None` for any number of times.
    pub limits: Option<RateLimits>,
    /// How long the oldest ready job may wait before the server calls itself not ready; zero for
    /// any time.
    pub queue_alarm: Duration,
    /// Threads that serve requests.
    pub workers: usize,
    /// How long requests under way may take to end once the server stops.
    pub drain: Duration,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request; more for a large one.
    pub request_timeout: Duration,
    /// How long a request may take as a whole; one with files sixty times as long.
    pub answer_timeout: Duration,
    /// The account that bank transfers go to.
    pub transfers: ManualTransfers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".to_owned(),
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            limits: Some(RateLimits::default()),
            queue_alarm: Duration::ZERO,
            workers: 2,
            drain: Duration::from_secs(25),
            header_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(30),
            transfers: ManualTransfers::default(),
        }
    }
}

impl Settings {
    /// What the operator set.
    pub fn of(settings: &config::Settings) -> Self {
        let server = &settings.server;
        let limits = &settings.limits;
        Self {
            address: server.address,
            public_url: server.public_url.clone(),
            trusted_proxies: server.trusted_proxies.clone(),
            allowed_origins: server.cors_origins.clone(),
            limits: limits.enabled.then_some(RateLimits {
                account: limits.account_per_minute,
                network: limits.network_per_minute,
                sign_in: limits.sign_in_per_minute,
            }),
            queue_alarm: Duration::from_secs(settings.jobs.alarm_after_seconds),
            workers: server.threads(),
            drain: Duration::from_secs(server.shutdown_grace_seconds),
            header_timeout: Duration::from_secs(server.header_timeout_seconds),
            request_timeout: Duration::from_secs(server.request_timeout_seconds),
            answer_timeout: Duration::from_secs(server.answer_timeout_seconds.get().into()),
            transfers: settings.gateways.manual.clone(),
        }
    }
}

/// What the handlers share.
#[derive(Debug)]
pub struct State {
    /// The use cases.
    pub services: Services,
    /// Who is behind a token.
    pub authenticator: Arc<dyn Authenticator>,
    /// What cursors are signed with.
    pub cursors: CursorKey,
    /// How the server behaves.
    pub settings: Settings,
    /// Whether the server wants requests.
    pub readiness: Readiness,
    /// The embedded payment gateway of development, if it takes payments.
    pub sandbox: Option<Arc<Sandbox>>,
    pub(crate) buckets: Buckets,
}

impl State {
    /// The state of a server.
    pub fn new(
        services: Services,
        authenticator: Arc<dyn Authenticator>,
        cursors: CursorKey,
        settings: Settings,
    ) -> Self {
        let buckets = Buckets::new(settings.limits.unwrap_or_default());
        let readiness = Readiness::default();
        let sandbox = None;
        Self { services, authenticator, cursors, settings, readiness, sandbox, buckets }
    }

    /// The same with the embedded payment gateway of development below `/sandbox`.
    #[must_use]
    pub fn with_sandbox(self, sandbox: Option<Arc<Sandbox>>) -> Self {
        Self { sandbox, ..self }
    }
}

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    sweeper: JoinHandle<()>,
    counting: Counting,
}

impl Running {
    /// Stops taking connections, waits for requests under way, and returns when all have ended.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        self.sweeper.abort();
        let _ = self.task.await;
        self.counting.finish().await;
    }

    /// Stops at once; requests under way are dropped.
    pub async fn abandon(self) {
        self.handle.stop(false).await;
        self.sweeper.abort();
        self.counting.abandon();
        let _ = self.task.await;
    }

    /// Returns when the server ends by itself, which it does not but for a defect.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

/// Starts the server.
pub fn start(state: Arc<State>) -> Result<Running, ServerError> {
    let address = state.settings.address;
    launch(state, Socket::New(address))
}

/// Starts the server on a socket that listens already, so that its address can be known before.
pub fn start_on(state: Arc<State>, listener: TcpListener) -> Result<Running, ServerError> {
    launch(state, Socket::Open(listener))
}

enum Socket {
    New(SocketAddr),
    Open(TcpListener),
}

fn launch(state: Arc<State>, socket: Socket) -> Result<Running, ServerError> {
    let document = super::openapi();
    let methods = web::Data::new(Methods::of(&document));
    let operations = web::Data::new(Operations::of(&document));
    let json = web::Bytes::from(serde_json::to_vec(&document).expect("the document is plain data"));
    let data = web::Data::from(Arc::clone(&state));
    let settings = state.settings.clone();
    let address = settings.address;
    let origins = settings.allowed_origins.clone();

    let server = HttpServer::new(move || {
        let json = json.clone();
        App::new()
            .into_utoipa_app()
            .app_data(data.clone())
            .app_data(methods.clone())
            .app_data(operations.clone())
            .app_data(path_errors())
            .configure(api)
            .map(|app| {
                app.configure(health::mount)
                    .route(
                        "/openapi.json",
                        web::get().to(move || ready(send_document(json.clone()))),
                    )
                    .route("/docs", web::get().to(docs_page::redirect))
                    .route("/docs/", web::get().to(docs_page::show))
                    .route("/docs/errors", web::get().to(super::errors_page::show))
                    .service(docs_page::assets())
                    .configure(sandbox::mount)
                    .default_service(web::route().to(unmatched))
                    .wrap(from_fn(pace))
                    .wrap(from_fn(admit))
                    .wrap(from_fn(throttle))
                    .wrap(from_fn(identify))
                    .wrap(from_fn(recognise))
                    .wrap(from_fn(locate))
                    .wrap(cors(&origins))
                    .wrap(Compress::default())
                    .wrap(from_fn(surround))
            })
            .into_app()
    })
    .workers(settings.workers)
    .shutdown_timeout(settings.drain.as_secs())
    .client_request_timeout(settings.header_timeout)
    .keep_alive(KEEP_ALIVE)
    .disable_signals();
    let server = match socket {
        Socket::New(address) => server.bind(address),
        Socket::Open(listener) => server.listen(listener),
    };
    let server = server.map_err(|source| ServerError::Bind { address, source })?;

    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    let counting = Counting::start(state.services.discovery.engagement.clone());
    let sweeper = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_mins(1)).await;
            state.buckets.sweep();
        }
    });
    Ok(Running { address, handle, task, sweeper, counting })
}

fn send_document(json: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(json)
}

/// An id of another kind, or none, names nothing that exists.
fn path_errors() -> web::PathConfig {
    web::PathConfig::default()
        .error_handler(|error, _| Problem::not_found(format!("{error}")).into())
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers(["ETag", "Location", "X-Request-Id", "Retry-After", "Idempotency-Replayed"])
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
