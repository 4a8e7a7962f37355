//! S4 of `docs/features.md`: a booking's money, reserved on request, taken on acceptance, given back by
//! policy or released after completion, through the embedded gateway.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method};
use scenarios::{Marketplace, Person};
use serde_json::{Value, json};

/// Half an hour for 45.00 EUR an hour.
const PRICE: i64 = 2_250;
/// What the provider has of it: without 10 % commission and 19 % tax on that, rounded down.
const PROVIDERS: i64 = 2_250 - 225 - 42;

/// A marketplace with one service that can be booked around the clock.
struct Scene {
    market: Marketplace,
    provider: Person,
    listing: String,
}

/// A booking and its payment.
struct Sale {
    client: Person,
    booking: String,
    payment: String,
}

impl Scene {
    async fn new() -> Self {
        let market = Marketplace::with(|settings| {
            "service-booking".clone_into(&mut settings.profile);
            settings.gateways.sandbox.enabled = Some(true);
        })
        .await;
        let provider = market.provider().await;
        let listing = market.lessons(&provider).await;
        Self { market, provider, listing }
    }

    /// The first free slot after so many hours.
    async fn slot_in(&self, hours: i64) -> String {
        let after = self.market.now() + TimeDelta::hours(hours);
        let from = after.date_naive().to_string();
        let to = (after + TimeDelta::days(2)).date_naive().to_string();
        let query = [("from", from.as_str()), ("to", to.as_str()), ("tz", "UTC")];
        let path = format!("listings/{}/slots", self.listing);
        let slots = self.market.visitor().find(&path, &query).await.expect(200);
        let starts = slots.data().iter().filter_map(|slot| slot["start"].as_str());
        let mut later = starts.filter(|start| {
            start.parse::<DateTime<Utc>>().expect("slots start at an instant") > after
        });
        later.next().expect("a provider that is always open has free slots").to_owned()
    }

    /// A booking that waits for its money.
    async fn booked(&self, hours: i64) -> (Person, String) {
        let client = self.market.client().await;
        let slot = self.slot_in(hours).await;
        let body = json!({ "listing_id": self.listing, "message": "Please.", "slot": slot });
        let booking = client.post("bookings", body).await.expect(201);
        assert_eq!(booking.body["status"], "awaiting_payment", "{}", booking.text);
        (client, booking.id())
    }

    /// A booking whose money is reserved.
    async fn requested(&self, hours: i64) -> Sale {
        let (client, booking) = self.booked(hours).await;
        let payment = client.pays("booking", &booking, "card_success").await.expect(201).id();
        self.market.settle().await;
        let sale = Sale { client, booking, payment };
        self.stands(&sale, "requested", "authorized").await;
        sale
    }

    /// A booking whose money is taken.
    async fn accepted(&self, hours: i64) -> Sale {
        let sale = self.requested(hours).await;
        let accept = format!("bookings/{}/accept", sale.booking);
        let _ = self.provider.command(&accept).await.expect(200);
        self.market.settle().await;
        self.stands(&sale, "accepted", "captured").await;
        sale
    }

    /// How the booking and its payment stand, once all is done that was to be done.
    async fn stands(&self, sale: &Sale, booking: &str, payment: &str) {
        self.market.settle().await;
        let seen = sale.client.get(&format!("bookings/{}", sale.booking)).await.expect(200);
        let paid = sale.client.get(&format!("payments/{}", sale.payment)).await.expect(200);
        let standing = (&seen.body["status"], &paid.body["status"]);
        assert_eq!(standing, (&json!(booking), &json!(payment)), "{}\n{}", seen.text, paid.text);
    }

    async fn returned(&self, sale: &Sale) -> Value {
        let paid = sale.client.get(&format!("payments/{}", sale.payment)).await.expect(200);
        paid.body["returned"]["amount"].clone()
    }

    /// What the provider is owed: later, and now.
    async fn owed(&self) -> (Value, Value) {
        let balance = self.provider.get("providers/me/balance").await.expect(200);
        let [of] = balance.data() else { panic!("{}", balance.text) };
        (of["pending"]["amount"].clone(), of["payable"]["amount"].clone())
    }

