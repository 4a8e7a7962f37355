//! What is paid for, and calls around money that work.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Ids, SystemIds};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::calls::{Arguments, body, fresh, nothing, of};
use crate::{Marketplace, Person, Reply, World};

/// A plan of 9.00 EUR a month, for one listing or for all of its provider's.
pub fn plan(listing: Option<&str>) -> Value {
    let mut plan = json!({
        "name": "Gold",
        "description": "Every recipe, and a new one each week.",
        "price": { "amount": 900, "currency": "EUR" },
        "interval": { "unit": "month", "count": 1 },
    });
    if let Some(listing) = listing {
        plan["listing_id"] = json!(listing);
    }
    plan
}

/// The signature of the embedded gateway's message.
pub fn signed(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let time = at.timestamp();
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes any key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let code = mac.finalize().into_bytes();
    code.iter().fold(format!("t={time},v1="), |header, byte| format!("{header}{byte:02x}"))
}

/// What the payer does on the embedded gateway's page of their bank; answers where the bank sends
/// their browser.
pub async fn at_bank(url: &str, choice: &str) -> String {
    let answer = browser().post(url).form(&[("choice", choice)]).send().await;
    let answer = answer.expect("the bank answers");
    assert_eq!(answer.status(), 303, "{url}");
    let location = answer.headers()["location"].to_str().expect("an address is text");
    location.to_owned()
}

/// A browser that follows no redirects, so that a test sees them.
pub fn browser() -> Client {
    Client::builder().redirect(Policy::none()).build().expect("a client can be made")
}

impl Reply {
    /// Where the payer of a new payment has to go.
    pub fn action(&self) -> String {
        self.body["action"]["url"].as_str().expect("there is something to do").to_owned()
    }
}

impl Marketplace {
    /// A booking of somebody's on the first free slot from tomorrow, which waits for its money.
    pub async fn awaits_payment(&self, client: &Person, listing: &str) -> String {
        let from = (self.now() + TimeDelta::days(1)).date_naive().to_string();
        let to = (self.now() + TimeDelta::days(5)).date_naive().to_string();
        let query = [("from", from.as_str()), ("to", to.as_str()), ("tz", "Europe/Berlin")];
        let slots = client.find(&format!("listings/{listing}/slots"), &query).await.expect(200);
        let slot = slots.data()[0]["start"].clone();
        let body = json!({ "listing_id": listing, "message": "This time, please.", "slot": slot });
        let booking = client.post("bookings", body).await.expect(201);
        assert_eq!(booking.body["status"], "awaiting_payment", "{}", booking.text);
        booking.id()
    }

