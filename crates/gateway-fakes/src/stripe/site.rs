use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use hostile_http::{Answer, Courier, Message, Request, Site};
use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;
use super::pages;
use super::shelf::Stored;
use super::state::{API_VERSION, State};

/// For so long an answer is kept under its idempotency key: 24 hours, in seconds.
const KEPT: i64 = 86_400;

/// The API, and the pages that belong to it.
#[derive(Debug)]
pub(crate) struct StripeSite {
    pub(crate) key: String,
    pub(crate) state: Mutex<State>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) webhook: Mutex<Option<String>>,
    answers: Mutex<HashMap<String, Kept>>,
}

/// What is known of an idempotency key.
#[derive(Debug)]
struct Kept {
    fingerprint: (String, Bytes),
    at: i64,
    /// Unset while the request is under way.
    answer: Option<Answer>,
}

#[async_trait]
impl Site for StripeSite {
    async fn answer(&self, request: &Request) -> Option<Answer> {
        if request.path.starts_with("/pages/") {
            let answer = pages::answer(&mut self.state(), request);
            self.send_events();
            return Some(answer);
        }
        let answer = match self.authorized(request) {
            Ok(()) => self.once(request).await,
            Err(refusal) => refusal.answer(),
        };
        let id = format!("req_Fake{:x}", self.state().now());
        Some(answer.with("request-id", &id).with("stripe-version", API_VERSION))
    }

    fn failure(&self, status: u16) -> Answer {
        let (kind, message) = match status {
            429 => (
                "invalid_request_error",
                "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            ),
            _ => ("api_error", "An unknown error occurred"),
        };
        let mut body = json!({ "error": { "type": kind, "message": message } });
        if status == 429 {
            body["error"]["code"] = "rate_limit".into();
        }
        Answer::json(status, &body)
    }

    fn spoiled(&self, request: &Request, failure: &Answer) {
        let mut answers = self.answers();
        let kept = request.header("idempotency-key").and_then(|key| answers.get_mut(key));
        if let Some(kept) = kept {
            kept.answer = Some(failure.clone()); // the first result is kept, even a 500
        }
    }
}

impl StripeSite {
    pub(crate) fn new(key: &str, state: State, courier: Arc<Courier>) -> Self {
        let (webhook, answers) = (Mutex::default(), Mutex::default());
        Self { key: key.to_owned(), state: Mutex::new(state), courier, webhook, answers }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state in hand")
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.answers.lock().expect("nobody panics with the answers in hand")
    }

    /// Hands the events that happened to the courier.
    pub(crate) fn send_events(&self) {
        let events = std::mem::take(&mut self.state().outgoing);
        let url = self.webhook.lock().expect("nobody panics with the address in hand").clone();
        let Some(url) = url else { return };
        for event in events {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            self.courier.send(Message {
                id: text("id"),
                kind: text("type"),
                url: url.clone(),
                content_type: "application/json; charset=utf-8",
                body: event.to_string().into(),
            });
        }
    }

    fn authorized(&self, request: &Request) -> Result<()> {
        let header = request.header("authorization").unwrap_or_default();
        let Some(key) = header.strip_prefix("Bearer ") else {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";
            return Err(Refusal::unauthorized(message));
        };
        if key != self.key {
            let shown: String = key.chars().take(8).collect();
            return Err(Refusal::unauthorized(&format!("Invalid API Key provided: {shown}****")));
        }
        match request.header("stripe-version") {
            Some(version) if !is_version(version) => {
                Err(Refusal::request(&format!("Invalid Stripe API version: {version}")))
            }
            _ => Ok(()),
        }
    }

    /// Acts once for each idempotency key.
    async fn once(&self, request: &Request) -> Answer {
        let key = request.header("idempotency-key").map(str::to_owned);
        let Some(key) = key.filter(|_| request.method == "POST") else {
            request.work().await;
            return self.act(request, None).1;
        };
        if key.len() > 255 {
            return Refusal::idempotency(
                400,
                "Your idempotency key is too long. It must be at most 255 characters.",
            )
            .answer();
        }
        let fingerprint = (request.path.clone(), request.body.clone());
        let now = self.state().now();
        {
            let mut answers = self.answers();
            answers.retain(|_, kept| kept.at + KEPT > now);
            match answers.get(&key) {
                Some(kept) if kept.fingerprint != fingerprint => {
                    let message = format!(
                        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
                    );
                    return Refusal::idempotency(400, &message).answer();
                }
                Some(Kept { answer: Some(answer), .. }) => {
                    return answer
                        .clone()
                        .with("idempotent-replayed", "true")
                        .with("idempotency-key", &key);
                }
                Some(Kept { answer: None, .. }) => {
                    let message = "There is currently another in-progress request using this Stripe Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later.";
                    return Refusal::idempotency(409, message)
                        .coded("idempotency_key_in_use")
                        .answer();
                }
                None => {
                    answers.insert(key.clone(), Kept { fingerprint, at: now, answer: None });
                }
            }
        }
        request.work().await;
        let (executed, answer) = self.act(request, Some(&key));
        let mut answers = self.answers();
        if executed {
            if let Some(kept) = answers.get_mut(&key) {
                kept.answer = Some(answer.clone());
            }
        } else {
            answers.remove(&key); // what failed validation was never executed
        }
        drop(answers);
        answer.with("idempotency-key", &key)
    }

