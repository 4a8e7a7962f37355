use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// The longest anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A provider who uses the API of one server or of several.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// An answer: its status, what it says of a retry, and the body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) retry_after: String,
    pub(crate) body: Value,
}

impl Answer {
    /// Whether it is a refusal that asks to come back later, as the API promises.
    pub(crate) fn asks_for_patience(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && self.kind == "application/problem+json"
            && self.body["code"] == "unavailable"
            && self.retry_after.parse::<u64>().is_ok_and(|seconds| seconds > 0)
    }
}

impl Caller {
    /// Signs up at a server and registers as a provider.
    pub(crate) async fn provider(base: &str, name: &str) -> Self {
        let http = Client::builder().timeout(PATIENCE).build().unwrap();
        let email = format!("{name}@example.org");
        let mut caller = Self { http, email, token: String::new() };
        let account = json!({
            "email": caller.email, "password": PASSWORD, "display_name": "Ada Lovelace",
        });
        let answer = caller.send(caller.post(base, "auth/sign-up").json(&account)).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        caller.use_token(&answer.body["tokens"]);
        let profile = json!({ "name": "Studio North", "location": { "lat": 52.5, "lon": 13.4 } });
        let answer = caller.send(caller.post(base, "providers").json(&profile)).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        caller.sign_in(base).await;
        caller
    }

    /// Signs in on a new session.
    pub(crate) async fn sign_in(&mut self, base: &str) {
        self.token.clear();
        let body = json!({ "email": self.email, "password": PASSWORD });
        let answer = self.send(self.post(base, "auth/token").json(&body)).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.use_token(&answer.body);
    }

    fn use_token(&mut self, tokens: &Value) {
        tokens["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// A POST, ready for its body.
    pub(crate) fn post(&self, base: &str, path: &str) -> RequestBuilder {
        self.signed(self.http.post(format!("{base}/api/v1/{path}")))
    }

    /// GET.
    pub(crate) async fn get(&self, base: &str, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(self.signed(self.http.get(format!("{base}{path}")))).await
    }

    /// GET as nobody in particular, on a connection of its own: as a load balancer asks.
    pub(crate) async fn probe(base: &str, path: &str) -> Result<Answer, reqwest::Error> {
        let nobody = Self { http: Client::new(), email: String::new(), token: String::new() };
        nobody.get(base, path).await
    }

    /// Drafts a listing.
    pub(crate) async fn draft(&self, base: &str) -> Result<Answer, reqwest::Error> {
        let listing = json!({
            "listing_type": "service",
            "title": "Kitchen planning",
            "attributes": { "on_site": true, "languages": ["en"] },
        });
        self.send(self.post(base, "listings").json(&listing)).await
    }

    /// Drafts a listing with a picture.
    pub(crate) async fn draft_with(
        &self,
        base: &str,
        picture: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        use reqwest::multipart::Part;
        let listing = json!({
            "listing_type": "project",
            "title": "A kitchen in Berlin",
            "attributes": { "room": "kitchen" },
        });
        let data = Part::text(listing.to_string()).mime_str("application/json").unwrap();
        let form = Form::new().part("data", data).part("media", Part::bytes(picture));
        self.send(self.post(base, "listings").multipart(form)).await
    }

    /// Sends a request; an error is a connection that gave no answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (kind, retry_after) = (header("content-type"), header("retry-after"));
        let status = answer.status().as_u16();
        let body = serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null);
        Ok(Answer { status, kind, retry_after, body })
    }
}