    /// The client's bank takes money back.
    async fn charges_back(&self, sale: &Sale, amount: i64) {
        let admin = self.market.admin().await;
        let seen = admin.get(&format!("admin/payments/{}", sale.payment)).await.expect(200);
        let transaction = seen.body["transaction"].as_str().expect("it has one").to_owned();
        let url = format!("{}/sandbox/v1/payments/{transaction}/chargebacks", self.market.base);
        let key = self.market.settings.gateways.sandbox.api_key.expose();
        let request = Client::new().request(Method::POST, url).bearer_auth(key);
        let request = request.header("idempotency-key", format!("chargeback-{transaction}"));
        let answer = request.json(&json!({ "amount": amount })).send().await;
        assert_eq!(answer.expect("the gateway answers").status(), 200);
        self.market.settle().await;
    }
}

#[tokio::test]
async fn what_is_reserved_is_let_go_when_nothing_comes_of_it() {
    let scene = Scene::new().await;
    let reason = json!({ "reason": "Fully booked after all." });

    let declined = scene.requested(100).await;
    let path = format!("bookings/{}/decline", declined.booking);
    let _ = scene.provider.post(&path, reason).await.expect(200);
    scene.stands(&declined, "declined", "voided").await;

    let withdrawn = scene.requested(100).await;
    let path = format!("bookings/{}/withdraw", withdrawn.booking);
    let _ = withdrawn.client.command(&path).await.expect(200);
    scene.stands(&withdrawn, "withdrawn", "voided").await;

    let unanswered = scene.requested(100).await;
    scene.market.advance(TimeDelta::hours(25)).await;
    scene.stands(&unanswered, "expired", "voided").await;

    assert_eq!(scene.market.count("ledger_journals").await, 0, "no money moved");
    scene.market.balanced().await;
}

#[tokio::test]
async fn who_does_not_pay_in_time_loses_the_slot_and_late_money_goes_back() {
    let scene = Scene::new().await;
    let (client, booking) = scene.booked(100).await;
    // The payer is at the bank while the time to pay runs out.
    let paid = client.pays("booking", &booking, "card_secure").await.expect(201);
    let url = paid.body["action"]["url"].as_str().expect("there is something to do").to_owned();
    scene.market.advance(TimeDelta::minutes(16)).await;
    let seen = client.get(&format!("bookings/{booking}")).await.expect(200);
    assert_eq!(seen.body["status"], "expired", "{}", seen.text);

    let _ = scenarios::at_bank(&url, "pass").await;
    scene.market.settle().await;
    scene.market.advance(TimeDelta::hours(2)).await;
    let sale = Sale { client, booking, payment: paid.id() };
    scene.stands(&sale, "expired", "voided").await;
    let again = sale.client.pays("booking", &sale.booking, "card_success").await;
    let _ = again.refused(404, "payment.nothing_to_pay");
    scene.market.balanced().await;
}

#[tokio::test]
async fn a_client_who_cancels_gets_back_what_the_notice_is_worth() {
    let scene = Scene::new().await;
    for (hours, status, back) in
        [(100, "refunded", PRICE), (50, "partially_refunded", PRICE / 2), (20, "captured", 0)]
    {
        let sale = scene.accepted(hours).await;
        let path = format!("bookings/{}", sale.booking);
        let quote = sale.client.get(&format!("{path}/cancellation-quote")).await.expect(200);
        assert_eq!(quote.body["refund"]["amount"], back, "{}", quote.text);
        let _ = sale.client.command(&format!("{path}/cancel")).await.expect(200);
        scene.stands(&sale, "cancelled", status).await;
        assert_eq!(scene.returned(&sale).await, back, "{hours} hours before");
    }
    scene.market.balanced().await;

    // What was not given back is the provider's, after the holding time.
    scene.market.advance(TimeDelta::days(8)).await;
    let (pending, payable) = scene.owed().await;
    assert_eq!(pending, 0);
    let half = PROVIDERS / 2;
    let payable = payable.as_i64().expect("an amount");
    assert!((payable - PROVIDERS - half).abs() <= 1, "{payable}");
}

#[tokio::test]
async fn a_provider_who_cancels_gives_all_of_it_back() {
    let scene = Scene::new().await;
    let sale = scene.accepted(20).await;
    let reason = json!({ "reason": "I have fallen ill." });
    let path = format!("bookings/{}/cancel", sale.booking);
    let _ = scene.provider.post(&path, reason).await.expect(200);
    scene.stands(&sale, "cancelled", "refunded").await;
    assert_eq!(scene.returned(&sale).await, PRICE);
    assert_eq!(scene.owed().await, (json!(0), json!(0)));
    scene.market.balanced().await;
}

