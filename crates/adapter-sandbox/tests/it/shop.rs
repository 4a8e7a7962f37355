use std::net::Ipv4Addr;
use std::sync::Arc;

use adapter_sandbox::{MemoryStore, SandboxServer, SandboxSettings, SandboxStore};
use async_trait::async_trait;
use chrono::DateTime;
use hostile_http::{Answer, Request, Server, Site};
use kernel::{ManualClock, SystemRandom};
use serde_json::Value;

/// A sandbox, and the merchant's server that takes its messages.
pub(crate) struct Shop {
    pub(crate) sandbox: SandboxServer,
    pub(crate) inbox: Server,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
}

struct Inbox;

#[async_trait]
impl Site for Inbox {
    async fn answer(&self, _request: &Request) -> Option<Answer> {
        Some(Answer::text(204, ""))
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::text(status, "")
    }
}

pub(crate) const KEY: &str = "sandbox-key";
pub(crate) const SECRET: &str = "sandbox-secret";

impl Shop {
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap()));
        let (local, store) = ((Ipv4Addr::LOCALHOST, 0).into(), Arc::new(MemoryStore::default()));
        let inbox = Server::start(local, Arc::new(Inbox), Arc::default()).await.unwrap();
        let sandbox = start(&inbox, Arc::<MemoryStore>::clone(&store), &clock).await;
        Self { sandbox, inbox, clock, store }
    }

    /// The sandbox is stopped and started again, elsewhere.
    pub(crate) async fn restart(&mut self) {
        self.sandbox =
            start(&self.inbox, Arc::<MemoryStore>::clone(&self.store), &self.clock).await;
    }

    pub(crate) async fn messages(&self) -> Vec<Value> {
        self.sandbox.webhooks().settled().await;
        self.inbox
            .seen()
            .iter()
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    pub(crate) async fn kinds(&self) -> Vec<String> {
        self.messages()
            .await
            .iter()
            .map(|message| message["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn start(
    inbox: &Server,
    store: Arc<dyn SandboxStore>,
    clock: &Arc<ManualClock>,
) -> SandboxServer {
    let settings = SandboxSettings {
        public_url: None,
        api_key: KEY.to_owned(),
        webhook_secret: SECRET.to_owned(),
        webhook_url: Some(inbox.url()),
    };
    let clock = Arc::<ManualClock>::clone(clock);
    SandboxServer::start(
        (Ipv4Addr::LOCALHOST, 0).into(),
        settings,
        store,
        clock,
        Arc::new(SystemRandom),
    )
    .await
    .unwrap()
}