    /// Whether anything was executed, and the answer.
    fn act(&self, request: &Request, key: Option<&str>) -> (bool, Answer) {
        let mut state = self.state();
        state.request_key = key.map(str::to_owned);
        let result = routed(&mut state, request);
        state.request_key = None;
        drop(state);
        self.send_events();
        match result {
            Ok(value) => (true, Answer::json(200, &value)),
            Err(refusal) => (!refusal.is_validation(), refusal.answer()),
        }
    }
}

fn is_version(version: &str) -> bool {
    let date = version.split('.').next().unwrap_or_default();
    chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok()
}

fn routed(state: &mut State, request: &Request) -> Result<Value> {
    let fields = if request.method == "GET" {
        request.query_fields()
    } else {
        if !request.body.is_empty() && request.media_type() != "application/x-www-form-urlencoded" {
            let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.";
            return Err(Refusal::request(message));
        }
        request.form_fields()
    };
    let mut params = Params::new(fields);
    let expand = params.list("expand");
    let mut answer = route(state, request, params)?;
    for path in expand {
        if !state.expand(&mut answer, &path) {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(Refusal::invalid("expand", &message));
        }
    }
    Ok(answer)
}

fn route(state: &mut State, request: &Request, mut params: Params) -> Result<Value> {
    let segments = request.segments();
    let Some(("v1", rest)) = segments.split_first().map(|(first, rest)| (*first, rest)) else {
        return Err(unknown(request));
    };
    match (request.method.as_str(), rest) {
        ("POST", ["payment_intents"]) => state.create_intent(params),
        ("POST", ["payment_intents", id, "confirm"]) => state.confirm_intent(id, params),
        ("POST", ["payment_intents", id, "capture"]) => state.capture_intent(id, params),
        ("POST", ["payment_intents", id, "cancel"]) => state.cancel_intent(id, params),
        ("POST", ["payment_intents", id]) => state.update_intent(id, params),
        ("GET", ["payment_intents", "search"]) => {
            let seen_until = state.now() - state.search_lag;
            state.intents.search(params, "/v1/payment_intents/search", seen_until)
        }
        ("GET", ["payment_intents", id]) => one(state.intents.get(id)?, optional_secret(params)),
        ("GET", ["payment_intents"]) => {
            let customer = params.text("customer");
            let fits =
                |intent: &super::intent::Intent| customer.is_none() || intent.customer == customer;
            state.intents.page(params, "/v1/payment_intents", fits)
        }
        ("POST", ["setup_intents"]) => state.create_setup(params),
        ("POST", ["setup_intents", id, "confirm"]) => state.confirm_setup_intent(id, params),
        ("GET", ["setup_intents", id]) => one(state.setups.get(id)?, params),
        ("POST", ["customers"]) => state.create_customer(params),
        ("GET", ["customers", "search"]) => {
            let seen_until = state.now() - state.search_lag;
            state.customers.search(params, "/v1/customers/search", seen_until)
        }
        ("POST", ["customers", id]) => state.update_customer(id, params),
        ("GET", ["customers", id]) => one(state.customers.get(id)?, params),
        ("POST", ["payment_methods"]) => state.create_method(params),
        ("POST", ["payment_methods", id, "attach"]) => state.attach_method(id, params),
        ("POST", ["payment_methods", id, "detach"]) => state.detach_method(id, params),
        ("GET", ["payment_methods", id]) => one(state.methods.get(id)?, params),
        ("GET", ["customers", id, "payment_methods"]) => {
            state.customers.get(id)?;
            let url = format!("/v1/customers/{id}/payment_methods");
            state.methods.page(params, &url, |method| method.customer.as_deref() == Some(*id))
        }
        ("GET", ["charges", id]) => one(state.charges.get(id)?, params),
        ("GET", ["charges"]) => {
            let intent = params.text("payment_intent");
            let fits = |charge: &super::charge::Charge| {
                intent.as_ref().is_none_or(|intent| charge.intent == *intent)
            };
            state.charges.page(params, "/v1/charges", fits)
        }
        ("POST", ["refunds"]) => state.create_refund(params),
        ("GET", ["refunds", id]) => one(state.refunds.get(id)?, params),
        ("GET", ["refunds"]) => {
            let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
            let fits = |refund: &super::charge::Refund| {
                intent.as_ref().is_none_or(|intent| refund.intent == *intent)
                    && charge.as_ref().is_none_or(|charge| refund.charge == *charge)
            };
            state.refunds.page(params, "/v1/refunds", fits)
        }
        ("GET", ["disputes", id]) => one(state.disputes.get(id)?, params),
        ("GET", ["disputes"]) => {
            let intent = params.text("payment_intent");
            let fits = |dispute: &super::charge::Dispute| {
                intent.as_ref().is_none_or(|intent| dispute.intent == *intent)
            };
            state.disputes.page(params, "/v1/disputes", fits)
        }
        ("GET", ["balance_transactions"]) => {
            let (kind, source) = (params.text("type"), params.text("source"));
            let fits = |entry: &super::charge::BalanceTransaction| {
                kind.as_ref().is_none_or(|kind| entry.kind == kind.as_str())
                    && source.as_ref().is_none_or(|source| entry.source == *source)
            };
            state.balance.page(params, "/v1/balance_transactions", fits)
        }
        ("POST", ["checkout", "sessions"]) => state.create_session(params),
        ("POST", ["checkout", "sessions", id, "expire"]) => state.expire_session(id),
        ("GET", ["checkout", "sessions", id]) => one(state.sessions.get(id)?, params),
        ("POST", ["prices"]) => state.create_price(params),
        ("GET", ["prices", id]) => one(state.prices.get(id)?, params),
        ("GET", ["events", id]) => one(state.events.get(id)?, params),
        ("GET", ["events"]) => {
            let kind = params.text("type");
            let fits =
                |event: &super::state::Event| kind.as_ref().is_none_or(|kind| event.kind() == kind);
            state.events.page(params, "/v1/events", fits)
        }
        (_, ["subscriptions" | "invoices" | "invoice_payments", ..]) => {
            billing(state, request, rest, params)
        }
        (_, ["accounts" | "account_links" | "transfers", ..]) => {
            connect(state, request, rest, params)
        }
        _ => Err(unknown(request)),
    }
}

fn billing(
    state: &mut State,
    request: &Request,
    rest: &[&str],
    mut params: Params,
) -> Result<Value> {
    match (request.method.as_str(), rest) {
        ("POST", ["subscriptions"]) => state.create_subscription(params),
        ("POST", ["subscriptions", id]) => state.update_subscription(id, params),
        ("DELETE", ["subscriptions", id]) => state.cancel_subscription(id, params),
        ("GET", ["subscriptions", id]) => one(state.subscriptions.get(id)?, params),
        ("GET", ["subscriptions"]) => {
            let (customer, status) = (params.text("customer"), params.text("status"));
            let fits = |subscription: &super::subscription::Subscription| {
                customer.as_ref().is_none_or(|customer| subscription.customer == *customer)
                    && match status.as_deref() {
                        None => subscription.status != "canceled",
                        Some("all") => true,
                        Some(status) => subscription.status == status,
                    }
            };
            state.subscriptions.page(params, "/v1/subscriptions", fits)
        }
        ("POST", ["invoices", id, "pay"]) => state.pay_invoice(id, params),
        ("POST", ["invoices", id, "void"]) => state.void_invoice(id, params),
        ("GET", ["invoices", id]) => one(state.invoices.get(id)?, params),
        ("GET", ["invoices"]) => {
            let (subscription, status) = (params.text("subscription"), params.text("status"));
            let fits = |invoice: &super::invoice::Invoice| {
                subscription.as_ref().is_none_or(|id| invoice.subscription == *id)
                    && status.as_ref().is_none_or(|status| invoice.status == status.as_str())
            };
            state.invoices.page(params, "/v1/invoices", fits)
        }
        ("GET", ["invoice_payments"]) => state.invoice_payments(params),
        _ => Err(unknown(request)),
    }
}

fn connect(
    state: &mut State,
    request: &Request,
    rest: &[&str],
    mut params: Params,
) -> Result<Value> {
    match (request.method.as_str(), rest) {
        ("POST", ["accounts"]) => state.create_account(params),
        ("GET", ["accounts", id]) => one(state.accounts.get(id)?, params),
        ("POST", ["account_links"]) => state.create_account_link(params),
        ("POST", ["transfers"]) => state.create_transfer(params),
        ("POST", ["transfers", id, "reversals"]) => state.create_reversal(id, params),
        ("GET", ["transfers", id]) => one(state.transfers.get(id)?, params),
        ("GET", ["transfers"]) => {
            let (destination, group) = (params.text("destination"), params.text("transfer_group"));
            let fits = |transfer: &super::connect::Transfer| {
                destination.as_ref().is_none_or(|destination| transfer.destination == *destination)
                    && (group.is_none() || transfer.group == group)
            };
            state.transfers.page(params, "/v1/transfers", fits)
        }
        _ => Err(unknown(request)),
    }
}

fn optional_secret(mut params: Params) -> Params {
    let _ = params.text("client_secret");
    params
}

fn one<T: Stored>(item: &T, params: Params) -> Result<Value> {
    params.finish()?;
    Ok(item.json())
}

fn unknown(request: &Request) -> Refusal {
    let message = format!(
        "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        request.method, request.path
    );
    Refusal { status: 404, ..Refusal::request(&message) }
}
