//! People over HTTP, who do not give up: an answer that does not come is asked for again, under the
//! same key, at whichever server there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::time::sleep;

use super::dice::Dice;
use super::tally::Tally;

/// How long somebody tries before they call it a fault.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long somebody repeats what is said to be under way: what a killed server has begun stays so
/// for a minute.
const LONG: Duration = Duration::from_secs(3);

/// Everybody's password.
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// An answer that says something.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) location: Option<String>,
}

impl Answer {
    pub(super) const fn is_good(&self) -> bool {
        self.status < 300
    }

    /// The id of what it shows.
    pub(super) fn id(&self) -> Option<String> {
        self.body["id"].as_str().map(ToOwned::to_owned)
    }

    pub(super) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_default().to_owned()
    }

    /// The items of a page.
    pub(super) fn items(&self) -> Vec<Value> {
        self.body["data"].as_array().cloned().unwrap_or_default()
    }
}

/// What a request carries beside its address.
#[derive(Debug, Clone, Default)]
pub(super) struct Parcel {
    pub(super) key: Option<String>,
    pub(super) body: Option<Value>,
    /// A form in place of a body.
    pub(super) form: Option<&'static str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Reaches the servers.
#[derive(Debug, Clone)]
pub(super) struct Network {
    http: Client,
    bases: Arc<Vec<String>>,
    pub(super) tally: Arc<Tally>,
}

/// Somebody who uses the API.
#[derive(Debug, Clone)]
pub(super) struct Person {
    network: Network,
    /// Where their requests come from, as a trusted proxy tells it.
    address: String,
    token: String,
    pub(super) email: String,
    /// The id of the account.
    pub(super) account: String,
    /// The id of the provider profile; empty if there is none.
    pub(super) provider: String,
}

impl Network {
    pub(super) fn new(bases: Vec<String>, tally: Arc<Tally>) -> anyhow::Result<Self> {
        // No redirects: whoever is sent to a bank and back does it step by step.
        let http = Client::builder()
            .timeout(Duration::from_secs(40))
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, bases: Arc::new(bases), tally })
    }

    /// The same path at another server, as behind a load balancer.
    pub(super) fn path_of<'a>(&self, url: &'a str) -> &'a str {
        self.bases.iter().find_map(|base| url.strip_prefix(base.as_str())).unwrap_or(url)
    }

    /// Sends until there is an answer that says something. What is hostile may fail as it likes.
    pub(super) async fn send(
        &self,
        kind: &'static str,
        hostile: bool,
        dice: &mut Dice,
        prepare: impl Fn(&Client, &str) -> RequestBuilder,
    ) -> Option<Answer> {
        let begun = Instant::now();
        let mut base = dice.pick(&self.bases)?;
        loop {
            let sent = prepare(&self.http, base).send().await;
            match read(sent).await {
                Ok(answer) if self.is_answer(kind, hostile, &answer) => {
                    let under_way = answer.body["code"] == "idempotency.in_flight";
                    if !under_way || begun.elapsed() > LONG {
                        return Some(answer);
                    }
                }
                Ok(_) => {}
                Err(_) => self.tally.count(kind, "no answer"),
            }
            if begun.elapsed() > PATIENCE {
                self.tally.fault(super::invariants::ANSWERED, format!("{kind} brings no answer"));
                return None;
            }
            sleep(Duration::from_millis(dice.between(50, 400))).await;
            base = dice.pick(&self.bases)?;
        }
    }

    /// Whether it says what became of the call.
    fn is_answer(&self, kind: &'static str, hostile: bool, answer: &Answer) -> bool {
        // A coupon has a code, too.
        let code = answer.body["code"].as_str().filter(|_| answer.status >= 400);
        let code = code.unwrap_or_default();
        let outcome = format!("{} {code}", answer.status);
        self.tally.count(kind, outcome.trim_end());
        match answer.status {
            503 => false,
            500.. if hostile => false,
            500.. => {
                let what = format!("{kind}: {} {}", answer.status, answer.body);
                self.tally.fault(super::invariants::POLITE, what);
                false
            }
            429 => false,
            _ => true,
        }
    }
}

async fn read(sent: Result<reqwest::Response, reqwest::Error>) -> Result<Answer, reqwest::Error> {
    let response = sent?;
    let status = response.status().as_u16();
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    let location = location.map(ToOwned::to_owned);
    let body = serde_json::from_str(&response.text().await?).unwrap_or(Value::Null);
    Ok(Answer { status, body, location })
}

impl Person {
    pub(super) fn visitor(network: &Network, number: usize, email: String) -> Self {
        let address = format!("10.0.{}.{}", number / 250, number % 250 + 1);
        Self {
            network: network.clone(),
            address,
            token: String::new(),
            email,
            account: String::new(),
            provider: String::new(),
        }
    }

    pub(super) fn use_token(&mut self, tokens: &Value) {
        tokens["access_token"].as_str().unwrap_or_default().clone_into(&mut self.token);
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    pub(super) async fn call(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        method: Method,
        path: &str,
        parcel: Parcel,
    ) -> Option<Answer> {
        let hostile = path.starts_with("/sandbox/");
        self.network
            .send(kind, hostile, dice, |http, base| {
                let url = if path.starts_with('/') {
                    format!("{base}{path}")
                } else {
                    format!("{base}/api/v1/{path}")
                };
                let mut request =
                    http.request(method.clone(), url).header("x-forwarded-for", &self.address);
                if !self.token.is_empty() {
                    request = request.bearer_auth(&self.token);
                }
                if let Some(key) = &parcel.key {
                    request = request.header("idempotency-key", key);
                }
                for (name, value) in &parcel.headers {
                    request = request.header(*name, value);
                }
                if !parcel.query.is_empty() {
                    request = request.query(&parcel.query);
                }
                if let Some(form) = parcel.form {
                    let kind = "application/x-www-form-urlencoded";
                    request = request.header("content-type", kind).body(form);
                }
                if let Some(body) = &parcel.body {
                    request = request.json(body);
                }
                request
            })
            .await
    }

    pub(super) async fn get(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        path: &str,
    ) -> Option<Answer> {
        self.call(kind, dice, Method::GET, path, Parcel::default()).await
    }

    /// POST under a key that is thrown.
    pub(super) async fn post(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        path: &str,
        body: Value,
    ) -> Option<Answer> {
        let key = Some(fresh_key(dice));
        let parcel = Parcel { key, body: Some(body), ..Parcel::default() };
        self.call(kind, dice, Method::POST, path, parcel).await
    }

    /// POST without a body, under a key that is thrown.
    pub(super) async fn command(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        path: &str,
    ) -> Option<Answer> {
        let parcel = Parcel { key: Some(fresh_key(dice)), ..Parcel::default() };
        self.call(kind, dice, Method::POST, path, parcel).await
    }

    /// PUT, DELETE or PATCH.
    pub(super) async fn put(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<Answer> {
        self.call(kind, dice, method, path, Parcel { body, ..Parcel::default() }).await
    }
}

/// A key that nobody else throws.
pub(super) fn fresh_key(dice: &mut Dice) -> String {
    format!("torture-{:016x}-{:016x}", dice.below(u64::MAX), dice.below(u64::MAX))
}