#[tokio::test]
async fn a_dispute_freezes_the_money_until_a_moderator_divides_it() {
    let scene = Scene::new().await;
    let sale = scene.accepted(30).await;
    scene.market.advance(TimeDelta::hours(32)).await;
    let _ = scene.provider.command(&format!("bookings/{}/report-done", sale.booking)).await;
    let reason = json!({ "reason": "Half of the lesson did not happen." });
    let path = format!("bookings/{}/dispute", sale.booking);
    let _ = sale.client.post(&path, reason).await.expect(200);
    // However long it takes, nobody is paid meanwhile.
    scene.market.advance(TimeDelta::days(30)).await;
    assert_eq!(scene.owed().await, (json!(PROVIDERS), json!(0)));

    let moderator = scene.market.moderator().await;
    let decision = json!({ "refund_percent": 40, "reason": "Most of it happened." });
    let path = format!("admin/bookings/{}/resolve", sale.booking);
    let _ = moderator.post(&path, decision).await.expect(200);
    scene.stands(&sale, "completed", "partially_refunded").await;
    assert_eq!(scene.returned(&sale).await, PRICE * 40 / 100);
    scene.market.advance(TimeDelta::days(8)).await;
    let (pending, payable) = scene.owed().await;
    assert_eq!(pending, 0);
    let payable = payable.as_i64().expect("an amount");
    assert!((payable - PROVIDERS * 60 / 100).abs() <= 1, "{payable}");
    scene.market.balanced().await;
}

#[tokio::test]
async fn what_was_done_is_paid_out_and_a_later_chargeback_is_netted() {
    let scene = Scene::new().await;
    let to = json!({ "gateway": "sandbox", "destination": "bank_good" });
    let _ = scene.provider.put("providers/me/payout-account", to).await.expect(204);
    let sale = scene.accepted(30).await;
    scene.market.advance(TimeDelta::hours(32)).await;
    let path = format!("bookings/{}", sale.booking);
    let _ = scene.provider.command(&format!("{path}/report-done")).await.expect(200);
    let _ = sale.client.command(&format!("{path}/confirm-done")).await.expect(200);
    scene.market.settle().await;
    assert_eq!(scene.owed().await, (json!(PROVIDERS), json!(0)), "it is held for a week");
    let early = scene.market.services.billing.run_payouts().await.expect("payouts are made");
    assert_eq!(early.payouts, 0);
    scene.market.advance(TimeDelta::days(8)).await;
    // The nightly run may have paid it by itself meanwhile.
    let _ = scene.market.services.billing.run_payouts().await.expect("payouts are made");
    scene.market.settle().await;
    let paid = scene.provider.get("providers/me/payouts").await.expect(200);
    assert_eq!(paid.data().len(), 1, "{}", paid.text);
    assert_eq!(paid.data()[0]["amount"]["amount"], PROVIDERS, "{}", paid.text);
    assert_eq!(scene.owed().await, (json!(0), json!(0)));

    // The bank takes it back: the provider owes, and the next sale pays for it.
    scene.charges_back(&sale, PRICE).await;
    scene.stands(&sale, "completed", "charged_back").await;
    assert_eq!(scene.owed().await, (json!(0), json!(-PROVIDERS)));
    let next = scene.accepted(30).await;
    scene.market.advance(TimeDelta::hours(32)).await;
    let path = format!("bookings/{}", next.booking);
    let _ = scene.provider.command(&format!("{path}/report-done")).await.expect(200);
    let _ = next.client.command(&format!("{path}/confirm-done")).await.expect(200);
    scene.market.advance(TimeDelta::days(8)).await;
    assert_eq!(scene.owed().await, (json!(0), json!(0)), "netted");
    let report = scene.market.services.billing.run_payouts().await.expect("payouts are made");
    assert_eq!(report.payouts, 0);
    scene.market.balanced().await;
}

#[tokio::test]
async fn a_declined_card_loses_nothing_and_another_one_pays() {
    let scene = Scene::new().await;
    let (client, booking) = scene.booked(100).await;
    for card in ["card_declined", "card_insufficient_funds", "card_lost"] {
        let refused = client.pays("booking", &booking, card).await.expect(201);
        assert_eq!(refused.body["status"], "failed", "{}", refused.text);
        scene.market.settle().await;
    }
    let payment = client.pays("booking", &booking, "card_success").await.expect(201).id();
    let sale = Sale { client, booking, payment };
    scene.stands(&sale, "requested", "authorized").await;
    scene.market.balanced().await;
}
