//! The sandbox over HTTP: its API, its steering, its pages.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hostile_http::{Answer, Courier, Message, Request, Site, Weather};
use kernel::StorageError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, MutexGuard};

use super::office::{Office, Refusal};
use super::pages;
use crate::TestCard;
use crate::wire::{
    Amount, Hostility, NewCard, NewPayment, PaymentStatus, UNKNOWN_CARD, WireCheckout, WireError,
};

/// For so long an answer is kept under its key.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// How long a slow card takes.
const SLOW: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct SandboxSite {
    office: Mutex<Office>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) api_key: String,
    pub(crate) webhook_url: std::sync::Mutex<Option<String>>,
    calls: AtomicU32,
    /// What the courier was told last.
    steered: std::sync::Mutex<Hostility>,
}

/// The books, while nobody else works with them: here, or in another process on the same store.
struct Held<'a> {
    office: MutexGuard<'a, Office>,
    _elsewhere: Box<dyn Send + Sync>,
}

impl Deref for Held<'_> {
    type Target = Office;

    fn deref(&self) -> &Office {
        &self.office
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Office {
        &mut self.office
    }
}

/// An answer as it is kept under a key.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    fingerprint: String,
    at: DateTime<Utc>,
    status: u16,
    body: Value,
}

/// An answer before it is written, and what is to go wrong with it.
struct Outcome {
    status: u16,
    body: Value,
    card: Option<TestCard>,
}

#[async_trait]
impl Site for SandboxSite {
    async fn answer(&self, request: &Request) -> Option<Answer> {
        if !request.path.starts_with("/v1/") {
            let answer = match self.office().await {
                Ok(mut office) => {
                    let answer = pages::answer(&mut office, request).await;
                    match office.commit().await {
                        Ok(()) => answer,
                        Err(refusal) => pages::refused(&refusal),
                    }
                }
                Err(error) => pages::refused(&Refusal::Storage(error)),
            };
            self.send_events().await;
            return Some(answer);
        }
        let key = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        let known = key.is_some_and(|key| key.as_bytes().ct_eq(self.api_key.as_bytes()).into());
        if !known {
            return Some(refused(
                401,
                "unauthorized",
                "the key of the merchant is missing or wrong",
            ));
        }
        if request.path.starts_with("/v1/hostility") || request.method != "POST" {
            return Some(self.act(request).await.written());
        }
        self.hostile_call(request).await
    }

    fn failure(&self, status: u16) -> Answer {
        refused(status, "unavailable", "the sandbox failed on purpose")
    }
}

impl SandboxSite {
    pub(crate) fn new(
        office: Office,
        courier: Arc<Courier>,
        api_key: String,
        webhook_url: Option<String>,
    ) -> Self {
        Self {
            office: Mutex::new(office),
            courier,
            api_key,
            webhook_url: std::sync::Mutex::new(webhook_url),
            calls: AtomicU32::new(0),
            steered: std::sync::Mutex::default(),
        }
    }

