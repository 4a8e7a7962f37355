//! Stripe: form-encoded requests, a bearer key, idempotency keys, signed events.

mod card;
mod charge;
mod checkout;
mod connect;
mod customer;
mod error;
mod form;
mod intent;
mod invoice;
mod pages;
mod shelf;
mod site;
mod state;
mod subscription;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use hostile_http::{Courier, Faults, Postbox, Request, Server};
use kernel::{Clock, SystemClock};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Charged;
use crate::signature::hmac;
use error::Refusal;
use form::Params;
use shelf::Stored;
use site::StripeSite;
use state::State;

/// Stripe on a free port of this machine.
#[derive(Debug)]
pub struct StripeFake {
    server: Server,
    site: Arc<StripeSite>,
    secrets: Arc<Mutex<Vec<String>>>,
}

/// How events are signed and repeated.
#[derive(Debug)]
struct Events(Arc<Mutex<Vec<String>>>);

/// The header that signs an event: `t=…,v1=…`, with a `v1` for each secret.
pub fn stripe_signature(body: &[u8], secrets: &[&str], at: DateTime<Utc>) -> String {
    let time = at.timestamp();
    let signed = [time.to_string().as_bytes(), b".", body].concat();
    let code = |secret: &&str| format!(",v1={}", hex::encode(hmac(secret.as_bytes(), &signed)));
    secrets.iter().map(code).fold(format!("t={time}"), |header, code| header + &code)
}

impl Postbox for Events {
    fn sign(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)> {
        let secrets = self.0.lock().expect("nobody panics with the secrets in hand");
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        vec![("stripe-signature".to_owned(), stripe_signature(body, &secrets, now))]
    }

    fn forge(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)> {
        vec![(
            "stripe-signature".to_owned(),
            stripe_signature(body, &["whsec_of_somebody_else"], now),
        )]
    }

    fn taken(&self, status: u16, _body: &[u8]) -> bool {
        (200..300).contains(&status)
    }

    /// With growing pauses for three days.
    fn pause(&self, tries: u32) -> Option<TimeDelta> {
        let minutes = [1, 5, 30, 120, 300, 600, 720, 720, 720, 720, 720];
        let index = usize::try_from(tries).ok()?.checked_sub(1)?;
        minutes.get(index).map(|minutes| TimeDelta::minutes(*minutes))
    }
}

impl StripeFake {
    /// The secret key of the account.
    pub const SECRET_KEY: &'static str = "sk_test_fake_51MercatoTests";

    /// The secret by which events are signed at first.
    pub const WEBHOOK_SECRET: &'static str = "whsec_fake_MercatoTests";

    /// Starts with an empty account, by the wall clock.
    pub async fn start() -> Self {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// Starts with an empty account, by a clock of the test's.
    pub async fn start_at(clock: Arc<dyn Clock>) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port exists");
        let base =
            format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let secrets = Arc::new(Mutex::new(vec![Self::WEBHOOK_SECRET.to_owned()]));
        let courier = Courier::start(Arc::clone(&clock), Arc::new(Events(Arc::clone(&secrets))));
        let state = State::new(clock, base);
        let site = Arc::new(StripeSite::new(Self::SECRET_KEY, state, Arc::new(courier)));
        let serving: Arc<StripeSite> = Arc::clone(&site);
        let server = Server::on(listener, serving, Arc::default()).expect("the socket is ours");
        Self { server, site, secrets }
    }

    /// The address to use instead of `https://api.stripe.com`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// The deliveries of events.
    pub fn webhooks(&self) -> &Courier {
        &self.site.courier
    }

    /// The last requests.
    pub fn seen(&self) -> Vec<Request> {
        self.server.seen()
    }

    /// Sends events to this address from now on.
    pub fn send_webhooks_to(&self, url: &str) {
        *self.site.webhook.lock().expect("nobody panics with the address in hand") =
            Some(url.to_owned());
    }

    /// Signs with these secrets from now on: two of them while a secret is being replaced.
    pub fn sign_with(&self, secrets: &[&str]) {
        let mut known = self.secrets.lock().expect("nobody panics with the secrets in hand");
        *known = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    }

    /// Makes the search blind to what is younger than this, as the real one can be for a minute.
    pub fn search_lag(&self, lag: TimeDelta) {
        self.site.state().search_lag = lag.num_seconds();
    }

