use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hostile_http::{Answer, Faults, Request, Server, Site};
use serde_json::json;

/// A merchant's server that takes messages.
pub(crate) struct Receiver {
    server: Server,
    answer: Arc<Mutex<Answer>>,
}

struct Shop(Arc<Mutex<Answer>>);

#[async_trait]
impl Site for Shop {
    async fn answer(&self, _request: &Request) -> Option<Answer> {
        Some(self.0.lock().unwrap().clone())
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::text(status, "")
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let answer = Arc::new(Mutex::new(Answer::json(200, &json!({ "code": 0 }))));
        let shop = Arc::new(Shop(Arc::clone(&answer)));
        let server =
            Server::start((Ipv4Addr::LOCALHOST, 0).into(), shop, Arc::default()).await.unwrap();
        Self { server, answer }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn answer_with(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.server.faults()
    }

    pub(crate) fn received(&self) -> Vec<Request> {
        self.server.seen()
    }

    /// The kinds of the events that came, in the order of their arrival.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let kind = |request: &Request| {
            let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            event["type"].as_str().unwrap().to_owned()
        };
        self.received().iter().map(kind).collect()
    }
}