    /// Whether the ledger adds up, once all is done that was to be done.
    pub async fn balanced(&self) {
        self.settle().await;
        let findings = self.services.store.ledger_findings().await.expect("the ledger can be read");
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

impl Person {
    /// How a payment of theirs stands.
    pub async fn payment_status(&self, payment: &str) -> String {
        self.get(&format!("payments/{payment}")).await.expect(200).text_at("status")
    }

    /// A subscription of 9.00 EUR a month to this provider, which waits for its first payment.
    pub async fn owes(&self, provider: &Self) -> String {
        let offered = provider.post("plans", plan(None)).await.expect(201).id();
        self.subscribes(&offered).await
    }

    /// Pays by a test card.
    pub async fn pays(&self, purpose: &str, reference: &str, card: &str) -> Reply {
        let body = json!({
            "purpose": purpose, "reference": reference, "method": { "token": card },
        });
        self.post("payments", body).await
    }

    /// Wants to pay by bank transfer: the payment, and the code to write on it.
    pub async fn transfers(&self, purpose: &str, reference: &str) -> (String, String) {
        let body = json!({ "purpose": purpose, "reference": reference, "gateway": "manual" });
        let paid = self.post("payments/checkout", body).await.expect(201);
        let page = paid.body["action"]["url"].as_str().expect("there is a page").to_owned();
        let code = page.rsplit_once('/').expect("an address has a path").1;
        (paid.id(), code.to_owned())
    }

    /// Subscribes to a plan; the id.
    pub async fn subscribes(&self, plan: &str) -> String {
        self.post("subscriptions", json!({ "plan_id": plan })).await.expect(201).id()
    }

    /// Lets the gateway keep a test card; the id.
    pub async fn saves(&self, card: &str) -> String {
        let body = json!({ "method": { "token": card }, "currency": "EUR" });
        let saved = self.post("cards", body).await.expect(201);
        saved.body["card"]["id"].as_str().expect("it is kept").to_owned()
    }
}

impl World {
    /// The table of calls around money; `None` for another operation.
    pub(crate) async fn of_money(&self, operation: &str) -> Option<Arguments> {
        let reason = "The client and the provider agree on it.";
        Some(match operation {
            "listPayments"
            | "listCards"
            | "listPlans"
            | "listSubscriptions"
            | "listSubscribedProviders"
            | "listInvoices"
            | "getMyBalance"
            | "getMyStatement"
            | "listMyPayouts"
            | "listAllPayments"
            | "listJournals"
            | "listPayouts"
            | "listWebhooks" => nothing(),

            "createPayment" => body(json!({
                "purpose": "subscription", "reference": self.owed().await,
                "method": { "token": "card_success" }, "save_card": true,
            })),
            "checkoutPayment" => {
                body(json!({ "purpose": "subscription", "reference": self.owed().await }))
            }
            "getPayment" | "getAnyPayment" | "inquirePayment" => of([&self.paid().await]),
            "renewThreeDSecure" => of([&self.secured().await.0]),
            "returnFromCheckout" => {
                let order = json!({ "purpose": "subscription", "reference": self.owed().await });
                of([&self.client.post("payments/checkout", order).await.expect(201).id()])
            }
            "showThreeDSecure" | "postBackFromBank" | "comeBackFromBank" => {
                let (payment, url) = self.secured().await;
                let back = at_bank(&url, "pass").await;
                let way = back.split_once("?state=").expect("a way back has its secret").1;
                of([&payment]).asking(&format!("state={way}"))
            }
            "listTransfers" => nothing(),
            "showTransfer" => of([&self.transfer().await.1]),
            "receiveTransfer" => of([&self.transfer().await.0])
                .with(json!({ "amount": { "amount": 900, "currency": "EUR" } })),
            "sendTransferBack" => {
                let payment = self.returned_transfer().await;
                of([&payment]).with(json!({ "return_id": 1 }))
            }
            "acknowledgePayment" => of([&self.paid().await]).with(json!({ "reason": reason })),
            "refundPayment" => of([&self.paid().await]).with(json!({
                "amount": { "amount": 100, "currency": "EUR" }, "reason": reason,
            })),

            "saveCard" => body(json!({ "method": { "token": "card_success" }, "currency": "EUR" })),
            "removeCard" => of([&self.client.saves("card_success").await]),

            "getPlan" => of([&self.plan().await]),
            "createPlan" | "createPlatformPlan" => body(plan(None)),
            "updatePlan" => of([&self.plan().await]).with(json!({
                "name": "Silver", "price": { "amount": 800, "currency": "EUR" }, "open": true,
            })),

            "createSubscription" => body(json!({ "plan_id": self.plan().await })),
            "cancelSubscription" => {
                of([&self.subscribed().await]).with(json!({ "at_once": false }))
            }
            "resumeSubscription" => of([&self.subscribed().await]),
            "changeSubscription" => {
                of([&self.subscribed().await]).with(json!({ "plan_id": self.plan().await }))
            }
            "setSubscriptionCard" => of([&self.subscribed().await])
                .with(json!({ "card_id": self.client.saves("card_success").await })),

            "getInvoice" => {
                let _ = self.paid().await;
                let invoices = self.client.get("invoices").await.expect(200);
                of([invoices.data()[0]["id"].as_str().expect("an invoice has an id")])
            }

            "setMyPayoutAccount" => {
                body(json!({ "gateway": "sandbox", "destination": "bank_good" }))
            }
            "receiveWebhook" => self.message(of(["sandbox"])),
            "receiveWebhookTopic" => self.message(of(["sandbox", "any"])),
            "replayWebhook" => {
                let _ = self.paid().await;
                self.market.settle_despite_failures().await;
                let messages = self.admin.get("admin/webhooks?limit=1").await.expect(200);
                of([messages.data()[0]["id"].as_str().expect("a message has an id")])
            }

            "approvePayout" | "cancelPayout" | "sendPayout" | "failPayout" => {
                of([&self.payout().await]).with(json!({ "reason": reason }))
            }
            "confirmPayout" => of([&self.payout().await]).with(json!({ "reference": "4711" })),
            "setPayoutTerms" => of([&self.owner.provider]).with(json!({
                "terms": {
                    "hold_days": 14, "reserve_basis_points": 1000, "reserve_days": 90,
                    "minimum": [{ "amount": 5000, "currency": "EUR" }],
                },
                "reason": reason,
            })),
            _ => return None,
        })
    }

    /// A message of the embedded gateway about nothing of ours.
    fn message(&self, arguments: Arguments) -> Arguments {
        let at = self.market.now();
        let event = json!({
            "id": fresh("evt_"), "kind": "payment.captured", "object": "sbx_0", "reference": "x",
            "at": at,
        });
        let secret = self.market.settings.gateways.sandbox.webhook_secret.expose();
        let bytes = serde_json::to_vec(&event).expect("plain data");
        let signature = signed(secret, &bytes, at);
        arguments.with(event).saying("sandbox-signature", signature)
    }

    /// A plan of the owner, for a listing of its own: nobody has subscribed to it yet.
    async fn plan(&self) -> String {
        let listing = self.owner.publishes("service").await;
        self.owner.post("plans", plan(Some(&listing))).await.expect(201).id()
    }

    /// A subscription of the client that waits for its first payment.
    async fn owed(&self) -> String {
        self.client.subscribes(&self.plan().await).await
    }

    /// A subscription of the client that is paid.
    async fn subscribed(&self) -> String {
        let subscription = self.owed().await;
        let _ = self.client.pays("subscription", &subscription, "card_success").await.expect(201);
        subscription
    }

    /// A payment of the client that has arrived.
    async fn paid(&self) -> String {
        let subscription = self.owed().await;
        self.client.pays("subscription", &subscription, "card_success").await.expect(201).id()
    }

    /// A payment of the client by bank transfer, and the transfer's code.
    async fn transfer(&self) -> (String, String) {
        self.client.transfers("subscription", &self.owed().await).await
    }

    /// A payment by bank transfer that arrived, and that is to be sent back.
    async fn returned_transfer(&self) -> String {
        let (payment, _) = self.transfer().await;
        let amount = json!({ "amount": 900, "currency": "EUR" });
        let receive = format!("admin/transfers/{payment}/receive");
        let _ = self.admin.post(&receive, json!({ "amount": amount })).await.expect(200);
        let refund = json!({ "reason": "They asked for it." });
        let _ = self.admin.post(&format!("admin/payments/{payment}/refund"), refund).await;
        self.market.settle_despite_failures().await;
        payment
    }

    /// A payment of the client that waits for 3-D Secure, and the page of the bank.
    async fn secured(&self) -> (String, String) {
        let subscription = self.owed().await;
        let paid = self.client.pays("subscription", &subscription, "card_secure").await.expect(201);
        let url = paid.body["action"]["url"].as_str().expect("there is something to do");
        (paid.id(), url.to_owned())
    }

    /// A payout of the owner that is ready to be paid by hand.
    async fn payout(&self) -> String {
        let id = SystemIds.next();
        let provider = bare(&self.owner.provider);
        let account = bare(&self.owner.account);
        let batch = SystemIds.next();
        let insert = format!(
            "INSERT INTO payouts (id, batch_id, provider_id, account_id, amount_minor, currency, \
                 state, attempt, inquiry_since, inquiry_asked, created_at, version) \
             VALUES ('{id}', '{batch}', '{provider}', '{account}', 5000, 'EUR', 'ready', 1, now(), \
                 0, now(), 1)"
        );
        let _ = self.market.rows(&insert).await;
        format!("pot_{}", id.simple())
    }
}

/// The UUID in an id.
fn bare(id: &str) -> &str {
    id.split_once('_').map_or(id, |(_, uuid)| uuid)
}
