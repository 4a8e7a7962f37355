use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use billing::Delivery;
use chrono::{DateTime, Utc};
use hostile_http::{Answer, Request, Server, Site};
use serde_json::json;

/// A merchant's server that takes every message.
#[derive(Debug)]
pub struct Inbox(Server);

#[derive(Debug)]
struct TakesAll;

#[async_trait]
impl Site for TakesAll {
    async fn answer(&self, _request: &Request) -> Option<Answer> {
        Some(Answer::json(200, &json!({ "code": 0 })))
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::text(status, "")
    }
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The path, without its slash.
    pub topic: String,
    /// Names in lower case, with values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Inbox {
    /// Starts listening.
    pub async fn start() -> Self {
        let server =
            Server::start((Ipv4Addr::LOCALHOST, 0).into(), Arc::new(TakesAll), Arc::default());
        Self(server.await.expect("a free port exists"))
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// What came, the oldest first.
    pub fn arrived(&self) -> Vec<Arrived> {
        let arrived = |request: Request| Arrived {
            topic: request.path.trim_matches('/').to_owned(),
            body: request.body.to_vec(),
            headers: request.headers,
        };
        self.0.seen().into_iter().map(arrived).collect()
    }
}

impl Arrived {
    /// The message as the adapter gets it.
    pub fn delivery(&self, now: DateTime<Utc>) -> Delivery<'_> {
        Delivery { topic: &self.topic, headers: &self.headers, body: &self.body, now }
    }
}
