//! The sandbox itself: a gateway of its own, on an address of its own or below another one.

mod bank;
mod office;
mod pages;
mod site;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hostile_http::{Answer, Courier, Faults, Postbox, Request, Server, Site};
use kernel::{Clock, Random};
use tokio::net::TcpListener;

use crate::SandboxStore;
use crate::signature::signature;
use office::Office;
use site::SandboxSite;

/// How the sandbox is set up.
#[derive(Clone)]
pub struct SandboxSettings {
    /// Its address for browsers, without a slash at the end; a server of its own may leave it unset
    /// for the address it listens on.
    pub public_url: Option<String>,
    /// The merchant's key.
    pub api_key: String,
    /// What signs messages to the merchant.
    pub webhook_secret: String,
    /// Where messages go; unset for nowhere.
    pub webhook_url: Option<String>,
}

impl fmt::Debug for SandboxSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxSettings")
            .field("public_url", &self.public_url)
            .field("webhook_url", &self.webhook_url)
            .finish_non_exhaustive()
    }
}

/// A sandbox without a socket of its own: another server hands it the requests below its address.
/// What it knows stays in its store. Messages that were not delivered yet are lost when it is
/// dropped, as happens to the best of gateways.
pub struct Sandbox {
    site: Arc<SandboxSite>,
    courier: Arc<Courier>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens it, within a tokio runtime. Several may work on one store.
    pub fn new(
        settings: SandboxSettings,
        store: Arc<dyn SandboxStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let SandboxSettings { public_url, api_key, webhook_secret, webhook_url } = settings;
        let postbox = Arc::new(Messages { secret: webhook_secret });
        let courier = Arc::new(Courier::start(Arc::clone(&clock), postbox));
        let public_url = public_url.unwrap_or_default();
        let office = Office::new(store, clock, random, public_url);
        let site = SandboxSite::new(office, Arc::clone(&courier), api_key, webhook_url);
        Self { site: Arc::new(site), courier }
    }

    /// Acts and answers; `None` is an answer that is lost on purpose. The path stands below the
    /// sandbox's address: `/v1/payments`. It runs to its end even if the client has left.
    pub async fn answer(&self, request: Request) -> Option<Answer> {
        let site = Arc::clone(&self.site);
        let answer = tokio::spawn(async move { site.answer(&request).await });
        answer.await.unwrap_or(None)
    }

    /// The deliveries of messages.
    pub fn webhooks(&self) -> &Courier {
        &self.courier
    }
}

/// A running sandbox with a socket of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct SandboxServer {
    server: Server,
    sandbox: Sandbox,
}

/// How messages are signed and repeated.
struct Messages {
    secret: String,
}

impl Postbox for Messages {
    fn sign(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)> {
        vec![("sandbox-signature".to_owned(), signature(&self.secret, body, now))]
    }

    fn forge(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)> {
        let secret = format!("not {}", self.secret);
        vec![("sandbox-signature".to_owned(), signature(&secret, body, now))]
    }

    fn taken(&self, status: u16, _body: &[u8]) -> bool {
        (200..300).contains(&status)
    }

    fn pause(&self, tries: u32) -> Option<TimeDelta> {
        (tries < 10).then(|| TimeDelta::seconds(5 << tries.min(9)))
    }
}

impl SandboxServer {
    /// Starts serving on an address; port 0 stands for a free one.
    pub async fn start(
        address: SocketAddr,
        settings: SandboxSettings,
        store: Arc<dyn SandboxStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let own = format!("http://{}", listener.local_addr()?);
        let public_url = settings.public_url.clone().or(Some(own));
        let settings = SandboxSettings { public_url, ..settings };
        let sandbox = Sandbox::new(settings, store, clock, random);
        let serving: Arc<SandboxSite> = Arc::clone(&sandbox.site);
        let server = Server::on(listener, serving, Arc::default())?;
        Ok(Self { server, sandbox })
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Sends messages there from now on.
    pub fn send_webhooks_to(&self, url: &str) {
        self.sandbox.site.send_webhooks_to(url);
    }

    /// What is to go wrong with single calls, for tests in the same process.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// The deliveries of messages.
    pub fn webhooks(&self) -> &Courier {
        self.sandbox.webhooks()
    }
}