    /// What really happened, a line for each payment intent whose card was charged or reserved,
    /// the oldest first. The reference is the metadata `attempt`.
    pub fn charges(&self) -> Vec<Charged> {
        let state = self.site.state();
        let mut charges = Vec::new();
        for intent in state.intents.iter() {
            let Some(charge) = intent.latest_charge.as_ref().and_then(|id| state.charges.find(id))
            else {
                continue;
            };
            if !charge.paid {
                continue;
            }
            let disputes = state.disputes.iter().filter(|dispute| dispute.intent == intent.id);
            let disputes: Vec<_> = disputes.collect();
            let won = disputes.iter().filter(|dispute| dispute.status == "won");
            charges.push(Charged {
                transaction: intent.id.clone(),
                reference: intent.metadata.get("attempt").cloned().unwrap_or_default(),
                currency: intent.currency.to_uppercase(),
                amount: intent.amount,
                reserved: intent.capturable,
                captured: intent.received,
                refunded: charge.given_back,
                charged_back: disputes.iter().map(|dispute| dispute.amount).sum(),
                reinstated: won.map(|dispute| dispute.amount).sum(),
            });
        }
        charges
    }

    /// Every event so far, the oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.site.state().events.iter().map(Stored::json).collect()
    }

    /// A new connected account, which may not be paid yet. Answers with its id.
    pub fn connect_account(&self) -> String {
        let account = self.act(|state| state.create_account(Params::new(Vec::new())));
        account["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Somebody new subscribes by a card such as `pm_card_visa`, in euros, every `month`, `year`, …
    /// Answers with the subscription's id.
    pub fn subscribe(&self, card: &str, amount: i64, unit: &str, trial_days: u32) -> String {
        let fields = |fields: &[(&str, &str)]| {
            Params::new(
                fields
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            )
        };
        let id = |object: &Value| object["id"].as_str().unwrap_or_default().to_owned();
        let (amount, trial_days) = (amount.to_string(), trial_days.to_string());
        let price = [
            ("currency", "eur"),
            ("unit_amount", amount.as_str()),
            ("recurring[interval]", unit),
            ("product_data[name]", "A tier"),
        ];
        let customer =
            [("payment_method", card), ("invoice_settings[default_payment_method]", card)];
        let price = id(&self.act(|state| state.create_price(fields(&price))));
        let customer = id(&self.act(|state| state.create_customer(fields(&customer))));
        let order = [
            ("customer", customer.as_str()),
            ("items[0][price]", price.as_str()),
            ("trial_period_days", if trial_days == "0" { "" } else { &trial_days }),
        ];
        id(&self.act(|state| state.create_subscription(fields(&order))))
    }

    /// The payer has been at the bank, and passed or not.
    pub fn authenticate(&self, intent: &str, passed: bool) {
        self.act(|state| match intent.starts_with("seti_") {
            true if passed => state.confirm_setup(intent, true),
            true => state.fail_setup(intent),
            false => state.authenticated(intent, passed),
        });
    }

    /// The payer pays on a hosted page, by a card such as `pm_card_visa`.
    pub fn pay_checkout(&self, session: &str, card: &str) {
        self.act(|state| state.pay_session(session, card));
    }

    /// Nobody paid on a hosted page in time.
    pub fn expire_checkout(&self, session: &str) {
        self.act(|state| state.expire_session(session));
    }

    /// The payer's bank takes money back. Answers with the dispute's id.
    pub fn dispute(&self, intent: &str, amount: i64) -> String {
        self.act(|state| state.dispute(intent, amount))
    }

    /// The bank has decided a dispute.
    pub fn close_dispute(&self, dispute: &str, won: bool) {
        self.act(|state| state.close_dispute(dispute, won));
    }

    /// The period of a subscription, or its trial, is over: the next is billed, or it ends.
    pub fn renew(&self, subscription: &str) {
        self.act(|state| state.renew(subscription));
    }

    /// The last, unpaid invoice of a subscription is charged again.
    pub fn retry_renewal(&self, subscription: &str) {
        self.act(|state| state.retry_renewal(subscription));
    }

    /// All tries to charge a renewal are used up.
    pub fn give_up_renewal(&self, subscription: &str) {
        self.act(|state| state.end_subscription(subscription, "canceled"));
    }

    /// Tells that a trial ends in three days.
    pub fn announce_trial_end(&self, subscription: &str) {
        self.act(|state| state.trial_will_end(subscription));
    }

    /// Ends subscriptions whose first payment did not arrive within 23 hours.
    pub fn expire_incomplete(&self) {
        self.act(State::expire_incomplete);
    }

    /// A connected account has told Stripe everything, or has lost its rights.
    pub fn enable_account(&self, account: &str, enabled: bool) {
        self.act(|state| state.enable_account(account, enabled));
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Refusal>) -> T {
        let result = act(&mut self.site.state());
        self.site.send_events();
        result.unwrap_or_else(|refusal| panic!("{}", refusal.message))
    }
}