    async fn office(&self) -> Result<Held<'_>, StorageError> {
        let mut office = self.office.lock().await;
        let elsewhere = office.store.hold().await?;
        office.undo(); // of a call that broke off
        Ok(Held { office, _elsewhere: elsewhere })
    }

    async fn hostility(&self) -> Hostility {
        self.office.lock().await.hostility().await.unwrap_or_default()
    }

    pub(crate) fn send_webhooks_to(&self, url: &str) {
        let mut known = self.webhook_url.lock().expect("nobody panics with the address in hand");
        *known = Some(url.to_owned());
    }

    /// A call that moves money: once for each key, and as hostile as it was told to be.
    async fn hostile_call(&self, request: &Request) -> Option<Answer> {
        let hostility = self.hostility().await;
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let every = |count: u32| count > 0 && nth.is_multiple_of(count);
        if every(hostility.fail_before_every) {
            return Some(self.failure(503));
        }
        let outcome = self.once(request).await;
        match outcome.card {
            Some(TestCard::LostAnswer) => return None,
            Some(TestCard::Slow) => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        if every(hostility.lose_answer_every) {
            return None;
        }
        if every(hostility.fail_after_every) {
            return Some(self.failure(500));
        }
        Some(outcome.written())
    }

    async fn once(&self, request: &Request) -> Outcome {
        let Some(key) = request.header("idempotency-key").filter(|key| key.len() <= 255) else {
            return Outcome::refused(
                400,
                "key_missing",
                "a call that moves money needs an Idempotency-Key",
            );
        };
        let mut office = match self.office().await {
            Ok(office) => office,
            Err(error) => return Outcome::of_refusal(&Refusal::Storage(error)),
        };
        let document = format!("key/{key}");
        let now = office.clock.now();
        let earlier = match office.store.document(&document).await {
            Ok(earlier) => earlier.and_then(|kept| serde_json::from_value::<Kept>(kept).ok()),
            Err(error) => return Outcome::of_refusal(&Refusal::Storage(error)),
        };
        let digest = Sha256::digest([request.path.as_bytes(), b"\n", &request.body].concat());
        let fingerprint = hex::encode(digest);
        if let Some(kept) = earlier.filter(|kept| kept.at + KEPT > now) {
            if kept.fingerprint == fingerprint {
                return Outcome { status: kept.status, body: kept.body, card: None };
            }
            return Outcome::refused(409, "key_reused", "this key was used for another call");
        }
        let outcome = routed(&mut office, request).await;
        if outcome.status < 500 {
            let kept =
                Kept { fingerprint, at: now, status: outcome.status, body: outcome.body.clone() };
            office.write(document, serde_json::to_value(&kept).expect("an answer is JSON"));
            if let Err(refusal) = office.commit().await {
                return Outcome::of_refusal(&refusal);
            }
        }
        drop(office);
        self.send_events().await;
        outcome
    }

    async fn act(&self, request: &Request) -> Outcome {
        let outcome = match self.office().await {
            Ok(mut office) => {
                let outcome = routed(&mut office, request).await;
                match office.commit().await {
                    Ok(()) => outcome,
                    Err(refusal) => Outcome::of_refusal(&refusal),
                }
            }
            Err(error) => Outcome::of_refusal(&Refusal::Storage(error)),
        };
        self.send_events().await;
        outcome
    }

    async fn send_events(&self) {
        let events = std::mem::take(&mut self.office.lock().await.told);
        let url = self.webhook_url.lock().expect("nobody panics with the address in hand").clone();
        let Some(url) = url else { return };
        if events.is_empty() {
            return;
        }
        // Whoever steers the weather may have told another process.
        let hostility = self.hostility().await;
        let mut known = self.steered.lock().expect("nobody panics with the weather in hand");
        if *known != hostility {
            self.courier.weather(weather(&hostility));
            *known = hostility;
        }
        drop(known);
        for event in events {
            self.courier.send(Message {
                id: event.id.clone(),
                kind: event.kind.clone(),
                url: url.clone(),
                content_type: "application/json",
                body: serde_json::to_vec(&event).expect("an event is JSON").into(),
            });
        }
    }
}

fn weather(hostility: &Hostility) -> Weather {
    Weather {
        copies: hostility.webhook_copies,
        lose_every: hostility.webhook_lose_every,
        forge_every: hostility.webhook_forge_every,
        delay: TimeDelta::seconds(hostility.webhook_delay_seconds.into()),
        jitter: TimeDelta::seconds(hostility.webhook_jitter_seconds.into()),
        hold: false,
    }
}

impl Outcome {
    fn good<T: Serialize>(body: &T) -> Self {
        let body = serde_json::to_value(body).expect("these types are JSON");
        Self { status: 200, body, card: None }
    }

    fn refused(status: u16, code: &str, message: &str) -> Self {
        let error = WireError { code: code.to_owned(), message: message.to_owned() };
        Self { status, ..Self::good(&error) }
    }

    fn of_refusal(refusal: &Refusal) -> Self {
        use super::bank::Forbidden;
        match refusal {
            Refusal::NotFound => Self::refused(404, "not_found", "there is no such thing"),
            Refusal::Invalid(field) => Self::refused(422, "invalid", &format!("{field} is wrong")),
            Refusal::UnknownCard => Self::refused(422, UNKNOWN_CARD, "there is no such card"),
            Refusal::Forbidden(Forbidden::Amount) => Self::refused(
                422,
                "amount",
                "the amount is more than what is left, or less than one",
            ),
            Refusal::Forbidden(Forbidden::State(status)) => {
                Self::refused(409, "state", &format!("the payment is {status:?}"))
            }
            Refusal::Storage(error) => {
                let message = format!("the sandbox could not read or write: {error}");
                Self::refused(500, "storage", &message)
            }
        }
    }

    fn written(self) -> Answer {
        Answer::json(self.status, &self.body)
    }
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    Outcome::refused(status, code, message).written()
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| Refusal::Invalid("body"))
}

async fn routed(office: &mut Office, request: &Request) -> Outcome {
    match route(office, request).await {
        Ok(outcome) => outcome,
        Err(refusal) => Outcome::of_refusal(&refusal),
    }
}

async fn route(office: &mut Office, request: &Request) -> Result<Outcome, Refusal> {
    let url = office.public_url.clone();
    let query = |wanted: &str| {
        let field = request.query_fields().into_iter().find(|(name, _)| name == wanted);
        field.map(|(_, value)| value)
    };
    let segments = request.segments();
    Ok(match (request.method.as_str(), segments.get(1..).unwrap_or_default()) {
        ("POST", ["payments"]) => {
            let payment = office.pay(read::<NewPayment>(request)?).await?;
            let settled = payment.status != PaymentStatus::RequiresAction;
            Outcome { card: settled.then(|| payment.card()), ..Outcome::good(&payment.view(&url)) }
        }
        ("GET", ["payments"]) => {
            if let Some(reference) = query("reference") {
                Outcome::good(&office.payment_by_reference(&reference).await?.view(&url))
            } else {
                let after = query("after").unwrap_or_default();
                Outcome::good(&office.payments(&after, 100).await?)
            }
        }
        ("GET", ["payments", id]) => Outcome::good(&office.payment(id).await?.view(&url)),
        ("POST", ["payments", id, "capture"]) => {
            let (Amount { amount }, now) = (read(request)?, office.clock.now());
            let changed = office.change(id, None, |payment| payment.capture(amount, now)).await?;
            Outcome::good(&changed.view(&url))
        }
        ("POST", ["payments", id, "void"]) => {
            let now = office.clock.now();
            let changed = office.change(id, None, |payment| payment.void(now)).await?;
            Outcome::good(&changed.view(&url))
        }
        ("POST", ["payments", id, "refunds"]) => {
            let Amount { amount } = read(request)?;
            let changed = office
                .change(id, Some("payment.refunded"), |payment| payment.refund(amount))
                .await?;
            Outcome::good(&changed.view(&url))
        }
        ("POST", ["payments", id, "chargebacks"]) => {
            let Amount { amount } = read(request)?;
            let event = Some("payment.charged_back");
            let changed = office.change(id, event, |payment| payment.charge_back(amount)).await?;
            Outcome::good(&changed.view(&url))
        }
        ("POST", ["payments", id, "reinstatements"]) => {
            let Amount { amount } = read(request)?;
            let event = Some("payment.reinstated");
            let changed = office.change(id, event, |payment| payment.reinstate(amount)).await?;
            Outcome::good(&changed.view(&url))
        }
        ("POST", ["cards"]) => Outcome::good(&office.save_card(&read::<NewCard>(request)?)?),
        ("POST", ["checkouts"]) => {
            let checkout = office.open_checkout(read(request)?)?;
            let address = format!("{url}/checkout/{}", checkout.id);
            Outcome::good(&WireCheckout { id: checkout.id, url: address })
        }
        ("POST", ["payouts"]) => Outcome::good(&office.pay_out(read(request)?)?),
        ("GET", ["payouts"]) => {
            Outcome::good(&office.payout(&query("reference").unwrap_or_default()).await?)
        }
        ("POST", ["payouts", reference, end @ ("paid" | "failed")]) => {
            Outcome::good(&office.finish_payout(reference, *end == "paid").await?)
        }
        ("GET", ["hostility"]) => Outcome::good(&office.hostility().await?),
        ("PUT", ["hostility"]) => {
            let hostility: Hostility = read(request)?;
            office.set_hostility(&hostility);
            Outcome::good(&hostility)
        }
        ("GET", ["cards"]) => {
            let card = |card: &TestCard| json!({ "token": card.token(), "label": card.label() });
            Outcome::good(&TestCard::ALL.iter().map(card).collect::<Vec<_>>())
        }
        _ => return Err(Refusal::NotFound),
    })
}
